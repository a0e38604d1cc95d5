package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
)

// RollerConfig is what a Roller works with. DB is required.
type RollerConfig struct {
	DB     ledgerdb.DB
	Limits rollup.Limits
	// Log gets what the Roller survives. Default none.
	Log *zap.Logger
	// Hooks are called after the Roller's own.
	Hooks rollup.Hooks
}

// Roller recomputes and publishes the rollups of a namespace. Of several processes the one with the Lease works.
type Roller struct {
	worker *rollup.Worker
	log    *zap.Logger
	ranges atomic.Uint64
	rows   atomic.Uint64
	last   atomic.Pointer[error] // why the last step failed, or that no step has run; nil when it succeeded
}

// NewRoller returns a Roller that has not started.
func NewRoller(c RollerConfig) *Roller {
	r := &Roller{log: logger(c.Log)}
	starting := errors.New("starting: no rollup step has run yet")
	r.last.Store(&starting)
	r.worker = &rollup.Worker{DB: c.DB, Limits: c.Limits, Hooks: r.hooks(c.Hooks)}
	return r
}

// hooks record and log what the worker reports, and then call the caller's hooks.
func (r *Roller) hooks(then rollup.Hooks) rollup.Hooks {
	return rollup.Hooks{
		Step: func(p rollup.Progress) {
			r.last.Store(nil)
			if then.Step != nil {
				then.Step(p)
			}
		},
		Range: func(p rollup.Published) {
			r.ranges.Add(1)
			r.rows.Add(p.Rows)
			r.log.Debug("published", zap.String("rollup", p.Table), zap.Int32("from_minute", p.From), zap.Int32("to_minute", p.To),
				zap.Uint64("rows", p.Rows), zap.Bool("deduplicated", p.Deduplicated), zap.Duration("took", p.Took))
			if then.Range != nil {
				then.Range(p)
			}
		},
		Mismatch: func(x rollup.Mismatch) {
			r.log.Error("raw rows do not match the ledger; bucket not updated", zap.String("table", x.Table),
				zap.Time("minute", time.Unix(int64(x.Minute)*60, 0).UTC()), zap.Uint64("ledger_rows", x.LedgerRows), zap.Uint64("rows", x.Rows))
			if then.Mismatch != nil {
				then.Mismatch(x)
			}
		},
		Error: func(err error) {
			r.last.Store(&err)
			r.log.Warn("a rollup step failed and is repeated", zap.Error(err))
			if then.Error != nil {
				then.Error(err)
			}
		},
	}
}

// Ready returns why the last step failed, nil if it succeeded. A process that stands by is ready.
func (r *Roller) Ready() error {
	if err := r.last.Load(); err != nil {
		return *err
	}
	return nil
}

// Totals returns the number of ranges published and of raw rows aggregated so far.
func (r *Roller) Totals() (ranges, rows uint64) { return r.ranges.Load(), r.rows.Load() }

// Run works while this process holds the lease, until ctx ends; it then returns nil.
func (r *Roller) Run(ctx context.Context, lease Lease) error {
	defer telling(tellEvery, r.tell())()
	err := lease.During(ctx, func(ctx context.Context, held bool) error {
		if held {
			return r.worker.Run(ctx)
		}
		r.last.Store(nil)
		<-ctx.Done()
		return nil
	})
	if ctx.Err() != nil {
		return nil // The caller asked it to stop.
	}
	return err
}

// tell returns a function that logs what was rolled up since its last call, if anything was.
func (r *Roller) tell() func() {
	var lastRanges, lastRows uint64
	return func() {
		ranges, rows := r.Totals()
		if ranges == lastRanges {
			return
		}
		r.log.Info("rolling up", zap.Uint64("ranges", ranges-lastRanges), zap.Uint64("raw_rows", rows-lastRows), zap.Duration("in", tellEvery))
		lastRanges, lastRows = ranges, rows
	}
}

// RunAlone works without a lease until ctx ends: the caller knows that no other process recomputes the namespace.
func (r *Roller) RunAlone(ctx context.Context) error { return r.worker.Run(ctx) }

// UntilCaughtUp works without a lease until every accounted row is rolled up.
func (r *Roller) UntilCaughtUp(ctx context.Context) error { return r.worker.UntilCaughtUp(ctx) }
