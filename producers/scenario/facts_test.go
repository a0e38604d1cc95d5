package scenario

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"tidemark/internal/testenv"
)

// records reads a CSV file of the shared data as one map a row.
func records(t *testing.T, rel string) []map[string]string {
	t.Helper()
	file, err := os.Open(testenv.Data(t, rel))
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
