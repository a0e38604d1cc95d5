package rollup

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/limit"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// maxExcepted is the number of spans that a publication can leave out. With more of them nothing of the range is
// published.
const maxExcepted = 500

// recomputeRange computes all buckets of a range and publishes those that match the ledger. It returns the others, and
// whether the statement had to look at every event.
func (s *step) recomputeRange(ctx context.Context, t *Table, r spans.Span) (bad []spans.Span, deduplicated bool, err error) {
	s.fixed = 1
	if t.From != "" {
		bad, err = s.mergeRange(ctx, t, r)
		return bad, false, err
	}
	if t.Priced {
		if err := s.planPrices(ctx, t, r); err != nil {
			return nil, false, err
		}
	}
	// Whoever requests a range may doubt what is shown: its events are always looked at one by one.
	if len(spans.Intersect(s.requested[t.Name], []spans.Span{r})) == 0 {
		published, err := s.publishEqual(ctx, t, r)
		if err != nil || published {
			return nil, false, err
		}
		// Events come twice, there are physical copies of rows, or rows do not match the ledger: look at every event.
	}
	for _, typ := range t.Types {
		if err := s.compare(ctx, typ, r); err != nil {
			return nil, true, err
		}
	}
	s.markCompared(t, r)
	sources := s.sources(t, r, true)
	version, err := s.insertRaw(ctx, t, t.SelectRaw(sources), sources[0], r)
	if err != nil {
		return nil, true, err
	}
	bad = s.badBuckets(t, r)
	return bad, true, s.publish(ctx, t, r, bad, version)
}

// publishEqual computes a range without looking at every event, if none comes twice, and publishes it if it matches the ledger.
func (s *step) publishEqual(ctx context.Context, t *Table, r spans.Span) (published bool, err error) {
	if distinct, err := s.distinct(ctx, t, r); err != nil || !distinct {
		return false, err
	}
	sources := s.sources(t, r, false)
	selects := []string{t.SelectRaw(sources)}
	var known uint64 // Rows that the range had before.
	if !t.Audience {
		if bases := s.basesOf(t, r); bases != nil {
			for _, b := range bases {
				known += b.rows
			}
			selects = []string{t.SelectGrown(sources[0], bases), selects[0]}
		}
	}
	for i, selected := range selects {
		version, err := s.insertRaw(ctx, t, selected, sources[0], r)
		if err != nil {
			return false, err
		}
		written, equal, err := s.matchesLedger(ctx, t, r, version)
		if err != nil {
			return false, err
		}
		if equal {
			s.markCompared(t, r)
			if err := s.publish(ctx, t, r, nil, version); err != nil {
				return false, err
			}
			rows := s.minutesOf(t).Rows(r.From, r.To)
			if i+1 < len(selects) {
				s.progress.Grown++
				s.fixed = float64(written+1) / float64(written+1+rows-min(rows, known))
			}
			s.w.remember(t.Name, r, s.ends[t.Types[0]], rows)
			return true, nil
		}
	}
	return false, nil
}

// mergeRange computes buckets from the published ones of another rollup. It returns those that it does not publish,
// because one of the other's buckets could not be published.
func (s *step) mergeRange(ctx context.Context, t *Table, r spans.Span) (bad []spans.Span, err error) {
	version, err := s.insert(ctx, t, t.SelectMerge(r.From, r.To), r)
	if err != nil {
		return nil, err
	}
	bad = spans.Intersect([]spans.Span{r}, spans.Widen(s.mismatched[t.From], t.Minutes))
	return bad, s.publish(ctx, t, r, bad, version)
}

func (s *step) sources(t *Table, r spans.Span, deduplicate bool) []Source {
	var sources []Source
	for _, typ := range t.Types {
		sources = append(sources, Source{From: r.From, To: r.To, Bounds: s.ends[typ], Deduplicate: deduplicate})
	}
	return sources
}

// insert writes the rows of a version, which readers do not see yet. After an error its outcome does not matter: every
// attempt has a version of its own.
func (s *step) insert(ctx context.Context, t *Table, selected string, r spans.Span) (version uint64, err error) {
	version = s.w.takeVersion()
	if err := s.w.DB.Exec(ctx, insertSQL(t, selected, r, version, s.limits.settings())); err != nil {
		return 0, fmt.Errorf("insert version %d: %w", version, err)
	}
	return version, nil
}

// settings returns the settings of every INSERT SELECT. They name the size of blocks because the defaults differ
// between versions of ClickHouse. A version may be several blocks, since it is published by a statement of its own.
func (l Limits) settings() string {
	return "async_insert = 0, insert_deduplicate = 0, optimize_on_insert = 0, max_insert_block_size = 1048576, " +
		"min_insert_block_size_rows = 1048576, min_insert_block_size_bytes = 268435456, max_insert_threads = 1, " + l.readSettings()
}

// readSettings returns the settings of every query that aggregates many rows.
func (l Limits) readSettings() string {
	priority := limit.FirstSQL
	if l.beside {
		priority = limit.BesideSQL
	}
	return fmt.Sprintf("max_threads = %d, %s, %s", l.Threads, priority, limit.MemorySQL(l.Memory))
}

// matchesLedger counts the rows written for a version, 0 of a count of distinct users, and reports whether they are made of exactly the
// raw rows that the ledger calls stored: in every bucket their number and checksum are equal. A rollup without a checksum is beside another of the same rows that has one, and its number
// proves that it has no copies. Counts of distinct users do not tell the number of rows,
// and copies do not change them. Missing rows were found when the step recomputed the other rollups of the same types,
// or are looked for here, where those wait.
func (s *step) matchesLedger(ctx context.Context, t *Table, r spans.Span, version uint64) (written uint64, equal bool, err error) {
	if t.Audience {
		for _, typ := range t.Types {
			for _, unknown := range spans.Subtract([]spans.Span{r}, s.compared[typ]) {
				if err := s.compare(ctx, typ, unknown); err != nil {
					return 0, false, err
				}
			}
		}
		return 0, len(s.badBuckets(t, r)) == 0, nil
	}
	want := s.minutes[t.Types[0]].In(r.From, r.To)
	equal = true
	err = s.w.DB.Query(ctx, writtenSQL(t, r, version), func(scan func(...any) error) error {
		var start int32
		var rows, checksum, groups uint64
		if err := scan(&start, &rows, &checksum, &groups); err != nil {
			return err
		}
		written += groups
		for len(want) > 0 && want[0].Minute < start+t.Minutes && want[0].Minute >= start {
			rows -= want[0].Rows
			if t.HasChecksum() {
				checksum -= want[0].Checksum
			}
			want = want[1:]
		}
		equal = equal && rows == 0 && checksum == 0
		return nil
	})
	if err != nil {
		return 0, false, fmt.Errorf("read version %d back: %w", version, err)
	}
	return written, equal && len(want) == 0, nil
}

// compare compares the rows of raw, each counted once, with the ledger, minute by minute.
func (s *step) compare(ctx context.Context, typ schemas.Type, r spans.Span) error {
	spec := schemas.SpecOf(typ)
	want := s.minutes[typ].In(r.From, r.To)
	differs := func(m int32, accounted, raw ledgerdb.Minute) {
		s.addMismatch(typ, Mismatch{Table: spec.RawTable, Minute: m,
			LedgerRows: accounted.Rows, LedgerChecksum: accounted.Checksum, Rows: raw.Rows, RowsChecksum: raw.Checksum})
	}
	missing := func(before int32) {
		for len(want) > 0 && want[0].Minute < before {
			differs(want[0].Minute, want[0], ledgerdb.Minute{})
			want = want[1:]
		}
	}
	err := s.w.DB.Query(ctx, storedSQL(spec, s.ends[typ], r), func(scan func(...any) error) error {
		var m ledgerdb.Minute
		if err := scan(&m.Minute, &m.Rows, &m.Checksum); err != nil {
			return err
		}
		missing(m.Minute)
		var account ledgerdb.Minute
		if len(want) > 0 && want[0].Minute == m.Minute {
			account, want = want[0], want[1:]
		}
		if account.Rows != m.Rows || account.Checksum != m.Checksum {
			differs(m.Minute, account, m)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("compare %s with the ledger: %w", spec.RawTable, err)
	}
	missing(r.To)
	return nil
}

// markCompared takes note that the raw rows of a range were compared with the ledger: all mismatches are known.
func (s *step) markCompared(t *Table, r spans.Span) {
	for _, typ := range t.Types {
		s.compared[typ] = spans.Union(s.compared[typ], []spans.Span{r})
	}
}

// addMismatch takes note of a mismatch and calls the hook once per minute.
func (s *step) addMismatch(typ schemas.Type, m Mismatch) {
	if s.mismatches[typ] == nil {
		s.mismatches[typ] = make(map[int32]Mismatch)
	}
	if _, known := s.mismatches[typ][m.Minute]; known {
		return
	}
	s.mismatches[typ][m.Minute] = m
	s.progress.Mismatches++
	if s.w.Hooks.Mismatch != nil {
		s.w.Hooks.Mismatch(m)
	}
}

// badBuckets returns the buckets of a range that have a mismatch; the whole range if there are too many to leave out.
func (s *step) badBuckets(t *Table, r spans.Span) []spans.Span {
	var minutes []int32
	for _, typ := range t.Types {
		for m := range s.mismatches[typ] {
			if m >= r.From && m < r.To {
				minutes = append(minutes, m)
			}
		}
	}
	slices.SortFunc(minutes, cmp.Compare[int32])
	bad := spans.Buckets(minutes, t.Minutes)
	if len(bad) > maxExcepted {
		return []spans.Span{r}
	}
	return bad
}

// publish shows a version to readers, except for some buckets.
func (s *step) publish(ctx context.Context, t *Table, r spans.Span, except []spans.Span, version uint64) error {
	if err := s.w.DB.Exec(ctx, publishSQL(t, r, except, version, s.limits.settings())); err != nil {
		return fmt.Errorf("publish version %d: %w", version, err)
	}
	return nil
}
