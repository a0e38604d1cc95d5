package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/consumers/limit"
)

// Limits bound a worker's memory and its delays. The zero value of a field means its default.
type Limits struct {
	// Rows is the most rows in a block. Default 65,536.
	Rows int
	// Bytes closes a block when its columns and dead letters take that much memory; one record may exceed it. For tests.
	// Default 32 MiB.
	Bytes int
	// Age closes a block at the next whole multiple of Age (since year 1) after its first record was fetched. So the
	// blocks of many partitions close together, and a Store can join them in one insert: a database takes many small
	// inserts badly. A Source that blocks longer in one Fetch delays it by that. Default 1 s.
	Age time.Duration
	// Window is how many offsets back duplicates are recognized, and how far the first and the last record of a block
	// may be apart. At most MaxWindow. Default 262,144.
	Window int64
	// RetryMin and RetryMax bound the pause before an attempt is repeated. It doubles from the one to the other and
	// is shortened by up to a half at random. For tests. Default 100 ms and 10 s.
	RetryMin, RetryMax time.Duration
}

// MaxWindow is the greatest Limits.Window.
const MaxWindow = 1 << 22

// Step names a step of the worker, for hooks.
type Step string

// The steps of the worker, in order.
const (
	StepResume      Step = "resume"
	StepFetch       Step = "fetch"
	StepInsert      Step = "insert"
	StepDeadLetters Step = "dead letters"
	StepCommit      Step = "commit"
	StepAccount     Step = "account"
)

// Hooks tell what a worker does. A nil function is not called. The worker waits for each call, so a hook must be fast.
type Hooks struct {
	// Block is called for each ledger row after it became durable. The row may be kept, not changed.
	Block func(row ledger.Row)
	// Position is called after each fetch that the log answered: every offset before position is accounted for, the log
	// ends at highWatermark.
	Position func(p Partition, position, highWatermark int64)
	// Resend is called when a step failed and will be repeated.
	Resend func(p Partition, step Step, err error)
	// Refused is called for each row that the database refused.
	Refused func(p Partition, offset int64, err error)
	// Alarm is called when the worker stops with an error that needs a person.
	Alarm func(p Partition, err error)
}

// Worker stores one partition of the log. Its fields are set before Run and not changed after. A partition has one
// worker at a time; a worker that was replaced without noticing it does no harm.
type Worker struct {
	Partition   Partition
	Source      Source
	Store       Store
	DeadLetters DeadLetters
	Committer   Committer
	// Generation and Member name the owner of the partition. A later owner has a higher generation.
	Generation int64
	Member     string
	Limits     Limits
	Hooks      Hooks
	// UntilCaughtUp makes Run return nil when everything in the log is accounted for.
	UntilCaughtUp bool
	// Drain, when closed, makes Run store and account for the open block and return nil. Optional.
	Drain <-chan struct{}
}

// Run works until ctx ends (it returns the context's error and leaves the open block to the next worker), the
// generation is over (ErrFenced), the log ends before the position (ErrBeyondEnd), or, with nil, until Drain or
// UntilCaughtUp ends it. Any other failure of a step is tried again for as long as ctx lives: membership of the group,
// not an error of the database, decides who owns the partition. Run starts no goroutine.
func (w *Worker) Run(ctx context.Context) error {
	limits, err := w.Limits.withDefaults()
	if err != nil {
		return fmt.Errorf("limits of %v: %w", w.Partition, err)
	}
	s := newSession(w, limits)
	for {
		err := s.attempt(ctx)
		switch {
		case errors.Is(err, errResume):
			continue
		case errors.Is(err, errDrained):
			return nil
		case errors.Is(err, ErrBeyondEnd) && w.Hooks.Alarm != nil:
			w.Hooks.Alarm(w.Partition, err)
		}
		return err
	}
}

// Validate returns an error unless a worker can run within the limits.
func (l Limits) Validate() error {
	_, err := l.withDefaults()
	return err
}

// withDefaults returns the limits with defaults for what is 0.
func (l Limits) withDefaults() (Limits, error) {
	l.Rows = cmp.Or(l.Rows, 65536)
	l.Bytes = cmp.Or(l.Bytes, 32<<20)
	l.Age = cmp.Or(l.Age, time.Second)
	l.Window = cmp.Or(l.Window, 262144)
	l.RetryMin = cmp.Or(l.RetryMin, 100*time.Millisecond)
	l.RetryMax = cmp.Or(l.RetryMax, max(l.RetryMin, 10*time.Second))
	errs := []error{limit.NotNegative("limit Rows", l.Rows), limit.NotNegative("limit Bytes", l.Bytes),
		limit.NotNegative("limit Age", l.Age), limit.NotNegative("limit RetryMin", l.RetryMin)}
	if l.RetryMax < l.RetryMin {
		errs = append(errs, fmt.Errorf("limit RetryMax: %v is less than RetryMin, %v", l.RetryMax, l.RetryMin))
	}
	if l.Window < 1 || l.Window > MaxWindow {
		errs = append(errs, fmt.Errorf("limit Window: %d is not between 1 and %d offsets", l.Window, MaxWindow))
	}
	return l, errors.Join(errs...)
}
