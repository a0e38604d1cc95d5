// Package replay puts recorded usage back onto the log: traces and other files, topics and tables, at the recorded
// pace, faster, or as fast as the log takes it.
//
//	files: open, unpack (or Parquet) -> lines -> rows (CSV, JSON objects) -> fill (by format) ──┐
//	topic: partitions -> records ───────────────────────────────────────────────────────────────┴─> arrange -> merge by time ─┐
//	table: pages of the view -> rows ─────────────────────────────────────────────────────────────────────────────────────────┤
//	anything else that is a producers.Source ─────────────────────────────────────────────────────────────────────────────────┤
//	                                                                             producers.Pump <- control (range, limit, pace)
//
// What is arranged has to be read to its end before its first event can go: with a speed it is put in order by time, and
// where a mapping says what the id is, one event is made of the rows of each id.
//
// # Identity
//
// A replay of the same rows gives the same events, whatever the file is called, however it is packed or its lines end,
// at any pace and under any run label, so a second replay changes nothing. The source of an event is that of its format
// and never changes. Its id is
//
//	<row>-<hash>
//
// where row counts the data rows of the file from 1, rows that cannot be read and headers in the middle among them (so that
// mending one moves no other), and hash is the first 8 bytes, in hexadecimal, of a SHA-256 over the format's columns in the order in which
// the package lists them, each after its length, without the spaces around it; a column that the file does not have is
// empty, and columns that the format does not use do not matter. (Mooncake: of the first three, with the
// session and the delay only for a turn without a time of its own.) Equal rows at different places of a file are different
// events; at the same place of two files they are one, since it does not matter what a file is called: join the shards of
// a trace that may have such rows. A replay counts what it sends again as a duplicate. In a format with relative times the
// time of the trace's zero is hashed too, in microseconds: a replay with another start is another history. What was once
// a column of a format remains one, in its place.
//
// With a mapping the columns are those that it names, in the order of their names, and each name is hashed before its
// value; or the id is what is in the columns that the mapping says it is: of several joined with slashes, a slash or a
// backslash within one after a backslash; the rows of one file that have one id are statements of one event, see merger. What an identity is made of has to be UTF-8. CloudEvents bring source and id
// along. Records of a topic and rows of a table keep the identity they have.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"tidemark/producers"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Stdin is the name that stands for standard input among the files.
const Stdin = "-"

// Options says what to replay and how. What is either Format with Files, or one of Topic, Table and Items.
type Options struct {
	// Format is the name of one of Formats.
	Format string
	// Files are merged by the recorded time, each plain, packed or Parquet by its content; Stdin is one of them. With a Speed all
	// events go by their time; without one the order within a file stays. An open that blocks when the replay
	// ends, of a pipe that nobody writes to, is left to end by itself.
	Files []string
	// Stdin is what the file Stdin reads. A read of it that blocks when the replay ends is left to end by itself.
	Stdin io.Reader
	// Start is the time of the trace's zero where the format has relative times; not to be set where it has not.
	Start time.Time
	// memory is that of what is put in order, in bytes. Default sortMemory.
	memory int
	// Mapping says what the columns mean where the format does not.
	Mapping *Mapping
	// CloudType is the name of the type that CloudEvents are of whose own type says nothing. Default: token calls if their data
	// says the usage of one, and a problem otherwise.
	CloudType string
	// LastLine says what to do with a last line that has no end. Default LastLineAuto.
	LastLine string
	// Tenant and Product are those of the events. Default: those of the format. The tenant is part of the identity.
	Tenant, Product string
	// Users says how users are hashed; required where HasUsers.
	Users *Users

	Topic *Topic
	Table *Table
	// Items is any other source of fresh items, and Name what to call it, required.
	Items producers.Source
	Name  string

	// From and To bound the events by their time, From included, To not. Default: no bound.
	From, To time.Time
	// Limit ends the replay after that many events. Default 0: no limit.
	Limit int64
	// Speed is the pace as a multiple of the recorded one; 0 is as fast as the log takes the events. Times of events
	// never change. With a speed files and topics that are not in order are read to their end before the first event is
	// sent, and put in order: in memory or, where that is more than 32 MB, in a temporary file that takes about the
	// size of the events. So are files with a mapping that says what the id is.
	Speed float64
	// Rate bounds the pace, in events a second. Default 0: no bound.
	Rate float64
	// Run is the label in the events, no part of their identity. It should name one run for ever.
	Run string
	// OnProblem, if set, is called for each problem as it is found. Default none.
	OnProblem func(Problem)
	// Progress, if set, is called after every batch. Default none. No two calls of OnProblem and Progress overlap.
	Progress func(Progress)
}

// Problem is something that could not be replayed: a row, a record, records that are gone, or the rest of a file.
type Problem struct {
	File         string // The name given; of a record its topic, partition and offset.
	Line, Column int    // From 1, the column in bytes; 0 where there is none.
	Text         string
}

// String returns the problem in the form of compilers: file:line:column: text.
// What could do something to a terminal is escaped.
func (p Problem) String() string {
	switch {
	case p.Line == 0:
		return printable(p.File + ": " + p.Text)
	case p.Column == 0:
		return printable(fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text))
	}
	return printable(fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text))
}

// Progress is how far a replay is.
type Progress struct {
	Rows int64 // Rows or records read, a batch or two ahead of those sent.
	Sent int64 // Events that the log has acknowledged.
	// Left is about how long the rest takes, judged by what has been read of the whole; negative if nobody knows.
	Left time.Duration
	// Ordering is true while the source is read to put its events in order, before the first is sent.
	Ordering bool
}

// keptProblems is how many problems a Result keeps.
const keptProblems = 20

// Reading is what became of what was read.
type Reading struct {
	Rows    int64 // Rows or records read, bad ones included.
	Outside int64 // Events outside From and To.
	Nothing int64 // Rows that stand for nothing, since they say a weight of 0, or no calls, tokens and cost: no event is made of them.
	LeftOut int64 // Rows that the mapping leaves out by where.
	Joined  int64 // Rows that were put together with others of their id.
	Later   int64 // Rows that were left out since the first row of their id counts.
	// Replaced rows of a file were left out for another row of the same id that is newer, Repeated ones since another row of
	// the id says the same.
	Replaced, Repeated int64
	// Headers are lines of CSV that are the header of their file again, as in files that were put together: they are no rows.
	Headers int64
	Skipped int64 // Problems: rows or records skipped, ranges of records gone, and files of which the rest could not be read.
	// Problems are the first 20 of them.
	Problems []Problem
	// UnknownTypes are the types of CloudEvents that were skipped since nothing says what they are, by how many there were.
	UnknownTypes map[string]int64
	// Tokenless calls went well and say no tokens at all; TokenlessHave are the keys that their data has, some of them.
	Tokenless     int64
	TokenlessHave []string
	// Unread are the values that could not be read in rows that count all the same, by field and reason.
	Unread []Unread
	// Columns is what of the columns that the mapping names was in the rows.
	Columns Columns
	// Notes are what may be wrong with files, one line each.
	Notes []string
	// Unended are the files of which a last line without an end was taken, because such files are finished.
	Unended []string
	// First and Last are the earliest and the latest time of the events; the zero time if there are none.
	First, Last time.Time
	// Interrupted is true when the context ended before all was read and sent; the rest is exact all the same.
	Interrupted bool
}

// Result is what a replay has done.
type Result struct {
	Reading
	Sent int64 // Events that the log has acknowledged.
	// Truth counts what the log has acknowledged. Never nil.
	Truth *producers.Truth
	// Schedule is how well the pace was kept.
	Schedule Schedule
	// Unreported is true when the truth was not sent, because there were too many events (2,097,152) to tell their repeats
	// from them, where there may be some: in a topic, in several files, and in files that bring their ids along.
	Unreported bool
}

// Validate returns what is wrong with the options, one error for each, joined. It does not look at Stdin and the files,
// nor at Log, DB and Items, which may still be to come.
func (o Options) Validate() error {
	var errs []error
	switch {
	case o.Topic != nil:
		errs = append(errs, o.Topic.validate())
	case o.Table != nil:
		errs = append(errs, o.Table.validate())
	case o.Name == "":
		errs = append(errs, o.fileErrors()...)
	}
	if len(o.Files) > 0 && (o.Topic != nil || o.Table != nil || o.Name != "") {
		errs = append(errs, errors.New("files: this source reads none"))
	}
	if o.Speed < 0 || math.IsNaN(o.Speed) || math.IsInf(o.Speed, 0) {
		errs = append(errs, fmt.Errorf("--speed: %g is not a positive number", o.Speed))
	}
	if o.Rate < 0 || math.IsNaN(o.Rate) || math.IsInf(o.Rate, 0) {
		errs = append(errs, fmt.Errorf("--rate: %g is not a positive number of events a second", o.Rate))
	}
	if o.Limit < 0 {
		errs = append(errs, fmt.Errorf("--limit: %d is negative", o.Limit))
	}
	if !o.From.IsZero() && !o.To.IsZero() && !o.From.Before(o.To) {
		errs = append(errs, fmt.Errorf("--from and --to: %s is not before %s", o.From.UTC().Format(time.RFC3339Nano), o.To.UTC().Format(time.RFC3339Nano)))
	}
	return errors.Join(append(errs, o.labelErrors()...)...)
}

// fileErrors returns what is wrong with the options about files.
func (o Options) fileErrors() []error {
	var errs []error
	f := formatNamed(o.Format)
	if f == nil {
		errs = append(errs, fmt.Errorf("format: %q is not one of %s", o.Format, formatNames()))
	} else {
		errs = append(errs, o.formatErrors(f)...)
	}
	if err := errors.Join(o.lastLineErrors(), o.cloudErrors()); err != nil {
		errs = append(errs, err)
	}
	if len(o.Files) == 0 {
		errs = append(errs, errors.New("files: none given; - is standard input"))
	}
	stdin := 0
	for _, name := range o.Files {
		if name == Stdin {
			stdin++
		}
	}
	if stdin > 1 {
		errs = append(errs, errors.New("files: standard input can be read only once"))
	}
	return errs
}

func (o Options) formatErrors(f *format) []error {
	var errs []error
	switch {
	case f.NeedsMapping && o.Mapping == nil:
		return append(errs, fmt.Errorf("--mapping: required, since %s says nothing about its columns", f.Name))
	case !f.NeedsMapping && o.Mapping != nil:
		errs = append(errs, fmt.Errorf("--mapping: not for %s, whose columns are known", f.Name))
	}
	relative, why := f.NeedsStart, f.Name+" has only relative times"
	if o.Mapping != nil {
		relative, why = o.Mapping.time.relative, "the times of "+o.Mapping.file+" are relative"
	}
	if o.Mapping != nil {
		errs = append(errs, o.Mapping.labelErrors(o)...)
	}
	switch {
	case relative && o.Start.IsZero():
		errs = append(errs, fmt.Errorf("--start: required, since %s", why))
	case !relative && !o.Start.IsZero():
		errs = append(errs, fmt.Errorf("--start: not for %s, whose rows carry their time", f.Name))
	case relative && (o.Start.Year() < 1900 || o.Start.Year() > 2299):
		errs = append(errs, fmt.Errorf("--start: %s is not within the years 1900 to 2299", o.Start.UTC().Format(time.RFC3339)))
	}
	return errs
}

// labelErrors returns what is wrong with the fields that are the same in all events.
func (o Options) labelErrors() []error {
	e := &usagev1.TokenCall{
		Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Product: "p", Model: unknownModel, Status: usagev1.Status_STATUS_OK, Run: o.Run,
	}
	o.label(e)
	var errs []error
	for _, bad := range fieldErrors(schemas.Validate(e)) {
		errs = append(errs, fmt.Errorf("--%w", bad))
	}
	return errs
}

// label sets tenant and product where the options name them.
func (o Options) label(e *usagev1.TokenCall) {
	if o.Tenant != "" {
		e.Tenant = o.Tenant
	}
	if o.Product != "" {
		e.Product = o.Product
	}
}

// name is what is replayed, for people.
func (o Options) name() string {
	switch {
	case o.Topic != nil:
		return "topic:" + o.Topic.Name
	case o.Table != nil:
		return "table:" + o.Table.name()
	case o.Name != "":
		return o.Name
	}
	return o.Format
}

const (
	// grace is how long the batch on its way is waited for when the context has ended.
	grace = 15 * time.Second
	// pacedInterval is how long a paced event may wait for others to go with it: far below what the pace is judged by,
	// and the time of one call of the log gathers more anyhow.
	pacedInterval = time.Millisecond
)

// Run replays until the source ends, the limit is reached or ctx ends, which is no error: what is on its way then is
// waited for. It sends the truth of the run to the log at the end. Rows that cannot be read are reported and skipped.
// After an error no truth is sent, and part of the last batch may be on the log beyond what the Result says; replaying
// again counts each event once.
func Run(ctx context.Context, sender *producers.Sender, o Options) (Result, error) {
	begin := time.Now()
	working, stop, done := producers.Linger(ctx, grace)
	defer done()
	src, err := newSource(ctx, o, stop)
	if err != nil {
		return Result{Truth: &producers.Truth{}}, err
	}
	defer src.close()
	sender.Run = o.Run
	pump := producers.Pump{Source: src, Sender: sender, Stop: stop, Progress: func(p producers.Progress) {
		src.tally.progress(Progress{Rows: src.tally.rows.Load(), Sent: sent(p.Truth), Left: src.left(p)})
	}}
	var errors histogram
	if o.Speed > 0 || o.Rate > 0 {
		pump.Interval = pacedInterval
		pump.Emit = func(items []producers.Item, at time.Duration) {
			for i := range items {
				errors.add(at-items[i].Due+items[i].Overdue, 1)
			}
		}
	}
	truth, err := pump.Run(working)
	result := src.result(truth)
	result.Schedule = errors.schedule()
	if err != nil {
		return result, fmt.Errorf("replay %s: %w", o.name(), err)
	}
	if result.Unreported {
		return result, nil
	}
	return result, sender.Report(working, truth.Runs(producers.RunInfo{
		Run: o.Run, Kind: "replay", Start: begin, Detail: strings.Join(append([]string{o.name()}, o.Files...), " "),
	}))
}

func sent(truth *producers.Truth) int64 { return int64(truth.Total().Produced) }
