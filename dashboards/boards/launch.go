package boards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
)

// launch shows the day a model opened to the public, with the days around it. All of its figures are unconfirmed.
func launch() board.Board {
	return board.Board{
		UID: "tidemark-launch", Title: "Launch day", From: "2025-04-13T00:00:00.000Z", To: "2025-04-15T23:59:59.000Z", Refresh: "",
		Description: "The day on which GLM-Z1 opened on its platform, with the days around it. Only one " +
			"article reports its figures, so they are unconfirmed; the course of the days is invented. Replay " +
			"it with tidemark replay scenario:launch-day. Times are in UTC.",
		History: true, Namespace: "scenarios", Variables: scenarioVariables(),
		Rows: []board.Row{
			{Title: "Unconfirmed: only one article reports these figures", Panels: []board.Panel{launchFigures(1)}},
			{Title: "Over time", Panels: []board.Panel{launchTokens(10), launchAgainst(11), launchAccounts(12), launchTotal(13)}},
		},
	}
}

// launchFragments is SQL of this dashboard alone. Minutes have no tenant; the product is the scenario's alone.
func launchFragments() map[string]string {
	return map[string]string{"on_platform": `{product} = 'glm-platform'`}
}

func launchFigures(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "April 14, 2025", Width: 24, Height: 4, Table: true,
		Description: "new accounts: on that day; the article reports over 6,000 companies and developers. token growth: " +
			"over the day before; the article reports over 100 %. peak: the minute with the most tokens, " +
			"which the scenario invents. All are measured from stored events and unconfirmed.",
		Kind:       preset.Number(preset.Count).Orientation(common.VizOrientationVertical).OverrideByName("new accounts", preset.Unit(preset.Whole)).OverrideByName("token growth", preset.Unit(preset.Ratio, 0)).OverrideByName("peak", preset.Unit("time:HH:mm [UTC]")),
		MayBeEmpty: notReplayed("launch-day"),
		SQL: []string{`
			SELECT
				(SELECT sum({signups}) FROM {@signups_1m}
					WHERE {:on_platform} AND {bucket} >= '2025-04-14' AND {bucket} < '2025-04-15') AS "new accounts",
				day / nullIf(before, 0) - 1 AS "token growth", peak
			FROM (
				SELECT
					count() AS minutes,
					sumIf(tokens, at >= '2025-04-14') AS day, sumIf(tokens, at < '2025-04-14') AS before,
					toUnixTimestamp64Milli(toDateTime64(argMaxIf(at, tokens, at >= '2025-04-14'), 3, 'UTC')) AS peak
				FROM (
					SELECT {bucket} AS at, sum({input_tokens} + {output_tokens}) AS tokens
					FROM {@token_calls_1m} WHERE {:on_platform} AND {bucket} >= '2025-04-13' AND {bucket} < '2025-04-15'
					GROUP BY at))
			WHERE minutes > 0`},
	}
}

func launchTokens(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Tokens per minute, by model", Width: 12, Height: 9,
		Description: "Input and output tokens per minute, averaged over five minutes, by model.",
		Kind:        preset.Paint(preset.Areas(preset.Count).DisplayName(seriesName), preset.Others),
		MayBeEmpty:  notReplayed("launch-day"),
		SQL: []string{board.Fill(`
			SELECT toStartOfFiveMinutes(minute.time) AS time, name, sum(value) / 5 AS value
			FROM ({=minutes}) AS minute GROUP BY time, name ORDER BY time, name`, map[string]string{"minutes": board.TopTen{
			By: "model", Sum: "sum({input_tokens} + {output_tokens})", From: "token_calls_1m", Where: "{:on_platform} AND {:range}",
		}.SQL()})},
	}
}

func launchAgainst(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "Tokens per minute, against the day before", Width: 12, Height: 9,
		Description: "Input and output tokens per minute, averaged over five minutes, and the same one day earlier.",
		Kind:        preset.Paint(preset.Lines(preset.Count).DisplayName(fieldName).FillOpacity(0), preset.Claims),
		MayBeEmpty:  notReplayed("launch-day"),
		SQL: []string{
			`SELECT
				toStartOfFiveMinutes({bucket}) + INTERVAL 0 DAY AS time,
				sum({input_tokens} + {output_tokens}) / 5 AS "tokens"
			FROM {@token_calls_1m}
			WHERE {:on_platform} AND {bucket} >= $__fromTime_ms - INTERVAL 0 DAY AND {bucket} < $__toTime_ms - INTERVAL 0 DAY
			GROUP BY time ORDER BY time`,
			`SELECT
				toStartOfFiveMinutes({bucket}) + INTERVAL 1 DAY AS time,
				sum({input_tokens} + {output_tokens}) / 5 AS "the day before"
			FROM {@token_calls_1m}
			WHERE {:on_platform} AND {bucket} >= $__fromTime_ms - INTERVAL 1 DAY AND {bucket} < $__toTime_ms - INTERVAL 1 DAY
			GROUP BY time ORDER BY time`,
		},
	}
}

func launchAccounts(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "New accounts per hour, by segment", Width: 12, Height: 9,
		Description: "New accounts of each hour (UTC), by segment. An hour that the range cuts has those in the range.",
		Kind:        preset.Paint(preset.Bars(preset.Count).DisplayName(seriesName), preset.Segments),
		MayBeEmpty:  notReplayed("launch-day"),
		SQL: []string{`
			SELECT toStartOfHour({bucket}) AS time, toString({segment}) AS name, sum({signups}) AS value
			FROM {@signups_1m} WHERE {:on_platform} AND {:range} GROUP BY time, name ORDER BY time, name`},
	}
}

func launchTotal(id uint32) board.Panel {
	return board.Panel{
		ID: id, Title: "New accounts of the day so far", Width: 12, Height: 9,
		Description: "New accounts since midnight (UTC), and the 6,000 that the article reports for April 14. Unconfirmed.",
		Kind:        preset.Paint(preset.Lines(preset.Count).DisplayName(fieldName), preset.Claims).OverrideByName("reported", preset.Overrides{preset.Property("custom.lineStyle", map[string]any{"fill": "dash", "dash": []int{10, 10}}), preset.Property("custom.fillOpacity", 0)}),
		MayBeEmpty:  notReplayed("launch-day"),
		SQL: []string{
			// The day is added up before the range cuts it.
			`SELECT time, accounts
			FROM (
				SELECT {bucket} AS time, sum(sum({signups})) OVER (PARTITION BY toDate32(time) ORDER BY time) AS accounts
				FROM {@signups_1m}
				WHERE {:on_platform} AND {bucket} >= toStartOfDay($__fromTime_ms, 'UTC') AND {bucket} < $__toTime_ms GROUP BY time)
			WHERE time >= $__fromTime_ms ORDER BY time`,
			`SELECT
				arrayJoin([
					greatest($__fromTime_ms, toDateTime64('2025-04-14 00:00:00', 3, 'UTC')),
					least($__toTime_ms, toDateTime64('2025-04-15 00:00:00', 3, 'UTC'))]) AS time,
				toFloat64((
					SELECT max({value}) FROM {@reference_points}
					WHERE {tenant} = 'launch-day' AND {metric} = 'launch_day_new_accounts')) AS reported
			WHERE reported > 0 AND $__fromTime_ms < '2025-04-15' AND $__toTime_ms > '2025-04-14' ORDER BY time`,
		},
	}
}
