package stored_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/stored"
)

// read returns what an object says, in words.
func read(t *testing.T, from interface {
	Read(o jsonpath.Object, b *calls.Batch)
}, text string) string {
	t.Helper()
	var o jsonpath.Object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	var b calls.Batch
	from.Read(o, &b)
	switch {
	case len(b.Rejected) == 1:
		return b.Rejected[0].Field + " " + b.Rejected[0].Reason
	case len(b.Reports) > 0:
		var all []string
		for _, r := range b.Reports {
			all = append(all, said(r))
		}
		return strings.Join(all, "; ")
	}
	return fmt.Sprint(b.Skipped)
}

func said(r *calls.Report) string {
	return fmt.Sprint(time.UnixMicro(r.Start).UTC().Format(time.RFC3339), " ", r.Provider, " ", r.ResponseID, " ", r.Served, " ", r.User, " ", r.Failed, " ", r.ErrorType, " ", r.Input.N, " ", r.Read.N, " ", r.Write.N, " ",
		r.Write5m.N, " ", r.Write1h.N, " ", r.Output.N, " ", r.Reasoning.N)
}

func TestOpenAI(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}`
	const none = "map[" + stored.SkipNoUsage + ":1]"
	for _, test := range []struct{ name, text, want string }{
		{"a chat completion", `{"id":"c","created":1772352300,"model":"m",` + usage + `}`, "2026-03-01T08:05:00Z  c m  false  10 4 0 0 0 5 2"},
		{"wrapped, with a time beside it", `{"response":{"id":"c","model":"m",` + usage + `},"timestamp":"2026-03-01T08:05:00Z"}`, "2026-03-01T08:05:00Z  c m  false  10 4 0 0 0 5 2"},
		{"a response that failed", `{"id":"r","created_at":1772352300,"model":"m","status":"failed","error":{"code":"server_error"},"user":"u","usage":{"input_tokens":10,"output_tokens":5}}`,
			"2026-03-01T08:05:00Z  r m u true server_error 10 0 0 0 0 5 0"},
		{"no usage", `{"id":"c","created":1772352300,"usage":null}`, none},
		{"usage of another kind", `{"id":"c","created":1772352300,"usage":{"seconds":3}}`, none},
		{"no id", `{"created":1772352300,` + usage + `}`, "id is missing: it tells the answer from others"},
		{"no time", `{"id":"c",` + usage + `}`, "created is missing"},
		{"milliseconds", `{"id":"c","created":1772352300000,` + usage + `}`, "created is not of the years 2000 to 2286: is it in another unit?"},
		{"a count that is none", `{"id":"c","created":1772352300,"usage":{"prompt_tokens":"many"}}`, "usage has no number at prompt_tokens"},
	} {
		if got := read(t, stored.OpenAI{}, test.text); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestAnthropic(t *testing.T) {
	const message = `{"id":"m","model":"c","usage":{"input_tokens":10,"cache_read_input_tokens":4,"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":1},"output_tokens":5}}`
	const want = "2026-03-01T08:05:00Z anthropic m c  false  10 4 3 2 1 5 0"
	const noTime = `timestamp is missing, and a message of Anthropic has no time: wrap it as {"response": {...}, "timestamp": "2026-11-28T10:00:00Z"}`
	for _, test := range []struct{ name, text, want string }{
		{"wrapped", `{"response":` + message + `,"timestamp":"2026-03-01T08:05:00Z"}`, want},
		{"with a number for the time", `{"response":` + message + `,"created_at":1772352300}`, want},
		{"beside its fields", message[:len(message)-1] + `,"timestamp":"2026-03-01T09:05:00+01:00"}`, want},
		{"of a batch", `{"custom_id":"x","result":{"type":"succeeded","message":` + message + `},"timestamp":1772352300}`, want},
		{"no time", message, noTime},
		{"a time that is none", `{"response":` + message + `,"timestamp":"soon"}`, "timestamp is no time"},
		{"no usage", `{"id":"m"}`, "map[" + stored.SkipNoUsage + ":1]"},
		{"no id", `{"timestamp":1772352300,"usage":{"output_tokens":5}}`, "id is missing: it tells the message from others"},
		{"a count that is none", `{"timestamp":1772352300,"usage":{"output_tokens":"many"}}`, "usage.output_tokens is not a whole number from 0 to 1e12"},
	} {
		if got := read(t, stored.Anthropic{}, test.text); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestProviders takes the provider from what an answer says, and from nothing else.
func TestProviders(t *testing.T) {
	for says, want := range map[string]string{
		`"model":"gpt-5.2-2025-12-11"`:                                  "openai",
		`"model":"o4-mini"`:                                             "openai",
		`"model":"openai/gpt-5","provider":"Azure"`:                     "azure.ai.openai",
		`"model":"anthropic/claude-opus-5","provider":"Amazon Bedrock"`: "aws.bedrock",
		`"model":"google/gemini-3-pro","provider":"Google AI Studio"`:   "gcp.gemini",
		`"model":"z-ai/glm-5","provider":"Novita"`:                      "novita",
		`"model":"openai/gpt-5"`:                                        "openai",
		`"model":"openai/gpt-oss-120b"`:                                 "",
		`"model":"gpt-5","prompt_filter_results":[]`:                    "azure.ai.openai",
		`"model":"llama-3.3-70b-versatile","x_groq":{"id":"req_1"}`:     "groq",
		`"model":"accounts/fireworks/models/llama-v3p3-70b-instruct"`:   "fireworks",
		`"model":"deepseek-chat"`:                                       "deepseek",
		`"model":"deepseek-ai/DeepSeek-V3"`:                             "",
		`"model":"meta-llama/Llama-3.3-70B-Instruct"`:                   "",
		`"model":"grok-4"`:                                              "x_ai",
		`"model":"my-model"`:                                            "",
		`"object":"chat.completion"`:                                    "",
	} {
		var o jsonpath.Object
		if err := json.Unmarshal([]byte(`{"id":"c","created":1772352300,"usage":{"prompt_tokens":10},`+says+`}`), &o); err != nil {
			t.Fatal(err)
		}
		var b calls.Batch
		stored.OpenAI{}.Read(o, &b)
		if got := b.Reports[0].Provider; got != want {
			t.Errorf("%s: provider %q, want %q", says, got, want)
		}
	}
}

// TestGeo takes the region that a message names.
func TestGeo(t *testing.T) {
	for geo, want := range map[string]string{`"us"`: "us", `"not_available"`: "", `null`: ""} {
		var o jsonpath.Object
		if err := json.Unmarshal([]byte(`{"timestamp":1772352300,"id":"m","usage":{"output_tokens":5,"inference_geo":`+geo+`}}`), &o); err != nil {
			t.Fatal(err)
		}
		var b calls.Batch
		stored.Anthropic{}.Read(o, &b)
		if got := b.Reports[0].Region; got != want {
			t.Errorf("%s: region %q, want %q", geo, got, want)
		}
	}
}

// TestIterations counts each token of a message that took several samplings once, whichever of them the counts of the message have.
func TestIterations(t *testing.T) {
	const start = "2026-03-01T08:05:00Z anthropic "
	for _, test := range []struct{ name, usage, want string }{
		{
			"one, which says the same", `"input_tokens":10,"output_tokens":5,"iterations":[{"type":"message","input_tokens":10,"output_tokens":5}]`,
			start + "m c-1  false  10 0 0 0 0 5 0",
		},
		{
			"a compaction, which the counts lack", `"input_tokens":23000,"output_tokens":1000,"iterations":[{"type":"compaction","input_tokens":180000,"output_tokens":3500},{"type":"message","input_tokens":23000,"output_tokens":1000}]`,
			start + "m c-1  false  203000 0 0 0 0 4500 0",
		},
		{
			"a loop of tools, of which the counts are the sum", `"input_tokens":30,"cache_read_input_tokens":7,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4},"iterations":[{"type":"message","input_tokens":10,"output_tokens":4},{"type":"message","input_tokens":20,"cache_read_input_tokens":7,"output_tokens":5}]`,
			start + "m c-1  false  30 7 0 0 0 9 4",
		},
		{
			"an adviser, who is another model; the counts have the first input", `"input_tokens":412,"output_tokens":531,"iterations":[{"type":"message","input_tokens":412,"output_tokens":89},` +
				`{"type":"advisor_message","model":"c-9","input_tokens":800,"output_tokens":1600},{"type":"message","input_tokens":1348,"cache_read_input_tokens":412,"output_tokens":442},` +
				`{"type":"advisor_message","model":"c-9","input_tokens":23,"cache_creation_input_tokens":6,"cache_creation":{"ephemeral_5m_input_tokens":6},"output_tokens":12}]`,
			start + "m c-1  false  1760 412 0 0 0 531 0; " + start + "m/c-9 c-9  false  823 0 6 6 0 1612 0",
		},
		{
			"an adviser of the same model", `"input_tokens":10,"output_tokens":5,"iterations":[{"type":"message","input_tokens":10,"output_tokens":5},{"type":"advisor_message","model":"c-1-20260101","input_tokens":3,"output_tokens":2}]`,
			start + "m c-1  false  13 0 0 0 0 7 0",
		},
		{
			"a fallback, which answered", `"input_tokens":412,"output_tokens":264,"iterations":[{"type":"message","model":"c-2","input_tokens":408,"output_tokens":1},{"type":"fallback_message","model":"c-1","input_tokens":412,"output_tokens":264}]`,
			start + "m c-1  false  412 0 0 0 0 264 0; " + start + "m/c-2 c-2  false  408 0 0 0 0 1 0",
		},
		{"a message that has grown beyond them", `"input_tokens":10,"output_tokens":50,"iterations":[{"type":"message","input_tokens":10,"output_tokens":5}]`, start + "m c-1  false  10 0 0 0 0 50 0"},
		{"none", `"input_tokens":10,"output_tokens":5,"iterations":null`, start + "m c-1  false  10 0 0 0 0 5 0"},
		{"a number of them", `"input_tokens":10,"output_tokens":5,"iterations":2`, start + "m c-1  false  10 0 0 0 0 5 0"},
		{"a count that is none", `"input_tokens":10,"output_tokens":5,"iterations":[{"type":"message","output_tokens":-1}]`, "usage.iterations.output_tokens is not a whole number from 0 to 1e12"},
	} {
		if got := read(t, stored.Anthropic{}, `{"timestamp":1772352300,"id":"m","model":"c-1","usage":{`+test.usage+`}}`); got != test.want {
			t.Errorf("%s:\n%s, want\n%s", test.name, got, test.want)
		}
	}
}
