package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

const (
	spansOfRequest = 100
	spansOfTrace   = 4
	prepared       = 200
	idDigits       = 16 // The hexadecimal digits of a response id that differ.
)

// request is a request that is prepared up to its ids.
type request struct {
	bytes  []byte // With the header of HTTP.
	traces []int  // Where the last 8 bytes of trace ids are; one trace after the other.
	spans  []int  // Where the span ids are.
	ids    []int  // Where the digits of response ids are, of the spans that are calls.
}

// requests prepares requests to a server. One of each spans is a call, as the instrumentation of OpenAI's SDK writes it, and the
// others are the requests of HTTP around it.
func requests(address string, each int) ([]*request, error) {
	random := rand.New(rand.NewPCG(1, 2))
	out := make([]*request, prepared)
	for i := range out {
		r, err := prepare(address, each, random)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}

// placeholder returns 8 bytes that stand nowhere else in a request.
func placeholder(kind byte, n int) (b [8]byte) {
	binary.BigEndian.PutUint64(b[:], 0xf1f2f3f4f5000000|uint64(kind)<<16|uint64(n)<<1|1)
	return b
}

func prepare(address string, each int, random *rand.Rand) (*request, error) {
	body, err := ptraceotlp.NewExportRequestFromTraces(spans(each, random)).MarshalProto()
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	r := &request{bytes: append([]byte("POST /v1/traces HTTP/1.1\r\nHost: "+host+"\r\nContent-Type: application/x-protobuf\r\nUser-Agent: bench\r\nContent-Length: "+
		strconv.Itoa(len(body))+"\r\n\r\n"), body...)}
	find := func(what []byte) (at []int, err error) {
		for from := 0; ; {
			i := bytes.Index(r.bytes[from:], what)
			if i < 0 {
				break
			}
			at = append(at, from+i)
			from += i + len(what)
		}
		if len(at) == 0 {
			err = fmt.Errorf("a request does not have %x", what)
		}
		return at, err
	}
	for n := range spansOfRequest {
		trace, span := placeholder('t', n/spansOfTrace), placeholder('s', n)
		if n%spansOfTrace == 0 {
			at, err := find(trace[:])
			if err != nil {
				return nil, err
			}
			r.traces = append(r.traces, at...)
		}
		at, err := find(span[:])
		if err != nil || len(at) != 1 {
			return nil, fmt.Errorf("a request has a span %d times: %w", len(at), err)
		}
		r.spans = append(r.spans, at[0])
		if n%each == 0 {
			if at, err = find([]byte(hex.EncodeToString(span[:]))); err != nil {
				return nil, err
			}
			r.ids = append(r.ids, at...)
		}
	}
	return r, nil
}

func spans(each int, random *rand.Rand) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	for name, value := range map[string]string{
		"service.name": "support-chat", "service.version": "2.14.0", "telemetry.sdk.language": "python", "telemetry.sdk.name": "opentelemetry",
		"telemetry.sdk.version": "1.45.2", "deployment.environment.name": "production",
	} {
		rs.Resource().Attributes().PutStr(name, value)
	}
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("opentelemetry.instrumentation.genai.openai")
	ss.Scope().SetVersion("1.3b0")
	now := time.Now()
	for n := range spansOfRequest {
		s := ss.Spans().AppendEmpty()
		trace, span := placeholder('t', n/spansOfTrace), placeholder('s', n)
		s.SetTraceID(pcommon.TraceID(append([]byte{0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x61}, trace[:]...)))
		s.SetSpanID(pcommon.SpanID(span))
		s.SetParentSpanID(pcommon.SpanID{9, 8, 7, 6, 5, 4, 3, byte(n / spansOfTrace)})
		s.SetName("chat gpt-5.6-mini")
		s.SetKind(ptrace.SpanKindClient)
		end := now.Add(-time.Duration(random.IntN(5000)) * time.Millisecond)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(end.Add(-time.Duration(300+random.IntN(9000)) * time.Millisecond)))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(end))
		if n%each == 0 {
			attributes(s.Attributes(), random, hex.EncodeToString(span[:]))
			continue
		}
		s.SetName("POST")
		for name, value := range map[string]string{
			"http.request.method": "POST", "url.full": "https://api.openai.com/v1/chat/completions", "server.address": "api.openai.com", "network.protocol.version": "1.1",
		} {
			s.Attributes().PutStr(name, value)
		}
		s.Attributes().PutInt("server.port", 443)
		s.Attributes().PutInt("http.response.status_code", 200)
	}
	return td
}

func attributes(a pcommon.Map, random *rand.Rand, id string) {
	input := 500 + random.Int64N(15000)
	a.PutStr("gen_ai.operation.name", "chat")
	a.PutStr("gen_ai.provider.name", "openai")
	a.PutStr("gen_ai.request.model", "gpt-5.6-mini")
	a.PutStr("server.address", "api.openai.com")
	a.PutInt("server.port", 443)
	a.PutDouble("gen_ai.request.temperature", 0.2)
	a.PutInt("gen_ai.request.max_tokens", 4096)
	a.PutStr("gen_ai.conversation.id", "conv_5fd2c1be8ad64b0d9d3a2b11")
	a.PutStr("gen_ai.response.model", "gpt-5.6-mini-2026-09-01")
	a.PutStr("gen_ai.response.id", "chatcmpl-Cx7Jq2vPz"+id)
	a.PutEmptySlice("gen_ai.response.finish_reasons").AppendEmpty().SetStr("stop")
	a.PutStr("openai.response.service_tier", "default")
	a.PutStr("openai.response.system_fingerprint", "fp_44709d6fcb")
	a.PutInt("gen_ai.usage.input_tokens", input)
	a.PutInt("gen_ai.usage.cache_read.input_tokens", input/2)
	a.PutInt("gen_ai.usage.output_tokens", 300+random.Int64N(3000))
	a.PutInt("gen_ai.usage.reasoning.output_tokens", random.Int64N(300))
}

// renew gives a request ids that no request had before. n is the number of the request, salt that of the run.
func (r *request) renew(into []byte, n, salt uint64) []byte {
	into = append(into[:0], r.bytes...)
	for i, at := range r.traces {
		binary.BigEndian.PutUint64(into[at:], salt<<40|n*spansOfRequest+uint64(i)+1)
	}
	var id [8]byte
	calls := r.ids
	for i, at := range r.spans {
		binary.BigEndian.PutUint64(id[:], salt<<40|n*spansOfRequest+uint64(i)+1)
		copy(into[at:], id[:])
		if i%(len(r.spans)/len(r.ids)) == 0 && len(calls) > 0 {
			hex.Encode(into[calls[0]:calls[0]+idDigits], id[:])
			calls = calls[1:]
		}
	}
	return into
}
