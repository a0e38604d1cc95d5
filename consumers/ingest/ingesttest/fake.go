// Package ingesttest has small working fakes of the interfaces of an ingest.Worker, and the test suites that both the
// fakes and the real adapters must pass.
//
// The fakes hold one partition and never fail; tests put faults around them.
package ingesttest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Log is one partition of a log in memory. It is safe for concurrent use.
type Log struct {
	// MaxWait is how long a Fetch takes when there is no record, MaxRecords the most records that one returns. Default
	// 5 ms and 100.
	MaxWait    time.Duration
	MaxRecords int

	mu      sync.Mutex
	records []ingest.Record // At their offsets; holes have offset -1.
	visible int64           // The high watermark, if hidden.
	hidden  bool
	start   int64
}

// Append appends records at the end, setting their offsets, and returns the first one. It keeps their bytes.
func (l *Log) Append(records ...ingest.Record) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := int64(len(l.records))
	for _, r := range records {
		r.Offset = int64(len(l.records))
		l.records = append(l.records, r)
	}
	return first
}

// Hole appends an offset without a record, as compaction leaves it.
func (l *Log) Hole() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, ingest.Record{Offset: -1})
}

// AppendUnreadable appends n offsets of a batch that cannot be read; raw is the beginning of its bytes. control makes it a
// batch of an aborted transaction.
func (l *Log) AppendUnreadable(n int, raw []byte, control bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := sha256.Sum256(raw)
	lost := &ingest.Unreadable{Next: int64(len(l.records) + n), Detail: "damaged", Length: int64(len(raw)), SHA256: sum[:]}
	for range n {
		l.records = append(l.records, ingest.Record{Offset: int64(len(l.records)), Value: raw, Control: control, Unreadable: lost})
	}
}

// DeleteBefore makes the log begin at that offset, at most its end.
func (l *Log) DeleteBefore(offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start = max(l.start, min(offset, l.end()))
}

// Show makes the log end at that offset for readers, until the next call of Show.
func (l *Log) Show(end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hidden, l.visible = true, min(end, int64(len(l.records)))
}

// End returns the high watermark.
func (l *Log) End() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end()
}

func (l *Log) end() int64 {
	if l.hidden {
		return l.visible
	}
	return int64(len(l.records))
}

// Record returns a copy of the record at that offset, false for a hole, whether it is still held or not.
func (l *Log) Record(offset int64) (ingest.Record, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.records[offset]
	return r, r.Offset == offset
}

// Source returns a reader. Several may read at a time.
func (l *Log) Source() ingest.Source { return &source{log: l} }

type source struct {
	log    *Log
	buffer []byte
}

// Fetch returns records in a buffer that the next call overwrites.
func (s *source) Fetch(ctx context.Context, from int64) (ingest.Fetch, error) {
	for i := range s.buffer {
		s.buffer[i] = 0xEE // So that a test fails that still reads the old answer.
	}
	f, err := s.snapshot(from)
	if err != nil || f.Next > from {
		return f, err
	}
	wait := s.log.MaxWait
	if wait == 0 {
		wait = 5 * time.Millisecond
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.snapshot(from)
	case <-ctx.Done():
		return ingest.Fetch{}, ctx.Err()
	}
}

func (s *source) snapshot(from int64) (ingest.Fetch, error) {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	f := ingest.Fetch{Next: from, HighWatermark: l.end(), LogStart: l.start, Asked: time.Now()}
	switch {
	case from < l.start:
		return f, fmt.Errorf("offset %d: %w", from, ingest.ErrBelowStart)
	case from > l.end():
		return f, fmt.Errorf("offset %d: %w", from, ingest.ErrBeyondEnd)
	}
	limit := l.MaxRecords
	if limit == 0 {
		limit = 100
	}
	f.Next = min(from+int64(limit), l.end())
	if f.Next > from {
		f.Next = min(max(f.Next, l.records[f.Next-1].End()), l.end()) // An unreadable batch is not cut.
	}
	size := 0
	for _, r := range l.records[from:f.Next] {
		size += len(r.Key) + len(r.Value)
	}
	s.buffer = slices.Grow(s.buffer[:0], size)
	covered := from
	for _, r := range l.records[from:f.Next] {
		if r.Offset >= covered {
			covered = r.End()
			if r.Unreadable != nil {
				part := *r.Unreadable
				part.Next = min(part.Next, f.Next)
				r.Unreadable = &part
			}
			r.Key, r.Value = s.copy(r.Key), s.copy(r.Value)
			f.Records = append(f.Records, r)
		}
	}
	return f, nil
}

func (s *source) copy(b []byte) []byte {
	begin := len(s.buffer)
	s.buffer = append(s.buffer, b...)
	return s.buffer[begin:len(s.buffer):len(s.buffer)]
}

// Store is a database in memory for one partition of queries. It is safe for concurrent use.
type Store struct {
	// Page bounds Resume.Orphans if it is not 0.
	Page int
	// Refuse returns an error for a row that the database refuses. Optional.
	Refuse func(Row) error

	mu     sync.Mutex
	rows   map[schemas.Coordinates]Row
	copies int
	ledger []ledger.Row
}

var _ ingest.Store = (*Store)(nil)

// Resume implements ingest.Store.
func (s *Store) Resume(_ context.Context, p ingest.Partition, window int64) (ingest.Resume, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ranges []ledger.Range
	for i := range s.ledger {
		if row := &s.ledger[i]; row.Partition == p.Partition {
			ranges = append(ranges, row.Range())
		}
	}
	var r ingest.Resume
	_, _, r.Position, _ = ledger.Chain(0, ranges)
	r.Known = len(ranges) > 0
	for _, row := range s.sorted() {
		switch {
		case p.Type != schemas.QueryType || row.Place.Epoch != p.Epoch || row.Place.Partition != p.ID || row.Offset < r.Position-window:
		case row.Offset < r.Position:
			r.Stored = append(r.Stored, row.StoredRow)
		case s.Page > 0 && len(r.Orphans) == s.Page:
			if r.OrphansUpTo == 0 {
				r.OrphansUpTo = r.Orphans[s.Page-1].Offset + 1
			}
		default:
			r.Orphans = append(r.Orphans, row.OrphanRow)
		}
	}
	return r, nil
}

// Insert implements ingest.Store.
func (s *Store) Insert(ctx context.Context, _ ingest.Partition, columns schemas.Columns) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rows, err := Rows(columns)
	if err != nil {
		return err
	}
	return s.Put(rows)
}

// Put stores rows, all or, if one is refused, none.
func (s *Store) Put(rows []Row) error {
	for _, row := range rows {
		if s.Refuse == nil {
			break
		}
		if err := s.Refuse(row); err != nil {
			return fmt.Errorf("insert %d rows: %w", len(rows), &ingest.RefusedError{Err: err})
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = make(map[schemas.Coordinates]Row)
	}
	for _, row := range rows {
		if _, ok := s.rows[row.Place]; ok {
			s.copies++
		}
		s.rows[row.Place] = row
	}
	return nil
}

// Account implements ingest.Store.
func (s *Store) Account(_ context.Context, row ledger.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger = append(s.ledger, row)
	return nil
}

// Rows returns what is stored, each row once, in the order of their coordinates.
func (s *Store) Rows() []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sorted()
}

// Copies returns how often a row was stored that was there already.
func (s *Store) Copies() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.copies
}

// Has reports whether the row of a record is stored.
func (s *Store) Has(p ingest.Partition, offset int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.rows[schemas.Coordinates{Epoch: p.Epoch, Partition: p.ID, Offset: offset}]
	return ok
}

// Ledger returns the ledger's rows in the order of writing.
func (s *Store) Ledger() []ledger.Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ledger)
}

func (s *Store) sorted() []Row {
	rows := make([]Row, 0, len(s.rows))
	for _, row := range s.rows {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		x, y := a.Place, b.Place
		return cmp.Or(cmp.Compare(x.Epoch, y.Epoch), cmp.Compare(x.Partition, y.Partition), cmp.Compare(x.Offset, y.Offset))
	})
	return rows
}

// Letters keeps dead letters in memory. It is safe for concurrent use.
type Letters struct {
	mu      sync.Mutex
	letters map[int64]*usagev1.DeadLetter
	copies  int
}

var _ ingest.DeadLetters = (*Letters)(nil)

// Write implements ingest.DeadLetters.
func (l *Letters) Write(_ context.Context, letters []*usagev1.DeadLetter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.letters == nil {
		l.letters = make(map[int64]*usagev1.DeadLetter)
	}
	for _, letter := range letters {
		if l.letters[letter.Offset] != nil {
			l.copies++
		}
		for o := letter.Offset; o <= max(letter.Offset, letter.LastOffset); o++ {
			l.letters[o] = letter
		}
	}
	return nil
}

// At returns the letter of the record at that offset, nil if there is none.
func (l *Letters) At(offset int64) *usagev1.DeadLetter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.letters[offset]
}

// Len returns the number of records that are dead letters.
func (l *Letters) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.letters)
}

// Group is a consumer group of one partition: it knows the generation and the committed offset. It is safe for
// concurrent use.
type Group struct {
	mu         sync.Mutex
	generation int64
	committed  int64
}

// Join begins the next generation and returns it.
func (g *Group) Join() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.generation++
	return g.generation
}

// Committed returns the offset committed last.
func (g *Group) Committed() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.committed
}

// Committer returns the committer of a generation.
func (g *Group) Committer(generation int64) ingest.Committer { return committer{g, generation} }

type committer struct {
	group      *Group
	generation int64
}

// Commit implements ingest.Committer.
func (c committer) Commit(_ context.Context, p ingest.Partition, offset int64) error {
	c.group.mu.Lock()
	defer c.group.mu.Unlock()
	if c.generation != c.group.generation {
		return fmt.Errorf("commit %v in generation %d of %d: %w", p, c.generation, c.group.generation, ingest.ErrFenced)
	}
	c.group.committed = offset
	return nil
}
