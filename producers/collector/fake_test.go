package collector

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"tidemark/producers/collector/keys"
	"tidemark/producers/formats/fields"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// memorySink keeps the wire form of events. err, if set, is returned; block, if set, is waited for.
type memorySink struct {
	mu     sync.Mutex
	err    error
	block  <-chan struct{}
	events []string
	calls  int
}

var errDown = errors.New("no broker answers")

func (m *memorySink) Send(ctx context.Context, events []schemas.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.block != nil {
		select {
		case <-m.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if m.err != nil {
		return m.err
	}
	for _, e := range events {
		value, err := schemas.AppendEvent(nil, e)
		if err != nil {
			return err
		}
		m.events = append(m.events, string(value))
	}
	return nil
}

func (m *memorySink) set(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// stored returns the events since the last call.
func (m *memorySink) stored() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.events
	m.events = nil
	return all
}

// stub is an OTLP to which a span or a log record with the attribute model is a call, one with the attribute bad is
// rejected, and any other is skipped.
type stub struct{}

func (s stub) Spans(o Origin, body []byte, _ int) (Batch, error) {
	in := ptraceotlp.NewExportRequest()
	if err := in.UnmarshalProto(body); err != nil {
		return Batch{}, err
	}
	return s.Traces(o, in.Traces()), nil
}

func (stub) Traces(o Origin, traces ptrace.Traces) (b Batch) {
	n := 0
	for _, r := range traces.ResourceSpans().All() {
		for _, s := range r.ScopeSpans().All() {
			for _, span := range s.Spans().All() {
				trace, id := span.TraceID(), span.SpanID()
				b.stub(o, n, span.Attributes(), hex.EncodeToString(trace[:])+"/"+hex.EncodeToString(id[:]), span.EndTimestamp())
				n++
			}
		}
	}
	return b
}

func (stub) Logs(o Origin, logs plog.Logs) (b Batch) {
	n := 0
	for _, r := range logs.ResourceLogs().All() {
		for _, s := range r.ScopeLogs().All() {
			for _, record := range s.LogRecords().All() {
				b.stub(o, n, record.Attributes(), record.EventName(), record.Timestamp())
				n++
			}
		}
	}
	return b
}

func (b *Batch) stub(o Origin, n int, attributes pcommon.Map, id string, at pcommon.Timestamp) {
	model, isCall := attributes.Get("model")
	_, isBad := attributes.Get("bad")
	switch {
	case isBad:
		b.Rejected = append(b.Rejected, Rejected{Index: n, ID: id, Field: "bad", Reason: "is there"})
	case !isCall:
		if b.Skipped == nil {
			b.Skipped = map[string]uint64{}
		}
		b.Skipped["stub: no model"]++
	default:
		e := &usagev1.TokenCall{Source: "otlp", Id: id, TimeUs: new(int64(at) / 1000), Tenant: o.Tenant, Product: "p", Model: model.Str(), Status: usagev1.Status_STATUS_OK}
		if tokens, ok := attributes.Get("tokens"); ok {
			e.Revision = uint64(tokens.Int()) // A number of any size.
		}
		b.Events, b.Places = append(b.Events, e), append(b.Places, n)
	}
}

// reports keeps what was counted.
type reports struct {
	mu  sync.Mutex
	all []Report
}

func (r *reports) Answered(one Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, one)
}

func (r *reports) last(t *testing.T) Report {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 {
		t.Fatal("nothing was counted")
	}
	return r.all[len(r.all)-1]
}

// fixture is a server without ports, and all around it.
type fixture struct {
	t       *testing.T
	sink    *memorySink
	reports *reports
	server  *Server
	handler http.Handler
}

// start returns a server for the tenant acme, changed by change.
func start(t *testing.T, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, sink: &memorySink{}, reports: &reports{}}
	c := Config{Sink: f.sink, OTLP: stub{}, Users: fields.KeyedUsers([]byte("0123456789abcdef")), Tenant: "acme", Product: "p", Counters: f.reports}
	if change != nil {
		change(&c)
	}
	f.server = New(c)
	f.handler = f.server.Handler()
	return f
}

// post sends a request; header are names and values.
func (f *fixture) post(path, media string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodPost, "http://127.0.0.1:4318"+path, body)
	r.Header.Set("Content-Type", media)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if used := f.server.InFlight(); used != 0 {
		f.t.Errorf("%d bytes are still in flight after %s", used, path)
	}
	return w
}

func (f *fixture) postText(path, media, body string, header ...string) *httptest.ResponseRecorder {
	f.t.Helper()
	return f.post(path, media, strings.NewReader(body), header...)
}

// keyFile makes a file of one key per change, each of the tenant acme, and returns the keys.
func keyFile(t *testing.T, changes ...string) (*keys.Ring, []string) {
	t.Helper()
	var content bytes.Buffer
	var texts []string
	for _, change := range changes {
		text, line, err := keys.New("acme")
		if err != nil {
			t.Fatal(err)
		}
		content.WriteString(strings.TrimSuffix(line, "}") + change + "}\n")
		texts = append(texts, text)
	}
	path := filepath.Join(t.TempDir(), "keys.jsonl")
	if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Open(path, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return ring, texts
}

// spans returns traces with one span per name, which ends now: call, bad or other.
func spans(names ...string) ptrace.Traces {
	traces := ptrace.NewTraces()
	all := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	now := pcommon.NewTimestampFromTime(time.Now())
	for i, name := range names {
		span := all.AppendEmpty()
		span.SetTraceID(pcommon.TraceID{1, 2, 3})
		span.SetSpanID(pcommon.SpanID{byte(i), byte(i >> 8), 1})
		span.SetEndTimestamp(now)
		switch name {
		case "call":
			span.Attributes().PutStr("model", "m")
		case "invalid":
			span.Attributes().PutStr("model", strings.Repeat("m", 300))
		case "old":
			span.SetEndTimestamp(1)
			span.Attributes().PutStr("model", "m")
		default:
			span.Attributes().PutBool(name, true)
		}
	}
	return traces
}

// query is an object of ours with an id, in the format of /v1/events.
func query(id string, more ...string) string {
	return `{"type":"query","source":"s","id":"` + id + `","time":"` + time.Now().UTC().Format(time.RFC3339) + `"` + strings.Join(more, "") + `}`
}

// cloud is a CloudEvent with an id.
func cloud(id string, more ...string) string {
	return `{"specversion":"1.0","type":"org.example.query.v1","source":"s","id":"` + id + `","time":"` + time.Now().UTC().Format(time.RFC3339) + `"` + strings.Join(more, "") + `}`
}

func repeat(name string, n int) []string { return slices.Repeat([]string{name}, n) }
