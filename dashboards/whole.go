package dashboards

import (
	"fmt"
	"strings"
)

// Buckets, and the parts of buckets that a range cuts.
//
// Rollups by minute do not tell tenants apart. Where one is chosen, the grain tenant_1m reads single events: one row each,
// whose bucket is its moment, not rounded, so that a condition on it finds the rows. It is read for ranges of six hours
// at most and, of longer ones up to a week, for the parts that whole hours leave: up to an hour at the beginning, and at
// the end what is not a whole hour or is not published yet. Totals of a tenant up to a week are so exactly those of the
// events in the range.

const (
	// inRange takes the buckets that begin in the range, the open one among them: for totals.
	inRange = "{bucket} >= $__fromTime_ms AND {bucket} < $__toTime_ms"

	// daysInRange takes the days that the range touches, the one that it begins in among them.
	daysInRange = "{bucket} > $__fromTime_ms - INTERVAL 24 HOUR AND {bucket} < $__toTime_ms"

	// bucketStart is the beginning of the minute of a row's bucket: of an event's moment; of any other the bucket itself.
	// The count starts in 1900, where times do, since integer division rounds towards 0.
	bucketStart = "fromUnixTimestamp64Second(intDiv(toUnixTimestamp64Micro(toDateTime64({bucket}, 6, 'UTC')) + 2208988800000000, 60000000) * 60 - 2208988800, 'UTC')"
)

// grainSeconds is the length of a bucket.
var grainSeconds = "transform(right(" + one("grain") + ", 2), ['1m', '1h', '1d'], [60, 3600, 86400], 60)"

// roundedUp is the first moment, from one in milliseconds since 1970 on, that begins a whole number of seconds since then.
func roundedUp(ms string, seconds int) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%[1]s + positiveModulo(-(%[1]s), %[2]d)), 'UTC')", ms, 1000*seconds)
}

// roundedDown is the last one up to a time.
func roundedDown(at string, seconds int) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(toUnixTimestamp64Milli(%[1]s) - positiveModulo(toUnixTimestamp64Milli(%[1]s), %[2]d), 'UTC')", at, 1000*seconds)
}

// wholeUntil is the beginning of the last whole bucket of a rollup.
func wholeUntil(rollup string) string {
	return "(SELECT max({whole_until}) FROM {@rollup_progress} WHERE {rollup} = '" + grained(rollup) + "')"
}

// whole takes the buckets in the range that are whole: for series, so that none ends in a false cliff. Of events it takes
// whole minutes.
func whole(rollup string) string {
	family, ofGrain := strings.CutSuffix(rollup, "_?")
	if !ofGrain {
		return inRange + " AND {bucket} <= " + wholeUntil(rollup)
	}
	return "{bucket} >= " + roundedUp("$__from", 60) + " AND {bucket} < fromUnixTimestamp64Milli(" + wholeEnd(family) + ", 'UTC')"
}

// wholeEnd is when the last whole minute in the range ends of what a family of rollups has; milliseconds since 1970. The
// variable has it for all panels: rollup_progress costs more to plan than most panels.
func wholeEnd(family string) string { return "toInt64OrZero(" + one(family+"_whole") + ")" }

// wholeVariable gives wholeEnd. Events are as whole as the minutes.
func wholeVariable(family string) variable {
	return variable{
		name: family + "_whole", label: "Whole " + family, hidden: true, single: true, fallback: "0", onRange: true,
		description: "Up to when the series of " + family + " are whole; milliseconds since 1970.",
		sql: "SELECT toString(least(toInt64($__to + positiveModulo(-($__to), 60000)), until - positiveModulo(until, 60000) + 60000)) AS " + family + "_whole " +
			"FROM (SELECT toUnixTimestamp64Milli(max({whole_until})) AS until FROM {@rollup_progress} WHERE {rollup} = replaceOne('" + family + "_${grain:percentencode}', '" + atAMoment + "', '1m'))",
	}
}

// lastBucket is when the last bucket of a length in seconds begins that is whole and in the range, whether it holds
// anything or not; before the range where nothing was ever published. It is of the minutes before an end.
func lastBucket(end, seconds string) string {
	return fmt.Sprintf("toDateTime64(intDiv(%[1]s - 1 - positiveModulo(%[1]s - 1, 1000 * %[2]s), 1000), 0, 'UTC')", end, seconds)
}

// within are the rows of a family of rollups that are in the range, in parentheses, with the columns named: the buckets that
// begin in it or, where the variable edge names events, the whole hours in it that are published, and the events around them.
func within(family string, columns []string, conditions ...string) string {
	return withinGrain(family, "?", columns, conditions...)
}

func withinGrain(family, grain string, columns []string, conditions ...string) string {
	const end = "fromUnixTimestamp64Milli(toInt64OrZero('${until:percentencode}'), 'UTC')"
	list, filters := "{"+strings.Join(columns, "}, {")+"}", where(conditions...)
	part := func(ends, span string) string {
		return fmt.Sprintf("SELECT %s FROM {@%s_%s} WHERE %s AND %s", list, family, ends, span, filters)
	}
	inner := inRange + " AND $__conditionalAll({bucket} < " + end + ", $edge)"
	edges := inRange + " AND ({bucket} < " + roundedUp("$__from", 3600) + " OR {bucket} >= " + end + ")"
	// Where there are none nobody plans the second part: its text is dropped for the empty value.
	return "(" + part(grain, inner) + " AND $__conditionalAll(1 = 1 UNION ALL (" + part("?edge", edges) + "), $edge))"
}
