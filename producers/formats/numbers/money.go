package numbers

import (
	"math/big"
	"strings"
)

// PicosPerNano is how many 1e-12 of a unit are 1e-9 of it: events have costs in the one, and what is left in the other.
const PicosPerNano = 1000

const (
	picoDigits = 3
	maxPicos   = 9e18 // What fits a word; more is read by big numbers.
	maxNanos   = 9e18 // Beyond what an event may hold, and within an int64.
)

// Money reads a decimal number and returns it times ten to the power of shift: nanos is rounded down, and picos is the
// rest in thousandths, also below 0. Smaller parts are rounded, halves to the even neighbor. The problem is to be read
// after the number.
func Money(text string, shift int) (nanos int64, picos uint64, problem string) {
	digits, negative := strings.CutPrefix(text, "-")
	if strings.HasPrefix(digits, "-") {
		return 0, 0, NotNumber
	}
	n, rest, problem := scaled(digits, shift+picoDigits, maxPicos)
	if problem == "" {
		if rest == overHalf || rest == halfLeft && n%2 == 1 {
			n++
		}
		nanos, picos = int64(n/PicosPerNano), n%PicosPerNano
	} else { // Not a number, or one that picos are too many for.
		if _, _, problem = scaled(digits, shift, maxNanos); problem != "" {
			return 0, 0, problem
		}
		nanos, picos = largeMoney(digits, shift)
	}
	if negative {
		nanos = -nanos
		if picos > 0 {
			nanos, picos = nanos-1, PicosPerNano-picos
		}
	}
	return nanos, picos, ""
}

// largeMoney is Money for a number above 0 that scaled reads as at most maxNanos.
func largeMoney(digits string, shift int) (nanos int64, picos uint64) {
	exact, ok := new(big.Rat).SetString(digits)
	if !ok {
		return 0, 0 // Not possible: scaled has read it.
	}
	exact.Mul(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift+picoDigits)), nil)))
	all, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	if half := rest.Lsh(rest, 1).Cmp(exact.Denom()); half > 0 || half == 0 && all.Bit(0) == 1 {
		all.Add(all, big.NewInt(1))
	}
	whole, below := all.QuoRem(all, big.NewInt(PicosPerNano), new(big.Int))
	return whole.Int64(), below.Uint64()
}
