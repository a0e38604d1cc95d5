package boards

import (
	"slices"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
)

// The panels of the dashboard Cost over time, by model and by tenant.

// spent is a sum of 1e-12 US dollars as dollars, of rows that have them.
const spent = "toFloat64(sum({cost_picos})) / 1e12"

func costByClass(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Cost by class of tokens, per hour or day, ${in_currency}", Width: 12, Height: 8,
		Description: "Cost in US dollars by what it was paid for: input that is neither from nor to a cache (audio and images included), input " +
			"read from a cache, input written to one, output (audio and images included), reasoning, and calls that have a price of their own." + costWhole,
		Kind:       preset.Paint(preset.Bars(usDollars), preset.TokenClasses),
		MayBeEmpty: noWhole,
		SQL: []string{board.AtEach("{:buckets}", "NULL", `
			SELECT
				{:time} AS time, {:dollars sum({input_cost_picos})} AS input, {:dollars sum({cache_read_cost_picos})} AS "cache read",
				{:dollars sum({cache_write_cost_picos})} AS "cache write", {:dollars sum({output_cost_picos})} AS output,
				{:dollars sum({reasoning_cost_picos})} AS reasoning, {:dollars sum({request_cost_picos})} AS "per call"
			FROM {@costs_?cost_table} WHERE {:whole_costs} AND {:chosen} AND {:in_usd} GROUP BY time`,
			"input", "cache read", "cache write", "output", "reasoning", "per call")},
	}
}

// costBy is cost over time by a column.
func costBy(id uint32, column, names, from string, colors preset.Palette) board.Panel {
	return board.Panel{
		ID: id, Title: "Cost by " + column + ", per hour or day, ${in_currency}", Width: 12, Height: 8,
		Description: "Cost in US dollars by " + column + ". The ten " + names + " that cost the most have a series each; the others are one series, other." + costWhole,
		Kind:        preset.Paint(preset.Bars(usDollars).DisplayName(seriesName), colors),
		MayBeEmpty:  noWhole,
		SQL:         []string{board.TopTen{By: column, Sum: spent, From: from, Gaps: true, Where: "{:whole_costs} AND {:chosen} AND {:in_usd}"}.SQL()},
	}
}

func costByModel(id uint32) board.Panel {
	return costBy(id, "model", "models", "costs_?cost_table", preset.Others)
}
func costByProduct(id uint32) board.Panel {
	return costBy(id, "product", "products", "costs_?cost_table", preset.Products)
}
func costByProvider(id uint32) board.Panel {
	return costBy(id, "provider", "providers", "costs_?cost_table", preset.Others)
}
func costByTenant(id uint32) board.Panel {
	return costBy(id, "tenant", "tenants", "costs_?audience_table", preset.Others)
}

func unpricedOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Tokens without a price, per hour or day", Width: 12, Height: 8,
		Description: "The share of all tokens that have no price. A step up means that a model came that the book does not know, or that a price " +
			"ended: What has no price shows which. An import of prices prices what comes after it." + costWhole,
		Kind:       preset.Lines(preset.Ratio).AxisSoftMax(0.1),
		MayBeEmpty: "no calls in a whole hour of the range yet",
		SQL: []string{board.AtEach("{:buckets}", "NULL", `
			SELECT {:time} AS time, {:unpriced_share} AS "without a price"
			FROM {@costs_?cost_table} WHERE {:whole_costs} AND {:chosen} GROUP BY time`, "without a price")},
	}
}

// nameWidth is room for the names of most models and tenants; on a phone a table scrolls sideways.
func nameWidth() preset.Overrides { return preset.MinWidth(210) }

// shareOfCost is a share of the cost with a gauge, and sharesMissing the color of a share that has no price.
func shareOfCost() preset.Overrides {
	return slices.Concat(preset.Unit(preset.Ratio, 1), preset.Width(170), preset.Overrides{
		preset.Property("custom.cellOptions", map[string]any{"type": "gauge", "mode": "basic"}), preset.Property("min", 0), preset.Property("max", 1),
	})
}

func shareMissing() preset.Overrides {
	return slices.Concat(preset.Unit(preset.Ratio, 1), preset.Width(85), colored("text", 0.01, preset.Warning, 0.05, preset.Bad))
}

// costColumns are the columns that tables of costs have beside the names of their rows, over a subquery with priced, part, whole,
// whole_calls, made, used, gap and saving.
const costColumns = `
	part AS cost, part / nullIf(sum(part) OVER (), 0) AS share, whole / nullIf(whole_calls, 0) AS "per call", saving AS saved,
	made AS calls, used AS tokens, gap AS unpriced`

const costColumnsOf = `
	{:usd {cost_picos}} AS part, {:dollars sumIf({cost_picos}, {:in_usd} AND {reason} = '')} AS whole,
	sumIf({calls}, {:in_usd} AND {reason} = '') AS whole_calls, {:usd {cache_saved_picos}} AS saving, sum({calls}) AS made,
	sum({tokens}) AS used, {:unpriced_share} AS gap`

// costTableNote says what the columns of both tables are.
const costTableNote = " share: of the cost of all. per call: of the calls of which all has a price. saved: by prompt caches, less what writing to them " +
	"costs. unpriced: the share of tokens that have no price; then the cost is at least what is shown. Rows that have a cost in US dollars." + costRange

func modelCosts(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Cost by model, ${in_currency}", Width: 24, Height: 9, Table: true,
		Description: "US dollars. The 100 models that cost the most, by the provider that sold them." + costTableNote + " A click shows the model alone.",
		Kind: preset.Table().
			OverrideByName("model", append(nameWidth(), preset.Link("Only this model", "/d/tidemark-cost?"+preset.KeepRange+"&var-model=${__data.fields.model:percentencode}")...)).
			OverrideByName("provider", preset.Width(140)).OverrideByName("share", shareOfCost()).OverrideByName("unpriced", shareMissing()).
			OverrideByRegexp("^cost$|^per call$|^saved$", append(preset.Unit(usDollars), preset.Width(105)...)).OverrideByName("calls", preset.Width(85)).OverrideByName("tokens", preset.Width(120)),
		MayBeEmpty: notInUSD,
		SQL: []string{`
			SELECT model, {:or_none seller} AS provider,` + costColumns + `
			FROM (
				SELECT toString({model}) AS model, toString({provider}) AS seller,` + costColumnsOf + `
				FROM {:costs} GROUP BY {model}, {provider})
			WHERE part IS NOT NULL ORDER BY cost DESC, model, provider LIMIT 100`},
	}
}

func tenantCosts(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Cost by tenant, ${in_currency}", Width: 24, Height: 9, Table: true,
		Description: "US dollars. The 100 tenants that cost the most." + costTableNote + " A click opens the dashboard of the tenant.",
		Kind: preset.Table().
			OverrideByName("tenant", append(nameWidth(), preset.Link("This tenant", "/d/tidemark-tenant?"+preset.KeepRange+"&var-tenant=${__data.fields.tenant:percentencode}")...)).
			OverrideByName("share", shareOfCost()).OverrideByName("unpriced", shareMissing()).
			OverrideByRegexp("^cost$|^per call$|^saved$", append(preset.Unit(usDollars), preset.Width(105)...)).OverrideByName("calls", preset.Width(85)).OverrideByName("tokens", preset.Width(120)),
		MayBeEmpty: notInUSD,
		SQL: []string{`
			SELECT tenant,` + costColumns + `
			FROM (
				SELECT toString({tenant}) AS tenant,` + costColumnsOf + `
				FROM {@costs_?audience_table} WHERE {:range} AND {:chosen} GROUP BY {tenant})
			WHERE part IS NOT NULL ORDER BY cost DESC, tenant LIMIT 100`},
	}
}

// movers compares the cost of each value of a column in the last whole days of the range with the days before them. From is the
// relation, and rollup its name.
func movers(id uint32, column, from, rollup string) board.Panel {
	return board.Panel{
		ID: id, Title: "Cost by " + column + ", before and after, ${in_currency}", Width: 12, Height: 9, Table: true,
		Description: "The 20 " + column + "s whose cost changed most, in US dollars: after is the second half of the whole days (UTC) in the range, " +
			"before is as many days before them. From two weeks on, both are whole weeks. The days count from the first one with a cost; the column " +
			"days has their number. change: after less before. times: after divided by before. The panel needs two whole days. If " +
			"tokens have a price in one half alone, that is a change too: look at Tokens without a price.",
		Kind: preset.Table().OverrideByName(column, nameWidth()).OverrideByRegexp("before|after|change", append(preset.Unit(usDollars), preset.Width(84)...)).
			OverrideByName("times", append(preset.Unit(preset.Times, 2), preset.Width(72)...)).OverrideByName("days", preset.Width(52)),
		MayBeEmpty: "needs two whole days with a cost in US dollars",
		SQL: []string{board.Fill(`
			SELECT {=column}, {:dollars earlier} AS before, {:dollars later} AS after, {:dollars later - earlier} AS change, later / nullIf(earlier, 0) AS times, width AS days
			FROM (
				SELECT {=column}, sumIf(picos, day <= finish - n AND day > finish - 2 * n) AS earlier, sumIf(picos, day > finish - n) AS later, any(n) AS width
				FROM (
					SELECT
						toString({{=column}}) AS {=column}, toDate32({bucket}) AS day, sum({cost_picos}) AS picos, min(day) OVER () AS start,
						toDate32(least($__toTime_ms - INTERVAL 1 MILLISECOND, (SELECT max({whole_until}) FROM {@rollup_progress} WHERE {name} = '{=rollup}'))) AS finish,
						intDiv(dateDiff('day', start, finish) + 1, 2) AS half, if(half < 7, half, half - half % 7) AS n
					FROM {@{=from}} WHERE {:range} AND {bucket} <= finish AND {:chosen} AND {:in_usd} GROUP BY {{=column}}, {bucket})
				WHERE n > 0 GROUP BY {=column})
			WHERE earlier != later ORDER BY abs(later - earlier) DESC, {=column} LIMIT 20`,
			map[string]string{"column": column, "from": from, "rollup": rollup})},
	}
}

func modelMovers(id uint32) board.Panel {
	return movers(id, "model", "costs_?day_table", "costs_${day_table:percentencode}")
}
func tenantMovers(id uint32) board.Panel { return movers(id, "tenant", "costs_1d", "costs_1d") }
