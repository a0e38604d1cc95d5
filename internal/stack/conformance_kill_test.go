package stack_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// start sends an endless statement under a client's identifier; its answer comes when somebody ends it.
func (f *front) start(t *testing.T, id string) chan answer {
	t.Helper()
	ended := make(chan answer, 1)
	go func() { ended <- f.post(t, endless("marked "+id), "query_id", id) }()
	f.waitFor(t, "SELECT count() FROM system.processes WHERE query_id = '"+id+"'", "1")
	return ended
}

// TestKillByOwnID ends statements by the identifiers that clients gave them, as JDBC's cancel does.
func TestKillByOwnID(t *testing.T) {
	f := newFront(t)
	for name, c := range map[string]struct{ sql, status string }{
		"as JDBC writes it":   {"KILL QUERY WHERE query_id='ID'", "waiting"},
		"ASYNC":               {"KILL QUERY WHERE query_id = 'ID' ASYNC", "waiting"},
		"SYNC":                {"kill query where query_id = 'ID' sync", "finished"},
		"comments, semicolon": {"/* x */ KILL QUERY WHERE query_id = 'ID' -- SYNC\n;", "waiting"},
		"a subquery":          {"KILL QUERY WHERE query_id IN (SELECT 'ID') AND user = 'default' ASYNC", "waiting"},
		"initial_query_id":    {"KILL QUERY WHERE initial_query_id = 'ID' SYNC", "finished"},
		"a FORMAT":            {"KILL QUERY WHERE query_id = 'ID' SYNC FORMAT TSV", "finished"},
	} {
		t.Run(name, func(t *testing.T) {
			id := "own " + name
			ended, spared := f.start(t, id), f.start(t, id+" spared")
			sql := func(id string) string { return strings.ReplaceAll(c.sql, "ID", id) }
			test := f.post(t, "KILL QUERY WHERE query_id = '"+id+"' TEST")
			if !strings.HasPrefix(test.body, "unknown_status\t"+id+"\tdefault\tSELECT") {
				t.Fatalf("TEST: %q", test.body)
			}
			if got := f.query(t, running("marked "+id)); got != "2" {
				t.Fatalf("%s run after TEST, want 2", got)
			}
			killed := f.post(t, sql(id))
			if !strings.HasPrefix(killed.body, c.status+"\t"+id+"\tdefault\tSELECT") || strings.Count(killed.body, "\n") != 1 {
				t.Fatalf("got %q", killed.body)
			}
			const canceled = "QUERY_WAS_CANCELLED" //nolint:misspell // ClickHouse's name
			(<-ended).wantError(t, http.StatusInternalServerError, 394, canceled)
			select {
			case a := <-spared:
				t.Fatalf("the other statement ended too: %q", a.body)
			default:
			}
			f.post(t, sql(id+" spared"))
			(<-spared).wantError(t, http.StatusInternalServerError, 394, canceled)
		})
	}
}

func TestKillNobody(t *testing.T) {
	f := newFront(t)
	f.post(t, "KILL QUERY WHERE query_id = 'nobody'").want(t, 200, "")
	var result struct {
		Meta []struct{ Name string }
		Rows int
	}
	a := f.post(t, "KILL QUERY WHERE query_id = 'nobody' SYNC FORMAT JSON")
	if err := json.Unmarshal([]byte(a.body), &result); err != nil || len(result.Meta) != 4 || result.Meta[0].Name != "kill_status" || result.Rows != 0 {
		t.Fatalf("got %q, %v", a.body, err)
	}
	f.post(t, "KILL QUERY WHERE query_id = 'nobody' FORMAT JSONEachRow SETTINGS max_threads = 1").want(t, 200, "")
	f.post(t, "KILL QUERY WHERE nosuch = 1").wantError(t, 404, 47, "UNKNOWN_IDENTIFIER")
	f.post(t, "KILL QUERY").wantError(t, 400, 62, "SYNTAX_ERROR")
	f.post(t, "KILL QUERY ON CLUSTER c WHERE 1").wantError(t, 500, 392, "QUERY_IS_PROHIBITED")
}

// TestOwnIDsShow finds a statement by its client's identifier wherever the engine shows what runs.
func TestOwnIDsShow(t *testing.T) {
	f := newFront(t)
	ended := f.start(t, "shown")
	for _, sql := range []string{
		"SELECT query_id FROM system.processes WHERE query_id = 'shown'",
		"SELECT p.query_id FROM system.processes AS p WHERE p.initial_query_id = 'shown'",
		"WITH x AS (SELECT * FROM `system`.processes) SELECT query_id FROM x WHERE query_id LIKE 'sh%'",
		"SELECT query_id FROM (SELECT query_id FROM\nsystem . \"processes\" /* system.processes */) WHERE query_id = 'shown'",
		"FROM system.processes SELECT query_id WHERE query_id = {id:String}",
	} {
		if a := f.post(t, sql, "param_id", "shown"); a.body != "shown\n" {
			t.Errorf("%s: %q", sql, a.body)
		}
	}
	if got := f.query(t, "SELECT 'system.processes', 1 AS `system.processes`"); got != "system.processes\t1" {
		t.Errorf("a string is read as a table: %q", got)
	}
	if a := f.post(t, "SHOW PROCESSLIST FORMAT JSONEachRow"); !strings.Contains(a.body, `"query_id":"shown"`) {
		t.Errorf("SHOW PROCESSLIST: %q", a.body)
	}
	for _, sql := range []string{
		"SELECT processes.query_id FROM system.processes WHERE query_id = 'shown'",
		"SELECT system.processes.query_id FROM system.processes WHERE query_id = 'shown'",
		"SELECT p.query_id FROM system.processes p WHERE p.query_id = 'shown'",
		"SELECT p.query_id FROM system.processes AS p WHERE p.query_id = 'shown' LIMIT 1",
		"SELECT processes.query_id FROM system.processes INNER JOIN system.one ON dummy = 0 WHERE query_id = 'shown'",
	} {
		f.post(t, sql).want(t, 200, "shown\n")
	}
	f.post(t, "KILL QUERY WHERE processes.query_id = 'shown' SYNC")
	<-ended
}

// TestAggregateStates: what has no length in the Native format of a client's revision is refused before the status, with its
// column, its type and the way out; other formats give it as it is.
func TestAggregateStates(t *testing.T) {
	f := newFront(t)
	f.query(t, "CREATE TABLE states (k UInt64, s AggregateFunction(sum, UInt64), `u q` AggregateFunction(uniq, String)) ENGINE = AggregatingMergeTree ORDER BY k")
	f.query(t, "INSERT INTO states SELECT number, sumState(number), uniqState(toString(number)) FROM numbers(3) GROUP BY number")
	native := []string{"client_protocol_version", "54460"}
	for sql, want := range map[string][]string{
		"SELECT * FROM states":             {"`s` of type AggregateFunction(sum, UInt64)", "finalizeAggregation(`s`)", "-Merge"},
		"SELECT `u q` FROM states LIMIT 1": {"`u q` of type AggregateFunction(uniq, String)", "finalizeAggregation(`u q`)"},
		"SELECT [s] AS a FROM states":      {"`a` of type Array(AggregateFunction(sum, UInt64))", "-Merge"},
		"SELECT k, s FROM states LIMIT 0":  nil,
	} {
		for _, wait := range []string{"0", "1"} {
			a := f.post(t, sql+" FORMAT Native", append(native[:2:2], "wait_end_of_query", wait)...)
			if want == nil {
				if a.status != 200 || a.err != nil {
					t.Errorf("%s: HTTP %d %q", sql, a.status, a.body)
				}
				continue
			}
			a.wantError(t, 501, 48, "NOT_IMPLEMENTED")
			for _, part := range want {
				if !strings.Contains(a.body, part) {
					t.Errorf("%s: %q lacks %q", sql, a.body, part)
				}
			}
		}
	}
	for _, format := range []string{"TSV", "JSON", "RowBinaryWithNamesAndTypes", "Native"} {
		if a := f.post(t, "SELECT * FROM states FORMAT "+format); a.status != 200 || a.err != nil || a.body == "" {
			t.Errorf("%s: HTTP %d, %v", format, a.status, a.err)
		}
	}
	if a := f.post(t, "SELECT k, finalizeAggregation(s), finalizeAggregation(`u q`) FROM states FORMAT Native", native...); a.status != 200 || a.err != nil {
		t.Errorf("the way out: HTTP %d %q", a.status, a.body)
	}
	f.query(t, "DROP TABLE states SYNC")
}

func TestSummaryFields(t *testing.T) {
	f := newFront(t)
	f.query(t, "CREATE TABLE fields (a UInt64) ENGINE = MergeTree ORDER BY a")
	read := func(a answer) map[string]int {
		t.Helper()
		var texts map[string]string
		if err := json.Unmarshal([]byte(a.header.Get("X-ClickHouse-Summary")), &texts); err != nil {
			t.Fatal(err)
		}
		numbers := map[string]int{}
		for name, text := range texts {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			numbers[name] = n
		}
		for _, name := range []string{"read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read", "result_rows", "result_bytes", "elapsed_ns", "memory_usage"} {
			if _, ok := numbers[name]; !ok {
				t.Errorf("there is no %s in %v", name, texts)
			}
		}
		if numbers["elapsed_ns"] <= 0 {
			t.Errorf("elapsed_ns in %v", texts)
		}
		return numbers
	}
	insert := read(f.do(t, http.MethodPost, values("query", "INSERT INTO fields FORMAT TSV"), strings.NewReader("1\n2\n3\n")))
	if insert["written_rows"] != 3 || insert["result_rows"] != 3 || insert["written_bytes"] != insert["result_bytes"] || insert["written_bytes"] == 0 {
		t.Errorf("INSERT: %v", insert)
	}
	for _, format := range []string{"JSON", "TSV"} {
		got := read(f.post(t, "SELECT a FROM fields FORMAT "+format))
		if got["read_rows"] != 3 || got["result_rows"] != 3 || got["result_bytes"] != 24 {
			t.Errorf("%s: %v", format, got)
		}
	}
	if got := read(f.post(t, "SELECT a FROM fields FORMAT JSON")); got["total_rows_to_read"] != 3 {
		t.Errorf("whole: %v", got)
	}
	f.query(t, "DROP TABLE fields SYNC")
}
