package kafkatest_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	ckafka "tidemark/consumers/kafka"
	kafkatest "tidemark/internal/test/kafka"
	"tidemark/producers"
	"tidemark/schemas"
)

// TestLargeBatches: a batch that another client compressed to far less than it is, is read piece by piece from any offset;
// a record in it that is too large is given out as one that cannot be read, and what follows is read.
func TestLargeBatches(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		for label, codec := range map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
			t.Run(label, func(t *testing.T) {
				ctx := testContext(t)
				c, w := newClient(t, b), newWriter(t, b, nil)
				topic := name(t, "")
				spec := ckafka.TopicSpec{Name: topic, Partitions: 1, Config: map[string]string{"max.message.bytes": "4000000"}}
				if _, err := c.CreateTopics(ctx, []ckafka.TopicSpec{spec}); err != nil {
					t.Fatal(err)
				}
				const n, large = 40, 17
				theirs := franz(t, b, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(2*time.Second),
					kgo.ProducerBatchMaxBytes(200<<20), kgo.BrokerMaxWriteBytes(400<<20), kgo.MaxBufferedRecords(n))
				var records []*kgo.Record
				for i := range n {
					value := append(fmt.Appendf(nil, "%d ", i), make([]byte, 500_000)...)
					if i == large {
						value = append(value, make([]byte, ckafka.DefaultMaxRecordBytes)...)
					}
					records = append(records, &kgo.Record{Value: value, Headers: []kgo.RecordHeader{{Key: schemas.RunHeader, Value: append(fmt.Appendf(nil, "run %d ", i), make([]byte, 300_000)...)}}})
				}
				if err := theirs.ProduceSync(ctx, records...).FirstErr(); err != nil {
					t.Fatal(err)
				}
				if err := w.Append(ctx, []producers.Record{{Topic: topic, Value: []byte("after")}}); err != nil {
					t.Fatal(err)
				}
				for _, from := range []int64{0, large, n - 1} {
					source := c.Source(topic, 0, ckafka.SourceOptions{})
					next := from
					for at := from; at <= n; {
						f, err := source.Fetch(ctx, at)
						if err != nil {
							t.Fatal(err)
						}
						for _, r := range f.Records {
							if r.Offset != next {
								t.Fatalf("offset %d, want %d", r.Offset, next)
							}
							next = r.End()
							switch {
							case r.Offset == n:
								if string(r.Value) != "after" {
									t.Errorf("the record behind: %.20q", r.Value)
								}
								continue
							case r.Offset == large:
								want := records[large].Value
								sum := sha256.Sum256(want)
								if r.Unreadable == nil || r.Unreadable.Length != int64(len(want)) || !bytes.Equal(r.Unreadable.SHA256, sum[:]) || !bytes.HasPrefix(want, r.Value) {
									t.Errorf("offset %d: %+v", r.Offset, r.Unreadable)
								}
							case r.Unreadable != nil || !bytes.Equal(r.Value, records[r.Offset].Value):
								t.Errorf("offset %d: %d bytes, %+v", r.Offset, len(r.Value), r.Unreadable)
							}
							if len(r.Run) > 256 || !bytes.HasPrefix([]byte(r.Run), fmt.Appendf(nil, "run %d \x00", r.Offset)) {
								t.Errorf("offset %d: run %.20q of %d bytes", r.Offset, r.Run, len(r.Run))
							}
						}
						at = f.Next
					}
				}
			})
		}
	})
}

// TestTopicLimit: the writer says what the broker says.
func TestTopicLimit(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, nil)
		topic := name(t, "")
		_, err := c.CreateTopics(ctx, []ckafka.TopicSpec{{Name: topic, Partitions: 1, Config: map[string]string{"max.message.bytes": "123456"}}})
		if err != nil {
			t.Fatal(err)
		}
		if n := w.TopicLimit(ctx, topic); n != 123456 {
			t.Errorf("TopicLimit = %d", n)
		}
		if n := w.TopicLimit(ctx, name(t, ".none")); n != 0 {
			t.Errorf("TopicLimit of no topic = %d", n)
		}
	})
}
