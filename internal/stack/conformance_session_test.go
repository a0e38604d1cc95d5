package stack_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
)

func testOnePart(t *testing.T, f *front) {
	f.query(t, "CREATE TABLE parts (a UInt64) ENGINE = ReplacingMergeTree ORDER BY a SETTINGS old_parts_lifetime = 3600")
	var a proto.ColUInt64
	for i := range 30_000 {
		a.Append(uint64(i % 100)) // Equal keys: optimize_on_insert would fold them.
	}
	block := nativeBlock(proto.Input{{Name: "a", Data: &a}})
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(oneBlock))
	for range 3 {
		if err := f.plain.InsertFormat(ctx, "Native", "INSERT INTO parts", bytes.NewReader(block)); err != nil {
			t.Fatal(err)
		}
	}
	// Two Native blocks in one body are squashed into one block of the engine.
	if err := f.plain.InsertFormat(ctx, "Native", "INSERT INTO parts", bytes.NewReader(append(block[:len(block):len(block)], block...))); err != nil {
		t.Fatal(err)
	}
	if got := f.query(t, newParts("parts")); got != "4\t30000\t60000" {
		t.Fatalf("parts %q, want 3 of 30000 and 1 of 60000 rows", got)
	}
	// The same with the settings a server has by default folds equal keys.
	f.query(t, "TRUNCATE TABLE parts")
	if err := f.plain.InsertFormat(t.Context(), "Native", "INSERT INTO parts", bytes.NewReader(block)); err != nil {
		t.Fatal(err)
	}
	if got := f.query(t, "SELECT count() FROM parts"); got != "100" {
		t.Fatalf("optimize_on_insert left %s rows, want 100", got)
	}
	// Text is cut into blocks where the client says so.
	f.query(t, "TRUNCATE TABLE parts")
	text := strings.Repeat("1\n", 1000)
	f.do(t, http.MethodPost, values("query", "INSERT INTO parts FORMAT TSV", "max_insert_block_size", "100", "min_insert_block_size_rows", "100",
		"min_insert_block_size_bytes", "0", "optimize_on_insert", "0"), strings.NewReader(text)).want(t, 200, "")
	if got := f.query(t, newParts("parts")); got != "10\t100\t100" {
		t.Fatalf("parts %q, want 10 of 100 rows", got)
	}
	f.query(t, "DROP TABLE parts SYNC")
}

func testSettings(t *testing.T, f *front) {
	const read = "SELECT getSetting('max_threads'), getSetting('log_comment'), getSetting('async_insert')"
	before := f.post(t, read).body
	f.post(t, read, "max_threads", "7", "log_comment", "it's \\ \"q\"", "async_insert", "0").want(t, 200, "7\tit\\'s \\\\ \"q\"\tfalse\n")
	f.post(t, "SET max_threads = 9").want(t, 200, "")
	f.post(t, "SELECT 1 SETTINGS max_threads = 8").want(t, 200, "1\n")
	f.post(t, "CREATE TEMPORARY TABLE gone (a Int8)").want(t, 200, "")
	for range 40 { // More than the sessions that can be open.
		f.post(t, read).want(t, 200, before)
	}
	f.post(t, "SELECT * FROM gone").wantError(t, 404, 60, "UNKNOWN_TABLE")
	f.post(t, "SELECT 1", "nosuch", "1").wantError(t, 404, 115, "UNKNOWN_SETTING")
	f.post(t, "SELECT 1", "max_threads", "many").wantError(t, 400, 27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED")
	f.post(t, "SELECT toDateTime(0)", "session_timezone", "Asia/Tokyo").want(t, 200, "1970-01-01 09:00:00\n")
	f.post(t, "SELECT sum(number) FROM numbers(10)", "max_rows_to_read", "5").wantError(t, 500, 158, "TOO_MANY_ROWS")
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_threads": 5}))
	var n uint64
	if err := f.plain.QueryRow(ctx, "SELECT toUInt64(getSetting('max_threads'))").Scan(&n); err != nil || n != 5 {
		t.Fatalf("got %d, %v", n, err)
	}
	if err := f.plain.QueryRow(t.Context(), "SELECT toUInt64(getSetting('max_threads'))").Scan(&n); err != nil || n == 5 {
		t.Fatalf("the setting stayed: %d, %v", n, err)
	}
}

func testDatabase(t *testing.T, f *front) {
	f.post(t, "SELECT currentDatabase()").want(t, 200, f.database+"\n")
	f.do(t, http.MethodPost, values("database", "system"), strings.NewReader("SELECT currentDatabase()")).want(t, 200, "system\n")
	doTo(t, f.stack.HTTPURL()+"/", "", http.MethodPost, nil, strings.NewReader("SELECT currentDatabase()")).want(t, 200, "default\n")
	doTo(t, f.stack.HTTPURL()+"/", "", http.MethodPost, nil, strings.NewReader("SELECT currentDatabase()"), "X-ClickHouse-Database", "system").want(t, 200, "system\n")
	f.post(t, "USE system").want(t, 200, "")
	f.post(t, "SELECT currentDatabase()").want(t, 200, f.database+"\n")
	f.do(t, http.MethodPost, values("database", "no`such"), strings.NewReader("SELECT 1")).wantError(t, 404, 81, "UNKNOWN_DATABASE")
}

func testParameters(t *testing.T, f *front) {
	f.post(t, "SELECT {a:UInt32} + 1, {s:String}, {l:Array(UInt8)}", "param_a", "5", "param_s", `x\'y`, "param_l", "[1,2]").want(t, 200, "6\tx\\'y\t[1,2]\n")
	f.post(t, "SELECT {a:UInt32} FORMAT JSONCompactColumns", "param_a", "5").want(t, 200, "[\n\t[5]\n]\n")
	f.post(t, "SELECT {missing:UInt32}").wantError(t, 500, 456, "UNKNOWN_QUERY_PARAMETER")
	f.query(t, "CREATE TABLE params (a UInt32) ENGINE = Memory")
	f.do(t, http.MethodPost, values("query", "INSERT INTO {t:Identifier} FORMAT CSV", "param_t", "params"), strings.NewReader("3\n")).want(t, 200, "")
	f.post(t, "SELECT a FROM {t:Identifier}", "param_t", "params").want(t, 200, "3\n")
	f.query(t, "DROP TABLE params")
}
