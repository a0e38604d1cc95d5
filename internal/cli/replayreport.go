package cli

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark/producers"
	"tidemark/producers/formats/fields"
	"tidemark/producers/replay"
)

// progressLine describes how far a replay is.
func progressLine(p replay.Progress) string {
	if p.Ordering {
		return fmt.Sprintf("%s read to sort them; nothing is sent yet", count(p.Rows, "row"))
	}
	line := fmt.Sprintf("%s read, %s sent", count(p.Rows, "row"), number(uint64(p.Sent)))
	if p.Left >= 0 {
		line += fmt.Sprintf(", about %s left", p.Left.Round(time.Second))
	}
	return line
}

// printResult prints what a replay did.
func (c *replayCmd) printResult(s Streams, o replay.Options, r replay.Result, took time.Duration) error {
	err := c.tellResult(c.told(s), o, r, took)
	if !c.json() {
		return err
	}
	out := runOutput(r.Truth, took).readingOutput(c.Source, r.Reading)
	out.Run, out.Schedule, out.Complete = o.Run, scheduleOutput(r.Schedule), err == nil
	return errors.Join(printJSON(s.Out, out), err)
}

// tellResult prints what a replay did for people.
func (c *replayCmd) tellResult(s Streams, o replay.Options, r replay.Result, took time.Duration) error {
	fmt.Fprintf(s.Out, "run %s: %s of %s%s\n", o.Run, count(r.Rows, "row"), c.Source, between(r.First, r.Last))
	printReading(s, r.Reading, r.Truth)
	for _, name := range r.Unended {
		fmt.Fprintf(s.Err, "tidemark: %s: the last line has no line end; Tidemark read it, since the file is a published trace\n", name)
	}
	if err := printTruth(s, r.Truth, took); err != nil {
		return err
	}
	if r.Schedule.Events > 0 {
		fmt.Fprintf(s.Out, "schedule: %s late by %s (p50), %s (p90), %s (p99), at most %s\n", count(r.Schedule.Events, "event was"),
			short(r.Schedule.P50), short(r.Schedule.P90), short(r.Schedule.P99), short(r.Schedule.Max))
	}
	if r.Schedule.Late > 0 {
		fmt.Fprintf(s.Err, "tidemark: the replay fell behind: %s of %s events were more than %s late; use a lower --speed, or a faster log\n",
			number(uint64(r.Schedule.Late)), number(uint64(r.Schedule.Events)), short(replay.LateBy))
	}
	if r.Unreported {
		fmt.Fprintln(s.Out, "there were too many events to recognize duplicates; the audit does not check this run")
	}
	if r.Interrupted {
		fmt.Fprintln(s.Out, "interrupted; run it again to send the rest; nothing counts twice")
		return errInterrupted
	}
	return incomplete(s, o, r.Reading, r.Truth)
}

// printReading prints what was read, and what of it is no event or lacks something.
func printReading(s Streams, r replay.Reading, truth *producers.Truth) {
	printOutside(s, r.Outside)
	printNothing(s, r.Nothing)
	printNoCalls(s, r.NoCalls)
	printLeftOut(s, r.LeftOut, r.Joined, r.Later)
	printRevisions(s, r.Replaced, r.Repeated, truth)
	printNotes(s, r.Notes)
	printHeaders(s, r.Headers)
	printUnread(s, r.Unread)
	printTypes(s, r.UnknownTypes)
	printTokenless(s, r.Tokenless, r.TokenlessHave)
}

// incomplete returns an error if a column is missing, or figures or rows could not be read, and prints which.
func incomplete(s Streams, o replay.Options, r replay.Reading, truth *producers.Truth) error {
	return errors.Join(printColumns(s, r.Columns), lostFigures(s, o, r.Unread, truth), skipped(s, r.Skipped))
}

// skipped returns an error if rows could not be read.
func skipped(s Streams, n int64) error {
	if n == 0 {
		return nil
	}
	fmt.Fprintf(s.Err, "tidemark: %s skipped; the reasons are above\n", count(n, "row was"))
	return errFound
}

// between describes the time range of the events.
func between(first, last time.Time) string {
	if first.IsZero() {
		return ", no events"
	}
	return fmt.Sprintf(", events from %s to %s", first.UTC().Format(time.RFC3339), last.UTC().Format(time.RFC3339))
}

func printOutside(s Streams, n int64) {
	if n > 0 {
		fmt.Fprintf(s.Out, "left out: %s outside of --from and --to\n", count(n, "event"))
	}
}

func printNothing(s Streams, n int64) {
	if n > 0 {
		fmt.Fprintf(s.Out, "%s became no event: weight 0, or no calls, tokens and cost\n", count(n, "row"))
	}
}

// printNoCalls prints how many rows are no calls, and why.
func printNoCalls(s Streams, noCalls map[string]int64) {
	for _, reason := range slices.Sorted(maps.Keys(noCalls)) {
		fmt.Fprintf(s.Out, "%s became no event: %s\n", count(uint64(noCalls[reason]), "row"), reason)
	}
}

// printRevisions prints how many rows and records state an event again.
func printRevisions(s Streams, replaced, repeated int64, truth *producers.Truth) {
	if replaced > 0 {
		fmt.Fprintf(s.Out, "%s left out, because a newer row of their id counts\n", count(replaced, "row was"))
	}
	if repeated > 0 {
		fmt.Fprintf(s.Out, "%s left out, because another row of their id is the same\n", count(repeated, "row was"))
	}
	if n := truth.Total().Revisions; n > 0 {
		fmt.Fprintf(s.Out, "%s an earlier record of the same event\n", count(n, "record replaces"))
	}
}

// printTypes prints which types of CloudEvents are unknown.
func printTypes(s Streams, types map[string]int64) {
	for _, name := range slices.Sorted(maps.Keys(types)) {
		shown := strconv.QuoteToASCII(name)
		if name == "" {
			shown = "(others)"
		}
		fmt.Fprintf(s.Err, "tidemark: skipped %s of the unknown type %s: pass --type with the type of such events\n", count(uint64(types[name]), "event"), shown)
	}
}

// printTokenless prints how many calls have no tokens, and where the tokens may be.
func printTokenless(s Streams, n int64, has []string) {
	if n == 0 {
		return
	}
	shown := make([]string, len(has))
	for i, name := range has {
		shown[i] = strconv.QuoteToASCII(name)
	}
	fmt.Fprintf(s.Err, "tidemark: %s no tokens; their data has %s. Send input_uncached, output_visible or a usage object, or replay the file as jsonl with a mapping\n", count(n, "call has"), strings.Join(shown, ", "))
}

func printNotes(s Streams, notes []string) {
	for _, note := range notes {
		fmt.Fprintf(s.Err, "tidemark: %s\n", note)
	}
}

func printHeaders(s Streams, n int64) {
	if n > 0 {
		fmt.Fprintf(s.Out, "%s the header\n", count(n, "line repeats"))
	}
}

// printUnread prints which fields are unknown because their values could not be read.
func printUnread(s Streams, unread []fields.Unread) {
	for _, u := range unread {
		example := ""
		if u.Example != "" {
			example = ", for example " + u.Example
		}
		fmt.Fprintf(s.Out, "%s without %s: it %s%s\n", count(u.Rows, "row counts"), cmp.Or(u.Field, "a field"), cmp.Or(u.Reason, "cannot be read"), example)
	}
}
