package otlp_test

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"tidemark/producers/calls"
	"tidemark/producers/otlp"
)

// BenchmarkTraces makes events of requests of 100 spans, of which half are calls. An operation is one span.
func BenchmarkTraces(b *testing.B) {
	const spans = 100
	requests := make([]ptrace.Traces, 600)
	for i := range requests {
		var specs []spanSpec
		for j := range spans {
			spec := spanSpec{scope: genai, trace: byte(i), span: byte(j), attributes: []any{"http.request.method", "POST", "url.full", "https://example.org/v1"}}
			if j%2 == 0 {
				spec.attributes = usageOf(1000+j, 300, "gen_ai.response.id", fmt.Sprintf("chatcmpl-%d-%d", i, j), "gen_ai.response.model", "claude-opus-4-5-20251101",
					"gen_ai.usage.cache_read.input_tokens", 640, "gen_ai.usage.reasoning.output_tokens", 200, "server.address", "api.example.org", "server.port", 443)
			}
			specs = append(specs, spec)
		}
		requests[i] = traces(specs...)
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(requests[0]).MarshalProto()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("unmarshal", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N / spans {
			r := ptraceotlp.NewExportRequest()
			if err := r.UnmarshalProto(body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("events", func(b *testing.B) {
		b.ReportAllocs()
		d := otlp.New(calls.NewMemory(calls.Options{}))
		for i := range b.N / spans {
			d.Traces(origin, requests[i%len(requests)])
		}
	})
	b.Run("spans", func(b *testing.B) {
		b.ReportAllocs()
		bodies := make([][]byte, len(requests))
		for i, r := range requests {
			if bodies[i], err = ptraceotlp.NewExportRequestFromTraces(r).MarshalProto(); err != nil {
				b.Fatal(err)
			}
		}
		d := otlp.New(calls.NewMemory(calls.Options{}))
		b.ResetTimer()
		for i := range b.N / spans {
			if _, err := d.Spans(origin, bodies[i%len(bodies)], depth); err != nil {
				b.Fatal(err)
			}
		}
	})
}
