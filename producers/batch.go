package producers

import (
	"time"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Kind is what a record is to the truth about a run.
type Kind uint8

// The kinds of record.
const (
	Fresh        Kind = iota // An event not sent before in this run.
	Duplicate                // The same bytes as an earlier record of this run.
	FarDuplicate             // A duplicate further behind the original than a consumer's window looks back.
	Conflict                 // The identity of an earlier record of this run with another time, or with other content and no higher revision.
	Poison                   // A value that no consumer accepts.
	Revision                 // An event sent before in this run, with the same time and a higher revision: it replaces the earlier one.
)

// Disorder is how the time of an event relates to the times of its neighbors.
type Disorder uint8

// The kinds of disorder.
const (
	InOrder    Disorder = iota
	OutOfOrder          // Seconds before its neighbors.
	Late                // Hours or days before its neighbors.
)

// Item is a record to send and what is known about it.
type Item struct {
	Type     schemas.Type
	Kind     Kind
	Disorder Disorder
	Identity schemas.Identity // Decides the partition, of poison too.
	Value    []byte
	// Due is when to send the item, counted from the start of the run. A Source gives its items in the order of Due.
	Due time.Duration
	// Overdue is how long before Due the item's own time was, if the source gave it that late. Default 0.
	Overdue time.Duration
	// Measures of an event: microseconds since 1970, the weight (at least 1), and tokens times weight.
	Time                              int64
	Weight, InputTokens, OutputTokens uint64
	// Revision is the number of this statement of the event; a higher one replaces a lower one.
	Revision uint64
	// Replaced are the measures of the statement that an item of kind Revision replaces.
	Replaced Measures
}

// Measures are the figures of an event that the truth adds up, as in an Item.
type Measures struct{ Weight, InputTokens, OutputTokens uint64 }

// Batch is items and the memory of their values. The zero value is ready; Reset keeps the memory for the next batch.
type Batch struct {
	Items []Item
	bytes []byte
	size  int
}

// Reset removes all items. The items added next overwrite their values.
func (b *Batch) Reset() {
	clear(b.Items)
	b.Items, b.bytes, b.size = b.Items[:0], b.bytes[:0], 0
}

// Size returns the bytes of all values.
func (b *Batch) Size() int { return b.size }

// fullBytes is the size at which a batch is full however few items it has.
const fullBytes = 8 << 20

// Full reports whether the batch has limit items, or enough bytes.
func (b *Batch) Full(limit int) bool { return len(b.Items) >= limit || b.size >= fullBytes }

// AddEvent adds the event as a fresh item, and returns the item, which stays valid until the next is added. It encodes
// e but does not validate it; e is not kept.
func (b *Batch) AddEvent(e schemas.Event) (*Item, error) {
	t, _ := schemas.TypeOf(e)
	before := len(b.bytes)
	encoded, err := schemas.AppendEvent(b.bytes, e)
	if err != nil {
		return nil, err
	}
	b.bytes = encoded // If this grew, earlier values keep the old memory.
	item := b.add(encoded[before:])
	item.Type = t
	item.Identity = schemas.IdentityOf(e.GetTenant(), e.GetSource(), e.GetId())
	item.Time = e.GetTimeUs()
	if revised, ok := e.(interface{ GetRevision() uint64 }); ok {
		item.Revision = revised.GetRevision()
	}
	item.measure(e)
	return item, nil
}

// AddBytes adds an item whose value is a copy of the given bytes, and returns it, valid until the next is added.
func (b *Batch) AddBytes(value []byte) *Item {
	before := len(b.bytes)
	b.bytes = append(b.bytes, value...)
	return b.add(b.bytes[before:])
}

// Extend appends to the value of the item added last.
func (b *Batch) Extend(tail []byte) {
	item := &b.Items[len(b.Items)-1]
	from := len(b.bytes) - len(item.Value) // The value is the end of the memory.
	b.bytes = append(b.bytes, tail...)
	item.Value = b.bytes[from:len(b.bytes):len(b.bytes)]
	b.size += len(tail)
}

func (b *Batch) add(value []byte) *Item {
	b.size += len(value)
	b.Items = append(b.Items, Item{Value: value[:len(value):len(value)]})
	return &b.Items[len(b.Items)-1]
}

// measure sets the figures that the truth adds up.
func (i *Item) measure(e schemas.Event) {
	i.Weight = 1
	switch e := e.(type) {
	case *usagev1.TokenCall:
		i.Weight = max(e.GetWeight(), 1)
		i.InputTokens = i.Weight * (e.GetInputUncached() + e.GetInputCacheRead() + e.GetInputCacheWrite())
		i.OutputTokens = i.Weight * (e.GetOutputVisible() + e.GetOutputReasoning())
	case interface{ GetWeight() uint64 }:
		i.Weight = max(e.GetWeight(), 1)
	}
}
