package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"tidemark/producers"
	"tidemark/producers/load/verdict"
	"tidemark/producers/synthetic"
)

// Fill puts a number of events into the log as fast as it takes them, and the truth about them. The events happened
// within a span that ends now. The log of the sender has to call Recorder.Acknowledged.
func Fill(ctx context.Context, sender *producers.Sender, o Options, events uint64, span time.Duration, r *Recorder, progress func(producers.Progress)) (Result, error) {
	result := Result{Truth: &producers.Truth{}}
	began := time.Now()
	w := o.Workload
	w.Run, w.Live, w.Schedule, w.Events, w.Start, w.Span = o.Run, false, nil, int64(events), began.Add(-span), span
	generator, err := synthetic.New(w)
	if err != nil {
		return result, err
	}
	sender.Run = o.Run
	working, stop, done := producers.WithGrace(ctx, producers.DefaultGrace)
	defer done()
	hooks := r.Hooks()
	hooks.Sent = progress
	pump := producers.Pump{Source: generator, Sender: sender, Stop: stop, Hooks: hooks}
	result.Truth, err = pump.Run(working)
	result.Interrupted = ctx.Err() != nil
	if err != nil {
		return result, fmt.Errorf("fill the log: %w", err)
	}
	r.reporting()
	err = sender.Report(working, result.Truth.Runs(producers.RunInfo{
		Run: o.Run, Kind: "load", Start: began, Detail: fmt.Sprintf("backlog of %d events over %s", events, span),
	}))
	return result, err
}

// Reached returns how many events of how many have reached a stage, what is sent about the run included.
func (r *Recorder) Reached(s Stage) (reached, of uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[s], r.expected[s]
}

// StageDrain is how fast a backlog went through a stage. What is not known is absent.
type StageDrain struct {
	Stage string `json:"stage"`
	// Events are those that have to come through, Reached those that did.
	Events  uint64 `json:"events"`
	Reached uint64 `json:"reached_events"`
	// FirstS is when the first were seen, DoneS when the share was: both since the first event was seen.
	FirstS *float64 `json:"first_s,omitempty"`
	DoneS  *float64 `json:"done_s,omitempty"`
	// Rate is the mean between the two, without what was there at the first.
	Rate *float64 `json:"events_per_s,omitempty"`

	first, done   time.Duration // Since the first event was sent.
	atFirst, atOK uint64
}

// see takes note of how many events have reached the stage at a time.
func (d *StageDrain) see(reached, of uint64, ratio float64, at time.Duration) {
	d.Reached, d.Events = reached, of
	if reached > 0 && d.first == 0 {
		d.first, d.atFirst = at, reached
	}
	if d.done == 0 && float64(reached) >= math.Ceil(ratio*float64(of)) {
		d.done, d.atOK = at, reached
	}
}

// Drain measures how fast a backlog is stored and becomes queryable.
type Drain struct {
	Recorder *Recorder
	Ratio    float64 // The share of the events that has to come through.

	stages [numStages]StageDrain
}

// drained are the stages behind the log.
var drained = []Stage{Stored, Raw, Rollup}

// See takes note of how far the events are at a time since the first of them was sent, and returns how many passed of
// all stages together, and whether every event passed all of them.
func (d *Drain) See(at time.Duration) (passed uint64, whole bool) {
	whole = true
	for _, s := range drained {
		reached, of := d.Recorder.Reached(s)
		d.stages[s].see(reached, of, d.Ratio, at)
		passed, whole = passed+reached, whole && reached == of
	}
	return passed, whole
}

// Measured is the time between the first event and the share of them in the raw table, false if that is not known.
func (d *Drain) Measured() (from, to time.Duration, ok bool) {
	from, to = d.start(), d.stages[Raw].done
	return from, to, from > 0 && to > from
}

// start is when the first event was seen: in the ledger, or before that in the raw table.
func (d *Drain) start() time.Duration {
	stored, raw := d.stages[Stored].first, d.stages[Raw].first
	if raw > 0 && raw < stored {
		return raw
	}
	return stored
}

// Backlog is all that is known of the draining of a backlog.
type Backlog struct {
	SchemaVersion int       `json:"schema_version"`
	Run           string    `json:"run"`
	Namespace     string    `json:"namespace"`
	StartedAt     time.Time `json:"started_at"`
	Partial       bool      `json:"partial"`
	// Outcome is pass, fail (not everything came through), wrong (the audit found a difference) or interrupted.
	Outcome verdict.Outcome `json:"outcome"`
	Reason  string          `json:"reason"`
	Events  uint64          `json:"events"` // Of the backlog.
	SpanS   float64         `json:"span_s"` // In which they happened.
	Ratio   float64         `json:"drain_ratio"`
	// FillRate is how fast the log took them.
	FillRate  float64      `json:"fill_events_per_s"`
	Stages    []StageDrain `json:"stages"`
	Resources []Resource   `json:"resources"`
	// InsertShare is the share of the time that the busiest partition waited for inserts.
	InsertShare       *float64 `json:"insert_share,omitempty"`
	LogBytesPerEvent  *float64 `json:"log_bytes_per_event,omitempty"`
	DiskBytesPerEvent *float64 `json:"disk_bytes_per_event,omitempty"`
	Audit             string   `json:"audit"`
	Phases            []Phase  `json:"phases"`
	Notes             []string `json:"notes"`
	Series            []Sample `json:"series"`
}

// Passed reports whether the whole backlog came through, and nothing of it was lost.
func (b *Backlog) Passed() bool { return b.Outcome == verdict.Pass }

// SumUp judges a backlog that was drained, or was not. Of the ending, it takes what Summarize takes; Drained says whether
// all stages had everything.
func (d *Drain) SumUp(o Options, span, filling time.Duration, e Ending) Backlog {
	b := Backlog{
		SchemaVersion: summaryVersion, Run: o.Run, Namespace: e.Namespace, StartedAt: e.Started.UTC(), SpanS: span.Seconds(), Ratio: d.Ratio,
		Events: e.Result.Truth.Total().Produced, Audit: e.Audit, Phases: e.Phases, Notes: e.Notes, InsertShare: e.Inserts,
		LogBytesPerEvent: e.LogBytes, DiskBytesPerEvent: e.DiskBytes, Resources: []Resource{},
	}
	if filling > 0 {
		b.FillRate = float64(b.Events) / filling.Seconds()
	}
	start := d.start()
	for _, s := range drained {
		stage := d.stages[s]
		stage.Stage = s.String()
		if stage.first > 0 {
			stage.FirstS = since(stage.first, start)
		}
		if stage.done > 0 && start > 0 {
			stage.DoneS = since(stage.done, start)
		}
		if stage.first > 0 && stage.done > stage.first {
			rate := float64(stage.atOK-stage.atFirst) / (stage.done - stage.first).Seconds()
			stage.Rate = &rate
		}
		b.Stages = append(b.Stages, stage)
	}
	r := d.Recorder
	r.mu.Lock()
	defer r.mu.Unlock()
	if from, to, ok := d.Measured(); ok && b.Stages[1].Rate != nil {
		b.Resources = r.usage.resources(from, to, func(string) float64 { return *b.Stages[1].Rate })
	}
	b.Series = r.usage.withProcesses(r.series.samples)
	b.Outcome, b.Reason = d.judge(e)
	b.Partial = b.Outcome == verdict.Interrupted || e.Err != nil
	return b
}

func since(at, start time.Duration) *float64 {
	s := (at - start).Seconds()
	return &s
}

// judge decides: a backlog of which an event was lost is wrong, however fast it was.
func (d *Drain) judge(e Ending) (verdict.Outcome, string) {
	interrupted := e.Result.Interrupted
	switch {
	case e.Audited && !e.AuditOK, !e.Audited && !interrupted && e.Err == nil:
		return verdict.Wrong, "audit: " + e.Audit
	case interrupted:
		return verdict.Interrupted, "the run was ended before it was over"
	case e.Err != nil:
		return verdict.Fail, e.Err.Error()
	case !e.Drained:
		return verdict.Fail, errNotDrained.Error()
	}
	return verdict.Pass, ""
}

var errNotDrained = errors.New("not every event came through in time")
