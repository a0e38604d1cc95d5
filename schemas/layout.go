package schemas

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"
)

// columns implements Columns for the type of its table.
//
// A column is closed until a row has something in it: most events say little of all that one could say, and what nobody says
// takes neither time nor memory. The open columns are kept apart by how a field is stored, so that Append runs through a few
// tight loops. All have room for the same number of rows.
type columns struct {
	table   *table
	input   proto.Input
	columns []column // In the order of the table's fields.

	rows, room int
	identity   []proto.UInt128
	epoch      []uint32
	partition  []uint32
	offset     []uint64
	place      struct { // The rows of these, for the input.
		identity         proto.ColUInt128
		epoch, partition proto.ColUInt32
		offset           proto.ColUInt64
	}

	opened           uint64 // Bit n is set if the column of the field n is open.
	openDictionaries []*dictionaryColumn
	openTexts        []*textColumn
	openWords        []*wordColumn
	openNullables    []*nullableColumn
	openBytes        []*byteColumn
	floors           uint64 // What the closed columns add to the checksum of a row,
	silence          uint64 // and what to its body beside that.

	textBytes int // Of all texts and dictionaries.
	rowBytes  int // Of everything else, a row.

	values values // Scratch.
	hashed []byte // Scratch: what an identity is the hash of.

	run     string // The run seen last, and all runs seen, so that a Meta needs no string of its own.
	runs    map[string]string
	runHash uint64 // Of run.
}

const (
	placeBytes = 16 + 4 + 4 + 8 // The identity and the coordinates of a row.
	maxRuns    = 1024           // The runs remembered.
	minRoom    = 64             // Rows.
	manyRows   = 8192
)

// NewColumns returns empty columns for rows of type t, which must be one of the Type constants.
func NewColumns(t Type) Columns {
	tab := tables[t]
	c := &columns{table: tab, runs: make(map[string]string), runHash: textHash(""), input: make(proto.Input, len(tab.fields)+4)}
	copy(c.input[coordinatesAfter:], proto.Input{{Name: "identity", Data: &c.place.identity}, {Name: "epoch", Data: &c.place.epoch},
		{Name: "partition", Data: &c.place.partition}, {Name: "offset", Data: &c.place.offset}})
	for i := range tab.fields {
		f := &tab.fields[i]
		c.columns = append(c.columns, newColumn(f))
		c.input[inputIndex(i)].Name = f.column
	}
	c.measure()
	return c
}

// inputIndex returns the place of a field in the input, given its place in the table.
func inputIndex(field int) int {
	if field >= coordinatesAfter {
		return field + 4
	}
	return field
}

// newColumn returns the closed column of a field.
func newColumn(f *field) column {
	base := columnBase{field: f, says: 1 << f.number, unsaid: unsaidRows{kind: f.kind, column: f.columnType(), spare: !f.required}}
	if f.fallback != 0 {
		base.says |= 1 << f.fallback
	}
	switch f.kind {
	case kindText:
		return &textColumn{columnBase: base, factor: f.factor()}
	case kindLowCardinality:
		return &dictionaryColumn{columnBase: base, factor: f.factor(), dictionary: newDictionary()}
	case kindEnum, kindBool:
		col := &byteColumn{columnBase: base, factor: f.factor(), truth: f.kind == kindBool, span: uint32(f.max)}
		if f.required {
			col.least, col.span = 1, col.span-1
		}
		return col
	case kindNullableCount, kindNullableMoney:
		return &nullableColumn{columnBase: base, wordRule: f.wordRule()}
	case kindWeight, kindTime, kindFloat:
		base.unsaid.spare = false // The table does not have the same value by itself.
	}
	col := &wordColumn{columnBase: base, wordRule: f.wordRule()}
	col.unsaid.word = col.floor
	return col
}

// columnType is the type of the field's column in ClickHouse.
func (f *field) columnType() proto.ColumnType {
	switch f.kind {
	case kindText:
		return proto.ColumnTypeString
	case kindLowCardinality:
		return proto.ColumnTypeLowCardinality.Sub(proto.ColumnTypeString)
	case kindEnum:
		return proto.ColumnType(f.enum)
	case kindBool:
		return proto.ColumnTypeBool
	case kindNullableCount:
		return proto.ColumnTypeNullable.Sub(proto.ColumnTypeUInt64)
	case kindNullableMoney:
		return proto.ColumnTypeNullable.Sub(proto.ColumnTypeInt64)
	case kindTime:
		return "DateTime64(6, 'UTC')"
	case kindFloat:
		return proto.ColumnTypeFloat64
	default:
		return proto.ColumnTypeUInt64
	}
}

// wordRule is the rule of a field whose value is one word, put so that it is one comparison.
type wordRule struct {
	floor  uint64 // What the value is raised to, if it is less.
	least  uint64
	span   uint64 // From the least to the largest value, modulo 2^64.
	factor uint64 // In the checksums.
}

// wordRule returns the rule of a field of one word.
func (f *field) wordRule() wordRule {
	r := wordRule{span: f.max, factor: f.factor()}
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

// grow makes room for more rows: twice as many at first, later a quarter more, since what is not used is memory too.
func (c *columns) grow() {
	if c.room < manyRows {
		c.room = max(minRoom, 2*c.room)
	} else {
		c.room += c.room / 4
	}
	c.identity = grown(c.identity, c.rows, c.room)
	c.epoch = grown(c.epoch, c.rows, c.room)
	c.partition = grown(c.partition, c.rows, c.room)
	c.offset = grown(c.offset, c.rows, c.room)
	for _, col := range c.columns {
		if col.base().isOpen {
			col.grow(c.rows, c.room)
		}
	}
}

// grown returns s with a length of room, and its first n elements, the rest zero.
func grown[E any](s []E, n, room int) []E {
	out := make([]E, room)
	copy(out, s[:n])
	return out
}

// openFor opens the columns in which the next row has something by v.
func (c *columns) openFor(v *values) {
	for _, col := range c.columns {
		if base := col.base(); !base.isOpen && v.present&base.says != 0 && !col.silent(v) {
			base.isOpen, base.since = true, c.rows
			col.open(c.rows, c.room)
		}
	}
	c.measure()
}

// measure works out what follows from which columns are open.
func (c *columns) measure() {
	c.openDictionaries, c.openTexts, c.openWords = c.openDictionaries[:0], c.openTexts[:0], c.openWords[:0]
	c.openNullables, c.openBytes = c.openNullables[:0], c.openBytes[:0]
	c.opened, c.floors, c.silence, c.rowBytes, c.textBytes = 0, 0, 0, placeBytes, 0
	for _, col := range c.columns {
		base := col.base()
		if !base.isOpen {
			floors, silence := col.unsaidSum()
			c.floors, c.silence = c.floors+floors, c.silence+silence
			continue
		}
		c.opened |= 1 << base.number
		row, texts := col.bytes()
		c.rowBytes, c.textBytes = c.rowBytes+row, c.textBytes+texts
		switch col := col.(type) {
		case *dictionaryColumn:
			c.openDictionaries = append(c.openDictionaries, col)
		case *textColumn:
			c.openTexts = append(c.openTexts, col)
		case *wordColumn:
			c.openWords = append(c.openWords, col)
		case *nullableColumn:
			c.openNullables = append(c.openNullables, col)
		case *byteColumn:
			c.openBytes = append(c.openBytes, col)
		}
	}
}
