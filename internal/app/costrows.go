package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/pricing"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/schemas"
	"tidemark/schemas/focus"
	"tidemark/schemas/prices"
)

// ChargeKey is what tells charges of a day apart.
type ChargeKey struct {
	Tenant, Product, Provider, Model, Tier, Region string
	ContextOver                                    uint64
	Unit                                           prices.Unit
	Picos                                          prices.Picos // The price of one.
	Currency                                       string
	Book                                           uint64
}

// Charge is what the tokens of one class, or the calls, of a day cost at one price.
type Charge struct {
	Day time.Time
	ChargeKey
	Quantity *big.Int
}

// Cost is what the charge comes to, in picos of its currency.
func (c *Charge) Cost() *big.Int {
	return new(big.Int).Mul(c.Quantity, big.NewInt(int64(c.Picos)))
}

// ErrNotRolledUp means that costs of a day in the rollups are not those of its events.
var ErrNotRolledUp = errors.New("the rollups of costs are not up to date")

// costDay computes costs of days from raw rows.
type costDay struct {
	db      *clickhouse.DB
	books   pricing.Books
	periods []pricing.Period
	bounds  ledgerdb.Bounds
}

// newCostDay reads how far the ledger is, and which books price what.
func newCostDay(ctx context.Context, db *clickhouse.DB) (*costDay, error) {
	c := &costDay{db: db, books: pricing.Books{DB: db}}
	var err error
	if c.periods, err = c.books.Periods(ctx); err != nil {
		return nil, err
	}
	chains, err := ledgerdb.ReadChains(ctx, db, schemas.SpecOf(schemas.TokenCallType).Topic)
	if err != nil {
		return nil, err
	}
	c.bounds = chains.Bounds()
	return c, nil
}

// costSettings bound a statement of costs.
const costSettings = "max_threads = 2, max_memory_usage = 4294967296, max_bytes_before_external_group_by = 2147483648, max_bytes_before_external_sort = 2147483648"

// rows is the query for the events of a span, each once.
func (c *costDay) rows(s spans.Span) string {
	return rollup.PricedRows(rollup.Source{From: s.From, To: s.To, Bounds: c.bounds, Deduplicate: true})
}

// plan returns how a span is priced, by the periods or by one book, with all rates that it needs. number 0: by the periods.
func (c *costDay) plan(ctx context.Context, s spans.Span, number uint64) (*pricing.Plan, error) {
	var plan *pricing.Plan
	if number > 0 {
		book, err := c.books.Book(ctx, number)
		if err != nil {
			return nil, err
		}
		plan = pricing.Single(book, s)
	} else {
		var err error
		if plan, err = c.books.Plan(ctx, c.periods, s); err != nil {
			return nil, err
		}
	}
	_, err := plan.Resolve(ctx, c.db, c.rows(s), costSettings)
	return plan, err
}

// charges returns the charges of a day. It is an error that wraps ErrNotRolledUp if they are not what the rollups say.
func (c *costDay) charges(ctx context.Context, day time.Time) ([]Charge, error) {
	s := spanOf(day, day.AddDate(0, 0, 1))
	plan, err := c.plan(ctx, s, 0)
	if err != nil {
		return nil, err
	}
	var all []Charge
	sums := map[string]*big.Int{}
	err = c.db.Query(ctx, plan.ChargesSQL(c.rows(s))+" SETTINGS "+costSettings, func(scan func(...any) error) error {
		charge := Charge{Day: day}
		var unit, quantity string
		var picos int64
		if err := scan(&charge.Tenant, &charge.Product, &charge.Provider, &charge.Model, &charge.Tier, &charge.Region, &charge.ContextOver, &unit, &picos, &charge.Currency, &charge.Book, &quantity); err != nil {
			return err
		}
		charge.Unit, charge.Picos = prices.Unit(unit), prices.Picos(picos)
		charge.Quantity, _ = new(big.Int).SetString(quantity, 10)
		add(sums, charge.Currency, charge.Cost())
		all = append(all, charge)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what the calls of %s cost: %w", day.Format(time.DateOnly), err)
	}
	return all, c.compare(ctx, day, s, sums)
}

// add adds an amount to that of a key.
func add[K comparable](sums map[K]*big.Int, key K, amount *big.Int) {
	if sums[key] == nil {
		sums[key] = new(big.Int)
	}
	sums[key].Add(sums[key], amount)
}

// compare compares sums by currency with the rollup by hour.
func (c *costDay) compare(ctx context.Context, day time.Time, s spans.Span, sums map[string]*big.Int) error {
	shown, err := readSums(ctx, c.db, fmt.Sprintf("SELECT toString(currency), toString(sum(cost_picos)) FROM %s WHERE %s GROUP BY currency", rollup.CostsOfHours, s.BucketsSQL()))
	if err != nil {
		return err
	}
	for _, currency := range slices.Sorted(maps.Keys(merged(sums, shown))) {
		a, b := orZero(sums[currency]), orZero(shown[currency])
		if a.Cmp(b) != 0 {
			return fmt.Errorf("%w: the calls of %s cost %s %s, and %s says %s: wait until 'tidemark health' shows no debt, else run 'tidemark audit'",
				ErrNotRolledUp, day.Format(time.DateOnly), prices.FormatPicos(a), currency, rollup.CostsOfHours, prices.FormatPicos(b))
		}
	}
	return nil
}

// readSums reads amounts by a text.
func readSums(ctx context.Context, db *clickhouse.DB, sql string) (map[string]*big.Int, error) {
	sums := map[string]*big.Int{}
	err := db.Query(ctx, sql, func(scan func(...any) error) error {
		var key, amount string
		if err := scan(&key, &amount); err != nil {
			return err
		}
		n, _ := new(big.Int).SetString(amount, 10)
		add(sums, key, n)
		return nil
	})
	return sums, err
}

func merged[K comparable](a, b map[K]*big.Int) map[K]bool {
	all := map[K]bool{}
	for key := range a {
		all[key] = true
	}
	for key := range b {
		all[key] = true
	}
	return all
}

func orZero(n *big.Int) *big.Int {
	if n == nil {
		return new(big.Int)
	}
	return n
}

// spanOf are the minutes between two times.
func spanOf(from, to time.Time) spans.Span { return spans.Between(from, to) }

// MonthOf returns the beginning of the month of a time, UTC.
func MonthOf(at time.Time) time.Time {
	at = at.UTC()
	return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// MonthCharges returns what is billed in a month: of a closed month what its closing saved; of another one what its calls cost, and, if it is the first
// that is not closed, the corrections of those that are. tenant may be empty. progress is called with each day.
func MonthCharges(ctx context.Context, db *clickhouse.DB, month time.Time, tenant string, progress func(day time.Time)) iter.Seq2[Charge, error] {
	return func(yield func(Charge, error) bool) {
		err := monthCharges(ctx, db, month, progress, func(c Charge) bool {
			return tenant != "" && c.Tenant != tenant || yield(c, nil)
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(Charge{}, err)
		}
	}
}

// errEnough ends a walk over charges early.
var errEnough = errors.New("enough charges")

func monthCharges(ctx context.Context, db *clickhouse.DB, month time.Time, progress func(day time.Time), yield func(Charge) bool) error {
	closings, err := ReadClosings(ctx, db)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(closings, func(c Closing) bool { return c.Month.Equal(month) }) {
		return readClosed(ctx, db, "month = "+bucketSQL(month), func(c Charge) error {
			if !yield(c) {
				return errEnough
			}
			return nil
		})
	}
	days, err := newCostDay(ctx, db)
	if err != nil {
		return err
	}
	for day := month; day.Before(month.AddDate(0, 1, 0)); day = day.AddDate(0, 0, 1) {
		if progress != nil {
			progress(day)
		}
		charges, err := days.charges(ctx, day)
		if err != nil {
			return err
		}
		for _, c := range charges {
			if !yield(c) {
				return errEnough
			}
		}
	}
	if !firstOpen(closings).Equal(month) {
		return nil
	}
	return corrections(ctx, days, closings, progress, yield)
}

// CostRows returns the rows of a FOCUS file of a month, see MonthCharges.
func CostRows(ctx context.Context, db *clickhouse.DB, month time.Time, tenant string) iter.Seq2[focus.Row, error] {
	return func(yield func(focus.Row, error) bool) {
		for c, err := range MonthCharges(ctx, db, month, tenant, nil) {
			row := focus.Row{
				Day: c.Day, Tenant: c.Tenant, Product: c.Product, Provider: c.Provider, Model: c.Model, Tier: c.Tier, Region: c.Region, ContextOver: c.ContextOver, Unit: c.Unit,
				Quantity: c.Quantity, UnitPicos: c.Picos, Currency: c.Currency, Book: c.Book, Correction: !MonthOf(c.Day).Equal(month),
			}
			if err == nil {
				row.Cost = c.Cost()
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// CostUnpriced returns the usage of a month that has no price. tenant may be empty.
func CostUnpriced(ctx context.Context, db *clickhouse.DB, month time.Time, tenant string) ([]focus.Unpriced, error) {
	conditions := []string{spanOf(month, month.AddDate(0, 1, 0)).BucketsSQL(), "(unpriced_tokens > 0 OR reason != '')"}
	if tenant != "" {
		conditions = append(conditions, "tenant = "+schemas.Quote(tenant))
	}
	sql := "SELECT toInt64(toUnixTimestamp(bucket)), toString(tenant), toString(product), toString(provider), toString(model), toString(reason), toString(sum(unpriced_tokens)), toString(sum(calls)) FROM costs_1d WHERE " +
		strings.Join(conditions, " AND ") + " GROUP BY ALL ORDER BY ALL"
	var all []focus.Unpriced
	err := db.Query(ctx, sql, func(scan func(...any) error) error {
		var u focus.Unpriced
		var seconds int64
		var reason, tokens, calls string
		if err := scan(&seconds, &u.Tenant, &u.Product, &u.Provider, &u.Model, &reason, &tokens, &calls); err != nil {
			return err
		}
		u.Day, u.Reason = time.Unix(seconds, 0).UTC(), prices.Reason(reason)
		if n, _ := new(big.Int).SetString(tokens, 10); n.Sign() > 0 || u.Reason != prices.NoUsage {
			u.Tokens = n
		}
		u.Calls, _ = new(big.Int).SetString(calls, 10)
		all = append(all, u)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what has no price: %w", err)
	}
	return all, nil
}
