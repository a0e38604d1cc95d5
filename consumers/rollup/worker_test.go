package rollup_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

var (
	start = time.Date(2026, 3, 1, 22, 30, 0, 0, time.UTC)
	early = time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)
)

func catchUp(t *testing.T, db ledgerdb.DB) {
	t.Helper()
	if err := (&rollup.Worker{DB: db}).UntilCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// values returns all that the rollups show, states by value.
func values(w *rolluptest.World) string {
	var out strings.Builder
	for _, table := range rollup.Tables() {
		if len(table.Measures) > 1 {
			columns := table.Values(func(i int) string { return table.Measures[i].Column })
			columns = slices.DeleteFunc(columns, func(c string) bool { return c == "checksum" }) // Depends on coordinates.
			fmt.Fprintf(&out, "%s\n%s", table.Name, w.Numbers(1, "SELECT arrayStringConcat([toString(bucket), toString(%s), toString(%s)], ' ') AS x FROM %s ORDER BY x",
				strings.Join(table.Dims, "), toString("), strings.Join(columns, "), toString("), table.Name))
			continue
		}
		fmt.Fprintf(&out, "%s\n%s", table.Name, w.Numbers(1, "SELECT arrayStringConcat([toString(bucket), dimension, value, toString(user_weight), toString(finalizeAggregation(users))], ' ') AS x FROM %s ORDER BY x", table.Name))
	}
	return out.String()
}

// sums are the figures that must not depend on the length of a bucket.
func sums(w *rolluptest.World, table string) string {
	return strings.TrimSpace(w.Numbers(1, "SELECT arrayStringConcat([toString(sum(calls)), toString(sum(records)), toString(sum(input_tokens)), toString(sum(output_tokens)), toString(sum(reported_cost_picos))], ' ') FROM %s", table))
}

// TestRollupsEqualTheEvents computes the figures in Go.
func TestRollupsEqualTheEvents(t *testing.T) {
	w := rolluptest.New(t)
	events := append(rolluptest.Random(1, 800, start, 3*time.Hour), rolluptest.Random(2, 100, early, time.Hour)...)
	w.Deliver(events...)
	catchUp(t, w.DB)

	var calls, records, input, output, queries, signups, models uint64
	var cost int64
	minutes := make(map[int64]uint64)
	users := make(map[uint64]bool)
	for _, e := range events {
		if user, ok := e.(interface{ GetUser() uint64 }); ok && user.GetUser() != 0 {
			switch e.(type) {
			case *usagev1.TokenCall, *usagev1.Query:
				users[user.GetUser()] = true
			}
		}
		weight := uint64(1)
		if weighed, ok := e.(interface{ GetWeight() uint64 }); ok {
			weight = max(weighed.GetWeight(), 1)
		}
		switch e := e.(type) {
		case *usagev1.TokenCall:
			n := weight
			if e.Requests != nil {
				n *= *e.Requests
			}
			calls, records = calls+n, records+1
			input += weight * (e.GetInputUncached() + e.GetInputCacheRead() + e.GetInputCacheWrite())
			output += weight * (e.GetOutputVisible() + e.GetOutputReasoning())
			if e.CostCurrency == "USD" {
				cost += int64(weight) * (e.GetReportedCostNanos()*1000 + int64(e.ReportedCostPicos))
			}
			minutes[int64(schemas.MinuteOf(e.GetTimeUs()))*60] += n
		case *usagev1.Query:
			queries += weight
		case *usagev1.Signup:
			signups += weight
		case *usagev1.ModelEvent:
			models += weight
		}
	}
	want := fmt.Sprint(calls, " ", records, " ", input, " ", output, " ", cost)
	for _, table := range []string{"token_calls_1m", "token_calls_1h", "token_calls_1d"} {
		if got := sums(w, table); got != want {
			t.Errorf("%s: got %s, want %s", table, got, want)
		}
	}
	f := func(sql, want string) {
		t.Helper()
		if got := strings.TrimSpace(w.Numbers(1, "%s", sql)); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
	for _, n := range []string{"1m", "1h", "1d"} {
		f("SELECT sum(queries) FROM queries_"+n, fmt.Sprint(queries))
		f("SELECT sum(signups) FROM signups_"+n, fmt.Sprint(signups))
	}
	f("SELECT sum(events) FROM model_events_1d", fmt.Sprint(models))
	f("SELECT uniqCombined64Merge(users) FROM audience_1d WHERE dimension = ''", fmt.Sprint(len(users)))
	f("SELECT uniqCombined64Merge(users) FROM audience_1h WHERE dimension = ''", fmt.Sprint(len(users)))
	for second, weight := range minutes {
		f(fmt.Sprintf("SELECT sum(calls) FROM token_calls_1m WHERE bucket = toDateTime64(%d, 0, 'UTC')", second), fmt.Sprint(weight))
		break
	}
	f("SELECT toString(min(bucket)) FROM token_calls_1d", "1950-01-01 00:00:00")
	f("SELECT countIf(bucket < '1951-01-01') FROM token_calls_1m WHERE bucket >= toDateTime64('1950-01-01', 0, 'UTC') AND bucket < toDateTime64('1960-01-01', 0, 'UTC') HAVING count() = countIf(bucket < '1951-01-01') AND count() > 0",
		strings.TrimSpace(w.Numbers(1, "SELECT count() FROM token_calls_1m WHERE bucket < '2000-01-01'")))
}

// TestAnyOrderGivesTheSame is I3: order, repetition and batches of a set of events without conflicts do not matter. Two
// workers take turns whose ranges grow, each from what it published before the other did.
func TestAnyOrderGivesTheSame(t *testing.T) {
	events := rolluptest.Random(3, 300, start, 2*time.Hour)
	want, grown := "", 0
	for seed := range uint64(4) {
		w := rolluptest.New(t)
		r := rand.New(rand.NewPCG(seed, 1))
		all := slices.Clone(events)
		if seed > 0 {
			w.Window = int64(r.IntN(200)) // Repeats beyond it are stored again.
			all = append(all, events[:r.IntN(len(events))]...)
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		}
		var workers [2]rollup.Worker
		for i := range workers {
			workers[i] = rollup.Worker{DB: w.DB, Limits: rollup.Limits{Grow: 1}, Hooks: rollup.Hooks{Step: func(p rollup.Progress) { grown += p.Grown }}}
		}
		worker := &workers[0]
		for len(all) > 0 {
			n := min(len(all), 1+r.IntN(300))
			if seed == 0 {
				n = len(all)
			}
			w.Deliver(all[:n]...)
			all = all[n:]
			if r.IntN(2) == 0 {
				worker = &workers[r.IntN(2)]
				if err := worker.UntilCaughtUp(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := worker.UntilCaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		switch got := values(w); {
		case seed == 0:
			want = got
		case got != want:
			t.Errorf("seed %d: rollups differ from those of each event once in order:\n%s", seed, firstDifference(got, want))
		}
	}
	if grown == 0 {
		t.Error("no range grew")
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("line %d: got  %s\n         want %s", i, g[i], w[min(i, len(w)-1)])
		}
	}
	return "lines are missing"
}

// crashing lets some statements pass and fails all that follow, before or after they are done.
type crashing struct {
	ledgerdb.DB
	left  int
	after bool // The next one is done, and its answer lost.
	count int
}

var errCrash = errors.New("crash")

func (c *crashing) do(f func() error) error {
	c.count++
	c.left--
	if c.left > 0 {
		return f()
	}
	if c.left == 0 && c.after {
		if err := f(); err != nil {
			return err
		}
	}
	return errCrash
}

func (c *crashing) Exec(ctx context.Context, sql string) error {
	return c.do(func() error { return c.DB.Exec(ctx, sql) })
}

func (c *crashing) Query(ctx context.Context, sql string, row func(func(...any) error) error) error {
	return c.do(func() error { return c.DB.Query(ctx, sql, row) })
}

// TestCrash stops a worker at every statement of a step, lets a new one finish, and expects the right figures; and in
// between, that readers see old or new buckets, never others.
func TestCrash(t *testing.T) {
	w := rolluptest.New(t)
	var all []schemas.Event
	deliver := func(seed uint64) {
		events := rolluptest.Random(seed, 6, start, 20*time.Minute)
		all = append(all, events...)
		w.Deliver(events...)
	}
	deliver(100)
	catchUp(t, w.DB)
	for i, done := 1, false; !done; i++ {
		deliver(100 + uint64(i))
		crash := &crashing{DB: w.DB, left: i, after: i%2 == 0}
		_, err := (&rollup.Worker{DB: crash}).Step(t.Context())
		if done = err == nil; !done && !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		if i%8 != 0 && !done {
			continue // Several crashes in a row.
		}
		catchUp(t, w.DB)
		var want uint64
		for _, e := range all {
			if call, ok := e.(*usagev1.TokenCall); ok {
				n := max(call.Weight, 1)
				if call.Requests != nil {
					n *= *call.Requests
				}
				want += n
			}
		}
		for _, table := range []string{"token_calls_1m", "token_calls_1h", "token_calls_1d"} {
			if got := strings.Fields(sums(w, table))[0]; got != fmt.Sprint(want) {
				t.Fatalf("after a crash at statement %d %s has %s calls, want %d", i, table, got, want)
			}
		}
	}
	other := rolluptest.New(t)
	other.Deliver(all...)
	catchUp(t, other.DB)
	if got, want := values(w), values(other); got != want {
		t.Error(firstDifference(got, want))
	}
}

// TestCopiesChangeNothing has a copy of every raw row, and rows that no ledger row covers yet.
func TestCopiesChangeNothing(t *testing.T) {
	w := rolluptest.New(t)
	w.Deliver(rolluptest.Random(1, 200, start, time.Hour)...)
	w.Exec("INSERT INTO token_calls_raw SELECT * FROM token_calls_raw SETTINGS optimize_on_insert = 0")
	var once []bool
	worker := &rollup.Worker{DB: w.DB, Hooks: rollup.Hooks{Range: func(p rollup.Published) {
		if p.Table == "token_calls_1m" {
			once = append(once, p.Deduplicated)
		}
	}}}
	if err := worker.UntilCaughtUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(once, []bool{true}) {
		t.Errorf("token_calls_1m: looked at events one by one: %v, want once true", once)
	}
	want := sums(w, "token_calls_1m")
	if records := strings.TrimSpace(w.Numbers(1, "SELECT count() FROM token_calls")); strings.Fields(want)[1] != records {
		t.Errorf("got %s, want %s records", want, records)
	}
	late := w.Insert(rolluptest.Random(2, 200, start, time.Hour)...)
	if err := rebuild(t.Context(), &rollup.Rebuild{DB: w.DB, From: start, To: start.Add(time.Hour)}, worker); err != nil {
		t.Fatal(err)
	}
	if got := sums(w, "token_calls_1m"); got != want {
		t.Errorf("rows that are not accounted for changed %s to %s", want, got)
	}
	for _, row := range late {
		w.Account(row)
	}
	catchUp(t, w.DB)
	if got := sums(w, "token_calls_1m"); got == want {
		t.Error("rows that are accounted for changed nothing")
	}
}

// TestMissingRow expects the bucket of a row that is gone to stay as it was, the others to go on, and all to be well
// when the row is back.
func TestMissingRow(t *testing.T) {
	w := rolluptest.New(t)
	w.Deliver(rolluptest.Random(1, 100, start, time.Hour)...)
	w.Deliver(rolluptest.Random(2, 100, start.AddDate(0, 0, 7), time.Hour)...)
	w.Exec("CREATE TABLE kept AS token_calls_raw")
	w.Exec("INSERT INTO kept SELECT * FROM token_calls_raw WHERE time < '2026-03-05' ORDER BY time LIMIT 1")
	w.Exec("DELETE FROM token_calls_raw WHERE (partition, offset) IN (SELECT partition, offset FROM kept)")
	var reported []rollup.Mismatch
	worker := &rollup.Worker{DB: w.DB, Hooks: rollup.Hooks{Mismatch: func(m rollup.Mismatch) { reported = append(reported, m) }}}
	_, err := worker.Step(t.Context())
	var mismatch *rollup.MismatchError
	if !errors.As(err, &mismatch) || len(mismatch.Mismatches) != 1 || len(reported) != 1 || reported[0].Table != "token_calls_raw" {
		t.Fatalf("got error %v and %v reported, want one mismatch", err, reported)
	}
	if reported[0].Rows != reported[0].LedgerRows-1 {
		t.Errorf("got %d rows of %d", reported[0].Rows, reported[0].LedgerRows)
	}
	gone := strings.TrimSpace(w.Numbers(1, "SELECT minute FROM kept"))
	if got := strings.TrimSpace(w.Numbers(1, "SELECT count() FROM token_calls_1m WHERE intDiv(toUnixTimestamp64Second(bucket), 60) = %s", gone)); got != "0" {
		t.Errorf("the bucket is published with %s rows", got)
	}
	if got := strings.TrimSpace(w.Numbers(1, "SELECT countIf(bucket < '2026-03-02') > 0 AND countIf(bucket > '2026-03-08') > 0 FROM token_calls_1m")); got != "1" {
		t.Error("other buckets are not published")
	}
	for _, table := range []string{"token_calls_1d", "audience_1d"} {
		if got := strings.TrimSpace(w.Numbers(1, "SELECT count() FROM %s WHERE bucket = toStartOfDay((SELECT any(time) FROM kept))", table)); got != "0" {
			t.Errorf("%s: the day is published with %s rows", table, got)
		}
	}
	if err := (&rollup.Worker{DB: w.DB}).UntilCaughtUp(t.Context()); !errors.As(err, &mismatch) {
		t.Errorf("another worker returns %v, want the mismatch", err)
	}
	w.Exec("INSERT INTO token_calls_raw SELECT * FROM kept")
	catchUp(t, w.DB)
	for _, table := range []string{"token_calls_1m", "token_calls_1d"} {
		if got, want := strings.Fields(sums(w, table))[1], strings.TrimSpace(w.Numbers(1, "SELECT count() FROM token_calls")); got != want {
			t.Errorf("%s has %s records after the repair, want %s", table, got, want)
		}
	}
	if got := strings.TrimSpace(w.Numbers(1, "SELECT count() FROM rollup_pending FINAL WHERE NOT done")); got != "0" {
		t.Errorf("%s ranges still wait", got)
	}
}

// TestPause expects a bucket that took long not to be recomputed again soon, and not to be forgotten.
func TestPause(t *testing.T) {
	w := rolluptest.New(t)
	now := time.Unix(0, 0)
	worker := &rollup.Worker{DB: w.DB, Limits: rollup.Limits{Pause: 400, MinutePause: time.Hour}, Now: func() time.Time { now = now.Add(time.Second); return now }}
	step := func() rollup.Progress {
		t.Helper()
		p, err := worker.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	w.Deliver(rolluptest.Random(1, 50, start, time.Minute)...)
	step()
	first := sums(w, "token_calls_1h")
	w.Deliver(rolluptest.Random(2, 50, start, time.Minute)...)
	if p := step(); p.Ranges != 0 || p.Deferred == 0 || sums(w, "token_calls_1h") != first {
		t.Errorf("recomputed too soon: %+v", p)
	}
	now = now.Add(10 * time.Hour)
	if p := step(); p.Deferred != 0 || p.Ranges == 0 {
		t.Errorf("not recomputed: %+v", p)
	}
	if got, want := strings.Fields(sums(w, "token_calls_1d"))[1], strings.TrimSpace(w.Numbers(1, "SELECT count() FROM token_calls")); got != want {
		t.Errorf("got %s records, want %s", got, want)
	}
	now = now.Add(10 * time.Hour)
	if p := step(); !p.Idle() {
		t.Errorf("not idle: %+v", p)
	}
}

// TestLosersDoNotCount has ledger rows of a replaced worker, and one that was written twice.
func TestLosersDoNotCount(t *testing.T) {
	w := rolluptest.New(t)
	w.Partitions = 1
	w.Deliver(rolluptest.Random(1, 200, start, time.Hour)...)
	w.Exec("INSERT INTO ledger SELECT * REPLACE (generation - 1 AS generation) FROM ledger")
	w.Exec("INSERT INTO ledger SELECT * FROM ledger")
	catchUp(t, w.DB)
	w.Deliver(rolluptest.Random(2, 200, start, time.Hour)...)
	// A worker that woke late: its row begins at 0 and ends within the second one.
	w.Exec("INSERT INTO ledger SELECT * REPLACE (to_offset + 1 AS to_offset, generation - 1 AS generation) FROM ledger WHERE from_offset = 0")
	catchUp(t, w.DB)
	if got, want := strings.Fields(sums(w, "token_calls_1m"))[1], strings.TrimSpace(w.Numbers(1, "SELECT count() FROM token_calls")); got != want {
		t.Errorf("got %s records, want %s", got, want)
	}
}

// TestReadersNeverSeeHalfABucket is I7.
func TestReadersNeverSeeHalfABucket(t *testing.T) {
	w := rolluptest.New(t)
	w.Deliver(rolluptest.Random(1, 300, start, 5*time.Minute)...)
	catchUp(t, w.DB)
	want := sums(w, "token_calls_1m")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		worker := &rollup.Worker{DB: w.DB}
		for range 8 {
			if err := rebuild(ctx, &rollup.Rebuild{DB: w.DB, From: start, To: start.Add(time.Hour)}, worker); err != nil {
				done <- err
				return
			}
			if err := w.DB.Exec(ctx, "OPTIMIZE TABLE token_calls_1m_rows FINAL"); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for reads := 0; ; reads++ {
		for _, table := range []string{"token_calls_1m", "token_calls_1h", "token_calls_1d"} {
			if got := sums(w, table); got != want {
				t.Fatalf("read %d of %s: got %s, want %s", reads, table, got, want)
			}
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}

// TestRunSurvivesErrors has a database that fails for a while.
func TestRunSurvivesErrors(t *testing.T) {
	w := rolluptest.New(t)
	w.Deliver(rolluptest.Random(1, 50, start, time.Minute)...)
	ctx, cancel := context.WithCancel(t.Context())
	flaky := &crashing{DB: w.DB, left: 3}
	failures := 0
	worker := &rollup.Worker{DB: flaky, Limits: rollup.Limits{Interval: time.Millisecond, RetryMin: time.Millisecond}, Hooks: rollup.Hooks{
		Error: func(error) {
			if failures++; failures == 3 {
				flaky.left = 1 << 30
			}
		},
		Step: func(rollup.Progress) { cancel() },
	}}
	if err := worker.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if failures != 3 || strings.HasPrefix(sums(w, "token_calls_1m"), "0 ") {
		t.Errorf("%d failures, then %s", failures, sums(w, "token_calls_1m"))
	}
}

// TestUpgradeFillsNewRollups takes the rollups of all tenants together away, and a measure of the others, as they are
// missing in a database of an older version, and migrates: the worker computes them of what was rolled up before.
func TestUpgradeFillsNewRollups(t *testing.T) {
	w := rolluptest.New(t)
	w.Deliver(append(rolluptest.Random(1, 800, start, 3*time.Hour), rolluptest.Random(2, 100, early, time.Hour)...)...)
	catchUp(t, w.DB)
	want := values(w)
	for range 2 { // The second request is of the same buckets as the first, which is done.
		for _, table := range rollup.Tables() {
			switch {
			case strings.Contains(table.Name, "_all_"):
				w.Exec("DROP TABLE %s", table.Rows())
				w.Exec("DELETE FROM rollup_versions WHERE rollup = '%s'", table.Name)
			case strings.HasPrefix(table.Name, "token_calls_"):
				w.Exec("ALTER TABLE %s DROP COLUMN streaming_calls SETTINGS mutations_sync = 2", table.Rows())
			}
		}
		w.Exec("TRUNCATE TABLE schema_migrations")
		w.Exec("INSERT INTO schema_migrations (version, name) VALUES (1, 'queries_raw')")
		if err := w.DB.Migrate(t.Context(), schemas.Current(), nil); err != nil {
			t.Fatal(err)
		}
		if values(w) == want {
			t.Fatal("nothing was taken away")
		}
		catchUp(t, w.DB)
		if got := values(w); got != want {
			t.Fatalf("after the upgrade the rollups show\n%s\nwant\n%s", got, want)
		}
	}
}
