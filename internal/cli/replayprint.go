package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/producers"
	"tidemark/producers/formats/fields"
	"tidemark/producers/replay"
)

// progressLine is how far a replay is.
func progressLine(p replay.Progress) string {
	if p.Ordering {
		return fmt.Sprintf("%s rows read, to put them in order before the first is sent", number(uint64(p.Rows)))
	}
	line := fmt.Sprintf("%s rows read, %s sent", number(uint64(p.Rows)), number(uint64(p.Sent)))
	if p.Left >= 0 {
		line += fmt.Sprintf(", about %s left", p.Left.Round(time.Second))
	}
	return line
}

// printResult prints what a replay has done.
func (c *replayCmd) printResult(s Streams, o replay.Options, r replay.Result, took time.Duration) error {
	fmt.Fprintf(s.Out, "run %s: %s rows of %s%s\n", o.Run, number(uint64(r.Rows)), c.Source, between(r.First, r.Last))
	printOutside(s, r.Outside)
	printNothing(s, r.Nothing)
	printLeftOut(s, r.LeftOut, r.Joined, r.Later)
	printRevisions(s, r.Replaced, r.Repeated, r.Truth)
	printNotes(s, r.Notes)
	printHeaders(s, r.Headers)
	printUnread(s, r.Unread)
	printTypes(s, r.UnknownTypes)
	printTokenless(s, r.Tokenless, r.TokenlessHave)
	for _, name := range r.Unended {
		fmt.Fprintf(s.Err, "tidemark: %s: the last line has no end; it is taken for whole, as the file of a published trace\n", name)
	}
	if err := printTruth(s, r.Truth, took); err != nil {
		return err
	}
	if r.Schedule.Events > 0 {
		fmt.Fprintf(s.Out, "schedule: %s events were late by p50 %s, p90 %s, p99 %s, at most %s\n", number(uint64(r.Schedule.Events)),
			short(r.Schedule.P50), short(r.Schedule.P90), short(r.Schedule.P99), short(r.Schedule.Max))
	}
	if r.Schedule.Late > 0 {
		fmt.Fprintf(s.Err, "tidemark: the pace was not kept: %s of %s events were more than %s late; give a lower --speed, or a log that takes more\n",
			number(uint64(r.Schedule.Late)), number(uint64(r.Schedule.Events)), short(replay.LateBy))
	}
	if r.Unreported {
		fmt.Fprintln(s.Out, "there are too many events to tell repeats from them: the run is not reported to the audit")
	}
	if r.Interrupted {
		fmt.Fprintln(s.Out, "interrupted; run it again to send the rest, nothing will count twice")
		return errFound
	}
	return errors.Join(printColumns(s, r.Columns), lostFigures(s, o, r.Unread, r.Truth), skipped(s, r.Skipped))
}

// skipped is the error of rows that could not be read; nil for none.
func skipped(s Streams, n int64) error {
	if n == 0 {
		return nil
	}
	fmt.Fprintf(s.Err, "tidemark: %s rows were skipped, see above\n", number(uint64(n)))
	return errFound
}

// between says when the events were, if there are any.
func between(first, last time.Time) string {
	if first.IsZero() {
		return ", no events"
	}
	return fmt.Sprintf(", events from %s to %s", first.UTC().Format(time.RFC3339), last.UTC().Format(time.RFC3339))
}

func printOutside(s Streams, n int64) {
	if n > 0 {
		fmt.Fprintf(s.Out, "%s events outside of --from and --to are left out\n", number(uint64(n)))
	}
}

func printNothing(s Streams, n int64) {
	if n > 0 {
		fmt.Fprintf(s.Out, "%s rows stand for nothing, with a weight of 0 or without calls, tokens and cost: no event is made of them\n", number(uint64(n)))
	}
}

// printRevisions says what became of rows and records that say an event again.
func printRevisions(s Streams, replaced, repeated int64, truth *producers.Truth) {
	if replaced > 0 {
		fmt.Fprintf(s.Out, "%s rows are left out for a newer row of the same id\n", number(uint64(replaced)))
	}
	if repeated > 0 {
		fmt.Fprintf(s.Out, "%s rows are left out since another row of the id says the same\n", number(uint64(repeated)))
	}
	if n := truth.Total().Revisions; n > 0 {
		fmt.Fprintf(s.Out, "%s records replace what an earlier one says of the same event\n", number(n))
	}
}

// printTypes says which CloudEvents nobody knows.
func printTypes(s Streams, types map[string]int64) {
	for _, name := range slices.Sorted(maps.Keys(types)) {
		shown := strconv.QuoteToASCII(name)
		if name == "" {
			shown = "of other types"
		}
		fmt.Fprintf(s.Err, "tidemark: %s events of the type %s were skipped: --type says what such events are\n", number(uint64(types[name])), shown)
	}
}

// printTokenless says that calls have no tokens, and where they may be.
func printTokenless(s Streams, n int64, has []string) {
	if n == 0 {
		return
	}
	shown := make([]string, len(has))
	for i, name := range has {
		shown[i] = strconv.QuoteToASCII(name)
	}
	fmt.Fprintf(s.Err, "tidemark: %s calls say no tokens; their data has %s; give input_uncached, output_visible or a usage object, or replay the file as jsonl with a mapping\n", number(uint64(n)), strings.Join(shown, ", "))
}

func printNotes(s Streams, notes []string) {
	for _, note := range notes {
		fmt.Fprintf(s.Err, "tidemark: %s\n", note)
	}
}

func printHeaders(s Streams, n int64) {
	if n > 0 {
		fmt.Fprintf(s.Out, "%s lines are the header again and no rows\n", number(uint64(n)))
	}
}

// printUnread says which fields are unknown because their values could not be read.
func printUnread(s Streams, unread []fields.Unread) {
	for _, u := range unread {
		example := ""
		if u.Example != "" {
			example = ", as " + u.Example
		}
		fmt.Fprintf(s.Out, "%s rows count without %s: it %s%s\n", number(uint64(u.Rows)), cmp.Or(u.Field, "a field"), cmp.Or(u.Reason, "cannot be read"), example)
	}
}

// short writes a duration for people: no more digits than mean something.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// dryRun shows what a replay would do.
func (c *replayCmd) dryRun(ctx context.Context, s Streams, options replay.Options, report *reporter) (err error) {
	db, closeDB, unreachable := c.lookup(ctx)
	if unreachable != nil {
		return unreachable
	}
	defer func() { err = errors.Join(err, closeDB()) }()
	plan, err := replay.DryRun(ctx, options, db, c.Namespace)
	report.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "dry run of %s: nothing is sent\n%s rows%s\n", c.Source, number(uint64(plan.Rows)), between(plan.First, plan.Last))
	printOutside(s, plan.Outside)
	printNothing(s, plan.Nothing)
	printLeftOut(s, plan.LeftOut, plan.Joined, plan.Later)
	printRevisions(s, plan.Replaced, plan.Repeated, plan.Truth)
	printNotes(s, plan.Notes)
	printHeaders(s, plan.Headers)
	printUnread(s, plan.Unread)
	printTypes(s, plan.UnknownTypes)
	printTokenless(s, plan.Tokenless, plan.TokenlessHave)
	if err := printTruth(s, plan.Truth, 0); err != nil {
		return err
	}
	if err := printSample(s, plan.Sample, options.Mapping); err != nil {
		return err
	}
	if err := printModels(s, plan.Models); err != nil {
		return err
	}
	printCosts(s, plan.Costs)
	if plan.Took > 0 {
		fmt.Fprintf(s.Out, "at this pace it takes %s\n", plan.Took.Round(time.Second))
	}
	if plan.Stored < 0 {
		fmt.Fprintf(s.Out, "ClickHouse at %s cannot be reached, so what %s has stored already is not known\n", c.ClickHouse, c.Namespace)
	} else {
		events, stored := plan.Truth.Total().Events, uint64(plan.Stored)
		fmt.Fprintf(s.Out, "%s has stored %s of %s already: %s would be new\n", c.Namespace, number(stored), number(events), number(events-stored))
	}
	if plan.Interrupted {
		fmt.Fprintln(s.Out, "interrupted; this is what was read until then")
		return errFound
	}
	return errors.Join(printColumns(s, plan.Columns), lostFigures(s, options, plan.Unread, plan.Truth), skipped(s, plan.Skipped))
}

// shownModels is how many models a dry run lists.
const shownModels = 40

func printModels(s Streams, models []replay.ModelUse) error {
	if len(models) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "model\tcalls\tinput\tcache read\tcache write\toutput\treasoning\t")
	for _, m := range models[:min(len(models), shownModels)] {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", m.Model, number(m.Calls), number(m.Uncached), number(m.CacheRead), number(m.CacheWrite),
			number(m.OutputVisible), number(m.OutputReasoning))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := len(models) - shownModels; more > 0 {
		fmt.Fprintf(s.Out, "and %s models more\n", number(uint64(more)))
	}
	return nil
}

// lookupTimeout bounds the attempt to reach ClickHouse for a dry run, which does without it.
const lookupTimeout = 3 * time.Second

// lookup connects to the database in which a dry run looks up what is stored; nil if it cannot be reached.
func (c *replayCmd) lookup(ctx context.Context) (replay.Database, func() error, error) {
	db, err := c.open(c.Namespace)
	if err != nil {
		return nil, nil, err
	}
	limited, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if db.Ping(limited) != nil {
		return nil, db.Close, nil // What it says is that there is no database.
	}
	return storedRows{db}, db.Close, nil
}

// storedRows is a database in which tables that are not there are empty.
type storedRows struct{ db *clickhouse.DB }

// Format runs a query, see replay.Database.
func (r storedRows) Format(ctx context.Context, sql, format string, w io.Writer) error {
	err := r.db.Format(ctx, sql, format, w)
	if clickhouse.IsCode(err, clickhouse.CodeUnknownTable) || clickhouse.IsCode(err, clickhouse.CodeUnknownDatabase) {
		return nil
	}
	return err
}
