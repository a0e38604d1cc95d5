package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/protobuf/proto"

	"tidemark/consumers/ingest"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/producers/calls"
	"tidemark/producers/collector"
	"tidemark/producers/formats/fields"
	"tidemark/producers/gateways"
	"tidemark/producers/otlp"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// callReports gives the meaning of what clients report about calls to models. All ways in share one memory, so that a call
// that comes by two of them counts once.
type callReports struct {
	memory   *calls.Memory
	otlp     *otlp.Decoder
	gateways *gateways.Decoder
}

// newCallReports returns reports of calls whose users are hashed by users.
func newCallReports(users *fields.Users) *callReports {
	hash := users.Hash() // The memory calls it from one goroutine at a time.
	memory := calls.NewMemory(calls.Options{HashUser: func(tenant, user string) uint64 {
		n, _ := hash.Of(tenant, user) // Of a text that is not UTF-8 there is none.
		return n
	}})
	return &callReports{memory: memory, otlp: otlp.New(memory), gateways: gateways.New(memory)}
}

// Spans implements collector.OTLP.
func (c *callReports) Spans(o collector.Origin, body []byte, depth int) (collector.Batch, error) {
	r, err := c.otlp.Spans(originOf(o), body, depth)
	return batchOf(r), err
}

// Traces implements collector.OTLP.
func (c *callReports) Traces(o collector.Origin, td ptrace.Traces) collector.Batch {
	return batchOf(c.otlp.Traces(originOf(o), td))
}

// Logs implements collector.OTLP.
func (c *callReports) Logs(o collector.Origin, ld plog.Logs) collector.Batch {
	return batchOf(c.otlp.Logs(originOf(o), ld))
}

// Records implements collector.Gateways.
func (c *callReports) Records(o collector.Origin, body []byte) (batch collector.Batch, tooMany bool, err error) {
	r, err := c.gateways.Decode(originOf(o), body)
	return batchOf(r), errors.Is(err, gateways.ErrTooMany), err
}

func originOf(o collector.Origin) calls.Origin {
	return calls.Origin{Tenant: o.Tenant, OtherProduct: o.Product, Run: o.Run, Outside: o.Outside}
}

func batchOf(r calls.Result) collector.Batch {
	b := collector.Batch{Items: r.Items, Joined: r.Joined, Skipped: r.Skipped, Places: r.Places}
	for _, e := range r.Events {
		b.Events = append(b.Events, schemas.Event(e))
	}
	for _, bad := range r.Rejected {
		b.Rejected = append(b.Rejected, collector.Rejected{Index: bad.Index, Field: bad.Field, Reason: bad.Reason})
	}
	return b
}

// recallLast is how many records of the log a memory begins with, as many as it remembers. recallPatience bounds the time for it:
// senders wait meanwhile.
const (
	recallLast     = 50_000
	recallPatience = 10 * time.Second
)

// recall lets the memory begin with the calls that are at the end of the log, as if it had received them.
func (c *callReports) recall(ctx context.Context, client *consumerkafka.Client, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, recallPatience)
	defer cancel()
	var events []*usagev1.TokenCall
	err := client.ScanLast(ctx, topic, recallLast, func(_ int32, rec ingest.Record) error {
		e := new(usagev1.TokenCall)
		if rec.Unreadable == nil && proto.Unmarshal(rec.Value, e) == nil && schemas.Validate(e) == nil { // What is no event is a dead letter soon.
			events = append(events, e)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the last calls from the log: %w", err)
	}
	slices.SortStableFunc(events, func(a, b *usagev1.TokenCall) int { return cmp.Compare(a.GetTimeUs(), b.GetTimeUs()) })
	c.memory.Recall(events)
	return nil
}
