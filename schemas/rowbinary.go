package schemas

import (
	"encoding/binary"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// The way back from a row of a view to the event it is: SelectSQL asks for the row's fields, and AppendRow turns them, as
// ClickHouse writes them in its format RowBinary, into the wire form of an event that has the same row.

// SelectSQL returns the expressions, in ClickHouse's SQL over the columns of the type's table or view, whose values
// AppendRow reads.
func (s Spec) SelectSQL() []string {
	fields := tables[s.Type].fields
	out := make([]string, len(fields))
	for i := range fields {
		column := Ident(fields[i].column)
		switch fields[i].kind {
		case kindTime:
			column = "toUnixTimestamp64Micro(" + column + ")"
		case kindEnum:
			column = "toInt8(" + column + ")"
		}
		out[i] = column
	}
	return out
}

var errRow = errors.New("the row ends too early")

// AppendRow appends the wire form of the event in the row that row begins with, and returns it and what follows the row.
// The event is not validated.
func (s Spec) AppendRow(dst, row []byte) (wire, rest []byte, err error) {
	fields := tables[s.Type].fields
	for i := range fields {
		if dst, row, err = fields[i].appendValue(dst, row); err != nil {
			return dst, row, err
		}
	}
	return dst, row, nil
}

// appendValue appends the field whose value row begins with; nothing for a value that means that it is absent.
func (f *field) appendValue(dst, row []byte) (wire, rest []byte, err error) {
	n := protowire.Number(f.number)
	switch f.kind {
	case kindText, kindLowCardinality:
		size, used := binary.Uvarint(row)
		if used <= 0 || size > uint64(len(row)-used) {
			return dst, row, errRow
		}
		text := row[used : used+int(size)]
		if len(text) > 0 {
			dst = protowire.AppendBytes(protowire.AppendTag(dst, n, protowire.BytesType), text)
		}
		return dst, row[used+int(size):], nil
	case kindEnum, kindBool:
		if len(row) < 1 {
			return dst, row, errRow
		}
		if row[0] != 0 {
			dst = protowire.AppendVarint(protowire.AppendTag(dst, n, protowire.VarintType), uint64(row[0]))
		}
		return dst, row[1:], nil
	case kindNullableCount, kindNullableMoney:
		if len(row) < 1 {
			return dst, row, errRow
		}
		if row[0] != 0 {
			return dst, row[1:], nil // Null: no value follows.
		}
		row = row[1:]
	}
	if len(row) < 8 {
		return dst, row, errRow
	}
	x := binary.LittleEndian.Uint64(row)
	switch f.kind {
	case kindCount, kindWeight, kindNullableCount:
		if x != 0 || f.kind == kindNullableCount {
			dst = protowire.AppendVarint(protowire.AppendTag(dst, n, protowire.VarintType), x)
		}
	default:
		if x != 0 || f.kind == kindNullableMoney || f.kind == kindTime && f.required {
			dst = protowire.AppendFixed64(protowire.AppendTag(dst, n, protowire.Fixed64Type), x)
		}
	}
	return dst, row[8:], nil
}
