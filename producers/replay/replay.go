// Package replay puts recorded usage onto the log again, at the recorded pace, faster, or as fast as the log takes it.
//
//	files: open -> container -> formats.Rows ──┐
//	topic: partitions -> records ──────────────┴─> arrange -> merge by time ─┐
//	table: pages of the view -> rows ────────────────────────────────────────┤
//	anything else that is a producers.Source ────────────────────────────────┤
//	                            producers.Pump <- source (range, limit, pace) ┘
//
// What is arranged has to be read to its end before its first event can go: with a speed it is put in order by time,
// and where a mapping says what the id is, or a call may be stated again, one event is made of the rows of each id. How rows become events, and what
// their identity is made of, is in package formats.
//
// A replay of the same rows gives the same events at any pace and under any run label, so a second replay changes
// nothing: it counts what it sends again as a duplicate. Records of a topic and rows of a table keep the identity they
// have.
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

// Stdin is the name of standard input among the files.
const Stdin = "-"

// Options are what to replay and how. The source is Format with Files, or one of Topic, Table and Items.
type Options struct {
	// Format is the name of one of formats.All.
	Format string
	// Files are files, and folders for a format that has a pattern of names. They are merged by the recorded time. Each may be plain, packed or Parquet, as its first bytes show; Stdin may
	// be one of them. With a Speed all events go in the order of their time; without one the order within a file stays.
	// If the replay ends while the open of a pipe blocks, that open goes on in the background until something writes to
	// the pipe.
	Files []string
	// Stdin is what the file Stdin reads. If the replay ends while a read of it blocks, that read goes on in the
	// background.
	Stdin io.Reader
	// Start, Mapping, CloudType, LastLine, Tenant, Product and Users are for files, see formats.Settings.
	Start           time.Time
	Mapping         *mapping.Mapping
	CloudType       string
	LastLine        string
	Tenant, Product string
	Users           *fields.Users

	Topic *Topic
	Table *Table
	// Items is any other source of fresh items, and Name its name, which is required.
	Items producers.Source
	Name  string

	// memory is the memory for putting events in order, in bytes. Default sortMemory.
	memory int

	// From and To bound the times of the events; From is included, To is not. Default: no bound.
	From, To time.Time
	// Limit is the most events to send. Default 0: no limit.
	Limit int64
	// Speed is the pace as a multiple of the recorded one. It never changes the times of events. With a speed, files
	// and topics whose events are not in order are read to their end and sorted before the first event is sent: in
	// memory, or in a temporary file of about the size of the events if they need more than 32 MB. So are files with a
	// mapping that names the id. Default 0: as fast as the log takes the events.
	Speed float64
	// Rate is the highest pace, in events per second. Default 0: no bound.
	Rate float64
	// Run is the label in the events, no part of their identity. No two runs should have the same.
	Run string
	// Hooks are called during the replay. Default none.
	Hooks Hooks
}

// Hooks are functions that a replay calls, never two at a time. Each may be nil.
type Hooks struct {
	Problem  func(Problem)  // Called for each problem as it is found.
	Progress func(Progress) // Called after each batch, and now and then while events are put in order.
}

// Problem is what could not be replayed: a row, a record, records that the log has removed, or the rest of a file.
type Problem struct {
	File         string // The name given; of a record its topic, partition and offset.
	Line, Column int    // From 1, the column in bytes; 0 where there is none.
	Text         string
}

// String returns the problem in the form of compilers, file:line:column: text, with control characters escaped.
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
	// Left is an estimate of how long the rest takes; negative if there is none.
	Left time.Duration
	// Ordering is true while the source is read to put its events in order, before the first one is sent.
	Ordering bool
}

// keptProblems is how many problems a Result keeps.
const keptProblems = 20

// Reading counts the rows and records that were read, and what they gave.
type Reading struct {
	Rows    int64 // Rows or records read, bad ones included.
	Outside int64 // Events outside From and To.
	Nothing int64 // Rows that stand for nothing and make no event: with a weight of 0, or without calls, tokens and cost.
	LeftOut int64 // Rows that the condition where of the mapping leaves out.
	// NoCalls counts the rows that are no calls, by the reason.
	NoCalls map[string]int64
	Joined  int64 // Rows that were joined to others of their id.
	Later   int64 // Rows that were left out because the first row of their id counts.
	// Replaced rows were left out for a newer row of the same id, Repeated ones because another row of the id has the
	// same content.
	Replaced, Repeated int64
	// Headers are lines of CSV that repeat the header of their file, as in files that were concatenated. They are not
	// rows.
	Headers int64
	Skipped int64 // Problems: rows and records that were skipped, removed ranges of records, and files whose rest could not be read.
	// Problems are the first 20 of them.
	Problems []Problem
	// UnknownTypes counts the CloudEvents that were skipped because their type is not known, by type.
	UnknownTypes map[string]int64
	// Tokenless are the calls that succeeded and have no tokens; TokenlessHave are some of the keys of their data.
	Tokenless     int64
	TokenlessHave []string
	// Unread are the values that could not be read in rows whose events count all the same.
	Unread []fields.Unread
	// Columns counts in how many rows the columns of the mapping were.
	Columns mapping.Columns
	// Notes are warnings about files, one line each.
	Notes []string
	// Unended are the files whose last line was taken without a line break, because nobody appends to published traces.
	Unended []string
	// First and Last are the earliest and the latest time of the events; the zero time if there are none.
	First, Last time.Time
	// Interrupted is true if the context ended before everything was read and sent; the other figures are exact all the
	// same.
	Interrupted bool
}

// Result is what a replay has sent.
type Result struct {
	Reading
	Sent int64 // Events that the log has acknowledged.
	// Truth counts what the log has acknowledged. Never nil.
	Truth *producers.Truth
	// Schedule is how late events were.
	Schedule Schedule
	// Unreported is true if the truth was not sent because it may count repeats as events: a replay remembers 2,097,152
	// events to recognize their repeats, in a topic, in several files, and in files with ids of their own.
	Unreported bool
}

// Validate returns all that is wrong with the options, joined: a *faults.SettingError per option. It does not look at
// Stdin and the files, nor at Log, DB and Items, which may be set later.
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

// settings are the settings of the format.
func (o Options) settings() formats.Settings {
	return formats.Settings{
		Tenant: o.Tenant, Product: o.Product, Run: o.Run, Start: o.Start, Mapping: o.Mapping, CloudType: o.CloudType, LastLine: o.LastLine, Users: o.Users,
	}
}

// HasUsers reports whether the files may have users. Options.Users is required then.
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

// name is the name of the source, for messages.
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

// detail is what the report of a run says about the source. The folders of people, which may name what they work on, are no
// part of it.
func (o Options) detail() string {
	if f := formats.Named(o.Format); f != nil && len(f.Folder) > 0 {
		return o.name()
	}
	return strings.Join(append([]string{o.name()}, o.Files...), " ")
}

const (
	// pacedInterval is how long a paced event may wait for others to go with it. It is far below LateBy, and events
	// gather during a call of the log anyway.
	pacedInterval = time.Millisecond
)

// Run replays until the source ends, the limit is reached or ctx ends, which is not an error: Run waits for the batch
// in flight. It sends the truth of the run to the log at the end. Rows that cannot be read are reported and skipped.
// After an error no truth is sent, and part of the last batch may be on the log beyond what the Result counts; another
// replay counts each event once.
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
		Run: o.Run, Kind: "replay", Start: begin, Detail: o.detail(),
	}))
}

func sent(truth *producers.Truth) int64 { return int64(truth.Total().Produced) }
