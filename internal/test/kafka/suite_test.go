package kafkatest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	ckafka "tidemark/consumers/kafka"

	"tidemark/consumers/ingest"
	"tidemark/internal/kafka"
	kafkatest "tidemark/internal/test/kafka"
	"tidemark/producers"
	pkafka "tidemark/producers/kafka"
	"tidemark/schemas"
)

// deadline is for what must happen; a test that reaches it failed.
const deadline = 2 * time.Minute

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	t.Cleanup(cancel)
	return ctx
}

func conn(b *kafkatest.Broker) kafka.Config {
	return kafka.Config{Brokers: []string{b.Addr()}}
}

func newWriter(t testing.TB, b *kafkatest.Broker, change func(*pkafka.Config)) *pkafka.Writer {
	t.Helper()
	cfg := pkafka.Config{Conn: conn(b), RetryMin: 10 * time.Millisecond, RetryMax: 200 * time.Millisecond,
		Hooks: pkafka.Hooks{Retry: func(topic string, partition int32, err error) { t.Logf("produce %s/%d: %v", topic, partition, err) }}}
	if change != nil {
		change(&cfg)
	}
	w, err := pkafka.NewWriter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func newClient(t testing.TB, b *kafkatest.Broker) *ckafka.Client {
	t.Helper()
	c, err := ckafka.NewClient(ckafka.Config{Conn: conn(b), RetryMin: 10 * time.Millisecond, RetryMax: 200 * time.Millisecond,
		Hooks: ckafka.Hooks{Retry: func(request string, err error) { t.Logf("%s: %v", request, err) }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func createTopic(t testing.TB, c *ckafka.Client, topic string, partitions int) {
	t.Helper()
	if _, err := c.CreateTopics(testContext(t), []ckafka.TopicSpec{{Name: topic, Partitions: partitions}}); err != nil {
		t.Fatal(err)
	}
}

// numbered makes n records with the values "from" and on, in turn over the partitions.
func numbered(topic string, partitions int32, from, n int) []producers.Record {
	records := make([]producers.Record, n)
	for i := range records {
		records[i] = producers.Record{
			Topic:     topic,
			Partition: int32(i) % partitions,
			Value:     fmt.Appendf(nil, "value-%08d", from+i),
			Headers:   []producers.Header{{Key: schemas.RunHeader, Value: []byte("run-1")}},
		}
	}
	return records
}

// values reads a whole topic and counts its values.
func values(t testing.TB, c *ckafka.Client, topic string) map[string]int {
	t.Helper()
	found := map[string]int{}
	err := c.Scan(testContext(t), topic, func(_ int32, rec ingest.Record) error {
		found[string(rec.Value)]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wantOnce fails unless the topic holds each of the numbered values 0 to n-1 exactly once.
func wantOnce(t testing.TB, c *ckafka.Client, topic string, n int) {
	t.Helper()
	found := values(t, c, topic)
	for i := range n {
		key := fmt.Sprintf("value-%08d", i)
		if found[key] != 1 {
			t.Errorf("%s is on the log %d times", key, found[key])
		}
		delete(found, key)
	}
	if len(found) > 0 {
		t.Errorf("%d values more than were sent", len(found))
	}
}

func TestProduceAndFetch(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		for _, codec := range []string{"none", "snappy", "lz4", "zstd"} {
			t.Run(codec, func(t *testing.T) {
				ctx := testContext(t)
				c, w := newClient(t, b), newWriter(t, b, func(cfg *pkafka.Config) { cfg.Compression = codec })
				topic := name(t, "")
				createTopic(t, c, topic, 3)
				if n, err := w.Partitions(ctx, topic); err != nil || n != 3 {
					t.Fatalf("Partitions = %d, %v", n, err)
				}
				const n = 10_000
				before := time.Now().Add(-time.Minute).UnixMilli()
				if err := w.Append(ctx, numbered(topic, 3, 0, n)); err != nil {
					t.Fatal(err)
				}
				wantOnce(t, c, topic, n)
				offsets, err := c.Offsets(ctx, topic)
				if err != nil || offsets[0].End+offsets[1].End+offsets[2].End != n || offsets[0].Start != 0 {
					t.Errorf("Offsets = %v, %v", offsets, err)
				}
				f, err := c.Source(topic, 1, ckafka.SourceOptions{}).Fetch(ctx, 7)
				if err != nil || len(f.Records) == 0 {
					t.Fatalf("Fetch = %d records, %v", len(f.Records), err)
				}
				if r := f.Records[0]; r.Offset != 7 || r.Run != "run-1" || r.Timestamp < before || string(r.Value) != "value-00000022" {
					t.Errorf("first record = %+v", r)
				}
				if f.HighWatermark != offsets[1].End || f.LogStart != 0 {
					t.Errorf("HighWatermark %d, LogStart %d", f.HighWatermark, f.LogStart)
				}
			})
		}
	})
}

func TestUnknownTopic(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, nil)
		topic := name(t, "")
		err := w.Append(ctx, numbered(topic, 1, 0, 3))
		var failed *pkafka.AppendError
		if !errors.As(err, &failed) || failed.Unacknowledged != 3 || !errors.Is(err, kafka.ErrUnknownTopic) {
			t.Errorf("Append = %v", err)
		}
		if _, err := c.Topics(ctx, []string{topic}); !errors.Is(err, kafka.ErrUnknownTopic) {
			t.Errorf("Topics = %v", err)
		}
		t.Log(err)
	})
}
