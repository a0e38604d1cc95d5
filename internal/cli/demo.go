package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"text/tabwriter"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"tidemark/consumers/audit"
	"tidemark/consumers/clickhouse"
	"tidemark/consumers/health"
	"tidemark/internal/stack"
	"tidemark/internal/webguard"
	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

// queriesPerChatGPTYear is the unit of throughput: 365 billion queries a year are 11,574 events a second.
const queriesPerChatGPTYear = 365e9 / (365 * 24 * 3600)

type demoCmd struct {
	commonFlags
	clickhouseUser
	Duration    time.Duration `help:"How long to generate; until Ctrl-C when 0." default:"0s" placeholder:"30s" group:"Demo" range:"0s..8760h"`
	Exit        bool          `help:"Leave after the summary, with exit code 1 if the audit finds a difference. Otherwise the stack goes on until Ctrl-C." group:"Demo"`
	Rate        float64       `help:"Events a second." default:"5000" placeholder:"N" group:"Demo" range:"0.001..1e7"`
	Seed        uint64        `help:"Seed of the workload." default:"1" group:"Demo"`
	DataDir     string        `help:"Folder for the data; a temporary one that is removed at the end when empty." placeholder:"DIR" group:"Demo"`
	KafkaListen string        `help:"Address of the broker; loopback only, port 0 takes a free one." default:"127.0.0.1:0" placeholder:"HOST:PORT" group:"Demo"`
	HTTPListen  string        `name:"http-listen" help:"Address of ClickHouse's HTTP interface; loopback only." default:"127.0.0.1:0" placeholder:"HOST:PORT" group:"Demo"`
	Preview     string        `name:"preview-listen" help:"Address of the page with the dashboards, loopback only; a free port if it is taken, nothing when empty." default:"127.0.0.1:3300" placeholder:"HOST:PORT" group:"Demo"`
	LibCHDB     string        `name:"libchdb" env:"TIDEMARK_LIBCHDB" help:"Path of libchdb.so; what 'make deps' fetched when empty." placeholder:"FILE" group:"Demo"`
}

// Help is the long text of "tidemark demo --help".
func (demoCmd) Help() string {
	return `Starts the embedded stack, migrates it, generates a live workload of all event types with duplicates, conflicts, late
and poison records, ingests it, rolls it up, and shows what happens. When the time is over (or at Ctrl-C) everything
is drained and audited, and the summary shows that produced = stored + duplicates + conflicts + dead letters.`
}

func (c *demoCmd) validate() error {
	errs := []error{ranges(*c)}
	if host, _, err := net.SplitHostPort(c.Preview); c.Preview != "" && (err != nil || !webguard.Loopback(host)) {
		errs = append(errs, fmt.Errorf("--preview-listen: %q is not host:port on loopback", c.Preview))
	}
	return invalid(append(errs, c.commonFlags.validate())...)
}

// Run shows the whole pipeline.
func (c *demoCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	if c.LogLevel == "info" { // The view shows what the log would.
		c.LogLevel = "warn"
	}
	dir := c.DataDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "tidemark-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	fmt.Fprintln(s.Out, "starting the broker and the ClickHouse engine in this process ...")
	flags := stackFlags{clickhouseUser: c.clickhouseUser, DataDir: dir, KafkaListen: c.KafkaListen, HTTPListen: c.HTTPListen, LibCHDB: c.LibCHDB}
	config, err := flags.config(stackHooks(c.logger(s)))
	if err != nil {
		return err
	}
	running, err := stack.Start(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, running.Close()) }()
	d := &demo{cmd: c, streams: s, log: c.logger(s), kafka: kafkaFlags{Brokers: []string{running.KafkaAddr()}},
		clickhouse: clickhouseFlags{ClickHouse: running.HTTPURL(), clickhouseUser: c.clickhouseUser}}
	fmt.Fprintf(s.Out, "  kafka      %s\n  clickhouse %s\n", running.KafkaAddr(), running.HTTPURL())
	if err := d.prepare(ctx); err != nil {
		return err
	}
	look := ""
	if c.Preview != "" {
		p, err := startPreview(ctx, previewConfig{listen: c.Preview, elsewhere: true, namespace: c.Namespace, timeout: 40 * time.Second}, d.clickhouse, d.log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		fmt.Fprintf(s.Out, "  dashboards %s\n", p.url)
		look = "Look at it at " + p.url + "d/tidemark-usage?from=now-15m&to=now\n"
	}
	ok, err := d.play(ctx)
	if err != nil {
		return err
	}
	if !c.Exit && ctx.Err() == nil {
		fmt.Fprintf(s.Out, "\nThe stack goes on until Ctrl-C. %sAsk it, for example:\n  tidemark query --clickhouse %s 'SELECT model, sum(calls) FROM token_calls_1h GROUP BY model ORDER BY 2 DESC'\n", look, running.HTTPURL())
		<-ctx.Done()
	}
	if !ok {
		return errFound
	}
	return nil
}

// demo is one run of the demonstration.
type demo struct {
	cmd        *demoCmd
	streams    Streams
	log        *zap.Logger
	kafka      kafkaFlags
	clickhouse clickhouseFlags

	ingester *ingester
	db       *clickhouse.DB
	roller   *roller
	sender   *producers.Sender
	produced synthetic.Summary
	closeLog func() error
	silence  func() error // Ends the reports that the workers are at work.
}

func (d *demo) prepare(ctx context.Context) error {
	applied, models, err := migrateDatabase(ctx, d.clickhouse, d.cmd.Namespace)
	if err != nil {
		return err
	}
	reports, err := createTopics(ctx, d.kafka, topicFlags{Partitions: schemas.DefaultPartitions, Replication: 1}, d.cmd.Namespace)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.streams.Out, "  migrated   %d tables and views, %d topics\n  models     %s\n", applied, len(reports), models)
	return nil
}

// play generates, ingests and rolls up until the time is over, drains, and sums up.
func (d *demo) play(ctx context.Context) (ok bool, err error) {
	if err := d.open(); err != nil {
		return false, errors.Join(err, d.close())
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if d.silence, err = report(ctx, d.kafka, d.db, d.cmd.Namespace, d.log, health.Ingest, health.Rollup); err != nil {
		return false, err
	}

	// Ctrl-C ends the generating only; what it made is still drained and audited.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	consumers, failed := errgroup.WithContext(working)
	consumers.Go(func() error { return d.ingester.run(working, false) })
	consumers.Go(func() error { return d.roller.worker.Run(working) })
	generating, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(failed, cancel)() // There is nothing to show without a consumer.
	err = d.generate(generating)
	stop()
	if waitErr := consumers.Wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return false, err
	}
	drain := context.WithoutCancel(ctx)
	fmt.Fprintln(d.streams.Out, "draining, rolling up and auditing ...")
	if err := d.ingester.run(drain, true); err != nil {
		return false, fmt.Errorf("drain the log: %w", err)
	}
	if err := d.roller.worker.UntilCaughtUp(drain); err != nil {
		return false, fmt.Errorf("roll up: %w", err)
	}
	return d.summary(drain)
}

func (d *demo) open() error {
	var err error
	ingestDefaults := ingestFlags{Window: 262_144, BlockRows: 65_536, BlockAge: time.Second, Stall: time.Minute}
	m := newMetrics(d.cmd.Namespace)
	if d.ingester, err = newIngester(d.cmd.commonFlags, d.kafka, d.clickhouse, ingestDefaults, m, d.log); err != nil {
		return err
	}
	if d.db, err = d.clickhouse.open(d.cmd.Namespace); err != nil {
		return err
	}
	d.roller = newRoller(d.db, rollupFlags{Interval: time.Second, recomputeFlags: recomputeFlags{RollupThreads: 2}}, m, d.log)
	d.sender, d.closeLog, err = openSender(d.kafka, producerFlags{Compression: "snappy"}, d.cmd.Namespace)
	return err
}

func (d *demo) close() error {
	var errs []error
	if d.silence != nil {
		errs = append(errs, d.silence())
	}
	if d.closeLog != nil {
		errs = append(errs, d.closeLog())
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	if d.ingester != nil {
		d.ingester.close()
	}
	return errors.Join(errs...)
}

// generate runs the workload and the live view until the time is over or ctx ends.
func (d *demo) generate(ctx context.Context) error {
	workload := workloadFlags{Seed: d.cmd.Seed, Profile: "mixed", Span: 24 * time.Hour, Tenants: 200, Users: 20_000,
		Duplicates: 0.01, Conflicts: 0.001, Late: 0.01, OutOfOrder: 0.05, Poison: 0.0005, FarWindow: 262_144}
	options, err := workload.options(d.cmd.Rate, 0, producerFlags{}.label("demo", time.Now()))
	if err != nil {
		return err
	}
	options.Partitions = schemas.DefaultPartitions
	view := newDemoView(d)
	viewDone := make(chan struct{})
	viewing, stopView := context.WithCancel(ctx)
	go func() {
		defer close(viewDone)
		view.run(viewing)
	}()
	d.produced, err = synthetic.Run(ctx, d.sender, options, d.cmd.Rate, d.cmd.Duration, view.sent)
	stopView()
	<-viewDone
	return err
}

// summary prints the equation per type and the audit.
func (d *demo) summary(ctx context.Context) (bool, error) {
	accounted, err := d.accounted(ctx)
	if err != nil {
		return false, err
	}
	out := d.streams.Out
	fmt.Fprintln(out, "\nproduced = stored + duplicates + conflicts + dead letters")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "type\tproduced\tstored\tduplicates\tconflicts\tdead letters\t\tinput tokens\t= rollup\t")
	truth := d.produced.Truth
	balanced := true
	for _, spec := range schemas.Specs() {
		t, count, got := spec.Type, truth.Of(spec.Type), accounted[spec.Topic]
		if count.Produced == 0 {
			continue
		}
		sign := "ok"
		if count.Produced != got.stored+got.duplicates+got.conflicts+got.dead {
			sign, balanced = "DIFFERS", false
		}
		tokens := [2]string{"", ""}
		if t == schemas.TokenCallType {
			tokens = [2]string{grouped(got.rawTokens), grouped(got.rollupTokens)}
			balanced = balanced && got.rawTokens == got.rollupTokens
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", t, number(count.Produced), number(got.stored), number(got.duplicates), number(got.conflicts),
			number(got.dead), sign, tokens[0], tokens[1])
	}
	if err := table.Flush(); err != nil {
		return false, err
	}
	rate := float64(d.ingester.totals.offsets.Load()) / d.produced.Took.Seconds()
	fmt.Fprintf(out, "%.0f events/s on average: %.2f ChatGPT-years (365 billion queries a year are 11,574 a second)\n\n", rate, rate/queriesPerChatGPTYear)
	result, err := d.audit(ctx)
	return result.OK && balanced, err
}

// account is what the ledger and the tables say of one topic.
type account struct {
	stored, duplicates, conflicts, dead uint64
	rawTokens, rollupTokens             string // Sums of 128 bits, in digits.
}

func (d *demo) accounted(ctx context.Context) (map[string]account, error) {
	accounts := map[string]account{}
	err := d.db.Query(ctx, "SELECT toString(topic), sum(stored), sum(duplicates), sum(conflicts), sum(dead) FROM ledger FINAL GROUP BY topic", func(scan func(...any) error) error {
		var topic string
		var a account
		if err := scan(&topic, &a.stored, &a.duplicates, &a.conflicts, &a.dead); err != nil {
			return err
		}
		accounts[topic] = a
		return nil
	})
	if err != nil {
		return nil, err
	}
	topic := schemas.SpecOf(schemas.TokenCallType).Topic
	calls := accounts[topic]
	err = d.db.Query(ctx, "SELECT toString((SELECT sum(toUInt128(ifNull(input_tokens, 0) * weight)) FROM token_calls)), toString((SELECT sum(input_tokens) FROM token_calls_1m))", func(scan func(...any) error) error {
		return scan(&calls.rawTokens, &calls.rollupTokens)
	})
	accounts[topic] = calls
	return accounts, err
}

func (d *demo) audit(ctx context.Context) (audit.Result, error) {
	return runAudit(ctx, d.streams.Out, d.db, newAuditLog(d.ingester.client, d.cmd.Namespace), false, true)
}
