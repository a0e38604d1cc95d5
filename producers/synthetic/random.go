package synthetic

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// random draws whole numbers only, so that machines that round differently draw alike.
type random struct {
	pcg *rand.PCG
}

func newRandom(seed uint64) random { return random{rand.NewPCG(seed, mix(seed))} }

// mix spreads the bits of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (r random) next() uint64 { return r.pcg.Uint64() }

// below returns a number in [0, n), n > 0.
func (r random) below(n uint64) uint64 {
	hi, _ := bits.Mul64(r.next(), n)
	return hi
}

// between returns a number in [low, high], low <= high.
func (r random) between(low, high uint64) uint64 { return low + r.below(high-low+1) }

// chance is a probability, as the number of draws out of 2^64 that it takes.
type chance uint64

const percent = chance(1 << 63 / 50) // One in a hundred draws.

func chanceOf(p float64) chance {
	switch {
	case !(p > 0):
		return 0
	case p >= 1:
		return math.MaxUint64
	}
	return chance(p * (1 << 32) * (1 << 32))
}

func (r random) happens(c chance) bool { return r.next() < uint64(c) }

// choice draws indexes in proportion to weights, in constant time (Walker's alias method).
type choice struct {
	keep  []uint64 // The part of all 64-bit draws that stays with the index.
	other []int32
}

// choiceAmong returns a choice among n things by their shares.
func choiceAmong(n int, share func(i int) float64) choice {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = share(i)
	}
	return newChoice(weights)
}

// newChoice returns a choice among the weights, of which one at least is above 0.
func newChoice(weights []float64) choice {
	n := len(weights)
	total := 0.0
	for _, w := range weights {
		total += w
	}
	c := choice{keep: make([]uint64, n), other: make([]int32, n)}
	share := make([]float64, n)
	var small, large []int
	for i, w := range weights {
		share[i] = w / total * float64(n)
		c.keep[i], c.other[i] = math.MaxUint64, int32(i)
		if share[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		c.keep[s], c.other[s] = uint64(chanceOf(share[s])), int32(l)
		if share[l] -= 1 - share[s]; share[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return c
}

// of returns the index that a draw of 64 bits stands for.
func (c *choice) of(draw uint64) int {
	i, rest := bits.Mul64(draw, uint64(len(c.keep))) // The low word is an even draw of its own.
	if rest < c.keep[i] {
		return int(i)
	}
	return int(c.other[i])
}

func (r random) pick(c *choice) int { return c.of(r.next()) }

// spread is a log-normal distribution around a median, as a table of quantiles in units of 1/1024.
type spread [1024]uint32

const spreadOne = 1024

func newSpread(sigma float64) *spread {
	var s spread
	for i := range s {
		p := (float64(i) + 0.5) / float64(len(s))
		s[i] = uint32(math.Round(spreadOne * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*p-1))))
	}
	return &s
}

// around draws from s around the median, at least 1.
func (r random) around(median uint64, s *spread) uint64 {
	return max(median*uint64(s[r.next()%uint64(len(s))])/spreadOne, 1)
}
