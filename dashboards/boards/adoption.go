package boards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
	"tidemark/schemas"
)

// adoption compares reported figures on the spread of AI with figures measured from replayed scenarios. Tenants are the
// scenarios' ids; see tidemark scenarios list. Its charts are those of scenarios that begin in 2020 or later: all charts of a
// dashboard have one range, and in decades they would be a few pixels wide.
func adoption() board.Board {
	return board.Board{
		UID: "tidemark-adoption", Title: "Adoption trends", From: "2020-01-01T00:00:00.000Z", To: "2025-12-31T23:59:59.000Z", Refresh: "",
		Description: "Reported figures on the spread of AI, the same figures measured from stored events, and their " +
			"sources. The events are replayed scenarios (tidemark replay scenario:NAME). Figures that are " +
			"illustrative or unconfirmed are marked. Adoption since 1990 has the charts that go further back. Days are in UTC.",
		History: true, Namespace: "scenarios", Variables: scenarioVariables(),
		Rows: []board.Row{
			{Title: "Reported beside measured", Panels: []board.Panel{figures(1)}},
			{Title: "Speed", Panels: []board.Panel{wide(weeklyUsers(11), 24)}},
			{Title: "Open and closed weights, and the Qwen family", Panels: []board.Panel{openReleases(20), releasesByWeights(21), familyDownloads(22), familyModels(23)}},
			{Title: "Illustrative: the paths are invented, not measured", Panels: []board.Panel{wide(segmentSignups(31), 24)}},
		},
	}
}

// sinceNineties has the charts of the scenarios that go back to the last century, and of training compute.
func sinceNineties() board.Board {
	return board.Board{
		UID: "tidemark-since-1990", Title: "Adoption since 1990", From: "1990-01-01T00:00:00.000Z", To: "2025-12-31T23:59:59.000Z", Refresh: "",
		Description: "How fast AI spreads, beside what spread before it: searches, users of the Internet, training compute and patents. The " +
			"events are replayed scenarios (tidemark replay scenario:NAME). Adoption trends has the figures, and the charts that " +
			"begin in 2020 or later. Days are in UTC.",
		History: true, Namespace: "scenarios", Variables: scenarioVariables(),
		Rows: []board.Row{
			{Title: "Speed", Panels: []board.Panel{searchRace(10), internetOutside(12), wide(trainingCompute(13), 24)}},
			{Title: "Illustrative: the path is invented, not measured", Panels: []board.Panel{wide(patents(30), 24)}},
		},
	}
}

// scenarioVariables are those of dashboards over scenarios, which have a namespace of their own.
func scenarioVariables() []board.Variable {
	return []board.Variable{board.NamespaceVariable("scenarios", "Namespace of scenarios", "tidemark_scenarios")}
}

// spreadFragments is SQL on the users of products, over scenarios.
func spreadFragments() map[string]string {
	return map[string]string{
		// The mean of 28 days times 365, by day. A day without searches is one of them.
		"run_rate": `
			SELECT
				product, day,
				sum(asked) OVER (PARTITION BY product ORDER BY toInt32(day) RANGE BETWEEN 27 PRECEDING AND CURRENT ROW) / 28 * 365 AS rate
			FROM (
				SELECT toString({product}) AS product, toDate32({bucket}) AS day, sum({queries}) AS asked
				FROM {@queries_1d} WHERE {tenant} = 'search-race' GROUP BY {product}, day)`,
		// The years that a product took to 365 billion searches a year.
		"years_to_milestone": `(
			SELECT dateDiff('day', min(day), minOrNullIf(day, rate >= 365e9)) / 365.25
			FROM ({:run_rate}) WHERE product = '{=}')`,
		// The users of the week that begins on a date.
		"users_in_week": `(
			SELECT sum(n)
			FROM (
				SELECT {:distinct_users} AS n FROM {@audience_1d}
				WHERE {dimension} = 'tenant' AND {value} = 'users-8x' AND {bucket} >= '{=}' AND {bucket} < toDate('{=}') + 7
				GROUP BY {user_weight}))`,
		// The share of users outside North America by year, reported country by country.
		"internet_outside": `
			SELECT toYear({time}) AS year, sumIf({value}, {entity} NOT IN ('US', 'CA')) / sum({value}) AS share
			FROM {@reference_points} WHERE {tenant} = 'everywhere-at-once' AND {metric} = 'internet_users' GROUP BY year`,
		// The same of ChatGPT by week, measured.
		"chatgpt_outside": `
			SELECT
				toMonday(toDate32({bucket})) AS week,
				sumIf({queries}, {country} NOT IN ('US', 'CA')) / sum({queries}) AS share
			FROM {@queries_1d} WHERE {tenant} = 'everywhere-at-once' AND {bucket} >= '2023-02-06' GROUP BY week`,
		// The smallest of the growths of the four segments' sign-ups.
		"least_growth": `(
			SELECT min(times)
			FROM (
				SELECT sumIf({signups}, {bucket} >= '2025-05-25') / sumIf({signups}, {bucket} < '2023-01-09') AS times
				FROM {@signups_1d} WHERE {tenant} = 'segments' GROUP BY {segment}))`,
		// True for a point or a day in the range.
		"at_in_range":  `{time} >= $__fromTime_ms AND {time} < $__toTime_ms`,
		"day_in_range": `toDateTime64(day, 3, 'UTC') >= $__fromTime_ms AND toDateTime64(day, 3, 'UTC') < $__toTime_ms`,
	}
}

// makerFragments is SQL on models and those who make them, over scenarios.
func makerFragments() map[string]string {
	return map[string]string{
		// The line through the logarithms of training compute.
		"compute_fit": `
			SELECT simpleLinearRegression(toUnixTimestamp64Micro({time}) / 86400e6 / 365.25, log10({value})) AS fit
			FROM {@reference_points} WHERE {tenant} = 'compute' AND {metric} = 'training_compute'`,
		// The models whose weights a source calls open.
		"open_models": `(
			SELECT {entity} FROM {@reference_points}
			WHERE {tenant} = 'open-closed' AND {metric} = 'open_weights' AND {value} = 1)`,
		// Events of the Qwen family: releases, downloads, derivatives.
		"qwen_release":    `{kind} = 'release' AND startsWith({model}, 'qwen-open-model')`,
		"qwen_download":   `{kind} = 'download' AND {organization} = 'Qwen'`,
		"qwen_derivative": `{kind} = 'derivative' AND {model} = 'qwen-derivative'`,
		// Their number up to the end of April 2025.
		"qwen_total": `(SELECT sum({events}) FROM {@model_events_1d} WHERE {bucket} < '2025-05-01' AND {=})`,
		// Their running total by day.
		"qwen_over_time": `
			FROM (
				SELECT toDate32({bucket}) AS day, sum({events}) AS n
				FROM {@model_events_1d} WHERE {bucket} < $__toTime_ms AND {=} GROUP BY day)
			ORDER BY time`,
		// Releases by year. A model of several countries has an event of each and is one model.
		"releases": `
			FROM {@model_events_1d}
			WHERE {:range} AND {kind} = 'release' AND NOT startsWith({model}, 'qwen-open-model') AND {model} IN {=}
			GROUP BY time, name ORDER BY time, name`,
	}
}

// fieldName names a line by its column alone, also where a panel has several queries.
const fieldName = "${__field.name}"

// logarithmic is a chart whose axis counts in powers of ten.
func logarithmic(unit string) *timeseries.PanelBuilder {
	return preset.Lines(unit).DisplayName(fieldName).FillOpacity(0).ScaleDistribution(common.NewScaleDistributionConfigBuilder().Type(common.ScaleDistributionLog).Log(10))
}

// asLimit draws a value that others are compared with, as a dashed line.
func asLimit() preset.Overrides {
	return append(preset.SeriesColor(preset.Ink), preset.Property("custom.fillOpacity", 0), preset.Property("custom.lineStyle", map[string]any{"fill": "dash", "dash": []int{10, 10}}))
}

// asPoints draws what was reported as points, not as a line.
func asPoints(b *timeseries.PanelBuilder, query string) *timeseries.PanelBuilder {
	return b.OverrideByQuery(query, preset.Overrides{preset.Property("custom.drawStyle", "points"), preset.Property("custom.pointSize", 10)})
}

// reportedSeries is a reported series within the range, as a line of its own.
type reportedSeries struct{ line, scenario, entity, metric string }

func (r reportedSeries) SQL() string {
	return board.Fill(`
		SELECT {time} AS time, toFloat64({value}) AS "{=line}" FROM {@reference_points}
		WHERE {tenant} = '{=scenario}' AND {entity} = '{=entity}' AND {metric} = '{=metric}' AND {:at_in_range}
		ORDER BY time`,
		map[string]string{"line": r.line, "scenario": r.scenario, "entity": r.entity, "metric": r.metric})
}

func searchRace(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Searches per year, and the milestone", Width: 12, Height: 9,
		Description: "Searches per year of each product at the first day of each month: the mean of 28 days times 365. " +
			"The line is the reported milestone of 365 billion per year, one ChatGPT-year. We interpolated " +
			"between launch and milestone. Scenario search-race.",
		Kind: preset.Paint(logarithmic(preset.Count).Min(1e6).DisplayName(seriesName), preset.Adopters).
			OverrideByQuery("B", append(asLimit(), preset.Property("displayName", "365 billion"))),
		MayBeEmpty: notReplayed("search-race"),
		SQL: []string{
			`SELECT toDateTime64(day, 3, 'UTC') AS time, transform(product, ['chatgpt', 'google'], ['ChatGPT', 'Google'], product) AS name, rate AS value
			FROM ({:run_rate}) WHERE toDayOfMonth(day) = 1 AND {:day_in_range} ORDER BY time, name`,
			`SELECT
				arrayJoin([
					toDateTime64(greatest($__fromTime_ms, toDateTime64('1998-09-04 00:00:00', 3, 'UTC')), 3, 'UTC'), $__toTime_ms]) AS time,
				365e9 AS value
			WHERE (SELECT count() FROM {@queries_1d} WHERE {tenant} = 'search-race') > 0 ORDER BY time`,
		},
	}
}

func weeklyUsers(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Weekly users of ChatGPT", Width: 12, Height: 9,
		Description: "Distinct users per week (from Monday, UTC), each with its weight: the line is measured; the points " +
			"are statements of the company, and the report's 800 million of April 2025. The two sources " +
			"disagree, so both are shown. Scenario users-8x.",
		Kind:       preset.Paint(asPoints(asPoints(preset.Lines(preset.Count).DisplayName(fieldName), "B"), "C"), preset.Claims),
		MayBeEmpty: notReplayed("users-8x"),
		SQL: []string{
			`SELECT toDateTime64(week, 3, 'UTC') AS time, sum(n) AS measured
			FROM (
				SELECT toMonday(toDate32({bucket})) AS week, {:distinct_users} AS n
				FROM {@audience_1d} WHERE {dimension} = 'tenant' AND {value} = 'users-8x' AND {:range} GROUP BY week, {user_weight})
			WHERE toDateTime64(week, 3, 'UTC') >= $__fromTime_ms AND toDateTime64(week + 7, 3, 'UTC') <= $__toTime_ms
			GROUP BY time ORDER BY time`,
			reportedSeries{"company's statements", "users-8x", "chatgpt", "weekly_active_users"}.SQL(),
			reportedSeries{"report", "users-8x", "chatgpt", "weekly_active_users_bond"}.SQL(),
		},
	}
}

func internetOutside(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Users outside North America, and the line of 90 %", Width: 12, Height: 9,
		Description: "Share of the users outside the United States and Canada. Internet: per year, from reported users " +
			"by country. ChatGPT: per week, from stored events; only the shares of April 2025 are reported. The " +
			"dashed line is 90 %. Scenario everywhere-at-once.",
		Kind:       preset.Paint(preset.Lines(preset.Ratio).DisplayName(fieldName).FillOpacity(0).Min(0).Max(1), preset.Adopters).OverrideByQuery("C", asLimit()),
		MayBeEmpty: notReplayed("everywhere-at-once"),
		SQL: []string{
			`SELECT toDateTime64(makeDate32(year, 1, 1), 3, 'UTC') AS time, share AS Internet
			FROM ({:internet_outside}) WHERE time >= $__fromTime_ms AND time < $__toTime_ms ORDER BY time`,
			`SELECT toDateTime64(week, 3, 'UTC') AS time, share AS ChatGPT
			FROM ({:chatgpt_outside}) WHERE time >= $__fromTime_ms AND time < $__toTime_ms ORDER BY time`,
			`SELECT arrayJoin([$__fromTime_ms, $__toTime_ms]) AS time, 0.9 AS "90 %"
			WHERE (SELECT count() FROM {@reference_points} WHERE {tenant} = 'everywhere-at-once') > 0 ORDER BY time`,
		},
	}
}

func trainingCompute(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Training compute of notable models", Width: 12, Height: 9,
		Description: "Floating-point operations used to train each notable model since 2010 (Epoch AI), and the line " +
			"through their logarithms; its slope is the growth per year. Scenario compute.",
		Kind:       preset.Paint(asPoints(logarithmic("sci").Decimals(0).AxisLabel("floating-point operations"), "A"), preset.Claims).OverrideByQuery("A", preset.Overrides{preset.Property("custom.pointSize", 5)}),
		MayBeEmpty: notReplayed("compute"),
		SQL: []string{
			`SELECT {time} AS time, {value} AS models FROM {@reference_points}
			WHERE {tenant} = 'compute' AND {metric} = 'training_compute' AND {:at_in_range} ORDER BY time`,
			`SELECT at AS time, pow(10, fit.1 * toUnixTimestamp64Milli(at) / 86400e3 / 365.25 + fit.2) AS "fitted line"
			FROM (
				SELECT
					arrayJoin([
						toDateTime64('2010-01-01 00:00:00', 3, 'UTC'), toDateTime64('2025-03-01 00:00:00', 3, 'UTC')]) AS at,
					({:compute_fit}) AS fit)
			WHERE isFinite(fit.1) ORDER BY time`,
		},
	}
}

// makers are the countries that have a color, as literals.
func makers() string {
	var codes []string
	for _, swatch := range preset.Countries {
		if swatch.Color != preset.Rest {
			codes = append(codes, swatch.Names...)
		}
	}
	return schemas.QuoteAll(codes)
}

func openReleases(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Open weights per year, by the maker's country", Width: 12, Height: 9,
		Description: "Models with open weights, by year of release and country of the organization (ISO 3166-1). A model " +
			"of several countries counts in each. Countries with few models are together. The data ends in June 2025. Scenario open-closed.",
		Kind:       preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Countries),
		MayBeEmpty: notReplayed("open-closed"),
		SQL: []string{board.Fill(`
			SELECT
				toDateTime64(toStartOfYear({bucket}), 3, 'UTC') AS time, if({country} IN ({=makers}), toString({country}), 'other or unknown') AS name,
				uniqExact({model}) AS value
			{:releases {:open_models}}`, map[string]string{"makers": makers()})},
	}
}

func releasesByWeights(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Releases per year, open and closed", Width: 12, Height: 9,
		Description: "Models by year of release: those with open weights, and the others of the same sources. The data " +
			"ends in June 2025. Scenario open-closed.",
		Kind:       preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Weights),
		MayBeEmpty: notReplayed("open-closed"),
		SQL: []string{`
			SELECT
				toDateTime64(toStartOfYear({bucket}), 3, 'UTC') AS time,
				if({model} IN {:open_models}, 'open', 'closed or unknown') AS name, uniqExact({model}) AS value
			{:releases (
				SELECT {entity} FROM {@reference_points} WHERE {tenant} = 'open-closed' AND {metric} = 'open_weights')}`},
	}
}

func familyDownloads(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Qwen family: downloads", Width: 12, Height: 9,
		Description: "Downloads of the family so far: the line is measured; the points are reported figures with dates. " +
			"The reports count different platforms and are not one consistent series; we interpolated between " +
			"them. Scenario qwen-family.",
		Kind:       preset.Paint(asPoints(logarithmic(preset.Count), "B"), preset.Claims),
		MayBeEmpty: notReplayed("qwen-family"),
		SQL: []string{
			`SELECT toDateTime64(day, 3, 'UTC') AS time, toFloat64(sum(n) OVER (ORDER BY day)) AS "measured"
			{:qwen_over_time {:qwen_download}}`,
			reportedSeries{"reported", "qwen-family", "qwen", "qwen_cumulative_downloads"}.SQL(),
		},
	}
}

func familyModels(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Qwen family: models and derivatives", Width: 12, Height: 9,
		Description: "Open models and derivatives of the family so far: the lines are measured; the points are reported " +
			"figures with dates. We interpolated between them. Scenario qwen-family.",
		Kind:       preset.Paint(asPoints(asPoints(logarithmic(preset.Count), "C"), "D"), preset.Family),
		MayBeEmpty: notReplayed("qwen-family"),
		SQL: []string{
			`SELECT toDateTime64(day, 3, 'UTC') AS time, toFloat64(sum(n) OVER (ORDER BY day)) AS "models"
			{:qwen_over_time {:qwen_release}}`,
			`SELECT toDateTime64(day, 3, 'UTC') AS time, toFloat64(sum(n) OVER (ORDER BY day)) AS "derivatives"
			{:qwen_over_time {:qwen_derivative}}`,
			reportedSeries{"models, reported", "qwen-family", "qwen", "qwen_open_models"}.SQL(),
			reportedSeries{"derivatives, reported", "qwen-family", "qwen", "qwen_derivative_models"}.SQL(),
		},
	}
}

func patents(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Computing patents granted in the US (invented)", Width: 12, Height: 9,
		Description: "Invented numbers: no public yearly series was found. Only the order of growth of the eras is " +
			"reported (after 2022, 1995 to 2003, 2004 to 2021). Scenario patents.",
		Kind:       preset.Lines(preset.Count),
		MayBeEmpty: notReplayed("patents"),
		SQL: []string{`
			SELECT {time} AS time, {value} AS patents FROM {@reference_points}
			WHERE {tenant} = 'patents' AND {metric} = 'computing_patents_granted' AND {:at_in_range} ORDER BY time`},
	}
}

func segmentSignups(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Sign-ups per week, by segment", Width: 12, Height: 9,
		Description: "New accounts per week (from Monday, UTC), by segment. Only the growth of all four segments is " +
			"reported; the curves are invented. Scenario segments.",
		Kind:       preset.Paint(logarithmic(preset.Count).DisplayName(seriesName), preset.Segments),
		MayBeEmpty: notReplayed("segments"),
		SQL: []string{`
			SELECT
				toDateTime64(toMonday(toDate32({bucket})), 3, 'UTC') AS time, toString({segment}) AS name, sum({signups}) AS value
			FROM {@signups_1d} WHERE {tenant} = 'segments' AND {:range}
			GROUP BY time, name HAVING uniqExact({bucket}) = 7 ORDER BY time, name`},
	}
}
