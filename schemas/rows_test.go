package schemas

import (
	"bytes"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// rowOf returns the row that a message must become, worked out from its descriptor alone: column name to value, nil for
// null.
func rowOf(e Event, at Coordinates) map[string]any {
	id := IdentityOf(e.GetTenant(), e.GetSource(), e.GetId())
	row := map[string]any{
		"identity": proto.UInt128{Low: id.low(), High: id.high()}, "epoch": at.Epoch,
		"partition": uint32(at.Partition), "offset": uint64(at.Offset),
	}
	m := e.ProtoReflect()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		name := string(f.Name())
		v := m.Get(f).Interface()
		switch x := v.(type) {
		case protoreflect.EnumNumber:
			v = int8(x)
		case float64:
			v = math.Float64bits(x)
		}
		switch {
		case f.HasOptionalKeyword() && !m.Has(f):
			v = nil
		case name == "time_us" || name == "first_time_us" || name == "last_time_us":
			name = strings.TrimSuffix(name, "_us")
		case name == "requested_model" && v == "":
			v = m.Get(fields.ByName("model")).Interface()
		case (name == "weight" || name == "user_weight") && fields.ByName("product") != nil && v == uint64(0):
			v = uint64(1)
		}
		row[name] = v
	}
	return row
}

// rowsOf reads back what the columns encode, through ch-go's own decoder.
func rowsOf(t testing.TB, c Columns) []map[string]any {
	t.Helper()
	rows := make([]map[string]any, c.Rows())
	if len(rows) == 0 {
		return rows
	}
	var buf proto.Buffer
	if err := encodeBlock(&buf, c); err != nil {
		t.Fatal(err)
	}
	results, columns := decodersOf(t, c)
	var block proto.Block
	r := proto.NewReader(bytes.NewReader(buf.Buf))
	if err := block.DecodeRawBlock(r, 0, results); err != nil {
		t.Fatalf("decode the encoded block: %v", err)
	}
	if _, err := r.ReadByte(); err == nil {
		t.Fatal("bytes left after the block")
	}
	for i := range rows {
		rows[i] = rowAt(columns, i)
	}
	return rows
}

// cells is a decoded column of any type.
type cells struct {
	proto.Column
	cell func(i int) any
}

// DecodeState is hidden by the embedded interface.
func (c cells) DecodeState(r *proto.Reader) error {
	if s, ok := c.Column.(proto.StateDecoder); ok {
		return s.DecodeState(r)
	}
	return nil
}

func cellsOf[T any](c proto.ColumnOf[T]) cells {
	return cells{c, func(i int) any { return c.Row(i) }}
}

func nullableOf[T any](c proto.ColumnOf[T]) cells {
	null := proto.NewColNullable(c)
	return cells{null, func(i int) any {
		if v := null.Row(i); v.Set {
			return v.Value
		}
		return nil
	}}
}

// decodersOf returns decoders for the columns of c, for ch-go and by name.
func decodersOf(t testing.TB, c Columns) (proto.Results, map[string]cells) {
	t.Helper()
	var results proto.Results
	columns := make(map[string]cells)
	for _, in := range c.Input() {
		col := decoderOf(t, in.Data.Type())
		columns[in.Name] = col
		results = append(results, proto.ResultColumn{Name: in.Name, Data: col})
	}
	return results, columns
}

func rowAt(columns map[string]cells, i int) map[string]any {
	row := make(map[string]any)
	for name, col := range columns {
		row[name] = col.cell(i)
	}
	return row
}

func decoderOf(t testing.TB, typ proto.ColumnType) cells {
	switch typ {
	case "String":
		return cellsOf[string](new(proto.ColStr))
	case "LowCardinality(String)":
		return cellsOf[string](new(proto.ColStr).LowCardinality())
	case "UInt128":
		return cellsOf[proto.UInt128](new(proto.ColUInt128))
	case "UInt64", "Float64":
		c := cellsOf[uint64](new(proto.ColUInt64))
		c.Column = proto.Alias(c.Column, typ)
		return c
	case "UInt32":
		return cellsOf[uint32](new(proto.ColUInt32))
	case "Bool":
		return cellsOf[bool](new(proto.ColBool))
	case "Nullable(UInt64)":
		return nullableOf[uint64](new(proto.ColUInt64))
	case "Nullable(Int64)":
		return nullableOf[int64](new(proto.ColInt64))
	case "DateTime64(6, 'UTC')":
		c := cellsOf[int64](new(proto.ColInt64))
		c.Column = proto.Alias(c.Column, typ)
		return c
	case segmentEnum, statusEnum, usageEnum, splitEnum, kindsEnum:
		c := cellsOf[int8](new(proto.ColInt8))
		c.Column = proto.Alias(c.Column, typ)
		return c
	}
	t.Fatalf("unexpected column type %s", typ)
	return cells{}
}

func compareRows(t testing.TB, got, want []map[string]any) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range got {
		if !maps.Equal(got[i], want[i]) {
			for k := range want[i] {
				if got[i][k] != want[i][k] {
					t.Errorf("row %d, column %s: %v (%T), want %v (%T)", i, k, got[i][k], got[i][k], want[i][k], want[i][k])
				}
			}
			t.Fatalf("row %d:\n%v\nwant\n%v", i, got[i], want[i])
		}
	}
}
