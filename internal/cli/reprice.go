package cli

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"text/tabwriter"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
	"tidemark/schemas/prices"
)

type repriceCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	bookFlags
	recomputeFlags
	outputFlags
	From    moment `help:"Calls from this time on: RFC 3339 with a whole hour, or a day (UTC). Empty: from the first call." placeholder:"TIME" group:"Reprice"`
	To      moment `help:"Calls before this time, in the same forms. Empty: to the last call." placeholder:"TIME" group:"Reprice"`
	Tenant  string `help:"Only the calls of this tenant." placeholder:"NAME" group:"Reprice"`
	DryRun  bool   `help:"Show what the costs would change by, day by day and model by model, and change nothing." group:"Reprice"`
	Correct bool   `help:"Reprice closed months too. What they were billed stays: the difference is billed in the next open month, as corrections." group:"Reprice"`
	Close   string `help:"Close a month, such as 2026-10, in place of all else: what it costs now is what is billed for it." placeholder:"MONTH" group:"Reprice"`
}

// Help implements kong.HelpProvider.
func (repriceCmd) Help() string {
	return `Has a book price calls that others priced before. An import of prices never does that: a new book prices what comes from the hour of
its import on. So the costs of a time that is over change only by this command, by exactly what --dry-run shows.

Everything else may keep running: readers see the old costs of an hour until the new ones are published. A running rollup process does the
recomputing; without one, this process does it. If a reprice is interrupted, run the same command again: it goes on where it was.

--close MONTH ends the changes of a month: 'tidemark cost export' of it gives the same file from then on. What is found out later, by late events
or by --correct, is billed in the next open month.`
}

// Example implements exampler.
func (repriceCmd) Example() string {
	return "tidemark reprice --from 2026-10-01 --to 2026-10-08 --dry-run"
}

// Run reprices.
func (c *repriceCmd) Run(ctx context.Context, s Streams) error {
	from, fromErr := c.From.parse("--from")
	to, toErr := c.To.parse("--to")
	var month time.Time
	var closeErr error
	if c.Close != "" {
		month, closeErr = parseMonth("--close", c.Close)
		if c.From != "" || c.To != "" || c.Tenant != "" || c.Book != 0 || c.DryRun || c.Correct {
			closeErr = errors.Join(closeErr, errors.New("--close: it goes with no other flag of a reprice"))
		}
	}
	wrong := errors.Join(fromErr, toErr, closeErr, ranges(c.bookFlags), c.recomputeFlags.validate(), c.kafkaFlags.validate())
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, wrong, func(db *clickhouse.DB) error {
		if c.Close != "" {
			return c.closeMonth(ctx, s, db, month)
		}
		book, made, err := app.ReadBook(ctx, db, uint64(c.Book))
		if err != nil {
			return err
		}
		reprice := &app.Reprice{DB: db, From: from, To: to, Tenant: c.Tenant, Book: book.Number, Correct: c.Correct}
		if c.DryRun {
			return c.changes(ctx, s, reprice, made)
		}
		return c.rebuild(ctx, s, db, reprice, made)
	})
}

// parseMonth reads a month.
func parseMonth(flag, text string) (time.Time, error) {
	month, err := time.Parse("2006-01", text)
	if err != nil {
		return month, fmt.Errorf("%s: %q is not a month like 2026-10", flag, text)
	}
	return month, nil
}

// closeMonth closes a month.
func (c *repriceCmd) closeMonth(ctx context.Context, s Streams, db *clickhouse.DB, month time.Time) error {
	progress := newProgress(s.Err)
	charges, err := app.CloseMonth(ctx, db, month, time.Now(), func(day time.Time) { progress.line("reading %s", day.Format(time.DateOnly)) })
	progress.end()
	switch {
	case err != nil:
		return err
	case c.json():
		return printJSON(s.Out, closedJSON{month.Format("2006-01"), charges, charges == 0})
	case charges == 0:
		fmt.Fprintf(s.Out, "%s is closed\n", month.Format("2006-01"))
	default:
		fmt.Fprintf(s.Out, "%s is closed, with %s\n", month.Format("2006-01"), count(charges, "charge"))
	}
	return nil
}

// changes prints what a reprice would change.
func (c *repriceCmd) changes(ctx context.Context, s Streams, reprice *app.Reprice, made prices.Made) error {
	progress := newProgress(s.Err)
	changes, err := reprice.Changes(ctx, func(day time.Time, n, of int) {
		progress.line("reading %s, day %d of %d", day.Format(time.DateOnly), n, of)
	})
	progress.end()
	if err != nil {
		return err
	}
	if c.json() {
		return printJSON(s.Out, changesOutput(made, changes))
	}
	return printChanges(s, changes, made)
}

// printChanges prints a line per day and model.
func printChanges(s Streams, changes []app.CostChange, made prices.Made) error {
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DAY\tPROVIDER\tMODEL\tCURRENCY\tNOW\tTHEN\tDIFFERENCE\tTOKENS UNPRICED")
	sums := map[string]*big.Int{}
	var currencies []string
	for _, c := range changes {
		difference := new(big.Int).Sub(c.After, c.Before)
		unpriced := c.Unpriced.String()
		if c.Unpriced.Cmp(c.UnpricedBefore) != 0 {
			unpriced = c.UnpricedBefore.String() + " -> " + unpriced
		}
		if c.Currency == "" {
			fmt.Fprintf(table, "%s\t%s\t%s\t-\t-\t-\t-\t%s\n", c.Day.Format(time.DateOnly), dash(c.Provider), dash(c.Model), unpriced)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Day.Format(time.DateOnly), dash(c.Provider), dash(c.Model), dash(c.Currency), prices.FormatPicos(c.Before), prices.FormatPicos(c.After),
			signed(difference), unpriced)
		if sums[c.Currency] == nil {
			sums[c.Currency] = new(big.Int)
			currencies = append(currencies, c.Currency)
		}
		sums[c.Currency].Add(sums[c.Currency], difference)
	}
	if len(changes) > 0 {
		if err := table.Flush(); err != nil {
			return err
		}
	}
	for _, currency := range currencies {
		fmt.Fprintf(s.Out, "the cost would change by %s %s\n", signed(sums[currency]), currency)
	}
	if len(changes) == 0 {
		fmt.Fprintln(s.Out, "nothing would change")
	}
	fmt.Fprintf(s.Out, "by book %d: %s; nothing was changed\n", made.Number, dash(made.Note))
	return nil
}

// signed returns an amount with its sign.
func signed(picos *big.Int) string {
	if picos.Sign() > 0 {
		return "+" + prices.FormatPicos(picos)
	}
	return prices.FormatPicos(picos)
}

// rebuild reprices.
func (c *repriceCmd) rebuild(ctx context.Context, s Streams, db *clickhouse.DB, reprice *app.Reprice, made prices.Made) (err error) {
	if err := c.reach(ctx); err != nil {
		return err
	}
	since, err := reprice.Begin(ctx)
	if err != nil {
		return err
	}
	log := c.logger(s)
	client, err := c.client(app.RebuilderClientID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	rebuild := reprice.Rebuild(since)
	report := &rebuildReport{rebuild: rebuild, streams: c.told(s), progress: newProgress(s.Err), started: time.Now(), again: "run the same command again"}
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
	if err != nil || c.json() {
		return report.json(c.outputFlags, s, done, made.Number, err)
	}
	fmt.Fprintf(s.Out, "priced by book %d: %s\n", made.Number, dash(made.Note))
	return nil
}
