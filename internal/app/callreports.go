package app

import (
	"errors"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"tidemark/producers/calls"
	"tidemark/producers/collector"
	"tidemark/producers/formats/fields"
	"tidemark/producers/gateways"
	"tidemark/producers/otlp"
	"tidemark/schemas"
)

// callReports gives the meaning of what clients report about calls to models. All ways in share one memory, so that a call
// that comes by two of them counts once.
type callReports struct {
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
	return &callReports{otlp: otlp.New(memory), gateways: gateways.New(memory)}
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
	return calls.Origin{Tenant: o.Tenant, OtherProduct: o.Product, Run: o.Run}
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
