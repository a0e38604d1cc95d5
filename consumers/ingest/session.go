package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// errDrained ends a session whose worker was asked to drain.
var errDrained = errors.New("drained")

// session is one Run of a worker: the path from Fetch to the closed block. What happens to a closed block is in
// flight.go.
type session struct {
	*Worker
	limits Limits
	window *window

	block    *block // under construction; its to is the next offset to decide
	accounts int64  // the end of what is accounted for
	ahead    []AheadRow
	through  int64           // where ahead ends, 0 if it is complete
	refused  map[int64]error // offsets at or after accounts that the database refuses
	restart  bool            // the block at hand is void: resume
	owed     int64           // the end of the last void block, of which rows may be stored

	flight flight

	asked         int64 // what the last Fetch was asked for
	highWatermark int64
	caughtUp      bool
	entries       entries
	failures      int      // of Fetch, one after the other
	row           AheadRow // the one at hand
}

func newSession(w *Worker, limits Limits) *session {
	return &session{Worker: w, limits: limits, window: newWindow(limits.Window), block: newBlock(w.Partition.Type),
		refused: make(map[int64]error)}
}

// run is the worker's loop: fetch, decide, and close blocks as they get full or old.
func (s *session) run(ctx context.Context) error {
	for s.restart = true; ; {
		if s.restart {
			if err := s.resume(ctx); err != nil {
				return err
			}
		}
		fetch, answered, err := s.fetch(ctx)
		if err != nil {
			return err
		}
		if err := s.takeAll(ctx, fetch); err != nil {
			return err
		}
		if s.restart {
			continue
		}
		done, err := s.closeIfDue(ctx, answered)
		if done || err != nil {
			return err
		}
	}
}

// resume learns from the database where to begin and what is stored before and after that.
func (s *session) resume(ctx context.Context) error {
	var at Resume
	_, err := s.retry(ctx, StepResume, func() (err error) {
		at, err = s.Store.Resume(ctx, s.Partition, s.limits.Window)
		return err
	})
	if err != nil {
		return fmt.Errorf("resume %v: %w", s.Partition, err)
	}
	s.restart = false
	s.accounts, s.ahead, s.through = at.Position, at.Ahead, at.Through
	s.block.reset(at.Position)
	s.window.reset()
	for i := range at.Stored {
		s.window.push(&at.Stored[i])
	}
	if s.Hooks.Resumed != nil {
		s.Hooks.Resumed(s.Partition, at.Position, len(at.Ahead))
	}
	return nil
}

// fetch asks the log once for what follows. A log that begins later answers with a gap; after a failure that may pass
// it pauses and returns nothing, with answered false.
func (s *session) fetch(ctx context.Context) (f Fetch, answered bool, err error) {
	from := s.block.to
	s.asked = from
	f, err = s.Source.Fetch(ctx, from)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return Fetch{}, false, ctx.Err()
	case errors.Is(err, ErrBeyondEnd):
		return Fetch{}, false, fmt.Errorf("fetch %v from offset %d: %w", s.Partition, from, err)
	case errors.Is(err, ErrBelowStart) && f.LogStart > from:
		f.Records, f.Next = nil, f.LogStart
		f.HighWatermark = max(f.HighWatermark, f.LogStart)
	default:
		s.resend(StepFetch, err)
		pause := s.pause(StepFetch, s.failures)
		if !s.block.empty() {
			pause = min(pause, max(s.block.due(time.Now(), &s.limits), 0))
		}
		s.failures++
		return Fetch{Next: from}, false, s.sleep(ctx, pause)
	}
	s.failures = 0
	s.highWatermark = f.HighWatermark
	s.entries.answered(from, f.HighWatermark, f.Asked, time.Now())
	if s.through > 0 && f.Next > s.through {
		// What lies beyond is for after the next resume.
		end, _ := slices.BinarySearchFunc(f.Records, s.through, func(r Record, o int64) int { return int(r.Offset - o) })
		f.Records, f.Next = f.Records[:end], s.through
		if end > 0 && f.Records[end-1].End() > s.through {
			f.Records[end-1].cut(s.through)
		}
	}
	if s.Hooks.Fetched != nil && len(f.Records) > 0 {
		bytes := 0
		for i := range f.Records {
			bytes += len(f.Records[i].Key) + len(f.Records[i].Value)
		}
		s.Hooks.Fetched(s.Partition, len(f.Records), bytes)
	}
	return f, true, nil
}

// takeAll decides everything in a fetch and closes the blocks that get full on the way. It stops early, with restart
// set, when a block turned out void.
func (s *session) takeAll(ctx context.Context, f Fetch) error {
	for i := range f.Records {
		rec := &f.Records[i]
		if rec.Offset < s.block.to {
			continue
		}
		for !s.take(rec) {
			if err := s.close(ctx); err != nil || s.restart {
				return err
			}
		}
	}
	s.skip(f.Next)
	return nil
}

// closeIfDue closes a block that is full or old, or that should not wait because this was the last of the log, and
// reports whether the worker is done.
func (s *session) closeIfDue(ctx context.Context, answered bool) (done bool, err error) {
	if s.landed() {
		if err := s.collect(); err != nil || s.restart {
			return false, err
		}
	}
	atEnd := answered && s.block.to >= s.highWatermark
	drain := s.draining()
	switch {
	case drain, atEnd && s.UntilCaughtUp, s.through > 0 && s.block.to >= s.through:
		if err := s.settle(ctx); err != nil || s.restart {
			return false, err
		}
		s.restart = s.through > 0 && s.accounts >= s.through
	case s.block.full(&s.limits), !s.block.empty() && s.block.due(time.Now(), &s.limits) <= 0 && !s.flight.busy:
		if err := s.close(ctx); err != nil || s.restart {
			return false, err
		}
	}
	if s.Hooks.Position != nil && answered {
		s.Hooks.Position(s.Partition, s.accounts, s.highWatermark)
	}
	// Everything is accounted for only if a fetch after the last block finds nothing more.
	reached := atEnd && !s.restart && s.asked == s.accounts
	if reached && !s.caughtUp && s.Hooks.CaughtUp != nil {
		s.Hooks.CaughtUp(s.Partition)
	}
	s.caughtUp = reached
	return drain && s.accounts >= s.owed || reached && s.UntilCaughtUp, nil
}

// take decides what becomes of a record and adds it to the block. It returns false, without having decided, when the
// record belongs to the next block.
func (s *session) take(rec *Record) bool {
	b := s.block
	if b.full(&s.limits) || b.far(rec.Offset, s.limits.Window) {
		return false
	}
	s.skip(rec.Offset)
	if b.empty() {
		b.opened = time.Now()
	}
	switch row := s.nextAhead(rec.Offset); {
	case rec.Unreadable != nil:
		s.lose(rec)
	case rec.Control:
		b.except(rec.Offset, rec.Offset+1, ledger.Control)
	case row != nil && row.Offset == rec.Offset:
		s.adopt(row)
	default:
		meta, err := b.columns.Append(rec.Value, schemas.Coordinates{Epoch: s.Partition.Epoch, Partition: s.Partition.ID, Offset: rec.Offset})
		if err != nil {
			b.bury(rec, s.Partition, rec.Run, invalid(err))
			break
		}
		s.decide(rec, &meta)
	}
	b.extend(rec)
	if !rec.Control {
		b.produced.add(s.entries.of(rec.Offset, rec.Timestamp))
	}
	return true
}

// lose gives up the offsets of what cannot be read, but for rows that an earlier worker stored: it could read them.
func (s *session) lose(rec *Record) {
	from, to := rec.Offset, rec.End()
	whole := true
	for row := s.nextAhead(from); row != nil && row.Offset < to; row = s.nextAhead(from) {
		s.block.lose(rec, s.Partition, from, row.Offset, whole)
		whole = whole && from == row.Offset
		s.adopt(row)
		from = row.Offset + 1
	}
	s.block.lose(rec, s.Partition, from, to, whole)
}

// decide decides about a record that is the row appended last.
func (s *session) decide(rec *Record, meta *schemas.Meta) {
	b := s.block
	if err, ok := s.refused[rec.Offset]; ok {
		b.columns.Pop()
		b.bury(rec, s.Partition, meta.Run, &schemas.Invalid{Reason: reasonRefused, Detail: err.Error()})
		return
	}
	row := &s.row // One by one: a copy of what was just written waits for it.
	row.Offset, row.Identity, row.Time, row.Revision, row.Body = rec.Offset, meta.Identity, meta.Time, meta.Revision, meta.Body
	row.Run, row.Checksum, row.Content = meta.Run, meta.Checksum, meta.Content
	d := s.window.decide(&row.StoredRow)
	switch d {
	case ledger.Stored:
		b.offsets = append(b.offsets, rec.Offset)
		b.stored(row, s.Partition)
		s.window.push(&row.StoredRow)
		return
	case ledger.Duplicate:
		b.run(meta.Run).Duplicates++
	default:
		b.run(meta.Run).Conflicts++
	}
	b.columns.Pop()
	b.except(rec.Offset, rec.Offset+1, d)
}

// reasonRefused is the reason of dead letters that the database refused.
const reasonRefused = "refused"

// invalid returns why a value is no row.
func invalid(err error) *schemas.Invalid {
	var why *schemas.Invalid
	if errors.As(err, &why) {
		return why
	}
	return &schemas.Invalid{Reason: schemas.ReasonInvalid, Detail: err.Error()}
}

// nextAhead returns the first row that an earlier worker stored at that offset or after it, nil if there is none. The
// rows before it are done with.
func (s *session) nextAhead(offset int64) *AheadRow {
	for len(s.ahead) > 0 && s.ahead[0].Offset < offset {
		s.ahead = s.ahead[1:]
	}
	if len(s.ahead) == 0 {
		return nil
	}
	return &s.ahead[0]
}

// adopt accounts for a row that an earlier worker stored.
func (s *session) adopt(row *AheadRow) {
	s.block.stored(row, s.Partition)
	s.block.adopted = true
	s.window.push(&row.StoredRow)
}

// skip passes over the offsets up to that one, which the log does not hold: gaps, but for rows that an earlier worker
// stored.
func (s *session) skip(to int64) {
	b := s.block
	if to <= b.to {
		return
	}
	if b.empty() {
		b.opened = time.Now()
	}
	for row := s.nextAhead(b.to); row != nil && row.Offset < to; row = s.nextAhead(b.to) {
		b.except(b.to, row.Offset, ledger.Gap)
		s.adopt(row)
		b.to = row.Offset + 1
	}
	b.except(b.to, to, ledger.Gap)
	b.to = to
}

// draining reports whether the worker was asked to drain.
func (s *session) draining() bool {
	select {
	case <-s.Drain:
		return true
	default:
		return false
	}
}
