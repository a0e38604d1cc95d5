package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/common"

// tenant answers what a customer asks on the phone: what did we use, of what, did it work?
func tenant() board {
	variables := append(commonVariables("namespace", "tenant", "product", "provider", "model"), wholeVariable("token_calls"), wholeVariable("queries"))
	for i := range variables {
		if variables[i].name == "tenant" {
			variables[i].single, variables[i].orAll = true, true
		}
	}
	return board{
		uid: "tidemark-tenant", title: "Tenant", from: "now-7d", refresh: "1m",
		description: "One customer's usage, models, errors and heaviest users, for a conversation with that customer: choose the tenant. By hours up to a week, then by days; both are UTC.",
		variables:   variables,
		annotations: []annotation{releases()},
		rows: []row{
			{title: "${tenant:text} in the range", panels: []panel{
				tenantQueries(1), callFigures(2, 13), tenantUsers(4), latencyNow(6, 4),
			}},
			{title: "Usage", panels: []panel{tokensByClass(10), callsByModel(11), tenantQueriesByProduct(12), tenantUsersOverTime(13)}},
			{title: "Models", panels: []panel{tenantModels(20)}},
			{title: "Did it work", panels: []panel{wide(errorsByModel(30), 12), latencyOverTime(31), errorTypes(32), topUsers(33)}},
			{title: "Money", panels: []panel{reportedCost(40), costKnown(41)}},
		},
	}
}

func tenantQueries(id uint32) panel {
	p := queriesTotal(id)
	// Segment and country cannot be chosen here, and a choice made on another dashboard would narrow the numbers down unseen.
	p.sql = []string{`SELECT sum({queries}) AS total FROM {:rows queries_? with queries by tenant, product}`}
	return p
}

func tenantQueriesByProduct(id uint32) panel {
	p := queriesByProduct(id)
	p.sql = []string{topTen{by: "product", sum: "sum({queries})", from: "queries_?", where: "{:whole} AND {:chosen tenant, product}"}.sql()}
	return p
}

func wide(p panel, width uint32) panel {
	p.width = width
	return p
}

func tenantUsers(id uint32) panel {
	return panel{
		id: id, title: "Active users", width: 4, height: 4, table: true,
		description: "Distinct users of the tenant, each with its weight, in the 24 hours, and in the 30 days (UTC), that the range ends in, the last hour whole. Product, provider and model do not apply.",
		kind:        number(unitCount).Orientation(common.VizOrientationVertical),
		sql:         []string{`SELECT day, month FROM ({:active_users tenant})`},
	}
}

func tenantUsersOverTime(id uint32) panel {
	p := usersOverTime(id)
	p.description = "Distinct users of the tenant, each with its weight: a day for ranges over a week, else an hour. Product, provider and model do not apply. Whole hours and days only."
	p.sql = []string{`{:users_over_time tenant}`}
	return p
}

func tenantModels(id uint32) panel {
	p := modelTable(id)
	p.sql = []string{modelRows(false)}
	p.height = 9
	p.description = "Every model the tenant called in the range, with its makers as the catalog knows them. Percentiles are those of the last whole ${per}, of the calls that tell them."
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

func errorTypes(id uint32) panel {
	return panel{
		id: id, title: "Errors of the last hour", width: 12, height: 8, table: true,
		description: "Calls of the last hour of the range that ended in an error, by model and type of error, by weight. Read from single events, hence an hour at most.",
		kind:        rows(),
		mayBeEmpty:  "no errors in the last hour of the range",
		sql: []string{`
			SELECT
				toString({model}) AS model, if({error_type} = '', 'not told', toString({error_type})) AS "type of error",
				sum(toUInt128({calls})) AS calls, max({time}) AS "last one"
			FROM {@token_calls} WHERE {:last_hour} AND {status} = 'error'
			GROUP BY {model}, {error_type} ORDER BY calls DESC LIMIT 50`},
	}
}

func topUsers(id uint32) panel {
	return panel{
		id: id, title: "Heaviest users of the last hour", width: 12, height: 8, table: true,
		description: "The twenty users with the most tokens in the last hour of the range, by weight. A user is a keyed hash; no identifier is stored. Read from single events, hence an hour at most.",
		kind:        rows().OverrideByName("errors", unit(unitRatio, 1)),
		mayBeEmpty:  "no known users in the last hour of the range",
		sql: []string{`
			SELECT
				lower(leftPad(hex({user}), 16, '0')) AS "user hash", sum(toUInt128(e.{calls})) AS calls,
				sum(toUInt128((ifNull({input_tokens}, 0) + ifNull({output_tokens}, 0)) * {weight})) AS tokens,
				sumIf(e.{calls}, {status} = 'error') / nullIf(sum(e.{calls}), 0) AS errors, max({time}) AS "last seen"
			FROM {@token_calls} AS e WHERE {:last_hour} AND {user} != 0 GROUP BY {user} ORDER BY tokens DESC LIMIT 20`},
	}
}

func reportedCost(id uint32) panel {
	return panel{
		id: id, title: "Reported cost, a ${per}", width: 18, height: 8,
		description: "What callers or gateways reported that calls cost, in US dollars, by model, by weight: the ten that cost the most, the rest together as other. Calls that report nothing, or another currency, are in no sum." + openLeftOut,
		kind:        bars("currencyUSD").DisplayName(seriesName),
		mayBeEmpty:  "no cost was reported",
		sql: []string{topTen{
			by: "model", sum: "toFloat64(sum({reported_cost_picos})) / 1e12", from: "token_calls_?",
			where: "{:whole} AND {:chosen} AND ({reported_cost_calls} > 0 OR {reported_cost_picos} != 0)",
		}.sql()},
	}
}

func costKnown(id uint32) panel {
	return panel{
		id: id, title: "Calls with a known cost", width: 6, height: 8, table: true,
		description: "Share of the calls with a reported cost in US dollars, and of those with one in another currency, which no sum includes.",
		kind:        number(unitRatio).Decimals(1).Orientation(common.VizOrientationHorizontal),
		sql: []string{`
			SELECT
				{:per_call sum({reported_cost_calls})} AS "in USD",
				{:per_call sum({other_currency_calls})} AS "in another currency"
			FROM {:rows token_calls_? with calls, reported_cost_calls, other_currency_calls}`},
	}
}
