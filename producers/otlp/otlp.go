// Package otlp makes token calls of what OpenTelemetry clients send about calls to models: spans and log records.
//
//	span, log record -> attributes -> calls.Report -> calls.Memory: which call -> event
//
// Containers of calls are not counted, and neither are metrics: they repeat what spans and records say.
//
// Attributes are read by a list of names. Prompts, answers and tool arguments are not on it, so no text of a user gets further
// than the decoding of the request.
package otlp

import (
	"sync"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"tidemark/producers/calls"
)

// Decoder makes events of requests. It is safe for concurrent use.
type Decoder struct {
	memory   *calls.Memory
	scanners sync.Pool // Of *scanner.
}

// New returns a decoder that finds calls in the memory.
func New(memory *calls.Memory) *Decoder {
	return &Decoder{memory: memory, scanners: sync.Pool{New: func() any { return &scanner{kept: map[string]string{}} }}}
}

// add adds what a span or a record says to the batch.
func add(b *calls.Batch, r *calls.Report, skip string, bad problem) {
	switch {
	case bad.field != "":
		b.Reject(bad.field, bad.reason)
	case skip != "":
		b.Skip(skip)
	default:
		b.Report(r)
	}
}

// Traces makes events of spans.
func (d *Decoder) Traces(o calls.Origin, td ptrace.Traces) calls.Result {
	var b calls.Batch
	var a attributes
	var read span
	for _, rs := range td.ResourceSpans().All() {
		product := productOf(rs.Resource())
		for _, ss := range rs.ScopeSpans().All() {
			of := scope{name: ss.Scope().Name(), version: ss.Scope().Version(), known: calls.ScopeOf(ss.Scope().Name())}
			for _, s := range ss.Spans().All() {
				a.read(s.Attributes())
				operation, skip := a.countedAs(&of)
				if skip != "" {
					b.Skip(skip)
					continue
				}
				spanOf(s, &read)
				r := new(calls.Report)
				add(&b, r, "", readSpan(r, &a, product, operation, &of, &read))
			}
		}
	}
	return d.memory.Result(o, &b)
}

// Spans makes the events that Traces makes, of a request for spans in Protobuf. It reads what has a meaning and looks over the
// rest. The error says why the body is no such request. Values may nest as deep as depth messages. The body is not kept.
func (d *Decoder) Spans(o calls.Origin, body []byte, depth int) (calls.Result, error) {
	s := d.scanners.Get().(*scanner) //nolint:errcheck,forcetypeassert // The pool has no other.
	defer d.scanners.Put(s)
	defer s.reset()
	if err := s.scan(unsafe.String(unsafe.SliceData(body), len(body)), depth); err != nil { // Nobody changes it meanwhile.
		return calls.Result{}, err
	}
	return d.memory.Result(o, &s.batch), nil
}

// Logs makes events of log records.
func (d *Decoder) Logs(o calls.Origin, ld plog.Logs) calls.Result {
	var b calls.Batch
	var a attributes
	for _, rl := range ld.ResourceLogs().All() {
		product := productOf(rl.Resource())
		for _, sl := range rl.ScopeLogs().All() {
			for _, l := range sl.LogRecords().All() {
				r, skip, bad := readRecord(&a, product, sl.Scope(), l)
				add(&b, r, skip, bad)
			}
		}
	}
	return d.memory.Result(o, &b)
}
