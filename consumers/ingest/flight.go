package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"tidemark/schemas"
)

// flight is what happens to closed blocks: one is being stored at a time, by the worker's own goroutine or, with two
// blocks in flight, by one that collect and wait wait for.
type flight struct {
	busy    bool
	out     chan outcome    // of size 1, so that the goroutine ends without being waited for
	spare   *block          // not in use
	scratch schemas.Columns // parts of a refused block
}

// outcome is what became of a closed block: an error, or the rows that the database refuses, which make the block
// void, or neither: it is accounted for.
type outcome struct {
	block   *block
	refused []refusal
	err     error
}

// refusal is a row that the database refuses.
type refusal struct {
	offset int64
	err    error
}

// close hands the block over to be stored and opens the next one. It sets restart when a block turned out void.
func (s *session) close(ctx context.Context) error {
	b := s.block
	if b.empty() {
		return nil
	}
	b.highWatermark = s.highWatermark
	if s.limits.InFlight == 1 {
		if err := s.land(s.store(ctx, b)); err != nil || s.restart {
			return err
		}
		b.reset(b.to)
		return nil
	}
	if err := s.collect(); err != nil || s.restart {
		return err
	}
	if s.flight.spare == nil {
		s.flight.spare, s.flight.out = newBlock(s.Partition.Type), make(chan outcome, 1)
	}
	s.block, s.flight.spare = s.flight.spare, nil
	s.block.reset(b.to)
	s.flight.busy = true
	go func() { s.flight.out <- s.store(ctx, b) }()
	return nil
}

// settle closes the block and waits until nothing is in flight.
func (s *session) settle(ctx context.Context) error {
	if err := s.close(ctx); err != nil || s.restart {
		return err
	}
	return s.collect()
}

// collect waits for the block in flight, if there is one.
func (s *session) collect() error {
	if !s.flight.busy {
		return nil
	}
	o := <-s.flight.out
	s.flight.busy, s.flight.spare = false, o.block
	return s.land(o)
}

// landed reports whether collect would return at once with an outcome.
func (s *session) landed() bool { return s.flight.busy && len(s.flight.out) > 0 }

// wait waits for the goroutine of the block in flight, whose context has ended.
func (s *session) wait() {
	if s.flight.busy {
		<-s.flight.out
	}
}

// land takes note of an outcome. A block with refused rows is void, since other rows may have been judged by them:
// it is decided again with those rows dead. What was stored of it stays, see Resume.Ahead; as no two records of a
// block are further apart than the window, a row that was stored is not judged otherwise for want of another. With one
// exception: a row that replaces a refused one stays, though a record between them, of the same identity and another time,
// is now the first. Such an identity has two times; audit --deep finds it.
func (s *session) land(o outcome) error {
	if o.err != nil {
		return o.err
	}
	for _, r := range o.refused {
		s.refused[r.offset] = r.err
		if s.Hooks.Refused != nil {
			s.Hooks.Refused(s.Partition, r.offset, r.err)
		}
	}
	if s.restart = len(o.refused) > 0; s.restart {
		s.owed = max(s.owed, o.block.to) // A void block may be followed by a shorter one.
		return nil
	}
	s.accounts = o.block.to
	maps.DeleteFunc(s.refused, func(offset int64, _ error) bool { return offset < s.accounts })
	return nil
}

// store makes a block durable and accounts for it: rows, dead letters, fence, ledger row, in this order.
func (s *session) store(ctx context.Context, b *block) outcome {
	row := b.row()
	row.Topic, row.Epoch, row.Partition, row.Partitions = s.Partition.Topic, s.Partition.Epoch, s.Partition.ID, s.Partition.Count
	row.Generation, row.Member, row.Window, row.HighWatermark = s.Generation, s.Member, s.limits.Window, b.highWatermark
	if b.adopted {
		row.Window = 0 // The earlier worker may have looked back less far.
	}

	began := time.Now()
	resends, refused, err := s.insert(ctx, b)
	if err != nil || len(refused) > 0 {
		return outcome{block: b, refused: refused, err: err}
	}
	if n := len(b.offsets); n > 0 {
		row.Resends, row.InsertTime = resends, time.Since(began)
	}
	if row.Stored > 0 {
		row.EventLag = time.Since(time.UnixMicro(b.newest))
	}
	if err := s.write(ctx, b); err != nil {
		return outcome{block: b, err: err}
	}
	if _, err := s.retry(ctx, StepCommit, func() error { return s.Committer.Commit(ctx, s.Partition, b.to) }); err != nil {
		return outcome{block: b, err: fmt.Errorf("commit %v at offset %d: %w", s.Partition, b.to, err)}
	}
	if _, err := s.retry(ctx, StepAccount, func() error { return s.Store.Account(ctx, row) }); err != nil {
		return outcome{block: b, err: fmt.Errorf("account for offsets %d to %d of %v: %w", b.from, b.to, s.Partition, err)}
	}
	if s.Hooks.Block != nil {
		s.Hooks.Block(row)
	}
	return outcome{block: b}
}

// write writes the dead letters of a block.
func (s *session) write(ctx context.Context, b *block) error {
	if len(b.letters) == 0 {
		return nil
	}
	now := time.Now().UnixMicro()
	for _, letter := range b.letters {
		letter.WrittenUs = now
	}
	if _, err := s.retry(ctx, StepDeadLetters, func() error { return s.DeadLetters.Write(ctx, b.letters) }); err != nil {
		return fmt.Errorf("write %d dead letters of %v: %w", len(b.letters), s.Partition, err)
	}
	if s.Hooks.DeadLetter != nil {
		for _, letter := range b.letters {
			s.Hooks.DeadLetter(letter)
		}
	}
	return nil
}

// insert makes the rows of a block durable, all of them or all but the refused ones.
func (s *session) insert(ctx context.Context, b *block) (resends uint32, refused []refusal, err error) {
	if len(b.offsets) == 0 {
		return 0, nil, nil
	}
	resends, err = s.send(ctx, b.columns)
	var r *Refused
	if errors.As(err, &r) {
		refused, err = s.split(ctx, b, 0, len(b.offsets), r, nil)
	}
	return resends, refused, err
}

// split finds the rows that are to blame for the refusal of rows lo to hi, and stores the others.
func (s *session) split(ctx context.Context, b *block, lo, hi int, why *Refused, refused []refusal) ([]refusal, error) {
	if hi-lo == 1 {
		return append(refused, refusal{offset: b.offsets[lo], err: why.Err}), nil
	}
	if s.flight.scratch == nil {
		s.flight.scratch = schemas.NewColumns(s.Partition.Type)
	}
	mid := lo + (hi-lo)/2
	for _, part := range [2][2]int{{lo, mid}, {mid, hi}} {
		scratch := s.flight.scratch
		scratch.Reset()
		for i := part[0]; i < part[1]; i++ {
			scratch.AppendRow(b.columns, i)
		}
		_, err := s.send(ctx, scratch)
		var r *Refused
		switch {
		case errors.As(err, &r):
			if refused, err = s.split(ctx, b, part[0], part[1], r, refused); err != nil {
				return refused, err
			}
		case err != nil:
			return refused, err
		}
	}
	return refused, nil
}

// send inserts rows, as often as it takes.
func (s *session) send(ctx context.Context, rows schemas.Columns) (resends uint32, err error) {
	resends, err = s.retry(ctx, StepInsert, func() error {
		if s.Slots != nil {
			select {
			case s.Slots <- struct{}{}:
				defer func() { <-s.Slots }()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return s.Store.Insert(ctx, s.Partition, rows)
	})
	if err != nil {
		err = fmt.Errorf("insert %d rows of %v: %w", rows.Rows(), s.Partition, err)
	}
	return resends, err
}

// retry calls do until it succeeds, ctx ends, or the error says that another attempt is of no use. It returns how
// often it tried again.
func (s *session) retry(ctx context.Context, step Step, do func() error) (again uint32, err error) {
	for ; ; again++ {
		err := do()
		var refused *Refused
		switch {
		case err == nil, errors.As(err, &refused), errors.Is(err, ErrFenced):
			return again, err
		case ctx.Err() != nil:
			return again, ctx.Err()
		}
		s.resend(step, err)
		if err := s.sleep(ctx, s.pause(step, int(again))); err != nil {
			return again, err
		}
		if step == StepResume && s.draining() && s.accounts >= s.owed {
			return again, errDrained
		}
	}
}

func (s *session) resend(step Step, err error) {
	if s.Hooks.Resend != nil {
		s.Hooks.Resend(s.Partition, step, err)
	}
}

// pause returns how long to wait after that many failures in a row: RetryMin doubled for each up to RetryMax, less up
// to a half. The part taken off differs between workers, steps and attempts, and is the same each time, so that a
// simulation can be repeated.
func (s *session) pause(step Step, failures int) time.Duration {
	d := s.limits.RetryMin
	for range min(failures, 40) {
		if d = min(2*d, s.limits.RetryMax); d == s.limits.RetryMax {
			break
		}
	}
	h := uint64(s.Partition.ID)<<32 ^ uint64(s.Generation)<<16 ^ uint64(len(step))<<8 ^ uint64(failures)
	h = (h + 0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9
	return d - d/2*time.Duration(h>>48)/(1<<16)
}

// sleep waits, or returns the error of ctx when that ends first.
func (s *session) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
