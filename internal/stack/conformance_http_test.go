package stack_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
)

func testStatementPlaces(t *testing.T, f *front) {
	f.get(t, "SELECT 1").want(t, 200, "1\n")
	f.post(t, "SELECT 1").want(t, 200, "1\n")
	f.do(t, http.MethodPost, values("query", "SELECT 1"), http.NoBody).want(t, 200, "1\n")
	f.do(t, http.MethodPost, values("query", "SELECT"), strings.NewReader("1 + 1")).want(t, 200, "2\n")
	f.do(t, http.MethodPut, nil, strings.NewReader("SELECT 3")).want(t, 200, "3\n")
	f.post(t, "/* c */ -- d\n WITH 4 AS x SELECT x;").want(t, 200, "4\n")
	f.post(t, "").wantError(t, 400, 62, "SYNTAX_ERROR")
	f.post(t, " -- nothing\n").wantError(t, 400, 62, "SYNTAX_ERROR")
	long := "SELECT length('" + strings.Repeat("x", 2<<20) + "')"
	f.post(t, long, "max_query_size", "4000000").want(t, 200, "2097152\n")
	f.post(t, long).wantError(t, 400, 62, "SYNTAX_ERROR") // As ClickHouse's max_query_size has it.
}

func testInsertFormats(t *testing.T, f *front) {
	f.query(t, "CREATE TABLE formats (a UInt32, s String DEFAULT 'd') ENGINE = MergeTree ORDER BY a")
	for _, c := range []struct{ name, query, body, want string }{
		{"VALUES in the statement", "", "INSERT INTO formats VALUES (1, 'x'), (1 + 1, concat('a', 'b'));", "1\tx\n2\tab"},
		{"VALUES in the body", "INSERT INTO formats (a) VALUES", "(1),(2)", "1\td\n2\td"},
		{"CSV", "INSERT INTO formats FORMAT CSV", "1,\"a;b\"\r\n2,c", "1\ta;b\n2\tc"},
		{"CSV with statement and data in the body", "", "INSERT INTO formats FORMAT CSV\n1,x\n", "1\tx"},
		{"CSVWithNames in other order", "INSERT INTO formats FORMAT CSVWithNames", "s,a\nx,1\n", "1\tx"},
		{"TSV with settings", "", "INSERT INTO formats SETTINGS async_insert = 0 FORMAT TSV\n1\tx\n", "1\tx"},
		{"JSONEachRow", "INSERT INTO formats FORMAT JSONEachRow", "{\"a\":1}\n{\"a\":2,\"s\":\"\\u0000\"}", "1\td\n2\t\\0"},
		{"RowBinary", "INSERT INTO formats (a, s) FORMAT RowBinary", "\x01\x00\x00\x00\x02\n\n", "1\t\\n\\n"},
		{"Native", "INSERT INTO formats FORMAT Native", "\x02\x01\x01a\x06UInt32\x01\x00\x00\x00\x01s\x06String\x01x", "1\tx"},
		{"columns named like keywords", "INSERT INTO formats (`a`, \"s\") FORMAT CSV", "1,values\n", "1\tvalues"},
		{"INSERT SELECT", "", "INSERT INTO formats SELECT number, 'n' FROM numbers(2)", "0\tn\n1\tn"},
		{"no data", "INSERT INTO formats FORMAT CSV", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.query(t, "TRUNCATE TABLE formats")
			params := url.Values{}
			if c.query != "" {
				params.Set("query", c.query)
			}
			f.do(t, http.MethodPost, params, strings.NewReader(c.body)).want(t, 200, "")
			if got := f.query(t, "SELECT a, s FROM formats ORDER BY a"); got != c.want {
				t.Fatalf("stored %q, want %q", got, c.want)
			}
		})
	}
	f.query(t, "DROP TABLE formats SYNC")
}

func testOutputFormats(t *testing.T, f *front) {
	const sql = "SELECT number AS n, 'x' AS s FROM numbers(2)"
	for _, c := range []struct{ format, kind, body string }{
		{"TSV", "text/tab-separated-values; charset=UTF-8", "0\tx\n1\tx\n"},
		{"TabSeparatedWithNames", "text/tab-separated-values; charset=UTF-8", "n\ts\n0\tx\n1\tx\n"},
		{"CSV", "text/csv; charset=UTF-8; header=absent", "0,\"x\"\n1,\"x\"\n"},
		{"CSVWithNames", "text/csv; charset=UTF-8; header=present", "\"n\",\"s\"\n0,\"x\"\n1,\"x\"\n"},
		{"JSONEachRow", "application/x-ndjson; charset=UTF-8", "{\"n\":0,\"s\":\"x\"}\n{\"n\":1,\"s\":\"x\"}\n"},
		{"JSONCompactColumns", "application/json; charset=UTF-8", "[\n\t[0, 1],\n\t[\"x\", \"x\"]\n]\n"},
		{"Native", "application/octet-stream", "\x02\x02\x01n\x06UInt64\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01s\x06String\x01x\x01x"},
		{"RowBinary", "application/octet-stream", "\x00\x00\x00\x00\x00\x00\x00\x00\x01x\x01\x00\x00\x00\x00\x00\x00\x00\x01x"},
		{"Null", "text/plain; charset=UTF-8", ""},
	} {
		t.Run(c.format, func(t *testing.T) {
			for where, a := range map[string]answer{
				"clause":         f.post(t, sql+" FORMAT "+c.format),
				"with settings":  f.post(t, sql+" FORMAT "+c.format+" SETTINGS max_threads = 1"),
				"default_format": f.post(t, sql, "default_format", c.format),
				"header":         f.do(t, http.MethodPost, nil, strings.NewReader(sql), "X-ClickHouse-Format", c.format),
				"clause wins":    f.post(t, sql+" FORMAT "+c.format, "default_format", "XML"),
			} {
				if a.status != 200 || a.body != c.body || a.header.Get("Content-Type") != c.kind || a.header.Get("X-ClickHouse-Format") != c.format {
					t.Fatalf("%s: HTTP %d, %q, %q", where, a.status, a.header.Get("Content-Type"), a.body)
				}
			}
		})
	}
	// A format with a head is whole even when the result has many blocks.
	a := f.post(t, "SELECT number FROM numbers(200000) FORMAT JSON", "max_block_size", "1000")
	if strings.Count(a.body, `"meta"`) != 1 || !strings.Contains(a.body, `"rows": 200000`) {
		t.Fatalf("JSON of many blocks: %.100q", a.body)
	}
	f.post(t, "SELECT 1 FORMAT Nosuch").wantError(t, 404, 73, "UNKNOWN_FORMAT")
	f.post(t, "EXISTS TABLE nosuch FORMAT JSONCompactColumns").want(t, 200, "[\n\t[0]\n]\n")
}

func testReadOnly(t *testing.T, f *front) {
	f.query(t, "CREATE TABLE ro (a UInt8) ENGINE = Memory")
	f.get(t, "SELECT count() FROM ro").want(t, 200, "0\n")
	f.get(t, "SELECT getSetting('max_threads') SETTINGS max_threads = 3").want(t, 200, "3\n")
	f.get(t, "SELECT getSetting('max_threads')", "max_threads", "4", "readonly", "1").want(t, 200, "4\n")
	for _, sql := range []string{
		"DROP TABLE ro", "CREATE TABLE ro2 (a UInt8) ENGINE = Memory", "INSERT INTO ro SELECT 1", "INSERT INTO ro VALUES (1)",
		"TRUNCATE TABLE ro", "ALTER TABLE ro ADD COLUMN b UInt8", "SET readonly = 0",
	} {
		f.get(t, sql).wantError(t, 500, 164, "READONLY")
	}
	f.post(t, "INSERT INTO ro SELECT 1", "readonly", "1").wantError(t, 500, 164, "READONLY")
	if got := f.query(t, "SELECT count() FROM ro"); got != "0" {
		t.Fatalf("a read-only request stored %s rows", got)
	}
	f.query(t, "DROP TABLE ro")
}

func testStatuses(t *testing.T, f *front) {
	f.post(t, "SELEC 1").wantError(t, 400, 62, "SYNTAX_ERROR")
	f.post(t, "nonsense").wantError(t, 400, 62, "SYNTAX_ERROR")
	f.post(t, "SELECT nosuch").wantError(t, 404, 47, "UNKNOWN_IDENTIFIER")
	f.post(t, "SELECT nosuch(1)").wantError(t, 404, 46, "UNKNOWN_FUNCTION")
	f.post(t, "SELECT 1 + 'a'").wantError(t, 500, 43, "ILLEGAL_TYPE_OF_ARGUMENT")
	f.post(t, "SELECT throwIf(1)").wantError(t, 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO")
	f.post(t, "SELECT toUInt8('x')").wantError(t, 400, 6, "CANNOT_PARSE_TEXT")
	f.post(t, "SELECT count() FROM numbers(100000000000)", "max_execution_time", "1").wantError(t, 408, 159, "TIMEOUT_EXCEEDED")
	f.post(t, "SELECT groupArray(number) FROM numbers(10000000)", "max_memory_usage", "1000000").wantError(t, 500, 241, "MEMORY_LIMIT_EXCEEDED")
	f.do(t, http.MethodPost, values("query", "INSERT INTO nosuch FORMAT CSV"), strings.NewReader("1\n")).wantError(t, 404, 60, "UNKNOWN_TABLE")
	f.post(t, "SELECT 1", "client_protocol_version", "x").wantError(t, 400, 36, "BAD_ARGUMENTS")
}

func testFrames(t *testing.T, f *front) {
	for _, method := range []string{"LZ4", "ZSTD"} {
		a := f.post(t, "SELECT number FROM numbers(200000)", "compress", "1", "network_compression_method", method)
		text, err := io.ReadAll(endReader{compress.NewReader(strings.NewReader(a.body))})
		if err != nil || strings.Count(string(text), "\n") != 200000 || len(a.body) >= len(text) {
			t.Fatalf("%s: %d bytes of %d, %v", method, len(a.body), len(text), err)
		}
	}
	f.query(t, "CREATE TABLE frames (a UInt64) ENGINE = MergeTree ORDER BY a")
	var body bytes.Buffer
	writer := compress.NewWriter(compress.LevelZero, compress.LZ4)
	for i := range 3 {
		if err := writer.Compress(fmt.Appendf(nil, "%d\n%d\n", i, i+10)); err != nil {
			t.Fatal(err)
		}
		body.Write(writer.Data)
	}
	insert := values("query", "INSERT INTO frames FORMAT TSV", "decompress", "1")
	f.do(t, http.MethodPost, insert, bytes.NewReader(body.Bytes())).want(t, 200, "")
	for name, broken := range map[string][]byte{
		"cut off in a frame":  body.Bytes()[:body.Len()-3],
		"cut off in a header": body.Bytes()[:len(writer.Data)+10],
		"a wrong checksum":    append([]byte{body.Bytes()[0] ^ 1}, body.Bytes()[1:]...),
		"not frames":          []byte(strings.Repeat("garbage ", 20)),
	} {
		a := f.do(t, http.MethodPost, insert, bytes.NewReader(broken))
		if a.status != 500 || !strings.Contains(a.body, "CANNOT_DECOMPRESS") {
			t.Fatalf("%s: HTTP %d %q", name, a.status, a.body)
		}
	}
	if got := f.query(t, "SELECT count(), sum(a) FROM frames"); got != "6\t36" {
		t.Fatalf("stored %q", got)
	}
	f.query(t, "DROP TABLE frames SYNC")
}

// endReader makes the end of the frames an io.EOF.
type endReader struct{ r io.Reader }

func (e endReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}

func testGzip(t *testing.T, f *front) {
	var body bytes.Buffer
	writer := gzip.NewWriter(&body)
	if _, err := io.WriteString(writer, "SELECT 5"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	f.do(t, http.MethodPost, nil, bytes.NewReader(body.Bytes()), "Content-Encoding", "gzip").want(t, 200, "5\n")
	f.do(t, http.MethodPost, nil, strings.NewReader("x"), "Content-Encoding", "gzip").wantError(t, 400, 36, "BAD_ARGUMENTS")
	a := f.do(t, http.MethodPost, values("enable_http_compression", "1"), strings.NewReader("SELECT 5"), "Accept-Encoding", "gzip")
	if a.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("headers %v", a.header)
	}
	reader, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(reader); err != nil || string(text) != "5\n" {
		t.Fatalf("got %q, %v", text, err)
	}
}
