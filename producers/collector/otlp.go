package collector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// metricsRule is the rule by which data points are skipped.
const metricsRule = "metrics: calls are counted from spans and logs"

// The brackets of JSON and the messages of Protobuf around a value, and those of each level of values in it.
const (
	jsonAround, jsonPerLevel   = 12, 4
	protoAround, protoPerLevel = 8, 3
	protoValues                = 4 // Of those around a value the ones from the attribute on.
)

// request is what pdata decodes.
type request interface {
	UnmarshalProto([]byte) error
	UnmarshalJSON([]byte) error
}

// unmarshal decodes a body of OTLP, after it has made sure that there is memory for it.
func (x *exchange) unmarshal(body []byte, of *message, into request) *refusal {
	if x.format == otlpJSON {
		return x.unmarshalJSON(body, into)
	}
	w, refused := x.weigh(body, of)
	if refused != nil {
		return refused
	}
	if refused := x.tooMany(w.items); refused != nil {
		return refused
	}
	if refused := x.takeDecoded(len(body), w.messages); refused != nil {
		return refused
	}
	if err := into.UnmarshalProto(body); err != nil {
		return badRequest("the body is not OTLP in Protobuf: %v", err)
	}
	return nil
}

// weigh counts the messages of a body in Protobuf.
func (x *exchange) weigh(body []byte, of *message) (w weight, refused *refusal) {
	if err := of.weigh(body, &w, protoAround+protoPerLevel*x.server.limits.Depth); err != nil {
		return w, badRequest("the body is not OTLP in Protobuf: %v", err)
	}
	return w, nil
}

func (x *exchange) unmarshalJSON(body []byte, into request) *refusal {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	if len(body) == 0 {
		return nil
	}
	found, err := scanJSON(body)
	switch {
	case err != nil:
		return badRequest("the body is not OTLP in JSON: %v", err)
	case body[0] != '{':
		return badRequest("the body is not OTLP in JSON: it is no object")
	case found.depth > jsonAround+jsonPerLevel*x.server.limits.Depth:
		return badRequest("the body is not OTLP in JSON: %v", errDeep)
	}
	if refused := x.takeDecoded(len(body), found.opened); refused != nil {
		return refused
	}
	if found.hasNull {
		if refused := x.takeDecoded(len(body), found.opened); refused != nil {
			return refused
		}
		if body, err = withoutNulls(body); err != nil {
			return badRequest("the body is not OTLP in JSON: %v", err)
		}
	}
	if err := into.UnmarshalJSON(body); err != nil {
		if strings.Contains(err.Error(), "ID.UnmarshalJSONIter") {
			return badRequest("the body is not OTLP in JSON: an id is not hexadecimal, or not of 32 digits (traceId) or 16 (spanId); base64 is not OTLP")
		}
		return badRequest("the body is not OTLP in JSON: %s", reasonOf(err))
	}
	return nil
}

// reasonOf returns an error of the JSON reader without the piece of the body that it shows.
func reasonOf(err error) string {
	reason, _, _ := strings.Cut(err.Error(), ", error found in #")
	return withoutValues(reason)
}

// withoutNulls returns JSON without the members of objects that are null, which mean that they are absent.
func withoutNulls(body []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // Its numbers keep all their digits.
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	dropNulls(value)
	return json.Marshal(value)
}

func dropNulls(value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			if inner == nil {
				delete(value, name)
			}
			dropNulls(inner)
		}
	case []any:
		for _, inner := range value {
			dropNulls(inner)
		}
	}
}

// takeDecoded takes the memory that a body will need when the library decodes it.
func (x *exchange) takeDecoded(size, messages int) *refusal {
	return x.takeMemory(byteFactor*size+messages*messageBytes, messages)
}

// takeMemory takes the memory for the messages of a body.
func (x *exchange) takeMemory(taken, messages int) *refusal {
	if int64(taken)+x.hold.bytes > x.server.limits.InFlight {
		return tooLarge("the body has %d messages, which is more than the collector can hold", messages)
	}
	if !x.hold.take(taken) {
		return unavailable(errNoRoom.Error())
	}
	return nil
}

func (x *exchange) tooMany(items int) *refusal {
	if items > x.server.limits.Items {
		return tooLarge("the request has %d items; the limit is %d", items, x.server.limits.Items)
	}
	return nil
}

func decodeTraces(x *exchange) func([]byte) (Batch, *refusal) {
	return func(body []byte) (Batch, *refusal) {
		if x.format == otlpProto {
			return x.spans(body)
		}
		in := ptraceotlp.NewExportRequest()
		refused := x.unmarshalJSON(body, in)
		if refused == nil {
			refused = x.tooMany(in.Traces().SpanCount())
		}
		if refused != nil {
			return Batch{}, refused
		}
		x.warnOfNothing(body, "resourceSpans", in.Traces().ResourceSpans().Len())
		batch := x.server.config.OTLP.Traces(x.origin, in.Traces())
		batch.Items = in.Traces().SpanCount()
		return batch, nil
	}
}

// spans decodes spans in Protobuf, of which the library makes no messages.
func (x *exchange) spans(body []byte) (Batch, *refusal) {
	w := weight{onlyItems: true}
	if err := traceBody.weigh(body, &w, protoAround); err != nil {
		return Batch{}, badRequest("the body is not OTLP in Protobuf: %v", err)
	}
	if refused := x.tooMany(w.items); refused != nil {
		return Batch{}, refused
	}
	if refused := x.takeMemory(2*len(body)+w.items*spanBytes, w.items); refused != nil {
		return Batch{}, refused
	}
	batch, err := x.server.config.OTLP.Spans(x.origin, body, protoValues+protoPerLevel*x.server.limits.Depth)
	if err != nil {
		return Batch{}, badRequest("the body is not OTLP in Protobuf: %v", err)
	}
	batch.Items = w.items
	x.server.memory.put(body)
	return batch, nil
}

func decodeLogs(x *exchange) func([]byte) (Batch, *refusal) {
	return func(body []byte) (Batch, *refusal) {
		in := plogotlp.NewExportRequest()
		refused := x.unmarshal(body, logBody, in)
		if refused == nil {
			refused = x.tooMany(in.Logs().LogRecordCount())
		}
		if refused != nil {
			return Batch{}, refused
		}
		x.warnOfNothing(body, "resourceLogs", in.Logs().ResourceLogs().Len())
		batch := x.server.config.OTLP.Logs(x.origin, in.Logs())
		batch.Items = in.Logs().LogRecordCount()
		return batch, nil
	}
}

// decodeMetrics counts data points. Those in Protobuf are not decoded for that.
func decodeMetrics(x *exchange) func([]byte) (Batch, *refusal) {
	return func(body []byte) (Batch, *refusal) {
		n := 0
		if x.format == otlpJSON {
			in := pmetricotlp.NewExportRequest()
			if refused := x.unmarshalJSON(body, in); refused != nil {
				return Batch{}, refused
			}
			n = in.Metrics().DataPointCount()
		} else {
			w, refused := x.weigh(body, metricBody)
			if refused != nil {
				return Batch{}, refused
			}
			n = w.items
		}
		if refused := x.tooMany(n); refused != nil || n == 0 {
			return Batch{}, refused
		}
		return Batch{Items: n, Skipped: map[string]uint64{metricsRule: uint64(n)}}, nil
	}
}

// warnOfNothing makes the answer say that a body in JSON, which has something, has no records. A sender that writes other
// names would otherwise not notice.
func (x *exchange) warnOfNothing(body []byte, name string, resources int) {
	if x.format != otlpJSON || resources > 0 || bytes.Contains(body, []byte(`"`+name+`"`)) {
		return
	}
	if body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff"))); len(body) > 0 && !bytes.Equal(body, []byte("{}")) {
		x.warning = "the body has no " + name
	}
}

// maxMessage bounds the text of a partial success, in bytes.
const maxMessage = 1 << 10

// partial returns the numbers of a partial success: how many items are rejected, and the first reason. The text is empty
// if there is nothing to say.
func (x *exchange) partial(b Batch) (rejected int64, text string) {
	if len(b.Rejected) == 0 {
		return 0, x.warning
	}
	first := b.Rejected[0]
	for _, r := range b.Rejected {
		if r.Index < first.Index {
			first = r
		}
	}
	text = fmt.Sprintf("%d rejected; the first is item %d: %s", len(b.Rejected), first.Index, strings.TrimSpace(first.Field+" "+first.Reason))
	return int64(len(b.Rejected)), text[:min(len(text), maxMessage)]
}

func tracesResponse(x *exchange, b Batch) ptraceotlp.ExportResponse {
	out := ptraceotlp.NewExportResponse()
	if rejected, text := x.partial(b); text != "" {
		out.PartialSuccess().SetRejectedSpans(rejected)
		out.PartialSuccess().SetErrorMessage(text)
	}
	return out
}

func logsResponse(x *exchange, b Batch) plogotlp.ExportResponse {
	out := plogotlp.NewExportResponse()
	if rejected, text := x.partial(b); text != "" {
		out.PartialSuccess().SetRejectedLogRecords(rejected)
		out.PartialSuccess().SetErrorMessage(text)
	}
	return out
}

func answerTraces(w http.ResponseWriter, x *exchange, b Batch) int {
	response := tracesResponse(x, b)
	return x.answerOTLP(w, b, response.MarshalProto, response.MarshalJSON)
}

func answerLogs(w http.ResponseWriter, x *exchange, b Batch) int {
	response := logsResponse(x, b)
	return x.answerOTLP(w, b, response.MarshalProto, response.MarshalJSON)
}

func answerMetrics(w http.ResponseWriter, x *exchange, b Batch) int {
	response := pmetricotlp.NewExportResponse()
	return x.answerOTLP(w, b, response.MarshalProto, response.MarshalJSON)
}

// answerOTLP answers in the encoding of the request. Where there is nothing to say, the answer has no partial success:
// the library would encode an empty one.
func (x *exchange) answerOTLP(w http.ResponseWriter, b Batch, inProto, inJSON func() ([]byte, error)) int {
	media, body, marshal := "application/x-protobuf", "", inProto
	if x.format == otlpJSON {
		media, body, marshal = "application/json", "{}", inJSON
	}
	if _, text := x.partial(b); text != "" {
		encoded, err := marshal()
		if err == nil { // If not, the events are stored all the same, and must not come again.
			body = string(encoded)
		}
	}
	w.Header().Set("Content-Type", media)
	writeBody(w, http.StatusOK, []byte(body))
	return http.StatusOK
}
