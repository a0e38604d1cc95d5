package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

type generateCmd struct {
	commonFlags
	kafkaFlags
	producerFlags
	workloadFlags
	shapeFlags
	outputFlags
	Rate     float64       `help:"Records per second. 0: as fast as the log accepts them." default:"0" placeholder:"N" group:"Workload" range:"0..1e9"`
	Events   int64         `help:"Records to produce, duplicates and poison included. 0: until --duration or a signal." default:"0" placeholder:"N" group:"Workload" range:"0..1000000000000"`
	Duration time.Duration `help:"Stop after this time. 0: do not stop by time." placeholder:"30s" group:"Workload" range:"0s..8760h"`
}

// workloadFlags shape the synthetic workload.
type workloadFlags struct {
	Seed          uint64        `help:"Seed of the workload: the same seed and flags give the same bytes." default:"1" group:"Workload"`
	Profile       string        `help:"Which events: mixed (all types) or token_calls." default:"mixed" placeholder:"NAME" group:"Workload"`
	Start         moment        `help:"Time of the first event: RFC 3339 or a day. Empty: now with --rate, else 2026-03-02." placeholder:"TIME" group:"Workload"`
	Span          time.Duration `help:"Length of the time range over which events are spread when --rate is 0." default:"24h" group:"Workload" range:"1s..2540400h"`
	Tenants       int           `help:"Number of tenants." default:"200" placeholder:"N" group:"Workload" range:"1..1000000"`
	Users         int           `help:"Number of users." default:"20000" placeholder:"N" group:"Workload" range:"1..1000000000000"`
	Duplicates    float64       `help:"Share of records that repeat a recent one." default:"0.01" placeholder:"SHARE" group:"Workload" range:"0..1"`
	FarDuplicates float64       `help:"For tests: share of records that repeat one from further back than --far-window." default:"0" placeholder:"SHARE" hidden:"" group:"Workload" range:"0..1"`
	Conflicts     float64       `help:"Share of records that repeat a recent identity with another time." default:"0.001" placeholder:"SHARE" group:"Workload" range:"0..1"`
	Late          float64       `help:"Share of events that are hours or days late." default:"0.01" placeholder:"SHARE" group:"Workload" range:"0..1"`
	OutOfOrder    float64       `help:"Share of events that are seconds out of order." default:"0.05" placeholder:"SHARE" group:"Workload" range:"0..1"`
	Poison        float64       `help:"Share of records that no consumer accepts." default:"0.0005" placeholder:"SHARE" group:"Workload" range:"0..1"`
	FarWindow     int64         `help:"For tests: the consumer's --window, in offsets per partition." default:"262144" placeholder:"OFFSETS" hidden:"" group:"Workload" range:"1..4194304"`
}

// producerFlags shape what is written to the log.
type producerFlags struct {
	Compression string `help:"Compression of record batches: snappy, lz4, zstd or none." default:"snappy" placeholder:"CODEC" group:"Kafka"`
	Run         string `help:"Label of this run. Empty: made from the time." placeholder:"NAME" group:"Kafka"`
}

func (f producerFlags) validate() error {
	switch f.Compression {
	case "snappy", "lz4", "zstd", "none":
		return nil
	}
	return fmt.Errorf("--compression: %q is not snappy, lz4, zstd or none", f.Compression)
}

// label returns the name of the run: the given one, or one made unique by the time and random digits.
func (f producerFlags) label(kind string, now time.Time) string {
	if f.Run != "" {
		return f.Run
	}
	var chance [3]byte
	_, _ = rand.Read(chance[:]) // It never fails.
	return kind + "-" + now.UTC().Format("20060102T150405") + "-" + hex.EncodeToString(chance[:])
}

// fixedStart is the first time of a workload that is not live, so that the same flags give the same bytes on any day. It is a
// Monday.
var fixedStart = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// options are those of the generator. rate is in records per second; run is the label.
func (f workloadFlags) options(rate float64, events int64, run string) (synthetic.Options, error) {
	o := synthetic.Options{
		Seed: f.Seed, Events: events, Start: fixedStart, Span: f.Span, Live: rate > 0, Run: run, Profile: f.Profile, Tenants: f.Tenants, Users: f.Users,
		Duplicates: f.Duplicates, FarDuplicates: f.FarDuplicates, Conflicts: f.Conflicts, Late: f.Late, OutOfOrder: f.OutOfOrder, Poison: f.Poison,
		Window: f.FarWindow,
	}
	start, startErr := f.Start.parse("--start")
	if f.Start != "" {
		o.Start, o.Live = start, false
	}
	if err := errors.Join(ranges(f), startErr); err != nil { // It names the flags.
		return o, err
	}
	return o, o.Validate()
}

// Help implements kong.HelpProvider.
func (generateCmd) Help() string {
	return `The workload is seeded: the same flags give the same events, so a second run only raises the number of duplicates.
Tidemark prints what it produced and sends the same numbers to the topic runs.v1, from which the audit reads them.
Without --rate, Tidemark spreads the times of the events over --span, from --start on. With --rate, the time of an event
is --start plus the time since the run began at which the event is due. If --start is empty too, that is the time of
sending.`
}

// Example implements exampler.
func (generateCmd) Example() string { return "tidemark generate --events 1000000 --seed 7" }

// Run generates until the last event, the end of the duration, or a signal.
func (c *generateCmd) Run(ctx context.Context, s Streams) (err error) {
	run := c.label("generate", time.Now())
	options, optionsErr := c.options(c.Rate, c.Events, run)
	optionsErr = errors.Join(optionsErr, c.shape(&options))
	if c.Events == 0 && c.Duration == 0 {
		optionsErr = errors.Join(optionsErr, errors.New("--events or --duration: set one of them to end the run"))
	}
	if err := invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.producerFlags.validate(), ranges(*c), optionsErr); err != nil {
		return err
	}
	if err := c.reach(ctx); err != nil {
		return err
	}
	sender, closeLog, err := openSender(c.kafkaFlags, c.producerFlags, c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	if options.Partitions, err = sender.Log.Partitions(ctx, schemas.TopicName(c.Namespace, schemas.SpecOf(schemas.TokenCallType).Topic)); err != nil {
		return err
	}
	report := newProgress(s.Err)
	summary, err := synthetic.Run(ctx, sender, options, c.Rate, c.Duration, func(p synthetic.Progress) {
		report.line("%s sent, %s/s", count(p.Sent, "record"), number(uint64(p.Rate)))
	})
	report.end()
	if err != nil {
		return err
	}
	err = c.print(s, run, summary)
	if summary.Interrupted {
		err = cmp.Or(err, errInterrupted)
	}
	return err
}

// print prints what a run produced.
func (c *generateCmd) print(s Streams, run string, summary synthetic.Summary) error {
	if c.json() {
		out := runOutput(summary.Truth, summary.Took)
		out.Run, out.Seed, out.Interrupted, out.Complete = run, &c.Seed, summary.Interrupted, !summary.Interrupted
		return printJSON(s.Out, out)
	}
	fmt.Fprintf(s.Out, "run %s, seed %d, profile %s\n", run, c.Seed, c.Profile)
	if summary.Interrupted {
		fmt.Fprintln(s.Out, "interrupted; the log has acknowledged:")
	}
	return printTruth(s, summary.Truth, summary.Took)
}

// openSender opens the log for a sender, and returns what closes it.
func openSender(k kafkaFlags, p producerFlags, namespace string) (*producers.Sender, func() error, error) {
	writer, err := k.writer("tidemark-producer", p.Compression)
	if err != nil {
		return nil, nil, err
	}
	return &producers.Sender{Log: writer, Namespace: namespace}, writer.Close, nil
}

// printTruth prints what a run produced, one line per type.
func printTruth(s Streams, truth *producers.Truth, took time.Duration) error {
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "type\tproduced\tevents\tduplicates\tconflicts\tpoison\tinput tokens\toutput tokens\t")
	var produced uint64
	for _, spec := range schemas.Specs() {
		t, count := spec.Type, truth.Of(spec.Type)
		if count.Produced == 0 {
			continue
		}
		produced += count.Produced
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", t, number(count.Produced), number(count.Events), number(count.Duplicates),
			number(count.Conflicts), number(count.Poison), grouped(count.InputTokens.String()), grouped(count.OutputTokens.String()))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if took > 0 {
		fmt.Fprintf(s.Out, "%s in %s (%s/s)\n", count(produced, "record"), took.Round(10*time.Millisecond), number(uint64(float64(produced)/took.Seconds())))
	}
	return nil
}
