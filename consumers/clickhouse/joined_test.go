package clickhouse_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/consumers/ingest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestJoinedInserts: blocks of several partitions that wait at the same time become one part; when one of them has a
// row that the database refuses, only that block is refused.
func TestJoinedInserts(t *testing.T) {
	for _, bad := range []bool{false, true} {
		db := openRaw(t)
		for _, sql := range []string{"SYSTEM STOP MERGES token_calls_raw", "ALTER TABLE token_calls_raw ADD CONSTRAINT c CHECK id != 'bad'"} {
			if err := db.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		store := clickhouse.NewStore(db)
		waiting, release := store.HoldInserts("token_calls_raw")
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
			var refused *ingest.RefusedError
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

// TestSpareColumns: values that are all 0, empty or absent are not sent, and nobody sees that: not beside a block that has
// others, nor alone.
func TestSpareColumns(t *testing.T) {
	db := openRaw(t)
	store := clickhouse.NewStore(db)
	waiting, release := store.HoldInserts("token_calls_raw")
	errs := make(chan error, 4)
	insert := func(partition int32, revision uint64) {
		p := calls
		p.ID = partition
		rows := schemas.NewColumns(p.Type)
		for offset := range int64(10) {
			event := callAt(offset, start)
			event.Revision, event.Country, event.Streaming, event.Segment = revision, "", revision > 0, usagev1.Segment(revision/3)
			if revision > 0 {
				event.Requests, event.LatencyUs, event.Country = new(revision-7), nil, "DE" // 0 is there.
			}
			value, err := schemas.AppendEvent(nil, event)
			if err != nil {
				t.Error(err)
			}
			if _, err := rows.Append(value, schemas.Coordinates{Epoch: 1, Partition: partition, Offset: offset}); err != nil {
				t.Error(err)
			}
		}
		errs <- store.Insert(t.Context(), p, rows)
	}
	go insert(0, 0)
	go insert(1, 7)
	for waiting() < 2 {
		if t.Context().Err() != nil {
			t.Fatal("the blocks did not gather")
		}
	}
	release()
	insert(2, 0)
	insert(3, 9)
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for partition, want := range []uint64{0, 7, 0, 9} {
		requests := "NULL"
		if want > 0 {
			requests = fmt.Sprint(want - 7)
		}
		got := numbers(t, db, fmt.Sprintf("SELECT count(), countIf(revision = %d), countIf(reported_cost_picos = 0), countIf(isNotDistinctFrom(requests, %s) AND isNull(latency_us) = isNotNull(requests) AND (country, streaming, toInt8(segment)) = (if(revision > 0, 'DE', ''), revision > 0, intDiv(revision, 3))) FROM token_calls_raw WHERE partition = %d", want, requests, partition), 4)
		if got[0] != 10 || got[1] != 10 || got[2] != 10 || got[3] != 10 {
			t.Errorf("partition %d: %v, want 10 rows of revision %d", partition, got, want)
		}
	}
}

// TestSpareColumnsAreZero: of a column that may be left out a table has 0 or an empty text by itself, null where it may be
// absent.
func TestSpareColumnsAreZero(t *testing.T) {
	db := clickhousetest.Open(t)
	for typ := schemas.QueryType; typ <= schemas.RunType; typ++ {
		spares := 0
		for _, column := range schemas.NewColumns(typ).Input() {
			if spare, ok := column.Data.(interface{ Spare() bool }); !ok || !spare.Spare() {
				continue
			}
			spares++
			sql := fmt.Sprintf("SELECT count(), countIf((type LIKE '%%Int%%' OR type LIKE 'Enum8(\\'unknown\\' = 0,%%' OR type IN ('Bool', 'String', 'LowCardinality(String)')) AND default_expression = '') FROM system.columns WHERE database = currentDatabase() AND table = %s AND name = %s",
				schemas.Quote(schemas.SpecOf(typ).RawTable), schemas.Quote(column.Name))
			if got := numbers(t, db, sql, 2); got[0] != 1 || got[1] != 1 {
				t.Errorf("%s of %s: the table may have something else than 0", column.Name, schemas.SpecOf(typ).RawTable)
			}
		}
		if spares == 0 {
			t.Errorf("%s has no column to leave out", schemas.SpecOf(typ).RawTable)
		}
	}
}
