package producers_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

// nullLog acknowledges all it is given.
type nullLog struct{}

func (nullLog) Partitions(context.Context, string) (int, error) { return 8, nil }

func (nullLog) Append(context.Context, []producers.Record) error { return nil }

// benchEvents are events of a workload.
func benchEvents(b *testing.B, profile string, count int) []schemas.Event {
	b.Helper()
	g, err := synthetic.New(synthetic.Options{
		Seed: 1, Profile: profile, Events: int64(count), Span: 24 * time.Hour, Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		b.Fatal(err)
	}
	var batch producers.Batch
	if err := g.Next(&batch, count); err != nil && !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
	events := make([]schemas.Event, len(batch.Items))
	for i := range batch.Items {
		events[i] = schemas.NewEvent(batch.Items[i].Type)
		if err := proto.Unmarshal(batch.Items[i].Value, events[i]); err != nil {
			b.Fatal(err)
		}
	}
	return events
}

// BenchmarkSend validates and encodes 1000 events, all that Send does before the log. One operation is one event.
func BenchmarkSend(b *testing.B) {
	for _, profile := range []string{synthetic.TokenCalls, synthetic.Mixed} {
		b.Run("profile="+profile, func(b *testing.B) {
			events := benchEvents(b, profile, 1000)
			sender := producers.Sender{Log: nullLog{}}
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += len(events) {
				if err := sender.Send(b.Context(), events[:min(len(events), b.N-n)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAddEvent encodes 1000 events, as generators and replays do. One operation is one event.
func BenchmarkAddEvent(b *testing.B) {
	for _, profile := range []string{synthetic.TokenCalls, synthetic.Mixed} {
		b.Run("profile="+profile, func(b *testing.B) {
			events := benchEvents(b, profile, 1000)
			var batch producers.Batch
			b.ReportAllocs()
			b.ResetTimer()
			for n := range b.N {
				if n%len(events) == 0 {
					batch.Reset()
				}
				if _, err := batch.AddEvent(events[n%len(events)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkValidate judges events that are acceptable. One operation is one event.
func BenchmarkValidate(b *testing.B) {
	for _, profile := range []string{synthetic.TokenCalls, synthetic.Mixed} {
		b.Run("profile="+profile, func(b *testing.B) {
			events := benchEvents(b, profile, 1000)
			b.ResetTimer()
			for n := range b.N {
				if err := schemas.Validate(events[n%len(events)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
