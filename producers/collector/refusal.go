package collector

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// refusal is why a whole request is not accepted.
type refusal struct {
	status int
	code   codes.Code
	text   string
	// after is how long the sender should wait before it sends the request again; 0 if it should not.
	after time.Duration
}

// The shortest and the longest wait that a sender is asked for. Exporters of OpenTelemetry drop at once what they should
// keep for longer than their export may take.
const (
	minWait = time.Second
	maxWait = 5 * time.Second
)

// wait returns a time at random, at least atLeast, so that senders do not come back all together.
func wait(atLeast time.Duration) time.Duration {
	atLeast = min(max(atLeast, minWait), maxWait)
	return atLeast + time.Duration(rand.Int64N(int64(maxWait-atLeast)+1))
}

// kind is the refusal in words that are the same for all of its kind: the texts of the others speak of one request.
func (r *refusal) kind() string {
	kind := strconv.Itoa(r.status) + " "
	if r.after > 0 {
		return kind + r.text
	}
	return kind + strings.ToLower(http.StatusText(r.status))
}

func badRequest(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, code: codes.InvalidArgument, text: fmt.Sprintf(format, args...)}
}

func unauthenticated(err error) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: codes.Unauthenticated, text: err.Error()}
}

func forbidden(text string) *refusal {
	return &refusal{status: http.StatusForbidden, code: codes.PermissionDenied, text: text}
}

func notServed(endpoint string) *refusal {
	return &refusal{status: http.StatusNotFound, code: codes.Unimplemented, text: "this collector does not take " + endpoint}
}

// tooLarge has no wait: the same request will be too large again.
func tooLarge(format string, args ...any) *refusal {
	return &refusal{status: http.StatusRequestEntityTooLarge, code: codes.ResourceExhausted, text: fmt.Sprintf(format, args...)}
}

func unknownEncoding(name string) *refusal {
	return &refusal{status: http.StatusUnsupportedMediaType, code: codes.Unimplemented, text: "the encoding " + strconv.QuoteToASCII(cut(name)) + " is not identity, gzip or zstd"}
}

func tooFast(room time.Duration) *refusal {
	return &refusal{status: http.StatusTooManyRequests, code: codes.ResourceExhausted, text: "the key is over its rate", after: wait(room)}
}

func unavailable(text string) *refusal {
	return &refusal{status: http.StatusServiceUnavailable, code: codes.Unavailable, text: text, after: wait(0)}
}

// proto returns the refusal as OTLP sends it.
func (r *refusal) proto() *spb.Status {
	// A message of Protobuf takes UTF-8 alone, and a reason may quote what is none.
	s := &spb.Status{Code: int32(r.code), Message: strings.ToValidUTF8(r.text, "\ufffd")}
	if r.after > 0 {
		// A message of the library always encodes.
		if detail, err := anypb.New(&errdetails.RetryInfo{RetryDelay: durationpb.New(r.after)}); err == nil {
			s.Details = append(s.Details, detail)
		}
	}
	return s
}

// setHeaders sets the headers that go with the status.
func (r *refusal) setHeaders(h http.Header) {
	switch r.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusUnsupportedMediaType:
		h.Set("Accept-Encoding", "gzip, zstd")
	}
	if r.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(r.after.Seconds()))))
	}
}

// write answers a request with the refusal, in the encoding of the request.
func (r *refusal) write(w http.ResponseWriter, f format) {
	r.setHeaders(w.Header())
	var body []byte
	var err error
	switch {
	case r.status == http.StatusUnsupportedMediaType:
		writePlain(w, r.status, r.text)
		return
	case f == otlpProto:
		w.Header().Set("Content-Type", "application/x-protobuf")
		body, err = proto.Marshal(r.proto())
	case f == otlpJSON:
		w.Header().Set("Content-Type", "application/json")
		body, err = protojson.Marshal(r.proto())
	default:
		writeJSON(w, r.status, struct {
			Error string `json:"error"`
		}{r.text})
		return
	}
	if err != nil { // The messages of the library always encode.
		writePlain(w, r.status, r.text)
		return
	}
	writeBody(w, r.status, body)
}

// errDraining refuses requests while the last ones end.
var errDraining = errors.New("the collector is shutting down")

// errNoRoom ends the reading of a request for which there is no memory.
var errNoRoom = errors.New("the collector is handling as much as it can hold")

// shownBytes is how much of a text of the sender an answer repeats.
const shownBytes = 128

func cut(s string) string { return s[:min(len(s), shownBytes)] }
