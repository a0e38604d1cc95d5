// Package prices says what a call cost: by the price that held at the instant of the call, as far as the book of prices knows it, and
// never by a guess.
//
//	ReadX (a published table) -> []Price -> Merge (into the book before) -> Book -> Resolve (a Call) -> Resolution, each step of it
//	ReadRates -> Rates -> Convert (an amount of a day, into another currency)
//
// A Book is bitemporal: a Price says from when to when it held, and the number of the book when that was known. Prices and costs are
// whole numbers of picos; there is no floating point. What has no price has no cost, with the reason.
package prices

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"tidemark/schemas"
)

// Unit is what a price is of.
type Unit string

// The units: a token of a class, and a call.
const (
	Input        Unit = "input"          // Neither read from nor written to a cache.
	CacheRead    Unit = "cache_read"     // Read from a cache.
	CacheWrite   Unit = "cache_write"    // Written to a cache for 5 minutes, or for a time that is not told.
	CacheWrite1h Unit = "cache_write_1h" // Written to a cache for an hour.
	Output       Unit = "output"         // That the caller sees.
	Reasoning    Unit = "reasoning"      // Of output that the caller does not see.
	InputAudio   Unit = "input_audio"
	InputImage   Unit = "input_image"
	OutputAudio  Unit = "output_audio"
	OutputImage  Unit = "output_image"
	Request      Unit = "request" // A call, whatever its tokens.
)

// Units are all units, in the order in which they are listed.
var Units = []Unit{Input, CacheRead, CacheWrite, CacheWrite1h, Output, Reasoning, InputAudio, InputImage, OutputAudio, OutputImage, Request}

// Standard is the tier of a call that says nothing of its tier.
const Standard = "standard"

// Tiers are the service tiers, as events have them.
var Tiers = []string{Standard, "batch", "flex", "priority"}

// Key is what a price depends on beside time: two prices of one key never hold at the same instant.
type Key struct {
	// Tenant has a negotiated price. Empty: everybody.
	Tenant string
	// Provider is who sells the call, and Model the name that the provider answered with, both as events have them.
	Provider, Model string
	// Region is where the provider runs the call. Empty: wherever no price of its own says otherwise.
	Region string
	// Tier is one of Tiers.
	Tier string
	// ContextOver selects the price for all tokens of a call whose input, that from and to caches included, is more tokens.
	ContextOver uint64
	Unit        Unit
	// DailyFrom and DailyTo bound the time of day, UTC, in minutes since midnight; the first may be after the second. Both 0: all day.
	DailyFrom, DailyTo int
}

// Price is one published number.
type Price struct {
	Key
	// From and To are the instants between which the price held, To not included, in whole minutes. Zero: without a bound.
	From, To time.Time
	Currency string // ISO 4217.
	Picos    Picos  // Of one unit.
	// Published is the number as its source has it, or NotTold, and Per how many units it is for.
	Published string
	Per       int64
	Source    string // "litellm", "models.dev", "file".
}

// NotTold is the number of a price that there was and that the source does not tell: nothing is priced by another one in its place.
const NotTold = "?"

// Validate returns all that is wrong with the price.
func (p Price) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	for _, name := range []struct {
		what, value string
		required    bool
	}{{"tenant", p.Tenant, false}, {"provider", p.Provider, true}, {"model", p.Model, true}, {"region", p.Region, false}, {"source", p.Source, true}} {
		check(len(name.value) <= maxName && strings.IndexFunc(name.value, unprintable) < 0, "the %s %s is longer than %d bytes or has control characters", name.what, schemas.Excerpt(name.value), maxName)
		check(!name.required || name.value != "", "it has no %s", name.what)
	}
	check(index(Tiers, p.Tier) >= 0, "the tier %s is not one of %s", schemas.Excerpt(p.Tier), strings.Join(Tiers, ", "))
	check(index(Units, p.Unit) >= 0, "the unit %s is not one of %v", schemas.Excerpt(string(p.Unit)), Units)
	check(p.DailyFrom >= 0 && p.DailyFrom < minutesPerDay && p.DailyTo >= 0 && p.DailyTo < minutesPerDay && (p.DailyFrom != p.DailyTo || p.DailyFrom == 0),
		"the time of day from minute %d to %d is not one", p.DailyFrom, p.DailyTo)
	check(p.From.IsZero() || p.To.IsZero() || p.From.Before(p.To), "it ends at %s, before it begins at %s", p.To, p.From)
	check(p.From.Truncate(time.Minute).Equal(p.From) && p.To.Truncate(time.Minute).Equal(p.To), "it holds from %s to %s, which are not whole minutes", p.From, p.To)
	check(isCurrency(p.Currency), "the currency %s is not three letters A to Z", schemas.Excerpt(p.Currency))
	picos, err := p.picos()
	check(err == nil, "%v", err)
	check(err != nil || picos == p.Picos, "%s per %d is not %d picos", p.Published, p.Per, int64(p.Picos))
	return errors.Join(errs...)
}

// picos reads the number.
func (p Price) picos() (Picos, error) {
	if p.Published == NotTold {
		return 0, nil
	}
	return ParsePrice(p.Published, p.Per)
}

const (
	maxName       = 256
	minutesPerDay = 24 * 60
)

func unprintable(r rune) bool { return r < ' ' || r == 0x7f }

func index[T comparable](all []T, one T) int {
	for i := range all {
		if all[i] == one {
			return i
		}
	}
	return -1
}

// compare orders prices for lists and for look-ups: by model, then as Resolve prefers them.
func compare(a, b Price) int {
	return cmp.Or(
		cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Region, b.Region),
		cmp.Compare(index(Tiers, a.Tier), index(Tiers, b.Tier)), cmp.Compare(a.ContextOver, b.ContextOver), cmp.Compare(index(Units, a.Unit), index(Units, b.Unit)),
		cmp.Compare(a.DailyFrom, b.DailyFrom), cmp.Compare(a.DailyTo, b.DailyTo), a.From.Compare(b.From), a.To.Compare(b.To),
	)
}

// holds reports whether the price holds at an instant.
func (p Price) holds(at time.Time) bool { return p.HoldsOn(at) && p.daily(at) }

// HoldsOn reports whether the price holds at an instant but for the time of day.
func (p Price) HoldsOn(at time.Time) bool { return p.since(at) && p.until(at) }

// PerMillion returns the price of a million units as a decimal number, or NotTold.
func (p Price) PerMillion() string {
	if p.Published == NotTold {
		return NotTold
	}
	return FormatPicos(new(big.Int).Mul(big.NewInt(int64(p.Picos)), big.NewInt(1_000_000)))
}

func (p Price) since(at time.Time) bool { return p.From.IsZero() || !at.Before(p.From) }
func (p Price) until(at time.Time) bool { return p.To.IsZero() || at.Before(p.To) }

// daily reports whether the time of day is right.
func (p Price) daily(at time.Time) bool {
	if !p.windowed() {
		return true
	}
	at = at.UTC()
	minute := at.Hour()*60 + at.Minute()
	if p.DailyFrom < p.DailyTo {
		return minute >= p.DailyFrom && minute < p.DailyTo
	}
	return minute >= p.DailyFrom || minute < p.DailyTo
}

// windowed reports whether the price is for a part of the day.
func (p Price) windowed() bool { return p.DailyFrom != p.DailyTo }
