package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/rollup"
)

type rollupRebuildCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	spanFlags
	recomputeFlags
	Rollup    []string `help:"Only these rollups and what is made from them; all when empty." placeholder:"NAME" group:"Rebuild"`
	Since     string   `help:"Leave out what was published since: goes on with a rebuild that was interrupted, which told this time." placeholder:"TIME" group:"Rebuild"`
	RangeRows int      `help:"Raw rows to recompute at a time, unless one day has more. New events wait as long as one range takes." default:"4000000" placeholder:"N" group:"Rebuild" range:"1..1000000000"`
}

// Help is the long text of "tidemark rollup rebuild --help".
func (rollupRebuildCmd) Help() string {
	return `Recomputes buckets from the raw rows though the ledger does not say that they changed: after a repair of the database,
or when the audit finds a difference in a rollup. Everything may run meanwhile. Readers see the old version of a bucket
until the new one is published. It goes range by range; if a rollup process is at work it does the recomputing, else
this one does. Interrupted, it is simply run again.

A bucket that raw cannot give any more, because rows are missing that the ledger lists, stays as it was; the exit code
is 1 then, and the audit names the rows.

  tidemark rollup rebuild --from 2026-03-01 --to 2026-04-01 --rollup token_calls_1h,token_calls_1m
  tidemark audit`
}

// rebuild validates the command's own flags.
func (c *rollupRebuildCmd) rebuild() (*rollup.Rebuild, error) {
	from, to, spanErr := c.span()
	since, sinceErr := moment("--since", c.Since)
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
	if err := checkSchema(ctx, db, c.Namespace); err != nil {
		return err
	}
	rebuild.DB = db
	roller := newRoller(db, rollupFlags{recomputeFlags: c.recomputeFlags}, newMetrics(c.Namespace), log)
	b := &rebuilder{rebuild: rebuild, worker: roller.worker, streams: s, reporter: newReporter(s.Err), started: time.Now()}
	count := roller.worker.Hooks.Range
	roller.worker.Hooks.Range = func(p rollup.Published) {
		count(p)
		b.report(true)
	}
	err = withLease(ctx, c.kafkaFlags, c.Namespace, leaseClientRebuild, log, b.work)
	b.reporter.end()
	return b.verdict(ctx, err)
}

// rebuilder takes a rebuild forward, from one generation of the rollup's group to the next.
type rebuilder struct {
	rebuild  *rollup.Rebuild
	worker   *rollup.Worker
	streams  Streams
	reporter *reporter
	started  time.Time
	told     bool
	finished bool
}

// rebuildPoll is how often a rebuild looks whether the worker at work is done.
const rebuildPoll = 200 * time.Millisecond

// work asks for range after range; with the lease it also does what it asks for.
func (b *rebuilder) work(ctx context.Context, held bool) error {
	for {
		done, err := b.rebuild.Next(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // The next generation goes on.
		}
		if err != nil {
			return err
		}
		b.tell()
		if done {
			b.finished = true
			return consumerkafka.ErrStop
		}
		b.report(held)
		if !held {
			sleep(ctx, rebuildPoll)
			continue
		}
		var mismatch *rollup.MismatchError
		if _, err := b.worker.Step(ctx); err != nil && ctx.Err() == nil && !errors.As(err, &mismatch) {
			return err
		}
	}
}

// tell says what there is to do, once.
func (b *rebuilder) tell() {
	if b.told {
		return
	}
	b.told = true
	p := b.rebuild.Progress()
	if p.Ranges == 0 {
		return
	}
	fmt.Fprintf(b.streams.Out, "rebuilding %s raw rows in %s ranges; interrupted, go on with --since %s\n",
		number(p.Rows), number(uint64(p.Ranges)), b.rebuild.Began().Format(time.RFC3339Nano))
}

func (b *rebuilder) report(held bool) {
	p := b.rebuild.Progress()
	who := "the rollup process at work does it"
	if held {
		who = "this process does it"
	}
	b.reporter.line("range %d of %d, %s to %s, %s of %s rows done%s; %s", p.Done+1, p.Ranges, p.From.Format(time.DateOnly), p.To.Format(time.DateOnly),
		number(p.RowsDone), number(p.Rows), left(time.Since(b.started), p.RowsDone, p.Rows), who)
}

// left guesses how long the rest takes, from what is done; empty while there is nothing to guess from.
func left(took time.Duration, done, all uint64) string {
	if done == 0 || done > all {
		return ""
	}
	return fmt.Sprintf(", %s left", (time.Duration(float64(took) * float64(all-done) / float64(done))).Round(time.Second))
}

// verdict prints how the rebuild ended.
func (b *rebuilder) verdict(ctx context.Context, err error) error {
	p := b.rebuild.Progress()
	if !b.finished {
		if b.told {
			fmt.Fprintf(b.streams.Out, "interrupted after %d of %d ranges; go on with --since %s\n", p.Done, p.Ranges, b.rebuild.Began().Format(time.RFC3339Nano))
		}
		if ctx.Err() != nil {
			return errFound
		}
		return err
	}
	if p.Done == 0 {
		fmt.Fprintln(b.streams.Out, "nothing to rebuild")
		return err
	}
	fmt.Fprintf(b.streams.Out, "%s raw rows in %d ranges recomputed in %s\n", number(p.RowsDone), p.Done, time.Since(b.started).Round(10*time.Millisecond))
	if p.Unequal > 0 {
		fmt.Fprintf(b.streams.Out, "%d ranges of buckets stay as they were: raw lacks rows that the ledger lists, or has others; run 'tidemark audit' for the place\n", p.Unequal)
		return cmp.Or(err, errFound)
	}
	return err
}
