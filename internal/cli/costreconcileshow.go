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
	"tidemark/schemas/billing"
)

type reconcileShowCmd struct {
	commonFlags
	clickhouseFlags
	settleFlags
	outputFlags
	From     moment `help:"First day, UTC. Empty: 30 days ago." placeholder:"DAY" group:"Comparison"`
	To       moment `help:"Day after the last one. Empty: tomorrow." placeholder:"DAY" group:"Comparison"`
	By       string `help:"What a line is about: day, model or provider." default:"provider" enum:"day,model,provider" group:"Comparison"`
	Source   string `help:"Only files of this source: openai, anthropic, litellm, focus." placeholder:"NAME" group:"Comparison"`
	Account  string `help:"Only files of this account." placeholder:"NAME" group:"Comparison"`
	Provider string `help:"Only this provider, as events have it." placeholder:"NAME" group:"Comparison"`
	Tenant   string `help:"Of our side, only this tenant: if the account is of one tenant." placeholder:"NAME" group:"Comparison"`
}

// Help implements kong.HelpProvider.
func (reconcileShowCmd) Help() string {
	return `Compares per source and account, for the days and providers that its files are about, and for no others: a day that no file is
about is no difference. DIFFERENCE is ours less theirs, and SHARE is the difference in percent of theirs. UNPRICED are our tokens that have no
price, so that our cost is too low.

A difference of an open or settling period says little: providers report late and correct. With an asterisk, the period is closed and its file was
imported before: export and import it again. docs/reconciliation.md says what differs for good reasons.`
}

// Example implements exampler.
func (reconcileShowCmd) Example() string {
	return "tidemark cost reconcile show --from 2026-11-01 --to 2026-12-01 --by model"
}

// maxDays bounds the days of a comparison.
const maxDays = 1100

// scope returns what is compared.
func (c *reconcileShowCmd) scope(now time.Time) (scope billing.Scope, err error) {
	from, fromErr := c.From.parse("--from")
	to, toErr := c.To.parse("--to")
	today := now.UTC().Truncate(24 * time.Hour)
	if c.From == "" {
		from = today.AddDate(0, 0, -30)
	}
	if c.To == "" {
		to = today.AddDate(0, 0, 1)
	}
	err = errors.Join(fromErr, toErr)
	switch {
	case err != nil:
	case !from.Equal(from.Truncate(24 * time.Hour)):
		err = fmt.Errorf("--from: %s is not the beginning of a day, UTC", c.From)
	case !to.Equal(to.Truncate(24 * time.Hour)):
		err = fmt.Errorf("--to: %s is not the beginning of a day, UTC", c.To)
	case !from.Before(to):
		err = fmt.Errorf("--to: %s is not after --from, %s", dayOrTime(to), dayOrTime(from))
	case to.Sub(from) > maxDays*24*time.Hour:
		err = fmt.Errorf("--from: %s is more than %d days before --to", dayOrTime(from), maxDays)
	}
	return billing.Scope{Span: billing.Span{From: from, To: to}, Source: c.Source, Account: c.Account, Provider: c.Provider}, err
}

// Run shows.
func (c *reconcileShowCmd) Run(ctx context.Context, s Streams) error {
	now := time.Now()
	scope, err := c.scope(now)
	return withDatabase(ctx, c.commonFlags, c.clickhouseFlags, errors.Join(err, ranges(c.settleFlags)), func(db *clickhouse.DB) error {
		compared, err := app.Reconcile(ctx, db, app.Reconciliation{Scope: scope, Tenant: c.Tenant, By: billing.By(c.By), Now: now, Settle: c.settle()})
		if err != nil {
			return err
		}
		if c.json() {
			return printJSON(s.Out, comparedJSON(scope, compared))
		}
		return c.print(s, scope, compared)
	})
}

// print writes a line per row and currency.
func (c *reconcileShowCmd) print(s Streams, scope billing.Scope, compared billing.Compared) error {
	if len(compared.Rows) == 0 {
		fmt.Fprintf(s.Out, "no imported file is about %s to %s: 'tidemark cost reconcile list' shows those that there are\n", dayOrTime(scope.From), dayOrTime(scope.To))
		return nil
	}
	table := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	head := map[string]string{"day": "DAY", "model": "PROVIDER\tMODEL", "provider": "PROVIDER"}[c.By]
	fmt.Fprintln(table, "SOURCE\tACCOUNT\t"+head+"\tDAYS\tSTATE\tCURRENCY\tOURS\tTHEIRS\tDIFFERENCE\tSHARE\tUNPRICED\tOUR TOKENS\tTHEIR TOKENS\tDIFFERENCE\tSHARE")
	stale := 0
	for _, r := range compared.Rows {
		what := dash(r.Provider)
		switch c.By {
		case "day":
			what = r.Day.Format(time.DateOnly)
		case "model":
			what += "\t" + dash(r.Model)
		}
		state := string(r.State)
		if r.Stale {
			state += "*"
			stale++
		}
		costs := r.Costs
		if len(costs) == 0 {
			costs = []billing.CostPair{{}}
		}
		for i, pair := range costs {
			tokens := "\t\t\t\t"
			if i == 0 {
				tokens = groupedSigned(r.Unpriced.String()) + "\t" + tokenCells(r.Tokens)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", r.Source, dash(r.Account), what, r.Days, state, costCells(pair), tokens)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	c.printNotes(s, scope, compared, stale)
	return nil
}

// printNotes writes what the table does not show.
func (c *reconcileShowCmd) printNotes(s Streams, scope billing.Scope, compared billing.Compared, stale int) {
	for _, g := range compared.Gaps {
		fmt.Fprintf(s.Out, "%s, account %s: no %s was imported for %d of %d days\n", g.Source, dash(g.Account), g.Kind, g.Days, int(scope.To.Sub(scope.From).Hours()/24))
	}
	if stale > 0 {
		fmt.Fprintf(s.Out, "* imported before the period was closed: export and import it again\n")
	}
	if compared.Cut > 0 {
		fmt.Fprintf(s.Out, "left out: %s of theirs whose period or day is only in part within the time or the imports\n", count(compared.Cut, "sum"))
	}
	if c.By == "day" && compared.Long > 0 {
		fmt.Fprintf(s.Out, "more than a day, shown at its first one: %s of theirs\n", count(compared.Long, "sum"))
	}
}

// costCells are the cells of a pair: currency, ours, theirs, difference and share.
func costCells(p billing.CostPair) string {
	if p.Ours == nil {
		return "-\t-\t-\t-\t-"
	}
	difference := p.Difference()
	return dash(p.Currency) + "\t" + money(p.Ours) + "\t" + money(p.Theirs) + "\t" + money(difference) + "\t" + percent(difference, p.Theirs)
}

// tokenCells are the cells of tokens: ours, theirs, difference and share.
func tokenCells(p *billing.TokenPair) string {
	if p == nil {
		return "-\t-\t-\t-"
	}
	ours, theirs := p.Ours.Total(), p.Theirs.Total()
	if ours == nil {
		ours = new(big.Int)
	}
	if theirs == nil {
		return groupedSigned(ours.String()) + "\t?\t-\t-"
	}
	difference := new(big.Int).Sub(ours, theirs)
	return groupedSigned(ours.String()) + "\t" + groupedSigned(theirs.String()) + "\t" + groupedSigned(difference.String()) + "\t" + percent(difference, theirs)
}

func percent(difference, of *big.Int) string {
	if share := billing.Share(difference, of); share != "" {
		return share + "%"
	}
	return "-"
}

// money writes an amount in picos with six decimals.
func money(picos *big.Int) string {
	return new(big.Rat).SetFrac(picos, big.NewInt(1e12)).FloatString(6)
}
