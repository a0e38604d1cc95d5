package stored

import (
	"strings"

	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/otlp"
	"tidemark/schemas"
)

// OpenAI reads stored answers of OpenAI's chat completions and responses, and of APIs that speak like them: the answer itself, a
// wrapper {"response": answer}, or a line of the output of a batch.
type OpenAI struct{}

// marks are fields of an answer that only one provider has.
var marks = map[string]string{"x_groq": "groq", "prompt_filter_results": "azure.ai.openai"}

// models are beginnings of names of models that one provider alone offers under that name, without the vendor before a slash. The
// weights of others are served by many.
var models = []struct{ begin, provider string }{
	{"gpt-oss", ""}, // Before gpt-.
	{"gpt-", "openai"}, {"ft:gpt-", "openai"}, {"chatgpt-", "openai"}, {"o1", "openai"}, {"o3", "openai"}, {"o4", "openai"}, {"codex-", "openai"},
	{"text-embedding-3-", "openai"}, {"text-embedding-ada-", "openai"}, {"claude-", "anthropic"}, {"gemini-", "gcp.gemini"}, {"grok-", "x_ai"},
	{"deepseek-chat", "deepseek"}, {"deepseek-reasoner", "deepseek"}, {"sonar", "perplexity"}, {"command-", "cohere"}, {"moonshot-v1-", "moonshot_ai"},
	{"qwen-max", "alibaba_cloud"}, {"qwen-plus", "alibaba_cloud"}, {"qwen-turbo", "alibaba_cloud"}, {"qwen-flash", "alibaba_cloud"},
	{"mistral-large-", "mistral_ai"}, {"mistral-medium-", "mistral_ai"}, {"codestral-", "mistral_ai"},
}

// providers are names that OpenRouter has for providers, where the convention has another one than their small letters.
var providers = map[string]string{"google ai studio": "gcp.gemini", "google": "gcp.vertex_ai", "amazon bedrock": "aws.bedrock"}

// providerOf returns who served an answer: the provider that it names, as those of OpenRouter do, or that its fields or the name of
// its model tell. Empty: many may have.
func providerOf(answer jsonpath.Object) string {
	if name := strings.ToLower(answer.First("provider")); name != "" {
		if known, ok := providers[name]; ok {
			return known
		}
		return schemas.Provider(name)
	}
	for field, provider := range marks {
		if _, ok := answer[field]; ok {
			return provider
		}
	}
	model := answer.First("model")
	if strings.HasPrefix(model, "accounts/fireworks/") {
		return "fireworks"
	}
	model = strings.ToLower(model[strings.LastIndexByte(model, '/')+1:])
	for _, of := range models {
		if strings.HasPrefix(model, of.begin) {
			return of.provider
		}
	}
	return ""
}

// Read adds what an object says about a call to the batch.
func (OpenAI) Read(o jsonpath.Object, b *calls.Batch) {
	found := answer(o, []string{"usage", "choices", "output"}, "response.body", "response", "body")
	if usage := found.Inner("usage"); usage == nil {
		b.Skip(SkipNoUsage)
		return
	}
	us, problem := stamp(found, "created", "created_at")
	if problem == "is missing" {
		us, problem = stamp(o, "created_at", "timestamp")
	}
	r := report(us)
	r.Provider, r.ResponseID, r.Served, r.Tier = providerOf(found), found.First("id"), found.First("model"), found.First("service_tier")
	r.User = found.First("safety_identifier", "user")
	if found.First("status") == "failed" {
		r.Failed, r.ErrorType = true, found.First("error.code")
	}
	fault := otlp.FillUsage(found["usage"], r)
	switch {
	case fault != "":
		b.Reject("usage", fault)
	case !r.Input.Known && !r.Output.Known:
		b.Skip(SkipNoUsage)
	case r.ResponseID == "":
		b.Reject("id", "is missing: it tells the answer from others")
	case problem != "":
		b.Reject("created", problem)
	default:
		b.Report(r)
	}
}
