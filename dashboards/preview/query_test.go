package preview

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tidemark/dashboards/grafana/grafanatest"
	"tidemark/schemas"
)

func TestQuery(t *testing.T) {
	e := grafanatest.New(t)
	e.Exec(t, "CREATE TABLE t (at DateTime64(3, 'UTC'), model LowCardinality(String), n UInt64) ENGINE = MergeTree ORDER BY at",
		"INSERT INTO t VALUES ('2026-01-01 00:00:30.000', 'b', 1), ('2026-01-01 00:01:00.000', 'a', 2), ('2026-01-01 00:01:10.000', 'b', 40), ('2026-01-01 01:00:00.000', 'a', 5), ('2026-01-01 01:00:01.000', 'a', 1000)")
	const perModel = "SELECT $__timeInterval(at) AS time, model, sum(n) AS calls FROM t WHERE $__timeFilter(at) GROUP BY time, model ORDER BY time"
	s := newSite(t, Config{DB: e, Dashboards: [][]byte{board(nil, series(perModel), sql("SELECT model, sum(n) FROM t GROUP BY model ORDER BY model"))}})
	r := s.panel(1, nil).Results[0]
	got, err := json.Marshal(r.Frames)
	if err != nil || r.Error != "" || r.RefID != "A" || r.TookMs <= 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	wantSQL := "SELECT toStartOfInterval(toDateTime(at), INTERVAL 60 second) AS time, model, sum(n) AS calls FROM t WHERE at >= toDateTime(1767225600) AND at <= toDateTime(1767229200) GROUP BY time, model ORDER BY time"
	if r.SQL != wantSQL {
		t.Errorf("the SQL is\n%s\nwant\n%s", r.SQL, wantSQL)
	}
	want := `[{"Schema":{"RefID":"A","Name":"A","Meta":{"ExecutedQueryString":` + quoteJSON(t, wantSQL) + `,"PreferredVisualisationType":"graph","Type":"timeseries-wide"},` +
		`"Fields":[{"Name":"time","Type":"time","Labels":null},{"Name":"calls","Type":"number","Labels":{"model":"a"}},{"Name":"calls","Type":"number","Labels":{"model":"b"}}]},` +
		`"Data":{"Values":[[1767225600000,1767225660000,1767229200000],[null,2,5],[1,40,null]],"Entities":null}}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r = s.panel(2, nil).Results[0]
	if got := fmt.Sprint(r.Frames[0].Data.Values); r.Error != "" || got != "[[a b] [1007 41]]" || r.Frames[0].Schema.Meta.PreferredVisualisationType != "table" {
		t.Errorf("%+v", r)
	}
}

func quoteJSON(t *testing.T, text string) string {
	t.Helper()
	out, err := json.Marshal(text) // With <, > and & as escapes, like the whole.
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestTargets holds that each target has its own outcome, and in what order they come.
func TestTargets(t *testing.T) {
	text := []byte(`{"uid":"test","title":"Test","panels":[{"id":1,"type":"row","panels":[{"id":7,"targets":[
		{"refId":"A","rawSql":"SELECT sleep(0.2), 'slow'","format":1},
		{"refId":"H","rawSql":"SELECT 'hidden'","format":1,"hide":true},
		{"refId":"B","rawSql":"SELECT nope","format":1},
		{"refId":"P","expr":"up","datasource":{"type":"prometheus","uid":"x"}},
		{"refId":"C","rawSql":"SELECT $nope"},
		{"refId":"D","rawSql":"SELECT 'fine'","format":1,"datasource":{"type":"grafana-clickhouse-datasource"}},
		{"refId":"E"}]}]},{"id":2,"type":"text"}],
		"annotations":{"list":[{"name":"Grafana's","datasource":"-- Grafana --","builtIn":1},{"name":"Other","datasource":{"type":"prometheus"}},
		{"name":"Releases","datasource":{"type":"grafana-clickhouse-datasource"},"target":{"refId":"Anno","format":0,"rawSql":"SELECT toDateTime64(0.5, 3, 'UTC') AS time, 'x' AS title, 1 AS n"}},
		{"name":"Old","datasource":null,"rawQuery":"SELECT toDateTime(0, 'UTC') AS time, 'old' AS text"}]}}`)
	s := newSite(t, Config{DB: grafanatest.New(t), Dashboards: [][]byte{text}})
	var a answers
	if status := s.post("/api/query", ask(7, nil), &a); status != http.StatusOK {
		t.Fatalf("status %d: %+v", status, a)
	}
	want := []struct{ refID, value, err string }{
		{"A", "slow", ""}, {"B", "", "UNKNOWN_IDENTIFIER"}, {"P", "", `data source "prometheus"`}, {"C", "", `unknown variable "nope"`}, {"D", "fine", ""}, {"E", "", "there is no statement"},
	}
	if len(a.Results) != len(want) {
		t.Fatalf("%d results: %+v", len(a.Results), a)
	}
	for i, r := range a.Results {
		w := want[i]
		if r.RefID != w.refID || !strings.Contains(r.Error, w.err) || (r.Error == "") != (w.err == "") || r.Frames == nil || len(r.Frames) == 1 != (w.err == "") {
			t.Errorf("result %d: %+v, want %+v", i, r, w)
			continue
		}
		if w.value != "" {
			if last := r.Frames[0].Data.Values[len(r.Frames[0].Data.Values)-1]; fmt.Sprint(last) != "["+w.value+"]" {
				t.Errorf("result %d: %v, want %s", i, last, w.value)
			}
		}
		if strings.Contains(r.Error, "(version") || strings.Contains(r.Error, "DB::Exception") {
			t.Errorf("result %d: the error is not for people: %s", i, r.Error)
		}
	}
	if status := s.post("/api/query", ask(2, nil), &a); status != http.StatusOK || len(a.Results) != 0 {
		t.Errorf("a panel without queries: %d %+v", status, a)
	}
	for name, want := range map[string]string{"Releases": "[[500] [x] [1]]", "Old": "[[0] [old]]"} {
		body := ask(0, nil)
		delete(body, "panel")
		body["name"] = name
		if status := s.post("/api/annotations", body, &a); status != http.StatusOK || len(a.Results) != 1 || a.Results[0].Error != "" || fmt.Sprint(a.Results[0].Frames[0].Data.Values) != want {
			t.Errorf("annotations %s: %d %+v", name, status, a)
		}
	}
	for _, name := range []string{"Grafana's", "Other", "nope"} {
		body := ask(0, nil)
		delete(body, "panel")
		body["name"] = name
		if status := s.post("/api/annotations", body, &a); status != http.StatusNotFound {
			t.Errorf("annotations %s: %d %+v", name, status, a)
		}
	}
}

// TestReadOnly holds that no dashboard can change anything, whatever its SQL.
func TestReadOnly(t *testing.T) {
	e := grafanatest.New(t)
	e.Exec(t, "CREATE TABLE t (a Int32) ENGINE = MergeTree ORDER BY a", "INSERT INTO t VALUES (1), (2)")
	file := filepath.Join(t.TempDir(), "out")
	statements := []string{
		"INSERT INTO t VALUES (3)", "INSERT INTO t SELECT 3", "WITH 3 AS x INSERT INTO t SELECT x", "DROP TABLE t", "TRUNCATE TABLE t", "ALTER TABLE t DELETE WHERE 1", "ALTER TABLE t ADD COLUMN b Int32", "DELETE FROM t WHERE 1",
		"RENAME TABLE t TO u", "CREATE TABLE u (a Int32) ENGINE = Memory", "CREATE TEMPORARY TABLE u (a Int32)", "OPTIMIZE TABLE t FINAL", "SYSTEM FLUSH LOGS", "SYSTEM DROP MARK CACHE", "KILL QUERY WHERE 1", "SET readonly = 0",
		"SELECT 1 INTO OUTFILE '" + file + "'", "SELECT 1 into /* */ outfile '" + file + "' FORMAT CSV", "INSERT INTO FUNCTION file('" + file + "', 'CSV') SELECT 1", "SELECT 1 SETTINGS readonly = 0", "SELECT 1; DROP TABLE t",
		"EXPLAIN SELECT 1", "",
	}
	var targets []map[string]any
	for _, statement := range statements {
		targets = append(targets, sql(statement))
	}
	s := newSite(t, Config{DB: e, Dashboards: [][]byte{board(nil, targets...)}})
	before := e.Ask(t, "SELECT count(), sum(a) FROM t") + e.Ask(t, "SHOW TABLES") + e.Ask(t, "DESCRIBE t")
	for i, statement := range statements {
		if r := s.panel(i+1, nil).Results[0]; r.Error == "" || len(r.Frames) > 0 {
			t.Errorf("%s: %+v", statement, r)
		}
	}
	if after := e.Ask(t, "SELECT count(), sum(a) FROM t") + e.Ask(t, "SHOW TABLES") + e.Ask(t, "DESCRIBE t"); after != before {
		t.Errorf("the database has changed from\n%s\nto\n%s", before, after)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was written")
	}
}

// TestHostile puts values that try to leave their literal into a real table and a real query: each finds its own row.
func TestHostile(t *testing.T) {
	e := grafanatest.New(t)
	values := []string{
		"plain", `'`, `''`, `"`, "`", `\`, `\\`, `\'`, `\\'`, `' OR 1=1 --`, `\' OR 1=1 --`, `'; DROP TABLE t; --`, `" OR 1=1 --`, `x') OR 1=1 /*`, "*/ OR 1=1", "-- x", "# x", "a\nb", "a\r\nb", "a\tb",
		"nul\x00byte", "\x00", "‘x’", "“x”", "ʼ OR 1=1", "\u2028'", "{a:String}", "$__timeFilter(x)", "${tenant}", "$$'$$", "$x$'$x$", `\x27 OR 1=1`, `\u0027`, "%' OR '1'='1", strings.Repeat(`\'`, 20_000),
	}
	rows := make([]string, len(values))
	for i, v := range values {
		rows[i] = fmt.Sprintf("(%d, %s)", i, schemas.Quote(v))
	}
	e.Exec(t, "CREATE TABLE t (id UInt32, tenant String) ENGINE = MergeTree ORDER BY id", "INSERT INTO t VALUES "+strings.Join(rows, ","))
	variables := []map[string]any{
		{"name": "tenant", "type": "textbox"}, {"name": "tenants", "type": "custom", "multi": true, "includeAll": true}, {"name": "database", "type": "textbox"},
	}
	const several = "arrayMap(code -> decodeURLComponent(code), arrayPopFront(splitByString('&tenants=', '&${tenants:customqueryparam}')))"
	statements := []string{
		"SELECT id FROM t WHERE tenant = decodeURLComponent('${tenant:percentencode}')", "SELECT id FROM t WHERE has(" + several + ", tenant)", "SELECT id FROM t WHERE tenant IN (" + several + ")",
		// What follows is what Grafana sends, be it another text, or refuses: never more than a row.
		"SELECT id FROM t WHERE tenant = ${tenant:singlequote}", "SELECT id FROM t WHERE tenant = ${tenant:sqlstring} ORDER BY id", "SELECT id FROM t WHERE tenant IN (${tenants:singlequote})", "SELECT id FROM t WHERE tenant IN ($tenants)",
		"SELECT id FROM t WHERE $__conditionalAll(tenant IN (${tenants:sqlstring}), $tenants)",
		"SELECT id FROM t WHERE tenant = $tenant", "SELECT id FROM t WHERE tenant = '$tenant'", "SELECT id FROM t WHERE tenant IN (${tenants:csv})", "SELECT id FROM ${database:doublequote}.t", "SELECT id FROM \"${database:percentencode}\".t",
		"SELECT id FROM ${database:raw}.t", "SELECT id FROM t WHERE tenant = '${tenant:singlequote}'",
	}
	var targets []map[string]any
	for _, statement := range statements {
		targets = append(targets, sql(statement))
	}
	s := newSite(t, Config{DB: e, Dashboards: [][]byte{board(variables, targets...)}})
	for i, v := range values {
		chosen := map[string][]string{"tenant": {v}, "tenants": {v}, "database": {v}}
		for panel := range statements {
			r := s.panel(panel+1, chosen).Results[0]
			switch {
			case panel < 3:
				if r.Error != "" || fmt.Sprint(r.Frames[0].Data.Values) != fmt.Sprintf("[[%d]]", i) {
					t.Errorf("%.40q in %s: %.300s %v", v, statements[panel], r.Error, r.Frames)
				}
			case r.Error == "" && len(r.Frames[0].Data.Values[0]) > 1:
				t.Errorf("%.40q in %s: %v", v, statements[panel], r.Frames[0].Data.Values)
			case len(r.Error) > 2*longestError:
				t.Errorf("%.40q in %s: an error of %d bytes", v, statements[panel], len(r.Error))
			}
		}
	}
	// A value as large as a request may be reaches ClickHouse's own limit for a statement, or is found to be no tenant.
	for _, v := range []string{strings.Repeat("'", 1<<19), strings.Repeat("x", 1<<20-1000), strings.Repeat(`\`, 1<<19-500)} {
		r := s.panel(1, map[string][]string{"tenant": {v}}).Results[0]
		if r.Error == "" && fmt.Sprint(r.Frames[0].Data.Values) != "[[]]" || len(r.Error) > 2*longestError {
			t.Errorf("%d bytes of %.1q: %.300s %v", len(v), v, r.Error, r.Frames)
		}
	}
	if got := e.Ask(t, "SELECT count() FROM t"); got != fmt.Sprint(len(values)) {
		t.Errorf("the table has %s rows of %d", got, len(values))
	}
}

func TestBounds(t *testing.T) {
	e := grafanatest.New(t)
	s := newSite(t, Config{DB: e, Rows: 1000, Dashboards: [][]byte{board(nil,
		sql("SELECT number FROM numbers(1000)"), sql("SELECT number FROM numbers(1001)"), sql("SELECT number FROM system.numbers"), sql("SELECT repeat('x', 1000000) FROM numbers(100) SETTINGS max_block_size = 1"),
		sql("SELECT throwIf(number = 999) FROM numbers(1000) SETTINGS max_block_size = 10"), sql("SELECT nope, '"+strings.Repeat("x", 5000)+"'"),
	)}})
	if r := s.panel(1, nil).Results[0]; r.Error != "" || len(r.Frames[0].Data.Values[0]) != 1000 {
		t.Errorf("as many rows as may be: %s", r.Error)
	}
	for panel, want := range map[int]string{
		2: "more than 1000 rows: choose a shorter range", 3: "more than 1000 rows", 4: "larger than 64 MiB", 5: "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", 6: "Unknown expression identifier",
	} {
		if r := s.panel(panel, nil).Results[0]; !strings.Contains(r.Error, want) || len(r.Frames) > 0 || len(r.Error) > longestError+10 {
			t.Errorf("panel %d: %q, want %q", panel, r.Error, want)
		}
	}
	s = newSite(t, Config{DB: e, Timeout: 200 * time.Millisecond, Dashboards: [][]byte{board(nil, sql("SELECT sleepEachRow(1) FROM numbers(100) SETTINGS max_block_size = 1"))}})
	if r := s.panel(1, nil).Results[0]; r.Error != "no answer within 200ms: choose a shorter range" {
		t.Errorf("a slow query: %q", r.Error)
	}
}

// running counts the statements of a test that are under way in the engine.
func running(t testing.TB, e grafanatest.Engine) string {
	t.Helper()
	return e.Ask(t, "SELECT count() FROM system.processes WHERE current_database = currentDatabase() AND query NOT LIKE '%system.processes%'")
}

// until waits for something that must come to pass.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting until %s", what)
		}
	}
}

// TestPlaces holds that no more statements run at a time than may, that others wait for their turn, and that a place is
// free again when its client is gone.
func TestPlaces(t *testing.T) {
	e := grafanatest.New(t)
	const endless = "SELECT sleepEachRow(0.1) FROM system.numbers SETTINGS max_block_size = 1"
	s := newSite(t, Config{DB: e, Queries: 2, Dashboards: [][]byte{board(nil, sql(endless), sql("SELECT 'quick'"))}})
	text, err := json.Marshal(ask(1, nil))
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 3 {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.server.URL+"/api/query", bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		clients.Go(func() {
			if response, err := s.client.Do(request); err == nil {
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		})
	}
	until(t, "two statements run", func() bool { return running(t, e) == "2" })
	quick := make(chan string, 1)
	clients.Go(func() {
		var a answers
		s.post("/api/query", ask(2, nil), &a)
		if len(a.Results) == 1 {
			quick <- a.Results[0].Error
		} else {
			quick <- a.Error
		}
	})
	if got := running(t, e); got != "2" {
		t.Errorf("%s statements run at a time, 2 may", got)
	}
	// Health has no need of a place.
	var health struct{ ClickHouse string }
	if s.get("/api/health", &health); health.ClickHouse != "ok" {
		t.Errorf("health: %s", health.ClickHouse)
	}
	leave()
	if got := <-quick; got != "" {
		t.Errorf("the query that waited: %s", got)
	}
	clients.Wait()
	until(t, "no statement runs", func() bool { return running(t, e) == "0" })
}
