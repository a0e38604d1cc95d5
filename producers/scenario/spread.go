package scenario

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"tidemark/schemas/scenario"
)

// mix spreads the bits of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hashText is FNV-1a, mixed with a seed.
func hashText(seed uint64, text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return mix(h ^ mix(seed))
}

// below returns a number in [0, n) that follows from x.
func below(x, n uint64) uint64 {
	hi, _ := bits.Mul64(mix(x), n)
	return hi
}

// The steps of an additive recurrence in three dimensions: the fractions of k times each, for k = 0, 1, 2, ..., fill
// the unit cube evenly, so that the first n of them show any mix to within a few parts in n. They are 2^64 times the
// powers of 1/g, where g is the root of g^4 = g + 1.
const (
	countryStep = 0xd1b54a32d192ed03
	segmentStep = 0xabc98388fb8fac03
	modelStep   = 0x8cb92ba72f3d8dd7
)

// shares draws names in the proportions of a mix that changes over time.
type shares struct {
	names  []string
	at     []int64     // Microseconds since 1970.
	parts  [][]float64 // By date, by name; each adds up to 1.
	bounds []uint64    // Of the names, at the time set last: the draws below a bound and not below the one before.
	step   uint64
	offset uint64 // So that streams do not all begin with the same name.
}

// newShares returns nil of no mixes.
func newShares(mixes []scenario.Mix, step, seed uint64) *shares {
	if len(mixes) == 0 {
		return nil
	}
	s := &shares{step: step, offset: mix(seed ^ step)}
	for _, m := range mixes {
		for name := range m.Shares {
			if !slices.Contains(s.names, name) {
				s.names = append(s.names, name)
			}
		}
	}
	slices.Sort(s.names)
	for _, m := range mixes {
		sum := 0.0
		for _, name := range s.names { // In order: sums of floats depend on it.
			sum += m.Shares[name]
		}
		part := make([]float64, len(s.names))
		for i, name := range s.names {
			part[i] = m.Shares[name] / sum
		}
		s.at, s.parts = append(s.at, m.At.UnixMicro()), append(s.parts, part)
	}
	s.bounds = make([]uint64, len(s.names))
	s.set(s.at[0])
	return s
}

// set moves to a time.
func (s *shares) set(at int64) {
	if s == nil {
		return
	}
	next, _ := slices.BinarySearch(s.at, at+1) // The first date after at.
	from, to, far := max(next-1, 0), min(next, len(s.at)-1), 0.0
	if from != to {
		far = float64(at-s.at[from]) / float64(s.at[to]-s.at[from])
	}
	sum := 0.0
	for i := range s.names {
		sum += float64(s.parts[from][i]*(1-far)) + float64(s.parts[to][i]*far)
		s.bounds[i] = fraction(sum)
	}
	for i := len(s.bounds) - 1; i >= 0; i-- { // The last that has a share takes what rounding has left.
		if s.parts[from][i] > 0 || s.parts[to][i] > 0 {
			s.bounds[i] = math.MaxUint64
			break
		}
		s.bounds[i] = math.MaxUint64
	}
}

// fraction returns p of 2^64.
func fraction(p float64) uint64 {
	if p >= 1 {
		return math.MaxUint64
	}
	return uint64(p*(1<<32)) << 32
}

// pick returns the name that the k-th draw falls on, "" for what is unknown and of no mix.
func (s *shares) pick(k uint64) string {
	if s == nil {
		return ""
	}
	draw := k*s.step + s.offset
	for i, bound := range s.bounds {
		if draw < bound {
			return s.name(i)
		}
	}
	return s.name(len(s.names) - 1)
}

func (s *shares) name(i int) string {
	if s.names[i] == scenario.Unknown {
		return ""
	}
	return s.names[i]
}

// curve gives the value of a curve at any time between its first and its last point.
type curve struct {
	at     []int64 // Microseconds since 1970.
	value  []float64
	linear bool
}

func newCurve(c *scenario.Curve) *curve {
	out := &curve{linear: c.Linear()}
	for _, p := range c.Points {
		out.at, out.value = append(out.at, p.At.UnixMicro()), append(out.value, p.Value)
	}
	return out
}

// of returns the value at a time; before the first point that of the first, after the last that of the last.
func (c *curve) of(at int64) float64 {
	next, exact := slices.BinarySearch(c.at, at)
	switch {
	case exact, next == 0:
		return c.value[next]
	case next == len(c.at):
		return c.value[next-1]
	}
	far := float64(at-c.at[next-1]) / float64(c.at[next]-c.at[next-1])
	from, to := c.value[next-1], c.value[next]
	if c.linear {
		return from + float64((to-from)*far)
	}
	return from * math.Pow(to/from, far)
}

// first and last return the times of the first and the last point, rounded down to the grain.
func (c *curve) first(grain time.Duration) int64 { return floor(c.at[0], grain) }
func (c *curve) last(grain time.Duration) int64  { return floor(c.at[len(c.at)-1], grain) }

// floor rounds a time down to a multiple of the grain since 1970.
func floor(at int64, grain time.Duration) int64 {
	length := grain.Microseconds()
	down := at % length
	if down < 0 {
		down += length
	}
	return at - down
}
