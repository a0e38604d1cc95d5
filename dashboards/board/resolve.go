package board

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"tidemark/schemas"
)

// SQL in this package names relations, columns and conditions in braces, so that each name is checked:
//
//	{@token_calls_1h}   a relation; becomes "${namespace:percentencode}".token_calls_1h
//	{@token_calls_?}    the rollup of the resolution that the range asks for; all of them must have the columns named
//	{@queries_?day_table}    the same with the endings of names that the variable day_table gives, see resolutions
//	{calls}             a column of a relation that the statement names; where that is a choice of rollups, a column of all
//	{~tenant}           a column of some of them: the variable tenant_column gives another column where the column is not needed
//	{:whole}            a condition or an expression with a name, see expressions; it may depend on the relation named last
//	{:users tenant}     the same with an argument, which is the text up to the closing brace and may have names in it
//
// A statement of a panel may be spread over lines, with names of columns in double quotes, see oneLine. A statement whose names all exist may still
// be wrong; the tests run each one.

// name finds the names of relations and columns.
var bracedName = regexp.MustCompile(`\$?\{([@~]?)([a-z][a-z0-9_.]*(?:\?[a-z_]*)?)\}`)

// resolutions are the endings of rollups' names, by the hidden variable that chooses one.
var resolutions = map[string][]string{
	// By minute; by hour and day of all tenants together; by hour and day with the tenant; the events themselves.
	"resolution": {
		schemas.EndingMinute, schemas.EndingAllHour, schemas.EndingAllDay, schemas.EndingHour, schemas.EndingDay, schemas.EndingPerEvent,
	},
	// By day only.
	"day_table": {schemas.EndingAllDay, schemas.EndingDay},
	// Rollups that always have the tenant.
	"audience_table": {schemas.EndingHour, schemas.EndingDay},
	"tenant_table":   {schemas.EndingHour, schemas.EndingDay, schemas.EndingPerEvent},
	// Rollups without minutes; by hour only.
	"cost_table": {schemas.EndingAllHour, schemas.EndingAllDay, schemas.EndingHour, schemas.EndingDay},
	"hour_table": {schemas.EndingAllHour, schemas.EndingHour},
	// What is read beside hours, for the parts of hours.
	"edge_table": {schemas.EndingPerEvent},
}

// endings are the same endings, for the holes of templates.
var endings = map[string]string{
	"minute": schemas.EndingMinute, "hour": schemas.EndingHour, "day": schemas.EndingDay,
	"all_hour": schemas.EndingAllHour, "all_day": schemas.EndingAllDay, "per_event": schemas.EndingPerEvent,
}

// stemOf returns the name of a relation without the ending of a rollup's or a ?, which all rollups of one type share.
func stemOf(relation string) string {
	base, _, _ := strings.Cut(relation, "_?")
	return schemas.Stem(base)
}

// named puts the variable of a ? into the name of a relation.
func named(relation string) string {
	base, variable, found := strings.Cut(relation, "?")
	if !found {
		return relation
	}
	return base + "${" + cmp.Or(variable, "resolution") + ":percentencode}"
}

// quoted returns the name of a relation in SQL. A variable in it needs quotes around it, so that no value is more than a name.
func quoted(relation string) string {
	if strings.Contains(relation, "?") {
		return `"` + named(relation) + `"`
	}
	return relation
}

// Resolver turns names in braces into SQL and collects those that do not exist.
type Resolver struct {
	relations map[string]schemas.Relation
	fragments map[string]string // SQL by name, for {:name}; {=} in it is the argument.
	namespace string            // The variable that names the database.
	database  string            // The database itself, quoted, in place of the variable.
	now       string            // The clock of the statements.
	problems  []string
}

// The clocks of statements: a panel shows the present; Grafana may evaluate a rule for any time.
const (
	panelNow = "now64(3)"
	alertNow = "$__toTime_ms"
)

// NewResolver returns a resolver for panels.
func NewResolver(relations map[string]schemas.Relation, fragments map[string]string) *Resolver {
	return &Resolver{relations: relations, fragments: fragments, namespace: defaultNamespace, now: panelNow}
}

// NewAlertResolver returns a resolver for rules, which have no variables and ask one namespace.
func NewAlertResolver(relations map[string]schemas.Relation, fragments map[string]string, database string) *Resolver {
	return &Resolver{relations: relations, fragments: fragments, database: database, now: alertNow}
}

// Err returns all problems, one per line, nil if there is none.
func (r *Resolver) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(r.problems, "\n"))
}

// Problem adds a problem.
func (r *Resolver) Problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

// Resolve returns the statement with its names replaced. Problems begin with where, which tells people the place.
func (r *Resolver) Resolve(where, sql string) string {
	sql, err := r.expand(sql, "", 0)
	if err != nil {
		r.Problem("%s: %v", where, err)
		return sql
	}
	stems := map[string][]schemas.Relation{} // The relations named, by the stem of their names.
	for _, m := range bracedName.FindAllStringSubmatch(sql, -1) {
		if m[1] == "@" && m[0][0] != '$' {
			stem := stemOf(m[2])
			stems[stem] = append(stems[stem], r.find(where, m[2])...)
		}
	}
	return bracedName.ReplaceAllStringFunc(sql, func(token string) string {
		if token[0] == '$' {
			return token // A variable of Grafana's.
		}
		m := bracedName.FindStringSubmatch(token)
		if m[1] == "@" {
			return cmp.Or(r.database, `"${`+r.namespace+`:percentencode}"`) + "." + quoted(m[2])
		}
		if missing := lacking(m[2], m[1] == "~", stems); missing != "" {
			r.Problem("%s: column %s: %s", where, m[2], missing)
		}
		if m[1] == "~" {
			return `"${tenant_column:percentencode}"`
		}
		return m[2]
	})
}

// maxDepth bounds expressions within expressions.
const maxDepth = 10

// relationName finds the name of a relation at the start of a text.
var relationName = regexp.MustCompile(`^\{@([a-z0-9_.?]+)\}`)

// expand replaces {:name} and {:name argument}. Relation is the one named last before sql.
func (r *Resolver) expand(sql, relation string, depth int) (string, error) {
	if depth > maxDepth {
		return "", fmt.Errorf("expressions more than %d deep: does one name itself?", maxDepth)
	}
	var out strings.Builder
	for i := 0; i < len(sql); {
		rest := sql[i:]
		if m := relationName.FindStringSubmatch(rest); m != nil {
			relation = m[1]
		}
		if !strings.HasPrefix(rest, "{:") && !strings.HasPrefix(rest, "{=") {
			out.WriteByte(sql[i])
			i++
			continue
		}
		length := bracketed(rest)
		if length == 0 {
			return "", fmt.Errorf("%.20q has no closing brace", rest)
		}
		token := rest[:length]
		if token[1] == '=' {
			return "", fmt.Errorf("%s: nothing gives it a value", token)
		}
		text, err := r.expression(token, relation)
		if err == nil {
			text, err = r.expand(oneLine(text), relation, depth+1)
		}
		if err != nil {
			return "", fmt.Errorf("%.60s: %w", token, err)
		}
		out.WriteString(text)
		i += length
	}
	return out.String(), nil
}

// bracketed returns the length of the braces that text starts with, 0 if they do not close.
func bracketed(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// expression returns the text that stands for {:name argument}.
func (r *Resolver) expression(token, relation string) (string, error) {
	name, argument, _ := strings.Cut(token[2:len(token)-1], " ")
	argument = strings.TrimSpace(argument)
	if text, ok := r.fragments[name]; ok {
		if takes := strings.Contains(text, "{=}"); takes != (argument != "") {
			return "", fmt.Errorf("an argument is given: %t; one is needed: %t", argument != "", takes)
		}
		return strings.ReplaceAll(text, "{=}", argument), nil
	}
	built := expressions()
	expression, ok := built[name]
	if !ok {
		known := slices.Collect(maps.Keys(r.fragments))
		known = slices.AppendSeq(known, maps.Keys(built))
		slices.Sort(known)
		return "", fmt.Errorf("there is no such expression: there are %s", strings.Join(known, ", "))
	}
	return expression(call{resolver: r, relation: relation, argument: argument})
}

// Fill puts values into the holes {=name} of a template.
func Fill(template string, values map[string]string) string {
	for name, value := range values {
		template = strings.ReplaceAll(template, "{="+name+"}", value)
	}
	return template
}

// oneLine returns SQL with every run of blanks as one space, and none inside of brackets at their ends. Text in quotes stays;
// a name in double quotes gets the backquotes that a raw string of Go cannot hold.
func oneLine(sql string) string {
	var out strings.Builder
	blank, last := false, byte('(')
	for i := 0; i < len(sql); i++ {
		c := sql[i]
		if c == ' ' || c == '\n' || c == '\t' {
			blank = true
			continue
		}
		if blank && last != '(' && last != '[' && c != ')' && c != ']' {
			out.WriteByte(' ')
		}
		blank, last = false, c
		if c != '\'' && c != '"' && c != '`' {
			out.WriteByte(c)
			continue
		}
		end := i + 1
		for end < len(sql) && sql[end] != c {
			if sql[end] == '\\' {
				end++
			}
			end++
		}
		text := sql[i:min(end+1, len(sql))]
		if c == '"' {
			text = "`" + strings.Trim(text, `"`) + "`"
		}
		out.WriteString(text)
		i = end
	}
	return out.String()
}

// find returns the relations that a name stands for.
func (r *Resolver) find(where, name string) []schemas.Relation {
	var found []schemas.Relation
	for _, name := range choices(name) {
		relation, ok := r.relations[name]
		if !ok {
			r.Problem("%s: table or view %s: no migration makes it", where, name)
		}
		found = append(found, relation)
	}
	return found
}

// choices returns the names of the relations that a name with a ? stands for; any other name stands for itself.
func choices(name string) []string {
	base, variable, found := strings.Cut(name, "?")
	if !found {
		return []string{name}
	}
	var names []string
	for _, ending := range resolutions[cmp.Or(variable, "resolution")] {
		names = append(names, base+ending)
	}
	return names
}

// lacking returns which relations should have the column and do not, "" if all is well: there must be a stem of which
// each relation that is named has it, or, for some, one of them.
func lacking(column string, some bool, stems map[string][]schemas.Relation) string {
	var all []string
	for _, relations := range stems {
		var without []string
		for _, relation := range relations {
			if !relation.Has(column) && !slices.Contains(without, relation.Name) {
				without = append(without, relation.Name)
			}
		}
		if len(without) == 0 || some && len(without) < len(relations) {
			return ""
		}
		all = append(all, without...)
	}
	if len(all) == 0 {
		return "not in any table that the statement names"
	}
	slices.Sort(all)
	return "not in " + strings.Join(all, ", ")
}
