package preview

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"tidemark/dashboards/macros"
)

// all is the value that stands for every option of a variable.
const all = "$__all"

// view is what a person looks at: what every request says.
type view struct {
	Dashboard     string              `json:"dashboard"`
	Panel         int64               `json:"panel"`
	Name          string              `json:"name"` // Of a variable or of annotations.
	From          int64               `json:"from"` // Milliseconds since 1970, like To.
	To            int64               `json:"to"`
	IntervalMs    int64               `json:"intervalMs"`
	MaxDataPoints int64               `json:"maxDataPoints"`
	Variables     map[string][]string `json:"variables"`
}

// Times that a request may ask for: the years 1 to 9999.
var (
	firstTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
)

func (v view) validate() error {
	switch {
	case v.From < firstTime || v.To > lastTime:
		return fmt.Errorf("the range %d to %d does not lie in the years 1 to 9999: from and to are milliseconds since 1970", v.From, v.To)
	case v.From > v.To:
		return fmt.Errorf("the range ends before it begins: from %d to %d", v.From, v.To)
	case v.IntervalMs < 0 || v.IntervalMs > lastTime || v.MaxDataPoints < 0:
		return fmt.Errorf("intervalMs %d or maxDataPoints %d: out of range", v.IntervalMs, v.MaxDataPoints)
	}
	return nil
}

// scope are the values that a request chose for the first n variables of a dashboard, without the options of those that
// are "All".
func (s *server) scope(d *dashboard, v view, n int) (macros.Scope, error) {
	scope := macros.Scope{
		From: time.UnixMilli(v.From).UTC(), To: time.UnixMilli(v.To).UTC(), Interval: time.Duration(v.IntervalMs) * time.Millisecond,
		Variables: map[string]macros.Value{},
	}
	if v.IntervalMs == 0 {
		scope.Interval = time.Minute
	}
	for _, variable := range d.Templating.List[:n] {
		value := macros.Value{Multi: variable.Multi, AllValue: variable.AllValue, Values: s.chosen(variable, v)}
		if variable.IncludeAll && len(value.Values) > 0 && value.Values[0] == all {
			value.All, value.Values = true, nil
		}
		if !value.Multi && !value.All && len(value.Values) != 1 {
			return scope, fmt.Errorf("%d values for the variable %s, which takes one", len(value.Values), variable.Name)
		}
		scope.Variables[variable.Name] = value
	}
	return scope, nil
}

// chosen are the values of a variable: the request's, or what the dashboard begins with.
func (s *server) chosen(variable variable, v view) []string {
	if values, ok := v.Variables[variable.Name]; ok && variable.Type != "constant" {
		return values
	}
	switch {
	case variable.Name == "namespace":
		return []string{s.Namespace}
	case variable.Type == "constant" || variable.Type == "textbox":
		return []string{string(variable.Query)}
	case len(variable.Current.Value) > 0:
		return variable.Current.Value
	case variable.IncludeAll:
		return []string{all}
	case variable.Multi:
		return nil
	}
	return []string{""}
}

// expand returns the statement for a scope. The options of a variable that is "All" and is needed are asked for and put
// into the scope.
func (s *server) expand(ctx context.Context, d *dashboard, v view, sql string, scope macros.Scope) (string, error) {
	names, err := macros.References(sql, scope)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		value := scope.Variables[name]
		if !value.All || value.AllValue != "" || value.Values != nil {
			continue
		}
		options, err := s.options(ctx, d, v, d.variable(name))
		if err != nil {
			return "", fmt.Errorf("the options of the variable %s: %w", name, err)
		}
		value.Values = make([]string, 0, len(options))
		for _, o := range options {
			value.Values = append(value.Values, o.Value)
		}
		scope.Variables[name] = value
	}
	if sql, err = macros.Expand(sql, scope); err != nil {
		return "", err
	}
	return sql, macros.OnlyReads(sql)
}

// variable returns the index of a variable, -1 if there is none.
func (d *dashboard) variable(name string) int {
	return slices.IndexFunc(d.Templating.List, func(v variable) bool { return v.Name == name })
}

// option is one choice of a variable.
type option struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// options are the choices of the i-th variable of a dashboard, each once. Its query may name the variables before it.
func (s *server) options(ctx context.Context, d *dashboard, v view, i int) ([]option, error) {
	variable := d.Templating.List[i]
	if err := variable.check(); err != nil {
		return nil, err
	}
	var found []option
	switch variable.Type {
	case "query":
		scope, err := s.scope(d, v, i)
		if err != nil {
			return nil, err
		}
		sql, err := s.expand(ctx, d, v, string(variable.Query), scope)
		if err != nil {
			return nil, err
		}
		t, _, err := s.run(ctx, sql)
		if err != nil {
			return nil, err
		}
		if found, err = t.options(); err != nil {
			return nil, err
		}
	case "custom", "interval":
		found = listed(string(variable.Query))
	case "constant", "textbox":
		value := s.chosen(variable, view{})[0]
		found = []option{{value, value}}
	}
	unique := make([]option, 0, len(found))
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

// Sorts of a variable's options that the server knows, by Grafana's numbers.
const (
	sortNone           = 0
	sortAlphabetical   = 1
	sortAlphabeticalUp = 2
)

// check returns an error if the variable is of a kind that the server does not know.
func (v variable) check() error {
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

func sortOptions(options []option, by int) {
	switch by {
	case sortAlphabetical:
		slices.SortStableFunc(options, func(a, b option) int { return strings.Compare(a.Text, b.Text) })
	case sortAlphabeticalUp:
		slices.SortStableFunc(options, func(a, b option) int { return strings.Compare(b.Text, a.Text) })
	}
}

var (
	// A comma ends an option, "\," is a comma in one; " : " stands between text and value.
	optionText = regexp.MustCompile(`(?:\\,|[^,])+`)
	optionPair = regexp.MustCompile(`^\s*(.+)\s:\s(.+)$`)
)

// listed are the options of a custom variable.
func listed(text string) []option {
	var options []option
	for _, part := range optionText.FindAllString(text, -1) {
		part = strings.TrimSpace(strings.ReplaceAll(part, `\,`, ","))
		o := option{part, part}
		if pair := optionPair.FindStringSubmatch(part); pair != nil {
			o = option{strings.TrimSpace(pair[1]), strings.TrimSpace(pair[2])}
		}
		options = append(options, o)
	}
	return options
}
