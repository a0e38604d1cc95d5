package otelcol

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	mediaProto = "application/x-protobuf"
	mediaJSON  = "application/json"
)

// web sends requests of HTTP/1 and rpc those of HTTP/2 without TLS, as gRPC has them.
var web, rpc = client(false), client(true)

func client(http2 bool) *http.Client {
	transport := &http.Transport{DisableCompression: true, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(!http2)
	transport.Protocols.SetUnencryptedHTTP2(http2)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// call is a request.
type call struct {
	method, path, media, encoding string
	header                        []string // Names and values.
	body                          []byte
	chunked                       bool // Its length is not said.
}

// answer is a response as it came in. The header has the trailer too.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c call) send(t *testing.T, by *http.Client, address string) answer {
	t.Helper()
	method := c.method
	if method == "" {
		method = http.MethodPost
	}
	var body io.Reader = bytes.NewReader(c.body)
	if c.chunked {
		body = struct{ io.Reader }{body}
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+c.path, body)
	must(t, err)
	for name, value := range map[string]string{"Content-Type": c.media, "Content-Encoding": c.encoding} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	for i := 0; i < len(c.header); i += 2 {
		r.Header.Set(c.header[i], c.header[i+1])
	}
	response, err := by.Do(r)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	maps.Copy(response.Header, response.Trailer)
	return answer{response.StatusCode, response.Header, text}
}

// askHTTP sends a request and returns the answer in one line: the status, the media type, and what a client reads of the rest.
func askHTTP(t *testing.T, address string, c call) string {
	t.Helper()
	got := c.send(t, web, address)
	media, _, err := mime.ParseMediaType(got.header.Get("Content-Type"))
	if err != nil {
		media = "no media type"
	}
	line := fmt.Sprintf("%d %s", got.status, media)
	switch {
	case got.status == http.StatusOK:
		line += partial(t, media, got.body)
	case media == mediaProto || media == mediaJSON:
		line += statusOf(t, media, got.body)
	}
	if after := got.header.Get("Retry-After"); after != "" {
		seconds, err := strconv.Atoi(after)
		line += " Retry-After " + wait(time.Duration(seconds)*time.Second, err == nil)
	}
	return line
}

// wait names a time to wait: senders drop at once what they would have to keep for longer than some seconds.
func wait(d time.Duration, ok bool) string {
	if ok && d >= time.Second && d <= 5*time.Second {
		return "1..5 s"
	}
	return d.String()
}

// partial returns what a response says about rejected spans.
func partial(t *testing.T, media string, body []byte) string {
	t.Helper()
	response := ptraceotlp.NewExportResponse()
	var err error
	if media == mediaJSON {
		err = response.UnmarshalJSON(body)
	} else {
		err = response.UnmarshalProto(body)
	}
	if err != nil {
		return " undecodable: " + err.Error()
	}
	p := response.PartialSuccess()
	if p.RejectedSpans() == 0 && p.ErrorMessage() == "" {
		return ""
	}
	return fmt.Sprintf(" %d rejected", p.RejectedSpans())
}

// statusOf returns the code of a status, and whether it says when to come again.
func statusOf(t *testing.T, media string, body []byte) string {
	t.Helper()
	var s spb.Status
	var err error
	if media == mediaJSON {
		err = protojson.Unmarshal(body, &s)
	} else {
		err = proto.Unmarshal(body, &s)
	}
	if err != nil {
		return " undecodable: " + err.Error()
	}
	line := " " + codes.Code(s.GetCode()).String()
	if s.GetMessage() == "" {
		line += " without a message"
	}
	for _, detail := range s.GetDetails() {
		var info errdetails.RetryInfo
		if detail.UnmarshalTo(&info) == nil {
			line += " RetryInfo " + wait(info.GetRetryDelay().AsDuration(), true)
		}
	}
	return line
}

// framed returns a message as gRPC frames it.
func framed(compressed bool, message []byte) []byte {
	frame := make([]byte, 5, 5+len(message))
	if compressed {
		frame[0] = 1
	}
	binary.BigEndian.PutUint32(frame[1:], uint32(len(message)))
	return append(frame, message...)
}

// askGRPC sends a request and returns the answer in one line: the code, and what a client reads of the rest.
func askGRPC(t *testing.T, address string, c call) string {
	t.Helper()
	c.header = append([]string{"Te", "trailers"}, c.header...)
	if c.media == "" {
		c.media = "application/grpc"
	}
	got := c.send(t, rpc, address)
	if got.status != http.StatusOK {
		return fmt.Sprintf("HTTP %d", got.status)
	}
	n, err := strconv.Atoi(got.header.Get("Grpc-Status"))
	if err != nil {
		return "no status"
	}
	if codes.Code(n) == codes.OK {
		return "OK" + partial(t, mediaProto, message(t, got.header.Get("Grpc-Encoding"), got.body))
	}
	details, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(got.header.Get("Grpc-Status-Details-Bin"), "="))
	must(t, err)
	if len(details) == 0 {
		details, err = proto.Marshal(&spb.Status{Code: int32(n), Message: got.header.Get("Grpc-Message")})
		must(t, err)
	}
	return strings.TrimSpace(statusOf(t, mediaProto, details))
}

// message returns the message in a frame: the Collector compresses its answer as the request was.
func message(t *testing.T, encoding string, frame []byte) []byte {
	t.Helper()
	switch {
	case len(frame) < 5:
		t.Fatal("the answer has no message")
	case frame[0] == 0:
		return frame[5:]
	case encoding == "zstd":
		r, err := zstd.NewReader(nil)
		must(t, err)
		defer r.Close()
		plain, err := r.DecodeAll(frame[5:], nil)
		must(t, err)
		return plain
	}
	r, err := gzip.NewReader(bytes.NewReader(frame[5:]))
	must(t, err)
	plain, err := io.ReadAll(r)
	must(t, err)
	return plain
}
