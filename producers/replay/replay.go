// Package replay puts recorded usage onto the log again, at the recorded pace, faster, or as fast as the log takes it.
//
//	files: open -> container -> formats.Rows ──┐
//	topic: partitions -> records ──────────────┴─> arrange -> merge by time ─┐
//	table: pages of the view -> rows ────────────────────────────────────────┤
//	anything else that is a producers.Source ────────────────────────────────┤
//	                            producers.Pump <- source (range, limit, pace) ┘
//
// What is arranged has to be read to its end before its first event can go: with a speed it is put in order by time, and
// where a mapping says what the id is, one event is made of the rows of each id. How rows become events, and what their
// identity is made of, is in package formats.
//
// A replay of the same rows gives the same events at any pace and under any run label, so a second replay changes nothing: it
// counts what it sends again as a duplicate. Records of a topic and rows of a table keep the identity they have.
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
	"tidemark/producers/formats"
	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
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
	Mapping *mapping.Mapping
	// CloudType is the name of the type that CloudEvents are of whose own type says nothing. Default: token calls if their data
	// says the usage of one, and a problem otherwise.
	CloudType string
	// LastLine says what to do with a last line that has no end. Default LastLineAuto.
	LastLine string
	// Tenant and Product are those of the events. Default: those of the format. The tenant is part of the identity.
	Tenant, Product string
	// Users says how users are hashed; required where HasUsers.
	Users *fields.Users

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
	// Hooks are called during the replay. Default none.
	Hooks Hooks
}

// Hooks are functions that a replay calls, never two at a time. Each may be nil.
type Hooks struct {
	Problem  func(Problem)  // Called for each problem as it is found.
	Progress func(Progress) // Called after each batch, and now and then while events are put in order.
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
		return faults.Printable(p.File + ": " + p.Text)
	case p.Column == 0:
		return faults.Printable(fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text))
	}
	return faults.Printable(fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text))
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
	Unread []fields.Unread
	// Columns is what of the columns that the mapping names was in the rows.
	Columns mapping.Columns
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
		errs = append(errs, faults.BadSetting("files", "this source reads none"))
	}
	if o.Speed < 0 || math.IsNaN(o.Speed) || math.IsInf(o.Speed, 0) {
		errs = append(errs, faults.BadSetting("speed", "%g is not a positive number", o.Speed))
	}
	if o.Rate < 0 || math.IsNaN(o.Rate) || math.IsInf(o.Rate, 0) {
		errs = append(errs, faults.BadSetting("rate", "%g is not a positive number of events a second", o.Rate))
	}
	if o.Limit < 0 {
		errs = append(errs, faults.BadSetting("limit", "%d is negative", o.Limit))
	}
	if !o.From.IsZero() && !o.To.IsZero() && !o.From.Before(o.To) {
		errs = append(errs, &faults.SettingError{Settings: []string{"from", "to"}, Problem: o.From.UTC().Format(time.RFC3339Nano) + " is not before " + o.To.UTC().Format(time.RFC3339Nano)})
	}
	return errors.Join(append(errs, o.settings().LabelErrors()...)...)
}

// settings are those of the format of the files.
func (o Options) settings() formats.Settings {
	return formats.Settings{
		Tenant: o.Tenant, Product: o.Product, Run: o.Run, Start: o.Start, Mapping: o.Mapping, CloudType: o.CloudType, LastLine: o.LastLine, Users: o.Users,
	}
}

// HasUsers reports whether rows of the options' files may have users, so that Options.Users is required.
func (o Options) HasUsers() bool {
	f := formats.Named(o.Format)
	return o.Topic == nil && o.Table == nil && o.Name == "" && f != nil && f.HasUsers(o.settings())
}

var errNoUsers = errors.New("replay: nothing says how users are hashed")

// fileErrors returns what is wrong with the options about files.
func (o Options) fileErrors() []error {
	var errs []error
	if f := formats.Named(o.Format); f == nil {
		errs = append(errs, faults.BadSetting("format", "%q is not one of %s", o.Format, formats.Names()))
	} else {
		errs = append(errs, f.Validate(o.settings())...)
	}
	if len(o.Files) == 0 {
		errs = append(errs, faults.BadSetting("files", "none given; - is standard input"))
	}
	stdin := 0
	for _, name := range o.Files {
		if name == Stdin {
			stdin++
		}
	}
	if stdin > 1 {
		errs = append(errs, faults.BadSetting("files", "standard input can be read only once"))
	}
	return errs
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
	working, stop, done := producers.WithGrace(ctx, producers.DefaultGrace)
	defer done()
	src, err := newSource(ctx, o, stop)
	if err != nil {
		return Result{Truth: &producers.Truth{}}, err
	}
	defer src.close()
	sender.Run = o.Run
	pump := producers.Pump{Source: src, Sender: sender, Stop: stop}
	pump.Hooks.Sent = func(p producers.Progress) {
		src.tally.progress(Progress{Rows: src.tally.rows.Load(), Sent: sent(p.Truth), Left: src.left(p)})
	}
	var errors histogram
	if o.Speed > 0 || o.Rate > 0 {
		pump.Interval = pacedInterval
		pump.Hooks.Sending = func(items []producers.Item, at time.Duration) {
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
