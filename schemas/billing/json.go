package billing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// value is a JSON value with its place. Numbers are kept as they are written.
type value struct {
	kind   byte // One of the kinds below.
	line   int  // The one in which it ends, or begins for objects and arrays. From 1 on.
	text   string
	fields map[string]value
	list   []value
}

const (
	nullValue   = '0'
	boolValue   = 'b'
	numberValue = 'n'
	stringValue = 's'
	listValue   = '['
	objectValue = '{'
)

const (
	maxDepth  = 64
	maxValues = 1 << 20 // Of one item.
)

// walker reads the values of a file one after another.
type walker struct {
	content []byte
	decoder *json.Decoder
	counted int // How many bytes of content line has counted.
	line    int
	left    int // How many values the current item may still have.
}

func newWalker(content []byte) *walker {
	w := &walker{content: bytes.TrimPrefix(content, []byte("\ufeff")), line: 1}
	w.decoder = json.NewDecoder(bytes.NewReader(w.content))
	w.decoder.UseNumber()
	return w
}

// token returns the next token, and io.EOF after the last value.
func (w *walker) token() (json.Token, error) {
	token, err := w.decoder.Token()
	end := min(int(w.decoder.InputOffset()), len(w.content))
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		end = min(max(int(syntax.Offset), end), len(w.content))
	}
	w.line += bytes.Count(w.content[w.counted:max(end, w.counted)], []byte("\n"))
	w.counted = max(end, w.counted)
	switch {
	case err == nil, err == io.EOF:
		return token, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("line %d: the file ends within a value: it was cut off", w.line)
	}
	return nil, fmt.Errorf("line %d: it is no JSON: %w", w.line, err)
}

// inside is token within a value: there the end of the file is an error.
func (w *walker) inside() (json.Token, error) {
	token, err := w.token()
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("line %d: the file ends within a value: it was cut off", w.line)
	}
	return token, err
}

// next reads a value of an item.
func (w *walker) next(depth int) (value, error) {
	token, err := w.inside()
	if err != nil {
		return value{}, err
	}
	return w.value(token, depth)
}

// value reads the value that begins with a token.
func (w *walker) value(token json.Token, depth int) (value, error) {
	v := value{line: w.line}
	if w.left--; w.left < 0 {
		return v, fmt.Errorf("line %d: one item has more than %d values", w.line, maxValues)
	}
	if depth > maxDepth {
		return v, fmt.Errorf("line %d: values are nested more than %d deep", w.line, maxDepth)
	}
	switch t := token.(type) {
	case nil:
		v.kind = nullValue
	case bool:
		v.kind, v.text = boolValue, fmt.Sprint(t)
	case json.Number:
		v.kind, v.text = numberValue, t.String()
	case string:
		v.kind, v.text = stringValue, t
	case json.Delim:
		if t == '[' {
			return w.array(v, depth)
		}
		return w.object(v, depth)
	}
	return v, nil
}

func (w *walker) array(v value, depth int) (value, error) {
	v.kind = listValue
	for w.decoder.More() {
		one, err := w.next(depth + 1)
		if err != nil {
			return v, err
		}
		v.list = append(v.list, one)
	}
	_, err := w.inside()
	return v, err
}

func (w *walker) object(v value, depth int) (value, error) {
	v.kind, v.fields = objectValue, map[string]value{}
	for w.decoder.More() {
		name, err := w.name(v.fields)
		if err != nil {
			return v, err
		}
		if v.fields[name], err = w.next(depth + 1); err != nil {
			return v, err
		}
	}
	_, err := w.inside()
	return v, err
}

// name reads the name of a field, which an object may have once.
func (w *walker) name(fields map[string]value) (string, error) {
	token, err := w.inside()
	if err != nil {
		return "", err
	}
	name, _ := token.(string)
	if _, twice := fields[name]; twice {
		return "", fmt.Errorf("line %d: the field %q is there twice", w.line, name)
	}
	return name, nil
}
