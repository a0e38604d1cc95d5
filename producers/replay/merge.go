package replay

import (
	"container/heap"
	"errors"
	"io"

	"tidemark/producers"
	"tidemark/schemas"
)

// stream reads recorded events one after the other.
type stream interface {
	// next returns the next event, valid until next is called again: io.EOF after the last.
	next() (schemas.Event, error)
}

// merge gives the events of several streams by their time, and those of one time by the order of the streams. Within a
// stream the order stays as it is. It holds one event per stream, and asks a stream for the next one when that is used.
type merge struct {
	streams []stream
	heads   heads
	begun   bool
}

// next returns the next event, valid until next is called again.
func (m *merge) next() (schemas.Event, error) {
	switch {
	case !m.begun:
		for i := range m.streams {
			if err := m.pull(i); err != nil {
				return nil, err
			}
		}
		m.begun = true
		heap.Init(&m.heads)
	case len(m.heads) > 0:
		if err := m.advance(); err != nil {
			return nil, err
		}
	}
	if len(m.heads) == 0 {
		return nil, io.EOF
	}
	return m.heads[0].event, nil
}

// fill adds the next events to a batch, until it has limit items or is full.
func (m *merge) fill(b *producers.Batch, limit int) error {
	for !b.Full(limit) {
		e, err := m.next()
		if err != nil {
			return err
		}
		if err := addEvent(b, e); err != nil {
			return err
		}
	}
	return nil
}

// pull adds the head of a stream, if there is one, without sorting it in.
func (m *merge) pull(i int) error {
	e, err := m.streams[i].next()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	m.heads = append(m.heads, head{event: e, time: e.GetTimeUs(), stream: i})
	return nil
}

// advance puts the next event of the first head's stream in its place.
func (m *merge) advance() error {
	first := &m.heads[0]
	e, err := m.streams[first.stream].next()
	switch {
	case errors.Is(err, io.EOF):
		heap.Pop(&m.heads)
		return nil
	case err != nil:
		return err
	}
	first.event, first.time = e, e.GetTimeUs()
	heap.Fix(&m.heads, 0)
	return nil
}

// head is the event that a stream is at.
type head struct {
	event  schemas.Event
	time   int64
	stream int
}

// heads is a heap by time, then stream.
type heads []head

func (h heads) Len() int { return len(h) }
func (h heads) Less(i, j int) bool {
	return h[i].time < h[j].time || h[i].time == h[j].time && h[i].stream < h[j].stream
}
func (h heads) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is for package heap, and not used.
func (h *heads) Push(any) {}

// Pop is for package heap.
func (h *heads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
