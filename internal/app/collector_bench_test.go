package app

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"golang.org/x/sync/errgroup"

	"tidemark/producers"
	"tidemark/producers/collector"
	"tidemark/producers/formats/fields"
)

// nowhere is a log that keeps nothing.
type nowhere struct{}

func (nowhere) Partitions(context.Context, string) (int, error)  { return 8, nil }
func (nowhere) Append(context.Context, []producers.Record) error { return nil }

// spansOfRequest and spansOfTrace are the size of what the benchmark sends.
const (
	spansOfRequest = 100
	spansOfTrace   = 4
)

// mark returns 8 bytes that stand nowhere else in a request, to be found and replaced.
func mark(n uint64) (b [8]byte) {
	binary.BigEndian.PutUint64(b[:], 0xf1f2f3f4f5f60000+n)
	return b
}

// manyCalls returns a request whose spans are calls, and the places of their ids.
func manyCalls(b *testing.B, seed int) (body []byte, traces, spans, ids []int) {
	b.Helper()
	r := ptraceotlp.NewExportRequest()
	rs := r.Traces().ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "support-chat")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("opentelemetry.instrumentation.genai.openai")
	now := time.Now()
	for n := range spansOfRequest {
		s := ss.Spans().AppendEmpty()
		trace, span := mark(uint64(0x1000+n/spansOfTrace)), mark(uint64(n))
		s.SetTraceID(pcommon.TraceID(append(trace[:], 1, 2, 3, 4, 5, 6, 7, 8)))
		s.SetSpanID(span)
		s.SetParentSpanID(pcommon.SpanID{9, 9, byte(n / spansOfTrace)})
		s.SetName("chat gpt-5.6-mini")
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Duration(n) * time.Second)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
		a := s.Attributes()
		for _, text := range [][2]string{
			{"gen_ai.operation.name", "chat"}, {"gen_ai.provider.name", "openai"}, {"gen_ai.request.model", "gpt-5.6-mini"}, {"server.address", "api.openai.com"},
			{"gen_ai.conversation.id", "conv_5fd2c1be8ad64b0d9d3a2b11"}, {"gen_ai.response.model", "gpt-5.6-mini-2026-09-01"},
			{"gen_ai.response.id", "chatcmpl-Cx7Jq2vPz" + hex.EncodeToString(span[:])}, {"openai.response.service_tier", "default"},
		} {
			a.PutStr(text[0], text[1])
		}
		a.PutInt("server.port", 443)
		a.PutEmptySlice("gen_ai.response.finish_reasons").AppendEmpty().SetStr("stop")
		a.PutInt("gen_ai.usage.input_tokens", int64(2000+97*n+seed))
		a.PutInt("gen_ai.usage.cache_read.input_tokens", int64(n))
		a.PutInt("gen_ai.usage.output_tokens", int64(300+n))
		a.PutInt("gen_ai.usage.reasoning.output_tokens", 20)
	}
	body, err := r.MarshalProto()
	if err != nil {
		b.Fatal(err)
	}
	for n := range spansOfRequest {
		trace, span := mark(uint64(0x1000+n/spansOfTrace)), mark(uint64(n))
		spans, ids = append(spans, bytes.Index(body, span[:])), append(ids, bytes.Index(body, []byte(hex.EncodeToString(span[:]))))
		from := 0
		if n%spansOfTrace > 0 {
			from = traces[n-1] + 1
		}
		traces = append(traces, from+bytes.Index(body[from:], trace[:]))
	}
	return body, traces, spans, ids
}

// BenchmarkCollect takes requests of 100 spans, each a call, from the body to the log. An operation is one span.
func BenchmarkCollect(b *testing.B) {
	var bodies [100][]byte // With other counts.
	var traces, spans, ids []int
	for i := range bodies {
		bodies[i], traces, spans, ids = manyCalls(b, i)
	}
	sink := newEventSink(nowhere{}, "tidemark")
	ctx, cancel := context.WithCancel(b.Context())
	var g errgroup.Group
	sink.start(ctx, &g)
	users := fields.KeyedUsers([]byte("0123456789abcdef"))
	handler := collector.New(collector.Config{Sink: sink, OTLP: newCallReports(users), Users: users, Tenant: "acme"}).Handler()
	b.ReportAllocs()
	b.ResetTimer()
	var id [8]byte
	for i := range b.N / spansOfRequest {
		body := bodies[i%len(bodies)]
		for n := range spansOfRequest {
			binary.BigEndian.PutUint64(body[traces[n]:], uint64(i*spansOfRequest+n/spansOfTrace))
			binary.BigEndian.PutUint64(id[:], 0xa1a2a30000000000+uint64(i*spansOfRequest+n))
			copy(body[spans[n]:], id[:])
			hex.Encode(body[ids[n]:ids[n]+2*len(id)], id[:])
		}
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1/v1/traces", bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/x-protobuf")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request)
		if w.Code != http.StatusOK || w.Body.Len() > 0 {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.StopTimer()
	cancel()
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
}
