package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
	"tidemark/schemas/scenario"
)

// Open returns a source of the events of a scenario, from the first in time to the last, as fast as they are asked for.
// run is the label in the events, no part of their identity. The source's Next may be called by one goroutine at a
// time; it holds no file and needs no closing.
func Open(s *scenario.Scenario, run string) (producers.Source, error) {
	if s.Workload != nil {
		return openWorkload(s, run)
	}
	return newMerged(s, run), nil
}

// merged gives the events of all parts in the order of time; of those of one time in the order of the file.
type merged struct {
	scenario string
	parts    []part
}

func newMerged(s *scenario.Scenario, run string) *merged {
	m := &merged{scenario: s.ID, parts: []part{newFacts(s, run)}}
	for i := range s.Streams {
		if spec := &s.Streams[i]; spec.Curve.Measure == scenario.Users {
			m.parts = append(m.parts, newVisits(s, spec, run))
		} else {
			m.parts = append(m.parts, newRate(s, spec, run))
		}
	}
	return m
}

// Next adds the next events.
func (m *merged) Next(b *producers.Batch, limit int) error {
	for !b.Full(limit) {
		var first part
		earliest := int64(math.MaxInt64)
		for _, p := range m.parts {
			if at, ok := p.peek(); ok && at < earliest {
				first, earliest = p, at
			}
		}
		if first == nil {
			return io.EOF
		}
		e := first.next()
		if err := schemas.Validate(e); err != nil { // The file's limits are in characters, those of events in bytes.
			return fmt.Errorf("scenario %s makes an event that no consumer accepts: %w", m.scenario, err)
		}
		if _, err := b.AddEvent(e); err != nil {
			return err
		}
	}
	return nil
}

// Truth returns what a whole replay of the scenario puts on the log, by making it without sending it.
func Truth(ctx context.Context, s *scenario.Scenario) (*producers.Truth, error) {
	src, err := Open(s, "")
	if err != nil {
		return nil, err
	}
	var truth producers.Truth
	var b producers.Batch
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		b.Reset()
		err := src.Next(&b, producers.DefaultBatchItems)
		truth.Add(b.Items)
		if errors.Is(err, io.EOF) {
			return &truth, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// openWorkload returns the generator of a workload.
func openWorkload(s *scenario.Scenario, run string) (producers.Source, error) {
	w := s.Workload
	o := synthetic.Options{
		Seed: s.Seed, Events: int64(w.Records), Start: w.Start.Time, Span: time.Duration(w.Hours) * time.Hour, Users: w.Users, Run: run,
		Duplicates: w.Duplicates, Conflicts: w.Conflicts, Late: w.Late, OutOfOrder: w.OutOfOrder, Poison: w.Poison,
		TenantPrefix: s.ID + "/",
	}
	tenants := s.Tables[w.Tenants]
	share := tenants.Column("share")
	for _, row := range tenants.Rows {
		o.TenantShares = append(o.TenantShares, row.Number(share))
	}
	models := s.Tables[w.Models]
	model, provider, share := models.Column("model"), models.Column("provider"), models.Column("share")
	for _, row := range models.Rows {
		o.Models = append(o.Models, synthetic.ModelShare{Model: row.Fields[model], Provider: row.Fields[provider], Share: row.Number(share)})
	}
	g, err := synthetic.New(o)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", s.ID, err)
	}
	return g, nil
}
