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
	is   attribute
	rank uint8
	unit int64 // Microseconds in one, of attributes that are lengths of time.
}

// aliases are the names that emitters use. Sources: the GenAI conventions of OpenTelemetry, as they were at different
// times, and records of the emitters named in scopes.go.
var aliases = map[string]alias{
	"gen_ai.operation.name":           {is: attrOperation},
	"llm.request.type":                {is: attrOperation, rank: 1},
	"ai.operationId":                  {is: attrKind, rank: 1},
	"openinference.span.kind":         {is: attrKind},
	"langfuse.observation.type":       {is: attrKind},
	"traceloop.span.kind":             {is: attrKind},
	"gen_ai.provider.name":            {is: attrProvider},
	"gen_ai.system":                   {is: attrProvider, rank: 1},
	"llm.provider":                    {is: attrProvider, rank: 2},
	"llm.system":                      {is: attrProvider, rank: 3},
	"ai.model.provider":               {is: attrProvider, rank: 4},
	"gen_ai.request.model":            {is: attrRequested},
	"llm.request.model_name":          {is: attrRequested, rank: 1},
	"ai.model.id":                     {is: attrRequested, rank: 2},
	"gen_ai.response.model":           {is: attrServed},
	"llm.response.model_name":         {is: attrServed, rank: 1},
	"ai.response.model":               {is: attrServed, rank: 2},
	"langfuse.observation.model.name": {is: attrServed, rank: 3},
	"llm.model_name":                  {is: attrServed, rank: 4},
	"embedding.model_name":            {is: attrServed, rank: 5},
	"reranker.model_name":             {is: attrServed, rank: 6},
	"model":                           {is: attrServed, rank: 7},
	"gen_ai.response.id":              {is: attrResponseID},
	"ai.response.id":                  {is: attrResponseID, rank: 1},
	"request_id":                      {is: attrRequestID},

	"gen_ai.usage.input_tokens":      {is: attrInput},
	"gen_ai.usage.prompt_tokens":     {is: attrInput, rank: 1},
	"llm.token_count.prompt":         {is: attrInput, rank: 2},
	"ai.usage.inputTokens":           {is: attrInput, rank: 3},
	"ai.usage.promptTokens":          {is: attrInput, rank: 4},
	"ai.usage.tokens":                {is: attrInput, rank: 5},
	"input_token_count":              {is: attrInput, rank: 6},
	"input_tokens":                   {is: attrInput, rank: 7},
	"gen_ai.usage.output_tokens":     {is: attrOutput},
	"gen_ai.usage.completion_tokens": {is: attrOutput, rank: 1},
	"llm.token_count.completion":     {is: attrOutput, rank: 2},
	"ai.usage.outputTokens":          {is: attrOutput, rank: 3},
	"ai.usage.completionTokens":      {is: attrOutput, rank: 4},
	"output_token_count":             {is: attrOutput, rank: 5},
	"output_tokens":                  {is: attrOutput, rank: 6},
	"gen_ai.usage.total_tokens":      {is: attrTotal},
	"llm.usage.total_tokens":         {is: attrTotal, rank: 1},
	"llm.token_count.total":          {is: attrTotal, rank: 2},
	"ai.usage.totalTokens":           {is: attrTotal, rank: 3},
	"total_token_count":              {is: attrTotal, rank: 4},

	"gen_ai.usage.cache_read.input_tokens":             {is: attrRead},
	"gen_ai.usage.cache_read_input_tokens":             {is: attrRead, rank: 1},
	"gen_ai.usage.cache_read_tokens":                   {is: attrRead, rank: 2},
	"gen_ai.usage.details.cache_read_tokens":           {is: attrRead, rank: 3},
	"gen_ai.usage.details.cache_read_input_tokens":     {is: attrRead, rank: 4},
	"gen_ai.usage.prompt_tokens_details.cached_tokens": {is: attrRead, rank: 5},
	"llm.token_count.prompt_details.cache_read":        {is: attrRead, rank: 6},
	"llm.token_count.prompt_details.cache_input":       {is: attrRead, rank: 7},
	"ai.usage.inputTokenDetails.cacheReadTokens":       {is: attrRead, rank: 8},
	"ai.usage.cachedInputTokens":                       {is: attrRead, rank: 9},
	"cached_token_count":                               {is: attrRead, rank: 10},
	"cached_content_token_count":                       {is: attrRead, rank: 11},
	"cache_read_tokens":                                {is: attrRead, rank: 12},

	"gen_ai.usage.cache_write.input_tokens":                         {is: attrWrite},
	"gen_ai.usage.cache_creation.input_tokens":                      {is: attrWrite, rank: 1},
	"gen_ai.usage.cache_creation_input_tokens":                      {is: attrWrite, rank: 2},
	"gen_ai.usage.cache_write_tokens":                               {is: attrWrite, rank: 3},
	"gen_ai.usage.details.cache_write_tokens":                       {is: attrWrite, rank: 4},
	"gen_ai.usage.details.cache_creation_input_tokens":              {is: attrWrite, rank: 5},
	"gen_ai.usage.prompt_tokens_details.cache_creation_tokens":      {is: attrWrite, rank: 6},
	"llm.token_count.prompt_details.cache_write":                    {is: attrWrite, rank: 7},
	"ai.usage.inputTokenDetails.cacheWriteTokens":                   {is: attrWrite, rank: 8},
	"cache_write_token_count":                                       {is: attrWrite, rank: 9},
	"cache_creation_tokens":                                         {is: attrWrite, rank: 10},
	"anthropic.usage.cache_creation.ephemeral_5m_input_tokens":      {is: attrWrite5m},
	"gen_ai.usage.details.cache_creation_ephemeral_5m_input_tokens": {is: attrWrite5m, rank: 1},
	"gen_ai.usage.details.ephemeral_5m_input_tokens":                {is: attrWrite5m, rank: 2},
	"anthropic.usage.cache_creation.ephemeral_1h_input_tokens":      {is: attrWrite1h},
	"gen_ai.usage.details.ephemeral_1h_input_tokens":                {is: attrWrite1h, rank: 1},

	"gen_ai.usage.reasoning.output_tokens":                    {is: attrReasoning},
	"gen_ai.usage.reasoning_tokens":                           {is: attrReasoning, rank: 1},
	"gen_ai.usage.details.reasoning_tokens":                   {is: attrReasoning, rank: 2},
	"gen_ai.usage.details.thinking_tokens":                    {is: attrReasoning, rank: 3},
	"gen_ai.usage.details.thoughts_tokens":                    {is: attrReasoning, rank: 4},
	"gen_ai.usage.completion_tokens_details.reasoning_tokens": {is: attrReasoning, rank: 5},
	"llm.usage.reasoning_tokens":                              {is: attrReasoning, rank: 6},
	"llm.token_count.completion_details.reasoning":            {is: attrReasoning, rank: 7},
	"ai.usage.outputTokenDetails.reasoningTokens":             {is: attrReasoning, rank: 8},
	"ai.usage.reasoningTokens":                                {is: attrReasoning, rank: 9},
	"reasoning_token_count":                                   {is: attrReasoning, rank: 10},
	"thoughts_token_count":                                    {is: attrReasoning, rank: 11},

	"gen_ai.usage.audio.input_tokens":              {is: attrInputAudio},
	"llm.token_count.prompt_details.audio":         {is: attrInputAudio, rank: 1},
	"gen_ai.usage.details.audio_prompt_tokens":     {is: attrInputAudio, rank: 2}, // pydantic-ai, of Gemini.
	"gen_ai.usage.audio.output_tokens":             {is: attrOutputAudio},
	"llm.token_count.completion_details.audio":     {is: attrOutputAudio, rank: 1},
	"gen_ai.usage.details.audio_candidates_tokens": {is: attrOutputAudio, rank: 2},
	"gen_ai.usage.image.input_tokens":              {is: attrInputImage},
	"llm.token_count.prompt_details.image":         {is: attrInputImage, rank: 1},
	"gen_ai.usage.details.image_prompt_tokens":     {is: attrInputImage, rank: 2},
	"gen_ai.usage.image.output_tokens":             {is: attrOutputImage},
	"gen_ai.usage.details.image_candidates_tokens": {is: attrOutputImage, rank: 1},
	"langfuse.observation.usage_details":           {is: attrUsageObject},

	"gen_ai.cost.total_cost": {is: attrCost},
	"litellm.cost.total":     {is: attrCost, rank: 1},
	"gen_ai.usage.cost":      {is: attrCost, rank: 2},
	"llm.cost.total":         {is: attrCost, rank: 3},
	"operation.cost":         {is: attrCost, rank: 4},
	"cost_usd":               {is: attrCost, rank: 5},

	"gen_ai.request.stream":                       {is: attrStreaming},
	"gen_ai.is_streaming":                         {is: attrStreaming, rank: 1},
	"llm.is_streaming":                            {is: attrStreaming, rank: 2},
	"gen_ai.response.time_to_first_chunk":         {is: attrFirstToken, unit: 1e6},
	"gen_ai.client.operation.time_to_first_chunk": {is: attrFirstToken, rank: 1, unit: 1e6},
	"gen_ai.server.time_to_first_token":           {is: attrFirstToken, rank: 2, unit: 1e6},
	"ai.response.msToFirstChunk":                  {is: attrFirstToken, rank: 3, unit: 1e3},
	"ttft_ms":                                     {is: attrFirstToken, rank: 4, unit: 1e3},
	"duration_ms":                                 {is: attrLatency, unit: 1e3},

	"error.type":                          {is: attrErrorType},
	"error.message":                       {is: attrErrorText},
	"http.response.status_code":           {is: attrHTTPStatus},
	"openai.response.service_tier":        {is: attrTier},
	"anthropic.response.service_tier":     {is: attrTier, rank: 1},
	"gen_ai.openai.response.service_tier": {is: attrTier, rank: 2},
	"http.request.resend_count":           {is: attrAttempt},
	"server.address":                      {is: attrServer}, // Of the model's API. A cloud.region is that of the client.
	"user.id":                             {is: attrUser},
	"enduser.id":                          {is: attrUser, rank: 1},
	"gen_ai.user":                         {is: attrUser, rank: 2},
	"litellm.end_user.id":                 {is: attrUser, rank: 3},

	"event.name":             {is: attrEventName},
	"event.kind":             {is: attrEventKind},
	"event.timestamp":        {is: attrEventTime},
	"conversation.id":        {is: attrConversation},
	"gen_ai.conversation.id": {is: attrConversation, rank: 1},
	"session.id":             {is: attrConversation, rank: 2},
	"prompt_id":              {is: attrConversation, rank: 3},
}

// providers are other names of providers.
var providers = map[string]string{
	"gemini": "gcp.gemini", "google": "gcp.gemini", "vertex_ai": "gcp.vertex_ai", "az.ai.inference": "azure.ai.inference", "az.ai.openai": "azure.ai.openai",
	"azure": "azure.ai.openai", "azure_ai": "azure.ai.inference", "bedrock": "aws.bedrock", "xai": "x_ai", "mistral": "mistral_ai", "mistralai": "mistral_ai",
	"watsonx": "ibm.watsonx.ai", "moonshot": "moonshot_ai", "openai.chat": "openai", "openai.responses": "openai", "anthropic.messages": "anthropic",
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
