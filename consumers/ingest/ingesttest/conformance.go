package ingesttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// StoreConformance checks what a Worker relies on. Open returns a store with migrated, empty tables.
func StoreConformance(t *testing.T, open func(t *testing.T) ingest.Store) {
	t.Helper()
	p := ingest.Partition{Partition: ledger.Partition{Topic: "queries.v1", Epoch: 1, ID: 3}, Type: schemas.QueryType, Count: 8}
	for name, check := range map[string]func(t *testing.T, s *storeSuite){
		"an unknown partition":             unknownPartition,
		"rows without a ledger row":        orphanRows,
		"copies of rows do not show":       copiesOfRows,
		"the ledger moves the position":    ledgerMoves,
		"the window ends at the position":  windowEnds,
		"holes end the chain":              holesEndChain,
		"the chain that reaches furthest":  furthestChain,
		"partitions are apart":             partitionsApart,
		"columns are free after an insert": columnsAreFree,
		"an ended context is no refusal":   endedContext,
		"extreme values":                   extremeValues,
	} {
		t.Run(name, func(t *testing.T) {
			check(t, &storeSuite{store: open(t), p: p, columns: schemas.NewColumns(p.Type)})
		})
	}
}

// storeSuite is one store under test.
type storeSuite struct {
	store   ingest.Store
	p       ingest.Partition
	columns schemas.Columns
}

// insert stores a query at each offset and returns how Resume must return them.
func (s *storeSuite) insert(t *testing.T, offsets ...int64) []ingest.OrphanRow {
	t.Helper()
	var events []*usagev1.Query
	for _, o := range offsets {
		events = append(events, Query(o))
	}
	return s.insertEvents(t, offsets, events)
}

func (s *storeSuite) insertEvents(t *testing.T, offsets []int64, events []*usagev1.Query) []ingest.OrphanRow {
	t.Helper()
	s.columns.Reset()
	var rows []ingest.OrphanRow
	for i, o := range offsets {
		value, err := schemas.AppendEvent(nil, events[i])
		if err != nil {
			t.Fatal(err)
		}
		meta, err := s.columns.Append(value, schemas.Coordinates{Epoch: s.p.Epoch, Partition: s.p.ID, Offset: o})
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, ingest.OrphanRow{StoredRow: ingest.StoredRow{Offset: o, Identity: meta.Identity, Time: meta.Time,
			Revision: meta.Revision, Body: meta.Body}, Run: meta.Run, Checksum: meta.Checksum, Content: meta.Content})
	}
	if err := s.store.Insert(t.Context(), s.p, s.columns); err != nil {
		t.Fatalf("insert offsets %v: %v", offsets, err)
	}
	return rows
}

// account writes a ledger row whose offsets are all stored except for the exceptions.
func (s *storeSuite) account(t *testing.T, generation, from, to int64, exceptions ...ledger.Span) {
	t.Helper()
	row := ledger.Row{Partition: s.p.Partition, Partitions: s.p.Count, From: from, To: to,
		Generation: generation, Member: "member-1", Window: 100, HighWatermark: to + 1, Exceptions: exceptions,
		MinMinute: -5, MaxMinute: 7, Bytes: 1000, Resends: 2, InsertTime: 1500 * time.Microsecond, EventLag: -time.Second,
		FetchedAt: time.UnixMicro(1_700_000_000_000_001).UTC()}
	row.Stored = uint64(to - from)
	for _, e := range exceptions {
		row.Stored -= uint64(e.Len())
		row.Gap += uint64(e.Len())
	}
	row.Runs = []ledger.RunCount{{Run: "", Stored: row.Stored}}
	row.Buckets = []ledger.Bucket{{Minute: -5, Rows: row.Stored, Checksum: 1 << 63, Content: 1 << 62, Strays: row.Stored / 2, MinOffset: from, MaxOffset: to - 1}}
	if err := s.store.Account(t.Context(), row); err != nil {
		t.Fatalf("account for %v: %v", &row, err)
	}
}

// expect checks an answer of Resume. Orphans may be paged: expect reads the first page.
func (s *storeSuite) expect(t *testing.T, window int64, known bool, position int64, stored, orphans []ingest.OrphanRow) {
	t.Helper()
	r, err := s.store.Resume(t.Context(), s.p, window)
	if err != nil {
		t.Fatalf("resume: %v", err)
	}
	if r.Known != known || r.Position != position {
		t.Errorf("known %v, position %d; want %v, %d", r.Known, r.Position, known, position)
	}
	var plain []ingest.StoredRow
	for _, row := range stored {
		plain = append(plain, row.StoredRow)
	}
	if !slices.Equal(r.Stored, plain) {
		t.Errorf("stored before %d:\n%v, want\n%v", position, r.Stored, plain)
	}
	if r.OrphansUpTo != 0 {
		if r.OrphansUpTo <= position {
			t.Errorf("orphans up to %d at position %d", r.OrphansUpTo, position)
		}
		orphans = slices.DeleteFunc(slices.Clone(orphans), func(row ingest.OrphanRow) bool { return row.Offset >= r.OrphansUpTo })
	}
	if !slices.Equal(r.Orphans, orphans) {
		t.Errorf("orphans from %d:\n%v, want\n%v", position, r.Orphans, orphans)
	}
}

// Query returns a query that differs from that of any other number.
func Query(n int64) *usagev1.Query {
	return &usagev1.Query{Source: "conformance", Id: fmt.Sprintf("id-%d", n), TimeUs: new(1_700_000_000_000_000 + n*7_000_001),
		Tenant: fmt.Sprintf("tenant-%d", n%3), Product: "chat", User: uint64(n) * 1001, Country: "SE",
		Segment: usagev1.Segment(n % 5), Run: fmt.Sprintf("run-%d", n%2), Kind: "prompt", Model: "model", Weight: uint64(n % 4), Revision: uint64(n % 5 / 3)}
}

func unknownPartition(t *testing.T, s *storeSuite) { s.expect(t, 100, false, 0, nil, nil) }

func orphanRows(t *testing.T, s *storeSuite) {
	s.expect(t, 100, false, 0, nil, s.insert(t, 0, 1, 3))
}

func copiesOfRows(t *testing.T, s *storeSuite) {
	rows := s.insert(t, 0, 1, 3)
	s.insert(t, 1, 3)
	s.insert(t, 0)
	s.expect(t, 100, false, 0, nil, rows)
	s.account(t, 1, 0, 2)
	s.account(t, 1, 0, 2)
	s.expect(t, 100, true, 2, rows[:2], rows[2:])
}

func ledgerMoves(t *testing.T, s *storeSuite) {
	rows := s.insert(t, 0, 1, 2, 4, 6, 7)
	s.account(t, 1, 0, 3)
	s.expect(t, 100, true, 3, rows[:3], rows[3:])
	s.account(t, 1, 3, 7, ledger.Span{From: 3, To: 4, Disposition: ledger.Gap}, ledger.Span{From: 5, To: 6, Disposition: ledger.Gap})
	s.expect(t, 100, true, 7, rows[:5], rows[5:])
}

func windowEnds(t *testing.T, s *storeSuite) {
	rows := s.insert(t, 0, 1, 2, 5, 6, 7)
	s.account(t, 1, 0, 6)
	s.expect(t, 1, true, 6, rows[3:4], rows[4:])
	s.expect(t, 4, true, 6, rows[2:4], rows[4:])
	s.expect(t, 1<<40, true, 6, rows[:4], rows[4:])
}

func holesEndChain(t *testing.T, s *storeSuite) {
	rows := s.insert(t, 0, 1, 2, 3)
	s.account(t, 1, 2, 3)
	s.expect(t, 100, true, 0, nil, rows)
	s.account(t, 1, 0, 1)
	s.expect(t, 100, true, 1, rows[:1], rows[1:])
	s.account(t, 2, 1, 2)
	s.expect(t, 100, true, 3, rows[:3], rows[3:])
}

func furthestChain(t *testing.T, s *storeSuite) {
	rows := s.insert(t, 0, 1, 2, 3, 4, 5)
	s.account(t, 1, 0, 4) // Written late by a worker that had been replaced.
	s.account(t, 2, 0, 2)
	s.expect(t, 100, true, 4, rows[:4], rows[4:])
	s.account(t, 2, 2, 5)
	s.expect(t, 100, true, 5, rows[:5], rows[5:])
}

func partitionsApart(t *testing.T, s *storeSuite) {
	rows := s.insert(t, 0, 1)
	s.account(t, 1, 0, 1)
	for _, change := range []func(p *ingest.Partition){
		func(p *ingest.Partition) { p.ID++ },
		func(p *ingest.Partition) { p.Epoch++ },
	} {
		other := *s
		change(&other.p)
		other.expect(t, 100, false, 0, nil, nil)
		orphans := other.insert(t, 0, 1, 2)
		other.expect(t, 100, false, 0, nil, orphans)
	}
	other := *s
	other.p.Topic, other.p.Type = "signups.v1", schemas.SignupType
	other.expect(t, 100, false, 0, nil, nil)
	s.expect(t, 100, true, 1, rows[:1], rows[1:])
}

func columnsAreFree(t *testing.T, s *storeSuite) {
	rows := s.insert(t, 0, 1, 2)
	rows = append(rows, s.insert(t, 3, 4, 5, 6)...)
	s.columns.Reset()
	s.expect(t, 100, false, 0, nil, rows)
}

func endedContext(t *testing.T, s *storeSuite) {
	rows := s.insert(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.store.Insert(ctx, s.p, s.columns)
	if refused := (*ingest.RefusedError)(nil); err == nil || errors.As(err, &refused) {
		t.Errorf("insert under an ended context: %v", err)
	}
	s.expect(t, 100, false, 0, nil, rows)
}

func extremeValues(t *testing.T, s *storeSuite) {
	long := string(bytes.Repeat([]byte("ü"), 128))
	events := []*usagev1.Query{
		{Source: "s", Id: "1", TimeUs: new(int64(-2_208_988_800_000_000)), Tenant: "t", Product: "p"}, // 1900-01-01
		{Source: "s", Id: "2", TimeUs: new(int64(-1)), Tenant: "t", Product: "p", Run: `a'b\c"d`},
		{Source: "s", Id: "3", TimeUs: new(int64(1)), Tenant: "t", Product: "p", Run: long, User: 1<<64 - 1, Weight: 1e12, UserWeight: 1e12},
		{Source: "s", Id: "4", TimeUs: new(int64(10_413_791_999_999_999)), Tenant: "t", Product: "p"}, // the end of 2299
	}
	rows := s.insertEvents(t, []int64{0, 1, 2, 1 << 40}, events)
	s.expect(t, 100, false, 0, nil, rows)
	s.account(t, 1<<40, 0, 1<<40)
	s.expect(t, 1<<20, true, 1<<40, nil, rows[3:])
}

// SourceHarness is a partition of a log under test, empty at first.
type SourceHarness struct {
	Source ingest.Source
	// Append appends records (key, value and run count) and returns when a reader can see them. A log that works in
	// batches appends them as one.
	Append func(t *testing.T, records []ingest.Record)
	// DeleteBefore makes the log begin at an offset, which is the first of a batch. Nil if the harness can't.
	DeleteBefore func(t *testing.T, offset int64)
	// Abort appends the records of a transaction and a control record that aborts it. Nil if the harness can't.
	Abort func(t *testing.T, records []ingest.Record)
}

// SourceConformance checks what a Worker relies on. Open returns a harness with an empty log.
func SourceConformance(t *testing.T, open func(t *testing.T) *SourceHarness) {
	t.Helper()
	t.Run("an empty log", func(t *testing.T) {
		h := open(t)
		f, err := h.Source.Fetch(t.Context(), 0)
		if err != nil || len(f.Records) > 0 || f.Next != 0 || f.HighWatermark != 0 || f.LogStart != 0 {
			t.Errorf("fetch of an empty log: %+v, %v", f, err)
		}
	})
	t.Run("records in order", func(t *testing.T) {
		h := open(t)
		want := slices.Concat(h.fill(t, 0, 3), h.fill(t, 3, 1), h.fill(t, 4, 200))
		h.readAll(t, 0, want)
		// From the middle of a batch.
		h.readAll(t, 1, want[1:])
		h.readAll(t, 150, want[150:])
		h.readAll(t, 204, nil)
		want = append(want, h.fill(t, 204, 5)...)
		h.readAll(t, 203, want[203:])
	})
	t.Run("empty and missing values", func(t *testing.T) {
		h := open(t)
		records := []ingest.Record{{Offset: 0}, {Offset: 1, Key: []byte{}, Value: []byte{}}, {Offset: 2, Value: bytes.Repeat([]byte("v"), 300_000)}}
		h.Append(t, records)
		h.readAll(t, 0, records)
	})
	t.Run("beyond the end", func(t *testing.T) {
		h := open(t)
		h.fill(t, 0, 3)
		if f, err := h.Source.Fetch(t.Context(), 4); !errors.Is(err, ingest.ErrBeyondEnd) {
			t.Errorf("fetch beyond the end: %+v, %v", f, err)
		}
		h.readAll(t, 3, nil)
	})
	t.Run("below the start", func(t *testing.T) {
		h := open(t)
		if h.DeleteBefore == nil {
			t.Log("this harness can't delete")
			return
		}
		h.fill(t, 0, 3)
		want := h.fill(t, 3, 3)
		h.DeleteBefore(t, 3)
		f, err := h.Source.Fetch(t.Context(), 1)
		if !errors.Is(err, ingest.ErrBelowStart) || f.LogStart != 3 {
			t.Errorf("fetch below the start: %+v, %v", f, err)
		}
		h.readAll(t, 3, want)
	})
	t.Run("aborted and control records", func(t *testing.T) {
		h := open(t)
		if h.Abort == nil {
			t.Log("this harness can't abort")
			return
		}
		want := h.fill(t, 0, 2)
		h.Abort(t, []ingest.Record{{Value: []byte("never")}, {Value: []byte("happened")}})
		for o := int64(2); o < 5; o++ {
			want = append(want, ingest.Record{Offset: o, Control: true})
		}
		want = append(want, h.fill(t, 5, 2)...)
		h.readAll(t, 0, want)
		h.readAll(t, 3, want[3:])
	})
	t.Run("an ended context", func(t *testing.T) {
		h := open(t)
		h.fill(t, 0, 1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if f, err := h.Source.Fetch(ctx, 1); err == nil {
			t.Errorf("fetch under an ended context: %+v", f)
		}
		h.readAll(t, 0, h.recordsAt(0, 1))
	})
}

func (h *SourceHarness) recordsAt(from int64, n int) []ingest.Record {
	var records []ingest.Record
	for o := from; o < from+int64(n); o++ {
		r := ingest.Record{Offset: o, Key: fmt.Appendf(nil, "key-%d", o), Value: fmt.Appendf(nil, "value-%d", o)}
		if o%3 > 0 {
			r.Run = fmt.Sprintf("run-%d", o%3)
		}
		records = append(records, r)
	}
	return records
}

// fill appends n records, the first at offset from, and returns them.
func (h *SourceHarness) fill(t *testing.T, from int64, n int) []ingest.Record {
	t.Helper()
	records := h.recordsAt(from, n)
	h.Append(t, records)
	return records
}

// readAll fetches from an offset until there is no more, and checks that it gets these records.
func (h *SourceHarness) readAll(t *testing.T, from int64, want []ingest.Record) {
	t.Helper()
	at := from
	for range 1000 {
		f, err := h.Source.Fetch(t.Context(), at)
		if err != nil {
			t.Fatalf("fetch from %d: %v", at, err)
		}
		if f.Next < at {
			t.Fatalf("fetch from %d: next is %d", at, f.Next)
		}
		for _, r := range f.Records {
			if r.Offset < at || r.Offset >= f.Next {
				t.Fatalf("fetch from %d: offset %d, next %d", at, r.Offset, f.Next)
			}
			if len(want) == 0 {
				t.Fatalf("fetch from %d: offset %d after the last", at, r.Offset)
			}
			if w := want[0]; r.Offset != w.Offset || r.Control != w.Control ||
				!w.Control && (!bytes.Equal(r.Key, w.Key) || !bytes.Equal(r.Value, w.Value) || r.Run != w.Run) {
				t.Fatalf("fetch from %d: got offset %d, key %q, value of %d bytes, run %q, control %v; want offset %d, key %q, %d bytes, run %q, control %v",
					at, r.Offset, r.Key, len(r.Value), r.Run, r.Control, w.Offset, w.Key, len(w.Value), w.Run, w.Control)
			}
			want = want[1:]
		}
		if f.Next == at {
			if len(want) > 0 || f.HighWatermark != at {
				t.Fatalf("nothing from %d on, high watermark %d; %d records are missing", at, f.HighWatermark, len(want))
			}
			return
		}
		at = f.Next
	}
	t.Fatalf("fetch from %d does not come to an end", from)
}
