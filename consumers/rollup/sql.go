package rollup

import (
	"fmt"
	"strings"

	"tidemark/consumers/rollup/spans"
	"tidemark/schemas"
)

// Every statement that the worker sends is made here and by Table, and is kept as a golden file.

// bucketOf is the first second of the bucket that begins with the minute.
func bucketOf(minute int32) string {
	return fmt.Sprintf("toDateTime64(%d, 0, 'UTC')", int64(minute)*60)
}

// bucketsIn is a condition on the column bucket: it begins in the minutes [from, to).
func bucketsIn(from, to int32) string {
	return fmt.Sprintf("bucket >= %s AND bucket < %s", bucketOf(from), bucketOf(to))
}

// clockSQL reads the database's clock and the newest version saved. Only a worker that starts looks for one that was
// published by a worker that died before it saved it.
func clockSQL(first bool) string {
	newest := "(SELECT max(version) FROM rollup_cursors)"
	if first {
		newest = "greatest(" + newest + ", (SELECT max(version) FROM rollup_versions))"
	}
	return "SELECT toUInt64(toUnixTimestamp64Micro(now64(6))), " + newest
}

const cursorsSQL = `SELECT topic, epoch, partition, argMax(position, version) FROM rollup_cursors GROUP BY topic, epoch, partition ORDER BY topic, epoch, partition`

const pendingSQL = `SELECT rollup, toInt32(intDiv(toUnixTimestamp64Second(from_bucket), 60)), toInt32(intDiv(toUnixTimestamp64Second(to_bucket), 60)), toString(reason) FROM rollup_pending FINAL WHERE NOT done ORDER BY rollup, from_bucket, to_bucket`

// newRangesSQL reads the places of the ledger rows that a step looks at.
func newRangesSQL(topic string, cursors Bounds) string {
	return fmt.Sprintf(`SELECT epoch, partition, from_offset, to_offset, generation FROM ledger WHERE topic = %s AND %s ORDER BY epoch, partition, from_offset`,
		schemas.Quote(topic), newRows(cursors))
}

// newRows is the condition for rows that end after the cursor of their partition. One condition a partition makes use
// of the key.
func newRows(cursors Bounds) string {
	var parts, known []string
	for _, p := range cursors.Places() {
		known = append(known, fmt.Sprintf("(%d, %d)", p.Epoch, p.Partition))
		parts = append(parts, fmt.Sprintf("epoch = %d AND partition = %d AND from_offset >= %d AND to_offset > %d",
			p.Epoch, p.Partition, max(0, cursors[p]-lookback), cursors[p]))
	}
	if known == nil {
		return "1"
	}
	parts = append(parts, "(epoch, partition) NOT IN ("+strings.Join(known, ", ")+")")
	return "(" + strings.Join(parts, " OR ") + ")"
}

func chainSQL(topic string, place Place) string {
	return fmt.Sprintf(`SELECT from_offset, to_offset, generation FROM ledger WHERE topic = %s AND epoch = %d AND partition = %d`,
		schemas.Quote(topic), place.Epoch, place.Partition)
}

// TouchedSQL returns a query for the minutes that have rows between the cursors and the ends, ascending.
func TouchedSQL(topic string, cursors, ends Bounds) string {
	return fmt.Sprintf(`SELECT DISTINCT minute FROM ledger ARRAY JOIN buckets.minute AS minute WHERE topic = %s AND %s AND %s ORDER BY minute`,
		schemas.Quote(topic), newRows(cursors), ends.Within("to_offset <= %s"))
}

// ledgerRows is the condition for the ledger rows with rows of these minutes, up to the bounds.
func ledgerRows(topic string, bounds Bounds, from, to int32) string {
	return fmt.Sprintf(`topic = %s AND stored > 0 AND max_minute >= %d AND min_minute < %d AND %s`,
		schemas.Quote(topic), from, to, bounds.Within("to_offset <= %s"))
}

// overlapsSQL finds the partitions in which two of those rows overlap.
func overlapsSQL(topic string, bounds Bounds, from, to int32) string {
	return `SELECT DISTINCT epoch, partition FROM (` +
		`SELECT epoch, partition, from_offset, max(to_offset) OVER (PARTITION BY epoch, partition ORDER BY from_offset, to_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered ` +
		`FROM ledger FINAL WHERE ` + ledgerRows(topic, bounds, from, to) + `) WHERE from_offset < covered ORDER BY epoch, partition`
}

// minutesSQL sums up the ledger by minute. A partition's rows of a minute hold no event twice if their offsets lie within
// the smallest window any of them was decided with, and none of them replaces another; the partitions together hold none
// twice if every row lies in its identity's partition by one and the same number of them, and the topic was not made anew.
// Rows of before format 1 say nothing of where they lie.
func minutesSQL(topic string, bounds Bounds, losers []Loser, from, to int32) string {
	return `SELECT m, sum(n), sum(hash), toBool(min(span < reach) = 1 AND uniqExact(epoch) = 1 AND min(least) = max(most) AND max(loose) = 0 AND min(known) > 0) FROM (` +
		`SELECT epoch, partition, bucket.1 AS m, sum(bucket.2) AS n, sum(bucket.3) AS hash, max(bucket.5) - min(bucket.4) AS span, min(window) AS reach, min(partitions) AS least, max(partitions) AS most, ` +
		`max(bucket.6 + bucket.7) AS loose, min(format) AS known ` +
		`FROM ledger FINAL ARRAY JOIN arrayZip(buckets.minute, buckets.rows, buckets.checksum, buckets.min_offset, buckets.max_offset, buckets.strays, buckets.revised) AS bucket ` +
		`WHERE ` + ledgerRows(topic, bounds, from, to) + NotLosers(losers) + fmt.Sprintf(` AND m >= %d AND m < %d `, from, to) +
		`GROUP BY epoch, partition, m) GROUP BY m ORDER BY m`
}

// NotLosers is a condition, to follow others, that leaves out ledger rows that do not count.
func NotLosers(losers []Loser) string {
	if len(losers) == 0 {
		return ""
	}
	var rows []string
	for _, l := range losers {
		rows = append(rows, fmt.Sprintf("(%d, %d, %d, %d, %d)", l.Epoch, l.Partition, l.From, l.To, l.Generation))
	}
	return " AND (epoch, partition, from_offset, to_offset, generation) NOT IN (" + strings.Join(rows, ", ") + ")"
}

// StoredSQL counts, by minute, the distinct coordinates that raw holds, and sums their checksums.
func StoredSQL(spec schemas.Spec, s Source) string {
	return fmt.Sprintf(`SELECT minute, count(), sum(%s) FROM %s FINAL WHERE minute >= %d AND minute < %d AND %s GROUP BY minute ORDER BY minute`,
		spec.ChecksumSQL(), spec.RawTable, s.From, s.To, s.Bounds.SQL())
}

// insertSQL computes the buckets in [from, to) as one version, each into the slot that is not published. selected is a
// query of SelectRaw or SelectMerge.
func insertSQL(t *Table, selected string, from, to int32, version uint64, settings string) string {
	var measures []string
	for i := range t.Measures {
		measures = append(measures, fmt.Sprintf("m%d", i))
	}
	return fmt.Sprintf(`INSERT INTO %s (bucket, %s, version, slot) SETTINGS %s SELECT toDateTime64(toInt64(start) * 60, 0, 'UTC') AS first, %s, %s, %d, `+
		`first IN (SELECT bucket FROM rollup_versions WHERE rollup = %s AND %s GROUP BY bucket HAVING argMax(slot, version) = 0) FROM (%s)`,
		t.Rows(), strings.Join(t.Columns(), ", "), settings, strings.Join(t.Dims, ", "), strings.Join(measures, ", "), version,
		schemas.Quote(t.Name), bucketsIn(from, to), selected)
}

// writtenSQL sums up what an insert wrote, by bucket.
func writtenSQL(t *Table, from, to int32, version uint64) string {
	return fmt.Sprintf(`SELECT toInt32(intDiv(toUnixTimestamp64Second(bucket), 60)) AS start, sum(records), sum(checksum) FROM %s WHERE %s AND version = %d GROUP BY start ORDER BY start`,
		t.Rows(), bucketsIn(from, to), version)
}

// publishSQL shows a version of the buckets in [from, to) but for those in except to the readers: the buckets that have
// rows of it, and those that had rows before and now have none.
func publishSQL(t *Table, from, to int32, except []spans.Span, version uint64, settings string) string {
	where := ""
	if len(except) > 0 {
		var ranges []string
		for _, s := range except {
			ranges = append(ranges, bucketsIn(s.From, s.To))
		}
		where = " WHERE NOT (" + strings.Join(ranges, " OR ") + ")"
	}
	name := schemas.Quote(t.Name)
	return fmt.Sprintf(`INSERT INTO rollup_versions (rollup, bucket, version, slot) SETTINGS %s SELECT %s, bucket, %d, argMax(slot, written) FROM (`+
		`SELECT bucket, slot, 1 AS written FROM %s WHERE %s AND version = %d GROUP BY bucket, slot UNION ALL `+
		`SELECT bucket, 1 - argMax(slot, version) AS slot, 0 AS written FROM rollup_versions WHERE rollup = %s AND %s GROUP BY bucket)%s GROUP BY bucket`,
		settings, name, version, t.Rows(), bucketsIn(from, to), version, name, bucketsIn(from, to), where)
}

// savePendingSQL marks ranges as waiting or as done.
func savePendingSQL(ranges []pending, done bool, version uint64) string {
	var rows []string
	for _, p := range ranges {
		rows = append(rows, fmt.Sprintf("(%s, %s, %s, %s, %t, %d)",
			schemas.Quote(p.table), bucketOf(p.From), bucketOf(p.To), schemas.Quote(p.reason), done, version))
	}
	return "INSERT INTO rollup_pending (rollup, from_bucket, to_bucket, reason, done, version) VALUES " + strings.Join(rows, ", ")
}

// saveCursorsSQL remembers how far the ledger was followed.
func saveCursorsSQL(topic string, ends Bounds, version uint64) string {
	var rows []string
	for _, p := range ends.Places() {
		rows = append(rows, fmt.Sprintf("(%s, %d, %d, %d, %d)", schemas.Quote(topic), p.Epoch, p.Partition, ends[p], version))
	}
	return "INSERT INTO rollup_cursors (topic, epoch, partition, position, version) VALUES " + strings.Join(rows, ", ")
}

// nowSQL reads the database's clock, microseconds since 1970.
const nowSQL = `SELECT toUInt64(toUnixTimestamp64Micro(now64(6)))`

// dayOf is the first minute of the day that a minute lies in, also before 1970.
func dayOf(minute string) string {
	return fmt.Sprintf("toInt32(toInt64(%[1]s) - positiveModulo(toInt64(%[1]s), %[2]d))", minute, day)
}

// storedDaysSQL counts the stored rows by day. It is for planning: a ledger row that is there twice counts twice.
func storedDaysSQL(topic string, from, to int32) string {
	return fmt.Sprintf(`SELECT %[1]s AS start, sum(n) FROM ledger ARRAY JOIN buckets.minute AS m, buckets.rows AS n `+
		`WHERE topic = %[2]s AND stored > 0 AND max_minute >= %[3]d AND min_minute < %[4]d AND m >= %[3]d AND m < %[4]d GROUP BY start ORDER BY start`,
		dayOf("m"), schemas.Quote(topic), from, to)
}

// shownDaysSQL lists the days in which the rollups named have buckets, those included that a bound lies in.
func shownDaysSQL(names string, from, to int32) string {
	return fmt.Sprintf(`SELECT DISTINCT %s AS start FROM rollup_versions WHERE rollup IN (%s) AND %s ORDER BY start`,
		dayOf("intDiv(toUnixTimestamp64Second(bucket), 60)"), names, bucketsIn(spans.Floor(from, day), to))
}

// markedSQL counts the marks of a version that wait to be done as they were made.
func markedSQL(version uint64) string {
	return fmt.Sprintf(`SELECT count() FROM rollup_pending FINAL WHERE NOT done AND reason = %s AND version = %d`, schemas.Quote(reasonAsked), version)
}

// unequalSQL counts the ranges that could not be done because raw is not what the ledger says.
func unequalSQL(names string, from, to int32) string {
	return fmt.Sprintf(`SELECT count() FROM rollup_pending FINAL WHERE NOT done AND reason = %s AND rollup IN (%s) AND from_bucket < %s AND to_bucket > %s`,
		schemas.Quote(reasonMismatch), names, bucketOf(to), bucketOf(from))
}

// oldestSQL reads, by rollup, the oldest version that is shown of a bucket in the days of a range.
func oldestSQL(names string, from, to int32) string {
	return fmt.Sprintf(`SELECT rollup, min(newest) FROM (SELECT rollup, bucket, max(version) AS newest FROM rollup_versions WHERE rollup IN (%s) AND %s GROUP BY `+"`rollup`"+`, bucket) GROUP BY `+"`rollup`"+` ORDER BY `+"`rollup`",
		names, bucketsIn(spans.Floor(from, day), spans.Floor(to-1, day)+day))
}
