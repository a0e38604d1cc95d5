package dashboards_test

import (
	"fmt"
	"testing"
	"time"

	"tidemark/consumers/pricing"
	"tidemark/consumers/rollup/rolluptest"
	"tidemark/consumers/spans"
	"tidemark/schemas/prices"
	usagev1 "tidemark/schemas/usage/v1"
)

// Prices of the tests of rules on cost: a token of input of the provider p costs one millionth US dollar, whatever the model, and one of yuan a millionth CNY.
const dollar = 1_000_000

// spending are calls, and the book that prices them.
type spending struct {
	callLog
	models map[string]string // The currencies of the models that have a price.
}

// add appends n calls that cost as much as the tokens together.
func (s *spending) add(n int, ago time.Duration, model, product string, tokens uint64) {
	each := tokens / uint64(n)
	for i := range n {
		if i == n-1 {
			each = tokens - each*uint64(n-1)
		}
		s.callLog.add(1, 1, &usagev1.TokenCall{Tenant: "acme", Product: product, Model: model, TimeUs: new(noon.Add(-ago).UnixMicro()), InputUncached: new(each)})
	}
}

// priced gives a model a price.
func (s *spending) priced(model, currency string) string {
	if s.models == nil {
		s.models = map[string]string{}
	}
	s.models[model] = currency
	return model
}

// at delivers the calls and evaluates a rule at a time.
func (s *spending) at(t *testing.T, uid string, when time.Time) evaluated {
	t.Helper()
	w := store{World: rolluptest.New(t)}
	var all []prices.Price
	for model, currency := range s.models {
		all = append(all, price("p", model, prices.Input, "1", func(p *prices.Price) { p.Currency = currency }))
	}
	book, err := prices.New(1, all, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.keepBook(&prices.Book{}, book, prices.Made{Source: "test"}, pricing.Period{Made: 1, Span: spans.Span{From: spans.First, To: spans.End}, Reason: pricing.Import})
	w.Deliver(s.events...)
	w.rollUp(t)
	return provisionedAlerts(t)[uid].evaluate(t, w.DB, when)
}

// TestAlertBudget spends on the day of noon and on the day before.
func TestAlertBudget(t *testing.T) {
	const hour = time.Hour
	today, yesterday := noon.Format(time.DateOnly), noon.AddDate(0, 0, -1).Format(time.DateOnly)
	late := noon.Add(12*hour + 59*time.Minute) // In the first hour of the next day.
	cases := map[string]struct {
		spend func(s *spending)
		at    time.Time
		want  []string
	}{
		"the budget": {func(s *spending) { s.add(5, 2*hour, s.priced("m", "USD"), "chat", 1000*dollar) }, noon, nil},
		"a millionth more": {func(s *spending) {
			s.add(5, 12*hour, s.priced("m", "USD"), "chat", 600*dollar)
			s.add(5, 0, "m", "api", 400*dollar+1)
		}, noon.Add(time.Minute), []string{today}},
		"yesterday": {func(s *spending) { s.add(5, 13*hour, s.priced("m", "USD"), "chat", 9000*dollar) }, noon, nil},
		"another currency": {func(s *spending) {
			s.add(5, hour, s.priced("m", "USD"), "chat", 999*dollar)
			s.add(5, hour, s.priced("yuan", "CNY"), "chat", 999*dollar)
		}, noon, nil},
		"without a price":                {func(s *spending) { s.add(5, hour, "nobody knows", "chat", 9000*dollar) }, noon, nil},
		"the day before, in an hour":     {func(s *spending) { s.add(5, hour, s.priced("m", "USD"), "chat", 1001*dollar) }, late, []string{today}},
		"the day before, after the hour": {func(s *spending) { s.add(5, hour, s.priced("m", "USD"), "chat", 1001*dollar) }, late.Add(time.Minute), nil},
		"its first hour, in the first hour after": {func(s *spending) {
			s.add(5, 12*hour, s.priced("m", "USD"), "chat", 500*dollar)
			s.add(5, 0, "m", "chat", 500*dollar+1)
		}, late, []string{today}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var s spending
			c.spend(&s)
			got := s.at(t, "tidemark-cost-budget", c.at)
			got.check(t, c.want)
			if name == "a millionth more" && got.text[today] != "warning: "+today+" (UTC) has cost 1000.00 US dollars, more than the daily budget of 1000" {
				t.Errorf("people are told %q", got.text[today])
			}
			if _, shown := got.values[yesterday]; shown {
				t.Errorf("the rule looks at %v", got.values)
			}
		})
	}
}

// TestAlertCostPerCall gives each model, and its only product, a history of its own at eleven o'clock. The rule is evaluated at ten past noon, so that hour is
// the last whole one that it takes.
func TestAlertCostPerCall(t *testing.T) {
	type hour struct {
		calls  int
		tokens uint64 // Of all calls together.
	}
	const usual = 10 * dollar
	week := func(h hour, days ...int) map[int]hour {
		hours := map[int]hour{}
		for _, day := range days {
			hours[24*day] = h
		}
		return hours
	}
	all := []int{1, 2, 3, 4, 5, 6, 7}
	at := func(hours map[int]hour, ago int, h hour) map[int]hour { hours[ago] = h; return hours }
	cases := map[string]struct {
		hours    map[int]hour // Back from eleven o'clock.
		currency string
		fires    bool
	}{
		"twice as much":                {hours: at(week(hour{100, usual}, all...), 0, hour{100, 2 * usual})},
		"more than twice":              {hours: at(week(hour{100, usual}, all...), 0, hour{100, 2*usual + 1}), fires: true},
		"more calls, not more a call":  {hours: at(week(hour{100, usual}, all...), 0, hour{500, 5 * usual})},
		"an hour later":                {hours: at(week(hour{100, usual}, all...), -1, hour{100, 9 * usual})},
		"an hour earlier":              {hours: at(week(hour{100, usual}, all...), 1, hour{100, 9 * usual})},
		"at other hours only":          {hours: at(map[int]hour{25: {100, usual}, 47: {100, usual}, 71: {100, usual}}, 0, hour{100, 9 * usual})},
		"three days":                   {hours: at(week(hour{100, usual}, 1, 4, 7), 0, hour{100, 2*usual + 1}), fires: true},
		"two days":                     {hours: at(week(hour{100, usual}, 1, 4), 0, hour{100, 9 * usual})},
		"three, one too long ago":      {hours: at(week(hour{100, usual}, 1, 4, 8), 0, hour{100, 9 * usual})},
		"three, one with few calls":    {hours: at(at(week(hour{100, usual}, 1, 4), 7*24, hour{99, usual}), 0, hour{100, 9 * usual})},
		"few calls":                    {hours: at(week(hour{100, usual}, all...), 0, hour{99, 9 * usual})},
		"cents":                        {hours: at(week(hour{100, dollar / 9}, all...), 0, hour{100, dollar - 1})},
		"a dollar":                     {hours: at(week(hour{100, dollar / 9}, all...), 0, hour{100, dollar}), fires: true},
		"two days that stand out":      {hours: at(at(at(week(hour{100, usual}, all...), 24, hour{100, 90 * usual}), 48, hour{100, 90 * usual}), 0, hour{100, 2*usual + 1}), fires: true},
		"dear days before":             {hours: at(week(hour{100, 5 * usual}, all...), 0, hour{100, 9 * usual})},
		"another currency":             {hours: at(week(hour{100, usual}, all...), 0, hour{100, 9 * usual}), currency: "CNY"},
		"without a price":              {hours: at(week(hour{100, usual}, all...), 0, hour{100, 9 * usual}), currency: "none"},
		"the last minute of the hours": {hours: at(week(hour{100, usual}, all...), 0, hour{100, 3 * usual}), fires: true},
	}
	var s spending
	var want []string
	for name, c := range cases {
		model := name
		switch c.currency {
		case "":
			s.priced(model, "USD")
		case "CNY":
			s.priced(model, c.currency)
		}
		for ago, h := range c.hours {
			when := time.Duration(ago+1) * time.Hour
			if name == "the last minute of the hours" {
				when -= 59 * time.Minute
			}
			s.add(h.calls, when, model, "product of "+name, h.tokens)
		}
		if c.fires {
			want = append(want, "model "+name, "product product of "+name)
		}
	}
	// Calls without a price, or of which only a part has one, do not make the others dearer or cheaper.
	for _, day := range all {
		ago := time.Duration(24*day+1) * time.Hour
		s.add(100, ago, s.priced("mixed", "USD"), "mixed", usual)
		s.add(900, ago, "nobody knows", "mixed", usual)
		for range 100 {
			s.add(1, ago, "mixed", "mixed", 1)
			if part, ok := s.events[len(s.events)-1].(*usagev1.TokenCall); ok {
				part.InputCacheRead = new(uint64(7))
			}
		}
	}
	s.add(100, time.Hour, "mixed", "mixed", 2*usual)
	got := s.at(t, "tidemark-cost-per-call", noon.Add(10*time.Minute))
	got.check(t, want)
	if text := got.text["product product of three days"]; text != "warning: product product of three days: a call costs 2.0 times as much as usual" {
		t.Errorf("people are told %q", text)
	}
}

// cached gives the last call tokens read from a cache, which have no price in these tests.
func (s *spending) cached(tokens uint64) {
	if call, ok := s.events[len(s.events)-1].(*usagev1.TokenCall); ok {
		call.InputCacheRead = new(tokens)
	}
}

// TestAlertUnpriced has tokens with and without a price in the day to noon, on both sides of a twentieth: the share is of tokens, whatever calls, currencies and
// hours they are of.
func TestAlertUnpriced(t *testing.T) {
	const hour = time.Hour
	for name, c := range map[string]struct {
		spend func(s *spending)
		share float64 // Below 0: none.
		fires bool
	}{
		"a twentieth": {func(s *spending) {
			s.add(5, hour, s.priced("m", "USD"), "chat", 9500)
			s.add(5, hour, "nobody knows", "chat", 500)
		}, 0.05, false},
		"more": {func(s *spending) {
			s.add(5, 24*hour, s.priced("m", "USD"), "chat", 9500)
			s.add(5, hour, "nobody knows", "chat", 501)
		}, 501.0 / 10001, true},
		"nothing has a price": {func(s *spending) { s.add(5, hour, "nobody knows", "chat", 7) }, 1, true},
		"all has a price":     {func(s *spending) { s.add(5, hour, s.priced("m", "USD"), "chat", 7) }, 0, false},
		"few calls with many tokens": {func(s *spending) {
			s.add(99, hour, s.priced("m", "USD"), "chat", 9000)
			s.add(1, hour, "nobody knows", "chat", 1000)
		}, 0.1, true},
		"many calls with few tokens": {func(s *spending) {
			s.add(1, hour, s.priced("m", "USD"), "chat", 9600)
			s.add(99, hour, "nobody knows", "chat", 400)
		}, 0.04, false},
		"a part of a call": {func(s *spending) {
			s.add(1, hour, s.priced("m", "USD"), "chat", 9600)
			s.cached(400)
		}, 0.04, false},
		"a larger part of a call": {func(s *spending) {
			s.add(1, hour, s.priced("m", "USD"), "chat", 9400)
			s.cached(600)
		}, 0.06, true},
		"an hour of many without a price": {func(s *spending) {
			s.add(5, 9*hour, s.priced("m", "USD"), "chat", 9600)
			s.add(5, hour, "nobody knows", "chat", 400)
		}, 0.04, false},
		"another currency is a price": {func(s *spending) {
			s.add(5, hour, s.priced("yuan", "CNY"), "chat", 9600)
			s.add(5, hour, "nobody knows", "chat", 400)
		}, 0.04, false},
		"a day ago": {func(s *spending) {
			s.add(5, hour, s.priced("m", "USD"), "chat", 100)
			s.add(5, 25*hour, "nobody knows", "chat", 9000)
		}, 0, false},
		"the first hour of the day": {func(s *spending) {
			s.add(5, hour, s.priced("m", "USD"), "chat", 9000)
			s.add(5, 24*hour, "nobody knows", "chat", 1000)
		}, 0.1, true},
		"the hour after the day": {func(s *spending) {
			s.add(5, hour, s.priced("m", "USD"), "chat", 100)
			s.add(5, 0, "nobody knows", "chat", 9000)
		}, 0, false},
		"no calls":      {func(*spending) {}, -1, false},
		"without usage": {func(s *spending) { s.add(5, hour, s.priced("m", "USD"), "chat", 0) }, -1, false},
	} {
		t.Run(name, func(t *testing.T) {
			var s spending
			c.spend(&s)
			got := s.at(t, "tidemark-cost-unpriced", noon)
			var fires []string
			if c.fires {
				fires = []string{"tokens"}
			}
			got.check(t, fires)
			if share, shown := got.values["tokens"]; shown != (c.share >= 0) || shown && !near(share, c.share) {
				t.Errorf("the share is %v, want %v", got.values, c.share)
			}
			if text := fmt.Sprint(got.text); name == "more" && text != "map[tokens:warning: 0.0501 of the tokens of the last day have no price]" {
				t.Errorf("people are told %s", text)
			}
		})
	}
}
