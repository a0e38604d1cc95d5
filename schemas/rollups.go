package schemas

import (
	"slices"
	"strings"
)

// Rollup is a table of sums per bucket of time, and the view that people read. From this table follow the tables and
// views of the database, the INSERT SELECT of the roller, what the audit and a diff compare, and the names that
// dashboards use. To add a measure, add a line to callMeasures or its neighbors.
type Rollup struct {
	Name     string // The view that people read: "token_calls_1m". Its rows are in the table Rows().
	Of       string // What it counts, for people: "Calls to models".
	Minutes  int32  // The length of a bucket.
	Types    []Type // The types whose raw rows it stands for.
	From     string // The rollup whose buckets it merges; empty if it is computed from raw.
	Dims     []string
	Measures []Measure
	Shown    []Shown // Columns that only the view has, over columns of the rollup in braces.
	// PerEvent names the view with the same columns that has a row per event; empty if there is none.
	PerEvent string
	// Audience marks a rollup that counts distinct users, by one dimension at a time.
	Audience bool
	// Priced marks a rollup of what calls cost: its sums are over columns that its query adds to those of raw.
	Priced bool

	key         []string // What the rows are sorted by before slot; empty for bucket and Dims.
	granularity string   // Rows per mark; empty for the database's default.
}

// AudienceDims are what distinct users are counted by, one at a time.
var AudienceDims = []string{"product", "segment", "country", "tenant", "model"}

// What a row of raw counts for. A row may add up several calls.
const (
	weight = "{weight}"
	calls  = "{weight} * ifNull({requests}, 1)"
)

// Conditions on the columns of a call.
const (
	dollars    = "isNotNull({reported_cost_nanos}) AND {cost_currency} = 'USD'"
	otherMoney = "isNotNull({reported_cost_nanos}) AND {cost_currency} != 'USD'"
	costPicos  = "(toInt128(assumeNotNull({reported_cost_nanos})) * 1000 + {reported_cost_picos}) * {weight}"
)

// The classes of tokens: columns of a call whose sums are its input and its output. A class that is null is unknown.
var (
	inputClasses  = []string{"input_uncached", "input_cache_read", "input_cache_write"}
	outputClasses = []string{"output_visible", "output_reasoning"}
)

// eachClass writes one term per class of tokens, %s in it being the column in braces.
func eachClass(classes []string, term, between string) string {
	terms := make([]string, len(classes))
	for i, class := range classes {
		terms[i] = strings.ReplaceAll(term, "%s", "{"+class+"}")
	}
	return strings.Join(terms, between)
}

// noneKnown is the condition that every class is unknown.
func noneKnown(classes []string) string { return eachClass(classes, "isNull(%s)", " AND ") }

// tokensOfEvent is the sum of the known classes of one call, null if none is known.
func tokensOfEvent(classes []string) string {
	return bare("if(" + noneKnown(classes) + ", NULL, " + eachClass(classes, "ifNull(%s, 0)", " + ") + ")")
}

// callMeasures are the measures of calls to models. All but records and checksum count by weight.
func callMeasures() []Measure {
	measures := append(counted("calls", TokenCallType, calls, "Sum of weights times requests."),
		sumIf("streaming_calls", calls, "{streaming}", ""))
	for _, class := range slices.Concat(inputClasses, outputClasses) {
		measures = append(measures, tokenSum(class))
	}
	return append(measures,
		sumIf("unknown_input_calls", calls, noneKnown(inputClasses), "Calls with no known class of input tokens."),
		sumIf("unknown_output_calls", calls, noneKnown(outputClasses), "Calls with no known class of output tokens."),
		quantiles("latency", "latency_us", "Microseconds. Read with "+quantilesFunction+"Merge"+quantileParameters()+", no other levels."),
		quantiles("first_token", "first_token_us", "As latency."),
		sumIf("latency_calls", calls, "isNotNull({latency_us})", "Calls with a known latency."),
		sumIf("first_token_calls", calls, "isNotNull({first_token_us})", ""),
		Measure{Column: "reported_cost_picos", Type: "Int128", value: costPicos, when: dollars, Comment: "In 1e-12 USD."},
		sumIf("reported_cost_calls", calls, dollars, "Calls with a reported cost in USD."),
		sumIf("other_currency_calls", calls, otherMoney, "Calls with a reported cost in another currency, which no sum includes."),
	)
}

// totalComment is about a sum of tokens that is never null.
const totalComment = "The sum of the known classes of input and output: at least that many, where a class is unknown."

// shownOfCalls are the columns that views of calls compute from measures.
var shownOfCalls = []Shown{
	{Name: "input_tokens", SQL: eachClass(inputClasses, "%s", " + ")},
	{Name: "output_tokens", SQL: eachClass(outputClasses, "%s", " + ")},
	{Name: "total_tokens", SQL: eachClass(slices.Concat(inputClasses, outputClasses), "%s", " + "), Comment: totalComment},
	{Name: "reported_cost_nanos", SQL: "intDiv({reported_cost_picos} - positiveModulo({reported_cost_picos}, 1000), 1000)"},
}

// Rollups returns all rollups. A rollup that merges another one comes after it.
func Rollups() []Rollup {
	byProduct := []string{"product", "segment", "country"}
	byModel := []string{"product", "provider", "model", "status"}
	audience := Rollup{
		Of: "Distinct users over requests and calls", Types: []Type{QueryType, TokenCallType},
		Dims:     []string{"dimension", "value", "user_weight"},
		Measures: []Measure{stateOf("users", "uniqCombined64", "", []string{"user"}, "UInt64", "Read with uniqCombined64Merge. Active users are that times user_weight.")},
		Shown:    []Shown{{Name: "user_weight", SQL: "toUInt128({user_weight})"}},
		Audience: true,
		// A state has up to 100 kB, and who reads one dimension should not read the states of the others.
		key: []string{"dimension", "value", "bucket", "user_weight"}, granularity: "4",
	}
	audience.named("audience", EndingHour, "")
	audienceDay := audience
	audienceDay.named("audience", EndingDay, EndingHour)
	models := Rollup{
		Of: "Releases, downloads and derivatives of models", Types: []Type{ModelEventType},
		Dims:     []string{"kind", "model", "base_model", "organization", "hub", "country"},
		Measures: counted("events", ModelEventType, weight, "Sum of weights."),
	}
	models.named(SpecOf(ModelEventType).Name, EndingDay, "")
	callReports := Rollup{
		Of: "Calls by who reported them and how well", Types: []Type{TokenCallType},
		Dims: []string{"tenant", "client", "client_version", "usage", "split"},
		Measures: append(proved(counted("calls", TokenCallType, calls, "Sum of weights times requests.")),
			sumIf("joined_calls", calls, "{joined} > 0", "Calls that several reports were joined into."),
			sumIf("may_be_double_calls", calls, "{may_be_double}", "Calls that another row may be about too.")),
		PerEvent: callReportsStem + "_" + EndingPerEvent,
	}
	callReports.named(callReportsStem, EndingHour, "")
	callReportsDay := callReports
	callReportsDay.named(callReportsStem, EndingDay, EndingHour)
	callReportsDay.PerEvent = ""
	tokenCalls := Rollup{Of: "Calls to models", Types: []Type{TokenCallType}, Dims: byModel, Measures: callMeasures(), Shown: shownOfCalls,
		granularity: "256"} // The states have kilobytes, and who reads one bucket should not read those of its neighbors.
	return slices.Concat(
		rollupsOfType(Rollup{Of: "Requests", Types: []Type{QueryType}, Dims: byProduct, Measures: counted("queries", QueryType, weight, "Sum of weights.")}),
		rollupsOfType(Rollup{Of: "New accounts", Types: []Type{SignupType}, Dims: byProduct, Measures: counted("signups", SignupType, weight, "Sum of weights.")}),
		rollupsOfType(tokenCalls),
		[]Rollup{callReports, callReportsDay, models, audience, audienceDay}, costs(),
	)
}

// callReportsStem begins the names of the rollups of calls by client.
const callReportsStem = "call_reports"

// named gives the rollup its name and what follows from it. Of from, the rollup that it merges, it takes the ending,
// empty for none.
func (r *Rollup) named(stem, ending, from string) {
	r.Name, r.Minutes = stem+"_"+ending, LengthOf(ending).Minutes
	if from != "" {
		r.From = stem + "_" + from
	}
}

// rollupsOfType makes the rollups of one type: by minute, and by hour and day both with the tenant and for all tenants
// together. Those with the tenant are as long as raw is wide, and most readers do not filter by tenant.
func rollupsOfType(of Rollup) []Rollup {
	name, dims := SpecOf(of.Types[0]).Name, of.Dims
	one := func(ending, from, granularity string, dims []string) Rollup {
		r := of
		r.Dims, r.granularity = dims, granularity
		if ending != EndingMinute {
			r.Measures = proved(of.Measures)
		}
		r.named(name, ending, from)
		return r
	}
	byTenant := append([]string{"tenant"}, dims...)
	all := []Rollup{
		one(EndingMinute, "", "", dims),
		one(EndingHour, "", "", byTenant),
		one(EndingDay, EndingHour, "", byTenant),
		one(EndingAllHour, EndingMinute, of.granularity, dims),
		one(EndingAllDay, EndingAllHour, of.granularity, dims),
	}
	all[1].PerEvent = name + "_" + EndingPerEvent
	return all
}

// Rows is the table that holds the rows of every version.
func (r *Rollup) Rows() string {
	if r.Audience {
		return r.Name + "_states"
	}
	return r.Name + "_rows"
}

// Columns returns dimensions and measures, as they are named in the view and in the table of rows.
func (r *Rollup) Columns() []string {
	columns := slices.Clone(r.Dims)
	for _, m := range r.Measures {
		columns = append(columns, m.Column)
	}
	return columns
}

// Values returns, for each measure, the expression that two rows are compared by: of a state its value, since states of
// equal sets may differ in bytes. The function names the column of the i-th measure.
func (r *Rollup) Values(column func(i int) string) []string {
	var values []string
	for i, m := range r.Measures {
		if m.IsState() {
			values = append(values, "finalizeAggregation("+column(i)+")")
		} else {
			values = append(values, column(i))
		}
	}
	return values
}

// Totals returns, for each measure, the expression for its value over many rows: the sum, or of states the value of all
// of them together.
func (r *Rollup) Totals() []string {
	var totals []string
	for _, m := range r.Measures {
		if m.IsState() {
			totals = append(totals, "finalizeAggregation("+m.Merge()+")")
		} else {
			totals = append(totals, "sum(toInt256("+m.Column+"))")
		}
	}
	return totals
}

// per says what a row of the rollup is, for people.
func (r *Rollup) per() string {
	text := r.Of + " per " + LengthOf(r.Name).Word
	switch {
	case r.Audience:
		text += ", by one dimension at a time: '' (all), " + strings.Join(AudienceDims, ", ")
	case strings.HasSuffix(r.Name, EndingAllHour), strings.HasSuffix(r.Name, EndingAllDay):
		text += ", all tenants together"
	}
	return text
}
