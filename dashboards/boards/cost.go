package boards

import (
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/stat"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
)

// cost answers: what does it cost, who and what spends it, where is it going, and how much of it is not known? All of it is
// from the rollups of costs, which the books of prices make.
func cost() board.Board {
	return board.Board{
		UID: "tidemark-cost", Title: "Cost", From: "now-30d", Refresh: "1m",
		Description: "What calls to models cost in US dollars, by the prices that held when they were made, and how much of it " +
			"nobody knows. What has no price counts as unknown, not as 0: then a cost is \"at least\" what is shown. Days, " +
			"hours and months are in UTC.",
		Variables: append(board.CommonVariables("namespace", "tenant", "product", "provider", "model"), costVariables()...),
		Rows: []board.Row{
			{Title: "Now", Panels: []board.Panel{costNow(1), costForecast(2)}},
			{Title: "In the range", Panels: []board.Panel{costTotal(10), costPerUnit(11), costPerUser(12), cacheSavings(13), costUnknown(14)}},
			{Title: "Over time", Panels: []board.Panel{
				costByClass(20), costByModel(21), costByProduct(22), costByTenant(23), costByProvider(24), unpricedOverTime(25),
			}},
			{Title: "Models and tenants", Panels: []board.Panel{modelCosts(30), tenantCosts(31)}},
			{Title: "What changed most", Panels: []board.Panel{modelMovers(40), tenantMovers(41)}},
			{Title: "What has no price", Panels: []board.Panel{unpricedReasons(50), unpricedModels(51)}},
			{Title: "Reported costs, other currencies", Panels: []board.Panel{reportedAgainstBook(60), otherCurrencies(61)}},
			{Title: "Bills", Panels: []board.Panel{oursAgainstTheirs(62)}},
			{Title: "Prices", Panels: []board.Panel{booksUsed(70)}},
		},
	}
}

// costFragments is the SQL of panels on costs. Money is a whole number of 1e-12 US dollars until it is shown.
func costFragments() map[string]string {
	return map[string]string{
		"in_usd": `{currency} = 'USD'`,
		// A sum of 1e-12 US dollars as dollars.
		"dollars": `toFloat64({=}) / 1e12`,
		// What a column of money of all rows adds up to in US dollars; unknown if no row has a price in them.
		"usd": `if(countIf({:in_usd}) = 0, NULL, {:dollars sumIf({=}, {:in_usd})})`,
		// The rows of the range.
		"costs": `{@costs_?cost_table} WHERE {:range} AND {:chosen}`,
		// The whole hours or days of the range.
		"whole_costs": `{:range} AND {bucket} <= fromUnixTimestamp64Milli(toInt64OrZero('${costs_whole:percentencode}'), 'UTC')`,
		// True if a cost in US dollars is not all: tokens have no price, or calls do not say how many tokens they took. What has no price at
		// all has no currency either.
		"incomplete": `countIf({currency} IN ('USD', '') AND ({unpriced_tokens} > 0 OR {reason} = 'no_usage')) > 0`,
		// The share of tokens that have no price.
		"unpriced_share": `sum({unpriced_tokens}) / nullIf(sum({tokens}), 0)`,
		// Cost in US dollars by day, from a day on up to the end of the range: its last day by hours, which are published before days
		// are, the last hour as a whole. priced: it has a price. missing: not all of it has.
		"cost_days": `(
			SELECT
				toDate32({bucket}) AS day, sumIf({cost_picos}, {:in_usd}) AS picos, countIf({:in_usd}) > 0 AS priced, {:incomplete} AS missing
			FROM {@costs_?day_table} WHERE {bucket} >= {=} AND {bucket} < {:last_day_of_range} AND {:chosen} GROUP BY day
			UNION ALL
			SELECT
				toDate32({bucket}) AS day, sumIf({cost_picos}, {:in_usd}) AS picos, countIf({:in_usd}) > 0 AS priced, {:incomplete} AS missing
			FROM {@costs_?hour_table} WHERE {bucket} >= {:last_day_of_range} AND {bucket} < $__toTime_ms AND {:chosen} GROUP BY day)`,
		"first_of_month": `toStartOfMonth({:last_day_of_range})`,
	}
}

// Sentences that several panels have.
const (
	costRange = " Ranges up to a week count the hours that begin in them, the open one included; longer ranges count the days."
	costWhole = " Per day where the range is longer than a week, otherwise per hour. Only whole hours and days are shown."
	notInUSD  = "no hour or day that begins in the range has a price in US dollars"
	noCosts   = "no hour or day with calls begins in the range"
	allPriced = "all has a price in the hours or days that begin in the range"
	noWhole   = "no whole hour of the range has a price in US dollars yet"
	usDollars = "currencyUSD"
)

// money is a figure in US dollars whose name the statement gives: it says "at least" where some of it has no price.
func money() *stat.PanelBuilder {
	return preset.Number(usDollars).DisplayName(seriesName).TextMode(common.BigValueTextModeValueAndName)
}

func costNow(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Today and this month, ${in_currency}", Width: 10, Height: 4,
		Description: "Cost in US dollars of the day and of the month (UTC) that the range ends in, up to its end; the last hour " +
			"counts as a whole. at least: some tokens have no price. What has no price shows which, and why.",
		Kind:       money().Orientation(common.VizOrientationVertical),
		MayBeEmpty: "nothing of this month has a price in US dollars",
		SQL: []string{`
			SELECT {:range_end} AS time, concat(figure.1, if(figure.3, ', at least', '')) AS name, {:dollars figure.2} AS value
			FROM (
				SELECT
					max(priced) AS some,
					[
						('month so far', sum(picos), max(missing), some),
						('today', sumIf(picos, last), maxIf(missing, last), some AND (maxIf(priced, last) OR NOT maxIf(missing, last)))] AS figures
				FROM (SELECT *, day = toDate32({:last_day_of_range}) AS last FROM {:cost_days {:first_of_month}}))
			ARRAY JOIN figures AS figure WHERE figure.4 ORDER BY time, name`},
	}
}

func costForecast(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Forecast of the month, ${in_currency}", Width: 14, Height: 4, Table: true,
		Description: "What the month that the range ends in will cost in US dollars if it goes on as its whole days so far. " +
			"forecast: each day left costs the average of the whole days of its kind, working days (Monday to Friday) or " +
			"weekends. low and high: each costs as little as the cheapest, or as much as the dearest. A kind with fewer than two " +
			"whole days takes all whole days, and a day under way costs at least what it has cost. The days count from the first one with " +
			"a cost. The panel needs three whole days. What has no price is in none of the three.",
		Kind:       preset.Number(usDollars).Orientation(common.VizOrientationVertical),
		MayBeEmpty: "needs three whole days of this month with a cost",
		SQL: []string{`
			SELECT {:dollars sums[1]} AS low, {:dollars sums[2]} AS forecast, {:dollars sums[3]} AS high
			FROM (
				SELECT
					arrayMap(k -> arrayFilter(d -> (toDayOfWeek(d) > 5) = k, gone), [0, 1]) AS kinds,
					arrayMap(days -> arrayMap(d -> by_day[d], if(length(days) < 2, gone, days)), kinds) AS costs,
					arrayMap(c -> [arrayMin(c), intDiv(arraySum(c), toInt128(greatest(length(c), 1))), arrayMax(c)], costs) AS rates,
					arrayMap(i -> arraySum(d -> by_day[d], gone) + arraySum(d -> greatest(by_day[d], rates[1 + (toDayOfWeek(d) > 5)][i]), ahead), [1, 2, 3]) AS sums
				FROM (
					SELECT
						mapFromArrays(groupArray(day), groupArray(picos)) AS by_day, minIf(day, priced) AS first,
						least(
							toDate32($__toTime_ms) - 1,
							toDate32(assumeNotNull((SELECT max({whole_until}) FROM {@rollup_progress} WHERE {name} = 'costs_${day_table:percentencode}')))) AS last,
						toDate32(toLastDayOfMonth({:last_day_of_range})) AS month_end,
						arrayMap(i -> first + toInt32(i), range(toUInt32(greatest(dateDiff('day', first, last) + 1, 0)))) AS gone,
						arrayMap(i -> last + 1 + toInt32(i), range(toUInt32(greatest(dateDiff('day', last, month_end), 0)))) AS ahead
					FROM {:cost_days {:first_of_month}} HAVING max(priced))
				WHERE length(gone) >= 3)`},
	}
}

// costSum is a sum of a range with its name, for a figure.
const costSum = `
	SELECT {:range_end} AS time, if(missing, 'at least', 'cost') AS name, value
	FROM (SELECT {:usd {cost_picos}} AS value, {:incomplete} AS missing FROM {:costs})
	WHERE value IS NOT NULL`

func costTotal(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Cost ${in_currency}", Width: 6, Height: 4,
		Description: "Cost in US dollars, by the prices that held at the time of each call. at least: some tokens have no price." + costRange,
		Kind:        money(),
		MayBeEmpty:  notInUSD,
		SQL:         []string{costSum},
	}
}

func costPerUnit(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Cost per call, query and output, ${in_currency}", Width: 10, Height: 4, Table: true,
		Description: "US dollars. per call: of the calls of which all has a price. per query: the cost divided by the requests that people " +
			"made; provider and model narrow down the cost alone. per 1,000 output: the cost, that of input included, " +
			"divided by thousands of output tokens (reasoning included) of the models that have a price in US dollars. If " +
			"some tokens have no price, the last two are too low." + costRange,
		Kind: preset.Number(usDollars).Orientation(common.VizOrientationVertical).
			OverrideByRegexp("per .*", preset.Overrides{preset.Property("noValue", "none")}),
		MayBeEmpty: notInUSD,
		SQL: []string{`
			SELECT whole / nullIf(whole_calls, 0) AS "per call", part / nullIf(asked, 0) AS "per query", part / nullIf(written, 0) * 1000 AS "per 1,000 output"
			FROM (
				SELECT
					{:usd {cost_picos}} AS part, {:dollars sumIf({cost_picos}, {:in_usd} AND {reason} = '')} AS whole,
					sumIf({calls}, {:in_usd} AND {reason} = '') AS whole_calls
				FROM {:costs}) AS c,
				(SELECT sum({queries}) AS asked FROM {@queries_?cost_table} WHERE {:range} AND {:chosen tenant, product}) AS q,
				(
					SELECT sum({output_tokens}) AS written FROM {@token_calls_?cost_table}
					WHERE {:range} AND {:chosen} AND ({provider}, {model}) IN (SELECT {provider}, {model} FROM {:costs} AND {:in_usd})) AS o
			WHERE part IS NOT NULL`},
	}
}

func costPerUser(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Cost per user, 30 days, ${in_currency}", Width: 8, Height: 4, Table: true,
		Description: "Cost in US dollars of the 30 days (UTC) that end with the range, divided by the distinct users of queries and " +
			"calls in them, each with its weight; the last hour counts as a whole. Of tenant, model and product, only the first " +
			"that you choose, in this order, narrows the users down; all of them and provider narrow down the cost.",
		Kind:       preset.Number(usDollars),
		MayBeEmpty: "no users, or no price in US dollars",
		SQL: []string{`
			SELECT {:dollars spent} / users AS "30 days"
			FROM (SELECT sum(picos) AS spent, max(priced) AS some FROM {:cost_days {:last_day_of_range} - INTERVAL 29 DAY}) AS c,
				(SELECT month AS users FROM ({:active_users tenant, model, product})) AS u
			WHERE some AND users > 0`},
	}
}

func cacheSavings(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Saved by caches, ${in_currency}", Width: 10, Height: 4, Table: true,
		Description: "What the tokens read from and written to prompt caches would have cost as other input, less what they cost: in US " +
			"dollars, and as a share of what all would have cost without caches. Below 0, writing to caches costs more than " +
			"reading from them saves." + costRange,
		Kind:       preset.Number(usDollars).Orientation(common.VizOrientationVertical).OverrideByName("share", preset.Unit(preset.Ratio, 1)),
		MayBeEmpty: notInUSD,
		SQL: []string{`
			SELECT saved, if(saved + part > 0, saved / (saved + part), NULL) AS share
			FROM (SELECT {:usd {cache_saved_picos}} AS saved, {:usd {cost_picos}} AS part FROM {:costs}) WHERE saved IS NOT NULL`},
	}
}

// gapShare is a share of what is not known, with its colors.
func gapShare() preset.Overrides {
	return slices.Concat(preset.Unit(preset.Ratio, 1), tile(preset.Good, 0.01, preset.Warning, 0.05, preset.Bad))
}

func costUnknown(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "How much is not known", Width: 14, Height: 4, Table: true,
		Description: "tokens: the share of all tokens that have no price; orange from 1 %, red from 5 %. calls: the share of calls of which not all has a price. " +
			"What has no price shows the reasons. upper bound: the share of the cost in US dollars that is of calls whose classes " +
			"of tokens are not known exactly; it is at most that." + costRange,
		Kind:       preset.Status(preset.Ratio, preset.Thresholds("text")).Decimals(1).ColorMode(common.BigValueColorModeValue).Orientation(common.VizOrientationVertical).OverrideByRegexp("tokens|calls", gapShare()),
		MayBeEmpty: noCosts,
		SQL: []string{`
			SELECT gap AS tokens, lacking AS calls, bound / nullIf(part, 0) AS "upper bound"
			FROM (
				SELECT
					{:unpriced_share} AS gap, {:per_call sumIf({calls}, {reason} != '')} AS lacking, {:usd {at_most_cost_picos}} AS bound,
					{:usd {cost_picos}} AS part, count() AS n
				FROM {:costs})
			WHERE n > 0`},
	}
}
