package preview

import (
	"fmt"
	"time"

	"tidemark/dashboards/macros"
)

// Check returns what the preview could not show of a dashboard, a line each, without asking a database: variables of
// kinds it does not know, queries of other data sources, references that nobody replaces, statements that write.
func Check(text []byte) []string {
	d, err := readDashboard(text)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	note := func(what string, err error) {
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %s: %v", d.UID, what, err))
		}
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	scope := macros.Scope{From: at, To: at.Add(time.Hour), Interval: time.Minute, Variables: map[string]macros.Value{}}
	statement := func(what, sql string) {
		expanded, err := macros.Expand(sql, scope)
		if err == nil {
			err = macros.OnlyReads(expanded)
		}
		note(what, err)
	}
	for _, v := range d.Templating.List {
		what := "variable " + v.Name
		err := v.check()
		note(what, err)
		if err == nil && v.Type == "query" {
			statement(what, string(v.Query))
		}
		scope.Variables[v.Name] = macros.Value{Values: []string{"a"}, Multi: v.Multi}
	}
	var panels func([]panel)
	panels = func(list []panel) {
		for _, p := range list {
			for _, t := range p.Targets {
				what := fmt.Sprintf("panel %d %q, query %s", p.ID, p.Title, t.RefID)
				if t.Datasource.other() {
					note(what, fmt.Errorf("it is of the data source %q", t.Datasource.Type))
					continue
				}
				statement(what, t.RawSQL)
			}
			panels(p.Panels)
		}
	}
	panels(d.Panels)
	for _, a := range d.Annotations.List {
		if t := d.annotation(a.Name); t != nil {
			statement("annotations "+a.Name, t.RawSQL)
		}
	}
	return problems
}
