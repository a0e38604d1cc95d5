package rows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/jsonpath"
)

// Objects reads the objects of a JSON file: one per line, or over several lines, or several in one line; or the
// elements of arrays if the file begins with an array. It holds one object in memory, and never an array.
type Objects struct {
	Lines *Lines
	// Within is the key of an array of objects. An object that is too long for the memory is read up to this array, and then the
	// elements as if they were objects of the file. Empty: an object that is too long is a problem.
	Within string
	line   []byte // The current object.
	number int    // The line in which it begins.
	indent int    // Bytes before it in that line.

	piece  []byte // Of the current line.
	at     int    // What of it has been taken.
	before int    // Bytes of the line before it.

	begun  bool
	arrays bool // The file begins with an array, and its arrays are not records but have them.
	inside int  // The line in which the array began that is being read; 0 in none.
	nested bool // That array is the one Within an object.
	scan   jsonScan
	text   []byte // The memory of what is put together.
	alone  int    // The lines before this one are not put together.
}

// muchJoined is how many lines may be put together in vain without a consequence.
const muchJoined = 1000

// Next returns the next object, valid until the next call; a *faults.RowError for a value that is not an object.
func (o *Objects) Next() (jsonpath.Object, error) {
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
		o.number, o.indent = o.Lines.Number, o.before+o.at
		switch {
		case o.inside > 0 && c == ',':
			o.at++
		case o.inside > 0 && c == ']':
			o.at++
			o.inside = 0
			if o.nested {
				if err := o.leave(); err != nil {
					return nil, err
				}
			}
		case o.inside > 0:
			return o.element()
		case o.arrays && c == '[':
			o.at++
			o.inside = o.Lines.Number
		default:
			return o.record()
		}
	}
}

// skip goes to the next byte that is not blank.
func (o *Objects) skip() error {
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
func (o *Objects) more() error {
	before := 0
	if o.Lines.partial {
		before = o.before + len(o.piece)
	}
	piece, err := o.Lines.piece()
	if err != nil {
		o.at = len(o.piece)
		return err
	}
	o.piece, o.at, o.before = piece, 0, before
	return nil
}

// record reads what begins here, outside of an array: a line, as a rule.
func (o *Objects) record() (jsonpath.Object, error) {
	if o.Lines.partial {
		return o.join()
	}
	rest := o.piece[o.at:]
	o.line = bytes.TrimSpace(rest)
	if endless(rest) && o.Lines.Leave {
		o.at = len(o.piece)
		return nil, o.fault(0, unended)
	}
	found, bad := o.parse()
	if bad != nil && rest[0] == '{' {
		return o.join()
	}
	o.at = len(o.piece)
	if bad != nil && o.Lines.object(rest) {
		bad = o.fault(0, unended)
	}
	return found, noRowError(bad)
}

// noRowError keeps a nil from becoming an error.
func noRowError(bad *faults.RowError) error {
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
	valueBig // It is too long, and its elements can be read.
)

// value reads the value that begins here into o.text, from as many lines as it takes; tooLong says that it did not fit.
// Before the line alone, it does not go on in another one.
func (o *Objects) value(alone int) (how ending, tooLong bool, err error) {
	o.text = o.text[:0]
	o.scan.reset()
	for {
		n, found := o.scan.feed(o.piece[o.at:])
		if !tooLong && len(o.text)+n > maxLine && o.Within != "" && o.inside == 0 && o.canSplit() {
			return valueBig, false, nil
		}
		if tooLong = tooLong || len(o.text)+n > maxLine; !tooLong {
			o.text = append(o.text, o.piece[o.at:o.at+n]...)
		}
		o.at += n
		switch {
		case found == scanDone:
			return valueDone, tooLong, nil
		case found == scanBad, !o.Lines.partial && o.Lines.Number < alone:
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
func (o *Objects) join() (jsonpath.Object, error) {
	how, tooLong, err := o.value(o.alone)
	if err != nil {
		return nil, err
	}
	if how == valueBig {
		return o.split()
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
		if endless(o.piece) && !o.Lines.Take {
			return nil, o.fault(0, unended)
		}
		if o.Lines.Number > o.number {
			return nil, o.fault(0, "the object that begins here has no end")
		}
	}
	return nil, o.giveUp(tooLong)
}

// taken returns the object in o.text.
func (o *Objects) taken(tooLong bool) (jsonpath.Object, error) {
	o.line = o.text
	if tooLong {
		what := "the object "
		if o.Lines.Number == o.number {
			what = "the line "
		}
		return nil, o.fault(0, what+errTooLong.Error())
	}
	found, bad := o.parse()
	return found, noRowError(bad)
}

// holdsLines reports whether o.text has a line after its first that is an object by itself.
func (o *Objects) holdsLines() bool {
	_, rest, _ := bytes.Cut(o.text, []byte("\n"))
	for line := range bytes.Lines(rest) {
		if line = bytes.TrimSpace(line); bytes.HasPrefix(line, []byte("{")) && json.Valid(line) {
			return true
		}
	}
	return false
}

// giveUp says what is wrong with the first line of o.text, and goes back to the one after it.
func (o *Objects) giveUp(tooLong bool) error {
	for { // To the end of the last line.
		rest := o.piece[o.at:]
		if tooLong = tooLong || len(o.text)+len(rest) > 2*maxLine; !tooLong {
			o.text = append(o.text, rest...)
		}
		o.at = len(o.piece)
		if !o.Lines.partial {
			break
		}
		if err := o.more(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	if tooLong || len(o.text) > maxLine && o.Lines.Number == o.number {
		o.line = nil
		return o.fault(0, "the line "+errTooLong.Error())
	}
	first, rest, _ := bytes.Cut(o.text, []byte("\n"))
	if count := o.Lines.Number - o.number; count > 0 {
		if count > muchJoined {
			o.alone = o.Lines.Number
		}
		o.Lines.giveBack(rest, count)
		o.piece, o.at = nil, 0
	}
	o.line = bytes.TrimSpace(first)
	_, bad := o.parse()
	if bad == nil { // It was a part of what begins in it, and more follows.
		return o.fault(len(o.line), "something follows that is no object")
	}
	if o.Lines.object(first) && len(rest) == 0 && endless(o.text) {
		return o.fault(0, unended)
	}
	return bad
}

// element reads an element of an array.
func (o *Objects) element() (jsonpath.Object, error) {
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
	var bad *faults.RowError
	if errors.As(err, &bad) && !isObject {
		err = &faults.OnceError{Bad: bad, Kind: "element"}
	}
	return found, err
}

// endOfArray is the problem of a file that ends within an array.
func (o *Objects) endOfArray() error {
	line := o.inside
	o.inside, o.at = 0, len(o.piece)
	if o.Lines.Take {
		return io.EOF
	}
	return &faults.RowError{Line: o.Lines.Number, Column: o.before + max(o.at, 1),
		Text: fmt.Sprintf("the file ends within the array that begins in line %d: it is cut off or still being written", line)}
}

// resume says where an array cannot be read, and goes to the next line in which an element may begin: one that begins
// with an object, no deeper than the one that was being read.
func (o *Objects) resume() error {
	bad := &faults.RowError{Line: o.Lines.Number, Column: o.before + o.at + 1}
	what := "the line ends within a text"
	if o.at < len(o.piece) && o.piece[o.at] >= ' ' {
		what = faults.Quote(string(o.piece[o.at:o.at+1])) + " cannot stand here"
	}
	for fresh := o.before == 0 && o.Lines.Number > o.number; ; {
		if fresh {
			o.at = 0
			for o.at < len(o.piece) && (o.piece[o.at] == ',' || blank(o.piece[o.at:]) > 0) {
				o.at += max(blank(o.piece[o.at:]), 1)
			}
			if o.at < len(o.piece) && o.at <= o.indent && (o.piece[o.at] == '{' || o.piece[o.at] == ']') {
				bad.Text = fmt.Sprintf("the element of the array that begins in line %d cannot be read: %s; what is read next begins in line %d", o.number, what, o.Lines.Number)
				return bad
			}
		}
		fresh = !o.Lines.partial
		if err := o.more(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	o.inside = 0
	bad.Text = fmt.Sprintf("the element of the array that begins in line %d cannot be read: %s; the rest of the array is lost", o.number, what)
	return bad
}

// parse reads the current object, of which only the keys are looked at.
func (o *Objects) parse() (jsonpath.Object, *faults.RowError) {
	found := make(jsonpath.Object, 8)
	if err := json.Unmarshal(o.line, &found); err != nil {
		return nil, o.broken(err)
	}
	if found == nil {
		return nil, o.fault(0, "a JSON null and not an object")
	}
	return found, nil
}

// broken makes an error of package json into one of the row.
func (o *Objects) broken(err error) *faults.RowError {
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
func (o *Objects) fault(at int, text string) *faults.RowError {
	line, column := o.number, o.indent+at+1
	if at = min(at, len(o.line)); at > 0 {
		if n := bytes.Count(o.line[:at], []byte("\n")); n > 0 {
			line, column = line+n, at-bytes.LastIndexByte(o.line[:at], '\n')
		}
	}
	return &faults.RowError{Line: line, Column: column, Text: text}
}

// Raw is the text of the current object, valid until the next call of Next.
func (o *Objects) Raw() []byte { return o.line }

// Bad is what is wrong with the current object, at the last part of the path where that stands in it.
func (o *Objects) Bad(path, text string) *faults.RowError {
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
func (o *Objects) columnOf(path string) int {
	if bad := o.Bad(path, ""); bad.Line == o.number {
		return bad.Column
	}
	return o.indent + 1
}
