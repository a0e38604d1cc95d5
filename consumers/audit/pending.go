package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// A bucket is pending if the rollups have yet to follow the ledger into it, or if a row of rollup_pending names it.
// That alone excuses nothing: a cursor that somebody set back, or rows that somebody wrote, would hide any difference.
// A pending bucket may differ only if it has news: the ledger gained rows of its minutes since it was published. The
// same clock gave the times of these rows and the version. It is news too that a rollup which the bucket is made from was published
// after it: minutes and hours pause apart, so an hour may be made before a minute of it; and that another book prices the bucket. A pending bucket that differs without news is
// looked at again for a while: a step may have taken its version right before it missed a row that was being written. The next
// step publishes the bucket again.

// excuse says which buckets of a range may differ.
type excuse struct {
	pending []spans.Span // Buckets that are pending.
	newer   string       // A query for the buckets published since the audit began.
	news    string       // A query for the buckets that have news.
}

// maxExceptions is how many ranges of pending buckets a query names. With more of them news alone excuses.
const maxExceptions = 500

// conditions are conditions on the column start, the first minute of a bucket: the bucket is to be compared.
func (e *excuse) conditions(s spans.Span) []string {
	var all []string
	if e.newer != "" {
		all = append(all, "start NOT IN ("+e.newer+")")
	}
	switch {
	case e.news == "" || len(e.pending) == 0:
	case len(e.pending) > maxExceptions || slices.Equal(e.pending, []spans.Span{s}):
		all = append(all, "start NOT IN ("+e.news+")")
	default:
		all = append(all, "NOT (start IN ("+e.news+") AND ("+spans.MinutesSQL("start", e.pending)+"))")
	}
	return all
}

// where is the condition of conditions, all together.
func (e *excuse) where(s spans.Span) string {
	return strings.Join(append([]string{"1"}, e.conditions(s)...), " AND ")
}

// isPending reports whether a bucket is pending.
func (c *comparison) isPending(bucket spans.Span) bool {
	return len(spans.Intersect(c.pending, []spans.Span{bucket})) > 0
}

// nothingToCompare reports whether all of a range is pending and every bucket that is shown has news.
func (c *comparison) nothingToCompare(ctx context.Context, s spans.Span) (bool, error) {
	if !slices.Equal(spans.Intersect(c.pending, []spans.Span{s}), []spans.Span{s}) {
		return false, nil
	}
	var comparable uint64
	_, err := c.queryFirst(ctx, withoutNewsSQL(c.table, s, c.news(s)), &comparable)
	return comparable == 0, err
}

// news is a query for the buckets in a range that have news.
func (c *comparison) news(s spans.Span) string {
	var names []string
	for _, t := range c.topics {
		names = append(names, t.spec.Topic)
	}
	news := newsSQL(c.table, names, s)
	if c.table.Priced && c.table.From == "" {
		news += " UNION ALL " + periodNewsSQL(c.table, s, c.table.Plan.Periods())
	}
	return news
}

// awaitPublished waits for a bucket that differs and is pending, and reports whether it was published again.
func (c *comparison) awaitPublished(ctx context.Context, bucket spans.Span) (bool, error) {
	if c.deadline.IsZero() {
		c.deadline = time.Now().Add(c.limits.Patience)
	}
	for c.isPending(bucket) && !c.Settled && time.Now().Before(c.deadline) {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(min(time.Second, time.Until(c.deadline))):
		}
		if newer, err := c.countNewer(ctx, bucket); err != nil || newer > 0 {
			return newer > 0, err
		}
	}
	return false, nil
}

// futureNote describes the versions of a rollup that are of a clock that was ahead; empty if there are none.
func (c *comparison) futureNote() string {
	version, found := c.future[c.table.Name]
	if !found {
		return ""
	}
	return fmt.Sprintf("; the newest version is of %s, which is in the future: the database's clock was ahead", time.UnixMicro(int64(version)).UTC().Format("2006-01-02 15:04:05"))
}

// newsSQL lists the buckets of a rollup in s that have news: the ledger gained rows for them since they were published,
// they are not published, or what they are made from was published since.
func newsSQL(t *rollup.Table, topics []string, s spans.Span) string {
	news := ledgerNewsSQL(t, topics, s)
	if t.From != "" {
		news += " UNION ALL " + sourceNewsSQL(t, s)
	}
	return news
}

// sourceNewsSQL lists the buckets in s of a rollup that merges another one of which a bucket was published since.
func sourceNewsSQL(t *rollup.Table, s spans.Span) string {
	return fmt.Sprintf(`SELECT start FROM (SELECT %[1]s - positiveModulo(%[1]s, %[2]d) AS start, max(version) AS made FROM `+schemas.RollupVersionsTable+` WHERE rollup = %[3]s AND %[4]s GROUP BY start) AS f `+
		`LEFT JOIN (%[5]s) AS v USING (start) WHERE made > v.version`,
		spans.BucketMinuteInt64SQL, t.Minutes, schemas.Quote(t.From), s.BucketsSQL(), shownSQL(t, s))
}

// ledgerNewsSQL lists the buckets of a rollup in s for which the ledger gained rows since they were published, or which are not published.
func ledgerNewsSQL(t *rollup.Table, topics []string, s spans.Span) string {
	return fmt.Sprintf(`SELECT start FROM (SELECT toInt64(minute) - positiveModulo(toInt64(minute), %[1]d) AS start, max(toUnixTimestamp64Micro(written_at)) AS written `+
		`FROM `+schemas.LedgerTable+` ARRAY JOIN buckets.minute AS minute WHERE topic IN (%[2]s) AND max_minute >= %[3]d AND min_minute < %[4]d AND minute >= %[3]d AND minute < %[4]d GROUP BY start) AS l `+
		`LEFT JOIN (%[5]s) AS v USING (start) WHERE toUInt64(written) >= v.version`,
		t.Minutes, schemas.QuoteAll(topics), s.From, s.To, shownSQL(t, s))
}

// shownSQL lists the buckets of a rollup in s with their versions.
func shownSQL(t *rollup.Table, s spans.Span) string {
	return fmt.Sprintf(`SELECT %s AS start, max(version) AS version FROM `+schemas.RollupVersionsTable+` WHERE rollup = %s AND %s GROUP BY start`,
		spans.BucketMinuteInt64SQL, schemas.Quote(t.Name), s.BucketsSQL())
}

// withoutNewsSQL counts the buckets shown in s that have no news, by a query for those that have.
func withoutNewsSQL(t *rollup.Table, s spans.Span, news string) string {
	return fmt.Sprintf("SELECT count() FROM (%s) WHERE start NOT IN (%s)", shownSQL(t, s), news)
}
