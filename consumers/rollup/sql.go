package rollup

import (
	"fmt"
	"strings"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
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

// clockSQL reads the database's clock, the newest version saved and the newest one of a mark.
const clockSQL = `SELECT toUInt64(toUnixTimestamp64Micro(now64(6))), (SELECT max(version) FROM rollup_cursors), (SELECT max(version) FROM rollup_pending)`

// publishedSQL reads the newest version that is published. A worker that died may not have saved it.
const publishedSQL = `SELECT max(version) FROM rollup_versions`

const cursorsSQL = `SELECT topic, epoch, partition, argMax(position, version) FROM rollup_cursors GROUP BY topic, epoch, partition ORDER BY topic, epoch, partition`

const pendingSQL = `SELECT rollup, toInt32(intDiv(toUnixTimestamp64Second(from_bucket), 60)), toInt32(intDiv(toUnixTimestamp64Second(to_bucket), 60)), toString(reason) FROM rollup_pending FINAL WHERE NOT done ORDER BY rollup, from_bucket, to_bucket`

// storedSQL counts, by minute, the distinct coordinates that raw holds, and sums their checksums.
func storedSQL(spec schemas.Spec, bounds ledgerdb.Bounds, s spans.Span) string {
	return fmt.Sprintf(`SELECT minute, count(), sum(%s) FROM %s FINAL WHERE minute >= %d AND minute < %d AND %s GROUP BY minute ORDER BY minute`,
		spec.ChecksumSQL(), spec.RawTable, s.From, s.To, bounds.SQL())
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
func saveCursorsSQL(topic string, ends ledgerdb.Bounds, version uint64) string {
	var rows []string
	for _, p := range ends.Places() {
		rows = append(rows, fmt.Sprintf("(%s, %d, %d, %d, %d)", schemas.Quote(topic), p.Epoch, p.Partition, ends[p], version))
	}
	return "INSERT INTO rollup_cursors (topic, epoch, partition, position, version) VALUES " + strings.Join(rows, ", ")
}

// nowSQL reads the database's clock, microseconds since 1970.
const nowSQL = `SELECT toUInt64(toUnixTimestamp64Micro(now64(6)))`

// markSQL reads the version for new marks: the database's clock, or one more than any mark has if the clock was set back.
const markSQL = `SELECT greatest(toUInt64(toUnixTimestamp64Micro(now64(6))), (SELECT least(max(version), toUInt64(9223372036854775807)) FROM rollup_pending) + 1)`

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
