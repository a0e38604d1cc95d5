package otlp_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"tidemark/producers/calls"
	"tidemark/producers/otlp"
)

// TestFillParts reads the parts of input and of output that are audio or images.
func TestFillParts(t *testing.T) {
	for _, test := range []struct {
		attributes map[string]any
		want       string
	}{
		{map[string]any{"gen_ai.usage.image.input_tokens": 258, "gen_ai.usage.image.output_tokens": 1290}, "- 258 - 1290"},
		{map[string]any{"llm.token_count.prompt_details.image": "7", "llm.token_count.prompt_details.audio": 3}, "3 7 - -"},
		{map[string]any{"gen_ai.usage.details.image_prompt_tokens": 5, "gen_ai.usage.details.audio_candidates_tokens": 4}, "- 5 4 -"},
		{map[string]any{"gen_ai.usage.image.input_tokens": -1, "gen_ai.usage.input_tokens": 9}, "- - - -"},
		{map[string]any{"langfuse.observation.usage_details": `{"prompt_tokens":9,"completion_tokens":1,"prompt_tokens_details":{"image_tokens":4,"audio_tokens":0}}`}, "0 4 - -"},
	} {
		m := pcommon.NewMap()
		if err := m.FromRaw(test.attributes); err != nil {
			t.Fatal(err)
		}
		r := &calls.Report{Scope: calls.ScopeOf("")}
		if field, reason := otlp.Fill(m, r); field != "" {
			t.Errorf("%v: %s %s", test.attributes, field, reason)
		}
		if got := parts(r); got != test.want {
			t.Errorf("%v: %s, want %s", test.attributes, got, test.want)
		}
	}
}

func parts(r *calls.Report) string {
	of := func(c calls.Count) string {
		if !c.Known {
			return "-"
		}
		return fmt.Sprint(c.N)
	}
	return of(r.InputAudio) + " " + of(r.InputImage) + " " + of(r.OutputAudio) + " " + of(r.OutputImage)
}

// TestFillUsageParts reads them from usage objects of providers.
func TestFillUsageParts(t *testing.T) {
	for object, want := range map[string]string{
		`{"promptTokenCount":300,"candidatesTokenCount":1290,"promptTokensDetails":[{"modality":"TEXT","tokenCount":42},{"modality":"IMAGE","tokenCount":258}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}`:    "- 258 - 1290",
		`{"prompt_token_count":300,"prompt_tokens_details":[{"modality":"AUDIO","token_count":25},{"modality":"AUDIO","token_count":1},{"modality":"IMAGE"}],"tool_use_prompt_tokens_details":[{"modality":"IMAGE","token_count":3}]}`: "26 3 - -",
		`{"input_tokens":50,"output_tokens":1056,"input_tokens_details":{"text_tokens":10,"image_tokens":40},"output_tokens_details":{"image_tokens":1056}}`:                                                                           "- 40 - 1056",
		`{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"image_tokens":null},"completion_tokens_details":{"image_tokens":1}}`:                                                                                       "- - - 1",
		`{"promptTokenCount":3,"promptTokensDetails":[{"modality":"IMAGE","tokenCount":"many"}],"candidatesTokensDetails":[7]}`:                                                                                                        "- - - -",
		`{"promptTokenCount":3,"promptTokensDetails":[{"modality":"IMAGE","tokenCount":1000000000000},{"modality":"IMAGE","tokenCount":1}]}`:                                                                                           "- - - -",
		`{"prompt_tokens":5,"prompt_tokens_details":{"image_tokens":1000000000001}}`:                                                                                                                                                   "- - - -",
	} {
		r := &calls.Report{Scope: calls.ScopeOf("")}
		if problem := otlp.FillUsage(json.RawMessage(object), r); problem != "" {
			t.Errorf("%s: %s", object, problem)
		}
		if got := parts(r); got != want {
			t.Errorf("%s: %s, want %s", object, got, want)
		}
	}
}

// TestRegion takes the region of the model's API only from what is certainly that.
func TestRegion(t *testing.T) {
	for _, test := range []struct{ host, model, want string }{
		{"us-central1-aiplatform.googleapis.com", "gemini-3-pro", "us-central1"},
		{"aiplatform.googleapis.com", "gemini-3-pro", ""},
		{"bedrock-runtime.eu-west-1.amazonaws.com", "anthropic.claude-opus-4-5-v1:0", "eu-west-1"},
		{"bedrock-runtime-fips.us-east-1.amazonaws.com", "amazon.nova-pro-v1:0", "us-east-1"},
		{"bedrock-runtime.eu-west-1.amazonaws.com", "eu.anthropic.claude-opus-4-5-v1:0", ""},
		{"bedrock-runtime.eu-west-1.amazonaws.com", "arn:aws:bedrock:eu-west-1:1:inference-profile/eu-claude", ""},
		{"s3.eu-west-1.amazonaws.com", "m", ""},
		{"bedrock-runtime.amazonaws.com", "m", ""},
		{"evil/x-aiplatform.googleapis.com", "m", ""},
		{"api.openai.com", "m", ""},
	} {
		m := pcommon.NewMap()
		m.PutStr("server.address", test.host)
		m.PutStr("gen_ai.request.model", test.model)
		m.PutStr("cloud.region", "mars-north-1") // Where the client runs.
		r := &calls.Report{Scope: calls.ScopeOf("")}
		if otlp.Fill(m, r); r.Region != test.want {
			t.Errorf("%s with %s: region %q, want %q", test.host, test.model, r.Region, test.want)
		}
	}
}
