package rollup

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// step is the state of one call of Step.
type step struct {
	w       *Worker
	limits  Limits
	paced   bool // Leave out buckets that are paused.
	beside  bool // Leave long ranges to a job.
	tables  []Table
	version uint64 // Of the rows of rollup_pending that the step writes.

	cursors map[string]ledgerdb.Bounds       // Where the step before ended, by topic.
	ends    map[schemas.Type]ledgerdb.Bounds // Where this step ends.
	pending []pending                        // As saved by earlier steps and by Rebuild.

	dirty      map[string][]spans.Span             // Buckets to recompute, by table. A published range is taken off.
	mismatched map[string][]spans.Span             // Those of them that the last try could not publish because of a mismatch.
	requested  map[string][]spans.Span             // Those of them that a Rebuild requested: this step does them, paused or not.
	minutes    map[schemas.Type]ledgerdb.Minutes   // What the ledger says of the minutes around dirty buckets.
	far        map[schemas.Type]int32              // minutes leave out what lies in gaps of this length or longer.
	mismatches map[schemas.Type]map[int32]Mismatch // By minute.
	compared   map[schemas.Type][]spans.Span       // Where all mismatches are known.
	fixed      float64                             // The share of what the last range took that does not go with the rows it gained.
	progress   Progress
	taken      *job // The job of which the step took the result; nil if there is none.
}

func (w *Worker) step(ctx context.Context, paced, beside bool) (Progress, error) {
	limits, err := w.Limits.withDefaults()
	if err != nil {
		return Progress{}, fmt.Errorf("limits of the rollup worker: %w", err)
	}
	began := w.now()
	s := &step{
		w: w, paced: paced, beside: beside, limits: limits, tables: Tables(),
		ends:  make(map[schemas.Type]ledgerdb.Bounds),
		dirty: make(map[string][]spans.Span), mismatched: make(map[string][]spans.Span), requested: make(map[string][]spans.Span),
		minutes: make(map[schemas.Type]ledgerdb.Minutes), far: make(map[schemas.Type]int32),
		mismatches: make(map[schemas.Type]map[int32]Mismatch), compared: make(map[schemas.Type][]spans.Span),
	}
	// The short buckets first: they are the freshest and the cheapest. A rollup that merges another has longer ones.
	slices.SortStableFunc(s.tables, func(a, b Table) int { return cmp.Compare(a.Minutes, b.Minutes) })
	for _, stage := range []func(context.Context) error{s.follow, s.takeJob, s.readLedger, s.recompute, s.tellMismatches, s.save} {
		if err := stage(ctx); err != nil {
			return s.progress, err
		}
	}
	s.progress.Took = w.now().Sub(began)
	if w.Hooks.Step != nil {
		w.Hooks.Step(s.progress)
	}
	return s.progress, s.mismatchError()
}

// follow finds the buckets that changed since the step before. It reads the clock first, so that of two workers'
// versions the newer one is of the worker that saw more.
func (s *step) follow(ctx context.Context) (err error) {
	if s.version, err = s.w.readClock(ctx); err != nil {
		return err
	}
	if err := s.readPending(ctx); err != nil {
		return err
	}
	if s.cursors, err = ledgerdb.ReadCursors(ctx, s.w.DB); err != nil {
		return err
	}
	if slices.ContainsFunc(s.pending, func(p pending) bool { return p.reason == schemas.ReasonRequested }) {
		// Another process may have published newer versions. They must not hide what a Rebuild requested.
		if err := s.w.readPublished(ctx); err != nil {
			return err
		}
	}
	for _, spec := range specsOf(s.tables) {
		cursors := s.cursors[spec.Topic]
		ends, err := ledgerdb.ReadEnds(ctx, s.w.DB, spec.Topic, cursors)
		if err != nil {
			return err
		}
		touched, err := ledgerdb.ReadTouched(ctx, s.w.DB, spec.Topic, cursors, ends)
		if err != nil {
			return err
		}
		s.ends[spec.Type] = ends
		for p, end := range ends {
			s.progress.Offsets += uint64(end - cursors[p])
		}
		for _, t := range s.tables {
			if t.From == "" && slices.Contains(t.Types, spec.Type) {
				s.dirty[t.Name] = spans.Union(s.dirty[t.Name], spans.Buckets(touched, t.Minutes))
			}
		}
	}
	return nil
}

// specsOf returns the types that tables are made from, in their order.
func specsOf(tables []Table) []schemas.Spec {
	var specs []schemas.Spec
	for _, spec := range schemas.Specs() {
		if slices.ContainsFunc(tables, func(t Table) bool { return slices.Contains(t.Types, spec.Type) }) {
			specs = append(specs, spec)
		}
	}
	return specs
}

// The ledger is not read between dirty buckets that are farApart minutes or more apart: there may be years of minutes.
// But when history has more than maxParts parts that are so far apart, there is little in it, and reading all of it
// costs less than going from one part to the next.
const (
	farApart = 366 * spans.Day
	maxParts = 16
)

// readLedger reads what the ledger says of the days with dirty buckets and of the time between them: a range may cover
// that time too, and is then compared with the ledger as well.
func (s *step) readLedger(ctx context.Context) error {
	for _, spec := range specsOf(s.tables) {
		var days []spans.Span
		for _, t := range s.tables {
			if slices.Contains(t.Types, spec.Type) {
				days = spans.Union(days, spans.Widen(s.dirty[t.Name], spans.Day))
			}
		}
		var parts []spans.Span
		parts, s.far[spec.Type] = partsOf(days)
		for _, part := range parts {
			minutes, err := ledgerdb.ReadMinutes(ctx, s.w.DB, spec.Topic, s.ends[spec.Type], part)
			if err != nil {
				return err
			}
			s.minutes[spec.Type] = append(s.minutes[spec.Type], minutes...)
		}
	}
	return nil
}

// partsOf joins days into parts of history that are at least far minutes apart.
func partsOf(days []spans.Span) (parts []spans.Span, far int32) {
	for _, d := range days {
		if last := len(parts) - 1; last >= 0 && d.From-parts[last].To < farApart {
			parts[last].To = d.To
			continue
		}
		parts = append(parts, d)
	}
	if len(parts) > maxParts {
		return []spans.Span{{From: parts[0].From, To: parts[len(parts)-1].To}}, math.MaxInt32
	}
	return parts, farApart
}

// farOf returns the length of the gaps between buckets of a table from which on the step has not read what lies
// between.
func (s *step) farOf(t *Table) int32 {
	far := int32(math.MaxInt32)
	for _, typ := range t.Types {
		far = min(far, s.far[typ])
	}
	return far
}

// minutesOf returns what the ledger says of the types that a table is made from.
func (s *step) minutesOf(t *Table) ledgerdb.MinutesByType {
	var all ledgerdb.MinutesByType
	for _, typ := range t.Types {
		all = append(all, s.minutes[typ])
	}
	return all
}

// recompute updates one table after the other.
func (s *step) recompute(ctx context.Context) error {
	for i := range s.tables {
		t := &s.tables[i]
		due := s.dirty[t.Name]
		if s.paced {
			due = spans.Subtract(due, spans.Subtract(s.w.paused(t.Name), s.requested[t.Name]))
		}
		for _, r := range plan(due, t.Minutes, s.minutesOf(t), uint64(s.limits.Rows), s.farOf(t)) {
			if s.leave(ctx, t, r) {
				continue
			}
			began := s.w.now()
			bad, deduplicated, err := s.recomputeRange(ctx, t, r)
			if err != nil {
				return fmt.Errorf("recompute %s from %s to %s: %w", t.Name, spans.TimeOf(r.From), spans.TimeOf(r.To), err)
			}
			took := s.w.now().Sub(began)
			s.w.pause(t, r, took, s.fixed, s.limits)
			s.markPublished(t, r, bad)
			s.count(t, r, s.minutesOf(t).Rows(r.From, r.To), deduplicated, took)
		}
		s.progress.Deferred += len(spans.Subtract(s.dirty[t.Name], s.mismatched[t.Name]))
	}
	if s.w.job != nil {
		s.progress.Deferred = max(s.progress.Deferred, 1) // Its range may be one of those with mismatches.
	}
	return nil
}

// count counts a published range and calls the hook.
func (s *step) count(t *Table, r spans.Span, rows uint64, deduplicated bool, took time.Duration) {
	s.progress.Ranges++
	s.progress.Rows += rows
	if s.w.Hooks.Range != nil {
		s.w.Hooks.Range(Published{Table: t.Name, From: r.From, To: r.To, Rows: rows, Deduplicated: deduplicated, Took: took})
	}
}

// markPublished takes a published range off the dirty buckets and makes dirty what is made from it. The buckets of bad
// could not be published and stay dirty, requested or not.
func (s *step) markPublished(t *Table, r spans.Span, bad []spans.Span) {
	published := spans.Subtract([]spans.Span{r}, bad)
	news := spans.Intersect(s.dirty[t.Name], published)
	s.mismatched[t.Name] = spans.Union(spans.Subtract(s.mismatched[t.Name], published), bad)
	s.dirty[t.Name] = spans.Union(spans.Subtract(s.dirty[t.Name], published), bad)
	for _, d := range s.tables {
		if d.From == t.Name {
			if j := s.w.job; j != nil && j.t.Name == d.Name {
				j.again = spans.Union(j.again, spans.Widen(news, d.Minutes))
			}
			s.dirty[d.Name] = spans.Union(s.dirty[d.Name], spans.Widen(news, d.Minutes))
			s.requested[d.Name] = spans.Union(s.requested[d.Name], spans.Widen(spans.Intersect(news, s.requested[t.Name]), d.Minutes))
		}
	}
}

// mismatchError returns a *MismatchError, or nil if the step found no mismatch.
func (s *step) mismatchError() error {
	var all []Mismatch
	for _, minutes := range s.mismatches {
		for _, m := range minutes {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b Mismatch) int { return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Minute, b.Minute)) })
	return &MismatchError{Mismatches: all}
}

// save saves what is pending, then how far the ledger was followed: in this order, so that no change is lost.
func (s *step) save(ctx context.Context) error {
	if err := s.savePending(ctx); err != nil {
		return err
	}
	return s.saveCursors(ctx)
}

func (s *step) saveCursors(ctx context.Context) error {
	for _, spec := range specsOf(s.tables) {
		moved := make(ledgerdb.Bounds)
		for p, end := range s.ends[spec.Type] {
			if cursor, known := s.cursors[spec.Topic][p]; !known || cursor != end {
				moved[p] = end
			}
		}
		if len(moved) == 0 {
			continue
		}
		if err := s.w.DB.Exec(ctx, saveCursorsSQL(spec.Topic, moved, s.w.newest)); err != nil {
			return fmt.Errorf("save how far the ledger of %s was followed: %w", spec.Topic, err)
		}
	}
	return nil
}
