package stack_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	stacktest "tidemark/internal/test/stack"
)

// wideTable has the shape of an event table: coordinates, a time, low
// cardinality names and counts; about 100 bytes a row on the wire.
const wideTable = `CREATE TABLE wide (
	partition UInt16, offset UInt64, id UUID, time DateTime64(3, 'UTC'), received DateTime64(3, 'UTC'),
	tenant LowCardinality(String), model LowCardinality(String), region LowCardinality(String), kind Enum8('a' = 1, 'b' = 2),
	input UInt32, output UInt32, cached UInt32, latency Float32, cost Float64, request String
) ENGINE = MergeTree ORDER BY (tenant, time)`

// wideBlock encodes rows of wideTable as one Native block of revision 0.
func wideBlock(rows int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var partition proto.ColUInt16
	var offset proto.ColUInt64
	var id proto.ColUUID
	var at, received proto.ColDateTime64
	at.WithPrecision(3).WithLocation(time.UTC)
	received.WithPrecision(3).WithLocation(time.UTC)
	tenant, model, region := new(proto.ColStr).LowCardinality(), new(proto.ColStr).LowCardinality(), new(proto.ColStr).LowCardinality()
	var kind proto.ColEnum8
	var input, output, cached proto.ColUInt32
	var latency proto.ColFloat32
	var cost proto.ColFloat64
	var request proto.ColStr
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range rows {
		partition.Append(uint16(i % 4))
		offset.Append(seed<<32 + uint64(i))
		var u [16]byte
		for j := range u {
			u[j] = byte(r.Uint32())
		}
		id.Append(u)
		at.Append(start.Add(time.Duration(r.IntN(3600_000)) * time.Millisecond))
		received.Append(start.Add(time.Hour))
		tenant.Append(fmt.Sprintf("tenant-%03d", int(r.ExpFloat64()*20)%200))
		model.Append(fmt.Sprintf("model-%d", r.IntN(12)))
		region.Append(fmt.Sprintf("region-%d", r.IntN(5)))
		kind.Append(proto.Enum8(1 + i%2))
		input.Append(r.Uint32N(8000))
		output.Append(r.Uint32N(2000))
		cached.Append(r.Uint32N(4000))
		latency.Append(r.Float32())
		cost.Append(r.Float64())
		request.Append(fmt.Sprintf("req-%024x", r.Uint64()))
	}
	columns := proto.Input{
		{Name: "partition", Data: &partition}, {Name: "offset", Data: &offset}, {Name: "id", Data: &id},
		{Name: "time", Data: &at}, {Name: "received", Data: &received},
		{Name: "tenant", Data: tenant}, {Name: "model", Data: model}, {Name: "region", Data: region}, {Name: "kind", Data: proto.Alias(&kind, "Enum8('a' = 1, 'b' = 2)")},
		{Name: "input", Data: &input}, {Name: "output", Data: &output}, {Name: "cached", Data: &cached},
		{Name: "latency", Data: &latency}, {Name: "cost", Data: &cost}, {Name: "request", Data: &request},
	}
	return nativeBlock(columns)
}

// nativeBlock encodes columns as one Native block of revision 0.
func nativeBlock(columns proto.Input) []byte {
	var b proto.Buffer
	b.PutUVarInt(uint64(len(columns)))
	b.PutUVarInt(uint64(columns[0].Data.Rows()))
	for _, column := range columns {
		if p, ok := column.Data.(proto.Preparable); ok {
			if err := p.Prepare(); err != nil {
				panic(err)
			}
		}
		b.PutString(column.Name)
		b.PutString(string(column.Data.Type()))
		if s, ok := column.Data.(proto.StateEncoder); ok {
			s.EncodeState(&b)
		}
		column.Data.EncodeColumn(&b)
	}
	return b.Buf
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkInsertNative measures inserts of one Native block of 100,000 rows
// over HTTP into the engine in this process: rows a second, and the process's
// CPU time a row, which is engine, front and client together.
func BenchmarkInsertNative(b *testing.B) {
	s := stacktest.Start(b)
	const rows = 100_000
	block := wideBlock(rows, 7)
	insert := map[string]func(ctx context.Context, db string) error{
		"clickhouse-go": nil,
		"net-http": func(ctx context.Context, db string) error {
			target := s.HTTPURL() + "/?" + url.Values{"database": {db}, "query": {"INSERT INTO wide FORMAT Native"}, "async_insert": {"0"}}.Encode()
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(block))
			if err != nil {
				return err
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return err
			}
			defer func() { _ = response.Body.Close() }()
			text, err := io.ReadAll(response.Body)
			if err == nil && response.StatusCode != http.StatusOK {
				err = fmt.Errorf("HTTP %d: %s", response.StatusCode, text)
			}
			return err
		},
	}
	for _, name := range []string{"net-http", "clickhouse-go"} {
		b.Run(name, func(b *testing.B) {
			defer http.DefaultClient.CloseIdleConnections()
			db := stacktest.Database(b, s)
			stacktest.Query(b, s, db, wideTable)
			run := insert[name]
			if run == nil {
				conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{s.HTTPAddr()}, Protocol: clickhouse.HTTP, Auth: clickhouse.Auth{Database: db}})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				run = func(ctx context.Context, _ string) error {
					ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
					return conn.InsertFormat(ctx, "Native", "INSERT INTO wide", bytes.NewReader(block))
				}
			}
			if err := run(b.Context(), db); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			begin := cpu()
			for b.Loop() {
				if err := run(b.Context(), db); err != nil {
					b.Fatal(err)
				}
			}
			total := float64(b.N) * rows
			b.ReportMetric(total/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64((cpu()-begin).Nanoseconds())/1000/total, "cpu-us/row")
			b.ReportMetric(float64(len(block))/rows, "B/row")
			b.StopTimer()
			if got, want := stacktest.Query(b, s, db, "SELECT count() FROM wide"), fmt.Sprint((b.N+1)*rows); got != want {
				b.Fatalf("stored %s rows, want %s", got, want)
			}
			if merged := stacktest.Query(b, s, db, "SELECT max(rows) FROM system.parts WHERE database = currentDatabase() AND active AND level = 0"); merged != fmt.Sprint(rows) {
				b.Logf("parts before merges hold %s rows", merged)
			}
		})
	}
}
