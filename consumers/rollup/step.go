package rollup

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// pending is a range of buckets that the cursors have passed and that is not up to date.
type pending struct {
	table string
	spans.Span
	reason string
}

// Reasons of a pending range, as in the table.
const (
	reasonDeferred = "deferred"
	reasonMismatch = "mismatch"
	reasonAsked    = "asked"
)

// step is the state of one call of Step.
type step struct {
	w      *Worker
	limits Limits
	paced  bool // Leave out what is paused.
	tables []Table
	clock  uint64 // Of its marks: the database's when the step began, or what the newest mark has.

	cursors map[schemas.Type]ledgerdb.Bounds // Where the step before left off.
	ends    map[schemas.Type]ledgerdb.Bounds // Where this one will.
	waiting []pending                        // As saved by earlier steps.

	dirty    map[string][]spans.Span             // What is to be recomputed, by table; less as it is done.
	unequal  map[string][]spans.Span             // What of it could not be, at the last try, because of a mismatch.
	asked    map[string][]spans.Span             // What of it somebody asked for: it is done in this step, paused or not.
	minutes  map[schemas.Type][]ledgerdb.Minute  // The ledger's account of the minutes around what is dirty.
	far      map[schemas.Type]int32              // From which gap on these leave out what lies between.
	bad      map[schemas.Type]map[int32]Mismatch // Minutes found to differ.
	compared map[schemas.Type][]spans.Span       // Where all that differ were found.
	progress Progress
}

func (w *Worker) step(ctx context.Context, paced bool) (Progress, error) {
	began := w.now()
	s := &step{
		w: w, paced: paced, limits: w.Limits.withDefaults(), tables: Tables(),
		cursors: make(map[schemas.Type]ledgerdb.Bounds), ends: make(map[schemas.Type]ledgerdb.Bounds),
		dirty: make(map[string][]spans.Span), unequal: make(map[string][]spans.Span), asked: make(map[string][]spans.Span),
		minutes: make(map[schemas.Type][]ledgerdb.Minute), far: make(map[schemas.Type]int32), bad: make(map[schemas.Type]map[int32]Mismatch), compared: make(map[schemas.Type][]spans.Span),
	}
	// The short buckets first: they are the freshest and the cheapest. A rollup that merges another has longer ones.
	slices.SortStableFunc(s.tables, func(a, b Table) int { return cmp.Compare(a.Minutes, b.Minutes) })
	for _, stage := range []func(context.Context) error{s.follow, s.account, s.recompute, s.save} {
		if err := stage(ctx); err != nil {
			return s.progress, err
		}
	}
	s.progress.Took = w.now().Sub(began)
	if w.Hooks.Step != nil {
		w.Hooks.Step(s.progress)
	}
	return s.progress, s.mismatches()
}

// follow finds what has changed since the step before. The clock is read first, so that versions tell which worker saw
// more.
func (s *step) follow(ctx context.Context) (err error) {
	if s.clock, err = s.w.clock(ctx); err != nil {
		return err
	}
	if err := s.loadPending(ctx); err != nil {
		return err
	}
	if err := s.loadCursors(ctx); err != nil {
		return err
	}
	if slices.ContainsFunc(s.waiting, func(p pending) bool { return p.reason == reasonAsked }) {
		// Something may have been published behind the worker's back: what was asked for is to be seen in any case.
		if err := s.w.readPublished(ctx); err != nil {
			return err
		}
	}
	for _, spec := range topicsOf(s.tables) {
		cursors := s.cursors[spec.Type]
		ends, err := ledgerdb.ReadEnds(ctx, s.w.DB, spec.Topic, cursors)
		if err != nil {
			return err
		}
		touched, err := ledgerdb.ReadTouched(ctx, s.w.DB, spec.Topic, cursors, ends)
		if err != nil {
			return err
		}
		s.ends[spec.Type] = ends
		for place, end := range ends {
			s.progress.Offsets += uint64(end - cursors[place])
		}
		for _, t := range s.tables {
			if t.From == "" && slices.Contains(t.Types, spec.Type) {
				s.dirty[t.Name] = spans.Union(s.dirty[t.Name], spans.Buckets(touched, t.Minutes))
			}
		}
	}
	return nil
}

func (s *step) loadPending(ctx context.Context) error {
	err := s.w.DB.Query(ctx, pendingSQL, func(scan func(...any) error) error {
		var p pending
		if err := scan(&p.table, &p.From, &p.To, &p.reason); err != nil {
			return err
		}
		s.waiting = append(s.waiting, p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what waits to be recomputed: %w", err)
	}
	for _, t := range s.tables {
		var all, unequal, asked []spans.Span
		for _, p := range s.waiting {
			if p.table != t.Name {
				continue
			}
			all = append(all, p.Span)
			switch p.reason {
			case reasonMismatch:
				unequal = append(unequal, p.Span)
			case reasonAsked:
				asked = append(asked, p.Span)
			}
		}
		s.dirty[t.Name] = spans.Widen(spans.Union(all, nil), t.Minutes)
		s.unequal[t.Name] = spans.Widen(spans.Union(unequal, nil), t.Minutes)
		s.asked[t.Name] = spans.Widen(spans.Union(asked, nil), t.Minutes)
	}
	return nil
}

func (s *step) loadCursors(ctx context.Context) error {
	err := s.w.DB.Query(ctx, cursorsSQL, func(scan func(...any) error) error {
		var topic string
		var place ledgerdb.Place
		var position uint64
		if err := scan(&topic, &place.Epoch, &place.Partition, &position); err != nil {
			return err
		}
		spec, ok := schemas.SpecByTopic(topic)
		if !ok {
			return nil // Of a newer version of the program.
		}
		if s.cursors[spec.Type] == nil {
			s.cursors[spec.Type] = make(ledgerdb.Bounds)
		}
		s.cursors[spec.Type][place] = int64(position)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read how far the ledger was followed: %w", err)
	}
	return nil
}

// farApart is the gap in minutes from which on the minutes between dirty buckets are not read from the ledger: there may be
// years of them. But when more than thin parts of history are that far apart, history is thin, and reading all of it costs
// less than going from one to the next.
const (
	farApart = 366 * day
	thin     = 16
)

// account reads what the ledger says of the days in which anything is dirty, and of the time between: a range may cover
// it, and must then be compared as well.
func (s *step) account(ctx context.Context) error {
	for _, spec := range topicsOf(s.tables) {
		var days []spans.Span
		for _, t := range s.tables {
			if slices.Contains(t.Types, spec.Type) {
				days = spans.Union(days, spans.Widen(s.dirty[t.Name], day))
			}
		}
		var parts []spans.Span
		parts, s.far[spec.Type] = partsOf(days)
		for _, part := range parts {
			minutes, err := ledgerdb.ReadMinutes(ctx, s.w.DB, spec.Topic, s.ends[spec.Type], part.From, part.To)
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
	if len(parts) > thin {
		return []spans.Span{{From: parts[0].From, To: parts[len(parts)-1].To}}, math.MaxInt32
	}
	return parts, farApart
}

// farOf returns how far apart two buckets of a table are at least if nothing is known of what lies between.
func (s *step) farOf(t *Table) int32 {
	far := int32(math.MaxInt32)
	for _, typ := range t.Types {
		far = min(far, s.far[typ])
	}
	return far
}

// accounts returns the ledger's account of what a table stands for.
func (s *step) accounts(t *Table) ledgerdb.Accounts {
	var a ledgerdb.Accounts
	for _, typ := range t.Types {
		a = append(a, s.minutes[typ])
	}
	return a
}

// recompute brings table after table up to date.
func (s *step) recompute(ctx context.Context) error {
	for i := range s.tables {
		t := &s.tables[i]
		due := s.dirty[t.Name]
		if s.paced {
			due = spans.Subtract(due, spans.Subtract(s.w.paused(t.Name), s.asked[t.Name]))
		}
		for _, r := range plan(due, t.Minutes, s.accounts(t), uint64(s.limits.Rows), s.farOf(t)) {
			began := s.w.now()
			bad, once, err := s.recomputeRange(ctx, t, r)
			if err != nil {
				return fmt.Errorf("recompute %s from %s to %s: %w", t.Name, timeOf(r.From), timeOf(r.To), err)
			}
			took := s.w.now().Sub(began)
			s.w.pause(t.Name, r, took)
			s.finish(t, r, bad)
			rows := s.accounts(t).Rows(r.From, r.To)
			s.progress.Ranges++
			s.progress.Rows += rows
			if s.w.Hooks.Range != nil {
				s.w.Hooks.Range(Published{Table: t.Name, From: r.From, To: r.To, Rows: rows, Once: once, Took: took})
			}
		}
		s.progress.Deferred += len(spans.Subtract(s.dirty[t.Name], s.unequal[t.Name]))
	}
	return nil
}

// finish takes a published range off what is dirty and marks what is made from it.
func (s *step) finish(t *Table, r spans.Span, bad []spans.Span) {
	published := spans.Subtract([]spans.Span{r}, bad)
	news := spans.Intersect(s.dirty[t.Name], published)
	s.unequal[t.Name] = spans.Union(spans.Subtract(s.unequal[t.Name], published), bad)
	// What differs stays dirty, asked for or not.
	s.dirty[t.Name] = spans.Union(spans.Subtract(s.dirty[t.Name], published), bad)
	for _, d := range s.tables {
		if d.From == t.Name {
			s.dirty[d.Name] = spans.Union(s.dirty[d.Name], spans.Widen(news, d.Minutes))
			s.asked[d.Name] = spans.Union(s.asked[d.Name], spans.Widen(spans.Intersect(news, s.asked[t.Name]), d.Minutes))
		}
	}
}

// mismatches returns the step's error.
func (s *step) mismatches() error {
	var all []Mismatch
	for _, minutes := range s.bad {
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

// rowsPerInsert bounds a statement that carries its values.
const rowsPerInsert = 1000

// save remembers what waits, then how far the ledger was followed: in this order, so that nothing is passed over.
func (s *step) save(ctx context.Context) error {
	var waits []pending
	for _, t := range s.tables {
		for _, sp := range s.unequal[t.Name] {
			waits = append(waits, pending{t.Name, sp, reasonMismatch})
		}
		for _, sp := range spans.Subtract(s.dirty[t.Name], s.unequal[t.Name]) {
			waits = append(waits, pending{t.Name, sp, reasonDeferred})
		}
	}
	isIn := func(list []pending) func(pending) bool {
		set := make(map[pending]bool, len(list))
		for _, p := range list {
			set[p] = true
		}
		return func(p pending) bool { return set[p] }
	}
	// A range may wait for another reason than before: its mark is written anew, not done away with.
	places := make([]pending, len(waits))
	for i, p := range waits {
		places[i] = pending{table: p.table, Span: p.Span}
	}
	stillWaits := isIn(places)
	add := slices.DeleteFunc(slices.Clone(waits), isIn(s.waiting))
	done := slices.DeleteFunc(slices.Clone(s.waiting), func(p pending) bool {
		return stillWaits(pending{table: p.table, Span: p.Span})
	})
	if err := s.savePending(ctx, add, false); err != nil {
		return err
	}
	if err := s.savePending(ctx, done, true); err != nil {
		return err
	}
	return s.saveCursors(ctx)
}

// savePending writes marks with the clock of the step's beginning: one that a Rebuild makes meanwhile is newer.
func (s *step) savePending(ctx context.Context, marks []pending, done bool) error {
	for some := range slices.Chunk(marks, rowsPerInsert) {
		if err := s.w.DB.Exec(ctx, savePendingSQL(some, done, s.clock)); err != nil {
			return fmt.Errorf("save %d ranges that wait to be recomputed: %w", len(some), err)
		}
	}
	return nil
}

func (s *step) saveCursors(ctx context.Context) error {
	for _, spec := range topicsOf(s.tables) {
		moved := make(ledgerdb.Bounds)
		for place, end := range s.ends[spec.Type] {
			if cursor, known := s.cursors[spec.Type][place]; !known || cursor != end {
				moved[place] = end
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

// topicsOf returns the topics that tables are made from, in the order of the types.
func topicsOf(tables []Table) []schemas.Spec {
	var specs []schemas.Spec
	for _, spec := range schemas.Specs() {
		if slices.ContainsFunc(tables, func(t Table) bool { return slices.Contains(t.Types, spec.Type) }) {
			specs = append(specs, spec)
		}
	}
	return specs
}
