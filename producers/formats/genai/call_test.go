package genai_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

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
}
