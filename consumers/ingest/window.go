package ingest

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// window knows the identity, time, revision and body of every row stored at one of the last offsets. It is exact: an
// open-addressing table finds candidates, and what their offsets hold decides.
//
// The rows lie by their offsets in pages, which are taken when the first row of theirs comes and used again when they are
// out of reach. That does not touch the table: a slot whose row has left leads to an offset out of reach or to another row,
// and is passed over until the table is built again, which happens when it is three quarters full.
type window struct {
	reach int64 // An offset sees the rows at most reach offsets before it.
	seed  uint64

	pages []page // The page of an offset is pages[number % len(pages)] if that has its number.
	end   int64  // The first offset after all rows.

	// A slot is 0 when free, else tag<<slotBits | the low bits of the row's offset. A tag is odd.
	slots []uint32
	used  int
	shift uint
}

// page has the rows at pageRows offsets, from number times pageRows on.
type page struct {
	number    int64
	rows      *[pageRows]windowRow
	revisions *[pageRows]uint64 // Of the rows; nil while all are 0.
}

// windowRow is a StoredRow without what its place and its page say.
type windowRow struct {
	identity schemas.Identity
	time     uint64 // Twice the time plus 1; 0 if there is no row.
	body     uint64
}

const (
	pageRows     = 1024
	noPage       = -1
	pageBytes    = pageRows * 32
	slotBits     = 23 // An offset within MaxWindow of another is told by so many bits.
	slotMask     = 1<<slotBits - 1
	minimumSlots = 512
)

// newWindow returns an empty window that reaches back that many offsets, at most MaxWindow. It begins small.
func newWindow(reach int64) *window {
	// The seed keeps a sender from choosing identities that meet in one slot. It has no influence on results.
	return &window{reach: reach, seed: rand.Uint64() | 1}
}

// home returns the first slot to look at and the tag of an identity.
func (w *window) home(id *schemas.Identity) (slot, tag uint32) {
	// The half of the identity that does not choose the partition, spread.
	h := (binary.LittleEndian.Uint64(id[8:]) ^ binary.LittleEndian.Uint64(id[:])>>32) * w.seed
	h = (h ^ h>>29) * 0x9E3779B97F4A7C15
	return uint32(h >> w.shift), uint32(h)<<slotBits | 1<<slotBits
}

// decide returns what a record is, by the rows of its identity within reach. Of those with its time:
//
//   - Duplicate when one has the same body in the same revision, or a higher revision, which replaces it wherever it lies;
//   - else Conflict when one has another body in the same revision;
//   - else Stored when there is one: the record replaces it.
//
// Without any it is a Conflict when there is a row of the identity, else Stored.
func (w *window) decide(rec *StoredRow) ledger.Disposition {
	if w.used == 0 {
		return ledger.Stored
	}
	other, replaces, differs := false, false, false
	slot, tag := w.home(&rec.Identity)
	mask := uint32(len(w.slots) - 1)
	for {
		s := w.slots[slot]
		if s == 0 {
			break
		}
		if s&^slotMask == tag {
			if e, revision := w.find(s, rec.Offset-w.reach); e != nil && e.identity == rec.Identity {
				switch {
				case e.time != packTime(rec.Time):
					other = true
				case revision > rec.Revision || revision == rec.Revision && e.body == rec.Body:
					return ledger.Duplicate
				case revision == rec.Revision:
					differs = true
				default:
					replaces = true
				}
			}
		}
		slot = (slot + 1) & mask
	}
	if differs || other && !replaces {
		return ledger.Conflict
	}
	return ledger.Stored
}

// packTime returns the time as a windowRow has it. Times of events take 55 bits.
func packTime(us int64) uint64 { return uint64(us)<<1 | 1 }

// find returns the row that a slot leads to and its revision, nil if there is none at an offset of at least from.
func (w *window) find(slot uint32, from int64) (*windowRow, uint64) {
	offset := w.end - (w.end-int64(slot))&slotMask
	if offset < max(from, 0) {
		return nil, 0
	}
	p := w.page(offset)
	if p.rows == nil || p.number != offset/pageRows {
		return nil, 0
	}
	at := offset % pageRows
	row := &p.rows[at]
	if row.time == 0 {
		return nil, 0
	}
	if p.revisions == nil {
		return row, 0
	}
	return row, p.revisions[at]
}

func (w *window) page(offset int64) *page {
	return &w.pages[uint64(offset/pageRows)%uint64(len(w.pages))]
}

// push adds a stored row. Its offset is greater than that of any other.
func (w *window) push(row *StoredRow) {
	if 4*(w.used+1) > 3*len(w.slots) {
		w.build(row.Offset - w.reach)
	}
	w.end = row.Offset + 1
	p := w.pageFor(row.Offset)
	at := row.Offset % pageRows
	e := &p.rows[at]
	e.identity, e.time, e.body = row.Identity, packTime(row.Time), row.Body
	if row.Revision != 0 && p.revisions == nil {
		p.revisions = new([pageRows]uint64)
	}
	if p.revisions != nil {
		p.revisions[at] = row.Revision
	}
	w.enter(&row.Identity, row.Offset)
}

// pageFor returns the page of an offset that is not before any row, and empties it when it was another's.
func (w *window) pageFor(offset int64) *page {
	if w.pages == nil {
		w.pages = make([]page, w.reach/pageRows+2)
	}
	p, number := w.page(offset), offset/pageRows
	switch {
	case p.rows == nil:
		p.rows = new([pageRows]windowRow)
	case p.number != number:
		clear(p.rows[:])
	}
	p.number = number
	return p
}

// enter gives a row a slot.
func (w *window) enter(id *schemas.Identity, offset int64) {
	slot, tag := w.home(id)
	mask := uint32(len(w.slots) - 1)
	for w.slots[slot] != 0 {
		slot = (slot + 1) & mask
	}
	w.slots[slot] = tag | uint32(offset&slotMask)
	w.used++
}

// build builds the table again with the rows from an offset on: without the slots of others, and large enough.
func (w *window) build(from int64) {
	rows := 0
	w.each(from, func(*windowRow, int64) { rows++ })
	size := max(len(w.slots), minimumSlots)
	for size < 2*rows {
		size *= 2
	}
	if size == len(w.slots) {
		clear(w.slots)
	} else {
		w.slots = make([]uint32, size)
	}
	w.shift, w.used = uint(64-bits.TrailingZeros(uint(size))), 0
	w.each(from, func(row *windowRow, offset int64) { w.enter(&row.identity, offset) })
}

// each calls f with the rows from an offset on.
func (w *window) each(from int64, f func(row *windowRow, offset int64)) {
	for i := range w.pages {
		p := &w.pages[i]
		if p.rows == nil || p.number < from/pageRows {
			continue
		}
		for at := range p.rows {
			if offset := p.number*pageRows + int64(at); p.rows[at].time != 0 && offset >= from {
				f(&p.rows[at], offset)
			}
		}
	}
}

// reset drops all rows.
func (w *window) reset() {
	for i := range w.pages {
		w.pages[i].number = noPage
	}
	clear(w.slots)
	w.used, w.end = 0, 0
}

// bytes is the memory that the window takes.
func (w *window) bytes() int {
	bytes := len(w.slots) * 4
	for i := range w.pages {
		if w.pages[i].rows != nil {
			bytes += pageBytes
		}
		if w.pages[i].revisions != nil {
			bytes += pageRows * 8
		}
	}
	return bytes
}
