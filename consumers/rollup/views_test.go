package rollup_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	stacktest "tidemark/internal/test/stack"
)

// readings is how often a statement is read: the engine compiles what it has seen a few times, and then computes it
// again.
const readings = 10

// TestEveryReadingIsTheSame reads every table and view, as our own adapter and as any other client does, and the first
// and last of all times in it. They hold times before 1970 and of the present.
func TestEveryReadingIsTheSame(t *testing.T) {
	w := rolluptest.New(t)
	w.Deliver(rolluptest.Random(1, 300, time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC), 48*time.Hour)...)
	w.Deliver(rolluptest.Random(2, 300, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), 48*time.Hour)...)
	catchUp(t, w.DB)
	for _, table := range rollup.Tables() { // rollup_progress takes what waits for the end of time, and for its beginning.
		w.Exec("INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done, version) VALUES ('%s', '2026-05-01 00:00:00', '2026-05-02 00:00:00', 'deferred', false, 1)", table.Name)
	}
	w.Exec("INSERT INTO models (model, release_date, release_date_source) VALUES ('old', '1950-01-01', 'test'), ('new', '2026-05-01', 'test')")
	w.Exec("INSERT INTO audits (audit, check, scope, verdict, detail, took_us) VALUES ('a', 'c', 's', 'ok', '', 1)")
	s := stacktest.Start(t)
	for _, relation := range strings.Fields(w.Text(1, "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name")) {
		columns := strings.Fields(w.Text(1, "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '%s' AND type LIKE 'DateTime%%' ORDER BY position", relation))
		sql, ends := "SELECT * FROM "+relation+" FORMAT TSVRaw", endsSQL(relation, columns)
		first := ""
		for i := range readings {
			rows := strings.Split(stacktest.Query(t, s, w.DB.Database(), sql), "\n")
			slices.Sort(rows)
			if got := strings.Join(rows, "\n"); i == 0 {
				first = got
			} else if got != first {
				t.Errorf("%s: reading %d differs from the first", relation, i+1)
			}
			if len(columns) == 0 {
				continue
			}
			for who, got := range map[string]string{"the adapter": w.Text(1, "%s", ends), "another client": stacktest.Query(t, s, w.DB.Database(), ends)} {
				if got = strings.TrimSpace(got); got != "" {
					t.Errorf("%s, read %d times by %s: %s", relation, i+1, who, got)
				}
			}
		}
	}
}

// endsSQL names the columns whose min or max is not that of all their values.
func endsSQL(relation string, columns []string) string {
	checks := make([]string, len(columns))
	for i, c := range columns {
		checks[i] = fmt.Sprintf("if(min(`%[1]s`) = arrayMin(groupArray(`%[1]s`)) AND max(`%[1]s`) = arrayMax(groupArray(`%[1]s`)), '', concat('%[1]s is from ', toString(min(`%[1]s`)), ' to ', toString(max(`%[1]s`)), '; '))", c)
	}
	// A key of one byte has a way through the engine on which nothing is compiled.
	return "SELECT concat(" + strings.Join(checks, ", ") + ", '') FROM " + relation + " GROUP BY materialize('one key')"
}
