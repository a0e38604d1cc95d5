package dashboards

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"tidemark/dashboards/grafana"
)

// Result is what one statement gave.
type Result struct {
	Panel   uint32
	Title   string
	Kind    string // The panel's type, grafana.ForAnnotations or grafana.ForAlerts.
	RefID   string
	SQL     string // As it was sent.
	Columns []grafana.Column
	Rows    [][]any // The same values, row by row.
	Took    time.Duration
	Err     error
}

// Opened is a dashboard whose variables have their values.
type Opened struct {
	dashboard *grafana.Dashboard
	runner    *grafana.Runner
	view      grafana.View
	queries   int // Statements that run at a time.
}

// Open reads the values of the variables, in order. Connections, at least 1, is the number of statements that run at a
// time. An error means that no panel can be asked.
func (f File) Open(ctx context.Context, db grafana.DB, v grafana.View, connections int) (*Opened, error) {
	d, err := grafana.Read(f.JSON)
	if err != nil {
		return nil, fmt.Errorf("dashboard %s: %w", f.UID, err)
	}
	o := &Opened{dashboard: d, queries: connections, runner: grafana.NewRunner(grafana.Config{DB: db, Queries: connections})}
	o.view, err = o.runner.Choose(ctx, d, v)
	return o, err
}

// Load runs all panels, then the annotations, as many statements at a time as Open was given connections. The results are in
// the order of the dashboard, and each has its own error.
func (o *Opened) Load(ctx context.Context) []Result {
	loads := make([]load, 0, len(o.dashboard.Panels))
	for _, p := range o.dashboard.Panels {
		at := o.view
		if least, err := time.ParseDuration(p.Interval); err == nil && least > at.Interval {
			at.Interval = least
		}
		loads = append(loads, load{Result{Panel: uint32(p.ID), Title: p.Title, Kind: p.Type}, at, p.Targets, nil})
	}
	for _, a := range o.dashboard.Annotations.List {
		if t := o.dashboard.Annotation(a.Name); t != nil && t.RawSQL != "" {
			loads = append(loads, load{Result{Title: a.Name, Kind: grafana.ForAnnotations}, o.view, []grafana.Target{*t}, nil})
		}
	}
	var group errgroup.Group
	group.SetLimit(o.queries)
	for i := range loads {
		group.Go(func() error {
			loads[i].run(ctx, o)
			return nil
		})
	}
	_ = group.Wait() // Each result has its own error.
	var results []Result
	for _, l := range loads {
		results = append(results, l.results...)
	}
	return results
}

// load is one panel that is loaded.
type load struct {
	of      Result // What the results of all its statements have in common.
	view    grafana.View
	targets []grafana.Target
	results []Result
}

func (l *load) run(ctx context.Context, o *Opened) {
	answers, err := o.runner.Ask(ctx, o.dashboard, l.view, l.targets)
	if err != nil {
		l.of.Err = err
		l.results = []Result{l.of}
		return
	}
	for _, a := range answers {
		r := l.of
		r.RefID, r.SQL, r.Took, r.Err = a.RefID, a.SQL, a.Took, a.Err
		r.take(a.Table)
		l.results = append(l.results, r)
	}
}

// take keeps a table, nil for none.
func (r *Result) take(t *grafana.Table) {
	if t == nil {
		return
	}
	r.Columns = t.Columns
	for i := range t.Rows() {
		r.Rows = append(r.Rows, t.Row(i))
	}
}

// Tiles returns what a stat of one row shows, by the name beside it: the title of the panel where there is one column, the
// names of the columns where there are several. Other panels have none.
func (r Result) Tiles() map[string]string {
	tiles := map[string]string{}
	if r.Kind != "stat" || len(r.Rows) != 1 {
		return tiles
	}
	for i, c := range r.Columns {
		name := c.Name
		if len(r.Columns) == 1 {
			name = r.Title
		}
		tiles[name] = fmt.Sprint(r.Rows[0][i])
	}
	return tiles
}

// Shape returns an error if its kind of panel cannot show the result.
func (r Result) Shape() error { return (&grafana.Table{Columns: r.Columns}).Fits(r.Kind) }
