package collector

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"tidemark/internal/webguard"
)

func gzipped(t *testing.T, bodies ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, body := range bodies {
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func zstdOf(t *testing.T, body string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed := string(w.EncodeAll([]byte(body), nil))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed
}

func protoOf(t *testing.T, names ...string) string {
	t.Helper()
	body, err := ptraceotlp.NewExportRequestFromTraces(spans(names...)).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func jsonOf(t *testing.T, names ...string) string {
	t.Helper()
	body, err := ptraceotlp.NewExportRequestFromTraces(spans(names...)).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

const (
	mediaProto = "application/x-protobuf"
	mediaJSON  = "application/json"
	mediaCloud = "application/cloudevents+json"
	mediaBatch = "application/cloudevents-batch+json"
	mediaLines = "application/x-ndjson"
)

// TestAnswers goes through the table of answers over HTTP.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, path, media, body string
		header                  []string
		status, stored          int
		want                    string // Part of the body; "-" for an empty one.
	}{
		{"spans", "/v1/traces", mediaProto, protoOf(t, "call", "other"), nil, 200, 1, "-"},
		{"spans in JSON", "/v1/traces", mediaJSON + "; charset=utf-8", jsonOf(t, "call", "other"), nil, 200, 1, "{}"},
		{"gzip", "/v1/traces", mediaProto, gzipped(t, protoOf(t, "call")), []string{"Content-Encoding", "gzip"}, 200, 1, "-"},
		{"two members of gzip", "/v1/traces", mediaProto, gzipped(t, protoOf(t, "call")[:20], protoOf(t, "call")[20:]), []string{"Content-Encoding", "GZIP"}, 200, 1, "-"},
		{"zstd", "/v1/traces", mediaJSON, zstdOf(t, jsonOf(t, "call")), []string{"Content-Encoding", "zstd"}, 200, 1, "{}"},
		{"identity", "/v1/traces", mediaProto, protoOf(t, "call"), []string{"Content-Encoding", "identity"}, 200, 1, "-"},
		{"some rejected", "/v1/traces", mediaJSON, jsonOf(t, "call", "bad", "invalid"), nil, 200, 1, `{"partialSuccess":{"rejectedSpans":"2","errorMessage":"2 rejected; the first is item 1: bad is there"}}`},
		{"all rejected", "/v1/traces", mediaJSON, jsonOf(t, "invalid"), nil, 200, 0, "model is longer than 256 bytes"},
		{"too late", "/v1/traces", mediaJSON, jsonOf(t, "old"), nil, 200, 0, "too_late"},
		{"no spans", "/v1/traces", mediaProto, "", nil, 200, 0, "-"},
		{"no spans in JSON", "/v1/traces", mediaJSON, "", nil, 200, 0, "{}"},
		{"empty in JSON", "/v1/traces", mediaJSON, "{}", nil, 200, 0, "{}"},
		{"a test of the connection", "/v1/traces", mediaJSON, `{"resourceSpans":[]}`, []string{"X-Test-Connection", "true"}, 200, 0, "{}"},
		{"other names", "/v1/traces", mediaJSON, `{"ResourceSpans":[{}]}`, nil, 200, 0, "the body has no resourceSpans"},
		{"an endpoint that ends with a slash", "//v1/traces", mediaProto, protoOf(t, "call"), nil, 200, 1, "-"},
		{"metrics", "/v1/metrics", mediaJSON, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"n","sum":{"dataPoints":[{"asInt":"1"},{"asInt":2}]}}]}]}]}`, nil, 200, 0, "{}"},
		{"logs", "/v1/logs", mediaJSON, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"bad","value":{"boolValue":true}}]}]}]}]}`, nil, 200, 0, `"rejectedLogRecords":"1"`},
		{"no OTLP", "/v1/traces", mediaProto, "\xff", nil, 400, 0, "Protobuf"},
		{"no OTLP in JSON, and no UTF-8 either", "/v1/traces", mediaJSON, `{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":` + "\xf4" + `}]}]}]}`, nil, 400, 0, `"code":3`},
		{"no OTLP in JSON", "/v1/traces", mediaJSON, "[]", nil, 400, 0, "no object"},
		{"no gzip", "/v1/traces", mediaJSON, "{}", []string{"Content-Encoding", "gzip"}, 400, 0, "not gzip"},
		{"gzip cut off", "/v1/traces", mediaJSON, gzipped(t, "{}")[:12], []string{"Content-Encoding", "gzip"}, 400, 0, "not gzip"},
		{"something after gzip", "/v1/traces", mediaJSON, gzipped(t, "{}") + "more of it", []string{"Content-Encoding", "gzip"}, 400, 0, "not gzip"},
		{"no zstd", "/v1/traces", mediaJSON, "{}", []string{"Content-Encoding", "zstd"}, 400, 0, "not zstd"},
		{"another encoding", "/v1/traces", mediaJSON, "{}", []string{"Content-Encoding", "br"}, 415, 0, "gzip or zstd"},
		{"another type", "/v1/traces", "text/plain", "{}", nil, 415, 0, "text/plain"},
		{"no type", "/v1/traces", "", "{}", nil, 415, 0, "no media type"},

		{"a CloudEvent", "/v1/cloudevents", mediaCloud + "; charset=utf-8", cloud("1"), nil, 202, 1, "-"},
		{"a batch", "/v1/cloudevents", mediaBatch, "[" + cloud("1") + "," + cloud("2") + "]", nil, 202, 2, "-"},
		{"an empty batch", "/v1/cloudevents", mediaBatch, "[]", nil, 202, 0, "-"},
		{"OpenMeter, one", "/api/v1/events", mediaJSON + ";charset=utf-8", cloud("1"), nil, 204, 1, "-"},
		{"OpenMeter, an array", "/api/v1/events", mediaJSON, "[" + cloud("1") + "," + cloud("2") + "]", nil, 204, 2, "-"},
		{"OpenMeter, structured", "/api/v1/events", mediaCloud, cloud("1"), nil, 204, 1, "-"},
		{"an array as one event", "/v1/cloudevents", mediaCloud, "[" + cloud("1") + "]", nil, 400, 0, "is an array"},
		{"one event as a batch", "/v1/cloudevents", mediaBatch, cloud("1"), nil, 400, 0, "not an array"},
		{"headers beside a structured event", "/v1/cloudevents", mediaCloud, cloud("1"), []string{"Ce-Id", "2", "Ce-Type", "none"}, 202, 1, "-"},
		{"some rejected in a batch", "/v1/cloudevents", mediaBatch, "[" + cloud("1") + "," + cloud("2", `,"tenant":"other"`) + "]", nil, 200, 1, `{"accepted":1,"rejected":[{"index":1,"id":"2","field":"tenant","reason":"is another one than that of the sender"}]}`},
		{"all rejected in a batch", "/v1/cloudevents", mediaBatch, "[1]", nil, 400, 0, `{"accepted":0,"rejected":[{"index":0,"reason":"the item is not a JSON object"}]}`},
		{"a batch that breaks off", "/v1/cloudevents", mediaBatch, "[" + cloud("1") + ",", nil, 400, 0, "not a JSON array"},
		{"another format of CloudEvents", "/v1/cloudevents", "application/cloudevents+avro", "", nil, 415, 0, "avro"},
		{"no CloudEvent", "/v1/cloudevents", "text/plain", "x", nil, 415, 0, "text/plain"},
		{"an unknown type", "/v1/cloudevents", mediaJSON, `{"specversion":"1.0","type":"a.secret","source":"s","id":"1","time":"2026-11-28T00:00:00Z"}`, nil, 400, 0, `"field":"type","reason":"does not end in one of`},

		{"an object", "/v1/events", mediaJSON, query("1"), nil, 200, 1, `{"accepted":1,"rejected":[]}`},
		{"an object over several lines", "/v1/events", mediaLines, strings.ReplaceAll(query("1"), ",", ",\n"), nil, 200, 1, `{"accepted":1,"rejected":[]}`},
		{"an array", "/v1/events", mediaJSON, "\ufeff[" + query("1") + "," + query("2") + "]", nil, 200, 2, `{"accepted":2,"rejected":[]}`},
		{"lines", "/v1/events", mediaLines, query("1") + "\n\nbroken\r\n" + query("2"), nil, 200, 2, `{"accepted":2,"rejected":[{"index":1,"reason":"the item is not a JSON object"}]}`},
		{"nothing", "/v1/events", mediaLines, "", nil, 200, 0, `{"accepted":0,"rejected":[]}`},
		{"a weight of 0", "/v1/events", mediaLines, query("1", `,"weight":0`), nil, 200, 0, `{"accepted":0,"rejected":[]}`},
		{"no event of ours", "/v1/events", mediaJSON, "1", nil, 400, 0, "neither"},
		{"a field", "/v1/events", mediaJSON, query("1", `,"weight":"secret"`), nil, 400, 0, `{"accepted":0,"rejected":[{"index":0,"id":"1","field":"weight","reason":"is not a number"}]}`},
		{"a field that is none", "/v1/events", mediaJSON, query("1", `,"contry":"secret"`), nil, 400, 0, `{"accepted":0,"rejected":[{"index":0,"id":"1","field":"contry","reason":"is no field of such an event"}]}`},
		{"a run", "/v1/events", mediaJSON, query("1", `,"run":"secret"`), nil, 400, 0, `"field":"run","reason":"is that of the program that takes the events: no sender may name it"`},
		{"a field that is long", "/v1/events", mediaJSON, query("1", `,"`+strings.Repeat("x", 500)+`":1`), nil, 400, 0, `"field":"` + strings.Repeat("x", 128) + `"`},
		{"data that is none of ours", "/v1/cloudevents", mediaCloud, cloud("1", `,"data":{"contry":1,"run":"r"}`), nil, 202, 1, ""},
		{"too deep", "/v1/events", mediaJSON, query("1", `,"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)), nil, 400, 0, "nests deeper than 32"},
		{"in the future", "/v1/events", mediaJSON, `{"type":"query","source":"s","id":"1","time":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`, nil, 400, 0, "in_future"},

		{"another path", "/v1/spans", mediaJSON, "{}", nil, 404, 0, ""},
		{"a page elsewhere", "/v1/traces", mediaJSON, "{}", []string{"Origin", "https://evil.example"}, 403, 0, `"code":7`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, func(c *Config) { c.Guard = webguard.New("127.0.0.1") })
			w := f.postText(tt.path, tt.media, tt.body, tt.header...)
			stored := f.sink.stored()
			text := strings.ReplaceAll(w.Body.String(), ", ", ",")
			if w.Code != tt.status || len(stored) != tt.stored || tt.want == "-" && text != "" || tt.want != "-" && !strings.Contains(strings.ReplaceAll(text, `": `, `":`), strings.ReplaceAll(tt.want, ", ", ",")) {
				t.Errorf("status %d with %d stored: %q; want %d with %d: %q", w.Code, len(stored), w.Body, tt.status, tt.stored, tt.want)
			}
			if strings.Contains(text, "secret") {
				t.Errorf("the answer repeats a value: %s", text)
			}
			if tt.status == 404 {
				return
			}
			got := f.reports.last(t)
			if got.Status != tt.status || got.Accepted.Total() != tt.stored {
				t.Errorf("counted %+v", got)
			}
			if !got.addsUp() || (got.Refused != "") != (tt.status >= 400 && got.Received == 0) {
				t.Errorf("received items are unaccounted for: %+v", got)
			}
			again := f.postText(tt.path, tt.media, tt.body, tt.header...)
			if again.Code != w.Code || !slices.Equal(f.sink.stored(), stored) {
				t.Error("the same bytes gave other events")
			}
		})
	}
}

// TestMethods asks with other methods than the path has.
func TestMethods(t *testing.T) {
	f := start(t, nil)
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v1/traces", 405}, {"PUT", "/v1/events", 405}, {"OPTIONS", "/v1/traces", 405}, {"POST", "/healthz", 405},
		{"GET", "/healthz", 200}, {"HEAD", "/readyz", 200}, {"GET", "/", 404},
	} {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, http.NoBody))
		if w.Code != tt.status || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || tt.status == 405 && w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: %d %v", tt.method, tt.path, w.Code, w.Header())
		}
	}
}

func TestReady(t *testing.T) {
	var down error
	f := start(t, func(c *Config) { c.Ready = func(context.Context) error { return down } })
	ask := func() int {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", http.NoBody))
		return w.Code
	}
	if got := ask(); got != 200 {
		t.Errorf("ready: %d", got)
	}
	down = errDown
	if got := ask(); got != 503 {
		t.Errorf("down: %d", got)
	}
	down = nil
	<-f.server.drain.start()
	if got := ask(); got != 503 {
		t.Errorf("draining: %d", got)
	}
}

// checkRetry checks a refusal for a time: the whole request, a wait of 1 to 5 s, and the status in the encoding of the
// request.
func checkRetry(t *testing.T, w *httptest.ResponseRecorder, status int, code codes.Code) {
	t.Helper()
	seconds, err := strconv.Atoi(w.Header().Get("Retry-After"))
	if w.Code != status || err != nil || seconds < 1 || seconds > 5 {
		t.Errorf("status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	var got spb.Status
	if w.Header().Get("Content-Type") == mediaProto {
		err = proto.Unmarshal(w.Body.Bytes(), &got)
	} else {
		err = protojson.Unmarshal(w.Body.Bytes(), &got)
	}
	if err != nil || codes.Code(got.Code) != code || got.Message == "" {
		t.Errorf("%v, %v", err, &got)
	}
}

// TestLogDown: the request is refused as a whole, and accepted when the log is back.
func TestLogDown(t *testing.T) {
	var told []error
	f := start(t, func(c *Config) { c.Failed = func(err error) { told = append(told, err) } })
	f.sink.set(errDown)
	body := protoOf(t, "call", "bad")
	checkRetry(t, f.postText("/v1/traces", mediaProto, body, "User-Agent", "OTel-OTLP-Exporter-Rust/0.31.0"), 503, codes.Unavailable)
	if got := f.reports.last(t); got.Forgetful != "opentelemetry-rust" || got.Accepted.Total() != 0 || got.Rejected != nil {
		t.Errorf("counted %+v", got)
	}
	checkRetry(t, f.postText("/v1/traces", mediaJSON, jsonOf(t, "call")), 503, codes.Unavailable)
	if w := f.postText("/v1/events", mediaJSON, query("1")); w.Code != 503 || !strings.Contains(w.Body.String(), `"error"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(told) != 3 || told[0] != errDown { //nolint:errorlint // It is the same value.
		t.Errorf("told %v", told)
	}
	if w := f.postText("/v1/traces", mediaJSON, jsonOf(t, "other")); w.Code != 200 {
		t.Errorf("a request without events needs no log, and got %d", w.Code)
	}
	f.sink.set(nil)
	if w := f.postText("/v1/traces", mediaProto, body); w.Code != 200 || len(f.sink.stored()) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestLogSlow: what the log has not acknowledged in time is refused.
func TestLogSlow(t *testing.T) {
	f := start(t, func(c *Config) { c.Limits.Send = 10 * time.Millisecond })
	f.sink.block = make(chan struct{})
	checkRetry(t, f.postText("/v1/traces", mediaProto, protoOf(t, "call")), 503, codes.Unavailable)
}

// TestNoMeaning: a collector without OTLP refuses spans and log records, and takes the rest.
func TestNoMeaning(t *testing.T) {
	f := start(t, func(c *Config) { c.OTLP = nil })
	for path, status := range map[string]int{"/v1/traces": 404, "/v1/logs": 404, "/v1/metrics": 200} {
		if w := f.postText(path, mediaJSON, "{}"); w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestDraining(t *testing.T) {
	f := start(t, nil)
	<-f.server.drain.start()
	checkRetry(t, f.postText("/v1/traces", mediaProto, protoOf(t, "call")), 503, codes.Unavailable)
}

// TestKeys: who may send what.
func TestKeys(t *testing.T) {
	ring, texts := keyFile(t, "", `,"disabled":true`, `,"endpoints":["logs"]`, `,"backfill":true`, `,"rate":2`)
	f := start(t, func(c *Config) { c.Keys, c.Tenant = ring, "" })
	for _, tt := range []struct {
		name, body string
		header     []string
		status     int
		want       string
	}{
		{"none", protoOf(t, "call"), nil, 401, "not known"},
		{"unknown", protoOf(t, "call"), []string{"Authorization", "Bearer " + texts[0] + "0"}, 401, "not known"},
		{"disabled", protoOf(t, "call"), []string{"Authorization", "Bearer " + texts[1]}, 403, "disabled"},
		{"another endpoint", protoOf(t, "call"), []string{"X-API-Key", texts[2]}, 403, "may not send to traces"},
		{"known", protoOf(t, "call"), []string{"X-API-Key", texts[0]}, 200, ""},
		{"old", protoOf(t, "old"), []string{"X-API-Key", texts[0]}, 200, "too_late"},
		{"old, to backfill", protoOf(t, "old"), []string{"X-API-Key", texts[3]}, 200, ""},
	} {
		w := f.postText("/v1/traces", mediaProto, tt.body, tt.header...)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "acme") {
			t.Errorf("%s: %d %q", tt.name, w.Code, w.Body)
		}
		if got := f.reports.last(t); (got.Key == "") != (tt.status == 401 || tt.status == 403 && tt.name == "disabled") {
			t.Errorf("%s: counted for key %q", tt.name, got.Key)
		}
	}
	// Two seconds' worth may come at once, and more in one request. The next must wait, and other keys need not.
	rated := []string{"X-API-Key", texts[4]}
	if w := f.postText("/v1/traces", mediaProto, protoOf(t, repeat("call", 6)...), rated...); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	checkRetry(t, f.postText("/v1/traces", mediaProto, protoOf(t, "call"), rated...), 429, codes.ResourceExhausted)
	if w := f.postText("/v1/traces", mediaProto, protoOf(t, "call"), "X-API-Key", texts[0]); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
