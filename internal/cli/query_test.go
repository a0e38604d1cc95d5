package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	stacktest "tidemark/internal/test/stack"
)

// TestQueryOnlyReads: whatever is asked, no file and no table comes of it, and it ends.
func TestQueryOnlyReads(t *testing.T) {
	stack := stacktest.Start(t)
	db := stacktest.Database(t, stack)
	dir := t.TempDir()
	ask := func(sql string, more ...string) (int, string, string) {
		return command(t, append([]string{"query", "--clickhouse", stack.HTTPURL(), "--namespace", db, sql, "--format", "csv"}, more...)...)
	}
	for _, sql := range []string{
		"SELECT 1 INTO OUTFILE 'FILE'", "SHOW TABLES INTO OUTFILE 'FILE'", "SELECT $$'$$ INTO OUTFILE 'FILE' -- '", "INSERT INTO FUNCTION file('FILE', 'CSV', 'a Int8') SELECT 1",
		"CREATE TABLE t (a Int8) ENGINE = File(CSV, 'FILE')", "CREATE TABLE t (a Int8) ENGINE = Memory", "SET readonly = 0", "KILL QUERY WHERE 1 SYNC",
	} {
		code, out, errOut := ask(strings.ReplaceAll(sql, "FILE", filepath.Join(dir, "file.csv")))
		if code != exitUsage && code != exitFailed || !strings.Contains(errOut, "query: ") {
			t.Errorf("%s: code %d, %s%s", sql, code, out, errOut)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("files were written: %v, %v", files, err)
	}
	if got := stacktest.Query(t, stack, db, "SHOW TABLES"); got != "" {
		t.Errorf("tables were made: %s", got)
	}
	for _, sql := range []string{"SELECT 1 AS x", "SHOW TABLES", "EXISTS TABLE t", "DESCRIBE numbers(1)", "FROM numbers(1) SELECT number"} {
		if code, _, errOut := ask(sql); code != exitOK {
			t.Errorf("%s: code %d, %s", sql, code, errOut)
		}
	}
	if code, _, errOut := ask("SELECT count() FROM numbers(1e15) WHERE NOT ignore(sipHash64(number))", "--timeout", "1s"); code != exitFailed || !strings.Contains(errOut, "TIMEOUT") && !strings.Contains(errOut, "--timeout") {
		t.Errorf("a statement without an end: code %d, %s", code, errOut)
	}
}

// TestQueryTakesFormat: a statement may end in FORMAT, as it does with clickhouse-client.
func TestQueryTakesFormat(t *testing.T) {
	stack := stacktest.Start(t)
	db := stacktest.Database(t, stack)
	ask := func(sql string, more ...string) (int, string, string) {
		return command(t, append([]string{"query", "--clickhouse", stack.HTTPURL(), "--namespace", db, sql}, more...)...)
	}
	for _, c := range []struct{ sql, want string }{
		{"SELECT 7 AS x FORMAT JSONEachRow", "{\"x\":7}\n"},
		{"select 7 as x format jsoneachrow;", "{\"x\":7}\n"},
		{"SELECT 7 AS x FORMAT CSV -- as one has it", "7\n"},
		{"SELECT 7 AS x /* before */ FORMAT /* between */ CSVWithNames ;\n", "\"x\"\n7\n"},
		{"SELECT number AS x FROM numbers(2) FORMAT TSV SETTINGS max_threads = 1", "0\n1\n"},
		{"SELECT 7 AS x SETTINGS max_threads = 1 FORMAT TSV SETTINGS max_block_size = 1", "7\n"},
		{"SELECT 7 AS x SETTINGS max_threads = 1 FORMAT Values", "(7)"},
		{"SHOW TABLES FORMAT TSV", ""},
		{"SELECT 'FORMAT JSON' AS x FORMAT TSV", "FORMAT JSON\n"},
		{"SELECT 7 AS x FORMAT Null", ""},
	} {
		if code, out, errOut := ask(c.sql, "--format", "csv"); code != exitOK || out != c.want {
			t.Errorf("%s: code %d, got %q, want %q\n%s", c.sql, code, out, c.want, errOut)
		}
	}
	for _, sql := range []string{ // No clause: the format is the flag's.
		"SELECT 'it ends in FORMAT JSON' AS x", "SELECT 7 AS x -- FORMAT JSON", "SELECT 7 AS `a FORMAT b`",
		"SELECT format AS x FROM (SELECT 7 AS format) ORDER BY format DESC", "SELECT 7 AS format",
		"SELECT 7 AS x, format y FROM (SELECT 7 AS format)", "SELECT 1 AS a, 7 AS format, format y", "SELECT * FROM format(CSV, '7')",
	} {
		if code, out, errOut := ask(sql, "--format", "csv"); code != exitOK || !strings.HasPrefix(out, "\"") {
			t.Errorf("%s: code %d, got %q, want CSV with names\n%s", sql, code, out, errOut)
		}
	}
	for sql, want := range map[string]string{
		"SELECT 7 FORMAT NoSuchFormat":               "UNKNOWN_FORMAT",
		"SELECT 7 FORMAT":                            "SYNTAX_ERROR",
		"SELECT * FROM (SELECT 7 FORMAT JSON)":       "SYNTAX_ERROR",
		"SELECT 7 INTO OUTFILE 'x' FORMAT CSV":       "send the output to a file yourself",
		"SELECT 7 FORMAT JSON; SELECT 8 FORMAT JSON": "more than one statement",
		"SELECT 7 FORMAT JSON INTO OUTFILE 'x'":      "send the output to a file yourself",
	} {
		wantCode := exitUsage // The command itself refuses it.
		if want == strings.ToUpper(want) {
			wantCode = exitFailed // ClickHouse does.
		}
		if code, out, errOut := ask(sql); code != wantCode || !strings.Contains(errOut, want) || strings.Contains(errOut, "QueryFormat") {
			t.Errorf("%s: code %d, %q, want %q\n%s", sql, code, out, want, errOut)
		}
	}
}
