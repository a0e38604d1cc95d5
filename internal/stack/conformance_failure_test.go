package stack_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
)

// breakOff sends the head of a request and part of its body, ends the sending
// side, and returns what the front says to that.
func (f *front) breakOff(t *testing.T, format, transfer string, body []byte) answer {
	t.Helper()
	dialer := &net.Dialer{}
	conn, err := dialer.DialContext(t.Context(), "tcp", f.stack.HTTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	params := values("database", f.database, "query", "INSERT INTO broken FORMAT "+format)
	if _, err := fmt.Fprintf(conn, "POST /?%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n%s", params.Encode(), transfer, body); err != nil {
		t.Fatal(err)
	}
	half, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("the connection is a %T", conn)
	}
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text), err: err}
}

func testBrokenBody(t *testing.T, f *front) {
	f.query(t, "CREATE TABLE broken (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
	var a proto.ColUInt64
	var s proto.ColStr
	for i := range 100_000 {
		a.Append(uint64(i))
		s.Append("some text")
	}
	block := nativeBlock(proto.Input{{Name: "a", Data: &a}, {Name: "s", Data: &s}})
	insert := func(format string, body io.Reader) answer {
		return f.do(t, http.MethodPost, values("query", "INSERT INTO broken FORMAT "+format), body)
	}
	// The body is whole for HTTP and cut short for the format.
	for _, n := range []int{len(block) - 1, len(block) / 2, 20} {
		if got := insert("Native", bytes.NewReader(block[:n])); got.status == 200 {
			t.Fatalf("%d of %d bytes: HTTP 200", n, len(block))
		}
	}
	insert("CSV", strings.NewReader("1,a\n2,b\nx,c\n")).wantError(t, 400, 27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED")
	// The connection breaks off; the rows before are whole.
	const length, chunked = "Content-Length: 100000000", "Transfer-Encoding: chunked"
	for _, broken := range []answer{
		f.breakOff(t, "CSV", length, []byte("1,a\n2,b\n")),
		f.breakOff(t, "CSV", chunked, []byte("8\r\n1,a\n2,b\n\r\n")),
		f.breakOff(t, "CSV", chunked, []byte("80\r\n1,a\n2,b\n\r\n")),
		f.breakOff(t, "Native", length, block),
		f.breakOff(t, "Native", length, block[:len(block)/2]),
	} {
		broken.wantError(t, 500, 33, "CANNOT_READ_ALL_DATA")
	}
	f.waitFor(t, running("INSERT INTO broken"), "0")
	if got := f.query(t, "SELECT count() FROM broken"); got != "0" {
		t.Fatalf("broken bodies stored %s rows", got)
	}
	insert("Native", bytes.NewReader(block)).want(t, 200, "")
	if got := f.query(t, "SELECT count() FROM broken"); got != "100000" {
		t.Fatalf("stored %s rows", got)
	}
	f.query(t, "DROP TABLE broken SYNC")
}

func testErrorMidway(t *testing.T, f *front) {
	a := f.post(t, "SELECT throwIf(number = 2000000, 'midway') FROM numbers(3000000)", "max_threads", "1", "max_block_size", "1000")
	tag := a.header.Get("X-ClickHouse-Exception-Tag")
	if a.status != 200 || a.err == nil || tag == "" || !strings.HasPrefix(a.body, "0\n0\n") {
		t.Fatalf("HTTP %d, %v, tag %q, %.20q", a.status, a.err, tag, a.body)
	}
	if _, exception, ok := strings.Cut(a.body, "\r\n__exception__\r\n"+tag+"\r\n"); !ok || !strings.HasPrefix(exception, "Code: 395. DB::Exception: midway") ||
		!strings.HasSuffix(exception, " "+tag+"\r\n__exception__\r\n") {
		t.Fatalf("exception %q", exception)
	}
}

func testWaitEndOfQuery(t *testing.T, f *front) {
	f.post(t, "SELECT throwIf(number = 200000) FROM numbers(300000)", "wait_end_of_query", "1").wantError(t, 500, 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO")
	f.post(t, "SELECT 1", "wait_end_of_query", "1", "buffer_size", "100000").want(t, 200, "1\n")
}

func testConcurrency(t *testing.T, f *front) {
	ctx, cancel := context.WithCancel(t.Context())
	const slow = 4
	failed := make(chan error, slow)
	for range slow {
		go func() { failed <- f.plain.Exec(ctx, endless("slow_marker")) }()
	}
	f.waitFor(t, running("slow_marker"), fmt.Sprint(slow))
	// These return while the slow ones run, or the test never ends.
	for range 20 {
		f.post(t, "SELECT 1").want(t, 200, "1\n")
	}
	f.query(t, "CREATE TABLE fast (a UInt8) ENGINE = MergeTree ORDER BY a")
	f.do(t, http.MethodPost, values("query", "INSERT INTO fast FORMAT CSV"), strings.NewReader("1\n")).want(t, 200, "")
	f.post(t, "SELECT * FROM fast").want(t, 200, "1\n")
	f.query(t, "DROP TABLE fast SYNC")
	if got := f.query(t, running("slow_marker")); got != fmt.Sprint(slow) {
		t.Fatalf("%s slow queries run, want %d", got, slow)
	}
	cancel()
	for range slow {
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	f.waitFor(t, running("slow_marker"), "0")
}

func testClientLeaves(t *testing.T, f *front) {
	for name, sql := range map[string]string{
		"before the result": endless("leaves"),
		"in the result":     "SELECT number, 'leaves' FROM system.numbers",
		"in a whole result": endless("leaves") + " FORMAT JSON",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.stack.HTTPURL()+"/", strings.NewReader(sql))
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			response, err := http.DefaultTransport.RoundTrip(request)
			if err == nil {
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		}()
		f.waitFor(t, running("leaves"), "1")
		cancel()
		<-ended
		f.waitFor(t, running("leaves"), "0")
		t.Log(name)
	}
}

func testHeaders(t *testing.T, f *front) {
	a := f.post(t, "SELECT number FROM numbers(10)", "query_id", "my-id")
	for name, want := range map[string]string{
		"X-ClickHouse-Query-Id": "my-id", "X-ClickHouse-Format": "TabSeparated",
		"X-ClickHouse-Timezone":            f.query(t, "SELECT timezone()"),
		"X-ClickHouse-Server-Display-Name": f.query(t, "SELECT displayName()"),
	} {
		if got := a.header.Get(name); got != want {
			t.Fatalf("%s: %q, want %q", name, got, want)
		}
	}
	f.query(t, "CREATE TABLE summary (a UInt64) ENGINE = MergeTree ORDER BY a")
	a = f.do(t, http.MethodPost, values("query", "INSERT INTO summary FORMAT TSV"), strings.NewReader("1\n2\n3\n"))
	if got := a.header.Get("X-ClickHouse-Summary"); !strings.Contains(got, `"written_rows":"3"`) {
		t.Fatalf("summary %s", got)
	}
	if id := a.header.Get("X-ClickHouse-Query-Id"); len(id) != 32 {
		t.Fatalf("query id %q", id)
	}
	f.query(t, "DROP TABLE summary SYNC")
}
