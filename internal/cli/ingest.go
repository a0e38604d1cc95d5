package cli

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"tidemark/consumers/health"
	"tidemark/consumers/ingest"
)

// ingestFlags bound one ingest process.
type ingestFlags struct {
	Window    int64         `help:"Offsets a partition looks back for duplicates." default:"262144" placeholder:"OFFSETS" group:"Ingest" range:"1..4194304"`
	BlockRows int           `help:"Rows of a block at the most." default:"65536" placeholder:"ROWS" group:"Ingest" range:"1..1000000"`
	BlockAge  time.Duration `help:"Insert a partial block when its oldest record has waited this long." default:"1s" group:"Ingest" range:"1ms..1h"`
	Stall     time.Duration `help:"A partition with lag that has not moved for this long makes /readyz answer 503." default:"60s" group:"Ingest" range:"1s..24h"`
}

// limits are those of each partition's worker.
func (f ingestFlags) limits() ingest.Limits {
	return ingest.Limits{Rows: f.BlockRows, Age: f.BlockAge, Window: f.Window}
}

func (f ingestFlags) validate() error {
	if err := ranges(f); err != nil { // It names the flags.
		return err
	}
	return f.limits().Validate()
}

type ingestCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	opsFlags
	ingestFlags
	UntilCaughtUp bool `help:"Stop with exit code 0 when every partition is drained." group:"Ingest"`
}

// Help is the long text of `tidemark ingest --help`.
func (ingestCmd) Help() string {
	return `Every offset of every partition ends up stored, a recorded duplicate or conflict, dead-lettered, or a
recorded gap; the table "ledger" says which. Run as many processes as there are partitions: they share
them as one consumer group named after the namespace. Killed at any moment and started again it goes on
where the ledger ends.`
}

func (c *ingestCmd) validate() error {
	return invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.opsFlags.validate(), c.ingestFlags.validate())
}

// Run ingests until a signal, or until drained.
func (c *ingestCmd) Run(ctx context.Context, s Streams) error {
	if err := c.validate(); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		// Blocks and windows are kept and reused, so there is little garbage, and a lower ceiling costs next to nothing.
		debug.SetGCPercent(50)
	}
	if err := c.reach(ctx); err != nil {
		return err
	}
	log := c.logger(s)
	m := newMetrics(c.Namespace)
	in, err := newIngester(c.commonFlags, c.kafkaFlags, c.clickhouseFlags, c.ingestFlags, m, log)
	if err != nil {
		return err
	}
	defer in.close()
	stop, err := c.serve(ctx, m.registry, func() error { return in.progress.ready(time.Now()) }, log)
	if err != nil {
		return err
	}
	defer stop()
	if err := waitForSchema(ctx, in.db, c.Namespace, log); err != nil {
		return err
	}
	started := time.Now()
	run := func(ctx context.Context) error { return in.run(ctx, c.UntilCaughtUp) }
	if c.UntilCaughtUp {
		err = run(ctx)
	} else {
		err = working(ctx, c.kafkaFlags, in.db, c.Namespace, log, health.Ingest, run)
	}
	if err != nil {
		return err
	}
	in.summary(s, time.Since(started))
	return nil
}
