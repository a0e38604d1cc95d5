package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"tidemark/producers/replay"
)

type replayCmd struct {
	commonFlags
	kafkaFlags
	producerFlags
	Format  string   `arg:"" help:"azure-llm (CSV), mooncake (JSONL), agentic (CSV), or scenario:NAME."`
	Files   []string `arg:"" optional:"" help:"Trace files, plain or gzip; '-' is standard input."`
	Speed   string   `help:"1 is the recorded pace, 10 ten times that, max as fast as the log takes it. Event times never change." default:"max" placeholder:"N" group:"Replay"`
	Start   string   `help:"Time of the trace's zero, RFC 3339; required where a trace has relative time only." placeholder:"TIME" group:"Replay"`
	Tenant  string   `help:"Tenant of the events; the format's own when empty." placeholder:"NAME" group:"Replay"`
	Product string   `help:"Product of the events; the format's own when empty." placeholder:"NAME" group:"Replay"`
	Limit   int64    `help:"Records of a scenario to send at the most; 0 sends all." default:"0" placeholder:"N" group:"Replay"`
}

// Help is the long text of "tidemark replay --help".
func (replayCmd) Help() string {
	lines := []string{"Identities and times come from the trace alone, so replaying a file again, plain, gzipped or from standard input, at any",
		"speed, changes no total. A row that cannot be read is reported by file, line and column and skipped; the exit code",
		"is 1 then.", "", "Formats:"}
	for _, format := range replay.Formats() {
		lines = append(lines, fmt.Sprintf("  %-10s %s", format.Name, format.Description))
	}
	lines = append(lines, "", "scenario:NAME replays one of 'tidemark scenarios list', or a scenario file by its path, into the namespace",
		scenariosNamespace+" unless --namespace says another.")
	return strings.Join(lines, "\n")
}

// parseSpeed returns the pace that --speed says, 0 for max.
func parseSpeed(text string) (float64, error) {
	if text == "max" {
		return 0, nil
	}
	speed, err := strconv.ParseFloat(text, 64)
	if err != nil || speed <= 0 {
		return speed, fmt.Errorf("--speed: %q is not max or a positive number", text)
	}
	return speed, nil
}

// options validates the replay's own flags.
func (c *replayCmd) options() (replay.Options, error) {
	o := replay.Options{Format: c.Format, Files: c.Files, Tenant: c.Tenant, Product: c.Product}
	var errs []error
	speed, err := parseSpeed(c.Speed)
	if err != nil {
		errs = append(errs, err)
	}
	o.Speed = speed
	if c.Limit != 0 {
		errs = append(errs, errors.New("--limit: for a scenario only"))
	}
	if c.Start != "" {
		start, err := time.Parse(time.RFC3339Nano, c.Start)
		if err != nil {
			errs = append(errs, fmt.Errorf("--start: %q is not a time like 2026-03-02T00:00:00Z", c.Start))
		}
		o.Start = start
	}
	return o, errors.Join(append(errs, o.Validate())...)
}

// Run replays.
func (c *replayCmd) Run(ctx context.Context, s Streams, k *kong.Context) (err error) {
	if strings.HasPrefix(c.Format, scenarioPrefix) {
		return c.replayScenario(ctx, s, k)
	}
	options, optionsErr := c.options()
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
	options.Run, options.Stdin = c.label("replay", time.Now()), s.In
	options.OnProblem = func(p replay.Problem) { fmt.Fprintf(s.Err, "%s\n", p) }
	report := newReporter(s.Err)
	options.Progress = func(p replay.Progress) {
		report.line("%s rows read, %s sent", number(uint64(p.Rows)), number(uint64(p.Sent)))
	}
	started := time.Now()
	result, err := replay.Run(ctx, sender, options)
	report.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "run %s: %s rows of %s, events from %s to %s\n", options.Run, number(uint64(result.Rows)), c.Format,
		result.First.UTC().Format(time.RFC3339), result.Last.UTC().Format(time.RFC3339))
	if err := printTruth(s, result.Truth, time.Since(started)); err != nil {
		return err
	}
	if result.Interrupted {
		fmt.Fprintln(s.Out, "interrupted; run it again to send the rest, nothing will count twice")
		return errFound
	}
	if result.Skipped > 0 {
		fmt.Fprintf(s.Err, "tidemark: %s rows were skipped, see above\n", number(uint64(result.Skipped)))
		return errFound
	}
	return nil
}
