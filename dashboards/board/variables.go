package board

import (
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"tidemark/schemas"
)

// defaultNamespace is the variable that names the database.
const defaultNamespace = "namespace"

// Variable is a template variable with a query.
type Variable struct {
	Name, Label, Description string
	SQL                      string // With names in braces, see Resolver. The first column has the values.
	Hidden                   bool
	Single                   bool   // It takes one value, at first the first one.
	OrAll                    bool   // A single one that also takes all values together, and does at first.
	Fallback                 string // The value of a single one until its query has an answer.
	OnRange                  bool   // Its query runs again when the range changes.
}

// NamespaceVariable lists the databases that are namespaces, the one that it falls back to first.
func NamespaceVariable(name, label, fallback string) Variable {
	return Variable{
		Name: name, Label: label, Single: true, Fallback: fallback,
		Description: "An isolated pipeline: its database, topics and consumer group.",
		SQL: Fill(`
			SELECT database FROM system.tables WHERE name = 'rollup_versions'
			ORDER BY database = '{=fallback}' DESC, database`, map[string]string{"fallback": fallback}),
	}
}

// computed is a hidden variable whose value the range and the choices give. The description and the SQL may have endings
// of rollups' names as holes, see endings.
func computed(name, label, fallback, description, sql string) Variable {
	return Variable{
		Name: name, Label: label, Hidden: true, Single: true, Fallback: fallback, OnRange: true,
		Description: Fill(description, endings), SQL: "SELECT " + Fill(sql, endings) + " AS " + name,
	}
}

// resolutionVariable chooses the rollup: minutes up to six hours, hours up to a week, then days. There are no minutes by
// tenant; where one is chosen, the events take their place. The rollups with the tenant have more rows, so the panels read
// them only where a tenant is chosen.
func resolutionVariable() Variable {
	return computed("resolution", "Resolution", schemas.EndingAllHour,
		"Which rollups the panels read: {=minute} up to six hours, {=hour} up to a week, else {=day}. {=all_hour} and {=all_day} hold all tenants together; {=per_event} are the events of the chosen tenant.",
		`if(
			{:all_tenants},
			multiIf({:up_to_hours}, '{=minute}', {:up_to_a_week}, '{=all_hour}', '{=all_day}'),
			multiIf({:up_to_hours}, '{=per_event}', {:up_to_a_week}, '{=hour}', '{=day}'))`)
}

// tenantVariables are what a chosen tenant needs: the name of the column, and the parts of the range beside whole hours.
func tenantVariables() []Variable {
	return []Variable{
		computed("tenant_column", "Column of the tenant", "product",
			"The column that a chosen tenant narrows down: tenant. Where none is chosen, a column that every rollup has.",
			`if({:all_tenants}, 'product', 'tenant')`),
		computed("edge_table", "Rows beside whole hours", "",
			"What totals read beside the whole hours of the range: {=per_event} are the events of the chosen tenant, for ranges from six hours to a week. Otherwise empty.",
			`if(NOT {:all_tenants} AND NOT {:up_to_hours} AND {:up_to_a_week}, '{=per_event}', '')`),
		{
			Name: "whole_hours_end", Label: "End of whole hours", Hidden: true, Single: true, Fallback: "0", OnRange: true,
			Description: "The end of the whole hours that totals read from rollups by hour, in milliseconds since 1970.",
			SQL: Fill(Fill(`
				SELECT toString(toUnixTimestamp64Milli(
					greatest({=first}, least({=last}, {=published} + INTERVAL 1 HOUR)))) AS whole_hours_end
				FROM (
					SELECT min({whole_until}) AS until FROM {@rollup_progress}
					WHERE {name} IN ('token_calls_{=hour}', 'call_reports_{=hour}', 'queries_{=hour}', 'signups_{=hour}')
						AND '${edge_table:percentencode}' != '')`, endings), map[string]string{
				"first": roundedUp("$__from", schemas.EndingHour), "last": roundedDown("$__toTime_ms", schemas.EndingHour),
				"published": roundedDown("toDateTime64(until, 3, 'UTC')", schemas.EndingHour),
			}),
		},
		computed("tenant_table", "Table by tenant", schemas.EndingHour,
			"What the table of tenants reads: the events up to an hour, and of a chosen tenant up to six hours. Otherwise {=hour} up to a week, else {=day}.",
			`multiIf(
				{:up_to_hour} OR NOT {:all_tenants} AND {:up_to_hours}, '{=per_event}', {:up_to_a_week}, '{=hour}', '{=day}')`),
	}
}

// dayTableVariable and audienceTableVariable choose between rollups that have no minutes.
func dayTableVariable() Variable {
	return computed("day_table", "Table by day", schemas.EndingAllDay,
		"Which rollups by day the panels read: {=all_day} holds all tenants together; {=day} has the tenant.",
		`if({:all_tenants}, '{=all_day}', '{=day}')`)
}

func audienceTableVariable() Variable {
	return computed("audience_table", "Table of users", schemas.EndingHour, "Which rollup of distinct users the panels read: {=hour} up to a week, else {=day}.",
		"if("+bucketEnding+" = '{=day}', '{=day}', '{=hour}')")
}

// CostVariables are what panels on costs need beside the common variables. Costs have no minutes.
func CostVariables() []Variable {
	return []Variable{
		computed("cost_table", "Table of costs", schemas.EndingAllHour,
			"Which rollups the panels on costs read: {=all_hour} up to a week, else {=all_day}; of a chosen tenant {=hour} and {=day}.",
			`if({:all_tenants}, if({:up_to_a_week}, '{=all_hour}', '{=all_day}'), if({:up_to_a_week}, '{=hour}', '{=day}'))`),
		computed("hour_table", "Table by hour", schemas.EndingAllHour,
			"Which rollups by hour the panels read: {=all_hour} holds all tenants together; {=hour} has the tenant.",
			`if({:all_tenants}, '{=all_hour}', '{=hour}')`),
		{
			Name: "costs_whole", Label: "Whole costs", Hidden: true, Single: true, Fallback: "0", OnRange: true,
			Description: "When the last whole hour or day of costs begins, in milliseconds since 1970. Series end with it.",
			SQL: `
				SELECT toString(toUnixTimestamp64Milli(max({whole_until}))) AS costs_whole
				FROM {@rollup_progress} WHERE {name} = 'costs_${cost_table:percentencode}'`,
		},
	}
}

// resolutionNameVariable is the resolution in words, for titles.
func resolutionNameVariable() Variable {
	return computed("resolution_name", "Resolution in words", "hour", "The length of a bucket in words: minute, hour or day.",
		byLength(func(l schemas.Length) string { return "'" + l.Word + "'" }, "''"))
}

// WholeVariable tells when the last whole minute in the range ends of what the rollups have whose names begin with a stem,
// such as "token_calls". Events are as whole as the minutes.
func WholeVariable(stem string) Variable {
	return Variable{
		Name: stem + "_whole", Label: "Whole " + stem, Hidden: true, Single: true, Fallback: "0", OnRange: true,
		Description: "When the last whole minute of " + stem + " ends, in milliseconds since 1970. Series end there.",
		SQL: Fill(Fill(`
			SELECT
				toString(least(
					toInt64($__to + positiveModulo(-($__to), 60000)), until - positiveModulo(until, 60000) + 60000)) AS {=stem}_whole
			FROM (
				SELECT toUnixTimestamp64Milli(max({whole_until})) AS until FROM {@rollup_progress}
				WHERE {name} = replaceOne('{=stem}_${resolution:percentencode}', '{=per_event}', '{=minute}'))`, endings),
			map[string]string{"stem": stem}),
	}
}

// valuesOf lists what a column holds, the most used first, by a measure of rollups by day.
func valuesOf(column, label, measure string, rollups ...string) Variable {
	var parts []string
	for _, rollup := range rollups {
		of := measure
		if strings.HasPrefix(rollup, "queries_") {
			of = "queries"
		}
		parts = append(parts, Fill(`
			SELECT toString({{=column}}) AS value, sum({{=measure}}) AS n
			FROM {@{=rollup}} WHERE {:days} GROUP BY value`,
			map[string]string{"column": column, "measure": of, "rollup": rollup}))
	}
	return Variable{
		Name: column, Label: label, OnRange: true,
		Description: "The values in the range, at most 500, the most used first.",
		SQL: Fill(`SELECT value FROM ({=parts}) WHERE value != '' GROUP BY value ORDER BY sum(n) DESC, value LIMIT 500`,
			map[string]string{"parts": strings.Join(parts, " UNION ALL ")}),
	}
}

// dataDaysVariable is where a namespace has data: as the range of an address, and as days in words. It is of the link to them.
func dataDaysVariable() Variable {
	return Variable{
		Name: "data_days", Label: "Days with data", Hidden: true, Single: true,
		Description: "The first and the last day (UTC) of the namespace with calls, queries or sign-ups.",
		SQL: `
			SELECT
				if(n = 0, 'from=now-6h&to=now', concat(
					'from=', toString(toUnixTimestamp64Milli(toDateTime64(first, 3, 'UTC'))),
					'&to=', toString(toUnixTimestamp64Milli(toDateTime64(last, 3, 'UTC') + INTERVAL 1 DAY)))) AS value,
				multiIf(
					n = 0, 'none yet', first = last, toString(toDate32(first)),
					concat(toString(toDate32(first)), ' to ', toString(toDate32(last)))) AS days
			FROM (
				SELECT count() AS n, min({bucket}) AS first, max({bucket}) AS last
				FROM (
					SELECT {bucket} FROM {@token_calls_all_1d} UNION ALL SELECT {bucket} FROM {@queries_all_1d}
					UNION ALL SELECT {bucket} FROM {@signups_all_1d}))`,
	}
}

// CommonVariables are those that every dashboard of the present has, so that links carry a choice from one to the next. A
// dashboard hides those that it does not use.
func CommonVariables(shown ...string) []Variable {
	all := []Variable{
		NamespaceVariable(defaultNamespace, "Namespace", "tidemark"),
		valuesOf("tenant", "Tenant", "calls", "token_calls_1d", "queries_1d"),
		valuesOf("product", "Product", "calls", "token_calls_all_1d", "queries_all_1d"),
		valuesOf("provider", "Provider", "calls", "token_calls_all_1d"),
		valuesOf("model", "Model", "calls", "token_calls_all_1d"),
		valuesOf("segment", "Segment", "queries", "queries_all_1d"),
		valuesOf("country", "Country", "queries", "queries_all_1d"),
		resolutionVariable(),
		dayTableVariable(),
		audienceTableVariable(),
		resolutionNameVariable(),
		dataDaysVariable(),
	}
	if slices.Contains(shown, "tenant") {
		all = append(all, tenantVariables()...)
	}
	show := map[string]bool{}
	for _, name := range shown {
		show[name] = true
	}
	for i := range all {
		all[i].Hidden = !show[all[i].Name]
	}
	return all
}

// build makes the variable as Grafana reads it. The data source's plugin takes the SQL as plain text.
func (v Variable) build(sql string) dashboard.VariableModel {
	refresh := dashboard.VariableRefreshOnDashboardLoad
	if v.OnRange {
		refresh = dashboard.VariableRefreshOnTimeRangeChanged
	}
	hide := dashboard.VariableHideDontHide
	if v.Hidden {
		hide = dashboard.VariableHideHideVariable
	}
	ref := datasource()
	all := !v.Single || v.OrAll
	m := dashboard.VariableModel{
		Type: dashboard.VariableTypeQuery, Name: v.Name, Label: &v.Label, Description: &v.Description, Hide: &hide,
		Query: &dashboard.StringOrMap{String: &sql}, Definition: &sql, Datasource: &ref, Refresh: &refresh,
		Multi: cog.ToPtr(!v.Single), IncludeAll: &all, Regex: cog.ToPtr(""), Sort: cog.ToPtr(dashboard.VariableSortDisabled),
		// Nobody chooses what the range decides, and a link to another range must not take it along.
		SkipUrlSync: cog.ToPtr(v.Hidden && v.Single),
	}
	text, value := v.Fallback, v.Fallback
	if all {
		text, value = "All", "$__all"
	}
	if all {
		m.AllValue = cog.ToPtr(allValue)
	}
	if !v.Single {
		m.Current = &dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{text}},
			Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{value}},
		}
	} else if value != "" {
		m.Current = &dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: &text}, Value: dashboard.StringOrArrayOfString{String: &value}}
	}
	return m
}
