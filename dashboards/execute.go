package dashboards

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"tidemark/dashboards/macros"
)

// DB runs a statement that may only read and writes its result in a format of ClickHouse's.
type DB interface {
	Format(ctx context.Context, sql, format string, w io.Writer) error
}

// View is what a person has chosen to look at.
type View struct {
	From, To time.Time
	Interval time.Duration       // The width of a point; a minute if zero.
	Chosen   map[string][]string // By variable; for those not named all values, or the first where only one can be chosen.
	// Connections is how many statements may run at a time; 1 if zero.
	Connections int
}

// Result is what one statement of a panel gave.
type Result struct {
	Panel   uint32
	Title   string
	Kind    string // The panel's type: timeseries, stat, table, ...
	RefID   string
	SQL     string // As it was sent.
	Columns []Column
	Rows    [][]any // Numbers as json.Number, in the columns' order.
	Took    time.Duration
	Err     error
}

// Column is a column of a result, with ClickHouse's type.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// queries is the part of a dashboard's JSON that says what to ask.
type queries struct {
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Query      string `json:"query"`
			IncludeAll bool   `json:"includeAll"`
			AllValue   string `json:"allValue"`
			Multi      bool   `json:"multi"`
			Current    struct {
				Value any `json:"value"`
			} `json:"current"`
		} `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []struct {
			Name   string `json:"name"`
			Target *Query `json:"target"`
		} `json:"list"`
	} `json:"annotations"`
	Panels []struct {
		ID       uint32  `json:"id"`
		Type     string  `json:"type"`
		Title    string  `json:"title"`
		Interval string  `json:"interval"`
		Targets  []Query `json:"targets"`
	} `json:"panels"`
}

// Opened is a dashboard whose variables have their values.
type Opened struct {
	File
	queries     queries
	scope       macros.Scope
	connections int
}

// Execute asks what a person who opens the dashboard would: the variables in order, then every panel and annotation. A
// panel that fails has its error in its result; an error of a variable ends it, since no panel can be asked then.
func (f File) Execute(ctx context.Context, db DB, v View) ([]Result, error) {
	o, err := f.Open(ctx, db, v)
	if err != nil {
		return nil, err
	}
	return o.Load(ctx, db), nil
}

// Open asks for the values of the variables.
func (f File) Open(ctx context.Context, db DB, v View) (*Opened, error) {
	o := &Opened{File: f, connections: max(v.Connections, 1)}
	if err := json.Unmarshal(f.JSON, &o.queries); err != nil {
		return nil, fmt.Errorf("dashboard %s: %w", f.UID, err)
	}
	var err error
	o.scope, err = o.queries.resolve(ctx, db, f.UID, v)
	return o, err
}

// Load asks for all panels, then the annotations; as many at a time as the view has connections. The results are in the
// dashboard's order.
func (o *Opened) Load(ctx context.Context, db DB) []Result {
	var results []Result
	var scopes []macros.Scope
	add := func(r Result, sql string, at macros.Scope) {
		r.SQL = sql
		results, scopes = append(results, r), append(scopes, at)
	}
	for _, p := range o.queries.Panels {
		at := o.scope
		if least, err := time.ParseDuration(p.Interval); err == nil && least > at.Interval {
			at.Interval = least
		}
		for _, q := range p.Targets {
			add(Result{Panel: p.ID, Title: p.Title, Kind: p.Type, RefID: q.RefID}, q.RawSQL, at)
		}
	}
	for _, a := range o.queries.Annotations.List {
		if a.Target != nil && a.Target.RawSQL != "" {
			add(Result{Title: a.Name, Kind: "annotation", RefID: a.Target.RefID}, a.Target.RawSQL, o.scope)
		}
	}
	var group errgroup.Group
	group.SetLimit(o.connections)
	for i := range results {
		group.Go(func() error {
			results[i].ask(ctx, db, results[i].SQL, scopes[i])
			return nil
		})
	}
	_ = group.Wait() // Each result has its own error.
	return results
}

// resolve asks for the values of the variables, each with those before it.
func (m queries) resolve(ctx context.Context, db DB, uid string, v View) (macros.Scope, error) {
	scope := macros.Scope{From: v.From, To: v.To, Interval: v.Interval, Variables: map[string]macros.Value{}}
	if scope.Interval == 0 {
		scope.Interval = time.Minute
	}
	for _, variable := range m.Templating.List {
		var r Result
		r.ask(ctx, db, variable.Query, scope)
		if r.Err != nil {
			return scope, fmt.Errorf("dashboard %s: variable %s: %w", uid, variable.Name, r.Err)
		}
		options := make([]string, 0, len(r.Rows))
		for _, row := range r.Rows {
			if text, ok := row[0].(string); ok {
				options = append(options, text)
			}
		}
		value := macros.Value{Multi: variable.Multi, AllValue: variable.AllValue}
		switch chosen := v.Chosen[variable.Name]; {
		case len(chosen) > 0:
			value.Values = chosen
		case variable.IncludeAll && (variable.Multi || len(options) == 0):
			value.All, value.Values = true, options
		case len(options) > 0:
			value.Values = options[:1]
		default:
			value.Values = []string{""}
		}
		scope.Variables[variable.Name] = value
	}
	return scope, nil
}

// ask expands and runs one statement.
func (r *Result) ask(ctx context.Context, db DB, sql string, scope macros.Scope) {
	if r.SQL, r.Err = macros.Expand(sql, scope); r.Err != nil {
		return
	}
	began := time.Now()
	var out bytes.Buffer
	if r.Err = db.Format(ctx, r.SQL, "JSONCompact", &out); r.Err != nil {
		return
	}
	r.Took = time.Since(began)
	decoder := json.NewDecoder(&out)
	decoder.UseNumber()
	var answer struct {
		Meta []Column `json:"meta"`
		Data [][]any  `json:"data"`
	}
	if err := decoder.Decode(&answer); err != nil {
		r.Err = fmt.Errorf("read the result: %w", err)
		return
	}
	r.Columns, r.Rows = answer.Meta, answer.Data
}

// Tiles is what a stat of one row shows, by the name that stands beside it: of one column the panel's title, of several the
// column's. Other panels have none.
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

// Shape returns what is wrong with the columns of a result for its kind of panel; Grafana would draw nothing, or nonsense.
func (r Result) Shape() error {
	var times, numbers, texts int
	for _, c := range r.Columns {
		switch {
		case isTime(c.Type):
			times++
		case isNumber(c.Type):
			numbers++
		default:
			texts++
		}
	}
	first := len(r.Columns) > 0 && isTime(r.Columns[0].Type)
	var ok bool
	switch r.Kind {
	case "timeseries":
		ok = first && times == 1 && numbers > 0
		if ok && !slices.IsSortedFunc(r.Rows, func(a, b []any) int { return strings.Compare(fmt.Sprint(a[0]), fmt.Sprint(b[0])) }) {
			return errors.New("the rows are not in the order of time")
		}
	case "stat":
		ok = numbers > 0 || texts > 0
	case "bargauge", "barchart", "piechart", "geomap":
		ok = texts == 1 && numbers > 0
	case "state-timeline":
		ok = first && texts > 0
	case "annotation":
		ok = first && texts > 0
	case "alert":
		ok = times == 0 && numbers == 1 && texts > 0
	case "table":
		ok = len(r.Columns) > 0
	default:
		return fmt.Errorf("no rule for a panel of type %q", r.Kind)
	}
	if !ok {
		return fmt.Errorf("a %s cannot show these columns: %v", r.Kind, r.Columns)
	}
	return nil
}

func isTime(t string) bool {
	t = inner(t)
	return strings.HasPrefix(t, "Date") // Date, Date32, DateTime, DateTime64.
}

func isNumber(t string) bool {
	t = inner(t)
	for _, prefix := range []string{"UInt", "Int", "Float", "Decimal"} {
		if strings.HasPrefix(t, prefix) {
			return true
		}
	}
	return false
}

// inner takes off what wraps a type.
func inner(t string) string {
	for _, wrap := range []string{"LowCardinality(", "Nullable("} {
		if rest, ok := strings.CutPrefix(t, wrap); ok {
			t = strings.TrimSuffix(rest, ")")
		}
	}
	return t
}
