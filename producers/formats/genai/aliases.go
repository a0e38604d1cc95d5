package genai

import (
	"strings"

	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/jsonpath"
)

// alias is another name of a field of a call, whose unit is shift digits more than that of the field.
type alias struct {
	field, path string
	shift       int
}

// aliases are looked up in this order, after the own name of the field; the first one that is there counts. The names
// of OpenTelemetry changed over time: cache_write was cache_creation, provider.name was system, input_tokens and
// output_tokens were prompt_tokens and completion_tokens. Its input includes the tokens read from and written to a
// cache, its output includes the reasoning.
var aliases = []alias{
	{"model", "model_served", 0},
	{"model", "gen_ai.response.model", 0},
	{"model", "requested_model", 0},
	{"model", "model_requested", 0},
	{"model", "gen_ai.request.model", 0},
	{"model", "response.model", 0},
	{"model", "message.model", 0},
	{"model", "modelId", 0},
	{"model", "modelVersion", 0},
	{"model", "response.modelVersion", 0},
	{"requested_model", "model_requested", 0},
	{"requested_model", "gen_ai.request.model", 0},
	{"provider", "gen_ai.provider.name", 0},
	{"provider", "gen_ai.system", 0},
	{"provider", "custom_llm_provider", 0},
	{"operation", "gen_ai.operation.name", 0},
	{"streaming", "stream", 0},
	{"streaming", "gen_ai.request.stream", 0},
	{"error_type", "error.type", 0},
	{"input_uncached", "tokens.input_uncached", 0},
	{"input_cache_read", "tokens.input_cache_read", 0},
	{"input_cache_read", "gen_ai.usage.cache_read.input_tokens", 0},
	{"input_cache_read", "gen_ai.usage.cache_read_input_tokens", 0},
	{"input_cache_write", "tokens.input_cache_write", 0},
	{"input_cache_write", "gen_ai.usage.cache_write.input_tokens", 0},
	{"input_cache_write", "gen_ai.usage.cache_creation.input_tokens", 0},
	{"input_cache_write", "gen_ai.usage.cache_creation_input_tokens", 0},
	{"output_visible", "tokens.output_visible", 0},
	{"output_reasoning", "tokens.output_reasoning", 0},
	{"output_reasoning", "gen_ai.usage.reasoning.output_tokens", 0},
	{"output_reasoning", "gen_ai.usage.reasoning_tokens", 0},
	{"latency_us", "duration_ms", 3},
	{"first_token_us", "ttft_ms", 3},
	{"first_token_us", "gen_ai.response.time_to_first_chunk", 6},
	{responseID, "gen_ai.response.id", 0},
	{responseID, "responseId", 0},
	{responseID, "response.responseId", 0},
	{"service_tier", "openai.response.service_tier", 0},
	{"service_tier", "response.service_tier", 0},
	{fields.Cost, "cost_reported", nanoDigits},
	{fields.Currency, "currency", 0},
}

// responseID is the field for the provider's id of an answer.
const responseID = "response_id"

// nanoDigits are the digits from a unit of money to that of a cost in an event.
const nanoDigits = 9

// dollars are names of costs that are in US dollars if the data names no currency. A tick of xAI is a tenth of 1e-9
// dollars.
var dollars = []alias{
	{fields.Cost, "response_cost", nanoDigits},
	{fields.Cost, "cost_usd", nanoDigits},
	{fields.Cost, "usage.cost", nanoDigits},
	{fields.Cost, "cost_breakdown.total_cost", nanoDigits},
	{fields.Cost, "costDetails.total", nanoDigits},
	{fields.Cost, "cost_details.total", nanoDigits},
	{fields.Cost, "total_cost", nanoDigits},
	{fields.Cost, "usage.cost_in_usd_ticks", -1},
	{fields.Cost, "cost", nanoDigits},
}

// totalPaths are the names of the totals, in the order of fields.Totals; each list is in the order of lookup.
var totalPaths = [][]string{
	{"input_total", "input_tokens", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"},
	{"output_total", "output_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"},
}

// saysGenAI reports whether the data has names of the conventions of OpenTelemetry.
func saysGenAI(data jsonpath.Object) bool {
	for key := range data {
		if strings.HasPrefix(key, "gen_ai.") || key == "gen_ai" {
			return true
		}
	}
	return false
}
