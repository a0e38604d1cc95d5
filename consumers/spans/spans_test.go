package spans

import (
	"math/rand/v2"
	"testing"
	"time"
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

// TestBetween gives times of years that events have, and of years so far off that their minutes are more than an int32.
func TestBetween(t *testing.T) {
	f := func(from, to string, want Span) {
		t.Helper()
		at := func(text string) (at time.Time) {
			if text != "" {
				var err error
				if at, err = time.Parse(time.RFC3339Nano, text); err != nil {
					t.Fatal(err)
				}
			}
			return at
		}
		if got := Between(at(from), at(to)); got != want {
			t.Errorf("from %q to %q: %v, want %v", from, to, got, want)
		}
	}
	f("", "", Span{First, End})
	f("1969-12-31T23:58:59Z", "1970-01-01T00:01:00Z", Span{-2, 1})
	f("1970-01-01T00:01:00Z", "1970-01-01T00:01:00.000001Z", Span{1, 2})
	f("1900-01-01T00:00:00Z", "2299-12-31T23:59:59Z", Span{First, End})
	f("0001-01-01T00:00:01Z", "9999-12-31T00:00:00Z", Span{First, End})
	f("9999-12-31T00:00:00Z", "", Span{End, End})
	f("", "0001-01-01T00:00:01Z", Span{First, First})
	if got := Between(time.Unix(-1<<60, 0), time.Unix(1<<60, 0)); got != (Span{First, End}) {
		t.Errorf("from and to times without microseconds: %v", got)
	}
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
