package prices

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// reported are the faults of other tools that their users reported until November 2026, each with what is right.
var reported = []struct {
	row    int
	report string
	check  func(*testing.T)
}{
	{1, "ccusage: a closed week costs more or less with each refresh of the table", closedWeek},
	{2, "CodexBar, agentsview, CPA-Manager-Plus, models.dev, langfuse: what was shown then, and what was right then", shownAndRight},
	{3, "maxx, workglow: to compute again is not to price anew", recomputeAndReprice},
	{4, "hermes-telemetry: a correction reaches all of its range, and nothing else", correctionReaches},
	{5, "LiteLLM, Opik: long contexts at half price", calls(
		pricedCall{"at the threshold, by the cache", opus46("2026-03-12T10:00:00Z", 50_000), "0.615", "", "0"},
		pricedCall{"above the threshold, by the cache", opus46("2026-03-12T10:00:00Z", 50_001), "1.2287625", "", "0"},
		pricedCall{"a long context whose price no source tells", Call{Time: june, Provider: "openai", Model: "gpt-old", InputUncached: n(1), CacheRead: n(128_000), OutputVisible: n(0)}, "0", NotPublished, "128001"}, // Not half of it.
	)},
	{6, "LiteLLM: batch above the threshold, cached batch at the full price", calls(
		pricedCall{"cached batch above its threshold", Call{Time: june, Provider: "openai", Model: "gpt-5.4", Tier: "batch", InputUncached: n(200_000), CacheRead: n(100_000), OutputVisible: n(1000)}, "0.53625", "", "0"},
		pricedCall{"cached batch at its threshold", Call{Time: june, Provider: "openai", Model: "gpt-5.4", Tier: "batch", InputUncached: n(172_000), CacheRead: n(100_000), OutputVisible: n(1000)}, "0.235", "", "0"},
	)},
	{7, "LiteLLM: reasoning of priority calls at the standard price", calls(
		pricedCall{"reasoning as output of its own tier", Call{Time: june, Provider: "openai", Model: "gpt-5.4", Tier: "priority", InputUncached: n(1_000_000), OutputVisible: n(0), OutputReasoning: n(1_000_000)}, "35", "", "0"},
		pricedCall{"cached, which the tier does not price", Call{Time: june, Provider: "openai", Model: "gpt-5.4", Tier: "priority", InputUncached: n(1_000_000), CacheRead: n(9), OutputVisible: n(0)}, "5", NoUnit, "9"},
	)},
	{8, "LiteLLM: 4 to 7 times too much, as the counts of the cache were lost on the way", upperBound},
	{9, "LiteLLM: cached tokens charged again as input", calls(
		pricedCall{"1,000 tokens of input, 900 of them cached", Call{Time: june, Provider: "openai", Model: "gpt-5.4", InputUncached: n(100), CacheRead: n(900), OutputVisible: n(0)}, "0.000475", "", "0"},
	)},
	{10, "agentcore: all costs 10 % low, and one price for writing to any cache", calls(
		pricedCall{"the region", Call{Time: june, Provider: "aws.bedrock", Model: "claude-sonnet-5", Region: "us", InputUncached: n(1_000_000), OutputVisible: n(0)}, "3.3", "", "0"},
		pricedCall{"another one", Call{Time: june, Provider: "aws.bedrock", Model: "claude-sonnet-5", Region: "global", InputUncached: n(1_000_000), OutputVisible: n(0)}, "3", "", "0"},
		pricedCall{"none, where all prices have one", Call{Time: june, Provider: "aws.bedrock", Model: "claude-sonnet-5", InputUncached: n(10), OutputVisible: n(0)}, "0", NoUnit, "10"},
		pricedCall{"a cache that the model has no price for", Call{Time: june, Provider: "aws.bedrock", Model: "claude-sonnet-5", Region: "us", InputUncached: n(1_000_000), CacheWrite: n(7), OutputVisible: n(0)}, "3.3", NoUnit, "7"},
	)},
	{11, "models.dev, of xAI and DeepInfra: a price of long contexts that did not follow its base", didNotFollow},
	{12, "tokscale: the cache of another seller", calls(
		pricedCall{"Azure has none", Call{Time: june, Provider: "azure.ai.inference", Model: "grok-4", InputUncached: n(1_000_000), CacheRead: n(5), OutputVisible: n(0)}, "3", NoUnit, "5"},
		pricedCall{"xAI has one", Call{Time: june, Provider: "x_ai", Model: "grok-4", InputUncached: n(1_000_000), CacheRead: n(1_000_000), OutputVisible: n(0)}, "3.75", "", "0"},
	)},
	{13, "pi-extensions: another model from now on priced the calls before it", calls(
		pricedCall{"a call of a session", Call{Time: june, Provider: "x_ai", Model: "grok-4", InputUncached: n(1_000_000), OutputVisible: n(0)}, "3", "", "0"},
		pricedCall{"the next one, of another model", Call{Time: june.Add(time.Minute), Provider: "openai", Model: "gpt-5.4", InputUncached: n(1_000_000), OutputVisible: n(0)}, "2.5", "", "0"},
		pricedCall{"one whose answer is of another model than was asked for", Call{Time: june, Provider: "x_ai", Model: "grok-99", Requested: "grok-4", InputUncached: n(1), OutputVisible: n(0)}, "0", NoModel, "1"},
	)},
	{14, "clawbolt, ai-tally: unknown is 0", calls(
		pricedCall{"a model that nobody knows", Call{Time: june, Provider: "x_ai", Model: "grok-99", InputUncached: n(10), OutputVisible: n(0)}, "0", NoModel, "10"},
		pricedCall{"a price of tomorrow", Call{Time: june, Provider: "gcp.gemini", Model: "gemini-3.6-flash", InputUncached: n(10), OutputVisible: n(1)}, "0", BeforeFirstPrice, "11"},
	)},
	{15, "LiteLLM: the tier that was asked for, auto, not the one that served", servedTier},
}

// TestReported: each fault that users report has its test, and none has two.
func TestReported(t *testing.T) {
	for i, r := range reported {
		if r.row != i+1 {
			t.Fatalf("row %d stands at place %d", r.row, i+1)
		}
		t.Run(fmt.Sprintf("%02d", r.row), func(t *testing.T) {
			t.Log(r.report)
			r.check(t)
		})
	}
	if len(reported) != 15 {
		t.Errorf("%d rows of 15", len(reported))
	}
}

var june = at("2026-06-01T12:00:00Z")

// calls checks calls against the prices of shelf.
func calls(all ...pricedCall) func(*testing.T) {
	return func(t *testing.T) {
		b := shelf(t)
		for _, c := range all {
			c.check(t, b)
		}
	}
}

func opus46(on string, write uint64) Call {
	return Call{Time: at(on), Provider: "anthropic", Model: "claude-opus-4-6", InputUncached: n(50_000), CacheRead: n(100_000), CacheWrite: &write, OutputVisible: n(100)}
}

// sol is a table of one model with a price of input and one of output, in USD per million.
func sol(input, output string) Table {
	return Table{Source: "test", Prices: []Price{row("openai", "gpt-5.6-sol", Input, input), row("openai", "gpt-5.6-sol", Output, output)}}
}

func solCall(on string) Call {
	return Call{Time: at(on), Provider: "openai", Model: "gpt-5.6-sol", InputUncached: n(100_000_000), OutputVisible: n(10_000_000)}
}

// merged returns the next book.
func merged(t *testing.T, b *Book, table Table, o MergeOptions) (*Book, []Change) {
	t.Helper()
	all, changes, err := Merge(b, table, o)
	if err != nil {
		t.Fatal(err)
	}
	next, err := New(b.Number+1, all, table.Aliases)
	if err != nil {
		t.Fatal(err)
	}
	return next, changes
}

// costs checks what a call costs by a book.
func costs(t *testing.T, b *Book, c Call, want string) {
	t.Helper()
	if r := b.Resolve(c); FormatPicos(r.Known) != want || !r.Exact() {
		t.Errorf("by book %d a call of %s costs %s, %q; want %s:\n%s", b.Number, instant(c.Time), FormatPicos(r.Known), r.Reason, want, strings.Join(r.Steps, "\n"))
	}
}

func closedWeek(t *testing.T) {
	empty, _ := New(0, nil, nil)
	july, _ := merged(t, empty, sol("5", "30"), MergeOptions{From: at("2026-07-01T00:00:00Z"), Now: at("2026-07-01T00:00:00Z")})
	for _, now := range []string{"2026-08-21T00:00:00Z", "2026-08-28T00:00:00Z"} { // Twice: to import again changes nothing.
		august, _ := merged(t, july, sol("4", "20"), MergeOptions{From: at(now), Now: at(now)})
		for _, b := range []*Book{july, august} {
			costs(t, b, solCall("2026-08-16T23:59:59Z"), "800") // Not 600, by the price of today.
		}
		costs(t, august, solCall(now), "600")
		july = august
	}
}

func shownAndRight(t *testing.T) {
	empty, _ := New(0, nil, nil)
	shown, _ := merged(t, empty, sol("5", "30"), MergeOptions{From: at("2026-07-01T00:00:00Z"), Now: at("2026-07-01T00:00:00Z")})
	right, _ := merged(t, shown, sol("4", "20"), MergeOptions{From: at("2026-08-21T00:00:00Z"), Now: at("2026-09-10T00:00:00Z"), Correct: true})
	costs(t, shown, solCall("2026-09-01T00:00:00Z"), "800")
	costs(t, right, solCall("2026-09-01T00:00:00Z"), "600")
}

func recomputeAndReprice(t *testing.T) {
	empty, _ := New(0, nil, nil)
	first, _ := merged(t, empty, sol("5", "30"), MergeOptions{From: at("2026-07-01T00:00:00Z"), Now: at("2026-07-01T00:00:00Z")})
	call := solCall("2026-07-15T00:00:00Z")
	costs(t, first, call, "800")
	table := sol("4", "20")
	if _, _, err := Merge(first, table, MergeOptions{From: at("2026-07-01T00:00:00Z"), Now: at("2026-08-01T00:00:00Z")}); !errors.As(err, new(*PastError)) {
		t.Errorf("prices of the past changed without a word: %v", err)
	}
	second, _ := merged(t, first, table, MergeOptions{From: at("2026-07-01T00:00:00Z"), Now: at("2026-08-01T00:00:00Z"), Correct: true})
	costs(t, second, call, "600") // Priced anew.
	costs(t, first, call, "800")  // Computed again.
}

func correctionReaches(t *testing.T) {
	empty, _ := New(0, nil, nil)
	wrong, _ := merged(t, empty, sol("5", "30"), MergeOptions{From: at(jan), Now: at(jan)})
	february := sol("4", "20")
	february.Dated = true
	for i := range february.Prices {
		february.Prices[i].From, february.Prices[i].To = at(feb), at(mar)
	}
	right, changes := merged(t, wrong, february, MergeOptions{Now: at(apr), Correct: true})
	if len(changes) != 2 {
		t.Errorf("changes %+v", changes)
	}
	for _, c := range changes {
		if !c.From.Equal(at(feb)) || !c.To.Equal(at(mar)) || c.Kind != Changed {
			t.Errorf("a change of %s from %s to %s", c.Key.Unit, c.From, c.To)
		}
	}
	for on, want := range map[string]string{"2026-01-31T23:59:59.999999Z": "800", feb: "600", "2026-02-28T23:59:59.999999Z": "600", mar: "800"} {
		costs(t, right, solCall(on), want)
	}
}

func upperBound(t *testing.T) {
	b := shelf(t)
	call := Call{Time: june, Provider: "x_ai", Model: "grok-4", UpperBound: true, InputUncached: n(1_000_000), OutputVisible: n(0)}
	if r := b.Resolve(call); !r.AtMost || FormatPicos(r.Known) != "3" {
		t.Errorf("%s, at most: %t", FormatPicos(r.Known), r.AtMost)
	}
	call.UpperBound, call.InputUncached, call.CacheRead = false, n(0), n(1_000_000)
	if r := b.Resolve(call); r.AtMost || FormatPicos(r.Known) != "0.75" { // A quarter: that is what the lost counts would have said.
		t.Errorf("%s, at most: %t", FormatPicos(r.Known), r.AtMost)
	}
}

// didNotFollow: xAI's price of cached tokens of long contexts stood at 1.00 where 0.60 was right, until 2026-07-30.
func didNotFollow(t *testing.T) {
	grok := func(cached string) Table {
		return Table{Source: "test", Prices: []Price{row("x_ai", "grok", Input, "2"), row("x_ai", "grok", CacheRead, "0.30"), row("x_ai", "grok", Output, "6"),
			row("x_ai", "grok", Input, "4", over(200_000)), row("x_ai", "grok", CacheRead, cached, over(200_000)), row("x_ai", "grok", Output, "12", over(200_000))}}
	}
	warnings := Deviations(grok("1.00").Prices)
	if len(warnings) != 1 || warnings[0].String() != "x_ai grok cache_read over 200000 tokens is x3.333 (0.3 to 1), but input is x2 (2 to 4)" {
		t.Errorf("warnings %v", warnings)
	}
	if warnings := Deviations(grok("0.60").Prices); len(warnings) > 0 {
		t.Errorf("warnings %v", warnings)
	}
	empty, _ := New(0, nil, nil)
	wrong, _ := merged(t, empty, grok("1.00"), MergeOptions{From: at("2026-05-01T00:00:00Z"), Now: at("2026-05-01T00:00:00Z")})
	right, changes := merged(t, wrong, grok("0.60"), MergeOptions{From: at("2026-05-01T00:00:00Z"), Now: at("2026-07-30T00:00:00Z"), Correct: true})
	call := Call{Time: june, Provider: "x_ai", Model: "grok", InputUncached: n(1), CacheRead: n(1_000_000), OutputVisible: n(0)}
	costs(t, wrong, call, "1.000004")
	costs(t, right, call, "0.600004")
	if len(changes) != 1 {
		t.Errorf("changes %+v", changes)
	}
}

func servedTier(t *testing.T) {
	b := shelf(t)
	call := Call{Time: june, Provider: "openai", Model: "gpt-5.4", InputUncached: n(200_000), OutputVisible: n(0)}
	for served, want := range map[string]string{"priority": "1", "batch": "0.25", Standard: "0.5"} {
		call.Tier = served
		if r := b.Resolve(call); FormatPicos(r.Known) != want || r.TierAssumed {
			t.Errorf("%s: %s, assumed: %t", served, FormatPicos(r.Known), r.TierAssumed)
		}
	}
	call.Tier = "" // The answer does not tell it, and that "auto" was asked for tells nothing.
	if r := b.Resolve(call); FormatPicos(r.Known) != "0.5" || !r.TierAssumed {
		t.Errorf("not told: %s, assumed: %t", FormatPicos(r.Known), r.TierAssumed)
	}
	call.Tier = "auto"
	pricedCall{"auto", call, "0", TierUnknown, "200000"}.check(t, b)
}

// TestEvents: the changes of prices of 2026, read as genai-prices has them, count from their instant on and not before.
func TestEvents(t *testing.T) {
	file, err := os.Open("testdata/genai-events.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	table, err := ReadGenAIPrices(file)
	if err != nil || len(table.Skipped) > 0 {
		t.Fatal(err, table.Skipped)
	}
	empty, _ := New(0, nil, nil)
	b, _ := merged(t, empty, table, MergeOptions{From: at(jan), Now: at(jan)})
	million := func(provider, model, on string) Call {
		return Call{Time: at(on), Provider: provider, Model: model, InputUncached: n(100_000), CacheRead: n(0), OutputVisible: n(100_000)}
	}
	cached := func(model, on string) Call {
		c := million("openai", model, on)
		c.CacheRead = n(1_000_000)
		return c
	}
	long := func(model, on string) Call {
		c := million("anthropic", model, on)
		c.InputUncached = n(200_001)
		return c
	}
	for _, c := range []pricedCall{
		{"Opus 4.6, long, before Anthropic took the surcharge away", long("claude-opus-4-6", "2026-03-12T23:59:59Z"), "5.75001", "", "0"},
		{"Opus 4.6, long, after it", long("claude-opus-4-6", "2026-03-13T00:00:00Z"), "3.500005", "", "0"},
		{"Opus 4.6 by an alias", long("claude-opus-4.6-20260205", "2026-03-13T00:00:00Z"), "3.500005", "", "0"},
		{"Sonnet 4.6, long, before", long("claude-sonnet-4-6", "2026-03-12T23:59:59Z"), "3.450006", "", "0"},
		{"Sonnet 4.6, long, after", long("claude-sonnet-4-6", "2026-03-13T00:00:00Z"), "2.100003", "", "0"},
		{"Luna before OpenAI cut it", cached("gpt-5.6-luna", "2026-07-29T23:59:59.999999Z"), "0.8", "", "0"},
		{"Luna after it", cached("gpt-5.6-luna", "2026-07-30T00:00:00Z"), "0.16", "", "0"},
		{"Sol before OpenAI cut it", cached("gpt-5.6-sol", "2026-08-20T23:59:59.999999Z"), "4", "", "0"},
		{"Sol after it", cached("gpt-5.6-sol", "2026-08-21T00:00:00Z"), "2.8", "", "0"},
		{"Sol by its other name", cached("gpt-5.6", "2026-08-21T00:00:00Z"), "2.8", "", "0"},
		{"Sonnet 5 at Amazon, global, before", million("aws.bedrock", "global.anthropic.claude-sonnet-5-v1:0", "2026-08-31T23:59:59Z"), "1.2", "", "0"},
		{"Sonnet 5 at Amazon, global, after", million("aws.bedrock", "global.anthropic.claude-sonnet-5-v1:0", "2026-09-01T00:00:00Z"), "1.8", "", "0"},
		{"Sonnet 5 at Amazon, regional, before", million("aws.bedrock", "us.anthropic.claude-sonnet-5-v1:0", "2026-08-31T23:59:59Z"), "1.32", "", "0"},
		{"Sonnet 5 at Amazon, regional, after", million("aws.bedrock", "us.anthropic.claude-sonnet-5-v1:0", "2026-09-01T00:00:00Z"), "1.98", "", "0"},
		{"Gemini 3.6 Flash before the announced price", million("gcp.gemini", "gemini-3.6-flash", "2026-12-31T23:59:59Z"), "0.45", "", "0"},
		{"Gemini 3.6 Flash from it on", million("gcp.gemini", "gemini-3.6-flash", "2027-01-01T00:00:00Z"), "0.9", "", "0"},
		{"Gemini 3.7 Flash before the announced price", million("gcp.gemini", "gemini-3.7-flash", "2026-12-31T23:59:59Z"), "0.45", "", "0"},
		{"Gemini 3.7 Flash from it on", million("gcp.gemini", "gemini-3.7-flash", "2027-01-01T00:00:00Z"), "0.9", "", "0"},
		{"DeepSeek in the last cheap minute", million("deepseek", "deepseek-chat", "2026-06-02T00:29:59Z"), "0.0685", "", "0"},
		{"DeepSeek in the first dear minute", million("deepseek", "deepseek-chat", "2026-06-02T00:30:00Z"), "0.137", "", "0"},
		{"DeepSeek in the last dear minute", million("deepseek", "deepseek-chat", "2026-06-02T16:29:59Z"), "0.137", "", "0"},
		{"DeepSeek in the first cheap minute", million("deepseek", "deepseek-chat", "2026-06-02T16:30:00Z"), "0.0685", "", "0"},
		{"before the table counts", million("openai", "gpt-5.6-sol", "2025-12-31T23:59:59Z"), "0", BeforeFirstPrice, "200000"},
	} {
		c.check(t, b)
	}
}
