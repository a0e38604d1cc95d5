package boards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
)

// usage answers: how much is used, by how many, is it growing, and can I believe it?
func usage() board.Board {
	return board.Board{
		UID: "tidemark-usage", Title: "Usage overview", From: "now-6h", Refresh: "10s",
		Description: "How much people use an AI product, how many people they are, and whether use grows. Every event " +
			"counts once, with its weight. Days, hours and minutes are in UTC.",
		Variables: append(board.CommonVariables("namespace", "tenant", "product", "provider", "model", "segment", "country"),
			board.WholeVariable("token_calls"), board.WholeVariable("queries"), board.WholeVariable("signups")),
		Rows: []board.Row{
			{Title: "Now", Panels: []board.Panel{
				queryRate(3), callRate(4), signupRate(6), freshness(1), verdict(2, 4),
			}},
			{Title: "In the range", Panels: []board.Panel{
				queriesTotal(10), callsTotal(11), signupsTotal(13), activeUsers(14),
			}},
			{Title: "Over time", Panels: []board.Panel{
				queriesByProduct(20), tokensInOut(21), callsByProduct(22), usersOverTime(23), signupsBySegment(24), queriesBySegment(25),
			}},
			{Title: "Growth", Panels: []board.Panel{growth(30)}},
			{Title: "Countries, products, tenants", Panels: []board.Panel{
				countryMap(40), countryTable(41), productShare(42), segmentShare(43), tenantTable(44),
			}},
		},
	}
}

// rate is a rate in the last whole bucket. Where nothing happened in one the rate is 0, not that of
// the last bucket in which something did.
func rate(id uint32, title, what, notApplied, unit, sql string) board.Panel {
	return board.Panel{
		ID: id, Title: title, Width: 5, Height: 4,
		Description: what + " in the last whole ${resolution_name} of the range." + notApplied,
		Kind:        preset.Number(unit).Orientation(common.VizOrientationVertical),
		MayBeEmpty:  "none in a whole bucket",
		SQL:         []string{sql},
	}
}

func queryRate(id uint32) board.Panel {
	return rate(id, "Queries per second", "Requests that people made, per second,", noCallFilters, preset.Count, `
		SELECT time, sum(value) AS value
		FROM (
			SELECT {:time} AS time, sum({queries}) / {:seconds} AS value
			FROM {@queries_?} WHERE {:whole} AND {:chosen} GROUP BY time
			UNION ALL
			SELECT arrayJoin({:buckets}) AS time, 0 AS value)
		GROUP BY time ORDER BY time`)
}

func callRate(id uint32) board.Panel {
	return wide(rate(id, "Calls and tokens per second", "Calls to models, and their input and output tokens, per second,", noPeopleFilters, preset.Count, `
		SELECT time, sum(calls) AS calls, sum(tokens) AS tokens
		FROM (
			SELECT
				{:time} AS time, sum({calls}) / {:seconds} AS calls,
				sum({input_tokens} + {output_tokens}) / {:seconds} AS tokens
			FROM {@token_calls_?} WHERE {:whole} AND {:chosen} GROUP BY time
			UNION ALL
			SELECT arrayJoin({:buckets}) AS time, 0 AS calls, 0 AS tokens)
		GROUP BY time ORDER BY time`), 6)
}

func signupRate(id uint32) board.Panel {
	return rate(id, "Sign-ups per ${resolution_name}", "New accounts", noCallFilters, preset.Count, `
		SELECT time, sum(value) AS value
		FROM (
			SELECT {:time} AS time, sum({signups}) AS value
			FROM {@signups_?} WHERE {:whole} AND {:chosen} GROUP BY time
			UNION ALL
			SELECT arrayJoin({:buckets}) AS time, 0 AS value)
		GROUP BY time ORDER BY time`)
}

// The sentences about variables that do not narrow a panel down: queries and sign-ups have no model, calls have no segment.
const (
	noCallFilters   = " Provider and model do not apply."
	noPeopleFilters = " Segment and country do not apply."
)

// total sums a measure over the range.
func total(id uint32, title, what, notApplied, sql string) board.Panel {
	return board.Panel{
		ID: id, Title: title, Width: 3, Height: 4, Table: true,
		Description: what + ofRange + notApplied,
		Kind:        preset.Number(preset.Count),
		MayBeEmpty:  noneHere,
		SQL:         []string{sql + " HAVING count() > 0"},
	}
}

// noneHere stands where nothing in the range matches what is chosen.
const noneHere = "none in the range"

// ofRange is the sentence about the buckets that a total counts.
const ofRange = " in all ${resolution_name}s that begin in the range, including the one that has not " +
	"ended. If you choose a tenant and a range of at most a week, the panel counts the range exactly."

func queriesTotal(id uint32) board.Panel {
	return total(id, "Queries", "Requests that people made of a product, such as prompts and searches,", noCallFilters,
		`SELECT sum({queries}) AS total FROM {:rows queries_? with queries}`)
}

func callsTotal(id uint32) board.Panel {
	p := total(id, "Calls and tokens", "Calls to models, and their input and output tokens with cached and reasoning tokens,", noPeopleFilters, `
		SELECT sum({calls}) AS calls, sum({input_tokens} + {output_tokens}) AS tokens
		FROM {:rows token_calls_? with calls, input_tokens, output_tokens}`)
	p.Kind = preset.Number(preset.Count).Orientation(common.VizOrientationVertical)
	return wide(p, 6)
}

func signupsTotal(id uint32) board.Panel {
	return wide(total(id, "Sign-ups", "New accounts", noCallFilters,
		`SELECT sum({signups}) AS total FROM {:rows signups_? with signups}`), 4)
}

// usageFragments is SQL that this dashboard shares with that of a tenant.
func usageFragments() map[string]string {
	return map[string]string{
		// The first day that begins in the range.
		"first_whole_day": `toDate32(fromUnixTimestamp64Milli(toInt64($__from + positiveModulo(-($__from), 86400000)), 'UTC'))`,
		// The last time in the range, the day it lies in, and the first of the 24 hours that end with its hour.
		"range_end":         `least($__toTime_ms - INTERVAL 1 MILLISECOND, now64(3))`,
		"last_day_of_range": `toStartOfDay({:range_end}, 'UTC')`,
		"first_hour":        `toStartOfHour({:range_end}, 'UTC') - INTERVAL 23 HOUR`,
		// Active users of the 24 hours, the 7 and the 30 days that the range ends in: the columns day, week and month of one
		// pass over the days and the hours. The last day is taken by hours, which are published before days are, so that no
		// hour has users that its day lacks. The argument are the dimensions, in the order in which a chosen one is taken.
		"active_users": `
			SELECT sum(weight * in_day) AS day, sum(weight * in_week) AS week, sum(weight * in_month) AS month
			FROM (
				SELECT
					weight, uniqCombined64MergeIf(state, of_day) AS in_day, uniqCombined64MergeIf(state, of_week) AS in_week,
					uniqCombined64MergeIf(state, of_month) AS in_month
				FROM (
					SELECT
						{user_weight} AS weight, {users} AS state, false AS of_day,
						{bucket} >= {:last_day_of_range} - INTERVAL 6 DAY AS of_week, true AS of_month
					FROM {@audience_1d}
					WHERE {bucket} >= {:last_day_of_range} - INTERVAL 29 DAY AND {bucket} < {:last_day_of_range} AND {:users {=}}
					UNION ALL
					SELECT
						{user_weight} AS weight, {users} AS state, {bucket} >= {:first_hour} AS of_day,
						{bucket} >= {:last_day_of_range} AS of_week, {bucket} >= {:last_day_of_range} AS of_month
					FROM {@audience_1h}
					WHERE {bucket} >= least({:last_day_of_range}, {:first_hour}) AND {bucket} < $__toTime_ms AND {:users {=}})
				GROUP BY weight)
			HAVING count() > 0`,
		// Users per hour, or per day where the range asks for days, by the first dimension that is chosen.
		"users_over_time": board.AtEach("{:buckets audience_?audience_table}", "0", `
			SELECT time, sum(n) AS users
			FROM (
				SELECT {:time} AS time, {:distinct_users} AS n
				FROM {@audience_?audience_table} WHERE {:whole} AND {:users {=}} GROUP BY time, {user_weight})
			GROUP BY time`, "users"),
		// Queries of the range by a column.
		"queries_by": `
			SELECT toString({{=}}) AS {=}, sum({queries}) AS queries
			FROM {:rows queries_? with {=}, queries} AS q
			WHERE toString(q.{{=}}) != '' GROUP BY q.{{=}} ORDER BY queries DESC`,
	}
}

func activeUsers(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Active users", Width: 11, Height: 4, Table: true,
		Description: "Distinct users of queries and calls, each with its weight, in the 24 hours, the 7 days and the 30 " +
			"days (UTC) that end with the range; the last hour counts as a whole. Stickiness is users per day " +
			"divided by users per month. Of tenant, model, product, segment and country, only the first that you " +
			"choose, in this order, narrows the users down. Provider does not apply.",
		Kind: preset.Number(preset.Count).Orientation(common.VizOrientationVertical).
			OverrideByName("stickiness", preset.Unit(preset.Ratio, 1)),
		MayBeEmpty: "none in 30 days",
		SQL: []string{`
			SELECT day, week, month, if(month = 0, NULL, day / month) AS stickiness
			FROM ({:active_users tenant, model, product, segment, country})`},
	}
}

const openLeftOut = " The open ${resolution_name} is left out."

// seriesName names the lines of a chart by their label alone.
const seriesName = "${__field.labels.name}"

func queriesByProduct(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Queries by product, per ${resolution_name}", Width: 12, Height: 8,
		Description: "Requests that people made per ${resolution_name}, by product. The ten products with the most " +
			"requests have a series each; the others are one series, other." + openLeftOut + noCallFilters,
		Kind:       preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Products),
		MayBeEmpty: noneHere,
		SQL:        []string{board.TopTen{By: "product", Sum: "sum({queries})", From: "queries_?"}.SQL()},
	}
}

func queriesBySegment(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Queries by segment, per ${resolution_name}", Width: 12, Height: 8,
		Description: "Requests that people made per ${resolution_name}, by the segment of the customer." + openLeftOut + noCallFilters,
		Kind:        preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Segments),
		MayBeEmpty:  noneHere,
		SQL:         []string{board.TopTen{By: "segment", Sum: "sum({queries})", From: "queries_?"}.SQL()},
	}
}

func signupsBySegment(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Sign-ups by segment, per ${resolution_name}", Width: 12, Height: 8,
		Description: "New accounts per ${resolution_name}, by segment." + openLeftOut + noCallFilters,
		Kind:        preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Segments),
		MayBeEmpty:  noneHere,
		SQL:         []string{board.TopTen{By: "segment", Sum: "sum({signups})", From: "signups_?"}.SQL()},
	}
}

func callsByProduct(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Calls by product, per ${resolution_name}", Width: 12, Height: 8,
		Description: "Calls to models per ${resolution_name}, by the product that made them. The ten products with the " +
			"most calls have a series each; the others are one series, other." + openLeftOut + noPeopleFilters,
		Kind: preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Products),
		SQL:  []string{board.TopTen{By: "product", Sum: "sum({calls})", From: "token_calls_?"}.SQL()},
	}
}

func tokensInOut(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Tokens, per ${resolution_name}", Width: 12, Height: 8,
		Description: "Input tokens (cached ones included) and output tokens (reasoning included) per ${resolution_name}. " +
			"Calls whose tokens are unknown add nothing." + openLeftOut + noPeopleFilters,
		Kind: preset.Paint(preset.Bars(preset.Count), preset.TokenClasses),
		SQL: []string{board.AtEach("{:buckets}", "0", `
			SELECT {:time} AS time, sum({input_tokens}) AS input, sum({output_tokens}) AS output
			FROM {@token_calls_?} WHERE {:whole} AND {:chosen} GROUP BY time`, "input", "output")},
	}
}

func usersOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Active users, per hour or day", Width: 12, Height: 8,
		Description: "Distinct users of queries and calls, each with its weight: per day where the range is longer than " +
			"a week, otherwise per hour. Of tenant, model, product, segment and country, only the first that you " +
			"choose narrows the users down. Only whole hours and days are shown.",
		Kind:       preset.Lines(preset.Count).ShowPoints(common.VisibilityModeAlways),
		MayBeEmpty: "none in a whole hour of the range",
		SQL:        []string{`{:users_over_time tenant, model, product, segment, country}`},
	}
}

func growth(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Growth in the range", Width: 24, Height: 7, Table: true,
		Description: "Compares an average day at the beginning of the range with one at its end. The averages are of the " +
			"first and the last 28 whole days (UTC), or of a quarter of the days where there are fewer, of whole " +
			"weeks where there are 28 days. If data begins within the range, its first day is left out: it may " +
			"not be whole. Growth is the end divided by the beginning. in: the time between the two. to double: the time in which the average doubles, if growth is even. Growth shows - where the beginning is 0, and so does to double, also where nothing grows. " +
			"The panel needs two whole days. Provider and model narrow down " +
			"calls and tokens; segment and country narrow down queries, sign-ups and users.",
		Kind: preset.Table().OverrideByName("measure", leastWidth(105)).
			OverrideByRegexp("per day.*", append(preset.Unit(preset.Whole, 0), preset.Property("custom.minWidth", 125))).
			OverrideByName("growth", append(preset.Unit(preset.Times), preset.Property("noValue", "-"))).
			OverrideByName("in", preset.Unit(preset.Days, 1)).
			OverrideByName("to double", append(preset.Unit(preset.Days, 1), preset.Property("noValue", "-"))),
		MayBeEmpty: "needs two whole days in the range",
		SQL: []string{`
			SELECT
				measure, first AS "per day, first", last AS "per day, last", last / nullIf(first, 0) AS growth, between AS "in",
				if(first > 0 AND last > first, between * log(2) / log(last / first), NULL) AS "to double"
			FROM (
				SELECT
					measure, {:last_whole_day} AS finish, if(min(day) > {:first_whole_day}, min(day) + 1, min(day)) AS begin,
					dateDiff('day', begin, finish) + 1 AS n, least(28, intDiv(n, 4)) AS quarter,
					greatest(1, if(quarter < 7, quarter, quarter - quarter % 7)) AS w,
					arraySum((d, a) -> if(d >= begin AND d < begin + w, a, 0), groupArray(day) AS days, groupArray(amount) AS amounts) / w AS first,
					arraySum((d, a) -> if(d > finish - w AND d <= finish, a, 0), days, amounts) / w AS last,
					n - w AS between
				FROM (
					SELECT m.1 AS measure, day, m.2 AS amount
					FROM (
						SELECT toDate32({bucket}) AS day, [('Queries', toFloat64(sum({queries})))] AS all
						FROM {@queries_?day_table} WHERE {:whole_days} AND {:chosen} GROUP BY day)
					ARRAY JOIN all AS m
					UNION ALL
					SELECT m.1 AS measure, day, m.2 AS amount
					FROM (
						SELECT
							toDate32({bucket}) AS day,
							[('Calls', toFloat64(sum({calls}))), ('Tokens', toFloat64(sum({input_tokens} + {output_tokens})))] AS all
						FROM {@token_calls_?day_table} WHERE {:whole_days} AND {:chosen} GROUP BY day)
					ARRAY JOIN all AS m
					UNION ALL
					SELECT m.1 AS measure, day, m.2 AS amount
					FROM (
						SELECT toDate32({bucket}) AS day, [('Sign-ups', toFloat64(sum({signups})))] AS all
						FROM {@signups_?day_table} WHERE {:whole_days} AND {:chosen} GROUP BY day)
					ARRAY JOIN all AS m
					UNION ALL
					SELECT 'Active users' AS measure, day, toFloat64(sum(n)) AS amount
					FROM (
						SELECT toDate32({bucket}) AS day, {:distinct_users} AS n
						FROM {@audience_1d} WHERE {:whole_days} AND {:users tenant, model, product, segment, country}
						GROUP BY day, {user_weight})
					GROUP BY day)
				GROUP BY measure HAVING n >= 2)
			ORDER BY indexOf(['Queries', 'Calls', 'Tokens', 'Active users', 'Sign-ups'], measure)`},
	}
}

func countryMap(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Queries by country", Width: 16, Height: 12, Table: true,
		Description: "Requests that people made in the range, by country (ISO 3166-1). Requests without a country are " +
			"left out." + noCallFilters,
		Kind:       preset.CountryMap(preset.Count, "country", "queries"),
		MayBeEmpty: noneHere,
		SQL:        []string{`{:queries_by country}`},
	}
}

func countryTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Countries", Width: 8, Height: 12, Table: true,
		Description: "The thirty countries with the most requests in the range, and the share of each among all requests " +
			"with a country. A click shows the country alone." + noCallFilters,
		Kind: preset.Table().OverrideByName("share", append(preset.Unit(preset.Ratio, 1), preset.Property("custom.cellOptions", map[string]any{"type": "gauge", "mode": "basic"}), preset.Property("min", 0), preset.Property("max", 1))).
			OverrideByName("country", preset.Link("Only this country", "/d/tidemark-usage?"+preset.KeepRange+"&var-country=${__data.fields.country:percentencode}")),
		MayBeEmpty: noneHere,
		SQL: []string{`
			SELECT country, queries, queries / sum(queries) OVER () AS share
			FROM ({:queries_by country}) ORDER BY queries DESC LIMIT 30`},
	}
}

func productShare(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Queries by product", Width: 8, Height: 8, Table: true,
		Description: "Requests that people made in the range, by product." + noCallFilters,
		Kind:        preset.Paint(preset.Pie(preset.Count), preset.Products),
		MayBeEmpty:  noneHere,
		SQL:         []string{`{:queries_by product}`},
	}
}

func segmentShare(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Queries by segment", Width: 8, Height: 8, Table: true,
		Description: "Requests that people made in the range, by the segment of the customer." + noCallFilters,
		Kind:        preset.Paint(preset.Pie(preset.Count), preset.Segments),
		MayBeEmpty:  noneHere,
		SQL:         []string{`{:queries_by segment}`},
	}
}

func tenantTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Largest tenants", Width: 8, Height: 8, Table: true,
		Description: "The twenty tenants with the most tokens. Ranges up to an hour, and up to a week for a chosen " +
			"tenant, count exactly; longer ranges count the hours or days that begin in them. Errors are the " +
			"share of calls that failed: orange from 5 %, red from 20 %. A click opens the dashboard of the " +
			"tenant." + noPeopleFilters,
		Kind: preset.Table().
			OverrideByName("tenant", preset.Link("This tenant", "/d/tidemark-tenant?"+preset.KeepRange+"&var-tenant=${__data.fields.tenant:percentencode}")).
			OverrideByName("calls", preset.Width(62)).OverrideByName("errors", preset.Width(56)).OverrideByName("tokens", preset.Width(104)).
			OverrideByName("errors", append(preset.Unit(preset.Ratio, 1), preset.Property("thresholds", preset.ThresholdsProperty("text", 0.05, preset.Warning, 0.2, preset.Bad)), preset.Property("custom.cellOptions", map[string]any{"type": "color-text"}))),
		SQL: []string{`
			SELECT tenant, c AS calls, t AS tokens, e / nullIf(c, 0) AS errors
			FROM (
				SELECT
					toString({tenant}) AS tenant, sum({calls}) AS c, sum({input_tokens} + {output_tokens}) AS t,
					sumIf({calls}, {status} = 'error') AS e
				FROM {:rows token_calls_?tenant_table with tenant, calls, input_tokens, output_tokens, status} GROUP BY {tenant})
			ORDER BY tokens DESC LIMIT 20`},
	}
}
