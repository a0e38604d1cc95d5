package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"tidemark/internal/app"
	"tidemark/producers"
	producerkafka "tidemark/producers/kafka"
	"tidemark/producers/load"
	"tidemark/schemas"
)

// calibrateFlags say to measure the generator instead of a pipeline.
type calibrateFlags struct {
	GeneratorOnly bool `help:"Make and encode the events and send nothing: what this program can offer." group:"Calibration"`
	Discard       bool `help:"Send the events to a topic that nobody reads, and remove it: what this program and the brokers take." group:"Calibration"`
}

func (f calibrateFlags) on() bool { return f.GeneratorOnly || f.Discard }

// calibrationPartitions is how many partitions events are made for where there are no brokers.
const calibrationPartitions = 8

// calibrate measures the generator, prints what it does, and ends with whether it offered the rate.
func (c *loadCmd) calibrate(ctx context.Context, s Streams, options load.Options) error {
	done, err := c.calibration(ctx, s, options)
	if done.SchemaVersion > 0 {
		err = errors.Join(err, c.show(s.Out, done, func(w io.Writer) error { return printCalibration(w, done) }), c.writeSummary(c.told(s).Out, done))
	}
	return loadEnd(ctx, err, done.Passed())
}

// calibration opens what is needed and measures.
func (c *loadCmd) calibration(ctx context.Context, s Streams, options load.Options) (done load.Calibration, err error) {
	recorder := load.NewRecorder(load.RecorderConfig{
		Warmup: c.Warmup, Duration: c.Duration, SLO: c.SLO, SLORollup: c.SLORollup, Rolled: func(string) bool { return false },
	})
	test := app.Calibration{Options: options, Recorder: recorder, Kind: "generator", Phase: func(name string) { fmt.Fprintln(s.Err, name) }}
	if !c.GeneratorOnly {
		test.Kind = "discard"
		done, err = c.discard(ctx, &test)
		if ctx.Err() == nil || done.SchemaVersion > 0 {
			return done, err
		}
	}
	// Nothing is to be sent, or no longer: a test that was ended before it had its topic says so.
	test.Options.Workload.Partitions = calibrationPartitions
	test.Sender = &producers.Sender{Log: app.Nowhere{Count: calibrationPartitions}, Namespace: c.Namespace}
	done, endErr := test.Run(ctx)
	return done, errors.Join(err, endErr)
}

// discard measures with the brokers.
func (c *loadCmd) discard(ctx context.Context, test *app.Calibration) (done load.Calibration, err error) {
	if err := c.reach(ctx); err != nil {
		return done, err
	}
	client, err := c.client("tidemark-load")
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	var records, size atomic.Uint64
	writer, err := c.writerWith("tidemark-producer", c.Compression, producerkafka.Hooks{
		Acknowledged: test.Acknowledged,
		Batch: func(n, bytes int) {
			records.Add(uint64(n))
			size.Add(uint64(bytes))
		},
	})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	partitions, err := writer.Partitions(ctx, schemas.TopicName(c.Namespace, schemas.SpecOf(schemas.TokenCallType).Topic))
	if err != nil {
		return done, err
	}
	topic, err := app.NewDiscardTopic(ctx, client, writer, c.Namespace, partitions)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, topic.Remove(ctx)) }()
	test.Options.Workload.Partitions = partitions
	test.Sender = &producers.Sender{Log: topic, Namespace: c.Namespace}
	test.LogBytes = func() (uint64, uint64) { return size.Load(), records.Load() }
	return test.Run(ctx)
}

// printCalibration prints what the generator does.
func printCalibration(w io.Writer, c load.Calibration) error {
	what := "this program makes and encodes"
	if c.Kind == "discard" {
		what = "this program sends and the brokers take"
	}
	fmt.Fprintf(w, "%s %s events/s at most", what, number(uint64(c.Most)))
	if c.MostCPUUS != nil {
		fmt.Fprintf(w, ", with %.2f us of CPU time of this process per event", *c.MostCPUUS)
	}
	fmt.Fprintf(w, "\n%-12s at %s events/s: %s\n", c.Check.State, number(uint64(c.Config.Rate)), c.Check.Detail)
	fmt.Fprintf(w, "send delay, ms: p50 %.1f, p99 %.1f, p99.9 %.1f, max %.1f\n", c.SendDelay.P50MS, c.SendDelay.P99MS, c.SendDelay.P999MS, c.SendDelay.MaxMS)
	if a := c.Acknowledged; a != nil {
		fmt.Fprintf(w, "acknowledged, ms: p50 %.1f, p99 %.1f, p99.9 %.1f, max %.1f\n", a.P50MS, a.P99MS, a.P999MS, a.MaxMS)
	}
	if p := c.Process; p != nil {
		fmt.Fprintf(w, "at that rate: %.2f cores, %.2f us of CPU time per event, %d MB of memory\n", p.Cores, p.CPUPerEventUS, p.ResidentMax>>20)
	}
	if c.LogBytes != nil {
		fmt.Fprintf(w, "the brokers store %.0f bytes per event\n", *c.LogBytes)
	}
	if c.Most > 0 {
		_, err := fmt.Fprintf(w, "the rate is %.0f %% of the most\n", 100*c.Config.Rate/c.Most)
		return err
	}
	return nil
}

// oneWay returns an error if more than one thing is asked for.
func (c *loadCmd) oneWay() error {
	var asked []string
	for _, way := range []struct {
		flag string
		on   bool
	}{{"--find-max", c.FindMax}, {"--generator-only", c.GeneratorOnly}, {"--discard", c.Discard}, {"--backlog", c.backlogFlags.on()}} {
		if way.on {
			asked = append(asked, way.flag)
		}
	}
	switch {
	case len(asked) > 1:
		return fmt.Errorf("%s: only one of them", strings.Join(asked, ", "))
	case len(asked) == 1 && !c.FindMax && len(c.Threshold) > 0:
		return fmt.Errorf("--threshold: not with %s, which has no such figures", asked[0])
	case len(asked) == 1 && !c.FindMax && c.Out+c.CSV+c.HGRM+c.Compare != "":
		return fmt.Errorf("--out, --csv, --hgrm, --compare: not with %s, whose figures --summary-export writes", asked[0])
	case len(asked) == 1 && !c.FindMax && (c.Stages != "" || c.Profile != string(load.Steady)):
		return fmt.Errorf("--profile, --stages: not with %s, which has one rate", asked[0])
	}
	return nil
}
