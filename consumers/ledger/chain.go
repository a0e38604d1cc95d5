package ledger

import (
	"cmp"
	"slices"
)

// Range is what a ledger row accounts for: the offsets [From, To), and the generation of the worker that wrote the row.
type Range struct{ From, To, Generation int64 }

// Chain finds the tiling of a partition: the ranges that follow one another from start without a gap or an overlap.
//
// A worker that was replaced without noticing may write a row that overlaps its successor's. Any row is true, so the
// chain that counts is the one that reaches furthest. If several do, Chain prefers at each offset the highest
// generation, then the longest range, then the first in ranges. Adding ranges never shortens a chain.
//
// Winners are the indices of the chain's ranges in its order, losers those of all other ranges, ascending. End is the
// end of the chain, or start if it is empty. Holes are the offsets [from, to) beyond end that no range covers although
// a later range exists, ascending. A healthy ledger has none.
func Chain(start int64, ranges []Range) (winners []int, losers []int, end int64, holes [][2]int64) {
	order := make([]int, 0, len(ranges))
	for i, r := range ranges {
		if r.From >= start && r.To > r.From {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := ranges[a], ranges[b]
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(y.Generation, x.Generation), cmp.Compare(y.To, x.To), cmp.Compare(a, b))
	})
	// From the back: how far a chain can reach from each offset at which a range begins, and its first range.
	type choice struct {
		index int
		reach int64
	}
	best := make(map[int64]choice, len(order))
	for _, i := range slices.Backward(order) {
		r := ranges[i]
		reach := r.To
		if c, ok := best[r.To]; ok {
			reach = c.reach
		}
		// Going backwards, a range of equal reach is preferred to the one before it.
		if c, ok := best[r.From]; !ok || reach >= c.reach {
			best[r.From] = choice{index: i, reach: reach}
		}
	}
	won := make([]bool, len(ranges))
	end = start
	for c, ok := best[end]; ok; c, ok = best[end] {
		winners = append(winners, c.index)
		won[c.index] = true
		end = ranges[c.index].To
	}
	for i := range ranges {
		if !won[i] {
			losers = append(losers, i)
		}
	}
	covered := end
	for _, i := range order {
		r := ranges[i]
		if r.From > covered {
			holes = append(holes, [2]int64{covered, r.From})
		}
		covered = max(covered, r.To)
	}
	return winners, losers, end, holes
}
