package rollup_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
)

// TestWholeWithItsSource lets each rollup wait for its newest bucket: nothing that is made from it, directly or not, is whole beyond what it waits for.
func TestWholeWithItsSource(t *testing.T) {
	w := rolluptest.New(t)
	day := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	w.Deliver(rolluptest.Random(2, 300, day, 48*time.Hour)...)
	catchUp(t, w.DB)
	from := map[string]string{}
	for _, table := range rollup.Tables() {
		from[table.Name] = table.From
	}
	for version, table := range rollup.Tables() {
		for _, done := range []bool{false, true} {
			w.Exec("INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done, version) VALUES ('%s', '2026-05-02 10:00:00', '2026-05-03 00:00:00', 'deferred', %t, %d)", table.Name, done, 2*version+1)
			var held []string
			err := w.DB.Query(t.Context(), "SELECT toString(name) FROM rollup_progress WHERE whole_until < '2026-05-02 10:00:00' ORDER BY name", func(scan func(...any) error) error {
				held = append(held, "")
				return scan(&held[len(held)-1])
			})
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, other := range rollup.Tables() {
				if !done && (other.Name == table.Name || slices.Contains(sources(from, other), table.Name)) {
					want = append(want, other.Name)
				}
			}
			slices.Sort(want)
			if !slices.Equal(held, want) {
				t.Errorf("while %s waits (done: %t), %s are held back, want %s", table.Name, done, fmt.Sprint(held), fmt.Sprint(want))
			}
		}
	}
}

// sources are the rollups that one is made from, the nearest first.
func sources(from map[string]string, table rollup.Table) []string {
	var all []string
	for name := table.From; name != ""; name = from[name] {
		all = append(all, name)
	}
	return all
}
