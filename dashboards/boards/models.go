package boards

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
	"tidemark/schemas"
)

// models answers: which models are used, how well do they answer, whose are they?
func models() board.Board {
	return board.Board{
		UID: "tidemark-models", Title: "Models", From: "now-6h", Refresh: "10s",
		Description: "Which models are called, who makes and sells them, and how fast and how well they answer. A model " +
			"that is not in the catalog shows as unknown. Days, hours and minutes are in UTC.",
		Variables:   append(board.CommonVariables("namespace", "tenant", "product", "provider", "model"), board.WholeVariable("token_calls")),
		Annotations: []board.Annotation{releases()},
		Rows: []board.Row{
			{Title: "In the range", Panels: []board.Panel{
				callFigures(1, 17), latencyNow(4, 7),
			}},
			{Title: "Tokens and calls", Panels: []board.Panel{tokensByClass(10), tokensByModel(11), callsByModel(12), tokensByProvider(13)}},
			{Title: "Every model", Panels: []board.Panel{modelTable(20)}},
			{Title: "Open and closed weights, countries", Panels: []board.Panel{weightsOverTime(30), originShare(32)}},
			{Title: "Latency and errors", Panels: []board.Panel{latencyOverTime(40), firstTokenOverTime(41), errorsByModel(43), sharesOverTime(44)}},
		},
	}
}

// modelFragments is the SQL that panels on calls share.
func modelFragments() map[string]string {
	var lines, names []string
	for i, level := range schemas.QuantileLevels() {
		names = append(names, fmt.Sprintf("p%.0f", 100*level))
		lines = append(lines, fmt.Sprintf("q[%d] / 1e6 AS %s", i+1, names[i]))
	}
	return map[string]string{
		// The share of input tokens that came from a prompt cache.
		"cache_hits": `if(sum({input_tokens}) = 0, NULL, sum({input_cache_read}) / sum({input_tokens}))`,
		// A sum per call, unknown where there are none.
		"per_call": `if(sum({calls}) = 0, NULL, {=} / sum({calls}))`,
		// Percentiles of a state, in seconds.
		"p50":    `{:quantile 0.5 {=}} / 1e6`,
		"p95":    `{:quantile 0.95 {=}} / 1e6`,
		"enough": board.Enough,
		// A line per percentile of a state. The column NAME_calls has the calls that tell it.
		"percentiles": board.AtEach("{:buckets}", "NULL", board.Fill(`
			SELECT time, {=lines}
			FROM (
				SELECT {:time} AS time, {=quantiles} AS q
				FROM {@token_calls_?} WHERE {:whole} AND {:chosen} GROUP BY time HAVING sum({{=}_calls}) >= {:enough})`,
			map[string]string{"lines": strings.Join(lines, ", "), "quantiles": schemas.QuantilesSQL("{{=}}", "")}), names...),
		// Joins what is known of each model to a table c; a model that is not in the catalog is unknown.
		"catalog": `
			LEFT JOIN (
				SELECT {model} AS known, toString({weights}) AS weights, {organization} AS organization, {country} AS country
				FROM {@models} FINAL) AS m ON c.model = m.known`,
		// The distinct users of one day by one dimension: the last day of the range that has any. Those of a month would be as
		// many states to merge as it has days, which takes longer than all else on the dashboard.
		"users_by": `
			SELECT name, sum(n) AS users
			FROM (
				SELECT toString({value}) AS name, {:distinct_users} AS n FROM {@audience_1d}
				WHERE {dimension} = '{=}'
					AND {bucket} = (SELECT max({bucket}) FROM {@audience_1d} WHERE {dimension} = '{=}' AND {:days})
				GROUP BY {value}, {user_weight})
			GROUP BY name`,
	}
}

func releases() board.Annotation {
	return board.Annotation{
		Name: "Releases", Color: "purple",
		SQL: `
			SELECT time, title, text, tags
			FROM (
				SELECT
					toDateTime64({bucket}, 3, 'UTC') AS time, toString({model}) AS title,
					concat('released by ', if(any({organization}) = '', 'an unknown organization', any({organization}))) AS text,
					'event' AS tags
				FROM {@model_events_1d} WHERE {:range} AND {kind} = 'release' GROUP BY {bucket}, {model}
				UNION ALL
				SELECT
					toDateTime64({release_date}, 3, 'UTC') AS time, {model} AS title,
					concat('released by ', if({organization} = '', 'an unknown organization', {organization}), ' (', {release_date_source}, ')') AS text,
					'catalog' AS tags
				FROM {@models} FINAL
				WHERE isNotNull({release_date}) AND time >= $__fromTime_ms AND time < $__toTime_ms
					AND {model} IN (SELECT {model} FROM {@token_calls_all_1d} WHERE {:days}))
			ORDER BY time LIMIT 200`,
	}
}

const allBuckets = " The panel counts all ${resolution_name}s that begin in the range. If you choose a " +
	"tenant and a range of at most a week, it counts the range exactly."

// fewLeftOut is the sentence on ratios and percentiles by bucket.
const fewLeftOut = " A ${resolution_name} with fewer than " + board.Enough + " such calls has a gap."

// tooFew stands in charts in which all is left out.
const tooFew = "fewer than " + board.Enough + " calls per bucket: choose a longer range"

// callFigures are the sums and shares of the range, read at once.
func callFigures(id, width uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Calls", Width: width, Height: 4, Table: true,
		Description: "Calls to models, and their input and output tokens. errors: the share of calls that failed, orange " +
			"from 2 %, red from 10 %. streamed: the share of calls whose answer was streamed. cache hits: the " +
			"share of input tokens read from a prompt cache; a provider that does not report this counts as " +
			"none. no token count: the share of calls whose input or output tokens are unknown, whichever is larger; " +
			"these calls add nothing to tokens. Orange from 5 %, red from 25 %." + allBuckets,
		Kind: preset.Status(preset.Count, preset.Thresholds("text")).ColorMode(common.BigValueColorModeValue).Orientation(common.VizOrientationVertical).
			OverrideByName("errors", append(preset.Unit(preset.Ratio, 2), preset.Property("thresholds", preset.ThresholdsProperty(preset.Good, 0.02, preset.Warning, 0.1, preset.Bad)))).
			OverrideByRegexp("streamed|cache hits", preset.Unit(preset.Ratio, 1)).
			OverrideByName("no token count", append(preset.Unit(preset.Ratio, 1), preset.Property("thresholds", preset.ThresholdsProperty(preset.Good, 0.05, preset.Warning, 0.25, preset.Bad)))),
		MayBeEmpty: noneHere,
		SQL: []string{`
			SELECT
				sum({calls}) AS "calls made", sum({input_tokens} + {output_tokens}) AS tokens,
				{:per_call sumIf({calls}, {status} = 'error')} AS errors, {:per_call sum({streaming_calls})} AS streamed,
				{:cache_hits} AS "cache hits",
				{:per_call greatest(sum({unknown_input_calls}), sum({unknown_output_calls}))} AS "no token count"
			FROM {:rows token_calls_? with calls, status, streaming_calls, input_tokens, output_tokens, input_cache_read,
				unknown_input_calls, unknown_output_calls}
			HAVING count() > 0`},
	}
}

func latencyNow(id, width uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Latency now, p95", Width: width, Height: 4, Table: true,
		Description: "95th percentile, in seconds, of the time until the answer ended and of the time to the first token, " +
			"in the last whole ${resolution_name} of the range. Only calls that report the time count; the panel needs " + board.Enough + " of them. " +
			"Percentiles are exact to about 0.4 %. Answers turn orange from 30 s and red from 120 s; first tokens from " +
			"5 s and 20 s.",
		Kind: preset.Status(preset.Seconds, preset.Thresholds(preset.Neutral, 30.0, preset.Warning, 120.0, preset.Bad)).Decimals(1).Orientation(common.VizOrientationVertical).
			OverrideByName("TTFT", []dashboard.DynamicConfigValue{preset.Property("displayName", "first token"), preset.Property("thresholds", preset.ThresholdsProperty(preset.Neutral, 5, preset.Warning, 20, preset.Bad))}),
		MayBeEmpty: "fewer than " + board.Enough + " calls",
		SQL: []string{`
			SELECT
				if(sum({latency_calls}) < {:enough}, NULL, {:p95 latency}) AS answer,
				if(sum({first_token_calls}) < {:enough}, NULL, {:p95 first_token}) AS TTFT
			FROM {@token_calls_?} WHERE {:last_whole} AND {:chosen} HAVING sum({calls}) > 0`},
	}
}

func tokensByClass(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Tokens by class, per ${resolution_name}", Width: 12, Height: 8,
		Description: "Tokens per ${resolution_name} in five classes that do not overlap: uncached input, input read from " +
			"a prompt cache, input written to one, visible output, and reasoning." + openLeftOut,
		Kind: preset.Paint(preset.Bars(preset.Count), preset.TokenClasses),
		SQL: []string{board.AtEach("{:buckets}", "0", `
			SELECT
				{:time} AS time, sum({input_uncached}) AS "input, uncached", sum({input_cache_read}) AS "cache read",
				sum({input_cache_write}) AS "cache write", sum({output_visible}) AS "output, visible", sum({output_reasoning}) AS reasoning
			FROM {@token_calls_?} WHERE {:whole} AND {:chosen} GROUP BY time`,
			"input, uncached", "cache read", "cache write", "output, visible", "reasoning")},
	}
}

func tokensByModel(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Tokens by model, per ${resolution_name}", Width: 12, Height: 8,
		Description: "Input and output tokens per ${resolution_name}, by model. The ten models with the most tokens have " +
			"a series each; the others are one series, other." + openLeftOut,
		Kind: preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Others),
		SQL:  []string{board.TopTen{By: "model", Sum: "sum({input_tokens} + {output_tokens})", From: "token_calls_?"}.SQL()},
	}
}

func callsByModel(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Calls by model, per ${resolution_name}", Width: 12, Height: 8,
		Description: "Calls per ${resolution_name}, by model. The ten models with the most calls have a series each; the " +
			"others are one series, other." + openLeftOut,
		Kind: preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Others),
		SQL:  []string{board.TopTen{By: "model", Sum: "sum({calls})", From: "token_calls_?"}.SQL()},
	}
}

func tokensByProvider(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Tokens by provider, per ${resolution_name}", Width: 12, Height: 8,
		Description: "Input and output tokens per ${resolution_name}, by the provider that sells the model. The ten " +
			"providers with the most tokens have a series each; the others are one series, other. Calls without a provider are the series not given." + openLeftOut,
		Kind: preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Others),
		SQL:  []string{board.TopTen{By: "provider", Sum: "sum({input_tokens} + {output_tokens})", From: "token_calls_?"}.SQL()},
	}
}

func modelTable(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Models", Width: 24, Height: 12, Table: true,
		Description: "Every model that was called in the range, with its maker from the catalog. users, last day: distinct " +
			"users of the last day (UTC) of the range that has any; only the model applies. p50, p95 and TTFT: " +
			"seconds in the last whole ${resolution_name}, where at least " + board.Enough + " calls report them. errors: the share of " +
			"calls that failed, orange from 2 %, red from 10 %. A click shows the model alone.",
		Kind: preset.Table().
			OverrideByName("model", preset.Link("Only this model", "/d/tidemark-models?"+preset.KeepRange+"&var-model=${__data.fields.model:percentencode}")).
			OverrideByName("provider", append(preset.Width(116), preset.Property("custom.wrapText", true))).OverrideByName("organization", append(preset.Width(124), preset.Property("custom.wrapText", true))).OverrideByRegexp("^share$|^p50 now$|^p95 now$|^errors$|^cache hits$", preset.Width(62)).OverrideByName("country", preset.Width(78)).OverrideByName("weights", append(preset.Weights.Cells(), preset.Width(78)...)).
			OverrideByName("calls", preset.Width(72)).OverrideByName("tokens", preset.Width(106)).OverrideByRegexp("users, last day|TTFT p95 now", preset.Width(62)).OverrideByName("streaming", preset.Width(84)).
			OverrideByName("share", preset.Unit(preset.Ratio, 1)).
			OverrideByName("errors", append(preset.Unit(preset.Ratio, 2), preset.Property("thresholds", preset.ThresholdsProperty("text", 0.02, preset.Warning, 0.1, preset.Bad)), preset.Property("custom.cellOptions", map[string]any{"type": "color-text"}))).
			OverrideByName("streaming", preset.Unit(preset.Ratio, 0)).
			OverrideByName("cache hits", preset.Unit(preset.Ratio, 0)).
			OverrideByRegexp("p50 now|p95 now|TTFT p95 now", append(preset.Unit(preset.OnlySeconds, 2), preset.Property("noValue", "-"))),
		SQL: []string{modelRows(true)},
	}
}

// modelRows is one row per model. Percentiles and users are of the end of the range: those of all of it would be one state
// per model and day to merge, which takes longer than all else on the dashboard.
func modelRows(withUsers bool) string {
	users, join := "", ""
	if withUsers {
		users, join = `u.users AS "users, last day", `, `LEFT JOIN ({:users_by model}) AS u ON c.model = u.name`
	}
	return board.Fill(`
		SELECT
			c.model AS model, providers AS provider, if(m.known = '', 'unknown', m.weights) AS weights,
			if(m.organization = '', 'unknown', m.organization) AS organization,
			if(m.country = '', 'unknown', toString(m.country)) AS country,
			n AS calls, tokens, share, {=users}l.p50 AS "p50 now", l.p95 AS "p95 now", l.ttft AS "TTFT p95 now", errors, streaming,
			hits AS "cache hits"
		FROM (
			SELECT
				toString({model}) AS model,
				arrayStringConcat(arraySort(arrayMap(p -> {:or_none p}, groupUniqArray(5)(toString({provider})))), ', ') AS providers,
				sum({calls}) AS n, sum({input_tokens} + {output_tokens}) AS tokens, tokens / sum(tokens) OVER () AS share,
				sumIf({calls}, {status} = 'error') / nullIf(n, 0) AS errors, sum({streaming_calls}) / nullIf(n, 0) AS streaming,
				{:cache_hits} AS hits
			FROM {:rows token_calls_? with model, provider, calls, status, streaming_calls, input_tokens, output_tokens,
				input_cache_read}
			GROUP BY {model} ORDER BY tokens DESC LIMIT 500) AS c
		{:catalog}
		LEFT JOIN (
			SELECT
				toString({model}) AS name, if(sum({latency_calls}) < {:enough}, NULL, {:p50 latency}) AS p50,
				if(sum({latency_calls}) < {:enough}, NULL, {:p95 latency}) AS p95,
				if(sum({first_token_calls}) < {:enough}, NULL, {:p95 first_token}) AS ttft
			FROM {@token_calls_?} WHERE {:last_whole} AND {:chosen} GROUP BY {model}) AS l ON c.model = l.name
		{=join}
		ORDER BY tokens DESC`, map[string]string{"users": users, "join": join})
}

func weightsOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Tokens by open and closed weights", Width: 12, Height: 8,
		Description: "Share of the tokens per ${resolution_name} that went to models with open and with closed weights. " +
			"The catalog has the weights; models that are not in it are unknown." + openLeftOut + fewLeftOut,
		Kind:       preset.Paint(preset.Shares().DisplayName(seriesName), preset.Weights),
		MayBeEmpty: tooFew,
		SQL: []string{board.NamesAtEach("{:buckets token_calls_?}", "NULL", `
			SELECT time, name, sum(t) / any(whole) AS value
			FROM (
				SELECT
					c.time AS time, if(m.known = '', 'unknown', m.weights) AS name, t, sum(t) OVER (PARTITION BY time) AS whole,
					sum(n) OVER (PARTITION BY time) AS made
				FROM (
					SELECT {:time} AS time, toString({model}) AS model, sum({input_tokens} + {output_tokens}) AS t, sum({calls}) AS n
					FROM {@token_calls_?} WHERE {:whole} AND {:chosen} GROUP BY time, {model}) AS c
				{:catalog})
			WHERE whole > 0 AND made >= {:enough} GROUP BY time, name`)},
	}
}

func originShare(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Tokens by country of the maker", Width: 12, Height: 8, Table: true,
		Description: "Tokens in the range, by the country (ISO 3166-1) of the organization that made the model, not of " +
			"the provider. The catalog has the country; models that are not in it are unknown." + allBuckets,
		Kind: preset.Paint(preset.Pie(preset.Count), preset.Countries),
		SQL: []string{`
			SELECT if(m.country = '', 'unknown', toString(m.country)) AS name, sum(t) AS tokens
			FROM (
				SELECT toString({model}) AS model, sum({input_tokens} + {output_tokens}) AS t
				FROM {:rows token_calls_? with model, input_tokens, output_tokens} GROUP BY {model}) AS c
			{:catalog}
			GROUP BY name ORDER BY tokens DESC`},
	}
}

// levels draws percentiles.
func levels() *timeseries.PanelBuilder {
	return preset.Paint(preset.Lines(preset.OnlySeconds).FillOpacity(0), preset.Quantiles)
}

func latencyOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Latency", Width: 12, Height: 8,
		Description: "Time from the request to the end of the answer, in seconds: median, 90th, 95th and 99th percentile " +
			"per ${resolution_name}. Only calls that report the time count." + openLeftOut + fewLeftOut,
		Kind:       levels(),
		MayBeEmpty: tooFew,
		SQL:        []string{`{:percentiles latency}`},
	}
}

func firstTokenOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Time to the first token", Width: 12, Height: 8,
		Description: "Time from the request to the first token, in seconds: median, 90th, 95th and 99th percentile per " +
			"${resolution_name}. Only calls that report the time count." + openLeftOut + fewLeftOut,
		Kind:       levels(),
		MayBeEmpty: tooFew,
		SQL:        []string{`{:percentiles first_token}`},
	}
}

func errorsByModel(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Errors by model", Width: 24, Height: 8,
		Description: "Share of the calls per ${resolution_name} that failed, by model. The ten models with the most " +
			"errors have a line each; the others are one line, other." + openLeftOut + fewLeftOut,
		Kind:       preset.Paint(preset.Lines(preset.Ratio).FillOpacity(0).AxisSoftMax(0.01).DisplayName(seriesName), preset.Others),
		MayBeEmpty: tooFew,
		SQL: []string{board.TopTen{
			By: "model", Sum: "sumIf({calls}, {status} = 'error')", Per: "sum({calls})", From: "token_calls_?",
		}.SQL()},
	}
}

func sharesOverTime(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Streamed answers and cache hits", Width: 24, Height: 7,
		Description: "Share of the calls per ${resolution_name} whose answer was streamed, and share of the input tokens " +
			"that were read from a prompt cache." + openLeftOut + fewLeftOut,
		Kind:       preset.Paint(preset.Lines(preset.Ratio).Max(1).FillOpacity(0), preset.TokenClasses),
		MayBeEmpty: tooFew,
		SQL: []string{board.AtEach("{:buckets}", "NULL", `
			SELECT {:time} AS time, {:per_call sum({streaming_calls})} AS streamed, {:cache_hits} AS "cache hits"
			FROM {@token_calls_?} WHERE {:whole} AND {:chosen} GROUP BY time HAVING sum({calls}) >= {:enough}`, "streamed", "cache hits")},
	}
}
