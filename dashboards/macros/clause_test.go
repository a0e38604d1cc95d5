package macros

import "testing"

func TestTakeFormat(t *testing.T) {
	for _, c := range []struct{ sql, rest, format string }{
		{"SELECT 1 FORMAT JSON", "SELECT 1 ", "JSON"},
		{"select 1 format json ;; ", "select 1 ", "json"},
		{"SELECT count() FROM t\nFORMAT\tCSVWithNames;\n", "SELECT count() FROM t ", "CSVWithNames"},
		{"SELECT 1 FORMAT /* a */ TSV -- FORMAT CSV", "SELECT 1 ", "TSV"},
		{"SELECT 1 /* FORMAT JSON */", "SELECT 1", ""},
		{"SELECT 1 -- FORMAT JSON", "SELECT 1", ""},
		{"SELECT 1 -- FORMAT JSON\n;", "SELECT 1", ""},
		{"SELECT 'x FORMAT JSON'", "SELECT 'x FORMAT JSON'", ""},
		{"SELECT 'it''s' FORMAT JSON", "SELECT 'it''s' ", "JSON"},
		{"SELECT 1 AS `a FORMAT b`", "SELECT 1 AS `a FORMAT b`", ""},
		{"SELECT [1, 2] FORMAT `Vertical`", "SELECT [1, 2] ", "Vertical"},
		{"SELECT * FROM (SELECT 1 FORMAT JSON)", "SELECT * FROM (SELECT 1 FORMAT JSON)", ""},
		{"SELECT * FROM (SELECT 1) FORMAT JSON", "SELECT * FROM (SELECT 1) ", "JSON"},
		{"SELECT * FROM format(JSONEachRow, '{}')", "SELECT * FROM format(JSONEachRow, '{}')", ""},
		{"SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "SELECT 1  SETTINGS max_threads = 1", "JSON"},
		{"SELECT 1 SETTINGS max_threads = 1 FORMAT JSON", "SELECT 1 SETTINGS max_threads = 1 ", "JSON"},
		{"SHOW TABLES FORMAT JSONEachRow", "SHOW TABLES ", "JSONEachRow"},
		{"EXPLAIN SELECT 1 FORMAT TSV", "EXPLAIN SELECT 1 ", "TSV"},
		{"SELECT a AS format", "SELECT a AS format", ""},
		{"SELECT format FROM t ORDER BY format DESC", "SELECT format FROM t ORDER BY format DESC\n--", ""},
		{"SELECT * FROM format FINAL", "SELECT * FROM format FINAL\n--", ""},
		{"SELECT 1, format x", "SELECT 1, format x\n--", ""},
		{"SELECT 1 FORMAT", "SELECT 1 FORMAT", ""},
		{"FORMAT JSON", "FORMAT JSON", ""},
		{" ; ", " ; ", ""},
	} {
		rest, format, err := TakeFormat(c.sql)
		if err != nil || rest != c.rest || format != c.format {
			t.Errorf("%q: got %q, %q, %v; want %q, %q", c.sql, rest, format, err, c.rest, c.format)
		}
	}
	if _, _, err := TakeFormat("SELECT 'x"); err == nil {
		t.Error("a quote without an end is no error")
	}
}
