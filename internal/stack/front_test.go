package stack_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tidemark/internal/stack"
	stacktest "tidemark/internal/test/stack"
)

// front is what a case of the conformance table works with.
type front struct {
	stack    *stack.Stack
	database string
	plain    driver.Conn // clickhouse-go over HTTP, no compression
	lz4      driver.Conn
	zstd     driver.Conn
	gzip     driver.Conn
}

func newFront(t *testing.T) *front {
	s := stacktest.Start(t)
	f := &front{stack: s, database: stacktest.Database(t, s)}
	f.plain = f.open(t, clickhouse.CompressionNone)
	f.lz4 = f.open(t, clickhouse.CompressionLZ4)
	f.zstd = f.open(t, clickhouse.CompressionZSTD)
	f.gzip = f.open(t, clickhouse.CompressionGZIP)
	return f
}

func (f *front) open(t *testing.T, method clickhouse.CompressionMethod) driver.Conn {
	t.Helper()
	options := &clickhouse.Options{
		Addr: []string{f.stack.HTTPAddr()}, Protocol: clickhouse.HTTP, Auth: clickhouse.Auth{Database: f.database},
		Compression: &clickhouse.Compression{Method: method, Level: 3},
	}
	if method == clickhouse.CompressionGZIP {
		options.Settings = clickhouse.Settings{"enable_http_compression": 1}
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return conn
}

func (f *front) conns() map[string]driver.Conn {
	return map[string]driver.Conn{"plain": f.plain, "lz4": f.lz4, "zstd": f.zstd, "gzip": f.gzip}
}

// answer is an HTTP response, read.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// do sends one plain HTTP request. Parameters are URL encoded here; headers
// come in pairs.
func (f *front) do(t *testing.T, method string, params url.Values, body io.Reader, headers ...string) answer {
	t.Helper()
	return doTo(t, f.stack.HTTPURL()+"/", f.database, method, params, body, headers...)
}

func doTo(t *testing.T, base, database, method string, params url.Values, body io.Reader, headers ...string) answer {
	t.Helper()
	if params == nil {
		params = url.Values{}
	}
	if database != "" && !params.Has("database") {
		params.Set("database", database)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, base+"?"+params.Encode(), body)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
			continue
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text), err: err}
}

func (f *front) post(t *testing.T, sql string, pairs ...string) answer {
	t.Helper()
	return f.do(t, http.MethodPost, values(pairs...), strings.NewReader(sql))
}

func (f *front) get(t *testing.T, sql string, pairs ...string) answer {
	t.Helper()
	params := values(pairs...)
	params.Set("query", sql)
	return f.do(t, http.MethodGet, params, http.NoBody)
}

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func (f *front) query(t *testing.T, sql string) string {
	t.Helper()
	return stacktest.Query(t, f.stack, f.database, sql)
}

func (a answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.err != nil || a.status != status || a.body != body {
		t.Fatalf("got HTTP %d %q (%v), want %d %q", a.status, a.body, a.err, status, body)
	}
}

// wantError checks the three places where an error's code stands.
func (a answer) wantError(t *testing.T, status, code int, name string) {
	t.Helper()
	prefix := fmt.Sprintf("Code: %d. DB::Exception: ", code)
	if a.status != status || a.header.Get("X-ClickHouse-Exception-Code") != fmt.Sprint(code) ||
		!strings.HasPrefix(a.body, prefix) || !strings.Contains(a.body, "("+name+")") || !strings.Contains(a.body, "(version ") {
		t.Fatalf("got HTTP %d, header code %q, body %q; want %d, %q, (%s)", a.status, a.header.Get("X-ClickHouse-Exception-Code"), a.body, status, prefix, name)
	}
}

// waitFor polls a query until its answer is as wanted; the test's own deadline
// ends it.
func (f *front) waitFor(t *testing.T, sql, want string) {
	t.Helper()
	for f.query(t, sql) != want {
		select {
		case <-t.Context().Done():
			t.Fatalf("%s is still not %s", sql, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// endless returns a query that never ends by itself and costs little.
func endless(marker string) string {
	return "SELECT count() FROM system.numbers WHERE sleepEachRow(0.01) = 1 AND '" + marker + "' != '' SETTINGS max_block_size = 10, max_threads = 1"
}

func running(marker string) string {
	return "SELECT count() FROM system.processes WHERE query LIKE '%" + marker + "%' AND query NOT LIKE '%system.processes%'"
}
