package schemas

import (
	"encoding/binary"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// column is the rows of one field. A closed one has in every row what the field is when nobody says it. Its memory is kept
// when it closes.
type column interface {
	base() *columnBase
	// silent reports whether v has in the field what a closed column has, isDefault whether a row of an open one has it.
	silent(v *values) bool
	isDefault(row int) bool
	// unsaidSum is what a row of a closed column adds to the checksum, and to the body beside that.
	unsaidSum() (sum, small uint64)
	// open makes room and gives the rows before that one what a closed column has; grow keeps the rows before that one.
	open(row, room int)
	grow(row, room int)
	// truncate keeps the first n rows of an open column.
	truncate(n int)
	// copyRow makes a row a copy of row i of src, which has the same field.
	copyRow(row, room int, src column, i int)
	// bytes is the memory of a row, and of all texts.
	bytes() (row, texts int)
	// input returns what encodes the first n rows, valid until the next change.
	input(n int) proto.ColInput
}

// columnBase is what all columns have.
type columnBase struct {
	*field
	says   uint64 // The fields that open the column, a bit each.
	isOpen bool
	since  int // The row that opened it.
	unsaid unsaidRows
}

func (b *columnBase) base() *columnBase { return b }

// closed returns what encodes n rows of a closed column.
func (b *columnBase) closed(n int) proto.ColInput {
	b.unsaid.rows = n
	return &b.unsaid
}

// opened returns s with room for rows, of which those before one are x.
func opened[E comparable](s []E, row, room int, x E) []E {
	if len(s) < room {
		s = make([]E, room)
	}
	for i := range row {
		s[i] = x
	}
	return s
}

// wordColumn holds the rows of a number.
type wordColumn struct {
	columnBase
	wordRule
	words []uint64
	out   wordRows
}

func (c *wordColumn) silent(v *values) bool {
	return max(v.numberOf(c.number), c.floor) == c.floor && !c.required
}
func (c *wordColumn) isDefault(row int) bool  { return c.words[row] == c.floor && !c.required }
func (c *wordColumn) open(row, room int)      { c.words = opened(c.words, row, room, c.floor) }
func (c *wordColumn) grow(row, room int)      { c.words = grown(c.words, row, room) }
func (c *wordColumn) truncate(int)            {}
func (c *wordColumn) bytes() (row, texts int) { return 8, 0 }

func (c *wordColumn) unsaidSum() (sum, small uint64) {
	if c.later {
		return 0, c.floor * c.factor
	}
	return c.floor * c.factor, 0
}

func (c *wordColumn) copyRow(row, _ int, src column, i int) {
	c.words[row] = c.floor
	if from, _ := src.(*wordColumn); from.isOpen {
		c.words[row] = from.words[i]
	}
}

func (c *wordColumn) input(n int) proto.ColInput {
	if !c.isOpen {
		return c.closed(n)
	}
	c.out = wordRows{c.words[:n], c.unsaid.column}
	return &c.out
}

// nullableColumn holds the rows of a number that may be absent.
type nullableColumn struct {
	columnBase
	wordRule
	words []uint64
	nulls []uint8
	out   nullableRows
}

func (c *nullableColumn) silent(v *values) bool          { return !v.has(c.number) }
func (c *nullableColumn) isDefault(row int) bool         { return c.nulls[row] != 0 }
func (c *nullableColumn) unsaidSum() (sum, small uint64) { return 0, 0 }
func (c *nullableColumn) truncate(int)                   {}
func (c *nullableColumn) bytes() (row, texts int)        { return 9, 0 }

func (c *nullableColumn) open(row, room int) {
	c.words, c.nulls = opened(c.words, row, room, 0), opened(c.nulls, row, room, 1)
}

func (c *nullableColumn) grow(row, room int) {
	c.words, c.nulls = grown(c.words, row, room), grown(c.nulls, row, room)
}

func (c *nullableColumn) copyRow(row, _ int, src column, i int) {
	c.words[row], c.nulls[row] = 0, 1
	if from, _ := src.(*nullableColumn); from.isOpen {
		c.words[row], c.nulls[row] = from.words[i], from.nulls[i]
	}
}

func (c *nullableColumn) input(n int) proto.ColInput {
	if !c.isOpen {
		return c.closed(n)
	}
	c.out = nullableRows{wordRows{c.words[:n], c.unsaid.column}, c.nulls[:n]}
	return &c.out
}

// byteColumn holds the rows of an enum or a bool.
type byteColumn struct {
	columnBase
	factor uint64 // In the checksum of what the event says.
	truth  bool   // A bool: any number but 0 is true.
	least  uint32 // 1 if 0 is refused.
	span   uint32 // From the least to the largest value.
	cells  []uint8
	out    byteRows
}

// valueOf returns what the column has for a number.
func (c *byteColumn) valueOf(number uint64) uint32 {
	if c.truth {
		return uint32(min(number, 1))
	}
	return uint32(number) // As the generated code does: the low 32 bits are the enum.
}

func (c *byteColumn) silent(v *values) bool {
	return c.valueOf(v.numberOf(c.number)) == 0 && !c.required
}
func (c *byteColumn) isDefault(row int) bool         { return c.cells[row] == 0 }
func (c *byteColumn) unsaidSum() (sum, small uint64) { return 0, 0 }
func (c *byteColumn) open(row, room int)             { c.cells = opened(c.cells, row, room, 0) }
func (c *byteColumn) grow(row, room int)             { c.cells = grown(c.cells, row, room) }
func (c *byteColumn) truncate(int)                   {}
func (c *byteColumn) bytes() (row, texts int)        { return 1, 0 }

func (c *byteColumn) copyRow(row, _ int, src column, i int) {
	c.cells[row] = 0
	if from, _ := src.(*byteColumn); from.isOpen {
		c.cells[row] = from.cells[i]
	}
}

func (c *byteColumn) input(n int) proto.ColInput {
	if !c.isOpen {
		return c.closed(n)
	}
	c.out = byteRows{c.cells[:n], c.unsaid.column}
	return &c.out
}

// textColumn holds the rows of a text in the form of ClickHouse's Native format: each behind its length.
type textColumn struct {
	columnBase
	factor uint64   // In the checksum of what the event says; 0 if it is no part of that.
	buf    []byte   // The rows, end to end.
	ends   []uint32 // Of each row, in buf.
	out    textRows
}

func (c *textColumn) silent(v *values) bool   { return v.textOf(c.number) == "" && !c.required }
func (c *textColumn) isDefault(row int) bool  { return c.row(row) == "" }
func (c *textColumn) grow(row, room int)      { c.ends = grown(c.ends, row, room) }
func (c *textColumn) bytes() (row, texts int) { return 4, len(c.buf) }

func (c *textColumn) unsaidSum() (sum, small uint64) { return 0, textHash("") * c.factor }

func (c *textColumn) open(row, room int) {
	c.ends = opened(c.ends, 0, room, 0)
	c.buf = slices.Grow(c.buf[:0], row)[:row]
	clear(c.buf) // The length of an empty text is a byte.
	for i := range row {
		c.ends[i] = uint32(i + 1)
	}
}

// append makes s a row, behind all others, and returns the bytes that it takes.
func (c *textColumn) append(row int, s string) int {
	before := len(c.buf)
	c.buf = append(binary.AppendUvarint(c.buf, uint64(len(s))), s...)
	c.ends[row] = uint32(len(c.buf))
	return len(c.buf) - before
}

// start returns where a row begins.
func (c *textColumn) start(row int) uint32 {
	if row == 0 {
		return 0
	}
	return c.ends[row-1]
}

// row returns the text of a row.
func (c *textColumn) row(row int) string {
	b := c.buf[c.start(row):c.ends[row]]
	_, n := binary.Uvarint(b)
	return string(b[n:])
}

func (c *textColumn) truncate(n int) { c.buf = c.buf[:min(int(c.start(n)), len(c.buf))] }

func (c *textColumn) copyRow(row, _ int, src column, i int) {
	s := ""
	if from, _ := src.(*textColumn); from.isOpen {
		s = from.row(i)
	}
	c.append(row, s)
}

func (c *textColumn) input(n int) proto.ColInput {
	if !c.isOpen {
		return c.closed(n)
	}
	c.out = textRows{n, c.buf}
	return &c.out
}

// dictionaryColumn holds the rows of a text of which there are few.
type dictionaryColumn struct {
	columnBase
	factor uint64 // In the checksum of what the event says; 0 if it is no part of that.
	dictionary
}

func (c *dictionaryColumn) silent(v *values) bool {
	return v.textOf(c.number) == "" && !c.required && (c.fallback == 0 || v.textOf(c.fallback) == "")
}

func (c *dictionaryColumn) isDefault(row int) bool         { return c.value(c.key(row)) == "" }
func (c *dictionaryColumn) unsaidSum() (sum, small uint64) { return 0, textHash("") * c.factor }

func (c *dictionaryColumn) open(row, room int) {
	c.reset(room)
	if row > 0 {
		c.add("", 0, room)
		c.fill(row)
	}
}

func (c *dictionaryColumn) bytes() (row, texts int) {
	return 1 << c.wireWidth(), len(c.buf) + len(c.entries)*entryBytes
}

func (c *dictionaryColumn) copyRow(row, room int, src column, i int) {
	s := ""
	if from, _ := src.(*dictionaryColumn); from.isOpen {
		s = from.value(from.key(i))
	}
	slot := c.find(s, len(s))
	if slot == nil {
		slot = c.add(s, row, room)
	}
	c.set(row, slot.key-1)
}

func (c *dictionaryColumn) input(n int) proto.ColInput {
	if !c.isOpen {
		return c.closed(n)
	}
	c.rows = n
	return &c.dictionary
}
