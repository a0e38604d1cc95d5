package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/internal/stack/stacktest"
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
		if code != exitFailure || !strings.Contains(errOut, "query: ") {
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
	if code, _, errOut := ask("SELECT count() FROM numbers(1e15) WHERE NOT ignore(sipHash64(number))", "--timeout", "1s"); code != exitFailure || !strings.Contains(errOut, "TIMEOUT") && !strings.Contains(errOut, "--timeout") {
		t.Errorf("a statement without an end: code %d, %s", code, errOut)
	}
}
