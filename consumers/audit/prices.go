package audit

import (
	"context"
	"fmt"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/pricing"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// A bucket of costs is compared as every other one: with what raw rows cost by the book that the table price_periods names. So a bucket that was
// priced by another book is a difference. What the books say of a kind of calls is kept in price_rates, which both sides read: checkRates makes
// every row of it again.

// planPrices prepares the recomputation of a rollup of costs.
func (c *comparison) planPrices(ctx context.Context, s spans.Span) (err error) {
	if !c.table.Priced || c.table.From != "" {
		return nil
	}
	if c.table.Plan, err = c.books.Plan(ctx, c.periods, s); err != nil {
		return err
	}
	if n, err := c.stored(ctx, s); err != nil || n < pricing.ManyRows {
		return err
	}
	return c.table.Plan.LookForParts(ctx, c.DB, rollup.PricedRows(c.sources(s, false)[0]))
}

// resolvePrices adds rates that are missing: somebody may have deleted them.
func (c *comparison) resolvePrices(ctx context.Context, s spans.Span) error {
	if c.table.Plan == nil {
		return nil
	}
	_, err := c.table.Plan.Resolve(ctx, c.DB, rollup.PricedRows(c.sources(s, true)[0]), c.limits.readSettings())
	return err
}

// stored is the number of rows of raw in a range, by the ledger.
func (c *comparison) stored(ctx context.Context, s spans.Span) (uint64, error) {
	minutes, err := c.readMinutes(ctx, c.topics[0], s)
	return ledgerdb.MinutesByType{minutes}.Rows(s.From, s.To), err
}

// sampled is about how many calls of a range are priced one by one.
const sampled = 300

// samplePrices prices some calls of a range one by one, by the rules of the books: the statement that computes costs could be wrong, and the comparison with
// its own result would not tell.
func (c *comparison) samplePrices(ctx context.Context, s spans.Span) error {
	if c.table.Plan == nil {
		return nil
	}
	stored, err := c.stored(ctx, s)
	if err != nil {
		return err
	}
	shares := max(1, stored/sampled)
	rows := fmt.Sprintf("SELECT * FROM (%s) WHERE cityHash64(identity, %d) %% %d = 0", rollup.PricedRows(c.sources(s, false)[0]), c.clock, shares)
	wrong := ""
	for range 2 {
		if _, wrong, err = c.table.Plan.CheckSample(ctx, c.DB, rows, c.limits.readSettings()); err != nil || wrong == "" {
			return err
		}
		// What is not rolled up yet may have no rate, and a copy of a row may have gone between the two questions.
		if err := c.resolvePrices(ctx, s); err != nil {
			return err
		}
	}
	c.differs++
	c.own = flaw{what: c.table.Name + " from " + at(s.From), minute: s.From}
	c.place = fmt.Sprintf("of the calls from %s to %s, %s", at(s.From), at(s.To), wrong)
	return nil
}

// checkRates makes every rate again from its book.
func (p *pass) checkRates(ctx context.Context) {
	began := time.Now()
	checked, wrong, err := pricing.CheckRates(ctx, p.DB, &p.books)
	switch {
	case err != nil:
		p.fail(checkRates, schemas.PriceRatesTable, began, err)
	case wrong != "":
		p.add(checkRates, schemas.PriceRatesTable, began, Difference, "%s; 'TRUNCATE TABLE %s' and 'tidemark rollup rebuild --rollup %s' make all of it again", wrong, schemas.PriceRatesTable, rollup.CostsOfHours)
	case checked > 0:
		p.add(checkRates, schemas.PriceRatesTable, began, OK, "%s, each as its book has it", plural.Of(checked, "rate"))
	}
}

// periodNewsSQL lists the buckets in s of costs that were published before a period that prices them was made.
func periodNewsSQL(t *rollup.Table, s spans.Span, periods []pricing.Period) string {
	conditions := "0"
	for _, p := range periods {
		conditions += fmt.Sprintf(" OR start >= %d AND start < %d AND version < %d", p.From, p.To, p.Made)
	}
	return fmt.Sprintf("SELECT start FROM (%s) WHERE %s", shownSQL(t, s), conditions)
}
