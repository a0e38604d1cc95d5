package deadletter_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/deadletter"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	usagev1 "tidemark/schemas/usage/v1"
)

func batchLetter(offset, last int64) []byte {
	value, err := proto.Marshal(&usagev1.DeadLetter{Topic: "queries.v1", Epoch: 1, Partition: 3, Offset: offset, LastOffset: last, Reason: "unreadable",
		Detail: "because", Value: []byte("be"), ValueLength: 5, ValueSha256: make([]byte, 32)})
	if err != nil {
		panic(err) // A test's own mistake.
	}
	return value
}

// TestListBatches: a letter about a batch counts every offset of it, and each offset once.
func TestListBatches(t *testing.T) {
	l, err := deadletter.List(t.Context(), topicOf{{
		batchLetter(12, 0), batchLetter(10, 19), batchLetter(15, 24), batchLetter(10, 24), batchLetter(24, 0), batchLetter(25, 0), batchLetter(5, math.MaxInt64),
	}}, "dead", deadletter.Filter{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if l.Records != 16 || l.Copies != 2 || len(l.Entries) != 4 || l.UnreadableCount != 1 || len(l.Counts) != 1 || l.Counts[0].Records != 16 {
		t.Errorf("%+v", l)
	}
	if e := l.Entries[0]; e.Offset != 10 || e.Records != 10 || e.Size != 5 || e.Kept != 2 {
		t.Errorf("%+v", e)
	}
}

// TestListRandomBatches: in any order the number of records is that of the offsets.
func TestListRandomBatches(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		want := map[int64]bool{}
		var values [][]byte
		for range r.IntN(40) {
			first, last := r.Int64N(60), int64(0)
			if r.IntN(2) == 0 {
				last = first + r.Int64N(10)
			}
			values = append(values, batchLetter(first, last))
			for o := first; o <= max(first, last); o++ {
				want[o] = true
			}
		}
		l, err := deadletter.List(t.Context(), topicOf{values}, "dead", deadletter.Filter{}, 0)
		if err != nil || l.Records != len(want) {
			t.Fatalf("seed %d: %d records, %v, want %d", seed, l.Records, err, len(want))
		}
	}
}

// TestShowBatch: a letter is found by any offset that it is about.
func TestShowBatch(t *testing.T) {
	dead := topicOf{{batchLetter(10, 19)}}
	at := deadletter.Coordinate{Partition: ledger.Partition{Topic: "queries.v1", Epoch: 1, ID: 3}}
	for offset, want := range map[int64]bool{9: false, 10: true, 15: true, 19: true, 20: false} {
		at.Offset = offset
		l, err := deadletter.Show(t.Context(), dead, "dead", at)
		if (err == nil) != want || err != nil && !errors.Is(err, deadletter.ErrNotFound) || err == nil && !deadletter.Cut(l) {
			t.Errorf("offset %d: %v, %v", offset, l, err)
		}
	}
}

// unreadable is a dead-letter topic that cannot be read itself.
type unreadable struct{}

func (unreadable) Scan(_ context.Context, _ string, fn func(int32, ingest.Record) error) error {
	return fn(0, ingest.Record{Offset: 4, Value: batchLetter(1, 0), Unreadable: &ingest.Unreadable{Next: 9, Detail: "damaged"}})
}

func TestListUnreadable(t *testing.T) {
	l, err := deadletter.List(t.Context(), unreadable{}, "dead", deadletter.Filter{}, 0)
	if err != nil || l.Records != 0 || l.UnreadableCount != 1 || l.Unreadable[0].Offset != 4 {
		t.Errorf("%+v, %v", l, err)
	}
}
