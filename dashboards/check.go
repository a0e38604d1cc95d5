package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/geomap"
	"github.com/grafana/grafana-foundation-sdk/go/piechart"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"tidemark/dashboards/board"
	"tidemark/dashboards/grafana"
	"tidemark/dashboards/macros"
	"tidemark/schemas"
)

// Check returns what is wrong with dashboards, one line each, without running them: Grafana could not read them, the preview
// would refuse something, people would miss something, or the program has other ones built in. Generate has checked the
// names in their SQL.
func Check(files []File) []string {
	c := &checker{uids: map[string]bool{}}
	register()
	for _, f := range files {
		c.file(f)
	}
	if built, err := Committed(); err != nil {
		c.problem("%v", err)
	} else {
		for i, f := range files {
			if i >= len(built) || !bytes.Equal(f.JSON, built[i].JSON) {
				c.problem("%s: the built-in JSON is not what the code gives: run tidemark dashboards generate, then build again", f.UID)
			}
		}
	}
	return c.problems
}

type checker struct {
	uids     map[string]bool
	problems []string
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *checker) file(f File) {
	// The strict reading returns an empty list of errors, not nil, where there are none, and drops what it read of the panels.
	// So the panels are read a second time, without it.
	if err := new(dashboard.Dashboard).UnmarshalJSONStrict(f.JSON); err != nil && err.Error() != "" {
		c.problem("%s: the JSON cannot be read back: %v", f.UID, err)
		return
	}
	var d dashboard.Dashboard
	if err := json.Unmarshal(f.JSON, &d); err != nil {
		c.problem("%s: the JSON cannot be read back: %v", f.UID, err)
		return
	}
	switch {
	case d.Uid == nil || *d.Uid != f.UID:
		c.problem("%s: the JSON has another uid", f.UID)
	case c.uids[f.UID]:
		c.problem("%s: two dashboards have this uid", f.UID)
	}
	c.uids[f.UID] = true
	if d.Title == nil || d.Description == nil || *d.Description == "" {
		c.problem("%s: the dashboard has no title or no description", f.UID)
	}
	ids := map[uint32]bool{}
	var areas []area
	for _, p := range d.Panels {
		at := area{}
		if p.RowPanel != nil {
			at = areaOf(fmt.Sprintf("row %q", deref(p.RowPanel.Title)), p.RowPanel.GridPos)
			c.id(f.UID, at.what, p.RowPanel.Id, ids)
		} else {
			at = areaOf(fmt.Sprintf("panel %q", deref(p.Panel.Title)), p.Panel.GridPos)
			c.panel(f.UID, *p.Panel, ids)
		}
		for _, other := range areas {
			if at.overlaps(other) {
				c.problem("%s: %s and %s overlap", f.UID, at.what, other.what)
			}
		}
		if at.x+at.w > 24 || at.w == 0 || at.h == 0 {
			c.problem("%s: %s is not within the 24 columns", f.UID, at.what)
		}
		areas = append(areas, at)
	}
	c.statements(f)
}

func (c *checker) id(uid, what string, id uint32, ids map[uint32]bool) {
	if id == 0 || ids[id] {
		c.problem("%s: %s has no id of its own: %d", uid, what, id)
	}
	ids[id] = true
}

func (c *checker) panel(uid string, p dashboard.Panel, ids map[uint32]bool) {
	what := fmt.Sprintf("panel %q", deref(p.Title))
	if p.Id == nil {
		c.problem("%s: %s has no id", uid, what)
	} else {
		c.id(uid, what, *p.Id, ids)
	}
	for name, text := range map[string]string{"title": deref(p.Title), "description": deref(p.Description)} {
		if text == "" {
			c.problem("%s: %s has no %s", uid, what, name)
		}
	}
	if p.FieldConfig == nil || deref(p.FieldConfig.Defaults.Unit) == "" {
		c.problem("%s: %s has no unit", uid, what)
	}
	if p.FieldConfig == nil || deref(p.FieldConfig.Defaults.NoValue) == "" {
		c.problem("%s: %s has no text for when there is no data", uid, what)
	}
	if p.Datasource == nil || deref(p.Datasource.Uid) != board.DatasourceUID || len(p.Targets) == 0 {
		c.problem("%s: %s has no query of the data source "+board.DatasourceUID, uid, what)
	}
	for _, target := range p.Targets {
		if q, ok := target.(board.Query); !ok {
			c.problem("%s: %s has a query of type %T", uid, what, target)
		} else if err := q.Validate(); err != nil {
			c.problem("%s: %s: %v", uid, what, err)
		}
	}
}

// rawName finds the tables and views that hold single events.
var rawName = regexp.MustCompile(`\}"\.(\w+?)(?:_raw)?\b`)

// statements checks every statement: the preview and Grafana must accept it, and no value may be more than a value.
func (c *checker) statements(f File) {
	d, err := grafana.Read(f.JSON)
	if err != nil {
		c.problem("%s: %v", f.UID, err)
		return
	}
	c.problems = append(c.problems, d.Check()...)
	single := map[string]bool{}
	for _, spec := range schemas.Specs() {
		// There are only a few reference points, and reports of runs are sums already.
		single[spec.Name] = spec.Type != schemas.ReferencePointType && spec.Type != schemas.RunType
	}
	for _, s := range d.Statements() {
		if _, err := grafana.Expand(s.SQL, s.Scope); err != nil {
			continue // d.Check has reported it.
		}
		if err := macros.Safe(s.SQL, s.Scope); err != nil {
			c.problem("%s: %s: unsafe: %v", f.UID, s.Where, err)
		}
		if s.Panel == nil {
			continue
		}
		for _, name := range rawName.FindAllStringSubmatch(s.SQL, -1) {
			if single[name[1]] && !strings.Contains(s.SQL, "- INTERVAL 1 HOUR") {
				c.problem("%s: %s reads single events of %s for more than an hour", f.UID, s.Where, name[1])
			}
		}
	}
}

// area is the part of the grid that a panel covers.
type area struct {
	what       string
	x, y, w, h uint32
}

func areaOf(what string, g *dashboard.GridPos) area {
	if g == nil {
		return area{what: what}
	}
	return area{what, g.X, g.Y, g.W, g.H}
}

func (p area) overlaps(o area) bool {
	return p.x < o.x+o.w && o.x < p.x+p.w && p.y < o.y+o.h && o.y < p.y+p.h
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// register makes the SDK read our queries and the kinds of panels in use strictly.
func register() {
	read := func(raw []byte) (variants.Dataquery, error) {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		var q board.Query
		if err := decoder.Decode(&q); err != nil {
			return nil, fmt.Errorf("read a ClickHouse query: %w", err)
		}
		return q, nil
	}
	runtime := cog.NewRuntime()
	runtime.RegisterDataqueryVariant(variants.DataqueryConfig{
		Identifier: grafana.DatasourceType, DataqueryUnmarshaler: read, StrictDataqueryUnmarshaler: read,
	})
	for _, kind := range []func() variants.PanelcfgConfig{
		geomap.VariantConfig, piechart.VariantConfig, stat.VariantConfig, statetimeline.VariantConfig,
		table.VariantConfig, timeseries.VariantConfig,
	} {
		runtime.RegisterPanelcfgVariant(kind())
	}
}
