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

// SubBuckets and PowersOfTwo are the sizes of a Histogram in the terms of HdrHistogram, which is built alike.
const (
	SubBuckets  = 2 * fractions
	PowersOfTwo = 1 + maxExponent - fractionBits
)

// Histogram counts durations, so that its percentiles are at most 0.8 % too high. The zero value is ready.
type Histogram struct {
	counts        []uint64 // Of the buckets from first on: those between the first that is used and the last.
	first         int
	total         uint64
	negative      uint64
	sum           float64 // Microseconds.
	least, most   time.Duration
	countedBefore bool
}

// Add counts one duration. A negative one counts as 0, and Negative tells how many there were.
func (h *Histogram) Add(d time.Duration) {
	if !h.countedBefore {
		h.least, h.most, h.countedBefore = d, d, true
	}
	h.least, h.most = min(h.least, d), max(h.most, d)
	if d < 0 {
		h.negative++
		d = 0
	}
	us := uint64(d / time.Microsecond)
	bucket := bucketOf(us)
	if i := bucket - h.first; i < 0 || i >= len(h.counts) {
		h.grow(bucket)
	}
	h.counts[bucket-h.first]++
	h.total++
	h.sum += float64(us)
}

// grow makes room for a bucket. Durations of one kind are close to one another, so a histogram is small: that of 5 s of a
// run takes some KB.
func (h *Histogram) grow(bucket int) {
	const step = fractions / 2
	from, to := bucket/step*step, min((bucket/step+1)*step, numBuckets)
	if h.counts != nil {
		from, to = min(from, h.first), max(to, h.first+len(h.counts))
	}
	counts := make([]uint64, to-from)
	copy(counts[max(h.first-from, 0):], h.counts)
	h.counts, h.first = counts, from
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
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			d := time.Duration(highest(h.first+i)) * time.Microsecond
			return max(min(d, h.most), h.least, 0)
		}
	}
	return h.most
}

// Bucket is a bucket in files: its highest value in microseconds, and how many durations it has, at least 1. The bucket
// begins above the highest value of the bucket of the histogram before it.
type Bucket [2]uint64

// MiddleUS returns the middle of a bucket that is not merged with others, in microseconds.
func (b Bucket) MiddleUS() float64 {
	if b[0] < SubBuckets {
		return float64(b[0])
	}
	return (float64(highest(bucketOf(b[0])-1)+1) + float64(b[0])) / 2
}

// Buckets returns the buckets that are not empty, the shortest durations first. merge is how many become one, a power of
// two up to 128; 1 keeps all.
func (h *Histogram) Buckets(merge int) []Bucket {
	found := []Bucket{}
	for i, n := range h.counts {
		if n == 0 {
			continue
		}
		end := highest((h.first+i)/merge*merge + merge - 1)
		if last := len(found) - 1; last >= 0 && found[last][0] == end {
			found[last][1] += n
		} else {
			found = append(found, Bucket{end, n})
		}
	}
	return found
}
