package prices

import (
	"math/big"
	"slices"
	"time"
)

// Kind is the set of the classes of tokens that a call has, and of what is wrong with them. Calls that agree in their kind
// and in the other fields of a RateKey have the same prices at the same time.
type Kind uint32

// kindUnits are the units in the order of their bits, which is the order of the lines of a call.
var kindUnits = []Unit{InputAudio, InputImage, OutputAudio, OutputImage, Input, CacheRead, CacheWrite, CacheWrite1h, Output, Reasoning, Request}

// KindUnits returns the units that are priced, in the order of Rate.Prices: that of the lines of a call.
func KindUnits() []Unit { return slices.Clone(kindUnits) }

// KindOf is the bit of a unit: the call has some of it.
func KindOf(u Unit) Kind { return 1 << index(kindUnits, u) }

// Exceeds is the bit of a part, audio or image: the call says that it is more than the tokens that it is a part of.
func Exceeds(u Unit) Kind { return KindNoUsage << (1 + index(kindUnits, u)) }

// The bits beside those of units.
const (
	KindNoUsage  Kind = 1 << 11   // The call does not say how many tokens it took.
	KindSeveral  Kind = 1 << 16   // The record adds up several calls.
	KindsOfRates Kind = 1<<17 - 1 // All that prices depend on.
)

// RateKey is what a price depends on, beside the time.
type RateKey struct {
	// Tenant is empty if no negotiated price of the book is the tenant's.
	Tenant, Provider string
	// Model is the one that answered.
	Model, Region string
	// Tier is that which the provider served, Standard if the call does not say.
	Tier string
	// Over is one of Book.Thresholds: the highest that the input of the call exceeds, or 0.
	Over uint64
	Kind Kind
}

// Rate is what a book says of all calls with one RateKey for a while.
type Rate struct {
	RateKey
	// From and To bound the time, To exclusive. Zero: no bound.
	From, To time.Time
	Currency string
	Reason   Reason   // Why not all has a price.
	Prices   []*Picos // Of KindUnits; nil: none.
	// Threshold is the one whose prices these are, 0 for those of calls of every length.
	Threshold uint64
	// Uncached is the price of input that is neither from nor to a cache, whether the call has some or not; nil if it has none in Currency.
	Uncached *Picos
}

// Rate returns the prices of the calls with a key at a time.
func (b *Book) Rate(key RateKey, at time.Time) Rate {
	k := key
	c := Call{Time: at, Tenant: k.Tenant, Provider: k.Provider, Model: k.Model, Region: k.Region, Tier: k.Tier}
	if k.Kind&KindSeveral != 0 {
		several := uint64(2)
		c.Requests = &several
	}
	total := uint64(0)
	if k.Over > 0 {
		total = k.Over + 1
	}
	if k.Kind&KindOf(Output) != 0 && !b.oddReasoning {
		k.Kind |= KindOf(Reasoning)
	}
	lines, reason := k.Kind.lines()
	r, rows := b.resolve(c, total, lines, reason)
	rate := Rate{RateKey: key, Currency: r.Currency, Reason: r.Reason, Prices: make([]*Picos, len(kindUnits))}
	rate.From, rate.To = b.steady(k.Provider, k.Model, at)
	for _, l := range r.Lines {
		if l.Price != nil {
			rate.Threshold = max(rate.Threshold, l.Price.ContextOver)
			rate.Prices[index(kindUnits, l.Unit)] = &l.Price.Picos
		}
	}
	if rows != nil {
		uncached := Line{Unit: Input, Quantity: new(big.Int)}
		r.price(&uncached, c, rows, total)
		if p := uncached.Price; p != nil && p.Currency == r.Currency {
			rate.Uncached = &p.Picos
		}
	}
	return rate
}

// lines are those of a call of the kind, one of each unit.
func (k Kind) lines() (lines []Line, reason Reason) {
	for _, u := range kindUnits {
		switch {
		case k&Exceeds(u) != 0 && index(parts, u) >= 0:
			lines = append(lines, Line{Unit: u, As: u, Quantity: big.NewInt(1), Reason: TooMany})
		case k&KindOf(u) != 0:
			lines = append(lines, Line{Unit: u, As: u, Quantity: big.NewInt(1)})
		}
	}
	if k&KindNoUsage != 0 {
		reason = NoUsage
	}
	return lines, reason
}

// parts are the units that are parts of another class.
var parts = []Unit{InputAudio, InputImage, OutputAudio, OutputImage}

// Parts returns the units that are parts of input or output.
func Parts() []Unit { return slices.Clone(parts) }

// Thresholds returns the thresholds of all prices, ascending.
func (b *Book) Thresholds() []uint64 { return b.thresholds }

// Edges returns the minutes of the hour, from 1 to 59, at which a price begins or ends between two times, ascending. Within the hours between them, prices
// change at no other minute.
func (b *Book) Edges(from, to time.Time) []int {
	edges := slices.Clone(b.daily)
	first, _ := slices.BinarySearchFunc(b.instants, from, time.Time.Compare)
	for _, at := range b.instants[first:] {
		if !at.Before(to) {
			break
		}
		edges = append(edges, at.Minute())
	}
	return slices.DeleteFunc(distinct(edges), func(minute int) bool { return minute == 0 })
}

// Negotiated returns the tenants that have prices of their own, ascending.
func (b *Book) Negotiated() []string { return b.negotiated }

// ReasoningApart reports whether prices of reasoning tokens stand without one of output, or in another currency. If not, whoever makes a Kind can set the bit of
// Output for both: they have a price, or have none, together.
func (b *Book) ReasoningApart() bool { return b.oddReasoning }

// apart finds what ReasoningApart returns.
func (b *Book) apart() bool {
	outputs := map[Key][]Price{} // In the order of time.
	for _, p := range b.prices {
		if p.Unit == Output && p.Published != NotTold {
			outputs[p.Key] = append(outputs[p.Key], p)
		}
	}
	return slices.ContainsFunc(b.prices, func(p Price) bool {
		if p.Unit != Reasoning {
			return false
		}
		key := p.Key
		key.Unit = Output
		return !covered(p, outputs[key])
	})
}

// covered reports whether prices, in the order of time, hold together as long as another one, in its currency.
func covered(p Price, by []Price) bool {
	at := p.From
	for _, o := range by {
		if o.Currency != p.Currency || !o.since(at) || !o.To.IsZero() && !o.To.After(at) {
			continue
		}
		if o.To.IsZero() || !p.To.IsZero() && !o.To.Before(p.To) {
			return true
		}
		at = o.To
	}
	return false
}

// summarize finds what Thresholds, Edges and Negotiated return.
func (b *Book) summarize() {
	for _, p := range b.prices {
		if p.ContextOver > 0 {
			b.thresholds = append(b.thresholds, p.ContextOver)
		}
		if p.Tenant != "" {
			b.negotiated = append(b.negotiated, p.Tenant)
		}
		for _, at := range []time.Time{p.From, p.To} {
			if !at.IsZero() {
				b.instants = append(b.instants, at.UTC())
			}
		}
		b.daily = append(b.daily, p.DailyFrom%60, p.DailyTo%60)
	}
	b.thresholds = distinct(b.thresholds)
	b.negotiated = distinct(b.negotiated)
	b.oddReasoning = b.apart()
	b.daily = distinct(b.daily)
	slices.SortFunc(b.instants, time.Time.Compare)
	b.instants = slices.CompactFunc(b.instants, time.Time.Equal)
}

func distinct[T interface{ ~int | ~uint64 | ~string }](all []T) []T {
	slices.Sort(all)
	return slices.Compact(all)
}

// steady returns the time around an instant in which no price of a model begins or ends, also none of a time of day.
func (b *Book) steady(provider, model string, at time.Time) (from, to time.Time) {
	edge := func(t time.Time) {
		if !t.IsZero() && !t.After(at) && (from.IsZero() || t.After(from)) {
			from = t
		}
		if t.After(at) && (to.IsZero() || t.Before(to)) {
			to = t
		}
	}
	midnight := at.UTC().Truncate(24 * time.Hour)
	for _, p := range b.Of(provider, model) {
		edge(p.From)
		edge(p.To)
		if !p.windowed() {
			continue
		}
		for _, minute := range []int{p.DailyFrom, p.DailyTo} {
			for day := -1; day <= 1; day++ {
				edge(midnight.AddDate(0, 0, day).Add(time.Duration(minute) * time.Minute))
			}
		}
	}
	return from, to
}
