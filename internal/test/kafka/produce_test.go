package kafkatest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	ckafka "tidemark/consumers/kafka"
	kafkatest "tidemark/internal/test/kafka"
	"tidemark/producers"
	pkafka "tidemark/producers/kafka"
)

const keyProduce = 0

// TestLostAnswers: the broker wrote the batch, its answer does not arrive, the batch is sent again.
func TestLostAnswers(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, nil)
		topic := name(t, "")
		createTopic(t, c, topic, 2)
		before := b.Proxy.Swallowed()
		const rounds, size = 20, 100
		for i := range rounds {
			b.Proxy.SwallowAnswers(keyProduce, i%4)
			if err := w.Append(ctx, numbered(topic, 2, i*size, size)); err != nil {
				t.Fatal(err)
			}
		}
		if n := b.Proxy.Swallowed() - before; n < rounds {
			t.Fatalf("only %d answers were lost: the test tests nothing", n)
		}
		wantOnce(t, c, topic, rounds*size)
	})
}

// TestAbandonedAppend: a caller gives up on an Append; the next one must not be mistaken for it, nor overtaken by it.
func TestAbandonedAppend(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, nil)
		topic := name(t, "")
		createTopic(t, c, topic, 1)
		const n = 50
		if err := w.Append(ctx, numbered(topic, 1, 0, n)); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			b.Pause(t)
			short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			err := w.Append(short, numbered("abandoned."+topic, 1, 0, 0)) // Nothing to do is no error, whatever the broker does.
			if err != nil {
				t.Errorf("an empty Append: %v", err)
			}
			lost := numbered(topic, 1, 0, n)
			for j := range lost {
				lost[j].Value = fmt.Appendf(nil, "abandoned-%d-%d", i, j)
			}
			err = w.Append(short, lost)
			cancel()
			b.Resume(t)
			var failed *pkafka.AppendError
			if !errors.As(err, &failed) || failed.Unacknowledged != n || failed.Total != n || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("Append to a hanging broker = %v", err)
			}
			if err := w.Append(ctx, numbered(topic, 1, (i+1)*n, n)); err != nil {
				t.Fatal(err)
			}
		}
		found := values(t, c, topic)
		for key, times := range found {
			if times != 1 {
				t.Errorf("%s is on the log %d times", key, times)
			}
		}
		for i := range 4 * n {
			if key := fmt.Sprintf("value-%08d", i); found[key] == 0 {
				t.Errorf("%s is missing", key)
			}
		}
	})
}

func TestTooLarge(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c := newClient(t, b)
		w := newWriter(t, b, func(cfg *pkafka.Config) { cfg.Compression = "none"; cfg.MaxRecordBytes = 100_000 })
		topic := name(t, "")
		_, err := c.CreateTopics(ctx, []ckafka.TopicSpec{{Name: topic, Partitions: 1, Config: map[string]string{"max.message.bytes": "20000"}}})
		if err != nil {
			t.Fatal(err)
		}
		records := numbered(topic, 1, 0, 5000) // Several times the limit: it is split.
		records[17].Value = make([]byte, 30_000)
		records[4000].Value = make([]byte, 200_000)
		err = w.Append(ctx, records)
		var failed *pkafka.AppendError
		if !errors.As(err, &failed) || failed.Unacknowledged != 2 || len(failed.Rejected) != 2 {
			t.Fatalf("Append = %v", err)
		}
		first, second := failed.Rejected[0], failed.Rejected[1]
		if first.Index != 17 || first.Size < 30_000 || first.Limit != 20_000 || second.Index != 4000 || second.Limit != 100_000 {
			t.Errorf("Rejected = %+v", failed.Rejected)
		}
		t.Log(err)
		if found := values(t, c, topic); len(found) != 4998 {
			t.Errorf("%d records on the log, want the other 4998", len(found))
		}
	})
}

// TestSlowBroker: a broker that hangs for a while holds its producers up; they keep no more than the batches in flight.
func TestSlowBroker(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c := newClient(t, b)
		w := newWriter(t, b, func(cfg *pkafka.Config) { cfg.RequestTimeout = time.Second; cfg.Hooks.Retry = nil })
		topic := name(t, "")
		const partitions, senders, rounds, size = 8, 4, 15, 2000
		createTopic(t, c, topic, partitions)
		value := make([]byte, 500)
		random := rand.NewChaCha8([32]byte{1})
		if _, err := random.Read(value); err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, senders)
		sent := make(chan struct{}, senders*rounds)
		for range senders {
			go func() {
				records := make([]producers.Record, size)
				for i := range records {
					records[i] = producers.Record{Topic: topic, Partition: int32(i % partitions), Value: value}
				}
				for range rounds {
					if err := w.Append(ctx, records); err != nil {
						errs <- err
						return
					}
					sent <- struct{}{}
				}
				errs <- nil
			}()
		}
		var peak uint64
		for range 3 {
			<-sent // It hangs in the middle of the work.
			b.Pause(t)
			time.Sleep(1500 * time.Millisecond) // Longer than a request waits.
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
			b.Resume(t)
		}
		for range senders {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		// In all 60 MB are sent; in flight are at most 8 batches, twice each.
		t.Logf("live heap while the broker hung: %d MB", peak>>20)
		if b.Name == "apache" && peak > 40<<20 {
			t.Errorf("the live heap was %d MB while the broker hung", peak>>20)
		}
		var n int64
		offsets, err := c.Offsets(ctx, topic)
		for _, o := range offsets {
			n += o.End
		}
		if err != nil || n != senders*rounds*size {
			t.Errorf("%d records on the log, want %d (%v)", n, senders*rounds*size, err)
		}
	})
}

// TestBrokerKilled: a broker is killed and started again while records are produced and consumed.
func TestBrokerKilled(t *testing.T) {
	each(t, func(t *testing.T, b *kafkatest.Broker) {
		ctx := testContext(t)
		c, w := newClient(t, b), newWriter(t, b, func(cfg *pkafka.Config) { cfg.Hooks.Retry = nil })
		topic := name(t, "")
		createTopic(t, c, topic, 2)
		const rounds, size = 60, 200
		produced := make(chan error, 1)
		progress := make(chan int, rounds)
		go func() {
			for i := range rounds {
				if err := w.Append(ctx, numbered(topic, 2, i*size, size)); err != nil {
					produced <- err
					return
				}
				progress <- i
			}
			produced <- nil
		}()
		consumed := make(chan map[string]int, 2)
		for p := range int32(2) {
			go func() {
				found := map[string]int{}
				defer func() { consumed <- found }()
				source := c.Source(topic, p, ckafka.SourceOptions{})
				for from := int64(0); from < rounds*size/2; {
					f, err := source.Fetch(ctx, from)
					if err != nil {
						t.Errorf("Fetch: %v", err)
						return
					}
					for _, r := range f.Records {
						found[string(r.Value)]++
					}
					from = f.Next
				}
			}()
		}
		for i := range progress {
			if i == 20 {
				b.Kill(t)
				b.Restart(t)
			}
			if i == rounds-1 {
				break
			}
		}
		if err := <-produced; err != nil {
			t.Fatal(err)
		}
		all := map[string]int{}
		for range 2 {
			for k, n := range <-consumed {
				all[k] += n
			}
		}
		if len(all) != rounds*size {
			t.Errorf("%d values consumed, %d acknowledged", len(all), rounds*size)
		}
		wantOnce(t, c, topic, rounds*size)
	})
}
