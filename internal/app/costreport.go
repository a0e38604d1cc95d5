package app

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/schemas"
)

// partsSum is the cost of a row, over the parts of it.
var partsSum = strings.Join(schemas.CostParts, " + ")

// CostsBy are what a report of costs can be broken down by.
var CostsBy = []string{"model", "tenant", "product", "provider", "class", "day", "reason", "book"}

// CostReport is a question for costs.
type CostReport struct {
	From, To         time.Time // Zero: no bound. Whole hours.
	By               []string  // Of CostsBy; empty: one row per currency.
	Tenant, Provider string    // Empty: all.
}

// CostRow is a row of a report of costs, in one currency.
type CostRow struct {
	Keys     []string // In the order of By.
	Currency string   // Empty if nothing of the row has a price.
	Cost     *big.Int // In picos; nil if nothing of the row has a price.
	// AtMost is the part of the cost that is of calls whose classes of tokens are not known exactly. Nil in a report by class.
	AtMost *big.Int
	// Calls and Tokens are what the row is of, Unpriced the tokens of it that have no price. Nil in a report by class.
	Calls, Tokens, Unpriced *big.Int
	Books                   []uint64 // By which it was priced.
}

// classes are the parts of costs by the names of token classes.
var classes = []struct{ name, column string }{
	{"input", "input_cost_picos"}, {"cache_read", "cache_read_cost_picos"}, {"cache_write", "cache_write_cost_picos"},
	{"output", "output_cost_picos"}, {"reasoning", "reasoning_cost_picos"}, {"request", "request_cost_picos"},
}

// sql returns the query of the report.
func (r *CostReport) sql() string {
	byClass := false
	var keys []string
	for _, by := range r.By {
		switch by {
		case "class":
			byClass = true
			keys = append(keys, "part.1")
		case "day":
			keys = append(keys, "toString(toDate32(bucket))")
		default:
			keys = append(keys, "toString("+by+")")
		}
	}
	conditions := []string{spanOf(r.From, r.To).BucketsSQL()}
	for _, is := range []struct{ column, value string }{{"tenant", r.Tenant}, {"provider", r.Provider}} {
		if is.value != "" {
			conditions = append(conditions, is.column+" = "+schemas.Quote(is.value))
		}
	}
	numbers := "toString(sum(cost_picos)), toString(sum(at_most_cost_picos)), toString(sum(calls)), toString(sum(tokens)), toString(sum(unpriced_tokens))"
	join := ""
	if byClass {
		var names, columns []string
		for _, c := range classes {
			names, columns = append(names, schemas.Quote(c.name)), append(columns, c.column)
		}
		numbers, join = "toString(sum(part.2)), '', '', '', ''", fmt.Sprintf(" ARRAY JOIN arrayZip([%s], [%s]) AS part", strings.Join(names, ", "), strings.Join(columns, ", "))
		conditions = append(conditions, "part.2 != 0")
	}
	order := "sum(cost_picos)"
	if byClass {
		order = "sum(part.2)"
	}
	group := strings.Join(append(append([]string{}, keys...), "currency"), ", ")
	first := ""
	if len(r.By) > 0 && r.By[0] == "day" {
		first = keys[0] + ", "
	}
	return fmt.Sprintf("SELECT CAST([%s], 'Array(String)') AS keys, toString(currency), %s, arraySort(groupUniqArray(toUInt64(book))) FROM (SELECT * FROM %s)%s WHERE %s GROUP BY %s ORDER BY %scurrency = '', currency, %s DESC, keys",
		strings.Join(keys, ", "), numbers, r.table(), join, strings.Join(conditions, " AND "), group, first, order)
}

// table is the rollup that the report reads.
func (r *CostReport) table() string {
	if s := spanOf(r.From, r.To); s.From%(24*hour) == 0 && s.To%(24*hour) == 0 {
		return "costs_1d"
	}
	return "costs_1h"
}

// Missing returns how many calls of the time, of any tenant, the rollup per minute has and the costs have not: hours are computed again later than minutes.
func (r *CostReport) Missing(ctx context.Context, db *clickhouse.DB) (calls *big.Int, err error) {
	where := spanOf(r.From, r.To).BucketsSQL()
	if r.Provider != "" {
		where += " AND provider = " + schemas.Quote(r.Provider)
	}
	sum := func(table string) string {
		return "(SELECT sum(toInt256(calls)) FROM " + table + " WHERE " + where + ")"
	}
	calls = new(big.Int)
	err = db.Query(ctx, "SELECT toString(greatest(ifNull("+sum("token_calls_1m")+", 0) - ifNull("+sum(r.table())+", 0), 0))", func(scan func(...any) error) error {
		var text string
		err := scan(&text)
		calls.SetString(text, 10)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count the calls that have no cost yet: %w", err)
	}
	return calls, nil
}

// Read returns the rows, those that cost most first, by day if By begins with it.
func (r *CostReport) Read(ctx context.Context, db *clickhouse.DB) ([]CostRow, error) {
	rows, err := r.read(ctx, db)
	return joinUnpriced(rows), err
}

// read returns the rows, those without a price apart.
func (r *CostReport) read(ctx context.Context, db *clickhouse.DB) ([]CostRow, error) {
	var rows []CostRow
	err := db.Query(ctx, r.sql(), func(scan func(...any) error) error {
		var row CostRow
		var texts [5]string
		if err := scan(&row.Keys, &row.Currency, &texts[0], &texts[1], &texts[2], &texts[3], &texts[4], &row.Books); err != nil {
			return err
		}
		for i, to := range []**big.Int{&row.Cost, &row.AtMost, &row.Calls, &row.Tokens, &row.Unpriced} {
			if texts[i] != "" {
				*to, _ = new(big.Int).SetString(texts[i], 10)
			}
		}
		if row.Currency == "" {
			row.Cost, row.AtMost = nil, nil
		}
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the costs: %w", err)
	}
	return rows, nil
}

// joinUnpriced adds what has no price to the row of the same keys that has one: its cost is at least that. Where there are several currencies, nobody knows which
// it is of, and it stays a row of its own.
func joinUnpriced(rows []CostRow) []CostRow {
	priced := map[string][]int{}
	for i, row := range rows {
		if row.Currency != "" {
			priced[strings.Join(row.Keys, "\x00")] = append(priced[strings.Join(row.Keys, "\x00")], i)
		}
	}
	var all []CostRow
	joined := map[int]bool{}
	for i, row := range rows {
		to := priced[strings.Join(row.Keys, "\x00")]
		if row.Currency != "" || len(to) != 1 {
			continue
		}
		rows[to[0]].join(row)
		joined[i] = true
	}
	for i, row := range rows {
		if !joined[i] {
			all = append(all, row)
		}
	}
	return all
}

// join adds the figures of a row without a price.
func (r *CostRow) join(unpriced CostRow) {
	for _, sum := range []struct{ to, from *big.Int }{{r.Calls, unpriced.Calls}, {r.Tokens, unpriced.Tokens}, {r.Unpriced, unpriced.Unpriced}} {
		if sum.to != nil && sum.from != nil {
			sum.to.Add(sum.to, sum.from)
		}
	}
	r.Books = append(r.Books, unpriced.Books...)
	slices.Sort(r.Books)
	r.Books = slices.Compact(r.Books)
}
