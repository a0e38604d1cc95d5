package container

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

// parquetLines returns what a Parquet file is read as.
func parquetLines(t testing.TB, data []byte, paths ...string) (string, error) {
	t.Helper()
	p, err := OpenParquet(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", err
	}
	defer p.Close()
	if paths != nil {
		p.Only(paths)
	}
	text, err := io.ReadAll(p)
	return string(text), err
}

// TestParquetValues reads a file that pyarrow 21.0.0 wrote: every kind of column, in two groups of rows.
func TestParquetValues(t *testing.T) {
	data, err := os.ReadFile("testdata/calls.parquet")
	if err != nil {
		t.Fatal(err)
	}
	got, err := parquetLines(t, data)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"0","n":7,"u":18446744073709551615,"small":200,"at":"2026-03-01T10:00:00.123456Z","at_ns":"2026-03-01 10:00:00.123456","at_ms":null,"at_s":"2026-03-01 10:00:00","day":"2026-03-01","clock":"01:02:03.000004","cost":0.000450,"cheap":1.50,"model":"m","usage":{"in":10,"details":{"cached":4}},"tags":["a","b"],"turns":[{"t":1,"x":[1,2]},{"t":2,"x":[]}],"labels":{"k":"v","l":null},"ok":true,"f":1.5,"f32":0.1,"raw":"` + "\xff" + `\u0000","nothing":null}
{"id":"1","n":null,"u":0,"small":1,"at":"2026-03-01T10:00:01.123456Z","at_ns":"2026-03-01 10:00:01.123456","at_ms":"2026-03-01T10:00:01.123Z","at_s":"2026-03-01 10:00:01","day":"1969-12-31","clock":null,"cost":-12345678901234567890.123456,"cheap":-0.01,"model":"m \"quoted\"\u000a\u001b","usage":{"in":11,"details":null},"tags":[],"turns":null,"labels":{},"ok":false,"f":null,"f32":2,"raw":"x","nothing":null}
{"id":"2","n":9,"u":1,"small":null,"at":"2026-03-01T10:00:02.123456Z","at_ns":"2026-03-01 10:00:02.123456","at_ms":"2026-03-01T10:00:02.123Z","at_s":"2026-03-01 10:00:02","day":null,"clock":"00:00:00","cost":null,"cheap":null,"model":"ü","usage":{"in":12,"details":{"cached":null}},"tags":null,"turns":[],"labels":null,"ok":null,"f":1e+30,"f32":null,"raw":null,"nothing":null}
`
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
			t.Fatalf("line %d: got\n%s\nwant\n%s", i+1, got, want)
		}
	}
	some, err := parquetLines(t, data, "usage.details.cached", "x", "id")
	if want := `{"id":"0","usage":{"in":10,"details":{"cached":4}}}` + "\n"; err != nil || !strings.HasPrefix(some, want) {
		t.Errorf("got %s, %v", some, err)
	}
}
