package kafka

import (
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"tidemark/consumers/ingest"
	"tidemark/internal/kafka/batch"
	"tidemark/schemas"
)

// ErrDamaged is what an error of Fetch wraps when a batch did not arrive as it was written. It may have been damaged on
// the way: when asked again, the broker may send it whole. If it does not, Fetch returns the batch as Unreadable.
var ErrDamaged = errors.New("record batch is damaged")

// resends is how often Source asks again for a damaged batch before it takes the damage to be in the log.
const resends = 2

// damage counts how often the batch at an offset arrived damaged.
type damage struct {
	offset int64
	times  int
}

// persists counts another time and reports whether the damage is in the log.
func (d *damage) persists(offset int64) bool {
	if d.offset != offset {
		*d = damage{offset: offset}
	}
	d.times++
	return d.times > resends
}

// openBatch is a batch of which Fetch has returned a part of the records.
type openBatch struct {
	batch   batch.Batch
	aborted bool // The records belong to an aborted transaction.
	ended   bool // The records end one.
	stream  *batch.Stream
}

// control reports that the records do not count.
func (o *openBatch) control() bool { return o.aborted || o.batch.Control() }

// addRecord adds a record of o to the answer.
func (s *Source) addRecord(o *openBatch, rec *batch.Record) {
	out := ingest.Record{Offset: rec.Offset, Timestamp: rec.Timestamp, Control: o.control()}
	if !out.Control {
		out.Key, out.Value = rec.Key, rec.Value
		if rec.Headers() > 0 {
			out.Run = s.intern(rec.Header(schemas.RunHeader))
		}
		if rec.Damage != nil {
			sum := rec.Sum
			out.Unreadable = &ingest.Unreadable{Next: rec.Offset + 1, Detail: rec.Damage.Error(), Length: rec.Length, SHA256: sum[:]}
		}
	}
	s.records = append(s.records, out)
}

// endBatch ends o. When why is not nil, nothing of o can be read from the offset at on.
func (s *Source) endBatch(o *openBatch, at int64, why error) {
	if why != nil {
		s.addUnreadable(&o.batch, at, o.batch.NextOffset(), o.control(), why)
	}
	// A marker that cannot be read ends an aborted transaction: that of a producer in active can end in no other way.
	if o.ended || why != nil && o.batch.Control() {
		delete(s.answer.active, o.batch.Producer.ID)
	}
}

// addUnreadable adds one record for the unreadable offsets [from, to) of a batch.
func (s *Source) addUnreadable(b *batch.Batch, from, to int64, control bool, why error) {
	if from >= to {
		return
	}
	out := ingest.Record{Offset: from, Timestamp: b.MaxTimestamp, Control: control, Unreadable: &ingest.Unreadable{Next: to}}
	if !control {
		sum := sha256.Sum256(b.Raw)
		out.Value = b.Raw
		out.Unreadable.Detail, out.Unreadable.Length, out.Unreadable.SHA256 = why.Error(), int64(len(b.Raw)), sum[:]
	}
	s.records = append(s.records, out)
}

// readStream adds records of the stream from an offset on, until there are enough, and returns the first offset that it did
// not read. A stream that takes much memory is closed after each call and opened again by the next, one at a time in the
// process, because a worker may take any time until the next call.
func (s *Source) readStream(from int64) int64 {
	o := s.stream
	limits := batch.StreamLimits{Record: s.opts.MaxRecordBytes, Total: int64(s.opts.MaxBatchBytes), Header: schemas.RunHeader, HeaderBytes: ingest.MaxRunLabel + 1}
	if o.stream == nil {
		var err error
		o.stream, err = s.decompressor.Stream(&o.batch, limits, false)
		if errors.Is(err, batch.ErrWide) {
			s.client.wide.Lock()
			defer s.client.wide.Unlock()
			defer func() { o.stream = nil }()
			o.stream, err = s.decompressor.Stream(&o.batch, limits, true)
		}
		if err != nil {
			return s.endStream(from, err)
		}
	}
	at := from
	for rec := (batch.Record{}); len(s.arena) < softArenaBytes && len(s.records) < softRecords; {
		mark := len(s.arena)
		arena, ok := o.stream.Next(&rec, s.arena)
		if s.arena = arena; !ok {
			return s.endStream(at, o.stream.Err())
		}
		o.ended = o.ended || o.batch.Control() && isAbort(rec.Key)
		if at = max(at, rec.Offset+1); rec.Offset >= from {
			s.addRecord(o, &rec)
		}
		if rec.Offset < from || o.control() {
			s.arena = s.arena[:mark]
		}
	}
	return at
}

func (s *Source) endStream(at int64, why error) int64 {
	o := s.stream
	s.stream = nil
	s.endBatch(o, at, why)
	return o.batch.NextOffset()
}

// skipDamaged adds the batch that data begins with as unreadable, and returns what follows it. It returns false when it
// needs more of the log to know where the batch ends.
func (s *Source) skipDamaged(data []byte, b *batch.Batch, rest []byte, from int64, why error) (next int64, after []byte, ok bool) {
	whole := b.Raw != nil && !errors.Is(why, batch.ErrTruncated)
	if next, ok = s.damagedEnd(b, rest, from, whole, len(data)); !ok {
		return from, nil, false
	}
	raw := *b
	if raw.Raw == nil {
		raw.Raw = data
	}
	s.addUnreadable(&raw, from, next, false, why)
	return next, rest, true
}

// damagedEnd returns the end of the offsets of a damaged batch. Its header counts if its offsets end before the next batch
// and the end of the log. whole means that the batch ends where rest, which may be empty, begins; size is that of both.
func (s *Source) damagedEnd(b *batch.Batch, rest []byte, from int64, whole bool, size int) (int64, bool) {
	limit := max(s.answer.stable, s.answer.highWatermark, from+1)
	if s.answer.stable > from {
		limit = s.answer.stable
	}
	follower, _, _, err := batch.Next(rest)
	known := (err == nil || errors.Is(err, batch.ErrTruncated)) && follower.BaseOffset > from && follower.BaseOffset < limit
	if known {
		limit = follower.BaseOffset
	}
	_, to, ok := b.Extent()
	switch {
	case ok && to > from && to <= limit:
		return to, true
	case known, whole && len(rest) == 0 && size < s.maxBytes:
		return limit, true // Up to the next batch, or to the end: the broker had no more to send.
	case whole && len(rest) == 0 && s.maxBytes < maxFetchBytes:
		s.maxBytes = min(2*max(s.maxBytes, size), maxFetchBytes)
		return from, false
	}
	return from + 1, true
}

// corruptAnswers is how often a broker must answer that it cannot read an offset before Source skips it.
const corruptAnswers = 5

// skipCorrupt skips the offsets from one on that the broker cannot read itself, up to the first one that it can. It returns
// false while the broker has not answered so often enough, and when it can read none: then the broker itself may have
// trouble that passes.
func (s *Source) skipCorrupt(ctx context.Context, from int64, refusals int) (ingest.Fetch, bool) {
	if refusals <= corruptAnswers {
		return ingest.Fetch{}, false
	}
	// bad is the last offset known not to be readable, good the first known to be, end one behind the log.
	const unknown = math.MaxInt64
	bad, good, end := from, int64(unknown), int64(unknown)
	for step := int64(1); min(good, end)-bad > 1; {
		at := bad + (min(good, end)-bad)/2
		if good == unknown && end == unknown {
			at, step = from+step, 2*step
		}
		switch s.probe(ctx, at) {
		case found:
			good = at
		case beyond:
			end = at
		case corrupt:
			bad = at
		case unclear:
			return ingest.Fetch{}, false
		}
	}
	if good == unknown || s.probe(ctx, good) != found {
		return ingest.Fetch{}, false
	}
	f, err := s.decode(good)
	if err != nil || f.Next <= good {
		return ingest.Fetch{}, false
	}
	lost := ingest.Record{Offset: from, Unreadable: &ingest.Unreadable{Next: good, Detail: "the broker cannot read it: " + kafkago.InvalidMessage.Error()}}
	f.Records = slices.Insert(f.Records, 0, lost)
	return f, true
}

// probed is the answer of a broker about an offset.
type probed int

const (
	unclear probed = iota
	found          // There are batches.
	corrupt        // The broker cannot read the batch.
	beyond         // The log ends before the offset.
)

func (s *Source) probe(ctx context.Context, offset int64) probed {
	err := s.send(ctx, offset, time.Time{})
	switch {
	case err != nil || ctx.Err() != nil:
		return unclear
	case s.answer.code == kafkago.InvalidMessage:
		return corrupt
	case s.answer.code == kafkago.OffsetOutOfRange, s.answer.code == 0 && len(s.answer.batches) == 0:
		return beyond
	case s.answer.code == 0:
		return found
	}
	return unclear
}
