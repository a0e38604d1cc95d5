package rollup

import (
	"context"
	"fmt"
	"maps"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Run does not let the minutes wait for a long range of hours or days: a job recomputes it beside the steps, on a goroutine
// of its own.
//
//	step -> job: recomputeRange on a copy of the step's state -> a later step: takeJob
//
// There is at most one job. While it works, steps leave its table alone, and what is made from that table: the range stays
// pending in the database, and two never write the same buckets. The step that takes the result takes the range off,
// except for buckets that are touched again: the ledger gained rows for them beyond the job's bounds, or a range that they merge was
// published again. A crash before that leaves the range pending, published or not, and it is recomputed once more.
//
// A job has half of the threads of a step, and its statements pause while others store events or roll up minutes: an hour that grows for long would
// else take a core from them for as long.
//
// A step with requests of a Rebuild starts no job and first waits for the one that works, whose copy is older than the
// requests.

// job recomputes one range of one table beside the steps. Only its own goroutine uses s until done is closed.
type job struct {
	s     *step // A copy of the step that started it, with a copy of the worker.
	t     *Table
	r     spans.Span
	busy  map[string]bool // The table and those made from it, directly or not.
	again []spans.Span    // Buckets of the table that merge what was published since the start. The steps write it.

	done         chan struct{} // Closed when the job ends. It sets these fields before:
	bad          []spans.Span
	deduplicated bool
	took         time.Duration
	err          error
}

// jobVersions is the number of versions that a job may take, far more than one range needs. They are set aside when it starts,
// so they are older than whatever its copy of the step does not know, as those of a step are.
const jobVersions = 100

// leave reports whether the step is not to recompute a range: it is long, or a job works on the table. It starts a job for a
// long range if there is none.
func (s *step) leave(ctx context.Context, t *Table, r spans.Span) bool {
	switch {
	case !s.beside:
		return false
	case s.w.job != nil && s.w.job.busy[t.Name]:
		return true
	case t.Minutes == 1 || s.minutesOf(t).Rows(r.From, r.To) < uint64(s.limits.Long):
		return false
	}
	if s.w.job == nil {
		s.startJob(ctx, t, r)
	}
	return true
}

// startJob starts to recompute a range beside the steps.
func (s *step) startJob(ctx context.Context, t *Table, r spans.Span) {
	own, worker, table := *s, *s.w, *t
	worker.Hooks, worker.bases, worker.proofs = Hooks{}, maps.Clone(s.w.bases), s.w.copyProofs()
	own.w = &worker
	own.limits.Threads, own.limits.beside = max(1, s.limits.Threads/2), true
	s.w.newest += jobVersions
	own.dirty, own.mismatched, own.requested = maps.Clone(s.dirty), maps.Clone(s.mismatched), maps.Clone(s.requested)
	own.compared, own.progress = maps.Clone(s.compared), Progress{}
	own.mismatches = make(map[schemas.Type]map[int32]Mismatch)
	for _, typ := range t.Types {
		own.mismatches[typ] = maps.Clone(s.mismatches[typ])
		maps.DeleteFunc(own.mismatches[typ], func(m int32, _ Mismatch) bool { return m < r.From || m >= r.To })
	}
	j := &job{s: &own, t: &table, r: r, busy: map[string]bool{t.Name: true}, done: make(chan struct{})}
	for _, d := range s.tables { // What is made from another comes after it.
		if j.busy[d.From] {
			j.busy[d.Name] = true
		}
	}
	s.w.job = j
	go j.run(ctx)
}

func (j *job) run(ctx context.Context) {
	defer close(j.done)
	began := j.s.w.now()
	j.bad, j.deduplicated, j.err = j.s.recomputeRange(ctx, j.t, j.r)
	j.took = j.s.w.now().Sub(began)
}

// jobDone returns a channel that is closed when the job ends, nil if there is none.
func (w *Worker) jobDone() <-chan struct{} {
	if w.job == nil {
		return nil
	}
	return w.job.done
}

// endJob waits for the job and drops its result: the range is pending.
func (w *Worker) endJob() {
	if w.job != nil {
		<-w.job.done
		w.job = nil
	}
}

// takeJob takes the result of a job that has ended.
func (s *step) takeJob(ctx context.Context) error {
	for _, requested := range s.requested {
		s.beside = s.beside && len(requested) == 0
	}
	j := s.w.job
	if j == nil {
		return nil
	}
	if !s.beside {
		select {
		case <-j.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-j.done:
	default:
		return nil
	}
	if j.err != nil {
		s.w.failJob(s.limits)
		return nil //nolint:nilerr // Run reports it.
	}
	again, err := s.touchedSince(ctx, j)
	if err != nil {
		return err
	}
	s.w.job, s.w.jobRetry, s.taken = nil, 0, j
	s.w.pause(j.t, j.r, j.took, j.s.fixed, s.limits)
	s.w.keepBases(j)
	s.w.keepProofs(j)
	s.markPublished(j.t, j.r, j.bad)
	s.dirty[j.t.Name] = spans.Union(s.dirty[j.t.Name], spans.Intersect(again, []spans.Span{j.r}))
	s.progress.Grown += j.s.progress.Grown
	s.count(j.t, j.r, j.s.minutesOf(j.t).Rows(j.r.From, j.r.To), j.deduplicated, j.took)
	return nil
}

// keepBases takes over what the job remembers of its table: no step published any of it meanwhile.
func (w *Worker) keepBases(j *job) {
	if w.bases == nil {
		w.bases = make(map[string][]base)
	}
	w.bases[j.t.Name] = j.s.w.bases[j.t.Name]
	if j.t.Priced {
		w.books, w.priced = j.s.w.books, j.s.w.priced
	}
}

// touchedSince returns the buckets of a job's table that the job's result is too old for.
func (s *step) touchedSince(ctx context.Context, j *job) ([]spans.Span, error) {
	again := spans.Union(j.again, s.requested[j.t.Name])
	if j.t.From != "" {
		return again, nil
	}
	for _, typ := range j.t.Types {
		touched, err := ledgerdb.ReadTouched(ctx, s.w.DB, schemas.SpecOf(typ).Topic, j.s.ends[typ], s.ends[typ])
		if err != nil {
			return nil, err
		}
		again = spans.Union(again, spans.Buckets(touched, j.t.Minutes))
	}
	return again, nil
}

// failJob keeps the range of a job that failed from being tried again for a while: twice as long as the last time, if that failed
// too. Run reports the error. Nothing else waits.
func (w *Worker) failJob(limits Limits) {
	j := w.job
	w.job, w.jobRetry = nil, min(max(2*w.jobRetry, limits.RetryMin), limits.RetryMax)
	w.hold(j.t.Name, j.r, w.jobRetry)
	w.failed = fmt.Errorf("recompute %s from %s to %s: %w", j.t.Name, spans.TimeOf(j.r.From), spans.TimeOf(j.r.To), j.err)
}

// tellMismatches reports what the job taken found. That may have been mended since, so no range of this step is left out
// for it.
func (s *step) tellMismatches(context.Context) error {
	if s.taken == nil {
		return nil
	}
	for typ, minutes := range s.taken.s.mismatches {
		for _, m := range minutes {
			s.addMismatch(typ, m)
		}
	}
	return nil
}

// reportFailed calls the hook if a job failed, unless all ends.
func (w *Worker) reportFailed(ctx context.Context) {
	if w.failed != nil && w.Hooks.Error != nil && ctx.Err() == nil {
		w.Hooks.Error(w.failed)
	}
	w.failed = nil
}
