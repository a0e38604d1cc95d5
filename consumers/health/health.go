// Package health says who is at work and what the log holds, so that a pipeline that stands still is seen to stand still.
//
//	Reporter.Run -> Beat -> heartbeats
//	             -> Look -> Log (ends), ledger (positions) -> log_ends
//
// The ledger tells what was read. What nobody reads, because ingest was never started, has died or has lost a partition,
// stands in no row of it. So every worker that runs on reports itself, and any of them, whichever comes first, says what
// the brokers have. When all are gone the rows grow old, which readers look at.
package health

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/schemas"
)

// Log is the message log.
type Log interface {
	// Topic returns what the brokers list of a topic, named without namespace ("token_calls.v1"). A topic that does not
	// exist has no partitions; that is no error.
	Topic(ctx context.Context, topic string) (Topic, error)
}

// Topic is what the brokers say of a topic.
type Topic struct {
	ID         [16]byte       // Of this incarnation.
	Partitions map[int32]Ends // All that are listed.
}

// Ends are the first offset that the log still holds and the first one not yet written.
type Ends struct{ Start, End int64 }

// The roles of workers, as in the table heartbeats.
const (
	Ingest = "ingest"
	Rollup = "rollup"
	Audit  = "audit"
)

// DefaultEvery is the time between two reports. Panels and alerts take a worker for gone after a minute.
const DefaultEvery = 10 * time.Second

// Reporter reports for one process. Its fields are set before the first call and not changed. It is for one goroutine.
type Reporter struct {
	DB  ledgerdb.DB
	Log Log
	// Roles are what the process works as. At least one.
	Roles []string
	// Every is the time between two reports. 10 s.
	Every time.Duration
	// Error is called when reporting begins to fail, and not again before it has worked. Optional.
	Error func(error)

	worker  string
	started time.Time
	beats   uint64

	positions map[place]int64 // Of the ledger.
	read      int64           // Up to when the ledger was read, microseconds since 1970 by the database's clock; 0 for never.
}

// Run reports until ctx ends, and then that the worker stopped. It never fails: what cannot be reported shows as silence.
func (r *Reporter) Run(ctx context.Context) {
	every := r.Every
	if every <= 0 {
		every = DefaultEvery
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = r.Beat(last, true) // Else it looks as if it had died, which is as good as true.
			return
		case <-timer.C:
		}
		err := r.report(ctx, every)
		if err != nil && !failing && ctx.Err() == nil && r.Error != nil {
			r.Error(err)
		}
		failing = err != nil
		timer.Reset(every)
	}
}

func (r *Reporter) report(ctx context.Context, every time.Duration) error {
	// Short of the minute after which a worker counts as gone, whatever hangs.
	limited, cancel := context.WithTimeout(ctx, 2*every)
	defer cancel()
	if err := r.Beat(limited, false); err != nil {
		return err
	}
	return r.Look(limited, every*8/10)
}

// Beat says that the process is at work, or with stopped that it ends.
func (r *Reporter) Beat(ctx context.Context, stopped bool) error {
	if r.worker == "" {
		var id [8]byte
		_, _ = rand.Read(id[:]) // It never fails.
		r.worker, r.started = hex.EncodeToString(id[:]), time.Now()
	}
	r.beats++
	var rows []string
	for _, role := range r.Roles {
		rows = append(rows, fmt.Sprintf("(%s, %s, %d, now64(6) - toIntervalMillisecond(%d), %t)",
			schemas.Quote(role), schemas.Quote(r.worker), r.beats, time.Since(r.started).Milliseconds(), stopped))
	}
	if err := r.DB.Exec(ctx, "INSERT INTO heartbeats (role, worker, beat, started_at, stopped) VALUES "+strings.Join(rows, ", ")); err != nil {
		return fmt.Errorf("write the heartbeat: %w", err)
	}
	return nil
}
