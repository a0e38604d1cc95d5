package calls

import "strings"

// layer is where in a program a report is made.
type layer uint8

// The layers, from the one nearest to the provider outward. Of two reports of one call the inner one knows best.
const (
	layerSDK       layer = iota // The provider's own SDK traces itself.
	layerClient                 // An instrumentation of that SDK.
	layerFramework              // An instrumentation of a framework that calls it.
	layerGateway                // A proxy or a library that stands for many providers.
)

// Scope is what is known about an instrumentation scope: what its numbers mean, and what it reports twice.
type Scope struct {
	prefix string // Of its name.
	layer  layer
	// CountedFromLogs is set where its log records are counted, and not its spans.
	CountedFromLogs bool
	// Excludes names the provider for which its input lacks what a cache gave or took; empty if it includes that for all.
	Excludes string
	// Apart is set where its output lacks the reasoning.
	Apart bool
	// addsFirst names the provider whose streamed output it counts too high: by the count of the first message.
	addsFirst string
	// GuessesStreams is set where it counts the tokens of streams itself, when the provider does not say them.
	GuessesStreams bool
	// inventsIDs is set where it makes up the id of an answer that is not of an API of OpenAI, or has none.
	inventsIDs bool
	// again are prefixes of scopes that report the same calls once more, in another trace.
	again []string
}

// scopes are looked up by the longest prefix. Each line is what records of that emitter show: opentelemetry-instrumentation-genai
// 1.3b0, anthropic 2.14.0, traceloop 0.62.4, openinference 0.1.66 to 3.1.0, google-genai 1.3b0, pydantic-ai 2.68.0, langfuse 5.0.4,
// litellm 1.108.7, AI SDK 7.0.173, Codex 0.171.0, Spring AI 2.0.1, openlit 1.45.0, Gemini CLI 0.61.0, Qwen Code 0.24.4.
var scopes = []Scope{
	{prefix: ""},
	{prefix: "com.anthropic.sdk", layer: layerSDK, again: []string{"opentelemetry.instrumentation", "openinference.instrumentation", "pydantic-ai", "openlit", "gen_ai"}},
	{prefix: "opentelemetry.instrumentation", layer: layerClient},
	{prefix: "opentelemetry.instrumentation.anthropic", layer: layerClient, addsFirst: "anthropic"},
	{prefix: "opentelemetry.instrumentation.genai.langchain", layer: layerFramework},
	{prefix: "opentelemetry.instrumentation.genai.openai_agents", layer: layerFramework},
	{prefix: "openinference.instrumentation", layer: layerClient},
	{prefix: "openinference.instrumentation.langchain", layer: layerFramework, again: []string{"openinference.instrumentation"}},
	{prefix: "pydantic-ai", layer: layerFramework},
	{prefix: "gen_ai", layer: layerFramework}, // The AI SDK.
	{prefix: "org.springframework", layer: layerFramework},
	{prefix: "langfuse-sdk", layer: layerClient},
	{prefix: "openlit", layer: layerClient, Excludes: "anthropic", GuessesStreams: true},
	{prefix: "litellm", layer: layerGateway, inventsIDs: true},
	{prefix: "codex", layer: layerClient, CountedFromLogs: true},
	{prefix: "gemini-cli", layer: layerClient, CountedFromLogs: true},
	{prefix: "qwen-code", layer: layerClient, CountedFromLogs: true},
}

// ScopeOf returns what is known about a scope.
func ScopeOf(name string) *Scope {
	best := 0
	for i := range scopes {
		if strings.HasPrefix(name, scopes[i].prefix) && len(scopes[i].prefix) > len(scopes[best].prefix) {
			best = i
		}
	}
	return &scopes[best]
}

// exclusive reports whether the input of a call to the provider lacks what a cache gave or took.
func (s *Scope) exclusive(provider string) bool { return s.Excludes != "" && s.Excludes == provider }

// invents reports whether the id of an answer of a provider is not the provider's.
func (s *Scope) invents(provider, id string) bool {
	const uuidLength = 36
	ofOpenAI := provider == "openai" || provider == "azure.ai.openai"
	return s.inventsIDs && (len(id) == uuidLength || strings.HasPrefix(id, "chatcmpl-") && !ofOpenAI)
}

// repeats reports whether one of the scopes is known to report the calls of the other once more.
func repeats(a, b *Report) bool {
	says := func(s *Scope, other string) bool {
		for _, prefix := range s.again {
			if strings.HasPrefix(other, prefix) {
				return true
			}
		}
		return false
	}
	return a.Client != b.Client && (says(a.Scope, b.Client) || says(b.Scope, a.Client))
}
