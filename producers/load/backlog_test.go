package load

import (
	"context"
	"encoding/json"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/producers"
	"tidemark/producers/load/verdict"
	"tidemark/producers/synthetic"
)

// drainOf fills a simulated log, starts its pipeline 20 s later, and follows the events for 2 minutes at most.
func drainOf(t *testing.T, s *system, e Ending) (b Backlog) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder(RecorderConfig{Duration: time.Hour, Rolled: func(topic string) bool { return topic != "tidemark.runs.v1" }})
		s.recorder, s.ends, s.at = r, map[string]int64{}, map[string]int64{}
		o := Options{Rate: 100, Run: "load-1", Workload: synthetic.Options{Seed: 3, Profile: synthetic.TokenCalls}}
		e.Result, e.Err = Fill(t.Context(), &producers.Sender{Log: s}, o, 10_000, 100*time.Second, r, nil)
		filled := r.Elapsed()
		time.Sleep(20 * time.Second)
		working, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.work(working) })
		d := &Drain{Recorder: r, Ratio: 0.9}
		for range 2400 {
			if _, e.Drained = d.See(r.Elapsed()); e.Drained {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		stop()
		wg.Wait()
		b = d.SumUp(o, 100*time.Second, filled, e)
	})
	return b
}

// TestBacklog: the rate is that of the draining, without the wait for it to begin.
func TestBacklog(t *testing.T) {
	right := Ending{Audited: true, AuditOK: true, Audit: "no difference"}
	b := drainOf(t, &system{perTick: 50, ack: func(time.Duration) time.Duration { return time.Second }}, right) // 1000 events/s.
	if b.Outcome != verdict.Pass || b.Events != 10_000 || b.FillRate < 4000 || b.FillRate > 10_000 || !b.Passed() {
		t.Errorf("%+v", b)
	}
	for _, s := range b.Stages {
		of := uint64(10_000)
		if s.Stage != Rollup.String() {
			of++ // What is said about the run.
		}
		if s.Events != of || s.Reached != of || s.FirstS == nil || s.DoneS == nil || s.Rate == nil || math.Abs(*s.Rate-1000) > 20 || math.Abs(*s.DoneS-9) > 0.2 {
			t.Errorf("%+v", s)
		}
	}

	stopped := map[Stage]time.Duration{Rollup: 25 * time.Second}
	b = drainOf(t, &system{perTick: 50, stopped: stopped}, right)
	if s := b.Stages[2]; b.Outcome != verdict.Fail || s.DoneS != nil || s.Rate != nil || s.Reached < 4000 || s.Reached > 6000 {
		t.Errorf("rollups stop: %+v", b)
	}
	b = drainOf(t, &system{stopped: map[Stage]time.Duration{Stored: 0, Raw: 0, Rollup: 0}}, right)
	if b.Outcome != verdict.Fail || len(b.Resources) != 0 || b.Stages[0].FirstS != nil {
		t.Errorf("nothing works: %+v", b)
	}
	wrong := right
	wrong.AuditOK = false
	if b = drainOf(t, &system{}, wrong); b.Outcome != verdict.Wrong || b.Passed() {
		t.Errorf("an event was lost: %+v", b)
	}
	if b = drainOf(t, &system{}, Ending{Audit: "not made"}); b.Outcome != verdict.Wrong {
		t.Errorf("no audit: %+v", b)
	}
	if b = drainOf(t, &system{fails: 1}, right); b.Outcome != verdict.Fail || !b.Partial {
		t.Errorf("the log is gone: %+v", b)
	}
}

// TestInterruptedBacklog: an interruption while the log is filled counts what the log has, and says that it was one.
func TestInterruptedBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &system{ends: map[string]int64{}, ack: func(time.Duration) time.Duration { return time.Second }}
		s.recorder = NewRecorder(RecorderConfig{Duration: time.Hour, Rolled: func(string) bool { return true }})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, cancel)
		o := Options{Rate: 100, Run: "load-1", Workload: synthetic.Options{Seed: 3, Profile: synthetic.TokenCalls}}
		e := Ending{Audit: "not made"}
		e.Result, e.Err = Fill(ctx, &producers.Sender{Log: s}, o, 100_000, time.Minute, s.recorder, nil)
		b := (&Drain{Recorder: s.recorder, Ratio: 0.9}).SumUp(o, time.Minute, s.recorder.Elapsed(), e)
		if b.Outcome != verdict.Interrupted || !b.Partial || b.Events != 2*producers.DefaultBatchItems || s.ends["tidemark.runs.v1"] != 1 {
			t.Errorf("%s, partial: %t, %d events, %v in the log", b.Outcome, b.Partial, b.Events, s.ends)
		}
		if _, err := json.Marshal(b); err != nil {
			t.Errorf("the summary is no JSON: %v", err)
		}
	})
}
