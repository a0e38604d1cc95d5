package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	producerformats "tidemark/producers/formats"
	"tidemark/producers/formats/faults"
	"tidemark/producers/replay"
	"tidemark/schemas"
)

type replayCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	producerFlags
	userFlags
	Source     string   `arg:"" help:"A format of files (azure-llm, mooncake, agentic, burstgpt, cloudevents, csv, jsonl), topic:NAME, table:NAME or scenario:NAME."`
	Files      []string `arg:"" optional:"" help:"Files of that format, plain, packed or Parquet, merged by time; '-' is standard input."`
	Speed      string   `help:"1 is the recorded pace, 10 ten times that, max as fast as the log takes it. Event times never change." default:"max" placeholder:"N" group:"Pace"`
	Rate       float64  `help:"Events a second at the most; 0 sets no bound." default:"0" placeholder:"N" group:"Pace" range:"0..1e9"`
	From       string   `help:"Only events from this time on: RFC 3339 or a date, UTC." placeholder:"TIME" group:"Selection"`
	To         string   `help:"Only events before this time." placeholder:"TIME" group:"Selection"`
	Limit      int64    `help:"Stop after this many events; 0 sends all." default:"0" placeholder:"N" group:"Selection" range:"0..1000000000000000"`
	FromOffset int64    `help:"topic: only records from this offset of each partition on." default:"0" placeholder:"N" group:"Selection" range:"0..1000000000000000"`
	ToOffset   int64    `help:"topic: only records before this offset of each partition; 0 goes to its end." default:"0" placeholder:"N" group:"Selection" range:"0..1000000000000000"`
	Filter     string   `help:"table: only rows for which this SQL condition over the view's columns holds." placeholder:"SQL" group:"Selection"`
	DryRun     bool     `help:"Send nothing; show what would be sent, and how much of it is stored already." group:"Selection"`
	Start      string   `help:"Time of the trace's zero, RFC 3339; required where a file has relative times only." placeholder:"TIME" group:"Events"`
	LastLine   string   `help:"A last line without an end: take reads it, leave leaves it out, auto (the default) takes what is whole for sure." default:"auto" placeholder:"auto|take|leave" group:"Events"`
	Mapping    string   `help:"csv, jsonl: the YAML file that says what the columns mean." placeholder:"FILE" group:"Events"`
	Type       string   `help:"topic: type of the events on a topic whose name does not say it. cloudevents: type of those whose own type does not." placeholder:"TYPE" group:"Events"`
	Tenant     string   `help:"Files: tenant of the events instead of their own. topic, table: only the events of this tenant." placeholder:"NAME" group:"Events"`
	Product    string   `help:"Files: product of the events instead of their own." placeholder:"NAME" group:"Events"`
}

// Help is the long text of "tidemark replay --help".
func (replayCmd) Help() string {
	lines := []string{
		"Identities and times come from the recorded data alone, so replaying it again, plain, gzipped or from standard input, at",
		"any speed, changes no total: a replay that died is simply run again. What cannot be read is reported by file, line and",
		"column (or topic, partition and offset) and skipped; the exit code is 1 then, and where a column of tokens, requests, weight",
		"or cost is in no row. --dry-run shows what the first events become, and all that would be told.",
		"",
		"With --speed N the events of files and topics go in the order of their time, whatever order they are recorded in: what is",
		"not in order is read to its end first, standard input always, and what does not fit into memory is sorted in a temporary",
		"file (TMPDIR). How late the events were, against their own time, is printed at the end.",
		"",
		"A last line that has no end may be half-written. One of CSV is left out, told, and read when the file is replayed again and",
		"it is whole; one of JSON is read if it is a whole object, and so is the last line of a published trace, with a note.",
		"--last-line take reads it all the same, --last-line leave leaves it out always.",
		"",
		"What a file is is seen from its first bytes, on standard input too: plain, gzip, zstd or bzip2, in UTF-8 or UTF-16, and Parquet",
		"(from files only, with the mappings of csv and jsonl and in all trace formats; its columns are named as in a CSV header, what",
		"is within them by paths). Anything else is named, with the way out. JSON may be one object a line, objects over several lines",
		"or side by side, or arrays of objects. Fields of CSV are separated by a comma or by what the header shows; a header in the",
		"middle, of files that were put together, is no row.",
		"",
		"A malformed attribute that may be absent (country, currency, cost, latency, user of CloudEvents) is unknown and counted at the",
		"end; what identity, time, type, tenant, weight and counts are made of costs the row. Calls of CloudEvents may have the usage",
		"object of OpenAI, Anthropic, Gemini, Bedrock, Mistral, Cohere, LiteLLM or Langfuse, or one number of tokens and its type, as in",
		"OpenMeter's examples: there the input is the call, and its output belongs to it.",
		"", "Formats of files:",
	}
	for _, format := range producerformats.All() {
		line := fmt.Sprintf("  %-12s %s", format.Name, format.Description)
		if format.NeedsStart {
			line += "; needs --start"
		}
		if format.NeedsMapping {
			line += "; needs --mapping"
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, sourcesHelp), "\n")
}

const sourcesHelp = `
Other sources:
  topic:NAME     the records of a topic up to where it ends now: token_calls (of the namespace), lab.token_calls.v1 (of
                 another), or any topic with --type. They keep their identity: in the same namespace nothing counts twice.
  table:NAME     what the view of a raw table shows: token_calls (of the namespace) or lab.token_calls.
  scenario:NAME  a scenario, into the namespace tidemark_scenarios unless --namespace says otherwise.

A mapping for csv and jsonl says what the columns mean; docs/replaying-your-files.md has an example for each kind of file:
  type: token_calls              # or queries, signups, model_events, reference_points
  source: my-gateway             # who speaks; part of the identity for ever
  where: {kind: completion}      # which rows count: COLUMN: TEXT or [TEXT, TEXT], {not: TEXT}, {matches: REGEXP}; a list of
                                 # such groups holds if one of them does
  each: data.results             # JSON: the path to arrays whose elements are the rows
  time: {column: at, format: unix_ms}    # datetime (the default, with zone: Europe/Berlin where it names none),
                                 # unix_s, unix_us, unix_ns, relative_s, relative_ms, relative_us (with --start), or
                                 # the moment 2006-01-02 15:04:05 written the way the file would: 02.01.2006 15:04
  id: [request_id]               # columns that identify a row; without it, its place and its content do. A part that may be
                                 # empty is {column: part, optional: true}, one of several columns {first: [a, b]}
  repeats: last                  # rows of one id in the files of a command: the last counts, as in the log of a message that grows (with the time of the
                                 # first; a grown file that is read again replaces what was read before), or first; parts
                                 # are put together; sum adds them up, corrections being negative
  revision: {from: updated_at}   # which row of an id is the newest, in any file: a time or a whole number (from, format, zone);
                                 # position numbers the rows of a file
  pivot: {column: kind, value: n, fields: {input: input_uncached, output: output_visible, other: ignore}}
                                 # a column says what the number of the row counts
  null: ["NULL", N/A]            # texts that stand for nothing
  numbers: {decimal: ",", group: "."}    # how people wrote them; marks: [$], suffixes: true for K and M
  delimiter: semicolon           # CSV: found out where it is a comma, semicolon, tab or bar
  fields:
    tenant: {constant: acme}     # or --tenant; product likewise
    model: {first: [served, asked]}      # FIELD: COLUMN; first: of several columns that is not empty
    requests: n_requests         # how many calls the row adds up: its tokens and cost are totals; 0 counts none
    input_total: prompt_tokens   # all input; what input_cache_read and input_cache_write have is taken off
    input_cache_write: {sum: [write_5m, write_1h]}   # sum of columns, less those of minus
    output_visible: {column: completion_tokens, default: "0"}
    latency_us: {column: latency, unit: ms}          # or {from: started, to: ended}
    reported_cost_nanos: {column: usd, unit: one}
    cost_currency: {constant: USD}
    status: {column: outcome, values: {success: ok, failed: error}, default: ok}
    user: account                # hashed under a key, within the tenant
    provider: {column: by, optional: true}           # it does not matter if no row has it
    weight: n                    # how many events like this one a row stands for, tokens and all: 0 makes none
  A column may be a path into JSON: usage.input, parts.0.in, or of JSON that a CSV column holds as text.`

// shownProblems is how many problems a replay shows: a file that is read by the wrong mapping has one a row.
const shownProblems = 1000

// defaultSpeed is the pace where none is given.
const defaultSpeed = "max"

// options validates the replay's own flags and returns what does not depend on the kind of source.
func (c *replayCmd) options() (replay.Options, error) {
	o := replay.Options{Files: c.Files, LastLine: c.LastLine, Tenant: c.Tenant, Product: c.Product, Limit: c.Limit, Rate: c.Rate}
	var errs []error
	if err := ranges(*c); err != nil {
		errs, o.Limit, o.Rate = append(errs, err), 0, 0 // Said once.
	}
	if c.Speed != defaultSpeed {
		speed, err := strconv.ParseFloat(c.Speed, 64)
		if err != nil || !(speed > 0) || math.IsInf(speed, 0) {
			errs = append(errs, fmt.Errorf("--speed: %q is not max or a positive number", c.Speed))
		} else {
			o.Speed = speed
		}
	}
	for _, at := range []struct {
		flag, text string
		into       *time.Time
	}{{"--start", c.Start, &o.Start}, {"--from", c.From, &o.From}, {"--to", c.To, &o.To}} {
		if at.text == "" {
			continue
		}
		var err error
		if *at.into, err = parseMoment(at.text); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", at.flag, err))
		}
	}
	return o, errors.Join(errs...)
}

// asFlags puts the names of flags into the errors about settings that are joined in err.
func asFlags(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // It is what errors.Join returns.
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, asFlags(one))
		}
		return errors.Join(all...)
	}
	var setting *faults.SettingError
	var field *schemas.FieldError
	switch {
	case errors.As(err, &setting):
		return fmt.Errorf("--%s: %s", strings.Join(setting.Settings, " and --"), setting.Problem)
	case errors.As(err, &field):
		return fmt.Errorf("--%w", field)
	}
	return err
}

// parseMoment reads a time in RFC 3339 or a date, which is its beginning in UTC.
func parseMoment(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time like 2026-03-02T00:00:00Z or a date", text)
	}
	return at, nil
}

// Run replays.
func (c *replayCmd) Run(ctx context.Context, s Streams, line *kong.Context) (err error) {
	c.chooseNamespace(line)
	options, optionsErr := c.options()
	open, sourceErr := c.opener(&options)
	if sourceErr == nil {
		optionsErr = errors.Join(optionsErr, asFlags(options.Validate()))
	}
	var usersErr error
	options.Users, usersErr = c.users(options.HasUsers())
	if err := invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.producerFlags.validate(), optionsErr, sourceErr, usersErr); err != nil {
		return err
	}
	if options.HasUsers() {
		if err := c.prepare(&options, s.Err); err != nil {
			return err
		}
	}
	options.Run, options.Stdin = c.label("replay", time.Now()), s.In
	if open != nil {
		closeSource, openErr := open(ctx)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, closeSource()) }()
	}
	problems := 0
	options.Hooks.Problem = func(p replay.Problem) {
		switch problems++; {
		case problems <= shownProblems:
			fmt.Fprintf(s.Err, "%s\n", p)
		case problems == shownProblems+1:
			fmt.Fprintln(s.Err, "tidemark: more problems are counted and not shown")
		}
	}
	report := newReporter(s.Err)
	options.Hooks.Progress = func(p replay.Progress) { report.line("%s", progressLine(p)) }
	if c.DryRun {
		return c.dryRun(ctx, s, options, report)
	}
	return c.send(ctx, s, options, report)
}

// chooseNamespace takes the default of the kind of source where no namespace is given.
func (c *replayCmd) chooseNamespace(line *kong.Context) {
	if _, set := os.LookupEnv("TIDEMARK_NAMESPACE"); set {
		return
	}
	for _, at := range line.Path {
		if at.Flag != nil && at.Flag.Name == "namespace" {
			return
		}
	}
	if kind, _, named := strings.Cut(c.Source, ":"); named && kind == "scenario" {
		c.Namespace = scenarioNamespace
	}
}

func (c *replayCmd) send(ctx context.Context, s Streams, options replay.Options, report *reporter) (err error) {
	if err := c.reach(ctx); err != nil {
		return err
	}
	sender, closeLog, err := openSender(c.kafkaFlags, c.producerFlags, c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog()) }()
	started := time.Now()
	result, err := replay.Run(ctx, sender, options)
	report.end()
	if err != nil {
		return err
	}
	return c.printResult(s, options, result, time.Since(started))
}
