package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
	"tidemark/internal/plural"
	"tidemark/schemas/focus"
	"tidemark/schemas/prices"
)

type costExportCmd struct {
	commonFlags
	clickhouseFlags
	outputFlags
	Focus    string `help:"Version of FOCUS: 1.2." default:"1.2" placeholder:"VERSION" group:"Costs"`
	Month    string `help:"The month to export, UTC, such as 2026-10." placeholder:"MONTH" group:"Costs"`
	Tenant   string `help:"Only costs of this tenant. Empty: of all." placeholder:"NAME" group:"Costs"`
	Format   string `help:"csv or parquet. Empty: parquet if the name of the file ends in .parquet, csv otherwise." placeholder:"NAME" group:"Costs"`
	Out      string `help:"Write the costs to this file." placeholder:"FILE" group:"Costs"`
	Unpriced string `help:"Write usage that has no price to this file, as CSV." placeholder:"FILE" group:"Costs"`
}

// Help implements kong.HelpProvider.
func (costExportCmd) Help() string {
	return `Writes what calls cost, as computed by the books of prices, in the form of FOCUS 1.2: a row per day, tenant, product, model, class of
tokens and price. Amounts are exact. Corrections of earlier months that were made in the month are rows of their own.

Usage without a price is not in the file, because FOCUS has no cost that is unknown, and 0 would be wrong: --unpriced lists it, and the command
says how large it is.

A file is written beside its name and gets it when it is whole. docs/focus.md says what each column means.`
}

// Example implements exampler.
func (costExportCmd) Example() string {
	return "tidemark cost export --month 2026-10 --out october.parquet --unpriced october-unpriced.csv"
}

// costSource is where costs come from. Both functions ask when they are called, rows when the first one is taken.
type costSource struct {
	rows     func(ctx context.Context, month time.Time, tenant string) iter.Seq2[focus.Row, error]
	unpriced func(ctx context.Context, month time.Time, tenant string) ([]focus.Unpriced, error)
}

// Run exports.
func (c *costExportCmd) Run(ctx context.Context, s Streams) error {
	month, err := c.check()
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, err, func(db *clickhouse.DB) error {
		return c.export(ctx, s, month, costSource{
			rows: func(ctx context.Context, month time.Time, tenant string) iter.Seq2[focus.Row, error] {
				return app.CostRows(ctx, db, month, tenant)
			},
			unpriced: func(ctx context.Context, month time.Time, tenant string) ([]focus.Unpriced, error) {
				return app.CostUnpriced(ctx, db, month, tenant)
			},
		})
	})
}

// check returns the beginning of the month, or all that is wrong with the flags and files.
func (c *costExportCmd) check() (time.Time, error) {
	month, err := time.Parse("2006-01", c.Month)
	if err != nil || month.Year() < 1970 {
		err = fmt.Errorf("--month: %q is not a month like 2026-10", c.Month)
	}
	errs := []error{err}
	if c.Focus != focus.Version {
		errs = append(errs, fmt.Errorf("--focus: %q is not %s", c.Focus, focus.Version))
	}
	if c.Format != "" && c.Format != "csv" && c.Format != "parquet" {
		errs = append(errs, fmt.Errorf("--format: %q is not csv or parquet", c.Format))
	}
	if c.Out == "" {
		errs = append(errs, errors.New("--out: name a file"))
	} else if err := writable(c.Out); err != nil {
		errs = append(errs, fmt.Errorf("--out: %w", err))
	}
	if c.Unpriced != "" {
		if filepath.Clean(c.Unpriced) == filepath.Clean(c.Out) {
			errs = append(errs, fmt.Errorf("--unpriced: %s is the file of --out too", c.Unpriced))
		} else if err := writable(c.Unpriced); err != nil {
			errs = append(errs, fmt.Errorf("--unpriced: %w", err))
		}
	}
	return month, errors.Join(errs...)
}

// format returns the format's name and what writes it.
func (c *costExportCmd) format() (string, func(io.Writer, iter.Seq2[focus.Row, error], focus.Options) error) {
	if c.Format == "parquet" || c.Format == "" && strings.HasSuffix(c.Out, ".parquet") {
		return "Parquet", focus.WriteParquet
	}
	return "CSV", focus.WriteCSV
}

// export writes the files. The file of costs is open before anything is asked, and gets its name last.
func (c *costExportCmd) export(ctx context.Context, s Streams, month time.Time, source costSource) error {
	report := newProgress(s.Err)
	defer report.end()
	name, write := c.format()
	t := costTally{costs: map[string]*big.Int{}}
	err := writeFile(c.Out, func(w io.Writer) error {
		without, err := source.unpriced(ctx, month, c.Tenant)
		if err != nil {
			return err
		}
		t.without(without)
		if err := write(w, t.counted(source.rows(ctx, month, c.Tenant), report), focus.Options{Month: month}); err != nil {
			return err
		}
		if c.Unpriced == "" {
			return nil
		}
		return writeFile(c.Unpriced, func(w io.Writer) error { return focus.WriteUnpriced(w, without) })
	})
	if err != nil {
		return err
	}
	report.end()
	over := !time.Now().Before(month.AddDate(0, 1, 0))
	if c.json() {
		return printJSON(s.Out, c.exportedOutput(name, over, &t))
	}
	c.printResult(s, name, over, &t)
	return nil
}

// costTally counts what is written.
type costTally struct {
	charges, corrections, lines uint64
	costs                       map[string]*big.Int // By currency, in 1e-12 of it.
	tokens, unpriced            big.Int             // Corrections are not counted.
	unknown                     big.Int             // Calls that do not say their tokens.
}

// counted returns the rows and counts them as they are taken.
func (t *costTally) counted(rows iter.Seq2[focus.Row, error], report *progress) iter.Seq2[focus.Row, error] {
	return func(yield func(focus.Row, error) bool) {
		for r, err := range rows {
			if !yield(r, err) {
				return
			}
			t.add(r)
			report.line("%s written", count(t.charges, "charge"))
		}
	}
}

// add counts a row that was written.
func (t *costTally) add(r focus.Row) {
	t.charges++
	if t.costs[r.Currency] == nil {
		t.costs[r.Currency] = new(big.Int)
	}
	t.costs[r.Currency].Add(t.costs[r.Currency], r.Cost)
	switch {
	case r.Correction:
		t.corrections++
	case r.Unit != prices.Request:
		t.tokens.Add(&t.tokens, r.Quantity)
	}
}

// without counts usage that has no price.
func (t *costTally) without(all []focus.Unpriced) {
	t.lines = uint64(len(all))
	for _, u := range all {
		switch {
		case u.Tokens != nil:
			t.unpriced.Add(&t.unpriced, u.Tokens)
		case u.Calls != nil:
			t.unknown.Add(&t.unknown, u.Calls)
		}
	}
}

// printResult says what was written, and what is missing in it.
func (c *costExportCmd) printResult(s Streams, format string, over bool, t *costTally) {
	var costs []string
	for _, currency := range slices.Sorted(maps.Keys(t.costs)) {
		costs = append(costs, prices.FormatPicos(t.costs[currency])+" "+currency)
	}
	if len(costs) == 0 {
		costs = []string{"no cost"}
	}
	fmt.Fprintf(s.Out, "wrote %s (FOCUS %s, %s): %s of %s, %s of them corrections of earlier months; %s\n", c.Out, focus.Version, format, count(t.charges, "charge"),
		c.Month, number(t.corrections), strings.Join(costs, ", "))
	if t.lines > 0 {
		where := "and --unpriced FILE lists them"
		if c.Unpriced != "" {
			where = "but in " + c.Unpriced
		}
		all := new(big.Int).Add(&t.tokens, &t.unpriced)
		fmt.Fprintf(s.Out, "%s of %s tokens (%s), and %s that do not tell theirs, have no price: they are not in it, %s\n", grouped(t.unpriced.String()), grouped(all.String()),
			share(&t.unpriced, all), plural.Text(grouped(t.unknown.String()), "call"), where)
	}
	if !over {
		fmt.Fprintf(s.Out, "%s is not over: export it again when it is\n", c.Month)
	}
}

// share writes a part in percent, rounded to one digit, and never to nothing or all.
func share(part, all *big.Int) string {
	if all.Sign() == 0 || part.Sign() == 0 {
		return "0 %"
	}
	percent := new(big.Rat).SetFrac(new(big.Int).Mul(part, big.NewInt(100)), all)
	text := percent.FloatString(1)
	switch {
	case text == "0.0":
		return "less than 0.1 %"
	case text == "100.0" && part.Cmp(all) != 0:
		return "more than 99.9 %"
	}
	return strings.TrimSuffix(text, ".0") + " %"
}
