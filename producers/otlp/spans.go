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
	usage := a.has[attrInput] || a.has[attrOutput] || a.has[attrUsageObject]
	model := a.has[attrServed] || a.has[attrRequested]
	if name != "" && usage && model && len(name) <= 64 { // An operation that the convention does not have.
		return strings.ToLower(name), ""
	}
	return "", skipForeign
}

// readSpan reads a span of a product; skip says why it is not counted, bad what is wrong with it.
func readSpan(a *attributes, product string, scope pcommon.InstrumentationScope, s ptrace.Span) (r *calls.Report, skip string, bad problem) {
	known := calls.ScopeOf(scope.Name())
	a.read(s.Attributes())
	operation, skip := operationOf(a)
	if skip == "" && known.CountedFromLogs {
		skip = skipLogs
	}
	if skip != "" {
		return nil, skip, problem{}
	}
	r = &calls.Report{Scope: known, Client: scope.Name(), Version: scope.Version(), Product: product, Operation: operation,
		Trace: s.TraceID(), Span: s.SpanID(), Parent: s.ParentSpanID(), Start: micros(s.StartTimestamp()), End: micros(s.EndTimestamp())}
	if s.TraceID().IsEmpty() || s.SpanID().IsEmpty() {
		return nil, "", problem{"span_id", "or trace_id is missing"}
	}
	if bad = a.fill(r); bad.field != "" {
		return nil, "", bad
	}
	r.Failed = s.Status().Code() == ptrace.StatusCodeError || r.ErrorType != ""
	if r.Failed && r.ErrorType == "" {
		r.ErrorType = a.text(attrHTTPStatus)
	}
	if r.Start == 0 {
		r.Start = r.End
	}
	for _, e := range s.Events().All() {
		if e.Name() == "First Token Stream Event" && !r.FirstToken.Known && micros(e.Timestamp()) >= r.Start {
			r.FirstToken, r.Streaming = calls.Of(uint64(micros(e.Timestamp())-r.Start)), true
		}
	}
	if bad = checkTime(r, "start_time_unix_nano"); bad.field != "" {
		return nil, "", bad
	}
	r.End = max(r.End, r.Start)
	return r, "", problem{}
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
	if v, ok := resource.Attributes().Get("service.name"); ok && v.Type() == pcommon.ValueTypeStr && !strings.HasPrefix(v.Str(), "unknown_service") {
		return v.Str()
	}
	return ""
}

// micros converts a time of OTLP, 0 if it is none.
func micros(t pcommon.Timestamp) int64 { return int64(t) / int64(time.Microsecond) }
