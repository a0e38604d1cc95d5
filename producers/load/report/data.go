package report

import (
	"maps"
	"math"
	"slices"

	"tidemark/producers/load"
	"tidemark/producers/load/verdict"
)

// The most points of a line and columns of a heat map. A longer run has a point per some seconds.
const (
	mostPoints  = 1500
	mostColumns = 360
)

// plots are what the charts of a page show. They are its JSON.
type plots struct {
	Runs     []runPlots    `json:"runs"`
	Searches []searchPlots `json:"searches"`
}

// runPlots are the charts of a run. Times are in seconds since the first event.
type runPlots struct {
	Label     string                `json:"label"`
	Rate      float64               `json:"rate"`
	SLOMS     map[string]float64    `json:"slo_ms"` // By stage.
	EndS      float64               `json:"end_s"`
	Bands     []band                `json:"bands"`
	Time      []float64             `json:"time"`
	Rates     map[string][]float64  `json:"rates"` // By line: offered and the stages.
	Lag       []float64             `json:"lag"`
	Trend     [][2]float64          `json:"trend"` // Two points, none if there is no trend.
	Freshness map[string][]fresh    `json:"freshness"`
	Curves    map[string][]point    `json:"curves"`
	Cores     map[string][]*float64 `json:"cores"`  // By role; nil where nothing was read, which is a gap.
	Memory    map[string][]*float64 `json:"memory"` // In bytes, likewise.
	Parts     []float64             `json:"parts"`
	Merges    []float64             `json:"merges"`
	Heat      map[string][]cell     `json:"heat"`
}

// point is a share of the events as 1/(1-share), the share itself, and the milliseconds that it does not exceed.
type point [3]float64

// fresh is a part of the run: from, to, p50, p99 and max in milliseconds, and the share within the SLO.
type fresh [6]float64

// cell is a field of a heat map: from, to in seconds, from, to in milliseconds, and the share of the events of its time.
type cell [5]float64

// band is a phase.
type band struct {
	Name string  `json:"name"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// searchPlots is the chart of a search.
type searchPlots struct {
	Label     string       `json:"label"`
	SLOMS     float64      `json:"slo_ms"`
	Lower     float64      `json:"lower"`
	Upper     float64      `json:"upper"`
	Trials    []trialPoint `json:"trials"`
	MaxGrowth float64      `json:"max_growth"` // Of the lag per second, as a share of the rate.
}

// trialPoint is a trial; what was not measured is nil.
type trialPoint struct {
	Rate    float64  `json:"rate"`
	Phase   string   `json:"phase"`
	Outcome string   `json:"outcome"`
	Limit   string   `json:"limit"`
	P99MS   *float64 `json:"p99_ms"`
	Slope   *float64 `json:"slope"`
}

// plotsOf returns what the charts of a run show.
func plotsOf(s *load.Summary, label string) runPlots {
	p := runPlots{
		Label: label, Rate: s.Config.Rate, Bands: bandsOf(s), SLOMS: map[string]float64{load.Raw.String(): s.Config.SLOMS, load.Rollup.String(): s.Config.SLORollMS},
		Rates: map[string][]float64{}, Freshness: map[string][]fresh{}, Curves: map[string][]point{}, Cores: map[string][]*float64{},
		Memory: map[string][]*float64{}, Heat: map[string][]cell{}, Time: []float64{}, Lag: []float64{}, Trend: [][2]float64{},
	}
	for _, at := range Stages {
		name := at.Stage.String()
		if points := curve(s, at.Stage); len(points) > 0 {
			p.Curves[name] = points
		}
		if at.Stage == load.Raw || at.Stage == load.Rollup {
			if rows := freshOf(s.Windows[name]); len(rows) > 0 {
				p.Freshness[name], p.Heat[name] = rows, heatOf(s.Windows[name])
			}
		}
	}
	samples, step := s.Series, 1+(len(s.Series)-1)/mostPoints
	lines, roles := linesOf(s), rolesOf([]*load.Summary{s})
	for i := step - 1; i < len(samples); i += step {
		p.Time, p.Lag = append(p.Time, brief(samples[i].AtS)), append(p.Lag, brief(samples[i].Lag))
		around := samples[max(i-max(2, step), 0):min(i+max(2, step)+1, len(samples))]
		for name, of := range lines {
			rate, _ := slope(around, of)
			p.Rates[name] = append(p.Rates[name], brief(rate))
		}
		p.usage(around, samples[i], roles)
	}
	if n := len(p.Time); n > 0 {
		p.EndS = p.Time[n-1]
	}
	p.Trend = trendOf(s)
	return p
}

// linesOf are the lines of the chart of rates.
func linesOf(s *load.Summary) map[string]func(load.Sample) float64 {
	lines, rolled := map[string]func(load.Sample) float64{"offered": dueOf(s)}, s.Latency[load.Rollup.String()].Count > 0
	for _, at := range Stages[1:] {
		if at.Stage != load.Rollup || rolled {
			lines[at.Stage.String()] = func(x load.Sample) float64 { return float64(countOf(x, at.Stage)) }
		}
	}
	return lines
}

// dueOf returns how many events were due at a sample: what it says, or what the rate was until the end of the run.
func dueOf(s *load.Summary) func(load.Sample) float64 {
	if slices.ContainsFunc(s.Series, func(x load.Sample) bool { return x.Due > 0 }) {
		return func(x load.Sample) float64 { return float64(x.Due) }
	}
	return func(x load.Sample) float64 {
		return s.Config.Rate * math.Min(x.AtS, s.Config.WarmupS+s.Config.DurationS)
	}
}

// usage adds a point to the charts of CPU, memory, parts and merges, if it was measured.
func (p *runPlots) usage(around []load.Sample, at load.Sample, roles []string) {
	for _, role := range roles {
		used, memory := usageOf(around, at, role)
		p.Cores[role], p.Memory[role] = append(p.Cores[role], used), append(p.Memory[role], memory)
	}
	p.Parts, p.Merges = append(p.Parts, float64(at.Parts)), append(p.Merges, float64(at.Merges))
}

// usageOf returns the cores that a role used around a sample and the bytes of its memory then, nil where nothing was read.
func usageOf(around []load.Sample, at load.Sample, role string) (cores, memory *float64) {
	process := processOf(at, role)
	if process == nil {
		return nil, nil
	}
	memory = new(float64(process.Resident))
	var known []load.Sample
	for _, s := range around {
		if processOf(s, role) != nil {
			known = append(known, s)
		}
	}
	if used, ok := slope(known, func(s load.Sample) float64 { return processOf(s, role).CPUS }); ok {
		cores = new(brief(math.Max(used, 0))) // A process that was started again counts from 0.
	}
	return cores, memory
}

// bandsOf returns the phases on the clock of the samples. What is offered is warm-up and measured time.
func bandsOf(s *load.Summary) []band {
	bands := []band{}
	for _, b := range []band{
		{"warm-up", 0, s.Config.WarmupS}, {"measure", s.Config.WarmupS, s.Config.WarmupS + s.Config.DurationS},
	} {
		if b.To > b.From {
			bands = append(bands, b)
		}
	}
	end := s.Config.WarmupS + s.Config.DurationS
	for _, phase := range s.Phases {
		from, to := phase.FromS-s.FirstEventS, phase.ToS-s.FirstEventS
		if phase.Name == "drain" && to > end {
			bands = append(bands, band{phase.Name, math.Max(from, end), to})
		}
	}
	return bands
}

// trendOf returns the line that the slope of the lag stands for, over the measured time.
func trendOf(s *load.Summary) [][2]float64 {
	if s.Lag == nil {
		return [][2]float64{}
	}
	from, to := s.Config.WarmupS, s.Config.WarmupS+s.Config.DurationS
	var offsets []float64
	for _, x := range s.Series {
		if x.AtS > from && x.AtS <= to+0.5 {
			offsets = append(offsets, x.Lag-s.Lag.Slope*x.AtS)
		}
	}
	if len(offsets) == 0 {
		return [][2]float64{}
	}
	slices.Sort(offsets)
	at0 := offsets[len(offsets)/2]
	return [][2]float64{{from, at0 + s.Lag.Slope*from}, {to, at0 + s.Lag.Slope*to}}
}

// curve returns the latencies of a stage by percentile, up to where one event is above.
func curve(s *load.Summary, stage load.Stage) []point {
	var points []point
	for _, q := range spectrum(s.Histograms[stage.String()], math.Max(s.Latency[stage.String()].MaxMS, 0)) {
		if q.Level < 1 {
			points = append(points, point{brief(1 / (1 - q.Level)), q.Level, q.MS})
		}
	}
	return points
}

// freshOf returns a row per window that has events. Windows are put together if there are many: what counts is the worst.
func freshOf(windows []load.Window) []fresh {
	var rows []fresh
	for group := range slices.Chunk(windows, 1+(len(windows)-1)/mostPoints) {
		row, known := fresh{group[0].FromS, group[len(group)-1].ToS, 0, 0, 0, 1}, false
		for _, w := range group {
			if w.P50MS == nil || w.P99MS == nil || w.MaxMS == nil {
				continue
			}
			known = true
			for i, value := range []float64{*w.P50MS, *w.P99MS, *w.MaxMS} {
				row[2+i] = math.Max(row[2+i], brief(value))
			}
			row[5] = math.Min(row[5], brief(withinSLO(w.Window)))
		}
		if known {
			rows = append(rows, row)
		}
	}
	return rows
}

// withinSLO returns the share of the events of a window that are not late, of those of which that is known.
func withinSLO(w verdict.Window) float64 {
	if w.Known() == 0 {
		return 1
	}
	return 1 - float64(w.Late())/float64(w.Known())
}

// heatOf returns the fields of the heat map. Windows are put together if there are many.
func heatOf(windows []load.Window) []cell {
	cells := []cell{}
	step := 1 + (len(windows)-1)/mostColumns
	for group := range slices.Chunk(windows, step) {
		counts, total := map[uint64]uint64{}, uint64(0)
		for _, w := range group {
			for _, b := range w.Buckets {
				counts[b[0]] += b[1]
				total += b[1]
			}
		}
		for _, end := range slices.Sorted(maps.Keys(counts)) {
			cells = append(cells, cell{
				group[0].FromS, group[len(group)-1].ToS, float64(load.MergedFromUS(end)) / 1000, float64(end+1) / 1000, brief(float64(counts[end]) / float64(total)),
			})
		}
	}
	return cells
}

// brief keeps six digits: what a chart shows, and no more text than that.
func brief(x float64) float64 {
	if x == 0 {
		return 0
	}
	scale := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(x))))
	if rounded := math.Round(x*scale) / scale; !math.IsNaN(rounded) && !math.IsInf(rounded, 0) {
		return rounded
	}
	return x
}
