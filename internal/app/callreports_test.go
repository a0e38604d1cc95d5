package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/ingest"
	stacktest "tidemark/internal/test/stack"
	"tidemark/producers"
	"tidemark/producers/calls"
	"tidemark/producers/formats/fields"
	"tidemark/schemas"
)

// TestRecallLog: the last records of a topic are those of each partition. A memory begins with what of them are events.
func TestRecallLog(t *testing.T) {
	s := stacktest.Start(t)
	c := connect(t, s, "app_recall")
	if _, err := CreateTopics(t.Context(), c.client, c.namespace, 2, 1); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMicro()
	report := func(client, id string) []*calls.Report {
		return []*calls.Report{{Scope: calls.ScopeOf(client), Client: client, ResponseID: id, Start: now, End: now + 5, Served: "m", Input: calls.Of(10), Output: calls.Of(5)}}
	}
	origin := calls.Origin{Tenant: "acme", Product: "p"}
	topic := schemas.TopicName(c.namespace, schemas.SpecOf(schemas.TokenCallType).Topic)
	var records []producers.Record
	add := func(value []byte) {
		records = append(records, producers.Record{Topic: topic, Partition: int32(len(records) % 2), Value: value})
	}
	for _, id := range []string{"old1", "old2", "r1", "r2"} {
		e := calls.NewMemory(calls.Options{}).Events(origin, report("a", id))[0]
		if id == "r2" {
			e.ServiceTier = strings.Repeat("x", 100_000) // No consumer takes it.
		}
		value, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		add(value)
	}
	add([]byte("no event"))
	add([]byte{})
	if err := c.writer.Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	var last []int64
	err := c.client.ScanLast(t.Context(), topic, 5, func(partition int32, rec ingest.Record) error {
		last = append(last, int64(partition)*100+rec.Offset)
		return nil
	})
	if want := []int64{1, 2, 101, 102}; err != nil || !slices.Equal(last, want) { // 2 of each partition.
		t.Errorf("scanned %v, %v", last, err)
	}
	r := newCallReports(fields.KeyedUsers([]byte("0123456789abcdef")))
	if err := r.recall(t.Context(), c.client, topic); err != nil {
		t.Fatal(err)
	}
	for id, joined := range map[string]uint64{"r1": 1, "r2": 0} {
		if e := r.memory.Events(origin, report("b", id))[0]; e.GetJoined() != joined || e.GetRevision() != joined {
			t.Errorf("%s: %v", id, e)
		}
	}
}
