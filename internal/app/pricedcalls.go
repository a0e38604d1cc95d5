package app

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"
	"time"

	"tidemark/consumers/clickhouse"
	"tidemark/schemas"
	"tidemark/schemas/prices"
	usagev1 "tidemark/schemas/usage/v1"
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

// callsSQL is the query for the calls of an id, the newest first.
const callsSQL = `SELECT toUnixTimestamp64Micro(time), toString(tenant), id, toString(provider), toString(model), toString(requested_model), toString(operation),
	toString(region), toString(service_tier), toInt64(status), toInt64(split), weight, requests, input_uncached, input_cache_read, input_cache_write, cache_write_1h,
	output_visible, output_reasoning, input_audio, input_image, output_audio, output_image, toInt64(isNotNull(reported_cost_picos)),
	toString(ifNull(reported_cost_picos, 0) * toInt256(weight)), toString(cost_currency)
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
		var micros, status, split, reported int64
		var operation, cost string
		err := scan(&micros, &c.Tenant, &c.ID, &c.Provider, &c.Model, &c.Requested, &operation, &c.Region, &c.Tier, &status, &split, &c.Weight, &c.Requests,
			&c.InputUncached, &c.CacheRead, &c.CacheWrite, &c.CacheWrite1h, &c.OutputVisible, &c.OutputReasoning, &c.InputAudio, &c.InputImage, &c.OutputAudio, &c.OutputImage,
			&reported, &cost, &c.ReportedCurrency)
		if err != nil {
			return err
		}
		c.Time = time.UnixMicro(micros).UTC()
		c.Failed = usagev1.Status(status) == usagev1.Status_STATUS_ERROR
		c.NoOutput = operation == "embeddings" || operation == "rerank"
		c.UpperBound = usagev1.UsageSplit(split) == usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND
		c.TotalsOnly = usagev1.UsageSplit(split) == usagev1.UsageSplit_USAGE_SPLIT_NONE
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
