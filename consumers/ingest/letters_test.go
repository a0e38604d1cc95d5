package ingest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ingest/ingesttest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// TestUnreadable: each unreadable offset is dead, except those whose rows an earlier worker stored.
func TestUnreadable(t *testing.T) {
	f(t, "a batch", func(t *testing.T, b *rig) {
		b.append(0, 3)
		b.log.AppendUnreadable(1000, []byte("raw"), false)
		b.log.AppendUnreadable(10, []byte("never counted"), true)
		b.append(1013, 1015)
		b.UntilCaughtUp = true
		b.Limits.Window = 100
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var dead, control, gap, stored uint64
		for _, row := range b.store.Ledger() {
			dead, control, gap, stored = dead+row.Dead, control+row.Control, gap+row.Gap, stored+row.Stored
		}
		letter := b.letters.At(500)
		if dead != 1000 || control != 10 || gap != 0 || stored != 5 || b.letters.Len() != 1000 || letter == nil {
			t.Fatalf("%d dead, %d control, %d gap, %d stored, letter %v", dead, control, gap, stored, letter)
		}
		sum := sha256.Sum256([]byte("raw"))
		if letter.Offset != 3 || letter.LastOffset != 1002 || letter.Reason != "unreadable" || letter.Detail != "damaged" ||
			string(letter.Value) != "raw" || letter.ValueLength != 3 || !bytes.Equal(letter.ValueSha256, sum[:]) {
			t.Errorf("letter %v", letter)
		}
	})
	stored := func(t *testing.T, b *rig) {
		columns := schemas.NewColumns(schemas.QueryType)
		for _, o := range []int64{0, 4, 5} {
			value, _ := schemas.AppendEvent(nil, ingesttest.Query(o))
			if _, err := columns.Append(value, schemas.Coordinates{Epoch: 1, Partition: 2, Offset: o}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.store.Insert(t.Context(), b.Partition, columns); err != nil {
			t.Fatal(err)
		}
		b.log.AppendUnreadable(8, []byte("raw"), false)
		b.append(8, 9)
		b.UntilCaughtUp = true
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var dead []ledger.Span
		rows := uint64(0)
		for _, row := range b.store.Ledger() {
			rows += row.Stored
			for _, e := range row.Exceptions {
				dead = ledger.AppendSpan(dead, e)
			}
		}
		want := []ledger.Span{{From: 1, To: 4, Disposition: ledger.Dead}, {From: 6, To: 8, Disposition: ledger.Dead}}
		if rows != 4 || fmt.Sprint(dead) != fmt.Sprint(want) {
			t.Errorf("%d rows are stored, exceptions %v", rows, dead)
		}
		first, second := b.letters.At(1), b.letters.At(6)
		if string(first.GetValue()) != "raw" || second.GetValueLength() != 3 || second.GetOffset() != 6 || second.GetLastOffset() != 7 || b.letters.Len() != 5 {
			t.Errorf("letters %v, %v", first, second)
		}
		if b.store.Page == 0 && len(second.GetValue()) != 0 {
			t.Errorf("the bytes are kept twice: %v", second)
		}
	}
	f(t, "rows stored by a worker that could read them", stored)
	f(t, "rows stored by a worker that could read them, page by page", func(t *testing.T, b *rig) {
		b.store.Page = 1
		stored(t, b)
	})
}

// TestLetterIsCut: a letter keeps a bounded part of key and value, and their whole lengths.
func TestLetterIsCut(t *testing.T) {
	f(t, "key and value", func(t *testing.T, b *rig) {
		value := bytes.Repeat([]byte("v"), 3*ingest.MaxLetterValue)
		key := bytes.Repeat([]byte("k"), 3*ingest.MaxLetterKey)
		b.log.Append(ingest.Record{Key: key, Value: value, Run: strings.Repeat("é", 200)})
		b.UntilCaughtUp = true
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		letter := b.letters.At(0)
		sum := sha256.Sum256(value)
		if len(letter.Value) != ingest.MaxLetterValue || letter.ValueLength != uint64(len(value)) || !bytes.Equal(letter.ValueSha256, sum[:]) ||
			len(letter.Key) != ingest.MaxLetterKey || letter.KeyLength != uint64(len(key)) || letter.Run != strings.Repeat("é", ingest.MaxRunLabel/2) {
			t.Errorf("%d of %d bytes, key %d of %d, run %q", len(letter.Value), letter.ValueLength, len(letter.Key), letter.KeyLength, letter.Run)
		}
	})
	f(t, "many at a time close the block", func(t *testing.T, b *rig) {
		for range 100 {
			b.log.Append(ingest.Record{Value: bytes.Repeat([]byte{0xff}, 1<<20)})
		}
		b.UntilCaughtUp = true
		b.Limits.Bytes = 10 << 20
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(b.store.Ledger()); n != 10 {
			t.Errorf("%d blocks", n)
		}
	})
}

func TestCutText(t *testing.T) {
	for _, s := range []string{"", "abc", "aé", "a€", "a\U0001F600", "\xff\xff\xff\xff\xff", "ab\x80\x80\x80\x80\x80"} {
		for most := range len(s) + 2 {
			got := ingest.CutText(s, most)
			if len(got) > most || !strings.HasPrefix(s, got) || utf8.ValidString(s) && (!utf8.ValidString(got) || len(got)+utf8.UTFMax <= min(most, len(s))) {
				t.Errorf("CutText(%q, %d) = %q", s, most, got)
			}
		}
	}
}

// TestManyRuns: anybody may send run labels. However many there are, a ledger row counts at most ledger.MaxRuns of them
// separately, and its runs still add up.
func TestManyRuns(t *testing.T) {
	f(t, "in one block", func(t *testing.T, b *rig) {
		const n = 3 * ledger.MaxRuns
		for i := range int64(n) {
			e := ingesttest.Query(i % (n - 10))
			e.Run = fmt.Sprintf("run-%05d", i)
			value, _ := schemas.AppendEvent(nil, e)
			b.log.Append(ingest.Record{Value: value})
		}
		b.log.Append(ingest.Record{Value: []byte{0xff}, Run: "poison"})
		b.log.MaxRecords = 2 * n
		b.UntilCaughtUp = true
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows := b.store.Ledger()
		if len(rows) != 1 || rows[0].Validate() != nil || len(rows[0].Runs) != ledger.MaxRuns+1 {
			t.Fatalf("%d rows, %d runs, %v", len(rows), len(rows[0].Runs), rows[0].Validate())
		}
		other := rows[0].Runs[0]
		if other.Run != ledger.OtherRuns || other.Stored != n-10-ledger.MaxRuns || other.Duplicates != 10 || other.Dead != 1 {
			t.Errorf("%+v", other)
		}
	})
}
