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
	keys    []uint32          // One a row.
	buf     []byte            // The dictionary's values, end to end.
	entries []dictionaryEntry // The dictionary.
	slots   []dictionarySlot  // Open addressing over entries, linear probing. A power of two long.
	seed    maphash.Seed
	salt    [2]uint64 // Makes the places of short values unpredictable, so that nobody can send values that all collide.
}

type dictionaryEntry struct {
	start, end uint32 // In buf.
	row        uint32 // The first row that uses it.
	hash       uint64 // Of the value, as textHash has it.
}

// dictionarySlot has a key, and what tells its value from others so that most look-ups end here: two words that are all
// there is to a value of up to 16 bytes, and its size.
type dictionarySlot struct {
	words [2]uint64
	size  uint32
	key   uint32 // Plus 1; 0 means that the slot is free.
}

const (
	minSlots  = 64
	wordsSize = 16 // Bytes of the longest value that its words and size determine.
)

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

// words returns the words of s and the place where the search for it begins.
func (c *dictionary) words(s string) (words [2]uint64, place uint32) {
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	switch n := len(b); {
	case n > wordsSize:
		words[0], words[1] = maphash.String(c.seed, s), binary.LittleEndian.Uint64(b)
	case n >= 8:
		words[0], words[1] = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		words[0], words[1] = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		words[0] = uint64(b[0]) | uint64(b[n/2])<<8 | uint64(b[n-1])<<16
	}
	high, low := bits.Mul64(words[0]^c.salt[0], words[1]^c.salt[1]^uint64(len(s)))
	return words, uint32(high ^ low)
}

// find returns the key of s, and whether the dictionary has it.
func (c *dictionary) find(s string) (uint32, bool) {
	words, i := c.words(s)
	mask := uint32(len(c.slots) - 1)
	for i &= mask; ; i = (i + 1) & mask {
		slot := &c.slots[i]
		if slot.key == 0 {
			return 0, false
		}
		if slot.words == words && slot.size == uint32(len(s)) &&
			(len(s) <= wordsSize || c.value(slot.key-1) == s) {
			return slot.key - 1, true
		}
	}
}

// add appends s, which is not in the dictionary, to it and returns its key. The next row appended is the first to use it.
func (c *dictionary) add(s string) uint32 {
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
	c.entries = append(c.entries, dictionaryEntry{start: start, end: uint32(len(c.buf)), row: uint32(len(c.keys)), hash: textHash(s)})
	c.place(key)
	return key
}

// place puts key into the first free slot of its probe sequence.
func (c *dictionary) place(key uint32) {
	value := c.value(key)
	words, i := c.words(value)
	mask := uint32(len(c.slots) - 1)
	for i &= mask; c.slots[i].key != 0; {
		i = (i + 1) & mask
	}
	c.slots[i] = dictionarySlot{words: words, size: uint32(len(value)), key: key + 1}
}

// truncate keeps the first n rows and the part of the dictionary that they use.
func (c *dictionary) truncate(n int) {
	c.keys = c.keys[:min(n, len(c.keys))]
	for len(c.entries) > 0 {
		key := uint32(len(c.entries) - 1)
		if int(c.entries[key].row) < n {
			break
		}
		// The value placed last is at the end of every probe sequence that it is on, so freeing its slot breaks none.
		_, i := c.words(c.value(key))
		mask := uint32(len(c.slots) - 1)
		for i &= mask; c.slots[i].key != key+1; {
			i = (i + 1) & mask
		}
		c.slots[i] = dictionarySlot{}
		c.buf = c.buf[:c.entries[key].start]
		c.entries = c.entries[:key]
	}
}

// reset removes everything and keeps the memory.
func (c *dictionary) reset() {
	c.keys, c.buf, c.entries = c.keys[:0], c.buf[:0], c.entries[:0]
	clear(c.slots)
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
func (c *dictionary) Rows() int { return len(c.keys) }

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
	if len(c.keys) == 0 {
		return
	}
	width := 0 // As a power of two of bytes.
	if len(c.entries) > 1<<8 {
		width = 1
	}
	if len(c.entries) > 1<<16 {
		width = 2
	}
	b.PutInt64(int64(lowCardinalityFlags | width))
	b.PutInt64(int64(len(c.entries)))
	for key := range c.entries {
		value := c.value(uint32(key))
		b.PutString(value)
	}
	b.PutInt64(int64(len(c.keys)))
	b.Buf = appendKeys(b.Buf, c.keys, width)
}

func appendKeys(dst []byte, keys []uint32, width int) []byte {
	dst = slices.Grow(dst, len(keys)<<width)
	out := dst[len(dst) : len(dst)+len(keys)<<width]
	switch width {
	case 0:
		for i, k := range keys {
			out[i] = uint8(k)
		}
	case 1:
		for i, k := range keys {
			binary.LittleEndian.PutUint16(out[2*i:], uint16(k))
		}
	default:
		for i, k := range keys {
			binary.LittleEndian.PutUint32(out[4*i:], k)
		}
	}
	return dst[:len(dst)+len(out)]
}

// WriteColumn writes what EncodeColumn writes.
func (c *dictionary) WriteColumn(w *proto.Writer) { w.ChainBuffer(c.EncodeColumn) }
