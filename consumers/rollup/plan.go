package rollup

import (
	"sort"

	"tidemark/consumers/rollup/spans"
)

// Accounts is what the ledger says of some minutes, by type: for a step, of all minutes around those touched.
type Accounts [][]Minute

// minutesIn returns the part of ascending minutes in [from, to).
func minutesIn(minutes []Minute, from, to int32) []Minute {
	i := sort.Search(len(minutes), func(i int) bool { return minutes[i].Minute >= from })
	j := sort.Search(len(minutes), func(i int) bool { return minutes[i].Minute >= to })
	return minutes[i:max(i, j)]
}

// Rows is the number of stored rows in [from, to).
func (a Accounts) Rows(from, to int32) uint64 {
	var n uint64
	for _, minutes := range a {
		for _, m := range minutesIn(minutes, from, to) {
			n += m.Rows
		}
	}
	return n
}

// once reports whether no event can be in two rows in [from, to).
func (a Accounts) once(from, to int32) bool {
	for _, minutes := range a {
		for _, m := range minutesIn(minutes, from, to) {
			if !m.Once {
				return false
			}
		}
	}
	return true
}

// gapRows is what a statement costs, in rows: recomputing them once more between two touched buckets is no dearer than
// beginning anew.
const gapRows = 50_000

// plan joins buckets to be recomputed into ranges for one statement each, and splits those that are too big: at most
// maxRows stored rows, unless one bucket has more. The ranges may cover buckets that were not asked for, but none between
// buckets that are far minutes or more apart, of which the accounts say nothing.
func plan(due []spans.Span, length int32, a Accounts, maxRows uint64, far int32) []spans.Span {
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
		out = append(out, Split(s, length, a, maxRows)...)
		last := out[len(out)-1]
		rows = a.Rows(last.From, last.To)
	}
	return out
}

// Split cuts a span at the borders of buckets into pieces for one statement each: at most maxRows stored rows, unless one
// bucket has more.
func Split(s spans.Span, length int32, a Accounts, maxRows uint64) []spans.Span {
	var out []spans.Span
	for s.To-s.From > length && a.Rows(s.From, s.To) > maxRows {
		// The most buckets that fit, at least one.
		n := (s.To - s.From - 1) / length
		fit := sort.Search(int(n), func(i int) bool { return a.Rows(s.From, s.From+int32(i+1)*length) > maxRows })
		cut := s.From + max(1, int32(fit))*length
		out = append(out, spans.Span{From: s.From, To: cut})
		s.From = cut
	}
	return append(out, s)
}
