// Package times reads moments as files write them: by programs, databases, spreadsheets and people.
//
// What has an offset or names UTC is that moment. What names neither is local time of a zone, which may come twice or
// not at all when clocks are put back or forward, see Reader. What could mean several moments is a problem that says
// how to tell which; nothing is guessed.
package times

import (
	"strconv"
	"strings"
	"time"
)

// written is a date and time as it stands in a text.
type written struct {
	year, month, day     int
	hour, minute, second int
	micros               int
	offset               int  // Seconds east of UTC.
	zoned                bool // The text has an offset or names UTC.
	zone                 string
	whole                bool // A day without a time of day.
	both                 bool // Another day by another layout.
}

// utc is the moment if the text were UTC, microseconds since 1970.
func (w *written) utc() int64 {
	at := time.Date(w.year, time.Month(w.month), w.day, w.hour, w.minute, w.second, 0, time.UTC)
	return at.Unix()*1e6 + int64(w.micros)
}

// scanner reads a text from its beginning.
type scanner struct{ rest string }

// digits reads a number of exactly n digits.
func (s *scanner) digits(n int) (int, bool) {
	if len(s.rest) < n {
		return 0, false
	}
	value := 0
	for i := range n {
		d := s.rest[i]
		if d < '0' || d > '9' {
			return 0, false
		}
		value = value*10 + int(d-'0')
	}
	s.rest = s.rest[n:]
	return value, true
}

// skip reads one of the bytes, if it is next.
func (s *scanner) skip(any string) (byte, bool) {
	if s.rest == "" || strings.IndexByte(any, s.rest[0]) < 0 {
		return 0, false
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b, true
}

func (s *scanner) spaces() (some bool) {
	before := len(s.rest)
	s.rest = strings.TrimLeft(s.rest, " \u00a0")
	return len(s.rest) < before
}

// scan reads a date in the order year, month, day, and what of a time and a zone is after it: the forms of ISO 8601 and
// RFC 3339, and those of PostgreSQL, BigQuery, Python and Go, which are like them.
func scan(text string) (w written, ok bool) {
	s := scanner{text}
	if w.year, ok = s.digits(4); !ok {
		return w, false
	}
	between, separated := s.skip("-/")
	if w.month, ok = s.digits(2); !ok {
		return w, false
	}
	if again, has := s.skip("-/"); has != separated || again != between {
		return w, false
	}
	if w.day, ok = s.digits(2); !ok || !w.validDate() {
		return w, false
	}
	if s.rest == "" {
		w.whole = true
		return w, true
	}
	_, marked := s.skip("Tt")
	if !marked && !s.spaces() && separated {
		return w, false
	}
	return w, s.clock(&w) && s.zone(&w) && s.rest == ""
}

func (w *written) validDate() bool {
	at := time.Date(w.year, time.Month(w.month), w.day, 0, 0, 0, 0, time.UTC)
	return at.Year() == w.year && int(at.Month()) == w.month && at.Day() == w.day
}

// clock reads hours and minutes, and the seconds that are there.
func (s *scanner) clock(w *written) (ok bool) {
	if w.hour, ok = s.digits(2); !ok {
		return false
	}
	_, more := s.skip(":")
	if w.minute, ok = s.digits(2); !ok {
		return false
	}
	if more {
		_, more = s.skip(":")
	} else {
		more = s.rest != "" && s.rest[0] >= '0' && s.rest[0] <= '9'
	}
	if more {
		if w.second, ok = s.digits(2); !ok {
			return false
		}
		s.fraction(w)
	}
	s.half(w)
	midnight := w.hour == 24 && w.minute == 0 && w.second == 0 && w.micros == 0
	return (w.hour < 24 || midnight) && w.minute < 60 && w.second <= 60
}

// half reads which half of the day it is, where the text says.
func (s *scanner) half(w *written) {
	rest := strings.TrimLeft(s.rest, " \u00a0\u202f")
	if len(rest) < 2 || rest[1]|0x20 != 'm' || len(rest) > 2 && rest[2] != ' ' || w.hour < 1 || w.hour > 12 {
		return
	}
	switch rest[0] | 0x20 {
	case 'a':
		w.hour %= 12
	case 'p':
		w.hour = w.hour%12 + 12
	default:
		return
	}
	s.rest = rest[2:]
}

// fraction reads the digits after a point or comma, and cuts them to microseconds.
func (s *scanner) fraction(w *written) {
	if len(s.rest) < 2 || s.rest[0] != '.' && s.rest[0] != ',' || s.rest[1] < '0' || s.rest[1] > '9' {
		return
	}
	s.rest = s.rest[1:]
	scale := 100_000
	for s.rest != "" && s.rest[0] >= '0' && s.rest[0] <= '9' {
		w.micros += int(s.rest[0]-'0') * scale
		scale /= 10
		s.rest = s.rest[1:]
	}
}

// zone reads an offset or the name of a zone, and the name that Go writes after an offset.
func (s *scanner) zone(w *written) bool {
	s.spaces()
	if cut := strings.Index(s.rest, " m="); cut >= 0 { // Go's reading of the monotonic clock.
		s.rest = s.rest[:cut]
	}
	if sign, has := s.skip("+-"); has {
		if !s.offset(w, sign == '-') {
			return false
		}
		if s.spaces() && isName(s.rest) {
			s.rest = ""
		}
		return true
	}
	if s.rest == "" {
		return true
	}
	if !isName(s.rest) {
		return false
	}
	w.name(s.rest)
	s.rest = ""
	return true
}

// name notes the name of a zone: those of UTC say all.
func (w *written) name(zone string) {
	switch strings.ToUpper(zone) {
	case "Z", "UTC", "GMT", "ETC/UTC":
		w.zoned = true
	default:
		w.zone = zone
	}
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && s[i] != '/' && s[i] != '_' {
			return false
		}
	}
	return s != ""
}

// offset reads hours, and what of minutes and seconds is there.
func (s *scanner) offset(w *written, west bool) bool {
	hours, ok := s.digits(2)
	if !ok {
		return false
	}
	seconds := hours * 3600
	for _, unit := range []int{60, 1} {
		before := s.rest
		_, separated := s.skip(":")
		n, ok := s.digits(2)
		switch {
		case !ok && separated:
			return false
		case !ok:
			s.rest = before
		case n > 59:
			return false
		}
		if !ok {
			break
		}
		seconds += n * unit
	}
	if seconds > 18*3600 {
		return false
	}
	if west {
		seconds = -seconds
	}
	w.offset, w.zoned = seconds, true
	return true
}

// Layouts of texts with months and weekdays in words, as package time has them: HTTP and mail, JavaScript's Date, the
// commands of Unix, the logs of web servers. None leaves day and month open.
var wordLayouts = []string{
	"Mon, 2 Jan 2006 15:04:05 -0700",
	"Mon, 2 Jan 2006 15:04:05 MST",
	"2 Jan 2006 15:04:05 -0700",
	"2 Jan 2006 15:04:05 MST",
	"Mon Jan 02 2006 15:04:05 GMT-0700",
	"Mon Jan _2 15:04:05 2006",
	"Mon Jan _2 15:04:05 MST 2006",
	"Mon Jan _2 15:04:05 -0700 2006",
	"02/Jan/2006:15:04:05 -0700",
	"2 Jan 2006 15:04:05",
	"Jan 2, 2006 15:04:05",
	"Jan 2, 2006, 3:04:05 PM",
	"January 2, 2006 15:04:05",
	"January 2, 2006 3:04 PM",
	"January 2, 2006",
}

// words reads a text by a layout of package time.
func words(text, layout string) (w written, ok bool) {
	text, _, _ = strings.Cut(text, " (") // JavaScript names the zone after the offset.
	at, err := time.Parse(layout, strings.TrimSpace(text))
	if err != nil {
		return w, false
	}
	w = written{
		year: at.Year(), month: int(at.Month()), day: at.Day(), hour: at.Hour(), minute: at.Minute(), second: at.Second(),
		micros: at.Nanosecond() / 1000,
	}
	switch {
	case strings.Contains(layout, "-07") || strings.Contains(layout, "Z07"):
		_, w.offset = at.Zone()
		w.zoned = true
	case strings.Contains(layout, "MST"):
		// Package time makes up a zone of offset 0 for names that it does not know.
		name, _ := at.Zone()
		w.name(name)
	}
	return w, true
}

// Epoch says in which unit a number is a likely time since 1970, and that time, in microseconds; a unit without a name
// if in none.
func Epoch(text string) (unit Unit, us int64) {
	digits, _, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return Unit{}, 0
	}
	for _, unit := range Units {
		if IsLikely(n, unit.Micros, unit.PerMicro) {
			return unit, n * unit.Micros / unit.PerMicro
		}
	}
	return Unit{}, 0
}

// Unit is a unit of numbers that count from 1970: so many microseconds, or so many of it a microsecond.
type Unit struct {
	Name             string // Of the format in mappings.
	Words            string // For people.
	Micros, PerMicro int64
}

// Units are those that are read, the longest first.
var Units = []Unit{{"unix_s", "seconds", 1e6, 1}, {"unix_ms", "milliseconds", 1e3, 1}, {"unix_us", "microseconds", 1, 1}, {"unix_ns", "nanoseconds", 1, 1e3}}

// Likely times, microseconds since 1970: of the years 2000 to 2099.
const (
	likelyFrom = 946_684_800_000_000
	likelyTo   = 4_102_444_800_000_000
)

// IsLikely reports whether a number of units since 1970 is in the years 2000 to 2099.
func IsLikely(n, micros, perMicro int64) bool {
	return n >= likelyFrom/micros*perMicro && n < likelyTo/micros*perMicro
}
