package preview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// executionSeconds bounds the time of one statement in ClickHouse.
const executionSeconds = 30

// result is what one target gave.
type result struct {
	RefID  string   `json:"refId"`
	Frames []*frame `json:"frames"`
	Error  string   `json:"error"`
	SQL    string   `json:"sql"`
	TookMs float64  `json:"tookMs"`
}

// answer runs targets at the same time, each with its own outcome, and waits for all.
func (s *server) answer(ctx context.Context, d *dashboard, v view, targets []target) ([]result, error) {
	scope, err := s.scope(d, v, len(d.Templating.List))
	if err != nil {
		return nil, err
	}
	targets = slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return t.Hide })
	results := make([]result, len(targets))
	var running sync.WaitGroup
	for i, t := range targets {
		r := &results[i]
		r.RefID, r.Frames = t.RefID, []*frame{}
		if t.Datasource.other() {
			r.Error = fmt.Sprintf("a query of the data source %q, which the preview does not have", t.Datasource.Type)
			continue
		}
		// The scope learns the options of variables, so this is not done at the same time.
		if r.SQL, err = s.expand(ctx, d, v, t.RawSQL, scope); err != nil {
			r.Error = s.explain(ctx, err)
			continue
		}
		running.Go(func() { s.fill(ctx, r, t.Format) })
	}
	running.Wait()
	return results, nil
}

// fill runs the statement of a result.
func (s *server) fill(ctx context.Context, r *result, format int) {
	t, took, err := s.run(ctx, r.SQL)
	r.TookMs = float64(took.Microseconds()) / 1000
	var f *frame
	if err == nil {
		f, err = newFrame(t, r.RefID, r.SQL, format)
	}
	if err != nil {
		r.Error = s.explain(ctx, err)
		return
	}
	r.Frames = []*frame{f}
}

// errBusy is the error of a statement whose turn never came.
var errBusy = errors.New("other queries took all places for too long: try again, or choose a shorter range")

// run waits for a place, runs a statement and reads its result. It took as long without the waiting.
func (s *server) run(ctx context.Context, sql string) (t *table, took time.Duration, err error) {
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
		if ctx.Err() != nil { // Both at once.
			return nil, 0, errBusy
		}
	case <-ctx.Done():
		return nil, 0, errBusy
	}
	settings := map[string]any{
		"max_execution_time": executionSeconds,
		// One row more than the limit tells that there are more; what comes after that is not worth the way.
		"max_result_rows": s.Rows + 1, "result_overflow_mode": "break",
		"wait_end_of_query": 1, // An error late in a statement is an error, not the end of the result.
	}
	maps.Copy(settings, encoding)
	began := time.Now()
	out := bounded{limit: resultBytes}
	err = s.DB.FormatWith(ctx, sql, format, settings, &out)
	took = time.Since(began)
	switch {
	case out.over:
		return nil, took, fmt.Errorf("the result is larger than %d MiB: choose a shorter range or a coarser interval", resultBytes>>20)
	case err != nil:
		return nil, took, err
	}
	t, err = readTable(&out.content, s.Rows)
	return t, took, err
}

// bounded is a buffer that refuses what goes over its limit.
type bounded struct {
	content bytes.Buffer // Not embedded: its ReadFrom knows no limit.
	limit   int
	over    bool
}

// Write fails once there would be more than the limit.
func (b *bounded) Write(p []byte) (int, error) {
	if b.content.Len()+len(p) > b.limit {
		b.over = true
		return 0, errors.New("too large")
	}
	return b.content.Write(p)
}

// What ClickHouse adds to its messages that is of no use on a panel.
var (
	versionText = regexp.MustCompile(` \(version [^()]*(\([^()]*\))?\)`)
	codeText    = regexp.MustCompile(`^(Code: \d+\. )?(DB::Exception: )?`)
)

// longestError is how much of an error's text a panel shows.
const longestError = 1000

// explain is the text of an error for a person.
func (s *server) explain(ctx context.Context, err error) string {
	var unreachable *net.OpError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.Is(err, errBusy):
		return fmt.Sprintf("no answer within %s: choose a shorter range", s.Timeout)
	case errors.As(err, &unreachable):
		return "ClickHouse cannot be reached: " + unreachable.Error()
	}
	text := strings.TrimPrefix(err.Error(), "query: ")
	text = codeText.ReplaceAllString(versionText.ReplaceAllString(text, ""), "")
	if len(text) > longestError {
		text = strings.ToValidUTF8(text[:longestError], "") + " ..."
	}
	return text
}
