package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kong"

	"tidemark/internal/app"
	"tidemark/producers"
	producerkafka "tidemark/producers/kafka"
	"tidemark/producers/load"
	"tidemark/producers/load/report"
	"tidemark/producers/load/threshold"
	loadverdict "tidemark/producers/load/verdict"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

type loadCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	producerFlags
	loadFlags
	profileFlags
	disorderFlags
	shapeFlags
	searchFlags
	throughFlags
	dropFlags
	calibrateFlags
	backlogFlags
	loadOutputs
	outputFlags

	settle time.Duration // How long to wait for a backlog before the run.
	calm   uint64        // How many active parts there are when merges are done, 0 not to wait for them.
	parts  uint64        // How many there were before the run.
	later  bool          // Whether the audit is made after more runs.

	unnamed bool // Whether nobody has named the namespace.
}

// loadFlags are what to offer and what to expect.
type loadFlags struct {
	Rate       eventRate     `help:"Events per second, such as 500, 50k or 1.2M, or in ChatGPT-years (11,574 per second each), such as 4cy." default:"1k" placeholder:"RATE" group:"Load"`
	Arrival    string        `help:"How events are spread over time: constant or poisson." default:"constant" placeholder:"NAME" group:"Load"`
	Warmup     time.Duration `help:"Offer events for this long before measuring." default:"10s" group:"Load" range:"0s..1h"`
	Duration   time.Duration `help:"Measure for this long." default:"1m" group:"Load" range:"1s..24h"`
	SLO        time.Duration `name:"slo" help:"Time from when an event is due until a query of the raw tables finds it, for 99 % of them." default:"2s" group:"Load" range:"10ms..1h"`
	SLORollup  time.Duration `name:"slo-rollup" help:"The same for the rollups per minute." default:"5s" group:"Load" range:"10ms..1h"`
	Poll       time.Duration `help:"Time between two questions to the database: the resolution of what is measured. It is three times what the last one took, if that is more." default:"50ms" group:"Load" range:"5ms..10s"`
	Drain      time.Duration `help:"How long to wait at the end until readers see the last event." default:"1m" group:"Load" range:"0s..24h"`
	Threshold  []string      `help:"A further condition, in the grammar of k6: METRIC:AGGREGATION OPERATOR NUMBER. May be repeated." sep:"none" placeholder:"CONDITION" group:"Load"`
	Mix        string        `help:"Which events: token_calls, mixed (all types), or shares of the types such as queries=0.3,token_calls=0.7." default:"token_calls" placeholder:"NAME" group:"Workload"`
	Seed       uint64        `help:"Seed of the workload." default:"1" group:"Workload"`
	Tenants    int           `help:"Number of tenants." default:"200" placeholder:"N" group:"Workload" range:"1..1000000"`
	Users      int           `help:"Number of users." default:"20000" placeholder:"N" group:"Workload" range:"1..1000000000000"`
	Duplicates float64       `help:"Share of records that repeat a recent one." default:"0" placeholder:"SHARE" group:"Workload" range:"0..1"`
	Conflicts  float64       `help:"Share of records that repeat a recent identity with another time." default:"0" placeholder:"SHARE" group:"Workload" range:"0..1"`
	Poison     float64       `help:"Share of records that no consumer accepts." default:"0" placeholder:"SHARE" group:"Workload" range:"0..1"`
}

// eventRate is a number of events per second, written with k for thousands, M for millions, cy for ChatGPT-years, or nothing.
type eventRate string

// maxLoadRate is far beyond what one process sends.
const maxLoadRate = 1e8

// parse returns the rate. flag is for the error.
func (r eventRate) parse(flag string) (float64, error) {
	n, err := r.orNothing(flag)
	if err == nil && n == 0 {
		return 0, r.wrong(flag)
	}
	return n, err
}

// orNothing returns the rate, which may be 0. flag is for the error.
func (r eventRate) orNothing(flag string) (float64, error) {
	n, err := withUnit(string(r))
	if err != nil || !(n >= 0 && n <= maxLoadRate) { // NaN is neither.
		return 0, r.wrong(flag)
	}
	return n, nil
}

// withUnit reads a number with k for thousands, M for millions, cy for ChatGPT-years, or none of them.
func withUnit(text string) (float64, error) {
	digits, factor := text, 1.0
	if short, found := strings.CutSuffix(digits, "k"); found {
		digits, factor = short, 1e3
	} else if short, found := strings.CutSuffix(digits, "M"); found {
		digits, factor = short, 1e6
	} else if short, found := strings.CutSuffix(digits, "cy"); found {
		digits, factor = short, queriesPerChatGPTYear
	}
	n, err := strconv.ParseFloat(digits, 64)
	return n * factor, err
}

func (r eventRate) wrong(flag string) error {
	return fmt.Errorf("%s: %q is not a number of events per second above 0, such as 500, 50k, 1.2M or 4cy, up to 100M", flag, string(r))
}

// options are what to offer. run is the label. They set how long the run measures.
func (c *loadCmd) options(run string) (load.Options, error) {
	f := &c.loadFlags
	arrival, err := load.ParseArrival(f.Arrival)
	if err != nil {
		err = fmt.Errorf("--arrival: %w", err)
	}
	rate, rateErr := f.Rate.parse("--rate")
	plan, takes, planErr := c.plan(rate, f.Duration)
	mix, shares, mixErr := parseMix(f.Mix)
	errs := []error{ranges(*f), ranges(c.profileFlags), ranges(c.disorderFlags), err, rateErr, planErr, mixErr}
	o := load.Options{Rate: rate, Plan: plan, Arrival: arrival, Run: run, Workload: synthetic.Options{
		Seed: f.Seed, Profile: mix, Mix: shares, Tenants: f.Tenants, Users: f.Users, Duplicates: f.Duplicates, Conflicts: f.Conflicts, Poison: f.Poison, Late: c.Late, OutOfOrder: c.OutOfOrder, Live: true, Run: run,
	}}
	errs = append(errs, c.shape(&o.Workload))
	if c.FindMax && (len(plan.Steps) > 0 || c.AbortFail) {
		errs = append(errs, errors.New("--find-max: its trials have one rate each and run to their end: it goes without --profile, --stages and --abort-on-fail"))
	}
	if c.AbortFail && len(c.Threshold) == 0 {
		errs = append(errs, errors.New("--abort-on-fail: there is no --threshold that could fail"))
	}
	if errors.Join(errs...) == nil {
		f.Duration = takes
		errs = append(errs, o.Workload.Validate())
		if err := o.Validate(f.Duration); err != nil {
			errs = append(errs, fmt.Errorf("--rate, --duration: %w", err))
		}
	}
	return o, errors.Join(errs...)
}

// thresholds are the conditions of --threshold.
func (f loadFlags) thresholds() ([]threshold.Threshold, error) {
	var found []threshold.Threshold
	var errs []error
	for _, text := range f.Threshold {
		t, err := load.ParseThreshold(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--threshold: %w", err))
		}
		found = append(found, t)
	}
	return found, errors.Join(errs...)
}

// Help implements kong.HelpProvider.
func (loadCmd) Help() string {
	return `Run it against a pipeline at work: a namespace with its ingest and rollup workers. The events stay in the namespace, so
take one of its own with --namespace, and remove it with "tidemark namespaces drop". Without --namespace or
TIDEMARK_NAMESPACE nothing is sent, and without an ingest worker neither.

The schedule is fixed before the run, and no answer moves it. Every latency counts from the moment at which the event was
due, of every event: until it is sent, acknowledged, stored (in the ledger), found in the raw table, and in the rollups.

The verdict is "pass" if events were sent on time, the lag does not grow, 99 % of the events are found within --slo and
--slo-rollup in the whole time and in its parts of 5 s, but for one or 5 %, the log drains, and the audit finds no difference.
"generator_limited" means that this program did not send on time: neither pass nor fail. "wrong" means that the audit
found a difference, whatever the speed. Measure for at least 1 minute; for a figure to publish, 5.

--profile and --stages change the rate during the run. The verdict is about the whole of it; "breaks" names the rate of the first
5 s in which events came too late.

--threshold adds conditions of your own, such as 'freshness_raw_ms:p(99)<1000': docs/load-testing.md lists the metrics.

--find-max searches for the highest rate that passes: short trials at rates that double from --min-rate on, then trials of
--trial each between the last that passed and the first that did not, then each bound again until the majority of --trials
agrees. The result is an interval, or that the trials contradict one another. One audit follows the last trial and judges all.

--backlog fills the log while no ingest runs, says when to start it, and measures how fast the events are stored and become
queryable, until --drain-ratio of them are. They happened before now, as if they had come at --rate.

--generator-only and --discard measure this program instead of a pipeline: a figure counts only below theirs.

--drop-namespace removes the namespace when all is printed and written, unless the run is wrong.

--out writes a report with charts, --summary-export what "tidemark load report" makes one of later, --compare says what
differs from an earlier run. A file that cannot be written is refused before the run.

Exit codes: 0 pass, 99 any other verdict or a threshold that does not hold, 104 a wrong command line or a file that cannot be
read or written, 105 interrupted, 3 anything else, such as a file that could not be written at the end; the others are.`
}

// Example implements exampler.
func (loadCmd) Example() string {
	return "tidemark load --namespace loadtest --rate 50k --duration 5m --threshold 'freshness_raw_ms:p(99.9)<3000' --summary-export summary.json"
}

// AfterApply notes whether a namespace was given. Kong calls it.
func (c *loadCmd) AfterApply(line *kong.Context) error {
	c.unnamed = !namespaceGiven(line)
	return nil
}

// validateNamespace returns an error if events would go to the namespace of production because nobody has named one.
func (c *loadCmd) validateNamespace() error {
	if !c.unnamed || c.calibrateFlags.on() {
		return nil
	}
	return fmt.Errorf("--namespace: name one. A load test sends made-up events, which without it would go to %s, among real ones, and stay there. "+
		"Take a namespace of its own: tidemark migrate --namespace loadtest, then tidemark load --namespace loadtest", c.Namespace)
}

func (c *loadCmd) validate(run string) (load.Options, error) {
	options, err := c.options(run)
	_, thresholdErr := c.thresholds()
	_, searchErr := c.config()
	searchErr = errors.Join(searchErr, c.oneWay(), c.validateBacklog(options), c.validateThrough(), c.validateDrop())
	err = invalid(c.commonFlags.validate(), c.validateNamespace(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.producerFlags.validate(), err, thresholdErr, searchErr)
	if err != nil {
		return options, &exitError{code: exitInvalid, err: err}
	}
	return options, nil
}

// Run offers the load, prints the summary, and ends with the code of the verdict.
func (c *loadCmd) Run(ctx context.Context, s Streams) error {
	options, err := c.validate(c.label("load", time.Now()))
	if err != nil {
		return err
	}
	earlier, err := c.earlier(c.FindMax)
	if err = errors.Join(c.check(), err); err != nil {
		return &exitError{code: exitInvalid, err: err}
	}
	switch err := c.unused(ctx); {
	case ctx.Err() != nil:
		c.DropNamespace = false // Nobody knows what is in it.
	case err != nil:
		return err
	}
	switch {
	case c.FindMax:
		return c.search(ctx, s, options, earlier)
	case c.calibrateFlags.on():
		return c.calibrate(ctx, s, options)
	case c.backlogFlags.on():
		return c.drainBacklog(ctx, s, options)
	}
	summary, err := c.measure(ctx, s, options)
	if summary.SchemaVersion > 0 {
		err = errors.Join(err, c.show(s.Out, summary, func(w io.Writer) error { return printLoad(w, summary) }), c.finish(c.told(s).Out, report.File{Name: summary.Run, Run: &summary}, earlier))
		c.hint(s, summary)
		err = errors.Join(err, c.drop(ctx, s, summary.Verdict.Outcome == loadverdict.Wrong))
	}
	return loadEnd(ctx, err, summary.Passed())
}

// loadEnd returns how the command ends: the exit code of what it came to.
func loadEnd(ctx context.Context, err error, passed bool) error {
	switch {
	case ctx.Err() != nil:
		return &exitError{code: exitInterrupted, err: err}
	case err != nil:
		return err
	case !passed:
		return &exitError{code: exitThreshold}
	}
	return nil
}

// finish prints the comparison with an earlier file, if there is one, and writes the files.
func (c *loadCmd) finish(w io.Writer, f, earlier report.File) error {
	var comparisons []report.Comparison
	var errs []error
	if earlier.Run != nil || earlier.Search != nil {
		comparison, err := report.Compare(earlier, f)
		if err == nil {
			err = printComparison(w, comparison)
			comparisons = append(comparisons, comparison)
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, c.writeAll(w, f, comparisons))...)
}

// measure makes the test.
func (c *loadCmd) measure(ctx context.Context, s Streams, options load.Options) (summary load.Summary, err error) {
	thresholds, err := c.thresholds()
	if err != nil {
		return summary, err
	}
	recorder := app.NewRecorder(c.Namespace, load.RecorderConfig{Warmup: c.Warmup, Duration: c.Duration, SLO: c.SLO, SLORollup: c.SLORollup})
	err = c.with(ctx, s, options, recorder, func(test *app.Load) error {
		test.Settle, test.Calm, test.AuditLater, test.Thresholds = c.settle, c.calm, c.later, thresholds
		var err error
		summary, err = test.Run(ctx)
		c.parts = test.PartsAtStart
		return err
	})
	return summary, err
}

// with calls work with a test: one that has connections or, if ctx ends before it has them, one that only sums up that it was ended.
func (c *loadCmd) with(ctx context.Context, s Streams, options load.Options, recorder *load.Recorder, work func(*app.Load) error) error {
	begun := false
	err := c.connected(ctx, s, options, recorder, func(test *app.Load) error {
		begun = true
		return work(test)
	})
	if ctx.Err() != nil && !begun {
		err = errors.Join(err, work(&app.Load{Namespace: c.Namespace, Recorder: recorder, Options: options, Poll: c.Poll}))
	}
	return err
}

// connected opens the connections of a test, and closes them when work has made it.
func (c *loadCmd) connected(ctx context.Context, s Streams, options load.Options, recorder *load.Recorder, work func(*app.Load) error) (err error) {
	if err := c.reach(ctx); err != nil {
		return err
	}
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	client, err := c.client("tidemark-load")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	var retries, records, size atomic.Uint64
	writer, err := c.writerWith("tidemark-producer", c.Compression, producerkafka.Hooks{
		Retry: func(string, int32, error) { retries.Add(1) }, Acknowledged: recorder.Acknowledged,
		Batch: func(n, bytes int) {
			records.Add(uint64(n))
			size.Add(uint64(bytes))
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	if options.Workload.Partitions, err = writer.Partitions(ctx, schemas.TopicName(c.Namespace, schemas.SpecOf(schemas.TokenCallType).Topic)); err != nil {
		return err
	}
	view := newLoadView(s, recorder.Live)
	defer view.end()
	stack, err := c.stackUsage()
	if err != nil {
		return err
	}
	test := &app.Load{
		Namespace: c.Namespace, Client: client, DB: db, Sender: &producers.Sender{Log: writer, Namespace: c.Namespace}, Recorder: recorder,
		Options: options, AbortOnFail: c.AbortFail, AbortDelay: c.AbortDelay, Poll: c.Poll, Drain: c.Drain, Retries: retries.Load, Log: c.logger(s), Stack: stack,
		LogBytes: func() (uint64, uint64) { return size.Load(), records.Load() },
		Phase:    view.enter, Polled: view.polled,
	}
	if c.Through != throughKafka {
		log := c.collectorLog(recorder)
		if err := log.Locate(ctx, client, c.Namespace); err != nil {
			return err
		}
		test.Sender.Log, test.Retries, test.Check, test.Unreported = log, log.Retries, log.Check, true
		defer log.Client.CloseIdleConnections()
	}
	return work(test)
}

// hint says how to remove what a load test that was audited leaves. The namespace of production is not for that.
func (c *loadCmd) hint(s Streams, summary load.Summary) {
	if c.DropNamespace || summary.Partial || summary.Verdict.Outcome == loadverdict.Wrong || c.Namespace == schemas.DefaultNamespace {
		return
	}
	fmt.Fprintf(s.Err, "the events stay in the namespace; to remove it with all that is in it: tidemark namespaces drop %s\n", c.Namespace)
}
