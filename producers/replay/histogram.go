package replay

import (
	"math/bits"
	"time"
)

// Schedule is how late events were handed to the log. No event is early.
type Schedule struct {
	Events             int64 // Events that had a due time. The other fields are 0 if there were none.
	P50, P90, P99, Max time.Duration
	// Late is how many events were more than LateBy late.
	Late int64
}

// LateBy is how late an event may be to count as on time.
const LateBy = time.Second

// Resolution of a histogram: a power of two is divided into 1<<fineBits buckets, so that a value is known to one part
// in 32. Values are whole microseconds.
const (
	fineBits = 5
	fine     = 1 << fineBits
	buckets  = (65 - fineBits) * fine
)

// histogram counts durations in buckets that grow with the value. The zero value is ready.
type histogram struct {
	counts [buckets]int64
	total  int64
	late   int64
	max    time.Duration
}

// add counts d, n times; a negative one counts as 0.
func (h *histogram) add(d time.Duration, n int64) {
	d = max(d, 0)
	h.counts[bucketOf(uint64(d/time.Microsecond))] += n
	h.total += n
	if d > LateBy {
		h.late += n
	}
	h.max = max(h.max, d)
}

// bucketOf returns the bucket of a value: below 2*fine each has its own.
func bucketOf(us uint64) int {
	shift := max(bits.Len64(us)-fineBits-1, 0)
	return shift<<fineBits + int(us>>shift)
}

// upper returns the largest value of a bucket.
func upper(bucket int) uint64 {
	shift := max(bucket>>fineBits-1, 0)
	return uint64(bucket-shift<<fineBits+1)<<shift - 1
}

// quantile returns the value that the given share of those added does not exceed, rounded up to the end of its bucket.
func (h *histogram) quantile(share float64) time.Duration {
	rank := max(int64(share*float64(h.total)+0.5), 1)
	var seen int64
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return min(time.Duration(upper(i))*time.Microsecond, h.max)
		}
	}
	return h.max
}

func (h *histogram) schedule() Schedule {
	if h.total == 0 {
		return Schedule{}
	}
	return Schedule{Events: h.total, P50: h.quantile(0.5), P90: h.quantile(0.9), P99: h.quantile(0.99), Max: h.max, Late: h.late}
}
