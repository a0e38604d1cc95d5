package grafana

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// DB runs a statement that may only read, with ClickHouse settings for it, and writes its result in one of ClickHouse's
// formats. The context ends it.
type DB interface {
	FormatWith(ctx context.Context, sql, format string, settings map[string]any, w io.Writer) error
}

// Config sets up a Runner. DB is required.
type Config struct {
	DB        DB
	Namespace string // The value of the variable "namespace" where a view has none.
	Queries   int    // Statements that run at a time, over all callers. Default 4.
	Rows      int    // The most rows of a result. Default 100,000.
}

const (
	// executionSeconds bounds the time of one statement in ClickHouse.
	executionSeconds = 30
	// resultBytes bounds the size of a result in ClickHouse's JSON.
	resultBytes = 64 << 20
)

// Runner runs the statements of dashboards. It is safe for concurrent use.
type Runner struct {
	Config
	slots chan struct{} // Holds one value per statement that runs.
}

// withDefaults returns the configuration with defaults for what is 0.
func (c Config) withDefaults() Config {
	c.Queries = cmp.Or(c.Queries, 4)
	c.Rows = cmp.Or(c.Rows, 100_000)
	return c
}

// NewRunner returns a Runner.
func NewRunner(c Config) *Runner {
	c = c.withDefaults()
	return &Runner{Config: c, slots: make(chan struct{}, c.Queries)}
}

// Answer is the outcome of one target.
type Answer struct {
	RefID string
	SQL   string        // As sent; "" if the target could not be expanded.
	Table *Table        // nil if Err is set.
	Frame *Frame        // nil if Err is set.
	Took  time.Duration // Without the wait for a slot.
	Err   error
}

// Ask runs the targets that are not hidden at the same time, and returns when all have an outcome, in their order. An error
// means that the values in the view do not fit the variables.
func (r *Runner) Ask(ctx context.Context, d *Dashboard, v View, targets []Target) ([]Answer, error) {
	scope, err := r.scope(d, v, len(d.Templating.List))
	if err != nil {
		return nil, err
	}
	targets = slices.DeleteFunc(slices.Clone(targets), func(t Target) bool { return t.Hide })
	answers := make([]Answer, len(targets))
	var running sync.WaitGroup
	for i, t := range targets {
		a := &answers[i]
		a.RefID = t.RefID
		if t.Datasource.foreign() {
			a.Err = t.Datasource.errForeign()
			continue
		}
		// expand adds options of variables to the scope, so the targets are expanded one after the other.
		if a.SQL, a.Err = r.expand(ctx, d, v, t.RawSQL, scope); a.Err == nil {
			running.Go(func() { a.fill(ctx, r, t.Format) })
		}
	}
	running.Wait()
	return answers, nil
}

// fill runs the statement of an answer.
func (a *Answer) fill(ctx context.Context, r *Runner, format int) {
	table, took, err := r.Run(ctx, a.SQL)
	var frame *Frame
	if err == nil {
		frame, err = NewFrame(table, a.RefID, a.SQL, format)
	}
	if a.Took, a.Err = took, err; err == nil {
		a.Table, a.Frame = table, frame
	}
}

// ErrBusy is the error of a statement for which no slot became free in time.
var ErrBusy = errors.New("too many queries are running: try again, or choose a shorter range")

// Run waits for a slot, runs a statement that Expand returned and reads its result. Took is the time without the wait.
func (r *Runner) Run(ctx context.Context, sql string) (t *Table, took time.Duration, err error) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
		if ctx.Err() != nil { // Both cases were ready.
			return nil, 0, ErrBusy
		}
	case <-ctx.Done():
		return nil, 0, ErrBusy
	}
	settings := map[string]any{
		"max_execution_time": executionSeconds,
		// One row more than the limit shows that the result has more rows than that; ClickHouse need not send the rest.
		"max_result_rows": r.Rows + 1, "result_overflow_mode": "break",
		"wait_end_of_query": 1, // An error late in a statement must not look like the end of the result.
	}
	maps.Copy(settings, encoding)
	began := time.Now()
	out := bounded{limit: resultBytes}
	err = r.DB.FormatWith(ctx, sql, resultFormat, settings, &out)
	took = time.Since(began)
	switch {
	case out.over:
		return nil, took, fmt.Errorf("the result is larger than %d MiB: choose a shorter range or a coarser interval", resultBytes>>20)
	case err != nil:
		return nil, took, err
	}
	t, err = ReadTable(&out.content, r.Rows)
	return t, took, err
}

// bounded is a buffer with a limit in bytes.
type bounded struct {
	content bytes.Buffer // Not embedded: its ReadFrom has no limit.
	limit   int
	over    bool
}

// Write fails when the content would exceed the limit.
func (b *bounded) Write(p []byte) (int, error) {
	if b.content.Len()+len(p) > b.limit {
		b.over = true
		return 0, errors.New("too large")
	}
	return b.content.Write(p)
}
