package schemas

import (
	"math"
	"math/big"
	"math/bits"
)

// Wide is a sum that does not wrap: 128 bits, High x 2^64 + Low. The zero value is 0.
type Wide struct{ High, Low uint64 }

// Add adds x to the sum.
func (w *Wide) Add(x uint64) { *w = w.Plus(Wide{Low: x}) }

// Plus returns the sum of both.
func (w Wide) Plus(x Wide) Wide {
	low, carry := bits.Add64(w.Low, x.Low, 0)
	high, _ := bits.Add64(w.High, x.High, carry)
	return Wide{high, low}
}

// Minus returns the sum without x, which is not more than it.
func (w Wide) Minus(x uint64) Wide {
	low, borrow := bits.Sub64(w.Low, x, 0)
	return Wide{w.High - borrow, low}
}

// Float64 returns the nearest number that a float64 has.
func (w Wide) Float64() float64 { return math.Ldexp(float64(w.High), 64) + float64(w.Low) }

// String returns the decimal digits.
func (w Wide) String() string {
	n := new(big.Int).SetUint64(w.High)
	return n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(w.Low)).String()
}
