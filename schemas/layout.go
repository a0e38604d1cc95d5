package schemas

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"
)

// columns implements Columns for the type of its table. The rows of the fields are kept apart by how a field is stored,
// so that Append runs through a few tight loops; input holds them in the order of the table.
type columns struct {
	table *table
	input proto.Input

	identity     proto.ColUInt128
	epoch        proto.ColUInt32
	partition    proto.ColUInt32
	offset       proto.ColUInt64
	dictionaries []dictionaryColumn
	texts        []textColumn
	words        []wordColumn
	nullables    []nullableColumn
	bytes        []byteColumn

	textBytes int // Of all texts and dictionaries.
	rowBytes  int // Of everything else, a row.

	values values // Scratch.
	hashed []byte // Scratch: what an identity is the hash of.
	run    string // The run seen last, and all runs seen, so that a Meta needs no string of its own.
	runs   map[string]string

	runHash uint64 // Of run.
}

// dictionaryColumn and textColumn hold the rows of a text.
type dictionaryColumn struct {
	*field
	factor uint64 // In the checksum of what the event says; 0 if it is no part of that.
	dictionary
}

type textColumn struct {
	*field
	factor uint64
	proto.ColStr
}

// wordColumn holds the rows of a number.
type wordColumn struct {
	wordRule
	words proto.ColUInt64
}

// nullableColumn holds the rows of a number that may be absent.
type nullableColumn struct {
	wordRule
	words proto.ColUInt64
	null  *proto.ColNullable[uint64] // Over words.
}

// byteColumn holds the rows of an enum or a bool.
type byteColumn struct {
	number uint8
	factor uint64 // In the checksum of what the event says.
	truth  bool   // A bool: any number but 0 is true.
	least  uint32 // 1 if 0 is refused.
	span   uint32 // From the least to the largest value.
	bytes  proto.ColUInt8
}

// wordRule is the rule of a field whose value is one word, put so that it is one comparison.
type wordRule struct {
	number uint8
	floor  uint64 // What the value is raised to, if it is less.
	least  uint64
	span   uint64 // From the least to the largest value, modulo 2^64.
	factor uint64 // In the checksums.
	later  bool   // In the body alone.
}

// maxRuns bounds the runs remembered.
const maxRuns = 1024

// NewColumns returns empty columns for rows of type t, which must be one of the Type constants.
func NewColumns(t Type) Columns {
	tab := tables[t]
	n := len(tab.fields) // The slices must never move: input points into them.
	c := &columns{
		table: tab, runs: make(map[string]string), runHash: textHash(""), rowBytes: 16 + 4 + 4 + 8,
		dictionaries: make([]dictionaryColumn, 0, n), texts: make([]textColumn, 0, n), words: make([]wordColumn, 0, n),
		nullables: make([]nullableColumn, 0, n), bytes: make([]byteColumn, 0, n),
	}
	for i := range tab.fields {
		f := &tab.fields[i]
		c.input = append(c.input, proto.InputColumn{Name: f.column, Data: c.open(f)})
		if i+1 == coordinatesAfter {
			c.input = append(c.input,
				proto.InputColumn{Name: "identity", Data: &c.identity},
				proto.InputColumn{Name: "epoch", Data: &c.epoch},
				proto.InputColumn{Name: "partition", Data: &c.partition},
				proto.InputColumn{Name: "offset", Data: &c.offset})
		}
	}
	return c
}

// open adds a column for the field and returns what encodes it.
func (c *columns) open(f *field) proto.ColInput {
	switch f.kind {
	case kindText:
		c.rowBytes += 16 // Start and end.
		c.texts = append(c.texts, textColumn{field: f, factor: f.factor()})
		col := &c.texts[len(c.texts)-1]
		if f.required {
			return &col.ColStr
		}
		return spareTexts{&col.ColStr}
	case kindLowCardinality:
		c.rowBytes += 4
		c.dictionaries = append(c.dictionaries, dictionaryColumn{f, f.factor(), newDictionary()})
		col := &c.dictionaries[len(c.dictionaries)-1]
		if f.required {
			return &col.dictionary
		}
		return spareDictionaries{&col.dictionary}
	case kindEnum, kindBool:
		c.rowBytes++
		c.bytes = append(c.bytes, byteColumn{number: f.number, factor: f.factor(), truth: f.kind == kindBool, span: uint32(f.max)})
		col := &c.bytes[len(c.bytes)-1]
		if col.truth {
			return spareBytes{&col.bytes, proto.ColumnTypeBool}
		}
		if f.required {
			col.least, col.span = 1, col.span-1
			return proto.Alias(&col.bytes, proto.ColumnType(f.enum))
		}
		return spareBytes{&col.bytes, proto.ColumnType(f.enum)}
	case kindNullableCount, kindNullableMoney:
		c.rowBytes += 9
		c.nullables = append(c.nullables, nullableColumn{wordRule: f.wordRule()})
		col := &c.nullables[len(c.nullables)-1]
		col.null = proto.NewColNullable[uint64](&col.words)
		number := proto.ColumnTypeUInt64
		if f.kind == kindNullableMoney {
			number = proto.ColumnTypeInt64
		}
		return spareNullables{col.null, proto.ColumnTypeNullable.Sub(number)}
	}
	c.rowBytes += 8
	c.words = append(c.words, wordColumn{wordRule: f.wordRule()})
	col := &c.words[len(c.words)-1]
	switch f.kind {
	case kindTime:
		return proto.Alias(&col.words, "DateTime64(6, 'UTC')")
	case kindFloat:
		return proto.Alias(&col.words, proto.ColumnTypeFloat64)
	case kindWeight:
		return &col.words
	default:
		return spareWords{&col.words}
	}
}

// spareWords are numbers of which the table has 0 where an INSERT does not name their column.
type spareWords struct{ *proto.ColUInt64 }

// Spare reports whether all of them are 0.
func (w spareWords) Spare() bool {
	for _, x := range *w.ColUInt64 {
		if x != 0 {
			return false
		}
	}
	return true
}

// spareNullables are numbers of which the table has null where an INSERT does not name their column.
type spareNullables struct {
	*proto.ColNullable[uint64]
	column proto.ColumnType
}

// Type is that of the table's column.
func (m spareNullables) Type() proto.ColumnType { return m.column }

// Spare reports whether all of them are absent.
func (m spareNullables) Spare() bool {
	for _, null := range m.Nulls {
		if null == 0 {
			return false
		}
	}
	return true
}

// spareTexts and spareDictionaries are texts of which the table has an empty one where an INSERT does not name their column.
type spareTexts struct{ *proto.ColStr }

// Spare reports whether all of them are empty.
func (t spareTexts) Spare() bool { return len(t.Buf) == 0 }

type spareDictionaries struct{ *dictionary }

// Spare reports whether all of them are empty.
func (d spareDictionaries) Spare() bool { return len(d.buf) == 0 }

// spareBytes are enums or bools of which the table has 0 where an INSERT does not name their column.
type spareBytes struct {
	*proto.ColUInt8
	column proto.ColumnType
}

// Type is that of the table's column.
func (b spareBytes) Type() proto.ColumnType { return b.column }

// Spare reports whether all of them are 0.
func (b spareBytes) Spare() bool {
	for _, x := range *b.ColUInt8 {
		if x != 0 {
			return false
		}
	}
	return true
}

// wordRule returns the rule of a field of one word.
func (f *field) wordRule() wordRule {
	r := wordRule{number: f.number, span: f.max, factor: f.factor(), later: f.later}
	switch f.kind {
	case kindWeight:
		r.floor = 1
	case kindTime:
		r.least, r.span = uint64(minTime), uint64(maxTime-minTime)
	case kindNullableMoney:
		r.least, r.span = math.MaxUint64-maxMoney+1, 2*maxMoney
	case kindFloat:
		r.span = math.MaxUint64
	}
	return r
}
