package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tidemark/consumers/health"
	"tidemark/consumers/rollup"
	"tidemark/internal/app"
)

type rollupCmd struct {
	Follow  rollupFollowCmd  `cmd:"" default:"withargs" help:"Recompute the rollups whose buckets changed and publish them. 'tidemark rollup' alone does this."`
	Rebuild rollupRebuildCmd `cmd:"" help:"Recompute the rollups of a time range from raw rows, changed or not, while everything runs."`
}

// Help implements kong.HelpProvider.
func (rollupCmd) Help() string {
	return `Without a command Tidemark runs 'tidemark rollup follow'; 'tidemark rollup follow --help' lists its flags.`
}

type rollupFollowCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	opsFlags
	rollupFlags
	outputFlags
	UntilCaughtUp bool `help:"Stop with exit code 0 when every accounted row is rolled up. Does not wait while another rollup process works." group:"Rollup"`
}

// rollupFlags bound one rollup process.
type rollupFlags struct {
	Interval time.Duration `help:"Time between two reads of the ledger." default:"1s" group:"Rollup" range:"10ms..1h"`
	recomputeFlags
}

// recomputeFlags bound what one process takes to recompute.
type recomputeFlags struct {
	RollupThreads int `help:"Threads per recompute statement." default:"2" placeholder:"N" group:"Rollup" range:"1..256"`
}

func (f recomputeFlags) validate() error {
	return ranges(f)
}

func (f rollupFlags) validate() error {
	return errors.Join(ranges(f), f.recomputeFlags.validate())
}

// limits are those of the rollup worker.
func (f rollupFlags) limits() rollup.Limits {
	return rollup.Limits{Interval: f.Interval, Threads: f.RollupThreads}
}

// Help implements kong.HelpProvider.
func (rollupFollowCmd) Help() string {
	return `Tidemark follows the ledger, recomputes the buckets that changed from raw rows, and publishes each range of buckets at
once, so readers never see half a bucket. It replaces values and never adds to them: running it twice, or after a
replay, gives the same values. Of several processes one works at a time and the others stand by.`
}

// Example implements exampler.
func (rollupFollowCmd) Example() string {
	return "tidemark rollup --brokers kafka-1:9092 --clickhouse https://clickhouse:8443 --metrics-listen :9109"
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
	roller := app.NewRoller(app.RollerConfig{DB: db, Limits: c.limits(), Log: log, Hooks: m.rollup()})
	if c.UntilCaughtUp {
		return c.untilCaughtUp(ctx, s, roller, func() error { return c.checkSchema(ctx, db, log, true) })
	}
	if err := c.reach(ctx); err != nil {
		return err
	}
	stop, err := c.serve(ctx, m.registry, roller.Ready, log)
	if err != nil {
		return err
	}
	defer stop()
	if err := c.checkSchema(ctx, db, log, false); err != nil {
		return err
	}
	client, err := c.client(app.RollerClientID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return reporting(ctx, c.kafkaFlags, db, c.Namespace, log, health.Rollup, func(ctx context.Context) error {
		return roller.Run(ctx, app.Lease{Client: client, Namespace: c.Namespace, Log: log})
	})
}

func (c *rollupFollowCmd) untilCaughtUp(ctx context.Context, s Streams, roller *app.Roller, checkSchema func() error) error {
	if err := checkSchema(); err != nil {
		return err
	}
	started := time.Now()
	report := newProgress(s.Err)
	err := report.beside(ctx, func() {
		ranges, rows := roller.Totals()
		report.line("%s recomputed from %s", count(ranges, "range"), count(rows, "row"))
	}, roller.UntilCaughtUp)
	if err != nil {
		return err
	}
	ranges, rows := roller.Totals()
	if c.json() {
		return printJSON(s.Out, rolledUpJSON{ranges, rows, time.Since(started).Seconds()})
	}
	fmt.Fprintf(s.Out, "%s recomputed from %s in %s\n", count(ranges, "range"), count(rows, "row"), time.Since(started).Round(10*time.Millisecond))
	return nil
}
