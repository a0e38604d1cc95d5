package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// models answers: which models are used, how well do they answer, whose are they?
func models() board {
	return board{
		uid: "tidemark-models", title: "Models", from: "now-6h", refresh: "10s",
		description: "Which models are called, by whom they are made and sold, how fast and how well they answer. A model that the catalog does not know is shown as unknown. Days, hours and minutes are UTC.",
		variables:   commonVariables("namespace", "tenant", "product", "provider", "model"),
		annotations: []annotation{releases()},
		rows: []row{
			{title: "In the range", panels: []panel{
				modelCalls(1), modelTokens(2), errorRate(3), latencyNow(4), firstTokenNow(5), streamingShare(6), cacheHits(7), unknownTokens(8),
			}},
			{title: "Tokens and calls", panels: []panel{tokensByClass(10), tokensByModel(11), callsByModel(12), tokensByProvider(13)}},
			{title: "Every model", panels: []panel{modelTable(20)}},
			{title: "Open and closed, and where from", panels: []panel{weightsOverTime(30), weightsShare(31), originShare(32)}},
			{title: "How well they answer", panels: []panel{latencyOverTime(40), firstTokenOverTime(41), slowModels(42), errorsByModel(43), streamingOverTime(44), cacheOverTime(45)}},
		},
	}
}

// callRows reads the calls of the range.
const callRows = "{@token_calls_?}"

func releases() annotation {
	return annotation{
		name: "Releases", color: "purple",
		sql: "SELECT time, title, text, tags FROM (" +
			"SELECT toDateTime64({bucket}, 3, 'UTC') AS time, toString({model}) AS title, concat('released by ', if(any({organization}) = '', 'an unknown organisation', any({organization}))) AS text, 'event' AS tags " +
			"FROM {@model_events_1d} WHERE " + inRange + " AND {kind} = 'release' GROUP BY {bucket}, {model} " +
			"UNION ALL SELECT toDateTime64({release_date}, 3, 'UTC') AS time, {model} AS title, concat('released by ', if({organisation} = '', 'an unknown organisation', {organisation}), ' (', {release_date_source}, ')') AS text, 'catalog' AS tags " +
			"FROM {@models} FINAL WHERE isNotNull({release_date}) AND time >= $__fromTime_ms AND time < $__toTime_ms AND {model} IN (SELECT {model} FROM {@token_calls_all_1d} WHERE {bucket} >= toStartOfDay($__fromTime_ms) AND {bucket} < $__toTime_ms)" +
			") ORDER BY time LIMIT 200",
	}
}

// ratio is one figure over the calls of the range.
func ratio(id uint32, title, description string, kind cog.Builder[dashboard.Panel], expression string) panel {
	return panel{
		id: id, title: title, width: 3, height: 4, table: true, description: description, kind: kind,
		sql: []string{"SELECT " + expression + " AS value FROM " + callRows + " WHERE " + calls(inRange)},
	}
}

const allBuckets = " Of all ${per}s that begin in the range, by weight."

func modelCalls(id uint32) panel {
	return ratio(id, "Calls", "Calls to models."+allBuckets, number(unitCount), "sum({calls})")
}

func modelTokens(id uint32) panel {
	return ratio(id, "Tokens", "Input and output tokens."+allBuckets, number(unitCount), "sum({input_tokens} + {output_tokens})")
}

func errorRate(id uint32) panel {
	return ratio(id, "Errors", "Share of the calls that ended in an error."+allBuckets,
		light(unitRatio, steps(good, 0.02, warning, 0.1, bad)).Decimals(2), "if(sum({calls}) = 0, NULL, sumIf({calls}, {status} = 'error') / sum({calls}))")
}

// quantile reads a state at one of its levels: 1 is the median, 2 the 90th, 3 the 95th, 4 the 99th percentile; seconds.
func quantile(state string, level int) string {
	return fmt.Sprintf("quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99)({%s})[%d] / 1e6", state, level)
}

func latencyNow(id uint32) panel {
	return ratio(id, "Latency p95", "95th percentile of the time from request to the end of the answer, of the calls that tell it, by weight. Percentiles are exact to about 0.4 %."+allBuckets,
		light(unitSeconds, steps(neutral, 30.0, warning, 120.0, bad)).Decimals(1), "if(sum({latency_calls}) = 0, NULL, "+quantile("latency", 3)+")")
}

func firstTokenNow(id uint32) panel {
	return ratio(id, "TTFT p95", "95th percentile of the time to the first token, of the calls that tell it, by weight."+allBuckets,
		light(unitSeconds, steps(neutral, 5.0, warning, 20.0, bad)).Decimals(1), "if(sum({first_token_calls}) = 0, NULL, "+quantile("first_token", 3)+")")
}

func streamingShare(id uint32) panel {
	return ratio(id, "Streaming", "Share of the calls whose answer was streamed."+allBuckets, number(unitRatio).Decimals(1),
		"if(sum({calls}) = 0, NULL, sum({streaming_calls}) / sum({calls}))")
}

// hits is the share of input tokens that came from a prompt cache.
const hits = "if(sum({input_tokens}) = 0, NULL, sum({input_cache_read}) / sum({input_tokens}))"

func cacheHits(id uint32) panel {
	return ratio(id, "Cache hits", "Share of the input tokens that were read from a prompt cache; a provider that does not tell counts as none read."+allBuckets,
		number(unitRatio).Decimals(1), hits)
}

func unknownTokens(id uint32) panel {
	return ratio(id, "Uncounted", "Share of the calls of which neither input nor output tokens are known: they add nothing to any sum of tokens."+allBuckets,
		light(unitRatio, steps(good, 0.05, warning, 0.25, bad)).Decimals(1), "if(sum({calls}) = 0, NULL, greatest(sum({unknown_input_calls}), sum({unknown_output_calls})) / sum({calls}))")
}

func tokensByClass(id uint32) panel {
	return panel{
		id: id, title: "Tokens by class, a ${per}", width: 12, height: 8,
		description: "The five disjoint classes of tokens, by weight: uncached input, input read from and written to a prompt cache, visible output, reasoning." + openLeftOut,
		kind: bars(unitCount).OverrideByName("input, uncached", paint(neutral)).OverrideByName("cache read", paint("light-blue")).OverrideByName("cache write", paint("dark-blue")).
			OverrideByName("output, visible", paint("purple")).OverrideByName("reasoning", paint("light-purple")),
		sql: []string{"SELECT {bucket} AS time, sum({input_uncached}) AS `input, uncached`, sum({input_cache_read}) AS `cache read`, sum({input_cache_write}) AS `cache write`, sum({output_visible}) AS `output, visible`, sum({output_reasoning}) AS reasoning FROM " +
			callRows + " WHERE " + calls(whole("token_calls_?")) + " GROUP BY time ORDER BY time"},
	}
}

// byName is bars a bucket for the ten greatest of a column, the others together.
func byName(column, sum string) string {
	name := topSeries(10, "{"+column+"}", sum, callRows, calls(inRange))
	return fmt.Sprintf("SELECT {bucket} AS time, %s AS name, %s AS value FROM %s WHERE %s GROUP BY time, name ORDER BY time, name", name, sum, callRows, calls(whole("token_calls_?")))
}

func tokensByModel(id uint32) panel {
	return panel{
		id: id, title: "Tokens by model, a ${per}", width: 12, height: 8,
		description: "Input and output tokens of the ten models with the most, by weight; the rest together as other." + openLeftOut,
		kind:        bars(unitCount).DisplayName(seriesName),
		sql:         []string{byName("model", "sum({input_tokens} + {output_tokens})")},
	}
}

func callsByModel(id uint32) panel {
	return panel{
		id: id, title: "Calls by model, a ${per}", width: 12, height: 8,
		description: "Calls to the ten models with the most, by weight; the rest together as other." + openLeftOut,
		kind:        bars(unitCount).DisplayName(seriesName),
		sql:         []string{byName("model", "sum({calls})")},
	}
}

func tokensByProvider(id uint32) panel {
	return panel{
		id: id, title: "Tokens by provider, a ${per}", width: 12, height: 8,
		description: "Input and output tokens by who sells the model, by weight; the ten with the most, the rest together as other." + openLeftOut,
		kind:        bars(unitCount).DisplayName(seriesName),
		sql:         []string{byName("provider", "sum({input_tokens} + {output_tokens})")},
	}
}

// catalog joins what is known of each model; a model that is not in it is unknown.
const catalog = "LEFT JOIN (SELECT {model} AS known, toString({weights}) AS weights, {organisation} AS organisation, {country} AS country FROM {@models} FINAL) AS m ON c.model = m.known"

func modelTable(id uint32) panel {
	return panel{
		id: id, title: "Models", width: 24, height: 12, table: true,
		description: "Every model of the range with its makers as the catalog knows them. Users are distinct users by model whatever the other filters. Latencies are of the calls that tell them. A click leads to this model alone.",
		kind: rows().
			OverrideByName("model", append(link("Only this model", "/d/tidemark-models?"+keep+"&var-model=${__data.fields.model}"), set("custom.width", 240))).
			OverrideByName("provider", width(170)).OverrideByName("organisation", width(150)).
			OverrideByRegexp("weights|country|share|users|p50|p95|first p95|streaming|cache hits", width(86)).OverrideByRegexp("calls|tokens|errors", width(92)).
			OverrideByName("share", unit(unitRatio, 1)).
			OverrideByName("errors", append(unit(unitRatio, 2), set("thresholds", thresholdSteps("text", 0.02, warning, 0.1, bad)), set("custom.cellOptions", map[string]any{"type": "color-text"}))).
			OverrideByName("streaming", unit(unitRatio, 0)).
			OverrideByName("cache hits", unit(unitRatio, 0)).
			OverrideByRegexp("p50|p95|first p95", unit(unitSeconds, 2)),
		sql: []string{modelRows(true)},
	}
}

// modelRows is a row a model; counting the users of each is most of the work.
func modelRows(withUsers bool) string {
	users, join := "", ""
	if withUsers {
		users, join = "u.users AS users, ", " LEFT JOIN ("+usersBy("model")+") AS u ON c.model = u.name"
	}
	return "SELECT c.model AS model, providers AS provider, if(m.known = '', 'unknown', m.weights) AS weights, if(m.organisation = '', 'unknown', m.organisation) AS organisation, if(m.country = '', 'unknown', toString(m.country)) AS country, " +
		"n AS calls, tokens, share, " + users + "p50, p95, first_p95 AS `first p95`, errors, streaming, hits AS `cache hits` FROM (" +
		"SELECT toString({model}) AS model, arrayStringConcat(arraySort(groupUniqArray(5)(toString({provider}))), ', ') AS providers, sum({calls}) AS n, sum({input_tokens} + {output_tokens}) AS tokens, " +
		"tokens / sum(tokens) OVER () AS share, " +
		"if(sum({latency_calls}) = 0, NULL, " + quantile("latency", 1) + ") AS p50, if(sum({latency_calls}) = 0, NULL, " + quantile("latency", 3) + ") AS p95, if(sum({first_token_calls}) = 0, NULL, " + quantile("first_token", 3) + ") AS first_p95, " +
		"sumIf({calls}, {status} = 'error') / n AS errors, sum({streaming_calls}) / n AS streaming, " + hits + " AS hits FROM " + callRows + " WHERE " + calls(inRange) + " GROUP BY {model} ORDER BY tokens DESC LIMIT 500) AS c " +
		catalog + join + " ORDER BY tokens DESC"
}

// usersBy counts the distinct users of the range by one dimension.
func usersBy(dimension string) string {
	part := func(rollup, when string) string {
		return fmt.Sprintf("SELECT toString({value}) AS name, %s AS n FROM {@%s} WHERE %s AND %s AND {dimension} = '%s' GROUP BY {value}, {user_weight}", usersByWeight, rollup, when, audienceSpan(rollup), dimension)
	}
	return "SELECT name, sum(n) AS users FROM (" + part("audience_1h", byHours) + " UNION ALL " + part("audience_1d", byDays) + ") GROUP BY name"
}

// audienceSpan takes the hours or days that the range touches, since users are not counted by the minute.
func audienceSpan(rollup string) string {
	begin := "toStartOfHour($__fromTime_ms)"
	if rollup == "audience_1d" {
		begin = "toStartOfDay($__fromTime_ms)"
	}
	return "{bucket} >= " + begin + " AND {bucket} < $__toTime_ms"
}

func weightsOverTime(id uint32) panel {
	return panel{
		id: id, title: "Tokens by open and closed weights", width: 12, height: 8,
		description: "Share of the tokens a ${per} that went to models with open and with closed weights, as the catalog knows them; models that are not in it are unknown." + openLeftOut,
		kind:        shares().DisplayName(seriesName).OverrideByName("open", paint(good)).OverrideByName("closed", paint(warning)).OverrideByName("unknown", paint("text")),
		sql: []string{"SELECT time, name, sum(t) / any(whole) AS value FROM (SELECT c.time AS time, if(m.known = '', 'unknown', m.weights) AS name, t, sum(t) OVER (PARTITION BY time) AS whole FROM (" +
			"SELECT {bucket} AS time, toString({model}) AS model, sum({input_tokens} + {output_tokens}) AS t FROM " + callRows + " WHERE " + calls(whole("token_calls_?")) + " GROUP BY time, {model} HAVING t > 0) AS c " +
			catalog + ") GROUP BY time, name ORDER BY time, name"},
	}
}

// tokensByFact sums the tokens of the range by what the catalog knows.
func tokensByFact(fact string) string {
	return "SELECT " + fact + " AS name, sum(t) AS tokens FROM (SELECT toString({model}) AS model, sum({input_tokens} + {output_tokens}) AS t FROM " + callRows + " WHERE " + calls(inRange) + " GROUP BY {model}) AS c " +
		catalog + " GROUP BY name ORDER BY tokens DESC"
}

func weightsShare(id uint32) panel {
	return panel{
		id: id, title: "Open and closed", width: 6, height: 8, table: true,
		description: "Tokens of the range by weights open or closed, as the catalog knows the models." + allBuckets,
		kind:        pie(unitCount),
		sql:         []string{tokensByFact("if(m.known = '', 'unknown', m.weights)")},
	}
}

func originShare(id uint32) panel {
	return panel{
		id: id, title: "By the makers' country", width: 6, height: 8, table: true,
		description: "Tokens of the range by the country of the organisation that made the model (ISO 3166-1), not of who sells it, as the catalog knows it." + allBuckets,
		kind:        pie(unitCount),
		sql:         []string{tokensByFact("if(m.country = '', 'unknown', toString(m.country))")},
	}
}

// percentiles is a line a level.
func percentiles(state, known string) string {
	return fmt.Sprintf("SELECT time, q[1] / 1e6 AS p50, q[2] / 1e6 AS p90, q[3] / 1e6 AS p95, q[4] / 1e6 AS p99 FROM (SELECT {bucket} AS time, quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99)({%s}) AS q FROM %s WHERE %s GROUP BY time HAVING sum({%s}) > 0) ORDER BY time",
		state, callRows, calls(whole("token_calls_?")), known)
}

func latencyOverTime(id uint32) panel {
	return panel{
		id: id, title: "Latency", width: 12, height: 8,
		description: "Time from request to the end of the answer: median, 90th, 95th and 99th percentile a ${per}, by weight, of the calls that tell it." + openLeftOut,
		kind:        lines(unitSeconds).FillOpacity(0),
		sql:         []string{percentiles("latency", "latency_calls")},
	}
}

func firstTokenOverTime(id uint32) panel {
	return panel{
		id: id, title: "Time to the first token", width: 12, height: 8,
		description: "Time to the first token: median, 90th, 95th and 99th percentile a ${per}, by weight, of the calls that tell it." + openLeftOut,
		kind:        lines(unitSeconds).FillOpacity(0),
		sql:         []string{percentiles("first_token", "first_token_calls")},
	}
}

func slowModels(id uint32) panel {
	return panel{
		id: id, title: "Latency by model, p95", width: 12, height: 8, table: true,
		description: "95th percentile of the latency in the range, the twenty models with the most calls, by weight.",
		kind:        ranking(unitSeconds).Decimals(1),
		sql: []string{"SELECT toString({model}) AS model, " + quantile("latency", 3) + " AS p95 FROM " + callRows + " WHERE " + calls(inRange) +
			" GROUP BY {model} HAVING sum({latency_calls}) > 0 ORDER BY sum({calls}) DESC LIMIT 20"},
	}
}

func errorsByModel(id uint32) panel {
	name := topSeries(10, "{model}", "sumIf({calls}, {status} = 'error')", callRows, calls(inRange))
	return panel{
		id: id, title: "Errors by model", width: 12, height: 8,
		description: "Share of the calls a ${per} that ended in an error, the ten models with the most errors, the rest together as other." + openLeftOut,
		kind:        lines(unitRatio).FillOpacity(0).AxisSoftMax(0.01).DisplayName(seriesName),
		sql:         []string{"SELECT {bucket} AS time, " + name + " AS name, sumIf({calls}, {status} = 'error') / sum({calls}) AS value FROM " + callRows + " WHERE " + calls(whole("token_calls_?")) + " GROUP BY time, name ORDER BY time, name"},
	}
}

// ratioOverTime is one line of a share.
func ratioOverTime(id uint32, title, description, expression string) panel {
	return panel{
		id: id, title: title, width: 12, height: 7, description: description + openLeftOut,
		kind: lines(unitRatio).Max(1).Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).Calcs([]string{})),
		sql:  []string{"SELECT {bucket} AS time, " + expression + " AS share FROM " + callRows + " WHERE " + calls(whole("token_calls_?")) + " GROUP BY time ORDER BY time"},
	}
}

func streamingOverTime(id uint32) panel {
	return ratioOverTime(id, "Streaming", "Share of the calls a ${per} whose answer was streamed, by weight.", "sum({streaming_calls}) / sum({calls})")
}

func cacheOverTime(id uint32) panel {
	return ratioOverTime(id, "Cache hits", "Share of the input tokens a ${per} that were read from a prompt cache, by weight.", hits)
}
