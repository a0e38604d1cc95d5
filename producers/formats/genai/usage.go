package genai

import (
	"encoding/json"
	"strings"

	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/formats/numbers"
	usagev1 "tidemark/schemas/usage/v1"
)

// The usage objects of the APIs of providers. They differ in what their counts include, see usageShapes.

// usageRoots are the paths to objects that may be a usage object, the most exact first: billed units before counted
// ones, and all parts before sums. The data itself comes last.
var usageRoots = []string{
	"usage.billed_units", "meta.billed_units", "usage.tokens", "meta.tokens", // Cohere.
	"metadata.usage_object", "hidden_params.usage_object", // LiteLLM.
	"response.usage", "usage", "message.usage", "usageMetadata", "usage_metadata", "response.usageMetadata",
	"usageDetails", "usage_details", // Langfuse.
}

// usageShape is a kind of usage object.
type usageShape struct {
	shows []string // Keys any of which shows that it is this one.
	// The paths of the counts; of each list the first one that is there counts.
	input, output, read, write, reasoning, total []string
	more                                         []string // Input that is in none of them.
	exclusive                                    bool     // The input has none of what a cache gave or took.
	apart                                        bool     // The output has none of the reasoning.
	inside                                       bool     // Its keys say nothing in the data itself.
}

// usageShapes are tried in this order. If there is a total, it shows whether the sums include the parts; a part that is
// larger than a sum is not in it. Otherwise the documentation of the provider decides.
var usageShapes = []usageShape{
	{ // Gemini, in both spellings.
		shows: []string{"promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "cachedContentTokenCount", "responseTokenCount", "prompt_token_count", "candidates_token_count"},
		input: []string{"promptTokenCount", "prompt_token_count"}, more: []string{"toolUsePromptTokenCount", "tool_use_prompt_token_count"},
		output: []string{"candidatesTokenCount", "responseTokenCount", "candidates_token_count", "response_token_count"},
		read:   []string{"cachedContentTokenCount", "cached_content_token_count"}, reasoning: []string{"thoughtsTokenCount", "thoughts_token_count"},
		total: []string{"totalTokenCount", "total_token_count"}, apart: true,
	},
	{ // OpenAI's chat completions, and all that speak like it: DeepSeek, Qwen, Moonshot, Mistral, xAI, OpenRouter, LiteLLM.
		shows: []string{"prompt_tokens", "completion_tokens"},
		input: []string{"prompt_tokens"}, output: []string{"completion_tokens"}, total: []string{"total_tokens"},
		read: []string{"prompt_tokens_details.cached_tokens", "prompt_token_details.cached_tokens", "cached_tokens", "num_cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"},
		write: []string{"prompt_tokens_details.cache_write_tokens", "prompt_tokens_details.cache_creation_tokens", "prompt_tokens_details.cache_creation_input_tokens",
			"cache_write_tokens", "cache_creation_input_tokens"},
		reasoning: []string{"completion_tokens_details.reasoning_tokens", "reasoning_tokens"},
	},
	{ // The AI SDK of Vercel.
		shows: []string{"cachedInputTokens", "reasoningTokens", "inputTokenDetails", "outputTokenDetails", "promptTokens", "completionTokens"},
		input: []string{"inputTokens", "promptTokens"}, output: []string{"outputTokens", "completionTokens"}, total: []string{"totalTokens"},
		read: []string{"inputTokenDetails.cacheReadTokens", "cachedInputTokens"}, write: []string{"inputTokenDetails.cacheWriteTokens"},
		reasoning: []string{"outputTokenDetails.reasoningTokens", "reasoningTokens"},
	},
	{ // Bedrock's Converse, and its log of invocations.
		shows: []string{"inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens", "input.inputTokenCount", "output.outputTokenCount"},
		input: []string{"inputTokens", "input.inputTokenCount"}, output: []string{"outputTokens", "output.outputTokenCount"}, total: []string{"totalTokens"},
		read:  []string{"cacheReadInputTokens", "cacheReadInputTokenCount", "input.cacheReadInputTokenCount"},
		write: []string{"cacheWriteInputTokens", "cacheWriteInputTokenCount", "input.cacheWriteInputTokenCount"}, exclusive: true,
	},
	{ // Anthropic's messages and usage reports, and Claude Code.
		shows: []string{"cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation", "cache_read_tokens", "cache_creation_tokens", "uncached_input_tokens"},
		input: []string{"input_tokens", "uncached_input_tokens"}, output: []string{"output_tokens"}, total: []string{"total_tokens"},
		read:  []string{"cache_read_input_tokens", "cache_read_tokens"},
		write: []string{"cache_creation_input_tokens", "cache_creation_tokens"}, reasoning: []string{"output_tokens_details.thinking_tokens"}, exclusive: true,
	},
	{ // OpenAI's responses and usage reports.
		shows: []string{"input_tokens", "output_tokens"},
		input: []string{"input_tokens"}, output: []string{"output_tokens"}, total: []string{"total_tokens"},
		read:      []string{"input_tokens_details.cached_tokens", "input_token_details.cached_tokens", "input_cached_tokens"},
		write:     []string{"input_tokens_details.cache_write_tokens", "input_cache_write_tokens"},
		reasoning: []string{"output_tokens_details.reasoning_tokens", "output_tokens_details.thinking_tokens", "reasoning_tokens"},
	},
	{ // Langfuse, whose parts are apart.
		shows: []string{"input", "output"},
		input: []string{"input"}, output: []string{"output"}, total: []string{"total"},
		read:  []string{"input_cached_tokens", "input_cache_read", "cache_read_input_tokens"},
		write: []string{"input_cache_creation", "cache_creation_input_tokens"}, reasoning: []string{"output_reasoning_tokens", "output_reasoning"},
		exclusive: true, apart: true, inside: true,
	},
}

// details are the fields that say more of the counts in a usage object, or go with them. The first path that is there
// counts. None of them is a class of tokens.
var details = []alias{
	{"cache_write_5m", "cache_creation.ephemeral_5m_input_tokens", 0}, // Anthropic.
	{"cache_write_1h", "cache_creation.ephemeral_1h_input_tokens", 0},
	{"cache_write_5m", "prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens", 0}, // LiteLLM.
	{"cache_write_1h", "prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens", 0},
	{"input_audio", "prompt_tokens_details.audio_tokens", 0}, // OpenAI's chat completions.
	{"input_image", "prompt_tokens_details.image_tokens", 0},
	{"output_audio", "completion_tokens_details.audio_tokens", 0},
	{"input_audio", "input_token_details.audio_tokens", 0}, // OpenAI's realtime answers.
	{"input_image", "input_token_details.image_tokens", 0},
	{"output_audio", "output_token_details.audio_tokens", 0},
	{"input_image", "input_tokens_details.image_tokens", 0}, // OpenAI's images.
	{"input_audio", "input_tokens_details.audio_tokens", 0},
	{"output_image", "output_tokens_details.image_tokens", 0},
	{"output_audio", "output_tokens_details.audio_tokens", 0},
	{"output_image", "completion_tokens_details.image_tokens", 0}, // LiteLLM.
	{"output_image", "output_token_details.image_tokens", 0},
	{"region", "inference_geo", 0},      // Anthropic.
	{"service_tier", "service_tier", 0}, // Anthropic.
}

// usage holds the counts of a usage object.
type usage struct {
	object                                             jsonpath.Object
	shape                                              *usageShape
	input, output, read, write, reasoning, total, more count
	within, beside                                     samplings
}

// count is a number that may not be known.
type count struct {
	n     uint64
	known bool
}

func (c count) pointer() *uint64 {
	if !c.known {
		return nil
	}
	return &c.n
}

// usageOf returns the usage in the data of an event; nil if there is none. The problem is to be read after the path.
func usageOf(data jsonpath.Object) (u *usage, path, problem string) {
	for _, root := range usageRoots {
		raw, _ := data.Lookup(root)
		if jsonpath.IsText(raw) { // The object as a text, as some loggers write it.
			text, _ := jsonpath.Text(raw)
			raw = json.RawMessage(text)
		}
		var inner jsonpath.Object
		if len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &inner) != nil {
			continue
		}
		if u, path, problem = usageIn(inner, false); problem != "" {
			return nil, root + "." + path, problem
		}
		if u != nil {
			return u, "", ""
		}
	}
	return usageIn(data, true)
}

// usageIn reads an object as a usage object; nil if it is none. whole is true for the data of an event itself.
func usageIn(o jsonpath.Object, whole bool) (*usage, string, string) {
	if unit, _ := jsonpath.Text(o["unit"]); unit != "" && !strings.EqualFold(unit, "tokens") {
		return nil, "", ""
	}
	for i := range usageShapes {
		shape := &usageShapes[i]
		if whole && shape.inside || !hasAny(o, shape.shows) {
			continue
		}
		u := &usage{object: o, shape: shape}
		for _, part := range []struct {
			into  *count
			paths []string
		}{
			{&u.input, shape.input}, {&u.output, shape.output}, {&u.read, shape.read}, {&u.write, shape.write},
			{&u.reasoning, shape.reasoning}, {&u.total, shape.total}, {&u.more, shape.more},
		} {
			if path, problem := readCount(o, part.into, part.paths); problem != "" {
				return nil, path, problem
			}
		}
		if !u.write.known {
			if path, problem := readWrites(o, &u.write); problem != "" {
				return nil, path, problem
			}
		}
		if path, problem := u.readIterations(); problem != "" {
			return nil, path, problem
		}
		if u.input.known || u.output.known || u.read.known || u.write.known || u.reasoning.known {
			return u, "", ""
		}
	}
	return nil, "", ""
}

func hasAny(o jsonpath.Object, paths []string) bool {
	for _, path := range paths {
		if _, has := o.Lookup(path); has {
			return true
		}
	}
	return false
}

// readCount reads the first of the paths that has a number.
func readCount(o jsonpath.Object, into *count, paths []string) (path, problem string) {
	for _, path := range paths {
		raw, _ := o.Lookup(path)
		text, problem := jsonpath.Text(raw)
		if problem != "" {
			return path, problem
		}
		if text == "" {
			continue
		}
		if _, problem := numbers.ParseCount(text, &into.n); problem != "" {
			return path, problem
		}
		into.known = true
		return "", ""
	}
	return "", ""
}

// readWrites adds up the tokens that Anthropic counts per lifetime of the cache.
func readWrites(o jsonpath.Object, into *count) (path, problem string) {
	for _, path := range []string{"cache_creation.ephemeral_5m_input_tokens", "cache_creation.ephemeral_1h_input_tokens"} {
		var one count
		if at, problem := readCount(o, &one, []string{path}); problem != "" {
			return at, problem
		}
		into.n += one.n
		into.known = into.known || one.known
	}
	return "", ""
}

// into sets the classes of tokens of a call, which are disjoint.
func (u *usage) into(call *usagev1.TokenCall) {
	cached := u.read.n + u.write.n
	exclusive, apart := u.shape.exclusive, u.shape.apart
	if u.total.known && u.input.known && u.output.known {
		sum := u.input.n + u.output.n + u.more.n
		switch u.total.n {
		case sum: // All parts are in it. Where there are none it says nothing.
			exclusive, apart = exclusive && cached == 0, apart && u.reasoning.n == 0
		case sum + u.reasoning.n:
			exclusive, apart = false, true
		case sum + cached:
			exclusive, apart = true, false
		case sum + cached + u.reasoning.n:
			exclusive, apart = true, true
		}
	}
	exclusive = exclusive || u.input.known && cached > u.input.n
	apart = apart || u.output.known && u.reasoning.n > u.output.n
	if u.input.known && !exclusive {
		u.input.n -= cached
	}
	if u.output.known && !apart {
		u.output.n -= u.reasoning.n
	}
	u.input.n += u.more.n
	u.input.known = u.input.known || u.more.known
	u.input.complete(u.within.input, u.beside.input)
	u.read.complete(u.within.read, u.beside.read)
	u.write.complete(u.within.write, u.beside.write)
	within := u.within.output
	within.n -= min(within.n, u.reasoning.n) // It has the reasoning.
	u.output.complete(within, u.beside.output)
	call.InputUncached, call.InputCacheRead, call.InputCacheWrite = u.input.pointer(), u.read.pointer(), u.write.pointer()
	call.OutputVisible, call.OutputReasoning = u.output.pointer(), u.reasoning.pointer()
}

// tokenClasses are the types of tokens in events that have one number of tokens and its type, as the examples of
// OpenMeter.
var tokenClasses = map[string]string{
	"input": "input_uncached", "prompt": "input_uncached", "input_tokens": "input_uncached", "prompt_tokens": "input_uncached",
	"output": "output_visible", "completion": "output_visible", "output_tokens": "output_visible", "completion_tokens": "output_visible",
	"cached": "input_cache_read", "cached_input": "input_cache_read", "cache_read": "input_cache_read", "cacheread": "input_cache_read", "input_cached": "input_cache_read",
	"cache_write": "input_cache_write", "cache_creation": "input_cache_write", "cachecreation": "input_cache_write",
	"reasoning": "output_reasoning", "thinking": "output_reasoning", "thought": "output_reasoning", "thoughts": "output_reasoning",
}

// classOf returns the field for the tokens of data that has one number of tokens and its type.
func classOf(data jsonpath.Object) (field string, ok bool) {
	if raw := data["tokens"]; len(raw) == 0 || raw[0] == '{' || raw[0] == '[' {
		return "", false
	}
	for _, key := range []string{"type", "token_type"} {
		word, _ := jsonpath.Text(data[key])
		if field, ok = tokenClasses[strings.ToLower(word)]; ok {
			return field, true
		}
	}
	return "", false
}

// SaysUsage reports whether the data has the usage of a call.
func SaysUsage(data jsonpath.Object) bool {
	if saysGenAI(data) {
		return true
	}
	if _, is := classOf(data); is {
		return true
	}
	u, _, problem := usageOf(data)
	return u != nil || problem != ""
}
