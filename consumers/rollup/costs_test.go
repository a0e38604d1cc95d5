package rollup_test

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/pricing"
	"tidemark/consumers/rollup"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/consumers/spans"
	"tidemark/schemas"
	"tidemark/schemas/prices"
	usagev1 "tidemark/schemas/usage/v1"
)

// priced is a price per million tokens.
func priced(provider, model string, unit prices.Unit, published string, change ...func(*prices.Price)) prices.Price {
	p := prices.Price{Key: prices.Key{Provider: provider, Model: model, Tier: prices.Standard, Unit: unit}, Currency: "USD", Published: published, Per: 1_000_000, Source: "test"}
	for _, c := range change {
		c(&p)
	}
	p.Picos, _ = prices.ParsePrice(strings.Replace(p.Published, prices.NotTold, "0", 1), p.Per)
	return p
}

// shelf is a book with all that a price may depend on. factor makes another book of the same models.
func shelf(t *testing.T, number uint64, factor string) *prices.Book {
	t.Helper()
	over := func(n uint64) func(*prices.Price) { return func(p *prices.Price) { p.ContextOver = n } }
	tier := func(name string) func(*prices.Price) { return func(p *prices.Price) { p.Tier = name } }
	held := func(from, to time.Time) func(*prices.Price) {
		return func(p *prices.Price) { p.From, p.To = from, to }
	}
	cut := start.Add(17 * time.Minute) // Inside an hour.
	yuan := func(p *prices.Price) { p.Currency = "CNY" }
	book, err := prices.New(number, []prices.Price{
		priced("openai", "gpt-a", prices.Input, "2"+factor), priced("openai", "gpt-a", prices.CacheRead, "0.2"+factor), priced("openai", "gpt-a", prices.Output, "12"+factor),
		priced("openai", "gpt-a", prices.Input, "4"+factor, over(200_000)), priced("openai", "gpt-a", prices.CacheRead, "0.4"+factor, over(200_000)), priced("openai", "gpt-a", prices.Output, "18"+factor, over(200_000)),
		priced("openai", "gpt-a", prices.Input, "1"+factor, tier("batch")), priced("openai", "gpt-a", prices.Output, "6"+factor, tier("batch")),
		priced("openai", "gpt-a", prices.Input, "1.5"+factor, func(p *prices.Price) { p.Tenant = "acme" }),
		priced("openai", "gpt-a", prices.Input, "2.2"+factor, func(p *prices.Price) { p.Region = "eu" }), priced("openai", "gpt-a", prices.Output, "13.2"+factor, func(p *prices.Price) { p.Region = "eu" }),
		priced("openai", "gpt-a", prices.InputAudio, "40"), priced("openai", "gpt-a", prices.OutputAudio, "80"), priced("openai", "gpt-a", prices.Request, "5000"),
		priced("anthropic", "claude-b", prices.Input, "5", held(time.Time{}, cut)), priced("anthropic", "claude-b", prices.Input, "3", held(cut, time.Time{})),
		priced("anthropic", "claude-b", prices.CacheWrite, "6.25"), priced("anthropic", "claude-b", prices.CacheRead, "0.5"), priced("anthropic", "claude-b", prices.Output, "25"+factor),
		priced("anthropic", "claude-b", prices.Reasoning, "20"+factor),
		priced("deepseek", "chat", prices.Input, "0.27"), priced("deepseek", "chat", prices.Output, "1.1"),
		priced("deepseek", "chat", prices.Input, "0.135", func(p *prices.Price) { p.DailyFrom, p.DailyTo = 16*60+30, 30 }),
		priced("qwen", "max", prices.Input, "2.4", yuan), priced("qwen", "max", prices.Output, "9.6", yuan), priced("qwen", "max", prices.CacheRead, "0.1"),
		priced("google", "later", prices.Input, "1", held(start.Add(24*time.Hour), time.Time{})),
		priced("google", "long", prices.Input, "1"), priced("google", "long", prices.Output, "4"), priced("google", "long", prices.Input, prices.NotTold, over(128_000)),
	}, []prices.Alias{{Provider: "openai", Kind: prices.Prefix, Pattern: "gpt-a-", Model: "gpt-a"}})
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// store writes a book, which follows another one, and has it price a time.
func store(w *rolluptest.World, before, book *prices.Book, period pricing.Period) {
	for _, statement := range prices.InsertSQL(prices.Made{Number: book.Number, ImportID: book.Number, Source: "test"}, before.Prices(), book.Prices(), before.Aliases(), book.Aliases()) {
		w.Exec("%s", statement)
	}
	period.Book = book.Number
	w.Exec("%s", pricing.PeriodSQL(period))
}

// always is all of time.
var always = spans.Span{From: spans.First, To: spans.End}

// someCalls returns calls of every kind within some hours.
func someCalls(seed uint64, n int) []schemas.Event {
	random := rand.New(rand.NewPCG(seed, 1))
	pick := func(all ...string) string { return all[random.IntN(len(all))] }
	some := func(most int) *uint64 {
		if random.IntN(3) == 0 {
			return nil
		}
		return proto.Uint64(uint64(random.IntN(most)) * uint64(random.IntN(4)) / 2)
	}
	var events []schemas.Event
	for i := range n {
		e := &usagev1.TokenCall{
			TimeUs: proto.Int64(start.Add(time.Duration(random.Int64N(int64(4 * time.Hour)))).UnixMicro()), Tenant: pick("acme", "globex", "initech"), Source: "test", Id: fmt.Sprint(seed, "-", i),
			Product: pick("api", "chat"), Provider: pick("openai", "openai", "anthropic", "deepseek", "qwen", "google", "nobody", ""),
			Model: pick("gpt-a", "gpt-a-2026-01-01", "claude-b", "chat", "max", "later", "long"), RequestedModel: pick("gpt-a", "claude-b", ""),
			ServiceTier: pick("", "standard", "batch", "flex"), Region: pick("", "", "eu"), Operation: pick("chat", "chat", "embeddings"),
			Status: usagev1.Status(1 + random.IntN(3)), Split: usagev1.UsageSplit(random.IntN(4)),
			InputUncached: some(300_000), InputCacheRead: some(200_000), InputCacheWrite: some(9000), CacheWrite_1H: some(9000), OutputVisible: some(5000), OutputReasoning: some(5000),
		}
		if random.IntN(4) == 0 {
			e.InputAudio, e.InputImage, e.OutputAudio, e.OutputImage = some(100_000), some(100_000), some(3000), some(3000)
		}
		if random.IntN(5) == 0 {
			e.Weight, e.Requests = uint64(1+random.IntN(9)), proto.Uint64(uint64(random.IntN(4)))
		}
		if random.IntN(3) == 0 {
			e.ReportedCostNanos, e.CostCurrency = proto.Int64(random.Int64N(1e9)-1e6), pick("USD", "CNY")
		}
		events = append(events, e)
	}
	return events
}

// callOf is what the price of an event depends on.
func callOf(e *usagev1.TokenCall) prices.Call {
	return prices.Call{
		Time: time.UnixMicro(e.GetTimeUs()), Tenant: e.GetTenant(), Provider: e.GetProvider(), Model: e.GetModel(), Requested: e.GetRequestedModel(), Region: e.GetRegion(), Tier: e.GetServiceTier(),
		Failed: e.GetStatus() == usagev1.Status_STATUS_ERROR, NoOutput: e.GetOperation() == "embeddings", UpperBound: e.GetSplit() == usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND,
		TotalsOnly: e.GetSplit() == usagev1.UsageSplit_USAGE_SPLIT_NONE, Weight: max(e.GetWeight(), 1), Requests: e.Requests,
		InputUncached: e.InputUncached, CacheRead: e.InputCacheRead, CacheWrite: e.InputCacheWrite, CacheWrite1h: e.CacheWrite_1H, OutputVisible: e.OutputVisible, OutputReasoning: e.OutputReasoning,
		InputAudio: e.InputAudio, InputImage: e.InputImage, OutputAudio: e.OutputAudio, OutputImage: e.OutputImage,
	}
}

// total is what a row of costs sums up.
type total struct{ calls, tokens, unpriced, cost, atMost, compared, told big.Int }

// expected computes costs in Go, call by call. of says which book prices a call.
func expected(events []schemas.Event, of func(*usagev1.TokenCall) *prices.Book) string {
	totals := map[string]*total{}
	for _, event := range events {
		e, _ := event.(*usagev1.TokenCall)
		c, book := callOf(e), of(e)
		r := book.Resolve(c)
		key := strings.Join([]string{c.Time.UTC().Truncate(time.Hour).Format(time.DateTime), e.GetTenant(), e.GetProvider(), e.GetModel(), r.Currency, string(r.Reason), fmt.Sprint(book.Number)}, "|")
		if totals[key] == nil {
			totals[key] = &total{}
		}
		all := totals[key]
		requests := uint64(1)
		if c.Requests != nil {
			requests = *c.Requests
		}
		number := new(big.Int).SetUint64(c.Weight * requests)
		all.calls.Add(&all.calls, number)
		for _, l := range r.Lines {
			if l.Unit != prices.Request {
				all.tokens.Add(&all.tokens, l.Quantity)
			}
		}
		all.unpriced.Add(&all.unpriced, r.Unpriced)
		all.cost.Add(&all.cost, r.Known)
		if r.AtMost {
			all.atMost.Add(&all.atMost, r.Known)
		}
		if e.ReportedCostNanos != nil && r.Exact() && e.GetCostCurrency() == r.Currency {
			all.compared.Add(&all.compared, r.Known)
			told := big.NewInt(e.GetReportedCostNanos())
			all.told.Add(&all.told, told.Mul(told, new(big.Int).SetUint64(1000*c.Weight)))
		}
	}
	var out strings.Builder
	for _, key := range slices.Sorted(maps.Keys(totals)) {
		all := totals[key]
		fmt.Fprintf(&out, "%s %s %s %s %s %s %s %s\n", key, &all.calls, &all.tokens, &all.unpriced, &all.cost, &all.atMost, &all.compared, &all.told)
	}
	return out.String()
}

// shownCosts are the rows of a rollup of costs in the form of expected.
func shownCosts(w *rolluptest.World, table string) string {
	return w.Numbers(1, `SELECT arrayStringConcat([arrayStringConcat([toString(bucket), toString(tenant), toString(provider), toString(model), toString(currency), toString(reason), toString(book)], '|'), `+
		`toString(sum(calls)), toString(sum(tokens)), toString(sum(unpriced_tokens)), toString(sum(cost_picos)), toString(sum(at_most_cost_picos)), toString(sum(compared_cost_picos)), toString(sum(compared_reported_picos))], ' ') AS x `+
		`FROM %s GROUP BY bucket, tenant, provider, model, currency, reason, book ORDER BY arrayStringConcat([toString(bucket), toString(tenant), toString(provider), toString(model), toString(currency), toString(reason), toString(book)], '|')`, table)
}

// differ describes the first line in which two texts differ, empty if none.
func differ(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("line %d of %d and %d:\ngot  %s\nwant %s", i, len(a), len(b), x, y)
		}
	}
	return ""
}

// TestCostsEqualResolve computes what thousands of calls of every kind cost, call by call, and compares with the rollup.
func TestCostsEqualResolve(t *testing.T) {
	w := rolluptest.New(t)
	book := shelf(t, 1, "")
	store(w, &prices.Book{}, book, pricing.Period{Made: 1, Span: always, Reason: pricing.Import})
	events := someCalls(1, 6000)
	w.Deliver(events[:2000]...)
	catchUp(t, w.DB)
	w.Deliver(events[2000:]...)
	catchUp(t, w.DB)
	want := expected(events, func(*usagev1.TokenCall) *prices.Book { return book })
	for _, reason := range prices.Reasons {
		if !strings.Contains(want, "|"+string(reason)+"|") && reason != prices.AfterLastPrice && reason != prices.NoPriceThen {
			t.Errorf("no call of the test is %s", reason)
		}
	}
	if d := differ(shownCosts(w, "costs_1h"), want); d != "" {
		t.Error(d)
	}
	sums := func(table string) string {
		return w.Numbers(7, "SELECT sum(calls), sum(records), sum(tokens), sum(unpriced_tokens), sum(cost_picos), sum(cache_saved_picos), sum(compared_calls) FROM %s", table)
	}
	for _, table := range []string{"costs_1d", "costs_all_1h", "costs_all_1d"} {
		if got, want := sums(table), sums("costs_1h"); got != want {
			t.Errorf("%s has %s, costs_1h %s", table, got, want)
		}
	}
}

// TestSampleFindsWrongRates: rates that nobody's book says make costs that equal their own recomputation. To price some calls one by one finds them.
func TestSampleFindsWrongRates(t *testing.T) {
	w := rolluptest.New(t)
	book := shelf(t, 1, "")
	store(w, &prices.Book{}, book, pricing.Period{Made: 1, Span: always, Reason: pricing.Import})
	w.Deliver(someCalls(5, 800)...)
	catchUp(t, w.DB)
	books := &pricing.Books{DB: w.DB}
	check := func(want string, look bool) {
		t.Helper()
		periods, err := books.Periods(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		plan, err := books.Plan(t.Context(), periods, always)
		if err != nil {
			t.Fatal(err)
		}
		const rows = "SELECT *, minute FROM token_calls_raw WHERE identity % 2 = 0"
		if look {
			if err := plan.LookForParts(t.Context(), w.DB, rows); err != nil {
				t.Fatal(err)
			}
		}
		calls, wrong, err := plan.CheckSample(t.Context(), w.DB, rows, "max_threads = 2")
		if err != nil || calls < 250 || calls > 500 || !strings.Contains(wrong, want) || want == "" && wrong != "" {
			t.Errorf("%d calls, %q, %v; want %q", calls, wrong, err, want)
		}
	}
	check("", false)
	check("", true) // Calls with audio and images are apart.
	w.Exec("ALTER TABLE price_rates UPDATE prices = arrayMap(x -> x + 1, prices) WHERE model = 'gpt-a' AND currency = 'USD' SETTINGS mutations_sync = 2")
	check(" USD with ", false)
	check(" USD with ", true)
	w.Exec("ALTER TABLE price_rates UPDATE prices = arrayMap(x -> x - 1, prices) WHERE model = 'gpt-a' AND currency = 'USD' SETTINGS mutations_sync = 2")
	w.Exec("ALTER TABLE token_calls_raw DELETE WHERE isNotNull(input_audio) OR isNotNull(input_image) OR isNotNull(output_audio) OR isNotNull(output_image) SETTINGS mutations_sync = 2")
	check("", true) // There are none.
}

// TestPricesChangeBetweenSteps rolls calls up before a price changes, in the middle of an hour and at a time of day, and then those after it: the rates of before
// are known by then, and are not those of the calls.
func TestPricesChangeBetweenSteps(t *testing.T) {
	w := rolluptest.New(t)
	book := shelf(t, 1, "")
	store(w, &prices.Book{}, book, pricing.Period{Made: 1, Span: always, Reason: pricing.Import})
	var events []schemas.Event
	for i, minutes := range []int{1, 16, 17, 18, 95, 119, 120, 121, 1000, 1080, 1081, 2880} { // The cut is at 17, the time of day ends at 120 and begins at 1080.
		at := proto.Int64(start.Add(time.Duration(minutes) * time.Minute).UnixMicro())
		step := []schemas.Event{
			&usagev1.TokenCall{TimeUs: at, Tenant: "acme", Source: "test", Id: fmt.Sprint("a", i), Product: "api", Provider: "anthropic", Model: "claude-b", Status: 1, InputUncached: proto.Uint64(1000), OutputVisible: proto.Uint64(10)},
			&usagev1.TokenCall{TimeUs: at, Tenant: "acme", Source: "test", Id: fmt.Sprint("d", i), Product: "api", Provider: "deepseek", Model: "chat", Status: 1, InputUncached: proto.Uint64(1000), OutputVisible: proto.Uint64(10)},
			&usagev1.TokenCall{TimeUs: at, Tenant: "acme", Source: "test", Id: fmt.Sprint("g", i), Product: "api", Provider: "google", Model: "later", Status: 1, InputUncached: proto.Uint64(1000), OutputVisible: proto.Uint64(0)},
		}
		events = append(events, step...)
		w.Deliver(step...)
		catchUp(t, w.DB)
		if d := differ(shownCosts(w, "costs_1h"), expected(events, func(*usagev1.TokenCall) *prices.Book { return book })); d != "" {
			t.Fatalf("after minute %d: %s", minutes, d)
		}
	}
}

// TestCostsStay imports books and prices ranges again: nothing changes but what a period says, and that exactly.
func TestCostsStay(t *testing.T) {
	w := rolluptest.New(t)
	first, second := shelf(t, 1, ""), shelf(t, 2, "1")
	store(w, &prices.Book{}, first, pricing.Period{Made: 1, Span: always, Reason: pricing.Import})
	events := someCalls(2, 1500)
	rand.New(rand.NewPCG(3, 3)).Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for len(events) > 0 {
		n := min(len(events), 700)
		w.Deliver(events[:n]...)
		catchUp(t, w.DB)
		events = events[n:]
	}
	events = someCalls(2, 1500)
	before := expected(events, func(*usagev1.TokenCall) *prices.Book { return first })
	if d := differ(shownCosts(w, "costs_1h"), before); d != "" {
		t.Fatal(d)
	}

	// The next book prices what comes from an hour on, and acme's calls of the hour before.
	hour := spans.Floor(schemas.MinuteOf(start.UnixMicro()), 60) + 120
	of := func(e *usagev1.TokenCall) *prices.Book {
		minute := schemas.MinuteOf(e.GetTimeUs())
		if minute >= hour || minute >= hour-60 && e.GetTenant() == "acme" {
			return second
		}
		return first
	}
	store(w, first, second, pricing.Period{Made: 2, Span: spans.Span{From: hour, To: spans.End}, Reason: pricing.Import})
	w.Exec("%s", pricing.PeriodSQL(pricing.Period{Made: 3, Span: spans.Span{From: hour - 60, To: hour}, Tenant: "acme", Book: 2, Reason: pricing.Reprice}))
	catchUp(t, w.DB)
	if d := differ(shownCosts(w, "costs_1h"), before); d != "" {
		t.Errorf("a book was imported, and nothing was requested: %s", d)
	}
	w.Exec("%s", rollup.RequestCostsSQL(spans.Span{From: hour - 60, To: spans.End}))
	catchUp(t, w.DB)
	if d := differ(shownCosts(w, "costs_1h"), expected(events, of)); d != "" {
		t.Error(d)
	}
	w.Deliver(someCalls(4, 300)...) // Late events have the prices of their time.
	catchUp(t, w.DB)
	if d := differ(shownCosts(w, "costs_1h"), expected(append(events, someCalls(4, 300)...), of)); d != "" {
		t.Error(d)
	}
}
