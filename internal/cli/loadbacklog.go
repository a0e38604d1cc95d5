package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"
	"time"

	"tidemark/internal/app"
	"tidemark/producers/load"
	loadverdict "tidemark/producers/load/verdict"
)

// backlogFlags say to measure how fast a backlog is drained.
type backlogFlags struct {
	Backlog    eventCount `help:"Fill the log with this many events while no ingest worker runs, and measure how fast they are drained. 0: no." default:"0" placeholder:"N" group:"Backlog"`
	DrainRatio float64    `help:"Share of the backlog whose draining is timed." default:"0.99" placeholder:"SHARE" group:"Backlog" range:"0.5..1"`
}

// on reports whether a backlog is asked for. What is no number is refused before.
func (f backlogFlags) on() bool {
	n, err := f.Backlog.parse("")
	return err == nil && n > 0
}

// eventCount is a number of events, written with k for thousands, M for millions, or neither.
type eventCount string

// maxBacklog is what one process remembers: 4 bytes per event.
const maxBacklog = 1e9

// parse returns the number. flag is for the error.
func (n eventCount) parse(flag string) (uint64, error) {
	value, err := withUnit(string(n))
	if err != nil || !(value >= 0 && value <= maxBacklog) || value != math.Trunc(value) {
		return 0, fmt.Errorf("%s: %q is not a whole number of events, such as 500, 50k or 1.2M, up to 1000M", flag, string(n))
	}
	return uint64(value), nil
}

// ingestWait is how long a filled log waits for ingest to begin.
const ingestWait = 10 * time.Minute

// span is the time in which the events of the backlog happened: as if they had come at the rate.
func (c *loadCmd) span(events uint64, options load.Options) time.Duration {
	return time.Duration(max(float64(events)/options.Rate, 1) * float64(time.Second))
}

// validateBacklog returns why the backlog cannot be measured.
func (c *loadCmd) validateBacklog(options load.Options) error {
	events, err := c.Backlog.parse("--backlog")
	if err != nil || events == 0 || options.Rate == 0 {
		return errors.Join(err, ranges(c.backlogFlags))
	}
	const longest = 365 * 24 * time.Hour
	if s := float64(events) / options.Rate; s > longest.Seconds() {
		return fmt.Errorf("--backlog, --rate: at %v events/s, %s %.0f days; at most 365", options.Rate, count(events, "event takes"), s/24/3600)
	}
	return ranges(c.backlogFlags)
}

// drainBacklog fills the log, measures how it is drained, prints that, and ends with whether all came through.
func (c *loadCmd) drainBacklog(ctx context.Context, s Streams, options load.Options) error {
	events, err := c.Backlog.parse("--backlog")
	if err != nil {
		return err
	}
	recorder := app.NewRecorder(c.Namespace, load.RecorderConfig{Duration: time.Hour})
	var done load.Backlog
	err = c.with(ctx, s, options, recorder, func(test *app.Load) error {
		var err error
		done, err = test.Backlog(ctx, app.Backlog{
			Events: events, Ratio: c.DrainRatio, Span: c.span(events, options), Wait: ingestWait,
			Filled: func() {
				fmt.Fprintf(s.Err, "the log has the events: start ingest now, with \"tidemark ingest --namespace %s\"\n", c.Namespace)
			},
		})
		return err
	})
	if done.SchemaVersion > 0 {
		err = errors.Join(err, c.show(s.Out, done, func(w io.Writer) error { return printBacklog(w, done) }), c.writeSummary(c.told(s).Out, done), c.drop(ctx, s, done.Outcome == loadverdict.Wrong))
	}
	return loadEnd(ctx, err, done.Passed())
}

// printBacklog prints how a backlog was drained.
func printBacklog(w io.Writer, b load.Backlog) error {
	fmt.Fprintf(w, "verdict: %s", b.Outcome)
	if b.Reason != "" {
		fmt.Fprintf(w, " (%s)", b.Reason)
	}
	fmt.Fprintf(w, "\nrun %s, namespace %s\n\n", b.Run, b.Namespace)
	fmt.Fprintf(w, "%s of %s went into the log, %s events/s\n", count(b.Events, "event"), time.Duration(b.SpanS*float64(time.Second)).Round(time.Second), number(uint64(b.FillRate)))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "from the first event that was seen, s\tevents\treached\tfirst\t%g %%\tevents/s\t\n", 100*b.Ratio)
	for _, d := range b.Stages {
		rate := "-"
		if d.Rate != nil {
			rate = number(uint64(*d.Rate))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t\n", d.Stage, number(d.Events), number(d.Reached), optional(d.FirstS, "%.2f"), optional(d.DoneS, "%.2f"), rate)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range b.Resources {
		fmt.Fprintf(w, "%s: %.2f us of CPU time per event, %.2f cores, %d MB of memory\n", r.Role, r.CPUPerEventUS, r.Cores, r.ResidentMax>>20)
	}
	if b.InsertShare != nil {
		fmt.Fprintf(w, "the busiest partition waited for inserts %.0f %% of the time\n", 100**b.InsertShare)
	}
	fmt.Fprintf(w, "bytes per event: log %s, disk %s\n", optional(b.LogBytesPerEvent, "%.0f"), optional(b.DiskBytesPerEvent, "%.0f"))
	for _, note := range b.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	_, err := fmt.Fprintf(w, "audit: %s\n", b.Audit)
	return err
}

// optional formats a value that may not be known.
func optional(value *float64, format string) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprintf(format, *value)
}
