package scenario

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"tidemark/internal/test/env"
	"tidemark/schemas/scenario"
)

// records reads a CSV file of the shared data as one map a row.
func records(t *testing.T, rel string) []map[string]string {
	t.Helper()
	file, err := os.Open(env.Data(t, rel))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		out = append(out, m)
	}
	return out
}

// TestInternetUsers holds the embedded table against the series it was reduced from.
func TestInternetUsers(t *testing.T) {
	table := load(t, "everywhere-at-once").Tables["internet_users.csv"]
	total, inside := map[string]float64{}, map[string]float64{}
	for _, row := range table.Rows {
		country, year, users := row.Fields[0], row.Fields[1], row.Number(2)*1000
		total[year] += users
		if country == "US" || country == "CA" {
			inside[year] += users
		}
	}
	years := records(t, "owid-internet-use/internet_users_outside_north_america_derived.csv")
	if len(years) != len(total) {
		t.Errorf("%d years, want %d", len(total), len(years))
	}
	for _, want := range years {
		share, err := strconv.ParseFloat(want["share_outside_pct"], 64)
		if err != nil {
			t.Fatal(err)
		}
		got := 100 * (1 - inside[want["year"]]/total[want["year"]])
		if math.Abs(got-share) > 0.03 {
			t.Errorf("%s: %.3f percent outside North America, want %.2f", want["year"], got, share)
		}
	}
}

// TestCompute holds the embedded table against the file it was reduced from.
func TestCompute(t *testing.T) {
	want := map[string]string{}
	for _, r := range records(t, "epoch-ai/notable_ai_models_2025-02-24.csv") {
		if r["training_compute_flop"] != "" && r["publication_date"] >= "2010" && r["publication_date"] < "2025-03" {
			want[r["model"]] = r["publication_date"] + " " + r["training_compute_flop"]
		}
	}
	table := load(t, "compute").Tables["compute.csv"]
	if len(table.Rows) != len(want) || len(want) != 397 {
		t.Errorf("%d models, want %d, which are 397", len(table.Rows), len(want))
	}
	for _, row := range table.Rows {
		if got := row.Fields[1] + " " + row.Fields[2]; got != want[row.Fields[0]] {
			t.Errorf("%s: %s, want %s", row.Fields[0], got, want[row.Fields[0]])
		}
	}
}

// TestReleases holds the embedded table against the files it was reduced from.
func TestReleases(t *testing.T) {
	type model struct{ date, weights string }
	epoch, makers := map[string]model{}, map[string]model{}
	for _, r := range records(t, "epoch-ai/notable_ai_models.csv") {
		weights := map[bool]string{true: "closed"}[strings.Contains(r["model_accessibility"], "access")]
		switch {
		case strings.HasPrefix(r["model_accessibility"], "Open weights"):
			weights = "open"
		case r["model_accessibility"] == "":
			weights = "unknown"
		}
		epoch[r["model"]] = model{r["publication_date"], weights}
	}
	for _, r := range records(t, "models-dev/models_dev.csv") {
		weights := map[string]string{"True": "open", "False": "closed"}[r["open_weights"]]
		makers[r["release_date"]+" "+r["model_id"]] = model{r["release_date"], weights}
	}
	table := load(t, "open-closed").Tables["releases.csv"]
	bySource := map[string]int{}
	for _, row := range table.Rows {
		at, name, weights, source := row.Fields[0], row.Fields[1], row.Fields[4], row.Fields[6]
		bySource[source]++
		got := model{at, weights}
		want := got
		switch source {
		case "epoch":
			want = epoch[name]
		case "models-dev":
			want = makers[at+" "+name]
		}
		if got != want {
			t.Errorf("%s of %s: %v, want %v", name, source, got, want)
		}
	}
	if bySource["article"] != 4 || bySource["epoch"] < 300 || bySource["models-dev"] < 50 {
		t.Errorf("rows by source: %v", bySource)
	}
}

// TestWeightsOfTwoTables releases a model in the tables of two countries: what it says of its weights is one fact.
func TestWeightsOfTwoTables(t *testing.T) {
	const columns, row = "at,model,organization,country,weights,license,source\n", "2024-03-01,one,Maker,%s,open,%s,page\n"
	s, err := scenario.Load(fstest.MapFS{
		"x.yaml": {Data: []byte(`id: x
title: x
description: x
seed: 1
sources: {page: {name: A page, citation: none, license: none, confidence: B}}
releases: [{file: a.csv}, {file: b.csv}]
expectations: [{id: x, what: x, unit: x, sql: "SELECT 1 FROM queries WHERE tenant = 'x'", expected: 1, at_least: true, class: checked, source: page}]
`)},
		"a.csv": {Data: []byte(columns + fmt.Sprintf(row, "US", "MIT"))},
		"b.csv": {Data: []byte(columns + fmt.Sprintf(row, "CN", "Apache-2.0"))},
	}, "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range newFacts(s, "").events {
		ids = append(ids, e.GetId())
	}
	if want := []string{"release/US/2024-03-01/one", "open_weights/2024-03-01/one", "release/CN/2024-03-01/one"}; !slices.Equal(ids, want) {
		t.Errorf("got %q, want %q", ids, want)
	}
}
