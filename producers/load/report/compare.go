package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"tidemark/producers/load"
	"tidemark/producers/load/search"
)

// Result is what a comparison says of a figure.
type Result string

// The results. What has no spread is one number per run, of which nobody knows how much it varies.
const (
	Higher        Result = "higher"
	Lower         Result = "lower"
	NotProven     Result = "no difference proven"
	TooFew        Result = "too few parts"
	NoSpread      Result = "no spread known"
	NotComparable Result = "not comparable"
	NotMeasured   Result = "not measured"
)

// significance is the p value below which a difference is proven. A comparison makes about 16 tests, so that two equal
// runs differ in one of them in 8 % of comparisons.
const significance = 0.005

// Method says how Compare decides.
const Method = "parts of 5 s as samples, rank test of Mann and Whitney, two-sided, at 99.5 % confidence"

// SearchMethod says how Compare decides on searches.
const SearchMethod = "a difference is proven if the intervals from sustained to not sustained do not overlap"

// Figure is a figure of two files. What was not measured is nil.
type Figure struct {
	Name     string
	Unit     string
	Old, New *float64
	// Samples and P are of the test; P is nil if there was none.
	OldSamples, NewSamples int
	P                      *float64
	Result                 Result
}

// Ratio returns New / Old, false if there is none.
func (f Figure) Ratio() (float64, bool) {
	if f.Old == nil || f.New == nil || *f.Old == 0 {
		return 0, false
	}
	r := *f.New / *f.Old
	return r, !math.IsNaN(r) && !math.IsInf(r, 0)
}

// Comparison is what two files say of one another.
type Comparison struct {
	Old, New string // The names of the files.
	Method   string
	// Differs are the settings that make the figures not comparable, Notes what else to know.
	Differs, Notes []string
	Figures        []Figure
}

// Compare compares two runs or two searches.
func Compare(before, after File) (Comparison, error) {
	c := Comparison{Old: before.Name, New: after.Name, Method: Method}
	switch {
	case before.Run != nil && after.Run != nil:
		c.compareRuns(before.Run, after.Run)
	case before.Search != nil && after.Search != nil:
		c.Method = SearchMethod
		c.compareSearches(before.Search, after.Search)
	default:
		return c, fmt.Errorf("%s and %s cannot be compared: one is a run and the other a search", before.Name, after.Name)
	}
	return c, nil
}

// compareRuns compares every figure of two runs.
func (c *Comparison) compareRuns(before, after *load.Summary) {
	c.configurations(before.Config, after.Config, true)
	for i, s := range []*load.Summary{before, after} {
		if s.Partial {
			c.Notes = append(c.Notes, [...]string{c.Old, c.New}[i]+" was ended early")
		}
	}
	a, b := figuresOf(before), figuresOf(after)
	for _, f := range b {
		c.add(named(a, f), f)
	}
	for _, f := range a {
		if !slices.ContainsFunc(b, func(other figure) bool { return other.name == f.name }) {
			c.add(f, figure{name: f.name, unit: f.unit})
		}
	}
}

// named returns the figure of the same name, one that was not measured if there is none.
func named(all []figure, like figure) figure {
	for _, f := range all {
		if f.name == like.name {
			return f
		}
	}
	return figure{name: like.name, unit: like.unit}
}

// add compares one figure, unless neither run has it.
func (c *Comparison) add(before, after figure) {
	f := Figure{
		Name: after.name, Unit: after.unit, Old: before.value, New: after.value, OldSamples: len(before.samples), NewSamples: len(after.samples),
	}
	switch {
	case f.Old == nil && f.New == nil:
		return
	case f.Old == nil || f.New == nil:
		f.Result = NotMeasured
	case len(c.Differs) > 0:
		f.Result = NotComparable
	case !before.spread || !after.spread:
		f.Result = NoSpread
	default:
		f.decide(before.samples, after.samples)
	}
	c.Figures = append(c.Figures, f)
}

// decide tests the samples.
func (f *Figure) decide(before, after []float64) {
	if len(before) == 0 || len(after) == 0 || leastP(len(before), len(after)) > significance {
		f.Result = TooFew
		return
	}
	p := rankTest(before, after)
	f.P, f.Result = &p, NotProven
	if p >= significance {
		return
	}
	ranks, _ := doubledRanks(before, after)
	sum := 0
	for _, r := range ranks[:len(before)] {
		sum += r
	}
	f.Result = Higher
	if sum > len(before)*(len(ranks)+1) { // Twice what is expected.
		f.Result = Lower
	}
}

// configurations finds settings that differ, by their names in files. rate reports whether the rates count.
func (c *Comparison) configurations(a, b load.SummaryConfig, rate bool) {
	untold := a.Mix == "" || b.Mix == "" // An earlier version does not tell what the events were like.
	if untold {
		c.Notes = append(c.Notes, "one of the files does not tell what the events were like")
	}
	before, after := settings(a), settings(b)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		text := fmt.Sprintf("%s: %s and %s", name, before[name], after[name])
		switch {
		case before[name] == after[name], untold && (isZero(before[name]) || isZero(after[name])), !rate && strings.HasSuffix(name, "rate_events_per_s"):
		case name == "warmup_s" || name == "duration_s":
			c.Notes = append(c.Notes, text)
		case rate && strings.HasPrefix(name, "slo_"): // Latencies do not depend on it.
			c.Notes = append(c.Notes, text+": the verdicts are not comparable")
		default:
			c.Differs = append(c.Differs, text)
		}
	}
}

// settings returns the settings of a run as JSON, by their names in files. One that is absent is null.
func settings(c load.SummaryConfig) map[string]string {
	var fields map[string]json.RawMessage
	text, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	found := map[string]string{}
	if err != nil { // A rate that is not a number, which no file has.
		return found
	}
	for name, value := range fields {
		found[name] = string(value)
	}
	return found
}

func isZero(value string) bool { return value == "0" || value == `""` || value == "" }

// compareSearches compares the intervals of two searches.
func (c *Comparison) compareSearches(before, after *Search) {
	if len(before.Trials) > 0 && len(after.Trials) > 0 {
		c.configurations(before.longest(), after.longest(), false)
	}
	a, b := before.Search, after.Search
	result := NotProven
	switch {
	case len(c.Differs) > 0:
		result = NotComparable
	case !confirmed(a.State) || !confirmed(b.State):
		result = NoSpread
		c.Notes = append(c.Notes, fmt.Sprintf("the searches ended as %s and %s: an interval that is not confirmed proves nothing", a.State, b.State))
	case a.Upper > 0 && b.Lower > a.Upper:
		result = Higher
	case b.Upper > 0 && a.Lower > b.Upper:
		result = Lower
	}
	for _, f := range []struct {
		name     string
		old, new float64
	}{{"sustained", a.Lower, b.Lower}, {"not sustained", a.Upper, b.Upper}} {
		c.Figures = append(c.Figures, Figure{Name: f.name, Unit: "events/s", Old: positive(f.old), New: positive(f.new), Result: result})
	}
}

// confirmed reports whether the bounds of a search are more than a guess.
func confirmed(s search.State) bool { return s == search.Found || s == search.AboveRange }

// longest returns the settings of the longest trial.
func (s *Search) longest() load.SummaryConfig {
	found := s.Trials[0].Config
	for _, t := range s.Trials[1:] {
		if t.Config.DurationS > found.DurationS {
			found = t.Config
		}
	}
	return found
}

// positive returns nil for 0, which stands for a rate that is not known.
func positive(x float64) *float64 {
	if x == 0 {
		return nil
	}
	return &x
}
