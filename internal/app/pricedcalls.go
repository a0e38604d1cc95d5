package app

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/pricing"
	"tidemark/schemas"
	"tidemark/schemas/prices"
)

// ModelOf is a model of a provider.
type ModelOf struct{ Provider, Model string }

// TokensByModel returns the tokens of each model in the last days, as far as they are rolled up.
func TokensByModel(ctx context.Context, db *clickhouse.DB, days int) (map[ModelOf]uint64, error) {
	tokens := map[ModelOf]uint64{}
	sql := fmt.Sprintf("SELECT toString(provider), toString(model), toUInt64(least(sum(input_tokens + output_tokens), toUInt128(18446744073709551615))) FROM token_calls_1d WHERE bucket >= now('UTC') - INTERVAL %d DAY GROUP BY 1, 2", days)
	err := db.Query(ctx, sql, func(scan func(...any) error) error {
		var m ModelOf
		var n uint64
		err := scan(&m.Provider, &m.Model, &n)
		tokens[m] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the tokens by model: %w", err)
	}
	return tokens, nil
}

// SortChanges puts the changes of the models with the most tokens first.
func SortChanges(changes []prices.Change, tokens map[ModelOf]uint64) {
	slices.SortStableFunc(changes, func(a, b prices.Change) int {
		return cmp.Compare(tokens[ModelOf{b.Key.Provider, b.Key.Model}], tokens[ModelOf{a.Key.Provider, a.Key.Model}])
	})
}

// StoredCall is a call as the database has it.
type StoredCall struct {
	prices.Call
	ID string
	// Reported is what the sender says that it cost, weight included, in picos of ReportedCurrency; nil if it says nothing.
	Reported         *big.Int
	ReportedCurrency string
}

// callsSQL is the query for the calls of an id, the newest first. A call with a reported cost has nanos; the picos are what of it is below one.
const callsSQL = "SELECT " + pricing.CallColumns + `, id, toInt64(isNotNull(reported_cost_nanos)), toString((toInt256(ifNull(reported_cost_nanos, 0)) * 1000 + reported_cost_picos) * toInt256(weight)), toString(cost_currency)
FROM token_calls WHERE (id = %s OR response_id = %[1]s)%s ORDER BY time DESC LIMIT 20`

// ReadCalls returns the calls that have the id, or whose answer has it, the newest first, at most 20. tenant may be empty.
func ReadCalls(ctx context.Context, db *clickhouse.DB, tenant, id string) ([]StoredCall, error) {
	condition := ""
	if tenant != "" {
		condition = " AND tenant = " + schemas.Quote(tenant)
	}
	var calls []StoredCall
	err := db.Query(ctx, fmt.Sprintf(callsSQL, schemas.Quote(id), condition), func(scan func(...any) error) error {
		var c StoredCall
		var reported int64
		var cost string
		call, err := pricing.ReadCall(scan, &c.ID, &reported, &cost, &c.ReportedCurrency)
		if err != nil {
			return err
		}
		c.Call = call
		if reported != 0 {
			c.Reported, _ = new(big.Int).SetString(cost, 10)
		}
		calls = append(calls, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the calls of %s: %w", schemas.Excerpt(id), err)
	}
	return calls, nil
}
