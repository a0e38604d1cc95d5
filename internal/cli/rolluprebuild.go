package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/rollup"
	"tidemark/internal/app"
)

type rollupRebuildCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	spanFlags
	recomputeFlags
	outputFlags
	Rollup    []string `help:"Rebuild only these rollups and those computed from them; all when empty." placeholder:"NAME" group:"Rebuild"`
	Since     moment   `help:"Skip buckets published after this time. To resume an interrupted rebuild, pass the time it printed." placeholder:"TIME" group:"Rebuild"`
	RangeRows int      `help:"Raw rows to recompute at a time, unless one day has more. New events wait as long as one range takes." default:"4000000" placeholder:"N" group:"Rebuild" range:"1..1000000000"`
}

// Help implements kong.HelpProvider.
func (rollupRebuildCmd) Help() string {
	return `Recomputes buckets from raw rows although the ledger does not list them as changed: after a repair of the database, or
when the audit finds a difference in a rollup. Everything else may keep running. Readers see the old values of a bucket
until the new ones are published. The rebuild proceeds range by range. A running rollup process does the recomputing;
without one, this process does it. If a rebuild is interrupted, run it again with the --since that it printed. Without
--since it starts over.

If raw rows that the ledger lists are missing, the bucket keeps its old values and the exit code is 1; 'tidemark audit'
names the rows.`
}

// Example implements exampler.
func (rollupRebuildCmd) Example() string {
	return "tidemark rollup rebuild --from 2026-03-01 --to 2026-04-01 --rollup token_calls_1h,token_calls_1m"
}

// rebuild validates the command's own flags.
func (c *rollupRebuildCmd) rebuild() (*rollup.Rebuild, error) {
	from, to, spanErr := c.span()
	since, sinceErr := c.Since.parse("--since")
	errs := []error{spanErr, sinceErr}
	var known []string
	for _, t := range rollup.Tables() {
		known = append(known, t.Name)
	}
	for _, name := range c.Rollup {
		if !slices.Contains(known, name) {
			errs = append(errs, fmt.Errorf("--rollup: %q is not one of %s", name, strings.Join(known, ", ")))
		}
	}
	errs = append(errs, ranges(*c))
	return &rollup.Rebuild{From: from, To: to, Since: since, Rollups: c.Rollup, Rows: c.RangeRows}, errors.Join(errs...)
}

// Run rebuilds.
func (c *rollupRebuildCmd) Run(ctx context.Context, s Streams) (err error) {
	rebuild, flagsErr := c.rebuild()
	if err := invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.recomputeFlags.validate(), flagsErr); err != nil {
		return err
	}
	log := c.logger(s)
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Ping(ctx); err != nil {
		return err
	}
	if err := c.reach(ctx); err != nil {
		return err
	}
	if err := app.CheckSchema(ctx, db); err != nil {
		return err
	}
	client, err := c.client(app.RebuilderClientID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	rebuild.DB = db
	report := &rebuildReport{rebuild: rebuild, streams: c.told(s), progress: newProgress(s.Err), started: time.Now()}
	b := &app.Rebuilder{
		Rebuild: rebuild, Roller: app.RollerConfig{DB: db, Limits: rollupFlags{recomputeFlags: c.recomputeFlags}.limits(), Log: log},
		Lease:   app.Lease{Client: client, Namespace: c.Namespace, Log: log},
		Planned: report.planned, Progress: report.show,
	}
	done, err := b.Run(ctx)
	report.progress.end()
	if !done {
		err = report.interrupted(ctx, err)
	} else {
		err = report.done(err)
	}
	return report.json(c.outputFlags, s, done, 0, err)
}

// rebuildReport prints how far a rebuild is and how it ended.
type rebuildReport struct {
	rebuild  *rollup.Rebuild
	streams  Streams
	progress *progress
	started  time.Time
	known    bool   // that it is known what there is to rebuild
	again    string // How to go on after an interruption. Empty: by --since.
}

// json prints the result as JSON, if that is asked for, and returns err if there is one.
func (r *rebuildReport) json(f outputFlags, s Streams, done bool, book uint64, err error) error {
	if !f.json() {
		return err
	}
	p := r.rebuild.Progress()
	out := rebuiltJSON{!done, p.Ranges, p.Done, p.Unequal, p.RowsDone, time.Since(r.started).Seconds(), book}
	return errors.Join(printJSON(s.Out, out), err)
}

// planned prints what there is to rebuild.
func (r *rebuildReport) planned(p rollup.RebuildProgress) {
	r.known = true
	if p.Ranges > 0 {
		fmt.Fprintf(r.streams.Out, "rebuilding %s in %s; if interrupted, %s\n",
			count(p.Rows, "raw row"), count(p.Ranges, "range"), r.resume())
	}
}

// resume says how to go on after an interruption.
func (r *rebuildReport) resume() string {
	return cmp.Or(r.again, "resume with --since "+r.rebuild.Began().Format(time.RFC3339Nano))
}

// show shows the range that is being rebuilt.
func (r *rebuildReport) show(p rollup.RebuildProgress, held bool) {
	who := "the running rollup process recomputes"
	if held {
		who = "this process recomputes"
	}
	r.progress.line("range %d of %d, %s to %s, %s of %s rows done%s; %s", p.Done+1, p.Ranges, p.From.Format(time.DateOnly), p.To.Format(time.DateOnly),
		number(p.RowsDone), number(p.Rows), timeLeft(time.Since(r.started), p.RowsDone, p.Rows), who)
}

// timeLeft estimates how long the rest takes, from what is done; empty while nothing is done.
func timeLeft(took time.Duration, done, all uint64) string {
	if done == 0 || done > all {
		return ""
	}
	return fmt.Sprintf(", %s left", (time.Duration(float64(took) * float64(all-done) / float64(done))).Round(time.Second))
}

// interrupted prints how to resume a rebuild that a signal or an error ended.
func (r *rebuildReport) interrupted(ctx context.Context, err error) error {
	if r.known {
		p := r.rebuild.Progress()
		fmt.Fprintf(r.streams.Out, "interrupted after %d of %d ranges; %s\n", p.Done, p.Ranges, r.resume())
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// done prints what a rebuild did.
func (r *rebuildReport) done(err error) error {
	p := r.rebuild.Progress()
	if p.Done == 0 {
		fmt.Fprintln(r.streams.Out, "nothing to rebuild")
		return err
	}
	fmt.Fprintf(r.streams.Out, "%s in %s recomputed in %s\n", count(p.RowsDone, "raw row"), count(p.Done, "range"), time.Since(r.started).Round(10*time.Millisecond))
	if p.Unequal > 0 {
		fmt.Fprintf(r.streams.Out, "old values stay in %s of buckets, because raw rows do not match the ledger; run 'tidemark audit' to find the rows\n", count(p.Unequal, "range"))
		return cmp.Or(err, errFound)
	}
	return err
}
