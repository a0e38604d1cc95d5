package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/health"
	"tidemark/consumers/ingest"
	"tidemark/internal/app"
)

// ingestFlags bound one ingest process.
type ingestFlags struct {
	Window    int64         `help:"Offsets per partition in which ingest looks for duplicates, counted back from the newest." default:"262144" placeholder:"OFFSETS" group:"Ingest" range:"1..4194304"`
	BlockRows int           `help:"Most rows in a block." default:"65536" placeholder:"ROWS" group:"Ingest" range:"1..1000000"`
	BlockAge  time.Duration `help:"Longest time a partial block stays open. Blocks of all partitions close together, at whole multiples of it." default:"1s" group:"Ingest" range:"1ms..1h"`
	Stall     time.Duration `help:"/readyz answers 503 when a partition with lag has made no progress for this long." default:"60s" group:"Ingest" range:"1s..24h"`
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
	outputFlags
	UntilCaughtUp bool `help:"Stop with exit code 0 when every partition is drained." group:"Ingest"`
}

// Help implements kong.HelpProvider.
func (ingestCmd) Help() string {
	return `Tidemark accounts for every offset of every partition. Each offset is stored, a recorded duplicate or conflict, a dead
letter, or a recorded gap; the table "ledger" has the numbers.

One process ingests all partitions. If it is too slow, start more processes, at most one per partition. Processes share
the partitions as one consumer group, which has the name of the namespace. If a process is killed, start it again: it
continues where the ledger ends.`
}

// Example implements exampler.
func (ingestCmd) Example() string {
	return "tidemark ingest --brokers kafka-1:9092,kafka-2:9092 --clickhouse https://clickhouse:8443 --metrics-listen :9108"
}

func (c *ingestCmd) validate() error {
	return invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.opsFlags.validate(), c.ingestFlags.validate())
}

// Run ingests until a signal, or until drained.
func (c *ingestCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		// Blocks and windows are kept and reused, so there is little garbage, and a lower ceiling costs next to nothing.
		debug.SetGCPercent(20)
	}
	if err := c.reach(ctx); err != nil {
		return err
	}
	log := c.logger(s)
	m := newMetrics(c.Namespace)
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	in, closeLog, err := openIngester(c.kafkaFlags, c.ingestFlags, app.IngesterConfig{Namespace: c.Namespace, DB: db, Log: log, Hooks: m.ingester()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	stop, err := c.serve(ctx, m.registry, in.Ready, log)
	if err != nil {
		return err
	}
	defer stop()
	if err := c.checkSchema(ctx, db, log, c.UntilCaughtUp); err != nil {
		return err
	}
	started := time.Now()
	if err := c.work(ctx, s, in, db, log); err != nil {
		return err
	}
	interrupted := c.UntilCaughtUp && ctx.Err() != nil
	if c.json() {
		err = printJSON(s.Out, ingestedOutput(in.Totals(), time.Since(started), interrupted))
	} else {
		printTotals(s, in.Totals(), time.Since(started))
	}
	if err == nil && interrupted {
		return errInterrupted
	}
	return err
}

// work ingests until a signal, or until drained.
func (c *ingestCmd) work(ctx context.Context, s Streams, in *app.Ingester, db *clickhouse.DB, log *zap.Logger) error {
	switch {
	case c.UntilCaughtUp:
		report := newProgress(s.Err)
		return report.beside(ctx, func() { report.line("%s", ingested(in)) }, in.RunUntilCaughtUp)
	case ctx.Err() == nil:
		return reporting(ctx, c.kafkaFlags, db, c.Namespace, log, health.Ingest, in.Run)
	}
	return nil // It was asked to stop while it waited for the database.
}

// ingested is how far an ingester is. What is left is not told before it is known: 0 would mean that nothing is.
func ingested(in *app.Ingester) string {
	left := "it is not known yet how many are left"
	if lag, known := in.Lag(); known {
		left = number(uint64(lag)) + " left"
	}
	return count(in.Totals().Offsets, "offset") + " ingested, " + left
}

// openIngester opens the log for an ingester, and returns what closes it.
func openIngester(k kafkaFlags, f ingestFlags, config app.IngesterConfig) (*app.Ingester, func() error, error) {
	const clientID = "tidemark-ingest"
	var err error
	if config.Client, err = k.client(clientID); err != nil {
		return nil, nil, err
	}
	if config.Letters, err = k.writer(clientID, ""); err != nil {
		return nil, nil, errors.Join(err, config.Client.Close())
	}
	config.Limits, config.Stall = f.limits(), f.Stall
	return app.NewIngester(config), func() error { return errors.Join(config.Letters.Close(), config.Client.Close()) }, nil
}

// reporting runs work of a role and reports, beside it, that this process works and what the log holds.
func reporting(ctx context.Context, k kafkaFlags, db *clickhouse.DB, namespace string, log *zap.Logger, role string, work func(context.Context) error) error {
	client, err := k.client(healthClientID)
	if err != nil {
		return err
	}
	reports := app.Reports{Client: client, DB: db, Namespace: namespace, Roles: []string{role}, Log: log}
	return errors.Join(reports.During(ctx, work), client.Close())
}

// healthClientID is the client id of the reports beside a worker.
const healthClientID = "tidemark-health"

// printTotals prints what an ingester accounted for.
func printTotals(s Streams, t app.Totals, took time.Duration) {
	fmt.Fprintf(s.Out, "%s in %s (%s/s): %s stored, %s, %s, %s", count(t.Offsets, "offset"), took.Round(10*time.Millisecond),
		number(uint64(float64(t.Offsets)/took.Seconds())), number(t.Stored), count(t.Duplicates, "duplicate"), count(t.Conflicts, "conflict"), count(t.Dead, "dead letter"))
	if t.Control > 0 {
		fmt.Fprintf(s.Out, ", %s control (transaction markers and aborted records)", number(t.Control))
	}
	if t.Gap > 0 {
		fmt.Fprintf(s.Out, ", %s gap (retention deleted them before they were read)", number(t.Gap))
	}
	fmt.Fprintf(s.Out, "%s\n", resources())
}

// resources describes what this process has used so far; empty where the system does not tell.
func resources() string {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return ""
	}
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	return fmt.Sprintf("; this process used %.2f CPU s and at most %d MB of resident memory", cpu.Seconds(), usage.Maxrss>>10)
}
