package producers

import (
	"context"
	"errors"
	"io"
	"sort"
	"time"
)

// Source gives the items of a run.
type Source interface {
	// Next adds items to b until b.Full(limit), and returns io.EOF when there will be no more; items may come with it.
	// Any other error ends the run after the items added.
	Next(b *Batch, limit int) error
}

// Defaults of a Pump.
const (
	DefaultBatchItems = 16384
	DefaultInterval   = 10 * time.Millisecond
)

// Pump sends what a Source gives, in order and at the time that is due, one batch at a time. While a batch is on its way
// to the log the next one is made, so memory is bounded by two batches, and a slow log makes the source wait.
type Pump struct {
	Source Source
	Sender *Sender
	// BatchItems bounds the records of one call of the log. Default DefaultBatchItems.
	BatchItems int
	// Interval is how long an item that is due may wait for others to go with it. Default DefaultInterval.
	Interval time.Duration
	// Duration ends the run after that time, counted from the first items on. Default 0: when the source ends.
	Duration time.Duration
	// Stop ends the run when closed: what is on its way is waited for and counted. Default nil.
	Stop <-chan struct{}
	// Emit, if set, is called before every call of the log with the items about to go and the time since the start of the
	// run, never twice at a time. The items are only to be read, and only during the call. Default nil.
	Emit func(items []Item, at time.Duration)
	// Progress, if set, is called after every batch, never twice at a time. The Truth is only to be read, and only
	// during the call.
	Progress func(Progress)

	truth Truth
}

// Progress is how far a run is.
type Progress struct {
	Truth   *Truth
	Elapsed time.Duration
	Behind  time.Duration // How much later than due the last record was acknowledged; 0 without a pace.
}

// errStopped ends a run early without being a failure.
var errStopped = errors.New("stopped")

// Run sends until the source ends, the Duration is over or Stop is closed, and returns nil then. The Truth counts all
// that the log has acknowledged, with an error too, save what part of the last batch may be on the log in spite of it.
func (p *Pump) Run(ctx context.Context) (*Truth, error) {
	var (
		now, next = &Batch{}, &Batch{}
		limit     = p.BatchItems
	)
	if limit <= 0 {
		limit = DefaultBatchItems
	}
	sourceErr := p.Source.Next(now, limit)
	pacer := StartPacer() // A source may have to be read to its end before it knows what comes first.
	for {
		sent := make(chan error, 1) // Room for the one answer: the sender never waits for us.
		go func() { sent <- p.send(ctx, pacer, now.Items) }()
		endErr := sourceErr
		next.Reset()
		if sourceErr == nil {
			sourceErr = p.Source.Next(next, limit)
		}
		err := <-sent
		switch {
		case errors.Is(err, errStopped):
			return &p.truth, nil
		case err != nil:
			return &p.truth, err
		case errors.Is(endErr, io.EOF):
			return &p.truth, nil
		case endErr != nil:
			return &p.truth, endErr
		}
		now, next = next, now
	}
}

// send sends the items, each when it is due.
func (p *Pump) send(ctx context.Context, pacer *Pacer, items []Item) error {
	interval := p.Interval
	if interval <= 0 {
		interval = DefaultInterval
	}
	for len(items) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		elapsed := pacer.Elapsed()
		if p.stopped(elapsed) {
			return errStopped
		}
		n := sort.Search(len(items), func(i int) bool { return items[i].Due > elapsed })
		if n == 0 {
			until := items[0].Due.Truncate(interval) + interval
			if p.Duration > 0 {
				until = min(until, p.Duration)
			}
			if err := pacer.Wait(ctx, p.Stop, until); err != nil {
				return err
			}
			continue
		}
		if p.Emit != nil {
			p.Emit(items[:n], pacer.Elapsed())
		}
		if err := p.Sender.SendItems(ctx, items[:n]); err != nil {
			return err
		}
		p.truth.Add(items[:n])
		if p.Progress != nil {
			progress := Progress{Truth: &p.truth, Elapsed: pacer.Elapsed()}
			if due := items[n-1].Due; due > 0 {
				progress.Behind = progress.Elapsed - due
			}
			p.Progress(progress)
		}
		items = items[n:]
	}
	return nil
}

func (p *Pump) stopped(elapsed time.Duration) bool {
	if p.Duration > 0 && elapsed >= p.Duration {
		return true
	}
	select {
	case <-p.Stop:
		return true
	default:
		return false
	}
}
