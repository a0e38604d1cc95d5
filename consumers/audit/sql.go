package audit

import (
	"fmt"
	"strings"

	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/spans"
	"tidemark/schemas"
)

// Every statement that an audit sends is made here or by package rollup, and is kept as a golden file.

const clockSQL = `SELECT toUInt64(toUnixTimestamp64Micro(now64(6)))`

const cursorsSQL = `SELECT topic, epoch, partition, argMax(position, version) FROM rollup_cursors GROUP BY topic, epoch, partition ORDER BY topic, epoch, partition`

const waitingSQL = `SELECT rollup, toInt32(intDiv(toUnixTimestamp64Second(from_bucket), 60)), toInt32(intDiv(toUnixTimestamp64Second(to_bucket), 60)) FROM rollup_pending FINAL WHERE NOT done AND reason != 'mismatch' ORDER BY rollup, from_bucket, to_bucket`

func epochSQL(topic string, id [16]byte) string {
	return fmt.Sprintf(`SELECT min(epoch) FROM topics FINAL WHERE topic = %s AND topic_id = toUUID('%x-%x-%x-%x-%x')`,
		schemas.Quote(topic), id[0:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

// ledgerRowSQL finds the first ledger row that contradicts itself.
func ledgerRowSQL(topic string) string {
	return fmt.Sprintf(`SELECT epoch, partition, from_offset, to_offset FROM ledger FINAL WHERE topic = %s AND (`+
		`stored + duplicates + conflicts + dead + control + gap != to_offset - from_offset `+
		`OR arraySum(buckets.rows) != stored `+
		`OR arraySum(arrayMap((a, b) -> b - a, exceptions.from, exceptions.to)) != to_offset - from_offset - stored `+
		`OR arrayExists((a, b) -> a < from_offset OR b > to_offset OR b <= a, exceptions.from, exceptions.to)`+
		`) ORDER BY epoch, partition, from_offset LIMIT 1`, schemas.Quote(topic))
}

// ledgerTotalsSQL sums up the ledger of a topic up to the bounds.
func ledgerTotalsSQL(topic string, bounds rollup.Bounds, losers []rollup.Loser) string {
	return fmt.Sprintf(`SELECT sum(stored) FROM ledger FINAL WHERE topic = %s AND %s%s`,
		schemas.Quote(topic), bounds.Within("to_offset <= %s"), rollup.NotLosers(losers))
}

// beyondSQL finds raw rows that no ledger row accounts for, by partition.
func beyondSQL(spec schemas.Spec, bounds rollup.Bounds) string {
	return fmt.Sprintf(`SELECT epoch, partition, uniqExact(offset), min(offset), max(offset) FROM %s WHERE NOT %s GROUP BY epoch, partition ORDER BY epoch, partition`,
		spec.RawTable, bounds.SQL())
}

// fromOffsetSQL finds the first raw row of a partition from an offset on.
func fromOffsetSQL(spec schemas.Spec, place rollup.Place, from int64) string {
	return fmt.Sprintf(`SELECT offset, minute FROM %s WHERE epoch = %d AND partition = %d AND offset >= %d ORDER BY offset LIMIT 1`,
		spec.RawTable, place.Epoch, place.Partition, from)
}

// outsideSQL finds raw rows in times of which the ledger knows nothing.
func outsideSQL(spec schemas.Spec, bounds rollup.Bounds, known []spans.Span) string {
	outside := "1"
	if len(known) > 0 {
		var ranges []string
		for _, s := range known {
			ranges = append(ranges, fmt.Sprintf("minute >= %d AND minute < %d", s.From, s.To))
		}
		outside = "NOT (" + strings.Join(ranges, " OR ") + ")"
	}
	return fmt.Sprintf(`SELECT minute FROM %s WHERE %s AND %s ORDER BY minute LIMIT 1`, spec.RawTable, outside, bounds.SQL())
}

// blocksSQL lists the ledger rows that say something of one minute.
func blocksSQL(topic string, bounds rollup.Bounds, losers []rollup.Loser, minute int32) string {
	return fmt.Sprintf(`SELECT epoch, partition, from_offset, to_offset, buckets.rows[indexOf(buckets.minute, %[2]d)], buckets.checksum[indexOf(buckets.minute, %[2]d)] `+
		`FROM ledger FINAL WHERE topic = %[1]s AND min_minute <= %[2]d AND max_minute >= %[2]d AND %[3]s%[4]s ORDER BY epoch, partition, from_offset`,
		schemas.Quote(topic), minute, bounds.Within("to_offset <= %s"), rollup.NotLosers(losers))
}

// blockSQL sums up the raw rows of one minute and block.
func blockSQL(spec schemas.Spec, minute int32, b block) string {
	return fmt.Sprintf(`SELECT count(), sum(%s) FROM %s FINAL WHERE minute = %d AND epoch = %d AND partition = %d AND offset >= %d AND offset < %d`,
		spec.ChecksumSQL(), spec.RawTable, minute, b.Epoch, b.Partition, b.from, b.to)
}

// placesSQL lists the rows of one minute by their places.
func placesSQL(spec schemas.Spec, bounds rollup.Bounds, minute int32) string {
	return fmt.Sprintf(`SELECT DISTINCT epoch, partition, offset FROM %s WHERE minute = %d AND %s ORDER BY epoch, partition, offset`,
		spec.RawTable, minute, bounds.SQL())
}

// offsetsSQL lists the offsets of a block that raw holds.
func offsetsSQL(spec schemas.Spec, b block) string {
	return fmt.Sprintf(`SELECT DISTINCT offset FROM %s WHERE epoch = %d AND partition = %d AND offset >= %d AND offset < %d ORDER BY offset`,
		spec.RawTable, b.Epoch, b.Partition, b.from, b.to)
}

// exceptionsSQL lists the offsets of a block that are not stored, as ranges.
func exceptionsSQL(topic string, b block) string {
	return fmt.Sprintf(`SELECT DISTINCT e.1 AS first, e.2 AS last FROM ledger ARRAY JOIN arrayZip(exceptions.from, exceptions.to) AS e WHERE topic = %s AND epoch = %d AND partition = %d AND from_offset = %d AND to_offset = %d ORDER BY first`,
		schemas.Quote(topic), b.Epoch, b.Partition, b.from, b.to)
}

// publishedSQL counts the buckets that a rollup shows, by year.
func publishedSQL(table string) string {
	return fmt.Sprintf(`SELECT %s, uniqExact(bucket) FROM rollup_versions WHERE rollup = %s GROUP BY year ORDER BY year`,
		yearOf("intDiv(toUnixTimestamp64Second(bucket), 60)"), schemas.Quote(table))
}

// yearOf is the first minute of the year, of 366 days, that a minute lies in. Of a negative Int32 and a UInt32, the type of
// the divisor, positiveModulo gives nonsense.
func yearOf(minute string) string {
	return fmt.Sprintf("toInt32(%[1]s - positiveModulo(toInt64(%[1]s), %[2]d)) AS year", minute, year)
}

// yearsSQL counts the minutes that the ledger knows, by year.
func yearsSQL(topic string, bounds rollup.Bounds) string {
	return fmt.Sprintf(`SELECT %s, uniqExact(minute) FROM ledger ARRAY JOIN buckets.minute AS minute WHERE topic = %s AND %s GROUP BY year ORDER BY year`,
		yearOf("minute"), schemas.Quote(topic), bounds.Within("to_offset <= %s"))
}

// newerSQL lists the buckets of a rollup in s that were published again after a moment, or one of those that they are made
// from: what is shown of them then is of more of the ledger, or not yet.
func newerSQL(t *rollup.Table, s spans.Span, clock uint64) string {
	names := schemas.Quote(t.Name)
	if t.From != "" {
		names += ", " + schemas.Quote(t.From)
	}
	minute := "toInt64(intDiv(toUnixTimestamp64Second(bucket), 60))"
	return fmt.Sprintf(`SELECT DISTINCT %[1]s - positiveModulo(%[1]s, %[2]d) AS start FROM rollup_versions WHERE rollup IN (%[3]s) AND version > %[4]d AND bucket >= %[5]s AND bucket < %[6]s`,
		minute, t.Minutes, names, clock, bucketOf(s.From), bucketOf(s.To))
}

func countSQL(query string) string { return "SELECT count() FROM (" + query + ")" }

func bucketOf(minute int32) string {
	return fmt.Sprintf("toDateTime64(%d, 0, 'UTC')", int64(minute)*60)
}

// compareSQL lists the rows of the buckets in s that differ between a rollup and its recomputation, but for those in
// except and those that the query newer lists: the bucket, the dimensions, how many rows are shown and computed. Their measures come only with detail; without,
// rows are compared by a hash of these, which is many times cheaper.
func compareSQL(t *rollup.Table, computed string, s spans.Span, except []spans.Span, newer string, detail bool, settings string) string {
	text := func(expressions []string) string {
		return "[toString(" + strings.Join(expressions, "), toString(") + ")]"
	}
	measures, got, want, limit := func(values []string) string { return "cityHash64(" + strings.Join(values, ", ") + ")" },
		"emptyArrayString()", "emptyArrayString()", maxRows
	if detail {
		measures, got, want, limit = text, "anyIf(measures, shown)", "anyIf(measures, NOT shown)", 1
	}
	dims := strings.Join(t.Dims, ", ")
	conditions := []string{"1"}
	if newer != "" {
		conditions = append(conditions, "start NOT IN ("+newer+")")
	}
	for _, e := range except {
		conditions = append(conditions, fmt.Sprintf("NOT (start >= %d AND start < %d)", e.From, e.To))
	}
	return fmt.Sprintf(`SELECT toInt32(start), %s, toUInt64(countIf(shown)), toUInt64(countIf(NOT shown)), %s, %s FROM (`+
		`SELECT toInt64(intDiv(toUnixTimestamp64Second(bucket), 60)) AS start, %s, %s AS measures, true AS shown FROM %s WHERE bucket >= %s AND bucket < %s `+
		`UNION ALL SELECT toInt64(start), %s, %s AS measures, false AS shown FROM (%s)`+
		`) WHERE %s GROUP BY start, %s HAVING countIf(shown) != 1 OR countIf(NOT shown) != 1 OR anyIf(measures, shown) != anyIf(measures, NOT shown) ORDER BY start, %s LIMIT %d%s`,
		text(t.Dims), got, want, dims, measures(t.Values(func(i int) string { return t.Measures[i].Column })), t.Name, bucketOf(s.From), bucketOf(s.To),
		dims, measures(t.Values(func(i int) string { return fmt.Sprintf("m%d", i) })), computed, strings.Join(conditions, " AND "), dims, dims, limit, settings)
}

// runsSQL lists what the makers of records know of them.
const runsSQL = `SELECT run, type, any(kind), sum(produced), sum(events), sum(duplicates), sum(conflicts), sum(poison), sum(input_tokens), sum(output_tokens), sum(weight) FROM runs GROUP BY run, type ORDER BY run, type`

// runCountsSQL sums up the ledger of a topic by run.
func runCountsSQL(topic string, bounds rollup.Bounds, losers []rollup.Loser) string {
	return fmt.Sprintf(`SELECT r.1 AS run, sum(r.2), sum(r.3), sum(r.4), sum(r.5) FROM ledger FINAL ARRAY JOIN arrayZip(runs.run, runs.stored, runs.duplicates, runs.conflicts, runs.dead) AS r WHERE topic = %s AND %s%s GROUP BY run ORDER BY run`,
		schemas.Quote(topic), bounds.Within("to_offset <= %s"), rollup.NotLosers(losers))
}

// runEventsSQL counts the distinct events of each run on its own: whether another run made them too is no matter.
func runEventsSQL(spec schemas.Spec, bounds rollup.Bounds, s spans.Span, settings string) string {
	tokens := "toUInt128(0), toUInt128(0)"
	columns := "run"
	switch spec.Type {
	case schemas.TokenCallType:
		tokens = "sum(toUInt128((ifNull(input_uncached, 0) + ifNull(input_cache_read, 0) + ifNull(input_cache_write, 0)) * weight)), sum(toUInt128((ifNull(output_visible, 0) + ifNull(output_reasoning, 0)) * weight))"
		columns = "run, weight, input_uncached, input_cache_read, input_cache_write, output_visible, output_reasoning"
	case schemas.QueryType, schemas.SignupType, schemas.ModelEventType:
		columns = "run, weight"
	}
	weight := "sum(toUInt128(weight))"
	if columns == "run" {
		weight = "toUInt128(count())"
	}
	return fmt.Sprintf(`SELECT run, count(), %s, %s FROM (SELECT %s FROM %s WHERE minute >= %d AND minute < %d AND %s ORDER BY minute, revision DESC, epoch, partition, offset LIMIT 1 BY run, time, tenant, identity) GROUP BY run ORDER BY run%s`,
		weight, tokens, columns, spec.RawTable, s.From, s.To, bounds.SQL(), settings)
}

// timesSQL finds identities with more than one time, in one of several shares of all identities.
func timesSQL(spec schemas.Spec, bounds rollup.Bounds, share, shares uint64, settings string) string {
	return fmt.Sprintf(`SELECT count(), min(place).1, min(place).2, min(place).3, min(place).4, min(place).5 FROM (`+
		`SELECT argMax((partition, offset, toString(tenant), toString(time)), (time, epoch, partition, offset)) AS last, `+
		`(last.1, last.2, last.3, last.4, toString(min(time))) AS place FROM %s WHERE identity %% %d = %d AND %s GROUP BY tenant, identity HAVING min(time) != max(time))%s`,
		spec.RawTable, shares, share, bounds.SQL(), settings)
}

// auditsSQL writes the findings.
func auditsSQL(r Result) string {
	var rows []string
	for _, f := range r.Findings {
		rows = append(rows, fmt.Sprintf("(%s, %s, %s, %s, %s, %d)", schemas.Quote(r.ID), schemas.Quote(f.Check), schemas.Quote(f.Scope),
			schemas.Quote(string(f.Verdict)), schemas.Quote(f.Detail), f.Took.Microseconds()))
	}
	return "INSERT INTO audits (audit, check, scope, verdict, detail, took_us) VALUES " + strings.Join(rows, ", ")
}
