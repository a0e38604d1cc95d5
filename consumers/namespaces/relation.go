package namespaces

import (
	"fmt"
	"slices"
	"strings"

	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// relation is what a Diff compares row by row: a rollup, or the events of a type.
type relation struct {
	name    string   // The view.
	rows    string   // The table behind it, whose rows are counted for planning.
	start   string   // The minute that a row begins with, as an expression.
	in      string   // The condition that a row lies in a range, with %d for each bound.
	length  int32    // Of a bucket, minutes.
	dims    []string // The columns that tell the rows of a bucket apart.
	columns []string // The columns that are compared.
	values  []string // The expressions that they are compared by.
	totals  []string // The expressions for their values over all rows; none if they have no such value.
}

// ofRollup is the relation of a rollup. Measures that depend on places in the log are left out: the same events lie
// elsewhere in another namespace.
func ofRollup(t *schemas.Rollup) relation {
	r := relation{
		name: t.Name, rows: t.Rows(), length: t.Minutes, dims: t.Dims,
		start: spans.BucketMinuteInt64SQL,
		in:    "bucket >= toDateTime64(%d * 60, 0, 'UTC') AND bucket < toDateTime64(%d * 60, 0, 'UTC')",
	}
	values, totals := t.Values(func(i int) string { return t.Measures[i].Column }), t.Totals()
	for i, m := range t.Measures {
		if !m.Placed {
			r.columns, r.values, r.totals = append(r.columns, m.Column), append(r.values, values[i]), append(r.totals, totals[i])
		}
	}
	return r
}

// notOfEvent are columns that say where an event lies and who sent it, and nothing of the event itself; the identity is
// made of tenant, source and id.
var notOfEvent = []string{"minute", "identity", "epoch", "partition", "offset", "run"}

// ofEvents is the relation of the events of a type, each once.
func ofEvents(spec schemas.Spec, view schemas.Relation) relation {
	r := relation{
		name: spec.Name, rows: spec.RawTable, length: 1, dims: []string{"time", "tenant", "source", "id"},
		start: "toInt64(minute)",
		// Of all columns a filter on the time reaches the table behind the view.
		in: "time >= toDateTime64(%d * 60, 6, 'UTC') AND time < toDateTime64(%d * 60, 6, 'UTC')",
	}
	for _, column := range view.Columns {
		if !slices.Contains(notOfEvent, column) && !slices.Contains(r.dims, column) {
			r.columns = append(r.columns, column)
			r.values = append(r.values, fmt.Sprintf("ifNull(toString(%s), 'null')", schemas.Ident(column)))
		}
	}
	return r
}

// relations are what a Diff compares.
func relations(deep bool) []relation {
	var all []relation
	for _, t := range schemas.Rollups() {
		all = append(all, ofRollup(&t))
	}
	if !deep {
		return all
	}
	views := schemas.Relations()
	for _, spec := range schemas.Specs() {
		// What a run reported of itself is of the run, and two are never the same.
		if spec.Type != schemas.RunType {
			all = append(all, ofEvents(spec, views[spec.Name]))
		}
	}
	return all
}

func (r *relation) where(s spans.Span) string { return fmt.Sprintf(r.in, s.From, s.To) }

// daysSQL counts the rows of both namespaces by day. It counts rows on disk, those of versions that are not shown
// included.
func (r *relation) daysSQL(a, b string, s spans.Span) string {
	from := func(database string) string {
		return fmt.Sprintf(`SELECT toInt32(%[1]s - positiveModulo(%[1]s, %[2]d)) AS day_, count() AS rows_ FROM %[3]s.%[4]s WHERE %[5]s GROUP BY day_`,
			r.start, spans.Day, schemas.Ident(database), schemas.Ident(r.rows), r.where(s))
	}
	return fmt.Sprintf(`SELECT day_, sum(rows_) FROM (%s UNION ALL %s) GROUP BY day_ ORDER BY day_`, from(a), from(b))
}

// pairs puts the rows of both namespaces side by side: where a row begins, its dimensions, how many of it each has, and
// the value of each. The names of the query end in an underscore, as no column does: audiences have a column value.
func (r *relation) pairs(a, b string, s spans.Span, value string) string {
	dims := r.quoted()
	from := func(database string, second bool) string {
		return fmt.Sprintf(`SELECT %s AS start_, %s, %s AS value_, %t AS second_ FROM %s.%s WHERE %s`,
			r.start, dims, value, second, schemas.Ident(database), schemas.Ident(r.name), r.where(s))
	}
	return fmt.Sprintf(`SELECT start_, %[1]s, countIf(NOT second_) AS rows_a_, countIf(second_) AS rows_b_, anyIf(value_, NOT second_) AS value_a_, anyIf(value_, second_) AS value_b_ `+
		`FROM (%[2]s UNION ALL %[3]s) GROUP BY start_, %[1]s`, dims, from(a, false), from(b, true))
}

func (r *relation) quoted() string {
	var dims []string
	for _, d := range r.dims {
		dims = append(dims, schemas.Ident(d))
	}
	return strings.Join(dims, ", ")
}

// differs is the condition on pairs that they are not the same.
const differs = `rows_a_ != 1 OR rows_b_ != 1 OR value_a_ != value_b_`

// countSQL counts the pairs in a range, and those that differ by a hash of their values, which is many times cheaper
// than to compare them as they are shown.
func (r *relation) countSQL(a, b string, s spans.Span, settings string) string {
	return fmt.Sprintf(`SELECT count(), countIf(%s) FROM (%s)%s`, differs, r.pairs(a, b, s, "cityHash64("+strings.Join(r.values, ", ")+")"), settings)
}

// listSQL lists the pairs that differ, with their values as text, in order.
func (r *relation) listSQL(a, b string, s spans.Span, settings string) string {
	text := "[toString(" + strings.Join(r.values, "), toString(") + ")]"
	var dims []string
	for _, d := range r.dims {
		dims = append(dims, "toString("+schemas.Ident(d)+")")
	}
	return fmt.Sprintf(`SELECT toInt32(start_), [%s], toUInt64(rows_a_), toUInt64(rows_b_), value_a_, value_b_ FROM (%s) WHERE %s ORDER BY start_, %s%s`,
		strings.Join(dims, ", "), r.pairs(a, b, s, text), differs, r.quoted(), settings)
}

// totalsSQL is the value of each column over all rows of a namespace in a range.
func (r *relation) totalsSQL(database string, s spans.Span, settings string) string {
	return fmt.Sprintf(`SELECT [toString(%s)] FROM %s.%s WHERE %s%s`,
		strings.Join(r.totals, "), toString("), schemas.Ident(database), schemas.Ident(r.name), r.where(s), settings)
}
