package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
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
	spanFlags
	outputFlags
	Source     string   `arg:"" help:"A format of files (azure-llm, mooncake, agentic, burstgpt, cloudevents, csv, jsonl, claude-code, codex, gemini-cli, qwen-code, otlp, litellm, openai-jsonl, anthropic-jsonl), or sample:NAME, topic:NAME, table:NAME, scenario:NAME."`
	Files      []string `arg:"" optional:"" help:"Files of that format: plain, compressed or Parquet, merged by time. '-' is standard input. For claude-code, codex, gemini-cli and qwen-code also folders."`
	Speed      string   `help:"Speed of the replay: 1 is the recorded speed, 10 is ten times that, max is as fast as the log accepts events. Event times never change." default:"max" placeholder:"N" group:"Pace"`
	Rate       float64  `help:"Maximum events per second. 0: no maximum." default:"0" placeholder:"N" group:"Pace" range:"0..1e9"`
	Limit      int64    `help:"Stop after this many events. 0: send all." default:"0" placeholder:"N" group:"Selection" range:"0..1000000000000000"`
	FromOffset int64    `help:"topic: only records from this offset on, in each partition." default:"0" placeholder:"N" group:"Selection" range:"0..1000000000000000"`
	ToOffset   int64    `help:"topic: only records before this offset, in each partition. 0: to the end." default:"0" placeholder:"N" group:"Selection" range:"0..1000000000000000"`
	Filter     string   `help:"table: only rows that match this SQL condition on the columns of the view." placeholder:"SQL" group:"Selection"`
	DryRun     bool     `help:"Send nothing. Show what would be sent, and how much of it is already stored." group:"Selection"`
	Start      moment   `help:"Time at which the trace begins: RFC 3339 or a day. Required if a file has relative times only." placeholder:"TIME" group:"Events"`
	LastLine   string   `help:"A last line without a line end: take reads it, leave skips it, auto reads it only if it is certainly whole." default:"auto" placeholder:"auto|take|leave" group:"Events"`
	Mapping    string   `help:"csv, jsonl: YAML file that describes the columns." placeholder:"FILE" group:"Events"`
	Type       string   `help:"topic: type of the events, if the name of the topic does not tell it. cloudevents: type of the events whose own type Tidemark does not know." placeholder:"TYPE" group:"Events"`
	Tenant     string   `help:"Files: tenant of the events instead of their own. topic, table: only the events of this tenant." placeholder:"NAME" group:"Events"`
	Product    string   `help:"Files: product of the events instead of their own." placeholder:"NAME" group:"Events"`
}

// Help implements kong.HelpProvider.
func (replayCmd) Help() string {
	var formats strings.Builder
	for _, format := range producerformats.All() {
		fmt.Fprintf(&formats, "  %-15s %s", format.Name, format.Description)
		if format.NeedsStart {
			formats.WriteString("; needs --start")
		}
		if format.NeedsMapping {
			formats.WriteString("; needs --mapping")
		}
		if format.NeedsTenant {
			formats.WriteString("; needs --tenant")
		}
		formats.WriteByte('\n')
	}
	return replayHelp + "\n\nFormats of files:\n\n" + formats.String() + logsHelp + sourcesHelp + samplesHelp() + mappingHelp
}

// samplesHelp lists the samples.
func samplesHelp() string {
	var text strings.Builder
	text.WriteString("\nSamples:\n\n")
	for _, s := range replay.Samples() {
		fmt.Fprintf(&text, "  %-20s %s\n", s.File(), s.Description)
	}
	return text.String()
}

// Example implements exampler.
func (replayCmd) Example() string {
	return "tidemark replay sample:azure-llm\n" +
		"tidemark replay claude-code ~/.claude/projects --tenant acme --dry-run\n" +
		"tidemark replay csv usage-2026-03.csv.gz --mapping mapping.yaml --tenant acme --dry-run"
}

const replayHelp = `If a replay is interrupted, run it again. Identities and times come from the recorded data alone, so replaying the same
data again, compressed or plain, at any speed, changes no total. Tidemark reports rows that it cannot read by file, line
and column (or topic, partition and offset) and skips them. The exit code is then 1. It is also 1 if a column of tokens,
requests, weight or cost is in no row. --dry-run shows what the first events become, and everything that a replay would
report.

With --speed N Tidemark sends the events of files and topics in the order of their times. If a source is not in that
order, or is standard input, Tidemark reads it to its end before it sends anything. It sorts what does not fit into
memory in a temporary file (TMPDIR). At the end it prints how late it sent the events.

A last line without a line end may be half-written. In CSV Tidemark leaves it out and reports it; replay the file again when
it is complete. In JSON Tidemark reads it if it is a whole object. It also reads the last line of a published trace, and
prints a note. --last-line take always reads it, --last-line leave never does.

Tidemark recognizes the form of a file from its first bytes, on standard input too: plain, gzip, zstd or bzip2; UTF-8 or
UTF-16; or Parquet. Parquet is read from files only, with the mappings of csv and jsonl and in all trace formats; its
columns are named as in a CSV header, and nested values by paths. For any other form the error names the form and a way
to convert it. JSON may be one object per line, objects over several lines or side by side, or arrays of objects. Fields of
CSV are separated by a comma or by what the header shows. A header repeated in the middle of a file is not a row.

Tidemark treats a malformed optional attribute (country, currency, cost, latency, user of CloudEvents) as unknown and
counts it at the end. It skips a row with a malformed identity, time, type, tenant, weight or count. Calls in
CloudEvents may have the usage object of OpenAI, Anthropic, Gemini, Bedrock, Mistral, Cohere, LiteLLM or Langfuse. They
may also have one number of tokens and its type, as in the examples of OpenMeter: then the event with the input is the
call, and the event with the output adds its tokens.`

const logsHelp = `
claude-code, codex, gemini-cli and qwen-code also take folders, and read the logs below them. In these formats, in otlp,
litellm, openai-jsonl and anthropic-jsonl a call counts once with its last usage, however often and in whatever order the files
state it. You can replay logs that grow as often as you like. Prompts, answers, folders and addresses are not sent.
`

const sourcesHelp = `
Other sources:

  sample:NAME    a published trace that comes with Tidemark, see below.
  topic:NAME     the records of a topic up to its present end: token_calls (of the namespace), lab.token_calls.v1 (of
                 another), or any topic with --type. Events keep their identity: in the same namespace nothing counts twice.
  table:NAME     the rows that the view of a raw table shows: token_calls (of the namespace) or lab.token_calls.
  scenario:NAME  a scenario. The default namespace is then tidemark_scenarios.
`

const mappingHelp = `
A mapping for csv and jsonl describes the columns. docs/replaying-your-files.md has an example for each kind of file:

  type: token_calls              # or queries, signups, model_events, reference_points
  source: my-gateway             # the system that recorded the rows; part of the identity, so never change it
  where: {kind: completion}      # which rows count: COLUMN: TEXT or [TEXT, TEXT], {not: TEXT}, {matches: REGEXP}; a list of
                                 # such groups selects rows that match one of them
  each: data.results             # JSON: the path to arrays whose elements are the rows
  time: {column: at, format: unix_ms}    # datetime (the default, with zone: Europe/Berlin if it names none),
                                 # unix_s, unix_us, unix_ns, relative_s, relative_ms, relative_us (with --start), or
                                 # the moment 2006-01-02 15:04:05 in the form of the file: 02.01.2006 15:04
  id: [request_id]               # columns that identify a row; without it, its place and its content do. A part that may be
                                 # empty is {column: part, optional: true}, one of several columns {first: [a, b]}
  repeats: last                  # rows with the same id in the files of one command. last: the last row counts, with the time of
                                 # the first, as in a log of a growing message (a grown file that is read again replaces what was
                                 # read before). first: the first row counts. parts: rows are merged. sum: rows are added up;
                                 # corrections are negative
  revision: {from: updated_at}   # which row of an id is the newest, in any file: a time or a whole number (from, format, zone);
                                 # position numbers the rows of a file
  pivot: {column: kind, value: n, fields: {input: input_uncached, output: output_visible, other: ignore}}
                                 # the column tells which field the number in the row belongs to
  null: ["NULL", N/A]            # texts that mean: no value
  numbers: {decimal: ",", group: "."}    # how numbers are written; marks: [$], suffixes: true for K and M
  delimiter: semicolon           # CSV: comma, semicolon, tab and bar are recognized without it
  fields:
    tenant: {constant: acme}     # or --tenant
    product: {constant: api}     # or --product
    model: {first: [served, asked]}      # FIELD: COLUMN; first: the first of several columns that is not empty
    requests: n_requests         # how many calls the row adds up: its tokens and cost are totals; 0 counts no call
    input_total: prompt_tokens   # all input; Tidemark subtracts what input_cache_read and input_cache_write have
    input_cache_write: {sum: [write_5m, write_1h]}   # sum of columns, minus those of minus
    output_visible: {column: completion_tokens, default: "0"}
    latency_us: {column: latency, unit: ms}          # or {from: started, to: ended}
    reported_cost_nanos: {column: usd, unit: one}
    cost_currency: {constant: USD}
    status: {column: outcome, values: {success: ok, failed: error}, default: ok}
    user: account                # hashed with a key, within the tenant
    provider: {column: by, optional: true}           # no row needs to have it
    weight: n                    # how many events like this one the row stands for, tokens and all; 0 makes no event

A column may be a path into JSON: usage.input, parts.0.in, also into JSON that a CSV column holds as text.`

// shownProblems is the most problems that a replay prints: with a wrong mapping every row has one.
const shownProblems = 1000

// defaultSpeed is the --speed of a replay that names none.
const defaultSpeed = "max"

// options validates the replay's own flags and returns the options that do not depend on the kind of source.
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
	var err error
	if o.Start, err = c.Start.parse("--start"); err != nil {
		errs = append(errs, err)
	}
	if o.From, o.To, err = c.span(); err != nil {
		errs, o.From, o.To = append(errs, err), time.Time{}, time.Time{} // Said once.
	}
	return o, errors.Join(errs...)
}

// asFlags returns err with the names of flags in the errors about settings that it joins.
func asFlags(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
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
	options.Hooks.Problem = limitedProblems(s)
	report := newProgress(s.Err)
	options.Hooks.Progress = func(p replay.Progress) { report.line("%s", progressLine(p)) }
	if c.DryRun {
		return c.dryRun(ctx, s, options, report)
	}
	return c.send(ctx, s, options, report)
}

// limitedProblems returns what prints the first shownProblems problems.
func limitedProblems(s Streams) func(replay.Problem) {
	problems := 0
	return func(p replay.Problem) {
		switch problems++; {
		case problems <= shownProblems:
			fmt.Fprintf(s.Err, "%s\n", p)
		case problems == shownProblems+1:
			fmt.Fprintln(s.Err, "tidemark: further problems are counted but not shown")
		}
	}
}

// chooseNamespace sets the default namespace of the kind of source, unless a namespace is given.
func (c *replayCmd) chooseNamespace(line *kong.Context) {
	if kind, _, named := strings.Cut(c.Source, ":"); named && kind == "scenario" && !namespaceGiven(line) {
		c.Namespace = scenarioNamespace
	}
}

func (c *replayCmd) send(ctx context.Context, s Streams, options replay.Options, report *progress) (err error) {
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
