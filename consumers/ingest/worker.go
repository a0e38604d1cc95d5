package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"tidemark/consumers/ledger"
	usagev1 "tidemark/schemas/usage/v1"
)

// Limits bound a worker's memory and its delays. The zero value of a field means its default.
type Limits struct {
	// Rows is the most rows in a block. 65536.
	Rows int
	// Bytes closes a block when its columns and dead letters take that much memory; one record may exceed it.
	// 32 MiB.
	Bytes int
	// Age closes a block at the next whole multiple of Age (since year 1) after its first record was fetched. So the
	// blocks of many partitions close together, and a Store can join them in one insert: a database takes many small
	// inserts badly. A Source that blocks longer in one Fetch delays it by that. 1 s.
	Age time.Duration
	// Window is the number of offsets within which duplicates are recognized, at most MaxWindow. The offsets of a
	// block's records are never further apart than that. 262144.
	Window int64
	// InFlight is the number of blocks of the partition at work at once: 1, or 2 to build a block while the one
	// before is being stored. 1.
	InFlight int
	// RetryMin and RetryMax bound the pause before an attempt is repeated. It doubles from the one to the other and
	// is shortened by up to a half at random. 100 ms and 10 s.
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

// Hooks tell what a worker does. A nil function is not called. The worker waits for a hook, so it must be fast. With
// two blocks in flight two goroutines call them.
type Hooks struct {
	// Resumed is called when the worker knows where to begin.
	Resumed func(p Partition, position int64, ahead int)
	// Fetched is called after each fetch that brought records.
	Fetched func(p Partition, records int, bytes int)
	// Block is called for each ledger row after it became durable. The row may be kept, not changed.
	Block func(row ledger.Row)
	// Position is called after each fetch and each block: position is accounted for, the log ends at highWatermark.
	Position func(p Partition, position, highWatermark int64)
	// CaughtUp is called when the position has reached the end of the log, each time after it had not.
	CaughtUp func(p Partition)
	// Resend is called when a step failed and will be repeated.
	Resend func(p Partition, step Step, err error)
	// Refused is called for each row that the database refused.
	Refused func(p Partition, offset int64, err error)
	// DeadLetter is called for each dead letter after it became durable. It must not be changed.
	DeadLetter func(letter *usagev1.DeadLetter)
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
	// UntilCaughtUp makes Run return nil once everything in the log is accounted for.
	UntilCaughtUp bool
	// Drain, when closed, makes Run finish and account for the block at hand and return nil. Optional.
	Drain <-chan struct{}
	// Slots bounds the inserts at work at once over all workers that share it: its capacity. Optional.
	Slots chan struct{}
}

// Run works until ctx ends (it returns the context's error and leaves the blocks at hand to the next worker), the
// generation is over (ErrFenced), the log ends before the position (ErrBeyondEnd), or, with nil, as Drain and
// UntilCaughtUp say. Any other failure of a step is tried again for as long as ctx lives: membership of the group, not
// an error of the database, decides who owns the partition. All goroutines have ended when Run returns.
func (w *Worker) Run(ctx context.Context) error {
	limits, err := w.Limits.withDefaults()
	if err != nil {
		return fmt.Errorf("limits of %v: %w", w.Partition, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := newSession(w, limits)
	defer s.wait()
	defer cancel()
	err = s.run(ctx)
	if errors.Is(err, errDrained) {
		return nil
	}
	if errors.Is(err, ErrBeyondEnd) && w.Hooks.Alarm != nil {
		w.Hooks.Alarm(w.Partition, err)
	}
	return err
}

// withDefaults returns the limits with defaults for what is 0.
func (l Limits) withDefaults() (Limits, error) {
	l.Rows = cmp.Or(l.Rows, 65536)
	l.Bytes = cmp.Or(l.Bytes, 32<<20)
	l.Age = cmp.Or(l.Age, time.Second)
	l.Window = cmp.Or(l.Window, 262144)
	l.InFlight = cmp.Or(l.InFlight, 1)
	l.RetryMin = cmp.Or(l.RetryMin, 100*time.Millisecond)
	l.RetryMax = cmp.Or(l.RetryMax, max(l.RetryMin, 10*time.Second))
	if l.Rows < 1 || l.Bytes < 1 || l.Age < 0 || l.RetryMin < 0 || l.RetryMax < l.RetryMin {
		return l, errors.New("rows, bytes, age and pauses must be positive, RetryMax not below RetryMin")
	}
	if l.Window < 1 || l.Window > MaxWindow {
		return l, fmt.Errorf("window %d is not between 1 and %d offsets", l.Window, MaxWindow)
	}
	if l.InFlight < 1 || l.InFlight > 2 {
		return l, fmt.Errorf("%d blocks in flight, can be 1 or 2", l.InFlight)
	}
	return l, nil
}
