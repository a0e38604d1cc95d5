package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestPercentiles compares with exact percentiles of sorted values: never below, and at most 1/128 above.
func TestPercentiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() float64{
		"uniform":     func() float64 { return random.Float64() * 1e4 },
		"exponential": func() float64 { return random.ExpFloat64() * 5e4 },
		"heavy tail":  func() float64 { return math.Exp(random.NormFloat64()*3 + 8) },
		"few values":  func() float64 { return float64(random.IntN(3)) },
		"one value":   func() float64 { return 1_234_567 },
	} {
		for _, n := range []int{1, 2, 99, 10_000} {
			var h Histogram
			values := make([]time.Duration, n)
			for i := range values {
				values[i] = time.Duration(draw()) * time.Microsecond
				h.Add(values[i])
			}
			slices.Sort(values)
			if h.Max() != values[n-1] || h.Min() != values[0] || h.Count() != uint64(n) {
				t.Errorf("%s: %d values from %s to %s, got %d from %s to %s", name, n, values[0], values[n-1], h.Count(), h.Min(), h.Max())
			}
			for _, p := range []float64{0, 1, 50, 90, 99, 99.9, 99.99, 100} {
				exact := values[min(max(int(math.Ceil(p/100*float64(n))), 1), n)-1]
				if got := h.Percentile(p); got < exact || float64(got) > float64(exact)*(1+1.0/fractions)+float64(time.Microsecond)/2 {
					t.Errorf("%s: p%v of %d values is %s, exactly %s", name, p, n, got, exact)
				}
			}
		}
	}
}

// TestBuckets: every value lies in the bucket whose highest value is the next one at or above it.
func TestBuckets(t *testing.T) {
	for b := range numBuckets - 1 {
		if bucketOf(highest(b)) != b || bucketOf(highest(b)+1) != b+1 {
			t.Fatalf("bucket %d ends at %d, which is in bucket %d, and the next value in %d", b, highest(b), bucketOf(highest(b)), bucketOf(highest(b)+1))
		}
	}
	if got := bucketOf(math.MaxUint64); got != numBuckets-1 {
		t.Errorf("the largest value is in bucket %d of %d", got, numBuckets)
	}
}

func TestHistogramOfNothing(t *testing.T) {
	var h Histogram
	if h.Percentile(99) != 0 || h.Mean() != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Errorf("%+v", h)
	}
	h.Add(-time.Second)
	if h.Negative() != 1 || h.Count() != 1 || h.Min() != -time.Second || h.Percentile(50) != 0 {
		t.Errorf("a negative duration is hidden: %+v", h)
	}
}

// TestHistogramBuckets: the buckets of a file have every duration once, in order, and give the same percentiles; merged
// ones are at most an eighth wide.
func TestHistogramBuckets(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	values := []time.Duration{0, 100 * 24 * time.Hour} // The last one is in the last bucket.
	for range 20_000 {
		values = append(values, time.Duration(math.Exp(random.NormFloat64()*2+9))*time.Microsecond)
	}
	var h Histogram
	for _, v := range values {
		h.Add(v)
	}
	slices.Sort(values)
	for _, merge := range []int{1, windowMerge} {
		buckets := h.Buckets(merge)
		var n, before uint64
		for i, b := range buckets {
			if b[1] == 0 || i > 0 && b[0] <= before {
				t.Fatalf("merged by %d, bucket %d is %v after %d", merge, i, b, before)
			}
			exact := uint64(values[n+b[1]-1] / time.Microsecond)
			if i < len(buckets)-1 && (b[0] < exact || float64(b[0]) > float64(exact)*(1+float64(merge)/fractions)+float64(merge)) {
				t.Errorf("merged by %d, the bucket up to %d us ends with a duration of %d", merge, b[0], exact)
			}
			n, before = n+b[1], b[0]
		}
		if n != h.Count() {
			t.Errorf("merged by %d, %d of %d durations", merge, n, h.Count())
		}
	}
	if len(h.counts) > numBuckets {
		t.Errorf("%d buckets", len(h.counts))
	}
}

// TestHistogramGrows: the order in which durations come changes nothing.
func TestHistogramGrows(t *testing.T) {
	durations := []time.Duration{time.Second, time.Microsecond, time.Hour, time.Millisecond, 0, 1000 * time.Hour, 300 * time.Microsecond}
	var forth, back Histogram
	for i := range durations {
		forth.Add(durations[i])
		back.Add(durations[len(durations)-1-i])
	}
	if !slices.Equal(forth.Buckets(1), back.Buckets(1)) || len(forth.Buckets(1)) != len(durations) {
		t.Errorf("%v and %v", forth.Buckets(1), back.Buckets(1))
	}
}
