package prices

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// listed writes prices as one line each.
func listed(all []Price) string {
	var lines []string
	for _, p := range all {
		line := p.Name() + " " + p.Picos.String() + " " + p.Currency
		if !p.From.IsZero() || !p.To.IsZero() {
			line += " " + instant(p.From) + ".." + instant(p.To)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func skips(t Table) string {
	var lines []string
	for _, s := range t.Skipped {
		lines = append(lines, s.Entry+": "+s.Reason)
	}
	return strings.Join(lines, "\n")
}

func compareText(t *testing.T, what, got, want string) {
	t.Helper()
	if got != strings.TrimSpace(want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, got, strings.TrimSpace(want))
	}
}

func TestReadLiteLLM(t *testing.T) {
	table, err := ReadLiteLLM(strings.NewReader(`{
		"sample_spec": {"litellm_provider": "one of them", "input_cost_per_token": 0},
		"last_updated": "2026-07-24",
		"claude-x": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "cache_creation_input_token_cost": 3.75e-06,
			"cache_creation_input_token_cost_above_1hr": 6e-06, "cache_read_input_token_cost_above_200k_tokens": 6e-07, "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
			"search_context_cost_per_query": {"search_context_size_low": 0.01}},
		"gemini/g": {"litellm_provider": "gemini", "mode": "chat", "input_cost_per_token": 1.25e-06, "input_cost_per_token_above_200k_tokens_priority": 2.5e-06, "output_cost_per_token_batches": 5e-06, "output_cost_per_image": 0.03},
		"azure/eu/gpt": {"litellm_provider": "azure", "mode": "chat", "input_cost_per_token": 2.75e-06},
		"bedrock/us-east-1/claude": {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_token": 8e-07, "output_cost_per_token": 2.4e-06},
		"bedrock/us-east-1/1-month-commitment/claude": {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_second": 0.011},
		"dashscope/q": {"litellm_provider": "dashscope", "mode": "chat", "tiered_pricing": [{"input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07, "range": [0, 256000.0]}, {"input_cost_per_token": 2.5e-07, "range": [256000.0, 1000000.0]}]},
		"up": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 5e-06, "regional_processing_uplift_multiplier_eu": 1.1},
		"ft:up": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06, "input_cost_per_quantum": 5},
		"emb": {"litellm_provider": "cohere_chat", "mode": "embedding", "input_cost_per_token": 1e-07, "output_cost_per_token": 0.0},
		"free": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0},
		"half": {"litellm_provider": "deepseek", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 0, "cache_creation_input_token_cost": 0.0, "input_cost_per_token_cache_hit": 1e-07},
		"fine": {"litellm_provider": "databricks", "mode": "chat", "input_cost_per_token": 2.9999900000000002e-06},
		"text": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": "cheap"},
		"xai/grok": {"litellm_provider": "xai", "mode": "chat", "input_cost_per_token": 3e-06},
		"grok": {"litellm_provider": "xai", "mode": "chat", "input_cost_per_token": 2e-06}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	compareText(t, "prices", listed(table.Prices), `
azure.ai.openai gpt input in eu 0.00000275 USD
aws.bedrock claude input in us-east-1 0.0000008 USD
aws.bedrock claude output in us-east-1 0.0000024 USD
anthropic claude-x cache_write 0.00000375 USD
anthropic claude-x cache_write_1h 0.000006 USD
anthropic claude-x cache_write_1h over 200000 tokens 0.000012 USD
anthropic claude-x cache_read over 200000 tokens 0.0000006 USD
anthropic claude-x input 0.000003 USD
anthropic claude-x output 0.000015 USD
dashscope q input 0.00000005 USD
dashscope q output 0.0000004 USD
dashscope q input over 256000 tokens 0.00000025 USD
cohere emb input 0.0000001 USD
cohere emb output 0 USD
gcp.gemini g input 0.00000125 USD
gcp.gemini g input priority over 200000 tokens 0.0000025 USD
gcp.gemini g output batch 0.000005 USD
x_ai grok input 0.000002 USD
deepseek half input 0.000001 USD
deepseek half cache_read 0.0000001 USD
openai up input 0.000005 USD
openai up input in eu 0.0000055 USD`)
	compareText(t, "skipped", skips(table), `
bedrock/us-east-1/1-month-commitment/claude: it is the price of a commitment, by time
fine: input: the price 2.9999900000000002e-06 per 1 is finer than 1e-12 of the currency per unit
free: all its prices are 0, which may mean that they are not known
ft:up: "input_cost_per_quantum" is a price that Tidemark does not know
text: "input_cost_per_token" is a price that Tidemark does not know
xai/grok: x_ai grok input is 3e-06, and grok says 2e-06`)
	if _, err := New(1, table.Prices, nil); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "[]", "{", `{"a": 5`} {
		if _, err := ReadLiteLLM(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestReadModelsDev(t *testing.T) {
	table, err := ReadModelsDev(strings.NewReader(`{
		"openai": {"id": "openai", "models": {
			"gpt-5.5": {"cost": {"input": 5.00, "output": 30, "cache_read": 0.5, "tiers": [{"tier": {"size": 272000}, "input": 10, "output": 45, "cache_read": 1}], "context_over_200k": {"input": 10}},
				"experimental": {"modes": {"fast": {"cost": {"input": 12.5, "output": 75}, "provider": {"body": {"service_tier": "priority"}}}, "odd": {"cost": {"input": 1}}}}},
			"gpt-free": {"cost": {"input": 0, "output": 0}}, "gpt-none": {}, "gpt-odd": {"cost": {"input": 1, "video": 5}}}},
		"google-vertex": {"models": {"gemini": {"cost": {"input": 1.25, "reasoning": 3.5, "context_over_200k": {"input": 2.5}}}}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	compareText(t, "prices", listed(table.Prices), `
gcp.vertex_ai gemini input 0.00000125 USD
gcp.vertex_ai gemini reasoning 0.0000035 USD
gcp.vertex_ai gemini input over 200000 tokens 0.0000025 USD
openai gpt-5.5 cache_read 0.0000005 USD
openai gpt-5.5 input 0.000005 USD
openai gpt-5.5 output 0.00003 USD
openai gpt-5.5 cache_read over 272000 tokens 0.000001 USD
openai gpt-5.5 input over 272000 tokens 0.00001 USD
openai gpt-5.5 output over 272000 tokens 0.000045 USD
openai gpt-5.5 input priority 0.0000125 USD
openai gpt-5.5 output priority 0.000075 USD`)
	compareText(t, "skipped", skips(table), `
openai/gpt-free: all its prices are 0, which may mean that they are not known
openai/gpt-none: it has no price of tokens
openai/gpt-odd: "video" is a price that Tidemark does not know`)
}

const ourYAML = `source: contract
prices:
  - provider: openai
    model: gpt-5.4
    tenant: acme
    tier: batch
    context_over: 272000
    from: "2026-07-30"
    to: "2026-08-30T12:00:00Z"
    currency: USD
    per: 1000000
    is: {input: 1.250, output: 7.5e0}
  - provider: deepseek
    model: deepseek-chat
    region: eu
    daily: 16:30-00:30
    from: "2026-01-01"
    currency: EUR
    per: 1000
    is: {cache_read: "0.000001"}
aliases:
  - {provider: openai, kind: prefix, pattern: gpt-5.4-, model: gpt-5.4}
`

func TestYAML(t *testing.T) {
	table, err := ReadYAML(strings.NewReader(ourYAML))
	if err != nil {
		t.Fatal(err)
	}
	compareText(t, "prices", listed(table.Prices), `
openai gpt-5.4 input batch over 272000 tokens for acme 0.00000125 USD 2026-07-30T00:00:00Z..2026-08-30T12:00:00Z
openai gpt-5.4 output batch over 272000 tokens for acme 0.0000075 USD 2026-07-30T00:00:00Z..2026-08-30T12:00:00Z
deepseek deepseek-chat cache_read in eu 16:30 to 00:30 0.000000001 EUR 2026-01-01T00:00:00Z..any time`)
	if !table.Dated || table.Source != "contract" || len(table.Aliases) != 1 {
		t.Errorf("%+v", table)
	}
	var out bytes.Buffer
	if err := WriteYAML(&out, table.Prices, table.Aliases); err != nil {
		t.Fatal(err)
	}
	again, err := ReadYAML(&out)
	if err != nil || listed(again.Prices) != listed(table.Prices) || len(again.Aliases) != 1 || again.Prices[0].Published != "1.250" {
		t.Errorf("%v: read again as\n%s", err, listed(again.Prices))
	}
	for _, c := range [][2]string{
		{strings.Replace(ourYAML, "0.000001", "0.0000000001", 1), "cache_read: the price 0.0000000001 per 1000"},
		{"prices: [{provider: a, model: m, currency: USD, per: 1, is: {input: 1}, form: x}]", "field form not found"},
		{"prices: [{provider: a, model: m, currency: USD, per: 1}]", "entry 1 (m of a): it has no price: is"},
		{"prices: [{provider: a, model: m, currency: USD, per: 1, is: {words: 1}}]", "the unit \"words\""},
		{"prices: [{provider: a, model: m, currency: USD, per: 1, is: {input: [1]}}]", "a price is a number"},
		{"prices: [{provider: a, model: m, currency: USD, per: 1, from: soon, is: {input: 1}}]", "from: \"soon\" is neither a time"},
		{"prices: [{provider: a, model: m, currency: USD, per: 1, from: 2026-01-01T00:00:30Z, is: {input: 1}}]", "is not a whole minute"},
		{"prices: [{provider: a, model: m, currency: USD, per: 1, daily: 25:00-26:00, is: {input: 1}}]", "daily: \"25:00-26:00\" is not two times"},
		{"prices: [{provider: a, model: m, currency: USD, per: 1, from: 2026-01-01, is: {input: 1}}, {provider: a, model: m, currency: USD, per: 1, is: {output: 1}}]", "some entries have from and others do not"},
	} {
		if _, err := ReadYAML(strings.NewReader(c[0])); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: %v; want %q", c[0], err, c[1])
		}
	}
}

func TestReadHistory(t *testing.T) {
	const head = "observed_at,event,model,input_cost_per_token,output_cost_per_token,cache_read_input_token_cost,provider,mode\n"
	table, err := ReadHistory(strings.NewReader(head +
		"2026-01-01T08:00:30+08:00,add,gpt,1e-06,2e-06,,openai,chat\n" +
		"2026-01-01T08:00:30+08:00,add,gemini/g,1e-06,2e-06,5e-07,gemini,chat\n" +
		"2026-01-02T00:00:00Z,change,gpt,3e-06,2e-06,1e-07,openai,chat\n" +
		"2026-01-03T00:00:00Z,remove,gpt,,,,openai,chat\n" +
		"2026-01-04T00:00:00Z,add,gpt,0.0,0.0,,openai,chat\n"))
	if err != nil {
		t.Fatal(err)
	}
	compareText(t, "prices", listed(table.Prices), `
gcp.gemini g input 0.000001 USD 2026-01-01T00:00:00Z..any time
gcp.gemini g cache_read 0.0000005 USD 2026-01-01T00:00:00Z..any time
gcp.gemini g output 0.000002 USD 2026-01-01T00:00:00Z..any time
openai gpt input 0.000001 USD 2026-01-01T00:00:00Z..2026-01-02T00:00:00Z
openai gpt input 0.000003 USD 2026-01-02T00:00:00Z..2026-01-03T00:00:00Z
openai gpt cache_read 0.0000001 USD 2026-01-02T00:00:00Z..2026-01-03T00:00:00Z
openai gpt output 0.000002 USD 2026-01-01T00:00:00Z..2026-01-02T00:00:00Z
openai gpt output 0.000002 USD 2026-01-02T00:00:00Z..2026-01-03T00:00:00Z`)
	compareText(t, "skipped", skips(table), "gpt: all its prices are 0, which may mean that they are not known")
	for _, bad := range []string{"", "model,event\n", head + "x,add,a,1,1,,openai,chat\n", head + "2026-01-01T00:00:00Z,sell,a,1,1,,openai,chat\n",
		head + "2026-01-02T00:00:00Z,add,a,1,1,,openai,chat\n2026-01-01T00:00:00Z,add,a,1,1,,openai,chat\n", head + "1,2\n"} {
		if _, err := ReadHistory(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestPublishedTables: the tables as they were published make a book without contradictions, and nearly all that has a price of tokens is in it.
func TestPublishedTables(t *testing.T) {
	open := func(name string) io.Reader {
		f, err := os.Open(env.Data(t, "litellm-prices/"+name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	table, err := ReadLiteLLM(open("model_prices_and_context_window.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Prices) < 7000 || len(table.Skipped) > 650 {
		t.Errorf("%d prices, %d entries skipped", len(table.Prices), len(table.Skipped))
	}
	if _, err := New(1, table.Prices, nil); err != nil {
		t.Error(err)
	}
	history, err := ReadHistory(open("price_history.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(1, history.Prices, nil)
	if err != nil {
		t.Fatal(err)
	}
	merged, _, err := Merge(b, table, MergeOptions{From: at("2026-07-24T00:00:00Z"), Now: at("2026-07-24T00:00:00Z")})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = New(2, merged, nil); err != nil {
		t.Fatal(err)
	}
	call := Call{Time: at("2025-06-01T00:00:00Z"), Provider: "openai", Model: "o3", InputUncached: n(1_000_000), OutputVisible: n(0)}
	for day, want := range map[string]string{"2025-06-01T00:00:00Z": "10", "2025-07-01T00:00:00Z": "2"} { // OpenAI cut the price of o3 on 2025-06-10.
		call.Time = at(day)
		if r := b.Resolve(call); FormatPicos(r.Known) != want || r.Reason != Priced {
			t.Errorf("a million tokens of o3 on %s cost %s, %s: %v", day, FormatPicos(r.Known), r.Reason, r.Steps)
		}
	}
}
