package billing

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"tidemark/schemas"
)

// Exponents of amounts: how many decimal places lie between the unit of a file and 1e-12 of the currency.
const (
	inUnits = 12 // Dollars.
	inCents = 10
)

const (
	maxDigits   = 100 // maxDigits and maxExponent bound what parseAmount takes, so that a short text is no long computation.
	maxExponent = 400
)

var (
	ten = big.NewInt(10)
	// maxPicos bounds an amount: 1e18 of the currency, so that sums of them fit into 128 bits.
	maxPicos = new(big.Int).Exp(ten, big.NewInt(30), nil)
)

// parseAmount returns an amount, written as a decimal number, in 1e-12 of its currency. What is finer is rounded, half to even: files have sums that
// somebody else made of binary fractions, such as 0.13080438340307526.
func parseAmount(text string, places int) (picos *big.Int, rounded bool, err error) {
	wrong := fmt.Errorf("%s is not a decimal number", schemas.Excerpt(text))
	mantissa, power, scientific := strings.Cut(strings.ToLower(text), "e")
	exponent := places
	if scientific {
		n, err := strconv.Atoi(power)
		if err != nil || n > maxExponent || n < -maxExponent {
			return nil, false, wrong
		}
		exponent += n
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || len(whole)+len(fraction) > maxDigits {
		return nil, false, wrong
	}
	for _, r := range whole + fraction {
		if r < '0' || r > '9' {
			return nil, false, wrong
		}
	}
	picos, _ = new(big.Int).SetString(whole+fraction, 10)
	exponent -= len(fraction)
	if exponent >= 0 {
		picos.Mul(picos, power10(exponent))
	} else {
		picos, rounded = divided(picos, power10(-exponent))
	}
	if picos.Cmp(maxPicos) > 0 {
		return nil, false, fmt.Errorf("%s is above 1e18 of the currency", schemas.Excerpt(text))
	}
	if negative {
		picos.Neg(picos)
	}
	return picos, rounded, nil
}

func power10(n int) *big.Int { return new(big.Int).Exp(ten, big.NewInt(int64(n)), nil) }

// divided divides a number from 0 on, and rounds half to even.
func divided(n, by *big.Int) (quotient *big.Int, rounded bool) {
	quotient, rest := new(big.Int).QuoRem(n, by, new(big.Int))
	if rest.Sign() == 0 {
		return quotient, false
	}
	if half := rest.Lsh(rest, 1).Cmp(by); half > 0 || half == 0 && quotient.Bit(0) == 1 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient, true
}
