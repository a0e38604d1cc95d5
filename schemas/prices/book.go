package prices

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Alias names the model whose prices are those of another name.
type Alias struct {
	Provider string
	Kind     AliasKind
	Pattern  string // Of the other name.
	Model    string
}

// AliasKind is how an Alias finds names.
type AliasKind string

// The kinds, in the order in which they are tried.
const (
	Exact  AliasKind = "exact"
	Prefix AliasKind = "prefix" // The longest one counts.
)

// Book is a set of prices that was known at one time. It is not changed after New.
type Book struct {
	Number  uint64
	prices  []Price // In the order of compare.
	aliases []Alias
	models  map[modelKey]span
	exact   map[modelKey]Alias
	prefix  map[string][]Alias // By provider, the longest first.

	thresholds []uint64
	instants   []time.Time // When prices begin and end.
	daily      []int       // Minutes of the hour at which those of a time of day do.
	negotiated []string
	// oddReasoning is what ReasoningApart returns.
	oddReasoning bool
}

type modelKey struct{ provider, model string }

// span is a part of the prices: those of a model.
type span struct{ from, to int }

// New returns a book. It is an error if a price is wrong or if two prices of one key hold at the same instant.
func New(number uint64, all []Price, aliases []Alias) (*Book, error) {
	b := &Book{Number: number, prices: slices.Clone(all), aliases: slices.Clone(aliases), models: map[modelKey]span{}, exact: map[modelKey]Alias{}, prefix: map[string][]Alias{}}
	slices.SortFunc(b.prices, compare)
	var errs []error
	for i, p := range b.prices {
		if err := p.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Name(), err))
		}
		if i > 0 && b.prices[i-1].Key == p.Key && overlap(b.prices[i-1], p) {
			errs = append(errs, fmt.Errorf("%s: two prices hold at %s: %s and %s", p.Name(), instant(p.From), b.prices[i-1].Published, p.Published))
		}
		key := modelKey{p.Provider, p.Model}
		s, known := b.models[key]
		if !known {
			s.from = i
		}
		b.models[key] = span{s.from, i + 1}
	}
	for _, a := range aliases {
		if err := b.alias(a); err != nil {
			errs = append(errs, err)
		}
	}
	for _, of := range b.prefix {
		slices.SortFunc(of, func(x, y Alias) int {
			return cmp.Or(cmp.Compare(len(y.Pattern), len(x.Pattern)), cmp.Compare(x.Pattern, y.Pattern))
		})
	}
	b.summarize()
	return b, errors.Join(errs...)
}

func (b *Book) alias(a Alias) error {
	if a.Pattern == "" || a.Provider == "" || a.Model == "" {
		return fmt.Errorf("the alias %q of %s: provider, pattern and model are required", a.Pattern, a.Provider)
	}
	switch a.Kind {
	case Exact:
		key := modelKey{a.Provider, a.Pattern}
		if other, known := b.exact[key]; known && other != a {
			return fmt.Errorf("the alias %s of %s stands for %s and %s", a.Pattern, a.Provider, other.Model, a.Model)
		}
		b.exact[key] = a
	case Prefix:
		for _, other := range b.prefix[a.Provider] {
			if other.Pattern == a.Pattern && other.Model != a.Model {
				return fmt.Errorf("the alias %s of %s stands for %s and %s", a.Pattern, a.Provider, other.Model, a.Model)
			}
		}
		b.prefix[a.Provider] = append(b.prefix[a.Provider], a)
	default:
		return fmt.Errorf("the alias %s of %s is neither %s nor %s", a.Pattern, a.Provider, Exact, Prefix)
	}
	return nil
}

// overlap reports whether two prices of one key, the first of which begins first, hold at the same instant.
func overlap(first, second Price) bool {
	return first.To.IsZero() || second.From.IsZero() || second.From.Before(first.To)
}

// Prices returns all prices, in a fixed order. It is not to be changed.
func (b *Book) Prices() []Price { return b.prices }

// Aliases returns all aliases. It is not to be changed.
func (b *Book) Aliases() []Alias { return b.aliases }

// Of returns the prices under which a model of a provider is found, by whatever name; nil if the book has none. It is not to be changed.
func (b *Book) Of(provider, model string) []Price {
	found, _, _ := b.find(provider, model)
	return found
}

// Name says which price it is.
func (p Price) Name() string {
	return strings.TrimSpace(strings.Join([]string{p.Provider, p.Model, string(p.Unit), p.Conditions()}, " "))
}

// Conditions says which calls of the model the price is for; empty if for all that have no price of their own.
func (p Price) Conditions() string {
	var parts []string
	if p.Tier != Standard {
		parts = append(parts, p.Tier)
	}
	if p.ContextOver > 0 {
		parts = append(parts, fmt.Sprintf("over %d tokens", p.ContextOver))
	}
	if p.Region != "" {
		parts = append(parts, "in "+p.Region)
	}
	if p.windowed() {
		parts = append(parts, fmt.Sprintf("%02d:%02d to %02d:%02d", p.DailyFrom/60, p.DailyFrom%60, p.DailyTo/60, p.DailyTo%60))
	}
	if p.Tenant != "" {
		parts = append(parts, "for "+p.Tenant)
	}
	return strings.Join(parts, " ")
}

func instant(at time.Time) string {
	if at.IsZero() {
		return "any time"
	}
	return at.UTC().Format(time.RFC3339)
}

// dated is the date that providers put at the end of the name of a model.
var dated = regexp.MustCompile(`^(.+?)[-@]((?:20\d\d-\d\d-\d\d)|(?:20\d{6}))(-v\d+(?::\d+)?)?$`)

// find returns the prices of a model and the name under which they are: its own, that of an alias, or its name without a date at the end.
func (b *Book) find(provider, model string) (found []Price, name, how string) {
	for _, try := range []struct {
		how  string
		name func() (string, bool)
	}{
		{"its own name", func() (string, bool) { return model, true }},
		{"an alias", func() (string, bool) { return b.aliasOf(provider, model) }},
		{"its name without the date", func() (string, bool) {
			m := dated.FindStringSubmatch(model)
			if m == nil {
				return "", false
			}
			return m[1], true
		}},
	} {
		name, ok := try.name()
		if !ok {
			continue
		}
		if s, known := b.models[modelKey{provider, name}]; known {
			return b.prices[s.from:s.to], name, try.how
		}
	}
	return nil, "", ""
}

// aliasOf returns the model for which the name stands.
func (b *Book) aliasOf(provider, name string) (string, bool) {
	if a, known := b.exact[modelKey{provider, name}]; known {
		return a.Model, true
	}
	for _, a := range b.prefix[provider] {
		if strings.HasPrefix(name, a.Pattern) {
			return a.Model, true
		}
	}
	return "", false
}
