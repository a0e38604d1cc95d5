package rows

import "encoding/json"

// What to do with a last line that has no line break. A program may still be writing it: half of a number is a number,
// too, and only a JSON object shows that it is whole.
const (
	// LastLineAuto takes the line if it is a whole JSON object, and in published traces, which nobody appends to.
	LastLineAuto = "auto"
	// LastLineTake takes the line.
	LastLineTake = "take"
	// LastLineLeave leaves the line out and reports a problem, as LastLineAuto does with a line that it does not take.
	// The line is read when the file is read again and the line has its line break.
	LastLineLeave = "leave"
)

// unended is the problem of a last line that is left out.
const unended = "the last line has no end and may be half-written: it is left out; replay the file again when it is whole, or set last-line to take if that is all of it"

// endless reports whether a line has no line break.
func endless(line []byte) bool { return len(line) > 0 && line[len(line)-1] != '\n' }

// LastLine is what to do with the last line of a file.
type LastLine struct {
	Take, Leave bool // As asked for.
	Finished    bool // Nobody appends to such files.
	Taken       bool // A line without a line break was taken by LastLineAuto, and may be cut off.
}

// row reports whether to leave out a row of CSV, which is known to be whole only by its line break.
func (l *LastLine) row(raw []byte) bool {
	if !endless(raw) {
		return false
	}
	l.Taken = !l.Leave && !l.Take && l.Finished
	return !l.Take && !l.Taken
}

// object reports whether to leave out the line of a JSON object.
func (l *LastLine) object(line []byte) bool {
	return endless(line) && (l.Leave || !l.Take && !json.Valid(line))
}
