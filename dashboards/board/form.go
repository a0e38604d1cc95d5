package board

import (
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"tidemark/dashboards/grafana"
)

// sourceVariable is the variable of an imported dashboard that names its data source.
const sourceVariable = "datasource"

// In returns the dashboard with another namespace to open with. A dashboard over scenarios keeps its own.
func (b Board) In(namespace string) Board {
	variables := slices.Clone(b.Variables)
	for i, v := range variables {
		if v.Name == defaultNamespace {
			hidden := v.Hidden
			variables[i] = NamespaceVariable(v.Name, v.Label, namespace)
			variables[i].Hidden = hidden
		}
	}
	b.Variables = variables
	return b
}

// Bind makes a dashboard ask another data source than that of deploy/grafana.
func Bind(d *dashboard.Dashboard, uid string) {
	ref := common.DataSourceRef{Type: cog.ToPtr(grafana.DatasourceType), Uid: &uid}
	target := func(q variants.Dataquery) variants.Dataquery {
		if own, ok := q.(Query); ok {
			own.Datasource = ref
			return own
		}
		return q
	}
	for i := range d.Templating.List {
		d.Templating.List[i].Datasource = &ref
	}
	for i := range d.Annotations.List {
		d.Annotations.List[i].Datasource, d.Annotations.List[i].Target = &ref, target(d.Annotations.List[i].Target)
	}
	for _, p := range d.Panels {
		if p.Panel == nil {
			continue
		}
		p.Panel.Datasource = &ref
		for i := range p.Panel.Targets {
			p.Panel.Targets[i] = target(p.Panel.Targets[i])
		}
	}
}

// ForImport makes a dashboard one that people import into a Grafana of their own: they may edit it, and choose its data
// source. The one with the uid is chosen at first, if there is one.
func ForImport(d *dashboard.Dashboard, uid string) {
	Bind(d, "${"+sourceVariable+"}")
	first := dashboard.StringOrArrayOfString{String: &uid}
	// Without the SDK's builder: it adds fields of other kinds of variables.
	source := dashboard.VariableModel{
		Type: dashboard.VariableTypeDatasource, Name: sourceVariable, Label: cog.ToPtr("Data source"),
		Description: cog.ToPtr("The ClickHouse that Tidemark writes to."), Query: &dashboard.StringOrMap{String: cog.ToPtr(grafana.DatasourceType)},
		Hide: cog.ToPtr(dashboard.VariableHideDontHide), Refresh: cog.ToPtr(dashboard.VariableRefreshOnDashboardLoad), Regex: cog.ToPtr(""),
		Multi: cog.ToPtr(false), IncludeAll: cog.ToPtr(false), Current: &dashboard.VariableOption{Text: first, Value: first},
	}
	d.Templating.List = append([]dashboard.VariableModel{source}, d.Templating.List...)
	d.Editable = cog.ToPtr(true)
}
