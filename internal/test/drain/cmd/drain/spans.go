package main

import (
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// spanCalls writes calls as spans, as an instrumentation would, so many per value.
type spanCalls struct {
	traces ptrace.Traces
	spans  ptrace.SpanSlice
	open   bool
}

func (s *spanCalls) add(_ []byte, call *usagev1.TokenCall) ([]byte, error) {
	if call == nil {
		return nil, nil
	}
	if !s.open {
		s.traces, s.open = ptrace.NewTraces(), true
		rs := s.traces.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", call.GetSource())
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("opentelemetry.instrumentation.genai")
		s.spans = ss.Spans()
	}
	fill(s.spans.AppendEmpty(), call)
	if s.spans.Len() < spansOfMessage {
		return nil, nil
	}
	return s.end()
}

func (s *spanCalls) end() ([]byte, error) {
	if !s.open {
		return nil, nil
	}
	s.open = false
	return (&ptrace.ProtoMarshaler{}).MarshalTraces(s.traces)
}

// fill makes a span of a call. What the call does not know is not in it.
func fill(span ptrace.Span, call *usagev1.TokenCall) {
	identity := schemas.IdentityOf(call.GetTenant(), call.GetSource(), call.GetId())
	span.SetTraceID(pcommon.TraceID(identity))
	span.SetSpanID(pcommon.SpanID(identity[:8]))
	span.SetName(call.GetOperation() + " " + call.GetModel())
	span.SetKind(ptrace.SpanKindClient)
	end := call.GetTimeUs()
	span.SetStartTimestamp(pcommon.Timestamp(uint64(end-int64(call.GetLatencyUs())) * 1000))
	span.SetEndTimestamp(pcommon.Timestamp(uint64(end) * 1000))
	if call.GetStatus() == usagev1.Status_STATUS_ERROR {
		span.Status().SetCode(ptrace.StatusCodeError)
	}
	a := span.Attributes()
	for _, text := range []struct{ name, value string }{
		{"event.id", call.GetId()}, {"tenant", call.GetTenant()}, {"product", call.GetProduct()}, {"country", call.GetCountry()},
		{"segment", call.GetSegment().String()}, {"gen_ai.operation.name", call.GetOperation()}, {"gen_ai.provider.name", call.GetProvider()},
		{"gen_ai.request.model", call.GetRequestedModel()}, {"gen_ai.response.model", call.GetModel()}, {"error.type", call.GetErrorType()},
		{"cost.currency", call.GetCostCurrency()},
	} {
		if text.value != "" {
			a.PutStr(text.name, text.value)
		}
	}
	for _, number := range []struct {
		name  string
		value *uint64
	}{
		{"gen_ai.usage.input_tokens", call.InputUncached}, {"gen_ai.usage.cache_read.input_tokens", call.InputCacheRead},
		{"gen_ai.usage.cache_creation.input_tokens", call.InputCacheWrite}, {"gen_ai.usage.output_tokens", call.OutputVisible},
		{"gen_ai.usage.reasoning.output_tokens", call.OutputReasoning}, {"first_token_us", call.FirstTokenUs},
	} {
		if number.value != nil {
			a.PutInt(number.name, int64(*number.value))
		}
	}
	if call.ReportedCostNanos != nil {
		a.PutInt("cost.nanos", call.GetReportedCostNanos())
	}
	var user [8]byte
	binary.BigEndian.PutUint64(user[:], call.GetUser())
	a.PutEmptyBytes("user").FromRaw(user[:])
	a.PutBool("gen_ai.request.stream", call.GetStreaming())
}
