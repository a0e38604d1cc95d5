package formats

import (
	"strings"
	"time"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/numbers"
)

// parseTime reads a date and time of day, in UTC if it has no zone, and cuts it to whole microseconds since 1970. The
// problem is to be read after a name.
func parseTime(s string) (us int64, problem string) {
	if s == "" {
		return 0, "is empty"
	}
	layout := "2006-01-02 15:04:05"
	if len(s) > len(layout) && s[len("2006-01-02")] == 'T' {
		layout = "2006-01-02T15:04:05"
	}
	if len(s) > len(layout) && strings.ContainsAny(s[len(layout):], "Z+-") {
		layout += "Z07:00"
	}
	t, err := time.ParseInLocation(layout, s, time.UTC)
	if err != nil {
		return 0, faults.Quote(s) + " is not a time like 2023-11-16 18:15:46.6805900"
	}
	return t.UnixMicro(), ""
}

// parseDuration reads seconds into us, cut to whole microseconds, and returns us; nil if s is empty.
func parseDuration(s string, us *uint64) (*uint64, string) {
	if s == "" {
		return nil, ""
	}
	var problem string
	if *us, _, problem = numbers.Decimal(s, seconds); problem != "" {
		return nil, faults.Quote(s) + " " + problem
	}
	return us, ""
}
