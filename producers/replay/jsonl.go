package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// jsonRows reads a file with one JSON object a line.
type jsonRows struct {
	lines   *lines
	columns []column
	line    []byte // The current one.
	values  []string
}

func readJSON(l *lines, columns []column) (rowReader, error) {
	return &jsonRows{lines: l, columns: columns, values: make([]string, len(columns))}, nil
}

func (j *jsonRows) next() (row, error) {
	for {
		line, err := j.lines.next()
		switch {
		case errors.Is(err, errTooLong):
			return row{}, &rowError{j.lines.number, 1, "the line " + err.Error()}
		case err != nil:
			return row{}, err
		}
		if j.line = bytes.TrimSpace(line); len(j.line) > 0 {
			indent := bytes.Index(line, j.line)
			if j.lines.object(line) {
				return row{}, &rowError{j.lines.number, indent + 1, unended}
			}
			return j.parse(indent)
		}
	}
}

// parse reads the line, before which there were indent bytes of space.
func (j *jsonRows) parse(indent int) (row, error) {
	number := j.lines.number
	object := make(map[string]json.RawMessage, 8)
	if err := json.Unmarshal(j.line, &object); err != nil {
		column, text := 1, err.Error()
		var syntax *json.SyntaxError
		var other *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax):
			column = int(max(syntax.Offset, 1))
		case errors.As(err, &other):
			text = "a JSON " + other.Value + " and not an object"
		}
		return row{}, &rowError{number, indent + column, text}
	}
	for i, want := range j.columns {
		value, ok := object[want.name]
		if !ok && want.required {
			return row{}, &rowError{number, indent + 1, "there is no " + want.name}
		}
		j.values[i] = string(value)
		if j.values[i] == "null" {
			j.values[i] = ""
		}
	}
	return row{values: j.values, line: number, column: func(i int) int {
		return indent + 1 + max(bytes.Index(j.line, fmt.Appendf(nil, "%q", j.columns[i].name)), 0)
	}}, nil
}
