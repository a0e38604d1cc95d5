package replay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"

	"tidemark/producers"
	"tidemark/producers/formats"
	"tidemark/producers/formats/container"
	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/formats/rows"
)

// callsMapping is that of the small files in tests.
func callsMapping(t testing.TB) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse("m.yaml", []byte("source: t\ntime: at\nid: [id]\nfields: {tenant: {constant: acme}, product: {constant: api}, model: {column: model, default: unknown}, input_uncached: in}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const callsCSV = "id,at,model,in\n0,2026-03-01 10:00:00,m,10\n1,2026-03-01 10:00:01,m,11\n2,2026-03-01 10:00:02,m,12\n"

// sums are the calls and their input that a file gives, and what is said of it.
func sums(t *testing.T, o Options) string {
	t.Helper()
	log, result, err := attempt(t, o)
	if err != nil {
		return err.Error()
	}
	var in uint64
	for _, c := range log.calls {
		in += c.GetInputUncached()
	}
	text := fmt.Sprintf("%d calls, %d in", len(log.calls), in)
	if result.Headers > 0 {
		text += fmt.Sprintf(", %d headers", result.Headers)
	}
	rows := result.Sent + result.Skipped + result.Replaced + result.Repeated + result.Nothing
	for _, p := range result.Problems {
		if p.Column == 0 { // Of the file and not of a row.
			rows--
		}
		text += fmt.Sprintf("\n%d:%d: %s", p.Line, p.Column, p.Text)
	}
	if result.Rows != rows {
		t.Errorf("rows got lost: %+v", result)
	}
	if more := int(result.Skipped) - len(result.Problems); more > 0 {
		text += fmt.Sprintf("\nand %d more", more)
	}
	return text
}

// attempt is replayed for what may fail.
func attempt(t *testing.T, o Options) (*memory, Result, error) {
	t.Helper()
	log := &memory{begin: time.Now()}
	result, err := Run(t.Context(), &producers.Sender{Log: log}, o)
	return log, result, err
}

func zstdOf(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed := w.EncodeAll(data, nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed
}

// bzipped is callsCSV.
const bzipped = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x2d\xc4\xff\xe5\x00\x00\x2b\x59\x80\x00\x10\x40\x06\x79\x10\x26\x27\x84\x00\x20\x00\x54\x32\x47\xa8\x00\x1a\x11\xe9\x4c\x48\x0d\xa9\xea\x17\x39\xd9\x16\x3e\x1f\x57\x11\x1f\x76\x68\x8e\x73\x4c\xd4\x26\xdc\xc0\xf2\x26\x48\x95\x54\x26\x49\x44\xb0\x33\x2c\x0c\x3c\xfb\x9a\x76\x02\x5d\x7f\x8b\xb9\x22\x9c\x28\x48\x16\xe2\x7f\xf2\x80"

func inUTF16(text string, order binary.ByteOrder) []byte {
	var out []byte
	for _, c := range utf16.Encode([]rune(text)) {
		b := make([]byte, 2)
		order.PutUint16(b, c)
		out = append(out, b...)
	}
	return out
}

// TestPacked reads files by their first bytes, whatever they are called, and from standard input.
func TestPacked(t *testing.T) {
	const all = "3 calls, 33 in"
	plain := []byte(callsCSV)
	half := len(plain) / 2
	zip, frame := zipped(t, plain), zstdOf(t, plain)
	skippable := append([]byte{0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0}, "abc"...)
	zeros := make([]byte, 10240)
	bom := []byte(container.ByteOrderMark)
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"gzip", zip, all},
		{"gzip members", slices.Concat(zipped(t, plain[:half]), zipped(t, nil), zipped(t, plain[half:])), all},
		{"gzip, zeros", slices.Concat(zip, zeros), all},
		{"gzip, one zero", slices.Concat(zip, zeros[:1]), all},
		{"gzip, zeros between members", slices.Concat(zipped(t, plain[:half]), zeros, zipped(t, plain[half:]), zeros), all},
		{"gzip, trailing text", slices.Concat(zip, zeros, []byte("more")), all + "\n5:0: after the gzip data there are bytes that are none of it: they are left out"},
		{"gzip, trailing text at once", slices.Concat(zip, []byte("more")), all + "\n5:0: after the gzip data there are bytes that are none of it: they are left out"},
		{"gzip, second member cut", slices.Concat(zip, zip[:12]), all + "\n5:0: the gzip data is damaged or cut off, and the rest of the file lost: unexpected EOF"},
		{"gzip, second header cut", slices.Concat(zip, zip[:4]), all + "\n5:0: the gzip data is damaged or cut off, and the rest of the file lost: unexpected EOF"},
		{"gzip, with mark", zipped(t, slices.Concat(bom, plain)), all},
		{"zstd", frame, all},
		{"zstd frames", slices.Concat(skippable, zstdOf(t, plain[:half]), skippable, zstdOf(t, plain[half:]), skippable), all},
		{"zstd, zeros", slices.Concat(frame, zeros), all},
		{"zstd, trailing text", slices.Concat(frame, []byte("more text")), all + "\n5:0: after the zstd data there are bytes that are none of it: they are left out"},
		{"zstd, cut", frame[:len(frame)-6], "0 calls, 0 in\n1:0: the zstd data is damaged or cut off, and the rest of the file lost: unexpected EOF"},
		{"bzip2", []byte(bzipped), all},
		{"bzip2 twice", []byte(bzipped + bzipped), "3 calls, 33 in, 1 headers"},
		{"bzip2, zeros", slices.Concat([]byte(bzipped), zeros), all},
		{"bzip2, cut", []byte(bzipped[:40]), "0 calls, 0 in\n1:0: the bzip2 data is damaged or cut off, and the rest of the file lost: unexpected EOF"},
		{"gzip in gzip", zipped(t, zip), "read f: the file is gzip within gzip: unpack it once and replay what is in it"},
		{"zstd in gzip", zipped(t, frame), "read f: the file is zstd within gzip: unpack it once and replay what is in it"},
		{"gzip in zstd", zstdOf(t, zip), "read f: the file is gzip within zstd: unpack it once and replay what is in it"},
		{"mark", slices.Concat(bom, plain), all},
		{"UTF-16, little", inUTF16(container.ByteOrderMark+callsCSV, binary.LittleEndian), all},
		{"UTF-16, big", inUTF16(container.ByteOrderMark+callsCSV, binary.BigEndian), all},
		{"UTF-16, little, no mark", inUTF16(callsCSV, binary.LittleEndian), all},
		{"UTF-16, big, no mark", inUTF16(callsCSV, binary.BigEndian), all},
		{"UTF-16, twice", slices.Concat(inUTF16(container.ByteOrderMark+callsCSV, binary.LittleEndian), inUTF16(container.ByteOrderMark+strings.Replace(callsCSV, "\n0,", "\n5,", 1), binary.LittleEndian)), "4 calls, 43 in, 1 headers"},
		{"UTF-16, half a character", append(inUTF16(callsCSV, binary.LittleEndian), 'x'), all + "\n5:0: the UTF-16 data is damaged or cut off, and the rest of the file lost: it ends in the middle of a character"},
		{"UTF-16 in gzip", zipped(t, inUTF16(container.ByteOrderMark+callsCSV, binary.LittleEndian)), all},
		{"UTF-16, beyond 16 bits", inUTF16(container.ByteOrderMark+strings.ReplaceAll(callsCSV, ",m,", ",\U0001f30a,"), binary.BigEndian), all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(filepath.Dir(write(t, "f", tt.data)))
			for _, wrap := range []string{"file", "stdin", "byte by byte"} {
				o := options("csv", "f")
				o.Mapping = callsMapping(t)
				want := tt.want
				switch wrap {
				case "stdin":
					o.Files[0], o.Stdin = Stdin, bytes.NewReader(tt.data)
				case "byte by byte":
					o.Files[0], o.Stdin = Stdin, iotest.OneByteReader(bytes.NewReader(tt.data))
				}
				if wrap != "file" {
					want = strings.ReplaceAll(want, "read f:", "read standard input:")
				}
				if got := strings.ReplaceAll(sums(t, o), "replay csv: ", ""); got != want {
					t.Errorf("%s: got %s\nwant %s", wrap, got, want)
				}
			}
		})
	}
}

// TestUTF16KeepsTextsApart makes what is no character something that is not UTF-8, so that no two texts become one.
func TestUTF16KeepsTextsApart(t *testing.T) {
	seen := map[string]bool{}
	for _, text := range [][]uint16{{0xd800, 'a', 'b'}, {0xd801, 'a', 'b'}, {0xdc00, 'a', 'b'}, {0xfffd, 'a', 'b'}, {0xd83c, 0xdf0a, 'b'}, {'a', 'b', 0xd800}} {
		var data []byte
		for _, c := range append([]uint16{'x', 'y'}, text...) {
			data = binary.LittleEndian.AppendUint16(data, c)
		}
		r, err := container.Unpack(iotest.OneByteReader(bytes.NewReader(data)))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		if seen[b.String()] {
			t.Errorf("%x: %q again", text, b.String())
		}
		seen[b.String()] = true
		if want := text[0] == 0xfffd || text[1] == 0xdf0a; strings.ToValidUTF8(b.String(), "") == b.String() != want {
			t.Errorf("%x: %q", text, b.String())
		}
	}
}

// TestForeign names files that are not read in one line, with the way out and nothing of what is in them.
func TestForeign(t *testing.T) {
	tar := make([]byte, 1024)
	copy(tar, "calls.csv")
	copy(tar[257:], "ustar\x0000")
	zip := func(parts ...string) string {
		return "PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00" + strings.Repeat("\x00", 14) + "\x13\x00\x00\x00" + strings.Join(parts, "\x01\x02\x1b[31m")
	}
	utf32 := func(first int) string {
		var b strings.Builder
		for _, c := range callsCSV {
			part := []byte{0, 0, 0, 0}
			part[first] = byte(c)
			b.Write(part)
		}
		return b.String()
	}
	for _, tt := range []struct{ data, what string }{
		{zip("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook (XLSX): save it as CSV"},
		{zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument spreadsheet (ODS): save it as CSV"},
		{zip("calls.csv"), "a ZIP archive or a workbook"},
		{zip("word/document.xml"), "a document of an office program"},
		{"PK\x05\x06" + strings.Repeat("\x00", 18), "a ZIP archive"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "a workbook of Excel"},
		{"%PDF-1.7\n%\xe2\xe3", "a PDF document"},
		{"SQLite format 3\x00\x10\x00", "an SQLite database"},
		{"Obj\x01\x04\x16avro.schema", "an Avro file"},
		{"ORC\x0a\x03\x00\x01", "an ORC file"},
		{"ARROW1\x00\x00", "an Arrow IPC file (Feather)"},
		{"\xff\xff\xff\xff\x90\x00\x00\x00", "an Arrow IPC file (Feather)"},
		{"FEA1\x00\x00", "a Feather file"},
		{"PAR1\x15\x00PAR1", "a Parquet file"},
		{"PARE\x15\x00", "an encrypted Parquet file"},
		{"\xfd7zXZ\x00\x00", "packed with xz: unpack it"},
		{"\x04\x22\x4d\x18\x60", "packed with lz4"},
		{"LZIP\x01\x0c", "packed with lzip"},
		{"\x1f\x9d\x90", "packed with compress"},
		{"7z\xbc\xaf\x27\x1c\x00", "a 7-Zip archive"},
		{"Rar!\x1a\x07\x01\x00", "a RAR archive"},
		{string(tar), "a tar archive"},
		{"\n <!DOCTYPE html>\n<html>", "an HTML page"},
		{container.ByteOrderMark + "<html lang=en>", "an HTML page"},
		{"<?xml version=\"1.0\"?>\n<rows/>", "an XML document"},
		{"\xff\xfe\x00\x00i\x00\x00\x00", "a text in UTF-32"},
		{"\x00\x00\xfe\xff\x00\x00\x00i", "a text in UTF-32"},
		{utf32(0), "a text in UTF-32"},
		{utf32(3), "a text in UTF-32"},
		{"\x80\x02}q\x00(X\x02", "no text: it begins with the byte 0x02"},
		{"id,at\x00\x01\x1b]0;x\x07\n", "no text: it begins with the byte 0x00"},
	} {
		for _, format := range []string{"csv", "jsonl", "cloudevents", "azure-llm", "mooncake"} {
			for _, pack := range []func([]byte) []byte{func(b []byte) []byte { return b }, func(b []byte) []byte { return zipped(t, b) }} {
				o := options(format, Stdin)
				o.Stdin = bytes.NewReader(pack([]byte(tt.data)))
				if o.Mapping = callsMapping(t); formats.Named(format).NeedsMapping == false {
					o.Mapping = nil
				}
				log, _, err := attempt(t, o)
				if err == nil || len(log.calls) > 0 {
					t.Fatalf("%s, %q: no error", format, tt.data)
				}
				if got := err.Error(); strings.Contains(got, "\n") || faults.Printable(got) != got || !strings.Contains(got, ": ") ||
					!strings.Contains(got, "read standard input: the file is "+tt.what) && !strings.Contains(got, "Parquet within gzip") {
					t.Errorf("%s, %q: %q", format, tt.data, got)
				}
			}
		}
	}
}

// TestTextsThatLookForeign reads what begins like something else and is none.
func TestTextsThatLookForeign(t *testing.T) {
	for _, first := range []string{"PK", "ORC", "BZh9", "Rar!", "PAR", "LZIP", "Obj", "<id>"} {
		o := options("csv", Stdin)
		o.Mapping = callsMapping(t)
		o.Stdin = strings.NewReader(first + "," + strings.ReplaceAll(callsCSV, "\n", "\n1,"))
		if got := sums(t, o); !strings.HasPrefix(got, "3 calls, 33 in") {
			t.Errorf("%s: %s", first, got)
		}
	}
}

// TestNoRawBytes names columns in a message without what could do something to a terminal.
func TestNoRawBytes(t *testing.T) {
	o := options("csv", Stdin)
	o.Mapping = callsMapping(t)
	o.Stdin = strings.NewReader("\u202eevil,\x1b[31mred," + strings.Repeat("x", 100) + strings.Repeat(",y", 100) + "\n1,2,3\n")
	got := sums(t, o)
	if faults.Printable(got) != got || !strings.Contains(got, `"\u202eevil", "\x1b[31mred", "xxxx`) || !strings.HasSuffix(got, "and 63 more") || strings.Contains(got, "\n") {
		t.Errorf("got %q", got)
	}
	if got := (Problem{File: "a\x1b", Line: 1, Text: "x\u0085y\nz"}).String(); got != `a\x1b:1: x\u0085y\nz` {
		t.Errorf("got %q", got)
	}
}

// linesOf are the lines of a text.
func linesOf(text string) *rows.Lines {
	return &rows.Lines{R: bufio.NewReaderSize(strings.NewReader(text), readSize)}
}
