package otelcol

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Answers of more than one case.
const (
	okProto     = "200 " + mediaProto
	okJSON      = "200 " + mediaJSON
	badProto    = "400 " + mediaProto + " InvalidArgument"
	badJSON     = "400 " + mediaJSON + " InvalidArgument"
	largeProto  = "413 " + mediaProto + " ResourceExhausted"
	largeJSON   = "413 " + mediaJSON + " ResourceExhausted"
	brokenJSON  = "500 " + mediaJSON + " Internal"
	unsupported = "415 text/plain"
	// later is the one answer of ours where events cannot be stored now.
	later = "Unavailable RetryInfo 1..5 s"
)

// post is a request to the path of traces.
func post(media, encoding string, body []byte) call {
	return call{path: "/v1/traces", media: media, encoding: encoding, body: body}
}

// encodings are requests with and without compression.
func encodings(t *testing.T, body, text []byte) []comparison {
	t.Helper()
	zipped := gzipped(t, body)
	large := protoTraces(t, limit)
	return []comparison{
		{name: "plain", call: post(mediaProto, "", body)},
		{name: "plain, chunked", call: call{path: "/v1/traces", media: mediaProto, body: body, chunked: true}},
		{name: "identity", call: post(mediaProto, "identity", body)},
		{name: "gzip", call: post(mediaProto, "gzip", zipped)},
		{name: "gzip, chunked", call: call{path: "/v1/traces", media: mediaProto, encoding: "gzip", body: zipped, chunked: true}},
		{name: "GZIP", call: post(mediaProto, "GZIP", zipped),
			theirs: badProto, ours: okProto, because: "HTTP compares the names of encodings without case"},
		{name: "x-gzip", call: post(mediaProto, "x-gzip", zipped),
			theirs: badProto, ours: okProto, because: "HTTP has it as another name of gzip"},
		{name: "gzip of JSON", call: post(mediaJSON, "gzip", gzipped(t, text))},
		{name: "gzip of nothing", call: post(mediaProto, "gzip", gzipped(t, nil))},
		{name: "gzip, nothing at all", call: post(mediaProto, "gzip", nil),
			theirs: badProto, ours: okProto, because: "some senders compress nothing to nothing"},
		{name: "gzip in two parts", call: post(mediaProto, "gzip", append(gzipped(t, body[:9]), gzipped(t, body[9:])...))},
		{name: "gzip with more behind it", call: post(mediaProto, "gzip", append(zipped[:len(zipped):len(zipped)], "more"...))},
		{name: "gzip that breaks off", call: post(mediaProto, "gzip", zipped[:len(zipped)-9])},
		{name: "no gzip", call: post(mediaProto, "gzip", body)},
		{name: "gzip that nobody said", call: post(mediaProto, "", zipped)},
		{name: "gzip twice", call: post(mediaProto, "gzip", gzipped(t, zipped))},
		{name: "gzip, gzip", call: post(mediaProto, "gzip, gzip", gzipped(t, zipped)),
			theirs: badProto, ours: unsupported, because: "HTTP has 415 for encodings, and its Accept-Encoding tells which there are"},
		{name: "zstd", call: post(mediaProto, "zstd", zstded(t, body))},
		{name: "zstd, nothing at all", call: post(mediaProto, "zstd", nil)},
		{name: "zstd in two parts", call: post(mediaProto, "zstd", append(zstded(t, body[:9]), zstded(t, body[9:])...))},
		{name: "zstd that breaks off", call: post(mediaProto, "zstd", zstded(t, body)[:20])},
		{name: "no zstd", call: post(mediaProto, "zstd", body)},
		{name: "no zstd of JSON", call: post(mediaJSON, "zstd", body)},
		{name: "zlib", call: post(mediaProto, "zlib", zlibbed(t, body)),
			theirs: okProto, ours: unsupported, because: "no exporter sends it unless it is told to, and the Collector alone takes it"},
		{name: "br", call: post(mediaProto, "br", body),
			theirs: badProto, ours: unsupported, because: "HTTP has 415 for encodings, and its Accept-Encoding tells which there are"},
		{name: "br of JSON", call: post(mediaJSON, "br", body),
			theirs: badJSON, ours: unsupported, because: "HTTP has 415 for encodings, and its Accept-Encoding tells which there are"},
		{name: "an encoding that nobody knows", call: post(mediaProto, "secret", body),
			theirs: badProto, ours: unsupported, because: "HTTP has 415 for encodings, and its Accept-Encoding tells which there are"},
		{name: "too large", call: post(mediaProto, "", large),
			theirs: badProto, ours: largeProto, because: "OTLP has 413 for it"},
		{name: "too large, chunked", call: call{path: "/v1/traces", media: mediaProto, body: large, chunked: true},
			theirs: badProto, ours: largeProto, because: "OTLP has 413 for it"},
		{name: "too large in JSON", call: post(mediaJSON, "", jsonTraces(t, limit)),
			theirs: badJSON, ours: largeJSON, because: "OTLP has 413 for it"},
		{name: "too large when gzip is undone", call: post(mediaProto, "gzip", gzipped(t, large)),
			theirs: badProto, ours: largeProto, because: "OTLP has 413 for it"},
		{name: "too large when zstd is undone", call: post(mediaProto, "zstd", zstded(t, large)),
			theirs: badProto, ours: largeProto, because: "OTLP has 413 for it"},
	}
}

// bodies are requests with all kinds of bodies.
func bodies(body, text []byte) []comparison {
	return []comparison{
		{name: "nothing", call: post(mediaProto, "", nil)},
		{name: "nothing in JSON", call: post(mediaJSON, "", nil),
			theirs: badJSON, ours: okJSON, because: "it is the empty message, as in Protobuf"},
		{name: "an empty object", call: post(mediaJSON, "", []byte("{}"))},
		{name: "no resources", call: post(mediaJSON, "", []byte(`{"resourceSpans":[]}`))},
		{name: "an empty resource", call: post(mediaJSON, "", []byte(`{"resourceSpans":[{}]}`))},
		{name: "an empty span", call: post(mediaJSON, "", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}`))},
		{name: "JSON", call: post(mediaJSON, "", text)},
		{name: "JSON with a parameter", call: post(mediaJSON+"; charset=utf-8", "", text)},
		{name: "JSON in capitals", call: post("Application/JSON", "", text)},
		{name: "Protobuf with a parameter", call: post(mediaProto+"; v=1", "", body)},
		{name: "a broken parameter", call: post(mediaJSON+"; charset", "", text),
			theirs: unsupported, ours: okJSON, because: "the media type is known all the same"},
		{name: "a byte order mark", call: post(mediaJSON, "", append([]byte("\ufeff"), text...)),
			theirs: brokenJSON, ours: okJSON, because: "some senders write one"},
		{name: "space around JSON", call: post(mediaJSON, "", []byte("\n "+string(text)+" \n"))},
		{name: "something after JSON", call: post(mediaJSON, "", []byte(string(text)+"x")),
			theirs: okJSON, ours: badJSON, because: "it would be lost without a word"},
		{name: "two objects", call: post(mediaJSON, "", []byte(string(text)+string(text))),
			theirs: okJSON, ours: badJSON, because: "the second one would be lost without a word"},
		{name: "JSON that breaks off", call: post(mediaJSON, "", text[:len(text)-2])},
		{name: "an array", call: post(mediaJSON, "", []byte("[]"))},
		{name: "null", call: post(mediaJSON, "", []byte("null")),
			theirs: okJSON, ours: badJSON, because: "it is no message"},
		{name: "a number", call: post(mediaJSON, "", []byte("1"))},
		{name: "no JSON", call: post(mediaJSON, "", body),
			theirs: brokenJSON, ours: badJSON, because: "a bad body is no fault of the server"},
		{name: "no Protobuf", call: post(mediaProto, "", text)},
		{name: "Protobuf that breaks off", call: post(mediaProto, "", body[:len(body)-1])},
		{name: "one byte", call: post(mediaProto, "", []byte{0xff})},
		{name: "a field that nobody knows", call: post(mediaProto, "", append([]byte{0x52, 1, 'x'}, body...))},
		{name: "a field of another type", call: post(mediaProto, "", []byte{0x08, 1})},
		{name: "a group", call: post(mediaProto, "", []byte{0x53, 0x54})},
		{name: "a field with the number 0", call: post(mediaProto, "", []byte{0x02, 0})},
		{name: "other names", call: post(mediaJSON, "", []byte(`{"resource_spans":[{}]}`))},
		{name: "unknown names", call: post(mediaJSON, "", []byte(`{"x":{"y":[1,"2",null]},"resourceSpans":[{"z":1}]}`))},
		{name: "null for absent", call: post(mediaJSON, "", []byte(`{"resourceSpans":[{"resource":null,"scopeSpans":null,"schemaUrl":null}]}`))},
	}
}

// values are requests with values of all kinds in JSON.
func values() []comparison {
	ids := func(trace, span string) []byte {
		return []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"` + trace + `","spanId":"` + span + `","endTimeUnixNano":"1790000000000000000"}]}]}]}`)
	}
	attribute := func(value string) []byte {
		return []byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":` + value + `}]}}]}`)
	}
	return []comparison{
		{name: "ids in capitals", call: post(mediaJSON, "", ids(strings.Repeat("AB", 16), strings.Repeat("AB", 8)))},
		{name: "a short id", call: post(mediaJSON, "", ids("ab", strings.Repeat("ab", 8)))},
		{name: "ids in base64", call: post(mediaJSON, "", ids("AQIDBAUGBwgJCgsMDQ4PEA==", "AQIDBAUGBwg="))},
		{name: "no ids", call: post(mediaJSON, "", ids("", ""))},
		{name: "an integer", call: post(mediaJSON, "", attribute(`{"intValue":1}`))},
		{name: "an integer as a text", call: post(mediaJSON, "", attribute(`{"intValue":"1"}`))},
		{name: "an integer that is none", call: post(mediaJSON, "", attribute(`{"intValue":"x"}`))},
		{name: "an integer that is too large", call: post(mediaJSON, "", attribute(`{"intValue":"99999999999999999999"}`))},
		{name: "a double as a text", call: post(mediaJSON, "", attribute(`{"doubleValue":"NaN"}`))},
		{name: "a double that is none", call: post(mediaJSON, "", attribute(`{"doubleValue":"x"}`))},
		{name: "a value that is null", call: post(mediaJSON, "", attribute(`null`))},
		{name: "two values", call: post(mediaJSON, "", attribute(`{"intValue":1,"stringValue":"x"}`))},
		{name: "the name of an enum", call: post(mediaJSON, "", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_CLIENT"}]}]}]}`))},
		{name: "values that nest 30 deep", call: post(mediaJSON, "", attribute(strings.Repeat(`{"arrayValue":{"values":[`, 30)+`{}`+strings.Repeat(`]}}`, 30)))},
		{name: "values that nest 200 deep", call: post(mediaJSON, "", attribute(strings.Repeat(`{"arrayValue":{"values":[`, 200)+`{}`+strings.Repeat(`]}}`, 200))),
			theirs: okJSON, ours: badJSON, because: "a limit of depth bounds the memory"},
	}
}

// paths are requests with media types, paths and methods of all kinds.
func paths(t *testing.T, body, text []byte) []comparison {
	t.Helper()
	return []comparison{
		{name: "logs", call: call{path: "/v1/logs", media: mediaProto, body: protoLogs(t)}},
		{name: "metrics", call: call{path: "/v1/metrics", media: mediaProto, body: protoMetrics(t)}},
		{name: "no metrics", call: call{path: "/v1/metrics", media: mediaJSON, body: []byte(`{"resourceMetrics":7}`)}},
		{name: "profiles", call: call{path: "/v1development/profiles", media: mediaProto}},
		{name: "text", call: post("text/plain", "", text)},
		{name: "Protobuf by another name", call: post("application/protobuf", "", body)},
		{name: "no media type", call: post("", "", body)},
		{name: "two media types", call: post("application/json, application/x-protobuf", "", text)},
		{name: "text, empty", call: post("text/plain", "", nil)},
		{name: "text, in an encoding that nobody knows", call: post("text/plain", "br", text),
			theirs: badJSON, ours: unsupported, because: "the media type comes first, as nothing could be read"},
		{name: "GET", call: call{method: "GET", path: "/v1/traces"}},
		{name: "PUT", call: call{method: "PUT", path: "/v1/traces", media: mediaJSON, body: text}},
		{name: "OPTIONS", call: call{method: "OPTIONS", path: "/v1/traces"}},
		{name: "GET, in an encoding that nobody knows", call: call{method: "GET", path: "/v1/traces", encoding: "br"},
			theirs: badJSON, ours: "405 text/plain", because: "the method comes first"},
		{name: "another path", call: call{path: "/v1/spans", media: mediaJSON, body: text}},
		{name: "a slash behind the path", call: call{path: "/v1/traces/", media: mediaJSON, body: text}},
		{name: "two slashes", call: call{path: "//v1/traces", media: mediaJSON, body: text}},
		{name: "a query behind the path", call: call{path: "/v1/traces?x=1", media: mediaJSON, body: text}},
		{name: "no path", call: call{path: "/", media: mediaJSON, body: text}},
	}
}

// failure is what the place answers that both store in, and the code by which the Collector answers. We answer later, always.
type failure struct {
	name   string
	err    error
	status string // Of HTTP.
	code   string
	why    string // Empty where both answer the same.
}

func failures(t *testing.T) []failure {
	t.Helper()
	return []failure{
		{"it does not answer", errPlain, "503", "Unavailable", "a sender that is not told when to come again comes at once, or never"},
		{"unavailable", status.Error(codes.Unavailable, "later"), "503", "Unavailable", "a sender that is not told when to come again comes at once, or never"},
		{"unavailable, with a time", withRetry(t, codes.Unavailable), "503", later, ""},
		{"out of time", status.Error(codes.DeadlineExceeded, "later"), "503", "DeadlineExceeded", "the deadline is that of the log, not that of the sender"},
		{"exhausted", status.Error(codes.ResourceExhausted, "later"), "429", "ResourceExhausted", "exporters drop what is refused so: only a key over its rate is"},
		{"exhausted, with a time", withRetry(t, codes.ResourceExhausted), "429", "ResourceExhausted RetryInfo 1..5 s", "the log is slow, and not the sender too fast"},
		{"it never takes it", consumererror.NewPermanent(errPlain), "500", "Internal", "events are validated before they are sent: the log takes them, later"},
		{"invalid", status.Error(codes.InvalidArgument, "no"), "400", "InvalidArgument", "events are validated before they are sent: the log takes them, later"},
		{"internal", status.Error(codes.Internal, "no"), "500", "Internal", "exporters drop what is answered with 500"},
	}
}

var errPlain = errors.New("it does not answer")

// withRetry is an error that says when to come again.
func withRetry(t *testing.T, code codes.Code) error {
	t.Helper()
	s, err := status.New(code, "later").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	must(t, err)
	return s.Err()
}
