package dashboards

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// adoption puts what was reported about the spread of AI beside what is measured from replayed scenarios. Tenants are the
// scenarios' ids; see tidemark scenarios list.
func adoption() board {
	return board{
		uid: "tidemark-adoption", title: "Adoption trends", from: "1990-01-01T00:00:00.000Z", to: "2025-12-31T23:59:59.000Z", refresh: "",
		description: "Reported figures on the spread of AI beside the same figures measured from stored events, with their sources. The events are replayed scenarios: tidemark replay scenario:NAME. What is illustrative or unconfirmed says so. Days are UTC.",
		history:     true, namespace: "scenarios", variables: scenarioVariables(),
		rows: []row{
			{title: "Reported beside measured", panels: []panel{figures(1)}},
			{title: "How fast", panels: []panel{searchRace(10), weeklyUsers(11), internetOutside(12), trainingCompute(13)}},
			{title: "Open and closed, and one family", panels: []panel{openReleases(20), releasesByWeights(21), familyDownloads(22), familyModels(23)}},
			{title: "Illustrative: the paths are chosen, not measured", panels: []panel{patents(30), segmentSignups(31)}},
		},
	}
}

// scenarioVariables are those of dashboards over scenarios, which have a namespace of their own.
func scenarioVariables() []variable {
	v := namespaceVariable()
	v.name, v.label, v.fallback = "scenarios", "Namespace of scenarios", "tidemark_scenarios"
	v.sql = strings.Replace(v.sql, "database = 'tidemark'", "database = 'tidemark_scenarios'", 1)
	return []variable{v}
}

// figure is one reported figure and how it is measured.
type figure struct {
	name, unit       string
	scenario         string // The tenant.
	entity, metric   string // Of the reference point that was reported.
	standing         string // checked, illustrative or unconfirmed.
	measured         string // A scalar, with names in braces.
	reportedConstant string // Where the report has it in words alone.
}

const (
	// runRate is the mean of 28 days times 365, by day.
	runRate = "SELECT product, day, sum(asked) OVER (PARTITION BY product ORDER BY day ROWS BETWEEN 27 PRECEDING AND CURRENT ROW) / 28 * 365 AS rate FROM " +
		"(SELECT toString({product}) AS product, toDate32({bucket}) AS day, sum({queries}) AS asked FROM {@queries_1d} WHERE {tenant} = 'search-race' GROUP BY {product}, day)"
	took = "(SELECT dateDiff('day', min(day), minOrNullIf(day, rate >= 365e9)) / 365.25 FROM (" + runRate + ") WHERE product = '%s')"

	weekOf = "(SELECT sum(n) FROM (SELECT " + usersByWeight + " AS n FROM {@audience_1d} WHERE {dimension} = 'tenant' AND {value} = 'users-8x' AND {bucket} >= '%s' AND {bucket} < toDate('%s') + 7 GROUP BY {user_weight}))"

	// outside is the share of users outside North America by year, reported country by country.
	outside = "SELECT toYear({time}) AS year, sumIf({value}, {entity} NOT IN ('US', 'CA')) / sum({value}) AS share FROM {@reference_points} WHERE {tenant} = 'everywhere-at-once' AND {metric} = 'internet_users' GROUP BY year"

	outsideWeekly = "SELECT toMonday(toDate32({bucket})) AS week, sumIf({queries}, {country} NOT IN ('US', 'CA')) / sum({queries}) AS share FROM {@queries_1d} WHERE {tenant} = 'everywhere-at-once' AND {bucket} >= '2023-02-06' GROUP BY week"

	computeFit = "SELECT simpleLinearRegression(toUnixTimestamp64Micro({time}) / 86400e6 / 365.25, log10({value})) AS fit FROM {@reference_points} WHERE {tenant} = 'compute' AND {metric} = 'training_compute'"

	// openModels are those whose weights a source calls open.
	openModels = "(SELECT {entity} FROM {@reference_points} WHERE {tenant} = 'open-closed' AND {metric} = 'open_weights' AND {value} = 1)"
)

// familyTotal sums the events of the Qwen family up to the end of April 2025.
func familyTotal(condition string) string {
	return "(SELECT sum({events}) FROM {@model_events_1d} WHERE {bucket} < '2025-05-01' AND " + condition + ")"
}

// Of the events of the family.
const (
	familyRelease    = "{kind} = 'release' AND startsWith({model}, 'qwen-open-model')"
	familyDownload   = "{kind} = 'download' AND {organization} = 'Qwen'"
	familyDerivative = "{kind} = 'derivative' AND {model} = 'qwen-derivative'"
)

const (
	checked      = "checked"
	illustrative = "illustrative"
	unconfirmed  = "unconfirmed"
)

// segmentGrowth is the smallest of the growths of the four segments' sign-ups.
const segmentGrowth = "(SELECT min(times) FROM (SELECT sumIf({signups}, {bucket} >= '2025-05-25') / sumIf({signups}, {bucket} < '2023-01-09') AS times FROM {@signups_1d} WHERE {tenant} = 'segments' GROUP BY {segment}))"

func reportedFigures() []figure {
	return []figure{
		{"Years to 365 billion searches a year, ChatGPT", "years", "search-race", "chatgpt", "years_to_365bn_searches", checked, fmt.Sprintf(took, "chatgpt"), ""},
		{"Years to 365 billion searches a year, Google", "years", "search-race", "google", "years_to_365bn_searches", checked, fmt.Sprintf(took, "google"), ""},
		{"ChatGPT against Google", "times as fast", "search-race", "chatgpt", "times_as_fast_as_google", checked, fmt.Sprintf(took, "google") + " / " + fmt.Sprintf(took, "chatgpt"), ""},
		{"Weekly users of ChatGPT, Nov 2023 to Apr 2025", "times", "users-8x", "chatgpt", "growth_multiple", checked, fmt.Sprintf(weekOf, "2025-04-07", "2025-04-07") + " / " + fmt.Sprintf(weekOf, "2023-11-06", "2023-11-06"), ""},
		{"Internet: years to 90 % of users outside North America", "years", "everywhere-at-once", "internet", "years_to_90pct_outside_north_america", checked,
			"(SELECT min(year + (0.9 - share) / (next - share)) - 1990 FROM (SELECT year, share, leadInFrame(share) OVER (ORDER BY year ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS next FROM (" + outside + ")) WHERE share < 0.9 AND next >= 0.9)", ""},
		{"ChatGPT: years to 90 % of users outside North America", "years", "everywhere-at-once", "chatgpt", "years_to_90pct_outside_north_america", illustrative,
			"(SELECT dateDiff('day', toDate32('2022-11-30'), minOrNullIf(week, share >= 0.9)) / 365.25 FROM (" + outsideWeekly + "))", ""},
		{"Training compute of notable models since 2010", "% a year", "compute", "notable models", "training_compute_growth", checked, "(SELECT (pow(10, fit.1) - 1) * 100 FROM (" + computeFit + "))", ""},
		{"Qwen family: open models by April 2025", "models, at least", "qwen-family", "qwen", "qwen_open_models", checked, familyTotal(familyRelease), ""},
		{"Qwen family: downloads by April 2025", "downloads, at least", "qwen-family", "qwen", "qwen_cumulative_downloads", checked, familyTotal(familyDownload), ""},
		{"Qwen family: derivatives by April 2025", "models, at least", "qwen-family", "qwen", "qwen_derivative_models", checked, familyTotal(familyDerivative), ""},
		{"GLM-Z1: new accounts on the day of the launch", "accounts, at least", "launch-day", "glm-z1", "launch_day_new_accounts", unconfirmed, "(SELECT sum({signups}) FROM {@signups_1d} WHERE {tenant} = 'launch-day' AND {bucket} = '2025-04-14')", ""},
		{"GLM-Z1: tokens that day against the day before", "%, at least", "launch-day", "glm-z1", "launch_day_token_growth", unconfirmed,
			"(SELECT 100 * (sumIf({input_tokens} + {output_tokens}, {bucket} = '2025-04-14') / sumIf({input_tokens} + {output_tokens}, {bucket} = '2025-04-13') - 1) FROM {@token_calls_1d} WHERE {tenant} = 'launch-day')", ""},
		{"Sign-ups grow in all four segments: the least growth", "times, more than", "segments", "", "", illustrative, segmentGrowth, "1"},
	}
}

// reported reads the reference point of a figure: at the end of April 2025 where it is a series.
func (f figure) reported(column string) string {
	return fmt.Sprintf("(SELECT argMax(%s, {time}) FROM {@reference_points} WHERE {tenant} = '%s' AND {entity} = '%s' AND {metric} = '%s' AND {time} < '2025-06-01')", column, f.scenario, f.entity, f.metric)
}

func figures(id uint32) panel {
	var parts []string
	for i, f := range reportedFigures() {
		reported, source := f.reported("{value}"), f.reported("concat({citation}, ' (confidence ', {confidence}, ')')")
		if f.reportedConstant != "" {
			reported, source = f.reportedConstant, "'the report says that all four grow; the curves are chosen'"
		}
		parts = append(parts, fmt.Sprintf("SELECT %d AS n, '%s' AS figure, toFloat64OrNull(toString(%s)) AS reported, toFloat64OrNull(toString(%s)) AS measured, '%s' AS unit, '%s' AS standing, toString(%s) AS source, '%s' AS scenario",
			i, f.name, reported, f.measured, f.unit, f.standing, source, f.scenario))
	}
	return panel{
		id: id, title: "Figures", width: 24, height: 15, table: true,
		description: "Each figure as it was reported, and as measured from stored events by the formula of the scenario's expectations. checked: a public figure or series stands behind it. illustrative: the path between the reported ends is ours. unconfirmed: no public page has the figure. Verdicts and tolerances: tidemark scenarios check --all.",
		kind: rows().Unit(unitCount).Decimals(2).
			OverrideByName("figure", width(420)).OverrideByName("unit", width(150)).OverrideByName("scenario", width(150)).OverrideByName("source", width(520)).
			OverrideByName("standing", append(width(110), set("mappings", words(checked, good, illustrative, neutral, unconfirmed, warning)), set("custom.cellOptions", map[string]any{"type": "color-text"}))),
		sql: []string{"SELECT figure, reported, measured, unit, standing, source, scenario FROM (" + strings.Join(parts, " UNION ALL ") + ") ORDER BY n"},
	}
}

// fieldName names a line by its column alone, also where a panel has several queries.
const fieldName = "${__field.name}"

// logarithmic is a chart whose axis counts in powers of ten.
func logarithmic(unit string) *timeseries.PanelBuilder {
	return lines(unit).DisplayName(fieldName).FillOpacity(0).ScaleDistribution(common.NewScaleDistributionConfigBuilder().Type(common.ScaleDistributionLog).Log(10))
}

// asPoints draws what was reported as points, not as a line.
func asPoints(b *timeseries.PanelBuilder, query string) *timeseries.PanelBuilder {
	return b.OverrideByQuery(query, append(paint("red"), set("custom.drawStyle", "points"), set("custom.pointSize", 10)))
}

// points reads a reported series within the range.
func points(name, scenario, entity, metric string) string {
	return fmt.Sprintf("SELECT {time} AS time, toFloat64({value}) AS `%s` FROM {@reference_points} WHERE {tenant} = '%s' AND {entity} = '%s' AND {metric} = '%s' AND {time} >= $__fromTime_ms AND {time} < $__toTime_ms ORDER BY time", name, scenario, entity, metric)
}

// inDays keeps a series of dates within the range.
const inDays = "toDateTime64(day, 3, 'UTC') >= $__fromTime_ms AND toDateTime64(day, 3, 'UTC') < $__toTime_ms"

func searchRace(id uint32) panel {
	return panel{
		id: id, title: "Searches a year, and the milestone", width: 12, height: 9,
		description: "Run rate of each product: the mean of 28 days times 365, at the first day of each month. The line is the reported milestone of 365 billion a year, one ChatGPT-year. The paths between launch and milestone are illustrative. Scenario search-race.",
		kind: logarithmic(unitCount).Min(1e6).DisplayName(seriesName).
			OverrideByQuery("B", append(paint("red"), set("displayName", "365 billion"), set("custom.lineStyle", map[string]any{"fill": "dash", "dash": []int{10, 10}}))),
		sql: []string{
			"SELECT toDateTime64(day, 3, 'UTC') AS time, product AS name, rate AS value FROM (" + runRate + ") WHERE toDayOfMonth(day) = 1 AND " + inDays + " ORDER BY time, name",
			"SELECT arrayJoin([toDateTime64(greatest($__fromTime_ms, toDateTime64('1998-09-04 00:00:00', 3, 'UTC')), 3, 'UTC'), $__toTime_ms]) AS time, 365e9 AS value ORDER BY time",
		},
	}
}

func weeklyUsers(id uint32) panel {
	return panel{
		id: id, title: "Weekly users of ChatGPT", width: 12, height: 9,
		description: "Distinct users a week (from Monday, UTC), each with its weight, measured; the company's own statements, and the report's 800 million of April 2025, as points. The two disagree, and both are shown. Scenario users-8x.",
		kind:        asPoints(asPoints(lines(unitCount).DisplayName(fieldName), "B"), "C").OverrideByQuery("C", paint(warning)),
		sql: []string{
			"SELECT toDateTime64(week, 3, 'UTC') AS time, sum(n) AS measured FROM (SELECT toMonday(toDate32({bucket})) AS week, " + usersByWeight + " AS n FROM {@audience_1d} WHERE {dimension} = 'tenant' AND {value} = 'users-8x' AND " + inRange + " GROUP BY week, {user_weight}) WHERE toDateTime64(week, 3, 'UTC') >= $__fromTime_ms AND toDateTime64(week + 7, 3, 'UTC') <= $__toTime_ms GROUP BY time ORDER BY time",
			points("company's statements", "users-8x", "chatgpt", "weekly_active_users"),
			points("report", "users-8x", "chatgpt", "weekly_active_users_bond"),
		},
	}
}

func internetOutside(id uint32) panel {
	return panel{
		id: id, title: "Users outside North America", width: 12, height: 9,
		description: "Share of users outside the United States and Canada: of the Internet by year, from reported users by country; of ChatGPT by week, from stored events, illustrative but for the shares of April 2025. The line is 90 %. Scenario everywhere-at-once.",
		kind:        lines(unitRatio).DisplayName(fieldName).FillOpacity(0).Min(0).Max(1).Thresholds(steps("transparent", 0.9, "red")).ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeLine)),
		sql: []string{
			"SELECT toDateTime64(makeDate32(year, 1, 1), 3, 'UTC') AS time, share AS Internet FROM (" + outside + ") WHERE time >= $__fromTime_ms AND time < $__toTime_ms ORDER BY time",
			"SELECT toDateTime64(week, 3, 'UTC') AS time, share AS ChatGPT FROM (" + outsideWeekly + ") WHERE time >= $__fromTime_ms AND time < $__toTime_ms ORDER BY time",
		},
	}
}

func trainingCompute(id uint32) panel {
	return panel{
		id: id, title: "Training compute of notable models", width: 12, height: 9,
		description: "Floating point operations of the training of each notable model since 2010 (Epoch AI), and the line fitted to their logarithms, whose slope is the growth a year. Scenario compute.",
		kind:        asPoints(logarithmic("sci").Decimals(0), "A").OverrideByQuery("A", []dynamic{set("custom.pointSize", 5), set("color", map[string]any{"mode": "fixed", "fixedColor": neutral})}),
		sql: []string{
			"SELECT {time} AS time, {value} AS models FROM {@reference_points} WHERE {tenant} = 'compute' AND {metric} = 'training_compute' AND {time} >= $__fromTime_ms AND {time} < $__toTime_ms ORDER BY time",
			"SELECT at AS time, pow(10, fit.1 * toUnixTimestamp64Milli(at) / 86400e3 / 365.25 + fit.2) AS `fitted line` FROM (SELECT arrayJoin([toDateTime64('2010-01-01 00:00:00', 3, 'UTC'), toDateTime64('2025-03-01 00:00:00', 3, 'UTC')]) AS at, (" + computeFit + ") AS fit) ORDER BY time",
		},
	}
}

// releasesOf counts models by year of release. One of several countries has an event of each and is one model.
func releasesOf(name, condition string) string {
	return "SELECT toDateTime64(toStartOfYear({bucket}), 3, 'UTC') AS time, " + name + " AS name, uniqExact({model}) AS value FROM {@model_events_1d} WHERE " + inRange +
		" AND {kind} = 'release' AND NOT startsWith({model}, 'qwen-open-model') AND " + condition + " GROUP BY time, name ORDER BY time, name"
}

func openReleases(id uint32) panel {
	return panel{
		id: id, title: "Releases with open weights a year, by the makers' country", width: 12, height: 9,
		description: "Models with open weights by year of release and country of the organisation (ISO 3166-1); one of several countries counts for each. Until June 2025. Scenario open-closed.",
		kind:        bars(unitCount).DisplayName(seriesName),
		sql:         []string{releasesOf("if({country} = '', 'unknown', toString({country}))", "{model} IN "+openModels)},
	}
}

func releasesByWeights(id uint32) panel {
	return panel{
		id: id, title: "Releases a year, open and closed", width: 12, height: 9,
		description: "Models by year of release: with open weights, and the others of the same sources. Until June 2025. Scenario open-closed.",
		kind:        bars(unitCount).DisplayName(seriesName),
		sql:         []string{releasesOf("if({model} IN "+openModels+", 'open', 'closed or unknown')", "{model} IN (SELECT {entity} FROM {@reference_points} WHERE {tenant} = 'open-closed' AND {metric} = 'open_weights')")},
	}
}

// familyOver is a running total by day.
func familyOver(name, condition string) string {
	return "SELECT toDateTime64(day, 3, 'UTC') AS time, toFloat64(sum(n) OVER (ORDER BY day)) AS `" + name + "` FROM (SELECT toDate32({bucket}) AS day, sum({events}) AS n FROM {@model_events_1d} WHERE {bucket} < $__toTime_ms AND " + condition + " GROUP BY day) ORDER BY time"
}

func familyDownloads(id uint32) panel {
	return panel{
		id: id, title: "Qwen family: downloads", width: 12, height: 9,
		description: "Downloads of the family so far, measured, and the dated figures that were reported, as points. They count different platforms and are not one consistent series; the path between them is illustrative. Scenario qwen-family.",
		kind:        asPoints(logarithmic(unitCount), "B"),
		sql:         []string{familyOver("measured", familyDownload), points("reported", "qwen-family", "qwen", "qwen_cumulative_downloads")},
	}
}

func familyModels(id uint32) panel {
	return panel{
		id: id, title: "Qwen family: models and derivatives", width: 12, height: 9,
		description: "Open models and derivatives of the family so far, measured, and the dated figures that were reported, as points; the path between them is illustrative. Scenario qwen-family.",
		kind:        asPoints(asPoints(logarithmic(unitCount), "C"), "D").OverrideByQuery("D", paint(warning)),
		sql: []string{
			familyOver("models", familyRelease), familyOver("derivatives", familyDerivative),
			points("models, reported", "qwen-family", "qwen", "qwen_open_models"), points("derivatives, reported", "qwen-family", "qwen", "qwen_derivative_models"),
		},
	}
}

func patents(id uint32) panel {
	return panel{
		id: id, title: "Computing patents granted in the US (invented)", width: 12, height: 9,
		description: "No public yearly series was found: the numbers are invented, only the order of the growth of their eras is reported (after 2022, 1995 to 2003, 2004 to 2021). Scenario patents.",
		kind:        lines(unitCount),
		sql:         []string{"SELECT {time} AS time, {value} AS patents FROM {@reference_points} WHERE {tenant} = 'patents' AND {metric} = 'computing_patents_granted' AND {time} >= $__fromTime_ms AND {time} < $__toTime_ms ORDER BY time"},
	}
}

func segmentSignups(id uint32) panel {
	return panel{
		id: id, title: "Sign-ups a week, by segment", width: 12, height: 9,
		description: "New accounts a week (from Monday, UTC) by segment, by weight. That all four grow was reported; the curves are chosen. Scenario segments.",
		kind:        logarithmic(unitCount).DisplayName(seriesName),
		sql: []string{"SELECT toDateTime64(toMonday(toDate32({bucket})), 3, 'UTC') AS time, toString({segment}) AS name, sum({signups}) AS value FROM {@signups_1d} WHERE {tenant} = 'segments' AND " + inRange +
			" GROUP BY time, name HAVING uniqExact({bucket}) = 7 ORDER BY time, name"},
	}
}
