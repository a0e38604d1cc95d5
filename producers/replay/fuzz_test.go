package replay

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/formats"
	"tidemark/producers/formats/container"
	"tidemark/producers/formats/mapping"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// drained is what a source gives for one file.
type drained struct {
	events   []string // The values of the records.
	problems int
	rows     int64
	headers  int64
	err      error
}

// drain reads data through a source and checks each event.
func drain(t *testing.T, format string, data []byte) drained {
	t.Helper()
	o := options(format, Stdin)
	o.Stdin, o.Speed = bytes.NewReader(data), 1e3
	src, err := newSource(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()
	var out drained
	var b producers.Batch
	ids := map[string]bool{}
	for out.err == nil {
		b.Reset()
		out.err = src.Next(&b, 100)
		for i, item := range b.Items {
			var e usagev1.TokenCall
			if err := proto.Unmarshal(item.Value, &e); err != nil {
				t.Fatal(err)
			}
			if err := schemas.Validate(&e); err != nil {
				t.Fatal(err)
			}
			if ids[e.Id] {
				t.Fatalf("the id %s is there twice", e.Id)
			}
			ids[e.Id] = true
			if i > 0 && (item.Due < b.Items[i-1].Due || item.Time < b.Items[i-1].Time || item.Overdue != 0) {
				t.Fatalf("%+v after %+v", item, b.Items[i-1])
			}
			out.events = append(out.events, string(item.Value))
		}
	}
	if errors.Is(out.err, io.EOF) {
		out.err = nil
	}
	out.rows, out.headers, out.problems = src.tally.rows.Load(), src.tally.headers, int(src.tally.skipped)
	if rest := out.rows - int64(len(out.events)); rest < 0 || int64(out.problems) < rest || int64(out.problems) > rest+1 {
		t.Fatalf("%d rows, %d events, %d problems", out.rows, len(out.events), out.problems)
	}
	return out
}

// seedFrom adds what is in the fixtures, whole and a row at a time.
func seedFrom(f *testing.F, name string) {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	head, rest, _ := strings.Cut(string(data), "\n")
	for line := range strings.Lines(rest) {
		f.Add([]byte(head + "\n" + line + line))
	}
}

// packer makes gzip, with memory that it uses again, since there is much of it.
type packer struct{ w *gzip.Writer }

func (p *packer) pack(t *testing.T, data []byte) []byte {
	var b bytes.Buffer
	if p.w == nil {
		p.w = gzip.NewWriter(&b)
	}
	p.w.Reset(&b)
	_, err := p.w.Write(data)
	if err := errors.Join(err, p.w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// isPacked reports whether data are no text as they are, so that packing them makes another file.
func isPacked(data []byte) bool {
	unpacked, err := container.Unpack(bytes.NewReader(data))
	if err != nil {
		return true
	}
	text, err := io.ReadAll(unpacked)
	return err != nil || !bytes.Equal(text, bytes.TrimPrefix(data, []byte(container.ByteOrderMark)))
}

// samePacked checks that other line ends and gzip give the same events.
func (p *packer) samePacked(t *testing.T, format string, data []byte, want drained) {
	t.Helper()
	if isPacked(data) {
		return
	}
	packed := [][]byte{p.pack(t, data)}
	if !bytes.Contains(data, []byte("\r")) {
		packed = append(packed, bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))
	}
	for i, other := range packed {
		if got := drain(t, format, other); !slices.Equal(got.events, want.events) || got.rows != want.rows || fmt.Sprint(got.err) != fmt.Sprint(want.err) {
			t.Fatalf("packing %d: %d events of %d rows, %v; plain %d of %d, %v", i, len(got.events), got.rows, got.err, len(want.events), want.rows, want.err)
		}
	}
}

// checkCSV compares with the standard library's reader where that finds nothing wrong.
func (p *packer) checkCSV(t *testing.T, format string, data []byte) {
	got := drain(t, format, data)
	p.samePacked(t, format, data, got)
	if isPacked(data) || got.err != nil || bytes.Contains(data, []byte("sep=")) {
		return
	}
	records, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))).ReadAll()
	if err != nil {
		return
	}
	if got.rows+got.headers != int64(len(records)-1) {
		t.Fatalf("%d rows of %d", got.rows, len(records)-1)
	}
}

func FuzzAzure(f *testing.F) {
	seedFrom(f, "azure-llm.csv")
	var p packer
	f.Fuzz(func(t *testing.T, data []byte) { p.checkCSV(t, "azure-llm", data) })
}

func FuzzAgentic(f *testing.F) {
	seedFrom(f, "agentic.csv")
	var p packer
	f.Fuzz(func(t *testing.T, data []byte) { p.checkCSV(t, "agentic", data) })
}

func FuzzMooncake(f *testing.F) {
	seedFrom(f, "mooncake.jsonl")
	var p packer
	f.Fuzz(func(t *testing.T, data []byte) {
		p.samePacked(t, "mooncake", data, drain(t, "mooncake", data))
	})
}

func FuzzBurst(f *testing.F) {
	seedFrom(f, "burstgpt.csv")
	var p packer
	f.Fuzz(func(t *testing.T, data []byte) { p.checkCSV(t, "burstgpt", data) })
}

// drainAny reads data of any type of event through a source.
func drainAny(t *testing.T, o Options, data []byte) {
	t.Helper()
	o.Files, o.Stdin, o.Run, o.Users = []string{Stdin}, bytes.NewReader(data), "test", testUsers
	src, err := newSource(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer src.close()
	var b producers.Batch
	var events int64
	for err == nil {
		b.Reset()
		err = src.Next(&b, 100)
		for _, item := range b.Items {
			events++
			meta, appendErr := schemas.NewColumns(item.Type).Append(item.Value, schemas.Coordinates{})
			if appendErr != nil || meta.Identity != item.Identity || meta.Time != item.Time || meta.Run != "test" {
				t.Fatalf("%+v, %v", meta, appendErr)
			}
		}
	}
	var noCalls int64
	for _, n := range src.tally.noCalls {
		noCalls += n
	}
	if rest := src.tally.rows.Load() - events - src.tally.replaced - src.tally.repeated - src.tally.nothing - src.tally.leftOut - src.tally.joined - src.tally.later - noCalls; rest < 0 || src.tally.skipped < rest || src.tally.skipped > rest+1 {
		t.Fatalf("%d rows, %d events, %d problems, %v", src.tally.rows.Load(), events, src.tally.skipped, err)
	}
	for _, p := range src.tally.problems {
		if p.Line < 1 || p.Text == "" {
			t.Fatalf("a problem without a place or a text: %+v", p)
		}
	}
}

func FuzzCloudEvents(f *testing.F) {
	seedFrom(f, "cloudevents.jsonl")
	f.Fuzz(func(t *testing.T, data []byte) { drainAny(t, Options{Format: "cloudevents"}, data) })
}

func FuzzMappedCSV(f *testing.F) {
	seedFrom(f, "mapped.csv")
	m, err := mapping.Read("testdata/mapped.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) { drainAny(t, Options{Format: "csv", Mapping: m}, data) })
}

func FuzzMappedJSON(f *testing.F) {
	seedFrom(f, "mapped.jsonl")
	m, err := mapping.Read("testdata/mapped-jsonl.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) { drainAny(t, Options{Format: "jsonl", Mapping: m}, data) })
}

// fuzzLogs reads any text as a log of a format.
func fuzzLogs(f *testing.F, format string) {
	for _, name := range logFiles(f, format) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		for line := range bytes.Lines(data) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { drainAny(t, Options{Format: format, Tenant: "t"}, data) })
}

func FuzzClaudeCode(f *testing.F) { fuzzLogs(f, "claude-code") }

func FuzzCodex(f *testing.F) { fuzzLogs(f, "codex") }

func FuzzGeminiCLI(f *testing.F) { fuzzLogs(f, "gemini-cli") }

func FuzzQwenCode(f *testing.F) { fuzzLogs(f, "qwen-code") }

func FuzzOTLP(f *testing.F) { fuzzLogs(f, "otlp") }

func FuzzLiteLLM(f *testing.F) { fuzzLogs(f, "litellm") }

func FuzzOpenAI(f *testing.F) { fuzzLogs(f, "openai-jsonl") }

func FuzzAnthropic(f *testing.F) { fuzzLogs(f, "anthropic-jsonl") }

// FuzzMapping reads any text as a mapping: what is accepted can be used, what is not says where and what to do.
func FuzzMapping(f *testing.F) {
	files, err := filepath.Glob("../formats/mapping/testdata/mapping/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(files, "testdata/mapped.yaml", "testdata/mapped-jsonl.yaml") {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte(`{"at":1,"m":"x"}`+"\n{}\n"))
	}
	for _, one := range examples(f) {
		if one.mapping == "" {
			continue
		}
		f.Add([]byte(one.mapping), []byte(one.data))
	}
	f.Fuzz(func(t *testing.T, text, data []byte) {
		m, err := mapping.Parse("m.yaml", text)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "m.yaml:") || !strings.Contains(line, "; ") {
					t.Fatalf("no file, line and remedy: %s", line)
				}
			}
			return
		}
		for _, format := range []string{"csv", "jsonl"} {
			o := Options{Format: format, Mapping: m, Tenant: "t", Product: "p"}
			if m.Relative() {
				o.Start = start
			}
			drainAny(t, o, data)
		}
	})
}

func BenchmarkSource(b *testing.B) {
	for _, info := range formats.All() {
		format := info.Name
		if info.Grows { // Equal rows are one event.
			continue
		}
		head, row := header, "2023-11-16 18:15:46.6805900,374,44\r\n"
		var m *mapping.Mapping
		switch format {
		case "burstgpt":
			head, row = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n", "45,ChatGPT,1000,200,1200,Conversation log\n"
		case "cloudevents":
			head, row = "", `{"specversion":"1.0","id":"resp-2","source":"/app","type":"token_call","tenant":"acme","product":"api","time":"2026-11-23T12:00:01.5Z","data":{"gen_ai.provider.name":"openai","gen_ai.response.model":"gpt","gen_ai.usage.input_tokens":300,"gen_ai.usage.output_tokens":180}}`+"\n"
		case "csv":
			m, head, row = benchMapping(b), "at,tenant,model,in,out\n", "2023-11-16 18:15:46.6805900,acme,gpt,374,44\n"
		case "jsonl":
			m, head, row = benchMapping(b), "", `{"at":"2023-11-16 18:15:46.6805900","tenant":"acme","model":"gpt","in":374,"out":44}`+"\n"
		case "mooncake":
			head, row = "", `{"timestamp": 277, "input_length": 32140, "output_length": 92, "hash_ids": [`+strings.Repeat("123456, ", 60)+"0]}\n"
		case "agentic":
			head = "trace_id,session,parent_session,seq,t_s,type,model,input_tokens,output_tokens,cached_prefix_tokens,stop_reason,ttft_s,api_time_s,think_time_s,input_types,output_types\n"
			row = "trace_0001,trace_0001,,1,19.0,n,claude-opus-4-5-20251101,72762,296,71168,tool_use,,9.19,12.0,tool_result,text|thinking|tool_use\n"
		}
		b.Run(format, func(b *testing.B) {
			const rows = 10000
			data := []byte(head + strings.Repeat(row, rows))
			var batch producers.Batch
			b.ReportAllocs()
			for b.Loop() {
				o := options(format, Stdin)
				o.Stdin, o.Mapping = bytes.NewReader(data), m
				src, err := newSource(b.Context(), o, nil)
				if err != nil {
					b.Fatal(err)
				}
				for err == nil {
					batch.Reset()
					err = src.Next(&batch, producers.DefaultBatchItems)
				}
				if src.passed.Load() != rows {
					b.Fatalf("%d rows", src.passed.Load())
				}
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func benchMapping(b *testing.B) *mapping.Mapping {
	b.Helper()
	m, err := mapping.Parse("m.yaml", []byte("source: s\ntime: at\nfields: {tenant: tenant, product: {constant: p}, model: model, input_uncached: in, output_visible: out}\n"))
	if err != nil {
		b.Fatal(err)
	}
	return m
}
