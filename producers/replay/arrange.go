package replay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"

	"tidemark/schemas"
)

// arranging is shared by the streams of a replay that must be read to their end before the first event can be sent:
// those that are put in order by time, and those in which later rows replace earlier ones of the same id.
type arranging struct {
	tally  *tally
	stop   <-chan struct{}
	byTime bool
	within func(timeUs int64) bool
	limit  int // Memory of a sorter, in bytes.

	temp tempFile
	kept int // Bytes of the events that are in memory until they are sent.

	outside int64 // Events that were left out for being outside of the range in time.
	total   int64 // Events within it.
	last    int64 // The latest time of them, microseconds since 1970.
}

func (a *arranging) newSorter() *sorter { return &sorter{temp: &a.temp, limit: a.limit} }

// sorted ends a sorter whose records stay until they are sent.
func (a *arranging) sorted(s *sorter) (sorted, error) {
	keep := len(s.runs) == 0 && a.kept+s.used() <= a.limit
	if keep {
		a.kept += s.used()
	}
	return s.sorted(keep)
}

// count counts events within the range.
func (a *arranging) count(n, last int64) {
	if n > 0 && (a.total == 0 || last > a.last) {
		a.last = last
	}
	a.total += n
}

// inOrder returns the stream, or one that puts its events in order by time if the replay needs that.
func (a *arranging) inOrder(in stream) stream {
	if !a.byTime {
		return in
	}
	return &arranged{arranging: a, in: in}
}

// tick reports the progress now and then, and returns errStopped when the replay is stopped. Call it for each event
// that is read but not sent.
func (a *arranging) tick(n uint64) error {
	const every = 1 << 10
	if n%every != 0 {
		return nil
	}
	if isClosed(a.stop) {
		return errStopped
	}
	a.tally.progress(Progress{Rows: a.tally.rows.Load(), Left: -1, Ordering: true})
	return nil
}

// ends says how many events there are, and the time of the latest; false before that is known.
func (a *arranging) ends() (total, last int64, known bool) { return a.total, a.last, a.total > 0 }

// restarter is a stream that may be able to start again.
type restarter interface {
	canRestart() bool
	// restart goes back to the beginning. Problems and rows that were reported are not reported again. With same, the
	// stream ends after the rows that it has given until now.
	restart(same bool) error
}

// arranged is a stream in order. At the first call of next it reads the other stream to its end: into memory or, if
// there is too much, into a temporary file. A long stream that is in order already, and has no id twice, is only skimmed
// and read again.
type arranged struct {
	*arranging
	in     stream
	merger *merger // Of the rows of one id; nil where every row is an event.
	out    stream
}

// next returns the next event, valid until next is called again.
func (a *arranged) next() (schemas.Event, error) {
	if a.out == nil {
		var err error
		if a.out, err = a.arrange(); err != nil {
			return nil, err
		}
	}
	return a.out.next()
}

// arrange reads the stream and returns the one to send.
func (a *arranged) arrange() (stream, error) {
	b := buffering{arranged: a, sorter: a.newSorter(), seen: orderly{byTime: a.byTime}}
	if a.merger != nil && a.merger.readsAgain() {
		b.seen.ids = &idSet{}
	}
	if err := b.read(); err != nil {
		return nil, err
	}
	if b.skimming {
		a.count(b.total, b.last)
		return a.in, b.again.restart(true)
	}
	if a.merger == nil {
		a.outside += b.outside
		a.count(b.total, b.last)
		records, err := a.sorted(b.sorter)
		return &sortedStream{records: records}, err
	}
	byPlace, err := a.merge(b.sorter)
	if err != nil {
		return nil, err
	}
	records, err := a.sorted(byPlace)
	return &sortedStream{records: records}, err
}

// merge makes one event of the rows of each id.
func (a *arranged) merge(rows *sorter) (*sorter, error) {
	records, err := rows.sorted(true)
	if err != nil {
		return nil, err
	}
	a.merger.out = a.newSorter()
	for n := uint64(1); ; n++ {
		key, record, err := records.next()
		switch {
		case errors.Is(err, io.EOF):
			return a.merger.out, a.merger.flush()
		case err != nil:
			return nil, err
		}
		if err := errors.Join(a.tick(n), a.merger.add(key, record)); err != nil {
			return nil, err
		}
	}
}

// buffering reads a stream into a sorter.
type buffering struct {
	*arranged
	sorter   *sorter
	seen     orderly
	skimming bool      // Events are read and not kept, and the sorter is empty.
	again    restarter // Nil if it cannot be read again, or has to be kept all the same.
	record   []byte

	outside, total, last int64
}

// read reads the stream to its end.
func (b *buffering) read() error {
	if again, ok := b.in.(restarter); ok && again.canRestart() && (b.merger == nil || b.merger.readsAgain()) {
		b.again = again
	}
	for n := uint64(1); ; n++ {
		var err error
		if b.skimming {
			err = b.skim()
		} else {
			err = b.take(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = b.tick(n)
		}
		if err != nil {
			return err
		}
		if b.skimming && b.seen.broken { // What was let go is needed.
			if err := b.again.restart(false); err != nil {
				return err
			}
			b.skimming, b.again, n = false, nil, 0
			b.outside, b.total, b.last = 0, 0, 0
		}
	}
}

// take reads the next event and keeps it.
func (b *buffering) take(n uint64) error {
	e, err := b.in.next()
	if err != nil {
		return err
	}
	b.seen.add(identityOf(e), e.GetTimeUs())
	return b.buffer(e, n)
}

// skim reads the next event and keeps nothing of it.
func (b *buffering) skim() error {
	if in, ok := b.in.(interface {
		skim() (schemas.Identity, int64, bool, error)
	}); ok {
		identity, us, can, err := in.skim()
		if can {
			if err == nil {
				b.seen.add(identity, us)
				b.measure(us)
			}
			return err
		}
	}
	e, err := b.in.next()
	if err != nil {
		return err
	}
	b.seen.add(identityOf(e), e.GetTimeUs())
	b.measure(e.GetTimeUs())
	return nil
}

func identityOf(e schemas.Event) schemas.Identity {
	return schemas.IdentityOf(e.GetTenant(), e.GetSource(), e.GetId())
}

// buffer adds an event to the sorter. If the sorter is full and the events are in order so far, it drops all of them.
func (b *buffering) buffer(e schemas.Event, n uint64) (err error) {
	if !b.measure(e.GetTimeUs()) && b.merger == nil {
		return nil
	}
	line := 0
	if in, ok := b.in.(interface{ line() int }); ok {
		line = in.line()
	}
	if b.record, err = appendRecord(b.record[:0], e, line); err != nil {
		return err
	}
	if b.again != nil && !b.seen.broken && !b.sorter.fits(len(b.record)) {
		b.skimming = true
		b.sorter.reset()
		return nil
	}
	key := timeKey(e.GetTimeUs(), n)
	if b.merger != nil {
		key = identityKey(b.merger.key(e), n)
	}
	return b.sorter.add(key, b.record)
}

// measure counts an event and reports whether it is in the range. A merger counts the events that it makes.
func (b *buffering) measure(us int64) bool {
	if !b.within(us) {
		b.outside++
		return false
	}
	if b.total == 0 || us > b.last {
		b.last = us
	}
	b.total++
	return true
}

// orderly checks whether the events of a stream come in the order in which they must be sent.
type orderly struct {
	byTime bool
	ids    *idSet // Nil where an id does not matter.
	any    bool
	last   int64
	broken bool // They have not.
}

func (o *orderly) add(identity schemas.Identity, us int64) {
	if o.broken {
		return
	}
	o.broken = o.byTime && o.any && us < o.last || o.ids != nil && !o.ids.add(half(identity))
	o.any, o.last = true, us
}

// idSet is a set of random numbers that takes up to 64 MB.
type idSet struct {
	slots []uint64
	count int
}

const maxIDSlots = 8 << 20

// add adds a number. It returns false if the number may be in the set already, or if the set is full.
func (s *idSet) add(x uint64) bool {
	x = max(x, 1) // 0 is an empty slot.
	if 4*(s.count+1) > 3*len(s.slots) {
		if len(s.slots) == maxIDSlots {
			return false
		}
		old := s.slots
		s.slots, s.count = make([]uint64, max(2*len(old), 1<<10)), 0
		for _, y := range old {
			if y != 0 {
				s.add(y)
			}
		}
	}
	at := x
	for ; s.slots[at&uint64(len(s.slots)-1)] != 0; at++ {
		if s.slots[at&uint64(len(s.slots)-1)] == x {
			return false
		}
	}
	s.slots[at&uint64(len(s.slots)-1)] = x
	s.count++
	return true
}

// recordHead is what is before the event in a record: the type, the time and the line.
const recordHead = 1 + 8 + 8

// appendRecord appends what a sorter keeps of an event, which began in a line of its file.
func appendRecord(dst []byte, e schemas.Event, line int) ([]byte, error) {
	t, _ := schemas.TypeOf(e)
	dst = binary.BigEndian.AppendUint64(append(dst, byte(t)), uint64(e.GetTimeUs()))
	return schemas.AppendEvent(binary.BigEndian.AppendUint64(dst, uint64(line)), e)
}

// recordTime is the time in a record, microseconds since 1970.
func recordTime(record []byte) int64 { return int64(binary.BigEndian.Uint64(record[1:])) }

// recordLine is the line in a record.
func recordLine(record []byte) int { return int(binary.BigEndian.Uint64(record[1+8:])) }

// readRecord sets e, an event of the type of the record, to the event of the record.
func readRecord(record []byte, e schemas.Event) error {
	if err := proto.Unmarshal(record[recordHead:], e); err != nil {
		return fmt.Errorf("read an event from the temporary file: %w", err)
	}
	return nil
}

// sortedStream gives the events of records.
type sortedStream struct {
	records sorted
	events  [schemas.NumTypes]schemas.Event // The memory of one event of each type.
}

// next returns the next event, valid until next is called again.
func (s *sortedStream) next() (schemas.Event, error) {
	_, record, err := s.records.next()
	if err != nil {
		return nil, err
	}
	e := &s.events[record[0]]
	if *e == nil {
		*e = schemas.NewEvent(schemas.Type(record[0]))
	}
	return *e, readRecord(record, *e)
}
