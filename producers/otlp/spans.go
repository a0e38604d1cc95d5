package otlp

import (
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"tidemark/producers/calls"
)

// Why a span or a log record is not counted. They are the names of counters: few, and stable.
const (
	skipForeign   = "not a model call"
	skipContainer = "agent, step, workflow or tool: its calls are counted"
	skipLogs      = "counted from log records"
	skipNoUsage   = "a request or a progress event"
)

// operationOf returns the operation of a span in the convention's words, or why it is not counted.
func operationOf(a *attributes) (operation, skip string) {
	kind := a.text(attrKind)
	if containers[kind] {
		return "", skipContainer
	}
	name := a.text(attrOperation)
	if containers[name] {
		return "", skipContainer
	}
	for _, text := range []string{name, kind} {
		if operation, ok := operations[text]; ok {
			return operation, ""
		}
	}
	usage := a.has(attrInput) || a.has(attrOutput) || a.has(attrUsageObject)
	model := a.has(attrServed) || a.has(attrRequested)
	if name != "" && usage && model && len(name) <= 64 { // An operation that the convention does not have.
		return strings.ToLower(name), ""
	}
	return "", skipForeign
}

// scope is what made spans.
type scope struct {
	name, version string
	known         *calls.Scope
}

// span is what is read of a span beside its attributes.
type span struct {
	trace      [16]byte
	id, parent [8]byte
	start, end int64 // In microseconds.
	failed     bool
	tokens     []int64 // When first tokens came, in microseconds.
}

// firstToken is the name of the event of a first token.
const firstToken = "First Token Stream Event"

// spanOf returns what is read of a span of the library's. The memory of into is used again.
func spanOf(s ptrace.Span, into *span) {
	*into = span{
		trace: s.TraceID(), id: s.SpanID(), parent: s.ParentSpanID(), start: micros(s.StartTimestamp()), end: micros(s.EndTimestamp()),
		failed: s.Status().Code() == ptrace.StatusCodeError, tokens: into.tokens[:0],
	}
	for _, e := range s.Events().All() {
		if e.Name() == firstToken {
			into.tokens = append(into.tokens, micros(e.Timestamp()))
		}
	}
}

// countedAs returns the operation of a span, or why it is not counted.
func (a *attributes) countedAs(of *scope) (operation, skip string) {
	operation, skip = operationOf(a)
	if skip == "" && of.known.CountedFromLogs {
		skip = skipLogs
	}
	return operation, skip
}

// readSpan sets what a span of a product says about a call in a report that is empty.
func readSpan(r *calls.Report, a *attributes, product, operation string, of *scope, s *span) (bad problem) {
	r.Scope, r.Client, r.Version, r.Product, r.Operation = of.known, of.name, of.version, product, operation
	r.Trace, r.Span, r.Parent, r.Start, r.End = s.trace, s.id, s.parent, s.start, s.end
	if s.trace == [16]byte{} || s.id == [8]byte{} {
		return problem{"span_id", "or trace_id is missing"}
	}
	if bad = a.fill(r); bad.field != "" {
		return bad
	}
	r.Failed = s.failed || r.ErrorType != ""
	if r.Failed && r.ErrorType == "" {
		r.ErrorType = a.text(attrHTTPStatus)
	}
	if r.Start == 0 {
		r.Start = r.End
	}
	for _, at := range s.tokens {
		if !r.FirstToken.Known && at >= r.Start {
			r.FirstToken, r.Streaming = calls.Of(uint64(at-r.Start)), true
		}
	}
	if bad = checkTime(r, "start_time_unix_nano"); bad.field != "" {
		return bad
	}
	r.End = max(r.End, r.Start)
	return problem{}
}

// earliest is the earliest time in microseconds that a report may have: earlier ones are in another unit than nanoseconds.
const earliest = 946684800_000_000 // The year 2000.

// checkTime returns what is wrong with the time of a report.
func checkTime(r *calls.Report, field string) problem {
	switch {
	case r.Start <= 0:
		return problem{field, "is missing"}
	case r.Start < earliest:
		return problem{field, "is before the year 2000: is it in another unit than nanoseconds?"}
	}
	return problem{}
}

// productOf returns what the resource says about the product: its name as a service.
func productOf(resource pcommon.Resource) string {
	if v, ok := resource.Attributes().Get("service.name"); ok {
		return serviceName(valueOf(v))
	}
	return ""
}

// serviceName returns the name of a service; empty for one that stands for none.
func serviceName(v value) string {
	if v.kind != kindText || strings.HasPrefix(v.text, "unknown_service") {
		return ""
	}
	return v.text
}

// micros converts a time of OTLP, 0 if it is none.
func micros(t pcommon.Timestamp) int64 { return int64(t) / int64(time.Microsecond) }
