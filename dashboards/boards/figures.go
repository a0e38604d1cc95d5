package boards

import (
	"strconv"
	"strings"

	"tidemark/dashboards/board"
	"tidemark/dashboards/preset"
)

// The reported figures on the dashboard Adoption trends.

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
	checked      = "checked"
	illustrative = "illustrative"
	unconfirmed  = "unconfirmed"
)

func reportedFigures() []figure {
	return []figure{
		{"Years to 365 billion searches per year, ChatGPT", "years", "search-race", "chatgpt", "years_to_365bn_searches", checked, "{:years_to_milestone chatgpt}", ""},
		{"Years to 365 billion searches per year, Google", "years", "search-race", "google", "years_to_365bn_searches", checked, "{:years_to_milestone google}", ""},
		{"ChatGPT against Google", "times as fast", "search-race", "chatgpt", "times_as_fast_as_google", checked, "{:years_to_milestone google} / {:years_to_milestone chatgpt}", ""},
		{"Weekly users of ChatGPT, Nov 2023 to Apr 2025", "times", "users-8x", "chatgpt", "growth_multiple", checked, "{:users_in_week 2025-04-07} / {:users_in_week 2023-11-06}", ""},
		{"Internet: years to 90 % of users outside North America", "years", "everywhere-at-once", "internet", "years_to_90pct_outside_north_america", checked,
			`(
				SELECT min(year + (0.9 - share) / (next - share)) - 1990
				FROM (
					SELECT year, share, leadInFrame(share) OVER (ORDER BY year ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS next
					FROM ({:internet_outside}))
				WHERE share < 0.9 AND next >= 0.9)`, ""},
		{"ChatGPT: years to 90 % of users outside North America", "years", "everywhere-at-once", "chatgpt", "years_to_90pct_outside_north_america", illustrative,
			`(
				SELECT dateDiff('day', toDate32('2022-11-30'), minOrNullIf(week, share >= 0.9)) / 365.25
				FROM ({:chatgpt_outside}))`, ""},
		{"Training compute of notable models since 2010: growth", "% per year", "compute", "notable models", "training_compute_growth", checked,
			"(SELECT (pow(10, fit.1) - 1) * 100 FROM ({:compute_fit}))", ""},
		{"Qwen family: open models by April 2025", "models, at least", "qwen-family", "qwen", "qwen_open_models", checked, "{:qwen_total {:qwen_release}}", ""},
		{"Qwen family: downloads by April 2025", "downloads, at least", "qwen-family", "qwen", "qwen_cumulative_downloads", checked, "{:qwen_total {:qwen_download}}", ""},
		{"Qwen family: derivatives by April 2025", "models, at least", "qwen-family", "qwen", "qwen_derivative_models", checked, "{:qwen_total {:qwen_derivative}}", ""},
		{"GLM-Z1: new accounts on the day of the launch", "accounts, at least", "launch-day", "glm-z1", "launch_day_new_accounts", unconfirmed,
			"(SELECT sum({signups}) FROM {@signups_1d} WHERE {tenant} = 'launch-day' AND {bucket} = '2025-04-14')", ""},
		{"GLM-Z1: more tokens that day than the day before", "% more, at least", "launch-day", "glm-z1", "launch_day_token_growth", unconfirmed,
			`(
				SELECT 100 * (sumIf({input_tokens} + {output_tokens}, {bucket} = '2025-04-14')
					/ sumIf({input_tokens} + {output_tokens}, {bucket} = '2025-04-13') - 1)
				FROM {@token_calls_1d} WHERE {tenant} = 'launch-day')`, ""},
		{"Sign-ups grow in all four segments: the least growth", "times, more than", "segments", "", "", illustrative, "{:least_growth}", "1"},
	}
}

// reported reads the reference point of the figure: of a series, its value at the end of April 2025.
func (f figure) reported(column string) string {
	return board.Fill(`(
		SELECT argMax({=column}, {time}) FROM {@reference_points}
		WHERE {tenant} = '{=scenario}' AND {entity} = '{=entity}' AND {metric} = '{=metric}' AND {time} < '2025-06-01')`,
		map[string]string{"column": column, "scenario": f.scenario, "entity": f.entity, "metric": f.metric})
}

// notReplayed is what stands where a scenario has no events.
func notReplayed(scenario string) string {
	return "not replayed here: tidemark replay scenario:" + scenario
}

// row is the n-th row of the table. A figure whose scenario has no events is not measured, nor is it checked.
func (f figure) row(n int) string {
	reported, source := f.reported("{value}"), f.reported("concat({citation}, ' (confidence ', {confidence}, ')')")
	from := "{@reference_points}"
	if f.reportedConstant != "" {
		reported, source = f.reportedConstant, "'the report only states that all four grow; the curves are invented'"
		from = "{@signups_1d}"
	}
	return board.Fill(`
		SELECT
			{=n} AS n, '{=name}' AS figure, (SELECT count() FROM {=from} WHERE {tenant} = '{=scenario}') > 0 AS there,
			if(there, toFloat64OrNull(toString({=reported})), NULL) AS reported,
			if(there, toFloat64OrNull(toString({=measured})), NULL) AS found, if(isFinite(found), found, NULL) AS measured,
			'{=unit}' AS unit, if(there, '{=standing}', 'not replayed') AS standing,
			if(there, toString({=source}), '{=missing}') AS source, '{=scenario}' AS scenario`, map[string]string{
		"n": strconv.Itoa(n), "name": f.name, "from": from, "reported": reported, "measured": f.measured, "unit": f.unit,
		"standing": f.standing, "source": source, "scenario": f.scenario, "missing": notReplayed(f.scenario),
	})
}

func figures(id uint32) board.Panel {
	var parts []string
	for n, f := range reportedFigures() {
		parts = append(parts, f.row(n))
	}
	return board.Panel{
		ID: id, Title: "Figures", Width: 24, Height: 21, Table: true,
		Description: "Each figure as it was reported, and as measured from stored events by the formula of its scenario. " +
			"checked: a public figure or series supports it. illustrative: we interpolated between two reported " +
			"figures. unconfirmed: no public source has the figure. not replayed: the namespace has no events of the " +
			"scenario. Verdicts and tolerances: tidemark scenarios check --all.",
		Kind: preset.Table().Unit(preset.Whole).Decimals(2).
			OverrideByName("figure", append(preset.Width(280), preset.Property("custom.wrapText", true))).OverrideByName("source", preset.MinWidth(280)).OverrideByName("unit", preset.Width(144)).OverrideByName("scenario", preset.Width(146)).
			OverrideByRegexp("reported|measured", preset.Width(104)).OverrideByName("standing", append(preset.Standings.Cells(), preset.Width(102)...)),
		SQL: []string{board.Fill(`
			SELECT figure, reported, measured, unit, standing, source, scenario FROM ({=rows}) ORDER BY n`,
			map[string]string{"rows": strings.Join(parts, " UNION ALL ")})},
	}
}
