package stack_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// testFramesOnce inserts bodies of frames that hold the statement too, as the JDBC driver sends them.
func testFramesOnce(t *testing.T, f *front) {
	f.query(t, "CREATE TABLE once (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
	long := strings.Repeat("3,zzz\n", 100_000) // Longer than the head that is read for the statement.
	for _, c := range []struct {
		parts []string
		want  string
	}{
		{[]string{"INSERT INTO once FORMAT CSV\n1,x\n2,y\n"}, "2\t3"},
		{[]string{"INSERT INTO once FORMAT CSV\n", "1,x\n2,y\n"}, "2\t3"},
		{[]string{"INSERT INTO ", "once FORMAT CSV\n1,x\n", "", "2,y\n", ""}, "2\t3"},
		{[]string{"INSERT INTO once FORMAT JSONEachRow\n", `{"a":1,"b":"x"}`, `{"a":2,"b":"y"}`}, "2\t3"},
		{[]string{"INSERT INTO once VALUES (1,'x'),(2,'y')"}, "2\t3"},
		{[]string{"INSERT INTO once FORMAT CSV\n" + long, "1,x\n"}, "100001\t300001"},
		{[]string{"INSERT INTO once FORMAT CSV\n"}, "0\t0"},
	} {
		for _, method := range []compress.Method{compress.None, compress.LZ4, compress.ZSTD} {
			var body bytes.Buffer
			writer := compress.NewWriter(compress.LevelZero, method)
			for _, part := range c.parts {
				if err := writer.Compress([]byte(part)); err != nil {
					t.Fatal(err)
				}
				body.Write(writer.Data)
			}
			f.query(t, "TRUNCATE TABLE once")
			f.do(t, http.MethodPost, values("decompress", "1"), &body).want(t, 200, "")
			if got := f.query(t, "SELECT count(), sum(a) FROM once"); got != c.want {
				t.Fatalf("%.40q in %d frames by %v: stored %q, want %q", c.parts[0], len(c.parts), method, got, c.want)
			}
		}
	}
	f.query(t, "DROP TABLE once SYNC")
}

// coders encode and decode each Content-Encoding without the front's own code.
var coders = map[string]struct {
	encode func(io.Writer) io.WriteCloser
	decode func(io.Reader) (io.Reader, error)
}{
	"gzip":    {func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	"deflate": {func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }, func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }},
	"br":      {func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) }, func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }},
	"lz4":     {func(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) }, func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
	"zstd": {func(w io.Writer) io.WriteCloser {
		e, err := zstd.NewWriter(w)
		if err != nil {
			panic(err)
		}
		return e
	}, func(r io.Reader) (io.Reader, error) {
		d, err := zstd.NewReader(r)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}},
}

func encode(t *testing.T, coding, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := coders[coding].encode(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func testCodings(t *testing.T, f *front) {
	f.query(t, "CREATE TABLE coded (a UInt32) ENGINE = MergeTree ORDER BY a")
	var rows strings.Builder
	for i := range 20_000 {
		fmt.Fprintln(&rows, i)
	}
	for coding, coder := range coders {
		f.do(t, http.MethodPost, nil, bytes.NewReader(encode(t, coding, "SELECT 5")), "Content-Encoding", coding).want(t, 200, "5\n")
		long := "SELECT length('" + strings.Repeat("x", 1<<20) + "')"
		f.do(t, http.MethodPost, values("max_query_size", "4000000"), bytes.NewReader(encode(t, coding, long)), "Content-Encoding", coding).want(t, 200, "1048576\n")
		for _, c := range []struct{ query, body string }{
			{"INSERT INTO coded FORMAT TSV", rows.String()}, {"", "INSERT INTO coded FORMAT TSV\n" + rows.String()}, {"", "INSERT INTO coded FORMAT TSV\n1\n"}, {"", "INSERT INTO coded VALUES (1)"},
		} {
			f.query(t, "TRUNCATE TABLE coded")
			whole := encode(t, coding, c.body)
			for _, n := range []int{len(whole) - 1, len(whole) / 2, 3} {
				a := f.do(t, http.MethodPost, values("query", c.query), bytes.NewReader(whole[:n]), "Content-Encoding", coding)
				a.wantError(t, 400, 36, "BAD_ARGUMENTS")
			}
			f.do(t, http.MethodPost, values("query", c.query), bytes.NewReader(whole), "Content-Encoding", coding).want(t, 200, "")
			if got, want := f.query(t, "SELECT count() = uniqExact(a), sum(a) FROM coded"), map[bool]string{true: "1\t199990000", false: "1\t1"}[len(c.body) > 100]; got != want {
				t.Fatalf("%s, %q: stored %q, want %q", coding, c.query, got, want)
			}
		}
		for _, sql := range []string{"SELECT number FROM numbers(20000)", "SELECT number FROM numbers(20000) FORMAT TSVWithNames"} {
			a := f.do(t, http.MethodPost, values("enable_http_compression", "1"), strings.NewReader(sql), "Accept-Encoding", coding)
			reader, err := coder.decode(strings.NewReader(a.body))
			if err != nil || a.header.Get("Content-Encoding") != coding {
				t.Fatalf("%s: %v, %v", coding, err, a.header)
			}
			if text, err := io.ReadAll(reader); err != nil || !strings.HasSuffix(string(text), rows.String()) {
				t.Fatalf("%s: %d bytes, %v", coding, len(text), err)
			}
		}
	}
	f.do(t, http.MethodPost, nil, strings.NewReader("SELECT 1"), "Accept-Encoding", "gzip").want(t, 200, "1\n")
	f.do(t, http.MethodPost, values("enable_http_compression", "1"), strings.NewReader("SELECT 1"), "Accept-Encoding", "xz, gzip;q=0").want(t, 200, "1\n")
	a := f.do(t, http.MethodPost, nil, bytes.NewReader(encode(t, "zstd", strings.Repeat(" ", 65<<20))), "Content-Encoding", "zstd")
	a.wantError(t, 413, 223, "QUERY_IS_TOO_LARGE")
	f.query(t, "DROP TABLE coded SYNC")
}

// form makes a form of fields and, of names that hold a dot, files.
func form(t *testing.T, pairs ...string) (body io.Reader, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		name, extension, file := strings.Cut(pairs[i], ".")
		create := func() (io.Writer, error) { return w.CreateFormField(name) }
		if file {
			create = func() (io.Writer, error) { return w.CreateFormFile(name, name+"."+extension) }
		}
		part, err := create()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, w.FormDataContentType()
}

func (f *front) form(t *testing.T, params []string, pairs ...string) answer {
	t.Helper()
	body, contentType := form(t, pairs...)
	return f.do(t, http.MethodPost, values(params...), body, "Content-Type", contentType)
}

func testForms(t *testing.T, f *front) {
	f.form(t, nil, "query", "SELECT {a:UInt32} + 1, {s:String}", "param_a", "5", "param_s", "x").want(t, 200, "6\tx\n")
	f.form(t, []string{"query", "SELECT {a:UInt32}", "param_a", "7"}, "param_a", "5", "max_threads", "3").want(t, 200, "7\n")
	f.form(t, nil, "query", "SELECT getSetting('max_threads')", "max_threads", "3").want(t, 200, "3\n")
	f.form(t, nil, "query", "SELECT length({s:String})", "param_s", strings.Repeat("x", 3<<20)).want(t, 200, "3145728\n")
	f.form(t, []string{"max_query_size", "9000000"}, "query", "SELECT length('"+strings.Repeat("x", 3<<20)+"')").want(t, 200, "3145728\n")
	f.form(t, nil, "query", "SELECT '"+strings.Repeat("x", 65<<20)+"'").wantError(t, 413, 223, "QUERY_IS_TOO_LARGE")
	f.form(t, nil, "param_a", "5").wantError(t, 400, 62, "SYNTAX_ERROR")
	f.query(t, "CREATE TABLE forms (a UInt32) ENGINE = Memory")
	f.form(t, nil, "query", "INSERT INTO forms FORMAT CSV\n1\n2\n").want(t, 200, "")
	f.post(t, "SELECT sum(a) FROM forms").want(t, 200, "3\n")
	csv := []string{"query", "SELECT x, y, _2 FROM e JOIN m ON x = _1 ORDER BY x", "e_format", "CSV", "e_structure", "x UInt8, y String", "m_types", "UInt8, Tuple(a UInt8, b String)"}
	for name, options := range map[string][]string{"alone": nil, "in a session": {"session_id", "forms"}, "in a session that keeps something": {"session_id", "forms-kept"}} {
		if name == "in a session that keeps something" {
			f.post(t, "SET max_threads = 2", options...).want(t, 200, "")
		}
		for range 2 { // It does not stay.
			f.form(t, append(csv, options...), "e.csv", "1,a\n2,b\n", "m.tsv", "2\t(3,'c')\n").want(t, 200, "2\tb\t(3,'c')\n")
			f.post(t, "SELECT * FROM e", options...).wantError(t, 404, 60, "UNKNOWN_TABLE")
		}
		f.form(t, append(csv, options...), "e.csv", "1,a\nx,b\n", "m.tsv", "").wantError(t, 400, 27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED")
		f.post(t, "SELECT * FROM e", options...).wantError(t, 404, 60, "UNKNOWN_TABLE")
	}
	f.form(t, []string{"query", "SELECT 1"}, "e.csv", "1\n").wantError(t, 400, 36, "BAD_ARGUMENTS")
	f.form(t, []string{"query", "SELECT 1", "e_structure", "a UInt8) ENGINE = File(CSV) --"}, "e.csv", "1\n").wantError(t, 403, 497, "ACCESS_DENIED")
	f.do(t, http.MethodPost, values("query", "SELECT 1"), strings.NewReader("--x\r\nContent-Disp"), "Content-Type", "multipart/form-data; boundary=x").wantError(t, 400, 36, "BAD_ARGUMENTS")
	f.do(t, http.MethodPost, values("query", "SELECT 1"), strings.NewReader(""), "Content-Type", "multipart/form-data").wantError(t, 400, 36, "BAD_ARGUMENTS")
	f.query(t, "DROP TABLE forms")
}
