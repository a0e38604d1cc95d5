package load

import (
	"tidemark/producers/load/threshold"
)

// Threshold is a condition of the user's and what became of it.
type Threshold struct {
	Text string `json:"threshold"`
	OK   bool   `json:"ok"`
	// Value is what the aggregation came to, nil if nothing was measured: then the condition does not hold.
	Value *float64 `json:"value"`
}

// figure is a metric that thresholds name: a trend in milliseconds, or a value for each aggregation.
type figure struct {
	kind  threshold.Kind
	trend *Histogram
	value func(aggregation string) (float64, bool)
}

// trends are the names of the latencies in thresholds.
var trends = [numStages]string{"send_delay_ms", "acknowledged_ms", "stored_ms", "freshness_raw_ms", "freshness_rollup_ms"}

// ParseThreshold reads a condition on a figure of a load test.
func ParseThreshold(text string) (threshold.Threshold, error) {
	kinds := map[string]threshold.Kind{}
	for name, f := range (&Recorder{}).figures(&Summary{}) {
		kinds[name] = f.kind
	}
	return threshold.Parse(text, kinds)
}

// figures are what thresholds can be about.
func (r *Recorder) figures(s *Summary) map[string]figure {
	found := map[string]figure{}
	for stage, name := range trends {
		found[name] = figure{kind: threshold.Trend, trend: &r.histograms[stage]}
	}
	for stage := range numStages {
		found[stage.String()+"_events"] = figure{kind: threshold.Counter, value: func(aggregation string) (float64, bool) {
			if aggregation == "count" {
				return float64(r.histograms[stage].Count()), true
			}
			rate, ok := s.Rates[stage.String()]
			return rate, ok
		}}
	}
	for stage, name := range map[Stage]string{Raw: "late_raw", Rollup: "late_rollup"} {
		found[name] = figure{kind: threshold.Rate, value: func(string) (float64, bool) {
			var late, all uint64
			for _, w := range r.windows[stage] {
				late, all = late+w.Late(), all+w.Known()
			}
			return float64(late) / max(float64(all), 1), all > 0
		}}
	}
	found["lag_end_events"] = gauge(s.Lag != nil, func() float64 { return s.Lag.End })
	found["lag_slope_events_per_s"] = gauge(s.Lag != nil, func() float64 { return s.Lag.Slope })
	found["drain_s"] = gauge(s.DrainS >= 0, func() float64 { return s.DrainS })
	return found
}

func gauge(measured bool, value func() float64) figure {
	return figure{kind: threshold.Gauge, value: func(string) (float64, bool) {
		if !measured {
			return 0, false
		}
		return value(), true
	}}
}

// evaluate says which conditions hold.
func (r *Recorder) evaluate(s *Summary, conditions []threshold.Threshold) []Threshold {
	figures, results := r.figures(s), []Threshold{}
	for _, c := range conditions {
		result := Threshold{Text: c.Text}
		if value, ok := figures[c.Metric].aggregate(c); ok {
			result.Value, result.OK = &value, c.Holds(value)
		}
		results = append(results, result)
	}
	return results
}

// aggregate returns the value that a condition is about, false if nothing was measured.
func (f figure) aggregate(c threshold.Threshold) (float64, bool) {
	if f.trend == nil {
		return f.value(c.Aggregation)
	}
	h := f.trend
	if h.Count() == 0 {
		return 0, false
	}
	switch c.Aggregation {
	case "avg":
		return milliseconds(h.Mean()), true
	case "min":
		return milliseconds(h.Min()), true
	case "max":
		return milliseconds(h.Max()), true
	case "med":
		return milliseconds(h.Percentile(50)), true
	}
	return milliseconds(h.Percentile(c.Percentile)), true
}
