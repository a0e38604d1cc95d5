// Package focus writes computed costs in the form of FOCUS 1.2, the FinOps Open Cost and Usage Specification.
//
//	Row (a charge, of one class of tokens and one price) -> validate -> charge -> the columns' cells -> CSV or Parquet
//
// Amounts are whole numbers of 1e-12 until they are text or a DECIMAL; there is no rounding and no floating point. What has no price is
// no Row: it is an Unpriced, in a file of its own. The package opens nothing.
package focus

import (
	"errors"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tidemark/schemas"
	"tidemark/schemas/prices"
)

// Version is the version of FOCUS that the files have.
const Version = "1.2"

// Row is one charge: what one tenant's calls took of one unit on one day, at one price.
type Row struct {
	Day     time.Time // When it was used: the beginning of a day, UTC.
	Tenant  string
	Product string // Empty: not told.
	// Provider is who sold the calls, and Model which one answered, as events have them. Publisher is who made the model; empty: not known.
	Provider, Model, Publisher string
	// Tier, Region and ContextOver are those of the price: one of prices.Tiers, empty for all regions, 0 for calls of every length.
	Tier, Region string
	ContextOver  uint64
	Unit         prices.Unit
	// Quantity is how many tokens, or calls if Unit is prices.Request. It is above 0, and any number in a correction.
	Quantity *big.Int
	// UnitPicos is the price of one of them in 1e-12 of Currency, and Cost what they cost in 1e-12 of it: Quantity times UnitPicos. In a
	// correction, Cost is the difference and may be any number; if it is not the product, the row has no unit price.
	UnitPicos prices.Picos
	Cost      *big.Int
	Currency  string // ISO 4217.
	Book      uint64 // The number of the book of prices.
	// Correction is a difference to charges of an earlier month, which was closed. It is billed in the month of the file.
	Correction bool
}

// Options are what all rows of a file have in common.
type Options struct {
	// Month is the billing period: the beginning of its first day, UTC.
	Month time.Time
}

// Unpriced is usage of one day that has no price, and so no cost.
type Unpriced struct {
	Day                              time.Time
	Tenant, Product, Provider, Model string // Empty: not told.
	Reason                           prices.Reason
	Tokens, Calls                    *big.Int // Nil: not known.
}

// maxName is the length of a text in bytes that events can have.
const maxName = 256

// maxAmount is above every number that a column of 38 digits holds, 12 of them after the point, in 1e-12.
var maxAmount = new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)

// perMillion is how many tokens a PricingUnit has, and one is 1 in 1e-12.
var (
	perMillion = big.NewInt(1_000_000)
	one        = big.NewInt(1_000_000_000_000)
)

// validate returns what is wrong with the options.
func (o Options) validate() error {
	m := o.Month
	if !m.Equal(monthOf(m)) || m.Year() < 1970 || m.Year() > 9998 {
		return fmt.Errorf("the billing period begins at %s, which is not the beginning of a month, UTC, of the years 1970 to 9998", m.Format(time.RFC3339))
	}
	return nil
}

// monthOf returns the beginning of a time's month, UTC.
func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// validate returns everything for which the row is no charge of the billing period.
func (r Row) validate(o Options) error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	for _, text := range []struct {
		what, value string
		required    bool
	}{
		{"tenant", r.Tenant, true}, {"product", r.Product, false}, {"provider", r.Provider, true}, {"model", r.Model, true},
		{"publisher", r.Publisher, false}, {"region", r.Region, false},
	} {
		check(text.value != "" || !text.required, "it has no %s", text.what)
		check(printable(text.value), "the %s %s is longer than %d bytes, is not valid UTF-8, or has control characters", text.what, schemas.Excerpt(text.value), maxName)
	}
	check(slices.Contains(prices.Tiers, r.Tier), "the tier %s is not one of %s", schemas.Excerpt(r.Tier), strings.Join(prices.Tiers, ", "))
	check(meters[r.Unit] != "", "the unit %s is not one of %v", schemas.Excerpt(string(r.Unit)), prices.Units)
	check(len(r.Currency) == 3 && strings.Trim(r.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "", "the currency %s is not three letters A to Z", schemas.Excerpt(r.Currency))
	check(r.Book > 0, "it names no book of prices")
	check(r.Day.Equal(r.Day.UTC().Truncate(24*time.Hour)), "the day %s is not the beginning of a day, UTC", r.Day.Format(time.RFC3339Nano))
	month, period := monthOf(r.Day), o.Month.Format("2006-01")
	check(r.Correction || month.Equal(o.Month), "the day %s is not of the billing period %s", r.Day.Format(time.DateOnly), period)
	check(!r.Correction || month.Before(o.Month) && month.Year() >= 1970, "it corrects the day %s, which is not before the billing period %s: only what was billed before is corrected by a difference", r.Day.Format(time.DateOnly), period)
	return errors.Join(append(errs, r.amounts())...)
}

// amounts returns what is wrong with the numbers of the row.
func (r Row) amounts() error {
	switch {
	case r.Quantity == nil || r.Cost == nil:
		return errors.New("the quantity or the cost is missing: usage without a price is no charge")
	case r.UnitPicos < 0:
		return fmt.Errorf("the price of %d picos is below 0", int64(r.UnitPicos))
	case new(big.Int).Mul(r.Quantity, one).CmpAbs(maxAmount) >= 0 || r.Cost.CmpAbs(maxAmount) >= 0:
		return fmt.Errorf("the quantity %s or the cost of %s picos has more than 26 digits before the point", r.Quantity, r.Cost)
	case r.Correction && r.Quantity.Sign() == 0 && r.Cost.Sign() == 0:
		return errors.New("the correction changes neither quantity nor cost")
	case r.Correction:
		return nil
	case r.Quantity.Sign() <= 0:
		return fmt.Errorf("the quantity %s is not above 0, and it is no correction", r.Quantity)
	case !r.isProduct():
		return fmt.Errorf("the cost of %s picos is not %s times %d picos", r.Cost, r.Quantity, int64(r.UnitPicos))
	}
	return nil
}

// isProduct reports whether the cost is the quantity times the price.
func (r Row) isProduct() bool {
	return new(big.Int).Mul(r.Quantity, big.NewInt(int64(r.UnitPicos))).Cmp(r.Cost) == 0
}

// printable reports whether a text is one that events can have.
func printable(s string) bool {
	return len(s) <= maxName && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// each calls write with every row, once it is known to be a charge. The error of a bad one names its number and what it is of.
func each(rows iter.Seq2[Row, error], o Options, write func(*charge) error) error {
	if err := o.validate(); err != nil {
		return err
	}
	n := 0
	for r, err := range rows {
		n++
		if err != nil {
			return err
		}
		if err := r.validate(o); err != nil {
			return fmt.Errorf("charge %d (%s of %s at %s, tenant %s, on %s): %w", n, schemas.Excerpt(string(r.Unit)), schemas.Excerpt(r.Model), schemas.Excerpt(r.Provider),
				schemas.Excerpt(r.Tenant), r.Day.Format(time.DateOnly), err)
		}
		if err := write(newCharge(r, o)); err != nil {
			return fmt.Errorf("write charge %d: %w", n, err)
		}
	}
	return nil
}
