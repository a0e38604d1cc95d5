package app

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/spans"
	"tidemark/schemas"
	"tidemark/schemas/prices"
)

// Closing is a month that is closed.
type Closing struct {
	Month    time.Time // Its beginning.
	ID       uint64
	ClosedAt time.Time
}

// ReadClosings returns the months that are closed, the first one first.
func ReadClosings(ctx context.Context, db *clickhouse.DB) ([]Closing, error) {
	var all []Closing
	sql := "SELECT toInt64(toUnixTimestamp(month)), closing_id, toUnixTimestamp64Micro(closed_at) FROM " + schemas.CostClosingsTable + " FINAL ORDER BY month"
	err := db.Query(ctx, sql, func(scan func(...any) error) error {
		var c Closing
		var month, micros int64
		if err := scan(&month, &c.ID, &micros); err != nil {
			return err
		}
		c.Month, c.ClosedAt = time.Unix(month, 0).UTC(), time.UnixMicro(micros).UTC()
		all = append(all, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read which months are closed: %w", err)
	}
	return all, nil
}

// firstOpen is the month after the last one that is closed, the zero time if none is.
func firstOpen(closings []Closing) time.Time {
	if len(closings) == 0 {
		return time.Time{}
	}
	return closings[len(closings)-1].Month.AddDate(0, 1, 0)
}

func bucketSQL(at time.Time) string { return spans.BucketSQL(int32(at.Unix() / 60)) }

// readClosed reads charges that closings saved, those that agree in all but the month together.
func readClosed(ctx context.Context, db *clickhouse.DB, condition string, each func(Charge) error) error {
	sql := "SELECT toInt64(toUnixTimestamp(day)), toString(tenant), toString(product), toString(provider), toString(model), toString(tier), toString(region), context_over, toString(unit), picos, toString(currency), toUInt64(book), toString(sum(quantity)) FROM " +
		schemas.ClosedCostsTable + " WHERE (month, closing_id) IN (SELECT month, closing_id FROM " + schemas.CostClosingsTable + " FINAL) AND (" + condition + ") GROUP BY ALL HAVING sum(quantity) != 0 ORDER BY ALL"
	return db.Query(ctx, sql, func(scan func(...any) error) error {
		var c Charge
		var seconds, picos int64
		var unit, quantity string
		if err := scan(&seconds, &c.Tenant, &c.Product, &c.Provider, &c.Model, &c.Tier, &c.Region, &c.ContextOver, &unit, &picos, &c.Currency, &c.Book, &quantity); err != nil {
			return err
		}
		c.Day, c.Unit, c.Picos = time.Unix(seconds, 0).UTC(), prices.Unit(unit), prices.Picos(picos)
		c.Quantity, _ = new(big.Int).SetString(quantity, 10)
		return each(c)
	})
}

// corrections are the differences between what the days of closed months cost now and what was billed for them.
func corrections(ctx context.Context, days *costDay, closings []Closing, progress func(day time.Time), yield func(Charge) bool) error {
	for _, closing := range closings {
		changed, err := changedDays(ctx, days.db, closing.Month)
		if err != nil {
			return err
		}
		for _, day := range changed {
			if progress != nil {
				progress(day)
			}
			rest := map[ChargeKey]*big.Int{}
			now, err := days.charges(ctx, day)
			if err != nil {
				return err
			}
			for _, c := range now {
				add(rest, c.ChargeKey, c.Quantity)
			}
			err = readClosed(ctx, days.db, "day = "+bucketSQL(day), func(c Charge) error {
				add(rest, c.ChargeKey, new(big.Int).Neg(c.Quantity))
				return nil
			})
			if err != nil {
				return err
			}
			keys := make([]ChargeKey, 0, len(rest))
			for key, n := range rest {
				if n.Sign() != 0 {
					keys = append(keys, key)
				}
			}
			slices.SortFunc(keys, func(a, b ChargeKey) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			for _, key := range keys {
				if !yield(Charge{Day: day, ChargeKey: key, Quantity: rest[key]}) {
					return errEnough
				}
			}
		}
	}
	return nil
}

// changedDays returns the days of a closed month whose costs are not those that were billed, by tenant, model, currency and book.
func changedDays(ctx context.Context, db *clickhouse.DB, month time.Time) (days []time.Time, err error) {
	s := spanOf(month, month.AddDate(0, 1, 0))
	closed := fmt.Sprintf("SELECT day, tenant, product, provider, model, currency, toUInt32(book) AS book, toInt256(0) AS now, toInt256(quantity) * picos AS billed FROM %s WHERE (month, closing_id) IN (SELECT month, closing_id FROM %s FINAL) AND %s",
		schemas.ClosedCostsTable, schemas.CostClosingsTable, strings.ReplaceAll(s.BucketsSQL(), "bucket", "day"))
	shown := fmt.Sprintf("SELECT bucket AS day, tenant, product, provider, model, currency, book, toInt256(cost_picos) AS now, toInt256(0) AS billed FROM costs_1d WHERE %s", s.BucketsSQL())
	sql := fmt.Sprintf("SELECT DISTINCT toInt64(toUnixTimestamp(day)) AS at FROM (SELECT day, sum(now) - sum(billed) AS rest FROM (%s UNION ALL %s) GROUP BY day, tenant, product, provider, model, currency, book HAVING rest != 0) ORDER BY at", closed, shown)
	err = db.Query(ctx, sql, func(scan func(...any) error) error {
		var seconds int64
		err := scan(&seconds)
		days = append(days, time.Unix(seconds, 0).UTC())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for what changed in %s: %w", month.Format("2006-01"), err)
	}
	return days, nil
}

// closedRowsPerStatement bounds a statement that carries its values.
const closedRowsPerStatement = 1000

// CloseMonth closes a month: it saves what is billed in it, so that nothing that comes later changes that. Months are closed in order. It returns the number of
// charges, and 0 for a month that is closed.
func CloseMonth(ctx context.Context, db *clickhouse.DB, month, now time.Time, progress func(day time.Time)) (charges int, err error) {
	if month.AddDate(0, 1, 0).After(now) {
		return 0, fmt.Errorf("%s is not over", month.Format("2006-01"))
	}
	closings, err := ReadClosings(ctx, db)
	if err != nil {
		return 0, err
	}
	open := firstOpen(closings)
	switch {
	case slices.ContainsFunc(closings, func(c Closing) bool { return c.Month.Equal(month) }):
		return 0, nil
	case !open.IsZero() && !month.Equal(open):
		return 0, fmt.Errorf("months are closed in order: the next one is %s", open.Format("2006-01"))
	}
	id := rand.Uint64()
	var rows []string
	save := func() error {
		if len(rows) == 0 {
			return nil
		}
		err := db.Exec(ctx, "INSERT INTO "+schemas.ClosedCostsTable+" (month, closing_id, day, tenant, product, provider, model, tier, region, context_over, unit, picos, currency, book, quantity) VALUES "+strings.Join(rows, ", "))
		rows = rows[:0]
		return err
	}
	for c, err := range MonthCharges(ctx, db, month, "", progress) {
		if err != nil {
			return charges, err
		}
		rows = append(rows, fmt.Sprintf("(%s, %d, %s, %s, %d, %s, %d, %s, %d, %s)", bucketSQL(month), id, bucketSQL(c.Day),
			schemas.QuoteAll([]string{c.Tenant, c.Product, c.Provider, c.Model, c.Tier, c.Region}), c.ContextOver, schemas.Quote(string(c.Unit)), int64(c.Picos), schemas.Quote(c.Currency), c.Book, c.Quantity))
		charges++
		if len(rows) == closedRowsPerStatement {
			if err := save(); err != nil {
				return charges, fmt.Errorf("close %s (run it again; what is there so far counts for nothing): %w", month.Format("2006-01"), err)
			}
		}
	}
	if err := save(); err != nil {
		return charges, err
	}
	err = db.Exec(ctx, fmt.Sprintf("INSERT INTO %s (month, closing_id) VALUES (%s, %d)", schemas.CostClosingsTable, bucketSQL(month), id))
	if err != nil {
		return charges, fmt.Errorf("close %s (run it again): %w", month.Format("2006-01"), err)
	}
	return charges, nil
}
