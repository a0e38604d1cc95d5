package prices

import (
	"strings"
	"testing"
	"time"
)

func at(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	moment, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return moment
}

// row is a price per million tokens in USD.
func row(provider, model string, unit Unit, published string, change ...func(*Price)) Price {
	p := Price{Key: Key{Provider: provider, Model: model, Tier: Standard, Unit: unit}, Currency: "USD", Published: published, Per: 1_000_000, Source: "test"}
	for _, c := range change {
		c(&p)
	}
	p.Picos, _ = p.picos()
	return p
}

func tier(name string) func(*Price)   { return func(p *Price) { p.Tier = name } }
func region(name string) func(*Price) { return func(p *Price) { p.Region = name } }
func tenant(name string) func(*Price) { return func(p *Price) { p.Tenant = name } }
func over(n uint64) func(*Price)      { return func(p *Price) { p.ContextOver = n } }
func held(from, to string) func(*Price) {
	return func(p *Price) { p.From, p.To = at(from), at(to) }
}
func daily(from, to int) func(*Price) {
	return func(p *Price) { p.DailyFrom, p.DailyTo = from, to }
}
func currency(name string) func(*Price) { return func(p *Price) { p.Currency = name } }

// shelf has what prices depend on, each in a few rows.
func shelf(t *testing.T) *Book {
	t.Helper()
	b, err := New(7, []Price{
		// Anthropic took the dearer price of long contexts away on 2026-03-13.
		row("anthropic", "claude-opus-4-6", Input, "5"), row("anthropic", "claude-opus-4-6", CacheRead, "0.5"), row("anthropic", "claude-opus-4-6", CacheWrite, "6.25"),
		row("anthropic", "claude-opus-4-6", Output, "25"),
		row("anthropic", "claude-opus-4-6", Input, "10", over(200_000), held("", "2026-03-13T00:00:00Z")),
		row("anthropic", "claude-opus-4-6", CacheRead, "1", over(200_000), held("", "2026-03-13T00:00:00Z")),
		row("anthropic", "claude-opus-4-6", CacheWrite, "12.5", over(200_000), held("", "2026-03-13T00:00:00Z")),
		row("anthropic", "claude-opus-4-6", Output, "37.5", over(200_000), held("", "2026-03-13T00:00:00Z")),
		// DeepSeek was cheaper from 16:30 to 00:30.
		row("deepseek", "deepseek-chat", Input, "0.27"), row("deepseek", "deepseek-chat", Output, "1.1"),
		row("deepseek", "deepseek-chat", Input, "0.135", daily(16*60+30, 30)), row("deepseek", "deepseek-chat", Output, "0.55", daily(16*60+30, 30)),
		// Tiers by service, with a price of long contexts of their own.
		row("openai", "gpt-5.4", Input, "2.5"), row("openai", "gpt-5.4", Output, "15"), row("openai", "gpt-5.4", CacheRead, "0.25"),
		row("openai", "gpt-5.4", Input, "5", tier("priority")), row("openai", "gpt-5.4", Output, "30", tier("priority")),
		row("openai", "gpt-5.4", Input, "1.25", tier("batch")), row("openai", "gpt-5.4", Output, "7.5", tier("batch")), row("openai", "gpt-5.4", CacheRead, "0.125", tier("batch")),
		row("openai", "gpt-5.4", Input, "2.5", tier("batch"), over(272_000)), row("openai", "gpt-5.4", Output, "11.25", tier("batch"), over(272_000)),
		row("openai", "gpt-5.4", CacheRead, "0.25", tier("batch"), over(272_000)),
		// Amazon has other prices in regions.
		row("aws.bedrock", "claude-sonnet-5", Input, "3", region("global")), row("aws.bedrock", "claude-sonnet-5", Output, "15", region("global")),
		row("aws.bedrock", "claude-sonnet-5", Input, "3.3", region("us")), row("aws.bedrock", "claude-sonnet-5", Output, "16.5", region("us")),
		// A price that is known before it holds.
		row("gcp.gemini", "gemini-3.6-flash", Input, "0.5", held("2027-01-01T00:00:00Z", "")), row("gcp.gemini", "gemini-3.6-flash", Output, "3", held("2027-01-01T00:00:00Z", "")),
		row("gcp.gemini", "gemini-1.0", Input, "0.5", held("", "2026-01-01T00:00:00Z")),
		row("azure.ai.inference", "grok-4", Input, "3"), row("azure.ai.inference", "grok-4", Output, "15"),
		row("x_ai", "grok-4", Input, "3"), row("x_ai", "grok-4", CacheRead, "0.75"), row("x_ai", "grok-4", Output, "15"),
		row("zhipu", "glm-4.6", Input, "4", currency("CNY")), row("zhipu", "glm-4.6", Output, "16", currency("CNY")),
		row("openai", "gpt-realtime", Input, "4"), row("openai", "gpt-realtime", InputAudio, "32"), row("openai", "gpt-realtime", Output, "16"), row("openai", "gpt-realtime", OutputAudio, "64"),
		// A customer with a price of its own for input.
		row("openai", "gpt-5.4", Input, "2", tenant("acme")),
		// A history that does not tell the prices of long contexts.
		row("openai", "gpt-old", Input, "1"), row("openai", "gpt-old", Output, "2"), row("openai", "gpt-old", Input, NotTold, over(128_000)), row("openai", "gpt-old", Output, NotTold, over(128_000)),
		row("perplexity", "sonar", Input, "1"), row("perplexity", "sonar", Output, "1"),
		row("perplexity", "sonar", Request, "5", func(p *Price) { p.Per = 1000 }),
	}, []Alias{
		{"anthropic", Exact, "claude-opus-latest", "claude-opus-4-6"}, {"openai", Prefix, "gpt-5.4-pro-", "gpt-5.4"}, {"openai", Prefix, "gpt-", "gpt-realtime"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func n(v uint64) *uint64 { return &v }

// pricedCall is a call and what it costs.
type pricedCall struct {
	name   string
	call   Call
	want   string // The known cost.
	reason Reason
	left   string // Unpriced tokens.
}

func (c pricedCall) check(t *testing.T, b *Book) {
	t.Helper()
	r := b.Resolve(c.call)
	if got := FormatPicos(r.Known); got != c.want || r.Reason != c.reason || r.Unpriced.String() != c.left || r.Exact() != (c.reason == "") {
		t.Errorf("%s: %s, %q, %s tokens unpriced; want %s, %q, %s:\n%s", c.name, got, r.Reason, r.Unpriced, c.want, c.reason, c.left, strings.Join(r.Steps, "\n"))
	}
}

// TestResolve: what users report of other tools, and the price events of 2026, stand in reported_test.go.
func TestResolve(t *testing.T) {
	b := shelf(t)
	noon := at("2026-06-01T12:00:00Z")
	for _, c := range []pricedCall{
		{"a cache for an hour has no price", Call{Time: noon, Provider: "anthropic", Model: "claude-opus-4-6", InputUncached: n(1000), CacheWrite: n(1000), CacheWrite1h: n(400), OutputVisible: n(0)}, "0.00875", NoUnit, "400"},
		{"the last minute of the dear hours", Call{Time: at("2026-06-01T16:29:59Z"), Provider: "deepseek", Model: "deepseek-chat", InputUncached: n(1_000_000), OutputVisible: n(0)}, "0.27", "", "0"},
		{"the first minute of the cheap hours", Call{Time: at("2026-06-01T16:30:00Z"), Provider: "deepseek", Model: "deepseek-chat", InputUncached: n(1_000_000), OutputVisible: n(0)}, "0.135", "", "0"},
		{"the last minute of the cheap hours", Call{Time: at("2026-06-02T00:29:59Z"), Provider: "deepseek", Model: "deepseek-chat", InputUncached: n(1_000_000), OutputVisible: n(0)}, "0.135", "", "0"},
		{"after the cheap hours", Call{Time: at("2026-06-02T00:30:00Z"), Provider: "deepseek", Model: "deepseek-chat", InputUncached: n(1_000_000), OutputVisible: n(0)}, "0.27", "", "0"},
		{"a tier that is not published", Call{Time: noon, Provider: "openai", Model: "gpt-5.4", Tier: "flex", InputUncached: n(5), OutputVisible: n(5)}, "0", TierUnknown, "10"},
		{"a price of yesterday", Call{Time: noon, Provider: "gcp.gemini", Model: "gemini-1.0", InputUncached: n(10), OutputVisible: n(1)}, "0", AfterLastPrice, "11"},
		{"no seller", Call{Time: noon, Model: "grok-4", InputUncached: n(10), OutputVisible: n(0)}, "0", NoProvider, "10"},
		{"the model that was asked for", Call{Time: noon, Provider: "x_ai", Requested: "grok-4", InputUncached: n(1_000_000), OutputVisible: n(0)}, "3", "", "0"},
		{"an alias", Call{Time: noon, Provider: "anthropic", Model: "claude-opus-latest", InputUncached: n(1_000_000), OutputVisible: n(0)}, "5", "", "0"},
		{"the longest prefix", Call{Time: noon, Provider: "openai", Model: "gpt-5.4-pro-x", InputUncached: n(1_000_000), OutputVisible: n(0)}, "2.5", "", "0"},
		{"a date at the end", Call{Time: noon, Provider: "x_ai", Model: "grok-4-20250709", InputUncached: n(1_000_000), OutputVisible: n(0)}, "3", "", "0"},
		{"yuan", Call{Time: noon, Provider: "zhipu", Model: "glm-4.6", InputUncached: n(1_000_000), OutputVisible: n(0)}, "4", "", "0"},
		{"audio", Call{Time: noon, Provider: "openai", Model: "gpt-realtime", InputUncached: n(3_000_000), InputAudio: n(1_000_000), OutputVisible: n(2_000_000), OutputAudio: n(1_000_000)}, "120", "", "0"},
		{"images at the price of text", Call{Time: noon, Provider: "openai", Model: "gpt-5.4", InputUncached: n(1_000_000), InputImage: n(400_000), OutputVisible: n(0)}, "2.5", "", "0"},
		{"more audio than input", Call{Time: noon, Provider: "openai", Model: "gpt-realtime", InputUncached: n(5), InputAudio: n(9), OutputVisible: n(0)}, "0", TooMany, "5"},
		{"a price of the customer's own, and the list's for the rest", Call{Time: noon, Tenant: "acme", Provider: "openai", Model: "gpt-5.4", InputUncached: n(1_000_000), OutputVisible: n(1_000_000)}, "17", "", "0"},
		{"one of another customer", Call{Time: noon, Tenant: "beta", Provider: "openai", Model: "gpt-5.4", InputUncached: n(1_000_000), OutputVisible: n(0)}, "2.5", "", "0"},
		{"a price per call, and weight", Call{Time: noon, Provider: "perplexity", Model: "sonar", Weight: 10, InputUncached: n(100_000), OutputVisible: n(0)}, "1.05", "", "0"},
		{"a record of many calls", Call{Time: noon, Provider: "perplexity", Model: "sonar", Requests: n(1000), InputUncached: n(1_000_000), OutputVisible: n(0)}, "6", "", "0"},
		{"a short context, where the price of long ones is not told", Call{Time: noon, Provider: "openai", Model: "gpt-old", InputUncached: n(128_000), OutputVisible: n(0)}, "0.128", "", "0"},
		{"a long context, whose price is not told", Call{Time: noon, Provider: "openai", Model: "gpt-old", InputUncached: n(128_001), OutputVisible: n(1)}, "0", NotPublished, "128002"},
		{"a record of no call", Call{Time: noon, Provider: "perplexity", Model: "sonar", Requests: n(0), InputUncached: n(1_000_000), OutputVisible: n(0)}, "1", "", "0"},
		{"a call that failed and reports input", Call{Time: noon, Failed: true, Provider: "openai", Model: "gpt-5.4", InputUncached: n(1_000_000)}, "2.5", "", "0"},
		{"a stream that was cut", Call{Time: noon, Provider: "openai", Model: "gpt-5.4", InputUncached: n(1_000_000)}, "2.5", NoUsage, "0"},
		{"embeddings", Call{Time: noon, NoOutput: true, Provider: "openai", Model: "gpt-5.4", InputUncached: n(1_000_000)}, "2.5", "", "0"},
		{"no usage at all", Call{Time: noon, Provider: "openai", Model: "gpt-5.4"}, "0", NoUsage, "0"},
		{"nothing used", Call{Time: noon, Provider: "openai", Model: "gpt-5.4", InputUncached: n(0), OutputVisible: n(0)}, "0", "", "0"},
		{"more than 64 bits of money", Call{Time: noon, Provider: "openai", Model: "gpt-5.4", Weight: 1_000_000, InputUncached: n(1_000_000_000_000), OutputVisible: n(0)}, "2500000000000", "", "0"},
	} {
		c.check(t, b)
	}
}

// TestFlags: what was assumed is said.
func TestFlags(t *testing.T) {
	b := shelf(t)
	call := Call{Time: at("2026-06-01T12:00:00Z"), Provider: "x_ai", Requested: "grok-4", UpperBound: true, InputUncached: n(1), OutputVisible: n(1)}
	if r := b.Resolve(call); !r.ByRequested || !r.TierAssumed || !r.AtMost || r.Currency != "USD" {
		t.Errorf("%+v", r)
	}
	call = Call{Time: call.Time, Provider: "x_ai", Model: "grok-4", Tier: Standard, InputUncached: n(1), OutputVisible: n(1)}
	if r := b.Resolve(call); r.ByRequested || r.TierAssumed || r.AtMost {
		t.Errorf("%+v", r)
	}
}

// TestNewRefuses: a book in which two prices could be meant is none.
func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		prices  []Price
		aliases []Alias
		want    string
	}{
		"twice":              {prices: []Price{row("a", "m", Input, "1"), row("a", "m", Input, "2")}, want: "two prices hold at any time: 1 and 2"},
		"overlapping":        {prices: []Price{row("a", "m", Input, "1", held("", "2026-02-01T00:00:00Z")), row("a", "m", Input, "2", held("2026-01-31T00:00:00Z", ""))}, want: "two prices hold at 2026-01-31T00:00:00Z"},
		"ends before it was": {prices: []Price{row("a", "m", Input, "1", held("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z"))}, want: "before it begins"},
		"no tier":            {prices: []Price{row("a", "m", Input, "1", tier("gold"))}, want: "the tier \"gold\" is not one of standard, batch"},
		"no unit":            {prices: []Price{row("a", "m", "words", "1")}, want: "the unit \"words\" is not one of"},
		"no model":           {prices: []Price{row("a", "", Input, "1")}, want: "it has no model"},
		"currency":           {prices: []Price{row("a", "m", Input, "1", currency("usd"))}, want: "the currency \"usd\" is not three letters"},
		"too fine":           {prices: []Price{row("a", "m", Input, "0.0000001")}, want: "finer than 1e-12"},
		"other picos":        {prices: []Price{{Key: Key{Provider: "a", Model: "m", Tier: Standard, Unit: Input}, Currency: "USD", Published: "1", Per: 1, Picos: 5, Source: "x"}}, want: "1 per 1 is not 5 picos"},
		"time of day":        {prices: []Price{row("a", "m", Input, "1", daily(5, 5))}, want: "the time of day from minute 5 to 5"},
		"alias":              {aliases: []Alias{{"a", Exact, "x", "m"}, {"a", Exact, "x", "n"}}, want: "the alias x of a stands for m and n"},
		"prefix":             {aliases: []Alias{{"a", Prefix, "x", "m"}, {"a", Prefix, "x", "n"}}, want: "the alias x of a stands for m and n"},
		"no pattern":         {aliases: []Alias{{"a", Prefix, "", "m"}}, want: "provider, pattern and model are required"},
		"kind":               {aliases: []Alias{{"a", "regex", "x", "m"}}, want: "neither exact nor prefix"},
	} {
		if _, err := New(1, c.prices, c.aliases); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
	if _, err := New(1, []Price{row("a", "m", Input, "1", held("", "2026-02-01T00:00:00Z")), row("a", "m", Input, "2", held("2026-02-01T00:00:00Z", ""))}, nil); err != nil {
		t.Errorf("prices one after the other: %v", err)
	}
}
