package pricing

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/internal/plural"
	"tidemark/schemas"
	"tidemark/schemas/prices"
	usagev1 "tidemark/schemas/usage/v1"
)

// CallColumns are the columns of a call, of raw or of the view of calls, that ReadCall reads.
const CallColumns = `toUnixTimestamp64Micro(time), toString(tenant), toString(provider), toString(model), toString(requested_model), toString(operation),
	toString(region), toString(service_tier), toInt64(status), toInt64(split), weight, requests, input_uncached, input_cache_read, input_cache_write, cache_write_1h,
	output_visible, output_reasoning, input_audio, input_image, output_audio, output_image`

// ReadCall makes a call of a row of CallColumns, and scans the columns after them.
func ReadCall(scan func(dest ...any) error, more ...any) (prices.Call, error) {
	var c prices.Call
	var micros, status, split int64
	var operation string
	err := scan(append([]any{
		&micros, &c.Tenant, &c.Provider, &c.Model, &c.Requested, &operation, &c.Region, &c.Tier, &status, &split, &c.Weight, &c.Requests,
		&c.InputUncached, &c.CacheRead, &c.CacheWrite, &c.CacheWrite1h, &c.OutputVisible, &c.OutputReasoning, &c.InputAudio, &c.InputImage, &c.OutputAudio, &c.OutputImage,
	}, more...)...)
	c.Time = time.UnixMicro(micros).UTC()
	c.Failed = usagev1.Status(status) == usagev1.Status_STATUS_ERROR
	c.NoOutput = operation == "embeddings" || operation == "rerank"
	c.UpperBound = usagev1.UsageSplit(split) == usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND
	c.TotalsOnly = usagev1.UsageSplit(split) == usagev1.UsageSplit_USAGE_SPLIT_NONE
	return c, err
}

// costed is what calls of a currency cost, and their tokens without a price.
type costed struct{ cost, unpriced big.Int }

// CheckSample compares what rows of raw cost, call by call as Book.Resolve has it, with what SelectSQL makes of the same rows, and returns how many there are and
// the first difference. The rows are few.
func (p *Plan) CheckSample(ctx context.Context, db ledgerdb.Querier, rows, settings string) (calls int, wrong string, err error) {
	want, got := map[string]*costed{}, map[string]*costed{}
	of := func(sums map[string]*costed, currency string) *costed {
		if sums[currency] == nil {
			sums[currency] = &costed{}
		}
		return sums[currency]
	}
	err = db.Query(ctx, "SELECT "+CallColumns+" FROM ("+rows+") SETTINGS "+settings, func(scan func(...any) error) error {
		c, err := ReadCall(scan)
		if err != nil {
			return err
		}
		r := p.bookOf(c).Resolve(c)
		sum := of(want, r.Currency)
		sum.cost.Add(&sum.cost, r.Known)
		sum.unpriced.Add(&sum.unpriced, r.Unpriced)
		calls++
		return nil
	})
	if err != nil {
		return 0, "", fmt.Errorf("read some calls: %w", err)
	}
	sql := fmt.Sprintf("SELECT toString(currency), toString(sum(%s)), toString(sum(unpriced_tokens)) FROM (%s) GROUP BY currency SETTINGS %s", strings.Join(schemas.CostParts, " + "), p.SelectSQL(rows), settings)
	err = db.Query(ctx, sql, func(scan func(...any) error) error {
		var currency, cost, unpriced string
		if err := scan(&currency, &cost, &unpriced); err != nil {
			return err
		}
		sum := of(got, currency)
		sum.cost.SetString(cost, 10)
		sum.unpriced.SetString(unpriced, 10)
		return nil
	})
	if err != nil {
		return 0, "", fmt.Errorf("read what some calls cost: %w", err)
	}
	for _, currency := range slices.Sorted(maps.Keys(want)) {
		w, g := want[currency], of(got, currency)
		if w.cost.Cmp(&g.cost) != 0 || w.unpriced.Cmp(&g.unpriced) != 0 {
			return calls, fmt.Sprintf("the cost of %s is %s %s with %s unpriced, and by the books %s with %s", plural.Of(calls, "call"),
				prices.FormatPicos(&g.cost), currency, plural.Text(g.unpriced.String(), "token"), prices.FormatPicos(&w.cost), &w.unpriced), nil
		}
	}
	return calls, "", nil
}

// bookOf returns the book that prices a call.
func (p *Plan) bookOf(c prices.Call) *prices.Book {
	hour := spans.Floor(schemas.MinuteOf(c.Time.UnixMicro()), 60)
	number := uint64(0)
	for _, period := range p.periods {
		if hour >= period.From && hour < period.To && (period.Tenant == "" || period.Tenant == c.Tenant) {
			number = period.Book
			break
		}
	}
	if book := p.book(number); book != nil {
		return book
	}
	return &prices.Book{}
}
