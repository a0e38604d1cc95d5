package synthetic_test

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

var update = flag.Bool("update", false, "write the golden files")

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// troubled is a workload with everything in it, and windows small enough for far duplicates.
func troubled(seed uint64) synthetic.Options {
	return synthetic.Options{
		Seed: seed, Events: 60_000, Start: monday, Span: 7 * 24 * time.Hour, Run: "run-1", Users: 5_000,
		Duplicates: 0.02, FarDuplicates: 0.01, Conflicts: 0.005, Late: 0.01, OutOfOrder: 0.05, Poison: 0.01,
		Window: 200, Partitions: 4,
	}
}

// batchLimits are odd, so that batches end anywhere.
var batchLimits = []int{1, 777, 4096}

// generate calls visit with every item, in order.
func generate(t testing.TB, o synthetic.Options, visit func(*producers.Item)) {
	t.Helper()
	g, err := synthetic.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var b producers.Batch
	for n := 0; ; n++ {
		b.Reset()
		err := g.Next(&b, batchLimits[n%len(batchLimits)])
		for i := range b.Items {
			visit(&b.Items[i])
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// digest is a hash of all that goes to the log.
func digest(t testing.TB, o synthetic.Options) string {
	h := sha256.New()
	generate(t, o, func(item *producers.Item) {
		fmt.Fprintf(h, "%d %d %x %x %d\n", item.Type, item.Kind, item.Identity, item.Value, item.Due)
	})
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestSameBytes compares with hashes taken on another day, perhaps by another compiler.
func TestSameBytes(t *testing.T) {
	calls := synthetic.Options{Seed: 7, Profile: synthetic.TokenCalls, Events: 20_000, Start: monday, Span: time.Hour}
	got := fmt.Sprintf("troubled %s\ntoken_calls %s\n", digest(t, troubled(1)), digest(t, calls))
	path := filepath.Join("testdata", "digests.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the workload changed (run with -update if on purpose):\ngot\n%swant\n%s", got, want)
	}
	if digest(t, troubled(1)) == digest(t, troubled(2)) {
		t.Error("two seeds made the same bytes")
	}
}

// book is a second bookkeeping, over nothing but the bytes on the log.
type book struct {
	seen   map[schemas.Identity]sighting
	counts map[schemas.Type]*producers.Counts
	ends   map[schemas.Type][]int64
	window int64
}

type sighting struct {
	time   int64
	offset int64
}

var newMessages = map[schemas.Type]func() schemas.Event{
	schemas.QueryType:          func() schemas.Event { return &usagev1.Query{} },
	schemas.SignupType:         func() schemas.Event { return &usagev1.Signup{} },
	schemas.TokenCallType:      func() schemas.Event { return &usagev1.TokenCall{} },
	schemas.ModelEventType:     func() schemas.Event { return &usagev1.ModelEvent{} },
	schemas.ReferencePointType: func() schemas.Event { return &usagev1.ReferencePoint{} },
}

// add decodes with the generated code, and judges by identity and time alone.
func (b *book) add(t *testing.T, item *producers.Item, partitions int) {
	c := b.counts[item.Type]
	if c == nil {
		c = &producers.Counts{}
		b.counts[item.Type], b.ends[item.Type] = c, make([]int64, partitions)
	}
	c.Produced++
	c.Bytes += uint64(len(item.Value))
	e := newMessages[item.Type]()
	valid := proto.Unmarshal(item.Value, e) == nil && schemas.Validate(e) == nil
	identity := item.Identity
	if valid {
		identity = schemas.IdentityOf(e.GetTenant(), e.GetSource(), e.GetId())
		if identity != item.Identity {
			t.Fatalf("an item has another identity than its value: %v", e)
		}
	}
	partition := identity.Partition(partitions)
	offset := b.ends[item.Type][partition]
	b.ends[item.Type][partition]++
	if !valid {
		c.Poison++
		return
	}
	first, known := b.seen[identity]
	switch {
	case !known:
		b.seen[identity] = sighting{time: e.GetTimeUs(), offset: offset}
		c.Events++
		b.measure(c, e)
	case first.time != e.GetTimeUs():
		c.Conflicts++
		if offset-first.offset > b.window {
			t.Errorf("a conflict is %d records from its original, beyond the window", offset-first.offset)
		}
	case offset-first.offset > b.window:
		c.Duplicates++
		c.FarDuplicates++
	default:
		c.Duplicates++
	}
}

func (b *book) measure(c *producers.Counts, e schemas.Event) {
	if c.Events == 1 {
		c.FirstTime, c.LastTime = e.GetTimeUs(), e.GetTimeUs()
	}
	c.FirstTime, c.LastTime = min(c.FirstTime, e.GetTimeUs()), max(c.LastTime, e.GetTimeUs())
	weight := uint64(1)
	if w, ok := e.(interface{ GetWeight() uint64 }); ok && w.GetWeight() > 1 {
		weight = w.GetWeight()
	}
	c.Weight.Add(weight)
	if call, ok := e.(*usagev1.TokenCall); ok {
		for _, tokens := range []*uint64{call.InputUncached, call.InputCacheRead, call.InputCacheWrite} {
			if tokens != nil {
				c.InputTokens.Add(weight * *tokens)
			}
		}
		for _, tokens := range []*uint64{call.OutputVisible, call.OutputReasoning} {
			if tokens != nil {
				c.OutputTokens.Add(weight * *tokens)
			}
		}
	}
}

// TestTruth decodes all that was made and counts it over again.
func TestTruth(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		o := troubled(seed)
		b := book{seen: map[schemas.Identity]sighting{}, counts: map[schemas.Type]*producers.Counts{},
			ends: map[schemas.Type][]int64{}, window: o.Window}
		var truth producers.Truth
		var last int64
		generate(t, o, func(item *producers.Item) {
			truth.Add([]producers.Item{*item})
			b.add(t, item, o.Partitions)
			if item.Kind == producers.Fresh && item.Disorder == producers.InOrder {
				if item.Time < last {
					t.Fatalf("seed %d: an event in order is before its neighbors", seed)
				}
				last = item.Time
			}
		})
		for _, spec := range schemas.Specs()[:5] {
			got, want := truth.Of(spec.Type), *b.counts[spec.Type]
			want.Late, want.OutOfOrder = got.Late, got.OutOfOrder // The bytes do not tell.
			if got != want {
				t.Errorf("seed %d, %s:\ntruth %+v\nbytes %+v", seed, spec.Name, got, want)
			}
		}
		total := truth.Total()
		near := func(name string, got uint64, share float64) {
			want := share * float64(total.Events)
			if diff := float64(got) - want; diff > 0.15*want+20 || diff < -0.15*want-20 {
				t.Errorf("seed %d: %d %s, want about %.0f", seed, got, name, want)
			}
		}
		if total.Produced != uint64(o.Events) {
			t.Errorf("seed %d: %d records, want %d", seed, total.Produced, o.Events)
		}
		near("near duplicates", total.Duplicates-total.FarDuplicates, o.Duplicates)
		near("conflicts", total.Conflicts, o.Conflicts)
		near("poison", total.Poison, o.Poison)
		near("late", total.Late, o.Late)
		near("out of order", total.OutOfOrder, o.OutOfOrder)
		if calls := truth.Of(schemas.TokenCallType); calls.FarDuplicates < 100 || calls.Poison < 100 {
			t.Errorf("seed %d: %d far duplicates and %d poison among the calls, want at least 100", seed, calls.FarDuplicates, calls.Poison)
		}
		if last < monday.Add(o.Span-time.Hour).UnixMicro() || last >= monday.Add(o.Span).UnixMicro() {
			t.Errorf("seed %d: the last event in order is at %s", seed, time.UnixMicro(last).UTC())
		}
	}
}

// TestRealism checks the shape that dashboards are to show.
func TestRealism(t *testing.T) {
	o := synthetic.Options{Seed: 4, Events: 60_000, Start: monday, Span: 7 * 24 * time.Hour}
	var calls, failed, failedWithOutput, streams, unknown, cacheReads, sampled, first float64
	tenants, models, countries := map[string]float64{}, map[string]float64{}, map[string]float64{}
	users := map[uint64]string{}
	byHour := map[int]float64{}
	sunday, monday := 0.0, 0.0
	generate(t, o, func(item *producers.Item) {
		if item.Type != schemas.TokenCallType {
			return
		}
		var e usagev1.TokenCall
		if err := proto.Unmarshal(item.Value, &e); err != nil {
			t.Fatal(err)
		}
		calls++
		tenants[e.GetTenant()]++
		models[e.GetProvider()+" "+e.GetModel()]++
		countries[e.GetCountry()]++
		if country, ok := users[e.GetUser()]; ok && country != e.GetCountry() || e.GetUser() == 0 {
			t.Fatalf("user %x is in %q and in %q", e.GetUser(), country, e.GetCountry())
		}
		users[e.GetUser()] = e.GetCountry()
		at := time.UnixMicro(e.GetTimeUs()).UTC()
		byHour[at.Hour()]++
		switch at.Weekday() {
		case time.Sunday:
			sunday++
		case time.Monday:
			monday++
		default:
		}
		if e.GetStatus() == usagev1.Status_STATUS_ERROR {
			failed++
			if e.OutputVisible != nil || e.OutputReasoning != nil || e.GetErrorType() == "" {
				failedWithOutput++
			}
		} else if e.GetErrorType() != "" {
			failedWithOutput++
		}
		if e.GetStreaming() {
			streams++
		}
		if e.FirstTokenUs != nil {
			first++
			if e.GetFirstTokenUs() > e.GetLatencyUs() {
				t.Fatalf("the first token comes after the last: %v", &e)
			}
		}
		if e.InputUncached == nil || e.OutputVisible == nil {
			unknown++
		}
		if e.GetInputCacheRead() > 0 {
			cacheReads++
		}
		if e.GetWeight() > 1 {
			sampled++
		}
	})
	share := func(name string, got, low, high float64) {
		t.Helper()
		if got < low || got > high {
			t.Errorf("%s: %.4f, want %.3f to %.3f", name, got, low, high)
		}
	}
	most := func(m map[string]float64) (top float64) {
		for _, n := range m {
			top = max(top, n)
		}
		return top / calls
	}
	share("token calls", calls/float64(o.Events), 0.60, 0.72)
	share("the busiest tenant", most(tenants), 0.10, 0.40)
	share("tenants", float64(len(tenants)), 150, 200)
	share("the most used model", most(models), 0.08, 0.5)
	share("models", float64(len(models)), 15, 40)
	share("countries", float64(len(countries)), 25, 60)
	share("users", float64(len(users)), 2000, 60_000)
	share("failures", failed/calls, 0.015, 0.035)
	share("failures with output, or errors without failure", failedWithOutput, 0, 0)
	share("streaming", streams/calls, 0.35, 0.75)
	share("first tokens of streams", first/streams, 0.9, 1)
	share("calls with unknown tokens", unknown/calls, 0.02, 0.08)
	share("calls that read a cache", cacheReads/calls, 0.2, 0.9)
	share("sampled calls", sampled/calls, 0, 0.4)
	share("night against day", byHour[5]/byHour[15], 0.3, 0.6)
	share("Sunday against Monday", sunday/monday, 0.5, 0.8)
}

// TestRunLabel holds two runs of one workload against each other whose labels differ in length: a label is in the bytes,
// so what is cut short or hashed by bytes must not decide what comes next.
func TestRunLabel(t *testing.T) {
	digest := func(run string) string {
		h := sha256.New()
		o := troubled(1)
		o.Run, o.Poison = run, 0.05
		generate(t, o, func(item *producers.Item) {
			fmt.Fprintf(h, "%d %d %d %x %d %d\n", item.Type, item.Kind, item.Disorder, item.Identity, item.Time, item.Weight)
		})
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	if digest("") != digest("a-label-that-is-much-longer-than-none") {
		t.Error("the run's label changes the events")
	}
}

// TestGivenMix gives tenants and models of its own to the workload.
func TestGivenMix(t *testing.T) {
	o := synthetic.Options{
		Seed: 3, Events: 20_000, Start: monday, Span: time.Hour, Profile: synthetic.TokenCalls, TenantPrefix: "acme/",
		TenantShares: []float64{70, 20, 10}, Models: []synthetic.ModelShare{{"big", "here", 75}, {"small", "there", 25}},
	}
	tenants, models := map[string]int{}, map[string]int{}
	generate(t, o, func(item *producers.Item) {
		var call usagev1.TokenCall
		if err := proto.Unmarshal(item.Value, &call); err != nil {
			t.Fatal(err)
		}
		tenants[call.GetTenant()]++
		models[call.GetProvider()+" "+call.GetModel()]++
	})
	if len(tenants) != 3 || len(models) != 2 || models["here big"] == 0 || models["there small"] == 0 {
		t.Fatalf("made calls of %v with %v", tenants, models)
	}
	most := 0
	for name, n := range tenants {
		if !strings.HasPrefix(name, "acme/") {
			t.Errorf("tenant %s lacks the prefix", name)
		}
		most = max(most, n)
	}
	if share := float64(most) / 20_000; share < 0.6 || share > 0.8 {
		t.Errorf("the busiest tenant has %.2f of the calls, want about 0.7", share)
	}
	bad := o
	bad.TenantShares, bad.Models = []float64{1, -1}, []synthetic.ModelShare{{"", "x", 1}}
	if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "tenant shares") || !strings.Contains(err.Error(), "models") {
		t.Errorf("bad shares: %v", err)
	}
}

// TestIdentityAcrossRuns checks what a second run does to what is stored.
func TestIdentityAcrossRuns(t *testing.T) {
	ids := func(o synthetic.Options) map[schemas.Identity]int64 {
		o.Events = 2_000
		m := map[schemas.Identity]int64{}
		generate(t, o, func(item *producers.Item) {
			if item.Kind == producers.Fresh {
				m[item.Identity] = item.Time
			}
		})
		return m
	}
	base := troubled(1)
	first := ids(base)
	tests := []struct {
		name   string
		change func(*synthetic.Options)
		same   bool
	}{
		{"nothing", func(*synthetic.Options) {}, true},
		{"run", func(o *synthetic.Options) { o.Run = "run-2" }, true},
		{"seed", func(o *synthetic.Options) { o.Seed++ }, false},
		{"start", func(o *synthetic.Options) { o.Start = o.Start.Add(time.Second) }, false},
		{"span", func(o *synthetic.Options) { o.Span += time.Second }, false},
		{"late", func(o *synthetic.Options) { o.Late = 0.5 }, false},
		{"tenants", func(o *synthetic.Options) { o.Tenants = 3 }, false},
		{"mix", func(o *synthetic.Options) { o.Profile = synthetic.TokenCalls }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := base
			tt.change(&o)
			second := ids(o)
			common := 0
			for identity, at := range second {
				other, ok := first[identity]
				if ok {
					common++
				}
				if ok && other != at {
					t.Fatal("an identity has two times")
				}
			}
			if want := map[bool]int{true: len(first), false: 0}[tt.same]; common != want {
				t.Errorf("%d of %d identities are the same, want %d", common, len(second), want)
			}
		})
	}
}

// TestLive checks that a live workload tells the time it is made at.
func TestLive(t *testing.T) {
	now := monday
	o := synthetic.Options{Seed: 1, Events: 5_000, Live: true, Now: func() time.Time { now = now.Add(time.Second); return now }}
	generate(t, o, func(item *producers.Item) {
		if item.Kind == producers.Fresh && item.Time != now.UnixMicro() {
			t.Fatalf("event at %s, want %s", time.UnixMicro(item.Time).UTC(), now)
		}
	})
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*synthetic.Options)
		want   []string // Parts of the error; none for valid options.
	}{
		{"valid", func(*synthetic.Options) {}, nil},
		{"live needs no start", func(o *synthetic.Options) { o.Start, o.Span, o.Live = time.Time{}, 0, true }, nil},
		{"all at once", func(o *synthetic.Options) { o.Poison, o.Late, o.Events = 2, -1, -5 },
			[]string{"share of poison: 2", "share of late: -1", "events: -5"}},
		{"no start", func(o *synthetic.Options) { o.Start = time.Time{} }, []string{"start and span"}},
		{"no span", func(o *synthetic.Options) { o.Span = 0 }, []string{"span: 0s"}},
		{"end of time", func(o *synthetic.Options) { o.Start = monday.AddDate(273, 0, 0) }, []string{"start and span"}},
		{"profile", func(o *synthetic.Options) { o.Profile = "x" }, []string{`profile: "x"`}},
		{"mix", func(o *synthetic.Options) { o.Mix.Queries = -1 }, []string{"mix: -1 of queries"}},
		{"run", func(o *synthetic.Options) { o.Run = "a\nb" }, []string{"run: "}},
		{"too much to repeat", func(o *synthetic.Options) { o.Duplicates, o.Conflicts = 0.6, 0.6 }, []string{"together: 1.2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := troubled(1)
			tt.change(&o)
			err := o.Validate()
			if (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if _, newErr := synthetic.New(o); (newErr == nil) != (err == nil) {
				t.Errorf("New says %v", newErr)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want it to say %q", err, part)
				}
			}
		})
	}
}

// TestWindows makes the workload under settings at their ends.
func TestWindows(t *testing.T) {
	tests := []struct {
		name   string
		change func(*synthetic.Options)
	}{
		{"smallest window", func(o *synthetic.Options) { o.Window, o.Partitions = 1, 1 }},
		{"everything is repeated", func(o *synthetic.Options) { o.Duplicates, o.FarDuplicates, o.Conflicts = 1, 0, 0 }},
		{"everything is poisoned", func(o *synthetic.Options) { o.Poison = 1 }},
		{"everything is late", func(o *synthetic.Options) { o.Late, o.OutOfOrder = 1, 0 }},
		{"one tenant and one user", func(o *synthetic.Options) { o.Tenants, o.Users = 1, 1 }},
		{"a second", func(o *synthetic.Options) { o.Span = time.Second }},
		{"across 1970", func(o *synthetic.Options) { o.Start, o.Span = time.Unix(-1, 0), 2*time.Second }},
		{"two centuries", func(o *synthetic.Options) {
			o.Start, o.Span = time.Date(1998, 1, 1, 0, 0, 0, 0, time.UTC), 200*365*24*time.Hour
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := troubled(1)
			o.Events = 8_000
			tt.change(&o)
			columns := map[schemas.Type]schemas.Columns{}
			n := 0
			generate(t, o, func(item *producers.Item) {
				if columns[item.Type] == nil {
					columns[item.Type] = schemas.NewColumns(item.Type)
				}
				_, err := columns[item.Type].Append(item.Value, schemas.Coordinates{})
				if (err != nil) != (item.Kind == producers.Poison) {
					t.Fatalf("item %d of kind %d: a consumer says %v", n, item.Kind, err)
				}
				n++
			})
			if n != int(o.Events) {
				t.Errorf("%d records, want %d", n, o.Events)
			}
		})
	}
}
