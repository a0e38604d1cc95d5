package stack_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

func testDriverPing(t *testing.T, f *front) {
	for name, conn := range f.conns() {
		if err := conn.Ping(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		version, err := conn.ServerVersion()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := f.query(t, "SELECT version()"); !strings.HasPrefix(want, fmt.Sprintf("%d.%d.", version.Version.Major, version.Version.Minor)) {
			t.Fatalf("%s: version %v, want %s", name, version.Version, want)
		}
	}
}

func testDriverDDL(t *testing.T, f *front) {
	ctx := t.Context()
	for _, sql := range []string{
		"CREATE TABLE ddl (a UInt8) ENGINE = MergeTree ORDER BY a",
		"ALTER TABLE ddl ADD COLUMN b String",
		"INSERT INTO ddl VALUES (1, 'x')",
		"INSERT INTO ddl SELECT a + 1, b FROM ddl",
		"CREATE MATERIALIZED VIEW ddl_mv ENGINE = SummingMergeTree ORDER BY b AS SELECT b, sum(a) AS a FROM ddl GROUP BY b",
		"RENAME TABLE ddl TO ddl2",
		"TRUNCATE TABLE ddl2",
		"DROP VIEW ddl_mv SYNC",
		"DROP TABLE ddl2 SYNC",
	} {
		if err := f.plain.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if got := f.query(t, "SELECT count() FROM system.tables WHERE database = currentDatabase()"); got != "0" {
		t.Fatalf("%s tables are left", got)
	}
}

func testDriverBatch(t *testing.T, f *front) {
	ctx := t.Context()
	for name, conn := range f.conns() {
		f.query(t, "CREATE OR REPLACE TABLE batch (a UInt64, s LowCardinality(String), n Nullable(Int32), at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY a")
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO batch")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		at := time.Date(2026, 5, 6, 7, 8, 9, 123e6, time.UTC)
		for i := range 1000 {
			var n *int32
			if i%2 == 0 {
				v := int32(-i)
				n = &v
			}
			if err := batch.Append(uint64(i), fmt.Sprint("s", i%3), n, at); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if err := batch.Send(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := f.query(t, "SELECT count(), sum(a), uniqExact(s), sum(n), countIf(n IS NULL), min(at), max(at) FROM batch")
		if want := "1000\t499500\t3\t-249500\t500\t2026-05-06 07:08:09.123\t2026-05-06 07:08:09.123"; got != want {
			t.Fatalf("%s: stored %q, want %q", name, got, want)
		}
		rows, err := conn.Query(ctx, "SELECT a, s, n, at FROM batch ORDER BY a LIMIT 2 OFFSET 4")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var text strings.Builder
		for rows.Next() {
			var a uint64
			var s string
			var n *int32
			var at time.Time
			if err := rows.Scan(&a, &s, &n, &at); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			fmt.Fprintln(&text, a, s, n != nil, at.UTC().Format(time.RFC3339Nano))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := "4 s1 true 2026-05-06T07:08:09.123Z\n5 s2 false 2026-05-06T07:08:09.123Z\n"; text.String() != want {
			t.Fatalf("%s: read %q, want %q", name, text.String(), want)
		}
		var empty []struct{ A uint64 }
		if err := conn.Select(ctx, &empty, "SELECT a AS A FROM batch WHERE 0"); err != nil || len(empty) != 0 {
			t.Fatalf("%s: empty result: %v, %d rows", name, err, len(empty))
		}
	}
}

func testDriverInsertFormat(t *testing.T, f *front) {
	f.query(t, wideTable)
	for name, conn := range f.conns() {
		if err := conn.InsertFormat(t.Context(), "Native", "INSERT INTO wide", bytes.NewReader(wideBlock(1000, 1))); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if got := f.query(t, "SELECT count(), uniqExact(offset), uniqExact(tuple(*)) FROM wide"); got != "4000\t1000\t1000" {
		t.Fatalf("stored %q", got)
	}
	f.query(t, "DROP TABLE wide SYNC")
}

func testDriverQueryFormat(t *testing.T, f *front) {
	for name, conn := range f.conns() {
		reader, err := conn.QueryFormat(t.Context(), "CSVWithNames", "SELECT number, 'a' AS s FROM numbers(3)")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := io.ReadAll(reader)
		if err = errors.Join(err, reader.Close()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := "\"number\",\"s\"\n0,\"a\"\n1,\"a\"\n2,\"a\"\n"; string(text) != want {
			t.Fatalf("%s: got %q", name, text)
		}
	}
}

func testDriverParameters(t *testing.T, f *front) {
	ctx := clickhouse.Context(t.Context(), clickhouse.WithParameters(clickhouse.Parameters{"n": "41", "s": "it's"}))
	var n uint64
	var s string
	if err := f.plain.QueryRow(ctx, "SELECT toUInt64({n:UInt32} + 1), {s:String}").Scan(&n, &s); err != nil || n != 42 || s != "it's" {
		t.Fatalf("got %d, %q, %v", n, s, err)
	}
}

func testDriverErrors(t *testing.T, f *front) {
	for name, conn := range f.conns() {
		err := conn.Exec(t.Context(), "SELECT * FROM nosuch")
		var exception *clickhouse.Exception
		var status *clickhouse.HTTPError
		if !errors.As(err, &exception) || exception.Code != 60 || exception.CodeName != "UNKNOWN_TABLE" || exception.Name != "DB::Exception" {
			t.Fatalf("%s: got %v", name, err)
		}
		if !errors.As(err, &status) || status.StatusCode != http.StatusNotFound {
			t.Fatalf("%s: got %v", name, err)
		}
	}
}

func testDriverErrorMidway(t *testing.T, f *front) {
	for name, conn := range f.conns() {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_block_size": 1000, "max_threads": 1}))
		rows, err := conn.Query(ctx, "SELECT number, throwIf(number = 50000, 'midway') FROM numbers(100000)")
		if err == nil {
			n := 0
			for rows.Next() {
				n++
			}
			if err = errors.Join(rows.Err(), rows.Close()); n == 0 {
				t.Fatalf("%s: no row before the exception", name)
			}
		}
		var exception *clickhouse.Exception
		if !errors.As(err, &exception) || exception.Code != 395 || !strings.Contains(exception.Message, "midway") {
			t.Fatalf("%s: got %v", name, err)
		}
	}
}

func testDriverCancel(t *testing.T, f *front) {
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { failed <- f.plain.Exec(ctx, endless("cancel_driver")) }()
	f.waitFor(t, running("cancel_driver"), "1")
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	f.waitFor(t, running("cancel_driver"), "0")
}

func testDriverBigResult(t *testing.T, f *front) {
	for _, conn := range []driver.Conn{f.plain, f.lz4} {
		rows, err := conn.Query(t.Context(), "SELECT number, toString(number), toLowCardinality(toString(number % 10)) FROM numbers(1000000)")
		if err != nil {
			t.Fatal(err)
		}
		var sum, bytes uint64
		for rows.Next() {
			var n uint64
			var s, l string
			if err := rows.Scan(&n, &s, &l); err != nil {
				t.Fatal(err)
			}
			sum += n
			bytes += uint64(len(s) + len(l))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if sum != 499999500000 || bytes != 5888890+1000000 {
			t.Fatalf("sum %d, %d bytes", sum, bytes)
		}
	}
}

func testDriverBigInsert(t *testing.T, f *front) {
	f.query(t, "CREATE TABLE big (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
	const rows = 1_000_000
	var a proto.ColUInt64
	var s proto.ColStr
	for i := range rows {
		a.Append(uint64(i))
		s.Append(fmt.Sprint(i))
	}
	block := nativeBlock(proto.Input{{Name: "a", Data: &a}, {Name: "s", Data: &s}})
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(oneBlock))
	if err := f.plain.InsertFormat(ctx, "Native", "INSERT INTO big", bytes.NewReader(block)); err != nil {
		t.Fatal(err)
	}
	batch, err := f.lz4.PrepareBatch(ctx, "INSERT INTO big")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(batch.Column(0).Append([]uint64(a)), batch.Column(1).Append(make([]string, rows)), batch.Send()); err != nil {
		t.Fatal(err)
	}
	if got := f.query(t, "SELECT count(), sum(a), sum(length(s)) FROM big"); got != "2000000\t999999000000\t5888890" {
		t.Fatalf("stored %q", got)
	}
	if got := f.query(t, newParts("big")); got != "2\t1000000\t1000000" {
		t.Fatalf("parts %q, want two of a million rows", got)
	}
	f.query(t, "DROP TABLE big SYNC")
}

// oneBlock are the settings of a client that wants an INSERT to be one block.
var oneBlock = clickhouse.Settings{
	"async_insert": 0, "optimize_on_insert": 0, "insert_deduplicate": 0, "max_insert_block_size": 100_000_000,
	"min_insert_block_size_rows": 100_000_000, "min_insert_block_size_bytes": 0, "max_insert_threads": 1,
}

// newParts counts the parts that inserts made, merged since or not.
func newParts(table string) string {
	return "SELECT count(), min(rows), max(rows) FROM system.parts WHERE database = currentDatabase() AND table = '" + table + "' AND level = 0"
}
