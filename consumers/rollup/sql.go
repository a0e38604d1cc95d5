package rollup

import (
	"fmt"
	"strings"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Every statement that the worker sends is made here and by Table, and is kept as a golden file.

// clockSQL reads the database's clock, the newest version of a cursor and the newest one of a pending range.
const clockSQL = `SELECT ` + schemas.NowVersionSQL + `, (SELECT max(version) FROM ` + schemas.RollupCursorsTable + `), (SELECT max(version) FROM ` + schemas.RollupPendingTable + `)`

// publishedSQL reads the newest version that is published. A worker that died may have published it and not saved it.
const publishedSQL = `SELECT max(version) FROM ` + schemas.RollupVersionsTable

// pendingSQL lists the ranges that are pending, with their reasons.
func pendingSQL() string { return PendingSQL(", toString(reason)", "") }

// PendingSQL lists the ranges of buckets that the rollups have passed and not updated: the rollup and the minutes, the
// last one exclusive. The texts add columns and conditions: ", COLUMN" and " AND CONDITION".
func PendingSQL(columns, conditions string) string {
	return fmt.Sprintf(`SELECT rollup, toInt32(%s), toInt32(%s)%s FROM `+schemas.RollupPendingTable+` FINAL WHERE NOT done%s ORDER BY rollup, from_bucket, to_bucket`,
		spans.MinuteSQL("from_bucket"), spans.MinuteSQL("to_bucket"), columns, conditions)
}

// storedSQL counts, by minute, the distinct coordinates that raw holds, and sums their checksums.
func storedSQL(spec schemas.Spec, bounds ledgerdb.Bounds, s spans.Span) string {
	return fmt.Sprintf(`SELECT minute, count(), sum(%s) FROM %s FINAL WHERE minute >= %d AND minute < %d AND %s GROUP BY minute ORDER BY minute`,
		spec.ChecksumSQL(), spec.RawTable, s.From, s.To, bounds.RawSQL())
}

// repeatedSQL counts the rows of raw in s, the most of them with one identity, and the first minute of an identity with several.
// With since it counts the rows with identities of rows that came since these bounds.
func repeatedSQL(spec schemas.Spec, bounds, since ledgerdb.Bounds, s spans.Span) string {
	rows := fmt.Sprintf("%s WHERE minute >= %d AND minute < %d AND %s", spec.RawTable, s.From, s.To, bounds.RawSQL())
	among := ""
	if since != nil {
		among = fmt.Sprintf(" AND identity IN (SELECT identity FROM %s AND NOT %s)", rows, since.RawSQL())
	}
	return fmt.Sprintf(`SELECT sum(n), max(n), minIf(first, n > 1) FROM (SELECT count() AS n, min(minute) AS first FROM %s%s GROUP BY identity)`, rows, among)
}

// insertSQL computes the buckets in s as one version, each into the slot that is not published. selected is a query of
// SelectRaw or SelectMerge.
func insertSQL(t *Table, selected string, s spans.Span, version uint64, settings string) string {
	var measures []string
	for i := range t.Measures {
		measures = append(measures, fmt.Sprintf("m%d", i))
	}
	return fmt.Sprintf(`INSERT INTO %s (bucket, %s, version, slot) SETTINGS %s SELECT toDateTime64(toInt64(start) * 60, 0, 'UTC') AS first, %s, %s, %d, `+
		`first IN (SELECT bucket FROM `+schemas.RollupVersionsTable+` WHERE rollup = %s AND %s GROUP BY bucket HAVING argMax(slot, version) = 0) FROM (%s)`,
		t.Rows(), strings.Join(t.Columns(), ", "), settings, strings.Join(t.Dims, ", "), strings.Join(measures, ", "), version,
		schemas.Quote(t.Name), s.BucketsSQL(), selected)
}

// writtenSQL sums up what an insert wrote, by bucket: records, checksum, 0 of a rollup that has none, and rows.
func writtenSQL(t *Table, s spans.Span, version uint64) string {
	checksum := "toUInt64(0)"
	if t.HasChecksum() {
		checksum = "sum(checksum)"
	}
	return fmt.Sprintf(`SELECT toInt32(`+spans.BucketMinuteSQL+`) AS start, sum(records), %s, count() FROM %s WHERE %s AND version = %d GROUP BY start ORDER BY start`,
		checksum, t.Rows(), s.BucketsSQL(), version)
}

// publishSQL shows a version of the buckets in s to readers, except for those in except: the buckets that have rows of
// the version, and those that had rows before and now have none.
func publishSQL(t *Table, s spans.Span, except []spans.Span, version uint64, settings string) string {
	where := ""
	if len(except) > 0 {
		var ranges []string
		for _, e := range except {
			ranges = append(ranges, e.BucketsSQL())
		}
		where = " WHERE NOT (" + strings.Join(ranges, " OR ") + ")"
	}
	name := schemas.Quote(t.Name)
	return fmt.Sprintf(`INSERT INTO `+schemas.RollupVersionsTable+` (rollup, bucket, version, slot) SETTINGS %s SELECT %s, bucket, %d, argMax(slot, written) FROM (`+
		`SELECT bucket, slot, 1 AS written FROM %s WHERE %s AND version = %d GROUP BY bucket, slot UNION ALL `+
		`SELECT bucket, 1 - argMax(slot, version) AS slot, 0 AS written FROM `+schemas.RollupVersionsTable+` WHERE rollup = %s AND %s GROUP BY bucket)%s GROUP BY bucket`,
		settings, name, version, t.Rows(), s.BucketsSQL(), version, name, s.BucketsSQL(), where)
}

// savePendingSQL saves ranges as pending or as done.
func savePendingSQL(ranges []pending, done bool, version uint64) string {
	var rows []string
	for _, p := range ranges {
		rows = append(rows, fmt.Sprintf("(%s, %s, %s, %s, %t, %d)",
			schemas.Quote(p.table), spans.BucketSQL(p.From), spans.BucketSQL(p.To), schemas.Quote(p.reason), done, version))
	}
	return "INSERT INTO " + schemas.RollupPendingTable + " (rollup, from_bucket, to_bucket, reason, done, version) VALUES " + strings.Join(rows, ", ")
}

// saveCursorsSQL saves how far the ledger was followed.
func saveCursorsSQL(topic string, ends ledgerdb.Bounds, version uint64) string {
	var rows []string
	for _, p := range ends.Partitions() {
		rows = append(rows, fmt.Sprintf("(%s, %d, %d, %d, %d)", schemas.Quote(topic), p.Epoch, p.ID, ends[p], version))
	}
	return "INSERT INTO " + schemas.RollupCursorsTable + " (topic, epoch, partition, position, version) VALUES " + strings.Join(rows, ", ")
}

// nowSQL reads the database's clock, microseconds since 1970.
const nowSQL = `SELECT ` + schemas.NowVersionSQL

// requestVersionSQL reads the version for new requests.
func requestVersionSQL() string {
	return "SELECT " + schemas.RequestVersionSQL(schemas.RollupPendingTable)
}

// dayOf is the first minute of the day that a minute lies in, also before 1970.
func dayOf(minute string) string {
	return fmt.Sprintf("toInt32(toInt64(%[1]s) - positiveModulo(toInt64(%[1]s), %[2]d))", minute, spans.Day)
}

// wholeDays widens a span to whole days.
func wholeDays(s spans.Span) spans.Span { return spans.Widen([]spans.Span{s}, spans.Day)[0] }

// storedDaysSQL counts the stored rows by day. It is for planning: a ledger row that is in the table twice counts
// twice.
func storedDaysSQL(topic string, s spans.Span) string {
	return fmt.Sprintf(`SELECT %[1]s AS start, sum(n) FROM `+schemas.LedgerTable+` ARRAY JOIN buckets.minute AS m, buckets.rows AS n `+
		`WHERE topic = %[2]s AND %[3]s AND m >= %[4]d AND m < %[5]d GROUP BY start ORDER BY start`,
		dayOf("m"), schemas.Quote(topic), ledgerdb.MinutesSQL(s), s.From, s.To)
}

// shownDaysSQL lists the days in which the rollups named have buckets, the day in which the span begins included.
func shownDaysSQL(names string, s spans.Span) string {
	return fmt.Sprintf(`SELECT DISTINCT %s AS start FROM `+schemas.RollupVersionsTable+` WHERE rollup IN (%s) AND %s ORDER BY start`,
		dayOf(spans.BucketMinuteSQL), names, spans.Span{From: spans.Floor(s.From, spans.Day), To: s.To}.BucketsSQL())
}

// openRequestsSQL counts the requests of a version that are still as they were made.
func openRequestsSQL(version uint64) string {
	return fmt.Sprintf(`SELECT count() FROM `+schemas.RollupPendingTable+` FINAL WHERE NOT done AND reason = %s AND version = %d`, schemas.Quote(schemas.ReasonRequested), version)
}

// mismatchedSQL counts the ranges that could not be recomputed because raw rows do not match the ledger.
func mismatchedSQL(names string, s spans.Span) string {
	return fmt.Sprintf(`SELECT count() FROM `+schemas.RollupPendingTable+` FINAL WHERE NOT done AND reason = %s AND rollup IN (%s) AND from_bucket < %s AND to_bucket > %s`,
		schemas.Quote(schemas.ReasonMismatch), names, spans.BucketSQL(s.To), spans.BucketSQL(s.From))
}

// oldestSQL reads, by rollup, the oldest version that is shown of a bucket in the days of a span.
func oldestSQL(names string, s spans.Span) string {
	return fmt.Sprintf(`SELECT rollup, min(newest) FROM (SELECT rollup, bucket, max(version) AS newest FROM `+schemas.RollupVersionsTable+` WHERE rollup IN (%s) AND %s GROUP BY `+"`rollup`"+`, bucket) GROUP BY `+"`rollup`"+` ORDER BY `+"`rollup`",
		names, wholeDays(s).BucketsSQL())
}
