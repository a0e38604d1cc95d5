package clickhouse

import (
	"context"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// Account stores one ledger row. Sent twice, it leaves two equal rows, of which the table keeps one.
func (s *Store) Account(ctx context.Context, row ledger.Row) error {
	return s.coalescer(schemas.LedgerTable).insert(ctx, insertPart{input: ledgerInput(&row), rows: 1})
}

// ledgerInput returns the row as columns of the ledger table. The database adds the time of writing.
func ledgerInput(row *ledger.Row) proto.Input {
	input := proto.Input{
		{Name: "topic", Data: text(row.Topic)},
		{Name: "epoch", Data: &proto.ColUInt32{row.Epoch}},
		{Name: "partition", Data: &proto.ColUInt32{uint32(row.ID)}},
		{Name: "from_offset", Data: unsigned(row.From)},
		{Name: "to_offset", Data: unsigned(row.To)},
		{Name: "generation", Data: &proto.ColInt64{row.Generation}},
		{Name: "member", Data: text(row.Member)},
		{Name: "partitions", Data: &proto.ColUInt32{uint32(row.Partitions)}},
		{Name: "window", Data: unsigned(row.Window)},
		{Name: "format", Data: &proto.ColUInt8{ledgerFormat}},
		{Name: "high_watermark", Data: unsigned(row.HighWatermark)},
		{Name: "stored", Data: &proto.ColUInt64{row.Stored}},
		{Name: "duplicates", Data: &proto.ColUInt64{row.Duplicates}},
		{Name: "conflicts", Data: &proto.ColUInt64{row.Conflicts}},
		{Name: "dead", Data: &proto.ColUInt64{row.Dead}},
		{Name: "control", Data: &proto.ColUInt64{row.Control}},
		{Name: "gap", Data: &proto.ColUInt64{row.Gap}},
		{Name: "min_minute", Data: &proto.ColInt32{row.MinMinute}},
		{Name: "max_minute", Data: &proto.ColInt32{row.MaxMinute}},
		{Name: "bytes", Data: &proto.ColUInt64{row.Bytes}},
		{Name: "resends", Data: &proto.ColUInt32{row.Resends}},
		{Name: "insert_us", Data: unsigned(row.InsertTime.Microseconds())},
		{Name: "event_lag_us", Data: &proto.ColInt64{row.EventLag.Microseconds()}},
		{Name: "fetched_at", Data: instant(row.FetchedAt)},
		{Name: "oldest_produced", Data: millis(row.OldestProduced)},
		{Name: "newest_produced", Data: millis(row.NewestProduced)},
		{Name: "produce_lag_us", Data: &proto.ColInt64{row.ProduceLag.Microseconds()}},
	}
	input = append(input, exceptionColumns(row.Exceptions)...)
	input = append(input, runColumns(row.Runs)...)
	return append(input, bucketColumns(row.Buckets)...)
}

// ledgerFormat is the version of the ledger row, by which a reader knows which columns have values: see the migrations
// of the ledger.
const ledgerFormat = 1

// dispositionType is the type of a disposition in the ledger; the numbers are those of package ledger.
const dispositionType = "Enum8('duplicate' = 2, 'conflict' = 3, 'dead' = 4, 'control' = 5, 'gap' = 6)"

func exceptionColumns(spans []ledger.Span) proto.Input {
	var from, to proto.ColUInt64
	var disposition proto.ColInt8
	for _, span := range spans {
		from = append(from, uint64(span.From))
		to = append(to, uint64(span.To))
		disposition = append(disposition, int8(span.Disposition))
	}
	return proto.Input{
		{Name: "exceptions.from", Data: list(&from)},
		{Name: "exceptions.to", Data: list(&to)},
		{Name: "exceptions.disposition", Data: list(proto.Alias(&disposition, dispositionType))},
	}
}

func runColumns(runs []ledger.RunCount) proto.Input {
	var run proto.ColStr
	var stored, duplicates, conflicts, dead proto.ColUInt64
	for _, r := range runs {
		run.Append(r.Run)
		stored = append(stored, r.Stored)
		duplicates = append(duplicates, r.Duplicates)
		conflicts = append(conflicts, r.Conflicts)
		dead = append(dead, r.Dead)
	}
	return proto.Input{
		{Name: "runs.run", Data: list(&run)},
		{Name: "runs.stored", Data: list(&stored)},
		{Name: "runs.duplicates", Data: list(&duplicates)},
		{Name: "runs.conflicts", Data: list(&conflicts)},
		{Name: "runs.dead", Data: list(&dead)},
	}
}

func bucketColumns(buckets []ledger.Bucket) proto.Input {
	var minute proto.ColInt32
	var rows, checksum, content, strays, revised, minOffset, maxOffset proto.ColUInt64
	for _, b := range buckets {
		minute = append(minute, b.Minute)
		rows = append(rows, b.Rows)
		checksum = append(checksum, b.Checksum)
		content = append(content, b.Content)
		strays = append(strays, b.Strays)
		revised = append(revised, b.Revised)
		minOffset = append(minOffset, uint64(b.MinOffset))
		maxOffset = append(maxOffset, uint64(b.MaxOffset))
	}
	return proto.Input{
		{Name: "buckets.minute", Data: list(&minute)},
		{Name: "buckets.rows", Data: list(&rows)},
		{Name: "buckets.checksum", Data: list(&checksum)},
		{Name: "buckets.content", Data: list(&content)},
		{Name: "buckets.strays", Data: list(&strays)},
		{Name: "buckets.revised", Data: list(&revised)},
		{Name: "buckets.min_offset", Data: list(&minOffset)},
		{Name: "buckets.max_offset", Data: list(&maxOffset)},
	}
}

// list makes a column of one row, an array of all the values.
func list(values proto.ColInput) proto.ColInput {
	return &oneArray{values: values, offsets: proto.ColUInt64{uint64(values.Rows())}}
}

func text(s string) *proto.ColStr {
	column := new(proto.ColStr)
	column.Append(s)
	return column
}

func unsigned(n int64) *proto.ColUInt64 { return &proto.ColUInt64{uint64(n)} }

func instant(t time.Time) *proto.ColDateTime64 {
	column := new(proto.ColDateTime64).WithPrecision(proto.PrecisionMicro).WithLocation(time.UTC)
	column.Append(t)
	return column
}

// millis is a time in milliseconds. A zero time is stored as 1970, as in rows that are older than the column.
func millis(t time.Time) *proto.ColDateTime64 {
	if t.IsZero() {
		t = time.UnixMilli(0)
	}
	column := new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli).WithLocation(time.UTC)
	column.Append(t)
	return column
}

// oneArray is a column of one array. Package proto has arrays of one type of element each; a ledger row has seven.
type oneArray struct {
	values  proto.ColInput
	offsets proto.ColUInt64
}

func (c *oneArray) Type() proto.ColumnType { return proto.ColumnTypeArray.Sub(c.values.Type()) }
func (c *oneArray) Rows() int              { return len(c.offsets) }

func (c *oneArray) EncodeColumn(b *proto.Buffer) {
	c.offsets.EncodeColumn(b)
	c.values.EncodeColumn(b)
}

func (c *oneArray) WriteColumn(w *proto.Writer) {
	c.offsets.WriteColumn(w)
	c.values.WriteColumn(w)
}
