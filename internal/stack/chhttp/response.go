package chhttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"

	"tidemark/internal/stack/chdb"
)

// frameBytes is how much output goes into one compressed frame.
const frameBytes = 1 << 20

// exchange is one request on its way to its answer.
type exchange struct {
	handler *Handler
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	slow    *slowWriter // writes to w
	served  Served
	start   time.Time
	begun   bool   // the status line is out
	tag     string // marks an exception in the middle of the output
	out     output
}

// output is the way of the result to the client. Close flushes it and leaves
// the writer below open.
type output interface {
	io.Writer
	io.Closer
}

// serve answers the request. After an error nothing of the answer is complete.
func (ex *exchange) serve() error {
	h := ex.handler
	// ClickHouse says who it is with errors too.
	ex.w.Header().Set("X-ClickHouse-Server-Display-Name", h.server.Name)
	if err := h.authenticate(ex.r); err != nil {
		return err
	}
	body := &liveBody{&idleReader{body: ex.r.Body, control: ex.control, idle: h.options.ReadIdle}}
	in := &incoming{handler: h, live: body}
	defer in.release()
	req, err := readRequest(ex.r, in)
	if req != nil {
		defer req.release()
		ex.served.QueryID, ex.served.Keyword = req.queryID, req.keyword
		ex.w.Header().Set("X-ClickHouse-Query-Id", req.queryID)
	}
	if err != nil {
		return err
	}
	if !req.insert {
		in.memory.release() // The body is read, and the result may take its time.
	}
	if err := forbid(req.code(), h.engine.OwnTableEngine); err != nil {
		return err
	}
	if req.keyword == "INSERT" {
		// Statements that delete, and what they write on the way, still have room then.
		if err := h.room(); err != nil {
			return err
		}
	}
	if req.insert {
		if err := in.spool(); err != nil {
			return err
		}
	}
	session, err := h.lease(ex.r.Context(), req)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := ex.load(ex.r.Context(), session, in.tables); err != nil {
		return err
	}
	session.ended = h.running.begin(session.Tag(), req.queryID)
	if req.insert {
		return ex.runInsert(session, req)
	}
	return ex.runQuery(session, req)
}

// room returns an error if the disk has no room for data.
func (h *Handler) room() error {
	if h.options.Room == nil {
		return nil
	}
	if err := h.options.Room(); err != nil {
		return chdb.NewError(codeNotEnoughSpace, "NOT_ENOUGH_SPACE", "Cannot insert: "+err.Error()+".")
	}
	return nil
}

// begin sends the status line and opens the way for output of a format. Length
// is the size of the whole output where that is known, or -1.
func (ex *exchange) begin(req *request, format string, length int) {
	header := ex.w.Header()
	header.Set("Content-Type", contentType(format))
	header.Set("X-ClickHouse-Timezone", ex.handler.server.Timezone)
	header.Set("X-ClickHouse-Format", format)
	header.Set("X-ClickHouse-Summary", ex.summary(length >= 0))
	ex.tag = randomID(8)
	header.Set("X-ClickHouse-Exception-Tag", ex.tag)
	ex.begun = true
	switch {
	case length == 0:
		header.Set("Content-Length", "0")
		ex.out = plainOutput{ex.slow}
	case req.compressed:
		ex.out = &frameOutput{w: ex.slow, frames: compress.NewWriter(compress.LevelZero, req.method)}
	case ex.encode(req.coding):
	default:
		if length > 0 && req.revision == 0 {
			header.Set("Content-Length", strconv.Itoa(length))
		}
		ex.out = bufferedOutput{bufio.NewWriterSize(ex.slow, 64<<10)}
	}
	ex.w.WriteHeader(http.StatusOK)
}

// end flushes the output.
func (ex *exchange) end() error {
	if err := ex.out.Close(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// fail tells the client of an error: by the status while that is possible,
// otherwise in the output, behind a marker that clients look for.
func (ex *exchange) fail(err error) {
	e := asException(err)
	text := e.Text
	if !strings.Contains(text, "(version ") {
		text += " (version " + ex.handler.server.Version + ")"
	}
	ex.served.Status = statusOf(e)
	if errors.Is(err, context.Canceled) && !ex.begun {
		ex.served.Status = statusClientGone
	}
	if !ex.begun {
		header := ex.w.Header()
		header.Set("Content-Type", "text/plain; charset=UTF-8")
		header.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.Code))
		if ex.served.Status == http.StatusUnauthorized {
			header.Set("WWW-Authenticate", `Basic realm="ClickHouse server HTTP API"`)
		}
		ex.w.WriteHeader(ex.served.Status)
		_, _ = io.WriteString(ex.w, text+"\n") // A client that is gone cannot be told.
		return
	}
	ex.flush()
	_, _ = fmt.Fprintf(ex.out, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", ex.tag, text, len(text)+1, ex.tag)
	_ = ex.out.Close()
	ex.breakOff()
}

// breakOff cuts the connection: the status line said 200, and only a transfer
// that does not end well still says otherwise to a client that does not look
// for the marker.
func (ex *exchange) breakOff() {
	_ = ex.control.Flush()
	if conn, _, err := ex.control.Hijack(); err == nil {
		_ = conn.Close()
	}
}

// plainOutput writes as it is.
type plainOutput struct{ io.Writer }

func (plainOutput) Close() error { return nil }

// bufferedOutput joins small writes.
type bufferedOutput struct{ *bufio.Writer }

func (b bufferedOutput) Close() error { return b.Flush() }

// frameOutput writes ClickHouse's compressed frames.
type frameOutput struct {
	w      io.Writer
	frames *compress.Writer
	buffer []byte
}

func (f *frameOutput) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if len(f.buffer) == 0 && len(p) >= frameBytes {
			if err := f.frame(p[:frameBytes]); err != nil {
				return written, err
			}
			p, written = p[frameBytes:], written+frameBytes
			continue
		}
		n := min(len(p), frameBytes-len(f.buffer))
		f.buffer = append(f.buffer, p[:n]...)
		p, written = p[n:], written+n
		if len(f.buffer) == frameBytes {
			if err := f.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (f *frameOutput) flush() error {
	if len(f.buffer) == 0 {
		return nil
	}
	err := f.frame(f.buffer)
	f.buffer = f.buffer[:0]
	return err
}

func (f *frameOutput) frame(data []byte) error {
	if err := f.frames.Compress(data); err != nil {
		return fmt.Errorf("compress %d bytes: %w", len(data), err)
	}
	_, err := f.w.Write(f.frames.Data)
	return err
}

func (f *frameOutput) Close() error { return f.flush() }

// statusClientGone is for the log alone: nobody reads the answer.
const statusClientGone = 499

var errClientGone = errors.New("the client is gone")
