package boards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
)

// tenant answers what a customer asks on the phone: what did we use, of what, did it work?
func tenant() board.Board {
	variables := append(board.CommonVariables("namespace", "tenant", "product", "provider", "model"), board.WholeVariable("token_calls"), board.WholeVariable("queries"))
	variables = append(variables, costVariables()...)
	for i := range variables {
		if variables[i].Name == "tenant" {
			variables[i].Single, variables[i].OrAll = true, true
		}
	}
	return board.Board{
		UID: "tidemark-tenant", Title: "Tenant", From: "now-7d", Refresh: "1m",
		Description: "Usage, models, errors and heaviest users of one customer, for a conversation with that customer. " +
			"Choose the tenant first. Series have minutes up to six hours, hours up to a week, then days, all in UTC.",
		Variables:   variables,
		Annotations: []board.Annotation{releases()},
		Rows: []board.Row{
			{Title: "In the range: ${tenant:text}", Panels: []board.Panel{
				tenantQueries(1), callFigures(2, 12), tenantUsers(4), latencyNow(6, 5),
			}},
			{Title: "Usage", Panels: []board.Panel{tokensByClass(10), callsByModel(11), tenantQueriesByProduct(12), tenantUsersOverTime(13)}},
			{Title: "Models", Panels: []board.Panel{tenantModels(20)}},
			{Title: "Latency and errors", Panels: []board.Panel{wide(errorsByModel(30), 12), latencyOverTime(31), errorTypes(32), topUsers(33)}},
			{Title: "Cost", Panels: []board.Panel{tenantCost(42), wide(costByClass(43), 18), wide(costByModel(44), 24), tenantModelCosts(45), reportedCost(40), costKnown(41)}},
		},
	}
}

func tenantQueries(id uint32) board.Panel {
	p := queriesTotal(id)
	// Segment and country cannot be chosen here, and a choice made on another dashboard would narrow the numbers down unseen.
	p.SQL = []string{`SELECT sum({queries}) AS total FROM {:rows queries_? with queries by tenant, product} HAVING count() > 0`}
	return p
}

func tenantQueriesByProduct(id uint32) board.Panel {
	p := queriesByProduct(id)
	p.SQL = []string{board.TopTen{By: "product", Sum: "sum({queries})", From: "queries_?", Where: "{:whole} AND {:chosen tenant, product}"}.SQL()}
	return p
}

func wide(p board.Panel, width uint32) board.Panel {
	p.Width = width
	return p
}

func tenantUsers(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Active users", Width: 4, Height: 4, Table: true,
		Description: "Distinct users of the tenant, each with its weight, in the 24 hours and the 30 days (UTC) that end " +
			"with the range; the last hour counts as a whole. Product, provider and model do not apply.",
		Kind:       preset.Number(preset.Count).Orientation(common.VizOrientationVertical),
		MayBeEmpty: "none in 30 days",
		SQL:        []string{`SELECT day, month FROM ({:active_users tenant})`},
	}
}

func tenantUsersOverTime(id uint32) board.Panel {
	p := usersOverTime(id)
	p.Description = "Distinct users of the tenant, each with its weight: per day where the range is longer than a week, otherwise per hour. " +
		"Product, provider and model do not apply. Only whole hours and days are shown."
	p.SQL = []string{`{:users_over_time tenant}`}
	return p
}

func tenantModels(id uint32) board.Panel {
	p := modelTable(id)
	p.SQL = []string{modelRows(false)}
	p.Height = 9
	p.Description = "Every model that the tenant called in the range, with its maker from the catalog. p50, p95 and TTFT: seconds in the " +
		"last whole ${resolution_name}, where at least " + board.Enough + " calls report them. errors: the share of calls that failed, orange from 2 %, " +
		"red from 10 %. A click shows the model alone."
	return p
}

// tenantFragments is SQL of this dashboard alone.
func tenantFragments() map[string]string {
	return map[string]string{
		// The single events of the last hour of the range, the most that a panel may read.
		"last_hour": `
			{time} >= greatest($__fromTime_ms, least($__toTime_ms, now64(3)) - INTERVAL 1 HOUR) AND {time} < $__toTime_ms AND {:chosen}`,
	}
}

func errorTypes(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Errors of the last hour", Width: 12, Height: 8, Table: true,
		Description: "Calls in the last hour of the range that failed, by model and type of error. The panel reads " +
			"single events, hence one hour at most.",
		Kind:       preset.Table().OverrideByName("type of error", leastWidth(110)).OverrideByName("calls", preset.Width(64)).OverrideByName("last error", atSecond()),
		MayBeEmpty: "no errors in the last hour of the range",
		SQL: []string{`
			SELECT
				toString({model}) AS model, {:or_none {error_type}} AS "type of error",
				sum(toUInt128({calls})) AS calls, max({time}) AS "last error"
			FROM {@token_calls} WHERE {:last_hour} AND {status} = 'error'
			GROUP BY {model}, {error_type} ORDER BY calls DESC LIMIT 50`},
	}
}

func topUsers(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Heaviest users of the last hour", Width: 12, Height: 8, Table: true,
		Description: "The twenty users with the most tokens in the last hour of the range, with the share of their calls " +
			"that failed. A user is a keyed hash; no identifier is stored. The panel reads single events, hence " +
			"one hour at most.",
		Kind:       preset.Table().OverrideByName("errors", preset.Unit(preset.Ratio, 1)).OverrideByName("user hash", preset.Width(156)).OverrideByName("tokens", preset.Width(110)).OverrideByName("last seen", atSecond()),
		MayBeEmpty: "no known users in the last hour of the range",
		SQL: []string{`
			SELECT
				lower(leftPad(hex({user}), 16, '0')) AS "user hash", sum(toUInt128(e.{calls})) AS calls,
				sum(toUInt128((ifNull({input_tokens}, 0) + ifNull({output_tokens}, 0)) * {weight})) AS tokens,
				sumIf(e.{calls}, {status} = 'error') / nullIf(sum(e.{calls}), 0) AS errors, max({time}) AS "last seen"
			FROM {@token_calls} AS e WHERE {:last_hour} AND {user} != 0 GROUP BY {user} ORDER BY tokens DESC LIMIT 20`},
	}
}

// tenantCost is the cost by the books of prices; reportedCost is what calls say that they cost.
func tenantCost(id uint32) board.Panel {
	p := costTotal(id)
	p.Title, p.Width, p.Height = "Cost in the range, ${in_currency}", 6, 8
	p.Description = "Cost in US dollars, by the prices that held at the time of each call. at least: some tokens have no price; the dashboard Cost " +
		"shows which, and why. A negotiated price of the tenant comes before the list price." + costRange
	return p
}

func tenantModelCosts(id uint32) board.Panel {
	p := modelCosts(id)
	p.Height = 8
	return p
}

func reportedCost(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Reported cost, per ${resolution_name}", Width: 18, Height: 8,
		Description: "What calls cost per ${resolution_name}, in US dollars, as callers or gateways reported it, by " +
			"model. The ten models that cost the most have a series each; the others are one series, other. " +
			"Calls without a reported cost, or with one in another currency, add nothing." + openLeftOut,
		Kind:       preset.Paint(preset.Bars("currencyUSD").DisplayName(seriesName), preset.Others),
		MayBeEmpty: "no cost was reported",
		SQL: []string{board.TopTen{
			By: "model", Sum: "toFloat64(sum({reported_cost_picos})) / 1e12", From: "token_calls_?", Gaps: true,
			Where: "{:whole} AND {:chosen} AND ({reported_cost_calls} > 0 OR {reported_cost_picos} != 0)",
		}.SQL()},
	}
}

func costKnown(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Calls that report a cost", Width: 6, Height: 8, Table: true,
		Description: "Share of the calls with a reported cost in US dollars, and share of those with a cost in another " +
			"currency, which no sum includes. The lower the first share, the less the reported cost tells.",
		Kind: preset.Number(preset.Ratio).Decimals(1).Orientation(common.VizOrientationHorizontal),
		SQL: []string{`
			SELECT
				{:per_call sum({reported_cost_calls})} AS "in USD",
				{:per_call sum({other_currency_calls})} AS "in another currency"
			FROM {:rows token_calls_? with calls, reported_cost_calls, other_currency_calls}`},
	}
}
