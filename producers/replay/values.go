package replay

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"

	"tidemark/schemas"
)

// fieldErrors returns the errors of single fields that Validate has joined.
func fieldErrors(err error) []*schemas.FieldError {
	var out []*schemas.FieldError
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return nil
	}
	for _, one := range joined.Unwrap() {
		var bad *schemas.FieldError
		if errors.As(one, &bad) {
			out = append(out, bad)
		}
	}
	return out
}

// firstError returns the first error of a field of e; nil if e is an event that counts.
func firstError(e schemas.Event) *schemas.FieldError {
	if bad := fieldErrors(schemas.Validate(e)); len(bad) > 0 {
		return bad[0]
	}
	return nil
}

// parseTime reads a date and time of day, in UTC if it has no zone, and cuts it to whole microseconds since 1970.
func parseTime(s string) (int64, string) { return parseTimeIn(s, time.UTC) }

// parseTimeIn is parseTime for times that are in the zone if they name none.
func parseTimeIn(s string, zone *time.Location) (int64, string) {
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
	t, err := time.ParseInLocation(layout, s, zone)
	if err != nil {
		return 0, quote(s) + " is not a time like 2023-11-16 18:15:46.6805900"
	}
	return t.UnixMicro(), ""
}

// seconds are six digits more than microseconds.
const seconds = 6

// after returns the time that is s after the trace's zero; digits are those from its unit to microseconds.
func (c *call) after(s string, digits int) (int64, string) {
	if s == "" {
		return 0, "is empty"
	}
	us, _, problem := decimal(s, digits)
	if problem != "" {
		return 0, quote(s) + " " + problem
	}
	return c.start + int64(us), ""
}

// parseDuration reads seconds, cut to whole microseconds; nil means unknown.
func parseDuration(s string, us *uint64) (*uint64, string) {
	if s == "" {
		return nil, ""
	}
	var problem string
	if *us, _, problem = decimal(s, seconds); problem != "" {
		return nil, quote(s) + " " + problem
	}
	return us, ""
}

// parseCount reads a whole number; nil means unknown.
func parseCount(s string, n *uint64) (*uint64, string) {
	if s == "" {
		return nil, ""
	}
	var problem string
	var exact bool
	*n, exact, problem = decimal(s, 0)
	if problem == "" && !exact {
		problem = "is not a whole number"
	}
	if problem != "" {
		return nil, quote(s) + " " + problem
	}
	return n, ""
}

// shownBytes is how much of a bad value a problem shows.
const shownBytes = 40

// quote quotes s for people and cuts it to a length that fits a message.
func quote(s string) string {
	if len(s) <= shownBytes {
		return strconv.QuoteToASCII(s)
	}
	return strconv.QuoteToASCII(s[:shownBytes]) + "..."
}

// le64 returns the first 8 bytes of b as a number.
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// half returns half of an identity, which is enough to tell some millions apart.
func half(id schemas.Identity) uint64 { return binary.LittleEndian.Uint64(id[8:]) }
