package rollup_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
)

// ahead is a database whose clock is a day ahead.
type ahead struct{ ledgerdb.DB }

func (a ahead) Exec(ctx context.Context, sql string) error { return a.DB.Exec(ctx, shifted(sql)) }

func (a ahead) Query(ctx context.Context, sql string, row func(scan func(dest ...any) error) error) error {
	return a.DB.Query(ctx, shifted(sql), row)
}

func shifted(sql string) string {
	return strings.ReplaceAll(sql, "now64(6)", "(now64(6) + INTERVAL 1 DAY)")
}

// TestClockSetBack has marks, versions and cursors of a day that is still to come: everything that waits is done all the
// same, what is requested is seen, and a rebuild that goes on takes no version of tomorrow for one of its own.
func TestClockSetBack(t *testing.T) {
	w := week(t)
	want := values(w)
	if err := rebuild(t.Context(), &rollup.Rebuild{DB: ahead{w.DB}}, &rollup.Worker{DB: ahead{w.DB}}); err != nil {
		t.Fatal(err)
	}
	requested := &rollup.Rebuild{DB: ahead{w.DB}}
	if done, err := requested.Next(t.Context()); done || err != nil { // Nobody does it before the clock is right again.
		t.Fatal(done, err)
	}
	waiting := func() string {
		return strings.TrimSpace(w.Numbers(1, "SELECT count() FROM rollup_pending FINAL WHERE NOT done"))
	}
	if waiting() == "0" {
		t.Fatal("nothing waits: the test shows nothing")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	worker := &rollup.Worker{DB: w.DB}
	if err := worker.UntilCaughtUp(ctx); err != nil {
		t.Fatal(err)
	}
	if got := waiting(); got != "0" {
		t.Errorf("%s ranges still wait", got)
	}
	began := time.Now()
	for name, published := range map[string]string{
		"of the day that was":      "",
		"behind the worker's back": "INSERT INTO rollup_versions SELECT * REPLACE (version + 3600000000 AS version) FROM rollup_versions FINAL",
	} {
		spoil(w)
		if published != "" {
			w.Exec("%s", published)
		}
		if err := rebuild(ctx, &rollup.Rebuild{DB: w.DB, Since: began}, worker); err != nil {
			t.Fatal(err)
		}
		if got := values(w); got != want {
			t.Error(name, firstDifference(got, want))
		}
	}
	w.Exec("INSERT INTO rollup_versions SELECT * REPLACE (18446744073709551615 AS version) FROM rollup_versions FINAL LIMIT 1")
	if err := (&rollup.Worker{DB: w.DB}).UntilCaughtUp(ctx); err == nil || !strings.Contains(err.Error(), "none that a clock gives: delete the rows WHERE version >= ") ||
		!strings.Contains(err.Error(), "audience_1h_states") || !strings.Contains(err.Error(), "queries_all_1d_rows") {
		t.Errorf("a version that nothing can follow: %v", err)
	}
}
