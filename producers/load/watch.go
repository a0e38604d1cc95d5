package load

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark/producers/load/threshold"
	"tidemark/producers/load/verdict"
)

// CrossedError is the cause of the end of a run that a threshold ended.
type CrossedError struct {
	Text  string // The condition that did not hold.
	Value float64
	At    time.Duration // Since the start of the run.
}

// Error implements error.
func (c *CrossedError) Error() string {
	return fmt.Sprintf("%s does not hold: it was %.6g after %s", c.Text, c.Value, c.At.Round(time.Second))
}

// watch is the conditions that end a run.
type watch struct {
	conditions []threshold.Threshold
	after      time.Duration // Since the start of the run.
	crossed    func(*CrossedError)
}

// Watch calls crossed once, when one of the conditions does not hold: about once per second they are evaluated for what was measured until then,
// from delay after the warm-up on. It is to be called before the run.
func (r *Recorder) Watch(conditions []threshold.Threshold, delay time.Duration, crossed func(*CrossedError)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch = watch{conditions: conditions, after: r.cfg.Warmup + delay, crossed: crossed}
}

// look evaluates the conditions of Watch.
func (r *Recorder) look(at time.Duration) {
	w := &r.watch
	if len(w.conditions) == 0 || at < w.after || at > r.cfg.Warmup+r.cfg.Duration {
		return
	}
	if slices.ContainsFunc(w.conditions, func(c threshold.Threshold) bool { return strings.HasPrefix(c.Metric, "late_") }) {
		r.doubt() // Else events on their way would be late.
	}
	now := Summary{Rates: r.rates(), Lag: r.lag(), DrainS: -1}
	for _, result := range r.evaluate(&now, w.conditions) {
		if !result.OK && result.Value != nil {
			w.conditions = nil
			w.crossed(&CrossedError{Text: result.Text, Value: *result.Value, At: at})
			return
		}
	}
}

// lag returns the trend of the lag so far, nil if there are too few samples.
func (r *Recorder) lag() *Lag {
	var points []verdict.Point
	for _, s := range r.measuredSamples() {
		points = append(points, verdict.Point{At: duration(s.AtS), Value: s.Lag})
	}
	slope, low, ok := verdict.Trend(points)
	if !ok {
		return nil
	}
	return &Lag{Slope: slope, Low: low, End: points[len(points)-1].Value}
}
