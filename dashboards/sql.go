package dashboards

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tidemark/schemas"
)

// SQL in this package names relations and columns in braces, so that each name is checked against the schema:
//
//	{@token_calls_1h}   a relation; becomes "${namespace:percentencode}".token_calls_1h
//	{@token_calls_?}    the rollup of the grain that the range asks for; all of them must have the columns named
//	{@queries_?days}    the same with the ends of names that the variable days gives, see grains
//	{calls}             a column of a relation that the statement names; of all of them that are grains of one rollup
//	{~tenant}           the same, but not every grain has it: the variable by gives another column where it is not chosen
//
// A statement that names none of its columns wrongly may still be wrong; the tests run each one.
var bracedName = regexp.MustCompile(`\$?\{([@~]?)([a-z][a-z0-9_.]*(?:\?[a-z]*)?)\}`)

// grainSuffix is what the rollups of one family differ in.
var grainSuffix = regexp.MustCompile(`_(\?[a-z]*|(tenant_)?1m|(all_)?1[hd])$`)

// grains are the ends of rollups' names by the hidden variable that chooses one: by minute, by hour and day of all tenants
// together, by hour and day with the tenant, and the events themselves; days only; those of rollups that have the tenant
// always; what is read beside them for the parts of hours.
var grains = map[string][]string{
	"grain":  {"1m", "all_1h", "all_1d", "1h", "1d", "tenant_1m"},
	"days":   {"all_1d", "1d"},
	"longer": {"1h", "1d"},
	"ranked": {"1h", "1d", "tenant_1m"},
	"edge":   {"tenant_1m"},
}

// grained puts the variable of a ? into a name.
func grained(name string) string {
	base, variable, found := strings.Cut(name, "?")
	if !found {
		return name
	}
	return base + "${" + cmp.Or(variable, "grain") + ":percentencode}"
}

// quoted is a relation's name in SQL. A variable in it needs quotes around it, so that no value is more than a name.
func quoted(name string) string {
	if strings.Contains(name, "?") {
		return `"` + grained(name) + `"`
	}
	return name
}

// resolver turns names in braces into SQL and collects those that do not exist.
type resolver struct {
	relations map[string]schemas.Relation
	namespace string // The variable that names the database.
	problems  []string
}

// resolve returns the statement with its names put in. Problems name where, which a person can find.
func (r *resolver) resolve(where, sql string) string {
	families := map[string][]schemas.Relation{} // The relations named; rollups of one family together.
	for _, m := range bracedName.FindAllStringSubmatch(sql, -1) {
		if m[1] == "@" && m[0][0] != '$' {
			family := grainSuffix.ReplaceAllString(m[2], "")
			families[family] = append(families[family], r.named(where, m[2])...)
		}
	}
	return bracedName.ReplaceAllStringFunc(sql, func(token string) string {
		if token[0] == '$' {
			return token // A variable of Grafana's.
		}
		m := bracedName.FindStringSubmatch(token)
		if m[1] == "@" {
			return `"${` + r.namespace + `:percentencode}".` + quoted(m[2])
		}
		if missing := lacking(m[2], m[1] == "~", families); missing != "" {
			r.problems = append(r.problems, fmt.Sprintf("%s: column %s: %s", where, m[2], missing))
		}
		if m[1] == "~" {
			return `"${by:percentencode}"`
		}
		return m[2]
	})
}

// named returns the relations that a name stands for.
func (r *resolver) named(where, name string) []schemas.Relation {
	names := []string{name}
	if base, variable, found := strings.Cut(name, "?"); found {
		names = nil
		for _, grain := range grains[cmp.Or(variable, "grain")] {
			names = append(names, base+grain)
		}
	}
	var found []schemas.Relation
	for _, name := range names {
		relation, ok := r.relations[name]
		if !ok {
			r.problems = append(r.problems, fmt.Sprintf("%s: table or view %s: no migration makes it", where, name))
		}
		found = append(found, relation)
	}
	return found
}

// lacking says which relations should have the column and have it not, "" if all is well: there must be a family of which
// each relation that is named has it, or, for some, one of them.
func lacking(column string, some bool, families map[string][]schemas.Relation) string {
	var all []string
	for _, relations := range families {
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

// allTenants is true unless a tenant is chosen.
var allTenants = "(" + allOf("tenant") + ")"

// The variables that narrow down the rollups of calls, and those of queries and sign-ups.
var (
	callFilters   = []string{"~tenant", "product", "provider", "model"}
	peopleFilters = []string{"~tenant", "product", "segment", "country"}
)

// calls is a condition on token_calls_?.
func calls(span string) string {
	return span + " AND " + where(append([]string(nil), callFilters...)...)
}

// people is a condition on queries_? and signups_?.
func people(span string) string {
	return span + " AND " + where(append([]string(nil), peopleFilters...)...)
}

// audience is a condition on the rollups of distinct users, which are counted by one dimension at a time: the first that
// is chosen of those given.
//
// The value is narrowed down by a condition of each dimension, true but for the one taken: of an IN within an if() the
// engine makes no use of the key.
func audience(span string, dimensions ...string) string {
	dimension, earlier, value := "''", "", ""
	for _, d := range dimensions {
		value += fmt.Sprintf(" AND (%s%s)", earlier, isChosen("{value}", d))
		earlier += "NOT (" + allOf(d) + ") OR "
	}
	for _, d := range slices.Backward(dimensions) {
		dimension = fmt.Sprintf("if(%s, %s, '%s')", allOf(d), dimension, d)
	}
	return fmt.Sprintf("%s AND {dimension} = %s%s AND %s", span, dimension, value, named(dimensions...))
}

// users is the expression for active users over buckets of an audience, in a subquery by user_weight.
const usersByWeight = "{user_weight} * uniqCombined64Merge({users})"

// top is how many names a chart tells apart; the rest are one series: a chart with a hundred lines tells nothing.
const top = 10

// overTime is a sum a bucket by name: the names with the greatest totals, and the others together. One pass: each name's
// total is summed over the buckets, and its place follows.
func overTime(column, sum, relation, condition string) string {
	return byPlace("sum(v)", column, sum+" AS v", relation, condition)
}

// shareOverTime is the same for one sum by another; the first says which names are the greatest.
func shareOverTime(column, sum, by, relation, condition string) string {
	return byPlace("sum(v) / nullIf(sum(w), 0)", column, sum+" AS v, "+by+" AS w", relation, condition)
}

func byPlace(value, column, sums, relation, condition string) string {
	return fmt.Sprintf("SELECT time, if(place <= %[1]d, n, 'other') AS name, %[2]s AS value FROM (SELECT *, dense_rank() OVER (ORDER BY total DESC, n) AS place FROM ("+
		"SELECT "+bucketStart+" AS time, toString({%[3]s}) AS n, %[4]s, sum(v) OVER (PARTITION BY n) AS total FROM %[5]s WHERE %[6]s GROUP BY time, {%[3]s})) GROUP BY time, name ORDER BY time, name",
		top, value, column, sums, relation, condition)
}

// intervals takes the whole intervals of the panel that lie in the range, of a column with times: for series from the
// ledger and the audits. The first and the last are left out where the range cuts them, and so is the one under way.
func intervals(column string) string {
	const step = "INTERVAL $__interval_s SECOND"
	return fmt.Sprintf("%[1]s >= $__fromTime_ms AND toStartOfInterval(%[1]s, %[2]s) >= $__fromTime_ms AND %[1]s < toStartOfInterval(least($__toTime_ms, now64(3)), %[2]s)", column, step)
}
