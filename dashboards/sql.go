package dashboards

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tidemark/schemas"
)

// SQL in this package names relations and columns in braces, so that each name is checked against the schema:
//
//	{@token_calls_1h}   a relation; becomes ${namespace:doublequote}.token_calls_1h
//	{@token_calls_?}    the rollup of the grain that the range asks for; all of them must have the columns named
//	{calls}             a column of a relation that the statement names; of all of them that are grains of one rollup
//	{~tenant}           the same, but not every grain needs to have it
//
// A statement that names none of its columns wrongly may still be wrong; the tests run each one.
var bracedName = regexp.MustCompile(`\$?\{([@~]?)([a-z][a-z0-9_.]*\??)\}`)

// grainSuffix is what the rollups of one family differ in.
var grainSuffix = regexp.MustCompile(`_(\?|1m|(all_)?1[hd])$`)

// grains are the rollups' buckets, the ends of their names: by minute, by hour and day of all tenants together, and by hour
// and day with the tenant.
var grains = []string{"1m", "all_1h", "all_1d", "1h", "1d"}

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
			return "${" + r.namespace + ":doublequote}." + strings.Replace(m[2], "?", "${grain}", 1)
		}
		if missing := lacking(m[2], m[1] == "~", families); missing != "" {
			r.problems = append(r.problems, fmt.Sprintf("%s: column %s: %s", where, m[2], missing))
		}
		return m[2]
	})
}

// named returns the relations that a name stands for.
func (r *resolver) named(where, name string) []schemas.Relation {
	names := []string{name}
	if base, ok := strings.CutSuffix(name, "?"); ok {
		names = nil
		for _, grain := range grains {
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

// Conditions and expressions that many statements share.
const (
	// inRange takes the buckets that begin in the range, the open one among them: for totals.
	inRange = "{bucket} >= $__fromTime_ms AND {bucket} < $__toTime_ms"

	// grainSeconds is the length of a bucket.
	grainSeconds = "transform(right('${grain}', 2), ['1m', '1h', '1d'], [60, 3600, 86400], 60)"

	// byDays and byHours choose between two rollups that have no minutes.
	byDays  = "right('${grain}', 2) = '1d'"
	byHours = "right('${grain}', 2) != '1d'"

	// allTenants is true unless a tenant is chosen.
	allTenants = "($__conditionalAll(1 = 0, $tenant))"
)

// whole takes the buckets in the range that are whole: for series, so that none ends in a false cliff.
func whole(rollup string) string {
	rollup = strings.Replace(rollup, "?", "${grain}", 1)
	return inRange + " AND {bucket} <= (SELECT max({whole_until}) FROM {@rollup_progress} WHERE {rollup} = '" + rollup + "')"
}

// where joins the conditions for the variables given, each of which is left out where all values are chosen. A name with
// a ~ is a column that only the longer grains have.
func where(conditions ...string) string {
	for i, c := range conditions {
		if name := strings.TrimPrefix(c, "~"); !strings.ContainsAny(name, " {") {
			conditions[i] = fmt.Sprintf("$__conditionalAll({%s} IN (${%s:singlequote}), $%s)", c, name, name)
		}
	}
	return strings.Join(conditions, " AND ")
}

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
func audience(span string, dimensions ...string) string {
	dimension, value := "''", "1 = 1"
	for i := len(dimensions) - 1; i >= 0; i-- {
		d := dimensions[i]
		all := fmt.Sprintf("$__conditionalAll(1 = 0, $%s)", d)
		dimension = fmt.Sprintf("if(%s, %s, '%s')", all, dimension, d)
		value = fmt.Sprintf("if(%[1]s, %[2]s, $__conditionalAll({value} IN (${%[3]s:singlequote}), $%[3]s))", all, value, d)
	}
	return fmt.Sprintf("%s AND {dimension} = %s AND %s", span, dimension, value)
}

// users is the expression for active users over buckets of an audience, in a subquery by user_weight.
const usersByWeight = "{user_weight} * uniqCombined64Merge({users})"

// topSeries keeps the names with the greatest totals and gives the rest one name: a chart with a hundred lines tells
// nothing. The expression names the column, total sums it.
func topSeries(n int, column, total, from, condition string) string {
	return fmt.Sprintf("if(%[2]s IN (SELECT %[2]s FROM %[4]s WHERE %[5]s GROUP BY %[2]s ORDER BY %[3]s DESC LIMIT %[1]d), toString(%[2]s), 'other')", n, column, total, from, condition)
}

// intervals takes the whole intervals of the panel that lie in the range, of a column with times: for series from the
// ledger and the audits. The first and the last are left out where the range cuts them, and so is the one under way.
func intervals(column string) string {
	const step = "INTERVAL $__interval_s SECOND"
	return fmt.Sprintf("%[1]s >= toStartOfInterval($__fromTime_ms, %[2]s) + %[2]s AND %[1]s < toStartOfInterval(least($__toTime_ms, now64(3)), %[2]s)", column, step)
}
