package spans

import (
	"math/rand/v2"
	"testing"
)

func TestFloor(t *testing.T) {
	f := func(m, length, want int32) {
		t.Helper()
		if got := Floor(m, length); got != want {
			t.Errorf("Floor(%d, %d) = %d, want %d", m, length, got, want)
		}
	}
	f(0, 60, 0)
	f(59, 60, 0)
	f(60, 60, 60)
	f(-1, 60, -60)
	f(-60, 60, -60)
	f(-61, 60, -120)
	f(-36816480, 1440, -36816480)
}

// TestSets compares the operations with those on sets of minutes.
func TestSets(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		set := func() (in [40]bool, minutes []int32) {
			for i := range in {
				if in[i] = r.IntN(3) == 0; in[i] {
					minutes = append(minutes, int32(i)-20)
				}
			}
			return in, minutes
		}
		inA, a := set()
		inB, b := set()
		check := func(name string, got []Span, want func(i int) bool) {
			t.Helper()
			var in [40]bool
			for i, s := range got {
				if s.From >= s.To || i > 0 && got[i-1].To >= s.From {
					t.Fatalf("seed %d: %s is %v", seed, name, got)
				}
				for m := s.From; m < s.To; m++ {
					in[m+20] = true
				}
			}
			for i := range in {
				if in[i] != want(i) {
					t.Fatalf("seed %d: %s is %v, wrong at %d", seed, name, got, i-20)
				}
			}
		}
		x, y := Buckets(a, 1), Buckets(b, 1)
		check("union", Union(x, y), func(i int) bool { return inA[i] || inB[i] })
		check("difference", Subtract(x, y), func(i int) bool { return inA[i] && !inB[i] })
		check("intersection", Intersect(x, y), func(i int) bool { return inA[i] && inB[i] })
		wide := func(i int) bool { j := i / 4 * 4; return inA[j] || inA[j+1] || inA[j+2] || inA[j+3] }
		check("buckets", Buckets(a, 4), wide)
		check("widened", Widen(x, 4), wide)
	}
}
