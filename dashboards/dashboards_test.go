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

	"tidemark/dashboards/grafana"
	"tidemark/schemas"
)

var update = flag.Bool("update", false, "write the files in json anew")

// TestGolden holds the committed JSON to what the code gives.
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
	f(`"x": 4`, `"x": 3`, "overlap")
	f(`"x": 20`, `"x": 21`, "not within the 24 columns")
	f(`"noValue": "No data"`, `"noValue": ""`, "nothing")
	f(`"editorType": "sql"`, `"editor": "sql"`, "unknown field")
	f("$__fromTime_ms", "$__from_ms", "$__from_ms")
	f("${tenant:customqueryparam}", "${tenan:customqueryparam}", "tenan")
	f("${tenant:customqueryparam}'", "${tenant:percentencode}'", `${tenant:percentencode}: in this format a value with a comma`)
	f("'\\u0026${tenant:customqueryparam}'", "${tenant:singlequote}", `unsafe: $__conditionalAll: ${tenant:singlequote}: in this format Grafana lets values out of their place`)
	f(`\"${namespace:percentencode}\"`, "${namespace:doublequote}", `unsafe: ${namespace:doublequote}`)
	f(`.\"token_calls_${grain:percentencode}\" WHERE`, `.token_calls WHERE`, "reads single events of token_calls")
	f("Freshness", "freshness", "the built-in JSON is not what the code gives")
}

// readRelation finds the relations that a statement reads whose names have no variable.
var readRelation = regexp.MustCompile(`(?:"\$\{\w+:percentencode\}"|"tidemark")\.(\w+)`)

// TestRenamedColumn renames each column that a dashboard names, one after the other, in the schema and expects to be told
// of it with the panel.
func TestRenamedColumn(t *testing.T) {
	relations, err := schemas.Relations()
	if err != nil {
		t.Fatal(err)
	}
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
		_, err := generate(boards(), broken)
		if err == nil || !strings.Contains(err.Error(), "panel ") || !strings.Contains(err.Error(), "not in ") || !strings.Contains(err.Error(), name) {
			t.Errorf("without the columns of %s: %v", name, err)
		}
	}
	broken := maps.Clone(relations)
	hour := relations["token_calls_1h"]
	hour.Columns = slices.Clone(hour.Columns)
	hour.Columns[slices.Index(hour.Columns, "calls")] = "call_count"
	broken["token_calls_1h"] = hour
	_, err = generate(boards(), broken)
	if err == nil || !strings.Contains(err.Error(), `tidemark-usage: panel "Calls and tokens": column calls: not in token_calls_1h`) {
		t.Errorf("a renamed column of one grain: %v", err)
	}
	delete(broken, "audits")
	if _, err := generate(boards(), broken); err == nil || !strings.Contains(err.Error(), `panel "Audit": table or view audits: no migration makes it`) {
		t.Errorf("a missing table: %v", err)
	}
}

func TestResolve(t *testing.T) {
	relations := map[string]schemas.Relation{
		"a_1m": {Name: "a_1m", Columns: []string{"n"}}, "a_1h": {Name: "a_1h", Columns: []string{"n", "tenant"}}, "a_1d": {Name: "a_1d", Columns: []string{"n", "tenant"}},
		"a_all_1h": {Name: "a_all_1h", Columns: []string{"n"}}, "a_all_1d": {Name: "a_all_1d", Columns: []string{"n"}},
		"a_tenant_1m": {Name: "a_tenant_1m", Columns: []string{"n", "tenant"}},
		"b":           {Name: "b", Columns: []string{"m"}},
	}
	f := func(sql, want, problem string) {
		t.Helper()
		r := newResolver(relations, map[string]string{"half": "{=} / 2", "loop": "{:loop}", "m_of_b": "(SELECT max({m}) FROM {@b})", "hole": "{=name}"})
		got := r.resolve("here", sql)
		if problem == "" && (got != want || len(r.problems) > 0) || problem != "" && strings.Join(r.problems, ";") != problem {
			t.Errorf("%s: got %s, %v", sql, got, r.problems)
		}
	}
	const ns = `"${namespace:percentencode}".`
	f("SELECT {n} FROM {@a_?} WHERE x = '${grain:percentencode}'", "SELECT n FROM "+ns+"\"a_${grain:percentencode}\" WHERE x = '${grain:percentencode}'", "")
	f("{@a_?days} {@a_?longer}", ns+`"a_${days:percentencode}" `+ns+`"a_${longer:percentencode}"`, "")
	f("{tenant} {@a_?longer}", "tenant "+ns+`"a_${longer:percentencode}"`, "")
	f("{tenant} {@a_?days}", "", "here: column tenant: not in a_all_1d")
	f("{n} {@a_?ranked} {@a_?edge}", "n "+ns+`"a_${ranked:percentencode}" `+ns+`"a_${edge:percentencode}"`, "")
	f("SELECT {m}, {n} FROM {@b}, {@a_1m}", "SELECT m, n FROM "+ns+"b, "+ns+"a_1m", "")
	f("{~tenant} {@a_?}", `"${by:percentencode}" `+ns+`"a_${grain:percentencode}"`, "")
	f("{tenant} {@a_?}", "", "here: column tenant: not in a_1m, a_all_1d, a_all_1h")
	f("{x} {@b}", "", "here: column x: not in b")
	f("{@c}", "", "here: table or view c: no migration makes it")
	f("SELECT 1 AS {n}", "", "here: column n: not in any table that the statement names")

	f("{:half {n}} {@a_1m}", "n / 2 "+ns+"a_1m", "")
	f("{:half f({:half {n}})} {@a_1m}", "f(n / 2) / 2 "+ns+"a_1m", "")
	f("{@a_1m} {:range}", ns+"a_1m bucket >= $__fromTime_ms AND bucket < $__toTime_ms", "here: column bucket: not in a_1m;here: column bucket: not in a_1m")
	f("{:m_of_b} {n} {@a_1m}", "(SELECT max(m) FROM "+ns+"b) n "+ns+"a_1m", "")
	f("{:now}", panelNow, "")
	f("{:half}", "", "here: {:half}: an argument is given: false; one is needed: true")
	f("{:m_of_b x}", "", "here: {:m_of_b x}: an argument is given: true; one is needed: false")
	f("{:whole}", "", "here: {:whole}: no relation stands before it")
	f("{@b} {:chosen}", "", `here: {:chosen}: no variables narrow down the relation "b": name them`)
	f("{:users}", "", "here: {:users}: it needs the dimensions to choose from")
	f("{:intervals}", "", "here: {:intervals}: it needs the column with the times")
	f("{:rows a_?}", "", "here: {:rows a_?}: write {:rows RELATION with COLUMN, COLUMN}")
	f("{:half {n}", "", `here: "{:half {n}" has no closing brace`)
	f("{:hole}", "", "here: {:hole}: {=name}: nothing gives it a value")

	r := newResolver(relations, map[string]string{"half": "{=} / 2", "loop": "{:loop}"})
	r.resolve("here", "{:wole}")
	r.resolve("there", "{:loop}")
	if got := strings.Join(r.problems, "\n"); !strings.Contains(got, "here: {:wole}: there is no such expression: there are all_tenants, chosen, days, distinct_users, half, ") ||
		!strings.Contains(got, "there: {:loop}: ") || !strings.Contains(got, "expressions more than 10 deep") {
		t.Errorf("unknown and endless expressions: %s", got)
	}
}

// TestChosen asks for the conditions of relations: by the variables of the family, and by the tenant's column or its stand-in.
func TestChosen(t *testing.T) {
	relations, err := schemas.Relations()
	if err != nil {
		t.Fatal(err)
	}
	f := func(sql string, want ...string) {
		t.Helper()
		r := newResolver(relations, nil)
		got := r.resolve("here", sql)
		if len(r.problems) > 0 {
			t.Error(r.problems)
		}
		conditions := strings.Split(got, "$__conditionalAll(")[1:]
		if len(conditions) != len(want) {
			t.Errorf("%s: %d conditions, want %d: %s", sql, len(conditions), len(want), got)
			return
		}
		for i, column := range want {
			if !strings.HasPrefix(conditions[i], column+" IN (") {
				t.Errorf("%s: condition %d is %s, want one of %s", sql, i, conditions[i], column)
			}
		}
	}
	f("{@token_calls_?} {:chosen}", `"${by:percentencode}"`, "product", "provider", "model")
	f("{@token_calls_?ranked} {:chosen}", "tenant", "product", "provider", "model")
	f("{@token_calls} {:chosen}", "tenant", "product", "provider", "model")
	f("{@queries_?} {:chosen}", `"${by:percentencode}"`, "product", "toString(segment)", "country")
	f("{@queries_?} {:chosen tenant, product}", `"${by:percentencode}"`, "product")
	f("{@signups_?days} {:chosen}", `"${by:percentencode}"`, "product", "toString(segment)", "country")
	f("{@ledger} {:chosen}", "topic")
	f("{:chosen topic} {@log_ends}", "topic")
}

func TestOneLine(t *testing.T) {
	f := func(sql, want string) {
		t.Helper()
		if got := oneLine(sql); got != want {
			t.Errorf("%q: got %q, want %q", sql, got, want)
		}
	}
	f("\n\tSELECT\n\t\ta,\n\t\tb\nFROM (\n\tSELECT [\n1, 2 ] )\n", "SELECT a, b FROM (SELECT [1, 2])")
	f(`SELECT ' a  b ', 'it\'s  (  x', a AS "two  words"`, "SELECT ' a  b ', 'it\\'s  (  x', a AS `two  words`")
	f("'open", "'open")
	f("'a\nb'  `c  d`", "'a\nb' `c  d`")
	f("", "")
}
