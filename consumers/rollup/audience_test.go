package rollup_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
)

// slowInserts is a database in which each insert into the rollup of calls per minute takes an hour.
type slowInserts struct {
	ledgerdb.DB
	took func(time.Duration)
}

func (s slowInserts) Exec(ctx context.Context, sql string) error {
	if strings.HasPrefix(sql, "INSERT INTO token_calls_1m") {
		s.took(time.Hour)
	}
	return s.DB.Exec(ctx, sql)
}

// TestAudienceChecksForItself has an hour of which a row is missing, and of the rollups of calls, which would find that,
// one that is paused and no other: the distinct users of the hour stay as they were, too.
func TestAudienceChecksForItself(t *testing.T) {
	w := rolluptest.New(t)
	w.Deliver(rolluptest.Random(1, 300, start, time.Hour)...)
	catchUp(t, w.DB)
	want := values(w)
	w.Exec("DELETE FROM token_calls_raw WHERE user = (SELECT user FROM token_calls_raw WHERE user != 0 GROUP BY user ORDER BY count(), user LIMIT 1)")
	w.Exec("INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done, version) SELECT arrayJoin(['token_calls_1m', 'audience_1h']), toStartOfDay(min(time)), toStartOfDay(min(time)) + INTERVAL 2 DAY, 'requested', false, 1 FROM token_calls_raw")
	now := time.Unix(0, 0)
	worker := &rollup.Worker{DB: slowInserts{w.DB, func(d time.Duration) { now = now.Add(d) }}, Now: func() time.Time { return now }}
	for range 3 {
		_, err := worker.Step(t.Context())
		var mismatch *rollup.MismatchError
		if !errors.As(err, &mismatch) {
			t.Fatalf("got %v, want a mismatch", err)
		}
		if got := values(w); got != want {
			t.Fatal(firstDifference(got, want))
		}
	}
	calls := 0
	worker.Hooks.Range = func(p rollup.Published) {
		if strings.HasPrefix(p.Table, "token_calls_1m") {
			calls++
		}
	}
	if _, err := worker.Step(t.Context()); err == nil || calls != 0 {
		t.Errorf("the minutes of calls were recomputed %d times, want them paused (%v)", calls, err)
	}
}
