package ingest

import (
	"encoding/binary"
	"math/rand/v2"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// window knows the identity, time, revision and body of every row stored at one of the last offsets. It is exact: an
// open-addressing table finds candidates in a ring of entries, and the ring decides.
//
// Entries are pushed at ascending offsets and leave when they are out of reach of the newest. Leaving does not touch
// the table: a slot whose entry has left points outside of the ring's held part or at another entry, and is passed
// over until the table is built again, which happens when it is three quarters full.
type window struct {
	reach int64 // an offset sees the entries at most reach offsets before it
	seed  uint64

	// The held entries are ring[(head+i) % len(ring)] for i in [0, count).
	ring  []StoredRow
	head  int
	count int

	// A slot is 0 when free, else tag<<24 | (index into ring + 1).
	slots []uint32
	used  int
	shift uint
}

const (
	windowIndexBits = 24
	windowIndexMask = 1<<windowIndexBits - 1
	windowMinimum   = 512
)

// newWindow returns an empty window that reaches back that many offsets, at most MaxWindow. It holds at most reach+1
// entries at a time and begins small.
func newWindow(reach int64) *window {
	// The seed keeps a sender from choosing identities that meet in one slot. It has no influence on results.
	return &window{reach: reach, seed: rand.Uint64() | 1}
}

// hash spreads the half of the identity that does not choose the partition.
func (w *window) hash(id *schemas.Identity) uint64 {
	h := (binary.LittleEndian.Uint64(id[8:]) ^ binary.LittleEndian.Uint64(id[:])>>32) * w.seed
	return h ^ h>>29
}

// home returns the first slot to look at and the tag of an identity.
func (w *window) home(id *schemas.Identity) (slot, tag uint32) {
	h := w.hash(id) * 0x9E3779B97F4A7C15
	return uint32(h >> w.shift), uint32(h) & 0xFF << windowIndexBits
}

// decide returns what a record is, by the rows of its identity within reach. Of those with its time:
//
//   - Duplicate when one has the same body in the same revision, or a higher revision, which replaces it wherever it lies;
//   - else Conflict when one has another body in the same revision;
//   - else Stored when there is one: the record replaces it.
//
// Without any it is a Conflict when there is a row of the identity, else Stored.
func (w *window) decide(rec *StoredRow) ledger.Disposition {
	if w.count == 0 {
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
		if s&^windowIndexMask == tag {
			index := int(s&windowIndexMask) - 1
			if e := &w.ring[index]; e.Identity == rec.Identity && e.Offset >= rec.Offset-w.reach && w.contains(index) {
				switch {
				case e.Time != rec.Time:
					other = true
				case e.Revision > rec.Revision || e.Revision == rec.Revision && e.Body == rec.Body:
					return ledger.Duplicate
				case e.Revision == rec.Revision:
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

// contains reports whether the ring has an entry at that index.
func (w *window) contains(index int) bool {
	age := index - w.head
	if age < 0 {
		age += len(w.ring)
	}
	return age < w.count
}

// push adds a stored row. Its offset is greater than that of any entry.
func (w *window) push(row *StoredRow) {
	w.forget(row.Offset - w.reach)
	if w.count == len(w.ring) || 4*(w.used+1) > 3*len(w.slots) {
		w.build()
	}
	index := w.at(w.count)
	w.ring[index] = *row
	w.count++
	w.enter(index)
}

// at returns the index of the i-th entry.
func (w *window) at(i int) int {
	if i += w.head; i >= len(w.ring) {
		i -= len(w.ring)
	}
	return i
}

func (w *window) enter(index int) {
	slot, tag := w.home(&w.ring[index].Identity)
	mask := uint32(len(w.slots) - 1)
	for w.slots[slot] != 0 {
		slot = (slot + 1) & mask
	}
	w.slots[slot] = tag | uint32(index+1)
	w.used++
}

// build makes the ring large enough for another entry and builds the table again, without the slots that have gone stale.
func (w *window) build() {
	if w.count == len(w.ring) {
		size := max(windowMinimum, 2*len(w.ring))
		if most := int(w.reach) + 1; len(w.ring) < most {
			size = min(size, most)
		}
		grown := make([]StoredRow, size)
		for i := range w.count {
			grown[i] = w.ring[w.at(i)]
		}
		w.ring, w.head = grown, 0
	}
	size, bits := len(w.slots), uint(0)
	for size = max(size, windowMinimum); size < 2*len(w.ring); size *= 2 {
	}
	for 1<<bits < size {
		bits++
	}
	if size == len(w.slots) {
		clear(w.slots)
	} else {
		w.slots = make([]uint32, size)
	}
	w.shift, w.used = 64-bits, 0
	for i := range w.count {
		w.enter(w.at(i))
	}
}

// forget drops the entries at offsets before that one.
func (w *window) forget(before int64) {
	for w.count > 0 && w.ring[w.head].Offset < before {
		w.head = w.at(1)
		w.count--
	}
}

// reset drops all entries.
func (w *window) reset() { w.head, w.count = 0, 0 }

// bytes is the memory that the window takes.
func (w *window) bytes() int { return len(w.ring)*rowBytes + len(w.slots)*4 }

// rowBytes is the size of a StoredRow.
const rowBytes = 48
