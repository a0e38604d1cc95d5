// Package macros expands the SQL of a panel as Grafana and its ClickHouse data source plugin do: first the template
// variables (Grafana's front end), then the macros (the plugin).
//
//	SELECT $__timeInterval(minute) AS time, sum(calls) FROM "${namespace:percentencode}".token_calls_1m
//	WHERE $__timeFilter(minute) AND provider = decodeURLComponent('${provider:percentencode}')
//
// What it knows of them are facts read from grafana/clickhouse-datasource 4.20.0 (pkg/macros, src/data), from
// grafana/macropro, which that uses, and from grafana/scenes, which replaces variables in Grafana 11.6 and newer.
// $__range and its kin are not among them: Grafana knows those for Prometheus and Loki alone.
//
// What it writes is what Grafana sends, byte for byte: Grafana's quoting formats (singlequote, doublequote, sqlstring and a
// list without a format) escape no backslash, so that 'CORP\alice' means another text there and here. Where Grafana would
// send something worse, Expand returns an error instead, on purpose:
//
//   - What Grafana leaves in the statement: an unknown variable, macro or format.
//   - A value in a quoting format that ends its literal early, as one with a backslash at its end does.
//   - A value in a format without quotes that is no plain word, letters, digits, underscores, or a decimal number; within
//     quotes of the statement itself, one with a quote, a backslash or a control character.
//   - A value with the name of a macro in it, which the plugin would replace.
//
// Safe tells which references are right for every value: encoded ones, within quotes.
package macros

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Scope is what a statement is expanded for.
type Scope struct {
	// From and To are the time range, both ends included. Dates are those of UTC, whatever the location.
	From, To time.Time
	// Interval is the width of a point that the panel asks for. Less than a millisecond counts as a millisecond.
	Interval time.Duration
	// Variables are the dashboard's template variables by name.
	Variables map[string]Value
}

// Value is what is chosen of a template variable.
type Value struct {
	// Values are the chosen values: one, or any number if Multi. With All and no AllValue they are all the options.
	Values []string
	// Multi says that the variable takes several values, and so is a list even with one.
	Multi bool
	// All says that "All" is chosen.
	All bool
	// AllValue is the text that stands for "All" as it is, in which variables are replaced in turn; if empty the list
	// of the options does. It is the dashboard's, never a request's.
	AllValue string
}

// list reports whether the value is a list to Grafana.
func (v Value) list() bool { return v.Multi || v.All }

// nothing reports whether $__conditionalAll drops its condition for the value.
func (v Value) nothing() bool {
	return v.All || len(v.Values) == 0 || len(v.Values) == 1 && v.Values[0] == ""
}

// Expand returns sql with every variable and macro replaced, and comments turned into blanks as the plugin does. An
// error names the reference and says what to write instead.
func Expand(sql string, s Scope) (string, error) {
	e := expander{scope: s}
	return e.expand(sql, 0)
}

// References returns the names of the template variables, sorted, whose values Expand needs: those that stay after
// $__conditionalAll dropped its conditions, those within an AllValue among them. Only All and whether there are values
// is looked at, not the values.
func References(sql string, s Scope) ([]string, error) {
	e := expander{scope: s, used: map[string]bool{}}
	if _, err := e.expand(sql, 0); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(e.used)), nil
}

// Safe returns an error unless every reference to a template variable is such that no value, chosen, typed or from an
// address, can leave its place, mean another text or be taken for several, in Grafana. Values are not looked at, nor is that
// $__conditionalAll drops its condition for the empty value too, which a statement has to say something about.
func Safe(sql string, s Scope) error {
	e := expander{scope: s, used: map[string]bool{}, strict: true}
	_, err := e.expand(sql, 0)
	return err
}

const (
	// maxDepth bounds macros within macros and variables within the text of an AllValue, which may name itself.
	maxDepth = 16
	// maxLength bounds the expanded statement, in bytes: macros say their argument twice.
	maxLength = 16 << 20
)

// expander expands one statement.
type expander struct {
	scope Scope
	used  map[string]bool // Not nil: note the variables and leave their values alone.
	// strict refuses references that are not safe for every value.
	strict bool
}

// expand replaces the references of a piece of the statement that starts outside of quotes.
func (e *expander) expand(sql string, depth int) (string, error) {
	if depth > maxDepth {
		return "", fmt.Errorf("references within references more than %d deep: does an allValue name its own variable?", maxDepth)
	}
	sql, err := blankComments(sql)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	quote := byte(0) // The quote that the text stands in; 0 outside.
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c == '$' || c == '[':
			ref, err := parseReference(sql[i:], quote)
			if err != nil {
				return "", err
			}
			if ref.text == "" {
				out.WriteByte(c)
				i++
				continue
			}
			text, used, err := e.replace(ref, sql[i:], quote, depth)
			if err != nil {
				return "", fmt.Errorf("%s: %w", ref.text, err)
			}
			if out.Len()+len(text) > maxLength {
				return "", fmt.Errorf("the statement grows beyond %d MiB", maxLength>>20)
			}
			out.WriteString(text)
			i += used
		case quote != 0 && c == '\\':
			if i+1 < len(sql) && (sql[i+1] == '$' || sql[i+1] == '[') {
				return "", fmt.Errorf("a backslash before %q would escape the value that comes there", sql[i+1:min(i+9, len(sql))])
			}
			end := min(i+2, len(sql))
			out.WriteString(sql[i:end])
			i = end
		default:
			switch {
			case quote == 0 && (c == '\'' || c == '"' || c == '`'):
				quote = c
			case c == quote:
				quote = 0
			}
			out.WriteByte(c)
			i++
		}
	}
	return out.String(), nil
}

// replace returns the text for a reference at the start of rest, and how much of rest it replaces.
func (e *expander) replace(ref reference, rest string, quote byte, depth int) (text string, used int, err error) {
	used = len(ref.text)
	if !strings.HasPrefix(ref.name, "__") {
		text, err = e.variable(ref, quote, depth)
		return text, used, err
	}
	if value, ok := e.builtin(ref.name); ok {
		text, err = formatBuiltin(ref, value)
		if err == nil && quote != 0 && strings.ContainsAny(text, "'\"`\\") {
			err = errors.New("a quoted value within quotes")
		}
		return text, used, err
	}
	if !ref.bare {
		return "", 0, unknown(ref.name)
	}
	if ref.name == "__conditionalAll" {
		return e.conditionalAll(rest, quote, depth)
	}
	macro, ok := plugin[ref.name]
	if !ok {
		return "", 0, unknown(ref.name)
	}
	args, length, err := arguments(rest[used:])
	if err != nil {
		return "", 0, err
	}
	for i, arg := range args {
		if args[i], err = e.expand(arg, depth+1); err != nil {
			return "", 0, err
		}
	}
	if e.used != nil { // Without their values the arguments may be nonsense.
		return "", used + length, nil
	}
	text, err = macro(e.scope, args)
	if err == nil && quote != 0 && strings.ContainsAny(text, "'\"`\\") {
		err = errors.New("a macro with quotes of its own cannot stand within quotes")
	}
	return text, used + length, err
}

// conditionalAll evaluates $__conditionalAll(condition, $variable), which starts rest.
func (e *expander) conditionalAll(rest string, quote byte, depth int) (text string, used int, err error) {
	const usage = "write $__conditionalAll(condition, $variable)"
	if quote != 0 {
		return "", 0, errors.New("it cannot stand within quotes")
	}
	open := len("$__conditionalAll")
	if open >= len(rest) || rest[open] != '(' {
		return "", 0, fmt.Errorf("no arguments: %s", usage)
	}
	args, length, err := arguments(rest[open:])
	if err != nil {
		return "", 0, err
	}
	// The plugin counts brackets and commas without regard to quotes, and leaves the macro alone if that goes wrong.
	naive := bracketSplit(rest[open:])
	if len(args) != 2 || len(naive) != 2 || strings.TrimSpace(naive[0]) != args[0] {
		return "", 0, fmt.Errorf("%d arguments; %s, without brackets or commas in string literals of the condition", len(args), usage)
	}
	// It puts the condition in by JavaScript's String.replace, to which these mean something else.
	for _, pattern := range []string{"$$", "$&", "$`", "$'"} {
		if strings.Contains(naive[0], pattern) {
			return "", 0, fmt.Errorf("the condition has %s, which the plugin garbles", pattern)
		}
	}
	name := args[1]
	if inner, ok := strings.CutPrefix(name, "${"); ok {
		name = "$" + strings.TrimSuffix(inner, "}")
	}
	name, ok := strings.CutPrefix(name, "$")
	if !ok || name == "" || wordLength(name) != len(name) {
		return "", 0, fmt.Errorf("the second argument is %q, not a variable without a format; %s", args[1], usage)
	}
	value, ok := e.scope.Variables[name]
	if !ok {
		return "", 0, e.unknownVariable(name)
	}
	if value.nothing() && !e.strict {
		return "1=1", open + length, nil
	}
	text, err = e.expand(naive[0], depth+1)
	return text, open + length, err
}
