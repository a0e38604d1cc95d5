package rollup

import (
	"fmt"
	"strings"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// A range of buckets grows if this worker has published it before: the next version merges what is shown with the rows
// that the ledger gained since. So a bucket that is open for long is not read from its beginning each time. A version that
// grew has to match the ledger by number and checksum of its rows as every other one. If it does not, because
// somebody else published the bucket or because raw has copies, the range is recomputed from raw. What the worker remembers is
// gone when it ends, and what a Rebuild requests does not grow.

// base is a range that was published whole, and where the ledger ended then.
type base struct {
	spans.Span
	ends ledgerdb.Bounds
	rows uint64 // Raw rows then, of all types; 0 of a part of a range.
}

// maxBases is the number of ranges of one rollup that a worker remembers.
const maxBases = 16

// remember takes note of a range that was published whole.
func (w *Worker) remember(table string, r spans.Span, ends ledgerdb.Bounds, rows uint64) {
	var bases []base
	for _, b := range w.bases[table] {
		for _, rest := range spans.Subtract([]spans.Span{b.Span}, []spans.Span{r}) {
			rows := b.rows
			if rest != b.Span {
				rows = 0
			}
			bases = append(bases, base{rest, b.ends, rows})
		}
	}
	bases = append(bases, base{r, ends, rows})
	if w.bases == nil {
		w.bases = make(map[string][]base)
	}
	w.bases[table] = bases[max(0, len(bases)-maxBases):]
}

// basesOf returns what a range of a rollup can grow from; nil if the ledger's rows in it are too few to be worth it.
func (s *step) basesOf(t *Table, r spans.Span) []base {
	var found []base
	var rows uint64
	for _, b := range s.w.bases[t.Name] {
		for _, common := range spans.Intersect([]spans.Span{b.Span}, []spans.Span{r}) {
			found = append(found, base{common, b.ends, b.rows})
			rows += s.minutesOf(t).Rows(common.From, common.To)
		}
	}
	if rows < uint64(s.limits.Grow) {
		return nil
	}
	return found
}

// SelectGrown returns the query of SelectRaw for a source of which the rows in bases are taken from what is shown.
func (t *Table) SelectGrown(source Source, bases []base) string {
	source.since = bases
	var shown, merged, within []string
	for i, m := range t.Measures {
		column := fmt.Sprintf("m%d", i)
		shown = append(shown, m.Column+" AS "+column)
		m.Column = column
		merged = append(merged, m.Merge()+" AS "+column)
	}
	for _, b := range bases {
		within = append(within, b.BucketsSQL())
	}
	dims := strings.Join(t.Dims, ", ")
	return fmt.Sprintf("SELECT start, %[1]s, %[2]s FROM (%[3]s UNION ALL SELECT %[4]s AS start, %[1]s, %[5]s FROM %[6]s WHERE %[7]s) GROUP BY start, %[1]s",
		dims, strings.Join(merged, ", "), t.SelectRaw([]Source{source}), spans.BucketMinuteInt64SQL,
		strings.Join(shown, ", "), schemas.Ident(t.Name), strings.Join(within, " OR "))
}

// sinceSQL is a condition on rows of raw: those of the bases are left out.
func sinceSQL(bases []base) string {
	var conditions strings.Builder
	for _, b := range bases {
		fmt.Fprintf(&conditions, " AND NOT (minute >= %d AND minute < %d AND %s)", b.From, b.To, b.ends.RawSQL())
	}
	return conditions.String()
}
