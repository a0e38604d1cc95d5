package replay

import "strconv"

// maxScaled bounds the numbers that decimal gives: in microseconds more than 3000 years.
const maxScaled = 1e17

// decimal reads s, a decimal number like 12, 0.125 or 1e-05 that is not negative, and returns it times ten to the power
// of shift without what is after the point then; exact says that there was nothing but zeros. It goes digit by digit, so
// that no rounding of binary fractions gets in. A problem is to be read after the number.
func decimal(s string, shift int) (value uint64, exact bool, problem string) {
	digits, exponent, ok := cutExponent(s)
	if !ok {
		return 0, false, "is not a number"
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
			return 0, false, "is not a number"
		}
	}
	switch {
	case seen == 0:
		return 0, false, "is not a number"
	case !nonzero:
		return 0, true, ""
	case negative:
		return 0, false, "is negative"
	}
	keep := whole + exponent + shift // Digits of the result, if the first were not 0.
	exact = true
	for i, n := 0, 0; n < seen || n < keep; i++ {
		d := byte('0')
		if n < seen {
			if d = digits[i]; d == '.' {
				continue
			}
		} else if value == 0 {
			break
		}
		if n < keep {
			if value = value*10 + uint64(d-'0'); value > maxScaled {
				return 0, false, "is too large"
			}
		} else if d != '0' {
			exact = false
		}
		n++
	}
	return value, exact, ""
}

// maxExponent bounds the exponents that are read, so that none makes a number with endless digits.
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
