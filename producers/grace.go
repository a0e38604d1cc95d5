package producers

import (
	"context"
	"errors"
	"time"
)

var errGraceOver = errors.New("stopped, and the log did not acknowledge the last batch in time")

// DefaultGrace is how long a run waits for the batch in flight when it is told to end.
const DefaultGrace = 15 * time.Second

// WithGrace returns what a Pump needs to end well when ctx ends: stop is closed then, and the context returned ends
// only after the grace, so that the log can still acknowledge the batch in flight and the Pump can count it. done ends
// the context and frees what it takes.
func WithGrace(ctx context.Context, grace time.Duration) (working context.Context, stop <-chan struct{}, done func()) {
	working, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stopping := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		close(stopping)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(errGraceOver)
		case <-working.Done():
		}
	})
	return working, stopping, func() {
		unhook()
		cancel(context.Canceled)
	}
}
