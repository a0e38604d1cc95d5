package ledgerdb

import (
	"sort"

	"tidemark/consumers/spans"
)

// Accounts is what the ledger says of some minutes, by type, each ascending.
type Accounts [][]Minute

// MinutesIn returns the part of ascending minutes in [from, to).
func MinutesIn(minutes []Minute, from, to int32) []Minute {
	i := sort.Search(len(minutes), func(i int) bool { return minutes[i].Minute >= from })
	j := sort.Search(len(minutes), func(i int) bool { return minutes[i].Minute >= to })
	return minutes[i:max(i, j)]
}

// Rows is the number of stored rows in [from, to).
func (a Accounts) Rows(from, to int32) uint64 {
	var n uint64
	for _, minutes := range a {
		for _, m := range MinutesIn(minutes, from, to) {
			n += m.Rows
		}
	}
	return n
}

// Once reports whether no event can be in two rows in [from, to).
func (a Accounts) Once(from, to int32) bool {
	for _, minutes := range a {
		for _, m := range MinutesIn(minutes, from, to) {
			if !m.Once {
				return false
			}
		}
	}
	return true
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
