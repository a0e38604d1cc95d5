package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/deadletter"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	usagev1 "tidemark/schemas/usage/v1"
)

// topicOf is a dead-letter topic in memory: the values of each partition. Like
// the real one it uses one buffer for every value.
type topicOf [][][]byte

func (topic topicOf) Scan(_ context.Context, _ string, fn func(int32, ingest.Record) error) error {
	var buffer []byte
	for partition, values := range topic {
		for offset, value := range values {
			buffer = append(buffer[:0], value...)
			if err := fn(int32(partition), ingest.Record{Offset: int64(offset), Value: buffer, Control: value == nil}); err != nil {
				return fmt.Errorf("scan: %w", err)
			}
			clear(buffer)
		}
	}
	return nil
}

func letter(topic string, epoch uint32, partition int32, offset int64, reason, run string) []byte {
	value, err := proto.Marshal(&usagev1.DeadLetter{
		Topic: topic, Epoch: epoch, Partition: partition, Offset: offset, Reason: reason, Run: run,
		Detail: "because", Value: []byte("bytes"), TimestampMs: 1000, WrittenUs: 2000000,
	})
	if err != nil {
		panic(err) // A test's own mistake.
	}
	return value
}

var topic = topicOf{
	{
		letter("token_calls.v1", 1, 3, 20, "malformed", "a"),
		letter("token_calls.v1", 1, 3, 10, "malformed", "b"),
		[]byte("\xffnot a letter"),
		nil,
		letter("token_calls.v1", 1, 3, 20, "malformed", "a"),
	},
	{
		letter("queries.v1", 1, 3, 20, "invalid", "a"),
		letter("token_calls.v1", 2, 3, 20, "malformed", "a"),
		letter("token_calls.v1", 1, 2, 20, "malformed", "a"),
		letter("token_calls.v1", 1, 3, 20, "malformed", "a"),
		{},
	},
}

func TestList(t *testing.T) {
	tests := []struct {
		name    string
		filter  deadletter.Filter
		limit   int
		want    []string
		records int
		omitted int
		copies  int
	}{
		{"all", deadletter.Filter{}, 0, []string{"queries.v1/1/3/20", "token_calls.v1/1/2/20", "token_calls.v1/1/3/10", "token_calls.v1/1/3/20", "token_calls.v1/2/3/20"}, 5, 0, 2},
		{"limited", deadletter.Filter{}, 2, []string{"token_calls.v1/1/3/10", "token_calls.v1/1/3/20"}, 5, 3, 2},
		{"by topic", deadletter.Filter{Topic: "queries.v1"}, 0, []string{"queries.v1/1/3/20"}, 1, 0, 0},
		{"by reason", deadletter.Filter{Reason: "invalid"}, 0, []string{"queries.v1/1/3/20"}, 1, 0, 0},
		{"by run", deadletter.Filter{Run: "b"}, 0, []string{"token_calls.v1/1/3/10"}, 1, 0, 0},
		{"none", deadletter.Filter{Run: "b", Reason: "invalid"}, 0, nil, 0, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			listing, err := deadletter.List(t.Context(), topic, "tidemark.dead_letters.v1", test.filter, test.limit)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range listing.Entries {
				got = append(got, e.String())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("entries %v, want %v", got, test.want)
			}
			if listing.Records != test.records || listing.Omitted != test.omitted || listing.Copies != test.copies {
				t.Errorf("%d records, %d omitted, %d copies; want %d, %d, %d", listing.Records, listing.Omitted, listing.Copies, test.records, test.omitted, test.copies)
			}
			counted := 0
			for _, c := range listing.Counts {
				counted += c.Records
			}
			if counted != test.records {
				t.Errorf("counts add up to %d, want %d", counted, test.records)
			}
			if listing.UnreadableCount != 2 || len(listing.Unreadable) != 2 || listing.Unreadable[0].Offset != 2 || listing.Unreadable[1].Partition != 1 {
				t.Errorf("unreadable: %+v", listing.Unreadable)
			}
		})
	}
}

func TestListEntry(t *testing.T) {
	listing, err := deadletter.List(t.Context(), topic, "t", deadletter.Filter{Topic: "queries.v1"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := listing.Entries[0]
	got := fmt.Sprintf("%s %s %q %s %s %s %d", e.Coordinate, e.Reason, e.Detail, e.Run, e.Timestamp.Format("15:04:05"), e.Written.Format("15:04:05"), e.Size)
	if want := `queries.v1/1/3/20 invalid "because" a 00:00:01 00:00:02 5`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if want := (deadletter.Count{Topic: "queries.v1", Reason: "invalid", Run: "a", Records: 1}); len(listing.Counts) != 1 || listing.Counts[0] != want {
		t.Errorf("counts %+v", listing.Counts)
	}
}

// TestListIsBounded: neither runs from outside nor records that are no letters
// make the listing grow without bound.
func TestListIsBounded(t *testing.T) {
	var values [][]byte
	for i := range 6000 {
		values = append(values, letter("queries.v1", 1, 0, int64(i), "invalid", fmt.Sprint("run ", i)), []byte("\xff"))
	}
	listing, err := deadletter.List(t.Context(), topicOf{values}, "t", deadletter.Filter{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	last := listing.Counts[0] // "(" sorts before "r"
	if len(listing.Counts) != 4097 || last.Run != deadletter.OtherRuns || last.Records != 6000-4096 {
		t.Errorf("%d counts, first %+v", len(listing.Counts), last)
	}
	if len(listing.Unreadable) != 100 || listing.UnreadableCount != 6000 || len(listing.Entries) != 10 || listing.Omitted != 5990 {
		t.Errorf("%d of %d unreadable, %d entries and %d more", len(listing.Unreadable), listing.UnreadableCount, len(listing.Entries), listing.Omitted)
	}
}

func TestShow(t *testing.T) {
	at := deadletter.Coordinate{Partition: ledger.Partition{Topic: "token_calls.v1", Epoch: 2, ID: 3}, Offset: 20}
	got, err := deadletter.Show(t.Context(), topic, "t", at)
	if err != nil {
		t.Fatal(err)
	}
	if got.GetEpoch() != 2 || string(got.GetValue()) != "bytes" {
		t.Errorf("got %v", got)
	}
	at.Epoch = 3
	if _, err := deadletter.Show(t.Context(), topic, "t", at); !errors.Is(err, deadletter.ErrNotFound) || !strings.Contains(err.Error(), at.String()) {
		t.Errorf("an unknown record: %v", err)
	}
}

// broken fails in the middle.
type broken struct{}

var errBroker = errors.New("the broker is away")

func (broken) Scan(_ context.Context, _ string, fn func(int32, ingest.Record) error) error {
	if err := fn(0, ingest.Record{Value: letter("queries.v1", 1, 0, 0, "invalid", "")}); err != nil {
		return err
	}
	return errBroker
}

func TestScanError(t *testing.T) {
	if _, err := deadletter.List(t.Context(), broken{}, "t", deadletter.Filter{}, 0); !errors.Is(err, errBroker) {
		t.Errorf("List: %v", err)
	}
	if _, err := deadletter.Show(t.Context(), broken{}, "t", deadletter.Coordinate{}); !errors.Is(err, errBroker) {
		t.Errorf("Show: %v", err)
	}
}

func TestParseCoordinate(t *testing.T) {
	at := deadletter.Coordinate{Partition: ledger.Partition{Topic: "token_calls.v1", Epoch: 4294967295, ID: 7}, Offset: 1 << 40}
	if got, err := deadletter.ParseCoordinate(at.String()); err != nil || got != at {
		t.Errorf("got %v, %v", got, err)
	}
	for _, s := range []string{"", "a", "/1/2/3", "a/1/2", "a/1/2/3/4", "a/-1/2/3", "a/1/2/-3", "a/1/4294967296/3", "a/1/2/9223372036854775808", "a/x/2/3"} {
		if _, err := deadletter.ParseCoordinate(s); err == nil || !strings.Contains(err.Error(), "topic/epoch/partition/offset") {
			t.Errorf("%q: %v", s, err)
		}
	}
}
