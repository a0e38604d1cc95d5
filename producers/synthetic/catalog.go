package synthetic

import (
	"fmt"
	"math"

	usagev1 "tidemark/schemas/usage/v1"
)

// model is a model as one provider sells it. Its figures are plausible, not measured.
type model struct {
	asked, served string // The names in the request and in the answer.
	provider      string // OpenTelemetry's gen_ai.provider.name where it has one.
	share         float64
	first         uint64 // Median time to the first token of a short prompt, microseconds.
	prefill       uint64 // Nanoseconds a token of uncached input.
	token         uint64 // Microseconds a token of output.
	limit         uint64 // Tokens of context.
	cache         cache
	reasons       chance // How often it thinks before it answers.
	hidesThought  bool   // Whether it counts reasoning into the visible output without telling.
	costs         bool   // Whether the answer says what it cost.
	input, output uint64 // Then the price of a token, in units of 1e-9 USD.
}

// cache is what a provider tells about its prompt cache.
type cache uint8

const (
	cacheUntold cache = iota // Nothing: reads and writes are unknown.
	cacheReads               // Reads; it writes for free.
	cacheBoth                // Reads and writes, both billed.
)

// models are the catalog, the most used first.
var models = []model{
	{asked: "gpt-4o-mini", served: "gpt-4o-mini-2024-07-18", provider: "openai", share: 16, first: 330_000, prefill: 15_000, token: 9_000, limit: 128_000, cache: cacheReads},
	{asked: "gpt-4o", served: "gpt-4o-2024-08-06", provider: "openai", share: 11, first: 480_000, prefill: 30_000, token: 13_000, limit: 128_000, cache: cacheReads},
	{asked: "gpt-5", served: "gpt-5-2025-08-07", provider: "openai", share: 7, first: 900_000, prefill: 35_000, token: 12_000, limit: 400_000, cache: cacheReads, reasons: 75 * percent},
	{asked: "o3", served: "o3-2025-04-16", provider: "openai", share: 2, first: 1_500_000, prefill: 40_000, token: 11_000, limit: 200_000, cache: cacheReads, reasons: 100 * percent},
	{asked: "gpt-4o", served: "gpt-4o-2024-08-06", provider: "azure.ai.openai", share: 6, first: 520_000, prefill: 32_000, token: 14_000, limit: 128_000, cache: cacheReads},
	{asked: "claude-sonnet-4-5", served: "claude-sonnet-4-5-20250929", provider: "anthropic", share: 12, first: 850_000, prefill: 40_000, token: 15_000, limit: 200_000, cache: cacheBoth, reasons: 35 * percent, hidesThought: true},
	{asked: "claude-opus-4-5", served: "claude-opus-4-5-20251101", provider: "anthropic", share: 4, first: 1_100_000, prefill: 55_000, token: 18_000, limit: 200_000, cache: cacheBoth, reasons: 45 * percent, hidesThought: true},
	{asked: "claude-haiku-4-5", served: "claude-haiku-4-5-20251001", provider: "anthropic", share: 5, first: 450_000, prefill: 18_000, token: 7_500, limit: 200_000, cache: cacheBoth, hidesThought: true},
	{asked: "anthropic.claude-sonnet-4-5-20250929-v1:0", served: "claude-sonnet-4-5-20250929", provider: "aws.bedrock", share: 3, first: 950_000, prefill: 42_000, token: 16_000, limit: 200_000, cache: cacheBoth, hidesThought: true},
	{asked: "gemini-2.5-flash", served: "gemini-2.5-flash", provider: "gcp.gemini", share: 9, first: 350_000, prefill: 8_000, token: 5_000, limit: 1_000_000, cache: cacheReads, reasons: 40 * percent},
	{asked: "gemini-2.5-pro", served: "gemini-2.5-pro", provider: "gcp.gemini", share: 4, first: 1_300_000, prefill: 20_000, token: 8_000, limit: 1_000_000, cache: cacheReads, reasons: 95 * percent},
	{asked: "gemini-2.5-pro", served: "gemini-2.5-pro", provider: "gcp.vertex_ai", share: 2, first: 1_250_000, prefill: 20_000, token: 8_000, limit: 1_000_000, cache: cacheReads, reasons: 95 * percent},
	{asked: "deepseek-chat", served: "deepseek-v3.2", provider: "deepseek", share: 5, first: 1_100_000, prefill: 35_000, token: 25_000, limit: 128_000, cache: cacheReads},
	{asked: "deepseek-reasoner", served: "deepseek-v3.2", provider: "deepseek", share: 2, first: 1_300_000, prefill: 35_000, token: 25_000, limit: 128_000, cache: cacheReads, reasons: 100 * percent},
	{asked: "qwen3-max", served: "qwen3-max", provider: "alibaba_cloud", share: 3, first: 800_000, prefill: 30_000, token: 16_000, limit: 256_000, cache: cacheReads},
	{asked: "qwen3-235b-a22b", served: "qwen3-235b-a22b", provider: "alibaba_cloud", share: 2, first: 700_000, prefill: 28_000, token: 14_000, limit: 128_000},
	{asked: "llama-3.3-70b-versatile", served: "llama-3.3-70b-versatile", provider: "groq", share: 3, first: 180_000, prefill: 3_000, token: 3_200, limit: 128_000},
	{asked: "meta-llama/llama-3.3-70b-instruct", served: "meta-llama/llama-3.3-70b-instruct", provider: "openrouter", share: 2, first: 600_000, prefill: 20_000, token: 12_000, limit: 128_000, costs: true, input: 120, output: 300},
	{asked: "mistral-large-latest", served: "mistral-large-2411", provider: "mistral_ai", share: 2, first: 600_000, prefill: 28_000, token: 17_000, limit: 128_000},
	{asked: "grok-4", served: "grok-4-0709", provider: "x_ai", share: 2, first: 1_200_000, prefill: 35_000, token: 15_000, limit: 256_000, cache: cacheReads, reasons: 100 * percent},
	{asked: "kimi-k2", served: "kimi-k2-0905", provider: "moonshot_ai", share: 1, first: 900_000, prefill: 30_000, token: 20_000, limit: 256_000, cache: cacheReads},
	{asked: "command-a-03-2025", served: "command-a-03-2025", provider: "cohere", share: 1, first: 500_000, prefill: 25_000, token: 13_000, limit: 256_000},
	{asked: "sonar-pro", served: "sonar-pro", provider: "perplexity", share: 1, first: 1_000_000, prefill: 30_000, token: 12_000, limit: 200_000},
}

// catalog returns the models that are called: those of the options, which behave like one of the middle of the catalog
// with a cache that tells of its reads, or else the catalog.
func (o Options) catalog() []model {
	if len(o.Models) == 0 {
		return models
	}
	given := make([]model, len(o.Models))
	for i, m := range o.Models {
		given[i] = model{
			asked: m.Model, served: m.Model, provider: m.Provider, share: m.Share,
			first: 700_000, prefill: 30_000, token: 14_000, limit: 200_000, cache: cacheReads,
		}
	}
	return given
}

// ManyModels returns n made-up models, some of which are called far more often than others.
func ManyModels(n int) []ModelShare {
	made := make([]ModelShare, n)
	for i := range made {
		made[i] = ModelShare{Model: fmt.Sprintf("model-%04d", i+1), Provider: fmt.Sprintf("provider-%02d", i%20+1), Share: 1 / math.Pow(float64(i+1), 1.1)}
	}
	return made
}

// product is where a person or a program meets a model.
type product struct {
	name    string
	share   float64
	prompt  uint64 // Median tokens a turn adds.
	answer  uint64 // Median tokens of an answer.
	calls   uint64 // Median calls a session.
	opening uint64 // Tokens of instructions and tools a session begins with.
	queries bool   // Whether people ask, not programs.
	kinds   []string
}

var products = []product{
	{name: "chat", share: 44, prompt: 90, answer: 320, calls: 5, opening: 900, queries: true, kinds: []string{"prompt", "prompt", "prompt", "prompt", "prompt", "voice", "image"}},
	{name: "search", share: 14, prompt: 1_800, answer: 260, calls: 2, opening: 400, queries: true, kinds: []string{"search"}},
	{name: "code", share: 16, prompt: 900, answer: 420, calls: 24, opening: 14_000, queries: true, kinds: []string{"prompt"}},
	{name: "api", share: 26, prompt: 650, answer: 180, calls: 3, opening: 300},
}

// segmentShape is how customers of a segment behave.
type segmentShape struct {
	segment  usagev1.Segment
	share    float64
	users    float64 // Users of a tenant, relative to the other segments.
	channels []string
	plans    []string
}

var segments = []segmentShape{
	{usagev1.Segment_SEGMENT_CONSUMER, 30, 40_000, []string{"web", "web", "ios", "android", "android"}, []string{"free", "free", "free", "free", "plus"}},
	{usagev1.Segment_SEGMENT_DEVELOPER, 34, 60, []string{"web", "web", "partner"}, []string{"free", "plus", "team"}},
	{usagev1.Segment_SEGMENT_ENTERPRISE, 30, 900, []string{"sales", "sales", "partner", "web"}, []string{"team", "enterprise"}},
	{usagev1.Segment_SEGMENT_GOVERNMENT, 6, 400, []string{"sales", "partner"}, []string{"enterprise"}},
}

// countries and how much of the world's usage comes from each, about.
var countries = []struct {
	code  string
	share float64
}{
	{"US", 20}, {"IN", 15}, {"BR", 6}, {"ID", 5}, {"JP", 5}, {"DE", 4.5}, {"GB", 4.5}, {"FR", 4}, {"CN", 3.5}, {"PH", 3},
	{"KR", 3}, {"MX", 3}, {"CA", 2.5}, {"VN", 2.5}, {"TR", 2}, {"ES", 2}, {"IT", 2}, {"PK", 2}, {"EG", 1.5}, {"NG", 1.5},
	{"PL", 1.5}, {"AU", 1.5}, {"NL", 1.2}, {"AR", 1.2}, {"CO", 1.2}, {"BD", 1}, {"TH", 1}, {"SA", 0.8}, {"AE", 0.8}, {"SG", 0.8},
	{"SE", 0.7}, {"CH", 0.7}, {"IL", 0.7}, {"ZA", 0.6}, {"KE", 0.5}, {"UA", 0.5}, {"NA", 0.1}, {"", 1},
}

// openModels are those whose weights can be had, with who makes them.
var openModels = []struct {
	name, organization string
	share              float64
}{
	{"Qwen/Qwen3-8B", "Qwen", 22}, {"Qwen/Qwen3-32B", "Qwen", 8}, {"meta-llama/Llama-3.3-70B-Instruct", "meta-llama", 14},
	{"meta-llama/Llama-3.1-8B-Instruct", "meta-llama", 18}, {"deepseek-ai/DeepSeek-V3", "deepseek-ai", 7},
	{"deepseek-ai/DeepSeek-R1", "deepseek-ai", 9}, {"google/gemma-3-27b-it", "google", 7}, {"openai/gpt-oss-20b", "openai", 9},
	{"mistralai/Mistral-Small-3.2-24B-Instruct-2506", "mistralai", 5}, {"moonshotai/Kimi-K2-Instruct", "moonshotai", 1},
}

// The words that customers are named with.
var (
	firstWords = []string{
		"amber", "basalt", "birch", "cedar", "cobalt", "coral", "delta", "ember", "fjord", "garnet", "granite", "harbor",
		"heron", "indigo", "juniper", "lumen", "maple", "meridian", "nimbus", "north", "onyx", "orchid", "pebble", "quartz",
		"river", "saffron", "summit", "tundra", "umber", "vertex", "willow", "zephyr",
	}
	secondWords = []string{
		"analytics", "bank", "care", "commerce", "data", "energy", "foods", "games", "health", "insurance", "labs", "learning",
		"legal", "logistics", "media", "mobility", "motors", "pay", "robotics", "studio", "systems", "telecom", "travel", "works",
	}
)
