package synthetic

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// repetition is an item to come: the type, identity and value of one that was there, or its conflict.
type repetition struct {
	kind      producers.Kind
	item      producers.Item
	partition int32 // Where the original is, of a far duplicate.
	offset    int64
}

// keep returns the item with a value of its own.
func keep(item *producers.Item, value []byte) producers.Item {
	kept := *item
	kept.Value = bytes.Clone(value)
	return kept
}

// agenda holds what is to be repeated soon, by the number of the item it is to be.
type agenda struct {
	slots []repetition // A ring; a free slot has no value.
	reach uint64       // How many items ahead something can be put.
}

const (
	maxReach = 3000 // Items.
	minReach = 1
)

// newAgenda returns an agenda that stays well within what a consumer remembers.
func newAgenda(window int64) agenda {
	reach := uint64(min(max(window/2, minReach), maxReach))
	return agenda{slots: make([]repetition, 2*reach), reach: reach}
}

// add puts what is to be repeated after some of the items to come; the next one has the number given. When that end of
// the agenda is crowded it comes as the next free one, and when there is none at all not at all.
func (a *agenda) add(r random, next uint64, what repetition) {
	at := next + r.below(a.reach)
	for range a.slots {
		if slot := &a.slots[at%uint64(len(a.slots))]; slot.item.Value == nil {
			*slot = what
			return
		}
		if at++; at >= next+a.reach {
			at = next
		}
	}
}

// due returns what is to be item number next, if something is.
func (a *agenda) due(next uint64) (repetition, bool) {
	slot := &a.slots[next%uint64(len(a.slots))]
	if slot.item.Value == nil {
		return repetition{}, false
	}
	what := *slot
	*slot = repetition{}
	return what, true
}

// backlog holds events that are to be repeated when they are far behind, oldest first.
type backlog struct {
	queue []repetition
	head  int
	bytes int
}

// backlogBytes bounds a backlog. What does not fit is not repeated.
const backlogBytes = 16 << 20

func (b *backlog) add(what repetition) {
	if b.bytes+len(what.item.Value) > backlogBytes {
		return
	}
	b.bytes += len(what.item.Value)
	b.queue = append(b.queue, what)
}

// take returns the oldest if it is further behind the end of its partition than the window.
func (b *backlog) take(ends []int64, window int64) (repetition, bool) {
	if b.head == len(b.queue) {
		return repetition{}, false
	}
	oldest := b.queue[b.head]
	if ends[oldest.partition]-oldest.offset <= window {
		return repetition{}, false
	}
	b.queue[b.head] = repetition{}
	b.bytes -= len(oldest.item.Value)
	if b.head++; b.head > len(b.queue)/2 { // Each is moved once on average.
		b.queue = b.queue[:copy(b.queue, b.queue[b.head:])]
		b.head = 0
	}
	return oldest, true
}

// encodeAt gives e another time and returns its wire form, which is valid until the next call.
func (g *Generator) encodeAt(e schemas.Event, at int64) ([]byte, error) {
	setTime(e, at)
	var err error
	g.scratch, err = schemas.AppendEvent(g.scratch[:0], e)
	return g.scratch, err
}

func setTime(e schemas.Event, at int64) {
	switch e := e.(type) {
	case *usagev1.Query:
		e.TimeUs = &at
	case *usagev1.Signup:
		e.TimeUs = &at
	case *usagev1.TokenCall:
		e.TimeUs = &at
	case *usagev1.ModelEvent:
		e.TimeUs = &at
	case *usagev1.ReferencePoint:
		e.TimeUs = &at
	}
}

// poisoner makes values that no consumer accepts, and makes sure of it with what consumers decode with.
type poisoner struct {
	columns [schemas.NumTypes]schemas.Columns
	value   []byte
}

func newPoisoner() *poisoner {
	p := &poisoner{}
	for _, t := range made {
		p.columns[t] = schemas.NewColumns(t)
	}
	return p
}

// spoil returns a value, valid until the next call, that is not acceptable as an event of type t. It may change e, but
// nothing of its identity.
func (p *poisoner) spoil(r random, t schemas.Type, e schemas.Event) ([]byte, error) {
	const attempts = 16 // The likes of 1 in 100 fail.
	for range attempts {
		switch r.below(3) {
		case 0:
			p.value = p.value[:0]
			for range r.between(1, 200) {
				p.value = append(p.value, byte(r.next()>>56))
			}
		case 1:
			whole, err := schemas.AppendEvent(p.value[:0], e)
			if err != nil {
				return nil, err
			}
			p.value = whole[:r.between(1, uint64(len(whole)-1))]
		default:
			if err := p.spoilField(r, e); err != nil {
				return nil, err
			}
		}
		if !p.isAcceptable(t) {
			return p.value, nil
		}
	}
	return nil, fmt.Errorf("make poison of %s: all attempts are acceptable", t)
}

// isAcceptable reports whether consumers would count the value.
func (p *poisoner) isAcceptable(t schemas.Type) bool {
	_, err := p.columns[t].Append(p.value, schemas.Coordinates{})
	p.columns[t].Reset()
	return err == nil
}

const year3000 = 32_503_680_000_000_000 // Microseconds since 1970.

// spoilField encodes e with one field out of its limits.
func (p *poisoner) spoilField(r random, e schemas.Event) error {
	bad := proto.Clone(e)
	m := bad.ProtoReflect()
	fields := m.Descriptor().Fields()
	switch r.below(4) {
	case 0:
		m.Clear(fields.ByName("tenant"))
	case 1:
		m.Set(fields.ByName("time_us"), protoreflect.ValueOfInt64(year3000))
	case 2:
		m.Clear(fields.ByName("id"))
	default:
		if f := fields.ByName("country"); f != nil {
			m.Set(f, protoreflect.ValueOfString("Atlantis"))
		} else {
			m.Set(fields.ByName("time_us"), protoreflect.ValueOfInt64(-year3000))
		}
	}
	value, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(p.value[:0], bad)
	if err != nil {
		return fmt.Errorf("encode poison: %w", err)
	}
	p.value = value
	return nil
}
