package preview

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"

	"tidemark/dashboards/grafana"
)

// view is what a person looks at: the body of every request.
type view struct {
	Dashboard     string              `json:"dashboard"`
	Panel         int64               `json:"panel"`
	Name          string              `json:"name"` // Of a variable or of annotations.
	From          int64               `json:"from"` // Milliseconds since 1970, like To.
	To            int64               `json:"to"`
	IntervalMs    int64               `json:"intervalMs"`
	MaxDataPoints int64               `json:"maxDataPoints"`
	Variables     map[string][]string `json:"variables"`
}

// The first and the last time that a request may name: the years 1 to 9999.
var (
	firstTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
)

func (v view) validate() error {
	switch {
	case v.From < firstTime || v.To > lastTime:
		return fmt.Errorf("the range %d to %d does not lie in the years 1 to 9999: from and to are milliseconds since 1970", v.From, v.To)
	case v.From > v.To:
		return fmt.Errorf("the range ends before it begins: from %d to %d", v.From, v.To)
	case v.IntervalMs < 0 || v.IntervalMs > lastTime || v.MaxDataPoints < 0:
		return fmt.Errorf("intervalMs %d or maxDataPoints %d: out of range", v.IntervalMs, v.MaxDataPoints)
	}
	return nil
}

// choices returns the range and the values that the request chose.
func (v view) choices() grafana.View {
	return grafana.View{
		From: time.UnixMilli(v.From), To: time.UnixMilli(v.To), Interval: time.Duration(v.IntervalMs) * time.Millisecond, Chosen: v.Variables,
	}
}

// result is the outcome of one target.
type result struct {
	RefID  string           `json:"refId"`
	Frames []*grafana.Frame `json:"frames"`
	Error  string           `json:"error"`
	SQL    string           `json:"sql"`
	TookMs float64          `json:"tookMs"`
}

// answer runs targets at the same time and returns the outcome of each.
func (s *server) answer(ctx context.Context, d *grafana.Dashboard, v view, targets []grafana.Target) ([]result, error) {
	answers, err := s.runner.Ask(ctx, d, v.choices(), targets)
	if err != nil {
		return nil, err
	}
	results := make([]result, len(answers))
	for i, a := range answers {
		results[i] = result{RefID: a.RefID, Frames: []*grafana.Frame{}, SQL: a.SQL, TookMs: float64(a.Took.Microseconds()) / 1000}
		if a.Err != nil {
			results[i].Error = s.explain(ctx, a.Err)
		} else {
			results[i].Frames = append(results[i].Frames, a.Frame)
		}
	}
	return results, nil
}

// The parts of ClickHouse's messages that help nobody on a panel.
var (
	versionText = regexp.MustCompile(` \(version [^()]*(\([^()]*\))?\)`)
	codeText    = regexp.MustCompile(`^(Code: \d+\. )?(DB::Exception: )?`)
)

// longestError bounds the text of an error on a panel, in bytes.
const longestError = 1000

// explain returns the text of an error for a person.
func (s *server) explain(ctx context.Context, err error) string {
	var unreachable *net.OpError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.Is(err, grafana.ErrBusy):
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
