package clickhouse_test

import (
	"errors"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/ingest"
	"tidemark/schemas"
)

// TestJoinedInserts: blocks of several partitions that wait at the same time become one part; when one of them has a row
// that the database refuses, only that block is refused.
func TestJoinedInserts(t *testing.T) {
	for _, bad := range []bool{false, true} {
		db := openRaw(t)
		for _, sql := range []string{"SYSTEM STOP MERGES token_calls_raw", "ALTER TABLE token_calls_raw ADD CONSTRAINT c CHECK id != 'bad'"} {
			if err := db.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		store := clickhouse.NewStore(db)
		waiting, release := store.Hold("token_calls_raw")
		const blocks = 4
		errs := make(chan error, blocks)
		for i := range blocks {
			p := calls
			p.ID = int32(i)
			rows := block(t, p, 0, 100, time.Second)
			if bad && i == 2 {
				event := callAt(100, start)
				event.Id = "bad"
				value, err := schemas.AppendEvent(nil, event)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := rows.Append(value, schemas.Coordinates{Epoch: 1, Partition: p.ID, Offset: 100}); err != nil {
					t.Fatal(err)
				}
			}
			go func() { errs <- store.Insert(t.Context(), p, rows) }()
		}
		for waiting() < blocks {
			if t.Context().Err() != nil {
				t.Fatal("the blocks did not gather")
			}
		}
		release()
		refusals := 0
		for range blocks {
			var refused *ingest.Refused
			if err := <-errs; errors.As(err, &refused) {
				refusals++
			} else if err != nil {
				t.Errorf("insert: %v", err)
			}
		}
		got := numbers(t, db, "SELECT count(), sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = 'token_calls_raw' AND active", 2)
		if !bad && (refusals != 0 || got[0] != 1 || got[1] != 400) {
			t.Errorf("%d refusals, %d parts with %d rows; want 0, 1 and 400", refusals, got[0], got[1])
		}
		if bad && (refusals != 1 || got[1] != 300) {
			t.Errorf("with a bad row: %d refusals, %d rows; want 1 and 300", refusals, got[1])
		}
	}
}
