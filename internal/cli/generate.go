package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"tidemark/producers"
	producerkafka "tidemark/producers/kafka"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

type generateCmd struct {
	commonFlags
	kafkaFlags
	producerFlags
	workloadFlags
	Rate     float64       `help:"Records a second; 0 goes as fast as the log takes them." default:"0" placeholder:"N" group:"Workload"`
	Events   int64         `help:"Records to make, duplicates and poison included; 0 goes on until --duration or a signal." default:"0" placeholder:"N" group:"Workload"`
	Duration time.Duration `help:"Stop after this time." placeholder:"30s" group:"Workload"`
}

// workloadFlags shape the synthetic workload.
type workloadFlags struct {
	Seed          uint64        `help:"Same seed and flags, same bytes." default:"1" group:"Workload"`
	Profile       string        `help:"mixed (all types) or token_calls." default:"mixed" placeholder:"NAME" group:"Workload"`
	Start         string        `help:"Time of the first event, RFC 3339; with --rate it is the present moment, otherwise a fixed day." placeholder:"TIME" group:"Workload"`
	Span          time.Duration `help:"Event times are spread over this long when --rate is 0." default:"24h" group:"Workload"`
	Tenants       int           `help:"Tenants." default:"200" placeholder:"N" group:"Workload"`
	Users         int           `help:"Users." default:"20000" placeholder:"N" group:"Workload"`
	Duplicates    float64       `help:"Share of records that repeat a recent one." default:"0.01" placeholder:"SHARE" group:"Workload"`
	FarDuplicates float64       `help:"Share of records that repeat one further than the window away." default:"0" placeholder:"SHARE" group:"Workload"`
	Conflicts     float64       `help:"Share of records with a recent identity and another time." default:"0.001" placeholder:"SHARE" group:"Workload"`
	Late          float64       `help:"Share of events that are hours or days late." default:"0.01" placeholder:"SHARE" group:"Workload"`
	OutOfOrder    float64       `help:"Share of events that are seconds out of order." default:"0.05" placeholder:"SHARE" group:"Workload"`
	Poison        float64       `help:"Share of records that no consumer can accept." default:"0.0005" placeholder:"SHARE" group:"Workload"`
	FarWindow     int64         `help:"Offsets a partition beyond which a duplicate is far; the consumer's --window." default:"262144" placeholder:"OFFSETS" group:"Workload"`
}

// producerFlags tune the writer.
type producerFlags struct {
	Compression string `help:"snappy, lz4, zstd or none." default:"snappy" placeholder:"CODEC" group:"Kafka"`
	Run         string `help:"Label of this run; made up from the time when empty." placeholder:"NAME" group:"Kafka"`
}

func (f producerFlags) validate() error {
	switch f.Compression {
	case "snappy", "lz4", "zstd", "none":
		return nil
	}
	return fmt.Errorf("--compression: %q is not snappy, lz4, zstd or none", f.Compression)
}

// label is the run's name: given, or unique by time and chance.
func (f producerFlags) label(kind string, now time.Time) string {
	if f.Run != "" {
		return f.Run
	}
	var chance [3]byte
	_, _ = rand.Read(chance[:]) // It never fails.
	return kind + "-" + now.UTC().Format("20060102T150405") + "-" + hex.EncodeToString(chance[:])
}

// fixedStart begins a workload that is not live: a Monday, so that the same flags give the same bytes on any day.
var fixedStart = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// options are the generator's for a rate; run is the label.
func (f workloadFlags) options(rate float64, events int64, run string) (synthetic.Options, error) {
	o := synthetic.Options{
		Seed: f.Seed, Events: events, Start: fixedStart, Span: f.Span, Live: rate > 0, Run: run, Profile: f.Profile, Tenants: f.Tenants, Users: f.Users,
		Duplicates: f.Duplicates, FarDuplicates: f.FarDuplicates, Conflicts: f.Conflicts, Late: f.Late, OutOfOrder: f.OutOfOrder, Poison: f.Poison,
		Window: f.FarWindow,
	}
	if f.Start != "" {
		start, err := time.Parse(time.RFC3339Nano, f.Start)
		if err != nil {
			return o, fmt.Errorf("--start: %q is not a time like 2026-03-02T00:00:00Z", f.Start)
		}
		o.Start, o.Live = start, false
	}
	return o, o.Validate()
}

// Help is the long text of "tidemark generate --help".
func (generateCmd) Help() string {
	return `The workload is seeded: the same flags give the same events, so a second run changes nothing but the count of
duplicates. What it made is printed and sent to the topic runs.v1, where the audit finds it. Event times are those of
--start and --span, or the present moment with --rate.`
}

// Run generates until done.
func (c *generateCmd) Run(ctx context.Context, s Streams) (err error) {
	run := c.label("generate", time.Now())
	options, optionsErr := c.options(c.Rate, c.Events, run)
	if c.Events == 0 && c.Duration == 0 && optionsErr == nil {
		optionsErr = errors.New("--events or --duration: one of them has to end the run")
	}
	if c.Rate < 0 {
		optionsErr = errors.Join(optionsErr, fmt.Errorf("--rate: %g is negative", c.Rate))
	}
	if err := invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.producerFlags.validate(), optionsErr); err != nil {
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
	report := newReporter(s.Err)
	summary, err := synthetic.Run(ctx, sender, options, c.Rate, c.Duration, func(p synthetic.Progress) {
		report.line("%s records sent, %s/s", number(p.Sent), number(uint64(p.Rate)))
	})
	report.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "run %s, seed %d, profile %s\n", run, c.Seed, c.Profile)
	if summary.Interrupted {
		fmt.Fprintln(s.Out, "interrupted; this is what the log has acknowledged:")
	}
	return printTruth(s, summary.Truth, summary.Took)
}

// openSender connects a sender and returns what closes it.
func openSender(k kafkaFlags, p producerFlags, namespace string) (*producers.Sender, func() error, error) {
	conn, err := k.conn("tidemark-producer")
	if err != nil {
		return nil, nil, err
	}
	writer, err := producerkafka.NewWriter(producerkafka.Config{Conn: conn, Compression: p.Compression})
	if err != nil {
		return nil, nil, err
	}
	return &producers.Sender{Log: writer, Namespace: namespace}, writer.Close, nil
}

// printTruth prints what a run made, a line a type.
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
		fmt.Fprintf(s.Out, "%s records in %s (%s/s)\n", number(produced), took.Round(10*time.Millisecond), number(uint64(float64(produced)/took.Seconds())))
	}
	return nil
}
