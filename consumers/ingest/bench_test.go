package ingest_test

import (
	"context"
	"fmt"
	"testing"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// wheel is a source that returns the same records again and again, at new offsets each time, up to an end. There are more of them than the window is long, so none is a duplicate.
type wheel struct {
	values  [][]byte
	records []ingest.Record
	end     int64
}

func (w *wheel) Fetch(_ context.Context, from int64) (ingest.Fetch, error) {
	w.records = w.records[:0]
	next := min(from+4096, w.end)
	for o := from; o < next; o++ {
		w.records = append(w.records, ingest.Record{Offset: o, Value: w.values[o%int64(len(w.values))]})
	}
	return ingest.Fetch{Records: w.records, Next: next, HighWatermark: w.end}, nil
}

// null is a store that keeps nothing.
type null struct{}

func (null) Resume(context.Context, ingest.Partition, int64) (ingest.Resume, error) {
	return ingest.Resume{}, nil
}
func (null) Insert(context.Context, ingest.Partition, schemas.Columns) error { return nil }
func (null) Account(context.Context, ledger.Row) error                       { return nil }
func (null) Commit(context.Context, ingest.Partition, int64) error           { return nil }

func tokenCall(n int64) *usagev1.TokenCall {
	input, output, latency := uint64(n%4000), uint64(n%900), uint64(n%3_000_000)
	return &usagev1.TokenCall{Source: "gateway", Id: fmt.Sprintf("chatcmpl-%020d", n), TimeUs: new(1_700_000_000_000_000 + n*86),
		Tenant: fmt.Sprintf("tenant-%d", n%50), Product: "chat", User: uint64(n) * 0x9E3779B97F4A7C15, Country: "SE",
		Segment: usagev1.Segment_SEGMENT_CONSUMER, Run: "bench", Model: fmt.Sprintf("model-%d", n%7), Provider: "openai",
		Status: usagev1.Status_STATUS_OK, InputUncached: &input, OutputVisible: &output, LatencyUs: &latency, Operation: "chat"}
}

// BenchmarkWorker is the worker without log and database: decode, decide, account. An operation is one event.
func BenchmarkWorker(b *testing.B) {
	const window = 1 << 18
	w := &wheel{values: make([][]byte, window+window/8)}
	var size int64
	for i := range w.values {
		w.values[i], _ = schemas.AppendEvent(nil, tokenCall(int64(i)))
		size += int64(len(w.values[i]))
	}
	b.Run("type=token_calls", func(b *testing.B) { // So that the values are made once.
		b.ReportAllocs()
		b.SetBytes(size / int64(len(w.values)))
		w.end = int64(b.N)
		worker := &ingest.Worker{Partition: ingest.Partition{Type: schemas.TokenCallType, Count: 1}, Source: w, Store: null{}, Committer: null{},
			Limits: ingest.Limits{Window: window}, UntilCaughtUp: true}
		if err := worker.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
}
