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

// Options say how a scenario is replayed. None of them changes an event but Run, which is no part of its identity.
type Options struct {
	// Run is the label in the events. It should name one run for ever.
	Run string
	// Limit ends the replay after that many records. Default 0: none.
	Limit int64
	// Speed is the pace as a multiple of the scenario's own; 0 is as fast as the log takes the events.
	Speed float64
}

// Validate returns what is wrong with the options, one error for each, joined.
func (o Options) Validate() error {
	var errs []error
	if o.Limit < 0 {
		errs = append(errs, fmt.Errorf("--limit: %d is negative", o.Limit))
	}
	if o.Speed < 0 || math.IsNaN(o.Speed) || math.IsInf(o.Speed, 0) {
		errs = append(errs, fmt.Errorf("--speed: %g is not a positive number", o.Speed))
	}
	return errors.Join(errs...)
}

// Open returns a source of the events of a scenario, from the first in time to the last. Its Next may be called by one
// goroutine at a time; it holds no file and needs no closing.
func Open(s *scenario.Scenario, o Options) (producers.Source, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	var made producers.Source
	if w := s.Workload; w != nil {
		g, err := openWorkload(s, o.Run)
		if err != nil {
			return nil, err
		}
		made = g
	} else {
		made = newMerged(s, o.Run)
	}
	return &paced{source: made, left: o.Limit, limited: o.Limit > 0, speed: o.Speed}, nil
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

// paced ends a source early, and says when its items are due.
type paced struct {
	source  producers.Source
	limited bool
	left    int64
	speed   float64
	begun   bool
	first   int64
	due     time.Duration
}

// Next adds the next items.
func (p *paced) Next(b *producers.Batch, limit int) error {
	have := len(b.Items)
	if p.limited {
		limit = int(min(int64(limit), int64(have)+p.left))
		if p.left == 0 {
			return io.EOF
		}
	}
	err := p.source.Next(b, limit)
	p.left -= int64(len(b.Items) - have)
	if p.speed > 0 {
		for i := have; i < len(b.Items); i++ {
			p.pace(&b.Items[i])
		}
	}
	return err
}

// pace sets when an item is due. One that is before an earlier one in time, or has no time, is due with it.
func (p *paced) pace(item *producers.Item) {
	if item.Kind == producers.Fresh {
		if !p.begun {
			p.begun, p.first = true, item.Time
		}
		const longest = math.MaxInt64 / 2 // Room to add to it.
		p.due = max(p.due, time.Duration(min(float64(item.Time-p.first)*float64(time.Microsecond)/p.speed, longest)))
	}
	item.Due = p.due
}

// Truth returns what a whole replay of the scenario puts on the log, by making it without sending it.
func Truth(ctx context.Context, s *scenario.Scenario) (*producers.Truth, error) {
	src, err := Open(s, Options{})
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

// Result is what a replay has done.
type Result struct {
	Truth *producers.Truth // Counts what the log has acknowledged. Never nil.
	Took  time.Duration
	// Interrupted is true when the context ended the replay; the truth is exact all the same.
	Interrupted bool
}

// grace is how long the batch on its way is waited for when the context has ended.
const grace = 15 * time.Second

// Run replays a scenario until it or ctx ends, which is no error: what is on its way then is waited for. It sends the
// truth of the run to the log at the end. After an error no truth is sent, and part of the last batch may be on the log
// beyond what the Result says; replaying again counts each event once.
func Run(ctx context.Context, sender *producers.Sender, s *scenario.Scenario, o Options, progress func(sent uint64)) (Result, error) {
	begin := time.Now()
	src, err := Open(s, o)
	if err != nil {
		return Result{Truth: &producers.Truth{}}, err
	}
	working, stop, done := producers.Linger(ctx, grace)
	defer done()
	sender.Run = o.Run
	pump := producers.Pump{Source: src, Sender: sender, Stop: stop}
	if progress != nil {
		pump.Progress = func(p producers.Progress) { progress(p.Truth.Total().Produced) }
	}
	truth, err := pump.Run(working)
	result := Result{Truth: truth, Took: time.Since(begin), Interrupted: ctx.Err() != nil}
	if err != nil {
		return result, fmt.Errorf("replay scenario %s: %w", s.ID, err)
	}
	return result, sender.Report(working, truth.Runs(producers.RunInfo{
		Run: o.Run, Kind: "replay", Start: begin, Detail: fmt.Sprintf("scenario %s, seed %d", s.ID, s.Seed),
	}))
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
