package producers

import (
	"context"
	"time"
)

// Pacer waits for moments given as durations from its start, so that delays do not add up: a caller that is late does
// not wait until it is on schedule again.
type Pacer struct {
	start time.Time
}

// StartPacer returns a Pacer that starts now.
func StartPacer() *Pacer { return &Pacer{start: time.Now()} }

// Elapsed returns the time since the start.
func (p *Pacer) Elapsed() time.Duration { return time.Since(p.start) }

// Wait returns nil when due has come, and at once if it is past. It returns early when stop is closed, with nil, or
// when ctx ends, with the cause.
func (p *Pacer) Wait(ctx context.Context, stop <-chan struct{}, due time.Duration) error {
	left := due - p.Elapsed()
	if left <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-stop:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
