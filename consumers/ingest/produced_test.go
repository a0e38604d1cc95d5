package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ingest/ingesttest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// TestProduceTime has a worker read records whose own times are right, wrong or missing. Some were in the log before it
// began, others arrive 10 s later, when it has caught up. The lag that it records is the pipeline's.
func TestProduceTime(t *testing.T) {
	const hour = time.Hour
	type record struct {
		event int64 // Number of the event; the same is a duplicate, -1 is a dead letter.
		own   time.Duration
		none  bool // No time of its own.
	}
	check := func(name string, before, after []record, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newRig()
				b.Limits.Age = time.Second
				put := func(records []record) {
					for _, r := range records {
						value, _ := schemas.AppendEvent(nil, ingesttest.Query(r.event))
						if r.event < 0 {
							value = []byte{0xff}
						}
						stamp := time.Now().Add(r.own).UnixMilli()
						if r.none {
							stamp = -1
						}
						b.log.Append(ingest.Record{Value: value, Timestamp: stamp})
					}
				}
				put(before)
				began := time.Now()
				var got []string
				b.Hooks.Block = func(row ledger.Row) {
					if err := row.Validate(); err != nil {
						t.Error(err)
					}
					if row.OldestProduced.IsZero() {
						got = append(got, "unknown")
						return
					}
					at := func(t time.Time) time.Duration { return t.Sub(began).Round(time.Second) }
					got = append(got, fmt.Sprintf("%s to %s, lag %s", at(row.OldestProduced), at(row.NewestProduced), row.ProduceLag.Round(time.Second)))
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- b.Run(ctx) }()
				time.Sleep(10*time.Second + time.Millisecond)
				put(after)
				time.Sleep(5 * time.Second)
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		})
	}
	// Virtual time begins at a whole second, so a block that is opened then closes a second later.
	check("in time", nil, []record{{event: 1}, {event: 2}}, "10s to 10s, lag 1s")
	check("history with the events' times", nil, []record{{event: 1, own: -150 * hour}, {event: 2, own: -149 * hour}}, "10s to 10s, lag 1s")
	check("a clock that is behind", nil, []record{{event: 1, own: -hour}, {event: 2}}, "10s to 10s, lag 1s")
	check("a clock that is ahead", nil, []record{{event: 1, own: hour}, {event: 2, own: 2 * hour}}, "10s to 10s, lag 1s")
	check("no time", nil, []record{{event: 1, none: true}}, "10s to 10s, lag 1s")
	check("a backlog", []record{{event: 1, own: -hour}, {event: 2, own: -time.Minute}}, nil, "-1h0m0s to -1m0s, lag 1h0m1s")
	check("a backlog by a clock that is ahead", []record{{event: 1, own: hour}}, nil, "0s to 0s, lag 1s")
	check("a backlog without times", []record{{event: 1, none: true}}, nil, "unknown")
	check("a backlog of which one has a time", []record{{event: 1, none: true}, {event: 2, own: -time.Minute}}, nil, "-1m0s to -1m0s, lag 1m1s")
	check("duplicates and dead letters alone", []record{{event: 1, own: -time.Minute}}, []record{{event: 1}, {event: -1}}, "-1m0s to -1m0s, lag 1m1s", "10s to 10s, lag 1s")
}

// TestProduceTimeOfGaps: what the log does not hold, or holds for its own ends, was not produced at any time.
func TestProduceTimeOfGaps(t *testing.T) {
	f(t, "gaps and control records", func(t *testing.T, b *rig) {
		b.log.Hole()
		b.log.Append(ingest.Record{Control: true, Timestamp: time.Now().Add(-time.Hour).UnixMilli()})
		b.UntilCaughtUp = true
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, row := range b.store.Ledger() {
			if !row.OldestProduced.IsZero() || row.ProduceLag != 0 {
				t.Errorf("%v: produced %v, lag %s", &row, row.OldestProduced, row.ProduceLag)
			}
		}
	})
}

// TestProduceTimeWhileBehind lets a worker fall behind: the bound of a record is when the log ended in front of it, not
// when it was asked last, so that the lag is not made small.
func TestProduceTimeWhileBehind(t *testing.T) {
	f(t, "an insert that takes long", func(t *testing.T, b *rig) {
		b.Limits.Age = time.Second
		b.log.MaxRecords = 2
		slow := &slowStore{Store: b.store, wait: 20 * time.Second}
		b.Store = slow
		var lags []time.Duration
		b.Hooks.Block = func(row ledger.Row) { lags = append(lags, row.ProduceLag.Round(time.Second)) }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		time.Sleep(time.Second / 2)
		for n := range int64(12) { // One a second, without a time of its own.
			value, _ := schemas.AppendEvent(nil, ingesttest.Query(n))
			b.log.Append(ingest.Record{Value: value, Timestamp: -1})
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if len(lags) < 2 {
			t.Fatalf("lags %v", lags)
		}
		for i, lag := range lags[1:] {
			if lag < 30*time.Second || lag > time.Minute {
				t.Errorf("block %d: lag %s, and its records waited for a block of 20 s and their own", i+1, lag)
			}
		}
	})
}

// slowStore takes its time for each insert.
type slowStore struct {
	ingest.Store
	wait time.Duration
}

func (s *slowStore) Insert(ctx context.Context, p ingest.Partition, rows schemas.Columns) error {
	time.Sleep(s.wait)
	return s.Store.Insert(ctx, p, rows)
}
