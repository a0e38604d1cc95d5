package prices

import (
	"strings"
	"testing"
)

// genaiCaseTable has the prices of the test cases that genai-prices publishes.
const genaiCaseTable = `[
	{"id": "anthropic", "models": [
		{"id": "claude-3-5-sonnet", "match": {"or": [{"starts_with": "claude-3-5-sonnet"}, {"starts_with": "claude-3.5-sonnet"}]}, "prices": {"input_mtok": 3, "cache_write_mtok": 3.75, "cache_read_mtok": 0.3, "output_mtok": 15}},
		{"id": "claude-haiku-4-5", "match": {"or": [{"starts_with": "claude-haiku-4-5"}]}, "prices": {"input_mtok": 1, "cache_write_mtok": 1.25, "cache_read_mtok": 0.1, "output_mtok": 5},
			"price_variants": [{"when": {"processing": "batch"}, "prices": {"input_mtok": 0.5, "cache_write_mtok": 0.625, "cache_read_mtok": 0.05, "output_mtok": 2.5}}]},
		{"id": "claude-sonnet-4-5", "match": {"or": [{"starts_with": "claude-sonnet-4-5"}, {"starts_with": "claude-sonnet-4.5"}]},
			"prices": {"input_mtok": {"base": 3, "tiers": [{"start": 200000, "price": 6}]}, "output_mtok": {"base": 15, "tiers": [{"start": 200000, "price": 22.5}]}}}]},
	{"id": "openai", "models": [
		{"id": "gpt-5-nano", "match": {"equals": "gpt-5-nano"}, "prices": {"input_mtok": 0.05, "cache_read_mtok": 0.005, "output_mtok": 0.4},
			"batch_prices": {"input_mtok": 0.025, "cache_read_mtok": 0.0025, "output_mtok": 0.2}},
		{"id": "gpt-5.4", "match": {"or": [{"equals": "gpt-5.4"}, {"regex": "^gpt-5\\.4-\\d{4}-\\d{2}-\\d{2}$"}]}, "prices": {"input_mtok": {"base": 2.5, "tiers": [{"start": 272000, "price": 5}]},
			"cache_read_mtok": {"base": 0.25, "tiers": [{"start": 272000, "price": 0.5}]}, "output_mtok": {"base": 15, "tiers": [{"start": 272000, "price": 22.5}]}}},
		{"id": "o3", "match": {"or": [{"equals": "o3"}]}, "prices": [{"prices": {"input_mtok": 10, "output_mtok": 40}}, {"constraint": {"start_date": "2025-06-10"}, "prices": {"input_mtok": 2, "output_mtok": 8}}]}]},
	{"id": "google", "models": [
		{"id": "gemini-1.5-flash", "match": {"contains": "gemini-1.5-flash"}, "prices": {"input_mtok": {"base": 0.075, "tiers": [{"start": 128000, "price": 0.15}]}}},
		{"id": "gemini-3.1-pro-preview", "match": {"equals": "gemini-3.1-pro-preview"}, "prices": {"input_mtok": 2, "cache_read_mtok": 0.2}, "price_variants": [{"when": {"service_tier": "batch"}, "prices": {"input_mtok": 1}}]}]},
	{"id": "deepseek", "models": [{"id": "deepseek-chat", "match": {"starts_with": "deepseek-chat"}, "prices": [{"prices": {"input_mtok": 0.135}}, {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 0.27}}]}]},
	{"id": "perplexity", "models": [{"id": "sonar", "match": {"equals": "sonar"}, "prices": {"input_mtok": 1, "output_mtok": 1, "requests_kcount": 12}}]},
	{"id": "mock", "models": [
		{"id": "audio", "match": {"equals": "audio"}, "prices": {"input_mtok": 1, "cache_read_mtok": 0.25, "input_audio_mtok": 2, "cache_audio_read_mtok": 0.5, "output_mtok": 5, "output_audio_mtok": 10}},
		{"id": "days", "match": {"equals": "days"}, "prices": [{"prices": {"input_mtok": 10}}, {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 20}}],
			"batch_prices": [{"prices": {"input_mtok": 5}}, {"constraint": {"start_date": "2026-06-01"}, "prices": {"input_mtok": 8}}]},
		{"id": "flex", "match": {"equals": "flex"}, "prices": {"input_mtok": 2, "output_mtok": 8, "requests_kcount": 1000}, "price_variants": [
			{"when": {"service_tier": "flex"}, "constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 1, "output_mtok": 4}},
			{"when": {"service_tier": "flex"}, "constraint": {"start_date": "2026-06-01"}, "prices": {"input_mtok": 0.5}}]},
		{"id": "multi", "match": {"equals": "multi"}, "prices": {"input_mtok": {"base": 1, "tiers": [{"start": 100000, "price": 2}, {"start": 500000, "price": 3}, {"start": 1000000, "price": 5}]},
			"output_mtok": {"base": 3, "tiers": [{"start": 200000, "price": 5}, {"start": 1000000, "price": 8}]}}},
		{"id": "plain", "match": {"equals": "Plain"}, "prices": {"input_mtok": 5, "output_mtok": 10}},
		{"id": "requests", "match": {"equals": "requests"}, "prices": {"requests_kcount": 12}}]}
]`

// genaiUsage is a usage as genai-prices counts it: input is all tokens of input, and the others are parts of it.
type genaiUsage struct{ input, read, write, audio, output, outputAudio uint64 }

// TestGenAICases: for the test cases that genai-prices publishes with its code, the costs are theirs, or they differ for the reason that stands there.
func TestGenAICases(t *testing.T) {
	table, err := ReadGenAIPrices(strings.NewReader(genaiCaseTable))
	if err != nil || len(table.Skipped) > 0 {
		t.Fatal(err, table.Skipped)
	}
	b, err := New(1, table.Prices, table.Aliases)
	if err != nil {
		t.Fatal(err)
	}
	const noon, k, m = "2026-08-01T12:00:00Z", 1000, 1_000_000
	for _, c := range []struct {
		provider, model, tier, at string
		usage                     genaiUsage
		theirs, ours              string // Ours is empty if it is the same.
		reason                    Reason
		why                       string // It differs.
	}{
		{"anthropic", "claude-3.5-sonnet@abc", "", noon, genaiUsage{input: 1000, write: 20, read: 30, output: 100}, "0.004434", "", "", ""},
		{"anthropic", "claude-sonnet-4.5", "", noon, genaiUsage{input: 100 * k}, "0.3", "", "", ""},
		{"anthropic", "claude-sonnet-4.5", "", noon, genaiUsage{input: 200 * k}, "0.6", "", "", ""},
		{"anthropic", "claude-sonnet-4.5", "", noon, genaiUsage{input: 200_001}, "1.200006", "", "", ""},
		{"anthropic", "claude-sonnet-4.5", "", noon, genaiUsage{input: m}, "6", "", "", ""},
		{"anthropic", "claude-sonnet-4.5", "", noon, genaiUsage{input: 100 * k, output: 100 * k}, "1.8", "", "", ""},
		{"anthropic", "claude-sonnet-4.5", "", noon, genaiUsage{input: 300 * k, output: 100 * k}, "4.05", "", "", ""},
		{"anthropic", "claude-haiku-4-5-20251001", "", noon, genaiUsage{input: 7099, write: 7082, output: 5}, "0.0088945", "", "", ""},
		{"anthropic", "claude-haiku-4-5-20251001", "batch", noon, genaiUsage{input: 7099, write: 7082, output: 5}, "0.00444725", "", "", ""},
		{"anthropic", "claude-haiku-4-5-20251001", "batch", noon, genaiUsage{input: 7099, read: 7082, output: 5}, "0.0003751", "", "", ""},
		{"openai", "gpt-5-nano-2025-08-07", "", noon, genaiUsage{input: 6382, read: 6272, output: 64}, "0.00006246", "", "", ""},
		{"openai", "gpt-5-nano-2025-08-07", "batch", noon, genaiUsage{input: 6382, read: 6272, output: 64}, "0.00003123", "", "", ""},
		{"openai", "gpt-5-nano-2025-08-07", "batch", noon, genaiUsage{input: 12764, read: 6272, output: 128}, "0.00020358", "", "", ""},
		{"openai", "gpt-5.4", "", noon, genaiUsage{input: 200 * k}, "0.5", "", "", ""},
		{"openai", "gpt-5.4", "", noon, genaiUsage{input: 500 * k}, "2.5", "", "", ""},
		{"openai", "gpt-5.4", "", noon, genaiUsage{input: 300 * k, output: 100 * k}, "3.75", "", "", ""},
		{"openai", "gpt-5.4", "", noon, genaiUsage{input: 100 * k, read: 100 * k}, "0.025", "", "", ""},
		{"openai", "gpt-5.4", "batch", noon, genaiUsage{input: 100 * k}, "0.25", "0", TierUnknown, "a price of another tier never counts"},
		{"openai", "o3", "", "2025-06-01T00:00:00Z", genaiUsage{input: 1000}, "0.01", "", "", ""},
		{"openai", "o3", "", noon, genaiUsage{input: 1000}, "0.002", "", "", ""},
		{"google", "gemini-1.5-flash", "", noon, genaiUsage{input: 100 * k}, "0.0075", "", "", ""},
		{"google", "gemini-1.5-flash", "", noon, genaiUsage{input: 500 * k}, "0.075", "", "", ""},
		{"google", "gemini-1.5-flash-123", "", noon, genaiUsage{input: 1000}, "0.000075", "0", NoModel, "contains makes no alias"},
		{"google", "gemini-3.1-pro-preview", "", noon, genaiUsage{input: 100 * k, read: 40 * k}, "0.128", "", "", ""},
		{"google", "gemini-3.1-pro-preview", "batch", noon, genaiUsage{input: 100 * k, read: 40 * k}, "0.068", "", "", ""},
		{"deepseek", "deepseek-chat", "", "2025-06-01T16:00:00Z", genaiUsage{input: 100 * m}, "27", "", "", ""},
		{"deepseek", "deepseek-chat", "", "2025-06-01T17:00:00Z", genaiUsage{input: 100 * m}, "13.5", "", "", ""},
		{"perplexity", "sonar", "", noon, genaiUsage{}, "0.012", "", "", ""},
		{"mock", "requests", "", noon, genaiUsage{input: 1000}, "0.012", "", NoUnit, "tokens without a price are not free"},
		{"mock", "audio", "", noon, genaiUsage{output: 700, outputAudio: 200}, "0.0045", "", "", ""},
		{"mock", "audio", "", noon, genaiUsage{input: 1000, read: 400, audio: 300}, "0.000925", "0.001", "", "events do not count the audio that was cached, 100 tokens here, apart from the text"},
		{"mock", "days", "", "2025-06-01T00:00:00Z", genaiUsage{input: m}, "10", "", "", ""},
		{"mock", "days", "", "2026-03-01T00:00:00Z", genaiUsage{input: m}, "20", "", "", ""},
		{"mock", "days", "batch", "2025-06-01T00:00:00Z", genaiUsage{input: m}, "5", "", "", ""},
		{"mock", "days", "batch", "2026-03-01T00:00:00Z", genaiUsage{input: m}, "5", "", "", ""},
		{"mock", "days", "batch", "2026-08-01T00:00:00Z", genaiUsage{input: m}, "8", "", "", ""},
		{"mock", "flex", "", "2026-03-01T00:00:00Z", genaiUsage{input: m, output: m}, "11", "", "", ""},
		{"mock", "flex", "flex", "2026-01-01T00:00:00Z", genaiUsage{input: m, output: m}, "6", "", "", ""},
		{"mock", "flex", "flex", "2025-12-31T00:00:00Z", genaiUsage{input: m, output: m}, "11", "0", BeforeFirstPrice, "a price of another tier never counts"},
		{"mock", "flex", "flex", "2026-06-01T00:00:00Z", genaiUsage{input: m, output: m}, "9.5", "5.5", "", "its Go package takes the newest variant alone, its Python package (0.2.3) and we one for each unit"},
		{"mock", "multi", "", noon, genaiUsage{input: 50 * k, output: 10 * k}, "0.08", "", "", ""},
		{"mock", "multi", "", noon, genaiUsage{input: 100 * k}, "0.1", "", "", ""},
		{"mock", "multi", "", noon, genaiUsage{input: 100_001}, "0.200002", "", "", ""},
		{"mock", "multi", "", noon, genaiUsage{input: 500 * k}, "1", "", "", ""},
		{"mock", "multi", "", noon, genaiUsage{input: 750 * k}, "2.25", "", "", ""},
		{"mock", "multi", "", noon, genaiUsage{input: m}, "3", "", "", ""},
		{"mock", "multi", "", noon, genaiUsage{input: 2 * m}, "10", "", "", ""},
		{"mock", "multi", "", noon, genaiUsage{input: 600 * k, output: 250 * k}, "3.05", "", "", ""},
		{"mock", "multi", "", noon, genaiUsage{input: 1500 * k, output: 500 * k}, "11.5", "", "", ""},
		{"mock", "plain", "", noon, genaiUsage{input: 700, audio: 200, output: 70, outputAudio: 20}, "0.0042", "0.003", NoUnit, "audio never has the price of text"},
		{"mock", "plain", "", noon, genaiUsage{input: m, read: 500 * k, output: m}, "15", "12.5", NoUnit, "reading from a cache never has the price of input"},
		{"mock", "PLAIN", "", noon, genaiUsage{input: m}, "5", "0", NoModel, "names differ by their case"},
	} {
		uncached, visible := c.usage.input-c.usage.read-c.usage.write, c.usage.output
		seller := map[string]string{"google": "gcp.gemini"}[c.provider]
		if seller == "" {
			seller = c.provider
		}
		call := Call{Time: at(c.at), Provider: seller, Model: c.model, Tier: c.tier, InputUncached: &uncached, CacheRead: &c.usage.read, CacheWrite: &c.usage.write, InputAudio: &c.usage.audio, OutputVisible: &visible, OutputAudio: &c.usage.outputAudio}
		r := b.Resolve(call)
		want := c.ours
		if want == "" {
			want = c.theirs
		}
		if got := FormatPicos(r.Known); got != want || r.Reason != c.reason {
			t.Errorf("%s of %s, %+v: %s, %q; want %s, %q:\n%s", c.model, c.provider, c.usage, got, r.Reason, want, c.reason, strings.Join(r.Steps, "\n"))
		}
		if differs := want != c.theirs || c.reason != ""; differs != (c.why != "") {
			t.Errorf("%s of %s: it differs from theirs: %t, and the reason is %q", c.model, c.provider, differs, c.why)
		}
	}
}
