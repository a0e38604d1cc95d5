// Package numbers reads numbers as files have them, digit by digit, so that no rounding of binary fractions gets in:
// decimals, costs, and numbers as people write them, with thousands, currencies and suffixes. What a number could mean
// twice is a problem, and nothing is guessed.
package numbers

import (
	"strconv"
	"strings"

	"tidemark/producers/formats/faults"
)

// NotNumber is the problem of a text that is not a number.
const NotNumber = "is not a number"

// maxScaled is the largest number of Decimal: more than 3000 years in microseconds.
const maxScaled = 1e17

// Decimal reads a decimal number like 12, 0.125 or 1e-05 that is not negative. It returns the number times ten to the
// power of shift, without the digits after the point; exact reports whether these are all 0. The problem is to be read
// after the number.
func Decimal(s string, shift int) (value uint64, exact bool, problem string) {
	value, left, problem := scaled(s, shift, maxScaled)
	return value, left == nothingLeft, problem
}

// left is the part of a number after the point: nothing, or how it compares with a half.
type left uint8

const (
	nothingLeft left = iota
	underHalf
	halfLeft
	overHalf
)

// scaled is Decimal for numbers up to a limit of at most 1e19. It returns how much it leaves out.
func scaled(s string, shift int, limit uint64) (value uint64, rest left, problem string) {
	digits, exponent, ok := cutExponent(s)
	if !ok {
		return 0, nothingLeft, NotNumber
	}
	negative := digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	whole, seen, nonzero := 0, 0, false // Digits before the point, digits, and whether any is not 0.
	point := false
	for i := range len(digits) {
		switch d := digits[i]; {
		case d >= '0' && d <= '9':
			seen++
			if !point {
				whole++
			}
			nonzero = nonzero || d != '0'
		case d == '.' && !point:
			point = true
		default:
			return 0, nothingLeft, NotNumber
		}
	}
	switch {
	case seen == 0:
		return 0, nothingLeft, NotNumber
	case !nonzero:
		return 0, nothingLeft, ""
	case negative:
		return 0, nothingLeft, "is negative"
	}
	keep := whole + exponent + shift // Digits of the result, if the first were not 0.
	first, more := byte('0'), false  // Of those left out: the first one, and whether any after it is not 0.
	for i, n := 0, 0; n < seen || n < keep; i++ {
		d := byte('0')
		if n < seen {
			if d = digits[i]; d == '.' {
				continue
			}
		} else if value == 0 {
			break
		}
		switch {
		case n < keep:
			if value > (limit-uint64(d-'0'))/10 {
				return 0, nothingLeft, "is too large"
			}
			value = value*10 + uint64(d-'0')
		case n == keep:
			first = d
		default:
			more = more || d != '0'
		}
		n++
	}
	return value, leftBy(first, more), ""
}

// leftBy returns what is left by digits after the point.
func leftBy(first byte, more bool) left {
	switch {
	case first == '0' && !more:
		return nothingLeft
	case first < '5':
		return underHalf
	case first == '5' && !more:
		return halfLeft
	}
	return overHalf
}

// maxExponent is the largest exponent, so that no number has endless digits.
const maxExponent = 400

// cutExponent returns the digits, of which there is at least one byte, and the exponent after them.
func cutExponent(s string) (digits string, exponent int, ok bool) {
	digits = s
	for i := range len(s) {
		if s[i] != 'e' && s[i] != 'E' {
			continue
		}
		n, err := strconv.Atoi(s[i+1:])
		if err != nil || n > maxExponent || n < -maxExponent {
			return "", 0, false
		}
		digits, exponent = s[:i], n
		break
	}
	return digits, exponent, digits != ""
}

// Signed is Decimal for numbers that may be negative. It cuts off the digits after the point.
func Signed(text string, shift int) (int64, string) {
	digits, negative := strings.CutPrefix(text, "-")
	n, _, problem := Decimal(digits, shift)
	if strings.HasPrefix(digits, "-") {
		problem = NotNumber
	}
	if negative {
		return -int64(n), problem
	}
	return int64(n), problem
}

// ParseCount reads a whole number into n and returns n; nil if s is empty. The problem is to be read after a name.
func ParseCount(s string, n *uint64) (*uint64, string) {
	if s == "" {
		return nil, ""
	}
	var problem string
	var exact bool
	*n, exact, problem = Decimal(s, 0)
	if problem == "" && !exact {
		problem = "is not a whole number"
	}
	if problem != "" {
		return nil, faults.Quote(s) + " " + problem
	}
	return n, ""
}
