package report

import (
	"math"
	"slices"
)

// rankTest returns the two-sided p value of the test of Mann and Whitney: how probable ranks as different as those of two
// samples are, if both come from one distribution. 1 if one of them is empty. It is exact for up to 50 values, with
// ties; beyond that it uses the normal approximation, corrected for ties and continuity.
func rankTest(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	ranks, ties := doubledRanks(a, b)
	sum := 0
	for _, r := range ranks[:len(a)] {
		sum += r
	}
	if len(ranks) <= 50 {
		return exactRankTest(ranks, len(a), sum)
	}
	n, m := float64(len(a)), float64(len(b))
	all := n + m
	variance := n * m / 12 * (all + 1 - ties/(all*(all-1)))
	if variance <= 0 {
		return 1
	}
	off := math.Abs(float64(sum)/2-n*(all+1)/2) - 0.5
	return math.Min(1, math.Erfc(math.Max(off, 0)/math.Sqrt(2*variance)))
}

// doubledRanks returns twice the ranks of the values, those of a first; equal values share the mean of their ranks. ties
// is the sum of t³-t over groups of t equal values.
func doubledRanks(a, b []float64) (ranks []int, ties float64) {
	values := slices.Concat(a, b)
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case values[i] < values[j]:
			return -1
		case values[i] > values[j]:
			return 1
		}
		return 0
	})
	ranks = make([]int, len(values))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = from + 1 + to
		}
		t := float64(to - from)
		ties += t*t*t - t
		from = to
	}
	return ranks, ties
}

// exactRankTest counts the ways to choose n of the ranks, by their sum.
func exactRankTest(ranks []int, n, sum int) float64 {
	most := 0
	for _, r := range ranks {
		most += r
	}
	ways := make([][]float64, n+1) // By how many are chosen, then by the sum.
	for i := range ways {
		ways[i] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for chosen := n; chosen > 0; chosen-- {
			for s := most; s >= r; s-- {
				ways[chosen][s] += ways[chosen-1][s-r]
			}
		}
	}
	var below, above, all float64
	for s, w := range ways[n] {
		all += w
		if s <= sum {
			below += w
		}
		if s >= sum {
			above += w
		}
	}
	return math.Min(1, 2*math.Min(below, above)/all)
}

// leastP is the smallest p value that samples of n and m values can have.
func leastP(n, m int) float64 {
	ways := 1.0
	for i := 1; i <= n; i++ {
		ways = ways * float64(m+i) / float64(i)
	}
	return math.Min(1, 2/ways)
}
