package schemas

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"
)

// dictionary is a LowCardinality(String) column under construction: the distinct values of a block in the
// order of their first use, and a key into it for each row. Nothing is allocated for a value seen before, and nothing at
// all once the slices have grown to a block's size.
type dictionary struct {
	keys    []byte            // One a row, in integers of 1<<width bytes.
	width   int               // Wide enough for all keys so far.
	buf     []byte            // The dictionary's values, end to end.
	entries []dictionaryEntry // The dictionary.
	slots   []dictionarySlot  // Open addressing over entries, linear probing. A power of two long.
	seed    maphash.Seed
	salt    [2]uint64 // Makes the places of short values unpredictable, so that nobody can send values that all collide.
	rows    int       // Of the column as it is encoded.
}

type dictionaryEntry struct {
	start, end uint32 // In buf.
	row        uint32 // The first row that uses it.
}

// dictionarySlot has a key, and what tells its value from others so that most look-ups end here: two words that are all
// there is to a value of up to 16 bytes, and its size.
type dictionarySlot struct {
	words [2]uint64
	hash  uint64 // Of the value, as textHash has it.
	size  uint32
	key   uint32 // Plus 1; 0 means that the slot is free.
}

const (
	minSlots   = 64
	wordsSize  = 16 // Bytes of the longest value that its words and size determine.
	entryBytes = 48 // What an entry takes beside its text: the entry and a slot, rounded up.
)

// wordMasks are, by size, the bytes of a value's words.
var wordMasks = func() (masks [wordsSize + 1][2]uint64) {
	for size := range masks {
		for i := range size {
			masks[size][i/8] |= 0xff << (i % 8 * 8)
		}
	}
	return masks
}()

func newDictionary() dictionary {
	seed := maphash.MakeSeed()
	return dictionary{
		slots: make([]dictionarySlot, minSlots), seed: seed,
		salt: [2]uint64{maphash.String(seed, "first"), maphash.String(seed, "second")},
	}
}

// value returns the value of a key. It is valid until the dictionary changes.
func (c *dictionary) value(key uint32) string {
	e := &c.entries[key]
	return unsafe.String(unsafe.SliceData(c.buf[e.start:e.end]), int(e.end-e.start))
}

// words returns the words of s, of which room bytes can be read, and the place where the search for it begins.
func (c *dictionary) words(s string, room int) (low, high uint64, place uint32) {
	n := len(s)
	switch {
	case n > wordsSize:
		low, high = maphash.String(c.seed, s), binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s), 8))
	case n == 0:
	case room >= wordsSize:
		b := unsafe.Slice(unsafe.StringData(s), wordsSize)
		low, high = binary.LittleEndian.Uint64(b)&wordMasks[n][0], binary.LittleEndian.Uint64(b[8:])&wordMasks[n][1]
	default:
		var b [wordsSize]byte
		copy(b[:], s)
		low, high = binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])
	}
	above, below := bits.Mul64(low^c.salt[0], high^c.salt[1]^uint64(n))
	return low, high, uint32(above ^ below)
}

// find returns the slot of s, of which room bytes can be read, nil if the dictionary does not have it.
func (c *dictionary) find(s string, room int) *dictionarySlot {
	low, high, i := c.words(s, room)
	mask := uint32(len(c.slots) - 1)
	for i &= mask; ; i = (i + 1) & mask {
		slot := &c.slots[i]
		if slot.words[0] == low && slot.words[1] == high && slot.size == uint32(len(s)) && slot.key != 0 &&
			(len(s) <= wordsSize || c.value(slot.key-1) == s) {
			return slot
		}
		if slot.key == 0 {
			return nil
		}
	}
}

// add appends s, which is not in the dictionary, to it and returns its slot, which is valid until the next call. The row
// is the first to use it.
func (c *dictionary) add(s string, row, room int) *dictionarySlot {
	if 2*(len(c.entries)+1) > len(c.slots) {
		// Values are placed in order, as they were before, which is what truncate relies on.
		c.slots = make([]dictionarySlot, 2*len(c.slots))
		for key := range c.entries {
			c.place(uint32(key))
		}
	}
	key := uint32(len(c.entries))
	start := uint32(len(c.buf))
	c.buf = append(c.buf, s...)
	c.entries = append(c.entries, dictionaryEntry{start: start, end: uint32(len(c.buf)), row: uint32(row)})
	if width := c.wireWidth(); width > c.width {
		c.widen(width, row, room)
	}
	return c.place(key)
}

// place puts key into the first free slot of its probe sequence.
func (c *dictionary) place(key uint32) *dictionarySlot {
	value := c.value(key)
	low, high, i := c.words(value, len(value))
	mask := uint32(len(c.slots) - 1)
	for i &= mask; c.slots[i].key != 0; {
		i = (i + 1) & mask
	}
	c.slots[i] = dictionarySlot{words: [2]uint64{low, high}, hash: textHash(value), size: uint32(len(value)), key: key + 1}
	return &c.slots[i]
}

// wireWidth is the width of the narrowest keys, as a power of two of bytes.
func (c *dictionary) wireWidth() int {
	switch n := len(c.entries); {
	case n <= 1<<8:
		return 0
	case n <= 1<<16:
		return 1
	default:
		return 2
	}
}

// set gives a row a key.
func (c *dictionary) set(row int, key uint32) {
	switch c.width {
	case 0:
		c.keys[row] = uint8(key)
	case 1:
		binary.LittleEndian.PutUint16(c.keys[2*row:], uint16(key))
	default:
		binary.LittleEndian.PutUint32(c.keys[4*row:], key)
	}
}

// key returns the key of a row.
func (c *dictionary) key(row int) uint32 {
	switch c.width {
	case 0:
		return uint32(c.keys[row])
	case 1:
		return uint32(binary.LittleEndian.Uint16(c.keys[2*row:]))
	default:
		return binary.LittleEndian.Uint32(c.keys[4*row:])
	}
}

// widen makes the keys of the first rows wider.
func (c *dictionary) widen(width, rows, room int) {
	old := *c
	c.width, c.keys = width, make([]byte, room<<width)
	for i := range rows {
		c.set(i, old.key(i))
	}
}

// grow makes room for more rows and keeps the first ones.
func (c *dictionary) grow(rows, room int) { c.keys = grown(c.keys, rows<<c.width, room<<c.width) }

// fill gives the first rows the key 0.
func (c *dictionary) fill(rows int) { clear(c.keys[:rows<<c.width]) }

// truncate keeps the first n rows and the part of the dictionary that they use.
func (c *dictionary) truncate(n int) {
	for len(c.entries) > 0 {
		key := uint32(len(c.entries) - 1)
		if int(c.entries[key].row) < n {
			break
		}
		if n == 0 {
			c.buf, c.entries = c.buf[:0], c.entries[:0]
			clear(c.slots)
			return
		}
		// The value placed last is at the end of every probe sequence that it is on, so freeing its slot breaks none.
		value := c.value(key)
		_, _, i := c.words(value, len(value))
		mask := uint32(len(c.slots) - 1)
		for i &= mask; c.slots[i].key != key+1; {
			i = (i + 1) & mask
		}
		c.slots[i] = dictionarySlot{}
		c.buf = c.buf[:c.entries[key].start]
		c.entries = c.entries[:key]
	}
}

// reset removes everything, keeps the memory, and makes room for rows.
func (c *dictionary) reset(room int) {
	c.truncate(0)
	if len(c.keys) < room<<c.width {
		c.width = 0
	}
	if len(c.keys) < room<<c.width {
		c.keys = make([]byte, room)
	}
}

var (
	_ proto.ColInput     = (*dictionary)(nil)
	_ proto.StateEncoder = (*dictionary)(nil)
)

// Type returns the column's type in ClickHouse.
func (c *dictionary) Type() proto.ColumnType {
	return proto.ColumnTypeLowCardinality.Sub(proto.ColumnTypeString)
}

// Rows returns the number of rows.
func (c *dictionary) Rows() int { return c.rows }

// The constants of ClickHouse's serialization of LowCardinality: the version that stands before the column, and the flags
// "additional keys follow" and "the dictionary is new" in front of every block, beside the width of a key.
const (
	lowCardinalityVersion = 1
	lowCardinalityFlags   = 1<<9 | 1<<10
)

// EncodeState writes what stands before the column's data.
func (c *dictionary) EncodeState(b *proto.Buffer) { b.PutInt64(lowCardinalityVersion) }

// EncodeColumn writes the dictionary and the keys, in the narrowest integers that hold them.
func (c *dictionary) EncodeColumn(b *proto.Buffer) {
	if c.rows == 0 {
		return
	}
	width := c.wireWidth()
	b.PutInt64(int64(lowCardinalityFlags | width))
	b.PutInt64(int64(len(c.entries)))
	for key := range c.entries {
		value := c.value(uint32(key))
		b.PutString(value)
	}
	b.PutInt64(int64(c.rows))
	if width == c.width {
		b.Buf = append(b.Buf, c.keys[:c.rows<<width]...)
		return
	}
	narrow := dictionary{width: width} // Rows were removed, or an earlier block had more values.
	start := len(b.Buf)
	b.Buf = slices.Grow(b.Buf, c.rows<<width)[:start+c.rows<<width]
	narrow.keys = b.Buf[start:]
	for i := range c.rows {
		narrow.set(i, c.key(i))
	}
}

// WriteColumn writes what EncodeColumn writes.
func (c *dictionary) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }
