package rollup

import (
	"fmt"
	"slices"
	"strings"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Table is one rollup: which buckets it has, from where, and what its columns are.
type Table struct {
	Name     string         // The view that people read: "token_calls_1m". Its rows are in the table Rows().
	Minutes  int32          // The length of a bucket.
	Types    []schemas.Type // Whose raw rows it stands for.
	From     string         // The rollup whose buckets it merges; empty if it is computed from raw.
	Dims     []string       // The columns that tell the rows of a bucket apart; named alike in raw.
	Measures []Measure

	audience bool // Counts distinct users, by one dimension at a time.
}

// Measure is a column that sums up events.
type Measure struct {
	Column string
	// Placed means that the value depends on where in the log the records lie, and not on the events alone.
	Placed bool
	raw    string // The aggregate over raw rows.
	merge  string // The aggregate over rows of another rollup.
	state  bool   // The column holds a state, not a number.
}

// Lengths of buckets in minutes.
const (
	minute int32 = 1
	hour   int32 = 60
	day    int32 = 24 * hour
)

// sum is a measure whose rows add up.
func sum(column, raw string) Measure {
	return Measure{Column: column, raw: raw, merge: "sum(" + column + ")"}
}

// state is a measure kept as the mergeable state of an aggregate function.
func state(column, function, parameters, arguments string) Measure {
	if parameters != "" {
		parameters = "(" + parameters + ")"
	}
	return Measure{
		Column: column,
		raw:    function + "State" + parameters + "(" + arguments + ")",
		merge:  function + "MergeState" + parameters + "(" + column + ")",
		state:  true,
	}
}

// wide is an expression as a number whose sums do not wrap: 20,000 events within the limits are beyond 64 bits.
func wide(expression string) string { return "toUInt128(" + expression + ")" }

// weight and calls are what a row counts for: calls are counted by how many it adds up too.
const (
	weight = "weight"
	calls  = "weight * ifNull(requests, 1)"
)

// callsIf sums the calls of the rows that a condition holds for.
func callsIf(column, condition string) Measure {
	return sum(column, "sumIf("+wide(calls)+", "+condition+")")
}

// weighted sums a count that may be unknown, times the weight of its row: tokens are those of all calls of the row.
func weighted(column string) Measure {
	return sum(column, "sum("+wide("ifNull("+column+", 0) * weight")+")")
}

// quantiles are the levels that the states are made for and have to be read with.
const quantiles = "0.5, 0.9, 0.95, 0.99"

func distribution(column, raw string) Measure {
	return state(column, "quantilesBFloat16Weighted", quantiles, raw+", weight")
}

// counted begins the measures of every type: events by what a row counts for, records, and the checksum that ties them to the
// ledger.
func counted(column string, t schemas.Type, by string) []Measure {
	checksum := sum("checksum", "sum("+schemas.SpecOf(t).ChecksumSQL()+")")
	checksum.Placed = true
	return []Measure{sum(column, "sum("+wide(by)+")"), sum("records", "count()"), checksum}
}

func callMeasures() []Measure {
	const dollars = "isNotNull(reported_cost_nanos) AND cost_currency = 'USD'"
	return append(counted("calls", schemas.TokenCallType, calls),
		callsIf("streaming_calls", "streaming"),
		weighted("input_uncached"), weighted("input_cache_read"), weighted("input_cache_write"),
		weighted("output_visible"), weighted("output_reasoning"),
		callsIf("unknown_input_calls", "isNull(input_uncached) AND isNull(input_cache_read) AND isNull(input_cache_write)"),
		callsIf("unknown_output_calls", "isNull(output_visible) AND isNull(output_reasoning)"),
		distribution("latency", "latency_us"), distribution("first_token", "first_token_us"),
		callsIf("latency_calls", "isNotNull(latency_us)"),
		callsIf("first_token_calls", "isNotNull(first_token_us)"),
		sum("reported_cost_picos", "sumIf((toInt128(assumeNotNull(reported_cost_nanos)) * 1000 + reported_cost_picos) * weight, "+dollars+")"),
		callsIf("reported_cost_calls", dollars),
		callsIf("other_currency_calls", "isNotNull(reported_cost_nanos) AND cost_currency != 'USD'"),
	)
}

// family makes the rollups of one type: by minute, and by hour and day with the tenant and, merged from the minutes, of all
// tenants together: by tenant they are as long as raw is wide, and most who ask do not ask for one.
func family(t schemas.Type, dims []string, measures []Measure) []Table {
	name := schemas.SpecOf(t).Name
	byTenant := append([]string{"tenant"}, dims...)
	types := []schemas.Type{t}
	return []Table{
		{Name: name + "_1m", Minutes: minute, Types: types, Dims: dims, Measures: measures},
		{Name: name + "_1h", Minutes: hour, Types: types, Dims: byTenant, Measures: measures},
		{Name: name + "_1d", Minutes: day, Types: types, From: name + "_1h", Dims: byTenant, Measures: measures},
		{Name: name + "_all_1h", Minutes: hour, Types: types, From: name + "_1m", Dims: dims, Measures: measures},
		{Name: name + "_all_1d", Minutes: day, Types: types, From: name + "_all_1h", Dims: dims, Measures: measures},
	}
}

// Tables returns all rollups; one that merges another comes after it.
func Tables() []Table {
	byProduct := []string{"product", "segment", "country"}
	byModel := []string{"product", "provider", "model", "status"}
	audience := Table{
		Name: "audience_1h", Minutes: hour, Types: []schemas.Type{schemas.QueryType, schemas.TokenCallType},
		Dims:     []string{"dimension", "value", "user_weight"},
		Measures: []Measure{state("users", "uniqCombined64", "", "user")},
		audience: true,
	}
	audienceDay := audience
	audienceDay.Name, audienceDay.Minutes, audienceDay.From = "audience_1d", day, audience.Name
	return slices.Concat(
		family(schemas.QueryType, byProduct, counted("queries", schemas.QueryType, weight)),
		family(schemas.SignupType, byProduct, counted("signups", schemas.SignupType, weight)),
		family(schemas.TokenCallType, byModel, callMeasures()),
		[]Table{{
			Name: "model_events_1d", Minutes: day, Types: []schemas.Type{schemas.ModelEventType},
			Dims:     []string{"kind", "model", "base_model", "organization", "hub", "country"},
			Measures: counted("events", schemas.ModelEventType, weight),
		}, audience, audienceDay},
	)
}

// Rows is the table that holds the rows of every version.
func (t *Table) Rows() string {
	if t.audience {
		return t.Name + "_states"
	}
	return t.Name + "_rows"
}

// Columns returns dimensions and measures, as they are named in the view and in the table of rows.
func (t *Table) Columns() []string {
	columns := slices.Clone(t.Dims)
	for _, m := range t.Measures {
		columns = append(columns, m.Column)
	}
	return columns
}

// Values returns, for each measure, the expression that two rows are compared by: of a state its value, since states of
// equal sets may differ in bytes. The function names the column of the i-th measure.
func (t *Table) Values(column func(i int) string) []string {
	var values []string
	for i, m := range t.Measures {
		if m.state {
			values = append(values, "finalizeAggregation("+column(i)+")")
		} else {
			values = append(values, column(i))
		}
	}
	return values
}

// Totals returns, for each measure, the expression for its value over many rows: the sum, or of states the value of all
// of them together.
func (t *Table) Totals() []string {
	var totals []string
	for _, m := range t.Measures {
		if m.state {
			totals = append(totals, "finalizeAggregation("+m.merge+")")
		} else {
			totals = append(totals, "sum(toInt256("+m.Column+"))")
		}
	}
	return totals
}

// audienceDims are what distinct users are counted by, one at a time.
var audienceDims = []string{"product", "segment", "country", "tenant", "model"}

// Source says which rows of one type's raw table to aggregate.
type Source struct {
	From, To int32 // Minutes; To is exclusive.
	Bounds   ledgerdb.Bounds
	// Deduplicate leaves out all but one record of each event: of the highest revision, the first. Without it every row
	// counts.
	Deduplicate bool
}

// sql is a subquery of the rows with the columns named.
func (s Source) sql(t schemas.Type, columns string) string {
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE minute >= %d AND minute < %d AND %s",
		columns, schemas.SpecOf(t).RawTable, s.From, s.To, s.Bounds.RawSQL())
	if s.Deduplicate {
		sql += " ORDER BY minute, revision DESC, epoch, partition, offset LIMIT 1 BY time, tenant, identity"
	}
	return sql
}

// SelectRaw returns a query that computes the buckets of t from raw: `start`, the first minute of the bucket, the
// dimensions, and the measures as m0, m1 and so on. There is one source for each of t.Types.
func (t *Table) SelectRaw(sources []Source) string {
	if t.audience {
		return t.selectAudience(sources)
	}
	group := append([]string{fmt.Sprintf("minute - positiveModulo(minute, %d)", t.Minutes)}, t.Dims...)
	return fmt.Sprintf("SELECT %s AS start, %s, %s FROM (%s) GROUP BY %s",
		group[0], strings.Join(t.Dims, ", "), t.aggregates(func(m Measure) string { return m.raw }),
		sources[0].sql(t.Types[0], "*, minute"), strings.Join(group, ", "))
}

func (t *Table) aggregates(expression func(Measure) string) string {
	var parts []string
	for i, m := range t.Measures {
		parts = append(parts, fmt.Sprintf("%s AS m%d", expression(m), i))
	}
	return strings.Join(parts, ", ")
}

// selectAudience counts known users by each of audienceDims and by none.
func (t *Table) selectAudience(sources []Source) string {
	var rows, values, sets []string
	for i, source := range sources {
		rows = append(rows, "SELECT * FROM ("+source.sql(t.Types[i],
			fmt.Sprintf("minute - positiveModulo(minute, %d) AS start, user, user_weight, %s", t.Minutes, strings.Join(audienceDims, ", ")))+")")
	}
	sets = append(sets, "(start, user_weight)")
	for _, dim := range audienceDims {
		values = append(values, fmt.Sprintf("grouping(%s) = 0, ('%s', toString(%s))", dim, dim, dim))
		sets = append(sets, fmt.Sprintf("(start, user_weight, %s)", dim))
	}
	return fmt.Sprintf("SELECT start, multiIf(%s, ('', '')) AS what, what.1 AS dimension, what.2 AS value, user_weight, %s FROM (%s) WHERE user != 0 GROUP BY GROUPING SETS (%s)",
		strings.Join(values, ", "), t.aggregates(func(m Measure) string { return m.raw }),
		strings.Join(rows, " UNION ALL "), strings.Join(sets, ", "))
}

// SelectMerge returns the query of SelectRaw for a table that merges the published buckets of another.
func (t *Table) SelectMerge(from, to int32) string {
	start := fmt.Sprintf("intDiv(toUnixTimestamp64Second(bucket), 60) - positiveModulo(intDiv(toUnixTimestamp64Second(bucket), 60), %d)", t.Minutes)
	dims := strings.Join(t.Dims, ", ")
	return fmt.Sprintf("SELECT %s AS start, %s, %s FROM %s WHERE %s GROUP BY start, %s",
		start, dims, t.aggregates(func(m Measure) string { return m.merge }), t.From, spans.Span{From: from, To: to}.BucketsSQL(), dims)
}
