package clickhouse

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// maxOrphans bounds the rows that Resume returns from the position on. There are as many as the last block of a dead
// worker had, unless ledger rows are missing.
const maxOrphans = 1 << 18

// Resume returns the position of the partition and the stored rows around it. See ingest.Store.
func (s *Store) Resume(ctx context.Context, p ingest.Partition, window int64) (ingest.Resume, error) {
	return s.resume(ctx, p, window, maxOrphans)
}

func (s *Store) resume(ctx context.Context, p ingest.Partition, window int64, limit int) (r ingest.Resume, err error) {
	attempt, end := s.startAttempt(ctx, "read the position of "+p.String())
	r.Known, r.Position, err = s.readPosition(attempt, p)
	if err = end(err); err != nil {
		return ingest.Resume{}, err
	}
	attempt, end = s.startAttempt(ctx, "read the window of "+p.String())
	r.Stored, err = s.readWindow(attempt, p, max(0, r.Position-window), r.Position)
	if err = end(err); err != nil {
		return ingest.Resume{}, err
	}
	attempt, end = s.startAttempt(ctx, "read the rows without a ledger row of "+p.String())
	r.Orphans, r.OrphansUpTo, err = s.readOrphans(attempt, p, r.Position, limit)
	if err = end(err); err != nil {
		return ingest.Resume{}, err
	}
	return r, nil
}

// readPosition finds the end of the ledger's chain from offset 0.
//
// Sums prove that a ledger has neither overlaps nor holes, without reading a row: each range ends where exactly one other
// begins, except the last, and each begins where one ends, except the first. Ranges that go forward and do that are one
// path from 0 to the greatest end. (The sums are of hashes: another ledger passes by chance with odds of one in 2^64.)
func (s *Store) readPosition(ctx context.Context, p ingest.Partition) (known bool, position int64, err error) {
	var rows, end uint64
	var tiled uint8
	sql := fmt.Sprintf(`SELECT count(), max(to_offset),
  min(from_offset) = 0 AND min(to_offset > from_offset) = 1
    AND sum(intHash64(from_offset)) - intHash64(min(from_offset)) = sum(intHash64(to_offset)) - intHash64(max(to_offset))
FROM %s WHERE %s`, schemas.LedgerTable, ledgerWhere(p))
	err = s.db.Query(ctx, sql, func(scan func(...any) error) error { return scan(&rows, &end, &tiled) })
	if err != nil || rows == 0 {
		return false, 0, err
	}
	if tiled == 1 {
		return true, int64(end), nil
	}
	// There are overlaps, holes, or a row that was sent twice.
	walk := chainWalk{}
	sql = fmt.Sprintf("SELECT from_offset, to_offset, generation FROM %s WHERE %s ORDER BY from_offset, to_offset", schemas.LedgerTable, ledgerWhere(p))
	err = s.db.format(ctx, sql, "RowBinary", func(r io.Reader) error {
		var row [24]byte
		for buffered := bufio.NewReaderSize(r, 64<<10); ; {
			if _, err := io.ReadFull(buffered, row[:]); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return fmt.Errorf("read the ledger: %w", err)
			}
			walk.add(ledger.Range{
				From:       int64(binary.LittleEndian.Uint64(row[0:])),
				To:         int64(binary.LittleEndian.Uint64(row[8:])),
				Generation: int64(binary.LittleEndian.Uint64(row[16:])),
			})
		}
	})
	return true, walk.end(), err
}

// chainWalk follows ledger.Chain over ranges that come in the order of From, holding only ranges that overlap one
// another: where a range begins and no earlier one reaches beyond, every longer chain passes.
type chainWalk struct {
	position int64          // the end of the chain over all dropped ranges
	broken   bool           // the chain ends at position whatever follows
	pending  []ledger.Range // overlapping ranges from position on
	reach    int64          // the greatest end among pending
}

func (w *chainWalk) add(r ledger.Range) {
	if r.From >= w.reach {
		w.followPending()
	}
	w.pending = append(w.pending, r)
	w.reach = max(w.reach, r.To)
}

// followPending follows the chain through the pending ranges and drops them.
func (w *chainWalk) followPending() {
	if len(w.pending) == 0 || w.broken {
		w.pending = w.pending[:0]
		return
	}
	_, _, w.position, _ = ledger.Chain(w.position, w.pending)
	w.broken = w.position < w.reach
	w.pending = w.pending[:0]
}

// end follows the last pending ranges and returns the end of the chain.
func (w *chainWalk) end() int64 {
	w.followPending()
	return w.position
}

// readWindow reads the stored rows at offsets in [from, to), each offset once.
func (s *Store) readWindow(ctx context.Context, p ingest.Partition, from, to int64) ([]ingest.StoredRow, error) {
	if from >= to {
		return nil, nil
	}
	spec := schemas.SpecOf(p.Type)
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s AND offset >= %d AND offset < %d ORDER BY offset"+uncompiled,
		storedColumns(spec), schemas.Ident(spec.RawTable), partitionWhere(p), from, to)
	var rows []ingest.StoredRow
	err := s.db.format(ctx, sql, "RowBinary", func(r io.Reader) error {
		reader := bufio.NewReaderSize(r, 64<<10)
		for {
			row, err := readStoredRow(reader)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if n := len(rows); n == 0 || rows[n-1].Offset != row.Offset {
				rows = append(rows, row)
			}
		}
	})
	return rows, err
}

// readOrphans reads the stored rows from the position on, each offset once. When there are more than limit, they are
// complete for offsets below upTo; otherwise upTo is 0.
func (s *Store) readOrphans(ctx context.Context, p ingest.Partition, position int64, limit int) (rows []ingest.OrphanRow, upTo int64, err error) {
	spec := schemas.SpecOf(p.Type)
	from := fmt.Sprintf("FROM %s WHERE %s AND offset >= %d", schemas.Ident(spec.RawTable), partitionWhere(p), position)
	// There are none unless a worker died. Planning the checksums costs the engine ten times what it takes to find out.
	there := false
	err = s.db.Query(ctx, "SELECT 1 "+from+" LIMIT 1", func(scan func(...any) error) error {
		var one uint8
		there = true
		return scan(&one)
	})
	if err != nil || !there {
		return nil, 0, err
	}
	sql := fmt.Sprintf("SELECT %s, %s, %s, run %s ORDER BY offset LIMIT %d"+uncompiled,
		storedColumns(spec), spec.ChecksumSQL(), spec.ContentSQL(), from, limit)
	read := 0
	runs := map[string]string{}
	err = s.db.format(ctx, sql, "RowBinary", func(r io.Reader) error {
		reader := bufio.NewReaderSize(r, 64<<10)
		for {
			row, err := readOrphanRow(reader, runs)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			read++
			if n := len(rows); n == 0 || rows[n-1].Offset != row.Offset {
				rows = append(rows, row)
			}
		}
	})
	if err != nil {
		return nil, 0, err
	}
	if read == limit {
		upTo = rows[len(rows)-1].Offset + 1
	}
	return rows, upTo, nil
}

// uncompiled keeps the engine from compiling the checksums: for a few partitions that takes longer than running them.
const uncompiled = " SETTINGS compile_expressions = 0"

// ledgerWhere selects the ledger rows of a partition.
func ledgerWhere(p ingest.Partition) string {
	return fmt.Sprintf("topic = %s AND epoch = %d AND partition = %d", schemas.Quote(p.Topic), p.Epoch, p.ID)
}

// partitionWhere selects the raw rows of a partition. The index over offset finds them.
func partitionWhere(p ingest.Partition) string {
	return fmt.Sprintf("epoch = %d AND partition = %d", p.Epoch, p.ID)
}

// storedColumns are what readStoredRow reads.
func storedColumns(spec schemas.Spec) string {
	return "offset, identity, toUnixTimestamp64Micro(time), " + spec.RevisionSQL() + ", " + spec.BodySQL()
}

// readStoredRow reads what storedColumns names. io.EOF means that there is no further row; a row cut short is another
// error.
func readStoredRow(r *bufio.Reader) (row ingest.StoredRow, err error) {
	var fixed [48]byte
	if _, err := io.ReadFull(r, fixed[:]); errors.Is(err, io.EOF) {
		return row, io.EOF
	} else if err != nil {
		return row, fmt.Errorf("read a stored row: %w", err)
	}
	row.Offset = int64(binary.LittleEndian.Uint64(fixed[0:]))
	copy(row.Identity[:], fixed[8:24])
	row.Time = int64(binary.LittleEndian.Uint64(fixed[24:]))
	row.Revision = binary.LittleEndian.Uint64(fixed[32:])
	row.Body = binary.LittleEndian.Uint64(fixed[40:])
	return row, nil
}

// maxRun is more than validation lets through.
const maxRun = 1 << 16

// readOrphanRow reads a stored row with checksums and run. Equal runs share a string.
func readOrphanRow(r *bufio.Reader, runs map[string]string) (row ingest.OrphanRow, err error) {
	if row.StoredRow, err = readStoredRow(r); err != nil {
		return row, err
	}
	var fixed [16]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return row, fmt.Errorf("read the checksums of a stored row: %w", noEOF(err))
	}
	row.Checksum = binary.LittleEndian.Uint64(fixed[0:])
	row.Content = binary.LittleEndian.Uint64(fixed[8:])
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return row, fmt.Errorf("read the run of a stored row: %w", noEOF(err))
	}
	if size > maxRun {
		return row, fmt.Errorf("read the run of a stored row: %d bytes long", size)
	}
	run := make([]byte, size)
	if _, err := io.ReadFull(r, run); err != nil {
		return row, fmt.Errorf("read the run of a stored row: %w", noEOF(err))
	}
	known, ok := runs[string(run)]
	if !ok {
		known = string(run)
		runs[known] = known
	}
	row.Run = known
	return row, nil
}

// noEOF keeps a stream that ends inside a row from looking like its end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
