package ingest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ingest/ingesttest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// rig is a worker with a log, a database and a group of its own.
type rig struct {
	*ingest.Worker
	log     ingesttest.Log
	store   *ingesttest.Store
	letters ingesttest.Letters
	group   ingesttest.Group
}

func newRig() *rig {
	b := &rig{store: new(ingesttest.Store)}
	b.store.Refuse = refuse
	b.Worker = b.worker()
	return b
}

// worker returns a worker of the next generation.
func (b *rig) worker() *ingest.Worker {
	g := b.group.Join()
	return &ingest.Worker{Partition: ingest.Partition{Partition: ledger.Partition{Topic: "queries.v1", Epoch: 1, ID: 2}, Type: schemas.QueryType, Count: 4},
		Source: b.log.Source(), Store: b.store, DeadLetters: &b.letters, Committer: b.group.Committer(g), Generation: g}
}

// append appends valid records numbered from n on.
func (b *rig) append(from, to int64) {
	for n := from; n < to; n++ {
		value, _ := schemas.AppendEvent(nil, ingesttest.Query(n))
		b.log.Append(ingest.Record{Value: value})
	}
}

// onFetch has the worker's source call a function after each fetch that brings records.
func (b *rig) onFetch(call func()) { b.Source = observed{b.Source, call} }

type observed struct {
	ingest.Source
	call func()
}

func (o observed) Fetch(ctx context.Context, from int64) (ingest.Fetch, error) {
	f, err := o.Source.Fetch(ctx, from)
	if len(f.Records) > 0 {
		o.call()
	}
	return f, err
}

func (b *rig) ranges() (ranges []ledger.Range) {
	for _, row := range b.store.Ledger() {
		ranges = append(ranges, row.Range())
	}
	return ranges
}

// f runs a test in a bubble of virtual time.
func f(t *testing.T, name string, test func(t *testing.T, b *rig)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, newRig()) }) })
}

func TestWorkerEnds(t *testing.T) {
	f(t, "when it has caught up, with what arrived meanwhile", func(t *testing.T, b *rig) {
		b.append(0, 10)
		b.UntilCaughtUp = true
		b.Hooks.Block = func(row ledger.Row) {
			if row.To == 10 {
				b.append(10, 15)
			}
		}
		if err := b.Run(t.Context()); err != nil || len(b.store.Rows()) != 15 || b.group.Committed() != 15 {
			t.Errorf("%v, %d rows, %d committed", err, len(b.store.Rows()), b.group.Committed())
		}
	})
	f(t, "when drained, with the open block", func(t *testing.T, b *rig) {
		b.append(0, 10)
		drain := make(chan struct{})
		b.Drain, b.Limits.Age = drain, time.Hour
		b.onFetch(func() { close(drain) })
		if err := b.Run(t.Context()); err != nil || !slices.Equal(b.ranges(), []ledger.Range{{From: 0, To: 10, Generation: 1}}) {
			t.Errorf("%v, ledger %v", err, b.ranges())
		}
	})
	f(t, "when drained before the database answers", func(t *testing.T, b *rig) {
		drain := make(chan struct{})
		close(drain)
		b.Drain, b.Store = drain, down{b.store, func() bool { return true }}
		if err := b.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	f(t, "when drained while it waits to ask the database again", func(t *testing.T, b *rig) {
		drain, began := make(chan struct{}), time.Now()
		time.AfterFunc(time.Hour, func() { close(drain) })
		b.Drain, b.Store = drain, down{b.store, func() bool { return true }}
		if err := b.Run(t.Context()); err != nil || time.Since(began) != time.Hour {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
	f(t, "when its context ends, and leaves the open block", func(t *testing.T, b *rig) {
		b.append(0, 10)
		b.Limits.Age = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.Run(ctx); !errors.Is(err, context.DeadlineExceeded) || len(b.ranges()) > 0 {
			t.Errorf("%v, ledger %v", err, b.ranges())
		}
	})
	f(t, "when fenced, without a ledger row", func(t *testing.T, b *rig) {
		b.append(0, 10)
		b.group.Join()
		if err := b.Run(t.Context()); !errors.Is(err, ingest.ErrFenced) || len(b.ranges()) > 0 {
			t.Errorf("%v, ledger %v", err, b.ranges())
		}
	})
	f(t, "when the log ends before the position, with an alarm", func(t *testing.T, b *rig) {
		b.append(0, 10)
		b.UntilCaughtUp = true
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.log = ingesttest.Log{}
		b.append(0, 5)
		second, alarm := b.worker(), error(nil)
		second.Hooks.Alarm = func(_ ingest.Partition, err error) { alarm = err }
		if err := second.Run(t.Context()); !errors.Is(err, ingest.ErrBeyondEnd) || !errors.Is(alarm, ingest.ErrBeyondEnd) || len(b.ranges()) != 1 {
			t.Errorf("%v, alarm %v, ledger %v", err, alarm, b.ranges())
		}
	})
	f(t, "when a limit is impossible, and names it", func(t *testing.T, b *rig) {
		for _, test := range []struct {
			limits ingest.Limits
			name   string
		}{
			{ingest.Limits{Rows: -1}, "Rows"}, {ingest.Limits{Bytes: -1}, "Bytes"}, {ingest.Limits{Age: -1}, "Age"},
			{ingest.Limits{Window: -1}, "Window"}, {ingest.Limits{Window: ingest.MaxWindow + 1}, "Window"},
			{ingest.Limits{RetryMin: -1}, "RetryMin"}, {ingest.Limits{RetryMax: -1}, "RetryMax"},
			{ingest.Limits{RetryMin: 2, RetryMax: 1}, "RetryMax"},
		} {
			b.Limits = test.limits
			if err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "limit "+test.name) {
				t.Errorf("limits %+v: %v", test.limits, err)
			}
			if test.limits.Validate() == nil {
				t.Errorf("limits %+v are valid", test.limits)
			}
		}
	})
}

// down is a store that fails while a function returns true.
type down struct {
	*ingesttest.Store
	is func() bool
}

var errDown = errors.New("down")

func (d down) Resume(ctx context.Context, p ingest.Partition, window int64) (ingest.Resume, error) {
	if d.is() {
		return ingest.Resume{}, errDown
	}
	return d.Store.Resume(ctx, p, window)
}

func (d down) Insert(ctx context.Context, p ingest.Partition, rows schemas.Columns) error {
	if d.is() {
		return errDown
	}
	return d.Store.Insert(ctx, p, rows)
}

func (d down) Account(ctx context.Context, row ledger.Row) error {
	if d.is() {
		return errDown
	}
	return d.Store.Account(ctx, row)
}

func TestWorkerBlocks(t *testing.T) {
	f(t, "rows of an earlier worker make the window of their ledger row unknown", func(t *testing.T, b *rig) {
		b.append(0, 10)
		b.UntilCaughtUp = true
		b.Committer = commitFunc(func() error { return ingest.ErrFenced }) // Inserts, and ends before it accounts.
		if err := b.Run(t.Context()); !errors.Is(err, ingest.ErrFenced) || len(b.store.Rows()) != 10 || len(b.store.Ledger()) != 0 {
			t.Fatalf("%v, %d rows, ledger %+v", err, len(b.store.Rows()), b.store.Ledger())
		}
		b.append(10, 20)
		b.Worker = b.worker()
		b.UntilCaughtUp, b.Limits = true, ingest.Limits{Rows: 5, Window: 1000}
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows := b.store.Ledger()
		if len(rows) != 2 || rows[0].To != 15 || rows[0].Window != 0 || rows[1].To != 20 || rows[1].Window != 1000 {
			t.Errorf("ledger %+v", rows)
		}
	})
	f(t, "records that are gone before the first are a gap from 0", func(t *testing.T, b *rig) {
		b.append(0, 10)
		b.log.DeleteBefore(4)
		b.UntilCaughtUp = true
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows := b.store.Ledger()
		if len(rows) != 1 || rows[0].From != 0 || rows[0].Gap != 4 || rows[0].Stored != 6 ||
			!slices.Equal(rows[0].Exceptions, []ledger.Span{{From: 0, To: 4, Disposition: ledger.Gap}}) {
			t.Errorf("ledger %+v", rows)
		}
	})
	f(t, "a trickle is stored after Age, an idle log writes no ledger row", func(t *testing.T, b *rig) {
		begin := time.Now()
		b.Hooks.Block = func(row ledger.Row) {
			// Fetches take 300 ms here, so a block can close that much after the whole second it is due at.
			now := time.Now()
			if past := now.Sub(now.Truncate(time.Second)); past > 300*time.Millisecond || now.Sub(row.FetchedAt) > 1300*time.Millisecond {
				t.Errorf("a block of age %v, %v after the second", now.Sub(row.FetchedAt), past)
			}
		}
		b.onFetch(func() {
			if time.Since(begin) < 3*time.Second {
				time.Sleep(300 * time.Millisecond)
				n := b.log.End()
				b.append(n, n+1)
			}
		})
		b.append(0, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if n, end := len(b.ranges()), b.log.End(); n < 3 || n > 4 || b.group.Committed() != end || end < 10 {
			t.Errorf("%d blocks, %d of %d committed", n, b.group.Committed(), end)
		}
	})
	f(t, "a record larger than the limit is a block of its own", func(t *testing.T, b *rig) {
		b.append(0, 5)
		b.UntilCaughtUp, b.Limits.Bytes = true, 1
		if err := b.Run(t.Context()); err != nil || len(b.ranges()) != 5 || len(b.store.Rows()) != 5 {
			t.Errorf("%v, ledger %v", err, b.ranges())
		}
	})
	f(t, "an open block gets stored although the log does not answer", func(t *testing.T, b *rig) {
		b.append(0, 5)
		source := &flaky{Source: b.Source}
		b.Source = source
		b.onFetch(func() { source.down = true })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		resends := 0
		b.Hooks.Resend = func(_ ingest.Partition, step ingest.Step, err error) {
			if resends++; step != ingest.StepFetch || !errors.Is(err, errDown) {
				t.Errorf("%s: %v", step, err)
			}
		}
		if err := b.Run(ctx); !errors.Is(err, context.DeadlineExceeded) || len(b.store.Rows()) != 5 || len(b.ranges()) != 1 {
			t.Errorf("%v, ledger %v", err, b.ranges())
		}
		if resends < 6 || resends > 30 {
			t.Errorf("%d attempts in a minute", resends)
		}
	})
	f(t, "a database that is down for an hour loses nothing", func(t *testing.T, b *rig) {
		b.append(0, 50)
		begin := time.Now()
		b.Store = down{b.store, func() bool { return time.Since(begin) < time.Hour }}
		b.UntilCaughtUp, b.Limits.Rows = true, 10
		resends := 0
		b.Hooks.Resend = func(ingest.Partition, ingest.Step, error) { resends++ }
		if err := b.Run(t.Context()); err != nil || len(b.store.Rows()) != 50 {
			t.Errorf("%v, ledger %v", err, b.ranges())
		}
		if resends < 360 || resends > 750 {
			t.Errorf("%d attempts in an hour of pauses between 5 s and 10 s", resends)
		}
	})
	f(t, "orphans are adopted page by page, also where the log has gone", func(t *testing.T, b *rig) {
		b.append(0, 20)
		b.store.Page, b.Limits.Rows, b.UntilCaughtUp = 3, 7, true
		b.Committer = b.group.Committer(99) // Every block ends at the fence, after its insert.
		for range 2 {
			if err := b.Run(t.Context()); !errors.Is(err, ingest.ErrFenced) {
				t.Fatal(err)
			}
		}
		b.log.DeleteBefore(20)
		second := b.worker()
		second.UntilCaughtUp, second.Limits = true, b.Limits
		if err := second.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var stored, gap uint64
		for _, row := range b.store.Ledger() {
			stored, gap = stored+row.Stored, gap+row.Gap
		}
		if stored != 7 || gap != 13 || b.store.Copies() > 7 {
			t.Errorf("%d stored, %d gap, %d copies; ledger %v", stored, gap, b.store.Copies(), b.ranges())
		}
	})
	f(t, "what was stored is not inserted again", func(t *testing.T, b *rig) {
		b.append(0, 20)
		b.UntilCaughtUp = true
		ctx, cancel := context.WithCancel(t.Context())
		b.Committer = commitFunc(func() error { cancel(); return errDown })
		if err := b.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		second := b.worker()
		second.UntilCaughtUp = true
		if err := second.Run(t.Context()); err != nil || b.store.Copies() > 0 || len(b.store.Rows()) != 20 {
			t.Errorf("%v, %d copies", err, b.store.Copies())
		}
	})
}

type commitFunc func() error

func (f commitFunc) Commit(context.Context, ingest.Partition, int64) error { return f() }

// flaky is a source that fails while it is down.
type flaky struct {
	ingest.Source
	down bool
}

func (f *flaky) Fetch(ctx context.Context, from int64) (ingest.Fetch, error) {
	if f.down {
		return ingest.Fetch{}, errDown
	}
	return f.Source.Fetch(ctx, from)
}

// slow is a store that takes a while to insert and knows how many inserts are running.
type slow struct {
	*ingesttest.Store
	now, most *atomic.Int32
}

func (s slow) Insert(ctx context.Context, p ingest.Partition, rows schemas.Columns) error {
	if n := s.now.Add(1); n > s.most.Load() {
		s.most.Store(n)
	}
	defer s.now.Add(-1)
	time.Sleep(10 * time.Millisecond)
	return s.Store.Insert(ctx, p, rows)
}

// TestOneBlockAtATime: while a block is being stored the worker fetches nothing, and it writes the ledger in order.
func TestOneBlockAtATime(t *testing.T) {
	f(t, "ten blocks", func(t *testing.T, b *rig) {
		var now, most atomic.Int32
		b.append(0, 100)
		b.log.MaxRecords = 10
		b.Store, b.Limits.Rows, b.UntilCaughtUp = slow{b.store, &now, &most}, 10, true
		fetches, during := 0, 0
		b.onFetch(func() {
			time.Sleep(time.Millisecond)
			fetches++
			during += int(now.Load())
		})
		if err := b.Run(t.Context()); err != nil || most.Load() != 1 || fetches != 10 || during != 0 {
			t.Errorf("%v, %d inserts at once, %d fetches, %d during an insert", err, most.Load(), fetches, during)
		}
		at := int64(0)
		for _, r := range b.ranges() {
			if r.From != at {
				t.Errorf("ledger %v", b.ranges())
			}
			at = r.To
		}
		if at != 100 {
			t.Errorf("the ledger ends at %d", at)
		}
	})
}
