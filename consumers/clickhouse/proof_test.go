package clickhouse_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/schemas"
)

// cutOff answers in HTTP/1.0's way, where the end of the connection is the end of the answer, or a cut.
func cutOff(f *front, w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		f.t.Error(err)
		return
	}
	_, _ = fmt.Fprintf(buffered, "HTTP/1.0 200 OK\r\nX-ClickHouse-Query-Id: %s\r\n\r\n", r.URL.Query().Get("query_id"))
	_ = buffered.Flush()
	_ = conn.Close()
}

// TestSuccessNeedsProof: no statement of any kind is taken for done, and no result for read, when the answer is
// somebody else's.
func TestSuccessNeedsProof(t *testing.T) {
	answers := map[string]struct {
		spoil trouble
		says  string
	}{
		"a page":                  {page(http.StatusOK, "text/html", "<html>We will be back soon</html>"), "We will be back soon"},
		"nothing":                 {status(http.StatusOK, ""), "X-ClickHouse-Query-Id"},
		"JSON":                    {page(http.StatusOK, "application/json", `{"ok":true}`), "application/json"},
		"another query's answer":  {changed(func(h http.Header) { h.Set("X-ClickHouse-Query-Id", "0123") }), "0123"},
		"ClickHouse's, no id":     {changed(func(h http.Header) { h.Del("X-ClickHouse-Query-Id") }), "X-ClickHouse-Query-Id"},
		"elsewhere":               {elsewhere, "sends elsewhere"},
		"an end like a cut":       {cutOff, "neither a length nor chunks"},
		"an exception made a 200": {exceptionAs(http.StatusOK, 241, "Code: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)"), "MEMORY_LIMIT_EXCEEDED"},
	}
	var now trouble
	_, address := newFront(t, func(f *front, w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(text)))
		if strings.HasPrefix(string(text), "SELECT displayName()") { // The driver's own, on a new connection.
			f.pass(w, r, r.Body)
			return
		}
		now(f, w, r)
	})
	direct := openRaw(t)
	db := clickhousetest.Connect(t, clickhouse.Config{URL: address, Database: direct.Database()})
	ctx := t.Context()
	if err := direct.Exec(ctx, "CREATE TABLE t (a Int8) ENGINE = Memory"); err != nil { // Statements come in any order.
		t.Fatal(err)
	}
	for name, answer := range answers {
		now = answer.spoil
		for statement, run := range map[string]func() error{
			"ping":           func() error { return db.Ping(ctx) },
			"CREATE":         func() error { return db.Exec(ctx, "CREATE TABLE IF NOT EXISTS t (a Int8) ENGINE = Memory") },
			"INSERT SELECT":  func() error { return db.Exec(ctx, "INSERT INTO t SELECT 1") },
			"INSERT VALUES":  func() error { return db.Exec(ctx, "INSERT INTO t VALUES (1)") },
			"query":          func() error { return db.Query(ctx, "SELECT 1", func(func(...any) error) error { return nil }) },
			"format":         func() error { return db.Format(ctx, "SELECT 1", "TSV", io.Discard) },
			"migrate":        func() error { return db.Migrate(ctx, schemas.Current(), nil) },
			"position":       func() error { _, err := clickhouse.NewStore(db).Resume(ctx, calls, 10); return err },
			"number a topic": func() error { _, err := clickhouse.NewStore(db).Epoch(ctx, "queries.v1", [16]byte{1}); return err },
		} {
			err := run()
			if err == nil || !strings.Contains(err.Error(), answer.says) {
				t.Errorf("%s, answered with %s: %v, want an error that says %q", statement, name, err, answer.says)
			}
			if clickhouse.IsRefused(err) {
				t.Errorf("%s, answered with %s: taken for a refusal: %v", statement, name, err)
			}
		}
	}
}

// TestGreetingNeedsProof: the driver's first words on a new connection need proof too.
func TestGreetingNeedsProof(t *testing.T) {
	_, address := newFront(t, status(http.StatusOK, "Ok.\n"))
	db := clickhousetest.Connect(t, clickhouse.Config{URL: address, Database: "default"})
	err := db.Exec(t.Context(), "SELECT 1")
	if err == nil || !strings.Contains(err.Error(), "connect to ClickHouse directly") {
		t.Errorf("got %v", err)
	}
}
