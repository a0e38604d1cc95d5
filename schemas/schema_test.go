package schemas

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	stacktest "tidemark/internal/test/stack"
)

var update = flag.Bool("update", false, "write testdata/schema.sql and version.txt instead of comparing with them")

// TestSchemaFile keeps the whole schema in one readable file, and counts its versions.
func TestSchemaFile(t *testing.T) {
	const file = "testdata/schema.sql"
	s := Current()
	d := ddl{database: "tidemark", comments: true}
	text := "-- Every statement that `tidemark migrate` sends to an empty database. Written by go test ./schemas -update.\n"
	comments := make(map[string]string)
	for _, t := range s.Tables {
		comments["table "+t.Name] = t.Comment
	}
	for _, v := range s.Views {
		comments["view "+v.Name] = v.Comment
	}
	for _, statement := range s.statements(d, nil) {
		text += "\n"
		for _, line := range wrap(comments[statement.Name], commentWidth) {
			text += "-- " + line + "\n"
		}
		text += strings.ReplaceAll(statement.SQL, "`tidemark`.", "tidemark.") + ";\n"
	}
	number, digest, _ := strings.Cut(strings.TrimSpace(versionFile), " ")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if digest != s.Digest() { // Another schema is another version.
			number, digest = fmt.Sprint(s.Version+1), s.Digest()
			if err := os.WriteFile("version.txt", []byte(number+" "+digest+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("the schema differs from %s; if that is meant, run the test with -update and read the difference", file)
	}
	if digest != s.Digest() || !*update && number != fmt.Sprint(s.Version) || s.Version < 300 {
		t.Errorf("version.txt does not name this schema: run the test with -update")
	}
}

// TestStatementsAreWellFormed expects statements that may be run again, each of them one.
func TestStatementsAreWellFormed(t *testing.T) {
	again := regexp.MustCompile(`^(CREATE TABLE IF NOT EXISTS|CREATE OR REPLACE VIEW|INSERT INTO .*(?s:.*) NOT IN )`)
	seen := make(map[string]bool)
	for _, s := range Statements("d`b") {
		if seen[s.Name] || s.Name == "" {
			t.Errorf("%q is there twice or has no name", s.Name)
		}
		seen[s.Name] = true
		if strings.ContainsAny(s.SQL, "{};") || strings.Contains(s.SQL, "--") || !strings.Contains(s.SQL, "`d\\`b`.") || !again.MatchString(s.SQL) {
			t.Errorf("%s: one statement that may be run again is expected, with the database quoted:\n%s", s.Name, s.SQL)
		}
	}
}

// TestTableFiles expects the files to be as readTable reads them.
func TestTableFiles(t *testing.T) {
	files, err := tableFiles.ReadDir("tables")
	if err != nil {
		t.Fatal(err)
	}
	tables := fileTables()
	if len(tables) != len(files) {
		t.Fatalf("%d tables in %d files", len(tables), len(files))
	}
	for i, table := range tables {
		if table.Name+".sql" != files[i].Name() {
			t.Errorf("%s has the table %q", files[i].Name(), table.Name)
		}
		text, err := tableFiles.ReadFile("tables/" + files[i].Name())
		if err != nil {
			t.Fatal(err)
		}
		// Nothing of the file is lost but comments and spaces.
		plain := func(sql string) string {
			return strings.Join(strings.Fields(regexp.MustCompile("--[^\n]*|`").ReplaceAllString(sql, "")), " ")
		}
		got := strings.Replace(ddl{database: "d"}.createTable(&table), "CREATE TABLE IF NOT EXISTS `d`.", "CREATE TABLE ", 1)
		if plain(got) != plain(string(text)) {
			t.Errorf("%s is read as\n%s", files[i].Name(), got)
		}
		for _, c := range slices.Concat(table.Columns, table.Indexes) {
			if c.Comment != "" && !strings.HasSuffix(c.Comment, ".") {
				t.Errorf("%s: the comment of %s is no sentence: %q", table.Name, c.Name, c.Comment)
			}
		}
	}
}

// TestRelationsEqualDatabase compares the relations with what the engine makes of the statements.
func TestRelationsEqualDatabase(t *testing.T) {
	relations := Relations()
	s := stacktest.Start(t)
	db := stacktest.Database(t, s)
	for _, m := range Statements(db) {
		stacktest.Query(t, s, db, m.SQL)
	}
	// What the engine keeps of a statement it must be able to read back, or it does not start again.
	stacktest.Query(t, s, db, "SELECT sum(length(formatQuery(create_table_query))) FROM system.tables WHERE database = currentDatabase()")
	out := stacktest.Query(t, s, db, "SELECT table, arrayStringConcat(groupArray(name), ',') FROM (SELECT table, name FROM system.columns WHERE database = currentDatabase() ORDER BY table, position) GROUP BY table ORDER BY table FORMAT TSVRaw")
	lines := strings.Split(out, "\n")
	if len(lines) != len(relations) {
		t.Errorf("there are %d relations, the database has %d", len(relations), len(lines))
	}
	for _, line := range lines {
		table, columns, _ := strings.Cut(line, "\t")
		if got := strings.Join(relations[table].Columns, ","); got != columns {
			t.Errorf("%s has\n%s\nthe database has\n%s", table, got, columns)
		}
	}
}
