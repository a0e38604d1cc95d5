package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/health"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/namespaces"
	"tidemark/consumers/rollup"
	"tidemark/schemas"
)

type rollupCmd struct {
	Follow  rollupFollowCmd  `cmd:"" default:"withargs" help:"Recompute the rollups whose buckets changed and publish them. 'tidemark rollup' alone does this."`
	Rebuild rollupRebuildCmd `cmd:"" help:"Recompute the rollups of a time from raw, changed or not, while everything runs."`
}

// Help is the long text of "tidemark rollup --help".
func (rollupCmd) Help() string {
	return `Without a command it follows the ledger: 'tidemark rollup --until-caught-up' is 'tidemark rollup follow
--until-caught-up', whose help lists the flags.`
}

type rollupFollowCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	opsFlags
	rollupFlags
	UntilCaughtUp bool `help:"Stop with exit code 0 when every accounted row is rolled up; takes no lease." group:"Rollup"`
}

// rollupFlags bound one rollup process.
type rollupFlags struct {
	Interval time.Duration `help:"Time between two looks at the ledger." default:"1s" group:"Rollup" range:"10ms..1h"`
	recomputeFlags
}

// recomputeFlags bound what one process takes to recompute.
type recomputeFlags struct {
	RollupThreads int `help:"Threads of one recompute statement." default:"2" placeholder:"N" group:"Rollup" range:"1..256"`
}

func (f recomputeFlags) validate() error {
	return ranges(f)
}

func (f rollupFlags) validate() error {
	return errors.Join(ranges(f), f.recomputeFlags.validate())
}

// Help is the long text of "tidemark rollup follow --help".
func (rollupFollowCmd) Help() string {
	return `Buckets that the ledger says have changed are recomputed from the raw rows and published at once, so readers never
see half a bucket. Rollups are never added to: running it twice, or after a replay, gives the same values. Of several
processes one works at a time; the others stand by.`
}

// Run rolls up until a signal, or until caught up.
func (c *rollupFollowCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.opsFlags.validate(), c.rollupFlags.validate()); err != nil {
		return err
	}
	log := c.logger(s)
	m := newMetrics(c.Namespace)
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	roller := newRoller(db, c.rollupFlags, m, log)
	if c.UntilCaughtUp {
		if err := checkSchema(ctx, db, c.Namespace); err != nil {
			return err
		}
		started := time.Now()
		if err := roller.worker.UntilCaughtUp(ctx); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s ranges recomputed from %s rows in %s\n", number(roller.ranges.Load()), number(roller.rows.Load()), time.Since(started).Round(10*time.Millisecond))
		return nil
	}
	if err := c.reach(ctx); err != nil {
		return err
	}
	stop, err := c.serve(ctx, m.registry, roller.ready, log)
	if err != nil {
		return err
	}
	defer stop()
	if err := waitForSchema(ctx, db, c.Namespace, log); err != nil {
		return err
	}
	return working(ctx, c.kafkaFlags, db, c.Namespace, log, health.Rollup, func(ctx context.Context) error {
		return roller.run(ctx, c.kafkaFlags, c.Namespace)
	})
}

// roller runs the rollup worker and remembers how it does.
type roller struct {
	worker *rollup.Worker
	log    *zap.Logger
	ranges atomic.Uint64
	rows   atomic.Uint64
	last   atomic.Pointer[error] // of the last step, or that none has run; nil when it went well
}

func newRoller(db ledgerdb.DB, flags rollupFlags, m *metrics, log *zap.Logger) *roller {
	r := &roller{log: log}
	starting := errors.New("starting: no step has run yet")
	r.last.Store(&starting)
	r.worker = &rollup.Worker{DB: db, Limits: rollup.Limits{Interval: flags.Interval, Threads: flags.RollupThreads}, Hooks: rollup.Hooks{
		Step: func(p rollup.Progress) {
			m.rollupSeconds.Observe(p.Took.Seconds())
			m.rollupDeferred.Set(float64(p.Deferred))
			r.last.Store(nil)
		},
		Range: func(p rollup.Published) {
			m.rollupRanges.WithLabelValues(p.Table).Inc()
			m.rollupRows.WithLabelValues(p.Table).Add(float64(p.Rows))
			r.ranges.Add(1)
			r.rows.Add(p.Rows)
			log.Debug("published", zap.String("rollup", p.Table), zap.Int32("from_minute", p.From), zap.Int32("to_minute", p.To), zap.Uint64("rows", p.Rows), zap.Bool("deduplicated", p.Deduplicated), zap.Duration("took", p.Took))
		},
		Mismatch: func(x rollup.Mismatch) {
			m.rollupMismatches.Inc()
			log.Error("raw is not what the ledger says; the bucket stays as it was", zap.String("table", x.Table), zap.Time("minute", time.Unix(int64(x.Minute)*60, 0).UTC()),
				zap.Uint64("ledger_rows", x.LedgerRows), zap.Uint64("rows", x.Rows))
		},
		Error: func(err error) {
			r.last.Store(&err)
			log.Warn("repeating a rollup step after an error", zap.Error(err))
		},
	}}
	return r
}

// ready says why the last step failed, nil when it did not. A process that stands by is ready.
func (r *roller) ready() error {
	if err := r.last.Load(); err != nil {
		return *err
	}
	return nil
}

// run works while this process holds the lease.
func (r *roller) run(ctx context.Context, k kafkaFlags, namespace string) error {
	err := withLease(ctx, k, namespace, leaseClient, r.log, func(ctx context.Context, held bool) error {
		if held {
			return r.worker.Run(ctx)
		}
		r.last.Store(nil)
		<-ctx.Done()
		return nil
	})
	if ctx.Err() != nil {
		return nil //nolint:nilerr // It was asked to stop.
	}
	return err
}

// Members of the group are put in order by their ids, which begin with the client's, and the first one holds the lease.
// A rebuild comes after the digit or letter up to f that follows in a worker's: it does not take the lease of a worker.
const (
	leaseClient        = "tidemark-rollup"
	leaseClientRebuild = leaseClient + "-rebuild"
)

// withLease is a member of the rollup's group until ctx ends or work returns an error. Of all members one holds the lease,
// the right to recompute: the one with the first partition of the runs topic. work is called anew each time that may have
// changed, with a context that ends when it may change again.
func withLease(ctx context.Context, k kafkaFlags, namespace, clientID string, log *zap.Logger, work func(ctx context.Context, held bool) error) (err error) {
	client, err := k.client(clientID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	topic := schemas.TopicName(namespace, schemas.SpecOf(schemas.RunType).Topic)
	group := consumerkafka.GroupConfig{Group: namespaces.RollupGroup(namespace), Topics: []string{topic}, Hooks: consumerkafka.GroupHooks{Error: func(err error) {
		log.Warn("join the rollup group", zap.Error(err))
	}}}
	return client.Consume(ctx, group, func(ctx context.Context, g consumerkafka.Generation) error {
		held := slices.Contains(g.Assigned[topic], 0)
		if held {
			log.Info("holding the lease", zap.Int32("generation", g.ID))
		} else {
			log.Info("standing by", zap.Int32("generation", g.ID))
		}
		return work(ctx, held)
	})
}
