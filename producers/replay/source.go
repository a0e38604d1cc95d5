package replay

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"tidemark/producers"
	"tidemark/schemas"
)

// reader reads all events of one kind of source, without a pace. Its Next returns errStopped when the replay is
// stopped.
type reader interface {
	producers.Source
	// read returns how much of the whole has been read, in any unit; a whole of 0 is unknown. It is for concurrent use.
	read() (done, whole int64)
	// ends returns the number of events, 0 if it is not known, and the time of the latest, microseconds since 1970;
	// false if neither is known. Call it after the first Next.
	ends() (total, last int64, known bool)
	close()
}

// source is the producers.Source of a replay: it selects items, and sets when each is due.
type source struct {
	options Options
	tally   *tally
	reader  reader
	arrange *arranging
	stop    <-chan struct{}
	reading <-chan struct{} // Closed when the context is over that sources read under, a moment before stop is.
	pace    pace

	// repeats recognizes repeats of events; nil if there are none, or if the source marks them.
	repeats *repeats

	passed  atomic.Int64 // Items let through.
	outside int64        // Items outside of the range in time.
	ended   bool         // There is no more to come.
}

func newSource(ctx context.Context, o Options, stop <-chan struct{}) (*source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &source{options: o, stop: stop, reading: ctx.Done(), pace: pace{speed: o.Speed, rate: o.Rate}, tally: &tally{hooks: o.Hooks}}
	s.arrange = &arranging{tally: s.tally, stop: stop, byTime: o.Speed > 0, within: s.within, limit: sortMemory}
	if o.memory > 0 {
		s.arrange.limit = o.memory
	}
	var err error
	switch {
	case o.Topic != nil && o.Topic.Log == nil, o.Table != nil && o.Table.DB == nil, o.Name != "" && o.Items == nil:
		err = errors.New("replay: the source was not opened")
	case o.Users == nil && o.HasUsers():
		err = errNoUsers
	case o.Topic != nil:
		s.reader, err = newTopicReader(ctx, o, s.arrange)
	case o.Table != nil:
		s.reader, err = newTableReader(ctx, o, s.tally, stop)
	case o.Name != "":
		s.reader = itemsReader{o.Items, s.tally}
	default:
		s.reader, err = newFilesReader(o, s.arrange)
	}
	if err != nil {
		return nil, err
	}
	if o.mayRepeat() {
		s.repeats = newRepeats(maxRepeats)
	}
	return s, nil
}

// Next adds the next items.
func (s *source) Next(b *producers.Batch, limit int) error {
	for !b.Full(limit) {
		if isClosed(s.stop) {
			return io.EOF // The pump knows why.
		}
		from, most := len(b.Items), limit
		if s.options.Limit > 0 {
			left := s.options.Limit - s.passed.Load()
			if left <= 0 {
				s.ended = true
				return io.EOF
			}
			most = int(min(int64(limit), int64(from)+left))
		}
		err := s.reader.Next(b, most)
		s.keep(b, from)
		switch {
		case errors.Is(err, errStopped), err != nil && !errors.Is(err, io.EOF) && isClosed(s.reading):
			return io.EOF
		case errors.Is(err, io.EOF):
			s.ended = true
			return io.EOF
		case err != nil:
			return err
		}
	}
	return nil
}

// keep removes the items of b, from one on, that are outside of the range, and sets when the others are due. An item
// that is not an event has no time of its own: it is due with the event before it, and left out if there is a range,
// since it may repeat an event outside.
func (s *source) keep(b *producers.Batch, from int) {
	kept := b.Items[:from]
	for i := range b.Items[from:] {
		item := b.Items[from+i]
		switch {
		case item.Kind == producers.Fresh && s.within(item.Time):
			item.Due = s.pace.due(item.Time)
			if item.Disorder == producers.InOrder { // Else its source wants it late.
				item.Overdue = s.pace.overdue(item.Time)
			}
		case item.Kind != producers.Fresh && s.options.From.IsZero() && s.options.To.IsZero():
			item.Due = s.pace.next()
		default:
			s.outside++
			continue
		}
		if s.repeats != nil {
			item.Kind = s.repeats.kind(&item)
		}
		kept = append(kept, item)
	}
	s.passed.Add(int64(len(kept) - from))
	clear(b.Items[len(kept):])
	b.Items = kept
}

func (s *source) within(timeUs int64) bool {
	return (s.options.From.IsZero() || timeUs >= s.options.From.UnixMicro()) &&
		(s.options.To.IsZero() || timeUs < s.options.To.UnixMicro())
}

func (s *source) close() { s.reader.close() }

// left estimates how long the rest takes: until the last event is due, if there is a pace and that time is known;
// otherwise by how much of the whole is done. It is negative if neither is known.
func (s *source) left(p producers.Progress) time.Duration {
	total, last, known := s.reader.ends()
	if limit := s.options.Limit; known && s.options.Speed > 0 && (limit == 0 || total > 0 && total <= limit) {
		left := s.pace.own(last) - p.Elapsed
		if rest := total - sent(p.Truth); s.options.Rate > 0 && rest > 0 {
			left = max(left, time.Duration(float64(rest)/s.options.Rate*float64(time.Second)))
		}
		if left > 0 {
			return left
		}
	}
	return s.guess(p)
}

// guess estimates how long the rest takes at the rate so far.
func (s *source) guess(p producers.Progress) time.Duration {
	passed := s.passed.Load()
	done, whole := s.reader.read()
	if total, _, known := s.reader.ends(); known && total > 0 {
		done, whole = passed, total // All of it has been read.
	}
	if whole <= 0 || passed == 0 {
		return -1
	}
	share := min(float64(done)/float64(whole), 1) * float64(sent(p.Truth)) / float64(passed)
	if limit := s.options.Limit; limit > 0 {
		share = max(share, float64(sent(p.Truth))/float64(limit))
	}
	if share <= 0 {
		return -1
	}
	return time.Duration(float64(p.Elapsed) * (1 - min(share, 1)) / share)
}

// result returns what was read and sent. Call it when the pump has ended.
func (s *source) result(truth *producers.Truth) Result {
	t := s.tally
	r := Result{Truth: truth, Sent: sent(truth), Reading: Reading{
		Rows: t.rows.Load(), Outside: s.outside + s.arrange.outside, Nothing: t.nothing, LeftOut: t.leftOut, NoCalls: t.noCalls, Joined: t.joined, Later: t.later,
		Replaced: t.replaced, Repeated: t.repeated, Headers: t.headers, Skipped: t.skipped, Problems: t.problems, Unread: t.unread.List(),
		Columns: t.columns.List(), Notes: t.notes, Unended: t.unended,
		UnknownTypes: t.types, Tokenless: t.tokenless, TokenlessHave: slices.Sorted(maps.Keys(t.has)),
	}}
	if c := truth.Total(); c.Events > 0 {
		r.First, r.Last = time.UnixMicro(c.FirstTime).UTC(), time.UnixMicro(c.LastTime).UTC()
	}
	r.Interrupted = !s.ended || r.Sent < s.passed.Load()
	r.Unreported = s.repeats != nil && s.repeats.full
	return r
}

// itemsReader reads any other source.
type itemsReader struct {
	producers.Source
	tally *tally
}

// Next adds the next items.
func (r itemsReader) Next(b *producers.Batch, limit int) error {
	before := len(b.Items)
	err := r.Source.Next(b, limit)
	r.tally.rows.Add(int64(len(b.Items) - before))
	return err
}

func (itemsReader) read() (done, whole int64)             { return 0, 0 }
func (itemsReader) ends() (total, last int64, known bool) { return 0, 0, false }
func (itemsReader) close()                                {}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// addEvent adds e to b.
func addEvent(b *producers.Batch, e schemas.Event) error {
	_, err := b.AddEvent(e)
	return err
}
