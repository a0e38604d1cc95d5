package load

import (
	"time"

	"tidemark/producers/load/verdict"
)

// window is the length of the parts of the run that have a verdict each.
const window = 5 * time.Second

// windowMerge is how many buckets of a histogram are one in the windows of a file: there are 8 per power of two.
const windowMerge = fractions / 8

// MergedFromUS returns the lowest microsecond of the bucket of a Window that ends with the one given.
func MergedFromUS(end uint64) uint64 {
	first := bucketOf(end) / windowMerge * windowMerge
	if first == 0 {
		return 0
	}
	return highest(first-1) + 1
}

// windowCounts is what is known of a part of the run at a stage.
type windowCounts struct {
	verdict.Window
	took Histogram
}

// Window is a part of the run at a stage: the events that were due from FromS to ToS, in seconds since the first event.
// The latencies are nil if no event has reached the stage.
type Window struct {
	verdict.Window
	FromS float64  `json:"from_s"`
	ToS   float64  `json:"to_s"`
	P50MS *float64 `json:"p50_ms"`
	P99MS *float64 `json:"p99_ms"`
	MaxMS *float64 `json:"max_ms"`
	// Buckets are coarse: at most an eighth of their values wide.
	Buckets []Bucket `json:"buckets_us"`
}

// Whole reports whether the window is not cut by the end of the run.
func (w Window) Whole() bool { return w.ToS-w.FromS >= window.Seconds()-1e-9 }

// window returns the part of the run in which an event was due.
func (r *Recorder) window(s Stage, due time.Duration) *windowCounts {
	i := int((due - r.cfg.Warmup) / window)
	for len(r.windows[s]) <= i {
		r.windows[s] = append(r.windows[s], windowCounts{})
	}
	return &r.windows[s][i]
}

// doubt counts, by windows, the events that have not reached Raw or Rollup and are not late either: at the last look they were due
// less than the SLO ago.
func (r *Recorder) doubt() {
	for _, s := range []Stage{Raw, Rollup} {
		for i := range r.windows[s] {
			r.windows[s][i].Unknown = 0
		}
		for _, log := range r.logs {
			if s == Rollup && !log.rolled {
				continue
			}
			log.rest(s, func(due time.Duration) {
				if r.measured(due) && r.series.last-due <= r.slo(s) {
					r.window(s, due).Unknown++
				}
			})
		}
	}
}

// judged are the windows of a stage for the verdict.
func (r *Recorder) judged(s Stage) []verdict.Window {
	var found []verdict.Window
	for _, w := range r.windows[s] {
		found = append(found, w.Window)
	}
	return found
}

// windowsOf are the windows of a stage for files.
func (r *Recorder) windowsOf(s Stage) []Window {
	found := []Window{}
	for i := range r.windows[s] {
		w := &r.windows[s][i]
		from := r.cfg.Warmup + time.Duration(i)*window
		out := Window{
			Window: w.Window, FromS: from.Seconds(), ToS: min(from+window, r.cfg.Warmup+r.cfg.Duration).Seconds(), Buckets: w.took.Buckets(windowMerge),
		}
		if w.took.Count() > 0 {
			p50, p99, most := milliseconds(w.took.Percentile(50)), milliseconds(w.took.Percentile(99)), milliseconds(w.took.Max())
			out.P50MS, out.P99MS, out.MaxMS = &p50, &p99, &most
		}
		found = append(found, out)
	}
	return found
}
