package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tidemark/producers/load"
	"tidemark/producers/load/verdict"
)

// comparisonView is a comparison as the page shows it.
type comparisonView struct {
	Comparison
	Rows [][]string
}

// runSection is the part of the page on a run. Index is that of its charts.
type runSection struct {
	Index   int
	Label   string
	Latency [][]string
	Trend   string
	Parts   table // Of the time.
	Usage   [][]string
	Bytes   string
	Missing []string // What was not measured.
	// Which charts there are.
	Rates, Trended, Raw, Rollup, Cores, Merges bool
}

// searchSection is the part of the page on a search.
type searchSection struct {
	Index  int
	Label  string
	Trials [][]string
}

// table is a table with its note.
type table struct {
	Note string
	Rows [][]string
}

// mostRows bounds a table.
const mostRows = 120

func sectionOf(s *load.Summary, p runPlots, label string, index int) runSection {
	r := runSection{
		Index: index, Label: label, Latency: latencyRows(s), Parts: partsOf(s), Usage: usageRows(s), Rates: len(p.Time) > 1, Trended: len(p.Trend) > 0,
		Raw: len(p.Freshness[load.Raw.String()]) > 0, Rollup: len(p.Freshness[load.Rollup.String()]) > 0, Cores: len(p.Cores) > 0,
		Merges: slices.Max(append(p.Parts, 0)) > 0,
	}
	if s.Lag != nil {
		r.Trend = fmt.Sprintf("The lag grows by %.1f events/s (for sure by %.1f) and is %s events at the end; 1 s of the rate is %s events. The ledger had everything %.2f s after the last event.",
			s.Lag.Slope, s.Lag.Low, count(s.Lag.End), count(s.Config.Rate), s.DrainS)
	}
	var bytes []string
	for _, b := range []struct {
		name  string
		value *float64
	}{{"log", s.LogBytesPerEvent}, {"database", s.DiskBytesPerEvent}} {
		if b.value != nil {
			bytes = append(bytes, fmt.Sprintf("%.1f bytes per event in the %s", *b.value, b.name))
		}
	}
	r.Bytes = strings.Join(bytes, ", ")
	for _, m := range []struct {
		missing bool
		what    string
	}{
		{!r.Rates, "rates and lag over time"}, {!r.Trended, "the trend of the lag"}, {!r.Raw, "freshness in raw over time"},
		{!r.Rollup, "freshness in rollups over time"}, {len(p.Curves) == 0, "latency by percentile"}, {!r.Cores, "CPU and memory"},
		{!r.Merges, "active parts and merges"}, {r.Bytes == "", "bytes per event"},
	} {
		if m.missing {
			r.Missing = append(r.Missing, m.what)
		}
	}
	return r
}

func latencyRows(s *load.Summary) [][]string {
	var rows [][]string
	for _, at := range Stages {
		l, rate := s.Latency[at.Stage.String()], "–"
		if r, ok := s.Rates[at.Stage.String()]; ok {
			rate = count(r)
		}
		row := []string{at.Label, count(float64(l.Count)), rate}
		for _, ms := range []float64{l.P50MS, l.P90MS, l.P99MS, l.P999MS, l.MaxMS} {
			if l.Count == 0 {
				row = append(row, "–")
				continue
			}
			row = append(row, millis(ms))
		}
		rows = append(rows, row)
	}
	return rows
}

// partsOf are the parts of 5 s, put together if there are many: the rates are means, the latencies the worst.
func partsOf(s *load.Summary) table {
	all := s.Windows[load.Sent.String()]
	step := 1 + (len(all)-1)/mostRows
	t := table{Note: "Parts of 5 s."}
	if step > 1 {
		t.Note = fmt.Sprintf("Parts of %d s; the latencies and shares are the worst of 5 s in them.", 5*step)
	}
	due := dueOf(s)
	for i := 0; i < len(all); i += step {
		group := all[i:min(i+step, len(all))]
		samples := within(s.Series, load.Window{FromS: group[0].FromS, ToS: group[len(group)-1].ToS})
		row := []string{strconv.FormatFloat(group[0].FromS, 'f', -1, 64)}
		rate := func(of func(load.Sample) float64) string {
			if r, ok := slope(samples, of); ok {
				return count(r)
			}
			return "–"
		}
		row = append(row, rate(due))
		for _, at := range Stages[1:] {
			row = append(row, rate(func(x load.Sample) float64 { return float64(countOf(x, at.Stage)) }))
		}
		lag := "–"
		if len(samples) > 0 {
			lag = count(samples[len(samples)-1].Lag)
		}
		row = append(row, lag)
		for _, stage := range []load.Stage{load.Raw, load.Rollup} {
			windows := s.Windows[stage.String()]
			row = append(row, worst(windows[min(i, len(windows)):min(i+step, len(windows))])...)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// worst returns the share within the SLO, p50, p99 and max of the worst of some windows.
func worst(windows []load.Window) []string {
	share, p50, p99, most := 1.0, 0.0, 0.0, 0.0
	known, reached := false, false
	for _, w := range windows {
		if w.Events > 0 {
			share, known = math.Min(share, withinSLO(w.Window)), true
		}
		if w.P50MS != nil && w.P99MS != nil && w.MaxMS != nil {
			p50, p99, most, reached = math.Max(p50, *w.P50MS), math.Max(p99, *w.P99MS), math.Max(most, *w.MaxMS), true
		}
	}
	if !known {
		return []string{"–", "–", "–", "–"}
	}
	cells := []string{fmt.Sprintf("%.2f %%", 100*share)}
	for _, ms := range []float64{p50, p99, most} {
		if !reached {
			cells = append(cells, "–")
			continue
		}
		cells = append(cells, millis(ms))
	}
	return cells
}

func usageRows(s *load.Summary) [][]string {
	var rows [][]string
	for _, r := range s.Resources {
		rows = append(rows, []string{r.Role, fmt.Sprintf("%.2f", r.CPUPerEventUS), fmt.Sprintf("%.2f", r.Cores), fmt.Sprintf("%.0f", float64(r.ResidentMax)/1e6)})
	}
	return rows
}

func trialRows(s *Search) [][]string {
	var rows [][]string
	for i := range s.Trials {
		t, limit, slope := &s.Trials[i], string(s.Trials[i].Verdict.Limit), "–"
		if limit == "" {
			limit = "–"
		}
		if t.Lag != nil {
			slope = fmt.Sprintf("%.1f", t.Lag.Slope)
		}
		phase := ""
		if i < len(s.Search.Trials) {
			phase = s.Search.Trials[i].Phase
		}
		rows = append(rows, []string{phase, count(t.Config.Rate), string(t.Verdict.Outcome), limit, trialP99(t, load.Raw), trialP99(t, load.Rollup), slope})
	}
	return rows
}

func trialP99(s *load.Summary, stage load.Stage) string {
	if l := s.Latency[stage.String()]; l.Count > 0 {
		return millis(l.P99MS)
	}
	return "–"
}

func searchPlotsOf(s *Search, label string) searchPlots {
	p := searchPlots{Label: label, Lower: s.Search.Lower, Upper: s.Search.Upper, Trials: []trialPoint{}, MaxGrowth: verdict.LagGrowth}
	for i := range s.Trials {
		t := &s.Trials[i]
		p.SLOMS = t.Config.SLOMS
		point := trialPoint{Rate: t.Config.Rate, Outcome: string(t.Verdict.Outcome), Limit: string(t.Verdict.Limit)}
		if i < len(s.Search.Trials) {
			point.Phase = s.Search.Trials[i].Phase
			point.Outcome = string(s.Search.Trials[i].Outcome) // A threshold counts too.
		}
		if l := t.Latency[load.Raw.String()]; l.Count > 0 {
			point.P99MS = &l.P99MS
		}
		if t.Lag != nil {
			point.Slope = &t.Lag.Slope
		}
		p.Trials = append(p.Trials, point)
	}
	return p
}

func comparisonOf(c Comparison) comparisonView {
	v := comparisonView{Comparison: c}
	for _, f := range c.Figures {
		v.Rows = append(v.Rows, f.Cells())
	}
	return v
}

// Cells returns the figure as a row of a table: name, unit, old, new, new / old, result.
func (f Figure) Cells() []string {
	row := []string{f.Name, f.Unit}
	for _, value := range []*float64{f.Old, f.New} {
		if value == nil {
			row = append(row, "–")
			continue
		}
		row = append(row, plain(*value))
	}
	ratio := "–"
	if r, ok := f.Ratio(); ok && f.Result != NotComparable {
		ratio = fmt.Sprintf("%.3f", r)
	}
	result := string(f.Result)
	switch {
	case f.P != nil && *f.P < 0.001:
		result += " (p < 0.001)"
	case f.P != nil:
		result += fmt.Sprintf(" (p = %.3f)", *f.P)
	case f.Result == TooFew:
		result += fmt.Sprintf(" (%d and %d)", f.OldSamples, f.NewSamples)
	}
	return append(row, ratio, result)
}

// plain writes a number with the digits that matter.
func plain(x float64) string {
	switch size := math.Abs(x); {
	case size >= 1000:
		return count(x)
	case size >= 10:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 3, 64)
}

// millis writes milliseconds with the digits that matter.
func millis(ms float64) string {
	if math.Abs(ms) >= 1000 {
		return count(ms)
	}
	return strconv.FormatFloat(ms, 'f', 1, 64)
}

// count writes a rounded number with commas between thousands.
func count(x float64) string {
	digits := strconv.FormatFloat(math.Abs(math.Round(x)), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if math.Round(x) < 0 {
		return "-" + digits
	}
	return digits
}
