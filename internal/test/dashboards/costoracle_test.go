package dashboards_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	"tidemark/schemas"
	"tidemark/schemas/prices"
	usagev1 "tidemark/schemas/usage/v1"
)

// charged is what one call cost, in 1e-12 of its currency, as its book of prices says. The rollups are not asked.
type charged struct {
	*usagev1.TokenCall
	at                               time.Time
	currency, reason                 string
	book                             uint64
	calls, tokens, unpriced, output  int64
	classes                          [6]int64 // As the panel Cost by class of tokens has them.
	cost, saved, bound               int64
	compared, comparedCost, reported int64
}

// charge asks the book for a call.
func charge(e *usagev1.TokenCall, book *prices.Book) charged {
	weight := int64(max(e.Weight, 1))
	c := charged{TokenCall: e, at: time.UnixMicro(e.GetTimeUs()).UTC(), book: book.Number, calls: int64(callsOf(e))}
	call := prices.Call{
		Time: c.at, Tenant: e.Tenant, Provider: e.Provider, Model: e.Model, Region: e.Region, Tier: e.ServiceTier, Failed: e.Status == usagev1.Status_STATUS_ERROR,
		UpperBound: e.Split == usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND, TotalsOnly: e.Split == usagev1.UsageSplit_USAGE_SPLIT_NONE, Weight: uint64(weight), Requests: e.Requests, InputUncached: e.InputUncached,
		CacheRead: e.InputCacheRead, CacheWrite: e.InputCacheWrite, OutputVisible: e.OutputVisible, OutputReasoning: e.OutputReasoning,
	}
	r := book.Resolve(call)
	c.currency, c.reason, c.cost, c.unpriced = r.Currency, string(r.Reason), r.Known.Int64(), r.Unpriced.Int64()
	c.output = weight * int64(e.GetOutputVisible()+e.GetOutputReasoning())
	// The same call without caches tells what their tokens would have cost.
	uncached := call
	uncached.InputUncached, uncached.CacheRead, uncached.CacheWrite = new(e.GetInputUncached()+e.GetInputCacheRead()+e.GetInputCacheWrite()), nil, nil
	var input *prices.Price
	for _, l := range book.Resolve(uncached).Lines {
		if l.Unit == prices.Input {
			input = l.Price
		}
	}
	class := map[prices.Unit]int{prices.Input: 0, prices.CacheRead: 1, prices.CacheWrite: 2, prices.Output: 3, prices.Reasoning: 4, prices.Request: 5}
	for _, l := range r.Lines {
		if l.Unit != prices.Request {
			c.tokens += l.Quantity.Int64()
		}
		if l.Price == nil {
			continue
		}
		c.classes[class[l.Unit]] += l.Cost().Int64()
		if (l.Unit == prices.CacheRead || l.Unit == prices.CacheWrite) && input != nil && input.Currency == c.currency {
			c.saved += l.Quantity.Int64() * int64(input.Picos-l.Price.Picos)
		}
	}
	if r.AtMost {
		c.bound = c.cost
	}
	if r.Exact() && e.ReportedCostNanos != nil && e.CostCurrency == c.currency {
		c.compared, c.comparedCost, c.reported = c.calls, c.cost, weight*1000**e.ReportedCostNanos
	}
	return c
}

// bill is all calls and queries of a test, and how to look at them.
type bill struct {
	calls  []charged
	events []schemas.Event // All, for users.
	books  map[uint64][3]string
	told   []told // The files of costs, in the order of their imports' numbers.
}

// looked is a bill as a view shows it.
type looked struct {
	bill
	from, to time.Time
	grain    time.Duration
	choice
	until map[string]int64 // When the last whole bucket of each rollup begins, in milliseconds since 1970; all buckets are whole without it.
	asked time.Time        // When the panels are asked. Zero: now.
}

// over reports whether the bucket of a rollup that begins at a time is whole.
func (l looked) over(rollup string, at time.Time) bool {
	ms, known := l.until[rollup]
	return !known || at.UnixMilli() <= ms
}

// rollup is the one of costs with buckets of a length.
func (l looked) rollup(grain time.Duration) string {
	ending := map[time.Duration]string{time.Hour: "1h", day: "1d"}[grain]
	if l.tenant == "" {
		ending = "all_" + ending
	}
	return "costs_" + ending
}

// charted are the calls in whole buckets.
func (l looked) charted() []charged {
	return those(l.in(l.grain), func(c charged) bool { return l.over(l.rollup(l.grain), c.at.Truncate(l.grain)) })
}

func (l looked) passes(c charged) bool {
	return passes(l.tenant, c.Tenant) && passes(l.product, c.Product) && passes(l.provider, c.Provider) && passes(l.model, c.Model)
}

// begins reports whether the bucket of a length that a time lies in begins in the range.
func (l looked) begins(at time.Time, grain time.Duration) bool {
	start := at.Truncate(grain)
	return !start.Before(l.from) && start.Before(l.to)
}

// in returns the calls in the buckets of a length that begin in the range.
func (l looked) in(grain time.Duration) []charged {
	return l.where(func(c charged) bool { return l.begins(c.at, grain) })
}

func (l looked) where(keep func(charged) bool) (all []charged) {
	for _, c := range l.calls {
		if l.passes(c) && keep(c) {
			all = append(all, c)
		}
	}
	return all
}

func usd(c charged) bool { return c.currency == "USD" }

// those keeps calls.
func those(all []charged, keep func(charged) bool) (kept []charged) {
	for _, c := range all {
		if keep(c) {
			kept = append(kept, c)
		}
	}
	return kept
}

// sum adds up a number of calls.
func sum(all []charged, of func(charged) int64) (n int64) {
	for _, c := range all {
		n += of(c)
	}
	return n
}

func costOf(c charged) int64     { return c.cost }
func savedOf(c charged) int64    { return c.saved }
func boundOf(c charged) int64    { return c.bound }
func callsIn(c charged) int64    { return c.calls }
func tokensOf(c charged) int64   { return c.tokens }
func unpricedOf(c charged) int64 { return c.unpriced }

// money is a sum of costs in US dollars, not a number if no call has any.
func money(all []charged, of func(charged) int64) float64 {
	dollars := those(all, usd)
	if len(dollars) == 0 {
		return math.NaN()
	}
	return float64(sum(dollars, of)) / 1e12
}

// atLeast reports whether some of a cost in US dollars is missing.
func atLeast(all []charged) bool {
	return slices.ContainsFunc(all, func(c charged) bool {
		return (c.currency == "USD" || c.currency == "") && (c.unpriced > 0 || c.reason == "no_usage")
	})
}

// share is a part of a whole, not a number if there is none.
func share(part, whole float64) float64 {
	if whole == 0 {
		return math.NaN()
	}
	return part / whole
}

func gapOf(all []charged) float64 {
	return share(float64(sum(all, unpricedOf)), float64(sum(all, tokensOf)))
}

// grouped are calls by a name of each.
func grouped(all []charged, by func(charged) string) map[string][]charged {
	groups := map[string][]charged{}
	for _, c := range all {
		groups[by(c)] = append(groups[by(c)], c)
	}
	return groups
}

// texts is a row of a panel as text: numbers to ten digits, what is no number as "-".
func texts(cells ...any) string {
	all := make([]string, len(cells))
	for i, cell := range cells {
		switch v := cell.(type) {
		case json.Number:
			f, err := v.Float64()
			if err != nil {
				all[i] = err.Error()
				continue
			}
			all[i] = figure(f)
		case int64:
			all[i] = figure(float64(v))
		case int:
			all[i] = figure(float64(v))
		case float64:
			all[i] = figure(v)
		case time.Time:
			all[i] = v.UTC().Format(time.RFC3339Nano)
		case nil:
			all[i] = "-"
		default:
			all[i] = fmt.Sprint(v)
		}
	}
	return strings.Join(all, " | ")
}

// figure writes a number to 10 digits. Money often ends in a 5 beyond them, and two sums of it that differ by an ulp are then rounded apart: both are lifted over that.
func figure(f float64) string {
	if math.IsNaN(f) {
		return "-"
	}
	return fmt.Sprintf("%.10g", f*(1+1e-13))
}

// rowOf is a row of a result. Times come in milliseconds.
func rowOf(cells []any) string {
	all := slices.Clone(cells)
	for i, cell := range all {
		if ms, isTime := cell.(int64); isTime {
			all[i] = time.UnixMilli(ms)
		}
	}
	return texts(all...)
}

// series are sums per bucket by name, as charts have them; of names only the ten with the greatest sums.
func (l looked) series(by func(charged) string) (rows []string) {
	all := those(l.charted(), usd)
	names := grouped(all, by)
	places := slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(cmp.Compare(sum(names[b], costOf), sum(names[a], costOf)), strings.Compare(a, b))
	})
	points := grouped(all, func(c charged) string {
		name := by(c)
		if slices.Index(places, name) >= 10 {
			name = "other"
		}
		return texts(c.at.Truncate(l.grain), cmp.Or(name, notGiven))
	})
	for _, point := range slices.Sorted(maps.Keys(points)) {
		rows = append(rows, point+" | "+texts(money(points[point], costOf)))
	}
	return rows
}

// perBucket gives a row per bucket.
func (l looked) perBucket(all []charged, of func([]charged) []any) (rows []string) {
	buckets := grouped(all, func(c charged) string { return texts(c.at.Truncate(l.grain)) })
	for _, bucket := range slices.Sorted(maps.Keys(buckets)) {
		rows = append(rows, bucket+" | "+texts(of(buckets[bucket])...))
	}
	return rows
}

// sellerOf is the provider of a call as tables name it.
func sellerOf(c charged) string { return cmp.Or(c.Provider, notGiven) }

// board is every panel of the dashboard Cost.
func (l looked) board() map[uint32][]string {
	return map[uint32][]string{
		1: l.now(), 2: l.forecast(), 10: l.total(), 11: l.perUnit(), 12: l.perUser(), 13: l.saved(), 14: l.unknown(), 20: l.byClass(),
		21: l.series(func(c charged) string { return c.Model }), 22: l.series(func(c charged) string { return c.Product }),
		23: l.series(func(c charged) string { return c.Tenant }), 24: l.series(func(c charged) string { return c.Provider }), 25: l.gaps(),
		30: l.table(func(c charged) string { return c.Model + " | " + sellerOf(c) }), 31: l.table(func(c charged) string { return c.Tenant }),
		40: l.movers(func(c charged) string { return c.Model }, l.rollup(day)), 41: l.movers(func(c charged) string { return c.Tenant }, "costs_1d"),
		50: l.reasons(), 51: l.unpricedModels(), 60: l.compared(), 61: l.currencies(), 62: l.bills(), 70: l.used(),
	}
}

// ofTenant is the panels on cost of the dashboard Tenant.
func (l looked) ofTenant() map[uint32][]string {
	return map[uint32][]string{
		42: l.total(), 43: l.byClass(), 44: l.series(func(c charged) string { return c.Model }),
		45: l.table(func(c charged) string { return c.Model + " | " + sellerOf(c) }),
	}
}

func (l looked) compare(t *testing.T, got, want map[uint32][]string) {
	t.Helper()
	for panel, rows := range want {
		// A bucket without a price is a gap: that there is a point for each is held elsewhere.
		if panel >= 20 && panel <= 25 || panel == 43 || panel == 44 {
			rows = slices.DeleteFunc(rows, gap)
			got[panel] = slices.DeleteFunc(got[panel], gap)
		}
		if !slices.Equal(got[panel], rows) {
			t.Errorf("panel %d: got\n%s\nwant\n%s", panel, strings.Join(got[panel], "\n"), strings.Join(rows, "\n"))
		}
	}
}

// gap reports whether the values of a point are all unknown.
func gap(row string) bool { return strings.HasSuffix(row, " | -") }

// shown are the rows of a dashboard by panel.
func (s store) shown(t *testing.T, f dashboards.File, l looked) map[uint32][]string {
	t.Helper()
	got := map[uint32][]string{}
	for _, r := range s.execute(t, f, grafana.View{From: l.from, To: l.to, Chosen: l.chosen()}) {
		for _, cells := range r.Rows {
			got[r.Panel] = append(got[r.Panel], rowOf(cells))
		}
	}
	return got
}
