package schemas

import (
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// Rows of columns in ClickHouse's Native format.

// wordRows are numbers of 8 bytes.
type wordRows struct {
	words  proto.ColUInt64
	column proto.ColumnType
}

func (r *wordRows) Type() proto.ColumnType       { return r.column }
func (r *wordRows) Rows() int                    { return len(r.words) }
func (r *wordRows) EncodeColumn(b *proto.Buffer) { r.words.EncodeColumn(b) }
func (r *wordRows) WriteColumn(w *proto.Writer)  { w.ChainBuffer(r.EncodeColumn) }

// nullableRows are numbers that may be absent.
type nullableRows struct {
	wordRows
	nulls []uint8
}

func (r *nullableRows) EncodeColumn(b *proto.Buffer) {
	b.Buf = append(b.Buf, r.nulls...)
	r.words.EncodeColumn(b)
}

func (r *nullableRows) WriteColumn(w *proto.Writer) { w.ChainBuffer(r.EncodeColumn) }

// byteRows are enums or bools.
type byteRows struct {
	cells  []uint8
	column proto.ColumnType
}

func (r *byteRows) Type() proto.ColumnType       { return r.column }
func (r *byteRows) Rows() int                    { return len(r.cells) }
func (r *byteRows) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, r.cells...) }
func (r *byteRows) WriteColumn(w *proto.Writer)  { w.ChainBuffer(r.EncodeColumn) }

// textRows are texts, each behind its length.
type textRows struct {
	rows int
	buf  []byte
}

func (r *textRows) Type() proto.ColumnType       { return proto.ColumnTypeString }
func (r *textRows) Rows() int                    { return r.rows }
func (r *textRows) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, r.buf...) }
func (r *textRows) WriteColumn(w *proto.Writer)  { w.ChainBuffer(r.EncodeColumn) }

// unsaidRows are rows of a closed column, all equal.
type unsaidRows struct {
	kind   kind
	column proto.ColumnType
	word   uint64 // Of a number.
	spare  bool
	rows   int
}

// Type returns the column's type in ClickHouse.
func (r *unsaidRows) Type() proto.ColumnType { return r.column }

// Rows returns the number of rows.
func (r *unsaidRows) Rows() int { return r.rows }

// Spare reports whether the table has the same rows where an INSERT does not name their column.
func (r *unsaidRows) Spare() bool { return r.spare }

// EncodeState writes what stands before the column's data.
func (r *unsaidRows) EncodeState(b *proto.Buffer) {
	if r.kind == kindLowCardinality {
		b.PutInt64(lowCardinalityVersion)
	}
}

// EncodeColumn writes the rows.
func (r *unsaidRows) EncodeColumn(b *proto.Buffer) {
	if r.rows == 0 {
		return
	}
	switch r.kind {
	case kindText, kindEnum, kindBool:
		r.put(b, 0, r.rows)
	case kindLowCardinality:
		b.PutInt64(lowCardinalityFlags)
		b.PutInt64(1)
		b.PutString("")
		b.PutInt64(int64(r.rows))
		r.put(b, 0, r.rows)
	case kindNullableCount, kindNullableMoney:
		r.put(b, 1, r.rows)
		r.put(b, 0, 8*r.rows)
	default:
		for range r.rows {
			b.PutUInt64(r.word)
		}
	}
}

// put writes n equal bytes.
func (r *unsaidRows) put(b *proto.Buffer, x byte, n int) {
	start := len(b.Buf)
	b.Buf = slices.Grow(b.Buf, n)[:start+n]
	for i := range b.Buf[start:] {
		b.Buf[start+i] = x
	}
}

// WriteColumn writes what EncodeColumn writes.
func (r *unsaidRows) WriteColumn(w *proto.Writer) { w.ChainBuffer(r.EncodeColumn) }
