package genai_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/genai"
	"tidemark/producers/formats/jsonpath"
	usagev1 "tidemark/schemas/usage/v1"
)

// ExampleFill reads the attributes of a span, which come from no file.
func ExampleFill() {
	var attributes jsonpath.Object
	err := json.Unmarshal([]byte(`{"gen_ai.provider.name": "anthropic", "gen_ai.response.model": "claude", "gen_ai.usage.input_tokens": 300,
		"gen_ai.usage.cache_read.input_tokens": 200, "gen_ai.usage.output_tokens": 50}`), &attributes)
	if err != nil {
		panic(err)
	}
	var call usagev1.TokenCall
	path, problem := genai.Fill(&fields.Filler{}, &call, attributes)
	fmt.Println(call.Provider, call.Model, call.GetInputUncached(), call.GetInputCacheRead(), call.GetOutputVisible(), path+problem)
	// Output: anthropic claude 100 200 50
}

// TestFill reads answers of APIs as they are, and names the path of a count that is none.
func TestFill(t *testing.T) {
	f := func(data, want string) {
		t.Helper()
		var object jsonpath.Object
		if err := json.Unmarshal([]byte(data), &object); err != nil {
			t.Fatal(err)
		}
		var call usagev1.TokenCall
		path, problem := genai.Fill(&fields.Filler{}, &call, object)
		got := path + " " + problem
		if problem == "" {
			got = fmt.Sprintln(call.Model, call.GetInputUncached(), call.GetInputCacheRead(), call.GetOutputVisible(), call.GetOutputReasoning())
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("%s: got %q, want %q", data, got, want)
		}
	}
	f(`{"response":{"model":"gpt","usage":{"prompt_tokens":9,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}}`, "gpt 5 4 3 2")
	f(`{"modelVersion":"gemini","usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":5,"thoughtsTokenCount":2}}`, "gemini 9 0 5 2")
	f(`{"usage":{"input_tokens":"many","output_tokens":1}}`, `usage.input_tokens "many" is not a number`)
	f(`{"choices":[]}`, "unknown 0 0 0 0")
	// Iterations of Anthropic: the counts of the usage lack a compaction and other models, and have some of the rest.
	f(`{"model":"c","usage":{"cache_read_input_tokens":0,"input_tokens":412,"output_tokens":531,"output_tokens_details":{"thinking_tokens":31},"iterations":[
		{"type":"compaction","input_tokens":9000,"output_tokens":40},{"type":"message","input_tokens":412,"output_tokens":89},
		{"type":"advisor_message","model":"a","input_tokens":800,"output_tokens":1600},{"type":"message","input_tokens":1348,"cache_read_input_tokens":412,"output_tokens":442}]}}`, "unknown 11560 412 2140 31")
	f(`{"model":"c","usage":{"cache_read_input_tokens":4,"input_tokens":9,"output_tokens":5,"iterations":[{"type":"message","model":"c","cache_read_input_tokens":4,"input_tokens":9,"output_tokens":5}]}}`, "unknown 9 4 5 0")
	f(`{"model":"c","usage":{"prompt_tokens":13,"completion_tokens":5,"cache_read_input_tokens":4,"iterations":[{"type":"compaction","input_tokens":100,"output_tokens":7},{"type":"message","cache_read_input_tokens":4,"input_tokens":9,"output_tokens":5}]}}`, "unknown 109 4 12 0")
	f(`{"usage":{"cache_read_input_tokens":4,"iterations":[{"input_tokens":"many"}]}}`, `usage.iterations.input_tokens "many" is not a number`)
}

// TestFillDetails reads what answers say beside the classes of tokens. An id that may be that of something else is none.
func TestFillDetails(t *testing.T) {
	f := func(data, want string) {
		t.Helper()
		var object jsonpath.Object
		if err := json.Unmarshal([]byte(data), &object); err != nil {
			t.Fatal(err)
		}
		var filler fields.Filler
		var call usagev1.TokenCall
		if path, problem := genai.Fill(&filler, &call, object); problem != "" {
			t.Errorf("%s: %s %s", data, path, problem)
		}
		var got []string
		call.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			if fd.Number() > 30 {
				got = append(got, fmt.Sprintf("%s=%v", fd.TextName(), v))
			}
			return true
		})
		for _, u := range filler.Lenient.Noted {
			got = append(got, "no "+u.Field)
		}
		if slices.Sort(got); strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", data, strings.Join(got, " "), want)
		}
	}
	anthropic := `"usage":{"input_tokens":12,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":9,"ephemeral_1h_input_tokens":0},"output_tokens":4,"service_tier":"priority"}`
	f(`{"id":"msg_1","type":"message","role":"assistant",`+anthropic+`}`, "cache_write_1h=0 cache_write_5m=9 response_id=msg_1 service_tier=priority usage=1")
	f(`{"id":"row 7","message":{"id":"msg_1","type":"message","role":"assistant",`+anthropic+`}}`, "cache_write_1h=0 cache_write_5m=9 response_id=msg_1 service_tier=priority usage=1")
	openAI := `"usage":{"prompt_tokens":9,"completion_tokens":5,"prompt_tokens_details":{"audio_tokens":4,"image_tokens":1},"completion_tokens_details":{"audio_tokens":0}}`
	f(`{"id":"chatcmpl-1","object":"chat.completion",`+openAI+`}`, "input_audio=4 input_image=1 output_audio=0 response_id=chatcmpl-1 usage=1")
	f(`{"type":"response.completed","id":"event","response":{"id":"resp_1","object":"response","service_tier":"default","usage":{"input_tokens":9,"output_tokens":5}}}`, "response_id=resp_1 service_tier=standard usage=1")
	f(`{"id":"chatcmpl-1",`+openAI+`}`, "input_audio=4 input_image=1 output_audio=0 usage=1")
	f(`{"id":"1","type":"message","role":"user",`+openAI+`}`, "input_audio=4 input_image=1 output_audio=0 usage=1")
	f(`{"responseId":"g1","usageMetadata":{"promptTokenCount":9}}`, "response_id=g1 usage=1")
	f(`{"gen_ai.response.id":"r","gen_ai.usage.input_tokens":9,"openai.response.service_tier":"flex"}`, "response_id=r service_tier=flex")
	f(`{"usage":{"prompt_tokens":9,"prompt_tokens_details":{"audio_tokens":"many","cache_creation_token_details":{"ephemeral_1h_input_tokens":3}},"service_tier":{}}}`, "cache_write_1h=3 no input_audio no service_tier usage=1")
	f(`{"object":"chat.completion","id":"chatcmpl-1","choices":[]}`, "")
}
