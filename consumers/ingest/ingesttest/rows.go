package ingesttest

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"tidemark/consumers/ingest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Row is one row of a block of queries, as a database would read it from the block's wire form.
type Row struct {
	ingest.OrphanRow
	Place schemas.Coordinates
	Event *usagev1.Query
}

// Rows encodes a block of queries as for the database, decodes it, and computes from the result what Resume has to
// return. So a mistake of the columns shows.
func Rows(columns schemas.Columns) ([]Row, error) {
	var buffer proto.Buffer
	input := columns.Input()
	if err := (proto.Block{Columns: len(input), Rows: columns.Rows()}).EncodeRawBlock(&buffer, 0, input); err != nil {
		return nil, fmt.Errorf("encode %d rows: %w", columns.Rows(), err)
	}
	b := newBlock()
	var decoded proto.Block
	if err := decoded.DecodeRawBlock(proto.NewReader(bytes.NewReader(buffer.Buf)), 0, b.results(input)); err != nil {
		return nil, fmt.Errorf("decode %d rows: %w", columns.Rows(), err)
	}
	rows := make([]Row, columns.Rows())
	scratch := schemas.NewColumns(schemas.QueryType)
	for i := range rows {
		row := &rows[i]
		row.Place = schemas.Coordinates{Epoch: b.epoch[i], Partition: int32(b.partition[i]), Offset: int64(b.offset[i])}
		row.Event = b.event(i)
		value, err := schemas.AppendEvent(nil, row.Event)
		if err != nil {
			return nil, err
		}
		meta, err := scratch.Append(value, row.Place)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
		row.Offset, row.Time, row.Revision, row.Body = row.Place.Offset, meta.Time, meta.Revision, meta.Body
		row.Run, row.Checksum, row.Content = meta.Run, meta.Checksum, meta.Content
		binary.LittleEndian.PutUint64(row.Identity[:8], b.identity[i].Low)
		binary.LittleEndian.PutUint64(row.Identity[8:], b.identity[i].High)
		if row.Identity != meta.Identity {
			return nil, fmt.Errorf("row %d: identity %x, of its event %x", i, row.Identity, meta.Identity)
		}
	}
	return rows, nil
}

// block holds the decoded columns of queries.
type block struct {
	time, user, weight, userWeight, revision, offset proto.ColUInt64

	identity         proto.ColUInt128
	epoch, partition proto.ColUInt32
	segment          proto.ColUInt8
	id               proto.ColStr
	symbols          map[string]*proto.ColLowCardinality[string]
}

func newBlock() *block {
	b := &block{symbols: make(map[string]*proto.ColLowCardinality[string])}
	for _, name := range []string{"tenant", "source", "run", "product", "country", "kind", "model"} {
		b.symbols[name] = new(proto.ColStr).LowCardinality()
	}
	return b
}

// results pairs the columns with the columns of the input, in its order.
func (b *block) results(input proto.Input) proto.Results {
	words := map[string]proto.ColResult{"identity": &b.identity, "epoch": &b.epoch, "partition": &b.partition,
		"offset": &b.offset, "id": &b.id, "time": &b.time, "user": &b.user, "weight": &b.weight,
		"user_weight": &b.userWeight, "revision": &b.revision, "segment": &b.segment}
	var out proto.Results
	for _, column := range input {
		if symbols, ok := b.symbols[column.Name]; ok {
			out = append(out, proto.ResultColumn{Name: column.Name, Data: symbols})
			continue
		}
		if words[column.Name] == nil {
			continue // DecodeRawBlock reports that the count of columns differs.
		}
		data := words[column.Name]
		if full, ok := data.(proto.Column); ok && data.Type() != column.Data.Type() {
			// Times and enums are read as the numbers that they are.
			data = proto.Alias(full, column.Data.Type())
		}
		out = append(out, proto.ResultColumn{Name: column.Name, Data: data})
	}
	return out
}

func (b *block) event(i int) *usagev1.Query {
	symbol := func(name string) string { return b.symbols[name].Row(i) }
	return &usagev1.Query{
		Source: symbol("source"), Id: b.id.Row(i), TimeUs: new(int64(b.time[i])), Tenant: symbol("tenant"),
		Product: symbol("product"), User: b.user[i], Country: symbol("country"),
		Segment: usagev1.Segment(b.segment[i]), Run: symbol("run"), Kind: symbol("kind"), Model: symbol("model"),
		Weight: b.weight[i], UserWeight: b.userWeight[i], Revision: b.revision[i],
	}
}
