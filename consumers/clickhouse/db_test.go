package clickhouse_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	stacktest "tidemark/internal/test/stack"
)

func TestOpenReportsEveryProblem(t *testing.T) {
	_, err := clickhouse.Open(clickhouse.Config{URL: "ftp://user:secret@host", MaxConns: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"http://host:port", "database is not named", "MaxConns must not be negative"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not contain %q", err, want)
		}
	}
	_, err = clickhouse.Open(clickhouse.Config{URL: "http://user:secret@host:1", Database: "d"})
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "set them separately") {
		t.Errorf("a password in the URL: %v", err)
	}
}

func TestStatementsAndQueries(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	ctx := t.Context()
	if err := db.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"CREATE TABLE t (n UInt64, s String, at DateTime64(6, 'UTC')) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO t VALUES (1, 'a?b', 0), (2, 'c', 1)",
		"INSERT INTO t SELECT number + 3, 'more', 2 FROM numbers(100000)",
	} {
		if err := db.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	var rows, sum uint64
	err := db.Query(ctx, "SELECT n, s, at FROM t ORDER BY n", func(scan func(...any) error) error {
		var n uint64
		var s string
		var at time.Time
		if err := scan(&n, &s, &at); err != nil {
			return err
		}
		rows, sum = rows+1, sum+n
		return nil
	})
	if err != nil || rows != 100002 || sum != 100002*100003/2 {
		t.Fatalf("%d rows, sum %d: %v", rows, sum, err)
	}
}

func TestQueryStopsWithTheCallback(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	enough := errors.New("enough")
	rows := 0
	err := db.Query(t.Context(), "SELECT number FROM numbers(100000000)", func(func(...any) error) error {
		if rows++; rows == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || rows != 3 {
		t.Fatalf("%d rows: %v", rows, err)
	}
}

func TestErrors(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	ctx := t.Context()
	var e *clickhouse.Error
	err := db.Exec(ctx, "INSERT INTO missing VALUES (1)")
	if !errors.As(err, &e) || e.Code != clickhouse.CodeUnknownTable || e.Name != "UNKNOWN_TABLE" {
		t.Errorf("a missing table: %#v", err)
	}
	if clickhouse.IsRefused(err) || !strings.Contains(err.Error(), "tidemark migrate") {
		t.Errorf("a missing table: %v", err)
	}
	lost := clickhousetest.Connect(t, clickhouse.Config{URL: stacktest.Start(t).HTTPURL(), Database: "nowhere"})
	if err := lost.Exec(ctx, "CREATE TABLE t (n UInt8) ENGINE = Memory"); !clickhouse.IsCode(err, clickhouse.CodeUnknownDatabase) {
		t.Errorf("a missing database: %v", err)
	}
	// The error comes after the first rows.
	err = db.Query(ctx, "SELECT number, throwIf(number = 3000000) FROM numbers(4000000)", func(func(...any) error) error { return nil })
	if !clickhouse.IsCode(err, 395) {
		t.Errorf("an error half-way: %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Exec(canceled, "SELECT 1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	unreachable := clickhousetest.Connect(t, clickhouse.Config{URL: "http://127.0.0.1:1", User: "u", Password: "secret", Database: "d"})
	err = unreachable.Exec(ctx, "SELECT 'statement'")
	if err == nil || clickhouse.IsRefused(err) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "statement'") {
		t.Errorf("an unreachable server: %v", err)
	}
}

func TestFormatWith(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	var out bytes.Buffer
	settings := map[string]any{"output_format_json_quote_64bit_integers": 0, "max_result_rows": 1}
	if err := db.FormatWith(t.Context(), "SELECT toUInt64(5) AS n", "JSONCompactEachRow", settings, &out); err != nil || out.String() != "[5]\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := db.FormatWith(t.Context(), "SELECT number FROM numbers(2)", "TSV", settings, &out); !clickhouse.IsCode(err, 396) {
		t.Errorf("two rows where one may be: %v", err)
	}
	// No setting of the caller's makes it write.
	if err := db.FormatWith(t.Context(), "CREATE TABLE t (a Int8) ENGINE = Memory", "TSV", map[string]any{"readonly": 0}, &out); !clickhouse.IsCode(err, 164) {
		t.Errorf("a statement that writes: %v", err)
	}
	if len(settings) != 2 {
		t.Errorf("the caller's settings have become %v", settings)
	}
}

func TestFormat(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	ctx := t.Context()
	var out bytes.Buffer
	if err := db.Format(ctx, "SELECT number AS n, 'x,y' AS s FROM numbers(2)", "CSVWithNames", &out); err != nil {
		t.Fatal(err)
	}
	if want := "\"n\",\"s\"\n0,\"x,y\"\n1,\"x,y\"\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if err := db.Exec(ctx, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"INSERT INTO t SELECT 1", "DROP TABLE t", "INSERT INTO t SETTINGS readonly = 0 SELECT 1", "SELECT 1 SETTINGS readonly = 0"} {
		if err := db.Format(ctx, sql, "TSV", &out); err == nil {
			t.Errorf("%s was let through", sql)
		} else if !strings.Contains(err.Error(), "readonly") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	var n uint64
	if err := db.Query(ctx, "SELECT count() FROM t", func(scan func(...any) error) error { return scan(&n) }); err != nil || n != 0 {
		t.Errorf("%d rows: %v", n, err)
	}
	err := db.Format(ctx, "SELECT number, throwIf(number = 3000000) FROM numbers(4000000)", "TSV", new(counter))
	if err == nil {
		t.Error("an error half-way was not reported")
	}
}

// counter is a writer that keeps nothing.
type counter struct{ bytes int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

func TestConcurrentRequests(t *testing.T) {
	stack := stacktest.Start(t)
	db := clickhousetest.Connect(t, clickhouse.Config{URL: stack.HTTPURL(), Database: stacktest.Database(t, stack), MaxConns: 3})
	errs := make(chan error)
	const workers = 12
	for worker := range workers {
		go func() {
			var got uint64
			err := db.Query(t.Context(), fmt.Sprintf("SELECT sum(number) FROM numbers(%d)", worker+1), func(scan func(...any) error) error { return scan(&got) })
			if want := uint64(worker * (worker + 1) / 2); err == nil && got != want {
				err = fmt.Errorf("got %d, want %d", got, want)
			}
			errs <- err
		}()
	}
	for range workers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
