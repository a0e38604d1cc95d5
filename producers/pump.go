package producers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"
)

// Source gives the items of a run.
type Source interface {
	// Next adds items to b until b.Full(limit). It returns io.EOF with the last items or after them. Any other error
	// ends the run after the items added.
	Next(b *Batch, limit int) error
}

// Defaults of a Pump.
const (
	DefaultBatchItems = 16384
	DefaultInterval   = 10 * time.Millisecond
)

// Pump sends the items of a Source in order, each when it is due, one batch at a time. While the log stores a batch,
// the source makes the next one, so two batches bound the memory, and a slow log makes the source wait.
type Pump struct {
	Source Source
	Sender *Sender
	// BatchItems is the most records of one call of the log. Default 16,384.
	BatchItems int
	// Interval is how long an item that is due may wait for others to go with it. Default 10 ms.
	Interval time.Duration
	// Duration ends the run after that time, counted from the first items. Default 0: the run ends when the source
	// does.
	Duration time.Duration
	// Stop ends the run when it is closed; the Pump waits for the batch in flight and counts it. Default nil.
	Stop <-chan struct{}
	// Hooks are called during the run. Default none.
	Hooks Hooks

	truth Truth
}

// Hooks are functions that a Pump calls, never two at a time. Each may be nil. They may read what they are given during
// the call only.
type Hooks struct {
	// Sending is called before each call of the log with the items about to go and the time since the start of the run.
	Sending func(items []Item, at time.Duration)
	// Sent is called when the log has acknowledged items.
	Sent func(Progress)
}

// withDefaults returns the pump with its defaults filled in; an error if a number is negative.
func (p Pump) withDefaults() (Pump, error) {
	if p.BatchItems < 0 || p.Interval < 0 || p.Duration < 0 {
		return p, fmt.Errorf("pump: batch of %d items, interval of %s and duration of %s: none may be negative", p.BatchItems, p.Interval, p.Duration)
	}
	p.BatchItems = cmp.Or(p.BatchItems, DefaultBatchItems)
	p.Interval = cmp.Or(p.Interval, DefaultInterval)
	return p, nil
}

// Progress is how far a run is.
type Progress struct {
	Truth   *Truth
	Elapsed time.Duration
	Behind  time.Duration // How much later than due the log acknowledged the last record; 0 without a pace.
}

// errStopped ends a run early without being a failure.
var errStopped = errors.New("stopped")

// Run sends until the source ends, the Duration is over or Stop is closed, and returns nil then. The Truth is never
// nil. It counts all that the log has acknowledged; after an error of the log, part of the last batch may be on the log
// beyond that.
func (p Pump) Run(ctx context.Context) (*Truth, error) {
	p, err := p.withDefaults()
	if err != nil {
		return &p.truth, err
	}
	now, next, limit := &Batch{}, &Batch{}, p.BatchItems
	sourceErr := p.Source.Next(now, limit)
	pacer := StartPacer() // Not before: a source may have to read all of its input to find its first item.
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

// send sends each item when it is due.
func (p *Pump) send(ctx context.Context, pacer *Pacer, items []Item) error {
	for len(items) > 0 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		elapsed := pacer.Elapsed()
		if p.stopped(elapsed) {
			return errStopped
		}
		n := sort.Search(len(items), func(i int) bool { return items[i].Due > elapsed })
		// What is due waits for what is due soon, or a log that answers at once would get batches of a few items each.
		if until := items[0].Due.Truncate(p.Interval) + p.Interval; n < len(items) && elapsed < until {
			if p.Duration > 0 {
				until = min(until, p.Duration)
			}
			if err := pacer.Wait(ctx, p.Stop, until); err != nil {
				return err
			}
			continue
		}
		if p.Hooks.Sending != nil {
			p.Hooks.Sending(items[:n], pacer.Elapsed())
		}
		if err := p.Sender.SendItems(ctx, items[:n]); err != nil {
			return err
		}
		p.truth.Add(items[:n])
		if p.Hooks.Sent != nil {
			progress := Progress{Truth: &p.truth, Elapsed: pacer.Elapsed()}
			if due := items[n-1].Due; due > 0 {
				progress.Behind = progress.Elapsed - due
			}
			p.Hooks.Sent(progress)
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
