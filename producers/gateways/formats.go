package gateways

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/formats/times"
	"tidemark/producers/otlp"
	"tidemark/schemas"
)

// format is how the records of one gateway look.
type format struct {
	client, title string
	fits          func(jsonpath.Object) bool
	cached        func(jsonpath.Object) bool // Reports an answer for which no provider was asked; nil if there are none.
	read          func(jsonpath.Object, *calls.Report) (field, reason string)
}

// formats are tried in this order.
var formats = []format{
	{
		client: "litellm", title: "LiteLLM's spend log", read: readSpendLog,
		fits: func(o jsonpath.Object) bool {
			return has(o, "request_id") && has(o, "spend") && has(o, "startTime")
		},
		cached: func(o jsonpath.Object) bool { return strings.EqualFold(text(o, "cache_hit"), "true") },
	},
	{
		client: "litellm", title: "LiteLLM", read: readLiteLLM,
		fits: func(o jsonpath.Object) bool {
			return has(o, "litellm_call_id") || has(o, "call_type") && has(o, "startTime")
		},
		cached: func(o jsonpath.Object) bool { return text(o, "cache_hit") == "true" },
	},
	{
		client: "bedrock", title: "Amazon Bedrock's invocation log", read: readBedrock,
		fits: func(o jsonpath.Object) bool { return text(o, "schemaType") == "ModelInvocationLog" },
	},
	{
		client: "kong", title: "Kong AI Gateway", read: readKong,
		fits: func(o jsonpath.Object) bool { return has(o, "ai") && has(o, "started_at") },
	},
	{
		client: "envoy", title: "Envoy AI Gateway and others with the names of OpenTelemetry", read: readNamed,
		fits: func(o jsonpath.Object) bool {
			for name := range o {
				if strings.HasPrefix(name, "gen_ai.") || name == "gen_ai" {
					return true
				}
			}
			return false
		},
	},
}

func has(o jsonpath.Object, path string) bool {
	raw, ok := o.Lookup(path)
	return ok && string(raw) != "null"
}

// text returns the first of the paths that has a text or a number.
func text(o jsonpath.Object, paths ...string) string { return o.First(paths...) }

// seconds reads a time in units of 1/unit seconds since 1970, with a fraction, or as a date and time, into microseconds.
func seconds(o jsonpath.Object, unit float64, paths ...string) (us int64, field, reason string) {
	us, reason = times.Stamp(text(o, paths...), unit)
	return us, paths[0], reason
}

// usage reads the first of the paths that has a usage object with counts.
func usage(o jsonpath.Object, r *calls.Report, paths ...string) (field, reason string) {
	for _, path := range paths {
		raw, ok := o.Lookup(path)
		if !ok {
			continue
		}
		if problem := otlp.FillUsage(jsonpath.Unquoted(raw), r); problem != "" {
			if jsonpath.IsText(raw) || string(raw) == "null" {
				continue
			}
			return path, problem
		}
		if r.Input.Known || r.Output.Known {
			return "", ""
		}
	}
	return "", ""
}

// readLiteLLM reads a payload of LiteLLM's callbacks (StandardLoggingPayload of 1.108.7).
func readLiteLLM(o jsonpath.Object, r *calls.Report) (field, reason string) {
	if r.Start, field, reason = seconds(o, 1, "startTime"); reason != "" {
		return field, reason
	}
	r.End, _, _ = seconds(o, 1, "endTime")
	r.Provider = schemas.Provider(text(o, "custom_llm_provider"))
	r.Requested, r.Served = text(o, "model"), text(o, "response.model")
	r.Operation = otlp.Operation(text(o, "call_type"))
	r.ResponseID, r.Cost = text(o, "id"), text(o, "response_cost")
	r.User = text(o, "end_user", "metadata.user_api_key_end_user_id", "metadata.user_api_key_user_id")
	r.Tier = text(o, "metadata.usage_object.service_tier", "response.service_tier", "cost_breakdown.service_tier")
	r.Streaming = text(o, "stream") == "true"
	r.Failed = text(o, "status") == "failure"
	if r.Failed {
		r.ErrorType = text(o, "error_information.error_class", "error_information.error_code")
	}
	if first, _, problem := seconds(o, 1, "completionStartTime"); r.Streaming && problem == "" && first > r.Start {
		r.FirstToken = calls.Of(uint64(first - r.Start))
	}
	r.Region = text(o, "cost_breakdown.vertex_location")
	return usage(o, r, "metadata.usage_object", "hidden_params.usage_object", "response.usage", "usage")
}

// readSpendLog reads a row of LiteLLM's table LiteLLM_SpendLogs. Its request_id is what a callback has as id.
func readSpendLog(o jsonpath.Object, r *calls.Report) (field, reason string) {
	if r.Start, field, reason = seconds(o, 1, "startTime"); reason != "" {
		return field, reason
	}
	r.End, _, _ = seconds(o, 1, "endTime")
	r.Provider = schemas.Provider(text(o, "custom_llm_provider"))
	r.Requested = text(o, "model")
	r.Operation = otlp.Operation(text(o, "call_type"))
	r.ResponseID, r.Cost = text(o, "request_id"), text(o, "spend")
	r.User = text(o, "end_user", "metadata.user_api_key_end_user_id", "user")
	r.Tier = text(o, "metadata.usage_object.service_tier")
	r.Failed = text(o, "status", "metadata.status") == "failure"
	if r.Failed {
		r.ErrorType = text(o, "metadata.error_information.error_class", "metadata.error_information.error_code")
	}
	if field, reason = usage(o, r, "metadata.usage_object"); reason == "" && !r.Input.Known && !r.Output.Known {
		r.Input, r.Output, r.Total = number(o, "prompt_tokens"), number(o, "completion_tokens"), number(o, "total_tokens")
	}
	return field, reason
}

// number reads a count, unknown if there is none.
func number(o jsonpath.Object, path string) calls.Count {
	n, err := strconv.ParseUint(text(o, path), 10, 63)
	if err != nil || n > 1e12 {
		return calls.Count{}
	}
	return calls.Of(n)
}

// readBedrock reads a record of the invocation log of Amazon Bedrock.
func readBedrock(o jsonpath.Object, r *calls.Report) (field, reason string) {
	if r.Start, field, reason = seconds(o, 1, "timestamp"); reason != "" {
		return field, reason
	}
	r.Provider, r.ReporterID, r.Region = "aws.bedrock", text(o, "requestId"), text(o, "inferenceRegion", "region")
	model := text(o, "modelId")
	r.Served = model[strings.LastIndexByte(model, '/')+1:] // A model, or the last part of the ARN of one.
	r.Streaming = strings.Contains(text(o, "operation"), "Stream")
	r.ErrorType = text(o, "errorCode")
	r.Failed = r.ErrorType != ""
	r.User = text(o, "identity.arn")
	whole, err := json.Marshal(map[string]json.RawMessage{"input": without(o["input"]), "output": without(o["output"])})
	if err != nil {
		return "input", "is no JSON"
	}
	return usage(jsonpath.Object{"counts": whole}, r, "counts")
}

// without returns the counts of a part of an invocation, without the bodies beside them.
func without(raw json.RawMessage) json.RawMessage {
	var o jsonpath.Object
	if json.Unmarshal(raw, &o) != nil {
		return json.RawMessage("{}")
	}
	counts := jsonpath.Object{}
	for name, value := range o {
		if strings.HasSuffix(name, "TokenCount") {
			counts[name] = value
		}
	}
	out, err := json.Marshal(counts)
	if err != nil {
		return json.RawMessage("{}")
	}
	return out
}

// readKong reads a log line of Kong: in ai is an object per plugin, of which one has the usage.
func readKong(o jsonpath.Object, r *calls.Report) (field, reason string) {
	if r.Start, field, reason = seconds(o, 1e3, "started_at"); reason != "" {
		return field, reason
	}
	var plugins map[string]json.RawMessage
	if json.Unmarshal(o["ai"], &plugins) != nil {
		return "ai", "is not an object"
	}
	r.ReporterID = text(o, "request.id")
	if status := text(o, "response.status"); len(status) == 3 && status[0] >= '4' {
		r.Failed, r.ErrorType = true, status
	}
	for _, name := range slices.Sorted(maps.Keys(plugins)) {
		var plugin jsonpath.Object
		if json.Unmarshal(plugins[name], &plugin) != nil || !has(plugin, "usage") {
			continue
		}
		r.Provider = schemas.Provider(text(plugin, "meta.provider_name"))
		r.Requested, r.Served = text(plugin, "meta.request_model"), text(plugin, "meta.response_model")
		r.Cost = text(plugin, "usage.cost")
		if ms := number(plugin, "meta.llm_latency"); ms.Known {
			r.End = r.Start + int64(ms.N)*1000
		}
		if field, reason = usage(plugin, r, "usage"); reason != "" {
			return "ai.*." + field, reason
		}
		return "", ""
	}
	return "ai", "has no plugin with usage"
}

// readNamed reads a line whose fields have the names of OpenTelemetry's attributes.
func readNamed(o jsonpath.Object, r *calls.Report) (field, reason string) {
	if r.Start, field, reason = seconds(o, 1, "start_time", "startTime", "timestamp", "time", "@timestamp"); reason != "" {
		return field, reason
	}
	m := pcommon.NewMap()
	flatten(m, "", o, maxDepth)
	if field, reason = otlp.Fill(m, r); reason != "" {
		return field, reason
	}
	if id := text(o, "x-request-id", "request_id", "request.id", "x_request_id"); id != "" { // Calls for one request share it.
		r.ReporterID = id + "@" + strconv.FormatInt(r.Start, 10)
	}
	if status := text(o, "response_code", "http.response.status_code", "status"); len(status) == 3 && status[0] >= '4' {
		r.Failed = true
		if r.ErrorType == "" {
			r.ErrorType = status
		}
	}
	if ms := number(o, "duration"); ms.Known {
		r.End = r.Start + int64(ms.N)*1000
	}
	return "", ""
}

// maxDepth bounds the objects in objects of a line that are looked into.
const maxDepth = 8

// flatten puts the texts, numbers and truths of an object into a map, with names joined by dots.
func flatten(m pcommon.Map, prefix string, o jsonpath.Object, depth int) {
	for name, raw := range o {
		var inner jsonpath.Object
		if len(raw) > 0 && raw[0] == '{' {
			if depth > 0 && json.Unmarshal(raw, &inner) == nil {
				flatten(m, prefix+name+".", inner, depth-1)
			}
			continue
		}
		if !otlp.Reads(prefix + name) {
			continue
		}
		if text, problem := jsonpath.Text(raw); problem == "" && text != "" && text != "-" { // "-" is Envoy's word for nothing.
			m.PutStr(prefix+name, text)
		}
	}
}
