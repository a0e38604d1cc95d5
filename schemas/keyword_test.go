package schemas

import (
	"testing"

	stacktest "tidemark/internal/test/stack"
)

// TestNoKeywords groups by every column of every table and view: the engine reads the names of some as keywords. Such a column has
// another name beside it.
func TestNoKeywords(t *testing.T) {
	s := stacktest.Start(t)
	db := stacktest.Database(t, s)
	for _, m := range Statements(db) {
		stacktest.Query(t, s, db, m.SQL)
	}
	const grouped = "FROM system.columns WHERE database = currentDatabase() AND isNull(formatQueryOrNull(concat('SELECT 1 FROM t GROUP BY ', name)))"
	if n := stacktest.Query(t, s, db, "SELECT countIf(name = 'rollup') "+grouped); n != "2" {
		t.Errorf("%s tables are seen to have a column called rollup, want 2", n)
	}
	if bare := stacktest.Query(t, s, db, "SELECT table, name "+grouped+
		" AND (table, name) NOT IN (SELECT table, default_expression FROM system.columns WHERE database = currentDatabase() AND default_kind = 'ALIAS')"); bare != "" {
		t.Errorf("columns without a name that statements can group by:\n%s", bare)
	}
	stacktest.Query(t, s, db, "INSERT INTO "+RollupVersionsTable+" (rollup, bucket, version, slot) VALUES ('a', '2026-03-01 00:00:00', 1, 0), ('b', '2026-03-01 00:00:00', 2, 0)")
	if got := stacktest.Query(t, s, db, "SELECT name, max(version) FROM "+RollupVersionsTable+" WHERE name != 'a' GROUP BY name"); got != "b\t2" {
		t.Errorf("grouped by name: %q", got)
	}
}
