package load

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/producers"
	"tidemark/producers/load/verdict"
)

// TestUnknown: the rollups stop 40 s after the start, of a run that ends after 65 s and is looked at for another second. An event
// that was not seen is late if its SLO was over by then, and if not, nobody knows.
func TestUnknown(t *testing.T) {
	const never = 30_000
	for name, test := range map[string]struct {
		stopped, slo time.Duration
		outcome      verdict.Outcome
		state        verdict.State
		unknown      uint64 // About.
		late         string // A threshold on the share of those of which it is known.
	}{
		"never seen, and the SLO is over":      {0, 2 * time.Second, verdict.Fail, verdict.Failed, 500, "late_rollup:rate==1"},
		"never seen, and the SLO is not over":  {0, time.Hour, verdict.Pass, verdict.Unsure, never, ""},
		"the SLO is over for some of them":     {40 * time.Second, 10 * time.Second, verdict.Fail, verdict.Failed, 4500, "late_rollup:rate>0.3"},
		"the SLO is over for none of them":     {40 * time.Second, 30 * time.Second, verdict.Pass, verdict.Unsure, 12_500, "late_rollup:rate==0"},
		"all were seen, and the SLO is longer": {2 * time.Hour, time.Hour, verdict.Pass, verdict.OK, 0, "late_rollup:rate==0"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := minute
			cfg.SLORollup = test.slo
			s := &system{stopped: map[Stage]time.Duration{Rollup: test.stopped}}
			if test.late != "" {
				s.thresholds = conditions(t, test.late)
			}
			sum := try(t, s, Options{Rate: 500, Arrival: Constant}, cfg, nil)
			var check verdict.Check
			for _, c := range sum.Verdict.Checks {
				if c.Name == "freshness_rollup" {
					check = c
				}
			}
			unknown, all := verdict.Unknown(s.recorder.judged(Rollup))
			if sum.Verdict.Outcome != test.outcome || check.State != test.state || unknown+100 < test.unknown || unknown > test.unknown+100 || all != 30_000 {
				t.Errorf("%s, %+v; of %d of %d events nobody knows, want about %d", sum.Verdict.Outcome, check, unknown, all, test.unknown)
			}
			if said := strings.Contains(check.Detail, "nobody knows") && len(sum.Notes) == 1 && strings.Contains(sum.Notes[0], "in the rollups when the run stopped looking"); said != (unknown > 0) {
				t.Errorf("%q, notes %q", check.Detail, sum.Notes)
			}
			for _, c := range sum.Thresholds {
				if !c.OK {
					t.Errorf("%s does not hold: it is %v", c.Text, *c.Value)
				}
			}
			if w := sum.Windows["queryable_raw"][3]; w.Unknown != 0 || w.Late() != 0 {
				t.Errorf("raw: %+v", w)
			}
		})
	}
}

// TestDoubt: an event that was not seen is late from when its SLO is over, and a threshold that looks meanwhile counts none that is on
// its way.
func TestDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder(RecorderConfig{Warmup: 2 * time.Second, Duration: 8 * time.Second, SLO: 3 * time.Second, SLORollup: time.Second, Rolled: func(topic string) bool { return topic == "a" }})
		var crossed []string
		r.Watch(conditions(t, "late_raw:rate<0.5"), 0, func(c *CrossedError) { crossed = append(crossed, c.Text) })
		items := make([]producers.Item, 10)
		for i := range items {
			items[i].Due = time.Duration(i) * time.Second
		}
		r.sendingItems(items, 9*time.Second)
		r.Acknowledged("a", 0, 100, []int32{0, 1, 2, 3, 4})
		r.Acknowledged("b", 1, 7, []int32{7})
		r.Acknowledged("a", 0, 105, []int32{5, 6, 8, 9})
		r.Cover(Raw, "a", 0, 102, 4*time.Second)
		for _, step := range []struct {
			at      time.Duration
			unknown [2][2]uint64 // Of raw and of the rollups, by windows: of the events due from 2 s to 6 s, and from 7 s on.
			crossed int
		}{
			{4 * time.Second, [2][2]uint64{{5, 3}, {4, 2}}, 0},
			{5 * time.Second, [2][2]uint64{{5, 3}, {3, 2}}, 0},
			{6 * time.Second, [2][2]uint64{{4, 3}, {2, 2}}, 1},
			{9 * time.Second, [2][2]uint64{{1, 3}, {0, 2}}, 1},
			{time.Minute, [2][2]uint64{{0, 0}, {0, 0}}, 1},
		} {
			r.Poll(step.at)
			r.doubt()
			for i, stage := range []Stage{Raw, Rollup} {
				for window, want := range step.unknown[i] {
					if got := r.windows[stage][window].Unknown; got != want {
						t.Errorf("after %s, of %d events of part %d nobody knows whether they are late to %s; want %d", step.at, got, window, stage, want)
					}
				}
			}
			if len(crossed) != step.crossed {
				t.Errorf("after %s, thresholds that do not hold: %q", step.at, crossed)
			}
		}
	})
}
