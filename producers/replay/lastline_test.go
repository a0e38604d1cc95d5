package replay

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/producers/formats/mapping"
	"tidemark/producers/formats/rows"
)

// unended is the problem of a last line that is left out.
const unended = "the last line has no end and may be half-written: it is left out; replay the file again when it is whole, or set last-line to take if that is all of it"

// TestLastLine reads files of which the last line has no end, in every wrapping.
func TestLastLine(t *testing.T) {
	const object = `{"at":"1","n":"a","out":"3"}`
	row := func(n string) string { return "2024-05-10 00:00:00," + n + ",1" }
	for _, tt := range []struct {
		name, format, data string
		auto, take, leave  int // Rows that are sent.
		noted              bool
	}{
		{"csv", "csv", "at,n,out\n1,a,12\n2,b,34", 1, 2, 1, false},
		{"csv, with its end", "csv", "at,n,out\n1,a,12\n2,b,34\n", 2, 2, 2, false},
		{"csv, one row", "csv", "at,n,out\n1,a,12", 0, 1, 0, false},
		{"csv, header alone", "csv", "at,n,out", 0, 0, 0, false},
		{"csv, too few fields", "csv", "at,n,out\n1,a,12\n2,b", 1, 1, 1, false},
		{"csv, quoted", "csv", "at,n,out\n1,a,12\n2,b,\"34\"", 1, 2, 1, false},
		{"csv, open quote", "csv", "at,n,out\n1,a,12\n2,\"b", 1, 1, 1, false},
		{"csv, half an end", "csv", "at,n,out\r\n1,a,12\r\n2,b,34\r", 1, 2, 1, false},
		{"csv, several lines", "csv", "at,n,out,x\n1,a,12,\n2,b,34,\"x\ny\"", 1, 2, 1, false},
		{"csv, spaces", "csv", "at,n,out\n1,a,12\n  ", 1, 1, 1, false},
		{"jsonl", "jsonl", object + "\n" + strings.Replace(object, `"a"`, `"b"`, 1), 2, 2, 1, false},
		{"jsonl, half", "jsonl", object + "\n" + object[:20], 1, 1, 1, false},
		{"trace", "azure-llm", header + row("1") + "\n" + row("2"), 2, 2, 1, true},
	} {
		for choice, want := range map[string]int{"": tt.auto, rows.LastLineAuto: tt.auto, rows.LastLineTake: tt.take, rows.LastLineLeave: tt.leave} {
			for _, wrap := range []string{"plain", "gzip", "stdin"} {
				o := options(tt.format, "f")
				if tt.format != "azure-llm" {
					o.Mapping = revised(t, "")
				}
				o.LastLine = choice
				switch wrap {
				case "plain":
					o.Files[0] = write(t, "f", []byte(tt.data))
				case "gzip":
					o.Files[0] = write(t, "f", zipped(t, []byte(tt.data)))
				case "stdin":
					o.Files[0], o.Stdin = Stdin, bytes.NewReader([]byte(tt.data))
				}
				log, result := replayed(t, o)
				if len(log.calls) != want || result.Rows != result.Sent+result.Skipped {
					t.Errorf("%s, %q, %s: %d rows, want %d; %+v", tt.name, choice, wrap, len(log.calls), want, result)
				}
				left := want < max(tt.take, tt.auto) || choice != rows.LastLineTake && (strings.HasSuffix(tt.name, "half") || strings.HasSuffix(tt.name, "fields") || strings.HasSuffix(tt.name, "quote"))
				if reported := len(result.Problems) == 1 && result.Problems[0].Text == unended; reported != left {
					t.Errorf("%s, %q, %s: the problems are %v", tt.name, choice, wrap, result.Problems)
				}
				if noted := len(result.Unended) == 1; noted != (tt.noted && (choice == "" || choice == rows.LastLineAuto)) {
					t.Errorf("%s, %q, %s: noted %v", tt.name, choice, wrap, result.Unended)
				}
			}
		}
	}
	o := options("azure-llm", "f")
	o.LastLine = "keep"
	if err := o.Validate(); err == nil || err.Error() != `last-line: "keep" is not one of auto, take, leave` {
		t.Errorf("got %v", err)
	}
}

// TestHalfHeader does not call the file wrong whose header is being written.
func TestHalfHeader(t *testing.T) {
	o := Options{Format: "csv", Files: []string{write(t, "f", []byte("at,n,ou"))}, Mapping: revised(t, ""), Run: "test"}
	if _, err := run(t, o); err == nil || !strings.HasSuffix(err.Error(), "line 1: there is no column out, and the line has no end: is the file still being written?") {
		t.Errorf("got %v", err)
	}
}

// TestGrowingFile reads a file while its last line is being written, and when it is whole: the half is no call.
func TestGrowingFile(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte("source: t\ntime: at\nfields: {tenant: {constant: acme}, product: {constant: api}, model: {column: model, default: unknown}, input_uncached: in}\n"))
	if err != nil {
		t.Fatal(err)
	}
	const half, rest = "id,at,model,in\n1,2026-03-01 10:00:00,m,1200\n2,2026-03-01 10:00:01,m,34", "56\n3,2026-03-01 10:00:02,m,7\n"
	name := filepath.Join(t.TempDir(), "live.csv")
	calls := map[string]uint64{}
	for i, text := range []string{half, half + rest} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		log, result := replayed(t, Options{Format: "csv", Files: []string{name}, Mapping: m, Run: "test"})
		for _, c := range log.calls {
			calls[fmt.Sprint(c.Id, c.GetTimeUs())] = c.GetInputUncached()
		}
		if first := i == 0; first != (result.Skipped == 1) || first && (result.Problems[0].Line != 3 || result.Problems[0].Text != unended) {
			t.Errorf("got %+v", result)
		}
	}
	var sum uint64
	for _, n := range calls {
		sum += n
	}
	if len(calls) != 3 || sum != 4663 {
		t.Errorf("%d calls, %d tokens", len(calls), sum)
	}
}
