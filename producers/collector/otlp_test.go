package collector

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/proto"

	usagev1 "tidemark/schemas/usage/v1"
)

// TestJSON sends the forms of OTLP in JSON that real senders write, and those that are wrong.
func TestJSON(t *testing.T) {
	now := time.Now().UnixNano() / 1000 * 1000
	at := strconv.FormatInt(now, 10)
	span := func(ids, rest string) string {
		return `{"resourceSpans":[{"scopeSpans":[{"spans":[{` + ids + `,"endTimeUnixNano":"` + at + `","attributes":[{"key":"model","value":{"stringValue":"m"}}` + rest + `]}]}]}]}`
	}
	const ids = `"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"`
	tokens := func(value string) string { return span(ids, `,{"key":"tokens","value":{"intValue":`+value+`}}`) }
	nested := func(n int) string {
		return span(ids, `,{"key":"deep","value":`+strings.Repeat(`{"kvlistValue":{"values":[{"key":"k","value":`, n)+`{"intValue":1}`+strings.Repeat(`}]}}`, n)+`}`)
	}
	for _, tt := range []struct {
		name, body string
		status     int
		tokens     uint64 // 0 for none.
		want       string
	}{
		{"int64 as a text", tokens(`"9007199254740993"`), 200, 9007199254740993, ""},
		{"int64 as a number", tokens(`9007199254740991`), 200, 9007199254740991, ""},
		{"a number of more digits than a float has, beside a null", strings.Replace(tokens(`9007199254740993`), `"spanId"`, `"name":null,"kind":null,"startTimeUnixNano":null,"parentSpanId":null,"spanId"`, 1), 200, 9007199254740993, ""},
		{"a number as the time", strings.Replace(tokens(`1`), `"`+at+`"`, at, 1), 200, 1, ""},
		{"ids in upper case", span(`"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174"`, ""), 200, 0, ""},
		{"unknown fields", strings.Replace(tokens("1"), `"traceId"`, `"entityRefs":[{"x":{"y":[1,null]}}],"traceId"`, 1), 200, 1, ""},
		{"an enum as a name", strings.Replace(tokens("1"), `"traceId"`, `"kind":"SPAN_KIND_CLIENT","traceId"`, 1), 200, 1, ""},
		{"names with underscores", strings.NewReplacer("resourceSpans", "resource_spans", "scopeSpans", "scope_spans", "traceId", "trace_id", "spanId", "span_id", "endTimeUnixNano", "end_time_unix_nano").Replace(tokens("1")), 200, 1, ""},
		{"a byte order mark", "\ufeff" + tokens("1") + "\r\n", 200, 1, ""},
		{"a key twice", strings.Replace(tokens("1"), `"traceId"`, `"spanId":"0000000000000001","traceId"`, 1), 200, 1, ""},
		{"not a number", span(ids, `,{"key":"x","value":{"doubleValue":"NaN"}}`), 200, 0, ""},
		{"as deep as may be", nested(31), 200, 0, ""},
		{"an enum of no name", strings.Replace(tokens("1"), `"traceId"`, `"kind":"CLIENT","traceId"`, 1), 400, 0, "unknown string value"},
		{"base64 ids", span(`"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"7uGbfsPBsXQ="`, ""), 400, 0, "base64 is not OTLP"},
		{"short ids", span(`"traceId":"5b8eff","spanId":"eee19b7ec3c1b174"`, ""), 400, 0, "hexadecimal"},
		{"ids of other letters", span(`"traceId":"zz8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"`, ""), 400, 0, "hexadecimal"},
		{"something behind", tokens("1") + "x", 400, 0, "something follows"},
		{"two bodies", tokens("1") + tokens("1"), 400, 0, "something follows"},
		{"cut off", tokens("1")[:100], 400, 0, "unexpected EOF"},
		{"a bracket too many", "{}}", 400, 0, "something follows"},
		{"no JSON", "{]", 400, 0, ""},
		{"a text", `"{}"`, 400, 0, "no object"},
		{"too deep", nested(100), 400, 0, "too deep"},
		{"much too deep", strings.Repeat("[", 1<<20), 400, 0, ""},
		{"a secret where a number should be", tokens(`"secret"`), 400, 0, "invalid syntax"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t, nil)
			w := f.postText("/v1/traces", mediaJSON, tt.body)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "secret") {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if tt.status != 200 {
				return
			}
			stored := f.sink.stored()
			if len(stored) != 1 {
				t.Fatalf("%d stored", len(stored))
			}
			var e usagev1.TokenCall
			if err := proto.Unmarshal([]byte(stored[0]), &e); err != nil {
				t.Fatal(err)
			}
			if e.Revision != tt.tokens || e.Id != "5b8efff798038103d269b633813fc60c/eee19b7ec3c1b174" || e.GetTimeUs() != now/1000 {
				t.Errorf("%v", &e)
			}
		})
	}
}

// TestProtoDepth: what the library can decode and is deeper than the limit is refused before it is decoded.
func TestProtoDepth(t *testing.T) {
	for levels, status := range map[int]int{30: 200, 40: 400, 5000: 400} {
		traces := spans("call")
		m := traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutEmptyMap("deep")
		for range levels {
			m = m.PutEmptyMap("k")
		}
		body, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		if w := start(t, nil).postText("/v1/traces", mediaProto, string(body)); w.Code != status {
			t.Errorf("%d levels: %d %q", levels, w.Code, w.Body)
		}
	}
}

// TestMetrics are skipped under the rule that says so.
func TestMetrics(t *testing.T) {
	f := start(t, nil)
	w := f.postText("/v1/metrics", mediaJSON, `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{},{}]}}]}]}]}`)
	if got := f.reports.last(t); w.Code != 200 || got.Skipped[metricsRule] != 2 || len(got.Skipped) != 1 {
		t.Errorf("%d, counted %+v", w.Code, got)
	}
}
