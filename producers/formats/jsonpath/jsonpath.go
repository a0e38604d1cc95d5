// Package jsonpath finds values in JSON objects by paths such as usage.input or parts.0.text. An object is read no
// further than a path asks for, and a value stays the bytes of the input.
package jsonpath

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Object is a JSON object whose values have not been read yet.
type Object map[string]json.RawMessage

// Lookup returns the value at a path: the key of that name or, where there is none, the rest of the path in what a part
// of it up to a dot names. So "usage.input" finds both {"usage.input": 1} and {"usage": {"input": 1}}. What it names
// may be an array, of which a number is the place from 0, and a text that is JSON itself.
func (o Object) Lookup(path string) (json.RawMessage, bool) {
	if value, ok := o[path]; ok {
		return value, true
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if inner, ok := o[path[:i]]; ok {
			if value, ok := Descend(inner, path[i+1:]); ok {
				return value, true
			}
		}
	}
	return nil, false
}

// First returns the text or the number at the first of the paths that has one; empty if none has.
func (o Object) First(paths ...string) string {
	for _, path := range paths {
		value, _ := o.Lookup(path)
		if text, problem := Text(value); problem == "" && text != "" {
			return text
		}
	}
	return ""
}

// Inner returns the object at a path; nil if there is none. Its values have not been read either.
func (o Object) Inner(path string) Object {
	value, _ := o.Lookup(path)
	var inner Object
	if json.Unmarshal(Unquoted(value), &inner) != nil {
		return nil
	}
	return inner
}

// Descend returns what is at a path in a value.
func Descend(value json.RawMessage, path string) (json.RawMessage, bool) {
	value = Unquoted(value)
	switch {
	case bytes.HasPrefix(value, []byte("{")):
		var next Object
		if json.Unmarshal(value, &next) != nil {
			return nil, false
		}
		return next.Lookup(path)
	case bytes.HasPrefix(value, []byte("[")):
		first, rest, more := strings.Cut(path, ".")
		at, err := strconv.Atoi(first)
		var items []json.RawMessage
		if err != nil || json.Unmarshal(value, &items) != nil || at < 0 || at >= len(items) {
			return nil, false
		}
		if !more {
			return items[at], true
		}
		return Descend(items[at], rest)
	}
	return nil, false
}

// Unquoted returns the JSON in a text that holds an object or an array, and any other value as it is.
func Unquoted(value json.RawMessage) json.RawMessage {
	var text string
	if !IsText(value) || json.Unmarshal(value, &text) != nil {
		return value
	}
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		return json.RawMessage(text)
	}
	return value
}

// Text returns what a value says: a text without its quotes, a number or a truth as it is written, nothing for null.
// The problem is to be read after a name.
func Text(value json.RawMessage) (text, problem string) {
	switch {
	case len(value) == 0, string(value) == "null":
		return "", ""
	case value[0] == '"':
		if err := json.Unmarshal(value, &text); err != nil {
			return "", "is not a text: " + err.Error()
		}
		return strings.TrimSpace(text), ""
	case value[0] == '{':
		return "", "is an object and not a text or a number"
	case value[0] == '[':
		return "", "is an array and not a text or a number"
	}
	return string(value), ""
}

// Exact is Text for identities: a text that is not UTF-8 keeps its bytes, so that fields.Set refuses it. Package json
// would put the same character in the place of all bytes that it cannot read, and make different identities equal.
func Exact(value json.RawMessage) (text, problem string) {
	if !utf8.Valid(value) {
		return strings.Trim(string(value), `"`), ""
	}
	return Text(value)
}

// IsText reports whether a JSON value is a text.
func IsText(value json.RawMessage) bool { return bytes.HasPrefix(value, []byte(`"`)) }
