package rollup

import (
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
)

// gapRows is what a statement costs, in rows: recomputing them once more between two touched buckets is no dearer than
// beginning anew.
const gapRows = 50_000

// plan joins buckets to be recomputed into ranges for one statement each, and splits those that are too big: at most
// maxRows stored rows, unless one bucket has more. The ranges may cover buckets that were not asked for, but none between
// buckets that are far minutes or more apart, of which the accounts say nothing.
func plan(due []spans.Span, length int32, a ledgerdb.Accounts, maxRows uint64, far int32) []spans.Span {
	var out []spans.Span
	var rows uint64 // In the last range of out.
	for _, s := range due {
		n := a.Rows(s.From, s.To)
		if last := len(out) - 1; last >= 0 {
			gap := a.Rows(out[last].To, s.From)
			if gap <= gapRows && rows+gap+n <= maxRows && s.From-out[last].To < far {
				out[last].To, rows = s.To, rows+gap+n
				continue
			}
		}
		out = append(out, ledgerdb.Split(s, length, a, maxRows)...)
		last := out[len(out)-1]
		rows = a.Rows(last.From, last.To)
	}
	return out
}
