// Package board turns dashboards and alert rules into what Grafana reads. Package boards fills in the content.
//
//	Board, Panel, Variable -> Resolver (names in SQL) -> the Foundation SDK -> Grafana's JSON
package board

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

// Board is one dashboard before it becomes Grafana's JSON.
type Board struct {
	UID         string
	Title       string
	Description string
	From, To    string // The range that it opens with. To is "now" by default.
	Refresh     string // How often it is loaded again, such as 10s; "" for never.
	Namespace   string // The variable that names the database. Default "namespace".
	History     bool   // It shows the past, with a range of its own: links do not carry the range of other dashboards to it.
	Variables   []Variable
	Annotations []Annotation
	Rows        []Row
}

// Row is a heading and the panels under it.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel is one panel before it has a position.
type Panel struct {
	ID          uint32 // Unique in its dashboard. It never changes, because links point to it.
	Title       string
	Description string
	Width       uint32 // Of the 24 columns of the grid.
	Height      uint32 // In rows of the grid, 30 pixels each.
	Kind        cog.Builder[dashboard.Panel]
	SQL         []string // One statement per query, with names in braces, see Resolver.
	Table       bool     // The results are tables, not series over time.
	Interval    string   // The shortest interval, such as 10s; "" where the hidden variable resolution decides.
	MayBeEmpty  string   // What it shows without data, if it may have none although all is well; "" otherwise.
}

// Annotation is a query for events that are drawn across the charts.
type Annotation struct {
	Name, Color string
	SQL         string // Its columns are time, title, text and tags.
}

// The tags of our dashboards, by which each links to the others.
const (
	tag        = "tidemark"
	tagLive    = "tidemark-live"
	tagHistory = "tidemark-history"
)

// links lead to the other dashboards. Those that show the present carry choices and range along to each other, and say which days
// have data; those of history have ranges and variables of their own.
func (b Board) links() []cog.Builder[dashboard.DashboardLink] {
	to := func(title, tag string, alike bool) cog.Builder[dashboard.DashboardLink] {
		return dashboard.NewDashboardLinkBuilder(title).Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{tag}).
			IncludeVars(alike).KeepTime(alike && !b.History).AsDropdown(true)
	}
	links := []cog.Builder[dashboard.DashboardLink]{to("Dashboards", tagLive, !b.History), to("History", tagHistory, b.History)}
	if !b.History {
		links = append(links, dashboard.NewDashboardLinkBuilder("Data: ${data_days:text}").Type(dashboard.DashboardLinkTypeLink).
			Tooltip("Shows all days (UTC) that have data, whatever range is chosen.").
			Url("/d/"+b.UID+"?${data_days:raw}").IncludeVars(true).KeepTime(false))
	}
	return links
}

// Build makes the dashboard. The resolver collects the names that do not exist.
func (b Board) Build(r *Resolver) (dashboard.Dashboard, error) {
	r.namespace = cmp.Or(b.Namespace, defaultNamespace)
	kind := tagLive
	if b.History {
		kind = tagHistory
	}
	builder := dashboard.NewDashboardBuilder(b.Title).Uid(b.UID).Description(b.Description).Tags([]string{tag, kind}).
		Timezone("utc").Readonly().Tooltip(dashboard.DashboardCursorSyncCrosshair).Time(b.From, cmp.Or(b.To, "now")).Refresh(b.Refresh).
		Timepicker(dashboard.NewTimePickerBuilder().RefreshIntervals([]string{"5s", "10s", "30s", "1m", "5m", "15m", "30m", "1h", "2h", "1d"})).
		Links(b.links())
	d, err := builder.Build()
	if err != nil {
		return d, fmt.Errorf("dashboard %s: %w", b.UID, err)
	}
	for _, v := range b.Variables {
		d.Templating.List = append(d.Templating.List, v.build(r.Resolve(b.UID+": variable "+v.Name, oneLine(v.SQL))))
	}
	for _, a := range b.Annotations {
		q := NewQuery("Anno", r.Resolve(b.UID+": annotation "+a.Name, oneLine(a.SQL)), grafana.FormatTable)
		d.Annotations.List = append(d.Annotations.List, dashboard.AnnotationQuery{
			Name: a.Name, Datasource: cog.ToPtr(datasource()), Enable: true, IconColor: a.Color, Target: q,
		})
	}
	d.Panels, err = b.place(r)
	return d, err
}

// place gives the panels their positions: rows from top to bottom, the panels of a row from left to right.
func (b Board) place(r *Resolver) ([]dashboard.PanelOrRowPanel, error) {
	var out []dashboard.PanelOrRowPanel
	var y uint32
	for i, row := range b.Rows {
		if row.Title != "" {
			out = append(out, dashboard.PanelOrRowPanel{RowPanel: &dashboard.RowPanel{
				Type: "row", Id: uint32(1000 + i), Title: cog.ToPtr(row.Title), Collapsed: false,
				GridPos: &dashboard.GridPos{X: 0, Y: y, W: 24, H: 1}, Panels: []dashboard.Panel{},
			}})
			y++
		}
		var x, tallest uint32
		for _, p := range row.Panels {
			if x+p.Width > 24 {
				x, y, tallest = 0, y+tallest, 0
			}
			built, err := p.build(b.UID, r)
			if err != nil {
				return nil, err
			}
			built.GridPos = &dashboard.GridPos{X: x, Y: y, W: p.Width, H: p.Height}
			out = append(out, dashboard.PanelOrRowPanel{Panel: &built})
			x, tallest = x+p.Width, max(tallest, p.Height)
		}
		y += tallest
	}
	return out, nil
}

// build makes the panel without its position.
func (p Panel) build(uid string, r *Resolver) (dashboard.Panel, error) {
	where := fmt.Sprintf("%s: panel %q", uid, p.Title)
	built, err := p.Kind.Build()
	if err != nil {
		return built, fmt.Errorf("%s: %w", where, err)
	}
	format := grafana.FormatTimeSeries
	if p.Table {
		format = grafana.FormatTable
	}
	built.Id, built.Title, built.Description = &p.ID, &p.Title, &p.Description
	built.Datasource = cog.ToPtr[common.DataSourceRef](datasource())
	built.Transparent, built.RepeatDirection = nil, nil
	if p.Interval != "" {
		built.Interval = &p.Interval
	}
	if p.MayBeEmpty != "" {
		built.FieldConfig.Defaults.NoValue = &p.MayBeEmpty
	}
	if t, ok := built.Options.(*table.Options); ok {
		t.Footer = nil // The SDK's default; Grafana has none there any more.
	}
	built.Targets = []variants.Dataquery{}
	for i, sql := range p.SQL {
		built.Targets = append(built.Targets, NewQuery(string(rune('A'+i)), r.Resolve(where, oneLine(sql)), format))
	}
	return built, nil
}

// Allowed returns the panels that may be empty although all is well, by id, with the text that they show then.
func (b Board) Allowed() map[uint32]string {
	out := map[uint32]string{}
	for _, row := range b.Rows {
		for _, p := range row.Panels {
			if p.MayBeEmpty != "" {
				out[p.ID] = p.MayBeEmpty
			}
		}
	}
	return out
}
