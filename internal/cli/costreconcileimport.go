package cli

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
	"tidemark/schemas"
	"tidemark/schemas/billing"
	"tidemark/schemas/prices"
)

type reconcileImportCmd struct {
	commonFlags
	clickhouseFlags
	outputFlags
	File     string `arg:"" help:"The file; '-' is standard input. A file that ends in .gz is unpacked."`
	Format   string `help:"openai-usage, openai-costs, anthropic-usage, anthropic-costs, litellm-logs, litellm-daily, focus (CSV or Parquet), or auto." default:"auto" placeholder:"NAME" group:"Import"`
	Account  string `help:"Which of several accounts with the same source the file is of. A name of your own; empty for the only one." placeholder:"NAME" group:"Import"`
	Provider string `help:"Of files of OpenAI and Anthropic: who sold the calls, as events have it; empty: openai or anthropic. Of files of LiteLLM and FOCUS: import the rows of this provider alone; empty: all." placeholder:"NAME" group:"Import"`
	DryRun   bool   `help:"Show what the file says and how many rows it would replace, but store nothing." group:"Import"`
}

// Help implements kong.HelpProvider.
func (reconcileImportCmd) Help() string {
	return `An import replaces, as a whole, what earlier imports of the same source, account, kind and provider say of its periods. Nothing is
deleted, and nothing is added to what Tidemark counts. So import a period again when the provider has corrected it.

A field that Tidemark does not know and that carries money or tokens is an error that names it. Amounts are read as they are written; one that is
finer than 1e-12 of its currency is rounded. Users, keys, tiers and regions are summed, and not stored.

docs/reconciliation.md says how to export from each provider.`
}

// Example implements exampler.
func (reconcileImportCmd) Example() string {
	return "tidemark cost reconcile import openai-costs.json --account main --dry-run"
}

// maxName bounds the bytes of names that are given by flags.
const maxNameFlag = 256

// Run imports.
func (c *reconcileImportCmd) Run(ctx context.Context, s Streams) error {
	err := errors.Join(plainName("--account", c.Account), plainName("--provider", c.Provider))
	if c.Format != "auto" && !strings.Contains(", "+billing.Formats()+", ", ", "+c.Format+", ") {
		err = errors.Join(err, fmt.Errorf("--format: %s is not one of %s, auto", schemas.Excerpt(c.Format), billing.Formats()))
	}
	if err := invalid(c.commonFlags.validate(), c.clickhouseFlags.validate(), err); err != nil {
		return err
	}
	content, sum, err := readBillingFile(s, c.File)
	if err != nil {
		return err
	}
	report, err := billing.Read(content, c.Format)
	var whose string
	if err == nil {
		report, whose, err = report.For(c.Provider)
	}
	if err != nil {
		return fmt.Errorf("nothing was imported: %s: %w", c.File, err)
	}
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, nil, func(db *clickhouse.DB) error {
		replaced, err := app.ImportBilling(ctx, db, app.BillingImport{
			Report: report, Provider: whose, Account: c.Account, File: filepath.Base(c.File), SHA256: sum, DryRun: c.DryRun,
		})
		if err != nil {
			return fmt.Errorf("nothing was imported: %s: %w", c.File, err)
		}
		if c.json() {
			return printJSON(s.Out, billingImportedOutput(c.DryRun, report, replaced))
		}
		return c.print(s, report, replaced)
	})
}

func plainName(flag, name string) error {
	if len(name) > maxNameFlag || strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return fmt.Errorf("%s: %s is longer than %d bytes or has control characters", flag, schemas.Excerpt(name), maxNameFlag)
	}
	return nil
}

// billed are the sums of a provider in a report.
type billed struct {
	provider, currency string
	cost               big.Int
	input, output      big.Int
	untold             bool
}

// print writes what the file says.
func (c *reconcileImportCmd) print(s Streams, r billing.Report, replaced uint64) error {
	for _, kind := range []billing.Kind{billing.Usage, billing.Cost} {
		for _, span := range r.Covered[kind] {
			fmt.Fprintf(s.Out, "%s from %s to %s\n", kind, dayOrTime(span.From), dayOrTime(span.To))
		}
	}
	if err := printBilled(s, r); err != nil {
		return err
	}
	for i, skip := range r.Skipped {
		if i == maxShown {
			fmt.Fprintf(s.Out, "left out: %s of rows\n", count(len(r.Skipped)-i, "more kind"))
			break
		}
		fmt.Fprintf(s.Out, "left out: %s %s\n", number(uint64(skip.Rows)), printable(skip.What))
	}
	if r.Rounded > 0 {
		fmt.Fprintf(s.Out, "rounded: %s that are finer than 1e-12 of their currency\n", count(r.Rounded, "amount"))
	}
	would := ""
	if c.DryRun {
		would = "would be "
	}
	fmt.Fprintf(s.Out, "%s: %s %sstored, %s of earlier imports %sreplaced\n", r.Format, count(len(r.Observations), "row"), would, number(replaced), would)
	return nil
}

// sums adds up what a report says of each provider, costs by currency.
func sums(r billing.Report) []*billed {
	var all []*billed
	find := func(provider, currency string) *billed {
		for _, b := range all {
			if b.provider == provider && b.currency == currency {
				return b
			}
		}
		all = append(all, &billed{provider: provider, currency: currency})
		return all[len(all)-1]
	}
	for _, o := range r.Observations {
		b := find(o.Provider, o.Currency)
		if o.Cost != nil {
			b.cost.Add(&b.cost, o.Cost)
			continue
		}
		for _, part := range []struct {
			sum *big.Int
			n   *uint64
		}{{&b.input, o.Tokens.Input}, {&b.output, o.Tokens.Output}} {
			if part.n == nil {
				b.untold = true
				continue
			}
			part.sum.Add(part.sum, new(big.Int).SetUint64(*part.n))
		}
	}
	return all
}

func printBilled(s Streams, r billing.Report) error {
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for _, b := range sums(r) {
		if b.currency != "" {
			fmt.Fprintf(table, "%s\tcost\t%s %s\n", dash(b.provider), prices.FormatPicos(&b.cost), b.currency)
			continue
		}
		more := ""
		if b.untold {
			more = ", and some that are not told"
		}
		fmt.Fprintf(table, "%s\ttokens\t%s input, %s output%s\n", dash(b.provider), groupedSigned(b.input.String()), groupedSigned(b.output.String()), more)
	}
	return table.Flush()
}

// groupedSigned puts commas between the thousands of a whole number.
func groupedSigned(digits string) string {
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		return "-" + grouped(rest)
	}
	return grouped(digits)
}
