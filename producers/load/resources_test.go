package load

import (
	"math"
	"reflect"
	"testing"
	"time"

	"tidemark/producers"
	"tidemark/producers/load/verdict"
)

// TestResources: what processes used is by role and of the measured time, and what is not known is absent.
func TestResources(t *testing.T) {
	const s = time.Second
	r := NewRecorder(RecorderConfig{Warmup: 10 * s, Duration: 20 * s, SLO: s, SLORollup: s, Rolled: func(string) bool { return true }})
	reading := func(role, id string, at, cpu time.Duration, resident uint64) {
		r.Used(Reading{Role: role, ID: id, At: at, CPU: cpu, Resident: resident})
	}
	// One process that works at half a core and reports every 10 s, apart from the ends of the measured time.
	for i := range 5 {
		reading("ingest", "a", time.Duration(10*i-5)*s, time.Duration(100+5*i)*s, uint64(1000-i))
	}
	reading("ingest", "a", 35*s, 999*s, 1<<40) // Not newer.
	// Another one, with a quarter of a core, and one that began too late to tell.
	reading("ingest", "b", 0, 0, 500)
	reading("ingest", "b", 40*s, 10*s, 700)
	reading("rollup", "c", 25*s, s, 100)
	reading("rollup", "c", 40*s, 2*s, 100)
	reading("audit", "d", 20*s, s, 100)
	reading(LoadRole, "", 0, 0, 50)
	reading(LoadRole, "", 40*s, 4*s, 60)
	want := []Resource{
		{Role: "ingest", Cores: 0.75, CPUPerEventUS: 7500, ResidentMax: 1700},
		{Role: LoadRole, Cores: 0.1, CPUPerEventUS: 500, ResidentMax: 60},
	}
	got := r.resources(map[string]float64{"stored": 100, "acknowledged": 200})
	for i := range got {
		got[i].Cores, got[i].CPUPerEventUS = math.Round(got[i].Cores*1e6)/1e6, math.Round(got[i].CPUPerEventUS*1e3)/1e3
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := r.resources(nil); len(got) != 0 || got == nil {
		t.Errorf("without a rate: %+v", got)
	}
	for at, want := range map[time.Duration][]ProcessSample{
		-6 * s: nil,
		0:      {{"ingest", 102.5, 999 + 500}, {"load", 0, 50}},
		20 * s: {{"audit", 1, 100}, {"ingest", 117.5, 997 + 700}, {"load", 2, 60}},
		40 * s: {{"ingest", 130, 700}, {"load", 4, 60}, {"rollup", 2, 100}}, // The sum does not fall when a process ends.
		41 * s: nil,
	} {
		if got := r.usage.processesAt(at); !reflect.DeepEqual(got, want) {
			t.Errorf("after %s: %+v, want %+v", at, got, want)
		}
	}
}

// TestEngine: inserts that were delayed before the run do not count, and parts that nobody told are unknown.
func TestEngine(t *testing.T) {
	r := NewRecorder(RecorderConfig{Duration: 30 * time.Second, SLO: time.Second, SLORollup: time.Second})
	judge := func() verdict.Check {
		t.Helper()
		for _, c := range Summarize(r, Options{Rate: 1}, Ending{Result: Result{Truth: &producers.Truth{}}}).Verdict.Checks {
			if c.Name == "parts_trend" {
				return c
			}
		}
		t.Fatal("no check")
		return verdict.Check{}
	}
	poll := func(parts func(second int) uint64, delayed uint64) {
		r.series = series{}
		for i := 1; i <= 30; i++ {
			if parts != nil {
				r.Engine(Engine{Parts: parts(i), Merges: 2, Delayed: delayed})
			}
			r.Poll(time.Duration(i) * time.Second)
		}
	}
	poll(nil, 0)
	if c := judge(); c.State != verdict.Unsure {
		t.Errorf("unknown: %+v", c)
	}
	poll(func(int) uint64 { return 50 }, 7)
	if c := judge(); c.State != verdict.OK {
		t.Errorf("as many parts as before: %+v", c)
	}
	if s := r.series.samples[20]; s.Parts != 50 || s.Merges != 2 {
		t.Errorf("%+v", s)
	}
	poll(func(i int) uint64 { return uint64(90 + 10*i) }, 7)
	if c := judge(); c.State != verdict.Failed {
		t.Errorf("parts grow: %+v", c)
	}
	poll(func(int) uint64 { return 50 }, 8)
	if c := judge(); c.State != verdict.Failed {
		t.Errorf("an insert was delayed: %+v", c)
	}
}
