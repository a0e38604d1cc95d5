package rows

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"

	"tidemark/producers/formats/jsonpath"
)

// canSplit reports whether o.text, the beginning of an object that is too long, has the beginning of the array Within.
func (o *Objects) canSplit() bool {
	_, ok := arrayAt(o.text, o.Within)
	return ok
}

// split makes the elements of the array Within readable one by one. It returns the object up to there, with the array empty.
func (o *Objects) split() (jsonpath.Object, error) {
	at, _ := arrayAt(o.text, o.Within)
	head := slices.Concat(o.text[:at], []byte("]}"))
	l := o.Lines
	rest := io.MultiReader(bytes.NewReader(o.text[at:]), bytes.NewReader(slices.Clone(o.piece[o.at:])), bytes.NewReader(slices.Clone(l.back[l.again:])), l.R)
	l.R, l.back, l.again = bufio.NewReaderSize(rest, l.R.Size()), nil, 0
	lines := bytes.Count(head, []byte("\n"))
	o.before = at
	if lines == 0 {
		o.before += o.indent
	} else {
		o.before -= bytes.LastIndexByte(head, '\n') + 1
	}
	l.Number, l.partial = o.number+lines, true
	o.text, o.piece, o.at = nil, nil, 0
	o.inside, o.nested = l.Number, true
	o.line = head
	found, bad := o.parse()
	return found, noRowError(bad)
}

// leave goes from the end of the array Within to the end of its object, whose other fields are not read.
func (o *Objects) leave() error {
	o.nested = false
	o.scan.reset()
	o.scan.open, o.scan.expect = append(o.scan.open, '{'), expectMore
	for {
		n, found := o.scan.feed(o.piece[o.at:])
		o.at += n
		switch found {
		case scanDone:
			return nil
		case scanBad:
			o.line = nil
			return o.fault(0, "what follows the array "+o.Within+" is no part of an object")
		case scanMore:
		}
		switch err := o.more(); {
		case errors.Is(err, io.EOF):
			o.line = nil
			return o.fault(0, "the object that has the array "+o.Within+" has no end")
		case err != nil:
			return err
		}
	}
}

// arrayAt returns where the elements of an array begin that an object has under a key; false if its text does not come that far.
func arrayAt(object []byte, key string) (int, bool) {
	depth := 0
	for i := 0; i < len(object); i++ {
		switch object[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			begin := i + 1
			for i = begin; i < len(object) && object[i] != '"'; i++ {
				if object[i] == '\\' {
					i++
				}
			}
			if depth != 1 || i >= len(object) || string(object[begin:i]) != key {
				continue
			}
			rest := object[i+1:]
			value, isKey := bytes.CutPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(":"))
			value = bytes.TrimLeft(value, " \t\r\n")
			if isKey && bytes.HasPrefix(value, []byte("[")) {
				return len(object) - len(value) + 1, true
			}
		}
	}
	return 0, false
}
