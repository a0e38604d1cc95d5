package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
	"tidemark/schemas/prices"
)

type pricesFXCmd struct {
	Import pricesFXImportCmd `cmd:"" help:"Bring rates of exchange in: those of the European Central Bank, or a file of your own."`
	List   pricesFXListCmd   `cmd:"" help:"List the rates that count at a time, one line per pair of currencies."`
}

type pricesFXImportCmd struct {
	commonFlags
	clickhouseFlags
	outputFlags
	File    string `arg:"" help:"The rates as CSV; '-' is standard input. A file that ends in .gz is unpacked."`
	Correct bool   `help:"Also change rates that are known." group:"Prices"`
	DryRun  bool   `help:"Show what would change, but change nothing." group:"Prices"`
}

// Help implements kong.HelpProvider.
func (pricesFXImportCmd) Help() string {
	return `Reads two forms: a rate per line, with the columns date, from, to and rate (so many of the second currency were one of the first), and
the European Central Bank's reference rates (eurofxref-hist.csv), a day per line.

Prices and costs stay in their own currency. A rate counts for its day and for days after it that have none, at most 7, as on weekends and
holidays. Between two currencies that have no rate of their own, it goes through the euro. What has no rate is not converted.`
}

// Example implements exampler.
func (pricesFXImportCmd) Example() string { return "tidemark prices fx import eurofxref-hist.csv" }

// Run imports.
func (c *pricesFXImportCmd) Run(ctx context.Context, s Streams) error {
	if err := invalid(c.commonFlags.validate(), c.clickhouseFlags.validate()); err != nil {
		return err
	}
	content, err := readTable(s, c.File)
	if err != nil {
		return err
	}
	rates, err := prices.ReadRates(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("nothing was imported: %s: %w", c.File, err)
	}
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, nil, func(db *clickhouse.DB) error {
		result, err := app.ImportRates(ctx, db, app.RateImport{Rates: rates, Correct: c.Correct, DryRun: c.DryRun})
		if err != nil && !errors.Is(err, app.ErrRateChanges) {
			return err
		}
		if err == nil && c.json() {
			return printJSON(s.Out, ratesImportedOutput(c.DryRun, len(rates), result))
		}
		out := c.told(s).Out
		for i, change := range result.Changed {
			if i == maxShown {
				fmt.Fprintf(out, "and %s more\n", number(uint64(len(result.Changed)-maxShown)))
				break
			}
			r := change.New
			fmt.Fprintf(out, "%s %s in %s: %s, was %s\n", r.Day.Format(time.DateOnly), r.Base, r.Quote, r.Value, change.Old)
		}
		if err != nil {
			return fmt.Errorf("nothing was imported: %w: if what is known is wrong, give --correct", err)
		}
		would := ""
		if c.DryRun {
			would = "would be "
		}
		fmt.Fprintf(out, "%s read; %s %sadded, %s changed, the others are known already\n", count(len(rates), "rate"), number(uint64(result.Added)), would, number(uint64(len(result.Changed))))
		return nil
	})
}

type pricesFXListCmd struct {
	commonFlags
	clickhouseFlags
	outputFlags
	Currency string `arg:"" optional:"" help:"Only rates of this currency: EUR, USD."`
	At       moment `help:"The day whose rates count: RFC 3339, or a day. Empty: now." placeholder:"TIME" group:"Prices"`
}

// Example implements exampler.
func (pricesFXListCmd) Example() string { return "tidemark prices fx list --at 2026-11-01" }

// Run lists.
func (c *pricesFXListCmd) Run(ctx context.Context, s Streams) error {
	at, err := c.At.parse("--at")
	if at.IsZero() {
		at = time.Now()
	}
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, err, func(db *clickhouse.DB) error {
		all, err := app.ReadRates(ctx, db)
		if err != nil {
			return err
		}
		counting := prices.RatesOf(all, at)
		if currency := strings.ToUpper(c.Currency); currency != "" {
			counting = slices.DeleteFunc(counting, func(r prices.ExchangeRate) bool { return r.Base != currency && r.Quote != currency })
		}
		if c.json() {
			return printJSON(s.Out, ratesOutput(at, counting, len(all)))
		}
		table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ONE\tIS\tIN\tOF\tSOURCE")
		for _, r := range counting {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Base, r.Value, r.Quote, r.Day.Format(time.DateOnly), r.Source)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s on %s, of %s\n", count(len(counting), "rate counts"), at.UTC().Format(time.DateOnly), number(uint64(len(all))))
		return nil
	})
}
