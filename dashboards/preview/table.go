package preview

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// format is the format of ClickHouse's that results are read in: the names, the types, and a list a row, all JSON.
const format = "JSONCompactEachRowWithNamesAndTypes"

// encoding are the settings that say how values are written there. They are pinned, since servers and profiles differ.
var encoding = map[string]any{
	"output_format_json_quote_64bit_integers": 0,
	"output_format_json_quote_64bit_floats":   0,
	"output_format_json_quote_decimals":       0,
	"output_format_json_quote_denormals":      1,     // NaN and infinities are texts, not null.
	"date_time_output_format":                 "iso", // In UTC, whatever the zone of a column.
}

// kind is what a column is to Grafana.
type kind string

const (
	kindTime    kind = "time"    // int64, milliseconds since 1970.
	kindNumber  kind = "number"  // json.Number.
	kindString  kind = "string"  // string.
	kindBoolean kind = "boolean" // bool.
)

// column is a column of a result. A value is of the type of its kind, a denormal in place of
// a number, or nil.
type column struct {
	name     string
	kind     kind
	nullable bool
	// factor says that the column tells series apart, as texts and booleans do; what is written as text for lack of a
	// kind, such as an array, is a value to the plugin.
	factor bool
	values []any
}

// denormal is a number that JSON has no way to write.
type denormal string

const (
	notANumber       denormal = "nan"
	infinity         denormal = "inf"
	negativeInfinity denormal = "-inf"
)

// table is a result.
type table struct{ columns []column }

func (t *table) rows() int {
	if len(t.columns) == 0 {
		return 0
	}
	return len(t.columns[0].values)
}

// rowsError is the error of a result with more rows than the limit.
type rowsError struct{ limit int }

func (e *rowsError) Error() string {
	return fmt.Sprintf("the result has more than %d rows: choose a shorter range or a coarser interval", e.limit)
}

// readTable reads a result in format.
func readTable(r io.Reader, limit int) (*table, error) {
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
	t := &table{columns: make([]column, len(names))}
	for i, name := range names {
		t.columns[i] = newColumn(name, types[i])
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
		for i := range t.columns {
			if err := t.columns[i].add(row[i]); err != nil {
				return nil, fmt.Errorf("read row %d of the result: column %s: %w", n+1, names[i], err)
			}
		}
	}
}

func newColumn(name, clickhouseType string) column {
	base, nullable := unwrap(clickhouseType)
	c := column{name: name, nullable: nullable, kind: kindString, values: []any{}}
	word, _, _ := strings.Cut(base, "(")
	switch {
	case word == "Bool":
		c.kind, c.factor = kindBoolean, true
	case word == "Date" || word == "Date32" || word == "DateTime" || word == "DateTime64":
		c.kind = kindTime
	case strings.HasPrefix(word, "Decimal"), word == "BFloat16", strings.HasPrefix(word, "Interval"), isNumber(word):
		c.kind = kindNumber
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
func (c *column) add(raw json.RawMessage) error {
	value, err := c.parse(raw)
	if err != nil {
		return err
	}
	c.values = append(c.values, value)
	return nil
}

func (c *column) parse(raw json.RawMessage) (any, error) {
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
	case c.kind == kindTime && quoted:
		return milliseconds(text)
	case c.kind == kindNumber && quoted:
		return parseDenormal(text)
	case c.kind == kindNumber && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'):
		return json.Number(raw), nil
	case c.kind == kindBoolean && !quoted:
		return bytes.Equal(raw, []byte("true")), nil
	case c.kind == kindString && quoted:
		return text, nil
	case c.kind == kindString:
		return string(raw), nil // An array and the like.
	}
	return nil, fmt.Errorf("%.40s is no %s", raw, c.kind)
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
		return notANumber, nil
	case "inf", "+inf":
		return infinity, nil
	case "-inf":
		return negativeInfinity, nil
	}
	return nil, fmt.Errorf("%.40q is not a number", text)
}

// options are the choices that the result of a variable's query gives: one column, or value and text in this order, as
// the plugin's documentation has it.
func (t *table) options() ([]option, error) {
	if n := len(t.columns); n != 1 && n != 2 {
		return nil, fmt.Errorf("%d columns: the query of a variable has one, or two for value and text", n)
	}
	text := len(t.columns) - 1
	var options []option
	for row := range t.rows() {
		options = append(options, option{Value: cell(t.columns[0].values[row]), Text: cell(t.columns[text].values[row])})
	}
	return options, nil
}

func cell(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
