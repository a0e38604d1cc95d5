package synthetic_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"tidemark/producers"
	"tidemark/producers/synthetic"
)

// BenchmarkNext makes events and their wire form, all that is done before the log. One operation is one item.
func BenchmarkNext(b *testing.B) {
	for _, profile := range []string{synthetic.TokenCalls, synthetic.Mixed} {
		b.Run(profile, func(b *testing.B) {
			g, err := synthetic.New(synthetic.Options{
				Seed: 1, Profile: profile, Events: 1 << 40, Span: 30 * 24 * time.Hour,
				Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Duplicates: 0.01, Poison: 0.001,
			})
			if err != nil {
				b.Fatal(err)
			}
			var batch producers.Batch
			b.ReportAllocs()
			var bytes, items int
			for items < b.N {
				batch.Reset()
				if err := g.Next(&batch, min(producers.DefaultBatchItems, b.N-items)); err != nil && !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
				items += len(batch.Items)
				bytes += batch.Size()
			}
			b.ReportMetric(float64(bytes)/float64(items), "bytes/item")
			b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
