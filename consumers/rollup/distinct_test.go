package rollup_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestMinutesBeyondTheWindow has minutes with more events than the window in which ingest finds duplicates, so the ledger
// does not prove that none comes twice. The worker looks for events that do, in what is new.
func TestMinutesBeyondTheWindow(t *testing.T) {
	w := rolluptest.New(t)
	w.Window = 3
	sorted, looked := 0, 0
	db := &recording{DB: w.DB, seen: func(sql string) {
		if strings.Contains(sql, " AND identity IN (") {
			looked++
		}
	}}
	worker := &rollup.Worker{DB: db, Limits: rollup.Limits{Grow: 1}, Hooks: rollup.Hooks{Range: func(p rollup.Published) {
		if p.Deduplicated && p.Table == "token_calls_1m" {
			sorted++
		}
	}}}
	step := func(when string, want bool) {
		t.Helper()
		sorted, looked = 0, 0
		if err := worker.UntilCaughtUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		onceEach(t, w, when)
		if (sorted > 0) != want {
			t.Errorf("%s: %d ranges looked at every event, want some: %t", when, sorted, want)
		}
	}
	const each = 200
	events := dense(3*each, 0)
	w.Deliver(events[:2*each]...)
	step("first", false)
	w.Deliver(events[2*each:]...)
	step("grown", false)
	if looked != 1 {
		t.Errorf("%d statements compared new events with those before, want 1 for all rollups", looked)
	}
	w.Deliver(events[each:]...)
	step("sent again, beyond the window", true)
	w.Deliver(dense(each, 5)...)
	step("another minute", false)
	again := dense(each, 7)
	w.Deliver(append(again, again...)...)
	step("a minute that is sent twice before anybody looks", true)
	w.Deliver(dense(each, 9)...)
	w.Exec("INSERT INTO token_calls_raw SELECT * FROM token_calls_raw")
	step("copies of all rows", true)
	if n := w.Numbers(1, "SELECT sum(records) FROM token_calls_1m"); strings.TrimSpace(n) != "1200" {
		t.Errorf("%s records, want 1,200", n)
	}
}

// dense makes calls of one minute, so many minutes after start.
func dense(n, minutes int) (events []schemas.Event) {
	for i := range n {
		at := start.Add(time.Duration(minutes) * time.Minute)
		events = append(events, &usagev1.TokenCall{Source: "s", Id: at.String() + string(rune('a'+i%26)) + strings.Repeat("x", i/26), Tenant: "t", Product: "p", Model: "m", Status: 1,
			Weight: 1, OutputVisible: new(uint64(i)), TimeUs: new(at.UnixMicro() + int64(i))})
	}
	return events
}

// recording tells of each statement.
type recording struct {
	ledgerdb.DB
	seen func(sql string)
}

func (r *recording) Query(ctx context.Context, sql string, row func(func(...any) error) error) error {
	r.seen(sql)
	return r.DB.Query(ctx, sql, row)
}
