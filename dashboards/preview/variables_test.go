package preview

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	"tidemark/dashboards/grafana/grafanatest"
)

// choices is the answer to a request for a variable.
type choices struct {
	Options []grafana.Option
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
	e := grafanatest.New(t)
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

// TestCheckRefusesThem plants what the page refuses in a dashboard that Tidemark generates, one thing at a time, and expects
// "tidemark dashboards check" to refuse the same: the server's error is among its lines.
func TestCheckRefusesThem(t *testing.T) {
	files, err := dashboards.Committed()
	if err != nil {
		t.Fatal(err)
	}
	original := string(files[0].JSON)
	for name, planted := range map[string]struct{ old, replacement, path, target string }{
		"a kind of variable": {"\"type\": \"query\",\n        \"name\": \"product\"", "\"type\": \"adhoc\",\n        \"name\": \"product\"", "/api/variable", "product"},
		"a regex":            {`"regex": ""`, `"regex": "/a/"`, "/api/variable", "namespace"},
		"a statement":        {`"rawSql": "SELECT`, `"rawSql": "INSERT`, "/api/query", "3"},
		"a file":             {`"rawSql": "SELECT `, `"rawSql": "SELECT 1 INTO OUTFILE '/nowhere/x', `, "/api/query", "3"},
		"a macro":            {`"rawSql": "SELECT `, `"rawSql": "SELECT $__range, `, "/api/query", "3"},
		"a variable":         {`"rawSql": "SELECT `, `"rawSql": "SELECT '$nobody', `, "/api/query", "3"},
		"a data source":      {"\"datasource\": {\n            \"type\": \"grafana-clickhouse-datasource\"", `"datasource": {"type": "prometheus"`, "/api/query", "3"},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte(strings.Replace(original, planted.old, planted.replacement, 1))
			if string(text) == original {
				t.Fatalf("%q is not in the dashboard", planted.old)
			}
			s := newSite(t, Config{DB: grafanatest.Engine{}, Dashboards: [][]byte{text}})
			body := map[string]any{"dashboard": files[0].UID, "from": 0, "to": 1}
			refused := ""
			if planted.path == "/api/variable" {
				var c choices
				body["name"] = planted.target
				s.post(planted.path, body, &c)
				refused = c.Error
			} else {
				var a answers
				body["panel"] = json.Number(planted.target)
				s.post(planted.path, body, &a)
				if len(a.Results) == 1 {
					refused = a.Results[0].Error
				}
			}
			spoiled := slices.Clone(files)
			spoiled[0].JSON = text
			if found := strings.Join(dashboards.Check(spoiled), "\n"); refused == "" || !strings.Contains(found, refused) {
				t.Errorf("the page says %q, the check\n%s", refused, found)
			}
		})
	}
}
