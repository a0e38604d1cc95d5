package app

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/schemas/prices"
)

// In returns the rows of the report with their amounts in one currency: those of each day by its rate of exchange, exactly, and rounded once. What has no rate
// stays in rows of its own currency.
func (r *CostReport) In(ctx context.Context, db *clickhouse.DB, currency string) ([]CostRow, error) {
	all, err := ReadRates(ctx, db)
	if err != nil {
		return nil, err
	}
	rates, err := prices.NewRates(all)
	if err != nil {
		return nil, err
	}
	daily := *r
	day := slices.Index(r.By, "day")
	if day < 0 {
		daily.By, day = append(slices.Clone(r.By), "day"), len(r.By)
	}
	rows, err := daily.read(ctx, db)
	if err != nil {
		return nil, err
	}
	c := converter{rates: rates, to: currency, byDay: day == 0 && len(daily.By) == len(r.By), sums: map[string]*convertedRow{}}
	for _, row := range rows {
		at, err := time.Parse(time.DateOnly, row.Keys[day])
		if err != nil {
			return nil, fmt.Errorf("read the costs: %w", err)
		}
		if len(daily.By) > len(r.By) {
			row.Keys = row.Keys[:day]
		}
		c.add(row, at)
	}
	return joinUnpriced(c.rows()), nil
}

// converter adds up rows of days in one currency.
type converter struct {
	rates *prices.Rates
	to    string
	byDay bool // The first key is the day, and the rows come in its order.
	sums  map[string]*convertedRow
	order []*convertedRow
}

// convertedRow is a row with the exact amounts of its days.
type convertedRow struct {
	CostRow
	cost, atMost *big.Rat
}

// add adds a row of a day.
func (c *converter) add(row CostRow, day time.Time) {
	rate := big.NewRat(1, 1)
	if exchange, ok := c.rates.Find(row.Currency, c.to, day); ok {
		rate, row.Currency = exchange.Rate, c.to
	}
	key := strings.Join(append(slices.Clone(row.Keys), row.Currency), "\x00")
	sum := c.sums[key]
	if sum == nil {
		sum = &convertedRow{CostRow: CostRow{Keys: row.Keys, Currency: row.Currency}, cost: new(big.Rat), atMost: new(big.Rat)}
		c.sums[key] = sum
		c.order = append(c.order, sum)
	}
	if row.Cost != nil {
		sum.cost.Add(sum.cost, new(big.Rat).Mul(rate, new(big.Rat).SetInt(row.Cost)))
	}
	if row.AtMost != nil {
		sum.atMost.Add(sum.atMost, new(big.Rat).Mul(rate, new(big.Rat).SetInt(row.AtMost)))
	}
	if row.Calls != nil && sum.Calls == nil {
		sum.Calls, sum.Tokens, sum.Unpriced = new(big.Int), new(big.Int), new(big.Int)
	}
	sum.join(row)
}

// rows returns the sums, those in the currency first, and of each currency those that cost most; by day if that is their first key.
func (c *converter) rows() []CostRow {
	one := prices.Exchange{}
	var all []CostRow
	for _, sum := range c.order {
		row := sum.CostRow
		if row.Currency != "" {
			one.Rate = sum.cost
			row.Cost = one.Apply(big.NewInt(1))
			if row.Calls != nil {
				one.Rate = sum.atMost
				row.AtMost = one.Apply(big.NewInt(1))
			}
		}
		all = append(all, row)
	}
	if !c.byDay {
		rank := func(r CostRow) int {
			switch r.Currency {
			case c.to:
				return 0
			case "":
				return 2
			}
			return 1
		}
		slices.SortStableFunc(all, func(a, b CostRow) int {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Currency, b.Currency), orZero(b.Cost).Cmp(orZero(a.Cost)))
		})
	}
	return all
}
