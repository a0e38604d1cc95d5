package synthetic

import (
	"context"
	"fmt"
	"time"

	"tidemark/producers"
)

// Summary is what a run has sent to the log.
type Summary struct {
	Truth *producers.Truth // Never nil.
	Took  time.Duration
	// Interrupted is true if the context ended the run; the truth is exact all the same.
	Interrupted bool
}

// Progress is how far a run is.
type Progress struct {
	Sent   uint64           // Records acknowledged.
	Rate   float64          // Records per second on average.
	Behind time.Duration    // Behind the pace; 0 without one.
	Truth  *producers.Truth // To be read during the call only.
}

// Run makes the workload and sends it to the log, at a rate in records per second or, if that is 0, as fast as the log
// takes it. It ends when the events are made, the duration is over (0: no limit) or ctx ends, none of which is an
// error: Run waits for the batch in flight and sends the truth to runs.v1. After an error it sends no truth, and part
// of the last batch may be on the log beyond the truth in the Summary.
func Run(ctx context.Context, sender *producers.Sender, o Options, rate float64, duration time.Duration, progress func(Progress)) (Summary, error) {
	o.rate = rate
	g, err := New(o)
	if err != nil {
		return Summary{Truth: &producers.Truth{}}, err
	}
	sender.Run = o.Run
	working, stop, done := producers.WithGrace(ctx, producers.DefaultGrace)
	defer done()
	pump := producers.Pump{Source: g, Sender: sender, Duration: duration, Stop: stop}
	if rate > 0 {
		pump.BatchItems = max(1, min(producers.DefaultBatchItems, int(rate/4))) // Live times are made a batch ahead.
	}
	if progress != nil {
		pump.Hooks.Sent = func(p producers.Progress) {
			sent := p.Truth.Total().Produced
			progress(Progress{Sent: sent, Rate: float64(sent) / max(p.Elapsed.Seconds(), 1e-6), Behind: p.Behind, Truth: p.Truth})
		}
	}
	begin := time.Now()
	truth, err := pump.Run(working)
	summary := Summary{Truth: truth, Took: time.Since(begin), Interrupted: ctx.Err() != nil}
	if err != nil {
		return summary, fmt.Errorf("generate: %w", err)
	}
	started := begin
	if !o.Live {
		started = o.Start // So that a second run under the same label is the same message.
	}
	return summary, sender.Report(working, truth.Runs(producers.RunInfo{
		Run: o.Run, Kind: "generate", Start: started, Detail: g.options.detail(rate),
	}))
}

// detail describes the workload for people.
func (o Options) detail(rate float64) string {
	pace := "as fast as possible"
	if rate > 0 {
		pace = fmt.Sprintf("%g records/s", rate)
	}
	return fmt.Sprintf("seed %d, profile %s, %s, %d tenants, window %d, %d partitions; shares: duplicates %g, far %g, conflicts %g, "+
		"late %g, out of order %g, poison %g", o.Seed, o.Profile, pace, o.Tenants, o.Window, o.Partitions,
		o.Duplicates, o.FarDuplicates, o.Conflicts, o.Late, o.OutOfOrder, o.Poison)
}
