package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/pricing"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Reprice has a book price a time that others priced before. The costs are computed again by a rollup.Rebuild, which may be interrupted and run again.
type Reprice struct {
	DB       *clickhouse.DB
	From, To time.Time // Whole hours.
	Tenant   string    // Whose calls; empty: everybody's.
	Book     uint64
	// Correct allows months that are closed: the difference is billed later, as a correction.
	Correct bool
}

// span returns the minutes, or what is wrong with the times.
func (r *Reprice) span() (spans.Span, error) {
	var errs []error
	for _, at := range []time.Time{r.From, r.To} {
		if !at.Truncate(time.Hour).Equal(at) {
			errs = append(errs, fmt.Errorf("%s is not a whole hour: costs are kept by hour", at.Format(time.RFC3339)))
		}
	}
	s := spans.Between(r.From, r.To)
	if s.From >= s.To {
		errs = append(errs, fmt.Errorf("%s is not after %s", r.To.Format(time.RFC3339), r.From.Format(time.RFC3339)))
	}
	return s, errors.Join(errs...)
}

// check refuses closed months and books that there are not.
func (r *Reprice) check(ctx context.Context) (spans.Span, error) {
	s, err := r.span()
	if err != nil {
		return s, err
	}
	if _, _, err := ReadBook(ctx, r.DB, r.Book); err != nil {
		return s, err
	}
	closings, err := ReadClosings(ctx, r.DB)
	if err != nil {
		return s, err
	}
	for _, c := range closings {
		if !r.Correct && len(spans.Intersect([]spans.Span{s}, []spans.Span{spanOf(c.Month, c.Month.AddDate(0, 1, 0))})) > 0 {
			return s, fmt.Errorf("%s was closed at %s: with --correct it is priced again, and the difference is billed as a correction", c.Month.Format("2006-01"), c.ClosedAt.Format(time.RFC3339))
		}
	}
	return s, nil
}

// Begin says that the book prices the time, unless it does so already, and returns from when on a bucket has to be published to be priced by it.
func (r *Reprice) Begin(ctx context.Context) (since time.Time, err error) {
	s, err := r.check(ctx)
	if err != nil {
		return since, err
	}
	books := pricing.Books{DB: r.DB}
	periods, err := books.Periods(ctx)
	if err != nil {
		return since, err
	}
	if made, already := r.priced(periods, s); already {
		return time.UnixMicro(int64(made)).UTC(), nil
	}
	made, err := nextPeriod(ctx, r.DB)
	if err != nil {
		return since, err
	}
	period := pricing.Period{Made: made, Span: s, Tenant: r.Tenant, Book: r.Book, Reason: pricing.Reprice}
	if err := r.DB.Exec(ctx, pricing.PeriodSQL(period)); err != nil {
		return since, fmt.Errorf("say what book %d prices: %w", r.Book, err)
	}
	return time.UnixMicro(int64(made)).UTC(), nil
}

// priced reports whether the book prices all of a span already, and when the last period was made that says so.
func (r *Reprice) priced(periods []pricing.Period, s spans.Span) (made uint64, already bool) {
	rest := []spans.Span{s}
	for _, p := range periods {
		if p.Tenant != "" && r.Tenant != "" && p.Tenant != r.Tenant || len(spans.Intersect([]spans.Span{p.Span}, rest)) == 0 {
			continue
		}
		if p.Book != r.Book {
			return 0, false
		}
		made = max(made, p.Made)
		if p.Tenant == "" || p.Tenant == r.Tenant {
			rest = spans.Subtract(rest, []spans.Span{p.Span})
		}
	}
	return made, len(rest) == 0
}

// Rebuild returns what computes the costs again, those that were published before since.
func (r *Reprice) Rebuild(since time.Time) *rollup.Rebuild {
	return &rollup.Rebuild{DB: r.DB, From: r.From, To: r.To, Rollups: []string{rollup.CostsOfHours}, Since: since}
}

// CostChange is how the cost of a model on a day changes.
type CostChange struct {
	Day                       time.Time
	Provider, Model, Currency string
	Before, After             *big.Int // Picos.
	UnpricedBefore, Unpriced  *big.Int // Tokens without a price.
}

// Changes returns what the costs would change by, by day and model, without those that stay. It saves nothing but rates. It looks at the days that the reprice
// would compute again, and calls progress with each of them, which one it is, counted from 1, and how many there are.
func (r *Reprice) Changes(ctx context.Context, progress func(day time.Time, n, of int)) ([]CostChange, error) {
	if _, err := r.check(ctx); err != nil {
		return nil, err
	}
	days, err := newCostDay(ctx, r.DB)
	if err != nil {
		return nil, err
	}
	parts, err := r.Rebuild(time.Time{}).Days(ctx)
	if err != nil {
		return nil, err
	}
	var all []CostChange
	for i, part := range parts {
		if progress != nil {
			progress(spans.TimeOf(part.From), i+1, len(parts))
		}
		changes, err := r.changesOf(ctx, days, part)
		if err != nil {
			return nil, err
		}
		all = append(all, changes...)
	}
	return all, nil
}

// changesOf returns the changes of a day or of a part of it.
func (r *Reprice) changesOf(ctx context.Context, days *costDay, s spans.Span) ([]CostChange, error) {
	plan, err := days.plan(ctx, s, r.Book)
	if err != nil {
		return nil, err
	}
	whose := ""
	if r.Tenant != "" {
		whose = " WHERE tenant = " + schemas.Quote(r.Tenant)
	}
	const columns = "toString(provider), toString(model), toString(currency), "
	after := fmt.Sprintf("SELECT %s 1, toString(sum(%s)), toString(sum(unpriced_tokens)) FROM (%s)%s GROUP BY provider, model, currency", columns, partsSum, plan.SelectSQL(days.rows(s)), whose)
	before := fmt.Sprintf("SELECT %s 0, toString(sum(cost_picos)), toString(sum(unpriced_tokens)) FROM (SELECT * FROM %s WHERE %s)%s GROUP BY provider, model, currency", columns, rollup.CostsOfHours, s.BucketsSQL(), whose)
	found := map[[3]string]*CostChange{}
	for _, sql := range []string{before, after} {
		err := r.DB.Query(ctx, sql+" SETTINGS "+costSettings, func(scan func(...any) error) error {
			var key [3]string
			var is uint8
			var cost, unpriced string
			if err := scan(&key[0], &key[1], &key[2], &is, &cost, &unpriced); err != nil {
				return err
			}
			c := found[key]
			if c == nil {
				c = &CostChange{Day: spans.TimeOf(spans.Floor(s.From, spans.Day)), Provider: key[0], Model: key[1], Currency: key[2], Before: new(big.Int), After: new(big.Int), UnpricedBefore: new(big.Int), Unpriced: new(big.Int)}
				found[key] = c
			}
			if is == 1 {
				c.After.SetString(cost, 10)
				c.Unpriced.SetString(unpriced, 10)
			} else {
				c.Before.SetString(cost, 10)
				c.UnpricedBefore.SetString(unpriced, 10)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read what the calls of %s cost: %w", spans.TimeOf(s.From).Format(time.DateOnly), err)
		}
	}
	var all []CostChange
	for _, c := range found {
		if c.Before.Cmp(c.After) != 0 || c.UnpricedBefore.Cmp(c.Unpriced) != 0 {
			all = append(all, *c)
		}
	}
	slices.SortFunc(all, func(a, b CostChange) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Currency, b.Currency))
	})
	return all, nil
}
