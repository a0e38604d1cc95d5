package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"text/tabwriter"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/audit"
	"tidemark/consumers/clickhouse"
	"tidemark/consumers/health"
	"tidemark/internal/app"
	"tidemark/internal/stack"
	"tidemark/internal/webguard"
	"tidemark/producers"
	"tidemark/producers/formats/fields"
	"tidemark/producers/replay"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

// queriesPerChatGPTYear is the unit of throughput: 365 billion queries per year are 11,574 events per second.
const queriesPerChatGPTYear = 365e9 / (365 * 24 * 3600)

type demoCmd struct {
	commonFlags
	stackFlags `kong:"embed,set='data_dir=',set='data_dir_note= Empty: a temporary folder that is removed at the end.',set='kafka_listen=127.0.0.1:0',set='http_listen=127.0.0.1:0'"`
	Replay     []string      `help:"Show your own usage instead of a generated workload: the sessions of Claude Code, Codex, Gemini CLI or Qwen Code below a folder, or in a file. Tidemark finds out of which they are. KIND:PATH names the format, and reads other files that need no mapping too, such as litellm:spend.json; sample:agentic and sample:azure-llm are traces that come with Tidemark. Repeat the flag for several." placeholder:"[KIND:]PATH" sep:"none" group:"Demo"`
	Duration   time.Duration `help:"How long to generate events; until Ctrl-C when 0. Not with --replay." default:"0s" placeholder:"30s" group:"Demo" range:"0s..8760h"`
	Exit       bool          `help:"Exit after the summary, with exit code 1 if the audit finds a difference. Otherwise the stack keeps running until Ctrl-C." group:"Demo"`
	Rate       float64       `help:"Events per second of the generated workload." default:"5000" placeholder:"N" group:"Demo" range:"0.001..1e7"`
	Seed       uint64        `help:"Seed of the workload." default:"1" group:"Demo"`
	Preview    string        `name:"preview-listen" help:"Address of the page with the dashboards, on loopback. If the port is taken, the page takes a free one. Empty: no page." default:"127.0.0.1:3300" placeholder:"HOST:PORT" group:"Demo"`
	Collect    string        `name:"collect-listen" help:"Address, on loopback, that receives events of your programs for the tenant demo, see tidemark collect. If the port is taken, it takes a free one. Empty: none. With --replay there is none." default:"127.0.0.1:4318" placeholder:"HOST:PORT" group:"Demo"`
	GRPC       string        `name:"collect-grpc-listen" help:"The same for OTLP over gRPC." default:"127.0.0.1:4317" placeholder:"HOST:PORT" group:"Demo"`
}

// Help implements kong.HelpProvider.
func (demoCmd) Help() string {
	return `Starts the embedded stack and migrates it. Then it generates a live workload of all event types with duplicates, conflicts,
late and poison records, ingests it, rolls it up, and shows the progress. When --duration is over, or at Ctrl-C, it
drains the log and audits everything. The summary shows that produced = stored + duplicates + conflicts + dead letters.

With --replay it shows your own usage instead, of the tenant demo: it reads session logs of coding agents, and ends with the
same audit. Prompts, answers and folders are not read, and everything stays on this machine. The address that it prints at
the end opens the dashboards at the time of your sessions.`
}

// Example implements exampler.
func (demoCmd) Example() string {
	return "tidemark demo --replay ~/.claude/projects\ntidemark demo --duration 30s --exit"
}

func (c *demoCmd) validate() error {
	errs := []error{ranges(*c)}
	for _, port := range []struct{ flag, address string }{{"--preview-listen", c.Preview}, {"--collect-listen", c.Collect}, {"--collect-grpc-listen", c.GRPC}} {
		if host, _, err := net.SplitHostPort(port.address); port.address != "" && (err != nil || !webguard.Loopback(host)) {
			errs = append(errs, fmt.Errorf("%s: %q is not host:port on loopback", port.flag, port.address))
		}
	}
	if len(c.Replay) > 0 && c.Duration > 0 {
		errs = append(errs, errors.New("--duration: not with --replay, which ends when everything is sent"))
	}
	return invalid(append(errs, c.commonFlags.validate())...)
}

// Run shows the whole pipeline.
func (c *demoCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	replays, err := c.replays()
	if err != nil {
		return err
	}
	if c.LogLevel == "info" { // The view shows what the log would.
		c.LogLevel = "warn"
	}
	if c.DataDir == "" {
		if c.DataDir, err = os.MkdirTemp("", "tidemark-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.DataDir)) }()
	}
	log := c.logger(s)
	fmt.Fprintln(s.Out, "starting the broker and the ClickHouse engine in this process ...")
	config, err := c.config(stackHooks(log))
	if err != nil {
		return err
	}
	running, err := stack.Start(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, running.Close()) }()
	fmt.Fprintf(s.Out, "  kafka      %s\n  clickhouse %s\n", running.KafkaAddr(), running.HTTPURL())
	d := &demo{cmd: c, streams: s, log: log, replays: replays, kafka: kafkaFlags{Brokers: []string{running.KafkaAddr()}},
		clickhouse: clickhouseFlags{ClickHouse: running.HTTPURL(), clickhouseUser: c.clickhouseUser}}
	defer func() { err = errors.Join(err, d.close()) }()
	ok, err := d.run(ctx)
	if err != nil {
		return err
	}
	if !c.Exit && ctx.Err() == nil {
		see := ""
		if d.page != "" {
			see = "See the dashboards at " + d.page + "?" + d.shown + "\n"
		}
		fmt.Fprintf(s.Out, "\nThe stack keeps running until Ctrl-C. %sAsk it, for example:\n  tidemark query --clickhouse %s 'SELECT model, sum(calls) FROM token_calls_1h GROUP BY model ORDER BY 2 DESC'\n", see, running.HTTPURL())
		<-ctx.Done()
	}
	if !ok {
		return errFound
	}
	return nil
}

// demo is one run of the command on a stack that runs.
type demo struct {
	cmd        *demoCmd
	streams    Streams
	log        *zap.Logger
	kafka      kafkaFlags
	clickhouse clickhouseFlags
	replays    []replay.Options // what to show instead of a workload

	pipeline app.Demo
	sender   *producers.Sender
	view     *demoView
	page     string         // the address of the dashboards, "" without one
	shown    string         // the time range to look at, as a query of that address
	partly   bool           // a replay could not read everything
	closers  []func() error // of what was opened, in that order
}

// run migrates, starts the preview, plays, and prints the summary. It reports whether everything adds up.
func (d *demo) run(ctx context.Context) (ok bool, err error) {
	if err := d.open(); err != nil {
		return false, err
	}
	migrated, err := app.MigrateDatabase(ctx, d.pipeline.DB)
	if err != nil {
		return false, err
	}
	topics, err := createTopics(ctx, d.kafka, topicFlags{Partitions: schemas.DefaultPartitions, Replication: 1}, d.cmd.Namespace)
	if err != nil {
		return false, err
	}
	fmt.Fprintf(d.streams.Out, "  migrated   %d tables and views, %d topics\n  models     %s\n  prices     %s\n", migrated.Applied, len(topics),
		loadedLine(migrated.Models, migrated.Loaded, "the shipped catalog"), loadedLine(migrated.Prices, migrated.PricesLoaded, "the shipped book"))
	if d.cmd.Preview != "" {
		if err := d.preview(ctx); err != nil {
			return false, err
		}
	}
	if len(d.replays) == 0 && d.cmd.Collect+d.cmd.GRPC != "" {
		if err := d.collect(ctx); err != nil {
			return false, err
		}
	}
	d.view = newDemoView(d)
	d.pipeline.Live = d.view.run
	d.pipeline.Draining = func() { fmt.Fprintln(d.streams.Out, "draining, rolling up and auditing ...") }
	result, err := d.pipeline.Run(ctx)
	if err != nil {
		return false, err
	}
	balanced, err := d.summary(result)
	if err != nil {
		return false, err
	}
	return result.Audit.OK && balanced && !d.partly, audit.Report(d.streams.Out, result.Audit, false)
}

// open opens the connections and assembles the parts, each with the defaults of its own command.
func (d *demo) open() error {
	defaults, err := defaultsOf[struct {
		ingestFlags
		rollupFlags
		producerFlags
		workloadFlags
	}]()
	if err != nil {
		return err
	}
	p := &d.pipeline
	defaults.Seed = d.cmd.Seed
	workload, err := defaults.options(d.cmd.Rate, 0, defaults.label("demo", time.Now()))
	if err != nil {
		return err
	}
	workload.Partitions = schemas.DefaultPartitions
	p.Produce = func(ctx context.Context) (app.Records, error) { return d.generate(ctx, workload) }
	if len(d.replays) > 0 {
		p.Produce = d.replay
	}
	if p.DB, err = d.openDB(); err != nil {
		return err
	}
	ingestDB, err := d.openDB() // A pool of its own, as an ingest process has.
	if err != nil {
		return err
	}
	m := newMetrics(d.cmd.Namespace)
	config := app.IngesterConfig{Namespace: d.cmd.Namespace, DB: ingestDB, Log: d.log, Hooks: m.ingester()}
	var closeLog func() error
	if p.Ingester, closeLog, err = openIngester(d.kafka, defaults.ingestFlags, config); err != nil {
		return err
	}
	d.closers = append(d.closers, closeLog)
	if d.sender, closeLog, err = openSender(d.kafka, defaults.producerFlags, d.cmd.Namespace); err != nil {
		return err
	}
	d.closers = append(d.closers, closeLog)
	client, err := d.kafka.client(healthClientID)
	if err != nil {
		return err
	}
	d.closers = append(d.closers, client.Close)
	p.Roller = app.NewRoller(app.RollerConfig{DB: p.DB, Limits: defaults.rollupFlags.limits(), Log: d.log, Hooks: m.rollup()})
	p.Auditor = app.NewAuditor(app.AuditorConfig{Namespace: d.cmd.Namespace, Client: client, DB: p.DB, Settled: true, Log: d.log})
	p.Reports = app.Reports{Client: client, DB: p.DB, Namespace: d.cmd.Namespace, Roles: []string{health.Ingest, health.Rollup}, Log: d.log}
	return nil
}

// generate sends a live workload.
func (d *demo) generate(ctx context.Context, workload synthetic.Options) (app.Records, error) {
	summary, err := synthetic.Run(ctx, d.sender, workload, d.cmd.Rate, d.cmd.Duration, func(p synthetic.Progress) { d.view.sent(p.Sent) })
	return produced(summary.Truth), err
}

// produced returns how many records the log has acknowledged.
func produced(truth *producers.Truth) (records app.Records) {
	for t := range records {
		records[t] = truth.Of(schemas.Type(t)).Produced
	}
	return records
}

// openDB opens a connection to the namespace's database, which close closes.
func (d *demo) openDB() (*clickhouse.DB, error) {
	db, err := d.clickhouse.open(d.cmd.Namespace)
	if err == nil {
		d.closers = append(d.closers, db.Close)
	}
	return db, err
}

// preview starts the page with the dashboards.
func (d *demo) preview(ctx context.Context) error {
	defaults, err := defaultsOf[previewFlags]()
	if err != nil {
		return err
	}
	db, err := d.openDB()
	if err != nil {
		return err
	}
	page, err := app.StartPreview(ctx, app.PreviewConfig{
		DB: db, Namespace: d.cmd.Namespace, Version: version(), Listen: d.cmd.Preview, AnyPort: true, Timeout: defaults.Timeout, Log: d.log,
	})
	if err != nil {
		return err
	}
	d.closers = append(d.closers, page.Close)
	d.page, d.shown = page.URL()+"d/tidemark-usage", "from=now-15m&to=now"
	address := page.URL()
	if len(d.replays) == 0 { // Only what is generated is of now.
		address = d.page + "?" + d.shown
	}
	fmt.Fprintf(d.streams.Out, "  dashboards %s\n", address)
	return nil
}

// demoTenant is whose events are that come to the collector of a demonstration.
const demoTenant = "demo"

// collect opens the ports for events of other programs. The pipeline serves them.
func (d *demo) collect(ctx context.Context) error {
	writer, err := d.kafka.writer("tidemark-collect", "snappy")
	if err != nil {
		return err
	}
	d.closers = append(d.closers, writer.Close)
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	c, err := app.NewCollector(ctx, app.CollectorConfig{
		Namespace: d.cmd.Namespace, Events: writer, HTTPListen: d.cmd.Collect, GRPCListen: d.cmd.GRPC, AnyPort: true,
		Tenant: demoTenant, Product: "api", Users: fields.KeyedUsers(key), Log: d.log,
	})
	if err != nil {
		return err
	}
	d.pipeline.Collector = c
	web, rpc := c.Addresses()
	if rpc != "" {
		fmt.Fprintf(d.streams.Out, "  collector  %s (OTLP over gRPC)\n", rpc)
	}
	if web != "" {
		fmt.Fprintf(d.streams.Out, `  collector  http://%[1]s (OTLP, CloudEvents, JSON); send a call of the tenant %[2]s:
    curl http://%[1]s/v1/events -H 'Content-Type: application/json' -d '{"type": "token_call", "source": "shell", "id": "'$(date +%%s%%N)'", "time": "'$(date -u +%%FT%%TZ)'", "model": "my-model", "input_uncached": 1000, "output_visible": 300}'
`, web, demoTenant)
	}
	return nil
}

// close closes what was opened, the newest first.
func (d *demo) close() error {
	var errs []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		errs = append(errs, d.closers[i]())
	}
	return errors.Join(errs...)
}

// summary prints the equation per type and reports whether it holds.
func (d *demo) summary(result app.DemoResult) (balanced bool, err error) {
	out := d.streams.Out
	fmt.Fprintln(out, "\nproduced = stored + duplicates + conflicts + dead letters")
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "type\tproduced\tstored\tduplicates\tconflicts\tdead letters\t\tinput tokens\t= rollup\t")
	balanced = true
	for _, spec := range schemas.Specs() {
		produced, got := result.Produced[spec.Type]+result.Collected[spec.Type], result.Accounts[spec.Topic]
		if produced == 0 {
			continue
		}
		sign := "ok"
		if !got.Accounts(produced) {
			sign = "DIFFERS"
		}
		balanced = balanced && got.Accounts(produced) && got.RawTokens == got.RollupTokens
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", spec.Type, number(produced), number(got.Stored), number(got.Duplicates), number(got.Conflicts),
			number(got.Dead), sign, grouped(got.RawTokens), grouped(got.RollupTokens))
	}
	if err := table.Flush(); err != nil {
		return false, err
	}
	rate := float64(d.pipeline.Ingester.Totals().Offsets) / max(result.Took.Seconds(), 1e-6)
	fmt.Fprintf(out, "%.0f events/s on average: %.2f ChatGPT-years (365 billion queries per year are 11,574 per second)\n\n", rate, rate/queriesPerChatGPTYear)
	return balanced, nil
}
