package stack_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// in returns the parameters of a request in a session of the test's database.
func (f *front) in(name string, more ...string) []string {
	return append([]string{"session_id", f.database + name}, more...)
}

func testNamedSession(t *testing.T, f *front) {
	f.post(t, "SELECT 1", f.in("a", "session_check", "1")...).wantError(t, 500, 372, "SESSION_NOT_FOUND")
	f.post(t, "SELECT 1", f.in("a")...).want(t, 200, "1\n")
	f.post(t, "SELECT 1", f.in("a", "session_check", "1")...).want(t, 200, "1\n")
	f.post(t, "CREATE TEMPORARY TABLE tmp (a UInt8)", f.in("a")...).want(t, 200, "")
	f.post(t, "INSERT INTO tmp VALUES (1), (2)", f.in("a")...).want(t, 200, "")
	f.do(t, http.MethodPost, values(f.in("a", "query", "INSERT INTO tmp FORMAT CSV")...), strings.NewReader("3\n")).want(t, 200, "")
	f.post(t, "SELECT sum(a) FROM tmp", f.in("a")...).want(t, 200, "6\n")
	f.post(t, "SELECT sum(a) FROM tmp FORMAT CSVWithNames", f.in("a")...).want(t, 200, "\"sum(a)\"\n6\n")
	f.get(t, "SELECT sum(a) FROM tmp", f.in("a")...).want(t, 200, "6\n")
	f.post(t, "SELECT sum(a) FROM tmp").wantError(t, 404, 60, "UNKNOWN_TABLE")
	f.post(t, "SELECT sum(a) FROM tmp", f.in("b")...).wantError(t, 404, 60, "UNKNOWN_TABLE")
	f.post(t, "SELECT sum(a) FROM tmp", f.in("a", "close_session", "1")...).want(t, 200, "6\n")
	f.post(t, "SELECT 1", f.in("a", "session_check", "1")...).wantError(t, 500, 372, "SESSION_NOT_FOUND")
	f.post(t, "SELECT sum(a) FROM tmp", f.in("a")...).wantError(t, 404, 60, "UNKNOWN_TABLE")
	f.post(t, "SELECT 1", "session_id", strings.Repeat("x", 257)).wantError(t, 400, 36, "BAD_ARGUMENTS")
	f.post(t, "SET output_format_json_array_of_rows = 1", f.in("rows")...).want(t, 200, "")
	f.post(t, "SELECT 1", f.in("rows", "max_threads", "2")...).want(t, 200, "1\n")
	f.post(t, "USE system", f.in("rows")...).want(t, 200, "")
	f.post(t, "SELECT currentDatabase()", "session_id", f.database+"rows").want(t, 200, f.database+"\n")
	f.get(t, "SELECT count() FROM system.one AS parallel", f.in("reads")...).want(t, 200, "1\n")
	f.get(t, "EXISTS TEMPORARY TABLE nosuch", f.in("reads")...).want(t, 200, "0\n")
	f.get(t, "CREATE TEMPORARY TABLE tmp (a UInt8)", f.in("reads")...).wantError(t, 500, 164, "READONLY")
	f.post(t, "SELECT 1", "param_tidemark_front_tags", "[]").wantError(t, 400, 36, "BAD_ARGUMENTS")
	f.post(t, "SELECT 1", f.in("a", "session_timeout", "3601")...).wantError(t, 500, 374, "INVALID_SESSION_TIMEOUT")
	f.post(t, "SELECT 1", f.in("a", "session_timeout", "x")...).wantError(t, 500, 374, "INVALID_SESSION_TIMEOUT")
	f.post(t, "SELECT 1", f.in("a", "session_timeout", "3600")...).want(t, 200, "1\n")
}

// testNamedSettings keeps a session's settings and database apart from those of one request in it.
func testNamedSettings(t *testing.T, f *front) {
	const threads, limit = "SELECT getSetting('max_threads')", "SELECT getSetting('max_rows_to_read')"
	f.post(t, "SET max_threads = 3", f.in("s", "max_threads", "7")...).want(t, 200, "")
	f.post(t, threads, f.in("s")...).want(t, 200, "3\n")
	f.post(t, threads, f.in("s", "max_threads", "5", "max_rows_to_read", "100")...).want(t, 200, "5\n")
	f.post(t, threads, f.in("s")...).want(t, 200, "3\n")
	f.post(t, limit, f.in("s")...).want(t, 200, "0\n")
	f.post(t, "SELECT nosuch", f.in("s", "max_threads", "5", "max_rows_to_read", "100")...).wantError(t, 404, 47, "UNKNOWN_IDENTIFIER")
	f.post(t, threads, f.in("s", "nosuchsetting", "1")...).wantError(t, 404, 115, "UNKNOWN_SETTING")
	if a := f.post(t, threads, f.in("s", "max_rows_to_read", "7", "max_threads", "x")...); a.status == 200 {
		t.Fatalf("a setting that is no number: %q", a.body)
	}
	f.post(t, threads, f.in("s")...).want(t, 200, "3\n")
	f.post(t, limit, f.in("s")...).want(t, 200, "0\n")
	f.post(t, "SET max_rows_to_read = 1, max_result_rows = 1", f.in("s")...).want(t, 200, "")
	f.post(t, "SELECT max(number) FROM numbers(10)", f.in("s")...).wantError(t, 500, 158, "TOO_MANY_ROWS")
	f.post(t, "SELECT max(number) FROM numbers(10)", f.in("s", "max_rows_to_read", "0", "max_threads", "2", "max_block_size", "7")...).want(t, 200, "9\n")
	f.post(t, "SELECT max(number) FROM numbers(10)", f.in("s")...).wantError(t, 500, 158, "TOO_MANY_ROWS")

	const where = "SELECT currentDatabase()"
	ask := func(sql string, database string) answer {
		params := values(f.in("s", "max_rows_to_read", "0")...)
		if database != "" {
			params.Set("database", database)
		}
		return doTo(t, f.stack.HTTPURL()+"/", "", http.MethodPost, params, strings.NewReader(sql))
	}
	ask(where, "").want(t, 200, "default\n")
	ask(where, "system").want(t, 200, "system\n")
	ask(where, "").want(t, 200, "default\n")
	ask("USE nosuch_database", "system").wantError(t, 404, 81, "UNKNOWN_DATABASE") // And not the request's either.
	ask(where, "").want(t, 200, "default\n")
	ask("USE "+f.database, "").want(t, 200, "")
	ask(where, "").want(t, 200, f.database+"\n")
	ask(where, "system").want(t, 200, "system\n")
	ask(where, "nosuch").wantError(t, 404, 81, "UNKNOWN_DATABASE")
	ask(where, "").want(t, 200, f.database+"\n")
	ask("USE default", "system").want(t, 200, "")
	ask(where, "").want(t, 200, "default\n")
}

// testNamedReadOnly sends what only reads into a session that writes.
func testNamedReadOnly(t *testing.T, f *front) {
	f.query(t, "CREATE TABLE named (a UInt8) ENGINE = Memory")
	for _, kept := range []bool{false, true} {
		name := fmt.Sprint("r", kept)
		if kept {
			f.post(t, "CREATE TEMPORARY TABLE tmp (a UInt8)", f.in(name)...).want(t, 200, "")
		}
		for _, sql := range []string{
			"DROP TABLE named", "CREATE TABLE named2 (a UInt8) ENGINE = Memory", "INSERT INTO named SELECT 1", "INSERT INTO named VALUES (1)", "INSERT INTO named FORMAT CSV 1",
			"TRUNCATE TABLE named", "ALTER TABLE named ADD COLUMN b UInt8", "SET readonly = 0", "SET `read\\x6fnly` = 0", "OPTIMIZE TABLE named",
		} {
			a := f.get(t, sql, f.in(name)...)
			b := f.post(t, sql, f.in(name, "readonly", "2")...)
			a.wantError(t, 500, 164, "READONLY")
			b.wantError(t, 500, 164, "READONLY")
		}
		f.get(t, "SELEC 1", f.in(name)...).wantError(t, 400, 62, "SYNTAX_ERROR")
		f.get(t, "SELECT count() FROM named", f.in(name)...).want(t, 200, "0\n")
		f.post(t, "SELECT count() FROM named", f.in(name, "readonly", "1")...).want(t, 200, "0\n")
		f.get(t, "WITH 1 AS x SELECT x", f.in(name, "max_threads", "3")...).want(t, 200, "1\n")
		f.get(t, "SET max_threads = 3", f.in(name)...).want(t, 200, "")
		f.get(t, "SELECT getSetting('max_threads')", f.in(name)...).want(t, 200, "3\n")
		f.post(t, "INSERT INTO named VALUES (1)", f.in(name)...).want(t, 200, "")
		f.query(t, "TRUNCATE TABLE named")
	}
	f.query(t, "DROP TABLE named")
}

func testNamedLocked(t *testing.T, f *front) {
	for _, kept := range []bool{false, true} {
		name := fmt.Sprint("l", kept)
		if kept {
			f.post(t, "CREATE TEMPORARY TABLE tmp (a UInt8)", f.in(name)...).want(t, 200, "")
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.stack.HTTPURL()+"/?"+values(f.in(name)...).Encode(), strings.NewReader(endless(name+"_marker")))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			response, err := http.DefaultTransport.RoundTrip(request)
			if err == nil {
				_ = response.Body.Close()
			}
			ended <- err
		}()
		f.waitFor(t, running(name+"_marker"), "1")
		f.post(t, "SELECT 1", f.in(name)...).wantError(t, 500, 373, "SESSION_IS_LOCKED")
		f.post(t, "SELECT 1", f.in(name+"other")...).want(t, 200, "1\n")
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		f.waitFor(t, running(name+"_marker"), "0")
		for f.post(t, "SELECT 1", f.in(name)...).status != http.StatusOK { // The session is given back a moment after its statement has ended.
			if t.Context().Err() != nil {
				t.Fatal("the session stays locked")
			}
		}
		if kept {
			f.post(t, "SELECT count() FROM tmp", f.in(name)...).want(t, 200, "0\n")
		}
	}
}

// testNamedGuard tries to get around the guard by what a session keeps.
func testNamedGuard(t *testing.T, f *front) {
	f.post(t, "SET max_threads = 3", f.in("g")...).want(t, 200, "")
	for _, name := range []string{"format_schema", "dialect", "additional_result_filter", "format_avro_schema_registry_url", "output_format_schema", "merge_tree_disk"} {
		f.post(t, "SELECT 1", f.in("g", name, "x")...).wantError(t, 500, 452, "SETTING_CONSTRAINT_VIOLATION")
		f.post(t, "SET "+name+" = 'prql'", f.in("g")...).wantError(t, 500, 452, "SETTING_CONSTRAINT_VIOLATION")
	}
	f.post(t, "SET compile_aggregate_expressions = 1", f.in("g")...).wantError(t, 500, 452, "SETTING_CONSTRAINT_VIOLATION")
	f.post(t, "SELECT 1", f.in("g", "compile_aggregate_expressions", "0")...).want(t, 200, "1\n")
	f.post(t, "SELECT 1", f.in("g", "compile_aggregate_expressions", "1")...).wantError(t, 500, 452, "SETTING_CONSTRAINT_VIOLATION")
	f.post(t, "CREATE TEMPORARY TABLE o (s String) ENGINE = File(CSV)", f.in("g")...).wantError(t, 403, 497, "ACCESS_DENIED")
	f.post(t, "SET allow_introspection_functions = 0", f.in("g")...)
	// A statement that is not to be found could not be ended.
	f.post(t, "SET http_response_headers = {}", f.in("g")...).want(t, 200, "")
	f.post(t, "SELECT getSetting('max_threads')", f.in("g")...).want(t, 200, "3\n")
	a := f.post(t, "SELECT toString(getSetting('http_response_headers')) != '{}'", f.in("g")...)
	a.want(t, 200, "1\n")
	f.post(t, "SET readonly = 1", f.in("g")...).want(t, 200, "")
	f.post(t, "SET readonly = 0", f.in("g")...).wantError(t, 500, 164, "READONLY")
	f.post(t, "SELECT 1", f.in("g")...).want(t, 200, "1\n")
	f.post(t, "CREATE TABLE guarded (a UInt8) ENGINE = Memory", f.in("g")...).wantError(t, 500, 164, "READONLY")
}

// testManySessions opens more sessions that keep something than there may be.
func testManySessions(t *testing.T, f *front) {
	var refused answer
	opened := 0
	for refused.status == 0 && opened < 100 {
		a := f.post(t, "SET max_threads = 3", f.in(fmt.Sprint("m", opened))...)
		if a.status != http.StatusOK {
			refused = a
			break
		}
		opened++
	}
	refused.wantError(t, 500, 700, "USER_SESSION_LIMIT_EXCEEDED")
	f.post(t, "SELECT 1", f.in("with nothing to keep")...).want(t, 200, "1\n")
	f.post(t, "SELECT getSetting('max_threads')", f.in("m0")...).want(t, 200, "3\n")
	for i := range opened {
		f.post(t, "SELECT 1", f.in(fmt.Sprint("m", i), "close_session", "1")...).want(t, 200, "1\n")
	}
	f.post(t, "SET max_threads = 3", f.in("m", "close_session", "1")...).want(t, 200, "")
}
