package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/lz4"

	"tidemark/producers/formats/container"
	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/mapping"
)

// TestParquetMapped reads Parquet with the mappings of csv and of jsonl: the same ids as from text.
func TestParquetMapped(t *testing.T) {
	name := write(t, "f", read(t, "../formats/container/testdata/calls.parquet"))
	m, err := mapping.Parse("m.yaml", []byte("source: t\ntime: at\nfields: {tenant: {constant: acme}, product: {constant: api}, model: {column: model, default: unknown}, input_uncached: usage.in, input_cache_read: usage.details.cached}\n"))
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
				if p.Line != 2 || faults.Printable(p.String()) != p.String() {
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
	packed := parquetOf(t, rows, parquet.Compression(&lz4.Codec{}))
	if _, err := container.OpenParquet(bytes.NewReader(packed), int64(len(packed))); err == nil || !strings.Contains(err.Error(), `a Parquet file with columns packed with LZ4, as "TIMESTAMP" is: write it with zstd`) {
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
	whole := read(t, "../formats/container/testdata/calls.parquet")
	for _, data := range [][]byte{whole[:len(whole)/2], whole[:8], append(whole[:len(whole)-100:len(whole)-100], whole[len(whole)-8:]...), []byte("PAR1\x15\x00PAR1"), append([]byte("PAR1"), "\xff\xff\xff\x7fPAR1"...)} {
		o := options("csv", write(t, "f", data))
		o.Mapping = callsMapping(t)
		if got := sums(t, o); !strings.Contains(got, "the file is a Parquet file that is damaged or cut off (") || faults.Printable(got) != got {
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
	seedFrom(f, "../../formats/container/testdata/calls.parquet")
	f.Add(parquetOf(f, []azureRow{{TIMESTAMP: "x", Lists: []listRow{{[]int32{1}}, {}, {[]int32{2, 3}}}}, {}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := container.OpenParquet(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		defer p.Close()
		text, _ := io.ReadAll(p)
		for line := range bytes.Lines(text) {
			if !json.Valid(line) {
				t.Fatalf("%q", line)
			}
		}
	})
}

// FuzzUnpack reads anything as a file: it ends, with what is in it or an error on one line.
func FuzzUnpack(f *testing.F) {
	frame := zstdOf(f, []byte(callsCSV))
	for _, seed := range [][]byte{frame, append(frame, 0, 0, 0, 0), []byte(bzipped), []byte("\x1f\x8b\x08"), []byte("PK\x03\x04"), []byte("\xff\xfei\x00"), []byte("i\x00d\x00,"), []byte(container.ByteOrderMark + "<html"), []byte("\x00\x00\x00i")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := container.Unpack(bytes.NewReader(data))
		if err == nil {
			_, err = io.Copy(io.Discard, io.LimitReader(r, 1<<24))
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || faults.Printable(err.Error()) != err.Error()) {
			t.Fatalf("%q", err)
		}
	})
}
