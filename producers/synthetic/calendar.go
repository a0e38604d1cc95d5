package synthetic

import (
	"math/bits"
	"time"
)

// Activity by hour of the day (UTC) and by day of the week, Sunday first, per thousand of a busy one. The day has the
// evening of Asia, the working day of Europe and that of America on top of each other.
var (
	activityByHour = [24]uint64{
		620, 560, 520, 480, 450, 440, 470, 540, 640, 740, 810, 850,
		880, 930, 980, 1000, 990, 960, 920, 880, 840, 800, 750, 690,
	}
	activityByDay = [7]uint64{640, 960, 1000, 1000, 990, 930, 680}
)

// calendar places events in a span of time as days and weeks go.
type calendar struct {
	start   int64    // Microseconds since 1970.
	sums    []uint64 // Activity before each hour of the span, and in all.
	last    uint64   // Length of the last hour, which may be a part of one, in microseconds.
	records uint64
	round   uint64 // Where the record placed last was.
	hour    int
}

const hourUS = uint64(time.Hour / time.Microsecond)

// newCalendar returns a calendar for that many records; those that follow go through the span again.
func newCalendar(start time.Time, span time.Duration, records int64) *calendar {
	c := &calendar{start: start.UnixMicro(), records: uint64(records)}
	us := uint64(max(span/time.Microsecond, 1))
	hours := (us + hourUS - 1) / hourUS
	c.last = us - (hours-1)*hourUS
	c.sums = make([]uint64, hours+1)
	at := start.UTC()
	for h := range hours {
		activity := activityByHour[at.Hour()] * activityByDay[at.Weekday()]
		if h == hours-1 {
			activity = max(activity*(c.last>>10)/(hourUS>>10), 1)
		}
		c.sums[h+1] = c.sums[h] + activity
		at = at.Add(time.Hour)
	}
	return c
}

// place returns the time of record n, in microseconds since 1970. n must not decrease from call to call.
func (c *calendar) place(n uint64) int64 {
	total := c.sums[len(c.sums)-1]
	round := n / c.records
	n %= c.records
	if round != c.round {
		c.round, c.hour = round, 0
	}
	hi, lo := bits.Mul64(n, total)
	target, rest := bits.Div64(hi, lo, c.records) // hi < records, since n is.
	for c.hour+2 < len(c.sums) && c.sums[c.hour+1] <= target {
		c.hour++
	}
	length := hourUS
	if c.hour == len(c.sums)-2 {
		length = c.last
	}
	// Where in the hour: (target - before + rest/events) / activity of the hour, of its length.
	before, activity := c.sums[c.hour], c.sums[c.hour+1]-c.sums[c.hour]
	within := (target - before) * length / activity
	step := length / activity
	hi, lo = bits.Mul64(rest, step)
	part, _ := bits.Div64(hi, lo, c.records)
	return c.start + int64(uint64(c.hour)*hourUS+within+part)
}
