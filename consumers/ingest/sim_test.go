package ingest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ingest/ingesttest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

var simulations = flag.Uint64("ingest.seeds", 300, "number of simulations")

// regressions are seeds that failed once.
var regressions = []uint64{120, 259}

// A map of the simulation:
//
//	world   what outlives the workers of one seed: the log, the store, the dead letters, the group
//	life    one worker and the faults around it. It stands between the worker and the world, as source, store, dead
//	        letters and committer: each call takes time, and may fail before or after its effect
//	do      the faults of one effect: lost, answered with an error, late, followed by a crash
//	fates   the required end of every offset, from a sequential reading of the log (reference, in sim_check_test.go)
//	play    lets lives follow each other, some beside their successor; the last life meets no faults and must reach the end
//	check   compares ledger, table and dead letters with the fates (in sim_check_test.go)
//
// Checks that must hold at every moment (no ledger row and no commit before the rows are durable, no work after the fence)
// stand where they are made: in Account, Commit and begin.

// TestSimulation runs workers over a random log with random faults between any two steps: errors before and after the
// effect, effects that happen after the worker has given up on them or was replaced, inserts of which a part is stored,
// rows that the database refuses, crashes, workers that continue after they were replaced, a log start that overtakes the
// position. In the end every offset must have the fate that a sequential reading of the log gives it.
func TestSimulation(t *testing.T) {
	for _, seed := range regressions {
		simulate(t, seed)
	}
	for seed := range *simulations {
		if simulate(t, seed); t.Failed() {
			return
		}
	}
}

// world is what outlives the workers of one simulation.
type world struct {
	rng     *rand.Rand
	p       ingest.Partition
	log     *ingesttest.Log
	end     int64  // Of the log, when all of it is visible.
	fates   []fate // By offset.
	store   *ingesttest.Store
	letters *ingesttest.Letters
	group   *ingesttest.Group
	limits  ingest.Limits

	retention bool // The log start moves.
	lateness  bool // Effects may happen after their worker has ended or was replaced.

	running sync.WaitGroup
	steps   atomic.Int64

	mu         sync.Mutex
	violations []string
}

// maxSteps bounds a simulation: a wrong worker could keep it busy without end.
const maxSteps = 100_000

func (w *world) violate(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.violations) < 5 {
		w.violations = append(w.violations, fmt.Sprintf(format, args...))
	}
}

func simulate(t *testing.T, seed uint64) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(seed)
		w.play(t.Context())
		if len(w.violations) == 0 {
			w.check()
		}
		for _, v := range w.violations {
			t.Errorf("seed %d: %s", seed, v)
		}
	})
}

func newWorld(seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 3))
	w := &world{rng: r, log: &ingesttest.Log{MaxRecords: 1 + r.IntN(30)}, letters: new(ingesttest.Letters), group: new(ingesttest.Group),
		p: ingest.Partition{Partition: ledger.Partition{Topic: "queries.v1", Epoch: 1 + r.Uint32N(3), ID: r.Int32N(8)}, Type: schemas.QueryType, Count: 8}}
	w.store = &ingesttest.Store{Refuse: refuse}
	if r.IntN(3) == 0 {
		w.store.Page = 1 + r.IntN(10)
	}
	w.retention, w.lateness = r.IntN(3) == 0, r.IntN(3) > 0
	w.limits = ingest.Limits{Window: 1 + r.Int64N(40), RetryMin: time.Millisecond, RetryMax: 20 * time.Millisecond}
	w.end = fill(w.log, r, w.limits.Window)
	w.log.Show(0)
	w.fates = reference(w.log, w.p, w.limits.Window, w.end, nil)
	return w
}

// play lets workers follow each other. The last one meets no faults and must reach the end.
func (w *world) play(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer w.running.Wait()
	defer cancel()
	for range w.rng.IntN(8) {
		l := w.newLife(w.rng.Float64() * 0.5)
		l.start(ctx)
		l.finish(time.Duration(w.rng.Int64N(int64(400 * time.Millisecond))))
	}
	w.log.Show(w.end)
	l := w.newLife(0)
	l.worker.UntilCaughtUp = true
	l.start(ctx)
	if err := <-l.done; err != nil {
		w.violate("the last worker ends with %v", err)
	}
	// Workers that were replaced continue for a while.
	time.Sleep(time.Duration(w.rng.Int64N(int64(time.Second))))
}

// life is one worker and the faults around it. It stands between the worker and everything else.
type life struct {
	*world
	worker     *ingest.Worker
	committer  ingest.Committer
	source     ingest.Source
	generation int64
	faults     float64
	fetches    *rand.Rand
	effects    *rand.Rand

	cancel  context.CancelFunc
	crashed atomic.Bool
	fenced  atomic.Bool
	// inserted is the highest offset that the worker has seen stored, -1 if none.
	inserted atomic.Int64
	drain    chan struct{}
	done     chan error
}

func (w *world) newLife(faults float64) *life {
	r := w.rng
	l := &life{world: w, generation: w.group.Join(), faults: faults, source: w.log.Source(), drain: make(chan struct{}),
		done: make(chan error, 1), fetches: rand.New(rand.NewPCG(r.Uint64(), 4)), effects: rand.New(rand.NewPCG(r.Uint64(), 5))}
	l.inserted.Store(-1)
	l.committer = w.group.Committer(l.generation)
	limits := w.limits
	limits.Rows = 1 + r.IntN(30)
	_ = r.IntN(2) // Nothing any more; it keeps the other draws of a seed as they were.
	limits.Age = time.Duration(1 + r.Int64N(int64(50*time.Millisecond)))
	if r.IntN(4) == 0 {
		limits.Bytes = 1 + r.IntN(3000)
	}
	position := int64(0)
	l.worker = &ingest.Worker{Partition: w.p, Source: l, Store: l, DeadLetters: l, Committer: l, Generation: l.generation,
		Member: "member", Limits: limits, Drain: l.drain, UntilCaughtUp: r.IntN(4) == 0}
	l.worker.Hooks.Position = func(_ ingest.Partition, at, _ int64) {
		if at < position {
			w.violate("generation %d: the position goes back from %d to %d", l.generation, position, at)
		}
		position = at
	}
	return l
}

func (l *life) start(ctx context.Context) {
	ctx, l.cancel = context.WithCancel(ctx)
	l.running.Go(func() {
		defer l.cancel()
		err := l.worker.Run(ctx)
		if l.fenced.Load() && !l.crashed.Load() && !errors.Is(err, ingest.ErrFenced) && ctx.Err() == nil {
			l.violate("generation %d: fenced, but ends with %v", l.generation, err)
		}
		l.done <- err
	})
}

// finish waits for a while, then has the worker crash, or drain, or continue beside its successor.
func (l *life) finish(after time.Duration) {
	time.Sleep(after)
	way := l.rng.IntN(3)
	if way == 0 && l.lateness {
		return
	}
	if way == 1 {
		close(l.drain)
		select {
		case err := <-l.done:
			l.checkDrained(err)
			return
		case <-time.After(5 * time.Second):
		}
	}
	l.crash()
	<-l.done //nolint:errcheck // The worker was killed; how it ended does not matter.
}

// checkDrained verifies that a clean shutdown leaves nothing to redo.
func (l *life) checkDrained(err error) {
	if err != nil {
		return // Fenced or crashed before it could.
	}
	if r, _ := l.store.Resume(context.Background(), l.p, 1); r.Position <= l.inserted.Load() {
		l.violate("generation %d: drained at position %d, offset %d is inserted", l.generation, r.Position, l.inserted.Load())
	}
}

func (l *life) crash() {
	l.crashed.Store(true)
	l.cancel()
}

var errInjected = errors.New("injected")

// begin comes before every step: it takes time, and a worker that has ended must not take a step.
func (l *life) begin(ctx context.Context, r *rand.Rand) error {
	if l.fenced.Load() {
		l.violate("generation %d works after it was fenced", l.generation)
	}
	if l.steps.Add(1) > maxSteps {
		l.violate("more than %d steps", maxSteps)
		l.crash()
	}
	if l.crashed.Load() {
		return context.Canceled
	}
	return pause(ctx, r, 2*time.Millisecond)
}

func pause(ctx context.Context, r *rand.Rand, most time.Duration) error {
	select {
	case <-time.After(time.Duration(r.Int64N(int64(most)))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// do has an effect, with faults around it.
func (l *life) do(ctx context.Context, effect func() error) error {
	r := l.effects
	if err := l.begin(ctx, r); err != nil {
		return err
	}
	if r.Float64() >= l.faults {
		return effect()
	}
	switch r.IntN(7) {
	case 0: // It never arrived.
		return errInjected
	case 1: // Its answer is lost.
		if err := effect(); err != nil {
			return err
		}
		return errInjected
	case 2: // It arrives when nobody waits for it any more.
		if !l.lateness {
			return errInjected
		}
		delay := time.Duration(r.Int64N(int64(300 * time.Millisecond)))
		l.running.Go(func() {
			time.Sleep(delay)
			_ = effect() // Nobody waits for its error.
		})
		return errInjected
	case 3, 4: // It takes long, and the worker may be replaced meanwhile.
		if !l.lateness {
			return effect()
		}
		time.Sleep(time.Duration(r.Int64N(int64(300 * time.Millisecond))))
		return effect()
	case 5:
		l.crash()
		return errInjected
	default:
		err := effect()
		l.crash()
		return err
	}
}

// Fetch shows a little more of the log each time, and may move its start.
func (l *life) Fetch(ctx context.Context, from int64) (ingest.Fetch, error) {
	r := l.fetches
	if err := l.begin(ctx, r); err != nil {
		return ingest.Fetch{}, err
	}
	if l.faults > 0 {
		l.log.Show(max(l.log.End(), min(l.end, l.log.End()+r.Int64N(20))))
		if l.retention && r.IntN(20) == 0 {
			l.log.DeleteBefore(max(0, l.log.End()-r.Int64N(l.end)))
		}
	}
	if r.Float64() < l.faults/4 {
		return ingest.Fetch{}, errInjected
	}
	return l.source.Fetch(ctx, from)
}

// Resume implements ingest.Store.
func (l *life) Resume(ctx context.Context, p ingest.Partition, window int64) (resume ingest.Resume, err error) {
	if err := l.begin(ctx, l.effects); err != nil {
		return resume, err
	}
	if l.effects.Float64() < l.faults/4 {
		return resume, errInjected
	}
	return l.store.Resume(ctx, p, window)
}

// Insert implements ingest.Store. A part of the rows may be stored although the answer is an error.
func (l *life) Insert(ctx context.Context, _ ingest.Partition, columns schemas.Columns) error {
	rows, err := ingesttest.Rows(columns)
	if err != nil {
		l.violate("generation %d: %v", l.generation, err)
		return err
	}
	l.checkBlock(rows)
	part, some := l.effects.Float64() < l.faults/4, rows[l.effects.IntN(len(rows)):]
	return l.do(ctx, func() error {
		if !part {
			if err := l.store.Put(rows); err != nil {
				return err
			}
			l.inserted.Store(max(l.inserted.Load(), rows[len(rows)-1].Offset))
			return nil
		}
		if err := l.store.Put(some); err != nil {
			return err
		}
		return errInjected
	})
}

// checkBlock verifies that a block keeps its limits.
func (l *life) checkBlock(rows []ingesttest.Row) {
	if limits := l.worker.Limits; len(rows) > limits.Rows {
		l.violate("a block of %d rows, limits %+v", len(rows), limits)
	}
}

// Account implements ingest.Store. It verifies that the ledger never covers an offset that is not durable.
func (l *life) Account(ctx context.Context, row ledger.Row) error {
	return l.do(ctx, func() error {
		l.checkRow(row)
		return l.store.Account(ctx, row)
	})
}

func (l *life) checkRow(row ledger.Row) {
	if err := row.Validate(); err != nil {
		l.violate("ledger row %v: %v", &row, err)
	}
	if row.Generation != l.generation || row.Partition != l.p.Partition ||
		row.Partitions != l.p.Count || row.Window != l.limits.Window && row.Window != 0 || row.HighWatermark < row.To || row.FetchedAt.IsZero() {
		l.violate("ledger row %+v", row)
	}
	for o := row.From; o < row.To; o++ {
		switch d, _ := row.At(o); d {
		case ledger.Stored:
			if !l.store.Has(l.p, o) {
				l.violate("generation %d accounts for [%d,%d): offset %d is not in the table", l.generation, row.From, row.To, o)
			}
		case ledger.Dead:
			if l.letters.At(o) == nil {
				l.violate("generation %d accounts for [%d,%d): offset %d is no dead letter", l.generation, row.From, row.To, o)
			}
		default:
		}
	}
}

// Write implements ingest.DeadLetters.
func (l *life) Write(ctx context.Context, letters []*usagev1.DeadLetter) error {
	return l.do(ctx, func() error { return l.letters.Write(ctx, letters) })
}

// Commit implements ingest.Committer. It verifies that everything before the offset is durable.
func (l *life) Commit(ctx context.Context, p ingest.Partition, offset int64) error {
	err := l.do(ctx, func() error {
		l.checkCommit(offset)
		return l.committer.Commit(ctx, p, offset)
	})
	if errors.Is(err, ingest.ErrFenced) {
		l.fenced.Store(true)
	}
	return err
}

func (l *life) checkCommit(offset int64) {
	if l.retention {
		return
	}
	for o, want := range l.fates[:offset] {
		if want.disposition == ledger.Stored && !l.store.Has(l.p, int64(o)) || want.disposition == ledger.Dead && l.letters.At(int64(o)) == nil {
			l.violate("generation %d commits %d: offset %d is not durable", l.generation, offset, o)
		}
	}
}
