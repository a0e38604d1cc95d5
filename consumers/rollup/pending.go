package rollup

import (
	"context"
	"fmt"
	"slices"

	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// pending is a range of buckets that the cursors have passed and that is not up to date: a row of rollup_pending.
type pending struct {
	table string
	spans.Span
	reason string
}

// readPending reads the pending ranges. Their buckets are dirty.
func (s *step) readPending(ctx context.Context) error {
	err := s.w.DB.Query(ctx, pendingSQL(), func(scan func(...any) error) error {
		var p pending
		if err := scan(&p.table, &p.From, &p.To, &p.reason); err != nil {
			return err
		}
		s.pending = append(s.pending, p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the pending ranges: %w", err)
	}
	for _, t := range s.tables {
		var all, mismatched, requested []spans.Span
		for _, p := range s.pending {
			if p.table != t.Name {
				continue
			}
			all = append(all, p.Span)
			switch p.reason {
			case schemas.ReasonMismatch:
				mismatched = append(mismatched, p.Span)
			case schemas.ReasonRequested:
				requested = append(requested, p.Span)
			}
		}
		s.dirty[t.Name] = spans.Widen(spans.Union(all, nil), t.Minutes)
		s.mismatched[t.Name] = spans.Widen(spans.Union(mismatched, nil), t.Minutes)
		s.requested[t.Name] = spans.Widen(spans.Union(requested, nil), t.Minutes)
	}
	return nil
}

// savePending saves the ranges that are pending now, and that those of earlier steps are done.
func (s *step) savePending(ctx context.Context) error {
	var now []pending
	for _, t := range s.tables {
		for _, sp := range s.mismatched[t.Name] {
			now = append(now, pending{t.Name, sp, schemas.ReasonMismatch})
		}
		for _, sp := range spans.Subtract(s.dirty[t.Name], s.mismatched[t.Name]) {
			now = append(now, pending{t.Name, sp, schemas.ReasonDeferred})
		}
	}
	before := make(map[pending]bool, len(s.pending))
	for _, p := range s.pending {
		before[p] = true
	}
	// A range that is pending for another reason than before gets a new row, which replaces the row of before.
	still := make(map[pending]bool, len(now))
	for _, p := range now {
		still[pending{table: p.table, Span: p.Span}] = true
	}
	added := slices.DeleteFunc(slices.Clone(now), func(p pending) bool { return before[p] })
	done := slices.DeleteFunc(slices.Clone(s.pending), func(p pending) bool { return still[pending{table: p.table, Span: p.Span}] })
	if err := s.writePending(ctx, added, false); err != nil {
		return err
	}
	return s.writePending(ctx, done, true)
}

// rowsPerInsert bounds a statement that carries its values.
const rowsPerInsert = 1000

// writePending writes rows under the version of the step, which is older than that of any request that a Rebuild makes
// meanwhile.
func (s *step) writePending(ctx context.Context, ranges []pending, done bool) error {
	for some := range slices.Chunk(ranges, rowsPerInsert) {
		if err := s.w.DB.Exec(ctx, savePendingSQL(some, done, s.version)); err != nil {
			return fmt.Errorf("save %d pending ranges: %w", len(some), err)
		}
	}
	return nil
}
