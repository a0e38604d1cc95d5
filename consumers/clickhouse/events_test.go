package clickhouse_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// calls is the partition that the tests store token calls of.
var calls = ingest.Partition{Partition: ledger.Partition{Topic: "token_calls.v1", Epoch: 1, ID: 3}, Type: schemas.TokenCallType, Count: 8}

var start = time.Date(2026, 3, 31, 23, 0, 0, 0, time.UTC)

// callAt is the token call that the tests put at an offset.
func callAt(offset int64, at time.Time) *usagev1.TokenCall {
	rng := rand.New(rand.NewPCG(uint64(offset), 1))
	return &usagev1.TokenCall{
		Source: "test", Id: fmt.Sprintf("call-%d-%x", offset, rng.Uint64()), TimeUs: new(at.UnixMicro()), Tenant: fmt.Sprint("tenant-", rng.IntN(2000)),
		Product: "chat", User: rng.Uint64(), Country: "DE", Run: fmt.Sprint("run-", offset%3),
		Model: fmt.Sprint("model-", rng.IntN(100)), Provider: "prov", Operation: "chat", Status: usagev1.Status_STATUS_OK,
		LatencyUs: new(rng.Uint64N(1e7)), InputUncached: new(rng.Uint64N(4000)), OutputVisible: new(rng.Uint64N(1000)),
	}
}

// block makes the rows of the offsets [from, to), step apart in time.
func block(t testing.TB, p ingest.Partition, from, to int64, step time.Duration) schemas.Columns {
	t.Helper()
	columns := schemas.NewColumns(p.Type)
	var value []byte
	for offset := from; offset < to; offset++ {
		var err error
		value, err = schemas.AppendEvent(value[:0], callAt(offset, start.Add(time.Duration(offset)*step)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := columns.Append(value, schemas.Coordinates{Epoch: p.Epoch, Partition: p.ID, Offset: offset}); err != nil {
			t.Fatal(err)
		}
	}
	return columns
}

// numbers runs a query that gives one row of UInt64 columns.
func numbers(t testing.TB, db *clickhouse.DB, sql string, columns int) []uint64 {
	t.Helper()
	got := make([]uint64, columns)
	into := make([]any, columns)
	for i := range got {
		into[i] = &got[i]
	}
	if err := db.Query(t.Context(), sql, func(scan func(...any) error) error { return scan(into...) }); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

// wantOffsets fails unless raw holds exactly the offsets [from, to) of calls.
func wantOffsets(t testing.TB, db *clickhouse.DB, from, to int64) {
	t.Helper()
	got := numbers(t, db, "SELECT uniqExact(epoch, partition, offset), min(offset), max(offset) FROM token_calls_raw", 3)
	if got[0] != uint64(to-from) || got[1] != uint64(from) || got[2] != uint64(to-1) {
		t.Errorf("raw holds %d coordinates from %d to %d, want [%d,%d)", got[0], got[1], got[2], from, to)
	}
}

// openRaw opens a database of its own with the tables that the store needs.
func openRaw(t testing.TB) *clickhouse.DB {
	t.Helper()
	db := clickhousetest.OpenEmpty(t)
	for _, s := range schemas.Statements(db.Database()) {
		if strings.HasSuffix(s.Name, "_raw") || s.Name == "table ledger" || s.Name == "table topics" {
			if err := db.Exec(t.Context(), s.SQL); err != nil {
				t.Fatal(err)
			}
		}
	}
	return db
}

func rangeOf(from, to int64) ledger.Range { return ledger.Range{From: from, To: to} }
