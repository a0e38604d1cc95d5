package otlp

import (
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"tidemark/producers/calls"
)

// logKind is what is known about a kind of log record that is about a model call.
type logKind struct {
	provider  string
	excludes  bool // Its input lacks what a cache gave or took.
	apart     bool // Its output lacks the reasoning, unless the total says otherwise.
	failure   bool // It is about a call that failed.
	events    bool // It comes for events of a stream: only the one that completes the answer counts.
	asSpan    bool // It repeats a span.
	operation string
}

// logKinds are the names of events, by the attribute event.name, the field event_name or the body. Sources: Claude Code, Codex
// 0.171.0, Gemini CLI 0.61.0, Qwen Code 0.24.4, and the GenAI conventions of OpenTelemetry.
var logKinds = map[string]logKind{
	"gen_ai.client.inference.operation.details": {asSpan: true},
	"claude_code.api_request":                   {provider: "anthropic", excludes: true, operation: "chat"},
	"claude_code.api_error":                     {provider: "anthropic", failure: true, operation: "chat"},
	"codex.sse_event":                           {provider: "openai", events: true, operation: "chat"},
	"codex.websocket_event":                     {provider: "openai", events: true, operation: "chat"},
	"gemini_cli.api_response":                   {provider: "gcp.gemini", apart: true, operation: "generate_content"},
	"gemini_cli.api_error":                      {provider: "gcp.gemini", failure: true, operation: "generate_content"},
	"qwen-code.api_response":                    {provider: "alibaba_cloud", operation: "chat"},
	"qwen-code.api_error":                       {provider: "alibaba_cloud", failure: true, operation: "chat"},
}

// kindOf returns the kind of a log record. The field event_name comes last: in one program it is a line of its source.
func kindOf(a *attributes, scopeName string, l plog.LogRecord) (name string, kind logKind, ok bool) {
	names := []string{a.text(attrEventName), l.EventName()}
	if l.Body().Type() == pcommon.ValueTypeStr && len(l.Body().Str()) <= 64 {
		names = append(names, l.Body().Str())
	}
	for _, name = range names {
		if strings.HasPrefix(scopeName, "com.anthropic.claude_code") && !strings.HasPrefix(name, "claude_code.") {
			name = "claude_code." + name
		}
		if kind, ok = logKinds[name]; ok {
			return name, kind, true
		}
	}
	return "", logKind{}, false
}

// readRecord reads a log record, as readSpan does.
func readRecord(a *attributes, product string, scope pcommon.InstrumentationScope, l plog.LogRecord) (r *calls.Report, skip string, bad problem) {
	a.read(l.Attributes())
	name, kind, ok := kindOf(a, scope.Name(), l)
	if !ok {
		return nil, skipForeign, problem{}
	}
	usage := a.has(attrInput) || a.has(attrOutput)
	if kind.events && (a.text(attrEventKind) != "response.completed" || !usage && !a.has(attrErrorText)) || kind.asSpan && !usage && !a.has(attrServed) {
		return nil, skipNoUsage, problem{}
	}
	known := *calls.ScopeOf(scope.Name())
	known.Apart = known.Apart || kind.apart
	if kind.excludes {
		known.Excludes = kind.provider
	}
	r = &calls.Report{Scope: &known, Log: true, Client: clientOf(scope.Name(), name), Version: scope.Version(), Product: product, Operation: kind.operation,
		Trace: l.TraceID(), Span: l.SpanID(), Start: micros(l.Timestamp())}
	if r.Start == 0 {
		r.Start = micros(l.ObservedTimestamp())
	}
	if at, err := time.Parse(time.RFC3339Nano, a.text(attrEventTime)); err == nil {
		r.Start = at.UnixMicro()
	}
	if bad = a.fill(r); bad.field != "" {
		return nil, "", bad
	}
	if !kind.asSpan { // It was written in that span; it is not about it.
		r.Parent, r.Span = r.Span, [8]byte{}
	}
	if r.ResponseID == "" && kind.provider == "anthropic" {
		r.ResponseID = a.text(attrRequestID)
	}
	if r.Provider == "" {
		r.Provider = kind.provider
	}
	if kind.asSpan {
		if operation, _ := operationOf(a); operation != "" {
			r.Operation = operation
		}
	}
	r.Failed = kind.failure || r.ErrorType != "" || kind.events && !usage
	if r.Failed && r.ErrorType == "" {
		r.ErrorType = "error"
	}
	if bad = checkTime(r, "time_unix_nano"); bad.field != "" {
		return nil, "", bad
	}
	r.End = r.Start
	r.Streaming = r.Streaming || kind.events
	r.LogID = strings.Join([]string{name, r.ResponseID, a.text(attrConversation), a.text(attrEventTime), strconv.FormatInt(r.Start, 10), a.text(attrServed),
		a.text(attrInput), a.text(attrOutput), a.text(attrRead)}, "\x00")
	return r, "", problem{}
}

// clientOf returns the name of the program that a log record comes from.
func clientOf(scopeName, event string) string {
	if product, _, ok := strings.Cut(event, "."); ok && product != "gen_ai" {
		return product
	}
	return scopeName
}
