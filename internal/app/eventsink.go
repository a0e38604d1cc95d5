package app

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"tidemark/producers"
	"tidemark/schemas"
)

const (
	// sinkSenders is how many batches of a sink are on their way at a time.
	sinkSenders = 4
	// sinkEvents is how many events a batch has before no further request joins it.
	sinkEvents = 16384
	// sinkPatience is how long a request without a deadline waits.
	sinkPatience = 10 * time.Second
)

// eventSink is the collector.Sink of a log. Requests that wait at the same time go to the log together, since a partition
// has one batch in flight.
type eventSink struct {
	waiting chan *sending
	senders [sinkSenders]*producers.Sender
	// acknowledged counts the events by type.
	acknowledged [schemas.NumTypes]atomic.Uint64
}

// sending is the events of one request.
type sending struct {
	events []schemas.Event
	until  time.Time  // When its sender no longer waits.
	done   chan error // With room for the one answer.
}

func newEventSink(log producers.Log, namespace string) *eventSink {
	s := &eventSink{waiting: make(chan *sending)}
	for i := range s.senders {
		s.senders[i] = &producers.Sender{Log: log, Namespace: namespace}
	}
	return s
}

// start starts the senders in g. They end with ctx.
func (s *eventSink) start(ctx context.Context, g *errgroup.Group) {
	for _, sender := range s.senders {
		g.Go(func() error {
			for {
				select {
				case first := <-s.waiting:
					s.send(ctx, sender, first)
				case <-ctx.Done():
					return nil
				}
			}
		})
	}
}

// Send implements collector.Sink.
func (s *eventSink) Send(ctx context.Context, events []schemas.Event) error {
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now().Add(sinkPatience)
	}
	one := &sending{events: events, until: until, done: make(chan error, 1)}
	select {
	case s.waiting <- one:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-one.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// send sends a request, and those that wait beside it, and tells each how it went. It gives up when the last of them does.
func (s *eventSink) send(ctx context.Context, sender *producers.Sender, first *sending) {
	group := []*sending{first}
	events := first.events
	for joining := true; joining && len(events) < sinkEvents; {
		select {
		case next := <-s.waiting:
			group = append(group, next)
			events = append(events[:len(events):len(events)], next.events...)
		default:
			joining = false
		}
	}
	until := first.until
	for _, one := range group[1:] {
		if one.until.After(until) {
			until = one.until
		}
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err := sender.SendValid(ctx, events) // The collector has validated them.
	if err == nil {
		for _, e := range events {
			if t, ok := schemas.TypeOf(e); ok {
				s.acknowledged[t].Add(1)
			}
		}
	}
	for _, one := range group {
		one.done <- err
	}
}
