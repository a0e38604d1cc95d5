package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"tidemark/consumers/health"
)

// ingestFlags bound one ingest process.
type ingestFlags struct {
	Window    int64         `help:"Offsets a partition looks back for duplicates." default:"262144" placeholder:"OFFSETS" group:"Ingest"`
	BlockRows int           `help:"Rows of a block at the most." default:"65536" placeholder:"ROWS" group:"Ingest"`
	BlockAge  time.Duration `help:"Insert a partial block when its oldest record has waited this long." default:"1s" group:"Ingest"`
	Inserts   int           `help:"Blocks being inserted at a time, over all partitions; those of one table share inserts." default:"16" placeholder:"N" group:"Ingest"`
	Stall     time.Duration `help:"A partition with lag that has not moved for this long makes /readyz answer 503." default:"60s" group:"Ingest"`
}

func (f ingestFlags) validate() error {
	var errs []error
	if f.Window < 1 || f.Window > 1<<26 {
		errs = append(errs, fmt.Errorf("--window: %d is not between 1 and %d", f.Window, 1<<26))
	}
	if f.BlockRows < 1 || f.BlockRows > 1_000_000 {
		errs = append(errs, fmt.Errorf("--block-rows: %d is not between 1 and 1000000", f.BlockRows))
	}
	if f.BlockAge < time.Millisecond || f.BlockAge > time.Hour {
		errs = append(errs, fmt.Errorf("--block-age: %s is not between 1ms and 1h", f.BlockAge))
	}
	if f.Inserts < 1 || f.Inserts > 256 {
		errs = append(errs, fmt.Errorf("--inserts: %d is not between 1 and 256", f.Inserts))
	}
	if f.Stall < time.Second {
		errs = append(errs, fmt.Errorf("--stall: %s is less than 1s", f.Stall))
	}
	return errors.Join(errs...)
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
	m := newMetrics()
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
