package formats

import (
	"errors"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/formats/rows"
	"tidemark/producers/gateways"
	"tidemark/producers/otlp"
	"tidemark/producers/stored"
)

// What collectors and gateways wrote, and stored answers: see the packages otlp, gateways and stored.

var otlpJSON = Format{
	FormatInfo: FormatInfo{
		Name: "otlp", Description: "JSON lines of the OpenTelemetry Collector's file exporter: traces and logs", NeedsTenant: true, Grows: true,
	},
	rows: readOTLP, users: true,
}

var liteLLM = Format{
	FormatInfo: FormatInfo{
		Name: "litellm", Description: "payloads of LiteLLM's callbacks and rows of its table LiteLLM_SpendLogs, as JSON", NeedsTenant: true, Grows: true,
	},
	rows: readGateway, users: true,
}

var openAI = Format{
	FormatInfo: FormatInfo{
		Name: "openai-jsonl", Description: "stored answers of OpenAI's chat completions and responses, one JSON object each", NeedsTenant: true, Grows: true,
	},
	rows: func(l *rows.Lines, s Settings) (Rows, error) {
		return readReports(rows.Objects{Lines: l}, s, stored.OpenAI{})
	}, users: true,
}

var anthropic = Format{
	FormatInfo: FormatInfo{
		Name: "anthropic-jsonl", Description: "stored messages of Anthropic, one JSON object each, with a time beside it", NeedsTenant: true, Grows: true,
	},
	rows: func(l *rows.Lines, s Settings) (Rows, error) {
		return readReports(rows.Objects{Lines: l}, s, stored.Anthropic{})
	},
}

// skipMetrics is why metrics are no calls.
const skipMetrics = "metrics: they repeat what spans and records say"

// The problems of an object that is no request. They have nothing of it.
var (
	errNotOTLP = errors.New("is no request of OpenTelemetry: it has none of resourceSpans, resourceLogs and resourceMetrics")
	errBadOTLP = errors.New("cannot be read as OpenTelemetry's JSON")
)

// readOTLP makes events of requests of OpenTelemetry, one object each.
func readOTLP(l *rows.Lines, s Settings) (Rows, error) {
	decoder := otlp.New(s.memory)
	var traces ptrace.JSONUnmarshaler
	var logs plog.JSONUnmarshaler
	r := &reportRows{Objects: rows.Objects{Lines: l}}
	r.read = func(o jsonpath.Object) (calls.Result, error) {
		switch {
		case o["resourceSpans"] != nil:
			request, err := traces.UnmarshalTraces(r.Raw())
			if err != nil {
				return calls.Result{}, errBadOTLP
			}
			return decoder.Traces(s.origin(), request), nil
		case o["resourceLogs"] != nil:
			request, err := logs.UnmarshalLogs(r.Raw())
			if err != nil {
				return calls.Result{}, errBadOTLP
			}
			return decoder.Logs(s.origin(), request), nil
		case o["resourceMetrics"] != nil:
			return calls.Result{Skipped: map[string]uint64{skipMetrics: 1}}, nil
		}
		return calls.Result{}, errNotOTLP
	}
	return r, nil
}

// readGateway makes events of the records of gateways, one object each.
func readGateway(l *rows.Lines, s Settings) (Rows, error) {
	decoder := gateways.New(s.memory)
	r := &reportRows{Objects: rows.Objects{Lines: l}}
	r.read = func(jsonpath.Object) (calls.Result, error) { return decoder.Decode(s.origin(), r.Raw()) }
	return r, nil
}
