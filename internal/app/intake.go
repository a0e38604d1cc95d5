package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"tidemark/producers"
	"tidemark/producers/collector"
)

const (
	// intakeEvery is how often a collector looks whether a minute is over.
	intakeEvery = time.Second
	// intakeRows bounds the rows of one report, and intakePatience the time that it takes.
	intakeRows     = 1000
	intakePatience = 5 * time.Second
)

// intakeReports tell the log what a collector received, minute by minute.
type intakeReports struct {
	intake   *collector.Intake
	sender   *producers.Sender
	failures *zap.Logger
}

// run reports until ctx ends.
func (r *intakeReports) run(ctx context.Context) {
	tick := time.NewTicker(intakeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C: // After a long report the tick is old.
			if err := r.report(ctx, time.Now(), false); err != nil && ctx.Err() == nil {
				r.failures.Warn("cannot report what the collector received; it is tried again", zap.Error(err))
			}
		case <-ctx.Done():
			return
		}
	}
}

// report sends the rows of the minutes that are over, or all of them.
func (r *intakeReports) report(ctx context.Context, now time.Time, all bool) error {
	ctx, cancel := context.WithTimeout(ctx, intakePatience)
	defer cancel()
	for due := r.intake.Due(now, all); len(due) > 0; {
		part := due[:min(len(due), intakeRows)]
		good, bad := sortOut(part)
		if bad != nil { // No row is invalid; if one were, it would hold up all others for ever.
			r.failures.Error("rows of what the collector received cannot be reported", zap.Int("rows", len(part)-len(good)), zap.Error(bad))
		}
		if err := r.sender.Report(ctx, good); err != nil {
			return fmt.Errorf("report what the collector received: %w", err)
		}
		r.intake.Reported(len(part))
		due = due[len(part):]
	}
	return nil
}

// both counts what a collector does in its intake and for somebody else.
type both struct {
	intake *collector.Intake
	other  collector.Counters // May be nil.
}

// Answered implements collector.Counters.
func (b both) Answered(r collector.Report) {
	b.intake.Answered(r)
	if b.other != nil {
		b.other.Answered(r)
	}
}
