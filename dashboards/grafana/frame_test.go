package grafana

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// frameOf makes a frame of a result that is written as ClickHouse does.
func frameOf(t *testing.T, text string, format int) (string, error) {
	t.Helper()
	table, err := ReadTable(strings.NewReader(text), 1000)
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFrame(table, "A", "SELECT 1", format)
	if err != nil {
		return "", err
	}
	type field struct {
		Name, Type string
		Labels     map[string]string `json:",omitempty"`
	}
	var fields []field
	for _, x := range f.Schema.Fields {
		fields = append(fields, field{x.Name, string(x.Type), x.Labels})
	}
	out, err := json.Marshal([]any{f.Schema.Meta.Type, fields, f.Data.Values, f.Data.Entities})
	if err != nil {
		t.Fatal(err)
	}
	return string(out), nil
}

func TestFrames(t *testing.T) {
	const second = "2026-01-01T00:00:0"
	tests := []struct {
		name, text string
		format     int
		want       string
	}{
		{
			"wide already", `["t","v"]["DateTime","UInt8"]["` + second + `0Z",1]["` + second + `1Z",2]`, FormatTimeSeries,
			`["",[{"Name":"t","Type":"time"},{"Name":"v","Type":"number"}],[[1767225600000,1767225601000],[1,2]],null]`,
		},
		{
			"no time", `["s","v"]["String","UInt8"]["a",1]`, FormatTimeSeries,
			`["",[{"Name":"s","Type":"string"},{"Name":"v","Type":"number"}],[["a"],[1]],null]`,
		},
		{
			"no value", `["t","s"]["DateTime","String"]["` + second + `0Z","up"]`, FormatTimeSeries,
			`["",[{"Name":"t","Type":"time"},{"Name":"s","Type":"string"}],[[1767225600000],["up"]],null]`,
		},
		{
			"table", `["t","s","v"]["DateTime","String","UInt8"]["` + second + `0Z","a",1]["` + second + `0Z","b",2]`, FormatTable,
			`["",[{"Name":"t","Type":"time"},{"Name":"s","Type":"string"},{"Name":"v","Type":"number"}],[[1767225600000,1767225600000],["a","b"],[1,2]],null]`,
		},
		{
			"empty", `["t","s","v"]["DateTime","String","UInt8"]`, FormatTimeSeries,
			`["",[{"Name":"t","Type":"time"},{"Name":"s","Type":"string"},{"Name":"v","Type":"number"}],[[],[],[]],null]`,
		},
		{
			"long", `["t","s","v"]["DateTime","String","UInt8"]["` + second + `0Z","b",1]["` + second + `1Z","a",2]["` + second + `1Z","b",3]["` + second + `3Z","a",4]`, FormatTimeSeries,
			`["timeseries-wide",[{"Name":"t","Type":"time"},{"Name":"v","Type":"number","Labels":{"s":"a"}},{"Name":"v","Type":"number","Labels":{"s":"b"}}],` +
				`[[1767225600000,1767225601000,1767225603000],[null,2,4],[1,3,null]],null]`,
		},
		{
			"two values, two labels, time not first", `["v","s","t","w","b"]["Float64","Nullable(String)","DateTime64(3)","Float64","Bool"][1,"x","` + second + `0.001Z",2,true][3,null,"` + second + `0.001Z",4,false]`, FormatTimeSeries,
			`["timeseries-wide",[{"Name":"t","Type":"time"},{"Name":"v","Type":"number","Labels":{"b":"false","s":""}},{"Name":"v","Type":"number","Labels":{"b":"true","s":"x"}},` +
				`{"Name":"w","Type":"number","Labels":{"b":"false","s":""}},{"Name":"w","Type":"number","Labels":{"b":"true","s":"x"}}],[[1767225600001],[3],[1],[4],[2]],null]`,
		},
		{
			"the last of several", `["t","s","v"]["DateTime","String","UInt8"]["` + second + `0Z","a",1]["` + second + `0Z","a",2]`, FormatTimeSeries,
			`["timeseries-wide",[{"Name":"t","Type":"time"},{"Name":"v","Type":"number","Labels":{"s":"a"}}],[[1767225600000],[2]],null]`,
		},
		{
			"labels that look the same together", `["t","a","b","v"]["DateTime","String","String","UInt8"]["` + second + `0Z","x","yz",1]["` + second + `0Z","xy","z",2]["` + second + `0Z","1 a","",3]["` + second + `0Z","","1 a",4]`, FormatTimeSeries,
			`["timeseries-wide",[{"Name":"t","Type":"time"},{"Name":"v","Type":"number","Labels":{"a":"","b":"1 a"}},{"Name":"v","Type":"number","Labels":{"a":"1 a","b":""}},{"Name":"v","Type":"number","Labels":{"a":"x","b":"yz"}},` +
				`{"Name":"v","Type":"number","Labels":{"a":"xy","b":"z"}}],[[1767225600000],[4],[3],[1],[2]],null]`,
		},
		{
			"numbers that are none", `["t","s","v"]["DateTime","String","Float64"]["` + second + `0Z","a","nan"]["` + second + `1Z","a","-inf"]["` + second + `1Z","b",1]["` + second + `2Z","a","inf"]`, FormatTimeSeries,
			`["timeseries-wide",[{"Name":"t","Type":"time"},{"Name":"v","Type":"number","Labels":{"s":"a"}},{"Name":"v","Type":"number","Labels":{"s":"b"}}],` +
				`[[1767225600000,1767225601000,1767225602000],[null,null,null],[null,1,null]],[null,{"NaN":[0],"Inf":[2],"NegInf":[1]},null]]`,
		},
		{
			"arrays are values", `["t","s","v"]["DateTime","String","Array(UInt8)"]["` + second + `0Z","a",[1,2]]`, FormatTimeSeries,
			`["timeseries-wide",[{"Name":"t","Type":"time"},{"Name":"v","Type":"string","Labels":{"s":"a"}}],[[1767225600000],["[1,2]"]],null]`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := frameOf(t, tt.text, tt.format)
			if err != nil || got != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
	for text, want := range map[string]string{
		`["t","s","v"]["DateTime","String","UInt8"]["` + second + `1Z","a",1]["` + second + `0Z","a",2]`: "add ORDER BY time",
		`["t","s","v"]["Nullable(DateTime)","String","UInt8"][null,"a",1]`:                               "row 1 of the time series has no time",
		`["t","s","s","v"]["DateTime","String","String","UInt8"]["` + second + `1Z","a","b",1]`:          "two columns are called s",
	} {
		if _, err := frameOf(t, text, FormatTimeSeries); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error with %q", text, err, want)
		}
	}
}

// TestFrameIsBounded makes a series of every row: few rows, and many cells.
func TestFrameIsBounded(t *testing.T) {
	const rows = 1500
	text := `["t","s","v"]["DateTime64(3)","String","UInt8"]`
	for i := range rows {
		text += fmt.Sprintf(`["2026-01-01T00:%02d:%02d.%03dZ","%d",1]`, i/60%60, i%60, i%1000, i)
	}
	table, err := ReadTable(strings.NewReader(text), rows)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewFrame(table, "A", "SELECT 1", FormatTimeSeries); err == nil || !strings.Contains(err.Error(), "1500 series of 1500 points") {
		t.Errorf("got %v", err)
	}
	if _, err := NewFrame(table, "A", "SELECT 1", FormatTable); err != nil {
		t.Errorf("as a table: %v", err)
	}
}
