package stack_test

import (
	"net/http"
	"strings"
	"testing"

	"tidemark/internal/procstat"
)

// served lists what the front serves. The other half, notServed, lists what it
// refuses and how.
var served = []struct {
	what string
	run  func(t *testing.T, f *front)
}{
	{"GET /ping and GET / answer Ok., GET /metrics what the process uses", testPing},
	{"clickhouse-go: ping, server version", testDriverPing},
	{"clickhouse-go: DDL and Exec", testDriverDDL},
	{"clickhouse-go: PrepareBatch with every compression", testDriverBatch},
	{"clickhouse-go: InsertFormat Native with ch-go columns", testDriverInsertFormat},
	{"clickhouse-go: QueryFormat", testDriverQueryFormat},
	{"clickhouse-go: query parameters", testDriverParameters},
	{"clickhouse-go: exceptions with code and name", testDriverErrors},
	{"clickhouse-go: exception in the middle of a result", testDriverErrorMidway},
	{"clickhouse-go: cancellation ends the query in the engine", testDriverCancel},
	{"clickhouse-go: 1M rows out", testDriverBigResult},
	{"clickhouse-go: 1M rows in one block in", testDriverBigInsert},
	{"an INSERT of one block is one part", testOnePart},
	{"settings as URL parameters end with the request", testSettings},
	{"min and max of times before 1970, whatever a client sets", testPinned},
	{"database, X-ClickHouse-Database, USE", testDatabase},
	{"param_*", testParameters},
	{"statements in the query parameter, the body, and both", testStatementPlaces},
	{"INSERT data in the body or behind the statement, each input format", testInsertFormats},
	{"output formats and their content types", testOutputFormats},
	{"GET is read-only", testReadOnly},
	{"HTTP statuses of exceptions", testStatuses},
	{"compress=1, decompress=1", testFrames},
	{"gzip in both directions", testGzip},
	{"statement and rows in compressed frames are stored once", testFramesOnce},
	{"zstd, br, lz4, gzip and deflate in both directions", testCodings},
	{"Native of Variant, Dynamic, JSON", testDynamicTypes},
	{"forms: parameters and external tables", testForms},
	{"session_id: temporary tables, session_check, session_timeout, close_session", testNamedSession},
	{"session_id: SET and USE stay, a request's settings and database do not", testNamedSettings},
	{"session_id: GET and readonly only read", testNamedReadOnly},
	{"session_id: one request at a time", testNamedLocked},
	{"session_id: the guard holds", testNamedGuard},
	{"session_id: as many as there may be", testManySessions},
	{"a broken body inserts nothing", testBrokenBody},
	{"exception in the middle of a result, behind a marker", testErrorMidway},
	{"wait_end_of_query makes it a status", testWaitEndOfQuery},
	{"a slow query does not hold up a fast one", testConcurrency},
	{"a client that leaves ends its query", testClientLeaves},
	{"X-ClickHouse-Summary, X-ClickHouse-Query-Id and other headers", testHeaders},
}

// notServed lists what the front refuses, each with a clear exception.
var notServed = []struct {
	what    string
	method  string
	params  []string
	body    string
	headers []string
	status  int
	code    int
	name    string
}{
	{"bodies in parts other than forms", "POST", nil, "--x--", []string{"Content-Type", "multipart/mixed; boundary=x"}, 501, 48, "NOT_IMPLEMENTED"},
	{"roles", "POST", []string{"role", "a"}, "SELECT 1", nil, 501, 48, "NOT_IMPLEMENTED"},
	{"bodies in other codings", "POST", nil, "x", []string{"Content-Encoding", "xz"}, 501, 48, "NOT_IMPLEMENTED"},
	{"bodies in two codings", "POST", nil, "x", []string{"Content-Encoding", "gzip, br"}, 501, 48, "NOT_IMPLEMENTED"},
	{"many statements in one request", "POST", nil, "SELECT 1; SELECT 2", nil, 400, 62, "SYNTAX_ERROR"},
	{"many statements, the first without output", "POST", nil, "DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS b", nil, 400, 62, "SYNTAX_ERROR"},
	{"INSERT ... SELECT FROM input()", "POST", nil, "INSERT INTO FUNCTION null('a Int8') SELECT * FROM input('a Int8') FORMAT CSV\n1\n", nil, 501, 48, "NOT_IMPLEMENTED"},
	{"Native of types without a length", "POST", []string{"client_protocol_version", "54460"}, "SELECT sumState(1) FORMAT Native", nil, 501, 48, "NOT_IMPLEMENTED"},
}

func TestServed(t *testing.T) {
	f := newFront(t)
	for _, c := range served {
		t.Run(c.what, func(t *testing.T) { c.run(t, f) })
	}
}

func TestNotServed(t *testing.T) {
	f := newFront(t)
	for _, c := range notServed {
		t.Run(c.what, func(t *testing.T) {
			a := f.do(t, c.method, values(c.params...), strings.NewReader(c.body), c.headers...)
			if a.status == http.StatusOK { // The exception came after the status line.
				if a.err == nil || !strings.Contains(a.body, "__exception__") {
					t.Fatalf("got HTTP 200 %q, want an exception", a.body)
				}
				return
			}
			a.wantError(t, c.status, c.code, c.name)
		})
	}
}

func testPing(t *testing.T, f *front) {
	for _, path := range []string{"/ping", "/", "/replicas_status"} {
		a := doTo(t, f.stack.HTTPURL()+path, "", http.MethodGet, nil, http.NoBody)
		a.want(t, 200, "Ok.\n")
	}
	a := doTo(t, f.stack.HTTPURL()+"/metrics", "", http.MethodGet, nil, http.NoBody)
	if u, ok := procstat.Parse([]byte(a.body)); a.status != 200 || !ok || u.CPU <= 0 || u.Resident == 0 {
		t.Errorf("/metrics: HTTP %d, %+v of %q", a.status, u, a.body)
	}
	if a := doTo(t, f.stack.HTTPURL()+"/nosuch", "", http.MethodGet, nil, http.NoBody); a.status != 404 {
		t.Fatalf("/nosuch: HTTP %d", a.status)
	}
	if a := f.do(t, http.MethodDelete, nil, http.NoBody); a.status != 405 {
		t.Fatalf("DELETE: HTTP %d", a.status)
	}
}
