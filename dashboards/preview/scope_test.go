package preview

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// choices is the answer to a request for a variable.
type choices struct {
	Options []option
	Error   string
}

func (s *site) choices(name string, variables map[string][]string) choices {
	s.t.Helper()
	body := ask(0, variables)
	delete(body, "panel")
	body["name"] = name
	var c choices
	if status := s.post("/api/variable", body, &c); status != http.StatusOK {
		s.t.Fatalf("variable %s: status %d", name, status)
	}
	return c
}

func (c choices) String() string {
	var texts []string
	for _, o := range c.Options {
		text := o.Value
		if o.Text != o.Value {
			text = o.Text + "=" + o.Value
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "|") + c.Error
}

func TestVariables(t *testing.T) {
	e := newEngine(t)
	query := func(name, sql string, more ...map[string]any) map[string]any {
		v := map[string]any{"name": name, "type": "query", "query": sql}
		for _, m := range more {
			maps.Copy(v, m)
		}
		return v
	}
	variables := []map[string]any{
		{"name": "namespace", "type": "textbox", "query": "other"},
		query("rows", "SELECT toString(number) FROM numbers(3)", map[string]any{"multi": true, "includeAll": true, "current": map[string]any{"value": []string{"$__all"}}}),
		query("pairs", "SELECT number, concat('no. ', toString(number)) FROM numbers(2)"),
		query("nulls", "SELECT arrayJoin(['a', NULL, 'a', 'b'])"),
		query("later", "SELECT '$after'"),
		query("after", "SELECT arrayJoin([${rows:singlequote}]) AS x WHERE $__conditionalAll(x != '1', $rows)"),
		query("sorted", "SELECT arrayJoin(['b', 'a', 'c'])", map[string]any{"sort": 2}),
		query("many", "SELECT 1, 2, 3"),
		query("broken", "SELECT nope"),
		query("writes", "SELECT 1 INTO OUTFILE '/nowhere/x'"),
		query("object", "", map[string]any{"query": map[string]any{"rawSql": "SELECT 'x'"}}),
		query("range", "SELECT toString(dateDiff('second', $__fromTime, $__toTime))"),
		{"name": "custom", "type": "custom", "query": `a, b : 1,c\,d, b : 2`, "sort": 1},
		{"name": "interval", "type": "interval", "query": "1m,10m,1h"},
		{"name": "constant", "type": "constant", "query": "fixed"},
		{"name": "text", "type": "textbox", "query": "what it begins with"},
		{"name": "regex", "type": "custom", "query": "a", "regex": "/a/"},
		{"name": "adhoc", "type": "adhoc"},
		{"name": "natural", "type": "custom", "query": "a", "sort": 7},
		{"name": "two", "type": "custom", "query": "a,b", "multi": true, "includeAll": true, "allValue": ".*"},
		{"name": "some", "type": "custom", "query": "a,b", "multi": true},
		{"name": "first", "type": "custom", "query": "a,b", "includeAll": true},
		{"name": "current", "type": "custom", "query": "a,b", "current": map[string]any{"value": "b"}},
	}
	text := board(variables,
		sql("SELECT ${namespace:singlequote}, ${constant:singlequote}, decodeURLComponent('${text:percentencode}'), ${current:singlequote}, '$two', arrayStringConcat([$some]), arrayStringConcat([$first]), arrayStringConcat([$rows])"),
	)
	s := newSite(t, Config{DB: e, Dashboards: [][]byte{text}, Namespace: "here"})
	tests := []struct {
		name   string
		chosen map[string][]string
		want   string
	}{
		{"namespace", nil, "here"},
		{"rows", nil, "0|1|2"},
		{"pairs", nil, "no. 0=0|no. 1=1"},
		{"nulls", nil, "a||b"},
		{"later", nil, "$after: unknown variable \"after\": the dashboard has namespace, nulls, pairs, rows"},
		{"after", nil, "0|1|2"},
		{"after", map[string][]string{"rows": {"1", "x'y"}}, "x'y"},
		{"after", map[string][]string{"rows": {"$__all"}}, "0|1|2"},
		{"sorted", nil, "c|b|a"},
		{"many", nil, "3 columns: the query of a variable has one, or two for value and text"},
		{"object", nil, "x"},
		{"range", nil, "3600"},
		{"custom", nil, "a|b=1|b=2|c,d"},
		{"interval", nil, "1m|10m|1h"},
		{"constant", map[string][]string{"constant": {"other"}}, "fixed"},
		{"text", nil, "what it begins with"},
		{"regex", nil, "a regex over options is not supported: say it in the SQL"},
		{"adhoc", nil, `variables of type "adhoc" are not supported: use query, custom, interval, constant or textbox`},
		{"natural", nil, "sort 7 is not supported: sort in the SQL"},
	}
	for _, tt := range tests {
		if got := s.choices(tt.name, tt.chosen).String(); got != tt.want {
			t.Errorf("%s with %v: %s\nwant %s", tt.name, tt.chosen, got, tt.want)
		}
	}
	for name, want := range map[string]string{"broken": "UNKNOWN_IDENTIFIER", "writes": "must not write: the word OUTFILE"} {
		if got := s.choices(name, nil); !strings.Contains(got.Error, want) || got.Options == nil {
			t.Errorf("%s: %+v, want an error with %q", name, got, want)
		}
	}

	// What a panel gets where the request chooses nothing, and where it chooses.
	row := func(chosen map[string][]string) []any {
		a := s.panel(1, chosen)
		if r := a.Results[0]; r.Error != "" || len(r.Frames) != 1 {
			t.Fatalf("%+v", r)
		}
		var values []any
		for _, v := range a.Results[0].Frames[0].Data.Values {
			values = append(values, v[0])
		}
		return values
	}
	if got, want := row(nil), []any{"here", "fixed", "what it begins with", "b", ".*", "", "ab", "012"}; !slices.Equal(got, want) {
		t.Errorf("nothing chosen: %v, want %v", got, want)
	}
	chosen := map[string][]string{
		"namespace": {"there"}, "constant": {"x"}, "text": {`it's \`}, "current": {"c"}, "two": {"$__all"}, "some": {"b", "a"}, "first": {"$__all"}, "rows": {"7"}, "unknown": {"z"},
	}
	if got, want := row(chosen), []any{"there", "fixed", `it's \`, "c", ".*", "ba", "ab", "7"}; !slices.Equal(got, want) {
		t.Errorf("chosen: %v, want %v", got, want)
	}
}

func TestCheck(t *testing.T) {
	text := board([]map[string]any{
		{"name": "regex", "type": "query", "query": "SELECT 1", "regex": "/a/"},
		{"name": "unknown", "type": "query", "query": "SELECT $nope"},
	}, sql("SELECT $nope"), sql("DROP TABLE t"), sql("SELECT ${regex:singlequote}"), map[string]any{"rawSql": "up", "datasource": map[string]any{"type": "prometheus"}})
	var d map[string]any
	var panels struct{ Panels []any }
	if err := errors.Join(json.Unmarshal(text, &d), json.Unmarshal(text, &panels)); err != nil {
		t.Fatal(err)
	}
	d["panels"] = append(panels.Panels, map[string]any{"id": 9, "type": "row", "panels": []any{map[string]any{"id": 10, "title": "folded", "targets": []any{sql("SELECT $__nope")}}}})
	d["annotations"] = map[string]any{"list": []any{map[string]any{"name": "Builtin", "datasource": "-- Grafana --"}, map[string]any{"name": "Ours", "target": sql("SELECT $x")}}}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(Check(text), "\n")
	for _, want := range []string{
		"test: variable regex: a regex over options", `test: variable unknown: $nope: unknown variable "nope"`, `test: panel 1 "panel 1", query A: $nope:`,
		`panel 2 "panel 2", query A: a panel must not write`, `panel 4 "panel 4", query A: it is of the data source "prometheus"`, `panel 10 "folded"`, "annotations Ours: $x: unknown variable",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "panel 3") {
		t.Errorf("panel 3 is fine, but\n%s", got)
	}
	if got := Check([]byte("{")); len(got) != 1 {
		t.Errorf("broken JSON: %v", got)
	}
}
