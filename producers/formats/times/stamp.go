package times

import (
	"math"
	"strconv"
	"time"
)

// Stamp reads the time of a record: a number, with a fraction or without, of units of 1/unit seconds since 1970, or a date and
// time, in UTC where it names no zone. The result is in microseconds since 1970. The problem is to be read after a name, and
// never has the text.
func Stamp(text string, unit float64) (us int64, problem string) {
	if text == "" {
		return 0, "is missing"
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		n *= 1e6 / unit
		if !(n > 946684800e6 && n < 1e16) {
			return 0, "is not of the years 2000 to 2286: is it in another unit?"
		}
		return int64(math.Round(n)), ""
	}
	if us, problem = NewReader(time.UTC).Read(text); problem != "" {
		return 0, "is no time"
	}
	return us, ""
}
