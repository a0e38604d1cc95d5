package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"tidemark/producers/collector"
	"tidemark/producers/formats/fields"
	"tidemark/producers/spool"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// spoolRetry is the wait before the log is asked again for what it did not acknowledge.
const spoolRetry = time.Second

// collectorSpool is the collector.Spool of a folder, and takes what it keeps to the log.
type collectorSpool struct {
	spool    *spool.Spool
	sink     *eventSink
	intake   *collector.Intake
	log      *zap.Logger
	failures *zap.Logger // Sampled.
}

// Waiting implements collector.Spool.
func (c *collectorSpool) Waiting() bool { return c.spool.Waiting() }

// Keep implements collector.Spool.
func (c *collectorSpool) Keep(came collector.Report, events []schemas.Event) error {
	payload, err := spool.Encode(&usagev1.Run{Run: came.Run, Tenant: came.Tenant, Key: came.Key, Endpoint: came.Endpoint, Sender: came.Sender}, events)
	if err != nil {
		return err
	}
	return c.spool.Append(payload)
}

// drain sends what is kept to the log, oldest first, until ctx ends.
func (c *collectorSpool) drain(ctx context.Context) {
	for ctx.Err() == nil {
		payload, err := c.spool.Read(ctx)
		if err == nil {
			err = c.send(ctx, payload)
		}
		for _, note := range c.spool.Damaged() {
			c.log.Error("a part of the spool is damaged", zap.String("what", note))
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		c.failures.Warn("events wait in the spool", zap.Int64("bytes", c.spool.Bytes()), zap.Error(err))
		select {
		case <-time.After(spoolRetry):
		case <-ctx.Done():
		}
	}
}

// send sends the events of one request. What the log will never take must not keep the others waiting.
func (c *collectorSpool) send(ctx context.Context, payload []byte) error {
	from, events, err := spool.Decode(payload)
	if err != nil {
		return c.spool.SetAside(payload, err)
	}
	good, bad := sortOut(events)
	if len(good) > 0 {
		if err := c.sink.Send(ctx, good); err != nil {
			return err
		}
		c.intake.Drained(collector.Report{Run: from.GetRun(), Tenant: from.GetTenant(), Key: from.GetKey(), Endpoint: from.GetEndpoint(), Sender: from.GetSender()},
			collector.CountTypes(good))
	}
	if bad != nil {
		return c.spool.SetAside(payload, bad)
	}
	return c.spool.Done()
}

// sortOut returns the events that the log takes, and the first fault of the others; it names a field, and no value.
func sortOut[E schemas.Event](events []E) (good []E, bad error) {
	for _, e := range events {
		fault := fields.FirstError(e)
		switch {
		case fault == nil:
			good = append(good, e)
		case bad == nil:
			bad = fmt.Errorf("%s %s", fault.Field, fault.Problem)
		}
	}
	return good, bad
}
