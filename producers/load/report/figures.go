package report

import (
	"slices"
	"sort"

	"tidemark/producers/load"
)

// Stages are the stages with what people call them, in their order.
var Stages = []struct {
	Stage load.Stage
	Label string
}{
	{load.Sent, "sent"}, {load.Acknowledged, "acknowledged"}, {load.Stored, "stored"}, {load.Raw, "queryable in raw"},
	{load.Rollup, "queryable in rollups"},
}

// figure is a figure of one run: its value, nil if it was not measured, and what it was in the parts of 5 s, if that is
// known (spread).
type figure struct {
	name, unit string
	value      *float64
	samples    []float64
	spread     bool
}

// figuresOf returns the figures of a run.
func figuresOf(s *load.Summary) []figure {
	found := slices.Concat(rateFigures(s), latencyFigures(s))
	lag := figure{name: "lag", unit: "events", spread: true}
	for _, w := range wholeWindows(s) {
		var lags []float64
		for _, x := range within(s.Series, w) {
			if x.AtS > w.FromS {
				lags = append(lags, x.Lag)
			}
		}
		if m := mean(lags); m != nil {
			lag.samples = append(lag.samples, *m)
		}
	}
	lag.value = mean(lag.samples)
	drain := figure{name: "drain", unit: "s"}
	if !s.Partial {
		drain.value = &s.DrainS
	}
	found = append(found, lag, drain)
	for _, r := range s.Resources {
		cpu, memory := r.CPUPerEventUS, float64(r.ResidentMax)/1e6
		cores := coresFigure(s, r.Role)
		cores.value = &r.Cores
		found = append(found, figure{name: "CPU of " + r.Role, unit: "us/event", value: &cpu}, cores,
			figure{name: "memory of " + r.Role, unit: "MB", value: &memory})
	}
	return append(found, figure{name: "log", unit: "bytes/event", value: s.LogBytesPerEvent}, figure{name: "disk", unit: "bytes/event", value: s.DiskBytesPerEvent})
}

// rateFigures are the rates of the stages after the first.
func rateFigures(s *load.Summary) []figure {
	var found []figure
	for _, at := range Stages[1:] {
		f := figure{name: at.Label, unit: "events/s", spread: true}
		if rate, ok := s.Rates[at.Stage.String()]; ok && s.Latency[at.Stage.String()].Count > 0 {
			f.value = &rate
		}
		for _, w := range wholeWindows(s) {
			if rate, ok := slope(within(s.Series, w), func(x load.Sample) float64 { return float64(countOf(x, at.Stage)) }); ok {
				f.samples = append(f.samples, rate)
			}
		}
		found = append(found, f)
	}
	return found
}

// latencyFigures are the latencies of all stages.
func latencyFigures(s *load.Summary) []figure {
	var found []figure
	for _, at := range Stages {
		latency := s.Latency[at.Stage.String()]
		for _, p := range []struct {
			name string
			all  float64
			of   func(load.Window) *float64
		}{
			{"p50", latency.P50MS, func(w load.Window) *float64 { return w.P50MS }},
			{"p99", latency.P99MS, func(w load.Window) *float64 { return w.P99MS }},
		} {
			f := figure{name: at.Label + ", " + p.name, unit: "ms", spread: true}
			if latency.Count > 0 {
				f.value = &p.all
			}
			for _, w := range s.Windows[at.Stage.String()] {
				if value := p.of(w); value != nil && w.Whole() {
					f.samples = append(f.samples, *value)
				}
			}
			found = append(found, f)
		}
	}
	return found
}

// coresFigure is what the processes of a role use of the CPU.
func coresFigure(s *load.Summary, role string) figure {
	f := figure{name: "cores of " + role, unit: "cores", spread: true}
	for _, w := range wholeWindows(s) {
		var of []load.Sample
		for _, x := range within(s.Series, w) {
			if processOf(x, role) != nil {
				of = append(of, x)
			}
		}
		if cores, ok := slope(of, func(x load.Sample) float64 { return processOf(x, role).CPUS }); ok {
			f.samples = append(f.samples, cores)
		}
	}
	return f
}

// wholeWindows are the parts of 5 s of the run.
func wholeWindows(s *load.Summary) []load.Window {
	var found []load.Window
	for _, w := range s.Windows[load.Sent.String()] {
		if w.Whole() {
			found = append(found, w)
		}
	}
	return found
}

// within returns the samples of a window, with the last one before it: counts are sums, so the first one is where they begin.
func within(samples []load.Sample, w load.Window) []load.Sample {
	after := func(at float64) int {
		return sort.Search(len(samples), func(i int) bool { return samples[i].AtS > at })
	}
	to := after(w.ToS)
	return samples[min(max(after(w.FromS)-1, 0), to):to]
}

// slope returns by how much a sum grows per second, false if that cannot be known.
func slope(samples []load.Sample, of func(load.Sample) float64) (float64, bool) {
	if len(samples) < 2 {
		return 0, false
	}
	first, last := samples[0], samples[len(samples)-1]
	if last.AtS <= first.AtS {
		return 0, false
	}
	return (of(last) - of(first)) / (last.AtS - first.AtS), true
}

// mean returns nil if there are no values.
func mean(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	sum /= float64(len(values))
	return &sum
}

// countOf returns how many events have reached a stage.
func countOf(s load.Sample, stage load.Stage) uint64 {
	switch stage {
	case load.Sent:
		return s.Sent
	case load.Acknowledged:
		return s.Acknowledged
	case load.Stored:
		return s.Stored
	case load.Raw:
		return s.Raw
	}
	return s.Rollup
}

// processOf returns the sample of a role, nil if there is none.
func processOf(s load.Sample, role string) *load.ProcessSample {
	for i := range s.Processes {
		if s.Processes[i].Role == role {
			return &s.Processes[i]
		}
	}
	return nil
}
