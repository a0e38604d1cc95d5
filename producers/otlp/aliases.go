package otlp

import "tidemark/producers/calls"

// attribute is what an attribute of a span or of a log record means.
type attribute uint8

// The attributes that are read. Every other attribute, prompts and answers among them, is never looked at.
const (
	attrNone attribute = iota
	attrOperation
	attrProvider
	attrRequested
	attrServed
	attrInput
	attrOutput
	attrTotal
	attrRead
	attrWrite
	attrWrite5m
	attrWrite1h
	attrReasoning
	attrInputAudio
	attrOutputAudio
	attrInputImage
	attrOutputImage
	attrServer
	attrResponseID
	attrRequestID
	attrCost
	attrStreaming
	attrFirstToken
	attrLatency
	attrErrorType
	attrErrorText
	attrTier
	attrAttempt
	attrUser
	attrKind
	attrUsageObject
	attrEventName
	attrEventKind
	attrEventTime
	attrConversation
	attrHTTPStatus
	attrReasoningBudget
	attrCount // The number of attributes.
)

// alias is one name of an attribute. Of several names in one record the one with the lowest rank counts.
type alias struct {
	name string
	is   attribute
	rank uint8
	unit int64 // Microseconds in one, of attributes that are lengths of time.
}

// aliases are the names that emitters use. Sources: the GenAI conventions of OpenTelemetry, as they were at different
// times, and records of the emitters named in scopes.go.
var aliases = []alias{
	{name: "gen_ai.operation.name", is: attrOperation},
	{name: "llm.request.type", is: attrOperation, rank: 1},
	{name: "ai.operationId", is: attrKind, rank: 1},
	{name: "openinference.span.kind", is: attrKind},
	{name: "langfuse.observation.type", is: attrKind},
	{name: "traceloop.span.kind", is: attrKind},
	{name: "gen_ai.provider.name", is: attrProvider},
	{name: "gen_ai.system", is: attrProvider, rank: 1},
	{name: "llm.provider", is: attrProvider, rank: 2},
	{name: "llm.system", is: attrProvider, rank: 3},
	{name: "ai.model.provider", is: attrProvider, rank: 4},
	{name: "gen_ai.request.model", is: attrRequested},
	{name: "llm.request.model_name", is: attrRequested, rank: 1},
	{name: "ai.model.id", is: attrRequested, rank: 2},
	{name: "gen_ai.response.model", is: attrServed},
	{name: "llm.response.model_name", is: attrServed, rank: 1},
	{name: "ai.response.model", is: attrServed, rank: 2},
	{name: "langfuse.observation.model.name", is: attrServed, rank: 3},
	{name: "llm.model_name", is: attrServed, rank: 4},
	{name: "embedding.model_name", is: attrServed, rank: 5},
	{name: "reranker.model_name", is: attrServed, rank: 6},
	{name: "model", is: attrServed, rank: 7},
	{name: "gen_ai.response.id", is: attrResponseID},
	{name: "ai.response.id", is: attrResponseID, rank: 1},
	{name: "request_id", is: attrRequestID},

	{name: "gen_ai.usage.input_tokens", is: attrInput},
	{name: "gen_ai.usage.prompt_tokens", is: attrInput, rank: 1},
	{name: "llm.token_count.prompt", is: attrInput, rank: 2},
	{name: "ai.usage.inputTokens", is: attrInput, rank: 3},
	{name: "ai.usage.promptTokens", is: attrInput, rank: 4},
	{name: "ai.usage.tokens", is: attrInput, rank: 5},
	{name: "input_token_count", is: attrInput, rank: 6},
	{name: "input_tokens", is: attrInput, rank: 7},
	{name: "gen_ai.usage.output_tokens", is: attrOutput},
	{name: "gen_ai.usage.completion_tokens", is: attrOutput, rank: 1},
	{name: "llm.token_count.completion", is: attrOutput, rank: 2},
	{name: "ai.usage.outputTokens", is: attrOutput, rank: 3},
	{name: "ai.usage.completionTokens", is: attrOutput, rank: 4},
	{name: "output_token_count", is: attrOutput, rank: 5},
	{name: "output_tokens", is: attrOutput, rank: 6},
	{name: "gen_ai.usage.total_tokens", is: attrTotal},
	{name: "llm.usage.total_tokens", is: attrTotal, rank: 1},
	{name: "llm.token_count.total", is: attrTotal, rank: 2},
	{name: "ai.usage.totalTokens", is: attrTotal, rank: 3},
	{name: "total_token_count", is: attrTotal, rank: 4},

	{name: "gen_ai.usage.cache_read.input_tokens", is: attrRead},
	{name: "gen_ai.usage.cache_read_input_tokens", is: attrRead, rank: 1},
	{name: "gen_ai.usage.cache_read_tokens", is: attrRead, rank: 2},
	{name: "gen_ai.usage.details.cache_read_tokens", is: attrRead, rank: 3},
	{name: "gen_ai.usage.details.cache_read_input_tokens", is: attrRead, rank: 4},
	{name: "gen_ai.usage.prompt_tokens_details.cached_tokens", is: attrRead, rank: 5},
	{name: "llm.token_count.prompt_details.cache_read", is: attrRead, rank: 6},
	{name: "llm.token_count.prompt_details.cache_input", is: attrRead, rank: 7},
	{name: "ai.usage.inputTokenDetails.cacheReadTokens", is: attrRead, rank: 8},
	{name: "ai.usage.cachedInputTokens", is: attrRead, rank: 9},
	{name: "cached_token_count", is: attrRead, rank: 10},
	{name: "cached_content_token_count", is: attrRead, rank: 11},
	{name: "cache_read_tokens", is: attrRead, rank: 12},

	{name: "gen_ai.usage.cache_write.input_tokens", is: attrWrite},
	{name: "gen_ai.usage.cache_creation.input_tokens", is: attrWrite, rank: 1},
	{name: "gen_ai.usage.cache_creation_input_tokens", is: attrWrite, rank: 2},
	{name: "gen_ai.usage.cache_write_tokens", is: attrWrite, rank: 3},
	{name: "gen_ai.usage.details.cache_write_tokens", is: attrWrite, rank: 4},
	{name: "gen_ai.usage.details.cache_creation_input_tokens", is: attrWrite, rank: 5},
	{name: "gen_ai.usage.prompt_tokens_details.cache_creation_tokens", is: attrWrite, rank: 6},
	{name: "llm.token_count.prompt_details.cache_write", is: attrWrite, rank: 7},
	{name: "ai.usage.inputTokenDetails.cacheWriteTokens", is: attrWrite, rank: 8},
	{name: "cache_write_token_count", is: attrWrite, rank: 9},
	{name: "cache_creation_tokens", is: attrWrite, rank: 10},
	{name: "anthropic.usage.cache_creation.ephemeral_5m_input_tokens", is: attrWrite5m},
	{name: "gen_ai.usage.details.cache_creation_ephemeral_5m_input_tokens", is: attrWrite5m, rank: 1},
	{name: "gen_ai.usage.details.ephemeral_5m_input_tokens", is: attrWrite5m, rank: 2},
	{name: "anthropic.usage.cache_creation.ephemeral_1h_input_tokens", is: attrWrite1h},
	{name: "gen_ai.usage.details.ephemeral_1h_input_tokens", is: attrWrite1h, rank: 1},

	{name: "gen_ai.usage.reasoning.output_tokens", is: attrReasoning},
	{name: "gen_ai.usage.reasoning_tokens", is: attrReasoning, rank: 1},
	{name: "gen_ai.usage.details.reasoning_tokens", is: attrReasoning, rank: 2},
	{name: "gen_ai.usage.details.thinking_tokens", is: attrReasoning, rank: 3},
	{name: "gen_ai.usage.details.thoughts_tokens", is: attrReasoning, rank: 4},
	{name: "gen_ai.usage.completion_tokens_details.reasoning_tokens", is: attrReasoning, rank: 5},
	{name: "llm.usage.reasoning_tokens", is: attrReasoning, rank: 6},
	{name: "llm.token_count.completion_details.reasoning", is: attrReasoning, rank: 7},
	{name: "ai.usage.outputTokenDetails.reasoningTokens", is: attrReasoning, rank: 8},
	{name: "ai.usage.reasoningTokens", is: attrReasoning, rank: 9},
	{name: "reasoning_token_count", is: attrReasoning, rank: 10},
	{name: "thoughts_token_count", is: attrReasoning, rank: 11},

	{name: "gen_ai.usage.audio.input_tokens", is: attrInputAudio},
	{name: "llm.token_count.prompt_details.audio", is: attrInputAudio, rank: 1},
	{name: "gen_ai.usage.details.audio_prompt_tokens", is: attrInputAudio, rank: 2}, // pydantic-ai, of Gemini.
	{name: "gen_ai.usage.audio.output_tokens", is: attrOutputAudio},
	{name: "llm.token_count.completion_details.audio", is: attrOutputAudio, rank: 1},
	{name: "gen_ai.usage.details.audio_candidates_tokens", is: attrOutputAudio, rank: 2},
	{name: "gen_ai.usage.image.input_tokens", is: attrInputImage},
	{name: "llm.token_count.prompt_details.image", is: attrInputImage, rank: 1},
	{name: "gen_ai.usage.details.image_prompt_tokens", is: attrInputImage, rank: 2},
	{name: "gen_ai.usage.image.output_tokens", is: attrOutputImage},
	{name: "gen_ai.usage.details.image_candidates_tokens", is: attrOutputImage, rank: 1},
	{name: "langfuse.observation.usage_details", is: attrUsageObject},

	{name: "gen_ai.cost.total_cost", is: attrCost},
	{name: "litellm.cost.total", is: attrCost, rank: 1},
	{name: "gen_ai.usage.cost", is: attrCost, rank: 2},
	{name: "llm.cost.total", is: attrCost, rank: 3},
	{name: "operation.cost", is: attrCost, rank: 4},
	{name: "cost_usd", is: attrCost, rank: 5},

	{name: "gen_ai.request.stream", is: attrStreaming},
	{name: "gen_ai.is_streaming", is: attrStreaming, rank: 1},
	{name: "llm.is_streaming", is: attrStreaming, rank: 2},
	{name: "gen_ai.response.time_to_first_chunk", is: attrFirstToken, unit: 1e6},
	{name: "gen_ai.client.operation.time_to_first_chunk", is: attrFirstToken, rank: 1, unit: 1e6},
	{name: "gen_ai.server.time_to_first_token", is: attrFirstToken, rank: 2, unit: 1e6},
	{name: "ai.response.msToFirstChunk", is: attrFirstToken, rank: 3, unit: 1e3},
	{name: "ttft_ms", is: attrFirstToken, rank: 4, unit: 1e3},
	{name: "duration_ms", is: attrLatency, unit: 1e3},

	{name: "error.type", is: attrErrorType},
	{name: "error.message", is: attrErrorText},
	{name: "http.response.status_code", is: attrHTTPStatus},
	{name: "openai.response.service_tier", is: attrTier},
	{name: "anthropic.response.service_tier", is: attrTier, rank: 1},
	{name: "gen_ai.openai.response.service_tier", is: attrTier, rank: 2},
	{name: "http.request.resend_count", is: attrAttempt},
	{name: "server.address", is: attrServer}, // Of the model's API. A cloud.region is that of the client.
	{name: "user.id", is: attrUser},
	{name: "enduser.id", is: attrUser, rank: 1},
	{name: "gen_ai.user", is: attrUser, rank: 2},
	{name: "litellm.end_user.id", is: attrUser, rank: 3},

	{name: "event.name", is: attrEventName},
	{name: "event.kind", is: attrEventKind},
	{name: "event.timestamp", is: attrEventTime},
	{name: "conversation.id", is: attrConversation},
	{name: "gen_ai.conversation.id", is: attrConversation, rank: 1},
	{name: "session.id", is: attrConversation, rank: 2},
	{name: "prompt_id", is: attrConversation, rank: 3},
}

// tableSize is a power of two, some times the number of names.
const tableSize = 1 << 10

// aliasTable has the places of names in aliases, plus 1. A name stands at its hash or behind it.
var aliasTable = func() (t [tableSize]uint8) {
	for i := range aliases {
		at := hashOf(aliases[i].name)
		for t[at] != 0 {
			at = (at + 1) % tableSize
		}
		t[at] = uint8(i + 1)
	}
	return t
}()

// hashOf hashes the length and the end of a name, in which names differ.
func hashOf(name string) uint32 {
	h := uint32(len(name))
	for i := max(0, len(name)-8); i < len(name); i++ {
		h = h*31 + uint32(name[i])
	}
	return h * 0x9e3779b1 >> 22 // The upper 10 bits: those of tableSize.
}

// aliasOf returns what a name of an attribute means; nil if it means nothing.
func aliasOf(name string) *alias {
	for at := hashOf(name); ; at = (at + 1) % tableSize {
		switch i := aliasTable[at]; {
		case i == 0:
			return nil
		case aliases[i-1].name == name:
			return &aliases[i-1]
		}
	}
}

// operations are the operations that are one call to a model, by their name in the convention.
var operations = map[string]string{
	"chat": "chat", "generate_content": "generate_content", "text_completion": "text_completion", "completion": "text_completion",
	"embeddings": calls.OperationEmbeddings, "embedding": calls.OperationEmbeddings, "rerank": "rerank",
	"acompletion": "chat", "aembedding": calls.OperationEmbeddings, "aresponses": "chat", "responses": "chat", "anthropic_messages": "chat", "atext_completion": "text_completion",
	"LLM": "chat", "EMBEDDING": calls.OperationEmbeddings, "RERANKER": "rerank", "generation": "chat",
	"ai.generateText.doGenerate": "chat", "ai.streamText.doStream": "chat", "ai.generateObject.doGenerate": "chat", "ai.streamObject.doStream": "chat",
	"ai.embed.doEmbed": calls.OperationEmbeddings, "ai.embedMany.doEmbed": calls.OperationEmbeddings,
}

// containers are the operations and kinds of spans around model calls: agents, steps, chains, workflows and tools. They
// repeat what the calls inside them report, under the same names or under others.
var containers = map[string]bool{
	"invoke_agent": true, "agent_step": true, "invoke_workflow": true, "create_agent": true, "plan": true, "execute_tool": true, "retrieval": true,
	"fetch_response": true, "search_memory": true, "create_memory": true, "update_memory": true, "upsert_memory": true, "delete_memory": true,
	"create_memory_store": true, "delete_memory_store": true, "llm_call": true,
	"CHAIN": true, "AGENT": true, "TOOL": true, "RETRIEVER": true, "GUARDRAIL": true, "EVALUATOR": true, "PROMPT": true,
	"workflow": true, "task": true, "agent": true, "tool": true, "span": true, "chain": true, "retriever": true, "guardrail": true, "evaluator": true, "event": true,
	"ai.generateText": true, "ai.streamText": true, "ai.generateObject": true, "ai.streamObject": true, "ai.embed": true, "ai.embedMany": true, "ai.toolCall": true,
}
