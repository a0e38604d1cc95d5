package app

import (
	"context"
	"errors"
	"fmt"

	"tidemark/consumers/clickhouse"
	"tidemark/schemas/prices"
)

// ErrRateChanges means that an import has another rate for a day that has one.
var ErrRateChanges = errors.New("the rates of these days are known and would change")

// RateChange is a rate that differs from that which is known.
type RateChange struct {
	New prices.ExchangeRate
	Old string
}

// ReadRates returns the rates of exchange, the first day first.
func ReadRates(ctx context.Context, db *clickhouse.DB) ([]prices.ExchangeRate, error) {
	var all []prices.ExchangeRate
	err := db.Query(ctx, prices.RatesSQL(), func(scan func(...any) error) error {
		r, err := prices.ReadRate(scan)
		all = append(all, r)
		return err
	})
	return all, err
}

// RateImport is rates that are to come in.
type RateImport struct {
	Rates   []prices.ExchangeRate
	Correct bool // They may differ from those that are known.
	DryRun  bool
}

// RateResult is what an import of rates changes, or would.
type RateResult struct {
	Added   int
	Changed []RateChange
}

// ImportRates adds rates. Those that are known already are not written again; one that differs is ErrRateChanges unless the import corrects.
func ImportRates(ctx context.Context, db *clickhouse.DB, in RateImport) (RateResult, error) {
	known, err := ReadRates(ctx, db)
	if err != nil {
		return RateResult{}, err
	}
	result, rates := compareRates(known, in.Rates)
	if len(result.Changed) > 0 && !in.Correct {
		return result, ErrRateChanges
	}
	if in.DryRun {
		return result, nil
	}
	for _, statement := range prices.InsertRatesSQL(rates) {
		if err := db.Exec(ctx, statement); err != nil {
			return result, fmt.Errorf("import rates (run it again; it goes on where it ended): %w", err)
		}
	}
	return result, nil
}

// compareRates returns which of the rates that come in are to be written.
func compareRates(known, in []prices.ExchangeRate) (result RateResult, rates []prices.ExchangeRate) {
	type pair struct {
		day         int64
		base, quote string
	}
	have := map[pair]string{}
	for _, r := range known {
		have[pair{r.Day.Unix(), r.Base, r.Quote}] = r.Value
	}
	for _, r := range in {
		key := pair{r.Day.Unix(), r.Base, r.Quote}
		old, has := have[key]
		switch {
		case has && old == r.Value:
			continue
		case has:
			result.Changed = append(result.Changed, RateChange{r, old})
		default:
			result.Added++
		}
		have[key] = r.Value
		rates = append(rates, r)
	}
	return result, rates
}
