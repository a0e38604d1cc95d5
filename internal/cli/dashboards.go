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
	"path/filepath"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
)

type dashboardsCmd struct {
	Generate dashboardsGenerateCmd `cmd:"" help:"Write the dashboards' JSON from the code."`
	Check    dashboardsCheckCmd    `cmd:"" help:"Check the dashboards against the schema and, with --clickhouse, run every statement; exit 1 if anything is wrong."`
	Preview  dashboardsPreviewCmd  `cmd:"" help:"Show the dashboards on a page, without Grafana."`
}

// alertsFlag is the folder of Grafana's provisioning that the alert rules are in.
type alertsFlag struct {
	AlertsDir string `help:"Folder of the alert rules' file." default:"deploy/grafana/provisioning/alerting" placeholder:"DIR" group:"Dashboards"`
}

func (f alertsFlag) file() string { return filepath.Join(f.AlertsDir, dashboards.AlertsFile) }

type dashboardsGenerateCmd struct {
	alertsFlag
	Dir string `help:"Folder to write the dashboards to." default:"dashboards/json" placeholder:"DIR" group:"Dashboards"`
}

// Help is the long text of "tidemark dashboards generate --help".
func (dashboardsGenerateCmd) Help() string {
	return `Makes the dashboards and the alert rules from the code and writes them for Grafana's file provisioning: one file a
dashboard, one for all rules. The same code always gives the same bytes. A name in their SQL that the schema does not
have is an error that names panel or rule and column, and nothing is written. The rules ask the namespace tidemark.`
}

// Run writes the files.
func (c *dashboardsGenerateCmd) Run(s Streams) error {
	files, err := dashboards.Generate()
	if err != nil {
		return fmt.Errorf("make the dashboards:\n%w", err)
	}
	alerts, err := dashboards.GenerateAlerts()
	if err != nil {
		return fmt.Errorf("make the alert rules:\n%w", err)
	}
	if err := invalid(isFolder("--dir", c.Dir), isFolder("--alerts-dir", c.AlertsDir)); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeChanged(s.Out, filepath.Join(c.Dir, f.UID+".json"), f.JSON); err != nil {
			return err
		}
	}
	return writeChanged(s.Out, c.file(), alerts.YAML)
}

func isFolder(flag, path string) error {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: %s is not a folder", flag, path)
	}
	return nil
}

// writeChanged writes a file unless it is that already.
func writeChanged(out io.Writer, name string, text []byte) error {
	note := "unchanged"
	if old, err := os.ReadFile(name); err != nil || !bytes.Equal(old, text) {
		note = "written"
		if err := os.WriteFile(name, text, 0o644); err != nil { //nolint:gosec // Grafana, another user, reads it
			return err
		}
	}
	fmt.Fprintf(out, "%s: %s\n", name, note)
	return nil
}

type dashboardsCheckCmd struct {
	commonFlags
	clickhouseFlags
	alertsFlag
	Range       time.Duration `help:"The range that the statements are run for, to now." default:"6h" placeholder:"6h" group:"Dashboards" range:"1m..876000h"`
	Loads       int           `help:"Load every dashboard this many times more and print how long all its panels took." default:"0" placeholder:"N" group:"Dashboards" range:"0..1000"`
	Connections int           `help:"Statements that run at a time." default:"4" placeholder:"N" group:"Dashboards" range:"1..100"`

	execute bool // Whether an address of ClickHouse was given.
}

// Help is the long text of "tidemark dashboards check --help".
func (dashboardsCheckCmd) Help() string {
	return `Checks what can be checked of dashboards without a person: that every table and column named in their SQL exists, that
the built-in JSON is what the code gives and can be read back strictly, that ids are unique, that no panels overlap and
that each has title, description and unit; the same of the alert rules, whose file is compared if --alerts-dir is there.
With --clickhouse it runs the statement of every variable, panel, annotation and alert rule in the namespace, read-only,
and checks that the result has the columns that its kind of panel, or a rule, needs.`
}

// AfterApply notes whether --clickhouse, or its twin in the environment, was given: it has a default. Kong calls it.
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
	files, err := dashboards.Generate()
	if err != nil {
		fmt.Fprintln(s.Out, err)
		return errFound
	}
	alerts, err := dashboards.GenerateAlerts()
	if err != nil {
		fmt.Fprintln(s.Out, err)
		return errFound
	}
	problems := slices.Concat(dashboards.Check(files), alerts.Check(), c.compare(alerts))
	for _, p := range problems {
		fmt.Fprintln(s.Out, p)
	}
	fmt.Fprintf(s.Out, "%d dashboards and the alert rules: %d problems\n", len(files), len(problems))
	if c.execute {
		failed, err := c.run(ctx, s, files, alerts)
		if err != nil {
			return err
		}
		problems = append(problems, failed...)
	}
	if len(problems) > 0 {
		return errFound
	}
	return nil
}

// compare holds the file of the alert rules to the code. Where there is no such folder, Grafana is not set up from here.
func (c *dashboardsCheckCmd) compare(alerts dashboards.Alerts) []string {
	if isFolder("--alerts-dir", c.AlertsDir) != nil {
		return nil
	}
	if text, err := os.ReadFile(c.file()); err != nil || !bytes.Equal(text, alerts.YAML) {
		return []string{c.file() + ": is not what the code gives: run tidemark dashboards generate"}
	}
	return nil
}

// run runs every statement and prints what fails.
func (c *dashboardsCheckCmd) run(ctx context.Context, s Streams, files []dashboards.File, alerts dashboards.Alerts) (problems []string, err error) {
	db, err := c.open(c.Namespace)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Ping(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	view := dashboards.View{From: now.Add(-c.Range), To: now, Interval: c.Range / 500, Connections: c.Connections,
		Chosen: map[string][]string{"namespace": {c.Namespace}, "scenarios": {c.Namespace}}}
	for _, f := range files {
		found, err := c.load(ctx, s, f, db, view)
		if err != nil {
			found = []string{err.Error()}
			fmt.Fprintln(s.Out, err)
		}
		problems = append(problems, found...)
	}
	found := outcome(s.Out, "alert rules", "alert", alerts.Execute(ctx, db, c.Namespace, now))
	return append(problems, found...), ctx.Err()
}

// outcome prints what became of statements and returns what is wrong with them.
func outcome(out io.Writer, of, kind string, results []dashboards.Result) (problems []string) {
	empty := 0
	for _, r := range results {
		err := r.Err
		if err == nil {
			err = r.Shape()
		}
		if err != nil {
			line := fmt.Sprintf("%s: %s %q, query %s: %v", of, kind, r.Title, r.RefID, err)
			problems = append(problems, line)
			fmt.Fprintln(out, line)
		} else if len(r.Rows) == 0 {
			empty++
		}
	}
	fmt.Fprintf(out, "%s: %d statements run, %d without rows\n", of, len(results), empty)
	return problems
}

// load runs the statements of one dashboard, prints what fails and returns it.
func (c *dashboardsCheckCmd) load(ctx context.Context, s Streams, f dashboards.File, db grafana.DB, view dashboards.View) (problems []string, err error) {
	began := time.Now()
	opened, err := f.Open(ctx, db, view)
	if err != nil {
		return nil, err
	}
	variables := time.Since(began)
	problems = outcome(s.Out, f.UID, "panel", opened.Load(ctx))
	if c.Loads == 0 {
		return problems, nil
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
	fmt.Fprintf(s.Out, "%s: all panels in %d ms, median of %d loads (%d to %d ms); the slowest on average: %q, %d ms; the variables before them %d ms\n", f.UID,
		walls[len(walls)/2].Milliseconds(), c.Loads, walls[0].Milliseconds(), walls[len(walls)-1].Milliseconds(), titles[0], slowest[titles[0]].Milliseconds(), variables.Milliseconds())
	return problems, nil
}
