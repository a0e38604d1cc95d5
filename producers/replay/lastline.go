package replay

import (
	"encoding/json"
	"fmt"
)

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
const unended = "the last line has no end and may be half-written: it is left out; replay the file again when it is whole, or give --last-line take if that is all of it"

// endless reports whether a line, the last of its file, has no end.
func endless(line []byte) bool { return len(line) > 0 && line[len(line)-1] != '\n' }

// lastLine says what to do with the last line of a file.
type lastLine struct {
	take, leave bool // As asked for.
	finished    bool // Nobody writes to such files any more.
	taken       bool // A line without an end was taken, without being asked to, that may be half of one.
}

func (o Options) lastLine() lastLine {
	return lastLine{take: o.LastLine == LastLineTake, leave: o.LastLine == LastLineLeave, finished: formatNamed(o.Format).Published}
}

func (o Options) lastLineErrors() error {
	switch o.LastLine {
	case "", LastLineAuto, LastLineTake, LastLineLeave:
		return nil
	}
	return fmt.Errorf("--last-line: %q is not one of %s, %s, %s", o.LastLine, LastLineAuto, LastLineTake, LastLineLeave)
}

// row reports whether the lines of a row, which is whole only with its end, are to be left out.
func (l *lastLine) row(raw []byte) bool {
	if !endless(raw) {
		return false
	}
	l.taken = !l.leave && !l.take && l.finished
	return !l.take && !l.taken
}

// object reports whether the line of an object is to be left out.
func (l *lastLine) object(line []byte) bool {
	return endless(line) && (l.leave || !l.take && !json.Valid(line))
}
