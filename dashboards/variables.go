package dashboards

import (
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// variable is a choice that a dashboard offers.
type variable struct {
	name, label, description string
	sql                      string // With names in braces; its first column are the values.
	hidden                   bool
	single                   bool // One value; the first one to begin with.
	orAll                    bool // Of a single one: all values together can be chosen too, and are to begin with.
	fallback                 string
	onRange                  bool // Asked anew when the range changes.
}

// namespaceVariable lists the databases that are namespaces.
func namespaceVariable() variable {
	return variable{
		name: "namespace", label: "Namespace", single: true, fallback: "tidemark",
		description: "An isolated pipeline: its database, topics and consumer group.",
		sql:         namespacesBeginningWith("tidemark"),
	}
}

// namespacesBeginningWith lists the namespaces, the one named first.
func namespacesBeginningWith(first string) string {
	return fill(`
		SELECT database FROM system.tables WHERE name = 'rollup_versions'
		ORDER BY database = '{=first}' DESC, database`,
		map[string]string{"first": first})
}

// computed is a hidden variable whose value the range and the choices give.
func computed(name, label, fallback, description, sql string) variable {
	return variable{
		name: name, label: label, hidden: true, single: true, fallback: fallback, onRange: true,
		description: description, sql: "SELECT " + sql + " AS " + name,
	}
}

// grainVariable chooses the rollup: minutes up to six hours, hours up to a week, then days. By tenant there are no
// minutes, but the events; and the rollups are longer: they are read only where a tenant is chosen.
func grainVariable() variable {
	return computed("grain", "Grain", "all_1h",
		"Which rollups the panels read: 1m up to six hours, 1h up to a week, else 1d; all_1h and all_1d have all tenants together, tenant_1m are the events of a chosen one.",
		`if(
			{:all_tenants},
			multiIf({:up_to_hours}, '1m', {:up_to_a_week}, 'all_1h', 'all_1d'),
			multiIf({:up_to_hours}, 'tenant_1m', {:up_to_a_week}, '1h', '1d'))`)
}

// tenantVariables are what a chosen tenant needs: the name of the column, and what whole hours leave of a range.
func tenantVariables() []variable {
	return []variable{
		computed("by", "By", "product", "The column that a chosen tenant narrows down: tenant; where none is chosen, one that every rollup has.",
			`if({:all_tenants}, 'product', 'tenant')`),
		computed("edge", "Edge", "", "What totals take around the whole hours of the range: tenant_1m are the events of a chosen tenant, of ranges from six hours to a week; else nothing.",
			`if(NOT {:all_tenants} AND NOT {:up_to_hours} AND {:up_to_a_week}, 'tenant_1m', '')`),
		{
			name: "until", label: "Until", hidden: true, single: true, fallback: "0", onRange: true,
			description: "Where the whole hours end that totals take of hours; milliseconds since 1970.",
			sql: fill(`
				SELECT toString(toUnixTimestamp64Milli(greatest({=first}, least({=last}, {=published} + INTERVAL 1 HOUR)))) AS until
				FROM (
					SELECT min({whole_until}) AS until FROM {@rollup_progress}
					WHERE {rollup} IN ('token_calls_1h', 'queries_1h', 'signups_1h')
						AND '${edge:percentencode}' != '')`, map[string]string{
				"first": roundedUp("$__from", 3600), "last": roundedDown("$__toTime_ms", 3600),
				"published": roundedDown("toDateTime64(until, 3, 'UTC')", 3600),
			}),
		},
		computed("ranked", "Ranked by tenant", "1h", "What the table of tenants reads: the events up to an hour, of a chosen tenant up to six; else 1h up to a week, else 1d.",
			`multiIf(
				{:up_to_hour} OR NOT {:all_tenants} AND {:up_to_hours}, 'tenant_1m', {:up_to_a_week}, '1h', '1d')`),
	}
}

// daysVariable and longerVariable choose between rollups that have no minutes.
func daysVariable() variable {
	return computed("days", "Days", "all_1d", "Which rollups by day the panels read: all_1d has all tenants together, 1d is for a chosen one.", `if({:all_tenants}, 'all_1d', '1d')`)
}

func longerVariable() variable {
	return computed("longer", "Longer grain", "1h", "The grain of rollups that always have the tenant: 1h up to a week, else 1d.", `if(right('${grain:percentencode}', 2) = '1d', '1d', '1h')`)
}

// perVariable is the grain in words, for titles.
func perVariable() variable {
	return computed("per", "Per", "hour", "The grain in words.", `transform(right('${grain:percentencode}', 2), ['1m', '1h', '1d'], ['minute', 'hour', 'day'], '')`)
}

// wholeVariable tells when the last whole minute in the range ends of what a family of rollups has. Events are as whole as
// the minutes.
func wholeVariable(family string) variable {
	return variable{
		name: family + "_whole", label: "Whole " + family, hidden: true, single: true, fallback: "0", onRange: true,
		description: "Up to when the series of " + family + " are whole; milliseconds since 1970.",
		sql: fill(`
			SELECT
				toString(least(
					toInt64($__to + positiveModulo(-($__to), 60000)), until - positiveModulo(until, 60000) + 60000)) AS {=family}_whole
			FROM (
				SELECT toUnixTimestamp64Milli(max({whole_until})) AS until FROM {@rollup_progress}
				WHERE {rollup} = replaceOne('{=family}_${grain:percentencode}', 'tenant_1m', '1m'))`,
			map[string]string{"family": family}),
	}
}

// valuesOf lists what a column holds, the most used first, by a measure of rollups by day.
func valuesOf(column, label, measure string, rollups ...string) variable {
	var parts []string
	for _, rollup := range rollups {
		of := measure
		if strings.HasPrefix(rollup, "queries_") {
			of = "queries"
		}
		parts = append(parts, fill(`
			SELECT toString({{=column}}) AS value, sum({{=measure}}) AS n
			FROM {@{=rollup}} WHERE {:days} GROUP BY value`,
			map[string]string{"column": column, "measure": of, "rollup": rollup}))
	}
	return variable{
		name: column, label: label, onRange: true,
		description: "What the range has, the most used first; at most 500.",
		sql: fill(`SELECT value FROM ({=parts}) WHERE value != '' GROUP BY value ORDER BY sum(n) DESC, value LIMIT 500`,
			map[string]string{"parts": strings.Join(parts, " UNION ALL ")}),
	}
}

// commonVariables are those that every dashboard has, so that a choice goes along from one to the next. Those that a
// dashboard has no use for are hidden there.
func commonVariables(shown ...string) []variable {
	all := []variable{
		namespaceVariable(),
		valuesOf("tenant", "Tenant", "calls", "token_calls_1d", "queries_1d"),
		valuesOf("product", "Product", "calls", "token_calls_all_1d", "queries_all_1d"),
		valuesOf("provider", "Provider", "calls", "token_calls_all_1d"),
		valuesOf("model", "Model", "calls", "token_calls_all_1d"),
		valuesOf("segment", "Segment", "queries", "queries_all_1d"),
		valuesOf("country", "Country", "queries", "queries_all_1d"),
		grainVariable(),
		daysVariable(),
		longerVariable(),
		perVariable(),
	}
	if slices.Contains(shown, "tenant") {
		all = append(all, tenantVariables()...)
	}
	show := map[string]bool{}
	for _, name := range shown {
		show[name] = true
	}
	for i := range all {
		all[i].hidden = !show[all[i].name]
	}
	return all
}

// build makes the variable as Grafana reads it. The data source's plugin takes the SQL as plain text.
func (v variable) build(sql string) dashboard.VariableModel {
	refresh := dashboard.VariableRefreshOnDashboardLoad
	if v.onRange {
		refresh = dashboard.VariableRefreshOnTimeRangeChanged
	}
	hide := dashboard.VariableHideDontHide
	if v.hidden {
		hide = dashboard.VariableHideHideVariable
	}
	ref := datasource()
	all := !v.single || v.orAll
	m := dashboard.VariableModel{
		Type: dashboard.VariableTypeQuery, Name: v.name, Label: &v.label, Description: &v.description, Hide: &hide,
		Query: &dashboard.StringOrMap{String: &sql}, Definition: &sql, Datasource: &ref, Refresh: &refresh,
		Multi: cog.ToPtr(!v.single), IncludeAll: &all, Regex: cog.ToPtr(""), Sort: cog.ToPtr(dashboard.VariableSortDisabled),
		// Nobody chooses what the range decides, and a link to another range must not take it along.
		SkipUrlSync: cog.ToPtr(v.hidden && v.single),
	}
	text, value := v.fallback, v.fallback
	if all {
		text, value = "All", "$__all"
	}
	if all {
		m.AllValue = cog.ToPtr(allValue)
	}
	if !v.single {
		m.Current = &dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{text}},
			Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{value}},
		}
	} else if value != "" {
		m.Current = &dashboard.VariableOption{Text: dashboard.StringOrArrayOfString{String: &text}, Value: dashboard.StringOrArrayOfString{String: &value}}
	}
	return m
}
