package collector

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"tidemark/schemas"
)

// check sends a body twice: the answers and the events are equal, and valid; the status is one of the table; and all
// memory is given back.
func check(t *testing.T, path, media string, body []byte, header ...string) {
	t.Helper()
	f := start(t, func(c *Config) {
		c.Limits = Limits{Body: 1 << 16, InFlight: 32 << 20, Items: 100, Past: -1, Future: -1}
	})
	var events [2][]string
	var answers [2]*httptest.ResponseRecorder
	for i := range answers {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1"+path, bytes.NewReader(body))
		r.Header.Set("Content-Type", media)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answers[i] = httptest.NewRecorder()
		f.handler.ServeHTTP(answers[i], r)
		events[i] = f.sink.stored()
	}
	if !slices.Contains([]int{200, 202, 204, 400, 413}, answers[0].Code) {
		t.Errorf("status %d: %s", answers[0].Code, answers[0].Body)
	}
	if answers[0].Code != answers[1].Code || !slices.Equal(events[0], events[1]) {
		t.Error("the same bytes gave other events")
	}
	if used := f.server.InFlight(); used != 0 {
		t.Errorf("%d bytes are still in flight", used)
	}
	got := f.reports.last(t)
	for _, bad := range got.Rejected {
		if strings.ContainsRune(bad.Reason, '"') || bad.Reason == "" {
			t.Errorf("rejected for %q", bad.Reason)
		}
	}
	for _, value := range events[0] {
		if !decodes([]byte(value)) {
			t.Errorf("%q is no event", value)
		}
	}
}

// decodes reports whether a value is an event of some type.
func decodes(value []byte) bool {
	for _, spec := range schemas.Specs() {
		e := schemas.NewEvent(spec.Type)
		if proto.Unmarshal(value, e) == nil && schemas.Validate(e) == nil {
			return true
		}
	}
	return false
}

func FuzzTraces(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add([]byte("{}"), true)
	f.Add([]byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","endTimeUnixNano":"1795860000000000000","kind":null,"attributes":[{"key":"model","value":{"stringValue":"m"}}]}]}]}]}`), true)
	f.Add([]byte("\x0a\x06\x12\x04\x12\x02\x4a\x00"), false)
	f.Fuzz(func(t *testing.T, body []byte, inJSON bool) {
		media := mediaProto
		if inJSON {
			media = mediaJSON
		}
		check(t, "/v1/traces", media, body)
	})
}

func FuzzLogs(f *testing.F) {
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"1","timeUnixNano":1795860000000000000,"body":{"arrayValue":{"values":[{"intValue":"1"}]}},"attributes":[{"key":"model","value":{"stringValue":"m"}}]}]}]}]}`), true)
	f.Add([]byte("\x0a\x06\x12\x04\x12\x02\x32\x00"), false)
	f.Fuzz(func(t *testing.T, body []byte, inJSON bool) {
		media := mediaProto
		if inJSON {
			media = mediaJSON
		}
		check(t, "/v1/logs", media, body)
	})
}

func FuzzMetrics(f *testing.F) {
	f.Add([]byte(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":["1",2]}]}}]}]}]}`), true)
	f.Add([]byte("\x0a\x08\x12\x06\x12\x04\x2a\x02\x0a\x00"), false)
	f.Fuzz(func(t *testing.T, body []byte, inJSON bool) {
		media := mediaProto
		if inJSON {
			media = mediaJSON
		}
		check(t, "/v1/metrics", media, body)
	})
}

func FuzzCloudEvents(f *testing.F) {
	f.Add([]byte(cloud("1", `,"data":{"model":"m"}`)), "1", uint8(0))
	f.Add([]byte("["+cloud("1", `,"data_base64":"e30="`)+",{}]"), "1", uint8(1))
	f.Add([]byte(`{"model":"m"}`), "a%20b%", uint8(2))
	f.Fuzz(func(t *testing.T, body []byte, id string, mode uint8) {
		switch mode % 4 {
		case 0:
			check(t, "/v1/cloudevents", mediaCloud, body)
		case 1:
			check(t, "/v1/cloudevents", mediaBatch, body)
		case 2:
			check(t, "/v1/cloudevents", mediaJSON, body, "Ce-Specversion", "1.0", "Ce-Id", id, "Ce-Source", id, "Ce-Type", "query", "Ce-Time", "2026-11-28T10:00:00Z")
		default:
			check(t, "/api/v1/events", mediaJSON, body)
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte(query("1")))
	f.Add([]byte(query("1") + "\n{\n" + query("2")))
	f.Add([]byte("\ufeff[" + query("1", `,"weight":0`) + "," + query("2", `,"tenant":"other"`) + "]"))
	f.Fuzz(func(t *testing.T, body []byte) { check(t, "/v1/events", mediaLines, body) })
}

// FuzzInflate: whatever is sent as compressed takes no more memory than it may.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00"), false)
	f.Add([]byte("(\xb5/\xfd\x04\x00\x11\x00\x00{}"), true)
	f.Fuzz(func(t *testing.T, body []byte, inZstd bool) {
		encoding := "gzip"
		if inZstd {
			encoding = "zstd"
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		check(t, "/v1/traces", mediaJSON, body, "Content-Encoding", encoding)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Errorf("%d bytes were allocated", taken)
		}
	})
}
