package load

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tidemark/producers"
	"tidemark/producers/load/threshold"
	"tidemark/producers/load/verdict"
	"tidemark/producers/synthetic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// system is a simulated log with a simulated pipeline behind it. All records of a topic lie in one partition.
type system struct {
	recorder   *Recorder
	ack        func(at time.Duration) time.Duration // How long an Append takes, by when it begins. Nil: no time.
	tick       time.Duration                        // Between two looks at the database, 0 for 50 ms.
	perTick    int64                                // Offsets that ingest reads within a tick, 0 for all.
	stopped    map[Stage]time.Duration              // Stages that stand still from a time on.
	down       [2]time.Duration                     // From when to when the database answers nothing.
	inserts    *float64                             // The share of the time that ingest waits for inserts.
	fails      int                                  // The call of Append that fails, 0 for none.
	thresholds []threshold.Threshold
	abortAfter time.Duration // From when on a threshold ends the run, 0 for never.
	silent     bool          // The brokers do not tell offsets.

	mu    sync.Mutex
	ends  map[string]int64
	at    map[string]int64 // The ledger.
	calls int
}

func (s *system) Partitions(context.Context, string) (int, error) { return 1, nil }

func (s *system) Append(_ context.Context, records []producers.Record) error {
	s.mu.Lock()
	s.calls++
	call := s.calls
	s.mu.Unlock()
	if call == s.fails {
		return errors.New("the log is gone")
	}
	if s.ack != nil {
		time.Sleep(s.ack(s.recorder.Elapsed()))
	}
	byTopic := map[string][]int32{}
	for i, r := range records {
		byTopic[r.Topic] = append(byTopic[r.Topic], int32(i))
	}
	for topic, indexes := range byTopic {
		s.mu.Lock()
		base := s.ends[topic]
		s.ends[topic] += int64(len(indexes))
		s.mu.Unlock()
		if s.silent {
			base = -1
		}
		s.recorder.Acknowledged(topic, 0, base, indexes)
	}
	return nil
}

// work is the pipeline and the poller in one: with each tick it gets further and tells so.
func (s *system) work(ctx context.Context) {
	ticker := time.NewTicker(cmp.Or(s.tick, 50*time.Millisecond))
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		at := s.recorder.Elapsed()
		if at >= s.down[0] && at < s.down[1] {
			continue
		}
		runs := func(stage Stage) bool { from, ok := s.stopped[stage]; return !ok || at < from }
		s.mu.Lock()
		for topic, end := range s.ends {
			if runs(Stored) {
				if s.perTick > 0 {
					end = min(end, s.at[topic]+s.perTick)
				}
				s.at[topic] = end
			}
			for _, stage := range []Stage{Stored, Raw, Rollup} {
				if runs(stage) {
					s.recorder.Cover(stage, topic, 0, s.at[topic], at)
				}
			}
		}
		s.mu.Unlock()
		s.recorder.Poll(at)
	}
}

// try runs a load test of a simulated system in simulated time, and returns its summary.
func try(t *testing.T, s *system, o Options, cfg RecorderConfig, change func(context.Context, *producers.Sender) context.Context) (summary Summary) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg.SLO, cfg.SLORollup = cmp.Or(cfg.SLO, time.Second), cmp.Or(cfg.SLORollup, 2*time.Second)
		cfg.Rolled = func(topic string) bool { return !strings.HasSuffix(topic, "runs.v1") }
		s.recorder, s.ends, s.at, s.calls = NewRecorder(cfg), map[string]int64{}, map[string]int64{}, 0
		working, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { s.work(working) })
		o.Run, o.Workload.Profile = "load-1", synthetic.TokenCalls
		ctx, sender := t.Context(), &producers.Sender{Log: s}
		if change != nil {
			ctx = change(ctx, sender)
		}
		e := Ending{Namespace: "lab", Audited: true, AuditOK: true, Audit: "no difference", Thresholds: s.thresholds, Inserts: s.inserts}
		offering, abort := context.WithCancelCause(ctx)
		defer abort(nil)
		if s.abortAfter > 0 {
			s.recorder.Watch(s.thresholds, s.abortAfter, func(c *CrossedError) { abort(c) })
		}
		e.Result, e.Err = Run(offering, sender, o, s.recorder)
		began := time.Now()
		for range 200 {
			if e.Drained = s.recorder.Waiting(Stored) == 0; e.Drained {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		e.DrainTook = time.Since(began)
		time.Sleep(time.Second)
		stop()
		wg.Wait()
		summary = Summarize(s.recorder, o, e)
		text, err := json.Marshal(summary)
		if err != nil {
			t.Errorf("the summary is no JSON: %v", err)
		}
		for _, bad := range []string{"NaN", "Inf"} {
			if strings.Contains(string(text), bad) {
				t.Errorf("%s in %s", bad, text)
			}
		}
	})
	return summary
}

func judged(t *testing.T, s Summary, outcome verdict.Outcome, limit verdict.Limit) {
	t.Helper()
	if s.Verdict.Outcome != outcome || s.Verdict.Limit != limit {
		t.Errorf("verdict %s, limit %q; want %s, %q:\n%+v", s.Verdict.Outcome, s.Verdict.Limit, outcome, limit, s.Verdict)
	}
}

var minute = RecorderConfig{Warmup: 5 * time.Second, Duration: time.Minute}

// TestEveryEventIsTimed: a system that keeps up passes, at either arrival, and each event is in the histogram of each
// stage once.
func TestEveryEventIsTimed(t *testing.T) {
	for _, arrival := range []Arrival{Constant, Poisson} {
		s := &system{ack: func(time.Duration) time.Duration { return 5 * time.Millisecond }}
		sum := try(t, s, Options{Rate: 500, Arrival: arrival}, minute, nil)
		judged(t, sum, verdict.Pass, verdict.NoLimit)
		e := sum.Events
		for _, n := range []uint64{e.Offered, e.Sent, e.SentInTime, e.Acknowledged, e.Stored, e.Raw, e.Rollup} {
			if n != e.Offered || n < 29_000 || n > 31_000 || arrival == Constant && n != 30_000 {
				t.Errorf("%s: %+v", arrival, e)
				break
			}
		}
		if l := sum.Latency["acknowledged"]; l.P50MS < 5 || l.MaxMS > 40 || l.Negative > 0 || l.Count != e.Offered {
			t.Errorf("%s: acknowledged %+v", arrival, l)
		}
		if l := sum.Latency["queryable_raw"]; l.P99MS > 120 || l.MinMS < 5 {
			t.Errorf("%s: raw %+v", arrival, l)
		}
		if rate := sum.Rates["stored"]; rate < 470 || rate > 530 {
			t.Errorf("%s: stored %v events/s", arrival, rate)
		}
		if e.Produced < e.Offered+2300 || arrival == Constant && e.Produced != 32_500 {
			t.Errorf("%s: the warm-up is missing: %+v", arrival, e)
		}
	}
}

// TestLimits: what stands still or is too slow is named.
func TestLimits(t *testing.T) {
	after := func(d, slow time.Duration) func(time.Duration) time.Duration {
		return func(at time.Duration) time.Duration {
			if at > d {
				return slow
			}
			return 0
		}
	}
	tests := []struct {
		name    string
		system  *system
		outcome verdict.Outcome
		limit   verdict.Limit
	}{
		{"slow brokers", &system{ack: after(20*time.Second, 700*time.Millisecond)}, verdict.Fail, verdict.Broker},
		{"slow ingest", &system{perTick: 20}, verdict.Fail, verdict.Ingest}, // 400 events/s
		{"slow database", &system{perTick: 20, inserts: new(0.9)}, verdict.Fail, verdict.Insert},
		{"ingest stops", &system{stopped: map[Stage]time.Duration{Stored: 40 * time.Second}}, verdict.Fail, verdict.Ingest},
		{"raw stops", &system{stopped: map[Stage]time.Duration{Raw: 40 * time.Second}}, verdict.Fail, verdict.Ingest},
		{"rollup stops", &system{stopped: map[Stage]time.Duration{Rollup: 40 * time.Second}}, verdict.Fail, verdict.Rollup},
		{"rollup never ran", &system{stopped: map[Stage]time.Duration{Rollup: 0}}, verdict.Fail, verdict.Rollup},
		{"the log ends", &system{fails: 500}, verdict.Fail, verdict.Broker},
		{"the brokers tell no offsets", &system{silent: true}, verdict.NoEvents, verdict.NoLimit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sum := try(t, test.system, Options{Rate: 500, Arrival: Constant}, minute, nil)
			judged(t, sum, test.outcome, test.limit)
			if e := sum.Events; test.limit == verdict.Broker && test.system.fails == 0 && (e.Offered < 29_998 || e.Offered > 30_002 || e.SentInTime >= e.Sent || e.SentInTime < 10_000) {
				t.Errorf("of about 30,000 events that were due: %+v", e)
			}
		})
	}
}

// TestStoppedDatabase: a database that stands still for 10 s delays what was due meanwhile, by up to 10 s, and no event is
// missing in what is measured.
func TestStoppedDatabase(t *testing.T) {
	sum := try(t, &system{down: [2]time.Duration{30 * time.Second, 40 * time.Second}}, Options{Rate: 500, Arrival: Constant}, minute, nil)
	judged(t, sum, verdict.Fail, verdict.Ingest)
	for _, stage := range []Stage{Stored, Raw, Rollup} {
		if l := sum.Latency[stage.String()]; l.Count != 30_000 || l.P99MS < 9000 || l.MaxMS < 9900 || l.MaxMS > 10_200 || l.P50MS > 100 || l.Negative > 0 {
			t.Errorf("%s: %+v", stage, l)
		}
	}
	if sum.Poll.MaxMS < 9900 { // The error bar.
		t.Errorf("polls %+v", sum.Poll)
	}
}

// TestCover: the end that a stage has passed is the first offset that it has not.
func TestCover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder(RecorderConfig{Warmup: 2 * time.Second, Duration: 8 * time.Second, SLO: 3 * time.Second, SLORollup: time.Second, Rolled: func(string) bool { return true }})
		items := make([]producers.Item, 10)
		for i := range items {
			items[i].Due = time.Duration(i) * time.Second
		}
		r.sendingItems(items, 9*time.Second)
		r.Acknowledged("a", 0, 100, []int32{0, 1, 2, 3, 4})
		r.Acknowledged("a", 0, 105, []int32{5, 6, 8, 9})
		r.Acknowledged("a", 1, 7, []int32{7})
		for _, step := range []struct {
			partition int32
			end       int64
			waiting   uint64
			count     uint64
			over      uint64 // Of the first window, which has the events due from 2 s to 6 s.
		}{
			{0, 100, 10, 0, 0}, {0, 103, 7, 1, 1}, {0, 103, 7, 1, 1}, {0, 90, 7, 1, 1}, {0, 107, 3, 5, 4}, {2, 999, 3, 5, 4},
			{1, 7, 3, 5, 4}, {1, 8, 2, 6, 4}, {0, 999, 0, 8, 4},
		} {
			r.Cover(Raw, "a", step.partition, step.end, 9*time.Second)
			if w, n := r.Waiting(Raw), r.histograms[Raw].Count(); w != step.waiting || n != step.count || r.windows[Raw][0].Over != step.over {
				t.Errorf("up to %d of partition %d: %d wait, %d measured, %+v; want %+v", step.end, step.partition, w, n, r.windows[Raw][0], step)
			}
		}
		if w := r.windows[Raw]; w[0].Events != 5 || w[0].Reached != 5 || w[1].Events != 3 || len(w) != 2 {
			t.Errorf("windows %+v", w)
		}
		if got := r.histograms[Raw].Percentile(100); got != 7*time.Second {
			t.Errorf("the event that was due after 2 s was found after %s", got)
		}
		if len(r.Outstanding()) != 1 { // The other stages have passed nothing.
			t.Error("events were forgotten")
		}
		for _, s := range []Stage{Stored, Rollup} {
			r.Cover(s, "a", 0, 999, 9*time.Second)
			r.Cover(s, "a", 1, 999, 9*time.Second)
		}
		if len(r.Outstanding()) != 0 {
			t.Error("events were not forgotten")
		}
	})
}

// TestInterrupted: the counts are those of what was sent, and the verdict says that the run is partial.
func TestInterrupted(t *testing.T) {
	for _, after := range []time.Duration{2 * time.Second, 30 * time.Second} {
		sum := try(t, &system{}, Options{Rate: 500, Arrival: Constant}, minute, func(ctx context.Context, _ *producers.Sender) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(after, cancel)
			return ctx
		})
		judged(t, sum, verdict.Interrupted, verdict.NoLimit)
		want := 500 * after.Seconds()
		if got := float64(sum.Events.Produced); !sum.Partial || math.Abs(got-want) > 20 {
			t.Errorf("%v events were produced within %s, want about %v", got, after, want)
		}
	}
}

// TestTooLittle: what cannot be measured is refused.
func TestTooLittle(t *testing.T) {
	for _, o := range []Options{{}, {Rate: -1}, {Rate: math.NaN()}, {Rate: math.Inf(1)}, {Rate: 0.001}} {
		if _, err := Run(t.Context(), &producers.Sender{}, o, NewRecorder(minute)); err == nil {
			t.Errorf("%v events/s were offered", o.Rate)
		}
	}
}

// TestTooShort: a second is too short for rates and trends, and chance may make no event due in the time that is measured. Both are said,
// and what was not measured is absent.
func TestTooShort(t *testing.T) {
	cfg := RecorderConfig{Duration: time.Second}
	sum := try(t, &system{}, Options{Rate: 5, Arrival: Constant}, cfg, nil)
	judged(t, sum, verdict.Pass, verdict.NoLimit)
	if sum.Events.Rollup != 5 || len(sum.Rates) > 0 || sum.Lag != nil || sum.Verdict.Checks[1].State != verdict.Unsure {
		t.Errorf("five events within a second: %+v, rates %v, lag %v, %+v", sum.Events, sum.Rates, sum.Lag, sum.Verdict.Checks)
	}

	cfg.Warmup = time.Second // The first event is due at once.
	o := Options{Rate: 1, Arrival: Poisson}
	for schedule(o.Arrival, o.curve(cfg.Warmup, cfg.Duration), o.Workload.Seed)(1) < 2*time.Second {
		o.Workload.Seed++
	}
	s := &system{thresholds: conditions(t, "stored_events:rate>=0", "freshness_raw_ms:avg>=0", "late_raw:rate>=0", "lag_end_events:value>=0")}
	sum = try(t, s, o, cfg, nil)
	judged(t, sum, verdict.NoEvents, verdict.NoLimit)
	if sum.Events.Produced != 1 || sum.Events.Offered != 0 || !strings.Contains(sum.Verdict.Reason, "raise --rate or --duration") {
		t.Errorf("no event within a second: %+v, %s", sum.Events, sum.Verdict.Reason)
	}
	for _, c := range sum.Thresholds {
		if c.OK || c.Value != nil {
			t.Errorf("a figure of nothing: %+v", c)
		}
	}
}

// TestSchedule: no answer moves it, and it has the rate that was asked for.
func TestSchedule(t *testing.T) {
	steady := Options{Rate: 1000}.curve(5*time.Second, time.Minute)
	for _, arrival := range []Arrival{Constant, Poisson} {
		a, b := schedule(arrival, steady, 7), schedule(arrival, steady, 7)
		var gaps []time.Duration
		last := time.Duration(0)
		for n := range uint64(100_000) {
			due := a(n)
			if again := b(n); due != again || b(n) != again || due < last {
				t.Fatalf("%s: event %d is due after %s and after %s, the one before after %s", arrival, n, due, again, last)
			}
			gaps, last = append(gaps, due-last), due
		}
		if last < 98*time.Second || last > 102*time.Second {
			t.Errorf("%s: 100,000 events take %s", arrival, last)
		}
		slices.Sort(gaps)
		if longest := gaps[len(gaps)-1]; arrival == Constant && longest > time.Millisecond+1 || arrival == Poisson && longest < 5*time.Millisecond {
			t.Errorf("%s: the longest gap is %s", arrival, longest)
		}
	}
}
