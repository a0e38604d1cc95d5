// Package container turns the bytes of a file into text, whatever they are packed in.
//
//	bytes -> packing (gzip, zstd, bzip2) -> encoding (UTF-8, UTF-16) -> text
//	bytes -> Parquet ---------------------------------------------> one JSON object per row and line
//
// The first bytes of a file say what it is, not its name. What is neither text nor Parquet is a *ForeignError, which
// says how to convert it. Bytes that cannot be unpacked to their end are a *DamagedError after all that could be.
package container

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// packing is a way in which a file may be packed.
type packing struct {
	name   string
	starts []string
	unpack func(*packed) (io.Reader, error)
}

var packings = []packing{
	{"gzip", []string{"\x1f\x8b"}, unpackGzip},
	{"zstd", zstdStarts(), unpackZstd},
	{"bzip2", bzip2Starts(), unpackBzip2},
}

// foreign is a kind of file that cannot be read.
type foreign struct {
	starts []string
	what   string
	remedy string
}

const (
	saveCSV     = "save it as CSV"
	convert     = "convert it to CSV, JSON lines or Parquet"
	unpackFirst = "unpack it and replay what is in it, from standard input for example"
)

var foreigns = []foreign{
	{[]string{"\xfd7zXZ\x00"}, "packed with xz", unpackFirst + ": xz -dc FILE | tidemark replay ... -"},
	{[]string{"\x04\x22\x4d\x18"}, "packed with lz4", unpackFirst + ": lz4 -dc FILE | tidemark replay ... -"},
	{[]string{"LZIP\x01"}, "packed with lzip", unpackFirst},
	{[]string{"\x1f\x9d", "\x1f\xa0"}, "packed with compress", unpackFirst + ": gzip -dc FILE | tidemark replay ... -"},
	{[]string{"\xff\x06\x00\x00sNaPpY"}, "packed with snappy", unpackFirst},
	{[]string{"7z\xbc\xaf\x27\x1c"}, "a 7-Zip archive", unpackFirst},
	{[]string{"Rar!\x1a\x07"}, "a RAR archive", unpackFirst},
	{[]string{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}, "a workbook of Excel or another document of Office (XLS)", saveCSV},
	{[]string{"%PDF-"}, "a PDF document", "export the table that is in it as CSV"},
	{[]string{"SQLite format 3\x00"}, "an SQLite database", "export the table: sqlite3 -csv -header FILE 'SELECT ...'"},
	{[]string{"Obj\x01"}, "an Avro file", convert},
	{[]string{"ARROW1", "\xff\xff\xff\xff"}, "an Arrow IPC file (Feather)", convert},
	{[]string{"FEA1"}, "a Feather file", convert},
	{[]string{"PARE"}, "an encrypted Parquet file", "write it without encryption"},
	{[]string{"\xff\xfe\x00\x00", "\x00\x00\xfe\xff"}, "a text in UTF-32", "convert it: iconv -f UTF-32 -t UTF-8"},
}

// Marks of files that need a closer look than at their first bytes.
const (
	zipStart      = "PK"
	parquetStart  = "PAR1"
	orcStart      = "ORC"
	ByteOrderMark = "\ufeff"
	tarMagic      = 257 // Where "ustar" stands.
	sniffed       = 512 // Bytes to look at if the first few do not tell.
	sniffedZip    = 4 << 10
)

// chunkSize is the size of reads from a file, in bytes.
const chunkSize = 64 << 10

// RecordSeparator stands before each record of a JSON text sequence (RFC 7464).
const RecordSeparator = 0x1e

// ForeignError is the error of a kind of file that cannot be read.
type ForeignError struct{ What, Remedy string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("the file is %s: %s", e.What, e.Remedy)
}

// startsWith reports whether the next bytes are those of prefix. It waits for no more bytes than it needs to tell.
func startsWith(r *bufio.Reader, prefix string) (bool, error) {
	for i := range len(prefix) {
		start, err := r.Peek(i + 1)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if start[i] != prefix[i] {
			return false, nil
		}
	}
	return true, nil
}

// startsWithAny reports whether the next bytes are those of one of the prefixes.
func startsWithAny(r *bufio.Reader, prefixes []string) (bool, error) {
	for _, prefix := range prefixes {
		if is, err := startsWith(r, prefix); is || err != nil {
			return is, err
		}
	}
	return false, nil
}

// Unpack returns the text in r, unpacked and in UTF-8, without a byte-order mark. It reads no more than it needs to
// tell what r is. The error is ErrParquet for a Parquet file, which OpenParquet reads.
func Unpack(r io.Reader) (*bufio.Reader, error) {
	buffered := bufio.NewReaderSize(r, chunkSize)
	outer := ""
	for i := 0; i < len(packings); i++ {
		p := &packings[i]
		is, err := startsWithAny(buffered, p.starts)
		if err != nil {
			return nil, err
		}
		if !is {
			continue
		}
		if outer != "" {
			return nil, &ForeignError{p.name + " within " + outer, "unpack it once and replay what is in it"}
		}
		source := &packed{r: buffered, name: p.name}
		inner, err := p.unpack(source)
		if err != nil {
			return nil, source.damage(err)
		}
		outer, i = p.name, -1
		buffered = bufio.NewReaderSize(&unpacker{source, inner}, chunkSize)
	}
	is, err := startsWith(buffered, parquetStart)
	switch {
	case err != nil:
		return nil, err
	case is && outer != "":
		return nil, &ForeignError{"Parquet within " + outer, "unpack it and replay it from a file"}
	case is:
		return nil, ErrParquet
	}
	if err := refuseForeign(buffered); err != nil {
		return nil, err
	}
	return text(buffered)
}

// refuseForeign returns a *ForeignError for bytes that are not text.
func refuseForeign(r *bufio.Reader) error {
	for _, f := range foreigns {
		if is, err := startsWithAny(r, f.starts); err != nil {
			return err
		} else if is {
			return &ForeignError{f.what, f.remedy}
		}
	}
	if is, err := startsWith(r, zipStart); err != nil {
		return err
	} else if is {
		return refuseZip(r)
	}
	return refuseBinary(r)
}

// refuseZip returns a *ForeignError that names the kind of ZIP archive: many documents are one.
func refuseZip(r *bufio.Reader) error {
	start, err := r.Peek(sniffedZip)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(start) < 4 || start[2] >= ' ' {
		return nil // A text that begins so.
	}
	has := func(part string) bool { return bytes.Contains(start, []byte(part)) }
	switch {
	case has("xl/"):
		return &ForeignError{"an Excel workbook (XLSX)", saveCSV}
	case has("opendocument.spreadsheet"):
		return &ForeignError{"an OpenDocument spreadsheet (ODS)", saveCSV}
	case has("word/"), has("ppt/"), has("opendocument."):
		return &ForeignError{"a document of an office program", "save the table that is in it as CSV"}
	case has("Index/"), has("Numbers"):
		return &ForeignError{"a spreadsheet of Numbers", saveCSV}
	}
	return &ForeignError{"a ZIP archive or a workbook (XLSX, ODS)", "unpack it (unzip -p FILE | tidemark replay ... -), or save the workbook as CSV"}
}

// refuseBinary returns a *ForeignError for files that need a closer look, and for bytes that no text begins with.
func refuseBinary(r *bufio.Reader) error {
	start, err := firstLine(r)
	if err != nil {
		return err
	}
	trimmed := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(start, []byte(ByteOrderMark)), " \t\r\n"))
	has := func(prefix string) bool { return bytes.HasPrefix(trimmed, []byte(prefix)) }
	switch {
	case has("<!doctype html"), has("<html"), has("<head"), has("<body"):
		return &ForeignError{"an HTML page", "download the data itself: a page may be an answer to a request without a login"}
	case has("<?xml"):
		return &ForeignError{"an XML document", "convert it to CSV or JSON lines"}
	case utf16Of(start) != nil:
		return nil
	}
	for _, b := range start {
		if b >= ' ' || b >= '\t' && b <= '\r' || b == RecordSeparator || b == 0x1b {
			continue
		}
		switch {
		case len(start) >= tarMagic+5 && string(start[tarMagic:tarMagic+5]) == "ustar":
			return &ForeignError{"a tar archive", "unpack it (tar -xOf FILE | tidemark replay ... -) and replay each file"}
		case bytes.HasPrefix(start, []byte(orcStart)):
			return &ForeignError{"an ORC file", convert}
		case isUTF32(start):
			return &ForeignError{"a text in UTF-32", "convert it: iconv -f UTF-32 -t UTF-8"}
		}
		return &ForeignError{fmt.Sprintf("no text: it begins with the byte 0x%02x among others", b), convert}
	}
	return nil
}

// firstLine returns the first bytes without taking them: up to the end of the first line that is not blank, or more if
// one of them is NUL. It waits for no more.
func firstLine(r *bufio.Reader) ([]byte, error) {
	most := sniffed
	for n := 1; ; n++ {
		start, err := r.Peek(n)
		switch {
		case errors.Is(err, io.EOF), err == nil && n >= most:
			return start, nil
		case err != nil:
			return nil, err
		}
		if n = max(n, min(r.Buffered(), most)); n > len(start) {
			start, _ = r.Peek(n) // They are there.
		}
		if bytes.IndexByte(start, 0) >= 0 {
			continue // All of them, to tell what it is.
		}
		if end := bytes.IndexByte(start, '\n'); end >= 0 && len(bytes.TrimSpace(start[:end])) > 0 {
			return start[:end], nil
		}
	}
}

// isUTF32 reports whether the bytes are ASCII in four bytes per character.
func isUTF32(start []byte) bool {
	if len(start) < 8 {
		return false
	}
	at := func(i int) bool {
		return start[i] >= '\t' && start[i] <= '~' && start[i+4] >= '\t' && start[i+4] <= '~'
	}
	zero := strings.Count(string(start[:8]), "\x00")
	return zero == 6 && (at(0) || at(3))
}
