package replay

import "strings"

// fieldPicos is the field that has what of a cost is below 1e-9 of its unit, in 1e-12.
const fieldPicos = "reported_cost_picos"

const (
	picosPerNano = 1000
	picoDigits   = 3
	maxMoney     = 9e18 // In picos: far beyond what an event may hold, and within an int64.
)

// money reads a decimal number, times ten to the power of shift, as nanos rounded down and what is left, in picos, so that
// both together are the number also below 0. What is below a pico is rounded, half of one to the even neighbor. A problem
// is to be read after the number.
func money(text string, shift int) (nanos int64, picos uint64, problem string) {
	digits, negative := strings.CutPrefix(text, "-")
	if strings.HasPrefix(digits, "-") {
		return 0, 0, "is not a number"
	}
	n, rest, problem := scaled(digits, shift+picoDigits, maxMoney)
	if problem != "" {
		return 0, 0, problem
	}
	if rest == overHalf || rest == halfLeft && n%2 == 1 {
		n++
	}
	all := int64(n)
	if negative {
		all = -all
	}
	nanos = all / picosPerNano
	below := all % picosPerNano
	if below < 0 {
		nanos, below = nanos-1, below+picosPerNano
	}
	return nanos, uint64(below), ""
}
