package cli

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
	"tidemark/internal/plural"
	"tidemark/schemas/prices"
)

type costReportCmd struct {
	commonFlags
	clickhouseFlags
	outputFlags
	From     moment   `help:"Calls from this time on: RFC 3339 with a whole hour, or a day (UTC). Empty: from the first call." placeholder:"TIME" group:"Cost"`
	To       moment   `help:"Calls before this time, in the same forms. Empty: to the last call." placeholder:"TIME" group:"Cost"`
	By       []string `help:"Break down by: model, tenant, product, provider, class (of tokens), day, reason (why there is no price), book. Several are separated by commas. Empty: the total." placeholder:"NAME,..." group:"Cost"`
	Tenant   string   `help:"Only the calls of this tenant." placeholder:"NAME" group:"Cost"`
	Provider string   `help:"Only the calls that this provider sold." placeholder:"NAME" group:"Cost"`
	Currency string   `help:"Show amounts in this currency, such as USD, by the rate of exchange of each day ('tidemark prices fx'). What has no rate stays in its own. Empty: each in its own." placeholder:"CODE" group:"Cost"`
}

// Help implements kong.HelpProvider.
func (costReportCmd) Help() string {
	return `Shows what calls cost by the books of prices, exactly: no amount is rounded. What has no price is in no amount: where tokens are unpriced, the
cost is at least what is shown, and 'tidemark cost report --by reason' says why. Currencies are not added up, unless you name one with --currency:
then amounts are rounded once, to 1e-12.`
}

// Example implements exampler.
func (costReportCmd) Example() string {
	return "tidemark cost report --from 2026-10-01 --to 2026-11-01 --by tenant,model"
}

// report validates the flags.
func (c *costReportCmd) report() (*app.CostReport, error) {
	from, fromErr := c.From.parse("--from")
	to, toErr := c.To.parse("--to")
	errs := []error{fromErr, toErr}
	for i, at := range []time.Time{from, to} {
		if !at.Truncate(time.Hour).Equal(at) {
			errs = append(errs, fmt.Errorf("%s: %s is not a whole hour: costs are kept by hour", []string{"--from", "--to"}[i], at.Format(time.RFC3339)))
		}
	}
	if fromErr == nil && toErr == nil && !to.IsZero() && !to.After(from) {
		errs = append(errs, fmt.Errorf("--to: %s is not after --from", c.To))
	}
	if c.Currency != "" && (len(c.Currency) != 3 || strings.Trim(c.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		errs = append(errs, fmt.Errorf("--currency: %q is not three letters A to Z", c.Currency))
	}
	for i, by := range c.By {
		if !slices.Contains(app.CostsBy, by) {
			errs = append(errs, fmt.Errorf("--by: %q is not one of %s", by, strings.Join(app.CostsBy, ", ")))
		}
		if slices.Contains(c.By[:i], by) {
			errs = append(errs, fmt.Errorf("--by: %s is there twice", by))
		}
	}
	return &app.CostReport{From: from, To: to, By: c.By, Tenant: c.Tenant, Provider: c.Provider}, errors.Join(errs...)
}

// Run reports.
func (c *costReportCmd) Run(ctx context.Context, s Streams) error {
	report, wrong := c.report()
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, wrong, func(db *clickhouse.DB) error {
		rows, err := c.read(ctx, db, report)
		if err != nil {
			return err
		}
		missing, err := report.Missing(ctx, db)
		if err != nil {
			return err
		}
		if c.json() {
			return printCostsJSON(s, report, rows, missing)
		}
		if err := printCostRows(ctx, s, db, report, rows); err != nil || missing.Sign() == 0 {
			return err
		}
		_, err = fmt.Fprintf(s.Out, "not whole yet: these costs lack %s of this time, of any tenant; 'tidemark rollup' computes hours again later than minutes\n", plural.Text(missing.String(), "call"))
		return err
	})
}

// read reads the rows, in one currency if the flag says so.
func (c *costReportCmd) read(ctx context.Context, db *clickhouse.DB, report *app.CostReport) ([]app.CostRow, error) {
	if c.Currency != "" {
		return report.In(ctx, db, c.Currency)
	}
	return report.Read(ctx, db)
}

// costReportJSON is the result of 'tidemark cost report'.
type costReportJSON struct {
	Rows []costRowJSON `json:"rows"`
	// CallsNotYet are calls of the time, of any tenant, that the rows do not have yet.
	CallsNotYet string `json:"calls_not_yet"`
}

// costRowJSON is a row of the report in JSON.
type costRowJSON struct {
	By             map[string]string `json:"by,omitempty"`
	Cost           *string           `json:"cost"` // Null if nothing has a price.
	Currency       *string           `json:"currency"`
	Inexact        *string           `json:"cost_with_inexact_classes,omitempty"` // The part of the cost that some tokens of a cheaper class may lower.
	Calls          *string           `json:"calls,omitempty"`
	Tokens         *string           `json:"tokens,omitempty"`
	TokensUnpriced *string           `json:"tokens_unpriced,omitempty"`
	Book           []uint64          `json:"book"`
}

// printCostsJSON prints one object with all rows.
func printCostsJSON(s Streams, report *app.CostReport, rows []app.CostRow, missing *big.Int) error {
	text := func(n *big.Int) *string {
		if n == nil {
			return nil
		}
		t := n.String()
		return &t
	}
	out := costReportJSON{Rows: []costRowJSON{}, CallsNotYet: missing.String()}
	for _, row := range rows {
		j := costRowJSON{Calls: text(row.Calls), Tokens: text(row.Tokens), TokensUnpriced: text(row.Unpriced), Book: row.Books}
		if row.Currency != "" {
			cost := prices.FormatPicos(row.Cost)
			j.Currency, j.Cost = &row.Currency, &cost
		}
		if row.AtMost != nil {
			most := prices.FormatPicos(row.AtMost)
			j.Inexact = &most
		}
		for i, key := range row.Keys {
			if j.By == nil {
				j.By = map[string]string{}
			}
			j.By[report.By[i]] = key
		}
		out.Rows = append(out.Rows, j)
	}
	return printJSON(s.Out, out)
}

// printCostRows prints a table and what there is to know of it.
func printCostRows(ctx context.Context, s Streams, db *clickhouse.DB, report *app.CostReport, rows []app.CostRow) error {
	if len(rows) == 0 {
		fmt.Fprintln(s.Out, "no calls in this time")
		return nil
	}
	byClass := slices.Contains(report.By, "class")
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	for _, by := range report.By {
		fmt.Fprintf(table, "%s\t", strings.ToUpper(by))
	}
	fmt.Fprint(table, "COST\tCURRENCY\tBOOK")
	if !byClass {
		fmt.Fprint(table, "\tCALLS\tTOKENS\tUNPRICED")
	}
	fmt.Fprintln(table)
	atMost := false
	books := map[uint64]bool{}
	for _, row := range rows {
		for _, key := range row.Keys {
			fmt.Fprintf(table, "%s\t", dash(printable(key)))
		}
		amount := "unknown"
		if row.Cost != nil {
			amount = prices.FormatPicos(row.Cost)
			if row.Unpriced != nil && row.Unpriced.Sign() > 0 {
				amount = ">= " + amount
			}
		}
		atMost = atMost || row.AtMost != nil && row.AtMost.Sign() > 0
		var numbers []string
		for _, b := range row.Books {
			books[b] = true
			numbers = append(numbers, fmt.Sprint(b))
		}
		fmt.Fprintf(table, "%s\t%s\t%s", amount, dash(row.Currency), strings.Join(numbers, ","))
		if !byClass {
			fmt.Fprintf(table, "\t%s\t%s\t%s", row.Calls, row.Tokens, row.Unpriced)
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if atMost {
		fmt.Fprintln(s.Out, "some calls do not tell their classes of tokens exactly: what these cost is at most what is in the sums")
	}
	return printBooks(ctx, s, db, books)
}

// printBooks prints what the books are.
func printBooks(ctx context.Context, s Streams, db *clickhouse.DB, used map[uint64]bool) error {
	made, err := app.ReadBooks(ctx, db)
	if err != nil {
		return err
	}
	for _, m := range made {
		if used[m.Number] {
			fmt.Fprintf(s.Out, "book %d of %s: %s\n", m.Number, m.CreatedAt.Format(time.DateOnly), dash(m.Note))
		}
	}
	if used[0] {
		fmt.Fprintln(s.Out, "book 0: nothing had a price: 'tidemark reprice' has a book price it")
	}
	return nil
}
