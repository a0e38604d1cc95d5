package ledger

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestChain(t *testing.T) {
	f := func(name string, start int64, ranges []Range, winners []int, end int64, holes ...[2]int64) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			w, l, e, h := Chain(start, ranges)
			if !slices.Equal(w, winners) || e != end || !slices.Equal(h, holes) {
				t.Errorf("Chain(%d, %v) = %v, end %d, holes %v; want %v, end %d, holes %v", start, ranges, w, e, h, winners, end, holes)
			}
			checkPartition(t, len(ranges), w, l)
		})
	}
	f("empty", 0, nil, nil, 0)
	f("empty elsewhere", 7, nil, nil, 7)
	f("one", 0, []Range{{0, 5, 1}}, []int{0}, 5)
	f("any order", 0, []Range{{5, 9, 1}, {0, 5, 1}}, []int{1, 0}, 9)
	f("starts later", 0, []Range{{5, 9, 1}}, nil, 0, [2]int64{0, 5})
	f("from the middle", 5, []Range{{0, 5, 1}, {5, 9, 1}}, []int{1}, 9)
	f("the higher generation wins", 0, []Range{{0, 5, 1}, {0, 5, 3}, {0, 5, 2}}, []int{1}, 5)
	f("of one generation the longer wins", 0, []Range{{0, 5, 1}, {0, 6, 1}, {5, 6, 1}}, []int{1}, 6)
	f("of copies the first wins", 0, []Range{{0, 5, 1}, {0, 5, 1}}, []int{0}, 5)
	f("a longer loser", 0, []Range{{0, 9, 1}, {0, 5, 2}, {5, 12, 2}}, []int{1, 2}, 12)
	f("a replaced worker got further for now", 0, []Range{{0, 9, 1}, {0, 5, 2}}, []int{0}, 9)
	f("the third goes on from the first, then the second writes late", 0,
		[]Range{{0, 9, 1}, {9, 20, 3}, {0, 5, 2}}, []int{0, 1}, 20)
	f("a hole ends it", 0, []Range{{0, 5, 1}, {7, 9, 1}, {12, 13, 1}}, []int{0}, 5, [2]int64{5, 7}, [2]int64{9, 12})
	f("an overlap that meets nowhere", 0, []Range{{0, 5, 1}, {4, 9, 1}}, []int{0}, 5)
	f("empty and backward ranges are none", 0, []Range{{0, 0, 9}, {0, -1, 9}, {0, 5, 1}}, []int{2}, 5)
}

// checkPartition checks that winners and losers together are each index once.
func checkPartition(t *testing.T, n int, winners, losers []int) {
	t.Helper()
	all := slices.Concat(winners, losers)
	slices.Sort(all)
	for i, x := range all {
		if i != x {
			t.Fatalf("winners %v and losers %v are not each of %d once", winners, losers, n)
		}
	}
	if len(all) != n || !slices.IsSorted(losers) {
		t.Fatalf("winners %v and losers %v of %d", winners, losers, n)
	}
}

// FuzzChain holds: winners tile [start, end); no other tiling gets further or has a higher generation at the first
// offset where they differ; adding a range never shortens the chain; the order of ranges does not matter.
func FuzzChain(f *testing.F) {
	f.Add([]byte{0, 5, 1, 5, 3, 1})
	f.Add([]byte{0, 9, 1, 9, 7, 3, 0, 5, 2, 5, 4, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		var ranges []Range
		for i := 0; i+2 < len(data) && len(ranges) < 12; i += 3 {
			from := int64(data[i] % 16)
			ranges = append(ranges, Range{From: from, To: from + int64(data[i+1]%6), Generation: int64(data[i+2] % 4)})
		}
		checkChain(t, ranges)
	})
}

func TestChainRandom(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		var ranges []Range
		for range r.IntN(12) {
			from := r.Int64N(10)
			ranges = append(ranges, Range{From: from, To: from + r.Int64N(5), Generation: r.Int64N(4)})
		}
		if checkChain(t, ranges); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func checkChain(t *testing.T, ranges []Range) {
	t.Helper()
	winners, losers, end, holes := Chain(0, ranges)
	checkPartition(t, len(ranges), winners, losers)
	at := int64(0)
	for _, i := range winners {
		if ranges[i].From != at || ranges[i].To <= at {
			t.Fatalf("%v: winners %v do not tile", ranges, winners)
		}
		at = ranges[i].To
	}
	if at != end {
		t.Fatalf("%v: end %d, winners end at %d", ranges, end, at)
	}
	if best := bestPath(0, ranges); best.end != end || !slices.Equal(best.keys, keysOf(ranges, winners)) {
		t.Fatalf("%v: chain %v to %d, want %v to %d", ranges, keysOf(ranges, winners), end, best.keys, best.end)
	}
	for _, h := range holes {
		for _, r := range ranges {
			if r.From >= 0 && r.From < h[1] && r.To > h[0] && r.To > r.From {
				t.Fatalf("%v: hole %v is covered by %v", ranges, h, r)
			}
		}
	}
	reversed := slices.Clone(ranges)
	slices.Reverse(reversed)
	if w, _, e, _ := Chain(0, reversed); e != end || !slices.Equal(keysOf(reversed, w), keysOf(ranges, winners)) {
		t.Fatalf("%v: the order of ranges matters", ranges)
	}
	if len(ranges) > 0 {
		if _, _, e, _ := Chain(0, ranges[1:]); e > end {
			t.Fatalf("%v: adding %v shortens the chain from %d to %d", ranges, ranges[0], e, end)
		}
	}
}

func keysOf(ranges []Range, indices []int) []Range {
	var keys []Range
	for _, i := range indices {
		keys = append(keys, ranges[i])
	}
	return keys
}

type path struct {
	end  int64
	keys []Range
}

// bestPath tries every tiling from start.
func bestPath(start int64, ranges []Range) path {
	best := path{end: start}
	for _, r := range ranges {
		if r.From != start || r.To <= start {
			continue
		}
		p := bestPath(r.To, ranges)
		p.keys = append([]Range{r}, p.keys...)
		if len(best.keys) == 0 || p.end > best.end || p.end == best.end && (r.Generation > best.keys[0].Generation ||
			r.Generation == best.keys[0].Generation && r.To > best.keys[0].To) {
			best = p
		}
	}
	return best
}

func BenchmarkChain(b *testing.B) {
	ranges := make([]Range, 100000)
	for i := range ranges {
		ranges[i] = Range{From: int64(i) * 10, To: int64(i)*10 + 10, Generation: 1}
	}
	for b.Loop() {
		Chain(0, ranges)
	}
}
