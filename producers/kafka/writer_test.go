package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"tidemark/internal/kafka"
	"tidemark/producers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func fake(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, *Writer) {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(4, "topic")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	w, err := NewWriter(Config{Conn: kafka.Config{Brokers: cluster.ListenAddrs()}, RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return cluster, w
}

func records(n int) []producers.Record {
	out := make([]producers.Record, n)
	for i := range out {
		out[i] = producers.Record{Topic: "topic", Partition: 1, Value: fmt.Appendf(nil, "value %d", i)}
	}
	return out
}

func end(c *kfake.Cluster) int64 { return c.PartitionInfo("topic", 1).HighWatermark }

// TestAnswers: what each answer of a broker makes of a batch: it is sent again until it is on the log, once, or given up.
func TestAnswers(t *testing.T) {
	const n = 10
	tests := []struct {
		name string
		code *kerr.Error
		ok   bool
	}{
		{"not leader", kerr.NotLeaderForPartition, true},
		{"no replicas", kerr.NotEnoughReplicas, true},
		{"timed out", kerr.RequestTimedOut, true}, // The broker has it and says it does not know.
		{"unknown server error", kerr.UnknownServerError, true},
		{"storage", kerr.KafkaStorageError, true},
		{"out of order", kerr.OutOfOrderSequenceNumber, true},
		{"unknown producer", kerr.UnknownProducerID, true},
		{"old epoch", kerr.InvalidProducerEpoch, true},
		{"not allowed", kerr.TopicAuthorizationFailed, false},
		{"invalid record", kerr.InvalidRecord, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cluster, w := fake(t)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if err := w.Append(ctx, records(n)); err != nil {
				t.Fatal(err)
			}
			count := 1 // A second one would hit the Append that follows, if the first is not tried again.
			if test.ok {
				count = 2
			}
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: test.code, Count: count})
			err := w.Append(ctx, records(n))
			if (err == nil) != test.ok {
				t.Fatalf("Append = %v", err)
			}
			if !test.ok {
				var failed *AppendError
				if !errors.As(err, &failed) || failed.Unacknowledged != n || !errors.Is(err, kafkago.Error(test.code.Code)) {
					t.Errorf("Append = %v", err)
				}
				if err := w.Append(ctx, records(n)); err != nil {
					t.Errorf("the Append after it: %v", err)
				}
			}
			if got := end(cluster); got != 2*n {
				t.Errorf("%d records on the log, want %d", got, 2*n)
			}
		})
	}
}

// TestStaleSession: a session that the broker does not go along with is replaced, and the batch is written under the new.
func TestStaleSession(t *testing.T) {
	cluster, w := fake(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	p := w.partition(partitionKey{"topic", 1})
	disturb := []func(){
		func() {},
		func() { p.session.next += 7 },
		func() { p.session.nextEpoch() },
		func() { p.session.epoch-- },
		func() {},
	}
	for i, f := range disturb {
		f()
		if err := w.Append(ctx, records(10)); err != nil {
			t.Fatal(err)
		}
		if got := end(cluster); got != int64(i+1)*10 {
			t.Errorf("after step %d: %d records on the log", i, got)
		}
	}
}

// TestStaleSessionsEnd: a broker that refuses every sequence number is not asked for ever.
func TestStaleSessionsEnd(t *testing.T) {
	cluster, w := fake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.OutOfOrderSequenceNumber, Count: 1000})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.Append(ctx, records(1)); !errors.Is(err, kafkago.OutOfOrderSequenceNumber) || ctx.Err() != nil {
		t.Errorf("Append = %v", err)
	}
}

// TestProducerID: while no broker gives a producer id, nothing is written, least of all without one.
func TestProducerID(t *testing.T) {
	cluster, w := fake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.CoordinatorLoadInProgress, Count: 3})
	var ids []int64
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		produce, ok := req.(*kmsg.ProduceRequest)
		if !ok {
			return nil, nil, false
		}
		var b kmsg.RecordBatch
		if err := b.ReadFrom(produce.Topics[0].Partitions[0].Records); err != nil {
			return nil, err, true
		}
		ids = append(ids, b.ProducerID)
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.Append(ctx, records(1)); err != nil {
		t.Fatal(err)
	}
	if len(ids) != 1 || ids[0] < 0 {
		t.Errorf("producer ids %v", ids)
	}
}

func TestSession(t *testing.T) {
	s := session{id: 5, ok: true, next: math.MaxInt32 - 1}
	s.advance(3)
	if s.next != 1 { // 2147483646, 2147483647, 0, then 1.
		t.Errorf("the sequence goes on at %d", s.next)
	}
	s.nextEpoch()
	if s.epoch != 1 || s.next != 0 || !s.ok {
		t.Errorf("after the end: %+v", s)
	}
	s.epoch = math.MaxInt16
	if s.nextEpoch(); s.ok {
		t.Errorf("after the last epoch: %+v", s)
	}
}

// TestLastEpoch: a partition that used up the epochs of its id gets another one.
func TestLastEpoch(t *testing.T) {
	cluster, w := fake(t)
	ctx := t.Context()
	for i := range 3 {
		if err := w.Append(ctx, records(5)); err != nil {
			t.Fatal(err)
		}
		p := w.partition(partitionKey{"topic", 1})
		if i == 1 && p.session.next != 5 {
			t.Errorf("the new session is at %d", p.session.next)
		}
		p.session.epoch = math.MaxInt16
		p.session.nextEpoch()
	}
	if got := end(cluster); got != 15 {
		t.Errorf("%d records on the log", got)
	}
}

func TestFill(t *testing.T) {
	in := []producers.Record{{Value: make([]byte, 100)}, {Value: make([]byte, 100)}, {Value: make([]byte, 5000)}, {Value: make([]byte, 100)}}
	tests := []struct {
		name                string
		indexes             []int32
		maxBytes, maxRecord int
		n, oversize         int
	}{
		{"all", []int32{0, 1, 2, 3}, 1 << 20, 1 << 20, 4, 0},
		{"two fit", []int32{0, 1, 2, 3}, 1000, 1 << 20, 2, 0},
		{"the first is larger than a batch", []int32{2, 3}, 1000, 1 << 20, 1, 0},
		{"the first is larger than a record may be", []int32{2, 3}, 1000, 1000, 0, 5026},
		{"a later one is", []int32{0, 2, 3}, 1000, 1000, 1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s slot
			n, oversize := s.fill(in, test.indexes, test.maxBytes, test.maxRecord)
			if oversize > 0 && n > 0 {
				oversize = 0 // The next batch begins with it.
			}
			if n != test.n || oversize != test.oversize || s.encoder.Count() != n {
				t.Errorf("fill = %d, %d, %d encoded", n, oversize, s.encoder.Count())
			}
		})
	}
}

func TestGroupKeepsOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	in := make([]producers.Record, 1000)
	for i := range in {
		in[i] = producers.Record{Topic: fmt.Sprint("topic-", random.IntN(3)), Partition: random.Int32N(4)}
	}
	seen := 0
	for _, g := range byPartition(in) {
		last := int32(-1)
		for _, i := range g.indexes {
			if i <= last || in[i].Topic != g.key.topic || in[i].Partition != g.key.id {
				t.Fatalf("record %d of %+v in group %+v after %d", i, in[i], g.key, last)
			}
			last = i
			seen++
		}
	}
	if seen != len(in) {
		t.Errorf("%d records in groups of %d", seen, len(in))
	}
}

func TestConfig(t *testing.T) {
	_, err := NewWriter(Config{Compression: "brotli", MaxBatchBytes: -1, InFlight: -1, RetryMin: -1})
	for _, want := range []string{"brotli", "MaxBatchBytes must not be negative", "InFlight must not be negative", "RetryMin must not be negative", "brokers"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewWriter = %v, want %q in it", err, want)
		}
	}
	if _, err := NewWriter(Config{Conn: kafka.Config{Brokers: []string{"a:1"}}, Compression: "gzip"}); err == nil {
		t.Error("gzip is accepted for writing")
	}
}

func TestNoSuchPartition(t *testing.T) {
	_, w := fake(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, partition := range []int32{-1, 4} {
		err := w.Append(ctx, []producers.Record{{Topic: "topic", Partition: partition}})
		if !errors.Is(err, errNoPartition) || ctx.Err() != nil {
			t.Errorf("partition %d: %v", partition, err)
		}
	}
}

func TestClosed(t *testing.T) {
	_, w := fake(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Append(t.Context(), records(1)); !errors.Is(err, kafka.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Append after Close = %v", err)
	}
}

func FuzzParseProduce(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseProduce(b); err == nil && len(b) < 16 {
			t.Errorf("%x is taken as an acknowledgement", b)
		}
	})
}

// TestAcknowledged: the hook tells the offset of every record once, also of those that were sent again.
func TestAcknowledged(t *testing.T) {
	cluster, w := fake(t)
	var (
		mu   sync.Mutex
		told = map[int32]int64{}
	)
	w.cfg.MaxBatchBytes = 100 // Several batches.
	w.cfg.Hooks.Acknowledged = func(topic string, partition int32, base int64, indexes []int32) {
		mu.Lock()
		defer mu.Unlock()
		for i, index := range indexes {
			if _, twice := told[index]; twice || topic != "topic" || partition != 1 {
				t.Errorf("record %d of %s/%d was told before, or is of another partition", index, topic, partition)
			}
			told[index] = base + int64(i)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var stored, bytes int
	w.cfg.Hooks.Batch = func(records, size int) {
		mu.Lock()
		defer mu.Unlock()
		stored, bytes = stored+records, bytes+size
	}
	const n = 50
	for round := range int64(2) {
		clear(told)
		stored, bytes = 0, 0
		if err := w.Append(ctx, records(n)); err != nil {
			t.Fatal(err)
		}
		if stored != n || bytes < 8*n || bytes > 100*n { // A batch of 100 bytes has at least one record.
			t.Errorf("round %d: %d records in %d bytes", round, stored, bytes)
		}
		for i := range int32(n) {
			if offset, ok := told[i]; !ok || offset != round*n+int64(i) {
				t.Errorf("round %d: record %d is said to lie at %d (%t)", round, i, offset, ok)
			}
		}
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: 1})
	}
}
