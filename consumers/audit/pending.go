package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
)

// A bucket waits if the rollups have to follow the ledger into it, or if a mark says so. That alone excuses nothing: a
// cursor that was set back, or marks that somebody made, would hide whatever is wrong. A bucket that waits may differ
// only if the ledger gained rows of its minutes since it was published; their times are compared with a version by the
// clock that gave both. What differs without news is looked at again for a while, because a step may have taken its
// version right before it missed a row that was being written; the next step publishes the bucket again.

// excuse says which buckets of a range may differ.
type excuse struct {
	waiting []spans.Span // Buckets that wait.
	newer   string       // A query for the buckets published since the audit began.
	news    string       // A query for the buckets that the ledger has news for.
}

// maxExceptions is how many ranges of waiting buckets a query names. With more of them news alone excuses.
const maxExceptions = 500

// conditions on the column start, the first minute of a bucket: those to be compared.
func (e *excuse) conditions(s spans.Span) []string {
	var all []string
	if e.newer != "" {
		all = append(all, "start NOT IN ("+e.newer+")")
	}
	switch {
	case e.news == "" || len(e.waiting) == 0:
	case len(e.waiting) > maxExceptions || slices.Equal(e.waiting, []spans.Span{s}):
		all = append(all, "start NOT IN ("+e.news+")")
	default:
		all = append(all, "NOT (start IN ("+e.news+") AND ("+inSpans("start", e.waiting)+"))")
	}
	return all
}

// waits reports whether a bucket waits.
func (c *comparison) waits(bucket spans.Span) bool {
	return len(spans.Intersect(c.pending, []spans.Span{bucket})) > 0
}

// idle reports whether nothing in a range can be compared: all of it waits, and the ledger has news for every bucket
// that is shown.
func (c *comparison) idle(ctx context.Context, s spans.Span) (bool, error) {
	if !slices.Equal(spans.Intersect(c.pending, []spans.Span{s}), []spans.Span{s}) {
		return false, nil
	}
	var held uint64
	_, err := c.first(ctx, withoutNewsSQL(c.table, s, c.news(s)), &held)
	return held == 0, err
}

func (c *comparison) news(s spans.Span) string {
	var names []string
	for _, t := range c.topics {
		names = append(names, t.spec.Topic)
	}
	return newsSQL(c.table, names, s)
}

// published waits for a bucket that differs and waits, and reports whether it was published again.
func (c *comparison) published(ctx context.Context, bucket spans.Span) (bool, error) {
	if c.deadline.IsZero() {
		patience := c.Patience
		if patience == 0 {
			patience = 30 * time.Second
		}
		c.deadline = time.Now().Add(patience)
	}
	for c.waits(bucket) && !c.Settled && time.Now().Before(c.deadline) {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(min(time.Second, time.Until(c.deadline))):
		}
		if again, err := c.again(ctx, bucket); err != nil || again > 0 {
			return again > 0, err
		}
	}
	return false, nil
}

// ahead says so if versions of a rollup are of a clock that was ahead.
func (c *comparison) ahead() string {
	version, found := c.future[c.table.Name]
	if !found {
		return ""
	}
	return fmt.Sprintf("; published as of %s, which is still to come: the database's clock was ahead", time.UnixMicro(int64(version)).UTC().Format("2006-01-02 15:04:05"))
}

// newsSQL lists the buckets of a rollup in s that the ledger gained rows for since they were published, or that are not
// published.
func newsSQL(t *rollup.Table, topics []string, s spans.Span) string {
	return fmt.Sprintf(`SELECT start FROM (SELECT toInt64(minute) - positiveModulo(toInt64(minute), %[1]d) AS start, max(toUnixTimestamp64Micro(written_at)) AS written `+
		`FROM ledger ARRAY JOIN buckets.minute AS minute WHERE topic IN (%[2]s) AND max_minute >= %[3]d AND min_minute < %[4]d AND minute >= %[3]d AND minute < %[4]d GROUP BY start) AS l `+
		`LEFT JOIN (%[5]s) AS v USING (start) WHERE toUInt64(written) >= v.version`,
		t.Minutes, quoted(topics), s.From, s.To, shownSQL(t, s))
}

// shownSQL lists the buckets of a rollup in s with their versions.
func shownSQL(t *rollup.Table, s spans.Span) string {
	return fmt.Sprintf(`SELECT toInt64(intDiv(toUnixTimestamp64Second(bucket), 60)) AS start, max(version) AS version FROM rollup_versions WHERE rollup = %s AND bucket >= %s AND bucket < %s GROUP BY start`,
		quoted([]string{t.Name}), bucketOf(s.From), bucketOf(s.To))
}

// withoutNewsSQL counts the buckets shown in s that a query for news does not list.
func withoutNewsSQL(t *rollup.Table, s spans.Span, news string) string {
	return fmt.Sprintf("SELECT count() FROM (%s) WHERE start NOT IN (%s)", shownSQL(t, s), news)
}
