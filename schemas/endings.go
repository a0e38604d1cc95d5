package schemas

import (
	"slices"
	"strings"
)

// The endings of rollups' names. An ending follows the stem, which says what the rollup counts, and an underscore:
// "token_calls_all_1h". Each ends in the length of a bucket, see Lengths.
const (
	EndingMinute   = "1m"
	EndingHour     = "1h" // By tenant, as by day.
	EndingDay      = "1d"
	EndingAllHour  = "all_1h" // All tenants together, as by day.
	EndingAllDay   = "all_1d"
	EndingPerEvent = "tenant_1m" // A view with the columns of a rollup by tenant and a row per event, see Rollup.PerEvent.
)

// Length is the length of the buckets of some rollups.
type Length struct {
	Ending  string // The end of their names: "1h".
	Word    string // "hour".
	Minutes int32
}

// Seconds returns the length in seconds.
func (l Length) Seconds() int { return 60 * int(l.Minutes) }

// Lengths returns the lengths of buckets, the shortest first.
func Lengths() []Length {
	return []Length{{EndingMinute, "minute", 1}, {EndingHour, "hour", 60}, {EndingDay, "day", 24 * 60}}
}

// LengthOf returns the length of the buckets of a rollup, which its name or its ending tells: "token_calls_1h", "all_1h".
// It must be one of those with an ending.
func LengthOf(name string) Length {
	lengths := Lengths()
	return lengths[slices.IndexFunc(lengths, func(l Length) bool { return strings.HasSuffix(name, l.Ending) })]
}

// Stem returns the name of a rollup without its ending: "token_calls" of "token_calls_all_1h". Any other name is its own
// stem.
func Stem(name string) string {
	for _, ending := range []string{EndingAllHour, EndingAllDay, EndingPerEvent, EndingMinute, EndingHour, EndingDay} {
		if stem, found := strings.CutSuffix(name, "_"+ending); found {
			return stem
		}
	}
	return name
}
