package times

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reader reads the times of one column, row after row. It is for one file and not for concurrent use.
//
// A local time that comes twice, when clocks are put back, is the one that goes on from the row before: in a file that
// is in order of time, up or down, the second pass shows by going back. Where nothing shows which of the two it is, it
// is taken for the first, and Untold counts the row.
type Reader struct {
	zone    *time.Location
	layouts []string
	utc     bool

	any      bool
	last     int64 // The moment of the row before, microseconds since 1970.
	up, down int64 // Rows that were later, and earlier, than the one before.
	doubled  int64 // Rows in the hour that comes twice, since the last row out of it.
	first    bool  // Some of them were taken for the first pass,
	second   bool  // and some for the second.
	untold   int64
}

// NewReader returns a reader of times that are in the zone where they name none, by layouts of package time; a text
// that is several days by them is a problem. Without layouts it reads what is year, month, day in that order, and
// months in words.
func NewReader(zone *time.Location, layouts ...string) *Reader {
	return &Reader{zone: zone, layouts: layouts, utc: zone == time.UTC || zone.String() == "UTC"}
}

// Untold returns how many rows so far were in an hour that comes twice without a sign of which it is.
func (r *Reader) Untold() int64 {
	if r.first && r.second {
		return r.untold
	}
	return r.untold + r.doubled
}

// Read returns the moment, microseconds since 1970. The problem is to be read after the text.
func (r *Reader) Read(text string) (us int64, problem string) {
	w, ok := r.scan(text)
	if !ok {
		return 0, r.unread(text)
	}
	return r.moment(&w)
}

func (r *Reader) scan(text string) (written, bool) {
	if len(r.layouts) == 0 {
		w, ok := scan(text)
		for i := 0; !ok && i < len(wordLayouts); i++ {
			w, ok = words(text, wordLayouts[i])
		}
		return w, ok
	}
	var found written
	some := false
	for _, layout := range r.layouts {
		w, ok := words(text, layout)
		switch {
		case ok && some && (w.month != found.month || w.day != found.day || w.year != found.year):
			found.both = true
		case ok && !some:
			found, some = w, true
		}
	}
	return found, some
}

// unread says what is wrong with a text that is no time.
func (r *Reader) unread(text string) string {
	if len(r.layouts) > 0 {
		return "is not a time like " + strings.Join(r.layouts, " or ")
	}
	if unit, _ := Epoch(text); unit.Name != "" {
		return "is a number: if it counts from 1970, give time.format " + unit.Name
	}
	if slashed(text) {
		return "may have the month or the day first: give time.format 1/2/2006 15:04 (month first) or 2/1/2006 15:04, written the way the file does"
	}
	return "is not a time like 2026-03-01 18:15:46.68 or 2026-03-01T18:15:46+01:00: give time.format, the moment 2006-01-02 15:04:05 written the way the file does"
}

// slashed reports whether the text begins like 3/1/2026 or 01.03.26.
func slashed(text string) bool {
	parts := strings.FieldsFunc(text, func(c rune) bool { return c == '/' || c == '.' || c == '-' || c == ' ' })
	if len(parts) < 3 {
		return false
	}
	for _, part := range parts[:3] {
		if _, err := strconv.Atoi(part); err != nil || len(part) > 4 {
			return false
		}
	}
	return len(parts[0]) <= 2
}

// moment returns the moment of what is written.
func (r *Reader) moment(w *written) (us int64, problem string) {
	wall := w.utc()
	switch {
	case w.both:
		return 0, "is another day by each of the formats " + strings.Join(r.layouts, " and ")
	case w.zoned:
		return wall - int64(w.offset)*1e6, ""
	case w.zone == "" && r.utc:
		return wall, ""
	}
	moments := r.moments(wall)
	if w.zone != "" {
		moments = slices.DeleteFunc(moments, func(us int64) bool {
			name, _ := time.UnixMicro(us).In(r.zone).Zone()
			return !strings.EqualFold(name, w.zone)
		})
		if len(moments) == 0 {
			return 0, "names the time zone " + w.zone + ", which means several: give time.zone, a name like Europe/Berlin, or write the offset"
		}
	}
	if w.whole { // The day's first moment, which may be after midnight.
		moments = append(moments, r.moments(wall+3600e6)...)[:1]
	}
	switch len(moments) {
	case 0:
		return 0, "does not exist in " + r.zone.String() + ", where the clocks were put forward over it"
	case 1:
		r.leave()
		r.note(moments[0])
		return moments[0], ""
	}
	return r.choose(moments[0], moments[1]), ""
}

// around is more than any clock was ever put back or forward.
const around = 26 * 3600

// moments returns the moments at which clocks in the zone show a time, in their order: none, one or two.
func (r *Reader) moments(wall int64) []int64 {
	seconds := wall / 1e6
	if wall%1e6 < 0 {
		seconds--
	}
	var offsets []int
	for _, at := range []int64{seconds - around, seconds, seconds + around} {
		if _, offset := time.Unix(at, 0).In(r.zone).Zone(); !slices.Contains(offsets, offset) {
			offsets = append(offsets, offset)
		}
	}
	var moments []int64
	for _, offset := range offsets {
		us := wall - int64(offset)*1e6
		if _, is := time.UnixMicro(us).In(r.zone).Zone(); is == offset {
			moments = append(moments, us)
		}
	}
	slices.Sort(moments)
	return moments
}

// slack is how far a row may be before the one before it, in microseconds, in a file that is in order all the same.
const slack = 60_000_000

// choose returns which of two moments a row is at that comes after the rows before.
func (r *Reader) choose(first, second int64) int64 {
	r.doubled++
	chosen := first
	switch {
	case !r.any:
	case r.up >= 8*r.down: // In order of time.
		if first < r.last-slack {
			chosen = second
		}
	case r.down >= 8*r.up: // The newest first.
		if second <= r.last+slack {
			chosen = second
		}
	default: // In no order: nothing tells.
		r.untold++
		r.doubled--
		return first
	}
	r.first, r.second = r.first || chosen == first, r.second || chosen == second
	r.note(chosen)
	return chosen
}

// note notes the moment of a row.
func (r *Reader) note(us int64) {
	switch {
	case !r.any:
	case us > r.last:
		r.up += us - r.last
	default:
		r.down += r.last - us
	}
	r.any, r.last = true, us
}

// leave ends a run of rows in the hour that comes twice.
func (r *Reader) leave() {
	r.untold = r.Untold()
	r.doubled, r.first, r.second = 0, false, false
}
