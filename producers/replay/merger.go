package replay

import (
	"google.golang.org/protobuf/proto"

	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
)

// merger makes one event of the rows of one id. It gets them together, in the order of the files. The event takes the
// place of the first of them.
//
// If a column is the revision, the row with the highest one counts. A row with the same revision and other content, or
// with another time, stays an event of its own, which the pipeline stores as a conflict.
//
// Otherwise the last row counts, with the time of the first: a program may log a message again and again while it
// grows. The revision is how often the rows had new content, or the place of the row in the file, so that the event of
// a file that has grown replaces the one of before.
//
// If the rows are parts of one event, a joiner joins them. Where calls are stated again as they grow, grown adds them up.
type merger struct {
	arranging *arranging
	mapping   *mapping.Mapping // Nil with grown.
	joiner    *joiner          // Of rows that are parts.
	grown     *grown
	out       *sorter

	identity   [16]byte
	place      uint64 // That of the first row, from 1; 0: there is none.
	first      []byte // Its record.
	many       bool   // There were more: first is not used, but best.
	best, next schemas.Event
	record     []byte
}

func newMerger(a *arranging, files []*file, of *mapping.Mapping) *merger {
	m := &merger{arranging: a, mapping: of}
	if of.Joins() {
		m.joiner = newJoiner(a, files, of)
	}
	return m
}

// key is what the rows that are put together have in common.
func (m *merger) key(e schemas.Event) schemas.Identity {
	if m.grown != nil {
		return m.grown.key(e)
	}
	return identityOf(e)
}

// readsAgain reports whether the rows may be read again, and are not needed if no id comes twice.
func (m *merger) readsAgain() bool { return m.grown == nil && !m.mapping.Joins() }

// add adds a row.
func (m *merger) add(key sortKey, record []byte) error {
	if m.place > 0 && [16]byte(key[:16]) == m.identity {
		return m.again(key.number(), record)
	}
	if err := m.flush(); err != nil {
		return err
	}
	m.identity, m.place, m.many = [16]byte(key[:16]), key.number(), false
	m.first = append(m.first[:0], record...)
	switch {
	case m.joiner != nil:
		return m.joiner.begin(record)
	case m.grown != nil:
		return m.grown.begin(record)
	}
	return nil
}

// again adds a row that is not the first of its id.
func (m *merger) again(place uint64, record []byte) error {
	switch {
	case m.joiner != nil:
		return m.joiner.add(place, record)
	case m.grown != nil:
		return m.grown.add(record)
	case m.mapping.FirstCounts():
		m.arranging.tally.later++
		return nil
	}
	if m.best == nil {
		m.best, m.next = schemas.NewEvent(schemas.Type(record[0])), schemas.NewEvent(schemas.Type(record[0]))
	}
	if !m.many {
		m.many = true
		if err := readRecord(m.first, m.best); err != nil {
			return err
		}
	}
	if err := readRecord(record, m.next); err != nil {
		return err
	}
	kind := m.mapping.Revision()
	have, got := fields.RevisionOf(m.best), fields.RevisionOf(m.next)
	if kind == mapping.RevisionFrom {
		if m.next.GetTimeUs() != m.best.GetTimeUs() {
			return m.emit(m.next, place)
		}
	} else {
		fields.SetTime(m.next, m.best.GetTimeUs())
	}
	fields.SetRevision(m.next, have)
	same := proto.Equal(m.next, m.best)
	switch {
	case same && (kind != mapping.RevisionFrom || got == have):
		m.arranging.tally.repeated++
		return nil
	case kind == mapping.RevisionOfRow:
		got = have + 1
	case kind == mapping.RevisionFrom && got == have:
		return m.emit(m.next, place)
	case kind == mapping.RevisionFrom && got < have:
		m.arranging.tally.replaced++
		return nil
	}
	fields.SetRevision(m.next, got)
	m.best, m.next = m.next, m.best
	m.arranging.tally.replaced++
	return nil
}

// flush gives the event of the rows.
func (m *merger) flush() error {
	switch {
	case m.place == 0:
		return nil
	case m.joiner != nil:
		e := m.joiner.end()
		if e == nil {
			return nil
		}
		return m.emit(e, m.place)
	case m.grown != nil:
		return m.emit(m.grown.end(), m.place)
	case m.many:
		return m.emit(m.best, m.place)
	}
	return m.put(m.first, m.place)
}

// emit gives an event.
func (m *merger) emit(e schemas.Event, place uint64) error {
	var err error
	if m.record, err = appendRecord(m.record[:0], e, 0); err != nil {
		return err
	}
	return m.put(m.record, place)
}

// put gives the event of a record, if it is in the range.
func (m *merger) put(record []byte, place uint64) error {
	us := recordTime(record)
	if !m.arranging.within(us) {
		m.arranging.outside++
		return nil
	}
	m.arranging.count(1, us)
	key := timeKey(0, place)
	if m.arranging.byTime {
		key = timeKey(us, place)
	}
	return m.out.add(key, record)
}
