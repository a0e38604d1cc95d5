package audit

import (
	"fmt"
	"strings"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Every statement that an audit sends is made here, in pending.go, by package rollup or by package ledgerdb, and is
// kept as a golden file.

// clockSQL reads the database's clock and the newest version that a rollup shows.
const clockSQL = `SELECT ` + schemas.NowVersionSQL + `, (SELECT max(version) FROM ` + schemas.RollupVersionsTable + `)`

// slack is by how much the clocks of two servers may differ, microseconds.
const slack = 60_000_000

// futureSQL reads, by rollup, the newest version of a clock that was ahead.
func futureSQL(clock uint64) string {
	return fmt.Sprintf("SELECT rollup, max(version) FROM "+schemas.RollupVersionsTable+" WHERE version > %d GROUP BY `rollup` ORDER BY `rollup`", clock+slack)
}

// pendingSQL lists the ranges that the rollups have passed and not updated. Those with mismatches are not among them: they
// differ until raw and ledger match.
func pendingSQL() string {
	return rollup.PendingSQL("", " AND reason != "+schemas.Quote(schemas.ReasonMismatch))
}

func epochSQL(topic string, id schemas.TopicID) string {
	return fmt.Sprintf(`SELECT min(epoch) FROM `+schemas.TopicsTable+` FINAL WHERE topic = %s AND topic_id = toUUID('%x-%x-%x-%x-%x')`,
		schemas.Quote(topic), id[0:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

func epochsSQL(topic string) string {
	return fmt.Sprintf(`SELECT epoch FROM `+schemas.TopicsTable+` FINAL WHERE topic = %s ORDER BY epoch`, schemas.Quote(topic))
}

// ledgerRowSQL finds the first ledger row that contradicts itself: each offset is counted once, by disposition, by run
// and by minute. See ledger.Row.Validate.
func ledgerRowSQL(topic string) string {
	var kinds []string
	for _, d := range exceptional {
		kinds = append(kinds, fmt.Sprintf("arraySum(arrayMap((a, b, d) -> if(d = '%s', b - a, 0), exceptions.from, exceptions.to, exceptions.disposition))", d))
	}
	return fmt.Sprintf(`SELECT epoch, partition, from_offset, to_offset FROM `+schemas.LedgerTable+` FINAL WHERE topic = %[1]s AND (`+
		`stored + duplicates + conflicts + dead + control + gap != to_offset - from_offset `+
		`OR arraySum(buckets.rows) != stored `+
		`OR arraySum(arrayMap((a, b) -> b - a, exceptions.from, exceptions.to)) != to_offset - from_offset - stored `+
		`OR arrayExists((a, b) -> a < from_offset OR b > to_offset OR b <= a, exceptions.from, exceptions.to) `+
		`OR arrayExists((a, b) -> a < b, arrayPopFront(exceptions.from), arrayPopBack(exceptions.to)) `+
		`OR (duplicates, conflicts, dead, control, gap) != (%[2]s) `+
		`OR (arraySum(runs.stored), arraySum(runs.duplicates), arraySum(runs.conflicts), arraySum(runs.dead)) != (stored, duplicates, conflicts, dead) `+
		`OR (min_minute, max_minute) != if(stored = 0, (0, 0), (arrayMin(buckets.minute), arrayMax(buckets.minute))) `+
		`OR length(arrayDistinct(buckets.minute)) != length(buckets.minute)`+
		`) ORDER BY epoch, partition, from_offset LIMIT 1`, schemas.Quote(topic), strings.Join(kinds, ", "))
}

// ledgerTotalsSQL sums up the ledger of a topic up to the bounds.
func ledgerTotalsSQL(topic string, bounds ledgerdb.Bounds, losers []ledgerdb.Loser) string {
	return `SELECT sum(stored) FROM ` + schemas.LedgerTable + ` FINAL WHERE ` + ledgerdb.CountedSQL(topic, bounds, losers)
}

// contentsSQL sums up the contents of the ledger's rows by minute, for minutes of which all ledger rows have them.
func contentsSQL(topic string, bounds ledgerdb.Bounds, losers []ledgerdb.Loser, s spans.Span) string {
	return fmt.Sprintf(`SELECT bucket.1 AS m, sum(bucket.2) FROM `+schemas.LedgerTable+` FINAL ARRAY JOIN arrayZip(buckets.minute, buckets.content) AS bucket `+
		`WHERE topic = %[1]s AND %[6]s AND %[4]s%[5]s AND m >= %[2]d AND m < %[3]d GROUP BY m HAVING min(format) > 0 ORDER BY m`,
		schemas.Quote(topic), s.From, s.To, bounds.LedgerSQL(), ledgerdb.NotLosersSQL(losers), ledgerdb.MinutesSQL(s))
}

// storedSQL counts, by minute, the distinct coordinates that raw holds, sums their checksums and contents, and counts
// the rows whose identity is not that of their texts, with the place of the first one.
func storedSQL(spec schemas.Spec, bounds ledgerdb.Bounds, s spans.Span, settings string) string {
	misnamed := "identity != " + schemas.IdentitySQL()
	return fmt.Sprintf(`SELECT minute, count(), sum(%[1]s), sum(%[8]s), countIf(%[2]s) AS misnamed, toUInt64(minIf((partition, offset), %[2]s).1), minIf((partition, offset), %[2]s).2 `+
		`FROM %[3]s FINAL WHERE minute >= %[4]d AND minute < %[5]d AND %[6]s GROUP BY minute ORDER BY minute%[7]s`,
		spec.ChecksumSQL(), misnamed, spec.RawTable, s.From, s.To, bounds.RawSQL(), settings, spec.ContentSQL())
}

// orphansSQL finds raw rows that no ledger row accounts for, by partition.
func orphansSQL(spec schemas.Spec, bounds ledgerdb.Bounds) string {
	return fmt.Sprintf(`SELECT epoch, partition, uniqExact(offset), min(offset), max(offset) FROM %s WHERE NOT %s GROUP BY epoch, partition ORDER BY epoch, partition`,
		spec.RawTable, bounds.RawSQL())
}

// fromOffsetSQL finds the first raw row of a partition from an offset on.
func fromOffsetSQL(spec schemas.Spec, p ledger.Partition, from int64) string {
	return fmt.Sprintf(`SELECT offset, minute FROM %s WHERE epoch = %d AND partition = %d AND offset >= %d ORDER BY offset LIMIT 1`,
		spec.RawTable, p.Epoch, p.ID, from)
}

// outsideSQL finds the first raw row outside of the spans.
func outsideSQL(spec schemas.Spec, bounds ledgerdb.Bounds, known []spans.Span) string {
	outside := "1"
	if len(known) > 0 {
		outside = "NOT (" + spans.MinutesSQL("minute", known) + ")"
	}
	return fmt.Sprintf(`SELECT minute FROM %s WHERE %s AND %s ORDER BY minute LIMIT 1`, spec.RawTable, outside, bounds.RawSQL())
}

// ledgerBlocksSQL lists the ledger rows that have stored rows of one minute.
func ledgerBlocksSQL(topic string, bounds ledgerdb.Bounds, losers []ledgerdb.Loser, minute int32) string {
	return fmt.Sprintf(`SELECT epoch, partition, from_offset, to_offset, buckets.rows[indexOf(buckets.minute, %[2]d)], buckets.checksum[indexOf(buckets.minute, %[2]d)], buckets.content[indexOf(buckets.minute, %[2]d)], toBool(format > 0) `+
		`FROM `+schemas.LedgerTable+` FINAL WHERE topic = %[1]s AND min_minute <= %[2]d AND max_minute >= %[2]d AND %[3]s%[4]s ORDER BY epoch, partition, from_offset`,
		schemas.Quote(topic), minute, bounds.LedgerSQL(), ledgerdb.NotLosersSQL(losers))
}

// blockRowsSQL sums up the raw rows of one minute and block.
func blockRowsSQL(spec schemas.Spec, minute int32, b ledgerBlock) string {
	return fmt.Sprintf(`SELECT count(), sum(%s), sum(%s) FROM %s FINAL WHERE minute = %d AND epoch = %d AND partition = %d AND offset >= %d AND offset < %d`,
		spec.ChecksumSQL(), spec.ContentSQL(), spec.RawTable, minute, b.Epoch, b.ID, b.from, b.to)
}

// coordinatesSQL lists the coordinates of the rows of one minute.
func coordinatesSQL(spec schemas.Spec, bounds ledgerdb.Bounds, minute int32) string {
	return fmt.Sprintf(`SELECT DISTINCT epoch, partition, offset FROM %s WHERE minute = %d AND %s ORDER BY epoch, partition, offset`,
		spec.RawTable, minute, bounds.RawSQL())
}

// offsetsSQL lists the offsets of a block that raw holds.
func offsetsSQL(spec schemas.Spec, b ledgerBlock) string {
	return fmt.Sprintf(`SELECT DISTINCT offset FROM %s WHERE epoch = %d AND partition = %d AND offset >= %d AND offset < %d ORDER BY offset`,
		spec.RawTable, b.Epoch, b.ID, b.from, b.to)
}

// exceptionsSQL lists the offsets of a block that are not stored, as ranges.
func exceptionsSQL(b ledgerBlock) string {
	return fmt.Sprintf(`SELECT DISTINCT e.1 AS first, e.2 AS last FROM `+schemas.LedgerTable+` ARRAY JOIN arrayZip(exceptions.from, exceptions.to) AS e WHERE topic = %s AND epoch = %d AND partition = %d AND from_offset = %d AND to_offset = %d ORDER BY first`,
		schemas.Quote(b.Topic), b.Epoch, b.ID, b.from, b.to)
}

// shownYearsSQL counts the buckets that a rollup shows, by year.
func shownYearsSQL(table string) string {
	return fmt.Sprintf(`SELECT %s, uniqExact(bucket) FROM `+schemas.RollupVersionsTable+` WHERE rollup = %s GROUP BY year ORDER BY year`,
		yearOf(spans.BucketMinuteSQL), schemas.Quote(table))
}

// yearOf is the first minute of the year, of 366 days, that a minute lies in. Of a negative Int32 and a UInt32, the
// type of the divisor, positiveModulo gives nonsense.
func yearOf(minute string) string {
	return fmt.Sprintf("toInt32(%[1]s - positiveModulo(toInt64(%[1]s), %[2]d)) AS year", minute, year)
}

// ledgerYearsSQL counts the minutes that the ledger has, by year.
func ledgerYearsSQL(topic string, bounds ledgerdb.Bounds) string {
	return fmt.Sprintf(`SELECT %s, uniqExact(minute) FROM `+schemas.LedgerTable+` ARRAY JOIN buckets.minute AS minute WHERE topic = %s AND %s GROUP BY year ORDER BY year`,
		yearOf("minute"), schemas.Quote(topic), bounds.LedgerSQL())
}

// newerSQL lists the buckets of a rollup in s that were published after a version, or that are made from one that was:
// they stand for more of the ledger than the audit read, or will soon.
func newerSQL(t *rollup.Table, s spans.Span, newest uint64) string {
	names := schemas.Quote(t.Name)
	if t.From != "" {
		names += ", " + schemas.Quote(t.From)
	}
	return fmt.Sprintf(`SELECT DISTINCT %[1]s - positiveModulo(%[1]s, %[2]d) AS start FROM `+schemas.RollupVersionsTable+` WHERE rollup IN (%[3]s) AND version > %[4]d AND %[5]s`,
		spans.BucketMinuteInt64SQL, t.Minutes, names, newest, s.BucketsSQL())
}

func countSQL(query string) string { return "SELECT count() FROM (" + query + ")" }

// repeatedSQL counts the minutes in which an event may be in two rows.
func repeatedSQL(spec schemas.Spec, bounds ledgerdb.Bounds, s spans.Span, settings string) string {
	return fmt.Sprintf(`SELECT count() FROM (SELECT minute FROM %s WHERE minute >= %d AND minute < %d AND %s GROUP BY minute HAVING count() != uniqExact(identity))%s`,
		spec.RawTable, s.From, s.To, bounds.RawSQL(), settings)
}

// differSQL counts the buckets in s that differ between a rollup and its recomputation and are not excused. It compares
// the sums of hashes of their rows, which is cheaper than to compare row by row.
func differSQL(t *rollup.Table, computed string, s spans.Span, e *excuse, settings string) string {
	row := "cityHash64(" + strings.Join(t.Dims, ", ") + ", measures)"
	return fmt.Sprintf(`SELECT count() FROM (SELECT start FROM (%[1]s) WHERE %[2]s GROUP BY start HAVING countIf(shown) != countIf(NOT shown) OR sumIf(%[3]s, shown) != sumIf(%[3]s, NOT shown))%[4]s`,
		bothSQL(t, computed, s, hashSQL), e.where(s), row, settings)
}

// bothSQL lists the rows of the buckets in s that a rollup shows and those of its recomputation.
func bothSQL(t *rollup.Table, computed string, s spans.Span, measures func(values []string) string) string {
	dims := strings.Join(t.Dims, ", ")
	return fmt.Sprintf(`SELECT %s AS start, %s, %s AS measures, true AS shown FROM %s WHERE %s `+
		`UNION ALL SELECT toInt64(start), %s, %s AS measures, false AS shown FROM (%s)`,
		spans.BucketMinuteInt64SQL, dims, measures(t.Values(func(i int) string { return t.Measures[i].Column })), t.Name, s.BucketsSQL(),
		dims, measures(computedColumns(t)), computed)
}

// computedColumns names the measures of a recomputation.
func computedColumns(t *rollup.Table) []string {
	columns := make([]string, len(t.Measures))
	for i := range columns {
		columns[i] = fmt.Sprintf("m%d", i)
	}
	return columns
}

func hashSQL(values []string) string { return "cityHash64(" + strings.Join(values, ", ") + ")" }

// compareSQL lists the rows of the buckets in s that differ between a rollup and its recomputation and are not excused:
// the bucket, the dimensions, and how many rows are shown and computed. With detail it returns the measures of the
// first row too. Without, it compares the rows by a hash of their measures, which is many times cheaper.
func compareSQL(t *rollup.Table, computed string, s spans.Span, e *excuse, detail bool, settings string) string {
	text := func(expressions []string) string {
		return "[toString(" + strings.Join(expressions, "), toString(") + ")]"
	}
	measures, got, want, limit := hashSQL, "emptyArrayString()", "emptyArrayString()", maxRows
	if detail {
		measures, got, want, limit = text, "anyIf(measures, shown)", "anyIf(measures, NOT shown)", 1
	}
	dims := strings.Join(t.Dims, ", ")
	return fmt.Sprintf(`SELECT toInt32(start), %s, toUInt64(countIf(shown)), toUInt64(countIf(NOT shown)), %s, %s FROM (%s) WHERE %s GROUP BY start, %s HAVING countIf(shown) != 1 OR countIf(NOT shown) != 1 OR anyIf(measures, shown) != anyIf(measures, NOT shown) ORDER BY start, %s LIMIT %d%s`,
		text(t.Dims), got, want, bothSQL(t, computed, s, measures), e.where(s), dims, dims, limit, settings)
}

// runsSQL lists, by run and type, what its producer counted.
const runsSQL = `SELECT run, type, any(kind), sum(produced), sum(events), sum(duplicates), sum(conflicts), sum(poison), sum(input_tokens), sum(output_tokens), sum(weight) FROM runs WHERE kind != 'collect' GROUP BY run, type ORDER BY run, type`

// edgeRunsSQL lists, by run and type, what collectors acknowledged.
const edgeRunsSQL = `SELECT run, type, sum(produced), sum(spooled), sum(drained) FROM runs WHERE kind = 'collect' AND type != 'any' GROUP BY run, type ORDER BY run, type`

// tornSQL lists the reports of collectors of which rows are missing. The id of a row is collector/report/row/rows.
const tornSQL = `SELECT substringIndex(id, '/', 2) AS report FROM runs WHERE kind = 'collect' AND length(splitByChar('/', id)) = 4 GROUP BY report HAVING count() < max(toUInt64OrZero(substringIndex(id, '/', -1)))`

// edgeSumsSQL sums up what collectors received, and counts the minutes of a key and an endpoint that do not add up: those that
// should, and those of which rows are missing, which are not summed up.
const edgeSumsSQL = `SELECT count(), countIf(torn), countIf(wrong AND NOT torn) AS bad, argMinIf(concat(run, ' ', endpoint, ' at ', toString(at), ': ', toString(received), ' received, ', toString(became), ' accounted for'), at, wrong AND NOT torn), ` +
	`sumIf(received, NOT torn), sumIf(produced, NOT torn), sumIf(spooled, NOT torn), sumIf(rejected, NOT torn), sumIf(joined, NOT torn), sumIf(skipped, NOT torn) FROM (` +
	`SELECT run, endpoint, time AS at, sum(r.received) AS received, sum(r.produced) AS produced, sum(r.spooled) AS spooled, sum(r.rejected) AS rejected, sum(r.joined) AS joined, sum(r.skipped) AS skipped, ` +
	`produced + spooled + rejected + joined + skipped AS became, received != became AS wrong, wrong AND max(substringIndex(r.id, '/', 2) IN (` + tornSQL + `)) AS torn FROM runs AS r WHERE kind = 'collect' GROUP BY run, endpoint, at)`

// runCountsSQL sums up the ledger of a topic by run.
func runCountsSQL(topic string, bounds ledgerdb.Bounds, losers []ledgerdb.Loser) string {
	return fmt.Sprintf(`SELECT r.1 AS run, sum(r.2), sum(r.3), sum(r.4), sum(r.5) FROM `+schemas.LedgerTable+` FINAL ARRAY JOIN arrayZip(runs.run, runs.stored, runs.duplicates, runs.conflicts, runs.dead) AS r WHERE %s GROUP BY run ORDER BY run`,
		ledgerdb.CountedSQL(topic, bounds, losers))
}

// runEventsSQL counts the distinct events of each run by itself, and tells whether a run has an event in two rows. An event
// that two runs produced counts in both. Without once every row counts, which is several times cheaper and right for runs
// that have no event in two rows: the rows of one event are of one minute. The sums of tokens and the choice of one record
// per event are written out here on purpose, apart from package schemas: an error there shows as a difference from what the
// producers counted.
func runEventsSQL(spec schemas.Spec, bounds ledgerdb.Bounds, s spans.Span, once bool, settings string) string {
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
	rows := fmt.Sprintf("FROM %s WHERE minute >= %d AND minute < %d AND %s", spec.RawTable, s.From, s.To, bounds.RawSQL())
	if once {
		return fmt.Sprintf(`SELECT run, count(), %s, %s, false FROM (SELECT %s %s ORDER BY minute, revision DESC, epoch, partition, offset LIMIT 1 BY run, time, tenant, identity) GROUP BY run ORDER BY run%s`,
			weight, tokens, columns, rows, settings)
	}
	return fmt.Sprintf(`SELECT run, sum(m.1), sum(m.2), sum(m.3), sum(m.4), toBool(max(m.1 != m.5)) FROM (SELECT run, minute, (count(), %s, %s, uniqExact(identity)) AS m %s GROUP BY run, minute) GROUP BY run ORDER BY run%s`,
		weight, tokens, rows, settings)
}

// timesSQL finds identities with more than one time. Of all identities it looks at one of several shares. The inner query,
// which groups by the number alone, is many times cheaper than the outer one and nearly always finds none.
func timesSQL(spec schemas.Spec, bounds ledgerdb.Bounds, share, shares uint64, settings string) string {
	rows := fmt.Sprintf("FROM %s WHERE identity %% %d = %d AND %s", spec.RawTable, shares, share, bounds.RawSQL())
	return fmt.Sprintf(`SELECT count(), min(place).1, min(place).2, min(place).3, min(place).4, min(place).5 FROM (`+
		`SELECT argMax((partition, offset, toString(tenant), toString(time)), (time, epoch, partition, offset)) AS last, `+
		`(last.1, last.2, last.3, last.4, toString(min(time))) AS place %[1]s AND identity IN (SELECT identity %[1]s GROUP BY identity HAVING min(time) != max(time)) `+
		`GROUP BY tenant, identity HAVING min(time) != max(time))%[2]s`, rows, settings)
}

// auditsSQL writes the findings.
func auditsSQL(r Result) string {
	var rows []string
	for _, f := range r.Findings {
		rows = append(rows, fmt.Sprintf("(%s, %s, %s, %s, %s, %d)", schemas.Quote(r.ID), schemas.Quote(f.Check), schemas.Quote(f.Scope),
			schemas.Quote(string(f.Verdict)), schemas.Quote(f.Detail), f.Took.Microseconds()))
	}
	return "INSERT INTO " + schemas.AuditsTable + " (audit, check, scope, verdict, detail, took_us) VALUES " + strings.Join(rows, ", ")
}

// exceptionTotalsSQL counts the offsets and the spans of each disposition other than stored.
func exceptionTotalsSQL(topic string, bounds ledgerdb.Bounds, losers []ledgerdb.Loser) string {
	var sums []string
	for _, d := range exceptional {
		sums = append(sums, fmt.Sprintf("toUInt64(sum(arraySum(arrayMap((a, b, d) -> if(d = '%[1]s', b - a, 0), exceptions.from, exceptions.to, exceptions.disposition)))), sum(countEqual(exceptions.disposition, '%[1]s'))", d))
	}
	return fmt.Sprintf(`SELECT %s FROM `+schemas.LedgerTable+` FINAL WHERE %s`,
		strings.Join(sums, ", "), ledgerdb.CountedSQL(topic, bounds, losers))
}

// exceptionSpansSQL lists the exceptions of a topic in the order of the log.
func exceptionSpansSQL(topic string, bounds ledgerdb.Bounds, losers []ledgerdb.Loser) string {
	return fmt.Sprintf("SELECT epoch, partition, e.1 AS first, e.2, toString(e.3), window, format FROM "+schemas.LedgerTable+" FINAL ARRAY JOIN arrayZip(exceptions.from, exceptions.to, exceptions.disposition) AS e WHERE %s ORDER BY epoch, partition, first",
		ledgerdb.CountedSQL(topic, bounds, losers))
}

// storedExceptionSQL finds the first raw row that lies in an exception.
func storedExceptionSQL(spec schemas.Spec, bounds ledgerdb.Bounds, losers []ledgerdb.Loser, settings string) string {
	return fmt.Sprintf(`SELECT r.epoch, r.partition, r.offset, r.minute, toString(e.what) FROM (SELECT epoch, partition, offset, minute FROM %s WHERE %s) AS r `+
		`ASOF INNER JOIN (SELECT epoch, partition, x.1 AS first, x.2 AS last, x.3 AS what FROM `+schemas.LedgerTable+` FINAL ARRAY JOIN arrayZip(exceptions.from, exceptions.to, exceptions.disposition) AS x WHERE %s) AS e `+
		`ON r.epoch = e.epoch AND r.partition = e.partition AND r.offset >= e.first WHERE r.offset < e.last ORDER BY r.epoch, r.partition, r.offset LIMIT 1%s`,
		spec.RawTable, bounds.RawSQL(), ledgerdb.CountedSQL(spec.Topic, bounds, losers), settings)
}

// originalsSQL lists the rows of some identities, in hex, in ranges of offsets. Its rows are all over the table, so it is
// asked once for many identities.
func originalsSQL(spec schemas.Spec, ranges []offsets, ids []string) string {
	within := make([]string, len(ranges))
	for i, r := range ranges {
		within[i] = fmt.Sprintf("epoch = %d AND partition = %d AND offset >= %d AND offset < %d", r.Epoch, r.ID, r.from, r.to)
	}
	return fmt.Sprintf(`SELECT DISTINCT epoch, partition, hex(reinterpretAsFixedString(identity)), offset, toUnixTimestamp64Micro(time), %s, %s, toString(run) FROM %s WHERE (%s) AND identity IN (SELECT reinterpretAsUInt128(unhex(arrayJoin(splitByChar(' ', '%s')))))`,
		spec.RevisionSQL(), spec.BodySQL(), spec.RawTable, strings.Join(within, " OR "), strings.Join(ids, " "))
}
