package ledgerdb

import (
	"fmt"
	"strings"

	"tidemark/consumers/ledger"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Every statement of the package is made here and is kept as a golden file.

const cursorsSQL = `SELECT topic, epoch, partition, argMax(position, version) FROM ` + schemas.RollupCursorsTable + ` GROUP BY topic, epoch, partition ORDER BY topic, epoch, partition`

// rangesSQL reads the ranges of the ledger rows of a topic that end after the bound of their partition.
func rangesSQL(topic string, after Bounds) string {
	return fmt.Sprintf(`SELECT epoch, partition, from_offset, to_offset, generation FROM `+schemas.LedgerTable+` WHERE topic = %s AND %s ORDER BY epoch, partition, from_offset`,
		schemas.Quote(topic), rowsAfter(after))
}

// lookback is how far before a bound a ledger row may begin that ends after it, in offsets. Blocks are far smaller.
const lookback = 4 << 20

// rowsAfter is the condition for rows that end after the bound of their partition. There is a condition per partition,
// so that the query uses the table's key.
func rowsAfter(bounds Bounds) string {
	var parts, known []string
	for _, p := range bounds.Partitions() {
		known = append(known, fmt.Sprintf("(%d, %d)", p.Epoch, p.ID))
		parts = append(parts, fmt.Sprintf("epoch = %d AND partition = %d AND from_offset >= %d AND to_offset > %d",
			p.Epoch, p.ID, max(0, bounds[p]-lookback), bounds[p]))
	}
	if known == nil {
		return "1"
	}
	parts = append(parts, "(epoch, partition) NOT IN ("+strings.Join(known, ", ")+")")
	return "(" + strings.Join(parts, " OR ") + ")"
}

func chainSQL(p ledger.Partition) string {
	return fmt.Sprintf(`SELECT from_offset, to_offset, generation FROM `+schemas.LedgerTable+` WHERE topic = %s AND epoch = %d AND partition = %d`,
		schemas.Quote(p.Topic), p.Epoch, p.ID)
}

// touchedSQL lists the minutes that have rows between the cursors and the ends, ascending.
func touchedSQL(topic string, cursors, ends Bounds) string {
	return fmt.Sprintf(`SELECT DISTINCT minute FROM `+schemas.LedgerTable+` ARRAY JOIN buckets.minute AS minute WHERE topic = %s AND %s AND %s ORDER BY minute`,
		schemas.Quote(topic), rowsAfter(cursors), ends.LedgerSQL())
}

// CountedSQL is a condition on the columns of the ledger: the row is of the topic, ends at or below the end of its
// partition, and is not one of the losers. Each offset below the bounds is in exactly one such row.
func CountedSQL(topic string, bounds Bounds, losers []Loser) string {
	return "topic = " + schemas.Quote(topic) + " AND " + bounds.LedgerSQL() + NotLosersSQL(losers)
}

// NotLosersSQL is a condition, to follow other conditions, that leaves out ledger rows that do not count.
func NotLosersSQL(losers []Loser) string {
	if len(losers) == 0 {
		return ""
	}
	var rows []string
	for _, l := range losers {
		rows = append(rows, fmt.Sprintf("(%d, %d, %d, %d, %d)", l.Epoch, l.ID, l.From, l.To, l.Generation))
	}
	return " AND (epoch, partition, from_offset, to_offset, generation) NOT IN (" + strings.Join(rows, ", ") + ")"
}

// MinutesSQL is a condition on the columns of the ledger: the row has stored rows and may have some in the span.
func MinutesSQL(s spans.Span) string {
	return fmt.Sprintf("stored > 0 AND max_minute >= %d AND min_minute < %d", s.From, s.To)
}

// rowsOf is the condition for the ledger rows with stored rows in the span, up to the bounds.
func rowsOf(topic string, bounds Bounds, s spans.Span) string {
	return fmt.Sprintf(`topic = %s AND %s AND %s`, schemas.Quote(topic), MinutesSQL(s), bounds.LedgerSQL())
}

// overlapsSQL finds the partitions in which two of those rows overlap.
func overlapsSQL(topic string, bounds Bounds, s spans.Span) string {
	return `SELECT DISTINCT epoch, partition FROM (` +
		`SELECT epoch, partition, from_offset, max(to_offset) OVER (PARTITION BY epoch, partition ORDER BY from_offset, to_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered ` +
		`FROM ` + schemas.LedgerTable + ` FINAL WHERE ` + rowsOf(topic, bounds, s) + `) WHERE from_offset < covered ORDER BY epoch, partition`
}

// minutesSQL sums up the ledger by minute. The rows of a minute in one partition hold no event twice if their offsets
// lie within the smallest window that any of them was decided with, and none of them replaces another row. The
// partitions together hold none twice if every row lies in the partition of its identity, by one and the same number of
// partitions, and the topic has one incarnation. Rows of before format 1 do not tell where their events lie.
func minutesSQL(topic string, bounds Bounds, losers []Loser, s spans.Span) string {
	return `SELECT m, sum(n), sum(hash), toBool(min(span < reach) = 1 AND uniqExact(epoch) = 1 AND min(least) = max(most) AND max(loose) = 0 AND min(known) > 0) FROM (` +
		`SELECT epoch, partition, bucket.1 AS m, sum(bucket.2) AS n, sum(bucket.3) AS hash, max(bucket.5) - min(bucket.4) AS span, min(window) AS reach, min(partitions) AS least, max(partitions) AS most, ` +
		`max(bucket.6 + bucket.7) AS loose, min(format) AS known ` +
		`FROM ` + schemas.LedgerTable + ` FINAL ARRAY JOIN arrayZip(buckets.minute, buckets.rows, buckets.checksum, buckets.min_offset, buckets.max_offset, buckets.strays, buckets.revised) AS bucket ` +
		`WHERE ` + rowsOf(topic, bounds, s) + NotLosersSQL(losers) + fmt.Sprintf(` AND m >= %d AND m < %d `, s.From, s.To) +
		`GROUP BY epoch, partition, m) GROUP BY m ORDER BY m`
}
