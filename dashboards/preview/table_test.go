package preview

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"
)

// TestTypes reads a value of every type from the real engine.
func TestTypes(t *testing.T) {
	e := newEngine(t)
	tests := []struct {
		expression, value string // JSON.
		kind              kind
		factor            bool
	}{
		{"toUInt8(1)", "1", kindNumber, false},
		{"toInt64(-5)", "-5", kindNumber, false},
		{"toUInt64(18446744073709551615)", "18446744073709551615", kindNumber, false},
		{"toInt128(5)", "5", kindNumber, false},
		{"toUInt256(7)", "7", kindNumber, false},
		{"toFloat32(1e30)", "1e30", kindNumber, false},
		{"1e-7", "1e-7", kindNumber, false},
		{"nan", `"nan"`, kindNumber, false},
		{"-inf", `"-inf"`, kindNumber, false},
		{"inf", `"inf"`, kindNumber, false},
		{"toDecimal64(1.25, 4)", "1.25", kindNumber, false},
		{"INTERVAL 2 DAY", "2", kindNumber, false},
		{"CAST(NULL AS Nullable(Float64))", "null", kindNumber, false},
		{"toNullable(3)", "3", kindNumber, false},
		{"toLowCardinality(toNullable('x'))", `"x"`, kindString, true},
		{"true", "true", kindBoolean, true},
		{"CAST(false AS Nullable(Bool))", "false", kindBoolean, true},
		{"'a\"b\\\\c'", `"a\"b\\c"`, kindString, true},
		{"unhex('ff27')", `"�'"`, kindString, true},
		{"toFixedString('ab', 2)", `"ab"`, kindString, true},
		{"CAST('x' AS Enum8('x' = 1))", `"x"`, kindString, true},
		{"CAST('y' AS Nullable(Enum16('y' = 1000)))", `"y"`, kindString, true},
		{"toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`, kindString, true},
		{"toIPv4('1.2.3.4')", `"1.2.3.4"`, kindString, true},
		{"toIPv6('::1')", `"::1"`, kindString, true},
		{"NULL", "null", kindString, true},
		{"[1, 2, 3]", `"[1,2,3]"`, kindString, false},
		{"['a', NULL]", `"[\"a\",null]"`, kindString, false},
		{"map('a', 1)", `"{\"a\":1}"`, kindString, false},
		{"(1, 'x')", `"[1,\"x\"]"`, kindString, false},
		{"toDate('2026-01-01')", "1767225600000", kindTime, false},
		{"toDate32('1925-01-01')", "-1420070400000", kindTime, false},
		{"toDateTime('2026-01-01 00:00:00', 'UTC')", "1767225600000", kindTime, false},
		{"toDateTime('2026-07-01 02:00:00', 'Europe/Berlin')", "1782864000000", kindTime, false},
		{"toDateTime64('2026-01-01 00:00:00.123', 3, 'UTC')", "1767225600123", kindTime, false},
		{"toDateTime64('2026-01-01 00:00:00.123999', 6, 'Asia/Kathmandu')", "1767204900123", kindTime, false},
		{"toDateTime64('1969-12-31 23:59:59.500', 3, 'UTC')", "-500", kindTime, false},
		{"toDateTime64('1900-01-01 00:00:00.001', 9, 'UTC')", "-2208988799999", kindTime, false},
		{"CAST(NULL AS Nullable(DateTime))", "null", kindTime, false},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		settings := map[string]any{}
		maps.Copy(settings, encoding)
		if err := e.FormatWith(t.Context(), "SELECT "+tt.expression+" AS x", format, settings, &out); err != nil {
			t.Errorf("%s: %v", tt.expression, err)
			continue
		}
		table, err := readTable(&out, 1)
		if err != nil {
			t.Errorf("%s: %v", tt.expression, err)
			continue
		}
		c := table.columns[0]
		value, err := json.Marshal(c.values[0])
		if err != nil || string(value) != tt.value || c.kind != tt.kind || c.factor != tt.factor || c.name != "x" {
			t.Errorf("%s: %s %s, factor %t, %v; want %s %s, factor %t", tt.expression, c.kind, value, c.factor, err, tt.kind, tt.value, tt.factor)
		}
	}
}

func TestSimpleAggregateFunction(t *testing.T) {
	for text, want := range map[string]kind{
		"SimpleAggregateFunction(sum, UInt64)":                      kindNumber,
		"SimpleAggregateFunction(max, Nullable(DateTime64(3)))":     kindTime,
		"LowCardinality(Nullable(String))":                          kindString,
		"SimpleAggregateFunction(any, LowCardinality(FixedString))": kindString,
		"AggregateFunction(sum, UInt64)":                            kindString,
		"IntervalDay":                                               kindNumber,
		"Internal":                                                  kindString,
	} {
		if c := newColumn("x", text); c.kind != want {
			t.Errorf("%s is %s, want %s", text, c.kind, want)
		}
	}
}

func TestReadTableRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                     "the statement has no result",
		`["a"]`:                                "read the result: EOF",
		`["a"]["UInt8","UInt8"]`:               "1 names for 2 types",
		`["a"]["UInt8"][1,2]`:                  "row 1 of the result: 2 values for 1 columns",
		`["a"]["UInt8"][1][1][1]`:              "more than 2 rows: choose a shorter range",
		`["a"]["UInt8"][true]`:                 "column a: true is no number",
		`["a"]["UInt8"]["x"]`:                  `"x" is not a number`,
		`["a"]["DateTime"]["yesterday"]`:       "is not a time",
		`["a"]["DateTime"][5]`:                 "5 is no time",
		`["a"]["Bool"]["x"]`:                   "is no boolean",
		"[\"a\"][\"UInt8\"][1]\nCode: 241. DB": "read row 2 of the result",
	} {
		if _, err := readTable(strings.NewReader(text), 2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error with %q", text, err, want)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add(`["a","b"]["DateTime","Nullable(String)"]["2026-01-01T00:00:00Z","x"]["2026-01-01T00:00:01Z",null]`, 0)
	f.Add(`["t","s","v","v"]["Date","Bool","Float64","Array(UInt8)"]["2026-01-01",true,"nan",[1]]["2026-01-01",false,"-inf",[]]`, 0)
	f.Add(`["a"]["SimpleAggregateFunction(sum"][1]`, 1)
	f.Add(`["a"]["Nullable("][1]`, 1)
	f.Fuzz(func(t *testing.T, text string, format int) {
		table, err := readTable(strings.NewReader(text), 100)
		if err != nil {
			return
		}
		frame, err := newFrame(table, "A", "SELECT 1", format)
		if err != nil {
			return
		}
		if _, err := json.Marshal(frame); err != nil {
			t.Errorf("%s: the frame cannot be written: %v", text, err)
		}
		for i, values := range frame.Data.Values {
			if len(values) != len(frame.Data.Values[0]) {
				t.Errorf("%s: field %d has %d values, the first one %d", text, i, len(values), len(frame.Data.Values[0]))
			}
		}
		_, _ = table.options() // It must not panic.
	})
}
