package dashboards

import (
	"cmp"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"

	"tidemark/dashboards/grafana"
)

// board is a dashboard under construction.
type board struct {
	uid, title, description string
	from, refresh           string // The range to begin with, ending now, and how often it is asked again.
	to                      string // now when empty.
	namespace               string // The variable that names the database; namespace when empty.
	history                 bool   // Of the past, with a range of its own: the others' range is not taken there.
	variables               []variable
	annotations             []annotation
	rows                    []row
}

// row is a heading and the panels under it.
type row struct {
	title  string
	panels []panel
}

// panel is one panel before it has a place. One function of this package makes one.
type panel struct {
	id                 uint32 // Unique in its dashboard and kept for ever: links point to it.
	title, description string
	width, height      uint32 // In units of the grid: 24 columns, 30 pixels a row.
	kind               cog.Builder[dashboard.Panel]
	sql                []string // With names in braces.
	table              bool     // The result is a table, not series over time.
	interval           string   // The least interval, such as 10s; empty where the grain decides.
	mayBeEmpty         string   // Why it may show nothing when all is well; then its NoValue says so.
}

// annotation is something that happened, drawn across the charts.
type annotation struct {
	name, color, sql string // Columns time, title, text, tags.
}

// The tags of our dashboards, by which each links to the others.
const (
	tag        = "tidemark"
	tagLive    = "tidemark-live"
	tagHistory = "tidemark-history"
)

// links lead to the other dashboards. Those that look at what happens now take the choices and the range along to each
// other; those of history have ranges and variables of their own.
func (b board) links() []cog.Builder[dashboard.DashboardLink] {
	to := func(title, tag string, alike bool) cog.Builder[dashboard.DashboardLink] {
		return dashboard.NewDashboardLinkBuilder(title).Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{tag}).
			IncludeVars(alike).KeepTime(alike && !b.history).AsDropdown(false)
	}
	return []cog.Builder[dashboard.DashboardLink]{to("Live", tagLive, !b.history), to("History", tagHistory, b.history)}
}

// build makes the dashboard, and adds to the resolver's problems what does not exist.
func (b board) build(r *resolver) (dashboard.Dashboard, error) {
	r.namespace = cmp.Or(b.namespace, "namespace")
	to := b.to
	if to == "" {
		to = "now"
	}
	kind := tagLive
	if b.history {
		kind = tagHistory
	}
	builder := dashboard.NewDashboardBuilder(b.title).Uid(b.uid).Description(b.description).Tags([]string{tag, kind}).
		Timezone("utc").Readonly().Tooltip(dashboard.DashboardCursorSyncCrosshair).Time(b.from, to).Refresh(b.refresh).
		Timepicker(dashboard.NewTimePickerBuilder().RefreshIntervals([]string{"5s", "10s", "30s", "1m", "5m", "15m", "30m", "1h", "2h", "1d"})).
		Links(b.links())
	d, err := builder.Build()
	if err != nil {
		return d, fmt.Errorf("dashboard %s: %w", b.uid, err)
	}
	for _, v := range b.variables {
		d.Templating.List = append(d.Templating.List, v.build(r.resolve(b.uid+": variable "+v.name, oneLine(v.sql))))
	}
	for _, a := range b.annotations {
		q := newQuery("Anno", r.resolve(b.uid+": annotation "+a.name, oneLine(a.sql)), grafana.FormatTable)
		d.Annotations.List = append(d.Annotations.List, dashboard.AnnotationQuery{
			Name: a.name, Datasource: cog.ToPtr(datasource()), Enable: true, IconColor: a.color, Target: q,
		})
	}
	d.Panels, err = b.place(r)
	return d, err
}

// place lays the panels out: rows from above, the panels of one from left to right.
func (b board) place(r *resolver) ([]dashboard.PanelOrRowPanel, error) {
	var out []dashboard.PanelOrRowPanel
	var y uint32
	for i, row := range b.rows {
		if row.title != "" {
			out = append(out, dashboard.PanelOrRowPanel{RowPanel: &dashboard.RowPanel{
				Type: "row", Id: uint32(1000 + i), Title: cog.ToPtr(row.title), Collapsed: false,
				GridPos: &dashboard.GridPos{X: 0, Y: y, W: 24, H: 1}, Panels: []dashboard.Panel{},
			}})
			y++
		}
		var x, tallest uint32
		for _, p := range row.panels {
			if x+p.width > 24 {
				x, y, tallest = 0, y+tallest, 0
			}
			built, err := p.build(b.uid, r)
			if err != nil {
				return nil, err
			}
			built.GridPos = &dashboard.GridPos{X: x, Y: y, W: p.width, H: p.height}
			out = append(out, dashboard.PanelOrRowPanel{Panel: &built})
			x, tallest = x+p.width, max(tallest, p.height)
		}
		y += tallest
	}
	return out, nil
}

// build makes the panel without its place.
func (p panel) build(uid string, r *resolver) (dashboard.Panel, error) {
	where := fmt.Sprintf("%s: panel %q", uid, p.title)
	built, err := p.kind.Build()
	if err != nil {
		return built, fmt.Errorf("%s: %w", where, err)
	}
	format := grafana.FormatTimeSeries
	if p.table {
		format = grafana.FormatTable
	}
	built.Id, built.Title, built.Description = &p.id, &p.title, &p.description
	built.Datasource = cog.ToPtr[common.DataSourceRef](datasource())
	built.Transparent, built.RepeatDirection = nil, nil
	if p.interval != "" {
		built.Interval = &p.interval
	}
	if p.mayBeEmpty != "" {
		built.FieldConfig.Defaults.NoValue = &p.mayBeEmpty
	}
	if t, ok := built.Options.(*table.Options); ok {
		t.Footer = nil // The SDK's default; Grafana has none there any more.
	}
	built.Targets = []variants.Dataquery{}
	for i, sql := range p.sql {
		built.Targets = append(built.Targets, newQuery(string(rune('A'+i)), r.resolve(where, oneLine(sql)), format))
	}
	return built, nil
}
