package grafana

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"tidemark/dashboards/macros"
)

// All is the value that stands for every option of a variable.
const All = "$__all"

// View is what a person chose to look at.
type View struct {
	From, To time.Time
	Interval time.Duration // The time between two points. Default 1 min.
	// Chosen are the values of the variables, by name; []string{All} for all options. The dashboard decides on the others.
	Chosen map[string][]string
}

func (v View) interval() time.Duration { return cmp.Or(v.Interval, time.Minute) }

// scope returns the values of the first n variables of a dashboard. A variable with All chosen has no values yet.
func (r *Runner) scope(d *Dashboard, v View, n int) (macros.Scope, error) {
	scope := macros.Scope{From: v.From.UTC(), To: v.To.UTC(), Interval: v.interval(), Variables: map[string]macros.Value{}}
	for _, variable := range d.Templating.List[:n] {
		value := macros.Value{Multi: variable.Multi, AllValue: variable.AllValue, Values: r.chosen(variable, v)}
		if variable.IncludeAll && len(value.Values) > 0 && value.Values[0] == All {
			value.All, value.Values = true, nil
		}
		if !value.Multi && !value.All && len(value.Values) != 1 {
			return scope, fmt.Errorf("%d values for the variable %s, which takes one", len(value.Values), variable.Name)
		}
		scope.Variables[variable.Name] = value
	}
	return scope, nil
}

// chosen returns the values of a variable: those of the view, or those that the dashboard opens with.
func (r *Runner) chosen(variable Variable, v View) []string {
	if values, ok := v.Chosen[variable.Name]; ok && variable.Type != "constant" {
		return values
	}
	switch {
	case variable.Name == "namespace":
		return []string{r.Namespace}
	case variable.Type == "constant" || variable.Type == "textbox":
		return []string{string(variable.Query)}
	case len(variable.Current.Value) > 0:
		return variable.Current.Value
	case variable.IncludeAll:
		return []string{All}
	case variable.Multi:
		return nil
	}
	return []string{""}
}

// expand returns the statement for a scope. It reads the options of each variable with All chosen that the statement
// needs, and adds them to the scope.
func (r *Runner) expand(ctx context.Context, d *Dashboard, v View, sql string, scope macros.Scope) (string, error) {
	names, err := macros.References(sql, scope)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		value := scope.Variables[name]
		if !value.All || value.AllValue != "" || value.Values != nil {
			continue
		}
		options, err := r.Options(ctx, d, v, d.Variable(name))
		if err != nil {
			return "", fmt.Errorf("read the options of the variable %s: %w", name, err)
		}
		value.Values = make([]string, 0, len(options))
		for _, o := range options {
			value.Values = append(value.Values, o.Value)
		}
		scope.Variables[name] = value
	}
	return Expand(sql, scope)
}

// Expand returns a statement with its variables and macros replaced. A statement that could write is an error.
func Expand(sql string, scope macros.Scope) (string, error) {
	sql, err := macros.Expand(sql, scope)
	if err != nil {
		return "", err
	}
	return sql, macros.OnlyReads(sql)
}

// Option is one choice of a variable.
type Option struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// Options returns the choices of the i-th variable of a dashboard, each once. Its query may name the variables before it.
func (r *Runner) Options(ctx context.Context, d *Dashboard, v View, i int) ([]Option, error) {
	variable := d.Templating.List[i]
	if err := variable.check(); err != nil {
		return nil, err
	}
	var found []Option
	switch variable.Type {
	case "query":
		scope, err := r.scope(d, v, i)
		if err != nil {
			return nil, err
		}
		sql, err := r.expand(ctx, d, v, string(variable.Query), scope)
		if err != nil {
			return nil, err
		}
		t, _, err := r.Run(ctx, sql)
		if err != nil {
			return nil, err
		}
		if found, err = t.options(); err != nil {
			return nil, err
		}
	case "custom", "interval":
		found = listed(string(variable.Query))
	case "constant", "textbox":
		value := r.chosen(variable, View{})[0]
		found = []Option{{value, value}}
	}
	unique := make([]Option, 0, len(found))
	seen := map[string]bool{}
	for _, o := range found {
		if !seen[o.Value] {
			seen[o.Value] = true
			unique = append(unique, o)
		}
	}
	sortOptions(unique, variable.Sort)
	return unique, nil
}

// The supported orders of a variable's options, by Grafana's numbers.
const (
	sortNone           = 0
	sortAlphabetical   = 1
	sortAlphabeticalUp = 2
)

// Choose returns the view with an interval and a value for every variable, as the page and Grafana open the dashboard (see opens). An error
// names the variable.
func (r *Runner) Choose(ctx context.Context, d *Dashboard, v View) (View, error) {
	chosen := maps.Clone(v.Chosen)
	if chosen == nil {
		chosen = map[string][]string{}
	}
	v.Interval, v.Chosen = v.interval(), chosen
	for i, variable := range d.Templating.List {
		options, err := r.Options(ctx, d, v, i)
		if err != nil {
			return v, fmt.Errorf("dashboard %s: variable %s: %w", d.UID, variable.Name, err)
		}
		chosen[variable.Name] = variable.opens(options, chosen[variable.Name])
	}
	return v, nil
}

// opens returns the values that a variable has when somebody opens its dashboard: those of the view, else those that the
// dashboard was saved with as far as they can be chosen, else All if it is offered, else the first option. Where nothing can be
// chosen, the saved values stay. The page has the same order (choose in preview/web/src/variables.ts).
func (v Variable) opens(options []Option, view []string) []string {
	if len(view) > 0 {
		return view
	}
	known := slices.DeleteFunc(slices.Clone(v.Current.Value), func(value string) bool {
		return v.Type != "textbox" && !slices.ContainsFunc(options, func(o Option) bool { return o.Value == value })
	})
	switch {
	case v.Type == "constant":
		return []string{options[0].Value}
	case v.IncludeAll && slices.Contains(v.Current.Value, All):
		return []string{All}
	case len(known) > 0 && v.Multi:
		return known
	case len(known) > 0:
		return known[:1]
	case v.IncludeAll:
		return []string{All}
	case len(options) > 0:
		return []string{options[0].Value}
	case len(v.Current.Value) > 0:
		return v.Current.Value
	case v.Multi:
		return nil
	}
	return []string{""}
}

// check returns an error if the variable is of an unsupported kind.
func (v Variable) check() error {
	switch {
	case !slices.Contains([]string{"query", "custom", "interval", "constant", "textbox"}, v.Type):
		return fmt.Errorf("variables of type %q are not supported: use query, custom, interval, constant or textbox", v.Type)
	case v.Regex != "":
		return fmt.Errorf("a regex over options is not supported: say it in the SQL")
	case v.Sort < sortNone || v.Sort > sortAlphabeticalUp:
		return fmt.Errorf("sort %d is not supported: sort in the SQL", v.Sort)
	}
	return nil
}

func sortOptions(options []Option, by int) {
	switch by {
	case sortAlphabetical:
		slices.SortStableFunc(options, func(a, b Option) int { return strings.Compare(a.Text, b.Text) })
	case sortAlphabeticalUp:
		slices.SortStableFunc(options, func(a, b Option) int { return strings.Compare(b.Text, a.Text) })
	}
}

var (
	// A comma ends an option, "\," is a comma in one; " : " stands between text and value.
	optionText = regexp.MustCompile(`(?:\\,|[^,])+`)
	optionPair = regexp.MustCompile(`^\s*(.+)\s:\s(.+)$`)
)

// listed returns the options that a custom variable lists.
func listed(text string) []Option {
	var options []Option
	for _, part := range optionText.FindAllString(text, -1) {
		part = strings.TrimSpace(strings.ReplaceAll(part, `\,`, ","))
		o := Option{part, part}
		if pair := optionPair.FindStringSubmatch(part); pair != nil {
			o = Option{strings.TrimSpace(pair[1]), strings.TrimSpace(pair[2])}
		}
		options = append(options, o)
	}
	return options
}
