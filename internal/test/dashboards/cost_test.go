package dashboards_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/pricing"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/consumers/spans"
	"tidemark/schemas"
	"tidemark/schemas/prices"
	usagev1 "tidemark/schemas/usage/v1"
)

// price is a list price per million tokens.
func price(provider, model string, unit prices.Unit, published string, change ...func(*prices.Price)) prices.Price {
	p := prices.Price{Key: prices.Key{Provider: provider, Model: model, Tier: prices.Standard, Unit: unit}, Currency: "USD", Published: published, Per: 1_000_000, Source: "test"}
	for _, c := range change {
		c(&p)
	}
	p.Picos, _ = prices.ParsePrice(p.Published, p.Per)
	return p
}

// booksOfCosts are two books of the same models: with caches, a price per call, one that begins on the fourth day, one negotiated, and one in CNY.
func booksOfCosts(t *testing.T) (books [2]*prices.Book) {
	t.Helper()
	yuan := func(p *prices.Price) { p.Currency = "CNY" }
	later := func(p *prices.Price) { p.From = firstOfCosts.Add(3*day + 90*time.Minute) }
	for i := range books {
		dearer := fmt.Sprint(i * 3)
		all := []prices.Price{
			price("openai", "gpt-a", prices.Input, "2."+dearer), price("openai", "gpt-a", prices.CacheRead, "0.2"), price("openai", "gpt-a", prices.Output, "12."+dearer),
			price("openai", "gpt-a", prices.Input, "1.1", func(p *prices.Price) { p.Tenant = "t01" }),
			price("openai", "gpt-call", prices.Input, "1"), price("openai", "gpt-call", prices.Output, "2"), price("openai", "gpt-call", prices.Request, "2500"),
			price("anthropic", "claude-b", prices.Input, "3"), price("anthropic", "claude-b", prices.CacheRead, "0.3"), price("anthropic", "claude-b", prices.CacheWrite, "3.75"),
			price("anthropic", "claude-b", prices.Output, "15"), price("google", "later", prices.Input, "0.5", later), price("google", "later", prices.Output, "1", later),
			price("qwen", "max", prices.Input, "2.4", yuan), price("qwen", "max", prices.Output, "9.6", yuan), price("qwen", "max", prices.CacheRead, "0.24", yuan),
		}
		book, err := prices.New(uint64(1+i), all, nil)
		if err != nil {
			t.Fatal(err)
		}
		books[i] = book
	}
	return books
}

// firstOfCosts is the first of the daysOfCosts days of the tests, in the month before. Calls begin on the second day.
var firstOfCosts = begin.Add(-5 * day)

const daysOfCosts = 19

// eventsOfCosts are calls of every kind that the panels tell apart, and queries.
func eventsOfCosts(n int) (events []schemas.Event) {
	random := rand.New(rand.NewPCG(5, 5))
	pick := func(all ...string) string { return all[random.IntN(len(all))] }
	some := func(most uint64) *uint64 {
		if random.IntN(12) == 0 {
			return nil
		}
		return new(random.Uint64N(most))
	}
	sellers := map[string]string{"gpt-a": "openai", "gpt-call": "openai", "claude-b": "anthropic", "later": "google", "max": "qwen", "own": "here"}
	for i := range n {
		at := firstOfCosts.Add(day + time.Duration(random.Int64N(int64((daysOfCosts-1)*day))))
		tenant, user := fmt.Sprintf("t%02d", min(random.IntN(14), random.IntN(14))), uint64(1+random.IntN(40))
		weight := 1 + user%5/4*2
		if i%4 == 0 {
			events = append(events, &usagev1.Query{Source: "c", Id: fmt.Sprint(i), TimeUs: new(at.UnixMicro()), Tenant: tenant, Product: pick("api", "chat", "search"),
				User: user + 20, UserWeight: 1 + (user+20)%5/4*2, Weight: uint64(1 + i%3), Segment: usagev1.Segment_SEGMENT_CONSUMER})
			continue
		}
		model := pick("gpt-a", "gpt-a", "gpt-a", "gpt-call", "claude-b", "claude-b", "later", "max", "own")
		e := &usagev1.TokenCall{
			Source: "c", Id: fmt.Sprint(i), TimeUs: new(at.UnixMicro()), Tenant: tenant, Product: pick("api", "chat"), Provider: sellers[model], Model: model, User: user, UserWeight: weight,
			ServiceTier: pick("", "", "", "standard", "flex"), Status: usagev1.Status_STATUS_OK, Weight: uint64(1 + i%3), InputUncached: some(90_000),
			OutputVisible: some(4000),
		}
		if i%7 == 0 {
			e.Status = usagev1.Status_STATUS_ERROR
		}
		if i%11 == 0 {
			e.Split = usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND
		}
		if i%13 == 0 {
			e.Requests = new(uint64(i % 4))
		}
		if i%29 == 0 {
			e.Provider = ""
		}
		if i%2 == 0 {
			e.InputCacheRead, e.OutputReasoning = some(80_000), some(2000)
		}
		if model == "claude-b" && i%3 == 0 {
			e.InputCacheWrite = some(20_000)
		}
		if i%3 == 0 {
			e.ReportedCostNanos, e.CostCurrency = new(random.Int64N(3e8)), pick("USD", "USD", "CNY")
		}
		events = append(events, e)
	}
	return events
}

// keepBook writes a book, which follows another one, and has it price a time.
func (s store) keepBook(before, book *prices.Book, made prices.Made, period pricing.Period) {
	made.Number, made.ImportID, period.Book = book.Number, book.Number, book.Number
	for _, statement := range prices.InsertSQL(made, before.Prices(), book.Prices(), before.Aliases(), book.Aliases()) {
		s.Exec("%s", statement)
	}
	s.Exec("%s", pricing.PeriodSQL(period))
}

// keepBooks keeps two books, each of which prices calls from a minute on.
func (s store) keepBooks(t *testing.T, books [2]*prices.Book, first, second int32) bill {
	t.Helper()
	s.keepBook(&prices.Book{}, books[0], prices.Made{Source: "litellm", Note: "a table"}, pricing.Period{Made: 1, Span: spans.Span{From: first, To: spans.End}, Reason: pricing.Import})
	s.keepBook(books[0], books[1], prices.Made{Source: "file", Note: "ours"}, pricing.Period{Made: 2, Span: spans.Span{From: second, To: spans.End}, Reason: pricing.Import})
	b := bill{books: map[uint64][3]string{0: {"none", "-", ""}}}
	for _, line := range strings.Split(strings.TrimSpace(s.Text(1, "SELECT concat(toString(book), '|', toString(source), '|', toString(toUnixTimestamp64Micro(created_at)), '|', note) FROM price_books FINAL")), "\n") {
		cells := strings.Split(line, "|")
		us := int64(parse(t, cells[2]))
		b.books[uint64(parse(t, cells[0]))] = [3]string{cells[1], texts(time.UnixMilli(us / 1000)), cells[3]}
	}
	return b
}

// ask asks the books what each call costs.
func (b *bill) ask(t *testing.T, books [2]*prices.Book, first, second int32) {
	t.Helper()
	none, err := prices.New(0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range b.events {
		e, ok := event.(*usagev1.TokenCall)
		if !ok {
			continue
		}
		book := none
		switch minute := schemas.MinuteOf(e.GetTimeUs()); {
		case minute >= second:
			book = books[1]
		case minute >= first:
			book = books[0]
		}
		b.calls = append(b.calls, charge(e, book))
	}
}

// costStore has the events, priced by the first book and from the seventh day on by the second. Nothing prices the second day, on which the calls begin.
func costStore(t *testing.T) (store, bill) {
	t.Helper()
	s := store{World: rolluptest.New(t)}
	books := booksOfCosts(t)
	first, second := spans.Floor(schemas.MinuteOf(firstOfCosts.Add(2*day).UnixMicro()), 60), spans.Floor(schemas.MinuteOf(firstOfCosts.Add(7*day).UnixMicro()), 60)
	b := s.keepBooks(t, books, first, second)
	b.events = eventsOfCosts(4000)
	b.ask(t, books, first, second)
	b.told = toldOf(firstOfCosts)
	s.tell(b.told)
	s.Deliver(b.events...)
	s.rollUp(t)
	return s, b
}

// TestCostIsTrue holds every value of the dashboard Cost, and of the panels on cost of the dashboard Tenant, against what the book says of
// each call, by hours and by days, with choices of each variable.
func TestCostIsTrue(t *testing.T) {
	s, b := costStore(t)
	seen := map[string]bool{}
	for _, c := range b.calls {
		seen[c.reason], seen[c.currency] = true, true
	}
	for _, needed := range []string{"", "no_usage", "no_provider", "no_model", "before_first_price", "tier_unknown", "no_unit", "USD", "CNY"} {
		if !seen[needed] {
			t.Errorf("no call of the test has the reason or the currency %q", needed)
		}
	}
	end := firstOfCosts.Add((daysOfCosts-1)*day + 11*time.Hour + 20*time.Minute + 30*time.Second)
	views := []looked{
		{from: firstOfCosts.Add(-20 * day), to: end, grain: day},
		{from: end.Add(-4*day + 40*time.Minute), to: end, grain: time.Hour},
		{from: firstOfCosts.Add(-20 * day), to: firstOfCosts.Add(9 * day), grain: day},
		{from: firstOfCosts.Add(day), to: firstOfCosts.Add(4*day + time.Hour), grain: time.Hour}, // The first day has no price.
		{from: firstOfCosts.Add(day), to: firstOfCosts.Add(2 * day), grain: time.Hour},           // Nothing has one.
		{from: firstOfCosts.Add(-20 * day), to: begin, grain: day},                               // A month that is over.
		{from: end.Add(-30 * time.Minute), to: end, grain: time.Hour},
		{from: end.Add(-10 * time.Minute), to: end, grain: time.Hour}, // No hour begins in it.
	}
	choices := []choice{{}, {tenant: "t01"}, {product: "chat"}, {provider: "anthropic"}, {model: "gpt-a"}, {model: "max"}, {provider: "here"}, {tenant: "t00", model: "later"}, {tenant: `'\`}}
	for i, v := range views {
		for j, c := range choices {
			if i > 0 && j > 1 && j != 1+i { // All of them are made of the first view, and three of each other one.
				continue
			}
			t.Run(fmt.Sprintf("%s to %s %+v", v.from.Format(time.DateTime), v.to.Format(time.DateTime), c), func(t *testing.T) {
				v.bill, v.choice = b, c
				v.compare(t, s.shown(t, file(t, "tidemark-cost"), v), v.board())
				v.leavesOut(t, s)
				v.compare(t, s.shown(t, only(t, file(t, "tidemark-tenant"), 42, 43, 44, 45), v), v.ofTenant())
			})
		}
	}
}

// TestCostIsNever0 opens the dashboard where nothing is known: every panel is empty but those that say so, and none has a 0 or a value that is no number.
func TestCostIsNever0(t *testing.T) {
	s := store{World: rolluptest.New(t)}
	var log callLog
	log.add(200, 0, &usagev1.TokenCall{TimeUs: new(begin.Add(5 * day).UnixMicro()), InputUncached: new(uint64(7))})
	s.Deliver(log.events...)
	s.rollUp(t)
	for _, v := range []looked{{from: begin, to: begin.Add(6 * day)}, {from: begin.Add(-20 * day), to: begin.Add(6 * day)}, {from: begin.Add(-2 * day), to: begin.Add(-day)}} {
		got := s.shown(t, file(t, "tidemark-cost"), v)
		known := map[uint32][]string{}
		if v.to.After(begin) {
			known[14], known[50], known[51] = []string{"1 | 1 | -"}, []string{"no_usage | 200 | 1400 | 1 | 1"}, []string{"m | p | no_usage | 200 | 1400 | 1"}
		}
		for panel, rows := range got {
			switch panel {
			case 14, 50, 51:
				if !slices.Equal(rows, known[panel]) {
					t.Errorf("panel %d: %q, want %q", panel, rows, known[panel])
				}
			case 25, 70:
				if !v.to.After(begin) {
					t.Errorf("panel %d shows %q, and there are no calls", panel, rows)
				}
			default:
				t.Errorf("panel %d shows %q, and nothing has a price", panel, rows)
			}
		}
	}
}

// TestCostMoney: sums are exact, where those of floating point would not be.
func TestCostMoney(t *testing.T) {
	s := store{World: rolluptest.New(t)}
	book, err := prices.New(1, []prices.Price{price("p", "m", prices.Input, "0.000001"), price("p", "dear", prices.Input, "900")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.keepBook(&prices.Book{}, book, prices.Made{Source: "test"}, pricing.Period{Made: 1, Span: spans.Span{From: spans.First, To: spans.End}, Reason: pricing.Import})
	none := new(uint64(0))
	for i, e := range []*usagev1.TokenCall{
		{Model: "m", InputUncached: new(uint64(1))}, {Model: "m", InputUncached: new(uint64(2))}, // A pico and two.
		{Model: "dear", Tenant: "large", InputUncached: new(uint64(1_000_000_000_000)), Weight: 1000},
	} {
		e.Source, e.Id, e.TimeUs, e.Product, e.Provider, e.OutputVisible, e.Status = "m", fmt.Sprint(i), new(begin.UnixMicro()), "p", "p", none, usagev1.Status_STATUS_OK
		if e.Tenant == "" {
			e.Tenant = "small"
		}
		s.Deliver(e)
	}
	s.rollUp(t)
	for tenant, want := range map[string]string{"small": "3e-12", "large": "9e+11"} {
		got := s.shown(t, file(t, "tidemark-cost"), looked{from: begin, to: begin.Add(time.Hour), choice: choice{tenant: tenant}})
		if len(got[10]) != 1 || !strings.HasSuffix(got[10][0], "cost | "+want) {
			t.Errorf("%s: %q, want %s", tenant, got[10], want)
		}
	}
	total := s.Text(1, "SELECT toString(sum(cost_picos)) FROM costs_all_1d")
	if total != "900000000000000000000003\n" {
		t.Errorf("all: %s", total)
	}
}
