// Package health reports which workers run and what the log holds, so that dashboards and alerts notice a pipeline that
// stands still.
//
//	Reporter.Run -> Beat     -> heartbeats
//	             -> PollEnds -> Log (ends), ledger (positions) -> log_ends
//
// The ledger has only what ingest read. If ingest was never started, died or lost a partition, no row of the ledger
// says so. Therefore every long-running worker reports itself, and the first of them to find log_ends too old reports
// what the brokers have. When all workers are gone the rows grow old, and readers check their age.
package health

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/limit"
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
	ID         schemas.TopicID           // The id of this incarnation.
	Partitions map[int32]schemas.Offsets // By id.
}

// The roles of workers, as in the table heartbeats.
const (
	Ingest = schemas.RoleIngest
	Rollup = schemas.RoleRollup
	Audit  = schemas.RoleAudit
)

// defaultEvery is the default time between two reports. Panels and alerts count a worker as gone after a minute.
const defaultEvery = 10 * time.Second

// Reporter reports for one process. Its fields are set before the first call and not changed. It is for one goroutine.
type Reporter struct {
	DB  ledgerdb.DB
	Log Log
	// Roles are the roles of the process, at least one.
	Roles []string
	// Every is the time between two reports. It may not be negative. Default 10 s.
	Every time.Duration
	// Usage returns the CPU time of the process since it began and the bytes of its memory now, 0 for what is not known.
	// Default: not known.
	Usage func() (cpu time.Duration, resident uint64)
	Hooks Hooks

	worker  string
	started time.Time
	beats   uint64

	positions map[partition]int64 // Of the ledger.
	read      int64               // When the ledger was read last, microseconds since 1970 by the database's clock; 0 for never.
}

// Hooks are called by the reporter, on its goroutine. Nil functions are not called.
type Hooks struct {
	// Error is called when reporting begins to fail, and not again before a report has succeeded.
	Error func(error)
}

// Run reports until ctx ends, and then that the worker stopped. It returns no error: readers see a report that fails as
// a report that is missing.
func (r *Reporter) Run(ctx context.Context) {
	every := cmp.Or(r.Every, defaultEvery)
	if err := limit.NotNegative("Every", every); err != nil {
		if r.Hooks.Error != nil {
			r.Hooks.Error(fmt.Errorf("limits of the reports: %w", err))
		}
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = r.Beat(last, true) // If it fails, the worker counts as gone after a minute.
			return
		case <-timer.C:
		}
		err := r.report(ctx, every)
		if err != nil && !failing && ctx.Err() == nil && r.Hooks.Error != nil {
			r.Hooks.Error(err)
		}
		failing = err != nil
		timer.Reset(every)
	}
}

func (r *Reporter) report(ctx context.Context, every time.Duration) error {
	// Below the minute after which a worker counts as gone, even if the database or a broker hangs.
	limited, cancel := context.WithTimeout(ctx, 2*every)
	defer cancel()
	if err := r.Beat(limited, false); err != nil {
		return err
	}
	return r.PollEnds(limited, every*8/10)
}

// Beat reports that the process runs, or with stopped that it ends.
func (r *Reporter) Beat(ctx context.Context, stopped bool) error {
	if r.worker == "" {
		var id [8]byte
		_, _ = rand.Read(id[:]) // It never fails.
		r.worker, r.started = hex.EncodeToString(id[:]), time.Now()
	}
	r.beats++
	var cpu time.Duration
	var resident uint64
	if r.Usage != nil {
		cpu, resident = r.Usage()
	}
	var rows []string
	for _, role := range r.Roles {
		rows = append(rows, fmt.Sprintf("(%s, %s, %d, now64(6) - toIntervalMillisecond(%d), %t, %d, %d)",
			schemas.Quote(role), schemas.Quote(r.worker), r.beats, time.Since(r.started).Milliseconds(), stopped, cpu.Microseconds(), resident))
	}
	if err := r.DB.Exec(ctx, "INSERT INTO "+schemas.HeartbeatsTable+" (role, worker, beat, started_at, stopped, cpu_us, resident_bytes) VALUES "+strings.Join(rows, ", ")); err != nil {
		return fmt.Errorf("write the heartbeat: %w", err)
	}
	return nil
}
