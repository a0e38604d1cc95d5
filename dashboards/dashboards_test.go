package dashboards

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidemark/dashboards/boards"
	"tidemark/dashboards/grafana"
	"tidemark/schemas"
)

var update = flag.Bool("update", false, "write the files in json")

// TestGolden compares the committed JSON with what the code makes.
func TestGolden(t *testing.T) {
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := "json/" + f.UID + ".json"
		if *update {
			if err := os.WriteFile(name, f.JSON, 0o644); err != nil { //nolint:gosec // Grafana, another user, reads it
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(committed, f.JSON) {
			t.Errorf("%s is not what the code gives (%v): run go test ./dashboards -update", name, err)
		}
	}
	entries, err := os.ReadDir("json")
	if err != nil || len(entries) != len(files) {
		t.Errorf("json has %d files for %d dashboards (%v)", len(entries), len(files), err)
	}
}

func TestCheck(t *testing.T) {
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range Check(files) {
		t.Error(problem)
	}
}

// TestTitlesSayWhichCurrency: a panel that adds up costs in US dollars alone says in its title which other currencies it leaves out.
func TestTitlesSayWhichCurrency(t *testing.T) {
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	const share = 14 // A share of the cost in US dollars, beside shares of all tokens and calls.
	found := 0
	for _, f := range files {
		d, err := grafana.Read(f.JSON)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range d.Statements() {
			if s.Panel == nil || s.Panel.ID == share {
				continue
			}
			dollars, says := strings.Contains(s.SQL, "currency = 'USD'"), strings.Contains(s.Panel.Title, "${in_currency}")
			if dollars != says {
				t.Errorf("%s: panel %d %q: in US dollars alone: %t", f.UID, s.Panel.ID, s.Panel.Title, dollars)
			}
			if says {
				found++
			}
		}
	}
	if found != 20 {
		t.Errorf("%d panels say it, want 20", found)
	}
}

// TestCheckCatches spoils a dashboard in one way at a time.
func TestCheckCatches(t *testing.T) {
	f := func(old, replacement, want string) {
		t.Helper()
		files, err := Generate()
		if err != nil {
			t.Fatal(err)
		}
		spoiled := strings.Replace(string(files[0].JSON), old, replacement, 1)
		if spoiled == string(files[0].JSON) {
			t.Fatalf("%q is not in the dashboard", old)
		}
		files[0].JSON = []byte(spoiled)
		if got := strings.Join(Check(files), "\n"); !strings.Contains(got, want) {
			t.Errorf("%q for %q: got %q, want %q", replacement, old, got, want)
		}
	}
	f(`"uid": "tidemark-usage"`, `"uid": "other"`, "another uid")
	f(`"id": 2,`, `"id": 1,`, "no id of its own")
	f(`"unit": "string"`, `"unit": ""`, `panel "Freshness" has no unit`)
	f(`"title": "Audit"`, `"title": ""`, "has no title")
	f(`"description": "The verdict`, `"notes": "The verdict`, "unexpected field")
	f(`"x": 11,`, `"x": 10,`, "overlap")
	f(`"x": 20,`, `"x": 21,`, "not within the 24 columns")
	f(`"noValue": "nothing in the range"`, `"noValue": ""`, "no text for when there is no data")
	f(`"editorType": "sql"`, `"editor": "sql"`, "unknown field")
	f("$__fromTime_ms", "$__from_ms", "$__from_ms")
	f("${tenant:customqueryparam}", "${tenan:customqueryparam}", "tenan")
	f("${tenant:customqueryparam}'", "${tenant:percentencode}'", `${tenant:percentencode}: in this format a value with a comma`)
	f("'\\u0026${tenant:customqueryparam}'", "${tenant:singlequote}", `unsafe: $__conditionalAll: ${tenant:singlequote}: in this format Grafana lets values out of their place`)
	f(`\"${namespace:percentencode}\"`, "${namespace:doublequote}", `unsafe: ${namespace:doublequote}`)
	f(`.\"token_calls_${resolution:percentencode}\" WHERE`, `.token_calls WHERE`, "reads single events of token_calls")
	f("Freshness", "freshness", "the built-in JSON is not what the code gives")
}

// readRelation finds the relations that a statement reads whose names have no variable.
var readRelation = regexp.MustCompile(`(?:"\$\{\w+:percentencode\}"|"tidemark")\.(\w+)`)

// TestRenamedColumn takes the columns of each relation that a panel names from the schema, and expects an error that names
// the panel.
func TestRenamedColumn(t *testing.T) {
	relations := schemas.Relations()
	files, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, f := range files {
		d, err := grafana.Read(f.JSON)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range d.Statements() {
			for _, m := range readRelation.FindAllStringSubmatch(s.SQL, -1) {
				used[m[1]] = used[m[1]] || s.Panel != nil
			}
		}
	}
	maps.DeleteFunc(used, func(_ string, onPanel bool) bool { return !onPanel })
	if len(used) < 12 {
		t.Errorf("the panels read only %v", slices.Sorted(maps.Keys(used)))
	}
	for _, name := range append(slices.Sorted(maps.Keys(used)), "token_calls_1h", "queries_1m", "signups_1d") {
		broken := maps.Clone(relations)
		broken[name] = schemas.Relation{Name: name, Columns: []string{"nothing"}}
		_, err := Form{}.generate(boards.All(), broken)
		if err == nil || !strings.Contains(err.Error(), "panel ") || !strings.Contains(err.Error(), "not in ") || !strings.Contains(err.Error(), name) {
			t.Errorf("without the columns of %s: %v", name, err)
		}
	}
	broken := maps.Clone(relations)
	hour := relations["token_calls_1h"]
	hour.Columns = slices.Clone(hour.Columns)
	hour.Columns[slices.Index(hour.Columns, "calls")] = "call_count"
	broken["token_calls_1h"] = hour
	_, err = Form{}.generate(boards.All(), broken)
	if err == nil || !strings.Contains(err.Error(), `tidemark-usage: panel "Calls and tokens": column calls: not in token_calls_1h`) {
		t.Errorf("a renamed column of one resolution: %v", err)
	}
	delete(broken, "audits")
	if _, err := (Form{}).generate(boards.All(), broken); err == nil || !strings.Contains(err.Error(), `panel "Audit": table or view audits: no migration makes it`) {
		t.Errorf("a missing table: %v", err)
	}
}
