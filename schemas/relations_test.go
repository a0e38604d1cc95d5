package schemas

import (
	"slices"
	"strings"
	"testing"

	stacktest "tidemark/internal/test/stack"
)

// TestRelationsEqualDatabase holds what is read from the statements against what the engine makes of them.
func TestRelationsEqualDatabase(t *testing.T) {
	relations, err := Relations()
	if err != nil {
		t.Fatal(err)
	}
	s := stacktest.Start(t)
	db := stacktest.Database(t, s)
	for _, m := range Migrations(db) {
		stacktest.Query(t, s, db, m.SQL)
	}
	// What the engine keeps of a statement it must be able to read back, or it does not start again.
	stacktest.Query(t, s, db, "SELECT sum(length(formatQuery(create_table_query))) FROM system.tables WHERE database = currentDatabase()")
	out := stacktest.Query(t, s, db, "SELECT table, arrayStringConcat(groupArray(name), ',') FROM (SELECT table, name FROM system.columns WHERE database = currentDatabase() ORDER BY table, position) GROUP BY table ORDER BY table FORMAT TSVRaw")
	lines := strings.Split(out, "\n")
	if len(lines) != len(relations) {
		t.Errorf("%d relations were read, the database has %d", len(relations), len(lines))
	}
	for _, line := range lines {
		table, columns, _ := strings.Cut(line, "\t")
		got := slices.Sorted(slices.Values(relations[table].Columns))
		want := strings.Split(columns, ",")
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: read\n%s\nthe database has\n%s", table, strings.Join(got, ","), strings.Join(want, ","))
		}
	}
}

func TestReadRelation(t *testing.T) {
	known := map[string]Relation{"rows": {Name: "rows", Columns: []string{"a", "c"}}}
	f := func(sql, columns string) {
		t.Helper()
		r, err := readRelation(sql, known)
		if err != nil {
			t.Errorf("%q: %v", sql, err)
		} else if got := strings.Join(r.Columns, ","); got != columns {
			t.Errorf("%q: got %s, want %s", sql, got, columns)
		}
	}
	f("CREATE TABLE IF NOT EXISTS `d`.t\n(\n  a Enum8('x,y' = 1), -- no, column\n b Nested\n(\n c UInt8,\n d String\n), INDEX i a TYPE minmax\n)\nENGINE = MergeTree", "a,b.c,b.d")
	// A column that the rows do not have is not one of the view.
	f("CREATE OR REPLACE VIEW `d`.v AS\nSELECT\n a, b, a + 1 AS e, f(a, b) AS g\nFROM `d`.rows AS r", "a,e,g")
	f("CREATE OR REPLACE VIEW `d`.v AS\nSELECT *, a\nFROM `d`.rows", "a,c")
	f("ALTER TABLE `d`.rows\n    ADD COLUMN IF NOT EXISTS z UInt8 DEFAULT f(a, 1), -- Why.\n    ADD COLUMN IF NOT EXISTS b.c Array(UInt8) AFTER a", "a,c,z,b.c")
	for _, sql := range []string{"ALTER TABLE `d`.rows ADD COLUMN z UInt8", "CREATE OR REPLACE VIEW `d`.v AS\nSELECT a + 1\nFROM `d`.rows", "CREATE OR REPLACE VIEW `d`.v AS\nSELECT a\nFROM `d`.none"} {
		if r, err := readRelation(sql, known); err == nil {
			t.Errorf("%q: read as %v", sql, r)
		}
	}
}
