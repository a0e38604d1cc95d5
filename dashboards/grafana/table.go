package grafana

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// resultFormat is ClickHouse's format in which results are read: names, types and one list per row, all in JSON.
const resultFormat = "JSONCompactEachRowWithNamesAndTypes"

// encoding are the settings for how ClickHouse writes values in it. They are fixed because servers and profiles differ.
var encoding = map[string]any{
	"output_format_json_quote_64bit_integers": 0,
	"output_format_json_quote_64bit_floats":   0,
	"output_format_json_quote_decimals":       0,
	"output_format_json_quote_denormals":      1,     // NaN and infinities are texts, not null.
	"date_time_output_format":                 "iso", // In UTC, whatever the zone of a column.
}

// Kind is what a column is to Grafana.
type Kind string

// The kinds of columns, and the Go types of their values.
const (
	KindTime    Kind = "time"    // int64, milliseconds since 1970.
	KindNumber  Kind = "number"  // json.Number.
	KindString  Kind = "string"  // string.
	KindBoolean Kind = "boolean" // bool.
)

// Column is a column of a result.
type Column struct {
	Name     string
	Type     string // ClickHouse's.
	Kind     Kind
	Nullable bool
	Values   []any // Of the kind's Go type, a Denormal in place of a number, or nil.
	// factor says that the column tells series apart, as texts and booleans do. The plugin takes what is text only for
	// lack of a kind, such as an array, for a value.
	factor bool
}

// Denormal is a number that JSON cannot write.
type Denormal string

// The numbers that JSON cannot write.
const (
	NotANumber       Denormal = "nan"
	Infinity         Denormal = "inf"
	NegativeInfinity Denormal = "-inf"
)

// Table is a result.
type Table struct{ Columns []Column }

// Rows returns how many rows the result has.
func (t *Table) Rows() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return len(t.Columns[0].Values)
}

// Row returns the values of one row in the order of the columns.
func (t *Table) Row(i int) []any {
	row := make([]any, len(t.Columns))
	for c := range t.Columns {
		row[c] = t.Columns[c].Values[i]
	}
	return row
}

// rowsError is the error of a result with more rows than the limit.
type rowsError struct{ limit int }

func (e *rowsError) Error() string {
	return fmt.Sprintf("the result has more than %d rows: choose a shorter range or a coarser interval", e.limit)
}

// ReadTable reads a result of at most limit rows in resultFormat.
func ReadTable(r io.Reader, limit int) (*Table, error) {
	decoder := json.NewDecoder(r)
	var names, types []string
	if err := decoder.Decode(&names); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the statement has no result")
		}
		return nil, fmt.Errorf("read the result: %w", err)
	}
	if err := decoder.Decode(&types); err != nil {
		return nil, fmt.Errorf("read the result: %w", err)
	}
	if len(types) != len(names) {
		return nil, fmt.Errorf("read the result: %d names for %d types", len(names), len(types))
	}
	t := &Table{Columns: make([]Column, len(names))}
	for i, name := range names {
		t.Columns[i] = newColumn(name, types[i])
	}
	var row []json.RawMessage
	for n := 0; ; n++ {
		if err := decoder.Decode(&row); errors.Is(err, io.EOF) {
			return t, nil
		} else if err != nil {
			return nil, fmt.Errorf("read row %d of the result: %w", n+1, err)
		}
		if n == limit {
			return nil, &rowsError{limit}
		}
		if len(row) != len(names) {
			return nil, fmt.Errorf("read row %d of the result: %d values for %d columns", n+1, len(row), len(names))
		}
		for i := range t.Columns {
			if err := t.Columns[i].add(row[i]); err != nil {
				return nil, fmt.Errorf("read row %d of the result: column %s: %w", n+1, names[i], err)
			}
		}
	}
}

func newColumn(name, clickhouseType string) Column {
	base, nullable := unwrap(clickhouseType)
	c := Column{Name: name, Type: clickhouseType, Nullable: nullable, Kind: KindString, Values: []any{}}
	word, _, _ := strings.Cut(base, "(")
	switch {
	case word == "Bool":
		c.Kind, c.factor = KindBoolean, true
	case word == "Date" || word == "Date32" || word == "DateTime" || word == "DateTime64":
		c.Kind = KindTime
	case strings.HasPrefix(word, "Decimal"), word == "BFloat16", strings.HasPrefix(word, "Interval"), isNumber(word):
		c.Kind = KindNumber
	case word == "String" || word == "FixedString" || word == "Enum8" || word == "Enum16" || word == "UUID" || word == "IPv4" || word == "IPv6" || word == "Nothing":
		c.factor = true
	}
	return c
}

// isNumber reports whether a type is Int, UInt or Float with its bits.
func isNumber(word string) bool {
	for _, prefix := range []string{"UInt", "Int", "Float"} {
		if bits, ok := strings.CutPrefix(word, prefix); ok {
			return bits != "" && strings.Trim(bits, "0123456789") == ""
		}
	}
	return false
}

// unwrap takes off what does not change the kind of a type.
func unwrap(t string) (base string, nullable bool) {
	for {
		wrap, inner, ok := strings.Cut(strings.TrimSuffix(t, ")"), "(")
		switch {
		case ok && wrap == "LowCardinality":
			t = inner
		case ok && wrap == "Nullable":
			t, nullable = inner, true
		case ok && wrap == "SimpleAggregateFunction": // The function, then the type.
			_, t, _ = strings.Cut(inner, ", ")
		default:
			return t, nullable
		}
	}
}

// add appends a value as it stands in the result.
func (c *Column) add(raw json.RawMessage) error {
	value, err := c.parse(raw)
	if err != nil {
		return err
	}
	c.Values = append(c.Values, value)
	return nil
}

func (c *Column) parse(raw json.RawMessage) (any, error) {
	if bytes.Equal(raw, []byte("null")) {
		return nil, nil
	}
	quoted := len(raw) > 0 && raw[0] == '"'
	var text string
	if quoted {
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, err
		}
	}
	switch {
	case c.Kind == KindTime && quoted:
		return milliseconds(text)
	case c.Kind == KindNumber && quoted:
		return parseDenormal(text)
	case c.Kind == KindNumber && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'):
		return json.Number(raw), nil
	case c.Kind == KindBoolean && !quoted:
		return bytes.Equal(raw, []byte("true")), nil
	case c.Kind == KindString && quoted:
		return text, nil
	case c.Kind == KindString:
		return string(raw), nil // An array and the like.
	}
	return nil, fmt.Errorf("%.40s is no %s", raw, c.Kind)
}

// milliseconds reads a time in ISO 8601 or a date, rounded down.
func milliseconds(text string) (any, error) {
	layout := time.RFC3339
	if len(text) == len(time.DateOnly) {
		layout = time.DateOnly
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return nil, fmt.Errorf("%.40q is not a time", text)
	}
	return t.UnixMilli(), nil
}

func parseDenormal(text string) (any, error) {
	switch strings.ToLower(text) {
	case "nan", "-nan":
		return NotANumber, nil
	case "inf", "+inf":
		return Infinity, nil
	case "-inf":
		return NegativeInfinity, nil
	}
	return nil, fmt.Errorf("%.40q is not a number", text)
}

// options returns the choices in the result of a variable's query. It has one column, or a value and a text in this order,
// as the plugin documents it.
func (t *Table) options() ([]Option, error) {
	if n := len(t.Columns); n != 1 && n != 2 {
		return nil, fmt.Errorf("%d columns: the query of a variable has one, or two for value and text", n)
	}
	text := len(t.Columns) - 1
	var options []Option
	for row := range t.Rows() {
		options = append(options, Option{Value: cell(t.Columns[0].Values[row]), Text: cell(t.Columns[text].Values[row])})
	}
	return options, nil
}

func cell(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
