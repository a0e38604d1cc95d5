// Package load offers a pipeline events at a rate and follows each of them until readers can see it.
//
//	Run: schedule -> synthetic.Generator -> producers.Pump -> the log; then the truth to runs.v1
//	Recorder: sent, acknowledged (hooks of pump and writer), stored, queryable (Cover, called by who polls the database)
//	Summarize: histograms, samples -> verdict.Judge -> Summary
//
// The loop is open: the schedule is fixed before the run and no answer moves it. Every latency counts from the moment
// at which the event was due, so a slow log or a stalled generator shows as latency and never as fewer measurements.
package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"tidemark/producers"
	"tidemark/producers/synthetic"
)

// Options say what to offer.
type Options struct {
	// Rate is in events per second. Required without a Plan.
	Rate float64
	// Plan says how the rate changes in the time that is measured; the warm-up has its first rate. Default: Rate all the time.
	Plan Plan
	// Arrival is how events are spread over time. Default Constant.
	Arrival Arrival
	// Workload is what events to make. Run, Live and Schedule are set here.
	Workload synthetic.Options
	// Run is the label of the run. Required.
	Run string
}

// Result is what a run has sent to the log.
type Result struct {
	Truth *producers.Truth // Never nil.
	// Unsent is about how many events were due that were not sent when the run had to end.
	Unsent uint64
	// Interrupted is true if the context ended the run; the truth is exact all the same.
	Interrupted bool
	// Aborted is why it ended it, if that was a CrossedError: then it is not Interrupted.
	Aborted string
}

// Validate returns why no event would be due in the time that is measured, nil if some would.
func (o Options) Validate(duration time.Duration) error {
	if len(o.Plan.Steps) == 0 {
		switch {
		case !(o.Rate > 0) || math.IsInf(o.Rate, 0):
			return fmt.Errorf("the rate is %v events/s: it has to be above 0", o.Rate)
		case o.Rate*duration.Seconds() < 1:
			return fmt.Errorf("at %v events/s no event is due within %s", o.Rate, duration)
		}
		return nil
	}
	if err := o.Plan.Validate(); err != nil {
		return err
	}
	if takes := o.Plan.Takes(); takes != duration {
		return fmt.Errorf("the plan takes %s and %s are measured", takes, duration)
	}
	if c := o.curve(0, duration); c.events(duration) < 1 {
		return fmt.Errorf("no event is due within the %s of the plan", duration)
	}
	return nil
}

// curve returns how many events are due when.
func (o Options) curve(warmup, duration time.Duration) *curve {
	plan := o.Plan
	if len(plan.Steps) == 0 {
		plan = Plan{Start: o.Rate, Steps: []Step{{duration, o.Rate}}}
	}
	return plan.curve(warmup)
}

// Mix returns which events there are: the name of a profile, or the share of each type.
func (o Options) Mix() string {
	if m := o.Workload.Mix; m != (synthetic.Mix{}) {
		return fmt.Sprintf("queries=%g,signups=%g,token_calls=%g,model_events=%g,reference_points=%g", m.Queries, m.Signups, m.TokenCalls, m.ModelEvents, m.ReferencePoints)
	}
	return o.Workload.Profile
}

// highest returns the highest rate.
func (o Options) highest() float64 {
	if len(o.Plan.Steps) == 0 {
		return o.Rate
	}
	return o.Plan.Highest()
}

// overtime is how long a run goes on to send what was due, as a share of its length.
const overtime = 0.1

// Run offers events for the warm-up and the duration of the recorder, and sends the truth about them to runs.v1. The
// log of the sender has to call Recorder.Acknowledged.
func Run(ctx context.Context, sender *producers.Sender, o Options, r *Recorder) (Result, error) {
	total := r.cfg.Warmup + r.cfg.Duration
	result := Result{Truth: &producers.Truth{}}
	if err := o.Validate(r.cfg.Duration); err != nil {
		return result, err
	}
	if o.Arrival == "" {
		o.Arrival = Constant
	}
	due, w := o.curve(r.cfg.Warmup, r.cfg.Duration), o.Workload
	w.Run, w.Live, w.Schedule = o.Run, true, schedule(o.Arrival, due, w.Seed)
	generator, err := synthetic.New(w)
	if err != nil {
		return result, err
	}
	events := &source{Source: generator, end: total}
	sender.Run = o.Run
	working, stop, done := producers.WithGrace(ctx, producers.DefaultGrace)
	defer done()
	pump := producers.Pump{
		Source: events, Sender: sender, Stop: stop, Duration: total + time.Duration(overtime*float64(total)) + time.Second,
		BatchItems: max(1, min(producers.DefaultBatchItems, int(o.highest()/4))),
		Hooks:      r.Hooks(),
	}
	began := time.Now()
	result.Truth, err = pump.Run(working)
	if crossed := (*CrossedError)(nil); errors.As(context.Cause(ctx), &crossed) {
		result.Aborted = crossed.Error()
	} else {
		result.Interrupted = ctx.Err() != nil
	}
	if err != nil {
		return result, fmt.Errorf("offer events: %w", err)
	}
	if !result.Interrupted && result.Aborted == "" {
		result.Unsent = events.unsent(result.Truth.Total().Produced, r.lastSent(), due)
	}
	r.reporting()
	err = sender.Report(working, result.Truth.Runs(producers.RunInfo{
		Run: o.Run, Kind: "load", Start: began,
		Detail: fmt.Sprintf("%s arrivals, %g events/s, warm-up %s, %s", o.Arrival, o.highest(), r.cfg.Warmup, r.cfg.Duration),
	}))
	if err == nil && result.Truth.Total().Produced == 0 && !result.Interrupted {
		err = errors.New("no event was due: raise --rate or --duration")
	}
	return result, err
}
