package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tidemark/producers/load"
	"tidemark/producers/load/search"
)

func compared(t *testing.T, before, after File) (Comparison, map[string]Figure) {
	t.Helper()
	c, err := Compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]Figure{}
	for _, f := range c.Figures {
		if _, twice := figures[f.Name]; twice {
			t.Errorf("%s is there twice", f.Name)
		}
		figures[f.Name] = f
	}
	return c, figures
}

func run(s *load.Summary) File { return File{Name: s.Run, Run: s} }

// TestCompareRuns: runs that differ by chance do not differ, and runs that differ do, in what differs.
func TestCompareRuns(t *testing.T) {
	_, same := compared(t, run(made(1, 12, 1)), run(made(2, 12, 1)))
	if len(same) < 16 {
		t.Errorf("only %d figures", len(same))
	}
	for name, f := range same {
		if want := NotProven; f.Result != want && name != "drain" {
			t.Errorf("two equal runs: %s is %s", name, f.Result)
		}
	}
	_, slower := compared(t, run(made(1, 12, 1)), run(made(2, 12, 1.3)))
	_, faster := compared(t, run(made(2, 12, 1.3)), run(made(1, 12, 1)))
	for _, name := range []string{"sent, p50", "queryable in raw, p50", "queryable in raw, p99", "queryable in rollups, p99", "lag"} {
		if f := slower[name]; f.Result != Higher || f.OldSamples != 12 || f.NewSamples != 12 {
			t.Errorf("a slower run: %s is %+v", name, f)
		}
		if f := faster[name]; f.Result != Lower {
			t.Errorf("a faster run: %s is %s", name, f.Result)
		}
	}
	if ratio, ok := slower["stored, p50"].Ratio(); !ok || math.Abs(ratio-1.3) > 0.1 {
		t.Errorf("latencies that are 1.3 times as long are %.3f times", ratio)
	}
	if f := slower["stored"]; f.Result != NotProven || math.Abs(*f.New-1000) > 1 {
		t.Errorf("the rate of a slower run at the same rate is %+v", f)
	}
	if _, few := compared(t, run(made(1, 5, 1)), run(made(2, 5, 9))); few["stored, p50"].Result != TooFew {
		t.Errorf("5 parts prove %s", few["stored, p50"].Result)
	}
}

// TestCompareResources: what only one run has is told once, and what has no spread proves nothing.
func TestCompareResources(t *testing.T) {
	a, b := made(1, 8, 1), made(2, 8, 1)
	for i := range b.Series {
		b.Series[i].Processes = []load.ProcessSample{{Role: "ingest", CPUS: float64(i) / 2, Resident: 5e6}}
	}
	b.Resources = []load.Resource{{Role: "ingest", CPUPerEventUS: 500, Cores: 0.5, ResidentMax: 5e6}}
	_, figures := compared(t, run(a), run(b))
	if f := figures["CPU of ingest"]; f.Result != NotMeasured || f.Old != nil || *f.New != 500 {
		t.Errorf("%+v", f)
	}
	_, figures = compared(t, run(b), run(a))
	if f := figures["CPU of ingest"]; f.Result != NotMeasured || f.New != nil {
		t.Errorf("%+v", f)
	}
	_, figures = compared(t, run(b), run(b))
	if figures["CPU of ingest"].Result != NoSpread || figures["cores of ingest"].Result != NotProven || figures["cores of ingest"].OldSamples != 8 {
		t.Errorf("%+v, %+v", figures["CPU of ingest"], figures["cores of ingest"])
	}
}

// TestCompareSettings: runs of other loads are not comparable, those of other bounds are in all but the verdict.
func TestCompareSettings(t *testing.T) {
	for name, change := range map[string]func(*load.Summary){
		"rate_events_per_s: 1000 and 2000":  func(s *load.Summary) { s.Config.Rate = 2000 },
		`mix: "token_calls" and "mixed"`:    func(s *load.Summary) { s.Config.Mix = "mixed" },
		`arrival: "constant" and "poisson"`: func(s *load.Summary) { s.Config.Arrival = load.Poisson },
		"duplicates_share: 0 and 0.1":       func(s *load.Summary) { s.Config.Duplicates = 0.1 },
	} {
		other := made(2, 8, 2)
		change(other)
		c, figures := compared(t, run(made(1, 8, 1)), run(other))
		if !slices.Equal(c.Differs, []string{name}) || figures["stored, p50"].Result != NotComparable {
			t.Errorf("%s: %q, %s", name, c.Differs, figures["stored, p50"].Result)
		}
	}
	other := made(2, 8, 1)
	other.Config.SLOMS, other.Config.DurationS, other.Partial = 500, 41, true
	c, figures := compared(t, run(made(1, 8, 1)), run(other))
	notes := strings.Join(c.Notes, "\n")
	if len(c.Differs) > 0 || figures["stored, p50"].Result != NotProven || !strings.Contains(notes, "slo_raw_ms: 2000 and 500: the verdicts") ||
		!strings.Contains(notes, "duration_s: 40 and 41") || !strings.Contains(notes, "ended early") {
		t.Errorf("%q, %q", c.Differs, notes)
	}
	old := made(1, 8, 1)
	old.Config.Mix, old.Config.Tenants, old.Config.Users = "", 0, 0
	if c, _ := compared(t, run(old), run(made(2, 8, 1))); len(c.Differs) > 0 || len(c.Notes) != 1 {
		t.Errorf("a file of an earlier version: %q, %q", c.Differs, c.Notes)
	}
}

func TestCompareSearches(t *testing.T) {
	found := func(lower, upper float64) File { return File{Name: "s", Search: madeSearch(lower, upper)} }
	ended, above := found(200, 220), found(200, 220)
	ended.Search.Search.State = search.Ended
	above.Search.Search.State, above.Search.Search.Upper = search.AboveRange, 0
	tighter := found(200, 220)
	for i := range tighter.Search.Trials {
		tighter.Search.Trials[i].Config.SLOMS = 10
	}
	for name, tt := range map[string]struct {
		before, after File
		want          Result
	}{
		"equal":                {found(100, 110), found(100, 110), NotProven},
		"overlapping":          {found(100, 110), found(105, 120), NotProven},
		"touching":             {found(100, 110), found(110, 120), NotProven},
		"above":                {found(100, 110), found(111, 120), Higher},
		"below":                {found(111, 120), found(100, 110), Lower},
		"above the range":      {found(100, 110), above, Higher},
		"both above a range":   {above, above, NotProven},
		"not confirmed":        {found(100, 110), ended, NoSpread},
		"with a tighter bound": {found(100, 110), tighter, NotComparable},
	} {
		c, figures := compared(t, tt.before, tt.after)
		if figures["sustained"].Result != tt.want || c.Method != SearchMethod {
			t.Errorf("%s: %s, want %s", name, figures["sustained"].Result, tt.want)
		}
	}
	if _, err := Compare(found(1, 2), run(made(1, 2, 1))); err == nil {
		t.Error("a search is compared with a run")
	}
}

// TestRankTest compares with all ways to choose, with and without ties, and the approximation with the exact test.
func TestRankTest(t *testing.T) {
	if p := rankTest([]float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}); math.Abs(p-2.0/252) > 1e-12 || math.Abs(p-leastP(5, 5)) > 1e-12 {
		t.Errorf("5 values below 5 others: p = %v, want 2/252", p)
	}
	if p := rankTest([]float64{1, 1, 1}, []float64{1, 1}); p != 1 {
		t.Errorf("equal values: p = %v", p)
	}
	if ranks, ties := doubledRanks([]float64{1, 2, 2}, []float64{5, 2}); !slices.Equal(ranks, []int{2, 6, 6, 10, 6}) || ties != 24 {
		t.Errorf("twice the ranks are %v, ties %v", ranks, ties)
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		values := make([]float64, 9)
		for i := range values {
			values[i] = float64(random.IntN(6))
		}
		if got, want := rankTest(values[:4], values[4:]), byEnumeration(values, 4); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: p = %v, want %v", values, got, want)
		}
	}
	draw := func(n int, shift float64) []float64 {
		values := make([]float64, n)
		for i := range values {
			values[i] = math.Round(20 * (random.NormFloat64() + shift))
		}
		return values
	}
	for _, shift := range []float64{0, 0.3, 0.7} {
		a, b := draw(25, 0), draw(25, shift)
		ranks, _ := doubledRanks(a, b)
		sum := 0
		for _, r := range ranks[:25] {
			sum += r
		}
		exact := exactRankTest(ranks, 25, sum)
		if near := rankTest(append(slices.Clone(a), a...), append(slices.Clone(b), b...)); near > exact+0.02 && exact < 0.5 {
			t.Errorf("twice as many values prove less: %v, %v", near, exact)
		}
	}
	false1, false2 := 0, 0 // Of equal samples, how many differ: exactly tested, and approximately.
	for range 1000 {
		if rankTest(draw(8, 0), draw(8, 0)) < significance {
			false1++
		}
		if rankTest(draw(40, 0), draw(40, 0)) < significance {
			false2++
		}
	}
	if false1 > 12 || false2 > 12 {
		t.Errorf("%d and %d of 1000 equal samples differ, 5 are expected", false1, false2)
	}
}

// byEnumeration is the p value by all ways to choose n of the values.
func byEnumeration(values []float64, n int) float64 {
	ranks, _ := doubledRanks(values[:n], values[n:])
	sum := func(set int) (s, size int) {
		for i, r := range ranks {
			if set>>i&1 == 1 {
				s, size = s+r, size+1
			}
		}
		return s, size
	}
	observed, _ := sum(1<<n - 1)
	var below, above, all float64
	for set := range 1 << len(values) {
		s, size := sum(set)
		if size != n {
			continue
		}
		all++
		if s <= observed {
			below++
		}
		if s >= observed {
			above++
		}
	}
	return math.Min(1, 2*math.Min(below, above)/all)
}

// TestWithin: what a sum grew by in a part of the run is from the last sample at or before its begin to the last in it.
func TestWithin(t *testing.T) {
	var samples []load.Sample
	for i := range 12 {
		samples = append(samples, load.Sample{AtS: float64(i + 1), Sent: uint64(100 * (i + 1))})
	}
	for _, tt := range []struct {
		from, to    float64
		first, last float64
	}{{5, 10, 5, 10}, {5.5, 10.5, 5, 10}, {0, 5, 1, 5}, {10, 20, 10, 12}} {
		found := within(samples, load.Window{FromS: tt.from, ToS: tt.to})
		if found[0].AtS != tt.first || found[len(found)-1].AtS != tt.last {
			t.Errorf("from %v to %v: from %v to %v", tt.from, tt.to, found[0].AtS, found[len(found)-1].AtS)
		}
	}
	if rate, ok := slope(within(samples, load.Window{FromS: 5, ToS: 10}), func(s load.Sample) float64 { return float64(s.Sent) }); rate != 100 || !ok {
		t.Errorf("100 events per second are %v", rate)
	}
}
