package rows

import "encoding/json"

// What to do with a last line that has no end. Somebody may be writing it: half of a number is a number, and only a JSON
// object shows by itself that it is whole.
const (
	// LastLineAuto takes it where it is whole for sure, as a JSON object, and in the published traces, which nobody writes
	// to any more.
	LastLineAuto = "auto"
	// LastLineTake takes it.
	LastLineTake = "take"
	// LastLineLeave leaves it out, as LastLineAuto does with what it does not take: it is a problem that is told, and it
	// is read when the file is replayed again and it has its end.
	LastLineLeave = "leave"
)

// unended is the problem of a last line that is left out.
const unended = "the last line has no end and may be half-written: it is left out; replay the file again when it is whole, or set last-line to take if that is all of it"

// endless reports whether a line, the last of its file, has no end.
func endless(line []byte) bool { return len(line) > 0 && line[len(line)-1] != '\n' }

// LastLine says what to do with the last line of a file.
type LastLine struct {
	Take, Leave bool // As asked for.
	Finished    bool // Nobody writes to such files any more.
	Taken       bool // A line without an end was taken, without being asked to, that may be half of one.
}

// row reports whether the lines of a row, which is whole only with its end, are to be left out.
func (l *LastLine) row(raw []byte) bool {
	if !endless(raw) {
		return false
	}
	l.Taken = !l.Leave && !l.Take && l.Finished
	return !l.Take && !l.Taken
}

// object reports whether the line of an object is to be left out.
func (l *LastLine) object(line []byte) bool {
	return endless(line) && (l.Leave || !l.Take && !json.Valid(line))
}
