package chhttp

import "testing"

func TestParseStatement(t *testing.T) {
	for _, c := range []struct {
		text, keyword, format string
		insert, input         bool
		head, data            string
	}{
		{text: "", keyword: ""},
		{text: " -- only a comment\n/* and /* another */ */", keyword: ""},
		{text: "SELECT 1", keyword: "SELECT"},
		{text: "select 1 format JSON", keyword: "SELECT", format: "JSON"},
		{text: "SELECT 1 FORMAT CSV;", keyword: "SELECT", format: "CSV"},
		{text: "SELECT 1 FORMAT CSV SETTINGS max_threads = 1", keyword: "SELECT", format: "CSV"},
		{text: "SELECT 1 FORMAT CSV -- end", keyword: "SELECT", format: "CSV"},
		{text: "SELECT format FROM t", keyword: "SELECT"},
		{text: "SELECT format FROM t ORDER BY format DESC", keyword: "SELECT"},
		{text: "SELECT * FROM format FINAL", keyword: "SELECT"},
		{text: "SELECT 1, format x", keyword: "SELECT"},
		{text: "SELECT * FROM t FORMAT `JSON`", keyword: "SELECT", format: "JSON"},
		{text: "SELECT 'FORMAT CSV'", keyword: "SELECT"},
		{text: "SELECT `FORMAT` \"FORMAT CSV\"", keyword: "SELECT"},
		{text: "SELECT $x$ FORMAT CSV $x$ FORMAT TSV", keyword: "SELECT", format: "TSV"},
		{text: "SELECT * FROM (SELECT 1 FORMAT CSV)", keyword: "SELECT"},
		{text: "SELECT 'it''s \\' FORMAT CSV' FORMAT XML", keyword: "SELECT", format: "XML"},
		{text: "/* c */ WITH 1 AS x SELECT x FORMAT Native", keyword: "WITH", format: "Native"},
		{text: "(SELECT 1) UNION ALL (SELECT 2) FORMAT TSV", keyword: "(", format: "TSV"},
		{text: "SHOW TABLES FORMAT JSON", keyword: "SHOW", format: "JSON"},

		{text: "INSERT INTO t VALUES (1)", keyword: "INSERT", format: "Values", insert: true, head: "INSERT INTO t ", data: " (1)"},
		{text: "insert into db.t (a, b) values(1, 'x');", keyword: "INSERT", format: "Values", insert: true, head: "insert into db.t (a, b) ", data: "(1, 'x');"},
		{text: "INSERT INTO t FORMAT CSV\n\n1", keyword: "INSERT", format: "CSV", insert: true, head: "INSERT INTO t ", data: "\n1"},
		{text: "INSERT INTO t FORMAT CSV \t\r\n1", keyword: "INSERT", format: "CSV", insert: true, head: "INSERT INTO t ", data: "1"},
		{text: "INSERT INTO t FORMAT JSONEachRow {\"a\":1}", keyword: "INSERT", format: "JSONEachRow", insert: true, head: "INSERT INTO t ", data: "{\"a\":1}"},
		{text: "INSERT INTO t (a) SETTINGS x = 'FORMAT CSV' FORMAT TSV\n", keyword: "INSERT", format: "TSV", insert: true, head: "INSERT INTO t (a) SETTINGS x = 'FORMAT CSV' ", data: ""},
		{text: "INSERT INTO values FORMAT TSV", keyword: "INSERT", format: "TSV", insert: true, head: "INSERT INTO values ", data: ""},
		{text: "INSERT INTO format.format FORMAT TSV", keyword: "INSERT", format: "TSV", insert: true, head: "INSERT INTO format.format ", data: ""},
		{text: "INSERT INTO `a b`.\"c\" FORMAT TSV", keyword: "INSERT", format: "TSV", insert: true, head: "INSERT INTO `a b`.\"c\" ", data: ""},
		{text: "INSERT INTO TABLE FUNCTION file('x', CSV) VALUES (1)", keyword: "INSERT", format: "Values", insert: true, head: "INSERT INTO TABLE FUNCTION file('x', CSV) ", data: " (1)"},
		{text: "INSERT INTO {t:Identifier} FORMAT CSV\n1", keyword: "INSERT", format: "CSV", insert: true, head: "INSERT INTO {t:Identifier} ", data: "1"},
		{text: "INSERT INTO t SELECT 1 FORMAT CSV", keyword: "INSERT"},
		{text: "INSERT INTO t WITH 1 AS x SELECT x", keyword: "INSERT"},
		{text: "INSERT INTO t (a) SELECT * FROM input('a Int8') FORMAT CSV\n1", keyword: "INSERT", input: true},
		{text: "INSERT INTO t SELECT input FROM u", keyword: "INSERT"},
		{text: "INSERT INTO t FROM INFILE 'x' FORMAT CSV", keyword: "INSERT"},
		{text: "INSERT INTO t", keyword: "INSERT"},
	} {
		got := parseStatement(c.text)
		data := ""
		if got.insert {
			data = c.text[got.data:]
		}
		if got.keyword != c.keyword || got.format != c.format || got.insert != c.insert || got.input != c.input || got.head != c.head || data != c.data {
			t.Errorf("%q:\n got %+v, data %q\nwant %+v", c.text, got, data, c)
		}
	}
}

func FuzzParseStatement(f *testing.F) {
	for _, seed := range []string{"SELECT 1 FORMAT CSV", "INSERT INTO t (a) VALUES (1)", "INSERT INTO `t FORMAT CSV\n1", "$a$ /* '", "-- \\'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := parseStatement(text)
		if s.insert && (s.data < len(s.head) || s.data > len(text) || text[:len(s.head)] != s.head) {
			t.Fatalf("%q: %+v", text, s)
		}
	})
}
