package rollup

import (
	"fmt"
	"strings"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/pricing"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Table is a rollup with the queries that compute it.
type Table struct {
	schemas.Rollup
	// Finished makes its queries return the values of states in place of the states.
	Finished bool
	// Plan says how calls are priced, for SelectRaw of a priced rollup, in the range of its source.
	Plan *pricing.Plan
}

// Tables returns all rollups. A rollup that merges another one comes after it.
func Tables() []Table {
	rollups := schemas.Rollups()
	tables := make([]Table, len(rollups))
	for i := range rollups {
		tables[i].Rollup = rollups[i]
	}
	return tables
}

// Source says which rows of one type's raw table to aggregate.
type Source struct {
	From, To int32 // Minutes; To is exclusive.
	Bounds   ledgerdb.Bounds
	// Deduplicate leaves out all but one record of each event: of the highest revision, the first. Without it every row
	// counts.
	Deduplicate bool

	since []base // Rows of these are left out.
}

// sql is a subquery of the rows with the columns named.
func (s Source) sql(t schemas.Type, columns string) string {
	spec := schemas.SpecOf(t)
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE minute >= %d AND minute < %d AND %s",
		columns, spec.RawTable, s.From, s.To, s.Bounds.RawSQL()) + sinceSQL(s.since)
	if s.Deduplicate {
		orderBy, limitBy := spec.OnceSQL()
		sql += " " + orderBy + " " + limitBy
	}
	return sql
}

// SelectRaw returns a query that computes the buckets of t from raw: `start`, the first minute of the bucket, the
// dimensions, and the measures as m0, m1 and so on. There is one source for each of t.Types.
func (t *Table) SelectRaw(sources []Source) string {
	switch {
	case t.Audience:
		return t.selectAudience(sources)
	case t.Priced:
		dims := strings.Join(t.Dims, ", ")
		return fmt.Sprintf("SELECT start, %[1]s, %[2]s FROM (%[3]s) GROUP BY start, %[1]s", dims, t.aggregates(false), t.plan().SelectSQL(PricedRows(sources[0])))
	}
	group := append([]string{fmt.Sprintf("minute - positiveModulo(minute, %d)", t.Minutes)}, t.Dims...)
	return fmt.Sprintf("SELECT %s AS start, %s, %s FROM (%s) GROUP BY %s",
		group[0], strings.Join(t.Dims, ", "), t.aggregates(false),
		sources[0].sql(t.Types[0], "*, minute"), strings.Join(group, ", "))
}

// plan is that of the table, or one without prices.
func (t *Table) plan() *pricing.Plan {
	if t.Plan == nil {
		return pricing.None()
	}
	return t.Plan
}

// aggregates are the measures over rows of raw or, with merge, over rows of another rollup.
func (t *Table) aggregates(merge bool) string {
	var parts []string
	for i := range t.Measures {
		m := &t.Measures[i]
		expression := m.Raw()
		switch {
		case t.Finished:
			expression = m.Value(merge)
		case merge:
			expression = m.Merge()
		}
		parts = append(parts, fmt.Sprintf("%s AS m%d", expression, i))
	}
	return strings.Join(parts, ", ")
}

// selectAudience counts known users by each of schemas.AudienceDims and by none.
func (t *Table) selectAudience(sources []Source) string {
	var rows, values, sets []string
	for i, source := range sources {
		rows = append(rows, "SELECT * FROM ("+source.sql(t.Types[i],
			fmt.Sprintf("minute - positiveModulo(minute, %d) AS start, user, user_weight, %s", t.Minutes, strings.Join(schemas.AudienceDims, ", ")))+")")
	}
	sets = append(sets, "(start, user_weight)")
	for _, dim := range schemas.AudienceDims {
		values = append(values, fmt.Sprintf("grouping(%s) = 0, ('%s', toString(%s))", dim, dim, dim))
		sets = append(sets, fmt.Sprintf("(start, user_weight, %s)", dim))
	}
	return fmt.Sprintf("SELECT start, multiIf(%s, ('', '')) AS what, what.1 AS dimension, what.2 AS value, user_weight, %s FROM (%s) WHERE user != 0 GROUP BY GROUPING SETS (%s)",
		strings.Join(values, ", "), t.aggregates(false),
		strings.Join(rows, " UNION ALL "), strings.Join(sets, ", "))
}

// SelectMerge returns the query of SelectRaw for a table that merges the published buckets of another.
func (t *Table) SelectMerge(from, to int32) string {
	start := fmt.Sprintf("%[1]s - positiveModulo(%[1]s, %[2]d)", spans.BucketMinuteSQL, t.Minutes)
	dims := strings.Join(t.Dims, ", ")
	return fmt.Sprintf("SELECT %s AS start, %s, %s FROM %s WHERE %s GROUP BY start, %s",
		start, dims, t.aggregates(true), t.From, spans.Span{From: from, To: to}.BucketsSQL(), dims)
}
