package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"tidemark/producers"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// slowLog takes a second to append, and fails while err is set.
type slowLog struct {
	mu      sync.Mutex
	err     error
	calls   int
	records int
}

func (l *slowLog) Partitions(context.Context, string) (int, error) { return 3, nil }

func (l *slowLog) Append(ctx context.Context, records []producers.Record) error {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.err == nil {
		l.records += len(records)
	}
	return l.err
}

// TestEventSink: requests that come while others are under way go to the log together, and each learns how it went. One
// whose sender hangs up takes no other with it.
func TestEventSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{}
		sink := newEventSink(log, "")
		working, cancel := context.WithCancel(t.Context())
		var senders errgroup.Group
		sink.start(working, &senders)
		send := func(ctx context.Context, id string) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			return sink.Send(ctx, []schemas.Event{&usagev1.Query{Source: "s", Id: id, TimeUs: new(int64(1)), Tenant: "t", Product: "p"}})
		}
		const requests = 100
		var all sync.WaitGroup
		for i := range requests {
			all.Go(func() {
				if err := send(t.Context(), fmt.Sprint(i)); err != nil {
					t.Errorf("request %d: %v", i, err)
				}
			})
		}
		gone, hangUp := context.WithCancel(t.Context())
		all.Go(func() {
			if err := send(gone, "gone"); !errors.Is(err, context.Canceled) {
				t.Errorf("the request that hung up: %v", err)
			}
		})
		time.Sleep(500 * time.Millisecond)
		hangUp()
		all.Wait()
		if log.records < requests || log.calls > 2*sinkSenders {
			t.Errorf("%d records in %d calls", log.records, log.calls)
		}
		log.err = errors.New("down")
		if err := send(t.Context(), "down"); !errors.Is(err, log.err) {
			t.Errorf("while the log is down: %v", err)
		}
		cancel()
		if err := senders.Wait(); err != nil {
			t.Error(err)
		}
		if err := send(t.Context(), "late"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the end: %v", err)
		}
	})
}
