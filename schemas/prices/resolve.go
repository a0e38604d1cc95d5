package prices

import (
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Call is what the price of a call depends on, as its event says it. A class of tokens that is nil is not known.
type Call struct {
	Time                               time.Time
	Tenant, Provider, Model, Requested string
	Region, Tier                       string
	Failed                             bool    // It has no answer: what it does not report costs nothing.
	NoOutput                           bool    // Its kind has no tokens of output, as embeddings have none.
	UpperBound, TotalsOnly             bool    // How well the classes are known, as the event's split says.
	Weight                             uint64  // 0 is 1.
	Requests                           *uint64 // How many calls the record adds up; nil: it is one.
	InputUncached, CacheRead           *uint64
	CacheWrite, CacheWrite1h           *uint64 // The second is a part of the first.
	OutputVisible, OutputReasoning     *uint64
	InputAudio, InputImage             *uint64 // Parts of the input, whatever its class.
	OutputAudio, OutputImage           *uint64
}

// Reason says why there is no price.
type Reason string

// The reasons.
const (
	Priced           Reason = ""
	NoUsage          Reason = "no_usage"           // The call does not say how many tokens it took.
	NoProvider       Reason = "no_provider"        // The call does not say who sold it.
	NoModel          Reason = "no_model"           // The book does not know the model of this provider.
	BeforeFirstPrice Reason = "before_first_price" // It knows later prices only.
	AfterLastPrice   Reason = "after_last_price"   // It knows earlier prices only.
	NoPriceThen      Reason = "no_price_then"      // It knows earlier and later prices, or none for this time of day.
	TierUnknown      Reason = "tier_unknown"       // It has no prices of this tier.
	NotPublished     Reason = "not_published"      // There was a price of its own for this, and no source tells it.
	NoUnit           Reason = "no_unit"            // It has prices of the model, and none of this class of tokens.
	ManyCurrencies   Reason = "many_currencies"    // The classes have prices in several currencies.
	TooMany          Reason = "parts_exceed"       // The audio and images are more than the tokens that they are parts of.
	SeveralCalls     Reason = "several_calls"      // The record adds up calls, and long ones have a price of their own.
)

// Reasons are all reasons, those first that say least.
var Reasons = []Reason{NoUsage, NoProvider, NoModel, BeforeFirstPrice, AfterLastPrice, NoPriceThen, TierUnknown, NotPublished, NoUnit, ManyCurrencies, TooMany, SeveralCalls}

// Line is one class of tokens, or the calls themselves, and its price.
type Line struct {
	Unit     Unit
	Quantity *big.Int // Weight included.
	Price    *Price   // Nil if there is none.
	As       Unit     // The unit whose price it has: another one if its own has none and providers charge it so.
	Reason   Reason
}

// Cost returns the cost of the line, nil without a price.
func (l Line) Cost() *big.Int {
	if l.Price == nil {
		return nil
	}
	return new(big.Int).Mul(l.Quantity, big.NewInt(int64(l.Price.Picos)))
}

// Resolution is what a call cost and why.
type Resolution struct {
	Lines []Line
	// Known is the cost of the lines that have a price, in picos of Currency.
	Known    *big.Int
	Currency string
	// Unpriced are the tokens without a price, weight included.
	Unpriced *big.Int
	// Reason is why not all of it has a price.
	Reason Reason
	// ByRequested: the call does not say which model answered, and the one that was asked for counts. TierAssumed: it does not say its
	// tier, and Standard counts. AtMost: some of the tokens may be of a cheaper class.
	ByRequested, TierAssumed, AtMost bool
	// Steps tell how the prices were found.
	Steps []string
}

// Exact reports whether all of the call has a price.
func (r *Resolution) Exact() bool { return r.Reason == Priced }

// Resolve returns what the call cost by the book.
func (b *Book) Resolve(c Call) *Resolution {
	total, lines, reason := c.lines()
	r, _ := b.resolve(c, total, lines, reason)
	return r
}

// resolve prices the lines of a call, whose input is total tokens. It also returns the prices of the model that hold.
func (b *Book) resolve(c Call, total uint64, lines []Line, reason Reason) (*Resolution, []Price) {
	r := &Resolution{Known: new(big.Int), Unpriced: new(big.Int), AtMost: c.UpperBound || c.TotalsOnly, Lines: lines, Reason: reason}
	r.step("input of %d tokens, those from and to caches included", total)
	rows, reason := b.rows(r, c)
	if c.Requests != nil && *c.Requests > 1 && slices.ContainsFunc(rows, func(p Price) bool { return p.ContextOver > 0 && p.ContextOver < total }) {
		reason = SeveralCalls
		r.step("the record adds up %d calls: nobody knows which of them exceed a threshold", *c.Requests)
	}
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.Reason == Priced && reason != Priced {
			l.Reason = reason
		}
		if l.Reason == Priced {
			r.price(l, c, rows, total)
		}
		if l.Reason != Priced && l.Unit != Request {
			r.Unpriced.Add(r.Unpriced, l.Quantity)
		}
	}
	r.Lines = slices.DeleteFunc(r.Lines, func(l Line) bool { return l.Unit == Request && l.Price == nil }) // Most calls have no price of their own.
	r.sum()
	return r, rows
}

// sum adds the lines up.
func (r *Resolution) sum() {
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.Price != nil && r.Currency != "" && l.Price.Currency != r.Currency {
			l.Reason, l.Price = ManyCurrencies, nil
			if l.Unit != Request {
				r.Unpriced.Add(r.Unpriced, l.Quantity)
			}
		}
		if l.Price != nil {
			r.Currency = l.Price.Currency
			r.Known.Add(r.Known, l.Cost())
		}
		if r.Reason == Priced {
			r.Reason = l.Reason
		}
	}
}

func (r *Resolution) step(format string, args ...any) {
	r.Steps = append(r.Steps, fmt.Sprintf(format, args...))
}

// rows returns the prices of the model, its tier and its instant.
func (b *Book) rows(r *Resolution, c Call) ([]Price, Reason) {
	if c.Provider == "" {
		r.step("the call names no provider: prices are never those of another one")
		return nil, NoProvider
	}
	asked := c.Model
	if asked == "" {
		asked, r.ByRequested = c.Requested, true
	}
	rows, name, how := b.find(c.Provider, asked)
	if rows == nil {
		r.step("book %d has no prices of %s at %s", b.Number, asked, c.Provider)
		return nil, NoModel
	}
	r.step("book %d: %s of %s, found by %s", b.Number, name, c.Provider, how)
	tier := c.Tier
	if tier == "" {
		tier, r.TierAssumed = Standard, true
	}
	rows = slices.DeleteFunc(slices.Clone(rows), func(p Price) bool { return p.Tier != tier || p.Tenant != "" && p.Tenant != c.Tenant })
	if len(rows) == 0 {
		r.step("no prices of the tier %s", tier)
		return nil, TierUnknown
	}
	all := rows
	rows = slices.DeleteFunc(slices.Clone(rows), func(p Price) bool { return !p.holds(c.Time) })
	if len(rows) == 0 {
		r.step("%d prices of the tier %s, none of which holds at %s", len(all), tier, instant(c.Time))
		return nil, whyNotThen(all, c.Time)
	}
	r.step("%d prices of the tier %s hold at %s", len(rows), tier, instant(c.Time))
	return rows, Priced
}

// whyNotThen says why none of the prices holds at an instant.
func whyNotThen(all []Price, at time.Time) Reason {
	earlier := slices.ContainsFunc(all, func(p Price) bool { return p.since(at) })
	later := slices.ContainsFunc(all, func(p Price) bool { return p.until(at) })
	switch {
	case !earlier:
		return BeforeFirstPrice
	case !later:
		return AfterLastPrice
	}
	return NoPriceThen
}

// price finds the price of a line: that of the tenant before the list's, of the region before that of all, of the highest threshold that the input
// exceeds; and there that of the time of day first. None is taken from another threshold or region than the rest of the call.
func (r *Resolution) price(l *Line, c Call, rows []Price, total uint64) {
	for _, tenant := range []string{c.Tenant, ""} {
		set := filter(rows, func(p Price) bool { return p.Tenant == tenant })
		region := c.Region
		if !slices.ContainsFunc(set, func(p Price) bool { return p.Region == region }) {
			region = ""
		}
		set = filter(set, func(p Price) bool { return p.Region == region && (p.ContextOver == 0 || p.ContextOver < total) })
		var over uint64
		for _, p := range set {
			over = max(over, p.ContextOver)
		}
		set = filter(set, func(p Price) bool { return p.ContextOver == over })
		for _, unit := range chargedAs(l.Unit) {
			for _, windowed := range []bool{true, false} {
				for i := range set {
					if p := &set[i]; p.Unit == unit && p.windowed() == windowed {
						if p.Published == NotTold {
							l.Reason = NotPublished
							r.step("%s: there was a price of its own, which no source tells: %s", l.Unit, p.Name())
							return
						}
						l.Price, l.As = p, unit
						r.step("%s: %s per %d %s, book row: %s", l.Unit, p.Published, p.Per, p.Currency, p.Name())
						return
					}
				}
			}
		}
		if tenant == "" {
			break
		}
	}
	l.Reason = NoUnit
	if l.Unit != Request {
		r.step("%s: no price", l.Unit)
	}
}

// chargedAs returns the units whose price a unit has: its own, and that which providers charge where they publish none of its own.
func chargedAs(u Unit) []Unit {
	switch u {
	case Reasoning:
		return []Unit{Reasoning, Output}
	case InputImage:
		return []Unit{InputImage, Input}
	}
	return []Unit{u}
}

func filter(all []Price, keep func(Price) bool) []Price {
	var kept []Price
	for _, p := range all {
		if keep(p) {
			kept = append(kept, p)
		}
	}
	return kept
}

// lines splits the call into what is priced apart. total are the tokens of input of one call. reason is why what the call reports is not all.
func (c Call) lines() (total uint64, lines []Line, reason Reason) {
	value := func(p *uint64) uint64 {
		if p == nil {
			return 0
		}
		return *p
	}
	uncached, read, write, hour := value(c.InputUncached), value(c.CacheRead), value(c.CacheWrite), value(c.CacheWrite1h)
	visible, reasoning := value(c.OutputVisible), value(c.OutputReasoning)
	weight := max(c.Weight, 1)
	add := func(u Unit, tokens uint64, why Reason) {
		if tokens > 0 {
			lines = append(lines, Line{Unit: u, As: u, Quantity: new(big.Int).Mul(new(big.Int).SetUint64(tokens), new(big.Int).SetUint64(weight)), Reason: why})
		}
	}
	// A part that is priced apart is taken out of the class that is neither cached nor reasoning; if it does not fit, nobody knows where it belongs.
	part := func(rest *uint64, of *uint64, u Unit) {
		tokens := value(of)
		if tokens > *rest {
			add(u, *rest, TooMany)
			*rest = 0
			return
		}
		*rest -= tokens
		add(u, tokens, Priced)
	}
	total = uncached + read + write
	hour = min(hour, write)
	part(&uncached, c.InputAudio, InputAudio)
	part(&uncached, c.InputImage, InputImage)
	part(&visible, c.OutputAudio, OutputAudio)
	part(&visible, c.OutputImage, OutputImage)
	add(Input, uncached, Priced)
	add(CacheRead, read, Priced)
	add(CacheWrite, write-hour, Priced)
	add(CacheWrite1h, hour, Priced)
	add(Output, visible, Priced)
	add(Reasoning, reasoning, Priced)
	requests := uint64(1)
	if c.Requests != nil {
		requests = *c.Requests
	}
	add(Request, requests, Priced)
	noInput := c.InputUncached == nil && c.CacheRead == nil && c.CacheWrite == nil
	noOutput := c.OutputVisible == nil && c.OutputReasoning == nil
	if !c.Failed && (noInput || noOutput && !c.NoOutput) {
		reason = NoUsage
	}
	return total, lines, reason
}
