package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tidemark/internal/plural"
)

// number writes n with commas between groups of three digits.
func number(n uint64) string {
	return grouped(strconv.FormatUint(n, 10))
}

// grouped puts commas between thousands.
func grouped(digits string) string {
	if len(digits) <= 3 {
		return digits
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// count writes a number of things, with commas: "1 row", "12,345 rows". what is as for plural.Of.
func count[N plural.Number](n N, what string) string {
	return number(uint64(max(n, 0))) + " " + plural.Name(n, what)
}

// size writes a number of bytes with the largest unit that fits, of 1000 each.
func size(bytes uint64) string {
	if bytes < 1000 {
		return fmt.Sprintf("%d B", bytes)
	}
	value, unit := float64(bytes), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB", "PB"} {
		if value /= 1000; value < 999.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

// short returns a duration with only the digits that matter to people.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
