package clickhouse_test

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file under testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (run with -update to accept):\n%s", path, got)
	}
}

func TestAccountKeepsEveryColumn(t *testing.T) {
	db := openRaw(t)
	row := ledger.Row{
		Partition: ledger.Partition{Topic: "token_calls.v1", Epoch: 7, ID: 3}, From: 100, To: 120, Generation: -1, Member: "worker 'a'", Partitions: 8,
		Window: 262144, HighWatermark: 1 << 40, Stored: 10, Duplicates: 1, Conflicts: 2, Dead: 3, Control: 1, Gap: 3,
		Exceptions: []ledger.Span{{From: 100, To: 101, Disposition: ledger.Duplicate}, {From: 103, To: 105, Disposition: ledger.Conflict},
			{From: 106, To: 109, Disposition: ledger.Dead}, {From: 110, To: 111, Disposition: ledger.Control}, {From: 117, To: 120, Disposition: ledger.Gap}},
		Runs:      []ledger.RunCount{{Run: "", Stored: 4, Duplicates: 1}, {Run: "lauf \\ 1", Stored: 6, Conflicts: 2, Dead: 3}},
		Buckets:   []ledger.Bucket{{Minute: -5, Rows: 4, Checksum: 1<<64 - 1, Content: 1<<63 + 5, Strays: 1, Revised: 2, MinOffset: 101, MaxOffset: 105}, {Minute: 29000000, Rows: 6, Checksum: 12, MinOffset: 105, MaxOffset: 116}},
		MinMinute: -5, MaxMinute: 29000000, Bytes: 12345, Resends: 2, InsertTime: 1500 * time.Microsecond, EventLag: -3 * time.Second,
		FetchedAt: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC), OldestProduced: time.UnixMilli(1_767_323_040_001), NewestProduced: time.UnixMilli(1_767_323_044_002), ProduceLag: 7 * time.Second,
	}
	store := clickhouse.NewStore(db)
	for _, r := range []ledger.Row{row, {Partition: ledger.Partition{Topic: "queries.v1", Epoch: 1}, From: 0, To: 5, Stored: 5, FetchedAt: row.FetchedAt}} {
		for range 2 { // Twice, as after a lost answer.
			if err := store.Account(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
	}
	var out bytes.Buffer
	if err := db.Format(t.Context(), "SELECT * EXCEPT written_at FROM ledger FINAL ORDER BY topic", "Vertical", &out); err != nil {
		t.Fatal(err)
	}
	golden(t, "ledger.golden", out.Bytes())
}

func account(t testing.TB, store *clickhouse.Store, p ingest.Partition, ranges ...ledger.Range) {
	t.Helper()
	for _, r := range ranges {
		row := ledger.Row{Partition: p.Partition, From: r.From, To: r.To, Generation: r.Generation, FetchedAt: start}
		if err := store.Account(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
}

func TestResumePosition(t *testing.T) {
	tests := []struct {
		name   string
		ranges []ledger.Range
		known  bool
		want   int64
	}{
		{"nothing", nil, false, 0},
		{"one row", []ledger.Range{{From: 0, To: 10}}, true, 10},
		{"a chain", []ledger.Range{{From: 10, To: 12}, {From: 0, To: 10}, {From: 12, To: 30}}, true, 30},
		{"a row written twice", []ledger.Range{{From: 0, To: 10}, {From: 0, To: 10}, {From: 10, To: 12}}, true, 12},
		{"a hole", []ledger.Range{{From: 0, To: 10}, {From: 12, To: 30}}, true, 10},
		{"a first row is missing", []ledger.Range{{From: 5, To: 10}}, true, 0},
		{"an overlap", []ledger.Range{{From: 0, To: 10}, {From: 5, To: 15, Generation: 2}, {From: 10, To: 20}}, true, 20},
		{"an overlap hides a hole of its size", []ledger.Range{{From: 0, To: 10}, {From: 5, To: 15}, {From: 20, To: 25}}, true, 10},
		{"two chains, one further", []ledger.Range{{From: 0, To: 10, Generation: 2}, {From: 0, To: 7, Generation: 1}, {From: 7, To: 20, Generation: 1}}, true, 20},
	}
	db := openRaw(t)
	store := clickhouse.NewStore(db)
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := calls
			p.Epoch = uint32(i + 1)
			account(t, store, p, test.ranges...)
			other := p // Of another partition nothing counts.
			other.ID++
			account(t, store, other, ledger.Range{From: 0, To: 1000})
			resume, err := store.Resume(t.Context(), p, 100)
			if err != nil {
				t.Fatal(err)
			}
			if resume.Known != test.known || resume.Position != test.want {
				t.Errorf("known %v at %d, want %v at %d", resume.Known, resume.Position, test.known, test.want)
			}
		})
	}
}

func TestResumeRows(t *testing.T) {
	db := openRaw(t)
	if err := db.Exec(t.Context(), "SYSTEM STOP MERGES token_calls_raw"); err != nil { // They would remove the copies.
		t.Fatal(err)
	}
	store := clickhouse.NewStore(db)
	insert := func(p ingest.Partition, from, to int64) schemas.Columns {
		columns := block(t, p, from, to, time.Second)
		if err := store.Insert(t.Context(), p, columns); err != nil {
			t.Fatal(err)
		}
		return columns
	}
	insert(calls, 0, 100)
	insert(calls, 100, 150)
	insert(calls, 150, 180) // accounted for only up to 150
	insert(calls, 140, 160) // copies
	insert(calls, 200, 210)
	other := calls
	other.ID = 4
	insert(other, 90, 300)
	other = calls
	other.Epoch = 2
	insert(other, 90, 300)
	account(t, store, calls, ledger.Range{From: 0, To: 100}, ledger.Range{From: 100, To: 150})

	resume, err := store.Resume(t.Context(), calls, 70)
	if err != nil {
		t.Fatal(err)
	}
	if !resume.Known || resume.Position != 150 || resume.OrphansUpTo != 0 {
		t.Errorf("known %v, position %d, orphans up to %d", resume.Known, resume.Position, resume.OrphansUpTo)
	}
	var stored, orphans []int64
	for _, r := range resume.Stored {
		stored = append(stored, r.Offset)
		wantRow(t, r)
	}
	checksums := map[int64]uint64{}
	columns := schemas.NewColumns(calls.Type)
	for _, r := range resume.Orphans {
		orphans = append(orphans, r.Offset)
		event := wantRow(t, r.StoredRow)
		value, err := schemas.AppendEvent(nil, event)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := columns.Append(value, schemas.Coordinates{Epoch: calls.Epoch, Partition: calls.ID, Offset: r.Offset})
		if err != nil {
			t.Fatal(err)
		}
		if checksums[r.Offset] = meta.Checksum; r.Checksum != meta.Checksum || r.Run != event.GetRun() {
			t.Errorf("offset %d: checksum %d run %q, want %d %q", r.Offset, r.Checksum, r.Run, meta.Checksum, event.GetRun())
		}
	}
	if want := offsets(80, 150); !slices.Equal(stored, want) {
		t.Errorf("stored %v", stored)
	}
	if want := append(offsets(150, 180), offsets(200, 210)...); !slices.Equal(orphans, want) {
		t.Errorf("orphans %v", orphans)
	}

	// With a limit the rows come in pieces, none of them missing.
	resume, err = store.ResumeAtMost(t.Context(), calls, 70, 15)
	if err != nil {
		t.Fatal(err)
	}
	// The offsets from 150 to 160 are stored twice.
	if last := resume.Orphans[len(resume.Orphans)-1].Offset; resume.OrphansUpTo != 158 || last != 157 {
		t.Errorf("orphans up to %d, last %d", resume.OrphansUpTo, last)
	}
	for i, r := range resume.Orphans {
		if r.Offset != 150+int64(i) {
			t.Errorf("row %d is at %d", i, r.Offset)
		}
	}
	// A partition that nothing is known of, but whose ledger is lost.
	other.Epoch = 2
	resume, err = store.Resume(t.Context(), other, 70)
	if err != nil || resume.Known || resume.Position != 0 || len(resume.Stored) != 0 || len(resume.Orphans) != 210 {
		t.Errorf("lost ledger: %v %d, %d stored, %d orphans: %v", resume.Known, resume.Position, len(resume.Stored), len(resume.Orphans), err)
	}
}

func offsets(from, to int64) []int64 {
	var all []int64
	for o := from; o < to; o++ {
		all = append(all, o)
	}
	return all
}

// wantRow checks a row that Resume returned and returns its event.
func wantRow(t *testing.T, r ingest.StoredRow) interface {
	schemas.Event
	GetRun() string
} {
	t.Helper()
	event := callAt(r.Offset, start.Add(time.Duration(r.Offset)*time.Second))
	if r.Time != event.GetTimeUs() || r.Identity != schemas.IdentityOf(event.GetTenant(), event.GetSource(), event.GetId()) {
		t.Errorf("offset %d: time %d, identity %x", r.Offset, r.Time, r.Identity)
	}
	return event
}
