package kafkatest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	ckafka "tidemark/consumers/kafka"
	"tidemark/internal/kafka"
	kafkatest "tidemark/internal/test/kafka"
	"tidemark/producers"
	pkafka "tidemark/producers/kafka"
)

// events makes records with values of about 100 bytes that repeat as those of token calls do.
func events(topic string, partitions int32, n int) []producers.Record {
	random := rand.New(rand.NewPCG(1, 2))
	records := make([]producers.Record, n)
	for i := range records {
		records[i] = producers.Record{Topic: topic, Partition: int32(i) % partitions,
			Value: fmt.Appendf(nil, "source-%d|%016x%016x|tenant-%d|model-%d|chat|provider-%d|%d|%d|%d|ok", random.IntN(5), random.Uint64(),
				random.Uint64(), random.IntN(100), random.IntN(8), random.IntN(4), random.IntN(5000), random.IntN(900), random.IntN(60000))}
	}
	return records
}

// BenchmarkAppend sends 20,000 records to 8 partitions at a time; the broker, in the same process, drops them.
func BenchmarkAppend(b *testing.B) {
	for _, codec := range []string{"none", "snappy", "lz4", "zstd"} {
		b.Run(codec, func(b *testing.B) {
			addr := kafkatest.StartDirect(b, kfake.BlackholeProduce(), kfake.SeedTopics(8, "topic"))
			w, err := pkafka.NewWriter(pkafka.Config{Conn: kafka.Config{Brokers: []string{addr}}, Compression: codec})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = w.Close() }()
			records := events("topic", 8, 20_000)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if err := w.Append(b.Context(), records); err != nil {
					b.Fatal(err)
				}
				n += len(records)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
		})
	}
}

// BenchmarkFetch reads 100,000 records of one partition from a broker in the same process.
func BenchmarkFetch(b *testing.B) {
	for _, codec := range []string{"none", "snappy", "lz4", "zstd"} {
		b.Run(codec, func(b *testing.B) {
			addr := kafkatest.StartDirect(b, kfake.SeedTopics(1, "topic"))
			conn := kafka.Config{Brokers: []string{addr}}
			w, err := pkafka.NewWriter(pkafka.Config{Conn: conn, Compression: codec})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = w.Close() }()
			const total = 100_000
			if err := w.Append(b.Context(), events("topic", 1, total)); err != nil {
				b.Fatal(err)
			}
			c, err := ckafka.NewClient(ckafka.Config{Conn: conn})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			source := c.Source("topic", 0, ckafka.SourceOptions{})
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				for from := int64(0); from < total; {
					f, err := source.Fetch(b.Context(), from)
					if err != nil {
						b.Fatal(err)
					}
					n += len(f.Records)
					from = f.Next
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/record")
		})
	}
}
