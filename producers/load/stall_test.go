package load

import (
	"context"
	"io"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/producers"
	"tidemark/producers/load/verdict"
)

// slowSource makes events that are due a step apart until an end. It needs a time for each, and stands still once.
type slowSource struct {
	step, end, stallAt, stall, each time.Duration
	n                               int64
}

func (s *slowSource) Next(b *producers.Batch, limit int) error {
	for !b.Full(limit) {
		due := time.Duration(s.n) * s.step
		if due >= s.end {
			return io.EOF
		}
		if s.stall > 0 && due >= s.stallAt {
			time.Sleep(s.stall)
			s.stall = 0
		}
		time.Sleep(s.each)
		b.AddBytes([]byte{1}).Due = due
		s.n++
	}
	return nil
}

// offer offers a simulated system the events of a source, one per 2 ms, in batches of so many, in simulated time.
func offer(t *testing.T, s *system, g *slowSource, cfg RecorderConfig, batch int) (sum Summary) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.SLO, cfg.SLORollup, cfg.Rolled = time.Second, 2*time.Second, func(string) bool { return false }
		s.recorder, s.ends, s.at = NewRecorder(cfg), map[string]int64{}, map[string]int64{}
		working, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.work(working) })
		g.step, g.end = 2*time.Millisecond, cfg.Warmup+cfg.Duration
		pump := producers.Pump{Source: g, Sender: &producers.Sender{Log: s}, BatchItems: batch, Hooks: s.recorder.Hooks()}
		truth, err := pump.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		stop()
		wg.Wait()
		sum = Summarize(s.recorder, Options{Rate: 500}, Ending{Result: Result{Truth: truth}, Drained: true, Audited: true, AuditOK: true})
	})
	return sum
}

// TestStalledGenerator: a stall of the generator is in the send delay and in the freshness, and it is not called the
// pipeline's fault.
func TestStalledGenerator(t *testing.T) {
	// It makes an event per 2 ms. It stands still once, or needs 2.5 ms for each.
	for name, g := range map[string]*slowSource{
		"stalls":      {stallAt: 30 * time.Second, stall: 3 * time.Second},
		"is too slow": {each: 2500 * time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			sum := offer(t, &system{}, g, minute, 100)
			judged(t, sum, verdict.GeneratorLimited, verdict.Generator)
			sent, raw := sum.Latency["sent"], sum.Latency["queryable_raw"]
			if sent.MaxMS < 2500 || raw.MaxMS < 2500 || raw.Count != 30_000 || sent.Count != 30_000 {
				t.Errorf("the stall does not show: sent %+v, raw %+v", sent, raw)
			}
		})
	}
}

// TestShortStall: the pump lets events wait up to 10 ms for one another, and a batch is made while the one before is sent. What a
// stall of the generator takes beyond both makes events later, if only by 10 ms: that is in the longest send delay, in the
// freshness, and in the time that the generator was late by itself. A shorter stall delays no event, and nothing shows.
func TestShortStall(t *testing.T) {
	const ms, wait, ahead = time.Millisecond, producers.DefaultInterval, 250 * time.Millisecond // 125 events, each due 2 ms after the one before.
	for name, test := range map[string]struct {
		batch         int // Events.
		stall, latest time.Duration
	}{
		"nothing made ahead, no stall":      {1, 0, 8 * ms},
		"nothing made ahead, for the wait":  {1, wait, wait},
		"nothing made ahead, 10 ms longer":  {1, wait + 10*ms, wait + 10*ms},
		"nothing made ahead, 30 ms longer":  {1, wait + 30*ms, wait + 30*ms},
		"a batch made ahead, no stall":      {125, 0, wait},
		"a batch made ahead, 10 ms":         {125, 10 * ms, wait},
		"a batch made ahead, for its time":  {125, ahead + wait, wait},
		"a batch made ahead, 10 ms longer":  {125, ahead + wait + 10*ms, wait + 10*ms},
		"a batch made ahead, 100 ms longer": {125, ahead + wait + 100*ms, wait + 100*ms},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := RecorderConfig{Warmup: time.Second, Duration: 10 * time.Second}
			system := &system{tick: time.Millisecond} // What is sent is seen within 1 ms.
			sum := offer(t, system, &slowSource{stallAt: 5 * time.Second, stall: test.stall}, cfg, test.batch)
			judged(t, sum, verdict.Pass, verdict.NoLimit)
			want := milliseconds(test.latest)
			for stage, slack := range map[string]float64{"sent": 0.1, "queryable_raw": 1.1} {
				if l := sum.Latency[stage]; l.Count != 5000 || l.MaxMS < want-0.1 || l.MaxMS > want+slack {
					t.Errorf("%s: the latest event is %.1f ms late, want %.1f: %+v", stage, l.MaxMS, want, l)
				}
			}
			if own := system.recorder.pace.own; math.Abs(milliseconds(own-max(test.latest-wait, 0))) > 0.1 {
				t.Errorf("the generator was late for %s by itself, want %s", own, test.latest-wait)
			}
		})
	}
}
