package rollup_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestTablesHaveTheColumns compares the tables of package schemas with the columns that the worker writes.
func TestTablesHaveTheColumns(t *testing.T) {
	w := rolluptest.New(t)
	for _, table := range rollup.Tables() {
		want := slices.Concat([]string{"bucket"}, table.Columns(), []string{"version", "slot"})
		got := strings.Fields(w.Text(1, "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '%s' ORDER BY position", table.Rows()))
		if !slices.Equal(got, want) {
			t.Errorf("%s has columns %v, want %v", table.Rows(), got, want)
		}
		shown := strings.Fields(w.Text(1, "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '%s' ORDER BY position", table.Name))
		for _, column := range want[:len(want)-1] {
			if !slices.Contains(shown, column) {
				t.Errorf("%s does not show %s", table.Name, column)
			}
		}
		key := strings.TrimSpace(w.Text(1, "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = '%s'", table.Rows()))
		sorted := slices.Concat([]string{"bucket"}, table.Dims, []string{"slot"})
		if table.Dims[0] == "dimension" { // See the table.
			sorted = []string{"dimension", "value", "bucket", "user_weight", "slot"}
		}
		if want := strings.Join(sorted, ", "); key != want {
			t.Errorf("%s is sorted by %s, want %s", table.Rows(), key, want)
		}
	}
}

// TestViewsPrune expects a filter on bucket to reach the rows and the versions behind a view.
func TestViewsPrune(t *testing.T) {
	w := rolluptest.New(t)
	w.Exec(`INSERT INTO queries_1m_rows (bucket, product, queries, version, slot) SELECT toDateTime64('2026-03-01', 0, 'UTC') + number * 6, 'chat', 1, 5, 0 FROM numbers(400000)`)
	w.Exec(`INSERT INTO rollup_versions SELECT 'queries_1m', bucket, 5, 0 FROM queries_1m_rows`)
	plan := w.Text(1, "EXPLAIN indexes = 1 SELECT sum(queries) FROM queries_1m WHERE bucket >= toDateTime('2026-03-10 00:00:00') AND bucket <= toDateTime('2026-03-10 01:00:00')")
	granules := 0
	for line := range strings.Lines(plan) {
		if strings.Contains(line, "Granules: 1/") || strings.Contains(line, "Granules: 2/") {
			granules++
		}
	}
	if granules < 2 {
		t.Errorf("the filter prunes %d of 2 tables:\n%s", granules, plan)
	}
}

// TestSparseHistory expects few statements for records strewn over eleven years.
func TestSparseHistory(t *testing.T) {
	w := rolluptest.New(t)
	w.Deliver(rolluptest.Random(5, 3000, time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), 11*365*24*time.Hour)...)
	ranges := 0
	worker := &rollup.Worker{DB: w.DB, Hooks: rollup.Hooks{Range: func(rollup.Published) { ranges++ }}}
	if err := worker.UntilCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if most := 4 * len(rollup.Tables()); ranges > most {
		t.Errorf("%d ranges recomputed, want at most %d", ranges, most)
	}
	if got, want := strings.Fields(sums(w, "token_calls_1m"))[1], strings.TrimSpace(w.Numbers(1, "SELECT count() FROM token_calls")); got != want {
		t.Errorf("got %s records, want %s", got, want)
	}
}

// TestVanishedBucket expects a bucket to be empty when its rows are gone from raw and ledger, as after an expiry.
func TestVanishedBucket(t *testing.T) {
	w := rolluptest.New(t)
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	w.Deliver(&usagev1.Signup{Source: "s", Id: "1", TimeUs: new(at.UnixMicro()), Tenant: "t", Product: "p"})
	catchUp(t, w.DB)
	w.Exec("TRUNCATE TABLE %s", schemas.SpecOf(schemas.SignupType).RawTable)
	w.Exec(`ALTER TABLE ledger UPDATE stored = 0, gap = 1, "buckets.minute" = [], "buckets.rows" = [], "buckets.checksum" = [], "buckets.content" = [], "buckets.strays" = [], "buckets.revised" = [], "buckets.min_offset" = [], "buckets.max_offset" = [] WHERE 1 SETTINGS mutations_sync = 2`)
	if got := strings.TrimSpace(w.Numbers(1, "SELECT sum(signups) FROM signups_1d")); got != "1" {
		t.Fatalf("got %s sign-ups before, want 1", got)
	}
	if err := rebuild(t.Context(), &rollup.Rebuild{DB: w.DB, From: at, To: at.Add(time.Second)}, &rollup.Worker{DB: w.DB}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"signups_1m", "signups_1h", "signups_1d"} {
		if got := strings.TrimSpace(w.Numbers(1, "SELECT sum(signups) FROM %s", table)); got != "0" {
			t.Errorf("%s has %s sign-ups, want 0", table, got)
		}
	}
}
