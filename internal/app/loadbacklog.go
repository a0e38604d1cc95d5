package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"tidemark/internal/plural"
	"tidemark/producers"
	"tidemark/producers/load"
	"tidemark/schemas"
)

// Backlog says what to fill a log with while ingest stands still, and what has to be drained. All fields are required.
type Backlog struct {
	Events uint64
	// Ratio is the share of the events whose draining is timed, above 0 and at most 1: the last ones wait for blocks and
	// buckets to close.
	Ratio float64
	// Span is the time before now in which the events happened.
	Span time.Duration
	// Wait bounds the time until the first event is stored.
	Wait time.Duration
	// Filled is called when the log has the events: ingest may start.
	Filled func()
}

// Backlog fills the log, waits until somebody starts ingest, and measures how fast the events are stored and become
// queryable. Drain bounds the time in which no event gets further. The Recorder needs no warm-up and no SLO. The end of
// ctx and errors are as in Run.
func (l *Load) Backlog(ctx context.Context, b Backlog) (load.Backlog, error) {
	l.began = time.Now()
	l.enter("preflight")
	drain := &load.Drain{Recorder: l.Recorder, Ratio: b.Ratio}
	poller, waiting, err := l.preflightBacklog(ctx)
	switch {
	case ctx.Err() != nil:
		ending := l.unmade()
		return drain.SumUp(l.Options, b.Span, 0, ending), ending.Err
	case err != nil:
		return load.Backlog{}, err
	}
	poller.since = int32(l.began.Add(-b.Span).Unix()/60) - 1
	ending := load.Ending{Namespace: l.Namespace, Started: l.began, Poll: l.Poll, Notes: []string{}}
	if waiting > 0 {
		ending.Notes = append(ending.Notes, fmt.Sprintf("%s waited in the log before the run; ingest reads them first", plural.Of(waiting, "record")))
	}
	l.enter("fill")
	filling := time.Now()
	ending.Result, ending.Err = load.Fill(ctx, l.Sender, l.Options, b.Events, b.Span, l.Recorder, func(producers.Progress) {
		if l.Polled != nil {
			l.Polled()
		}
	})
	filled := time.Since(filling)
	if ending.Err == nil && !ending.Result.Interrupted {
		l.drainBacklog(ctx, b, poller, drain, &ending)
	}
	l.audit(ctx, &ending)
	l.enter("")
	ending.PollErrors, ending.Phases = poller.errors.Load(), l.phases
	return drain.SumUp(l.Options, b.Span, filled, ending), ending.Err
}

// preflightBacklog finds the topics and where they are, and how many records wait in them. Ingest may not run.
func (l *Load) preflightBacklog(ctx context.Context) (*loadPoller, int64, error) {
	if err := CheckSchema(ctx, l.DB); err != nil {
		return nil, 0, err
	}
	poller, waiting, err := l.locate(ctx)
	if err == nil {
		err = l.refuseIngest(ctx)
	}
	return poller, waiting, err
}

// refuseIngest returns an error if an ingest worker is at work: it would read what fills the log.
func (l *Load) refuseIngest(ctx context.Context) error {
	idle, err := l.idleRoles(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(idle, idleNote(schemas.RoleIngest)) {
		return errors.New("an ingest worker has reported within the last minute: stop ingest, fill the log, and start it when --backlog says so")
	}
	return nil
}

// drainBacklog waits until ingest runs and has read everything, and measures meanwhile.
func (l *Load) drainBacklog(ctx context.Context, b Backlog, poller *loadPoller, drain *load.Drain, e *load.Ending) {
	log := logger(l.Log)
	poller.failed = func(err error) {
		log.Warn("the database did not answer a poll; what it has meanwhile is measured when it answers", zap.Error(err))
	}
	probe := l.newProbe(ctx)
	var lacks []string
	probe.failed = func(err error) { lacks = append(lacks, "not all of the use of resources is known: "+err.Error()) }
	polling, stop := context.WithCancel(context.WithoutCancel(ctx))
	var asking sync.WaitGroup
	asking.Go(func() { poller.run(polling) })
	asking.Go(func() { probe.run(polling) })
	l.enter("wait for ingest")
	b.Filled()
	l.follow(ctx, b, drain, e)
	stop()
	asking.Wait()
	e.Notes = append(e.Notes, lacks...)
	if from, to, ok := drain.Measured(); ok && !e.Result.Interrupted {
		l.measureSizesOf(ctx, e, to-from, l.Recorder.Elapsed()-to)
	}
}

// follow returns when every event is queryable, when nothing has moved for too long, or when ctx ends.
func (l *Load) follow(ctx context.Context, b Backlog, drain *load.Drain, e *load.Ending) {
	ticker := time.NewTicker(l.Poll)
	defer ticker.Stop()
	var last uint64
	for moved := time.Now(); ; {
		passed, whole := drain.See(l.Recorder.Elapsed())
		if whole {
			e.Drained = true
			return
		}
		if passed > last {
			if last == 0 {
				l.enter("drain")
			}
			last, moved = passed, time.Now()
		}
		if limit := map[bool]time.Duration{true: b.Wait, false: l.Drain}[last == 0]; time.Since(moved) > limit {
			return
		}
		select {
		case <-ctx.Done():
			e.Result.Interrupted = true
			return
		case <-ticker.C:
		}
	}
}
