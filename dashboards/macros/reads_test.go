package macros

import "testing"

func TestOnlyReads(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1", "select 1;", " ( SELECT 1) UNION ALL (SELECT 2)", "WITH 1 AS x SELECT x", "-- INSERT\nSELECT 'INSERT', \"outfile\", inserted, insert_us FROM t /* ; */ ; ", "SELECT ';'",
	} {
		if err := OnlyReads(sql); err != nil {
			t.Errorf("OnlyReads(%q): %v", sql, err)
		}
	}
	for _, sql := range []string{
		"", " ", "-- SELECT", "INSERT INTO t VALUES (1)", "(INSERT INTO t SELECT 1)", "WITH 1 AS x INSERT INTO t SELECT x", "INSERT INTO FUNCTION file('x.csv') SELECT 1",
		"SELECT 1 INTO OUTFILE 'x'", "SELECT 1 into/**/outfile 'x'", "DROP TABLE t", "ALTER TABLE t DELETE WHERE 1", "SYSTEM SHUTDOWN", "KILL QUERY WHERE 1", "SET readonly = 0", "USE x",
		"CREATE TEMPORARY TABLE x (a Int32)", "SELECT 1; DROP TABLE t", "EXPLAIN SELECT 1", "'SELECT'", "SELECT '", "SELECT 1 /*",
	} {
		if err := OnlyReads(sql); err == nil {
			t.Errorf("OnlyReads(%q) lets it through", sql)
		}
	}
}
