package calls

import usagev1 "tidemark/schemas/usage/v1"

// Rejected is an item of a request that cannot be counted. It names the field at fault, and never has a value of one.
type Rejected struct {
	Index         int // The place of the item in the request, from 0.
	Field, Reason string
}

// Batch is what the items of one request say. The zero value is empty.
type Batch struct {
	Reports  []*Report
	Rejected []Rejected
	Skipped  map[string]uint64 // Items that are no call or repeat one, by the reason.
	items    int
}

// Report adds an item that reports a call.
func (b *Batch) Report(r *Report) {
	r.place = b.items
	b.Reports = append(b.Reports, r)
	b.items++
}

// Reject adds an item with a fault.
func (b *Batch) Reject(field, reason string) {
	b.Rejected = append(b.Rejected, Rejected{Index: b.items, Field: field, Reason: reason})
	b.items++
}

// Skip adds an item that is not counted. There are few reasons: they are the names of counters.
func (b *Batch) Skip(reason string) {
	if b.Skipped == nil {
		b.Skipped = map[string]uint64{}
	}
	b.Skipped[reason]++
	b.items++
}

// Result is what became of a request. Each of its items is an event, joined to one, rejected or skipped.
type Result struct {
	Events   []*usagev1.TokenCall // The caller owns them.
	Places   []int                // The places in the request of the items that the events are named by, one per event.
	Items    int                  // The items of the request.
	Joined   int                  // Items about a call that another item of the request is about too.
	Rejected []Rejected
	Skipped  map[string]uint64
}

// refuse rejects the reports of times that are outside. What is never sent must not be remembered: a later report of the call
// would be joined to it.
func (b *Batch) refuse(outside func(us int64) string) {
	inside := b.Reports[:0]
	for _, r := range b.Reports {
		if reason := outside(r.Start); reason != "" {
			b.Rejected = append(b.Rejected, Rejected{Index: r.place, Field: "time_us", Reason: reason})
			continue
		}
		inside = append(inside, r)
	}
	b.Reports = inside
}

// Result makes events of the reports of a batch, see Events.
func (m *Memory) Result(o Origin, b *Batch) Result {
	if o.Outside != nil {
		b.refuse(o.Outside)
	}
	events, places := m.place(o, b.Reports)
	return Result{Events: events, Places: places, Items: b.items, Joined: len(b.Reports) - len(events), Rejected: b.Rejected, Skipped: b.Skipped}
}
