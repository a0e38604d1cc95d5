package stack_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tidemark/internal/stack"
)

func kafka(t *testing.T, address string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(address)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func createTopic(t *testing.T, client *kgo.Client, name string, partitions int32) {
	t.Helper()
	request := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(t.Context(), client)
	if err == nil {
		err = kerr.ErrorForCode(response.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func topicID(t *testing.T, client *kgo.Client, name string) [16]byte {
	t.Helper()
	request := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &name
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(t.Context(), client)
	if err == nil {
		err = kerr.ErrorForCode(response.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	return response.Topics[0].TopicID
}

// TestKillDuringWrites kills a stack while records are produced and blocks are
// inserted, starts it again, and finds all that was acknowledged, and each
// insert whole or not at all.
func TestKillDuringWrites(t *testing.T) {
	dir := t.TempDir()
	const rounds, blockRows = 3, 1000
	var mu sync.Mutex
	produced, inserted := map[string]bool{}, map[int]bool{}
	var id [16]byte
	for round := range rounds {
		c := startChild(t, stack.Config{DataDir: dir})
		if c.Error != "" {
			t.Fatalf("round %d: %s", round, c.Error)
		}
		client := kafka(t, c.Kafka)
		if round == 0 {
			createTopic(t, client, "crash", 2)
			id = topicID(t, client, "crash")
			doTo(t, c.HTTP+"/", "", http.MethodPost, nil, strings.NewReader("CREATE TABLE crash (block UInt32, n UInt32) ENGINE = MergeTree ORDER BY (block, n)")).want(t, 200, "")
		}
		if got := topicID(t, client, "crash"); got != id {
			t.Fatalf("round %d: topic id %x, was %x", round, got, id)
		}
		checkSurvivors(t, c, produced, inserted, blockRows)

		ctx, cancel := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		enough := make(chan struct{}, 2)
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				value := fmt.Sprintf("%d-%d", round, i)
				record := &kgo.Record{Topic: "crash", Value: []byte(value)}
				if client.ProduceSync(ctx, record).FirstErr() == nil {
					mu.Lock()
					produced[value] = true
					mu.Unlock()
				}
				if i == 200 {
					enough <- struct{}{}
				}
			}
		})
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				block := round*1_000_000 + i
				if insertBlock(ctx, c.HTTP, block, blockRows) == nil {
					mu.Lock()
					inserted[block] = true
					mu.Unlock()
				}
				if i == 20 {
					enough <- struct{}{}
				}
			}
		})
		<-enough
		<-enough
		c.kill(t)
		cancel()
		client.Close() // Fails the record whose fate is unknown.
		writers.Wait()
	}
	c := startChild(t, stack.Config{DataDir: dir})
	checkSurvivors(t, c, produced, inserted, blockRows)
	if len(produced) < 200*rounds || len(inserted) < 20*rounds {
		t.Fatalf("only %d records and %d blocks were acknowledged", len(produced), len(inserted))
	}
	c.stop(t)
}

func insertBlock(ctx context.Context, base string, block, rows int) error {
	var body strings.Builder
	for n := range rows {
		fmt.Fprintf(&body, "%d\t%d\n", block, n)
	}
	target := base + "/?" + url.Values{"query": {"INSERT INTO crash FORMAT TSV"}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body.String()))
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	if err := response.Body.Close(); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

func checkSurvivors(t *testing.T, c *child, produced map[string]bool, inserted map[int]bool, blockRows int) {
	t.Helper()
	a := doTo(t, c.HTTP+"/", "", http.MethodPost, nil, strings.NewReader("SELECT block, count(), uniqExact(n) FROM crash GROUP BY block"))
	if a.status != 200 {
		t.Fatalf("read the table: %s", a.body)
	}
	found := map[int]bool{}
	for line := range strings.Lines(a.body) {
		var block, rows, different int
		if _, err := fmt.Sscanf(line, "%d\t%d\t%d", &block, &rows, &different); err != nil {
			t.Fatal(err)
		}
		if rows != blockRows || different != blockRows {
			t.Fatalf("block %d has %d rows, %d different, of %d", block, rows, different, blockRows)
		}
		found[block] = true
	}
	for block := range inserted {
		if !found[block] {
			t.Fatalf("block %d was acknowledged and is gone", block)
		}
	}
	client := kafka(t, c.Kafka, kgo.ConsumeTopics("crash"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	missing := map[string]bool{}
	for value := range produced {
		missing[value] = true
	}
	for len(missing) > 0 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		fetches := client.PollFetches(ctx)
		cancel()
		if err := fetches.Err(); err != nil {
			t.Fatalf("%d acknowledged records are gone: %v", len(missing), err)
		}
		fetches.EachRecord(func(r *kgo.Record) { delete(missing, string(r.Value)) })
	}
}

// TestCleanRestart stops a stack and starts it again: tables, views, topics and
// a group's offsets are there.
func TestCleanRestart(t *testing.T) {
	dir := t.TempDir()
	first := startChild(t, stack.Config{DataDir: dir})
	for _, sql := range []string{
		"CREATE DATABASE kept", "CREATE TABLE kept.t (a UInt64, s LowCardinality(String)) ENGINE = MergeTree ORDER BY a",
		"CREATE VIEW kept.v AS SELECT sum(a) AS s FROM kept.t", "INSERT INTO kept.t SELECT number, 'x' FROM numbers(100)",
	} {
		doTo(t, first.HTTP+"/", "", http.MethodPost, nil, strings.NewReader(sql)).want(t, 200, "")
	}
	client := kafka(t, first.Kafka, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("kept"), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "unknown", Value: []byte("x")}).FirstErr(); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Fatalf("a topic came to be by itself: %v", err)
	}
	createTopic(t, client, "kept", 1)
	for i := range 10 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "kept", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	for read < 10 {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		read += fetches.NumRecords()
	}
	if err := client.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Fatal(err)
	}
	client.Close()
	first.stop(t)

	second := startChild(t, stack.Config{DataDir: dir})
	doTo(t, second.HTTP+"/", "", http.MethodPost, nil, strings.NewReader("SELECT s FROM kept.v")).want(t, 200, "4950\n")
	client = kafka(t, second.Kafka, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("kept"), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "kept", Value: []byte("after")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	fetches := client.PollFetches(t.Context())
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	if r := fetches.Records()[0]; r.Offset != 10 || string(r.Value) != "after" {
		t.Fatalf("the group goes on at offset %d, %q", r.Offset, r.Value)
	}
	client.Close()
	second.stop(t)
}
