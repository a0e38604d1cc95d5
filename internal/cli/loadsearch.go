package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"tidemark/internal/app"
	"tidemark/producers/load"
	"tidemark/producers/load/report"
	"tidemark/producers/load/search"
	loadverdict "tidemark/producers/load/verdict"
)

// searchFlags are how to search for the highest rate.
type searchFlags struct {
	FindMax   bool          `help:"Search for the highest rate that passes, instead of offering one rate." group:"Search"`
	MinRate   eventRate     `help:"Where the search begins, in events per second." default:"1k" placeholder:"RATE" group:"Search"`
	MaxRate   eventRate     `help:"Where the search ends at the latest, in events per second." default:"1M" placeholder:"RATE" group:"Search"`
	Precision float64       `help:"How far the bounds may be apart, as a share of the upper one." default:"0.05" placeholder:"SHARE" group:"Search" range:"0.005..0.5"`
	Trials    int           `help:"How often each bound is tried; the majority counts. An odd number." default:"3" placeholder:"N" group:"Search" range:"1..99"`
	Trial     time.Duration `help:"How long a trial measures. Those that look for the range take a quarter of it." default:"1m" group:"Search" range:"4s..24h"`
}

// mostTrials bounds the full trials of a search.
const mostTrials = 60

// config is that of the search.
func (f searchFlags) config() (search.Config, error) {
	if !f.FindMax {
		return search.Config{}, ranges(f)
	}
	from, fromErr := f.MinRate.parse("--min-rate")
	to, toErr := f.MaxRate.parse("--max-rate")
	c := search.Config{From: from, To: to, Precision: f.Precision, Trials: f.Trials, Short: f.Trial / 4, Full: f.Trial, Most: mostTrials}
	if err := errors.Join(ranges(f), fromErr, toErr); err != nil {
		return c, err
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("--min-rate, --max-rate, --trials: %w", err)
	}
	return c, load.Options{Rate: from}.Validate(c.Short)
}

// settleFor is how long a trial waits for ingest to read what the one before left.
const settleFor = 10 * time.Minute

// search makes the trials of a search and prints the result.
func (c *loadCmd) search(ctx context.Context, s Streams, options load.Options, earlier report.File) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	told := c.told(s)
	fmt.Fprintf(told.Out, "the trials take about %s if every bound holds at once; draining after each, and an audit after the last, come on top\n", config.Expected().Round(time.Second))
	done := report.Search{SchemaVersion: report.Version}
	label, calm := options.Run, uint64(0)
	done.Search, err = search.Find(config, func(rate float64, length time.Duration, phase string) (search.Outcome, error) {
		trial := *c
		trial.Duration, trial.settle, trial.calm, trial.later = length, settleFor, calm, true
		if phase == "bracket" {
			trial.Warmup = min(trial.Warmup, length/2)
		}
		options.Rate, options.Run = rate, fmt.Sprintf("%s-%02d", label, len(done.Trials)+1)
		options.Workload.Seed++ // Other events.
		summary, err := trial.measure(ctx, s, options)
		if err != nil {
			return "", err
		}
		if len(done.Trials) == 0 {
			calm = max(trial.parts, 1)
		}
		done.Trials = append(done.Trials, summary)
		printTrial(told.Out, phase, summary)
		return trialOutcome(summary)
	})
	c.auditTrials(ctx, s, options, &done)
	if !done.Wrong() {
		done.Recommended = done.Search.Recommended()
	}
	printErr := c.show(s.Out, done, func(w io.Writer) error { return printSearch(w, done) })
	filesErr := errors.Join(printErr, c.finish(told.Out, report.File{Name: label, Search: &done}, earlier), c.drop(ctx, s, done.Wrong()))
	switch {
	case ctx.Err() != nil:
		return &exitError{code: exitInterrupted, err: errors.Join(err, filesErr)}
	case err != nil:
		return &exitError{code: exitThreshold, err: errors.Join(err, filesErr)}
	case filesErr != nil:
		return filesErr
	case done.Wrong() || done.Search.State != search.Found && done.Search.State != search.AboveRange:
		return &exitError{code: exitThreshold}
	}
	return nil
}

// auditTrials audits what all trials have left. Their rates say nothing if an event was lost or counted twice.
func (c *loadCmd) auditTrials(ctx context.Context, s Streams, options load.Options, done *report.Search) {
	if len(done.Trials) == 0 {
		return
	}
	var judged []string
	for _, t := range done.Trials {
		if drained(t) && c.Through == throughKafka {
			judged = append(judged, t.Run)
		}
	}
	err := c.connected(ctx, s, options, app.NewRecorder(c.Namespace, load.RecorderConfig{}), func(test *app.Load) (err error) {
		done.AuditOK, done.Audit, err = test.AuditRuns(ctx, judged)
		return err
	})
	switch {
	case ctx.Err() != nil: // Nothing is known to be wrong, and nothing is proved.
		done.AuditOK, done.Audit, done.Search.State = false, "", search.Ended
	case err != nil:
		done.AuditOK, done.Audit = false, "not made: "+err.Error()
	}
}

// drained reports whether all events of a run were accounted for when it ended, and with them the counts of the run.
func drained(s load.Summary) bool {
	return slices.ContainsFunc(s.Verdict.Checks, func(c loadverdict.Check) bool { return c.Name == "drain" && c.State == loadverdict.OK })
}

// trialOutcome is what a trial says of its rate. An error ends the search: a run that is wrong says nothing of speed.
func trialOutcome(s load.Summary) (search.Outcome, error) {
	switch {
	case s.Passed():
		return search.Pass, nil
	case s.Verdict.Outcome == "generator_limited":
		return search.Unoffered, nil
	case s.Verdict.Outcome == "pass" || s.Verdict.Outcome == "fail": // A threshold does not hold, or a check.
		return search.Fail, nil
	}
	return "", fmt.Errorf("%s: %s", s.Verdict.Outcome, s.Verdict.Reason)
}

// printTrial prints a line, and one per note.
func printTrial(w io.Writer, phase string, s load.Summary) {
	limit := string(s.Verdict.Limit)
	if limit == "" {
		limit = "-"
	}
	fmt.Fprintf(w, "%-7s %12s events/s  %-17s limit %-9s p99 raw %s, rollups %s\n", phase, number(uint64(math.Round(s.Config.Rate))), s.Verdict.Outcome, limit,
		trialP99(s, load.Raw), trialP99(s, load.Rollup))
	for _, note := range s.Notes {
		fmt.Fprintf(w, "        note: %s\n", note)
	}
}

func trialP99(s load.Summary, stage load.Stage) string {
	l := s.Latency[stage.String()]
	if l.Count == 0 {
		return "never"
	}
	return fmt.Sprintf("%.0f ms", l.P99MS)
}

func printSearch(w io.Writer, s report.Search) error {
	r := s.Search
	fmt.Fprintf(w, "\n%s after %s: sustained %s events/s", r.State, count(len(r.Trials), "trial"), number(uint64(math.Round(r.Lower))))
	if r.Upper > 0 {
		fmt.Fprintf(w, ", not sustained %s", number(uint64(math.Round(r.Upper))))
	}
	_, err := fmt.Fprintf(w, " (%s)\n%s\n", report.SearchNotes[r.State], s.LimitText())
	if s.Audit != "" {
		_, err = fmt.Fprintf(w, "audit of all trials: %s\n", s.Audit)
	}
	if s.Recommended > 0 {
		_, err = fmt.Fprintf(w, "plan with %s events/s, 70 %% of what is sustained\n", number(uint64(math.Round(s.Recommended))))
	}
	return err
}
