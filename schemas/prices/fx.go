package prices

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"tidemark/schemas"
)

// ExchangeRate is what one of a currency was worth in another one on a day.
type ExchangeRate struct {
	Day         time.Time // 00:00 UTC.
	Base, Quote string    // ISO 4217.
	Value       string    // How many of Quote one of Base was, as DecimalRate writes it.
	Source      string
}

// RateReach is how many days a rate counts after its own: banks publish none on weekends and holidays.
const RateReach = 7

// pivot is the currency against which central banks in Europe publish.
const pivot = "EUR"

// isCurrency reports whether a text is of the form of ISO 4217: three letters A to Z.
func isCurrency(code string) bool {
	return len(code) == 3 && strings.IndexFunc(code, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}

// Validate returns what is wrong with the rate.
func (r ExchangeRate) Validate() error {
	switch value, err := DecimalRate(r.Value); {
	case !isCurrency(r.Base) || !isCurrency(r.Quote):
		return fmt.Errorf("the currencies %s and %s are not three letters A to Z", schemas.Excerpt(r.Base), schemas.Excerpt(r.Quote))
	case r.Base == r.Quote:
		return fmt.Errorf("it is the rate of %s in itself", r.Base)
	case err != nil:
		return err
	case value != r.Value:
		return fmt.Errorf("the rate %s is written as %s", r.Value, value)
	case r.Day.Year() < 1970 || r.Day.Year() > 2200 || !r.Day.Equal(dayOf(r.Day)):
		return fmt.Errorf("%s is not a day between 1970 and 2200", instant(r.Day))
	}
	return nil
}

// Digits of a rate, as the column Decimal(38, 18) has them.
const (
	rateDecimals = 18
	rateWhole    = 20
)

// DecimalRate returns the decimal number of a rate without an exponent and without zeros at its end. A number that is not above 0, has more than 18
// decimals or more than 20 digits in front of them is an error: nothing is rounded.
func DecimalRate(text string) (string, error) {
	number, exponent, err := parseDecimal(text)
	if err != nil {
		return "", err
	}
	all := number.String()
	digits := strings.TrimRight(all, "0")
	exponent += len(all) - len(digits)
	switch {
	case digits == "" || exponent < -rateDecimals:
		return "", fmt.Errorf("the rate %s is not above 0 with at most %d decimals", text, rateDecimals)
	case len(digits)+exponent > rateWhole:
		return "", fmt.Errorf("the rate %s has more than %d digits before its decimals", text, rateWhole)
	case exponent >= 0:
		return digits + strings.Repeat("0", exponent), nil
	}
	digits = strings.Repeat("0", max(0, 1-exponent-len(digits))) + digits
	point := len(digits) + exponent
	return digits[:point] + "." + digits[point:], nil
}

func dayOf(at time.Time) time.Time {
	year, month, day := at.UTC().Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// Rates are rates of exchange. They are not changed after NewRates.
type Rates struct{ values map[rateKey]string }

type rateKey struct {
	day         int64 // Since 1970-01-01.
	base, quote string
}

func keyOf(day time.Time, base, quote string) rateKey {
	return rateKey{dayOf(day).Unix() / (24 * 60 * 60), base, quote}
}

// NewRates returns rates. It is an error if one is wrong, or if two differ for a day and pair.
func NewRates(all []ExchangeRate) (*Rates, error) {
	r := &Rates{values: make(map[rateKey]string, len(all))}
	for _, one := range all {
		if err := one.Validate(); err != nil {
			return nil, fmt.Errorf("%s in %s on %s: %w", one.Base, one.Quote, one.Day.Format(time.DateOnly), err)
		}
		key := keyOf(one.Day, one.Base, one.Quote)
		if before, known := r.values[key]; known && before != one.Value {
			return nil, fmt.Errorf("%s in %s on %s: it is %s and %s", one.Base, one.Quote, one.Day.Format(time.DateOnly), before, one.Value)
		}
		r.values[key] = one.Value
	}
	return r, nil
}

// Exchange is how amounts of one currency become amounts of another one.
type Exchange struct {
	Rate    *big.Rat  // How many of the second one of the first is.
	Day     time.Time // Of the rate: the day that was asked for, or the last one before it that has one.
	Through string    // The currency between them, empty if there is none.
}

// Find returns the exchange of a currency into another one on a day: by the rate of that day, or of the last day before it that has one, at most
// RateReach days. Where there is no rate between the two, it goes through the euro, by two rates of the same day. ok is false if there is none.
func (r *Rates) Find(from, to string, day time.Time) (found Exchange, ok bool) {
	day = dayOf(day)
	if from == to {
		return Exchange{Rate: big.NewRat(1, 1), Day: day}, isCurrency(from)
	}
	for range RateReach + 1 {
		if rate := r.between(from, to, day); rate != nil {
			return Exchange{Rate: rate, Day: day}, true
		}
		first, second := r.between(from, pivot, day), r.between(pivot, to, day)
		if first != nil && second != nil {
			return Exchange{Rate: first.Mul(first, second), Day: day, Through: pivot}, true
		}
		day = day.AddDate(0, 0, -1)
	}
	return Exchange{}, false
}

// RatesOf returns the rates that count on a day: for each pair the last one that is not of a later day, nor of one more than RateReach days before. The
// rates are to be in the order of days.
func RatesOf(all []ExchangeRate, day time.Time) []ExchangeRate {
	day = dayOf(day)
	last := map[[2]string]ExchangeRate{}
	for _, r := range all {
		if !r.Day.After(day) && !r.Day.Before(day.AddDate(0, 0, -RateReach)) {
			last[[2]string{r.Base, r.Quote}] = r
		}
	}
	counting := slices.Collect(maps.Values(last))
	slices.SortFunc(counting, func(a, b ExchangeRate) int { return cmp.Or(cmp.Compare(a.Base, b.Base), cmp.Compare(a.Quote, b.Quote)) })
	return counting
}

// between returns the rate that a day has of two currencies, in whatever direction it was published; nil if it has none.
func (r *Rates) between(from, to string, day time.Time) *big.Rat {
	if value, known := r.values[keyOf(day, from, to)]; known {
		rate, _ := new(big.Rat).SetString(value)
		return rate
	}
	if value, known := r.values[keyOf(day, to, from)]; known {
		rate, _ := new(big.Rat).SetString(value)
		return rate.Inv(rate)
	}
	return nil
}

// Convert returns an amount in picos of another currency, by what Find finds: exactly, and rounded once, half to even. ok is false if there is no rate.
func (r *Rates) Convert(picos *big.Int, from, to string, day time.Time) (converted *big.Int, ok bool) {
	exchange, ok := r.Find(from, to, day)
	if !ok {
		return nil, false
	}
	return exchange.Apply(picos), true
}

// Apply returns an amount in picos of the second currency, rounded half to even.
func (e Exchange) Apply(picos *big.Int) *big.Int {
	exact := new(big.Rat).Mul(e.Rate, new(big.Rat).SetInt(picos))
	whole, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	twice := rest.Abs(rest).Lsh(rest, 1)
	if half := twice.Cmp(exact.Denom()); half > 0 || half == 0 && whole.Bit(0) == 1 {
		whole.Add(whole, big.NewInt(int64(exact.Sign())))
	}
	return whole
}
