package cli

import (
	"maps"
	"math/big"
	"slices"
	"time"

	"tidemark/internal/app"
	"tidemark/schemas/prices"
)

// booksJSON is the result of 'tidemark prices books'.
type booksJSON struct {
	Books []bookJSON `json:"books"`
}

type bookJSON struct {
	Number uint64    `json:"book"`
	Made   time.Time `json:"made_at"`
	Source string    `json:"source"`
	Note   string    `json:"book_note"`
	SHA256 string    `json:"sha256"` // Of the file, empty if there was none.
}

func booksOutput(books []prices.Made) booksJSON {
	out := booksJSON{Books: []bookJSON{}}
	for _, m := range books {
		out.Books = append(out.Books, bookJSON{m.Number, m.CreatedAt.UTC(), m.Source, m.Note, m.SHA256})
	}
	return out
}

// ratesJSON is the result of 'tidemark prices fx list'.
type ratesJSON struct {
	Day   string     `json:"day"`
	Known int        `json:"rates_known"` // Of all days.
	Rates []rateJSON `json:"rates"`
}

// rateJSON is how many of the quote currency one of the base currency was.
type rateJSON struct {
	Day    string `json:"day"`
	Base   string `json:"base"`
	Quote  string `json:"quote"`
	Rate   string `json:"rate"` // A decimal number, exact.
	Before string `json:"rate_before,omitempty"`
	Source string `json:"source"`
}

func rateOutput(r prices.ExchangeRate, before string) rateJSON {
	return rateJSON{r.Day.Format(time.DateOnly), r.Base, r.Quote, r.Value, before, r.Source}
}

func ratesOutput(at time.Time, counting []prices.ExchangeRate, known int) ratesJSON {
	out := ratesJSON{Day: at.UTC().Format(time.DateOnly), Known: known, Rates: []rateJSON{}}
	for _, r := range counting {
		out.Rates = append(out.Rates, rateOutput(r, ""))
	}
	return out
}

// ratesImportedJSON is the result of 'tidemark prices fx import'.
type ratesImportedJSON struct {
	DryRun  bool       `json:"dry_run"`
	Read    int        `json:"rates_read"`
	Added   int        `json:"added"`
	Changed []rateJSON `json:"changed"`
}

func ratesImportedOutput(dry bool, read int, result app.RateResult) ratesImportedJSON {
	out := ratesImportedJSON{DryRun: dry, Read: read, Added: result.Added, Changed: []rateJSON{}}
	for _, c := range result.Changed {
		out.Changed = append(out.Changed, rateOutput(c.New, c.Old))
	}
	return out
}

// pricesImportedJSON is the result of 'tidemark prices import'.
type pricesImportedJSON struct {
	DryRun    bool              `json:"dry_run"`
	Before    uint64            `json:"book_before"` // 0: there was none.
	Book      uint64            `json:"book"`        // As before if nothing changed, or would.
	Read      int               `json:"prices_read"`
	Skipped   int               `json:"entries_skipped"`
	NotTaken  int               `json:"parts_not_taken"`
	Added     int               `json:"added"`
	Changed   int               `json:"changed"`
	Withdrawn int               `json:"withdrawn"`
	Aliases   int               `json:"aliases_changed"`
	Changes   []priceChangeJSON `json:"changes"`
	Warnings  []string          `json:"warnings"`
	Reasons   []skipJSON        `json:"skipped,omitempty"` // With --skipped.
	Parts     []skipJSON        `json:"not_taken,omitempty"`
}

// priceChangeJSON is a price that is other than before in a time.
type priceChangeJSON struct {
	Change         prices.ChangeKind `json:"change"`
	Tenant         string            `json:"tenant,omitempty"`
	Provider       string            `json:"provider"`
	Model          string            `json:"model"`
	Conditions     string            `json:"conditions,omitempty"` // Tier, region, threshold and time of day in words.
	Unit           string            `json:"unit"`
	From           *time.Time        `json:"from"`
	To             *time.Time        `json:"to"`
	Before         *string           `json:"price_per_million_before"`
	CurrencyBefore *string           `json:"currency_before"`
	After          *string           `json:"price_per_million_after"`
	CurrencyAfter  *string           `json:"currency_after"`
}

type skipJSON struct {
	Entry  string `json:"entry"`
	Reason string `json:"reason"`
}

func skipsOutput(all []prices.Skip) (out []skipJSON) {
	for _, s := range all {
		out = append(out, skipJSON{s.Entry, s.Reason})
	}
	return out
}

func pricesImportedOutput(table prices.Table, change app.PriceChange, dry, reasons bool) pricesImportedJSON {
	counts := changeCounts(change)
	out := pricesImportedJSON{
		DryRun: dry, Before: change.Before, Book: change.After, Read: len(table.Prices), Skipped: len(table.Skipped), NotTaken: len(table.NotTaken),
		Added: counts[prices.Added], Changed: counts[prices.Changed], Withdrawn: counts[prices.Withdrawn], Aliases: change.Aliases,
		Changes: []priceChangeJSON{}, Warnings: []string{},
	}
	if reasons {
		out.Reasons, out.Parts = skipsOutput(table.Skipped), skipsOutput(table.NotTaken)
	}
	for _, d := range prices.Deviations(table.Prices) {
		out.Warnings = append(out.Warnings, d.String())
	}
	told := func(p *prices.Price) (amount, currency *string) {
		if p == nil {
			return nil, nil
		}
		text := p.PerMillion()
		return &text, &p.Currency
	}
	for _, c := range change.Changes {
		one := priceChangeJSON{
			Change: c.Kind, Tenant: c.Key.Tenant, Provider: c.Key.Provider, Model: c.Key.Model, Conditions: prices.Price{Key: c.Key}.Conditions(), Unit: string(c.Key.Unit),
			From: timeJSON(c.From), To: timeJSON(c.To),
		}
		one.Before, one.CurrencyBefore = told(c.Old)
		one.After, one.CurrencyAfter = told(c.New)
		out.Changes = append(out.Changes, one)
	}
	return out
}

// explainedJSON is the result of 'tidemark prices explain'.
type explainedJSON struct {
	Book  uint64              `json:"book"`
	Note  string              `json:"book_note"`
	Calls []explainedCallJSON `json:"calls"`
}

type explainedCallJSON struct {
	ID               string              `json:"id"`
	Time             time.Time           `json:"time"`
	Tenant           string              `json:"tenant"`
	Provider         string              `json:"provider"`
	Model            string              `json:"model"`
	Steps            []string            `json:"steps"`
	Classes          []explainedLineJSON `json:"classes"`
	Exact            bool                `json:"exact"` // All of the call has a price.
	Cost             *string             `json:"cost"`  // Of what has a price; null if nothing is known of it.
	Currency         *string             `json:"currency"`
	Unpriced         string              `json:"tokens_unpriced"`
	Reason           prices.Reason       `json:"reason,omitempty"` // Why not all of it has a price.
	AtMost           bool                `json:"cost_at_most"`     // Some tokens may be of a cheaper class.
	ByRequested      bool                `json:"by_requested_model"`
	TierAssumed      bool                `json:"tier_assumed"`
	Reported         *string             `json:"reported_cost"` // Null: the sender reported none.
	ReportedCurrency *string             `json:"reported_currency"`
}

type explainedLineJSON struct {
	Class      string        `json:"class"`
	Quantity   string        `json:"quantity"`
	As         string        `json:"charged_as,omitempty"`
	PerMillion *string       `json:"price_per_million"`
	Cost       *string       `json:"cost"`
	Reason     prices.Reason `json:"reason,omitempty"` // Why there is no price.
}

func explainedOutput(call app.StoredCall, r *prices.Resolution) explainedCallJSON {
	out := explainedCallJSON{
		ID: call.ID, Time: call.Time.UTC(), Tenant: call.Tenant, Provider: call.Provider, Model: call.Model, Steps: listJSON(r.Steps), Classes: []explainedLineJSON{},
		Exact: r.Exact(), Unpriced: r.Unpriced.String(), Reason: r.Reason,
		AtMost: r.AtMost, ByRequested: r.ByRequested, TierAssumed: r.TierAssumed,
	}
	if costKnown(r) {
		out.Cost, out.Currency = amountJSON(r.Known, r.Currency)
	}
	if call.Reported != nil {
		out.Reported, out.ReportedCurrency = amountJSON(call.Reported, call.ReportedCurrency)
	}
	for _, l := range r.Lines {
		one := explainedLineJSON{Class: string(l.Unit), Quantity: l.Quantity.String(), Reason: l.Reason}
		if l.Price != nil {
			price, cost := l.Price.PerMillion(), prices.FormatPicos(l.Cost())
			one.PerMillion, one.Cost, one.As = &price, &cost, string(l.As)
		}
		out.Classes = append(out.Classes, one)
	}
	return out
}

// amountJSON returns a known amount and its currency, which is null if the amount is 0 in whatever currency.
func amountJSON(picos *big.Int, currency string) (amount, in *string) {
	text := prices.FormatPicos(picos)
	if currency != "" {
		in = &currency
	}
	return &text, in
}

// costExportedJSON is the result of 'tidemark cost export'.
type costExportedJSON struct {
	File         string    `json:"file"`
	UnpricedFile string    `json:"unpriced_file,omitempty"`
	Format       string    `json:"format"`
	Focus        string    `json:"focus"`
	Month        string    `json:"month"`
	Over         bool      `json:"month_is_over"` // Otherwise export it again when it is.
	Charges      uint64    `json:"charges"`
	Corrections  uint64    `json:"corrections"`
	Costs        []sumJSON `json:"costs"`
	Tokens       string    `json:"tokens_priced"`
	Unpriced     string    `json:"tokens_unpriced"`
	Untold       string    `json:"calls_without_tokens"` // That do not tell them and have no price.
}

type sumJSON struct {
	Currency string `json:"currency"`
	Cost     string `json:"cost"`
}

func (c *costExportCmd) exportedOutput(format string, over bool, t *costTally) costExportedJSON {
	out := costExportedJSON{
		File: c.Out, UnpricedFile: c.Unpriced, Format: format, Focus: c.Focus, Month: c.Month, Over: over, Charges: t.charges, Corrections: t.corrections,
		Costs: costsOutput(t.costs), Tokens: t.tokens.String(), Unpriced: t.unpriced.String(), Untold: t.unknown.String(),
	}
	return out
}

func costsOutput(costs map[string]*big.Int) []sumJSON {
	out := []sumJSON{}
	for _, currency := range slices.Sorted(maps.Keys(costs)) {
		out = append(out, sumJSON{currency, prices.FormatPicos(costs[currency])})
	}
	return out
}
