package load

import (
	"math"
	"math/bits"
	"time"
)

// A Histogram has a bucket per microsecond up to 256 us, and from there on 128 buckets per power of two: a bucket is
// at most 1/128 of its values wide.
const (
	fractionBits = 7
	fractions    = 1 << fractionBits
	numBuckets   = 2*fractions + (maxExponent-fractionBits)*fractions
	maxExponent  = 41 // Values of 2^42 us, 50 days, and more share the last bucket.
)

// Histogram counts durations, so that its percentiles are at most 0.8 % too high. The zero value is ready.
type Histogram struct {
	counts        []uint64
	total         uint64
	negative      uint64
	sum           float64 // Microseconds.
	least, most   time.Duration
	countedBefore bool
}

// Add counts one duration. A negative one counts as 0, and Negative tells how many there were.
func (h *Histogram) Add(d time.Duration) {
	if h.counts == nil {
		h.counts = make([]uint64, numBuckets)
	}
	if !h.countedBefore {
		h.least, h.most, h.countedBefore = d, d, true
	}
	h.least, h.most = min(h.least, d), max(h.most, d)
	if d < 0 {
		h.negative++
		d = 0
	}
	us := uint64(d / time.Microsecond)
	h.counts[bucketOf(us)]++
	h.total++
	h.sum += float64(us)
}

func bucketOf(us uint64) int {
	if us < 2*fractions {
		return int(us)
	}
	exponent := bits.Len64(us) - 1
	if exponent > maxExponent {
		return numBuckets - 1
	}
	return (exponent-fractionBits)*fractions + int(us>>(exponent-fractionBits))
}

// highest returns the largest value of a bucket, in microseconds.
func highest(bucket int) uint64 {
	if bucket < 2*fractions {
		return uint64(bucket)
	}
	shift := bucket/fractions - 1
	return uint64(bucket-shift*fractions+1)<<shift - 1
}

// Count returns the number of durations, Negative how many of them were below 0.
func (h *Histogram) Count() uint64 { return h.total }

// Negative returns how many durations were below 0.
func (h *Histogram) Negative() uint64 { return h.negative }

// Max returns the longest duration, 0 if there is none.
func (h *Histogram) Max() time.Duration { return h.most }

// Min returns the shortest duration, 0 if there is none.
func (h *Histogram) Min() time.Duration { return h.least }

// Mean returns the mean, 0 if there is nothing to take it of.
func (h *Histogram) Mean() time.Duration {
	if h.total == 0 {
		return 0
	}
	return time.Duration(h.sum / float64(h.total) * float64(time.Microsecond))
}

// Percentile returns the smallest duration that p percent of the durations do not exceed, up to 0.8 % too high; 0 if
// there is none.
func (h *Histogram) Percentile(p float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(p / 100 * float64(h.total)))
	rank = min(max(rank, 1), h.total)
	var seen uint64
	for bucket, n := range h.counts {
		if seen += n; seen >= rank {
			d := time.Duration(highest(bucket)) * time.Microsecond
			return max(min(d, h.most), h.least, 0)
		}
	}
	return h.most
}
