package schemas

import "slices"

// Measure is a column of a rollup that sums up events.
type Measure struct {
	Column  string
	Type    string // Of the column.
	Comment string
	// Placed means that the value depends on where in the log the records lie, and not on the events alone.
	Placed bool

	codec string
	// value is what a row of raw adds, where the condition when is true; an empty one always is. Both name columns of raw
	// in braces.
	value, when string
	aggregate   string    // The aggregate over raw rows, where it is not the sum of value.
	state       *function // The column holds the state of this function, not a number.
}

// function is an aggregate function over columns of raw.
type function struct {
	name, parameters string
	arguments        string // Columns in braces.
}

// call applies the function, with a combinator.
func (f *function) call(combinator, arguments string) string {
	return f.name + combinator + f.parameters + "(" + arguments + ")"
}

// IsState reports whether the column holds a mergeable state and not a number.
func (m *Measure) IsState() bool { return m.state != nil }

// Raw is the aggregate over rows of raw.
func (m *Measure) Raw() string {
	switch {
	case m.state != nil:
		return bare(m.state.call("State", m.state.arguments))
	case m.aggregate != "":
		return m.aggregate
	case m.when != "":
		return bare("sumIf(" + m.value + ", " + m.when + ")")
	}
	return bare("sum(" + m.value + ")")
}

// Merge is the aggregate over rows of another rollup.
func (m *Measure) Merge() string {
	if m.state != nil {
		return m.state.call("MergeState", m.Column)
	}
	return "sum(" + m.Column + ")"
}

// Value is Raw or Merge with the value of a state in place of the state. It is cheaper than the value of that state, and
// the same.
func (m *Measure) Value(merge bool) string {
	switch {
	case m.state != nil && merge:
		return m.state.call("Merge", m.Column)
	case m.state != nil:
		return bare(m.state.call("", m.state.arguments))
	case merge:
		return m.Merge()
	}
	return m.Raw()
}

// row is the value of one row of raw, whose columns are in braces.
func (m *Measure) row() string {
	switch {
	case m.state != nil:
		return "initializeAggregation('" + m.state.name + "State" + m.state.parameters + "', " + m.state.arguments + ")"
	case m.when != "":
		return "if(" + m.when + ", " + m.value + ", to" + m.Type + "(0))"
	}
	return m.value
}

// bare is an expression with the plain names of its columns.
func bare(expression string) string {
	return expand(expression, func(column string) string { return column })
}

// wide is an expression as a number whose sums do not wrap: 20,000 events within the limits are beyond 64 bits.
func wide(expression string) string { return "toUInt128(" + expression + ")" }

// sumIf sums what the rows count for where a condition is true.
func sumIf(column, by, when, comment string) Measure {
	return Measure{Column: column, Type: "UInt128", value: wide(by), when: when, Comment: comment}
}

// tokenSum sums a count that may be unknown, times the weight of its row: the tokens of a row are those of all its
// calls.
func tokenSum(column string) Measure {
	return sumIf(column, "ifNull({"+column+"}, 0) * {weight}", "", "")
}

// TokensSQL is the sum of the column input_tokens or output_tokens over rows of the view of calls, as a UInt128. Tokens
// count as often as the row's weight says, and unknown ones as 0.
func TokensSQL(column string) string {
	sum := tokenSum(column)
	return sum.Raw()
}

// stateOf is a measure kept as the mergeable state of an aggregate function. types are those of its arguments.
func stateOf(column, name, parameters string, arguments []string, types, comment string) Measure {
	f := &function{name: name, parameters: parameters}
	for i, argument := range arguments {
		if i > 0 {
			f.arguments += ", "
		}
		f.arguments += "{" + argument + "}"
	}
	return Measure{Column: column, Type: "AggregateFunction(" + name + parameters + ", " + types + ")", Comment: comment, state: f}
}

// checksumColumn is the measure that ties a rollup to the ledger.
const checksumColumn = "checksum"

// proved returns the measures of counted without the checksum, for rollups of raw beside one that has it: their number of records proves that no copy of a
// row is in them, and the other one that none is missing. A checksum takes 0.13 us per row.
func proved(measures []Measure) []Measure {
	return slices.DeleteFunc(slices.Clone(measures), func(m Measure) bool { return m.Column == checksumColumn })
}

// HasChecksum reports whether the rollup has a checksum to compare with the ledger.
func (r *Rollup) HasChecksum() bool {
	return slices.ContainsFunc(r.Measures, func(m Measure) bool { return m.Column == checksumColumn })
}

// counted begins the measures of every type: events by what a row counts for, records, and the checksum that ties them
// to the ledger.
func counted(column string, t Type, by, comment string) []Measure {
	return []Measure{
		sumIf(column, by, "", comment),
		{Column: "records", Type: "UInt64", codec: "CODEC(T64, LZ4)", value: "toUInt64(1)", aggregate: "count()", Comment: "Events, whatever their weight."},
		{Column: checksumColumn, Type: "UInt64", codec: "CODEC(NONE)", aggregate: "sum(" + SpecOf(t).ChecksumSQL() + ")", Placed: true,
			Comment: "Sum of the raw rows' checksums, to compare with the ledger."},
	}
}
