package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tidemark/producers/load/verdict"
)

// plans are of all kinds, with what is due by the end after a warm-up of 10 s.
var plans = map[string]struct {
	plan Plan
	due  float64
}{
	"one rate":          {Plan{100, []Step{{time.Minute, 100}}}, 7000},
	"from nothing":      {Plan{0, []Step{{20 * time.Second, 200}}}, 2000},
	"to nothing":        {Plan{200, []Step{{20 * time.Second, 0}}}, 4000},
	"jumps":             {Plan{10, []Step{{10 * time.Second, 10}, {0, 500}, {4 * time.Second, 500}, {0, 10}, {5 * time.Second, 10}}}, 2250},
	"nothing for a bit": {Plan{100, []Step{{0, 0}, {10 * time.Second, 0}, {0, 100}, {10 * time.Second, 100}}}, 2000},
	"a slow climb":      {Plan{1e6, []Step{{time.Hour, 1e6 + 1}}}, 3610e6 + 1800},
}

// TestPlan: due is the inverse of events, everywhere.
func TestPlan(t *testing.T) {
	for name, c := range plans {
		curve := c.plan.curve(10 * time.Second)
		if got := curve.events(curve.end()); math.Abs(got-c.due) > 1e-6*c.due {
			t.Errorf("%s: %v events are due, want %v", name, got, c.due)
		}
		if got := curve.end(); got != c.plan.Takes()+10*time.Second {
			t.Errorf("%s: it ends after %s", name, got)
		}
		random := rand.New(rand.NewPCG(1, 2))
		last := time.Duration(0)
		amounts := make([]float64, 1000)
		for i := range amounts {
			amounts[i] = random.Float64() * c.due
		}
		slices.Sort(amounts)
		for _, n := range amounts {
			at := curve.due(n)
			if back := curve.events(at); math.Abs(back-n) > 1e-5*max(n, 100) || at < last || at > curve.end()+1 {
				t.Errorf("%s: event %v is due after %s, by which %v are due", name, n, at, back)
				break
			}
			last = at
		}
	}
	quiet := plans["nothing for a bit"].plan.curve(10 * time.Second)
	if at := quiet.due(1000); at != 20*time.Second {
		t.Errorf("an event is due after %s, while the rate is 0", at)
	}
	if at := (Plan{0, []Step{{time.Second, 0}}}).curve(0).due(1); at != math.MaxInt64 {
		t.Errorf("an event that never comes is due after %s", at)
	}
}

func TestProfiles(t *testing.T) {
	for profile, share := range map[Profile]float64{Steady: 1, Ramp: 0.5, Stairs: 0.6, Spike: 0.28} {
		plan, err := profile.Plan(1000, 100*time.Second)
		if err != nil || plan.Takes() != 100*time.Second || plan.Highest() != 1000 || plan.Validate() != nil {
			t.Errorf("%s: %v, %s, up to %v: %v", profile, plan, plan.Takes(), plan.Highest(), err)
		}
		if mean := plan.curve(0).mean(0, 100*time.Second); math.Abs(mean-1000*share) > 1 {
			t.Errorf("%s: %v events/s on average, want %v", profile, mean, 1000*share)
		}
	}
	if _, err := Profile("sine").Plan(1, time.Minute); err == nil {
		t.Error("there is no profile sine")
	}
	for _, bad := range []Plan{{Start: -1}, {Start: math.NaN()}, {Steps: []Step{{time.Second, math.Inf(1)}}}, {Steps: []Step{{-1, 1}}}} {
		if bad.Validate() == nil {
			t.Errorf("%v is a plan", bad)
		}
	}
}

// TestChangingRate: a system that keeps up passes a ramp and a spike, and the summary says how the rate changed.
func TestChangingRate(t *testing.T) {
	for _, profile := range []Profile{Ramp, Stairs, Spike} {
		for _, arrival := range []Arrival{Constant, Poisson} {
			plan, err := profile.Plan(1000, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			s := &system{ack: func(time.Duration) time.Duration { return 5 * time.Millisecond }}
			sum := try(t, s, Options{Plan: plan, Arrival: arrival}, minute, nil)
			judged(t, sum, verdict.Pass, verdict.NoLimit)
			due := plan.curve(5*time.Second).mean(5*time.Second, 65*time.Second) * 60
			if got := float64(sum.Events.Offered); math.Abs(got-due) > 0.03*due+1 || arrival == Constant && math.Abs(got-due) > 1.5 || sum.Events.Raw != sum.Events.Offered {
				t.Errorf("%s, %s: %v events, want %v: %+v", profile, arrival, got, due, sum.Events)
			}
			for i, w := range sum.Windows["queryable_raw"] { // Of a part, as many come as are due in it.
				if w.Events != w.Reached {
					t.Errorf("%s, %s: window %d: %+v", profile, arrival, i, w)
				}
			}
			last := sum.Series[len(sum.Series)-1]
			if sum.Breaking != nil || sum.Config.Highest != 1000 || len(sum.Config.Steps) == 0 || math.Abs(float64(last.Due)-float64(sum.Events.Produced)) > 0.03*due {
				t.Errorf("%s, %s: breaks at %v, %+v, at the end %+v", profile, arrival, sum.Breaking, sum.Config, last)
			}
		}
	}
}

// TestBreaking: a ramp beyond what the system takes says at which rate it became too much.
func TestBreaking(t *testing.T) {
	plan, err := Ramp.Plan(2000, 100*time.Second) // 20 events/s more per second.
	if err != nil {
		t.Fatal(err)
	}
	s := &system{perTick: 50} // 1,000 events/s.
	sum := try(t, s, Options{Plan: plan}, RecorderConfig{Warmup: time.Second, Duration: 100 * time.Second}, nil)
	judged(t, sum, verdict.Fail, verdict.Ingest)
	// The queue of a second is reached when (rate - 1000)^2 / 40 = 1000: at 1,200 events/s.
	if b := sum.Breaking; b == nil || b.Stage != "queryable_raw" || b.Rate < 1050 || b.Rate > 1300 {
		t.Errorf("breaks at %+v", b)
	}
}

// TestAbortOnFail: the run ends at the first second in which a condition does not hold, after the delay; the events sent until then are counted
// and audited, and the verdict says why.
func TestAbortOnFail(t *testing.T) {
	s := &system{ack: func(at time.Duration) time.Duration {
		if at > 30*time.Second {
			return 300 * time.Millisecond
		}
		return 5 * time.Millisecond
	}}
	s.thresholds = conditions(t, "acknowledged_ms:p(90)<200", "drain_s:value<1")
	s.abortAfter = 10 * time.Second
	sum := try(t, s, Options{Rate: 500}, minute, nil)
	judged(t, sum, verdict.Fail, verdict.Broker)
	if n := sum.Events.Produced; n < 16_000 || n > 25_000 || sum.Events.Stored == 0 || !sum.Partial {
		t.Errorf("%+v", sum.Events)
	}
	if want := "ended early: acknowledged_ms:p(90)<200 does not hold"; len(sum.Verdict.Reason) < len(want) || sum.Verdict.Reason[:len(want)] != want {
		t.Errorf("the reason is %q", sum.Verdict.Reason)
	}
	s = &system{abortAfter: 10 * time.Second, thresholds: conditions(t, "acknowledged_ms:p(90)<200")}
	judged(t, try(t, s, Options{Rate: 500}, minute, nil), verdict.Pass, verdict.NoLimit)
}
