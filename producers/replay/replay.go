// Package replay puts recorded traces of model calls back onto the log: one token call a row, at the recorded pace,
// faster, or as fast as the log takes them.
//
//	open (gzip, byte-order mark) -> lines -> rows (CSV, JSON lines) -> fill (by format) -> producers.Pump
//
// # Identity
//
// A replay of the same rows gives the same events, whatever the file is called, however it is packed or its lines end,
// at any pace and under any run label, so a second replay changes nothing. The source of an event is that of its format
// and never changes. Its id is
//
//	<row>-<hash>
//
// where row counts the data rows of the file from 1, rows that cannot be read among them (so that mending one moves no
// other), and hash is the first 8 bytes, in hexadecimal, of a SHA-256 over the format's columns in the order in which
// the package lists them, each after its length, without the spaces around it; a column that the file does not have is
// empty, and columns that the format does not use do not matter. Equal rows at different places are different events.
// In a format with relative times the time of the trace's zero is hashed too, in microseconds: a replay with another
// start is another history. What was once a column of a format remains one, in its place.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"time"

	"tidemark/producers"
	"tidemark/schemas"
)

// Stdin is the name that stands for standard input among the files.
const Stdin = "-"

// Options says what to replay and how.
type Options struct {
	// Format is the name of one of Formats. Required.
	Format string
	// Files are read one after the other, plain or gzip by their content; Stdin is one of them. Required.
	Files []string
	// Stdin is what the file Stdin reads. A read of it that blocks when the replay ends is left to end by itself.
	Stdin io.Reader
	// Start is the time of the trace's zero where the format has relative times; not to be set where it has not.
	Start time.Time
	// Speed is the pace as a multiple of the recorded one; 0 is as fast as the log takes the events. Times of events
	// never change. An event that is before an earlier one in time is sent at once.
	Speed float64
	// Tenant and Product are those of the events. Default: those of the format. The tenant is part of the identity.
	Tenant, Product string
	// Run is the label in the events, no part of their identity. It should name one run for ever.
	Run string
	// OnProblem, if set, is called for each problem as it is found. Default none.
	OnProblem func(Problem)
	// Progress, if set, is called after every batch. Default none. No two calls of OnProblem and Progress overlap.
	Progress func(Progress)
}

// Problem is something in a file that could not be replayed: a row, or the rest of the file.
type Problem struct {
	File         string // The name given.
	Line, Column int    // From 1, the column in bytes; 0 where there is none.
	Text         string
}

// String returns the problem in the form of compilers: file:line:column: text.
func (p Problem) String() string {
	switch {
	case p.Line == 0:
		return p.File + ": " + p.Text
	case p.Column == 0:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Progress is how far a replay is.
type Progress struct {
	Rows int64 // Data rows read, a batch or two ahead of those sent.
	Sent int64 // Events that the log has acknowledged.
}

// keptProblems is how many problems a Result keeps.
const keptProblems = 20

// Result is what a replay has done.
type Result struct {
	Rows    int64 // Data rows read, bad ones included.
	Sent    int64 // Events that the log has acknowledged.
	Skipped int64 // Problems: rows skipped, and files of which the rest could not be read.
	// Problems are the first 20 of them.
	Problems []Problem
	// First and Last are the earliest and the latest time of the events sent; the zero time if there are none.
	First, Last time.Time
	// Truth counts what the log has acknowledged. Never nil.
	Truth *producers.Truth
	// Interrupted is true when the context ended before all was sent; the rest is exact all the same.
	Interrupted bool
}

// FormatInfo describes a format for people.
type FormatInfo struct {
	Name        string
	Description string
	NeedsStart  bool // Its times are relative.
}

// Formats returns the formats there are.
func Formats() []FormatInfo {
	infos := make([]FormatInfo, len(formats))
	for i := range formats {
		infos[i] = formats[i].FormatInfo
	}
	return infos
}

// Validate returns what is wrong with the options, one error for each, joined. It does not look at Stdin and the files.
func (o Options) Validate() error {
	var errs []error
	f := formatNamed(o.Format)
	switch {
	case f == nil:
		errs = append(errs, fmt.Errorf("format: %q is not one of %s", o.Format, formatNames()))
	case f.NeedsStart && o.Start.IsZero():
		errs = append(errs, fmt.Errorf("--start: required, since %s has only relative times", f.Name))
	case !f.NeedsStart && !o.Start.IsZero():
		errs = append(errs, fmt.Errorf("--start: not for %s, whose rows carry their time", f.Name))
	case f.NeedsStart && (o.Start.Year() < 1900 || o.Start.Year() > 2299):
		errs = append(errs, fmt.Errorf("--start: %s is not within the years 1900 to 2299", o.Start.UTC().Format(time.RFC3339)))
	}
	if o.Speed < 0 || math.IsNaN(o.Speed) || math.IsInf(o.Speed, 0) {
		errs = append(errs, fmt.Errorf("--speed: %g is not a positive number", o.Speed))
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
	if f != nil {
		errs = append(errs, labelErrors(newCall(f, o))...)
	}
	return errors.Join(errs...)
}

// labelErrors returns what is wrong with the fields of c that are the same in all events.
func labelErrors(c *call) []error {
	c.event.Id, c.event.TimeUs, c.event.Model = "1", 1, unknownModel
	var errs []error
	for _, bad := range fieldErrors(schemas.Validate(&c.event)) {
		errs = append(errs, fmt.Errorf("--%w", bad))
	}
	return errs
}

// grace is how long the batch on its way is waited for when the context has ended.
const grace = 15 * time.Second

// Run replays the files until they end or ctx does, which is no error: what is on its way then is waited for. It sends
// the truth of the run to the log at the end. Rows that cannot be read are reported and skipped. After an error no truth
// is sent, and part of the last batch may be on the log beyond what the Result says; replaying again counts each event
// once.
func Run(ctx context.Context, sender *producers.Sender, o Options) (Result, error) {
	begin := time.Now()
	working, stop, done := producers.Linger(ctx, grace)
	defer done()
	src, err := newSource(o, stop)
	if err != nil {
		return Result{Truth: &producers.Truth{}}, err
	}
	defer src.close()
	sender.Run = o.Run
	pump := producers.Pump{Source: src, Sender: sender, Stop: stop, Progress: func(p producers.Progress) {
		src.hooks.progress(Progress{Rows: src.rows.Load(), Sent: sent(p.Truth)})
	}}
	truth, err := pump.Run(working)
	result := src.result(truth)
	if err != nil {
		return result, fmt.Errorf("replay %s: %w", o.Format, err)
	}
	return result, sender.Report(working, truth.Runs(producers.RunInfo{
		Run: o.Run, Kind: "replay", Start: begin, Detail: o.Format + " " + strings.Join(o.Files, " "),
	}))
}

func sent(truth *producers.Truth) int64 { return int64(truth.Total().Produced) }

// hooks calls the callers' functions one at a time: problems are found while a batch is on its way.
type hooks struct {
	mu         sync.Mutex
	onProblem  func(Problem)
	onProgress func(Progress)
}

func (h *hooks) problem(p Problem) {
	if h.onProblem != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.onProblem(p)
	}
}

func (h *hooks) progress(p Progress) {
	if h.onProgress != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.onProgress(p)
	}
}
