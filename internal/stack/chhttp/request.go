package chhttp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"

	"tidemark/internal/stack/chdb"
)

const (
	// headBytes is how much of a body is read to find where the data of an
	// INSERT begins; ClickHouse's max_query_size is the same.
	headBytes = 256 << 10
	// maxQueryBytes bounds the text of a statement without data.
	maxQueryBytes = 64 << 20
)

// request is what a client asks for.
type request struct {
	statement
	text   string    // the statement; for an INSERT with data its beginning
	data   io.Reader // of an INSERT: what follows the statement
	params []chdb.Parameter
	// release gives back the memory that the text takes of the budget.
	release func()

	session    chdb.SessionOptions
	named      sessionOptions
	format     string // default_format
	queryID    string
	revision   int  // client_protocol_version
	compressed bool // compress=1
	method     compress.Method
	coding     *coding // of the answer; nil for none
	wait       bool    // wait_end_of_query
}

// notSettings names the parameters of the interface that are not settings. Some
// have no meaning for an engine in the process, and are passed over.
var notSettings = map[string]bool{
	"query": true, "query_id": true, "database": true, "default_format": true, "user": true, "password": true,
	"compress": true, "decompress": true, "client_protocol_version": true, "wait_end_of_query": true,
	"buffer_size": true, "quota_key": true, "stacktrace": true, "close_session": true, "session_id": true, "session_timeout": true, "session_check": true,
	"http_response_headers": true, // The engine's session uses it; see chdb.
}

// readRequest reads the parameters and the statement. It leaves the data of an
// INSERT in the body. Its release is to be called, after an error too.
func readRequest(r *http.Request, in *incoming) (*request, error) {
	query := r.URL.Query()
	body, err := in.open(r, query)
	if err != nil {
		return nil, err
	}
	req, err := readParameters(r, query)
	if err != nil {
		return nil, err
	}
	return req, req.readStatement(query.Get("query"), body, in.handler.statements)
}

// readParameters reads all but the statement.
func readParameters(r *http.Request, query url.Values) (*request, error) {
	req := &request{
		release:    func() {},
		format:     query.Get("default_format"),
		queryID:    query.Get("query_id"),
		compressed: isTrue(query.Get("compress")),
		wait:       isTrue(query.Get("wait_end_of_query")) || isTrue(query.Get("http_wait_end_of_query")),
		method:     compress.LZ4,
	}
	if strings.EqualFold(query.Get("network_compression_method"), "zstd") {
		req.method = compress.ZSTD
	}
	if req.queryID == "" {
		req.queryID = randomID(16)
	}
	if v := query.Get("client_protocol_version"); v != "" {
		revision, err := strconv.Atoi(v)
		if err != nil || revision < 0 {
			return nil, badRequest("client_protocol_version is not a number: " + v)
		}
		req.revision = revision
	}
	if isTrue(query.Get("enable_http_compression")) {
		req.coding = acceptedCoding(r.Header.Get("Accept-Encoding"))
	}
	var err error
	if req.named, err = readSession(query); err != nil {
		return nil, err
	}
	req.session.ReadOnly = r.Method == http.MethodGet || r.Method == http.MethodHead
	req.session.Database = query.Get("database")
	if name := r.Header.Get("X-ClickHouse-Database"); req.session.Database == "" {
		req.session.Database = name
	}
	if name := r.Header.Get("X-ClickHouse-Format"); req.format == "" {
		req.format = name
	}
	for name, values := range query {
		value := values[len(values)-1]
		switch {
		case strings.HasPrefix(name, "param_"+ownParameters):
			return nil, badRequest("parameters that begin with " + ownParameters + " are the server's own: give " + name + " another name")
		case strings.HasPrefix(name, "param_"):
			req.params = append(req.params, chdb.Parameter{Name: name[len("param_"):], Value: value})
		case name == "role":
			return nil, notImplemented("roles are not served")
		case name == "readonly" && req.session.ReadOnly && value != "0":
			// A GET is read-only already, and the engine refuses to say it twice.
		case name == "readonly" && req.named.id != "":
			// A setting that the engine could not take back: see mayRead.
			req.session.ReadOnly = req.session.ReadOnly || value != "0"
		case !notSettings[name]:
			req.session.Settings = append(req.session.Settings, chdb.Setting{Name: name, Value: value})
		}
	}
	slices.SortFunc(req.session.Settings, func(a, b chdb.Setting) int { return strings.Compare(a.Name, b.Name) })
	return req, nil
}

// code returns the part of the statement that is not data.
func (req *request) code() string {
	if req.insert {
		return req.head
	}
	return req.text
}

func isTrue(value string) bool { return value == "1" || strings.EqualFold(value, "true") }

// readStatement joins the query parameter and the body, as ClickHouse does, and
// finds where the statement ends.
func (req *request) readStatement(query string, body io.Reader, budget *budget) error {
	head := []byte(query)
	form := body == nil // It has been read.
	if form {
		body = http.NoBody
	}
	if query != "" {
		head = append(head, '\n')
		if req.statement = parseStatement(query + "\n"); req.insert {
			req.text = string(head)
			req.data = io.MultiReader(strings.NewReader(req.text[req.statement.data:]), body)
			return nil
		}
	}
	limit := headBytes
	if form {
		limit = len(head) + 1
	}
	head, err := readUpTo(body, head, limit)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read query: %w", err)
	}
	req.text = string(head)
	if req.statement = parseStatement(req.text); req.insert {
		req.data = io.MultiReader(strings.NewReader(req.text[req.statement.data:]), body)
		return nil
	}
	if err == nil { // There is more.
		if err := req.readLong(head, body, budget); err != nil {
			return err
		}
	}
	switch {
	case req.keyword == "":
		return chdb.NewError(62, "SYNTAX_ERROR", "Syntax error: Empty query.")
	case req.input:
		return notImplemented("INSERT ... SELECT FROM input() is not served")
	}
	return nil
}

// readLong reads a statement that is longer than its head. As many as the budget has room for are read at one moment.
func (req *request) readLong(head []byte, body io.Reader, budget *budget) error {
	release, err := takeStatement(budget)
	if err != nil {
		return err
	}
	req.release = release
	head, err = readUpTo(body, head, maxQueryBytes)
	if !errors.Is(err, io.EOF) {
		req.release()
		if err == nil {
			return tooLarge()
		}
		return fmt.Errorf("read query: %w", err)
	}
	req.text = string(head)
	req.statement = parseStatement(req.text)
	return nil
}

func tooLarge() error {
	return chdb.NewError(223, "QUERY_IS_TOO_LARGE", fmt.Sprintf("the query is longer than %d bytes", maxQueryBytes))
}

// readUpTo appends what r holds until there are limit bytes (nil error) or r
// ends (io.EOF).
func readUpTo(r io.Reader, have []byte, limit int) ([]byte, error) {
	buffer := bytes.NewBuffer(have)
	_, err := io.CopyN(buffer, r, int64(max(0, limit-len(have))))
	return buffer.Bytes(), err
}
