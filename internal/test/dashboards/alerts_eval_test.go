package dashboards_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/dashboards"
	"tidemark/dashboards/board"
	"tidemark/dashboards/macros"
	"tidemark/internal/test/env"
)

// alertRule is what Grafana reads of a rule in the provisioned file.
type alertRule struct {
	UID         string            `json:"uid"`
	Title       string            `json:"title"`
	Condition   string            `json:"condition"`
	NoDataState string            `json:"noDataState"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Data        []alertQuery      `json:"data"`
}

type alertQuery struct {
	RefID             string                   `json:"refId"`
	DatasourceUID     string                   `json:"datasourceUid"`
	RelativeTimeRange struct{ From, To int64 } `json:"relativeTimeRange"` // Seconds back.
	Model             struct {
		RawSQL     string `json:"rawSql"`
		Format     int    `json:"format"`
		Type       string `json:"type"`
		Expression string `json:"expression"`
		Conditions []struct {
			Evaluator struct {
				Type   string    `json:"type"`
				Params []float64 `json:"params"`
			} `json:"evaluator"`
		} `json:"conditions"`
	} `json:"model"`
}

// provisionedAlerts reads the rules from the file that compose mounts.
func provisionedAlerts(t testing.TB) map[string]alertRule {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alertRule }
	}
	env.YAML(t, filepath.Join(env.ModuleRoot(t), "deploy", "grafana", "provisioning", "alerting", dashboards.AlertsFile), &file)
	rules := map[string]alertRule{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			rules[r.UID] = r
		}
	}
	return rules
}

// measured is a value with its labels, as Grafana's expressions pass it on.
type measured struct {
	labels map[string]string
	value  float64
}

// name is the labels' values in the order of their names.
func (n measured) name() string {
	var names, values []string
	for name := range n.labels {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values = append(values, n.labels[name])
	}
	return strings.Join(values, " ")
}

// evaluated is the state of a rule after one evaluation.
type evaluated struct {
	firing  []string           // The names of the alerts that fire, in order.
	values  map[string]float64 // What A gave, by name.
	text    map[string]string  // The severity and summary of the alerts that fire, by name.
	noData  bool               // No rows: the state is the rule's noDataState.
	queries string             // What was asked.
}

// evaluate does what Grafana does at a time: it runs the queries with the range put in, takes a table of texts and one
// number for numbers with labels, applies the expressions, and lets fire what the condition has as not 0. Go on without
// error means that Grafana would not have shown one.
func (r alertRule) evaluate(t testing.TB, db *clickhouse.DB, at time.Time) evaluated {
	t.Helper()
	results := map[string][]measured{}
	out := evaluated{values: map[string]float64{}, text: map[string]string{}}
	for _, q := range r.Data {
		switch {
		case q.DatasourceUID == board.DatasourceUID:
			scope := macros.Scope{From: at.Add(-time.Duration(q.RelativeTimeRange.From) * time.Second), To: at.Add(-time.Duration(q.RelativeTimeRange.To) * time.Second), Interval: time.Second}
			sql, err := macros.Expand(q.Model.RawSQL, scope)
			if err != nil {
				t.Fatalf("%s: %v", r.Title, err)
			}
			sql = strings.ReplaceAll(sql, `"tidemark".`, `"`+db.Database()+`".`)
			out.queries += sql
			results[q.RefID] = numbers(t, db, sql)
			for _, n := range results[q.RefID] {
				out.values[n.name()] = n.value
			}
		case q.DatasourceUID == "__expr__" && q.Model.Type == "threshold" && len(q.Model.Conditions) == 1:
			input, ok := results[q.Model.Expression]
			if !ok {
				t.Fatalf("%s: %s is about %s, which is not there", r.Title, q.RefID, q.Model.Expression)
			}
			condition := q.Model.Conditions[0].Evaluator
			for _, n := range input {
				results[q.RefID] = append(results[q.RefID], measured{n.labels, exceeds(t, condition.Type, n.value, condition.Params)})
			}
		default:
			t.Fatalf("%s: no evaluation of query %s", r.Title, q.RefID)
		}
	}
	condition := results[r.Condition]
	out.noData = len(condition) == 0
	seen := map[string]bool{}
	for _, n := range condition {
		name := n.name()
		if seen[name] {
			t.Errorf("%s: two results have the labels %v", r.Title, n.labels)
		}
		seen[name] = true
		if n.value != 0 {
			out.firing = append(out.firing, name)
			out.text[name] = r.render(t, r.Labels["severity"], n.labels, out.values[name]) + ": " + r.render(t, r.Annotations["summary"], n.labels, out.values[name])
			r.render(t, r.Annotations["description"], n.labels, out.values[name])
		}
	}
	slices.Sort(out.firing)
	return out
}

// numbers runs a statement; anything but texts and exactly one number a row would be an error in Grafana.
func numbers(t testing.TB, db *clickhouse.DB, sql string) []measured {
	t.Helper()
	var text bytes.Buffer
	if err := db.Format(t.Context(), sql, "JSONCompact", &text); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	var answer struct {
		Meta []struct{ Name, Type string }
		Data [][]any
	}
	if err := json.Unmarshal(text.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	var out []measured
	for _, row := range answer.Data {
		n := measured{labels: map[string]string{}}
		values := 0
		for i, column := range answer.Meta {
			text, quoted := row[i].(string)
			value, isNumber := row[i].(float64)
			switch {
			case quoted && (column.Type == "String" || column.Type == "LowCardinality(String)"):
				n.labels[column.Name] = text
			case quoted && strings.Contains(column.Type, "Int64"): // Quoted in JSON, for it may be too long for JavaScript.
				values++
				if _, err := fmt.Sscan(text, &n.value); err != nil {
					t.Fatal(err)
				}
			case isNumber:
				values++
				n.value = value
			default:
				t.Errorf("column %s of type %s is %v", column.Name, column.Type, row[i])
			}
		}
		if values != 1 {
			t.Fatalf("%d numbers a row, want 1: %v", values, answer.Meta)
		}
		out = append(out, n)
	}
	return out
}

func exceeds(t testing.TB, kind string, value float64, params []float64) float64 {
	t.Helper()
	ok := false
	switch kind {
	case "gt":
		ok = value > params[0]
	case "lt":
		ok = value < params[0]
	default:
		t.Fatalf("no threshold of type %q", kind)
	}
	if ok {
		return 1
	}
	return 0
}

// render expands a template with the data and the option that Grafana gives it.
func (r alertRule) render(t testing.TB, text string, labels map[string]string, value float64) string {
	t.Helper()
	type valueOf struct{ Value float64 }
	data := struct {
		Labels map[string]string
		Values map[string]valueOf
	}{labels, map[string]valueOf{"A": {value}}}
	parsed, err := template.New(r.UID).Option("missingkey=invalid").Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := parsed.Execute(&out, data); err != nil {
		t.Errorf("%s: %v", r.Title, err)
	}
	if strings.Contains(out.String(), "<no value>") {
		t.Errorf("%s: a label is missing in %s", r.Title, out.String())
	}
	return out.String()
}

// TestAlertsExecute runs every rule as tidemark dashboards check does.
func TestAlertsExecute(t *testing.T) {
	db := emptyStore(t)
	alerts, err := dashboards.GenerateAlerts()
	if err != nil {
		t.Fatal(err)
	}
	results := alerts.Execute(t.Context(), db, db.Database(), time.Now())
	if len(results) != 11 {
		t.Errorf("%d results, want 11", len(results))
	}
	for _, r := range results {
		if r.Err != nil || r.Shape() != nil {
			t.Errorf("%s: %v, %v\n%s", r.Title, r.Err, r.Shape(), r.SQL)
		}
	}
	for _, r := range alerts.Execute(t.Context(), db, "gone", time.Now()) {
		if r.Err == nil {
			t.Errorf("%s: no error from a namespace that is not there", r.Title)
		}
	}
}

// TestAlertsWithoutRows evaluates every rule on an empty store, a second after its migration, which must not page, and
// renders the severity as for a database that cannot be asked.
func TestAlertsWithoutRows(t *testing.T) {
	db := emptyStore(t)
	migrated := numbers(t, db, "SELECT toFloat64(max(seen_at)) AS at FROM heartbeats WHERE worker = ''")[0].value
	at := time.UnixMicro(int64(migrated * 1e6)).Add(time.Second)
	rules := provisionedAlerts(t)
	if len(rules) != 11 {
		t.Errorf("%d rules, want 11", len(rules))
	}
	for _, r := range rules {
		if got := r.evaluate(t, db, at); len(got.firing) > 0 || got.noData && r.NoDataState != "OK" {
			t.Errorf("%s: %v, no data: %v, which is %s", r.Title, got.firing, got.noData, r.NoDataState)
		}
		if severity := r.render(t, r.Labels["severity"], nil, 0); severity != "critical" && severity != "warning" {
			t.Errorf("%s: without labels the severity is %q", r.Title, severity)
		}
	}
}
