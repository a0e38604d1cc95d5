package clickhouse_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/ingest"
	"tidemark/schemas"
)

// TestInsertMakesOnePart: a block is neither cut nor joined, whatever its size.
func TestInsertMakesOnePart(t *testing.T) {
	tests := []struct {
		name string
		rows int64
		step time.Duration
	}{
		{"one row", 1, 0},
		{"the largest block", 1 << 16, time.Millisecond},
		{"two months", 20000, time.Second},
		{"three hundred months", 300, 31 * 24 * time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := openRaw(t)
			// Merges would hide how many parts were written.
			if err := db.Exec(t.Context(), "SYSTEM STOP MERGES token_calls_raw"); err != nil {
				t.Fatal(err)
			}
			if err := clickhouse.NewStore(db).Insert(t.Context(), calls, block(t, calls, 0, test.rows, test.step)); err != nil {
				t.Fatal(err)
			}
			wantOffsets(t, db, 0, test.rows)
			got := numbers(t, db, "SELECT count(), sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = 'token_calls_raw'", 2)
			if got[0] != 1 || got[1] != uint64(test.rows) {
				t.Errorf("%d parts with %d rows, want one with %d", got[0], got[1], test.rows)
			}
		})
	}
}

// TestInsertKeepsValues compares what is stored with the checksums computed from the events.
func TestInsertKeepsValues(t *testing.T) {
	db := openRaw(t)
	columns := schemas.NewColumns(calls.Type)
	var checksum, tokens uint64
	const rows = 5000
	for offset := range int64(rows) {
		event := callAt(offset, start.Add(time.Duration(offset)*time.Second))
		value, err := schemas.AppendEvent(nil, event)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := columns.Append(value, schemas.Coordinates{Epoch: calls.Epoch, Partition: calls.ID, Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		checksum += meta.Checksum
		tokens += event.GetInputUncached()
	}
	store := clickhouse.NewStore(db)
	if err := store.Insert(t.Context(), calls, schemas.NewColumns(calls.Type)); err != nil {
		t.Fatalf("no rows: %v", err)
	}
	if err := store.Insert(t.Context(), calls, columns); err != nil {
		t.Fatal(err)
	}
	got := numbers(t, db, "SELECT count(), sum("+schemas.SpecOf(calls.Type).ChecksumSQL()+"), assumeNotNull(sum(input_uncached)), uniqExact(id), countIf(country = 'DE') FROM token_calls_raw", 5)
	want := []uint64{rows, checksum, tokens, rows, rows}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("stored %v, want %v", got, want)
		}
	}
}

// TestInsertAgain: a block sent twice is two copies of the same rows, and both are gone after a merge.
func TestInsertAgain(t *testing.T) {
	db := openRaw(t)
	store := clickhouse.NewStore(db)
	columns := block(t, calls, 10, 2010, time.Second)
	for range 2 {
		if err := store.Insert(t.Context(), calls, columns); err != nil {
			t.Fatal(err)
		}
	}
	wantOffsets(t, db, 10, 2010)
	if got := numbers(t, db, "SELECT count() FROM token_calls_raw", 1); got[0] != 4000 {
		t.Errorf("%d physical rows, want 4000: the server dropped the second block by itself", got[0])
	}
	if err := db.Exec(t.Context(), "OPTIMIZE TABLE token_calls_raw FINAL"); err != nil {
		t.Fatal(err)
	}
	if got := numbers(t, db, "SELECT count() FROM token_calls_raw", 1); got[0] != 2000 {
		t.Errorf("%d rows after the merge, want 2000", got[0])
	}
}

func TestInsertRefused(t *testing.T) {
	tests := []struct {
		name, change string
		refused      bool
	}{
		{"a constraint", "ALTER TABLE token_calls_raw ADD CONSTRAINT c CHECK id != 'bad'", true},
		{"a missing column", "ALTER TABLE token_calls_raw DROP COLUMN model", false},
		{"a missing table", "DROP TABLE token_calls_raw SYNC", false},
		{"a column of another type", "ALTER TABLE token_calls_raw MODIFY COLUMN user_weight Array(UInt64)", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := openRaw(t)
			if test.name == "a column of another type" {
				// Such a column cannot be made from the old one.
				if err := db.Exec(t.Context(), "ALTER TABLE token_calls_raw DROP COLUMN user_weight"); err != nil {
					t.Fatal(err)
				}
				test.change = strings.Replace(test.change, "MODIFY", "ADD", 1)
			}
			if err := db.Exec(t.Context(), test.change); err != nil {
				t.Fatal(err)
			}
			columns := block(t, calls, 0, 3, time.Second)
			event := callAt(3, start)
			event.Id = "bad"
			value, err := schemas.AppendEvent(nil, event)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := columns.Append(value, schemas.Coordinates{Epoch: 1, Partition: 3, Offset: 3}); err != nil {
				t.Fatal(err)
			}
			store := clickhouse.NewStore(db)
			err = store.Insert(t.Context(), calls, columns)
			var refused *ingest.RefusedError
			if err == nil || errors.As(err, &refused) != test.refused || clickhouse.IsRefused(err) != test.refused {
				t.Fatalf("refused should be %v: %v", test.refused, err)
			}
			if !test.refused {
				return
			}
			columns.Pop()
			if err := store.Insert(t.Context(), calls, columns); err != nil {
				t.Errorf("without the bad row: %v", err)
			}
			wantOffsets(t, db, 0, 3)
		})
	}
}

// TestInsertDespiteViews: a view that somebody hangs on the raw table fails after the rows are stored. That is neither
// a refusal nor a reason to stop.
func TestInsertDespiteViews(t *testing.T) {
	db := openRaw(t)
	view := "CREATE MATERIALIZED VIEW throws ENGINE = Memory AS SELECT throwIf(offset = 2) AS x FROM token_calls_raw"
	if err := db.Exec(t.Context(), view); err != nil {
		t.Fatal(err)
	}
	if err := clickhouse.NewStore(db).Insert(t.Context(), calls, block(t, calls, 0, 4, time.Second)); err != nil {
		t.Fatal(err)
	}
	wantOffsets(t, db, 0, 4)
}
