package grafana

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"tidemark/dashboards/grafana/grafanatest"
)

// TestTypes reads a value of every type from the real engine.
func TestTypes(t *testing.T) {
	e := grafanatest.New(t)
	tests := []struct {
		expression, value string // JSON.
		kind              Kind
		factor            bool
	}{
		{"toUInt8(1)", "1", KindNumber, false},
		{"toInt64(-5)", "-5", KindNumber, false},
		{"toUInt64(18446744073709551615)", "18446744073709551615", KindNumber, false},
		{"toInt128(5)", "5", KindNumber, false},
		{"toUInt256(7)", "7", KindNumber, false},
		{"toFloat32(1e30)", "1e30", KindNumber, false},
		{"1e-7", "1e-7", KindNumber, false},
		{"nan", `"nan"`, KindNumber, false},
		{"-inf", `"-inf"`, KindNumber, false},
		{"inf", `"inf"`, KindNumber, false},
		{"toDecimal64(1.25, 4)", "1.25", KindNumber, false},
		{"INTERVAL 2 DAY", "2", KindNumber, false},
		{"CAST(NULL AS Nullable(Float64))", "null", KindNumber, false},
		{"toNullable(3)", "3", KindNumber, false},
		{"toLowCardinality(toNullable('x'))", `"x"`, KindString, true},
		{"true", "true", KindBoolean, true},
		{"CAST(false AS Nullable(Bool))", "false", KindBoolean, true},
		{"'a\"b\\\\c'", `"a\"b\\c"`, KindString, true},
		{"unhex('ff27')", `"�'"`, KindString, true},
		{"toFixedString('ab', 2)", `"ab"`, KindString, true},
		{"CAST('x' AS Enum8('x' = 1))", `"x"`, KindString, true},
		{"CAST('y' AS Nullable(Enum16('y' = 1000)))", `"y"`, KindString, true},
		{"toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", `"61f0c404-5cb3-11e7-907b-a6006ad3dba0"`, KindString, true},
		{"toIPv4('1.2.3.4')", `"1.2.3.4"`, KindString, true},
		{"toIPv6('::1')", `"::1"`, KindString, true},
		{"NULL", "null", KindString, true},
		{"[1, 2, 3]", `"[1,2,3]"`, KindString, false},
		{"['a', NULL]", `"[\"a\",null]"`, KindString, false},
		{"map('a', 1)", `"{\"a\":1}"`, KindString, false},
		{"(1, 'x')", `"[1,\"x\"]"`, KindString, false},
		{"toDate('2026-01-01')", "1767225600000", KindTime, false},
		{"toDate32('1925-01-01')", "-1420070400000", KindTime, false},
		{"toDateTime('2026-01-01 00:00:00', 'UTC')", "1767225600000", KindTime, false},
		{"toDateTime('2026-07-01 02:00:00', 'Europe/Berlin')", "1782864000000", KindTime, false},
		{"toDateTime64('2026-01-01 00:00:00.123', 3, 'UTC')", "1767225600123", KindTime, false},
		{"toDateTime64('2026-01-01 00:00:00.123999', 6, 'Asia/Kathmandu')", "1767204900123", KindTime, false},
		{"toDateTime64('1969-12-31 23:59:59.500', 3, 'UTC')", "-500", KindTime, false},
		{"toDateTime64('1900-01-01 00:00:00.001', 9, 'UTC')", "-2208988799999", KindTime, false},
		{"CAST(NULL AS Nullable(DateTime))", "null", KindTime, false},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		settings := map[string]any{}
		maps.Copy(settings, encoding)
		if err := e.FormatWith(t.Context(), "SELECT "+tt.expression+" AS x", resultFormat, settings, &out); err != nil {
			t.Errorf("%s: %v", tt.expression, err)
			continue
		}
		table, err := ReadTable(&out, 1)
		if err != nil {
			t.Errorf("%s: %v", tt.expression, err)
			continue
		}
		c := table.Columns[0]
		value, err := json.Marshal(c.Values[0])
		if err != nil || string(value) != tt.value || c.Kind != tt.kind || c.factor != tt.factor || c.Name != "x" {
			t.Errorf("%s: %s %s, factor %t, %v; want %s %s, factor %t", tt.expression, c.Kind, value, c.factor, err, tt.kind, tt.value, tt.factor)
		}
	}
}

func TestSimpleAggregateFunction(t *testing.T) {
	for text, want := range map[string]Kind{
		"SimpleAggregateFunction(sum, UInt64)":                      KindNumber,
		"SimpleAggregateFunction(max, Nullable(DateTime64(3)))":     KindTime,
		"LowCardinality(Nullable(String))":                          KindString,
		"SimpleAggregateFunction(any, LowCardinality(FixedString))": KindString,
		"AggregateFunction(sum, UInt64)":                            KindString,
		"IntervalDay":                                               KindNumber,
		"Internal":                                                  KindString,
	} {
		if c := newColumn("x", text); c.Kind != want {
			t.Errorf("%s is %s, want %s", text, c.Kind, want)
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
		if _, err := ReadTable(strings.NewReader(text), 2); err == nil || !strings.Contains(err.Error(), want) {
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
		table, err := ReadTable(strings.NewReader(text), 100)
		if err != nil {
			return
		}
		frame, err := NewFrame(table, "A", "SELECT 1", format)
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
