package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/load"
	usagev1 "tidemark/schemas/usage/v1"
)

// collectorForm is a form in which a collector takes token calls. Its functions are safe for concurrent use.
type collectorForm struct {
	path, media string
	// identity returns the source and the id that the collector gives to the event of a call.
	identity func(*usagev1.TokenCall) (source, id string)
	encode   func([]*usagev1.TokenCall) ([]byte, error)
	// taken returns how many of the events of a request were taken by an answer of 200, and what else it says. The error says that
	// it is no such answer.
	taken func(answer []byte, events int) (n int, why string, err error)
	// refusal returns the reason that another answer gives.
	refusal func(answer []byte) string
}

// form is that of the requests.
func (c *CollectorLog) form() collectorForm {
	if c.Spans {
		return collectorForm{
			path: "/v1/traces", media: "application/x-protobuf", identity: load.SpanIdentity, taken: takenSpans, refusal: refusedSpans,
			encode: func(calls []*usagev1.TokenCall) ([]byte, error) { return load.AppendSpans(nil, calls), nil },
		}
	}
	return collectorForm{
		path: "/v1/events", media: "application/x-ndjson", encode: encodeLines, taken: takenLines,
		identity: func(e *usagev1.TokenCall) (source, id string) { return e.GetSource(), e.GetId() },
		refusal:  func(answer []byte) string { return string(answer) },
	}
}

// encodeLines returns token calls as /v1/events takes them.
func encodeLines(calls []*usagev1.TokenCall) ([]byte, error) {
	lines := make([][]byte, len(calls))
	for i, call := range calls {
		var err error
		if lines[i], err = json.Marshal(lineOf(call)); err != nil {
			return nil, fmt.Errorf("encode event %s: %w", call.GetId(), err)
		}
	}
	return bytes.Join(lines, []byte("\n")), nil
}

// lineOf returns the fields of a token call as /v1/events takes them.
func lineOf(call *usagev1.TokenCall) map[string]any {
	fields := map[string]any{"type": "token_call"}
	call.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch name := string(f.Name()); {
		case name == "tenant" || name == "run": // The collector's.
		case name == "user":
			fields[name] = strconv.FormatUint(v.Uint(), 16)
		case f.Kind() == protoreflect.EnumKind:
			values := f.Enum().Values()
			prefix := strings.TrimSuffix(string(values.ByNumber(0).Name()), "UNSPECIFIED")
			fields[name] = strings.ToLower(strings.TrimPrefix(string(values.ByNumber(v.Enum()).Name()), prefix))
		default:
			fields[name] = v.Interface()
		}
		return true
	})
	return fields
}

func takenLines(answer []byte, _ int) (n int, why string, err error) {
	var taken struct {
		Accepted int `json:"accepted"`
	}
	err = json.Unmarshal(answer, &taken)
	return taken.Accepted, string(answer), err
}

// takenSpans reads an answer that names the spans that were rejected. An answer without any is empty.
func takenSpans(answer []byte, events int) (n int, why string, err error) {
	response := ptraceotlp.NewExportResponse()
	if err := response.UnmarshalProto(answer); err != nil {
		return 0, "the answer is not one of OTLP", err
	}
	partial := response.PartialSuccess()
	return events - int(min(max(partial.RejectedSpans(), 0), int64(events))), partial.ErrorMessage(), nil
}

// refusedSpans reads the message of a google.rpc.Status, the body of every other answer of OTLP.
func refusedSpans(answer []byte) string {
	var status spb.Status
	if err := proto.Unmarshal(answer, &status); err != nil {
		return "without a reason in the form of OTLP"
	}
	return status.GetMessage()
}
