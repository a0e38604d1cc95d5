package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/internal/test/env"
	"tidemark/producers"
	"tidemark/producers/synthetic"
)

// at writes a trace of calls at the given seconds, with these as their input.
func at(t *testing.T, seconds ...int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(header)
	for _, s := range seconds {
		fmt.Fprintf(&b, "2024-05-10 00:%02d:%02d,%d,1\n", s/60, s%60, s)
	}
	return write(t, "f", []byte(b.String()))
}

// inputs are the input tokens of the calls that came, in order.
func inputs(m *memory) []int {
	out := make([]int, len(m.calls))
	for i, c := range m.calls {
		out[i] = int(c.GetInputUncached())
	}
	return out
}

// TestMerge merges files by time: within one, an event out of order is sent at once.
func TestMerge(t *testing.T) {
	a, b, c := at(t, 1, 5, 6, 20), at(t, 2, 10, 3, 4, 11), at(t)
	for _, batch := range []string{"a b c", "c b a"} {
		byName := map[string]string{"a": a, "b": b, "c": c}
		var files []string
		for name := range strings.FieldsSeq(batch) {
			files = append(files, byName[name])
		}
		log, result := replayed(t, options("azure-llm", files...))
		if want := []int{1, 2, 5, 6, 10, 3, 4, 11, 20}; !slices.Equal(inputs(log), want) || result.Rows != 9 || result.Interrupted {
			t.Errorf("%s: got %v, want %v", batch, inputs(log), want)
		}
	}
	// Of one time, the file that is named first goes first.
	first, second := write(t, "1", []byte(header+"2024-05-10 00:00:00,1,1\n2024-05-10 00:00:00,2,1\n")), write(t, "2", []byte(header+"2024-05-10 00:00:00,3,1\n2024-05-10 00:00:00,4,1\n"))
	if log, _ := replayed(t, options("azure-llm", second, first)); !slices.Equal(inputs(log), []int{3, 4, 1, 2}) {
		t.Errorf("of one time: got %v", inputs(log))
	}
	// A problem in one file does not touch the other, and the identities are those of the files alone.
	bad := write(t, "bad", []byte(header+"x,1,1\n2024-05-10 00:00:04,4,1\n"))
	log, result := replayed(t, options("azure-llm", a, bad))
	if want := []int{1, 4, 5, 6, 20}; !slices.Equal(inputs(log), want) || result.Skipped != 1 || result.Problems[0].File != bad {
		t.Errorf("got %v, %v", inputs(log), result.Problems)
	}
	alone, _ := replayed(t, options("azure-llm", bad))
	if log.calls[1].Id != alone.calls[0].Id {
		t.Errorf("the id is %s, and %s alone", log.calls[1].Id, alone.calls[0].Id)
	}
}

// TestMergeMany merges random files and compares with a stable sort: each is sorted itself.
func TestMergeMany(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var files []string
	var want []int
	for range 20 {
		times := make([]int, random.IntN(30))
		for i := range times {
			times[i] = random.IntN(600)
		}
		slices.Sort(times)
		files, want = append(files, at(t, times...)), append(want, times...)
	}
	slices.Sort(want)
	if log, _ := replayed(t, options("azure-llm", files...)); !slices.Equal(inputs(log), want) {
		t.Errorf("got %v, want %v", inputs(log), want)
	}
}

// TestSelection replays a part.
func TestSelection(t *testing.T) {
	file := at(t, 1, 2, 3, 2, 4, 5)
	moment := func(s int) time.Time { return time.Date(2024, 5, 10, 0, 0, s, 0, time.UTC) }
	for _, tt := range []struct {
		name    string
		change  func(o *Options)
		want    []int
		outside int64
	}{
		{"from", func(o *Options) { o.From = moment(3) }, []int{3, 4, 5}, 3},
		{"to", func(o *Options) { o.To = moment(4) }, []int{1, 2, 3, 2}, 2},
		{"both", func(o *Options) { o.From, o.To = moment(2), moment(3) }, []int{2, 2}, 4},
		{"nothing", func(o *Options) { o.From = moment(6) }, []int{}, 6},
		{"limit", func(o *Options) { o.Limit = 2 }, []int{1, 2}, 0},
		{"limit within", func(o *Options) { o.From, o.Limit = moment(2), 3 }, []int{2, 3, 2}, 1},
		{"limit beyond", func(o *Options) { o.Limit = 7 }, []int{1, 2, 3, 2, 4, 5}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options("azure-llm", file)
			tt.change(&o)
			log, result := replayed(t, o)
			if !slices.Equal(inputs(log), tt.want) || result.Outside != tt.outside || result.Interrupted {
				t.Errorf("got %v and %+v, want %v and %d", inputs(log), result, tt.want, tt.outside)
			}
			if len(tt.want) > 0 && (len(log.runs) != 1 || int(log.runs[0].Events) != len(tt.want)) {
				t.Errorf("the truth is %v", log.runs)
			}
		})
	}
}

// TestLimitReadsNoFurther checks that what comes after the limit is not even looked at.
func TestLimitReadsNoFurther(t *testing.T) {
	o := options("azure-llm", write(t, "f", []byte(header+"2024-05-10 00:00:00,1,1\n2024-05-10 00:00:00,2,1\nbroken\n")))
	o.Limit = 2
	if log, result := replayed(t, o); len(log.calls) != 2 || result.Skipped != 0 || result.Rows != 2 {
		t.Errorf("got %+v", result)
	}
}

// TestRate bounds the pace, alone and together with a speed.
func TestRate(t *testing.T) {
	file := at(t, 0, 0, 0, 0, 10, 10, 60)
	for _, tt := range []struct {
		name        string
		speed, rate float64
		want        []time.Duration
	}{
		{"rate alone", 0, 4, []time.Duration{0, 250, 500, 750, 1000, 1250, 1500}},
		{"slow", 0, 0.5, []time.Duration{0, 2000, 4000, 6000, 8000, 10000, 12000}},
		{"speed within", 1, 1000, []time.Duration{0, 1, 2, 3, 10000, 10001, 60000}},
		{"both", 10, 2, []time.Duration{0, 500, 1000, 1500, 2000, 2500, 6000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := options("azure-llm", file)
				o.Speed, o.Rate = tt.speed, tt.rate
				log, result := replayed(t, o)
				for i, ms := range tt.want {
					due := ms * time.Millisecond
					if got := log.at[i]; got < due || got > due+2*pacedInterval {
						t.Errorf("event %d came at %v, want %v", i, got, due)
					}
				}
				if s := result.Schedule; s.Events != int64(len(tt.want)) || s.Max > 2*pacedInterval || s.P50 > s.P99 {
					t.Errorf("the schedule is %+v", s)
				}
			})
		})
	}
}

// TestRateIsExact checks that parts of nanoseconds do not add up.
func TestRateIsExact(t *testing.T) {
	const rate = 3e6
	p := pace{rate: rate}
	var last time.Duration
	for range int(rate) + 1 {
		last = p.due(0)
	}
	if last < time.Second-time.Microsecond || last > time.Second {
		t.Errorf("after a second's worth of events it is %v", last)
	}
}

// TestSchedule measures how late events are when the log is slow.
func TestSchedule(t *testing.T) {
	file := at(t, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	synctest.Test(t, func(t *testing.T) {
		o := options("azure-llm", file)
		o.Speed = 1
		log := &memory{begin: time.Now(), full: func(calls int) {
			if calls == 5 {
				time.Sleep(2500 * time.Millisecond) // The events at 5 and 6 seconds wait, by 1.5 s and 0.5 s.
			}
		}}
		result, err := Run(t.Context(), &producers.Sender{Log: log}, o)
		if err != nil {
			t.Fatal(err)
		}
		if s := result.Schedule; s.Events != 10 || s.P50 > 10*time.Millisecond || s.P90 < 480*time.Millisecond || s.P90 > 520*time.Millisecond ||
			s.Max < 1490*time.Millisecond || s.Max > 1510*time.Millisecond {
			t.Errorf("the schedule is %+v", s)
		}
		at := log.at[len(log.at)-1]
		if at > 9*time.Second+2*pacedInterval {
			t.Errorf("the last event came at %v: the delay was not made up for", at)
		}
	})
}

// TestScheduleOfTrace replays a published trace at 60 times its pace to a log that takes its time for every call: what
// batches and waits add to the error stays far below 20 ms.
func TestScheduleOfTrace(t *testing.T) {
	trace := env.Data(t, "azure-llm-2023/AzureLLMInferenceTrace_conv.csv")
	synctest.Test(t, func(t *testing.T) {
		o := options("azure-llm", trace)
		o.Speed = 60
		begin := time.Now()
		result, err := Run(t.Context(), &producers.Sender{Log: &memory{full: func(int) { time.Sleep(3 * time.Millisecond) }}}, o)
		if err != nil {
			t.Fatal(err)
		}
		if s := result.Schedule; s.Events != 19366 || s.P99 > 6*time.Millisecond || s.Max > 8*time.Millisecond {
			t.Errorf("the schedule is %+v", s)
		}
		if took, want := time.Since(begin), result.Last.Sub(result.First)/60; took < want || took > want+time.Second {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

// TestHistogram compares quantiles with exact ones.
func TestHistogram(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 20000 {
		d := time.Duration(float64(time.Microsecond) * random.ExpFloat64() * float64(uint64(1)<<random.IntN(40)))
		h.add(d, 1)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, share := range []float64{0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
		exact := all[max(int(share*float64(len(all))+0.5)-1, 0)].Truncate(time.Microsecond)
		got := h.quantile(share)
		if got < exact || float64(got-exact) > float64(exact)/fine+float64(time.Microsecond) {
			t.Errorf("quantile %g is %v, and %v by sorting", share, got, exact)
		}
	}
	if got := h.schedule(); got.Max != all[len(all)-1] || got.Events != int64(len(all)) {
		t.Errorf("got %+v", got)
	}
	for i := range buckets {
		if got := bucketOf(upper(i)); got != i {
			t.Fatalf("the largest value of bucket %d is in %d", i, got)
		}
		if i > 0 && bucketOf(upper(i-1)+1) != i {
			t.Fatalf("the smallest value of bucket %d is in %d", i, bucketOf(upper(i-1)+1))
		}
	}
	var none histogram
	var late histogram
	late.add(LateBy, 3)
	late.add(LateBy+time.Microsecond, 2)
	if got := late.schedule(); got.Late != 2 || got.Events != 5 {
		t.Errorf("got %+v", got)
	}
	if none.schedule() != (Schedule{}) || none.quantile(0.5) != 0 {
		t.Errorf("an empty histogram has %+v", none.schedule())
	}
	none.add(-time.Second, 1)
	if got := none.schedule(); got.Max != 0 || got.P99 != 0 || got.Events != 1 {
		t.Errorf("an early event has %+v", got)
	}
}

// TestProgress checks the guess about the time left at a steady pace.
func TestProgress(t *testing.T) {
	var seconds []int
	for s := range 60 {
		seconds = append(seconds, s)
	}
	file := at(t, seconds...)
	synctest.Test(t, func(t *testing.T) {
		o := options("azure-llm", file)
		o.Speed = 1
		begin, seen := time.Now(), 0
		o.Hooks.Progress = func(p Progress) {
			elapsed := time.Since(begin)
			if elapsed < 10*time.Second {
				return
			}
			seen++
			if left := 59*time.Second - elapsed; p.Left < left-5*time.Second || p.Left > left+5*time.Second {
				t.Errorf("after %v: %v left, want %v", elapsed, p.Left, left)
			}
		}
		replayed(t, o)
		if seen < 40 {
			t.Errorf("only %d calls", seen)
		}
	})
	o := options("azure-llm", Stdin)
	o.Stdin = strings.NewReader(header + "2024-05-10 00:00:00,1,1\n")
	o.Hooks.Progress = func(p Progress) {
		if p.Left >= 0 {
			t.Errorf("standard input: %v left", p.Left)
		}
	}
	replayed(t, o)
}

// broken is a source that fails.
type broken struct{}

func (broken) Next(b *producers.Batch, limit int) error {
	return fmt.Errorf("not reached: %d %d", len(b.Items), limit)
}

// TestItems replays a source of another package: what is known of files holds for it.
func TestItems(t *testing.T) {
	file := at(t, 1, 2, 3, 4)
	inner, err := newSource(t.Context(), options("azure-llm", file), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer inner.close()
	o := Options{Run: "test", Name: "scenario:x", Items: inner, Limit: 2, From: time.Date(2024, 5, 10, 0, 0, 2, 0, time.UTC)}
	log, result := replayed(t, o)
	if want := []int{2, 3}; !slices.Equal(inputs(log), want) || result.Interrupted || result.Outside != 1 || result.Rows != 3 {
		t.Errorf("got %v, %+v", inputs(log), result)
	}
	if len(log.runs) != 1 || log.runs[0].Detail != "scenario:x" {
		t.Errorf("the runs are %v", log.runs)
	}
	o.Items = broken{}
	if _, err := Run(t.Context(), &producers.Sender{Log: &memory{}}, o); err == nil || !strings.HasPrefix(err.Error(), "replay scenario:x: not reached: 0 ") {
		t.Errorf("got %v", err)
	}
}

// TestItemsThatRepeat replays a source with repeats and poison, which have no time: all of it, or only events.
func TestItemsThatRepeat(t *testing.T) {
	made := func() Options {
		g, err := synthetic.New(synthetic.Options{Events: 500, Profile: "token_calls", Duplicates: 0.2, Poison: 0.05, Start: start, Span: time.Hour, Run: "test", Partitions: 4})
		if err != nil {
			t.Fatal(err)
		}
		return Options{Run: "test", Name: "workload", Items: g}
	}
	synctest.Test(t, func(t *testing.T) {
		o := made()
		o.Speed = 3600
		result, err := Run(t.Context(), &producers.Sender{Log: sink{}}, o)
		if c := result.Truth.Total(); err != nil || c.Produced != 500 || c.Duplicates == 0 || c.Poison == 0 || result.Outside != 0 {
			t.Errorf("got %+v, %v", c, err)
		}
		if s := result.Schedule; s.Events != 500 || s.Max > 2*pacedInterval {
			t.Errorf("the schedule is %+v", s)
		}
	})
	o := made()
	o.From = start
	result, err := Run(t.Context(), &producers.Sender{Log: sink{}}, o)
	if c := result.Truth.Total(); err != nil || c.Produced != c.Events || c.Events == 0 || int64(c.Events)+result.Outside != 500 {
		t.Errorf("got %+v, %v", c, err)
	}
}

// sink is a Log that takes anything.
type sink struct{}

func (sink) Partitions(context.Context, string) (int, error)  { return 4, nil }
func (sink) Append(context.Context, []producers.Record) error { return nil }

// TestDryRun adds up what would be sent and sends nothing.
func TestDryRun(t *testing.T) {
	o := options("agentic", "testdata/agentic.csv")
	o.Speed = 2
	plan, err := DryRun(t.Context(), o, nil, "x")
	if err != nil {
		t.Fatal(err)
	}
	log, result := replayed(t, options("agentic", "testdata/agentic.csv"))
	if plan.Rows != result.Rows || plan.Skipped != result.Skipped || plan.Truth.Total() != result.Truth.Total() || plan.First != result.First || plan.Last != result.Last {
		t.Errorf("got %+v, and a replay is %+v", plan, result)
	}
	if want := plan.Last.Sub(plan.First) / 2; plan.Took != want || plan.Stored != -1 {
		t.Errorf("takes %v, want %v; stored %d", plan.Took, want, plan.Stored)
	}
	want := map[string]ModelUse{}
	for _, c := range log.calls {
		m := want[c.Model]
		m.Model = c.Model
		m.Calls++
		m.Uncached += c.GetInputUncached()
		m.CacheRead += c.GetInputCacheRead()
		m.OutputVisible += c.GetOutputVisible()
		m.Both = m.Uncached + m.CacheRead + m.OutputVisible
		want[c.Model] = m
	}
	if len(plan.Models) != len(want) {
		t.Errorf("%d models, want %d", len(plan.Models), len(want))
	}
	for i, m := range plan.Models {
		if m != want[m.Model] || i > 0 && m.Both > plan.Models[i-1].Both {
			t.Errorf("got %+v, want %+v", m, want[m.Model])
		}
	}
}

// emptyDB is a Database that has nothing stored.
type emptyDB func(ctx context.Context) error

func (f emptyDB) Format(ctx context.Context, _, _ string, _ io.Writer) error { return f(ctx) }

// TestDryRunIsInterrupted ends the context while the second batch is looked up: what was read until then is the result.
func TestDryRunIsInterrupted(t *testing.T) {
	file := at(t, make([]int, producers.DefaultBatchItems+10)...)
	for _, interrupted := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		left := (producers.DefaultBatchItems + lookupItems - 1) / lookupItems
		plan, err := DryRun(ctx, options("azure-llm", file), emptyDB(func(ctx context.Context) error {
			if left--; left >= 0 {
				return nil
			}
			if interrupted {
				cancel()
			}
			return cmp.Or(ctx.Err(), errors.New("no memory"))
		}), "lab")
		if interrupted {
			if err != nil || !plan.Interrupted || plan.Truth.Total().Events != producers.DefaultBatchItems || plan.Models[0].Calls != producers.DefaultBatchItems || plan.Stored != 0 {
				t.Errorf("got %+v, %v", plan, err)
			}
		} else if err == nil || err.Error() != "look up what lab has stored: no memory" {
			t.Errorf("got %v", err)
		}
	}
}
