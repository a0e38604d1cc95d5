package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"tidemark/consumers/clickhouse"
	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	"tidemark/internal/app"
)

type dashboardsCheckCmd struct {
	commonFlags
	clickhouseFlags
	alertsFlag
	outputFlags
	Range       time.Duration `help:"Time range of the statements; it ends now." default:"6h" placeholder:"6h" group:"Dashboards" range:"1m..876000h"`
	Loads       int           `help:"Load every dashboard so many more times and print how long its panels took." default:"0" placeholder:"N" group:"Dashboards" range:"0..1000"`
	Connections int           `help:"Statements to run at a time." default:"4" placeholder:"N" group:"Dashboards" range:"1..100"`

	execute bool // An address of ClickHouse was given.
}

// Help implements kong.HelpProvider.
func (dashboardsCheckCmd) Help() string {
	return `Checks the dashboards and the alert rules:

  - Every table and column that their SQL names exists.
  - The built-in JSON equals what the code generates, and can be read back strictly.
  - Ids are unique, no panels overlap, and each panel has a title, a description and a unit.
  - The file in --alerts-dir, if that folder exists, equals what the code generates.

With --clickhouse it also runs the statement of every variable, panel, annotation and alert rule in the namespace,
read-only, and checks that each result has the columns that its kind of panel, or a rule, needs. The dashboards over
scenarios run in the namespace ` + scenarioNamespace + `, or in --namespace if there is none.`
}

// Example implements exampler.
func (dashboardsCheckCmd) Example() string {
	return "tidemark dashboards check --clickhouse http://127.0.0.1:8123"
}

// AfterApply notes whether --clickhouse or its environment variable was given, which the value does not show: it has a default.
// Kong calls it.
func (c *dashboardsCheckCmd) AfterApply(k *kong.Context) error {
	c.execute = os.Getenv("TIDEMARK_CLICKHOUSE") != ""
	for _, p := range k.Path {
		c.execute = c.execute || p.Flag != nil && p.Flag.Name == "clickhouse"
	}
	return nil
}

func (c *dashboardsCheckCmd) validate() error {
	return invalid(c.commonFlags.validate(), c.clickhouseFlags.validate(), ranges(*c))
}

// Run checks.
func (c *dashboardsCheckCmd) Run(ctx context.Context, s Streams) error {
	if err := c.validate(); err != nil {
		return err
	}
	report := dashboardsJSON{Problems: []string{}, Runs: []statementJSON{}}
	if err := c.check(ctx, c.told(s), &report); err != nil {
		return err
	}
	report.OK = len(report.Problems) == 0
	if c.json() {
		if err := printJSON(s.Out, report); err != nil {
			return err
		}
	}
	if !report.OK {
		return errFound
	}
	return nil
}

// check tells what it finds while it looks, and puts it into the report.
func (c *dashboardsCheckCmd) check(ctx context.Context, s Streams, report *dashboardsJSON) error {
	files, err := dashboards.Generate()
	var alerts dashboards.Alerts
	if err == nil {
		alerts, err = dashboards.GenerateAlerts()
	}
	if err != nil { // Of the code: it is the answer.
		fmt.Fprintln(s.Out, err)
		report.Problems = append(report.Problems, err.Error())
		return nil
	}
	report.Dashboards = len(files)
	report.Problems = append(report.Problems, slices.Concat(dashboards.Check(files), alerts.Check(), c.compare(alerts))...)
	for _, p := range report.Problems {
		fmt.Fprintln(s.Out, p)
	}
	fmt.Fprintf(s.Out, "%s and the alert rules: %s\n", count(len(files), "dashboard"), count(len(report.Problems), "problem"))
	if c.execute {
		return c.run(ctx, s, files, alerts, report)
	}
	return nil
}

// compare compares the file of the alert rules with the code. Without the folder it compares nothing: then Grafana is not
// provisioned from here.
func (c *dashboardsCheckCmd) compare(alerts dashboards.Alerts) []string {
	if isFolder("--alerts-dir", c.AlertsDir) != nil {
		return nil
	}
	if text, err := os.ReadFile(c.file()); err != nil || !bytes.Equal(text, alerts.YAML) {
		return []string{c.file() + ": differs from what the code generates: run 'tidemark dashboards generate'"}
	}
	return nil
}

// run runs every statement, and tells those that fail.
func (c *dashboardsCheckCmd) run(ctx context.Context, s Streams, files []dashboards.File, alerts dashboards.Alerts, report *dashboardsJSON) (err error) {
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Ping(ctx); err != nil {
		return err
	}
	now := time.Now()
	view := grafana.View{From: now.Add(-c.Range), To: now, Interval: c.Range / 500,
		Chosen: map[string][]string{"namespace": {c.Namespace}, "scenarios": {c.scenarios(ctx, db)}}}
	for _, f := range files {
		if err := c.load(ctx, s, f, db, view, report); err != nil {
			report.Problems = append(report.Problems, err.Error())
			fmt.Fprintln(s.Out, err)
		}
	}
	report.outcome(s.Out, "alert rules", "alert", alerts.Execute(ctx, db, c.Namespace, now))
	return ctx.Err()
}

// scenarios returns the namespace in which the dashboards over scenarios run: the one that they open with, or that of the
// command line if the user cannot read it, it is missing or it has another schema.
func (c *dashboardsCheckCmd) scenarios(ctx context.Context, db *clickhouse.DB) string {
	if app.CheckSchema(ctx, db.In(scenarioNamespace)) != nil {
		return c.Namespace
	}
	return scenarioNamespace
}

// outcome tells the results of statements.
func (d *dashboardsJSON) outcome(out io.Writer, of, kind string, results []dashboards.Result) {
	empty := 0
	for _, r := range results {
		err := r.Err
		if err == nil {
			err = r.Shape()
		}
		if err != nil {
			line := fmt.Sprintf("%s: %s %q, query %s: %v", of, kind, r.Title, r.RefID, err)
			d.Problems = append(d.Problems, line)
			fmt.Fprintln(out, line)
		} else if len(r.Rows) == 0 {
			empty++
		}
	}
	fmt.Fprintf(out, "%s: %s run, %d without rows\n", of, count(len(results), "statement"), empty)
	d.Runs = append(d.Runs, statementJSON{Of: of, Statements: len(results), Empty: empty})
}

// load runs the statements of one dashboard, and tells those that fail.
func (c *dashboardsCheckCmd) load(ctx context.Context, s Streams, f dashboards.File, db grafana.DB, view grafana.View, report *dashboardsJSON) error {
	began := time.Now()
	opened, err := f.Open(ctx, db, view, c.Connections)
	if err != nil {
		return err
	}
	variables := time.Since(began)
	report.outcome(s.Out, f.UID, "panel", opened.Load(ctx))
	if c.Loads == 0 {
		return nil
	}
	var walls []time.Duration
	slowest := map[string]time.Duration{}
	for range c.Loads {
		began := time.Now()
		for _, r := range opened.Load(ctx) {
			slowest[r.Title] += r.Took / time.Duration(c.Loads)
		}
		walls = append(walls, time.Since(began))
	}
	slices.Sort(walls)
	titles := slices.SortedFunc(maps.Keys(slowest), func(a, b string) int { return cmp.Compare(slowest[b], slowest[a]) })
	fmt.Fprintf(s.Out, "%s: all panels took %d ms, the median of %d loads (%d to %d ms); the slowest panel on average: %q, %d ms; the variables took %d ms\n", f.UID,
		walls[len(walls)/2].Milliseconds(), c.Loads, walls[0].Milliseconds(), walls[len(walls)-1].Milliseconds(), titles[0], slowest[titles[0]].Milliseconds(), variables.Milliseconds())
	run := &report.Runs[len(report.Runs)-1]
	run.Slowest = titles[0]
	for _, wall := range walls {
		run.Loads = append(run.Loads, wall.Seconds())
	}
	return nil
}
