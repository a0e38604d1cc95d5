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

// Errors by which an attempt ends without a failure.
var (
	// errResume: the memory of the worker no longer agrees with the database. The next attempt resumes.
	errResume = errors.New("resume from the database")
	// errDrained: the worker was asked to drain, and everything that it stored is accounted for.
	errDrained = errors.New("drained")
)

// session is what a worker keeps during one Run: the path from Fetch to the full block. What happens to a full block is
// in flush.go.
type session struct {
	*Worker
	limits Limits
	window *window

	block       *block          // The open one; its to is the next offset to decide.
	accounted   int64           // The end of what is accounted for.
	orphans     []OrphanRow     // Stored rows without a ledger row, from the open block on.
	orphansUpTo int64           // Where the knowledge of orphans ends, 0 if it does not.
	refused     map[int64]error // Offsets at or after accounted that the database refuses.
	mustReach   int64           // The end of the last void block: some of its rows may be stored.
	scratch     schemas.Columns // Parts of a refused block.

	asked         int64 // What the last Fetch was asked for.
	highWatermark int64
	entries       entryTimes
	failures      int       // Of Fetch, one after the other.
	row           OrphanRow // The current row.
}

func newSession(w *Worker, limits Limits) *session {
	return &session{Worker: w, limits: limits, window: newWindow(limits.Window), block: newBlock(w.Partition.Type),
		refused: make(map[int64]error)}
}

// attempt begins from what the database knows, then fetches, decides, and flushes blocks as they become full or due. It
// returns nil when the worker is done, and errResume when the next attempt must begin from the database again.
func (s *session) attempt(ctx context.Context) error {
	if err := s.resume(ctx); err != nil {
		return err
	}
	for {
		fetch, answered, err := s.fetch(ctx)
		if err != nil {
			return err
		}
		for i := range fetch.Records {
			for !s.take(&fetch.Records[i]) {
				if err := s.flush(ctx); err != nil {
					return err
				}
			}
		}
		s.skipTo(fetch.Next)
		atEnd, drain := answered && s.block.to >= s.highWatermark, s.draining()
		if drain || atEnd && s.UntilCaughtUp || s.pastOrphans(s.block.to) || s.block.ready(time.Now(), &s.limits) {
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
		if s.Hooks.Position != nil && answered {
			s.Hooks.Position(s.Partition, s.accounted, s.highWatermark)
		}
		switch {
		case drain && s.accounted >= s.mustReach:
			return nil
		case s.pastOrphans(s.accounted):
			return errResume
		case atEnd && s.UntilCaughtUp && s.asked == s.accounted:
			return nil // A fetch after the last block found nothing more, so everything is accounted for.
		}
	}
}

// resume learns from the database where to begin and which rows are stored before and after that.
func (s *session) resume(ctx context.Context) error {
	var at Resume
	retry := s.retry(StepResume)
	for retry.next(ctx) {
		at, retry.err = s.Store.Resume(ctx, s.Partition, s.limits.Window)
	}
	if retry.err != nil {
		return fmt.Errorf("resume %v: %w", s.Partition, retry.err)
	}
	s.accounted, s.orphans, s.orphansUpTo = at.Position, at.Orphans, at.OrphansUpTo
	s.block.reset(at.Position)
	s.window.reset()
	for i := range at.Stored {
		s.window.push(&at.Stored[i])
	}
	return nil
}

// pastOrphans reports whether an offset has reached the end of the known orphans, beyond which there may be more.
func (s *session) pastOrphans(offset int64) bool { return s.orphansUpTo > 0 && offset >= s.orphansUpTo }

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
		s.reportRepeat(StepFetch, err)
		pause := s.pause(StepFetch, s.failures)
		if !s.block.empty() {
			pause = min(pause, max(s.block.untilDue(time.Now(), &s.limits), 0))
		}
		s.failures++
		return Fetch{Next: from}, false, sleep(ctx, pause)
	}
	s.failures = 0
	s.highWatermark = f.HighWatermark
	s.entries.noteFetch(from, f.HighWatermark, f.Asked, time.Now())
	if s.orphansUpTo > 0 && f.Next > s.orphansUpTo {
		// What lies beyond is for the next attempt.
		end, _ := slices.BinarySearchFunc(f.Records, s.orphansUpTo, func(r Record, o int64) int { return int(r.Offset - o) })
		f.Records, f.Next = f.Records[:end], s.orphansUpTo
		if end > 0 && f.Records[end-1].End() > s.orphansUpTo {
			f.Records[end-1].endAt(s.orphansUpTo)
		}
	}
	return f, true, nil
}

// take decides what a record is and adds it to the block. It returns false, without having decided, when the record
// belongs to the next block. A record before the block is decided already.
func (s *session) take(rec *Record) bool {
	b := s.block
	if rec.Offset < b.to {
		return true
	}
	if b.full(&s.limits) || b.tooFar(rec.Offset, s.limits.Window) {
		return false
	}
	s.skipTo(rec.Offset)
	if b.empty() {
		b.opened = time.Now()
	}
	switch row := s.nextOrphan(rec.Offset); {
	case rec.Unreadable != nil:
		s.takeUnreadable(rec)
	case rec.Control:
		b.addException(rec.Offset, rec.Offset+1, ledger.Control)
	case row != nil && row.Offset == rec.Offset:
		s.adopt(row)
	default:
		meta, err := b.columns.Append(rec.Value, schemas.Coordinates{Epoch: s.Partition.Epoch, Partition: s.Partition.ID, Offset: rec.Offset})
		if err != nil {
			b.addDead(rec, s.Partition, rec.Run, invalid(err))
			break
		}
		s.decide(rec, &meta)
	}
	b.cover(rec)
	if !rec.Control {
		b.produced.add(s.entries.of(rec.Offset, rec.Timestamp))
	}
	return true
}

// takeUnreadable makes the offsets of what cannot be read dead, except for rows that an earlier worker stored: it could
// read them.
func (s *session) takeUnreadable(rec *Record) {
	from, to := rec.Offset, rec.End()
	whole := true
	for row := s.nextOrphan(from); row != nil && row.Offset < to; row = s.nextOrphan(from) {
		s.block.addUnreadable(rec, s.Partition, from, row.Offset, whole)
		whole = whole && from == row.Offset
		s.adopt(row)
		from = row.Offset + 1
	}
	s.block.addUnreadable(rec, s.Partition, from, to, whole)
}

// decide decides about a record that is the row appended last.
func (s *session) decide(rec *Record, meta *schemas.Meta) {
	b := s.block
	if err, ok := s.refused[rec.Offset]; ok {
		b.columns.Pop()
		b.addDead(rec, s.Partition, meta.Run, &schemas.InvalidError{Reason: reasonRefused, Detail: err.Error()})
		return
	}
	row := &s.row // Field by field: a copy of a struct that was just written stalls.
	row.Offset, row.Identity, row.Time, row.Revision, row.Body = rec.Offset, meta.Identity, meta.Time, meta.Revision, meta.Body
	row.Run, row.Checksum, row.Content = meta.Run, meta.Checksum, meta.Content
	d := s.window.decide(&row.StoredRow)
	switch d {
	case ledger.Stored:
		b.offsets = append(b.offsets, rec.Offset)
		b.addStored(row, s.Partition)
		s.window.push(&row.StoredRow)
		return
	case ledger.Duplicate:
		b.run(meta.Run).Duplicates++
	default:
		b.run(meta.Run).Conflicts++
	}
	b.columns.Pop()
	b.addException(rec.Offset, rec.Offset+1, d)
}

// reasonRefused is the reason of dead letters that the database refused.
const reasonRefused = "refused"

// invalid returns why a value is no row.
func invalid(err error) *schemas.InvalidError {
	var why *schemas.InvalidError
	if errors.As(err, &why) {
		return why
	}
	return &schemas.InvalidError{Reason: schemas.ReasonInvalid, Detail: err.Error()}
}

// nextOrphan returns the first row without a ledger row at that offset or after it, nil if there is none. It forgets the
// rows before that offset.
func (s *session) nextOrphan(offset int64) *OrphanRow {
	for len(s.orphans) > 0 && s.orphans[0].Offset < offset {
		s.orphans = s.orphans[1:]
	}
	if len(s.orphans) == 0 {
		return nil
	}
	return &s.orphans[0]
}

// adopt accounts for a row that an earlier worker stored.
func (s *session) adopt(row *OrphanRow) {
	s.block.addStored(row, s.Partition)
	s.block.adopted = true
	s.window.push(&row.StoredRow)
}

// skipTo covers the offsets before that one, which the log does not hold: they are gaps, except for rows that an earlier
// worker stored.
func (s *session) skipTo(to int64) {
	b := s.block
	if to <= b.to {
		return
	}
	if b.empty() {
		b.opened = time.Now()
	}
	for row := s.nextOrphan(b.to); row != nil && row.Offset < to; row = s.nextOrphan(b.to) {
		b.addException(b.to, row.Offset, ledger.Gap)
		s.adopt(row)
		b.to = row.Offset + 1
	}
	b.addException(b.to, to, ledger.Gap)
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
