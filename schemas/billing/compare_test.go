package billing

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"tidemark/schemas/prices"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		panic(err)
	}
	return t
}

func TestStateOf(t *testing.T) {
	const settle = 3 * day
	end := at("2026-11-02")
	for now, want := range map[string]State{
		"2026-11-01T23:59:59Z": Open, "2026-11-02": Settling, "2026-11-04T23:59:59Z": Settling, "2026-11-05": Closed, "2027-01-01": Closed,
	} {
		if got := StateOf(end, at(now), settle); got != want {
			t.Errorf("at %s it is %s, want %s", now, got, want)
		}
	}
	if got := StateOf(end, end, 0); got != Closed {
		t.Errorf("without settling it is %s at its end", got)
	}
}

// scene is a comparison in the making.
type scene struct{ Comparison }

func (s *scene) imported(source, account, provider string, kind Kind, from, to, when string) {
	s.Imports = append(s.Imports, Stored{Import: Import{Source: source, Account: account, Provider: provider}, Kind: kind, Span: Span{at(from), at(to)}, ImportedAt: at(when)})
}

func (s *scene) cost(source, account, provider, model, from, to string, units int64) {
	s.Theirs = append(s.Theirs, Theirs{
		Source: source, Account: account, Kind: Cost, Span: Span{at(from), at(to)}, Provider: provider, Model: model, Currency: "USD", Cost: big.NewInt(units * 1e12),
		ImportedAt: at("2026-11-29"),
	})
}

func (s *scene) usage(source, account, provider, model, from, to string, input, output int64) {
	t := Theirs{
		Source: source, Account: account, Kind: Usage, Span: Span{at(from), at(to)}, Provider: provider, Model: model, ImportedAt: at("2026-11-20"),
		Tokens: ClassSums{Input: big.NewInt(input), Output: big.NewInt(output)},
	}
	s.Theirs = append(s.Theirs, t)
}

func (s *scene) ours(provider, model, day, currency string, units, unpriced int64) {
	s.Ours = append(s.Ours, Ours{Day: at(day), Provider: provider, Model: model, Currency: currency, Cost: big.NewInt(units * 1e12), Unpriced: big.NewInt(unpriced)})
}

func (s *scene) tokens(provider, model, day string, input, output int64) {
	s.Tokens = append(s.Tokens, OurTokens{
		Day: at(day), Provider: provider, Model: model, Requests: big.NewInt(1),
		Tokens: ClassSums{big.NewInt(input), big.NewInt(input), new(big.Int), new(big.Int), big.NewInt(output)},
	})
}

func compared(c Compared) string {
	var b strings.Builder
	for _, r := range c.Rows {
		fmt.Fprintf(&b, "%s/%s", r.Source, r.Account)
		if !r.Day.IsZero() {
			b.WriteString(" " + r.Day.Format(time.DateOnly))
		}
		fmt.Fprintf(&b, " %s %s: %d days %s", r.Provider, r.Model, r.Days, r.State)
		if r.Stale {
			b.WriteString(" stale")
		}
		for _, p := range r.Costs {
			fmt.Fprintf(&b, ", %s %s-%s %s", p.Currency, prices.FormatPicos(p.Ours), prices.FormatPicos(p.Theirs), Share(p.Difference(), p.Theirs))
		}
		if r.Tokens != nil {
			fmt.Fprintf(&b, ", tokens %v-%v requests %v-%v", r.Tokens.Ours.Total(), r.Tokens.Theirs.Total(), r.Tokens.OurRequests, r.Tokens.TheirRequests)
		}
		fmt.Fprintf(&b, ", unpriced %s\n", r.Unpriced)
	}
	for _, g := range c.Gaps {
		fmt.Fprintf(&b, "gap %s/%s %s %d\n", g.Source, g.Account, g.Kind, g.Days)
	}
	fmt.Fprintf(&b, "cut %d long %d\n", c.Cut, c.Long)
	return b.String()
}

// month is a scene of four days, with two accounts of OpenAI, a gateway that knows OpenAI alone, and days that nobody imported.
func month() *scene {
	s := &scene{Comparison{Scope: Scope{Span: Span{at("2026-11-01"), at("2026-11-05")}}, Now: at("2026-11-05T12:00:00Z"), Settle: 3 * day}}
	s.imported("openai", "a", "openai", Cost, "2026-11-01", "2026-11-03", "2026-11-03T12:00:00Z")
	s.imported("openai", "a", "openai", Usage, "2026-10-01", "2026-11-02", "2026-11-20")
	s.imported("openai", "a", "openai", Cost, "2026-11-02", "2026-11-03", "2026-11-05T11:00:00Z")
	s.cost("openai", "a", "openai", "m1", "2026-11-01", "2026-11-02", 4)
	s.cost("openai", "a", "openai", "m1", "2026-11-01", "2026-11-02", 1)
	s.cost("openai", "a", "openai", "m2", "2026-11-02T00:00:00Z", "2026-11-02T01:00:00Z", -1)
	s.usage("openai", "a", "openai", "m1", "2026-11-01", "2026-11-02", 100, 10)
	s.usage("openai", "a", "openai", "m1", "2026-10-31", "2026-11-01", 1000, 1000) // Before the scope.
	s.imported("litellm", "", "", Cost, "2026-11-01", "2026-11-02T12:00:00Z", "2026-11-20")
	s.cost("litellm", "", "openai", "m1", "2026-11-01", "2026-11-02", 6)
	s.cost("litellm", "", "openai", "m1", "2026-11-02", "2026-11-02T12:00:00Z", 100) // Of a day that is not covered.
	s.ours("openai", "m1", "2026-11-01", "USD", 6, 0)
	s.ours("openai", "m1", "2026-11-01", "", 0, 77)
	s.ours("openai", "m1", "2026-11-01", "EUR", 2, 0)
	s.ours("openai", "m2", "2026-11-02", "USD", 1, 0)
	s.ours("openai", "m1", "2026-11-04", "USD", 1000, 5) // Of a day that nobody imported.
	s.ours("anthropic", "m3", "2026-11-01", "USD", 50, 0)
	s.tokens("openai", "m1", "2026-11-01", 90, 10)
	s.tokens("openai", "m1", "2026-11-02", 5000, 10)
	return s
}

func TestCompare(t *testing.T) {
	for by, want := range map[By]string{
		ByProvider: `
litellm/ openai : 1 days closed, EUR 2-0 , USD 6-6 0.00, unpriced 77
openai/a openai : 2 days settling, EUR 2-0 , USD 7-4 75.00, tokens 100-110 requests 1-<nil>, unpriced 77
gap litellm/ cost 3
gap openai/a usage 3
gap openai/a cost 2
cut 2 long 0
`,
		ByDay: `
litellm/ 2026-11-01  : 1 days closed, EUR 2-0 , USD 6-6 0.00, unpriced 77
openai/a 2026-11-01  : 1 days closed stale, EUR 2-0 , USD 6-5 20.00, tokens 100-110 requests 1-<nil>, unpriced 77
openai/a 2026-11-02  : 1 days settling, USD 1--1 -200.00, unpriced 0
gap litellm/ cost 3
gap openai/a usage 3
gap openai/a cost 2
cut 2 long 0
`,
		ByModel: `
litellm/ openai m1: 1 days closed, EUR 2-0 , USD 6-6 0.00, unpriced 77
openai/a openai m1: 1 days closed stale, EUR 2-0 , USD 6-5 20.00, tokens 100-110 requests 1-<nil>, unpriced 77
openai/a openai m2: 1 days settling, USD 1--1 -200.00, unpriced 0
gap litellm/ cost 3
gap openai/a usage 3
gap openai/a cost 2
cut 2 long 0
`,
	} {
		s := month()
		s.By = by
		if got := compared(Compare(s.Comparison)); got != want[1:] {
			t.Errorf("by %s:\n%s\nwant%s", by, got, want)
		}
	}
}

// TestCompareEmpty: a day of which an early file said nothing is stale too.
func TestCompareEmpty(t *testing.T) {
	s := &scene{Comparison{Scope: Scope{Span: Span{at("2026-11-01"), at("2026-11-02")}}, By: ByDay, Now: at("2026-11-30"), Settle: day}}
	s.imported("openai", "", "openai", Cost, "2026-11-01", "2026-11-02", "2026-11-01T03:00:00Z")
	s.ours("openai", "m", "2026-11-01", "USD", 5, 0)
	if got, want := compared(Compare(s.Comparison)), "openai/ 2026-11-01  : 1 days closed stale, USD 5-0 , unpriced 0\ncut 0 long 0\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	s.imported("openai", "", "openai", Cost, "2026-11-01", "2026-11-02", "2026-11-20")
	if got, want := compared(Compare(s.Comparison)), "openai/ 2026-11-01  : 1 days closed, USD 5-0 , unpriced 0\ncut 0 long 0\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// TestCompareLong: what is of more than a day stands at its first day, and its state is that of its end.
func TestCompareLong(t *testing.T) {
	s := &scene{Comparison{Scope: Scope{Span: Span{at("2026-11-01"), at("2026-12-01")}}, By: ByDay, Now: at("2026-11-30"), Settle: day}}
	s.imported("focus", "", "", Cost, "2026-11-01", "2026-12-01", "2026-11-29")
	s.cost("focus", "", "aws.bedrock", "", "2026-11-01", "2026-12-01", 3)
	if got, want := compared(Compare(s.Comparison)), "focus/ 2026-11-01  : 1 days open, USD 0-3 -100.00, unpriced 0\ncut 0 long 1\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	s.Scope.To = at("2026-11-30")
	if got, want := compared(Compare(s.Comparison)), "cut 1 long 0\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestSplit(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	for _, c := range []struct {
		told Tokens
		want uint64 // Uncached.
		ok   bool
	}{
		{Tokens{Input: n(10), CacheRead: n(4), CacheWrite: n(1)}, 5, true},
		{Tokens{Input: n(10), CacheRead: n(4), CacheWrite: n(1), Uncached: n(5)}, 5, true},
		{Tokens{Input: n(10), CacheRead: n(4), CacheWrite: n(1), Uncached: n(6)}, 5, true}, // What was written to the cache is in it.
		{Tokens{Input: n(10), CacheRead: n(4), CacheWrite: n(1), Uncached: n(7)}, 0, false},
		{Tokens{Input: n(10), CacheRead: n(4), CacheWrite: n(7)}, 0, false},
	} {
		if err := split(&c.told); (err == nil) != c.ok || c.ok && *c.told.Uncached != c.want {
			t.Errorf("%v: %v", c.told, err)
		}
	}
}

// TestPlus: a sum of which a part is not told is not told, in any order.
func TestPlus(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	for _, c := range []struct {
		parts []*uint64
		want  string
	}{
		{[]*uint64{n(1), n(2)}, "3"}, {[]*uint64{n(1), nil, n(2)}, "NULL"}, {[]*uint64{nil, n(2)}, "NULL"}, {[]*uint64{nil, nil}, "NULL"},
		{[]*uint64{n(math.MaxInt64 - 1), n(1)}, "9223372036854775807"}, {[]*uint64{n(math.MaxInt64), n(1)}, "too large"},
	} {
		sum, got := c.parts[0], ""
		for _, part := range c.parts[1:] {
			if err := plus(&sum, part); err != nil {
				got = "too large"
			}
		}
		if got == "" {
			got = orNull(sum)
		}
		if got != c.want {
			t.Errorf("%v: %s, want %s", c.parts, got, c.want)
		}
	}
}
