package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	usagev1 "tidemark/schemas/usage/v1"
)

// smallTopic accepts batches of at most limit bytes and tells another limit, or none.
type smallTopic struct {
	limit, stated int
	records       []Record
	most          int // bytes in one Append
}

func (s *smallTopic) Partitions(context.Context, string) (int, error) { return 3, nil }

func (s *smallTopic) TopicLimit(context.Context, string) int { return s.stated }

func (s *smallTopic) Append(_ context.Context, records []Record) error {
	large := &TooLargeError{Err: errors.New("too large")}
	size := 0
	for i, r := range records {
		size += len(r.Value)
		if len(r.Key)+len(r.Value)+61+26 > s.limit {
			large.Refused = append(large.Refused, i)
			continue
		}
		s.records = append(s.records, r)
	}
	s.most = max(s.most, size)
	if len(large.Refused) > 0 {
		return large
	}
	return nil
}

func letters(n, size int) []*usagev1.DeadLetter {
	var all []*usagev1.DeadLetter
	for i := range n {
		all = append(all, &usagev1.DeadLetter{Topic: "queries.v1", Epoch: 1, Partition: 2, Offset: int64(i), Reason: "malformed", Detail: "because",
			Key: []byte("key"), Value: bytes.Repeat([]byte{byte(i)}, size), KeyLength: 3, ValueLength: uint64(size), ValueSha256: make([]byte, 32), WrittenUs: 1})
	}
	return all
}

// TestDeadLetterFits: a letter is cut to what the topic takes, as the broker tells it or as its refusals show, and says so.
func TestDeadLetterFits(t *testing.T) {
	f := func(limit, stated, size int, cut bool) {
		t.Helper()
		topic := &smallTopic{limit: limit, stated: stated}
		w := NewWriter(topic, "dead")
		sent := letters(5, size)
		for range 2 { // The second time it knows.
			topic.records = nil
			if err := w.Write(t.Context(), sent); err != nil {
				t.Fatalf("limit %d, stated %d: %v", limit, stated, err)
			}
		}
		if len(topic.records) != 5 {
			t.Fatalf("%d records", len(topic.records))
		}
		for i, r := range topic.records {
			var got usagev1.DeadLetter
			if err := proto.Unmarshal(r.Value, &got); err != nil {
				t.Fatal(err)
			}
			if string(r.Key) != fmt.Sprint("queries.v1/1/2/", i) || got.Offset != int64(i) || got.ValueLength != uint64(size) || !bytes.HasPrefix(sent[i].Value, got.Value) ||
				(len(got.Value) < size) != cut || cut && len(got.Value) < limit/2-1000 {
				t.Errorf("limit %d, stated %d: %d of %d bytes, which says %d", limit, stated, len(got.Value), size, got.ValueLength)
			}
		}
		if len(sent[0].Value) != size {
			t.Error("the letter given was changed")
		}
	}
	f(2<<20, 2<<20, 1<<20, false)
	f(2<<20, 2<<20, 3<<20, true)
	f(1<<20, 0, 900_000, false)
	f(1<<20, 0, 2<<20, true)
	f(300_000, 0, 1<<20, true)
	f(300_000, 300_000, 1<<20, true)
	f(300_000, 2<<20, 1<<20, true) // What it was stated is not what the broker does.
}

// TestOnlyRefusedLettersAreSentAgain: of letters of which the topic refuses some as too large, each is on the topic once.
func TestOnlyRefusedLettersAreSentAgain(t *testing.T) {
	topic := &smallTopic{limit: 300_000}
	sent := letters(5, 1000)
	for _, i := range []int{1, 4} {
		sent[i].Value = make([]byte, 1<<20)
	}
	if err := NewWriter(topic, "dead").Write(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, r := range topic.records {
		keys = append(keys, string(r.Key))
	}
	if want := []string{"queries.v1/1/2/0", "queries.v1/1/2/2", "queries.v1/1/2/3", "queries.v1/1/2/1", "queries.v1/1/2/4"}; !slices.Equal(keys, want) {
		t.Errorf("got %q, want %q", keys, want)
	}
}

// TestDeadLetterPortions: a block's letters are not all encoded at a time.
func TestDeadLetterPortions(t *testing.T) {
	topic := &smallTopic{limit: 2 << 20, stated: 2 << 20}
	w := NewWriter(topic, "dead")
	if err := w.Write(t.Context(), letters(40, 1<<20)); err != nil || len(topic.records) != 40 || topic.most > portionBytes+2<<20 {
		t.Errorf("%v, %d records, %d bytes at a time", err, len(topic.records), topic.most)
	}
}

// TestFit: the value goes first, then the key, then the words, and the letter is never larger than allowed.
func TestFit(t *testing.T) {
	letter := letters(1, 10_000)[0]
	letter.Key, letter.KeyLength, letter.Detail = bytes.Repeat([]byte("k"), 2000), 0, strings.Repeat("é", 500)
	for _, most := range []int{20_000, 12_000, 5000, 3000, 2000, 1000, 500} {
		short := fit(letter, most)
		if size := proto.Size(short); size > most || most < 13_000 && size < most-40 {
			t.Errorf("%d bytes, the limit is %d", size, most)
		}
		if len(short.Key) < 2000 && len(short.Value) > 0 || len(short.Detail) < 1000 && len(short.Key) > 0 {
			t.Errorf("limit %d: value %d, key %d, detail %d", most, len(short.Value), len(short.Key), len(short.Detail))
		}
		if len(short.Key) < 2000 && short.KeyLength != 2000 || short.ValueLength != 10_000 {
			t.Errorf("limit %d: says %d and %d", most, short.ValueLength, short.KeyLength)
		}
	}
}
