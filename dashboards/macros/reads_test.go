package macros

import "testing"

func TestStatementReads(t *testing.T) {
	for _, sql := range []string{
		"SELECT 1", "FROM t SELECT a", "SHOW TABLES", "DESCRIBE token_calls", "desc t", "EXISTS TABLE t", "EXPLAIN indexes = 1 SELECT 1", "WITH 1 AS x SELECT x",
		"SELECT '$', \"a$\" FROM t -- $", "(SELECT 1)",
	} {
		if err := StatementReads(sql); err != nil {
			t.Errorf("StatementReads(%q): %v", sql, err)
		}
	}
	for _, sql := range []string{
		"", "INSERT INTO t VALUES (1)", "INSERT INTO FUNCTION file('x.csv') SELECT 1", "SELECT 1 INTO OUTFILE 'x'", "SHOW TABLES INTO OUTFILE 'x'",
		"EXPLAIN SELECT 1 INTO OUTFILE 'x'", "DESCRIBE TABLE numbers(1) INTO OUTFILE 'x'", "SELECT $$'$$ INTO OUTFILE 'x' -- '", "SELECT $a$'$a$ INTO OUTFILE 'x' -- '",
		"SELECT 1 # '\n INTO OUTFILE 'x' -- '", "SELECT ‘'’ INTO OUTFILE 'x' -- '", "SELECT 1 INTO\u00a0OUTFILE 'x'", "WITH 1 AS x INSERT INTO t SELECT x", "SELECT 1; DROP TABLE t",
		"DROP TABLE t", "BACKUP TABLE t TO File('x')", "SYSTEM FLUSH LOGS", "SET readonly = 0", "OPTIMIZE TABLE t", "ATTACH TABLE t", "KILL QUERY WHERE 1", "EXECUTE AS u SELECT 1",
	} {
		if err := StatementReads(sql); err == nil {
			t.Errorf("StatementReads(%q) lets it through", sql)
		}
	}
}

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
