package load

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Numbers of fields of OTLP. Those of one message stand together.
const (
	resourceSpans = 1 // Of a request.

	resourceOf, scopeSpans = 1, 2 // Of the spans of a resource.
	resourceAttributes     = 1

	scopeOf, spanOf = 1, 2 // Of the spans of a scope.
	scopeName       = 1

	spanTrace, spanID, spanName, spanKind, spanStart, spanEnd, spanAttributes, spanStatus = 1, 2, 5, 6, 7, 8, 9, 15
	statusCode                                                                            = 3

	pairKey, pairValue                           = 1, 2
	valueText, valueTruth, valueInt, valueDouble = 1, 2, 3, 4
)

const (
	spanScope     = "tidemark-load" // The client that the spans name.
	kindClient    = 3
	statusOfError = 2
)

// spanPlace returns the trace and the span of a call: another pair for each source and id.
func spanPlace(e *usagev1.TokenCall) (trace [16]byte, span [8]byte) {
	trace = schemas.IdentityOf("", e.GetSource(), e.GetId())
	copy(span[:], trace[8:])
	span[7] |= 1 // A span of zeros is none.
	return trace, span
}

// SpanIdentity returns the source and the id that a collector gives to the event of a call whose span AppendSpans wrote.
func SpanIdentity(e *usagev1.TokenCall) (source, id string) {
	trace, span := spanPlace(e)
	return "otlp.span", hex.EncodeToString(trace[:]) + "/" + hex.EncodeToString(span[:])
}

// AppendSpans appends calls to dst as OpenTelemetry clients report them: a request of OTLP in Protobuf, with a span per call, a
// resource per product, and attributes with the names of the GenAI conventions. What these have no name for is left out: tenant, run,
// country, segment, weights, revision and number of requests. An id of the answer is left out too, so that trace and span are the
// identity. A call that was canceled is one that failed.
func AppendSpans(dst []byte, calls []*usagev1.TokenCall) []byte {
	var products []string
	spans := map[string][]byte{}
	var span, scratch []byte
	for _, e := range calls {
		product := e.GetProduct()
		if spans[product] == nil {
			products = append(products, product)
		}
		span, scratch = appendSpan(span[:0], scratch, e)
		spans[product] = appendBytes(spans[product], spanOf, span)
	}
	for _, product := range products {
		resource := appendBytes(nil, resourceAttributes, appendText(nil, "service.name", product))
		scope := appendBytes(nil, scopeOf, appendBytes(nil, scopeName, []byte(spanScope)))
		message := appendBytes(nil, resourceOf, resource)
		message = appendBytes(message, scopeSpans, append(scope, spans[product]...))
		dst = appendBytes(dst, resourceSpans, message)
	}
	return dst
}

// appendSpan appends the span of a call. It uses the memory of scratch and returns it for the next one.
func appendSpan(dst, scratch []byte, e *usagev1.TokenCall) (span, memory []byte) {
	trace, id := spanPlace(e)
	start := uint64(e.GetTimeUs()) * 1000
	dst = appendBytes(dst, spanTrace, trace[:])
	dst = appendBytes(dst, spanID, id[:])
	dst = appendBytes(dst, spanName, []byte(e.GetOperation()+" "+e.GetModel()))
	dst = protowire.AppendVarint(protowire.AppendTag(dst, spanKind, protowire.VarintType), kindClient)
	dst = protowire.AppendFixed64(protowire.AppendTag(dst, spanStart, protowire.Fixed64Type), start)
	dst = protowire.AppendFixed64(protowire.AppendTag(dst, spanEnd, protowire.Fixed64Type), start+e.GetLatencyUs()*1000)
	pair := func(name string, value []byte) {
		scratch = appendPair(scratch[:0], name, value)
		dst = appendBytes(dst, spanAttributes, scratch)
	}
	var value [64]byte
	for _, text := range [...]struct{ name, text string }{
		{"gen_ai.operation.name", e.GetOperation()}, {"gen_ai.provider.name", e.GetProvider()}, {"gen_ai.request.model", requestedModel(e)},
		{"gen_ai.response.model", e.GetModel()}, {"user.id", userName(e)}, {"error.type", errorType(e)}, {"gen_ai.cost.total_cost", costOf(e)},
	} {
		if text.text != "" {
			pair(text.name, appendBytes(value[:0], valueText, []byte(text.text)))
		}
	}
	// The sums contain what a cache gave or took, and the reasoning.
	for _, count := range [...]struct {
		name  string
		parts []*uint64
	}{
		{"gen_ai.usage.input_tokens", []*uint64{e.InputUncached, e.InputCacheRead, e.InputCacheWrite}}, {"gen_ai.usage.cache_read.input_tokens", []*uint64{e.InputCacheRead}},
		{"gen_ai.usage.cache_creation.input_tokens", []*uint64{e.InputCacheWrite}}, {"gen_ai.usage.output_tokens", []*uint64{e.OutputVisible, e.OutputReasoning}},
		{"gen_ai.usage.reasoning.output_tokens", []*uint64{e.OutputReasoning}},
	} {
		if n, known := sumOf(count.parts); known {
			pair(count.name, protowire.AppendVarint(protowire.AppendTag(value[:0], valueInt, protowire.VarintType), n))
		}
	}
	if e.GetStreaming() {
		pair("gen_ai.request.stream", protowire.AppendVarint(protowire.AppendTag(value[:0], valueTruth, protowire.VarintType), 1))
	}
	if e.FirstTokenUs != nil { // Half a microsecond more, since readers cut what is below one.
		seconds := (float64(e.GetFirstTokenUs()) + 0.5) / 1e6
		pair("gen_ai.response.time_to_first_chunk", protowire.AppendFixed64(protowire.AppendTag(value[:0], valueDouble, protowire.Fixed64Type), math.Float64bits(seconds)))
	}
	if errorType(e) != "" {
		dst = appendBytes(dst, spanStatus, protowire.AppendVarint(protowire.AppendTag(value[:0], statusCode, protowire.VarintType), statusOfError))
	}
	return dst, scratch
}

// sumOf returns the sum of counts of which the first is known. The others may not be.
func sumOf(parts []*uint64) (sum uint64, known bool) {
	if parts[0] == nil {
		return 0, false
	}
	for _, n := range parts {
		if n != nil {
			sum += *n
		}
	}
	return sum, true
}

// requestedModel returns the model that was asked for.
func requestedModel(e *usagev1.TokenCall) string {
	if e.GetRequestedModel() != "" {
		return e.GetRequestedModel()
	}
	return e.GetModel()
}

// userName returns a name for the user, who is only known by a hash; empty for none.
func userName(e *usagev1.TokenCall) string {
	if e.GetUser() == 0 {
		return ""
	}
	return strconv.FormatUint(e.GetUser(), 16)
}

// errorType returns why a call failed, empty if it did not.
func errorType(e *usagev1.TokenCall) string {
	switch e.GetStatus() {
	case usagev1.Status_STATUS_OK:
		return ""
	case usagev1.Status_STATUS_CANCELLED: //nolint:misspell // It is the name in the wire contract.
		return "canceled"
	}
	if e.GetErrorType() == "" {
		return "error"
	}
	return e.GetErrorType()
}

// costOf returns what was paid, in USD; empty if nothing says it in that currency. It is not below 0.
func costOf(e *usagev1.TokenCall) string {
	n := e.GetReportedCostNanos()
	if e.ReportedCostNanos == nil || n < 0 || e.GetCostCurrency() != "USD" {
		return ""
	}
	return fmt.Sprintf("%d.%09d%03d", n/1e9, n%1e9, e.GetReportedCostPicos())
}

// appendBytes appends a field of bytes: a text or a message.
func appendBytes(dst []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), value)
}

// appendPair appends the fields of an attribute.
func appendPair(dst []byte, name string, value []byte) []byte {
	return appendBytes(appendBytes(dst, pairKey, []byte(name)), pairValue, value)
}

// appendText appends the fields of an attribute that is a text.
func appendText(dst []byte, name, text string) []byte {
	return appendPair(dst, name, appendBytes(nil, valueText, []byte(text)))
}
