package kafkatest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tidemark/consumers/ingest"
	ckafka "tidemark/consumers/kafka"
	kafkatest "tidemark/internal/test/kafka"
	"tidemark/producers"
	pkafka "tidemark/producers/kafka"
	"tidemark/schemas"
)

// TestTransactions: aborted records and the markers of transactions are offsets without data.
func TestTransactions(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c := newClient(t, b)
		topic := name(t, "")
		createTopic(t, c, topic, 1)
		cl := franz(t, b, kgo.TransactionalID(name(t, ".tx")), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		plain := newWriter(t, b, nil)
		var want []string // of what counts
		total := 0
		transaction := func(commit kgo.TransactionEndTry, n int, between bool) {
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				value := fmt.Sprintf("%d-%v-%d", total, bool(commit), i)
				if err := cl.ProduceSync(ctx, &kgo.Record{Value: []byte(value)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
				if commit {
					want = append(want, value)
				}
			}
			total += n
			if between { // A record of somebody else, inside the transaction.
				value := fmt.Sprintf("%d-plain", total)
				if err := plain.Append(ctx, []producers.Record{{Topic: topic, Value: []byte(value)}}); err != nil {
					t.Fatal(err)
				}
				want = append(want, value)
				total++
			}
			if err := cl.EndTransaction(ctx, commit); err != nil {
				t.Fatal(err)
			}
			total++ // The marker.
		}
		transaction(kgo.TryAbort, 3, false)
		transaction(kgo.TryCommit, 2, true)
		transaction(kgo.TryAbort, 4, true)
		transaction(kgo.TryCommit, 3, false)
		transaction(kgo.TryAbort, 2, false) // The log ends without data.

		for from := range int64(total) { // From every offset on, the aborted transactions that began before included.
			var got []string
			data, control := 0, 0
			source := c.Source(topic, 0, ckafka.SourceOptions{MaxWait: 50 * time.Millisecond})
			last := from - 1
			for at := from; at < int64(total); {
				f, err := source.Fetch(ctx, at)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range f.Records {
					if r.Offset != last+1 {
						t.Fatalf("offset %d after %d", r.Offset, last)
					}
					last = r.Offset
					if r.Control {
						control++
						continue
					}
					data++
					got = append(got, string(r.Value))
				}
				if f.Next <= at && ctx.Err() != nil {
					t.Fatal("Fetch does not advance")
				}
				at = f.Next
			}
			if data+control != total-int(from) {
				t.Fatalf("from %d: %d records and %d control records of %d offsets", from, data, control, total-int(from))
			}
			tail := want[len(want)-len(got):]
			if strings.Join(got, ",") != strings.Join(tail, ",") || from == 0 && len(got) != len(want) {
				t.Fatalf("from %d: %v, want %v", from, got, tail)
			}
		}
	})
}

// TestOpenTransaction: what is not committed yet is not given out, and not skipped either.
func TestOpenTransaction(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c := newClient(t, b)
		topic := name(t, "")
		createTopic(t, c, topic, 1)
		cl := franz(t, b, kgo.TransactionalID(name(t, ".tx")), kgo.DefaultProduceTopic(topic))
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(ctx, &kgo.Record{Value: []byte("a")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		source := c.Source(topic, 0, ckafka.SourceOptions{MaxWait: 50 * time.Millisecond})
		f, err := source.Fetch(ctx, 0)
		if err != nil || len(f.Records) != 0 || f.Next != 0 || f.HighWatermark != 0 {
			t.Errorf("Fetch of an open transaction = %+v, %v", f, err)
		}
		if found := values(t, c, topic); len(found) != 0 {
			t.Errorf("Scan gives %v", found)
		}
		if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		for len(f.Records) == 0 && err == nil {
			f, err = source.Fetch(ctx, 0)
		}
		if err != nil || string(f.Records[0].Value) != "a" {
			t.Errorf("Fetch after the commit = %+v, %v", f, err)
		}
	})
}

// TestForeignProducer reads what another client wrote, in every codec, and has the other client read what we wrote.
func TestForeignProducer(t *testing.T) {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		for codec, compression := range codecs {
			t.Run(codec, func(t *testing.T) {
				ctx := testContext(t)
				c := newClient(t, b)
				topic := name(t, "")
				createTopic(t, c, topic, 1)
				theirs := franz(t, b, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(compression),
					kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
				const n = 500
				var records []*kgo.Record
				for i := range n {
					records = append(records, &kgo.Record{Key: fmt.Appendf(nil, "key-%d", i%7), Value: bytes.Repeat([]byte{byte(i)}, i),
						Headers: []kgo.RecordHeader{{Key: "other", Value: nil}, {Key: schemas.RunHeader, Value: fmt.Appendf(nil, "run-%d", i%3)}}})
				}
				records[5].Key, records[6].Value = nil, nil
				if err := theirs.ProduceSync(ctx, records...).FirstErr(); err != nil {
					t.Fatal(err)
				}
				var ours []producers.Record
				source := c.Source(topic, 0, ckafka.SourceOptions{})
				for at := int64(0); at < n; {
					f, err := source.Fetch(ctx, at)
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range f.Records {
						want := records[len(ours)]
						if r.Offset != want.Offset || r.Timestamp != want.Timestamp.UnixMilli() || !same(r.Key, want.Key) || !same(r.Value, want.Value) ||
							r.Run != fmt.Sprintf("run-%d", r.Offset%3) {
							t.Fatalf("record %d = %+v", len(ours), r)
						}
						ours = append(ours, producers.Record{Topic: topic, Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value),
							Headers: []producers.Header{{Key: "h", Value: []byte("v")}, {Key: "nil"}}})
					}
					at = f.Next
				}
				if codec == "gzip" {
					return // Only read.
				}
				w := newWriter(t, b, func(cfg *pkafka.Config) { cfg.Compression = codec })
				if err := w.Append(ctx, ours); err != nil {
					t.Fatal(err)
				}
				for got := 0; got < 2*n; {
					fetches := theirs.PollFetches(ctx)
					if err := fetches.Err0(); err != nil {
						t.Fatal(err)
					}
					fetches.EachRecord(func(r *kgo.Record) {
						if r.Offset >= n {
							want := ours[r.Offset-n]
							if !same(r.Key, want.Key) || !same(r.Value, want.Value) || len(r.Headers) != 2 || string(r.Headers[0].Value) != "v" {
								t.Errorf("their client reads %d as %+v", r.Offset, r)
							}
						}
						got++
					})
				}
			})
		}
	})
}

// same tells an absent value from an empty one.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func TestOutOfRange(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, nil)
		topic := name(t, "")
		createTopic(t, c, topic, 1)
		if err := w.Append(ctx, numbered(topic, 1, 0, 100)); err != nil {
			t.Fatal(err)
		}
		deleteRecords(t, b, topic, 30)
		source := c.Source(topic, 0, ckafka.SourceOptions{MaxWait: 50 * time.Millisecond})
		if f, err := source.Fetch(ctx, 10); !errors.Is(err, ingest.ErrBelowStart) || f.LogStart != 30 || f.HighWatermark != 100 {
			t.Errorf("below the start: %+v, %v", f, err)
		}
		if f, err := source.Fetch(ctx, 30); err != nil || len(f.Records) != 70 || f.Records[0].Offset != 30 || f.LogStart != 30 {
			t.Errorf("at the start: %d records, log start %d, %v", len(f.Records), f.LogStart, err)
		}
		if f, err := source.Fetch(ctx, 100); err != nil || len(f.Records) != 0 || f.Next != 100 {
			t.Errorf("at the end: %+v, %v", f, err)
		}
		if _, err := source.Fetch(ctx, 101); !errors.Is(err, ingest.ErrBeyondEnd) {
			t.Errorf("beyond the end: %v", err)
		}
		if offsets, err := c.Offsets(ctx, topic); err != nil || offsets[0] != (schemas.Offsets{Start: 30, End: 100}) {
			t.Errorf("Offsets = %v, %v", offsets, err)
		}
	})
}

// TestSmallFetch: a batch larger than what is asked for is read all the same, once.
func TestSmallFetch(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, func(cfg *pkafka.Config) { cfg.Compression = "none" })
		topic := name(t, "")
		createTopic(t, c, topic, 1)
		const n = 20_000
		if err := w.Append(ctx, numbered(topic, 1, 0, n)); err != nil {
			t.Fatal(err)
		}
		source := c.Source(topic, 0, ckafka.SourceOptions{MaxBytes: 100})
		next := int64(0)
		for at := int64(0); at < n; {
			f, err := source.Fetch(ctx, at)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range f.Records {
				if r.Offset != next || string(r.Value) != fmt.Sprintf("value-%08d", next) {
					t.Fatalf("record %d: %+v", next, r)
				}
				next++
			}
			at = f.Next
		}
		if next != n {
			t.Errorf("%d records, want %d", next, n)
		}
	})
}

// TestFetchEnds: a Fetch that waits ends with its context, and the source can be used again.
func TestFetchEnds(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, nil)
		topic := name(t, "")
		createTopic(t, c, topic, 1)
		source := c.Source(topic, 0, ckafka.SourceOptions{MaxWait: 2 * time.Second})
		for range 3 {
			short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			_, err := source.Fetch(short, 0)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Fetch = %v", err)
			}
		}
		if err := w.Append(ctx, numbered(topic, 1, 0, 1)); err != nil {
			t.Fatal(err)
		}
		if f, err := source.Fetch(ctx, 0); err != nil || len(f.Records) != 1 {
			t.Errorf("Fetch = %+v, %v", f, err)
		}
	})
}

func deleteRecords(t *testing.T, b *kafkatest.Broker, topic string, before int64) {
	t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Offset = before
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	req.TimeoutMillis = 10_000
	for _, s := range franz(t, b).RequestSharded(testContext(t), req) {
		res, ok := s.Resp.(*kmsg.DeleteRecordsResponse)
		if s.Err != nil || !ok || res.Topics[0].Partitions[0].ErrorCode != 0 {
			t.Fatalf("delete records: %v, %+v", s.Err, s.Resp)
		}
	}
}
