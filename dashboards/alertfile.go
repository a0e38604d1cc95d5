package dashboards

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/alerting"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/expr"

	"tidemark/dashboards/board"
	"tidemark/dashboards/boards"
	"tidemark/dashboards/grafana"
	"tidemark/dashboards/macros"
	"tidemark/schemas"
)

// AlertsFile is the name of the file with the alert rules, in Grafana's folder provisioning/alerting.
const AlertsFile = "tidemark.yaml"

// alertNamespace is the namespace of compose, which forms have by default.
const alertNamespace = "tidemark"

// alertFolder is the folder of the rules in Grafana.
const alertFolder = "Tidemark"

// Alerts are all alert rules.
type Alerts struct {
	YAML     []byte // For Grafana's file provisioning, which has another form than its HTTP interface and the SDK's Rule.
	database string // That the rules read, in SQL.
	groups   []board.AlertGroup
}

// GenerateAlerts makes the alert rules for the Grafana that deploy/grafana provisions. An error lists every name in their SQL
// that the schema does not have, and every missing panel, with the rule.
func GenerateAlerts() (Alerts, error) { return Form{}.GenerateAlerts() }

// GenerateAlerts makes the alert rules in this form. In another namespace than that of compose they have uids and a folder of
// their own, so that one Grafana can have the rules of several namespaces.
func (f Form) GenerateAlerts() (Alerts, error) {
	return f.generateAlerts(boards.Alerts(), schemas.Relations())
}

func (f Form) generateAlerts(groups []board.AlertGroup, relations map[string]schemas.Relation) (Alerts, error) {
	f = f.withDefaults()
	database, folder := `"`+f.Namespace+`"`, alertFolder
	if f.Namespace != alertNamespace {
		folder += " " + f.Namespace
		for _, g := range groups {
			for i, a := range g.Alerts {
				g.Alerts[i].UID = f.Namespace + strings.TrimPrefix(a.UID, alertNamespace)
			}
		}
	}
	r := board.NewAlertResolver(relations, boards.Fragments(), database)
	panels := map[string]map[uint32]bool{}
	for _, b := range boards.All() {
		panels[b.UID] = map[uint32]bool{}
		for _, row := range b.Rows {
			for _, p := range row.Panels {
				panels[b.UID][p.ID] = true
			}
		}
	}
	for _, g := range groups {
		for i, a := range g.Alerts {
			where := fmt.Sprintf("alert %q", a.Title)
			g.Alerts[i].SQL = r.Resolve(where, strings.TrimSpace(a.SQL))
			if !panels[a.Board][a.Panel] {
				r.Problem("%s: dashboard %s has no panel %d", where, a.Board, a.Panel)
			}
		}
	}
	if err := r.Err(); err != nil {
		return Alerts{}, err
	}
	var text bytes.Buffer
	if err := alertFile.Execute(&text, alertData{Form: f, Folder: folder, Groups: groups}); err != nil {
		return Alerts{}, fmt.Errorf("write the alert rules: %w", err)
	}
	return Alerts{YAML: text.Bytes(), database: database, groups: groups}, nil
}

// alertData is what the file is made from.
type alertData struct {
	Form
	Folder string
	Groups []board.AlertGroup
}

// alertFile is the whole file. A healthy store gives no rows, so no data is OK. A database that cannot be asked is an error,
// which Grafana distinguishes from an alert. The result of a query is a table of texts and one number: Grafana reads each row
// as a number with labels, so no expression has to reduce it.
var alertFile = template.Must(template.New(AlertsFile).Funcs(template.FuncMap{
	"quote":   quote,
	"code":    func(text string) string { return "|-\n" + indent(text, 16) },
	"note":    func(text string) string { return "|-\n" + indent(text, 12) },
	"seconds": func(d time.Duration) int64 { return int64(d / time.Second) },
	"minutes": func(d time.Duration) string { return fmt.Sprintf("%dm", int64(d/time.Minute)) },
	"query":   func() board.Query { return board.NewQuery("A", "", grafana.FormatTable) },
	"above":   threshold,
	"states": func() map[string]string {
		return map[string]string{"none": string(alerting.RuleNoDataStateOK), "failed": string(alerting.RuleExecErrStateError)}
	},
}).Parse(`# Made by: tidemark dashboards generate. Do not edit.
# The rules ask the database {{ .Namespace }}. For another one: tidemark dashboards generate --namespace NAME.
apiVersion: 1

groups:
{{- range .Groups }}
  - orgId: 1
    name: {{ .Name }}
    folder: {{ $.Folder }}
    interval: {{ minutes .Every }}
    rules:
{{- range .Alerts }}
      - uid: {{ .UID }}
        title: {{ quote .Title }}
        condition: B
        for: {{ minutes .Pending }}
        noDataState: {{ states.none }}
        execErrState: {{ states.failed }}
        dashboardUid: {{ .Board }}
        panelId: {{ .Panel }}
        labels:
          severity: {{ quote .Severity }}
          namespace: {{ $.Namespace }}
        annotations:
          __dashboardUid__: {{ .Board }}
          __panelId__: "{{ .Panel }}"
          summary: {{ quote .Summary }}
          description: {{ note .Description }}
        data:
          - refId: A
            datasourceUid: {{ $.DatasourceUID }}
            relativeTimeRange: {from: {{ seconds .From }}, to: {{ seconds .To }}}
            model:
              refId: A
              datasource: {type: {{ query.Datasource.Type }}, uid: {{ $.DatasourceUID }}}
              pluginVersion: {{ query.PluginVersion }}
              editorType: {{ query.EditorType }}
              queryType: {{ query.QueryType }}
              format: {{ query.Format }}
              rawSql: {{ code .SQL }}
          - refId: B
            datasourceUid: __expr__
            model: {{ above .Above }}
{{- end }}
{{- end }}
`))

func quote(text string) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out) // JSON's strings are YAML's.
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return strings.TrimSuffix(out.String(), "\n"), err
}

func indent(text string, by int) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat(" ", by) + line
		}
	}
	return strings.Join(lines, "\n")
}

// threshold is the expression that fires above a value of A.
func threshold(above float64) (string, error) {
	q, err := expr.NewTypeThresholdBuilder().RefId("B").Expression("A").
		Datasource(common.DataSourceRef{Type: cog.ToPtr("__expr__"), Uid: cog.ToPtr("__expr__")}).
		Conditions([]cog.Builder[expr.ExprTypeThresholdConditions]{expr.NewExprTypeThresholdConditionsBuilder().
			Evaluator(expr.NewExprTypeThresholdConditionsEvaluatorBuilder().
				Type(expr.ExprTypeThresholdConditionsEvaluatorTypeGt).Params([]float64{above}))}).Build()
	if err != nil {
		return "", fmt.Errorf("the threshold: %w", err)
	}
	text, err := json.Marshal(q)
	return string(text), err
}

// Check returns what is wrong with the rules, one line each, without running them. GenerateAlerts has checked the names in
// their SQL.
func (a Alerts) Check() []string {
	var problems []string
	uids := map[string]bool{}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, g := range a.groups {
		for _, rule := range g.Alerts {
			problem := func(format string, args ...any) {
				problems = append(problems, fmt.Sprintf("alert %q: ", rule.Title)+fmt.Sprintf(format, args...))
			}
			if rule.UID == "" || len(rule.UID) > 40 || uids[rule.UID] {
				problem("the uid %q is empty, too long or not its own", rule.UID)
			}
			uids[rule.UID] = true
			for name, text := range map[string]string{"title": rule.Title, "summary": rule.Summary, "description": rule.Description, "severity": rule.Severity} {
				if text == "" {
					problem("no %s", name)
				}
				if strings.Contains(text, "$") {
					problem("a dollar in the %s: Grafana would replace it by a variable of its environment", name)
				}
			}
			if rule.Pending%g.Every != 0 {
				problem("pending for %s is not a multiple of the group's interval of %s", rule.Pending, g.Every)
			}
			if _, err := grafana.Expand(rule.SQL, scopeOf(rule, at)); err != nil {
				problem("%v", err)
			}
		}
	}
	return problems
}

// scopeOf returns the scope of a rule at a time. It has no variables, as in Grafana, so $__conditionalAll is an error too.
func scopeOf(a board.Alert, at time.Time) macros.Scope {
	return macros.Scope{From: at.Add(-a.From), To: at.Add(-a.To), Interval: time.Second}
}

// Execute runs the statement of every rule for a time and a namespace, one after the other. The error of a rule is in its
// result.
func (a Alerts) Execute(ctx context.Context, db grafana.DB, namespace string, at time.Time) []Result {
	runner := grafana.NewRunner(grafana.Config{DB: db})
	var results []Result
	for _, g := range a.groups {
		for _, rule := range g.Alerts {
			r := Result{Panel: rule.Panel, Title: rule.Title, Kind: grafana.ForAlerts, RefID: "A"}
			sql := strings.ReplaceAll(rule.SQL, a.database+".", schemas.Ident(namespace)+".")
			if r.SQL, r.Err = grafana.Expand(sql, scopeOf(rule, at)); r.Err == nil {
				var table *grafana.Table
				table, r.Took, r.Err = runner.Run(ctx, r.SQL)
				r.take(table)
			}
			results = append(results, r)
		}
	}
	return results
}
