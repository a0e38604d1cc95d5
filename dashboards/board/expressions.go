package board

import (
	"errors"
	"strconv"
	"strings"

	"tidemark/schemas"
)

// call is one use of an expression: {:name argument}.
type call struct {
	resolver *Resolver
	relation string // The relation named last before it, "" for none.
	argument string
}

// stem returns the relation's name without its resolution.
func (c call) stem() string { return stemOf(c.relation) }

// expressions are the conditions and expressions that statements use by name. Their texts may use names in turn.
//
// Rollups by minute do not tell tenants apart. Where a tenant is chosen, the resolution tenant_1m reads single events: one
// row each, whose bucket is its own time, not rounded, so that a condition on it finds the rows. It is read for ranges of six
// hours at most and, of longer ones up to a week, for the parts that whole hours leave: up to an hour at the beginning, and
// at the end what is not a whole hour or is not published yet. Totals of a tenant up to a week are therefore exactly those of
// the events in the range.
func expressions() map[string]func(call) (string, error) {
	return map[string]func(call) (string, error){
		"now":             func(c call) (string, error) { return c.resolver.now, nil },
		"range":           constant(inRange),
		"days":            constant(daysInRange),
		"time":            constant(bucketStart),
		"seconds":         constant(bucketSeconds()),
		"whole":           whole,
		"last_bucket":     func(c call) (string, error) { return lastBucket(wholeEnd(c.stem()), bucketSeconds()), nil },
		"last_whole":      constant(lastWhole),
		"whole_days":      constant(inRange + " AND {bucket} <= " + wholeOfAll),
		"last_whole_day":  constant(lastWholeDay),
		"intervals":       wholeIntervals,
		"buckets":         buckets,
		"interval_starts": intervalStarts,
		"chosen":          chosen,
		"rows":            rowsInRange,
		"users":           users,
		"all_tenants":     constant("(" + allOf("tenant") + ")"),
		"up_to_hour":      constant("dateDiff('second', $__fromTime_ms, $__toTime_ms) <= 3600"),
		"up_to_hours":     constant("dateDiff('second', $__fromTime_ms, $__toTime_ms) <= 6 * 3600"),
		"up_to_a_week":    constant("dateDiff('second', $__fromTime_ms, $__toTime_ms) <= 7 * 86400"),
		"quantile":        quantile,
		"distinct_users":  constant("{user_weight} * uniqCombined64Merge({users})"),
	}
}

func constant(text string) func(call) (string, error) {
	return func(call) (string, error) { return text, nil }
}

const (
	// inRange is true for the buckets that begin in the range, the open one among them: for totals.
	inRange = "{bucket} >= $__fromTime_ms AND {bucket} < $__toTime_ms"

	// daysInRange is true for the days that the range touches, the one that it begins in among them.
	daysInRange = "{bucket} > $__fromTime_ms - INTERVAL 24 HOUR AND {bucket} < $__toTime_ms"

	// bucketStart is the beginning of the minute of a row's bucket: for an event, of its own time; for any other row, the
	// bucket itself. The count starts in 1900, where times do, since integer division rounds towards 0.
	bucketStart = `fromUnixTimestamp64Second(intDiv(
		toUnixTimestamp64Micro(toDateTime64({bucket}, 6, 'UTC')) + 2208988800000000, 60000000) * 60 - 2208988800, 'UTC')`

	// bucketEnding is the ending of the length of a bucket, the last two characters of every ending of a rollup's name.
	bucketEnding = "right('${resolution:percentencode}', 2)"
)

// byLength is what a function gives for the length of a bucket, or otherwise.
func byLength(value func(schemas.Length) string, otherwise string) string {
	var names, values []string
	for _, l := range schemas.Lengths() {
		names, values = append(names, "'"+l.Ending+"'"), append(values, value(l))
	}
	return "transform(" + bucketEnding + ", [" + strings.Join(names, ", ") + "], [" + strings.Join(values, ", ") + "], " + otherwise + ")"
}

// bucketSeconds is the length of a bucket.
func bucketSeconds() string {
	seconds := func(l schemas.Length) string { return strconv.Itoa(l.Seconds()) }
	return byLength(seconds, seconds(schemas.LengthOf(schemas.EndingMinute)))
}

// roundedUp returns the first time, from one in milliseconds since 1970 on, at which a bucket of rollups with an ending
// begins.
func roundedUp(ms, ending string) string {
	return Fill(`fromUnixTimestamp64Milli(toInt64({=ms} + positiveModulo(-({=ms}), {=step})), 'UTC')`,
		map[string]string{"ms": ms, "step": strconv.Itoa(1000 * schemas.LengthOf(ending).Seconds())})
}

// roundedDown returns the last such time up to a time.
func roundedDown(at, ending string) string {
	return Fill(`fromUnixTimestamp64Milli(
		toUnixTimestamp64Milli({=at}) - positiveModulo(toUnixTimestamp64Milli({=at}), {=step}), 'UTC')`,
		map[string]string{"at": at, "step": strconv.Itoa(1000 * schemas.LengthOf(ending).Seconds())})
}

// whole is true for the buckets in the range that are whole: for series, so that none ends in a drop that is not real. Of
// single events it takes whole minutes.
func whole(c call) (string, error) {
	if c.relation == "" {
		return "", errors.New("no relation stands before it")
	}
	if !strings.HasSuffix(c.relation, "_?") {
		return Fill(`{:range} AND {bucket} <= (
			SELECT max({whole_until}) FROM {@rollup_progress} WHERE {name} = '{=rollup}')`,
			map[string]string{"rollup": named(c.relation)}), nil
	}
	return Fill(`{bucket} >= {=first} AND {bucket} < fromUnixTimestamp64Milli({=end}, 'UTC')`,
		map[string]string{"first": roundedUp("$__from", schemas.EndingMinute), "end": wholeEnd(c.stem())}), nil
}

// wholeEnd is when the last whole minute in the range ends of what the rollups of a stem have, in milliseconds since 1970. A
// variable has it for all panels, because rollup_progress costs more to plan than most panels.
func wholeEnd(stem string) string {
	return "toInt64OrZero('${" + stem + "_whole:percentencode}')"
}

// lastBucket is when the last bucket of a length in seconds begins that is whole and in the range, whether it holds
// anything or not; before the range where nothing was ever published. End is when the last whole minute ends.
func lastBucket(end, seconds string) string {
	return Fill(`toDateTime64(intDiv({=end} - 1 - positiveModulo({=end} - 1, 1000 * {=seconds}), 1000), 0, 'UTC')`,
		map[string]string{"end": end, "seconds": seconds})
}

// lastWhole is true for the last whole bucket of the range; of single events, for all of its minute, as in series.
var lastWhole = "{bucket} >= greatest(" + roundedUp("$__from", schemas.EndingMinute) + ", {:last_bucket} AS begins) AND {bucket} < begins + toIntervalSecond({:seconds})"

// wholeOfAll is the beginning of the last day that is whole in all rollups that the panel Growth reads. lastWholeDay is that
// day: a measure without anything on it has ended before the range has.
const wholeOfAll = `(
	SELECT min({whole_until}) FROM {@rollup_progress} WHERE {name} IN (
		'queries_${day_table:percentencode}', 'token_calls_${day_table:percentencode}', 'signups_${day_table:percentencode}', 'audience_` + schemas.EndingDay + `'))`

var lastWholeDay = "toDate32(" + lastBucket(`toUnixTimestamp64Milli(least(
	$__toTime_ms, toDateTime64(`+wholeOfAll+`, 3, 'UTC') + INTERVAL 1 MILLISECOND))`, strconv.Itoa(schemas.LengthOf(schemas.EndingDay).Seconds())) + ")"

// wholeIntervals is true for the whole intervals of the panel that lie in the range, of a column with times: for series
// from the ledger. It leaves out the first and the last interval where the range cuts them, and the one under way.
func wholeIntervals(c call) (string, error) {
	if c.argument == "" {
		return "", errors.New("it needs the column with the times")
	}
	return Fill(`{{=at}} >= $__fromTime_ms AND toStartOfInterval({{=at}}, INTERVAL $__interval_s SECOND) >= $__fromTime_ms
		AND {{=at}} < toStartOfInterval(least($__toTime_ms, now64(3)), INTERVAL $__interval_s SECOND)`, map[string]string{"at": c.argument}), nil
}

// rowsInRange is a subquery in parentheses with the rows of a relation that lie in the range and match the chosen values:
//
//	{:rows token_calls_? with calls, status}
//	{:rows queries_? with queries by tenant, product}     Only these variables narrow it down.
//
// Its rows are the buckets that begin in the range or, where the variable edge_table names events, the whole hours in it that are
// published, and the events around them.
func rowsInRange(c call) (string, error) {
	relation, rest, ok := strings.Cut(c.argument, " with ")
	columns, variables, _ := strings.Cut(rest, " by ")
	if !ok {
		return "", errors.New("write {:rows RELATION with COLUMN, COLUMN}")
	}
	c.relation = relation
	filters, err := c.conditions(list(variables))
	if err != nil {
		return "", err
	}
	const end = "fromUnixTimestamp64Milli(toInt64OrZero('${whole_hours_end:percentencode}'), 'UTC')"
	// The plugin drops the second part as text where edge_table is empty, so the database does not plan it.
	return Fill(`(
		SELECT {=columns} FROM {@{=relation}}
		WHERE {:range} AND $__conditionalAll({bucket} < {=end}, $edge_table) AND {=filters}
		AND $__conditionalAll(1 = 1 UNION ALL (
			SELECT {=columns} FROM {@{=stem}_?edge_table}
			WHERE {:range} AND ({bucket} < {=first} OR {bucket} >= {=end}) AND {=filters}), $edge_table))`, map[string]string{
		"columns": "{" + strings.Join(list(columns), "}, {") + "}", "relation": relation, "stem": c.stem(), "filters": filters,
		"first": roundedUp("$__from", schemas.EndingHour), "end": end,
	}), nil
}

// quantile is one quantile of a column with states, {:quantile 0.95 latency}, or of the rows for which a condition is true,
// {:quantile 0.95 latency if CONDITION}.
func quantile(c call) (string, error) {
	of, condition, _ := strings.Cut(c.argument, " if ")
	number, column, _ := strings.Cut(of, " ")
	level, err := strconv.ParseFloat(number, 64)
	if err != nil || column == "" {
		return "", errors.New("write {:quantile LEVEL COLUMN} or {:quantile LEVEL COLUMN if CONDITION}")
	}
	return schemas.QuantileSQL("{"+column+"}", condition, level)
}

// list splits an argument at its commas.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
