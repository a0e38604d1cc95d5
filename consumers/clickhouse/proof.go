package clickhouse

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"tidemark/internal/plural"
)

// Headers in which ClickHouse names the query that it answers, reports what it did, and reports a failure.
const (
	queryIDHeader   = "X-ClickHouse-Query-Id"
	summaryHeader   = "X-ClickHouse-Summary"
	exceptionHeader = "X-ClickHouse-Exception-Code"
)

// foreignError is the error of an answer that does not prove that ClickHouse gave it. The outcome of the statement is
// unknown.
type foreignError struct {
	status  int
	kind    string // Content type.
	because string
	text    string // The first words of the body.
}

func (e *foreignError) Error() string {
	kind := e.kind
	if kind == "" {
		kind = "no content type"
	}
	begins := ""
	if e.text != "" {
		begins = fmt.Sprintf(", it begins %q", e.text)
	}
	return fmt.Sprintf("the answer is not proven to be ClickHouse's (HTTP %d, %s%s): %s. Something between Tidemark and ClickHouse answered itself, or changed the answer: "+
		"connect to ClickHouse directly, or let the proxy pass the parameter query_id and the headers %s and %s unchanged",
		e.status, kind, begins, e.because, queryIDHeader, summaryHeader)
}

// rowsKey is the context's key for the rows that an INSERT sends.
type rowsKey struct{}

// expectRows makes an answer to a request of ctx count only if it reports that this many rows were written.
func expectRows(ctx context.Context, rows int) context.Context {
	return context.WithValue(ctx, rowsKey{}, rows)
}

// proofTransport accepts a success only if the answer proves that ClickHouse ran this very statement to its end: the
// answer repeats the random id of the request, and its length is known, so that a part cannot look like the whole. An
// answer to an INSERT of data must also report that all rows were written. A proxy, a load balancer or a login page that
// answers 200 by itself, out of a cache or with the answer to another request, becomes an error that leaves the outcome
// unknown.
type proofTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p proofTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	id := newQueryID()
	request := r.Clone(r.Context())
	query := request.URL.Query()
	query.Set("query_id", id)
	request.URL.RawQuery = query.Encode()
	response, err := p.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	rows := 0
	if strings.HasPrefix(query.Get("query"), "INSERT ") { // Not the driver's greeting, which has the same context.
		rows, _ = r.Context().Value(rowsKey{}).(int)
	}
	if because := doubt(response, id, rows); because != "" {
		foreign := &foreignError{status: response.StatusCode, kind: response.Header.Get("Content-Type"), because: because, text: beginning(response)}
		_ = response.Body.Close() // The connection is not used again.
		return nil, foreign
	}
	if response.StatusCode == http.StatusOK && failed(response.Header) {
		// A proxy changed the status of ClickHouse's error to 200; the driver looks for exceptions in failures only.
		response.StatusCode, response.Status = http.StatusInternalServerError, "500 Internal Server Error"
	}
	return response, nil
}

// CloseIdleConnections is what http.Client looks for to close a transport's connections.
func (p proofTransport) CloseIdleConnections() {
	if next, ok := p.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

func newQueryID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // crypto/rand does not fail.
	return hex.EncodeToString(id[:])
}

// failed reports that the headers name an exception, whatever the status.
func failed(h http.Header) bool {
	code := h.Get(exceptionHeader)
	return code != "" && code != "0"
}

// doubt returns the reason why an answer proves nothing about the query with that id, which sent rows. It returns ""
// when the answer is proof, and when it is an error anyway.
func doubt(r *http.Response, id string, rows int) string {
	got := r.Header.Get(queryIDHeader)
	switch {
	case got != "" && got != id:
		return fmt.Sprintf("its %s is %s, that of the query is %s", queryIDHeader, shorten(got, 64), id)
	case r.StatusCode >= 300 && r.StatusCode < 400:
		return fmt.Sprintf("it sends elsewhere, to %q", shorten(r.Header.Get("Location"), 100))
	case failed(r.Header):
		return ""
	case r.StatusCode != http.StatusOK && rows > 0:
		// The text alone does not make a refusal, since a refused row becomes a dead letter.
		return "it has no header " + exceptionHeader
	case r.StatusCode != http.StatusOK:
		return ""
	case got == "":
		return "it has no header " + queryIDHeader
	case r.ProtoMajor == 1 && r.ContentLength < 0 && len(r.TransferEncoding) == 0:
		return "it has neither a length nor chunks, so that a part of it would look like the whole"
	case rows > 0:
		return doubtRows(r.Header, rows)
	}
	return ""
}

// doubtRows returns the reason why the headers do not prove that the rows were written, "" if they do. ClickHouse may
// report more rows than were sent: it counts the rows that views of the table write, too.
func doubtRows(h http.Header, rows int) string {
	values := h.Values(summaryHeader)
	if len(values) == 0 {
		return "it has no header " + summaryHeader
	}
	var summary struct {
		WrittenRows string `json:"written_rows"`
	}
	last := values[len(values)-1] // With progress in the headers there are several.
	if err := json.Unmarshal([]byte(last), &summary); err != nil {
		return fmt.Sprintf("its %s cannot be read: %q", summaryHeader, shorten(last, 200))
	}
	written, err := strconv.ParseUint(summary.WrittenRows, 10, 64)
	if err != nil {
		return fmt.Sprintf("its %s does not report the rows that were written: %q", summaryHeader, shorten(last, 200))
	}
	if written < uint64(rows) {
		return fmt.Sprintf("its %s reports that %s written of the %d that were sent", summaryHeader, plural.Of(written, "row was"), rows)
	}
	return ""
}

// beginning returns the first words of a body of known length, as far as it is text.
func beginning(r *http.Response) string {
	if r.ContentLength <= 0 {
		return ""
	}
	text, _ := io.ReadAll(io.LimitReader(r.Body, 256)) // Whatever was read is enough.
	return shorten(strings.Join(strings.Fields(strings.ToValidUTF8(string(text), "")), " "), 160)
}

// shorten cuts a text to about so many bytes.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
