package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/internal/app"
	"tidemark/internal/plural"
	"tidemark/schemas/prices"
)

type pricesExplainCmd struct {
	commonFlags
	clickhouseFlags
	bookFlags
	outputFlags
	ID     string `arg:"" help:"The id of the call, as its event has it, or the provider's id of the answer."`
	Tenant string `help:"Only calls of this tenant." placeholder:"NAME" group:"Prices"`
}

// Help implements kong.HelpProvider.
func (pricesExplainCmd) Help() string {
	return `Shows the stored call, the steps by which its prices were found, and a line for each class of tokens: how many, at which price,
or why there is none. What the sender reported that it cost stands beside it.`
}

// Example implements exampler.
func (pricesExplainCmd) Example() string { return "tidemark prices explain chatcmpl-AbC" }

// Run explains.
func (c *pricesExplainCmd) Run(ctx context.Context, s Streams) error {
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, ranges(c.bookFlags), func(db *clickhouse.DB) error {
		book, made, err := app.ReadBook(ctx, db, uint64(c.Book))
		if err != nil {
			return err
		}
		calls, err := app.ReadCalls(ctx, db, c.Tenant, c.ID)
		if err != nil {
			return err
		}
		if len(calls) == 0 {
			return answerNo(fmt.Errorf("no stored call has the id %q: is it in another namespace (--namespace), or not ingested yet?", c.ID))
		}
		if c.json() {
			out := explainedJSON{Book: made.Number, Note: made.Note}
			for _, call := range calls {
				out.Calls = append(out.Calls, explainedOutput(call, book.Resolve(call.Call)))
			}
			return printJSON(s.Out, out)
		}
		for _, call := range calls {
			if err := printExplained(s, call, book.Resolve(call.Call), made); err != nil {
				return err
			}
		}
		return nil
	})
}

// printExplained writes what a call cost and why.
func printExplained(s Streams, call app.StoredCall, r *prices.Resolution, made prices.Made) error {
	fmt.Fprintf(s.Out, "%s of %s, tenant %s: %s at %s\n", call.ID, call.Time.Format(time.RFC3339Nano), call.Tenant, dash(call.Model), dash(call.Provider))
	for i, step := range r.Steps {
		fmt.Fprintf(s.Out, "%2d. %s\n", i+1, step)
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tquantity\tper million\tcost\t")
	for _, l := range r.Lines {
		if l.Price == nil {
			fmt.Fprintf(table, "%s\t%s\t-\t%s\t\n", l.Unit, l.Quantity, l.Reason)
			continue
		}
		name := string(l.Unit)
		if l.As != l.Unit {
			name += " as " + string(l.As)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", name, l.Quantity, l.Price.PerMillion(), prices.FormatPicos(l.Cost()))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "%s; book %d: %s\n", callCost(r), made.Number, made.Note)
	for _, note := range []struct {
		text string
		on   bool
	}{
		{"the call names no model that answered: the one that was asked for counts", r.ByRequested},
		{"the call does not tell its tier: " + prices.Standard + " counts", r.TierAssumed},
		{"some of the tokens may be of a cheaper class: the cost is an upper bound", r.AtMost},
	} {
		if note.on {
			fmt.Fprintln(s.Out, note.text)
		}
	}
	if call.Reported != nil {
		fmt.Fprintf(s.Out, "the sender reported %s %s\n", prices.FormatPicos(call.Reported), call.ReportedCurrency)
	}
	return nil
}

// costKnown reports whether anything is known of what a call cost: all of it, or that it is at least some amount.
func costKnown(r *prices.Resolution) bool {
	return r.Exact() || r.Currency != "" && r.Known.Sign() != 0
}

// callCost says what a call cost, as far as that is known.
func callCost(r *prices.Resolution) string {
	switch {
	case !costKnown(r):
		return fmt.Sprintf("cost unknown (%s), %s unpriced", r.Reason, plural.Text(r.Unpriced.String(), "token"))
	case r.Exact() && r.Currency == "":
		return "cost 0"
	case r.Exact():
		return "cost " + prices.FormatPicos(r.Known) + " " + r.Currency
	}
	return fmt.Sprintf("cost at least %s %s (%s), %s unpriced", prices.FormatPicos(r.Known), r.Currency, r.Reason, plural.Text(r.Unpriced.String(), "token"))
}
