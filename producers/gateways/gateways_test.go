package gateways_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/internal/test/env"
	"tidemark/producers/calls"
	"tidemark/producers/gateways"
	usagev1 "tidemark/schemas/usage/v1"
)

var origin = calls.Origin{Tenant: "acme", Product: "chat"}

func decode(t *testing.T, d *gateways.Decoder, body string) calls.Result {
	t.Helper()
	r, err := d.Decode(origin, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func show(e *usagev1.TokenCall) string {
	of := func(n *uint64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	return strings.Join([]string{e.Client, e.Provider, e.Model, e.Operation, e.Status.String()[len("STATUS_"):], of(e.InputUncached), of(e.InputCacheRead), of(e.InputCacheWrite),
		of(e.OutputVisible), of(e.OutputReasoning), of(e.LatencyUs), fmt.Sprint(e.GetReportedCostNanos()), e.Source + ":" + e.Id}, " ")
}

// TestLiteLLM reads what LiteLLM's callback sent, as an array, as lines and one by one, twice.
func TestLiteLLM(t *testing.T) {
	folder := env.Data(t, "otlp-captures/litellm-sdk-1.108.7")
	want := map[string][]string{
		"plain.generic":           {"litellm openai gpt-5.2-2025-12-11 chat OK 360 640 - 100 200 285856 4942000 gen_ai.response:chatcmpl-cap000413"},
		"anthropic_plain.generic": {"litellm anthropic claude-opus-4-5-20251101 chat OK 360 640 128 100 200 266337 10540000 gen_ai.reporter:litellm/chatcmpl-c981c76a-0007-4c32-8bee-df63e1458c40"},
		"fail429.generic":         {"litellm openai gpt-5.2 chat ERROR - - - - - 252509 0 gen_ai.reporter:litellm/1c3ad72c-933d-475a-9171-c1508f184bb7/failed"},
		"embeddings.generic":      {"litellm openai text-embedding-3-small embeddings OK 12 - - - - 35077 240 gen_ai.reporter:litellm/6ad91035-0505-4e77-a7b6-a84426283960"},
		"stream_usage.generic":    {"litellm openai gpt-5.2 chat OK 360 640 - 100 200 298754 4942000 gen_ai.response:chatcmpl-cap000416"},
	}
	for name, lines := range want {
		body, err := os.ReadFile(filepath.Join(folder, name+".1-other.json"))
		if err != nil {
			t.Fatal(err)
		}
		var items []json.RawMessage
		if err := json.Unmarshal(body, &items); err != nil {
			items = []json.RawMessage{body}
		}
		var ndjson strings.Builder
		for _, item := range items {
			ndjson.Write(item)
			ndjson.WriteByte('\n')
		}
		d := gateways.New(calls.NewMemory(calls.Options{}))
		for _, form := range []string{string(body), ndjson.String(), string(items[0])} {
			r := decode(t, d, form)
			if len(r.Rejected) > 0 || len(r.Events) != len(lines) {
				t.Fatalf("%s: %+v", name, r)
			}
			for i, e := range r.Events {
				if got := show(e); got != lines[i] {
					t.Errorf("%s: %s, want %s", name, got, lines[i])
				}
			}
		}
	}
}

// TestRetryOfLiteLLM: a failure and the success after it share the call id, and are two calls.
func TestRetryOfLiteLLM(t *testing.T) {
	const common = `"litellm_call_id":"0f7b6f3c-0000-4000-8000-000000000001","call_type":"acompletion","startTime":1795887394.1,"endTime":1795887394.4,"model":"gpt-5.2","custom_llm_provider":"openai"`
	r := decode(t, gateways.New(calls.NewMemory(calls.Options{})), `[{"id":"0f7b6f3c-0000-4000-8000-000000000001","status":"failure",`+common+`,"error_information":{"error_class":"RateLimitError"},"metadata":{"usage_object":{}}},
		{"id":"chatcmpl-000000000001","status":"success",`+common+`,"metadata":{"usage_object":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}}]`)
	if len(r.Events) != 2 || r.Events[0].Status == r.Events[1].Status {
		t.Errorf("%+v", r)
	}
}

// TestAttemptsOfLiteLLM: an embedding that failed and its second attempt share the id too.
func TestAttemptsOfLiteLLM(t *testing.T) {
	const common = `"id":"0f7b6f3c-0000-4000-8000-000000000001","litellm_call_id":"0f7b6f3c-0000-4000-8000-000000000001","call_type":"aembedding","startTime":1795887394.1,"endTime":1795887394.4,"model":"e","custom_llm_provider":"openai"`
	d := gateways.New(calls.NewMemory(calls.Options{}))
	for range 2 {
		var tokens uint64
		r := decode(t, d, `{"status":"failure",`+common+`} {"status":"success",`+common+`,"metadata":{"usage_object":{"prompt_tokens":12,"completion_tokens":0,"total_tokens":12}}}`)
		for _, e := range r.Events {
			tokens += e.GetInputUncached()
		}
		if len(r.Events) != 2 || tokens != 12 {
			t.Errorf("%+v", r)
		}
	}
}

// TestManyKeys: a record of fifty thousand names is read, and too many records are refused, see TestFlatten.
func TestManyKeys(t *testing.T) {
	var body strings.Builder
	body.WriteString(`{"time":"2026-11-28T14:21:50Z","x-request-id":"1","gen_ai.request.model":"m"`)
	for i := range 50_000 {
		fmt.Fprintf(&body, `,"k%d":"v"`, i)
	}
	body.WriteString("}")
	if r := decode(t, gateways.New(calls.NewMemory(calls.Options{})), body.String()); len(r.Events) != 1 {
		t.Errorf("%+v", r)
	}
	_, err := gateways.New(calls.NewMemory(calls.Options{})).Decode(origin, []byte("["+strings.Repeat("1,", 20_000)+"1]"))
	if !errors.Is(err, gateways.ErrTooMany) {
		t.Error(err)
	}
}

// TestGateways reads a record of each gateway.
func TestGateways(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{"an answer from LiteLLM's cache", `{"id":"chatcmpl-1","litellm_call_id":"1","startTime":1795887394,"cache_hit":true}`, "skipped answered from the gateway's cache"},
		{"a row of LiteLLM's spend log", `{"request_id":"chatcmpl-9","call_type":"acompletion","startTime":"2026-11-28 10:00:00.123","endTime":"2026-11-28T10:00:01.123Z","spend":0.0049,"total_tokens":1300,"prompt_tokens":1000,"completion_tokens":300,
			"model":"gpt-5.2","custom_llm_provider":"openai","end_user":"","cache_hit":"None","metadata":"{\"usage_object\":{\"prompt_tokens\":1000,\"completion_tokens\":300,\"prompt_tokens_details\":{\"cached_tokens\":640},\"completion_tokens_details\":{\"reasoning_tokens\":200}}}"}`,
			"litellm openai gpt-5.2 chat OK 360 640 - 100 200 1000000 4900000 gen_ai.response:chatcmpl-9"},
		{"one without a usage object", `{"request_id":"1c3ad72c-933d-475a-9171-c1508f184bb7","call_type":"aembedding","startTime":"2026-11-28 10:00:00","spend":0,"total_tokens":12,"prompt_tokens":12,"completion_tokens":0,"model":"text-embedding-3-small","custom_llm_provider":"openai"}`,
			"litellm openai text-embedding-3-small embeddings OK 12 - - - - - 0 gen_ai.reporter:litellm/1c3ad72c-933d-475a-9171-c1508f184bb7"},
		{"one that LiteLLM's cache answered", `{"request_id":"1","startTime":"2026-11-28 10:00:00","spend":0,"cache_hit":"True"}`, "skipped answered from the gateway's cache"},
		{"Bedrock", `{"schemaType":"ModelInvocationLog","timestamp":"2026-11-28T14:21:50Z","requestId":"r-1","operation":"Converse","region":"us-east-1","modelId":"arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-5-v1:0",
			"input":{"inputTokenCount":3,"cacheWriteInputTokenCount":31814,"inputBodyJson":{"messages":[]}},"output":{"outputTokenCount":446}}`,
			"bedrock aws.bedrock us.anthropic.claude-opus-4-5-v1:0 chat OK 3 - 31814 446 - - 0 gen_ai.reporter:bedrock/r-1"},
		{"Bedrock, a stream that was cut", `{"schemaType":"ModelInvocationLog","timestamp":"2026-11-28T14:21:50Z","requestId":"r-2","operation":"ConverseStream","modelId":"m","errorCode":"ModelStreamErrorException","input":{"inputTokenCount":3}}`,
			"bedrock aws.bedrock m chat ERROR 3 - - - - - 0 gen_ai.reporter:bedrock/r-2"},
		{"Kong", `{"started_at":1795887394000,"request":{"id":"k-1"},"response":{"status":200},"ai":{"proxy":{"meta":{"provider_name":"mistral","request_model":"mistral-large","response_model":"mistral-large-2411","llm_latency":1200},"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"cost":0.0024}}}}`,
			"kong mistral_ai mistral-large-2411 chat OK 100 - - 20 - 1200000 2400000 gen_ai.reporter:kong/k-1"},
		{"Envoy", `{"start_time":"2026-11-28T14:21:50.123Z","duration":850,"response_code":"200","x-request-id":"e-1","gen_ai.provider.name":"openai","gen_ai.request.model":"gpt-5.2","gen_ai.response.model":"gpt-5.2-2025-12-11","gen_ai.usage.input_tokens":"1000","gen_ai.usage.cache_read.input_tokens":"640","gen_ai.usage.output_tokens":"300","gen_ai.usage.reasoning.output_tokens":"-"}`,
			"envoy openai gpt-5.2-2025-12-11 chat OK 360 640 - 300 - 850000 0 gen_ai.reporter:envoy/e-1@1795875710123000"},
		{"a line without an id", `{"start_time":"2026-11-28T14:21:50.123Z","gen_ai.request.model":"gpt-5.2"}`, "rejected id is missing: a record needs the id of its call, so that a record that is sent again counts once"},
		{"a time in another unit", `{"litellm_call_id":"1","startTime":1795887394000}`, "rejected startTime is not of the years 2000 to 2286: is it in another unit?"},
		{"another program's line", `{"level":"info"}`, "rejected record is of no gateway that is known: LiteLLM's spend log, LiteLLM, Amazon Bedrock's invocation log, Kong AI Gateway, Envoy AI Gateway and others with the names of OpenTelemetry"},
		{"no object", `7`, "rejected record is not a JSON object"},
		{"a count that is none", `{"id":"1","litellm_call_id":"1","startTime":1795887394,"metadata":{"usage_object":{"prompt_tokens":"many"}}}`, "rejected metadata.usage_object has no number at prompt_tokens"},
	} {
		d := gateways.New(calls.NewMemory(calls.Options{}))
		for range 2 {
			r := decode(t, d, test.body)
			got := ""
			switch {
			case len(r.Rejected) == 1:
				got = "rejected " + r.Rejected[0].Field + " " + r.Rejected[0].Reason
			case len(r.Events) == 1:
				got = show(r.Events[0])
			}
			for reason := range r.Skipped {
				got = "skipped " + reason
			}
			if got != test.want {
				t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
			}
		}
	}
	if _, err := gateways.New(calls.NewMemory(calls.Options{})).Decode(origin, []byte(`{"a":1} {`)); err == nil {
		t.Error("half an object is no error")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"litellm_call_id":"1","startTime":1795887394,"metadata":{"usage_object":{"prompt_tokens":1}}}`))
	f.Add([]byte(`{"request_id":"1","startTime":"2026-11-28 10:00:00.123","spend":0.1,"prompt_tokens":3,"metadata":"{}"}`))
	f.Add([]byte(`[{"schemaType":"ModelInvocationLog","timestamp":"2026-11-28T14:21:50Z","input":{"inputTokenCount":3}}]`))
	f.Add([]byte(`{"started_at":1795887394000,"ai":{"proxy":{"usage":{"prompt_tokens":100}}}}`))
	f.Add([]byte(`{"time":"2026-11-28T14:21:50Z","gen_ai":{"usage":{"input_tokens":"1"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := gateways.New(calls.NewMemory(calls.Options{}))
		first, err := d.Decode(origin, body)
		again, errAgain := gateways.New(calls.NewMemory(calls.Options{})).Decode(origin, body)
		if (err == nil) != (errAgain == nil) || len(first.Events) != len(again.Events) {
			t.Fatalf("%v and %v", err, errAgain)
		}
	})
}
