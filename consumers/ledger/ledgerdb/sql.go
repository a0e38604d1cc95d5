package ledgerdb

import (
	"fmt"
	"strings"

	"tidemark/schemas"
)

// Every statement of the package is made here and is kept as a golden file.

// lookback is how far before the cursor a ledger row may begin that ends after it, in offsets. Blocks are far smaller.
const lookback = 4 << 20

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

// touchedSQL returns a query for the minutes that have rows between the cursors and the ends, ascending.
func touchedSQL(topic string, cursors, ends Bounds) string {
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
