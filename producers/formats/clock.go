package formats

import (
	"fmt"
	"time"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/times"
)

// clock checks the times of a trace that should be relative: whether they are, and whether they are in the unit of the
// format.
type clock struct {
	count       int64
	first, last int64 // Microseconds since the start: the earliest and the latest.
	absolute    error // Not nil if the times do not count from the start.
}

// see adds the time of a row, as text and as microseconds since the start.
func (c *clock) see(text string, us int64) {
	if c.count == 0 {
		c.absolute = since1970(text)
		c.first, c.last = us, us
	}
	c.count++
	c.first, c.last = min(c.first, us), max(c.last, us)
}

// since1970 returns an error for a number that is a time since 1970: no trace begins so long after its start.
func since1970(text string) error {
	unit, us := times.Epoch(text)
	if unit.Name == "" {
		return nil
	}
	return fmt.Errorf("%s is in %s since 1970 (%s) and not from the start of the trace: replay the file as csv or jsonl, with a mapping that says time: {column: ..., format: %s}, or take the first time off all of them",
		faults.Quote(text), unit.Words, time.UnixMicro(us).UTC().Format(time.RFC3339), unit.Name)
}

// Average distances of calls, in microseconds, that show that times are in another unit than that of the format.
const (
	closest       = 2 * int64(time.Millisecond/time.Microsecond)
	farthest      = 15 * 60 * int64(time.Second/time.Microsecond)
	fewestToJudge = 3
)

// notes returns warnings about the times.
func (c *clock) notes(f *Format) []string {
	if c.count < fewestToJudge || c.last == c.first {
		return nil
	}
	gap := (c.last - c.first) / (c.count - 1)
	said := func(unit, other string) []string {
		return []string{fmt.Sprintf("%d calls within %s: %s of %s are %s; if these are %s, the events have wrong times",
			c.count, time.Duration(c.last-c.first)*time.Microsecond, f.columns[f.fields[fields.Time]].Name, f.Name, unit, other)}
	}
	switch {
	case f.Name == "mooncake" && gap < closest:
		return said("milliseconds", "seconds")
	case f.Name != "mooncake" && f.NeedsStart && gap > farthest:
		return said("seconds", "milliseconds")
	}
	return nil
}
