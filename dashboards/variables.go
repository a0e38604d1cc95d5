package dashboards

import (
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
		sql:         "SELECT database FROM system.tables WHERE name = 'rollup_versions' ORDER BY database = 'tidemark' DESC, database",
	}
}

// grainVariable chooses the rollup: minutes up to six hours, hours up to a week, then days. By tenant there are no
// minutes, and the rollups are longer: they are read only where a tenant is chosen.
func grainVariable() variable {
	const span = "dateDiff('second', $__fromTime_ms, $__toTime_ms)"
	return variable{
		name: "grain", label: "Grain", hidden: true, single: true, fallback: "all_1h", onRange: true,
		description: "Which rollups the panels read: 1m up to six hours, 1h up to a week or when a tenant is chosen, else 1d; all_1h and all_1d have all tenants together.",
		sql: "SELECT multiIf(" + allTenants + ", multiIf(" + span + " > 7 * 86400, 'all_1d', " + span + " > 6 * 3600, 'all_1h', '1m'), " +
			span + " > 7 * 86400, '1d', '1h') AS grain",
	}
}

// daysVariable and longerVariable choose between rollups that have no minutes.
func daysVariable() variable {
	return variable{
		name: "days", label: "Days", hidden: true, single: true, fallback: "all_1d", onRange: true,
		description: "Which rollups by day the panels read: all_1d has all tenants together, 1d is for a chosen one.",
		sql:         "SELECT if(" + allTenants + ", 'all_1d', '1d') AS days",
	}
}

func longerVariable() variable {
	return variable{
		name: "longer", label: "Longer grain", hidden: true, single: true, fallback: "1h", onRange: true,
		description: "The grain of rollups that always have the tenant: 1h up to a week, else 1d.",
		sql:         "SELECT if(right('${grain}', 2) = '1d', '1d', '1h') AS longer",
	}
}

// perVariable is the grain in words, for titles.
func perVariable() variable {
	return variable{
		name: "per", label: "Per", hidden: true, single: true, fallback: "hour", onRange: true,
		description: "The grain in words.",
		sql:         "SELECT transform(right('${grain}', 2), ['1m', '1h', '1d'], ['minute', 'hour', 'day'], '') AS per",
	}
}

// values lists what a column holds, the most used first, from the rollups by day named.
func values(name, label, measure string, rollups ...string) variable {
	sql := "SELECT value FROM ("
	for i, rollup := range rollups {
		if i > 0 {
			sql += " UNION ALL "
		}
		of := measure
		if strings.HasPrefix(rollup, "queries_") {
			of = "queries"
		}
		sql += "SELECT toString({" + name + "}) AS value, sum({" + of + "}) AS n FROM {@" + rollup + "} WHERE " + daysInRange + " GROUP BY value"
	}
	return variable{
		name: name, label: label, onRange: true,
		description: "What the range has, the most used first; at most 500.",
		sql:         sql + ") WHERE value != '' GROUP BY value ORDER BY sum(n) DESC, value LIMIT 500",
	}
}

// commonVariables are those that every dashboard has, so that a choice goes along from one to the next. Those that a
// dashboard has no use for are hidden there.
func commonVariables(shown ...string) []variable {
	all := []variable{
		namespaceVariable(),
		values("tenant", "Tenant", "calls", "token_calls_1d", "queries_1d"),
		values("product", "Product", "calls", "token_calls_all_1d", "queries_all_1d"),
		values("provider", "Provider", "calls", "token_calls_all_1d"),
		values("model", "Model", "calls", "token_calls_all_1d"),
		values("segment", "Segment", "queries", "queries_all_1d"),
		values("country", "Country", "queries", "queries_all_1d"),
		grainVariable(),
		daysVariable(),
		longerVariable(),
		perVariable(),
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
