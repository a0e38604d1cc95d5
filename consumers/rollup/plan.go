package rollup

import (
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
)

// gapRows is what a statement costs, in rows. To recompute so many rows between two touched buckets once more is no
// dearer than to begin another statement.
const gapRows = 50_000

// plan joins buckets to be recomputed into ranges for one statement each, and splits those that are too large: at most
// maxRows stored rows, unless one bucket has more. The ranges may cover buckets that are not due, but none between
// buckets that are far minutes or more apart: minutes do not cover those.
func plan(due []spans.Span, length int32, minutes ledgerdb.MinutesByType, maxRows uint64, far int32) []spans.Span {
	var out []spans.Span
	var rows uint64 // In the last range of out.
	for _, s := range due {
		n := minutes.Rows(s.From, s.To)
		if last := len(out) - 1; last >= 0 {
			gap := minutes.Rows(out[last].To, s.From)
			if gap <= gapRows && rows+gap+n <= maxRows && s.From-out[last].To < far {
				out[last].To, rows = s.To, rows+gap+n
				continue
			}
		}
		out = append(out, minutes.Split(s, length, maxRows)...)
		last := out[len(out)-1]
		rows = minutes.Rows(last.From, last.To)
	}
	return out
}
