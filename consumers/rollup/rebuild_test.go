package rollup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
)

// rebuild does a rebuild with a worker of its own: as many steps as there are ranges.
func rebuild(ctx context.Context, r *rollup.Rebuild, w *rollup.Worker) error {
	for steps := 0; ; steps++ {
		done, err := r.Next(ctx)
		if done || err != nil {
			return err
		}
		before := r.Progress()
		if done, err := r.Next(ctx); done || err != nil || r.Progress() != before {
			return fmt.Errorf("without a step %+v became %+v (%w)", before, r.Progress(), err)
		}
		if steps > before.Done {
			return fmt.Errorf("after %d steps only %d ranges are done", steps, before.Done)
		}
		var mismatch *rollup.MismatchError
		if _, err := w.Step(ctx); err != nil && !errors.As(err, &mismatch) {
			return err
		}
	}
}

// week is a world with events on each of seven days, and an old one, that are rolled up.
func week(t *testing.T) *rolluptest.World {
	t.Helper()
	w := rolluptest.New(t)
	for day := range 7 {
		w.Deliver(rolluptest.Random(uint64(day), 40, start.AddDate(0, 0, day).Truncate(24*time.Hour), 20*time.Hour)...)
	}
	w.Deliver(rolluptest.Random(100, 20, early, time.Hour)...)
	catchUp(t, w.DB)
	return w
}

// spoil changes what some rollups show: a measure, rows that are gone, rows that nothing stands behind.
func spoil(w *rolluptest.World) {
	w.Exec("ALTER TABLE token_calls_1m_rows UPDATE calls = calls + 1, records = records + 1 WHERE 1 SETTINGS mutations_sync = 2")
	w.Exec("ALTER TABLE queries_1h_rows DELETE WHERE 1 SETTINGS mutations_sync = 2")
	w.Exec("ALTER TABLE signups_1d_rows UPDATE signups = 0 WHERE 1 SETTINGS mutations_sync = 2")
	w.Exec("INSERT INTO queries_1d_rows SELECT * REPLACE (bucket + INTERVAL 1 MONTH AS bucket) FROM queries_1d_rows")
	w.Exec("INSERT INTO rollup_versions SELECT * REPLACE (bucket + INTERVAL 1 MONTH AS bucket) FROM rollup_versions FINAL WHERE rollup = 'queries_1d'")
}

func TestRebuild(t *testing.T) {
	w := week(t)
	want := values(w)
	spoil(w)
	if values(w) == want {
		t.Fatal("nothing was spoilt: the test shows nothing")
	}
	r := &rollup.Rebuild{DB: w.DB, Rows: 90}
	if err := rebuild(t.Context(), r, &rollup.Worker{DB: w.DB}); err != nil {
		t.Fatal(err)
	}
	if got := values(w); got != want {
		t.Error(firstDifference(got, want))
	}
	// Two days each, the day before 1970 on its own, and the days of a month later in one.
	if p := r.Progress(); p.Done != p.Ranges || p.Ranges < 4 || p.Ranges > 7 || p.Rows != 300 || p.RowsDone != 300 || p.Unequal != 0 {
		t.Errorf("got %+v, want 4 to 7 ranges with all 300 rows", p)
	}
	if got := strings.TrimSpace(w.Numbers(1, "SELECT count() FROM rollup_pending FINAL WHERE NOT done")); got != "0" {
		t.Errorf("%s ranges still wait", got)
	}
}

// newer lists the rollups of which a bucket was published after a version, with the first and the last of these.
func newer(w *rolluptest.World, version string) string {
	return w.Text(1, "SELECT concat(rollup, ' ', formatDateTime(min(bucket), '%%Y-%%m-%%d %%H:%%i'), ' ', formatDateTime(max(bucket), '%%Y-%%m-%%d %%H:%%i')) FROM rollup_versions FINAL WHERE version > %s GROUP BY `rollup` ORDER BY 1", version)
}

func newest(w *rolluptest.World) string {
	return strings.TrimSpace(w.Numbers(1, "SELECT max(version) FROM rollup_versions"))
}

// TestRebuildBounds expects what was requested to be recomputed, what is made from it too, and nothing else.
func TestRebuildBounds(t *testing.T) {
	w := week(t)
	w.Deliver(rolluptest.Random(50, 400, time.Date(2026, 3, 3, 10, 0, 0, 0, time.UTC), time.Hour)...)
	catchUp(t, w.DB)
	at := func(hour, minute int) time.Time { return time.Date(2026, 3, 3, hour, minute, 0, 0, time.UTC) }
	f := func(r rollup.Rebuild, want ...string) {
		t.Helper()
		before := newest(w)
		r.DB = w.DB
		if err := rebuild(t.Context(), &r, &rollup.Worker{DB: w.DB}); err != nil {
			t.Fatal(err)
		}
		if got, want := newer(w, before), strings.Join(want, "\n"); strings.TrimSpace(got) != want {
			t.Errorf("%s to %s of %v recomputed\n%swant\n%s", r.From, r.To, r.Rollups, got, want)
		}
	}
	f(rollup.Rebuild{From: at(10, 7), To: at(10, 9), Rollups: []string{"token_calls_1m"}}, "token_calls_1m 2026-03-03 10:07 2026-03-03 10:08",
		"token_calls_all_1d 2026-03-03 00:00 2026-03-03 00:00", "token_calls_all_1h 2026-03-03 10:00 2026-03-03 10:00")
	f(rollup.Rebuild{From: at(10, 7), To: at(10, 9), Rollups: []string{"token_calls_1h"}},
		"token_calls_1d 2026-03-03 00:00 2026-03-03 00:00", "token_calls_1h 2026-03-03 10:00 2026-03-03 10:00")
	f(rollup.Rebuild{From: at(10, 7), To: at(10, 9), Rollups: []string{"token_calls_1d"}}, "token_calls_1d 2026-03-03 00:00 2026-03-03 00:00")
	f(rollup.Rebuild{From: at(10, 7), To: at(10, 7).Add(time.Microsecond), Rollups: []string{"token_calls_1m", "model_events_1d"}},
		"model_events_1d 2026-03-03 00:00 2026-03-03 00:00", "token_calls_1m 2026-03-03 10:07 2026-03-03 10:07",
		"token_calls_all_1d 2026-03-03 00:00 2026-03-03 00:00", "token_calls_all_1h 2026-03-03 10:00 2026-03-03 10:00")
	f(rollup.Rebuild{From: at(10, 0).AddDate(10, 0, 0)})
	f(rollup.Rebuild{To: early.Add(time.Minute), Rollups: []string{"audience_1h"}},
		"audience_1d 1950-01-01 00:00 1950-01-01 00:00", "audience_1h 1950-01-01 00:00 1950-01-01 00:00")
	far := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	f(rollup.Rebuild{From: at(10, 7), To: far, Rollups: []string{"token_calls_1d"}}, "token_calls_1d 2026-03-03 00:00 2026-03-07 00:00")

	for _, r := range []rollup.Rebuild{{From: far}, {From: at(1, 0), To: at(1, 0)}, {From: at(1, 0), To: at(0, 0)}, {Rollups: []string{"token_calls_1m", "nonsense"}}} {
		r.DB = w.DB
		if _, err := r.Next(t.Context()); err == nil {
			t.Errorf("%s to %s of %v is no error", r.From, r.To, r.Rollups)
		}
	}
}

// TestRebuildIsNotPutOff requests buckets that the worker at work has just recomputed at great cost.
func TestRebuildIsNotPutOff(t *testing.T) {
	w := rolluptest.New(t)
	now := time.Unix(0, 0)
	worker := &rollup.Worker{DB: w.DB, Limits: rollup.Limits{Pause: 100, MinutePause: time.Hour}, Now: func() time.Time { now = now.Add(time.Second); return now }}
	w.Deliver(rolluptest.Random(1, 50, start, time.Minute)...)
	if _, err := worker.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := values(w)
	spoil(w)
	if err := rebuild(t.Context(), &rollup.Rebuild{DB: w.DB, To: start.AddDate(0, 2, 0)}, worker); err != nil {
		t.Fatal(err)
	}
	if got := values(w); got != want {
		t.Error(firstDifference(got, want))
	}
}

// TestRebuildGoesOn interrupts a rebuild and the worker with it, some ranges into it; another one goes on where it was.
func TestRebuildGoesOn(t *testing.T) {
	w := week(t)
	want := values(w)
	spoil(w)
	var since time.Time
	for i := 1; ; i++ {
		first := &rollup.Rebuild{DB: w.DB, Rows: 90}
		crash := &crashing{DB: w.DB, left: 40 * i, after: i%2 == 0}
		err := rebuild(t.Context(), first, &rollup.Worker{DB: crash})
		if err == nil {
			t.Fatal("the rebuild was not interrupted")
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		since = first.Began()
		if done := first.Progress().Done; done >= 2 {
			t.Logf("%d of %d ranges were done after %d interruptions", done, first.Progress().Ranges, i)
			break
		}
	}
	second := &rollup.Rebuild{DB: w.DB, Rows: 90, Since: since}
	if err := rebuild(t.Context(), second, &rollup.Worker{DB: w.DB}); err != nil {
		t.Fatal(err)
	}
	if got := values(w); got != want {
		t.Error(firstDifference(got, want))
	}
	if p := second.Progress(); p.Done == 0 || p.Done > 5 || p.Done != p.Ranges || p.RowsDone != p.Rows || p.Rows >= 300 {
		t.Errorf("the second rebuild did %+v, want only what the first had left", p)
	}
	third := &rollup.Rebuild{DB: w.DB, Rows: 90, Since: since}
	if err := rebuild(t.Context(), third, &rollup.Worker{DB: w.DB}); err != nil || third.Progress().Done != 0 {
		t.Errorf("the third rebuild did %+v (%v), want nothing", third.Progress(), err)
	}
	// Half a range that is done is none that is done.
	minutes := []string{"token_calls_1m"}
	half := &rollup.Rebuild{DB: w.DB, Rollups: minutes, From: start.Add(24 * time.Hour), To: start.Add(36 * time.Hour)}
	if err := rebuild(t.Context(), half, &rollup.Worker{DB: w.DB}); err != nil || half.Progress().Rows == 0 {
		t.Fatalf("half a range: %+v, %v", half.Progress(), err)
	}
	rest := &rollup.Rebuild{DB: w.DB, Rollups: minutes, Rows: 90, Since: half.Began()}
	whole := &rollup.Rebuild{DB: w.DB, Rollups: minutes, Rows: 90}
	for _, r := range []*rollup.Rebuild{rest, whole} {
		if err := rebuild(t.Context(), r, &rollup.Worker{DB: w.DB}); err != nil {
			t.Fatal(err)
		}
	}
	if rest.Progress() != whole.Progress() {
		t.Errorf("after half a range the rebuild did %+v, want %+v", rest.Progress(), whole.Progress())
	}
}

// TestRebuildReachesTheLast spoils a rollup that is made from one that is made from another.
func TestRebuildReachesTheLast(t *testing.T) {
	w := week(t)
	want := values(w)
	first := &rollup.Rebuild{DB: w.DB}
	if err := rebuild(t.Context(), first, &rollup.Worker{DB: w.DB}); err != nil {
		t.Fatal(err)
	}
	const (
		none  = "ALTER TABLE rollup_versions DELETE WHERE rollup = 'token_calls_all_1d' SETTINGS mutations_sync = 2"
		rows  = "INSERT INTO token_calls_all_1d_rows SELECT * REPLACE (bucket + INTERVAL 1 MONTH AS bucket) FROM token_calls_all_1d_rows"
		later = "INSERT INTO rollup_versions SELECT * REPLACE (bucket + INTERVAL 1 MONTH AS bucket) FROM rollup_versions FINAL WHERE rollup = 'token_calls_all_1d'"
	)
	minutes := []string{"token_calls_1m"}
	for _, tt := range []struct {
		name    string
		spoil   []string
		rebuild rollup.Rebuild
	}{
		{"days that nothing else shows", []string{rows, later}, rollup.Rebuild{Rollups: minutes}},
		{"left of a rebuild", []string{none}, rollup.Rebuild{Since: first.Began()}},
		{"left of a rebuild of minutes", []string{none}, rollup.Rebuild{Since: first.Began(), Rollups: minutes}},
	} {
		for _, sql := range tt.spoil {
			w.Exec("%s", sql)
		}
		if values(w) == want {
			t.Fatalf("%s: nothing was spoilt: the test shows nothing", tt.name)
		}
		tt.rebuild.DB = w.DB
		if err := rebuild(t.Context(), &tt.rebuild, &rollup.Worker{DB: w.DB}); err != nil {
			t.Fatal(err)
		}
		if got := values(w); got != want {
			t.Errorf("%s: after %+v: %s", tt.name, tt.rebuild.Progress(), firstDifference(got, want))
		}
	}
}

// TestRebuildOfMissingRow expects a bucket that raw cannot give any more to stay, and to be told of.
func TestRebuildOfMissingRow(t *testing.T) {
	w := week(t)
	want := values(w)
	w.Exec("DELETE FROM token_calls_raw WHERE (partition, offset) = (SELECT partition, offset FROM token_calls_raw WHERE time > '2026-03-03' ORDER BY time LIMIT 1)")
	r := &rollup.Rebuild{DB: w.DB, Rows: 90}
	if err := rebuild(t.Context(), r, &rollup.Worker{DB: w.DB}); err != nil {
		t.Fatal(err)
	}
	// Of minute, hour and day, the latter two with and without tenants; of clients and of distinct users by hour and day; of costs by both, with and without tenants.
	if p := r.Progress(); p.Unequal != 13 || p.Done != p.Ranges {
		t.Errorf("got %+v, want 13 ranges that are left", p)
	}
	if got := values(w); got != want {
		t.Error(firstDifference(got, want))
	}
}
