package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// objects reads the objects of a JSON file: one a line or, where that is none, one over several lines or several on one; or
// the elements of arrays, if the file begins with one. An object is held in memory, an array is not.
type objects struct {
	lines  *lines
	line   []byte // The current object.
	number int    // The line in which it begins.
	indent int    // Bytes before it in that line.

	piece  []byte // Of the current line.
	at     int    // What of it has been taken.
	before int    // Bytes of the line before it.

	begun  bool
	arrays bool // The file begins with an array, and its arrays are not records but have them.
	inside int  // The line in which the array began that is being read; 0 in none.
	scan   jsonScan
	text   []byte // The memory of what is put together.
	alone  int    // The lines before this one are not put together.
}

// muchJoined is how many lines may be put together in vain without a consequence.
const muchJoined = 1000

// next returns the next object; a *rowError for what is none.
func (o *objects) next() (object, error) {
	for {
		err := o.skip()
		switch {
		case errors.Is(err, io.EOF) && o.inside > 0:
			return nil, o.endOfArray()
		case err != nil:
			return nil, err
		}
		c := o.piece[o.at]
		if !o.begun {
			o.begun, o.arrays = true, c == '['
		}
		o.number, o.indent = o.lines.number, o.before+o.at
		switch {
		case o.inside > 0 && c == ',':
			o.at++
		case o.inside > 0 && c == ']':
			o.at++
			o.inside = 0
		case o.inside > 0:
			return o.element()
		case o.arrays && c == '[':
			o.at++
			o.inside = o.lines.number
		default:
			return o.record()
		}
	}
}

// skip goes to the next byte that is not blank.
func (o *objects) skip() error {
	for {
		o.at += blank(o.piece[o.at:])
		if o.at < len(o.piece) {
			return nil
		}
		if err := o.more(); err != nil {
			return err
		}
	}
}

// more reads the next piece.
func (o *objects) more() error {
	before := 0
	if o.lines.partial {
		before = o.before + len(o.piece)
	}
	piece, err := o.lines.piece()
	if err != nil {
		o.at = len(o.piece)
		return err
	}
	o.piece, o.at, o.before = piece, 0, before
	return nil
}

// record reads what begins here, outside of an array: a line, as a rule.
func (o *objects) record() (object, error) {
	if o.lines.partial {
		return o.join()
	}
	rest := o.piece[o.at:]
	o.line = bytes.TrimSpace(rest)
	if endless(rest) && o.lines.leave {
		o.at = len(o.piece)
		return nil, o.fault(0, unended)
	}
	found, bad := o.parse()
	if bad != nil && rest[0] == '{' {
		return o.join()
	}
	o.at = len(o.piece)
	if bad != nil && o.lines.object(rest) {
		bad = o.fault(0, unended)
	}
	return found, noRowError(bad)
}

// noRowError keeps a nil from becoming an error.
func noRowError(bad *rowError) error {
	if bad == nil {
		return nil
	}
	return bad
}

// ending is how the reading of a value ended.
type ending uint8

const (
	valueDone ending = iota
	valueBad
	valueCut // The file ended.
)

// value reads the value that begins here into o.text, from as many lines as it takes; tooLong says that it did not fit. Before
// the line alone, it does not go on in another one.
func (o *objects) value(alone int) (how ending, tooLong bool, err error) {
	o.text = o.text[:0]
	o.scan.reset()
	for {
		n, found := o.scan.feed(o.piece[o.at:])
		if tooLong = tooLong || len(o.text)+n > maxLine; !tooLong {
			o.text = append(o.text, o.piece[o.at:o.at+n]...)
		}
		o.at += n
		switch {
		case found == scanDone:
			return valueDone, tooLong, nil
		case found == scanBad, !o.lines.partial && o.lines.number < alone:
			return valueBad, tooLong, nil
		}
		switch err := o.more(); {
		case errors.Is(err, io.EOF):
			return valueCut, tooLong, nil
		case err != nil:
			return valueBad, tooLong, err
		}
	}
}

// join reads an object that is no line.
func (o *objects) join() (object, error) {
	how, tooLong, err := o.value(o.alone)
	if err != nil {
		return nil, err
	}
	if how == valueDone {
		rest := o.piece[o.at:]
		n := blank(rest)
		if n == len(rest) || rest[n] == '{' {
			return o.taken(tooLong)
		}
		how = valueBad // Something follows that is no object.
	}
	if how == valueCut && !o.holdsLines() {
		o.line = o.text
		if endless(o.piece) && !o.lines.take {
			return nil, o.fault(0, unended)
		}
		if o.lines.number > o.number {
			return nil, o.fault(0, "the object that begins here has no end")
		}
	}
	return nil, o.giveUp(tooLong)
}

// taken returns the object in o.text.
func (o *objects) taken(tooLong bool) (object, error) {
	o.line = o.text
	if tooLong {
		what := "the object "
		if o.lines.number == o.number {
			what = "the line "
		}
		return nil, o.fault(0, what+errTooLong.Error())
	}
	found, bad := o.parse()
	return found, noRowError(bad)
}

// holdsLines reports whether o.text has a line after its first that is an object by itself.
func (o *objects) holdsLines() bool {
	_, rest, _ := bytes.Cut(o.text, []byte("\n"))
	for line := range bytes.Lines(rest) {
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("{")) && json.Valid(line) {
			return true
		}
	}
	return false
}

// giveUp says what is wrong with the first line of o.text, and goes back to the one after it.
func (o *objects) giveUp(tooLong bool) error {
	for { // To the end of the last line.
		rest := o.piece[o.at:]
		if tooLong = tooLong || len(o.text)+len(rest) > 2*maxLine; !tooLong {
			o.text = append(o.text, rest...)
		}
		o.at = len(o.piece)
		if !o.lines.partial {
			break
		}
		if err := o.more(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	if tooLong || len(o.text) > maxLine && o.lines.number == o.number {
		o.line = nil
		return o.fault(0, "the line "+errTooLong.Error())
	}
	first, rest, _ := bytes.Cut(o.text, []byte("\n"))
	if count := o.lines.number - o.number; count > 0 {
		if count > muchJoined {
			o.alone = o.lines.number
		}
		o.lines.giveBack(rest, count)
		o.piece, o.at = nil, 0
	}
	o.line = bytes.TrimSpace(first)
	_, bad := o.parse()
	if bad == nil { // It was a part of what begins in it, and more follows.
		return o.fault(len(o.line), "something follows that is no object")
	}
	if o.lines.object(first) && len(rest) == 0 && endless(o.text) {
		return o.fault(0, unended)
	}
	return bad
}

// element reads an element of an array.
func (o *objects) element() (object, error) {
	isObject := o.piece[o.at] == '{'
	how, tooLong, err := o.value(0)
	switch {
	case err != nil:
		return nil, err
	case how == valueCut:
		return nil, o.endOfArray()
	case how == valueBad:
		return nil, o.resume()
	}
	found, err := o.taken(tooLong)
	var bad *rowError
	if errors.As(err, &bad) && !isObject {
		err = &onceError{bad: bad, kind: "element"}
	}
	return found, err
}

// endOfArray is the problem of a file that ends within an array.
func (o *objects) endOfArray() error {
	line := o.inside
	o.inside, o.at = 0, len(o.piece)
	if o.lines.take {
		return io.EOF
	}
	return &rowError{line: o.lines.number, column: o.before + max(o.at, 1),
		text: fmt.Sprintf("the file ends within the array that begins in line %d: it is cut off or still being written", line)}
}

// resume says where an array cannot be read, and goes to the next line in which an element may begin: one that begins with
// an object, no deeper than the one that was being read.
func (o *objects) resume() error {
	bad := &rowError{line: o.lines.number, column: o.before + o.at + 1}
	what := "the line ends within a text"
	if o.at < len(o.piece) && o.piece[o.at] >= ' ' {
		what = quote(string(o.piece[o.at:o.at+1])) + " cannot stand here"
	}
	for fresh := o.before == 0 && o.lines.number > o.number; ; {
		if fresh {
			o.at = 0
			for o.at < len(o.piece) && (o.piece[o.at] == ',' || blank(o.piece[o.at:]) > 0) {
				o.at += max(blank(o.piece[o.at:]), 1)
			}
			if o.at < len(o.piece) && o.at <= o.indent && (o.piece[o.at] == '{' || o.piece[o.at] == ']') {
				bad.text = fmt.Sprintf("the element of the array that begins in line %d cannot be read: %s; what is read next begins in line %d", o.number, what, o.lines.number)
				return bad
			}
		}
		fresh = !o.lines.partial
		if err := o.more(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	o.inside = 0
	bad.text = fmt.Sprintf("the element of the array that begins in line %d cannot be read: %s; the rest of the array is lost", o.number, what)
	return bad
}

// parse reads the current object, of which only the keys are looked at.
func (o *objects) parse() (object, *rowError) {
	found := make(object, 8)
	if err := json.Unmarshal(o.line, &found); err != nil {
		return nil, o.broken(err)
	}
	if found == nil {
		return nil, o.fault(0, "a JSON null and not an object")
	}
	return found, nil
}

// broken makes an error of package json into one of the row.
func (o *objects) broken(err error) *rowError {
	at, text := 0, err.Error()
	var syntax *json.SyntaxError
	var other *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = int(max(syntax.Offset, 1)) - 1
	case errors.As(err, &other):
		text = "a JSON " + other.Value + " and not an object"
	}
	return o.fault(at, text)
}

// fault is what is wrong at a byte of the current object.
func (o *objects) fault(at int, text string) *rowError {
	line, column := o.number, o.indent+at+1
	if at = min(at, len(o.line)); at > 0 {
		if n := bytes.Count(o.line[:at], []byte("\n")); n > 0 {
			line, column = line+n, at-bytes.LastIndexByte(o.line[:at], '\n')
		}
	}
	return &rowError{line: line, column: column, text: text}
}

// bad is what is wrong with the current object, at the last part of the path where that stands in it.
func (o *objects) bad(path, text string) *rowError {
	at := 0
	for path != "" {
		if at = bytes.Index(o.line, fmt.Appendf(nil, "%q", path)); at >= 0 {
			break
		}
		at = 0
		_, path, _ = strings.Cut(path, ".")
	}
	return o.fault(at, text)
}

// columnOf is where a path stands in the line of the current object, the line where it begins if it has several.
func (o *objects) columnOf(path string) int {
	if bad := o.bad(path, ""); bad.line == o.number {
		return bad.column
	}
	return o.indent + 1
}
