package replay

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/lz4"
)

// parquetLines returns what a Parquet file is read as.
func parquetLines(t testing.TB, data []byte, columns ...column) (string, error) {
	t.Helper()
	p, err := openParquet(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return "", err
	}
	defer p.close()
	if columns != nil {
		p.only(columns)
	}
	text, err := io.ReadAll(p)
	return string(text), err
}

// TestParquetValues reads a file that pyarrow 21.0.0 wrote: every kind of column, in two groups of rows.
func TestParquetValues(t *testing.T) {
	data := read(t, "testdata/calls.parquet")
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
	some, err := parquetLines(t, data, column{name: "usage.details.cached"}, column{name: "x", others: []string{"id"}})
	if want := `{"id":"0","usage":{"in":10,"details":{"cached":4}}}` + "\n"; err != nil || !strings.HasPrefix(some, want) {
		t.Errorf("got %s, %v", some, err)
	}
}

// TestParquetMapped reads Parquet with the mappings of csv and of jsonl: the same ids as from text.
func TestParquetMapped(t *testing.T) {
	name := write(t, "f", read(t, "testdata/calls.parquet"))
	m, err := parseMapping("m.yaml", []byte("source: t\ntime: at\nfields: {tenant: {constant: acme}, product: {constant: api}, model: {column: model, default: unknown}, input_uncached: usage.in, input_cache_read: usage.details.cached}\n"))
	if err != nil {
		t.Fatal(err)
	}
	text := "at,model,usage.details.cached,usage.in\n2026-03-01T10:00:00.123456Z,m,4,10\n2026-03-01T10:00:01.123456Z,y,,11\n2026-03-01T10:00:02.123456Z,ü,,12\n"
	o := options("csv", write(t, "text", []byte(text)))
	o.Mapping = m
	log, _ := replayed(t, o)
	want := identities(log)
	for _, format := range []string{"csv", "jsonl"} {
		for _, speed := range []float64{0, 1e6} {
			o := options(format, name)
			o.Mapping, o.Speed = m, speed
			log, result := replayed(t, o)
			got := identities(log)
			// The control characters in the name of the second model cost nothing but the name.
			if len(got) != 3-int(result.Skipped) || got[0] != want[0] || got[len(got)-1] != want[2] || log.calls[0].GetInputCacheRead() != 4 {
				t.Errorf("%s: got %q, want %q, %v", format, got, want, result.Problems)
			}
			for _, p := range result.Problems {
				if p.Line != 2 || printable(p.String()) != p.String() {
					t.Errorf("%s: %q", format, p)
				}
			}
		}
	}
	o = options("csv", name)
	o.Mapping = callsMapping(t)
	if got := sums(t, o); !strings.HasPrefix(got, "replay csv: read "+name+": there is no column in, which m.yaml:4 names; the columns are id, n, u, small, at,") {
		t.Errorf("got %s", got)
	}
	o.Files[0], o.Stdin = Stdin, bytes.NewReader(read(t, name))
	if got := sums(t, o); got != "replay csv: read standard input: the file is a Parquet file: it can be read from a file only, and not from a stream: save it and name the file" {
		t.Errorf("got %s", got)
	}
}

type azureRow struct {
	TIMESTAMP       string
	ContextTokens   int64
	GeneratedTokens *int64 `parquet:",optional"`
	Prompt          string
	Lists           []listRow
}

type listRow struct{ X []int32 }

func parquetOf[T any](t testing.TB, rows []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestParquetTraces reads the trace formats from Parquet, in pages and groups: the same events as from text.
func TestParquetTraces(t *testing.T) {
	const count = 3000
	var rows []azureRow
	text := header
	for i := range count {
		row := azureRow{TIMESTAMP: fmt.Sprintf("2023-11-16 18:15:%02d.%06d", i%60, i), ContextTokens: int64(i * 7), Prompt: strings.Repeat("x", i%100)}
		for j := range i % 4 {
			row.Lists = append(row.Lists, listRow{make([]int32, j)})
		}
		out := ""
		if i%3 > 0 {
			row.GeneratedTokens, out = new(int64(i)), fmt.Sprint(i)
		}
		rows = append(rows, row)
		text += fmt.Sprintf("%s,%d,%s\n", row.TIMESTAMP, row.ContextTokens, out)
	}
	log, _ := replayed(t, options("azure-llm", write(t, "text", []byte(text))))
	want := identities(log)
	for _, o := range [][]parquet.WriterOption{nil, {parquet.PageBufferSize(100), parquet.MaxRowsPerRowGroup(700)}, {parquet.Compression(&parquet.Zstd), parquet.DataPageVersion(2)}, {parquet.Compression(&parquet.Brotli)}} {
		got, result := replayed(t, options("azure-llm", write(t, "f", parquetOf(t, rows, o...))))
		if again := identities(got); result.Skipped > 0 || len(again) != count || strings.Join(again, " ") != strings.Join(want, " ") {
			t.Errorf("%d of %d events, %v", len(again), count, result.Problems)
		}
	}
	if _, err := parquetLines(t, parquetOf(t, rows, parquet.Compression(&lz4.Codec{}))); err == nil || !strings.Contains(err.Error(), `a Parquet file with columns packed with LZ4, as "TIMESTAMP" is: write it with zstd`) {
		t.Errorf("LZ4: %v", err)
	}
	type turn struct {
		SessionID string   `parquet:"session_id"`
		Timestamp *float64 `parquet:"timestamp,optional"`
		Delay     *int64   `parquet:"delay,optional"`
		In        int64    `parquet:"input_length"`
		Out       int64    `parquet:"output_length"`
	}
	data := parquetOf(t, []turn{{"a", new(0.0), nil, 100, 10}, {"a", nil, new(int64(5000)), 50, 10}, {"b", new(1500.5), nil, 70, 7}})
	got, result := replayed(t, options("mooncake", write(t, "f", data)))
	if len(got.calls) != 3 || result.Skipped > 0 || got.calls[1].GetTimeUs() != start.UnixMicro()+5e6 {
		t.Errorf("mooncake: %q, %v", identities(got), result.Problems)
	}
}

// TestDamagedParquet says that a file is damaged, in one line, or reads it up to there.
func TestDamagedParquet(t *testing.T) {
	whole := read(t, "testdata/calls.parquet")
	for _, data := range [][]byte{whole[:len(whole)/2], whole[:8], append(whole[:len(whole)-100:len(whole)-100], whole[len(whole)-8:]...), []byte("PAR1\x15\x00PAR1"), append([]byte("PAR1"), "\xff\xff\xff\x7fPAR1"...)} {
		o := options("csv", write(t, "f", data))
		o.Mapping = callsMapping(t)
		if got := sums(t, o); !strings.Contains(got, "the file is a Parquet file that is damaged or cut off (") || printable(got) != got {
			t.Errorf("got %q", got)
		}
	}
	broken := bytes.Clone(whole)
	copy(broken[4:], bytes.Repeat([]byte{0xff}, 400))
	o := options("jsonl", write(t, "f", broken))
	o.Mapping = callsMapping(t)
	if got := sums(t, o); !strings.HasPrefix(got, "0 calls, 0 in\n1:0: the Parquet data is damaged or cut off, and the rest of the file lost: ") {
		t.Errorf("got %q", got)
	}
}

// FuzzParquet reads damaged files: an error, never a crash, and all lines are objects.
func FuzzParquet(f *testing.F) {
	seedFrom(f, "calls.parquet")
	f.Add(parquetOf(f, []azureRow{{TIMESTAMP: "x", Lists: []listRow{{[]int32{1}}, {}, {[]int32{2, 3}}}}, {}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, _ := parquetLines(t, data)
		o := objects{lines: &lines{r: bufio.NewReader(strings.NewReader(text))}}
		for range strings.Count(text, "\n") {
			if _, err := o.next(); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}

// FuzzUnpack reads anything as a file: it ends, with what is in it or an error on one line.
func FuzzUnpack(f *testing.F) {
	frame := zstdOf(f, []byte(callsCSV))
	for _, seed := range [][]byte{frame, append(frame, 0, 0, 0, 0), []byte(bzipped), []byte("\x1f\x8b\x08"), []byte("PK\x03\x04"), []byte("\xff\xfei\x00"), []byte("i\x00d\x00,"), []byte(mark + "<html"), []byte("\x00\x00\x00i")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := unpack(bytes.NewReader(data))
		if err == nil {
			_, err = io.Copy(io.Discard, io.LimitReader(r, 1<<24))
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || printable(err.Error()) != err.Error()) {
			t.Fatalf("%q", err)
		}
	})
}
