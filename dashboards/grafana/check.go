package grafana

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"tidemark/dashboards/macros"
)

// Statement is one statement of a dashboard.
type Statement struct {
	Where string // For people: the variable, the panel and query, or the annotations.
	SQL   string
	Panel *Panel       // nil for variables and annotations.
	Scope macros.Scope // Some range, and some value for each variable that the statement may name.
}

// Statements returns all statements of the data source: those of the variables in order, of the panels, of the annotations.
func (d *Dashboard) Statements() []Statement {
	var all []Statement
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	scope := macros.Scope{From: at, To: at.Add(time.Hour), Interval: time.Minute, Variables: map[string]macros.Value{}}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			before := scope
			before.Variables = maps.Clone(scope.Variables)
			all = append(all, Statement{Where: "variable " + v.Name, SQL: string(v.Query), Scope: before})
		}
		scope.Variables[v.Name] = macros.Value{Values: []string{"a"}, Multi: v.Multi}
	}
	for p := range d.all() {
		for _, t := range p.Targets {
			if !t.Datasource.foreign() {
				all = append(all, Statement{Where: p.query(t), SQL: t.RawSQL, Panel: p, Scope: scope})
			}
		}
	}
	for _, a := range d.Annotations.List {
		if t := d.Annotation(a.Name); t != nil {
			all = append(all, Statement{Where: fmt.Sprintf("annotations %q", a.Name), SQL: t.RawSQL, Scope: scope})
		}
	}
	return all
}

// Check returns what the preview would refuse of a dashboard, one line each, without asking a database: unsupported kinds
// of panels and variables, queries of other data sources, unknown variables and macros, statements that could write.
func (d *Dashboard) Check() []string {
	var problems []string
	note := func(where string, err error) {
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %s: %v", d.UID, where, err))
		}
	}
	for _, v := range d.Templating.List {
		note("variable "+v.Name, v.check())
	}
	for p := range d.all() {
		if !slices.Contains(PanelTypes, p.Type) && p.Type != "row" {
			note(p.name(), fmt.Errorf("panels of type %q are not supported", p.Type))
		}
		for _, t := range p.Targets {
			if t.Datasource.foreign() {
				note(p.query(t), t.Datasource.errForeign())
			}
		}
	}
	for _, s := range d.Statements() {
		_, err := Expand(s.SQL, s.Scope)
		note(s.Where, err)
	}
	return problems
}

func (p *Panel) name() string { return fmt.Sprintf("panel %d %q", p.ID, p.Title) }

func (p *Panel) query(t Target) string { return fmt.Sprintf("%s, query %s", p.name(), t.RefID) }
