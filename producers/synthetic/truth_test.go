package synthetic_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

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
