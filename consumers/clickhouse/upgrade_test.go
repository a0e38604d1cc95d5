package clickhouse_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/clickhouse/clickhousetest"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// beforeRequests is the last migration of a database whose calls were one a row.
const beforeRequests = 282

// TestUpgradeOfCalls: rows of before count as they did, with the checksums that ledger and rollups have of them, and
// rows that add up many calls count beside them.
func TestUpgradeOfCalls(t *testing.T) {
	db := clickhousetest.OpenEmpty(t)
	all := schemas.Migrations(db.Database())
	old := slices.DeleteFunc(slices.Clone(all), func(m schemas.Migration) bool { return m.Version > beforeRequests })
	if len(old) == len(all) {
		t.Fatal("nothing is new")
	}
	if err := db.Migrate(t.Context(), old, nil); err != nil {
		t.Fatal(err)
	}
	if got := numbers(t, db, "SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = 'token_calls_raw' AND name = 'requests'", 1); got[0] != 0 {
		t.Fatal("the database is not as before")
	}
	rows := schemas.NewColumns(calls.Type)
	var want [6]uint64 // Calls, streamed ones, those of an unknown input, input tokens, records, checksums.
	add := func(offset int64, e *usagev1.TokenCall, n uint64) {
		e.Weight, e.Streaming = 1+uint64(offset%3), offset%2 == 0
		if offset%5 == 0 {
			e.InputUncached = nil
		}
		value, err := schemas.AppendEvent(nil, e)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := rows.Append(value, schemas.Coordinates{Epoch: 1, Partition: calls.ID, Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		want[0] += e.Weight * n
		if e.Streaming {
			want[1] += e.Weight * n
		}
		if e.InputUncached == nil {
			want[2] += e.Weight * n
		}
		want[3] += e.Weight * e.GetInputUncached()
		want[4]++
		want[5] += meta.Checksum
	}
	check := func(when, sql string) {
		t.Helper()
		if got := numbers(t, db, sql, len(want)); !slices.Equal(got, want[:]) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	const ofTenants = "SELECT toUInt64(sum(calls)), toUInt64(sum(streaming_calls)), toUInt64(sum(unknown_input_calls)), toUInt64(sum(input_tokens)), sum(records), toUInt64(%d) FROM token_calls_tenant_1m"
	store := clickhouse.NewStore(db)
	insert := func() {
		t.Helper()
		if err := store.Insert(t.Context(), calls, rows); err != nil {
			t.Fatal(err)
		}
	}
	for offset := range int64(40) {
		add(offset, callAt(offset, start.Add(time.Duration(offset)*time.Second)), 1)
	}
	insert()
	check("before", fmt.Sprintf(ofTenants, want[5]))

	if err := db.Migrate(t.Context(), all, nil); err != nil {
		t.Fatal(err)
	}
	ofView := "SELECT sum(calls), sumIf(calls, streaming), sumIf(calls, isNull(input_tokens)), sum(ifNull(input_tokens, 0) * weight), count(), sum(" +
		schemas.SpecOf(calls.Type).ChecksumSQL() + ") FROM token_calls"
	check("migrated", fmt.Sprintf(ofTenants, want[5]))
	check("migrated, by the view", ofView)
	rows.Reset()
	for offset, n := range []uint64{0, 150, 1, 7} {
		e := callAt(100+int64(offset), start.Add(time.Minute))
		e.Requests, e.LatencyUs = &n, nil
		add(100+int64(offset), e, n)
	}
	insert()
	check("with rows of many", fmt.Sprintf(ofTenants, want[5]))
	check("with rows of many, by the view", ofView)
}
