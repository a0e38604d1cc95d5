package rollup_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// gate is a database that answers inserts into one table late: each one is done and tells arrived, and its answer is what it
// gets from pass. A closed pass lets all through.
type gate struct {
	ledgerdb.DB
	table   string // Of rows.
	arrived chan struct{}
	pass    chan error
	ended   atomic.Bool // An insert saw that its context ended.
}

func newGate(db ledgerdb.DB, rollupName string) *gate {
	for _, t := range rollup.Tables() {
		if t.Name == rollupName {
			return &gate{DB: db, table: t.Rows(), arrived: make(chan struct{}, 1000), pass: make(chan error)}
		}
	}
	panic("no rollup " + rollupName)
}

func (g *gate) Exec(ctx context.Context, sql string) error {
	err := g.DB.Exec(ctx, sql)
	if err != nil || !strings.HasPrefix(sql, "INSERT INTO "+g.table+" ") {
		return err
	}
	g.arrived <- struct{}{}
	select {
	case err := <-g.pass:
		return err
	case <-ctx.Done():
		time.Sleep(50 * time.Millisecond) // Whoever does not wait is gone by now.
		g.ended.Store(true)
		return ctx.Err()
	}
}

// growing counts the inserts into the rollup of calls per hour that merge what it shows.
type growing struct {
	ledgerdb.DB
	n atomic.Int64
}

func (g *growing) Exec(ctx context.Context, sql string) error {
	if strings.HasPrefix(sql, "INSERT INTO token_calls_1h_rows ") && strings.Contains(sql, " FROM "+schemas.Ident("token_calls_1h")+" WHERE ") {
		g.n.Add(1)
	}
	return g.DB.Exec(ctx, sql)
}

// beside are limits with which every range of hours and days is long, and nothing is paused for long.
var beside = rollup.Limits{Interval: time.Millisecond, Pause: 1, Long: 1, RetryMin: time.Millisecond, RetryMax: 10 * time.Millisecond}

// running is a worker that runs. What its hooks get is the worker's until it has ended: they write without a lock.
type running struct {
	t      *testing.T
	worker *rollup.Worker
	steps  atomic.Pointer[rollup.Progress] // The last one.
	cancel context.CancelFunc
	ended  chan error

	published  []rollup.Published
	mismatches []rollup.Mismatch
	failures   []error
}

// run starts a worker.
func run(t *testing.T, db ledgerdb.DB, limits rollup.Limits) *running {
	r := prepare(t, db, limits)
	r.start()
	return r
}

// prepare makes a worker that does not run yet.
func prepare(t *testing.T, db ledgerdb.DB, limits rollup.Limits) *running {
	r := &running{t: t, ended: make(chan error, 1)}
	r.worker = &rollup.Worker{DB: db, Limits: limits, Hooks: rollup.Hooks{
		Step:     func(p rollup.Progress) { r.steps.Store(&p) },
		Range:    func(p rollup.Published) { r.published = append(r.published, p) },
		Mismatch: func(m rollup.Mismatch) { r.mismatches = append(r.mismatches, m) },
		Error:    func(err error) { r.failures = append(r.failures, err) },
	}}
	return r
}

func (r *running) start() {
	ctx, cancel := context.WithCancel(r.t.Context())
	r.cancel = cancel
	r.t.Cleanup(cancel)
	go func() { r.ended <- r.worker.Run(ctx) }()
}

// stop ends the worker and waits for it.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	if err := <-r.ended; err != nil {
		r.t.Error(err)
	}
}

// until waits for something.
func (r *running) until(what string, reached func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !reached(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.cancel()
			r.t.Fatalf("%s: never", what)
		}
	}
}

// step waits until a step that began after the call has ended, and returns it.
func (r *running) step() rollup.Progress {
	r.t.Helper()
	for range 2 { // The first one may have begun before.
		before := r.steps.Load()
		r.until("the next step", func() bool { return r.steps.Load() != before })
	}
	return *r.steps.Load()
}

func (r *running) untilIdle() {
	r.t.Helper()
	r.until("idle", func() bool { p := r.steps.Load(); return p != nil && p.Idle() })
}

func (r *running) arrive(g *gate) {
	r.t.Helper()
	select {
	case <-g.arrived:
	case <-time.After(2 * time.Minute):
		r.t.Fatalf("nothing was inserted into %s", g.table)
	}
}

func count(w *rolluptest.World, sql string) string { return strings.TrimSpace(w.Numbers(1, "%s", sql)) }

func open(w *rolluptest.World, table string) string {
	return count(w, "SELECT count() FROM rollup_pending FINAL WHERE NOT done AND rollup = '"+table+"'")
}

// inOrder returns what rollups show of events that are delivered one after the other.
func inOrder(t *testing.T, deliveries ...[]schemas.Event) string {
	w := rolluptest.New(t)
	for _, events := range deliveries {
		w.Deliver(events...)
	}
	catchUp(t, w.DB)
	return values(w)
}

// TestMinutesDoNotWait holds the insert into a rollup of hours or days up: minutes are published all the same. What is touched
// meanwhile is recomputed again.
func TestMinutesDoNotWait(t *testing.T) {
	first, second := rolluptest.Random(1, 200, start, 20*time.Minute), rolluptest.Random(2, 200, start, 20*time.Minute)
	want := inOrder(t, first, second)
	for _, name := range []string{"audience_1h", "token_calls_all_1d", "costs_1h"} {
		t.Run(name, func(t *testing.T) {
			w := rolluptest.New(t)
			w.Deliver(first...)
			g := newGate(w.DB, name)
			r := run(t, g, beside)
			r.arrive(g)
			w.Deliver(second...)
			calls := count(w, "SELECT count() FROM token_calls")
			r.until("minutes", func() bool { return strings.Fields(sums(w, "token_calls_1m"))[1] == calls })
			if p := r.step(); p.Idle() || p.Deferred == 0 {
				t.Errorf("%+v while a range is under way", p)
			}
			if shown, waits := count(w, "SELECT count() FROM "+name), open(w, name); shown != "0" || waits == "0" {
				t.Errorf("%s shows %s rows and %s ranges are pending", name, shown, waits)
			}
			close(g.pass)
			r.untilIdle()
			r.stop()
			if got := values(w); got != want {
				t.Error(firstDifference(got, want))
			}
			if waits := count(w, "SELECT count() FROM rollup_pending FINAL WHERE NOT done"); waits != "0" || len(r.failures) > 0 {
				t.Errorf("%s ranges still wait; failures %v", waits, r.failures)
			}
			reported := func(p rollup.Published) bool { return p.Table == name && p.Rows > 0 }
			if !slices.ContainsFunc(r.published, reported) || slices.ContainsFunc(r.published, func(p rollup.Published) bool { return p.Took <= 0 }) {
				t.Errorf("published: %+v", r.published)
			}
		})
	}
}

// TestRunGivesTheSame delivers in pieces while a worker runs whose long ranges are all recomputed beside its steps and
// grow. By its clock they take no time, so nothing is paused.
func TestRunGivesTheSame(t *testing.T) {
	events := rolluptest.Random(3, 300, start, 2*time.Hour)
	want := inOrder(t, events)
	for seed := range uint64(2) {
		w := rolluptest.New(t)
		random := rand.New(rand.NewPCG(seed, 1))
		var hours atomic.Int64
		db := &growing{DB: w.DB}
		r := prepare(t, db, beside)
		r.worker.Limits.Grow = 1
		r.worker.Now = func() time.Time { return time.Unix(0, 0) }
		r.worker.Hooks.Range = func(p rollup.Published) {
			if p.Table == "token_calls_1h" {
				hours.Add(1)
			}
		}
		r.start()
		for all := events; len(all) > 0; {
			n := min(len(all), 1+random.IntN(60))
			w.Deliver(all[:n]...)
			all = all[n:]
			if before := hours.Load(); random.IntN(2) == 0 {
				r.until("hours", func() bool { return hours.Load() > before })
			}
			time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
		}
		r.step()
		r.untilIdle()
		r.stop()
		if got := values(w); got != want {
			t.Errorf("seed %d: %s", seed, firstDifference(got, want))
		}
		if hours.Load() < 4 || db.n.Load() < 3 {
			t.Errorf("seed %d: %d ranges of hours, %d grew", seed, hours.Load(), db.n.Load())
		}
	}
}

// TestNextLongRangeAtOnce has an interval in which nothing would be done: each range starts when the one before ends.
func TestNextLongRangeAtOnce(t *testing.T) {
	w := rolluptest.New(t)
	events := rolluptest.Random(1, 200, start, 3*time.Hour)
	w.Deliver(events...)
	limits := beside
	limits.Interval = time.Hour
	r := run(t, w.DB, limits)
	r.until("caught up", func() bool { p := r.steps.Load(); return p != nil && p.Deferred == 0 })
	r.stop()
	if got, want := values(w), inOrder(t, events); got != want {
		t.Error(firstDifference(got, want))
	}
}

// TestRunEndsDuringARange stops a worker while a range is under way: the next one finishes it.
func TestRunEndsDuringARange(t *testing.T) {
	for name, saved := range map[string]bool{"after the step": true, "during the step": false} {
		t.Run(name, func(t *testing.T) {
			w := rolluptest.New(t)
			events := rolluptest.Random(1, 200, start, 20*time.Minute)
			w.Deliver(events...)
			g := newGate(w.DB, "audience_1h")
			r := run(t, g, beside)
			r.arrive(g)
			if saved {
				r.step()
				if open(w, "audience_1h") == "0" {
					t.Error("the range under way is not pending")
				}
			}
			r.stop()
			if !g.ended.Load() || len(r.failures) > 0 {
				t.Errorf("Run waited: %t; failures %v", g.ended.Load(), r.failures)
			}
			catchUp(t, w.DB)
			if got, want := values(w), inOrder(t, events); got != want {
				t.Error(firstDifference(got, want))
			}
		})
	}
}

// TestFailedRangeIsRepeated has a database that refuses a range twice. Everything else goes on, and the hook is told.
func TestFailedRangeIsRepeated(t *testing.T) {
	w := rolluptest.New(t)
	events := rolluptest.Random(1, 200, start, 20*time.Minute)
	w.Deliver(events...)
	g := newGate(w.DB, "audience_1h")
	r := run(t, g, beside)
	for range 2 {
		r.arrive(g)
		g.pass <- errCrash
	}
	r.arrive(g) // It was refused, and it is repeated.
	if count(w, "SELECT count() FROM audience_1h") != "0" || open(w, "audience_1h") == "0" {
		t.Error("a refused range is done")
	}
	close(g.pass)
	r.step()
	r.untilIdle()
	r.stop()
	if len(r.failures) != 2 || !errors.Is(r.failures[0], errCrash) || !strings.HasPrefix(r.failures[0].Error(), "recompute audience_1h from 2026-03-01 22:00:00") {
		t.Errorf("failures: %v", r.failures)
	}
	if got, want := values(w), inOrder(t, events); got != want {
		t.Error(firstDifference(got, want))
	}
}

// TestRequestDuringARange requests a bucket that is under way: it is recomputed once more, and the rebuild waits for that.
func TestRequestDuringARange(t *testing.T) {
	w := rolluptest.New(t)
	events := rolluptest.Random(1, 200, start, 20*time.Minute)
	w.Deliver(events...)
	g := newGate(w.DB, "audience_1h")
	r := run(t, g, beside)
	r.arrive(g)
	rebuild := &rollup.Rebuild{DB: w.DB, From: start, To: start.Add(20 * time.Minute), Rollups: []string{"audience_1h"}}
	next := func() bool {
		t.Helper()
		done, err := rebuild.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	next()
	time.Sleep(200 * time.Millisecond)
	if next() {
		t.Error("the rebuild is done and nothing was published")
	}
	g.pass <- nil
	r.arrive(g)
	if next() {
		t.Error("the rebuild is done by a range that began before it")
	}
	close(g.pass)
	r.until("the rebuild", next)
	r.untilIdle()
	r.stop()
	if got, want := values(w), inOrder(t, events); got != want {
		t.Error(firstDifference(got, want))
	}
}

// TestRangeWithMismatch lacks a row of a type that only a rollup per day is made from: what is found beside the steps is told
// by a step, and the day is published when the row is back.
func TestRangeWithMismatch(t *testing.T) {
	w := rolluptest.New(t)
	events := slices.DeleteFunc(rolluptest.Random(1, 400, start, time.Hour), func(e schemas.Event) bool { _, ok := e.(*usagev1.ModelEvent); return !ok })
	w.Deliver(events...)
	w.Exec("CREATE TABLE kept AS model_events_raw")
	w.Exec("INSERT INTO kept SELECT * FROM model_events_raw ORDER BY time LIMIT 1")
	w.Exec("DELETE FROM model_events_raw WHERE (partition, offset) IN (SELECT partition, offset FROM kept)")
	r := run(t, w.DB, beside)
	r.until("a mismatch", func() bool { p := r.steps.Load(); return p != nil && p.Mismatches == 1 })
	if shown := count(w, "SELECT count() FROM model_events_1d"); shown != "0" {
		t.Errorf("the day is published with %s rows", shown)
	}
	w.Exec("INSERT INTO model_events_raw SELECT * FROM kept")
	r.until("the day", func() bool { return count(w, "SELECT sum(records) FROM model_events_1d") == fmt.Sprint(len(events)) })
	r.step()
	r.untilIdle()
	r.stop()
	if len(r.mismatches) == 0 || r.mismatches[0].Table != "model_events_raw" || r.mismatches[0].Rows != r.mismatches[0].LedgerRows-1 || len(r.failures) > 0 {
		t.Errorf("told %v, failures %v", r.mismatches, r.failures)
	}
	if got, want := values(w), inOrder(t, events); got != want {
		t.Error(firstDifference(got, want))
	}
}
