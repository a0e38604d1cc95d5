package prices

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"tidemark/schemas"
)

// Picos is an amount of money, or a price of one unit, in units of 1e-12 of a currency. Published prices have at most 6 decimals per
// million tokens, so the price of one token is a whole number of them.
type Picos int64

// maxPicos bounds the price of one unit: a thousand of the currency. Costs of 100 million records at their limits then fit 128 bits.
const maxPicos = 1e15

// ParsePrice returns the price of one unit that is published as a decimal number, with an exponent if it has one ("1.25e-06"), per so
// many units: 1, 1,000 or 1,000,000. It never rounds: a price that is no whole number of picos is an error.
func ParsePrice(text string, per int64) (Picos, error) {
	if per != 1 && per != 1000 && per != 1_000_000 {
		return 0, fmt.Errorf("per %d is not per 1, 1000 or 1000000", per)
	}
	digits, exponent, err := parseDecimal(text)
	if err != nil {
		return 0, err
	}
	exponent += 12
	for p := per; p > 1; p /= 10 {
		exponent--
	}
	for ; exponent > 0; exponent-- {
		digits.Mul(digits, ten)
	}
	rest := new(big.Int)
	for ; exponent < 0 && digits.Sign() > 0; exponent++ {
		if digits.QuoRem(digits, ten, rest); rest.Sign() != 0 {
			return 0, fmt.Errorf("the price %s per %d is finer than 1e-12 of the currency per unit", text, per)
		}
	}
	if !digits.IsInt64() || digits.Int64() > maxPicos {
		return 0, fmt.Errorf("the price %s per %d is above 1,000 per unit", text, per)
	}
	return Picos(digits.Int64()), nil
}

var ten = big.NewInt(10)

// maxDigits and maxExponent bound what parseDecimal takes, so that a short text is no long computation.
const (
	maxDigits   = 40
	maxExponent = 40
)

// parseDecimal returns digits and exponent of a number that is not below 0: digits x 10^exponent.
func parseDecimal(text string) (digits *big.Int, exponent int, err error) {
	wrong := func() error { return fmt.Errorf("%s is not a decimal number from 0 on", schemas.Excerpt(text)) }
	mantissa, power, scientific := strings.Cut(strings.ToLower(text), "e")
	if scientific {
		n, err := strconv.Atoi(power) // It takes a sign and zeros in front.
		if err != nil {
			return nil, 0, wrong()
		}
		exponent = n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || len(whole)+len(fraction) > maxDigits || exponent > maxExponent || exponent < -maxExponent {
		return nil, 0, wrong()
	}
	for _, r := range whole + fraction {
		if r < '0' || r > '9' {
			return nil, 0, wrong()
		}
	}
	digits, _ = new(big.Int).SetString(whole+fraction, 10)
	return digits, exponent - len(fraction), nil
}

// String returns the amount as a decimal number, without zeros at its end.
func (p Picos) String() string { return FormatPicos(big.NewInt(int64(p))) }

// FormatPicos returns an amount in picos as a decimal number of the currency, exactly, without zeros at its end.
func FormatPicos(picos *big.Int) string {
	whole, rest := new(big.Int).QuoRem(new(big.Int).Abs(picos), big.NewInt(1e12), new(big.Int))
	text := strings.TrimRight(fmt.Sprintf("%s.%012d", whole, rest), "0")
	text = strings.TrimSuffix(text, ".")
	if picos.Sign() < 0 {
		return "-" + text
	}
	return text
}
