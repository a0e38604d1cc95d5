package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// flush makes the open block durable, accounts for it, and opens the next one: rows, dead letters, fence, ledger row, in
// this order. It returns errResume when the database refuses rows of the block.
func (s *session) flush(ctx context.Context) error {
	b := s.block
	if b.empty() {
		return nil
	}
	row := s.ledgerRow()
	if len(b.offsets) > 0 {
		began := time.Now()
		resends, err := s.storeRows(ctx, b.columns)
		var refusal *RefusedError
		if errors.As(err, &refusal) {
			err = s.storeUnrefused(ctx, refusal)
		}
		if err != nil {
			return err
		}
		row.Resends, row.InsertTime = resends, time.Since(began)
	}
	if row.Stored > 0 {
		row.EventLag = time.Since(time.UnixMicro(b.newest))
	}
	if !row.OldestProduced.IsZero() {
		row.ProduceLag = max(time.Since(row.OldestProduced), 0)
	}
	if err := s.writeLetters(ctx); err != nil {
		return err
	}
	commit := s.retry(StepCommit)
	for commit.next(ctx) {
		commit.err = s.Committer.Commit(ctx, s.Partition, b.to)
	}
	if commit.err != nil {
		return fmt.Errorf("commit %v at offset %d: %w", s.Partition, b.to, commit.err)
	}
	account := s.retry(StepAccount)
	for account.next(ctx) {
		account.err = s.Store.Account(ctx, row)
	}
	if account.err != nil {
		return fmt.Errorf("account for offsets %d to %d of %v: %w", b.from, b.to, s.Partition, account.err)
	}
	if s.Hooks.Block != nil {
		s.Hooks.Block(row)
	}
	s.accounted = b.to
	maps.DeleteFunc(s.refused, func(offset int64, _ error) bool { return offset < s.accounted })
	b.reset(b.to)
	return nil
}

// ledgerRow returns the ledger row of the open block, without what only its storing tells.
func (s *session) ledgerRow() ledger.Row {
	row := s.block.ledgerRow()
	row.Partition, row.Partitions = s.Partition.Partition, s.Partition.Count
	row.Generation, row.Member, row.Window, row.HighWatermark = s.Generation, s.Member, s.limits.Window, s.highWatermark
	if s.block.adopted {
		row.Window = 0 // The earlier worker may have looked back less far.
	}
	return row
}

// writeLetters writes the dead letters of the open block.
func (s *session) writeLetters(ctx context.Context) error {
	letters := s.block.letters
	if len(letters) == 0 {
		return nil
	}
	now := time.Now().UnixMicro()
	for _, letter := range letters {
		letter.WrittenUs = now
	}
	retry := s.retry(StepDeadLetters)
	for retry.next(ctx) {
		retry.err = s.DeadLetters.Write(ctx, letters)
	}
	if retry.err != nil {
		return fmt.Errorf("write %s of %v: %w", plural.Of(len(letters), "dead letter"), s.Partition, retry.err)
	}
	return nil
}

// storeRows inserts rows, as often as it takes, and returns how often it sent them again.
func (s *session) storeRows(ctx context.Context, rows schemas.Columns) (resends uint32, err error) {
	retry := s.retry(StepInsert)
	for retry.next(ctx) {
		retry.err = s.Store.Insert(ctx, s.Partition, rows)
	}
	if retry.err != nil {
		return retry.repeats, fmt.Errorf("insert %s of %v: %w", plural.Of(rows.Rows(), "row"), s.Partition, retry.err)
	}
	return retry.repeats, nil
}

// storeUnrefused stores the rows of the open block that the database does not refuse, after it refused them all together.
// It returns errResume when there are refused ones.
//
// The block is void then, since other rows may have been judged by the refused ones: it is decided again with those rows
// dead. Its stored rows stay (see Resume.Orphans): as no two records of a block are further apart than the window, a stored
// row gets no other verdict for lack of another row. There is one exception. A row that replaces a refused one stays, though
// a record between them, of the same identity and another time, is now the first. Such an identity has two times;
// audit --deep finds it.
func (s *session) storeUnrefused(ctx context.Context, why *RefusedError) error {
	refused, err := s.splitRefused(ctx, 0, len(s.block.offsets), why, nil)
	if err != nil || len(refused) == 0 {
		return err
	}
	for _, r := range refused {
		s.refused[r.offset] = r.err
		if s.Hooks.Refused != nil {
			s.Hooks.Refused(s.Partition, r.offset, r.err)
		}
	}
	s.mustReach = max(s.mustReach, s.block.to) // The next block may be shorter than the void one.
	return errResume
}

// refusedRow is a row that the database refuses.
type refusedRow struct {
	offset int64
	err    error
}

// splitRefused finds out which of the rows lo to hi of the open block the database refuses, and stores the others.
func (s *session) splitRefused(ctx context.Context, lo, hi int, why *RefusedError, refused []refusedRow) ([]refusedRow, error) {
	if hi-lo == 1 {
		return append(refused, refusedRow{offset: s.block.offsets[lo], err: why.Err}), nil
	}
	if s.scratch == nil {
		s.scratch = schemas.NewColumns(s.Partition.Type)
	}
	mid := lo + (hi-lo)/2
	for _, part := range [2][2]int{{lo, mid}, {mid, hi}} {
		s.scratch.Reset()
		for i := part[0]; i < part[1]; i++ {
			s.scratch.AppendRow(s.block.columns, i)
		}
		_, err := s.storeRows(ctx, s.scratch)
		var r *RefusedError
		if errors.As(err, &r) {
			refused, err = s.splitRefused(ctx, part[0], part[1], r, refused)
		}
		if err != nil {
			return refused, err
		}
	}
	return refused, nil
}
