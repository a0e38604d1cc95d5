package cli

import (
	"math/big"
	"time"

	"tidemark/schemas/billing"
	"tidemark/schemas/prices"
)

// comparisonJSON is what 'cost reconcile show --output json' writes. Amounts are decimal texts, exact; counts may be beyond what a float holds.
type comparisonJSON struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Rows []rowJSON `json:"rows"`
	Gaps []gapJSON `json:"gaps,omitempty"`
	Cut  int       `json:"left_out,omitempty"`
	Long int       `json:"longer_than_a_day,omitempty"`
}

type rowJSON struct {
	Source   string     `json:"source"`
	Account  string     `json:"account"`
	Day      string     `json:"day,omitempty"`
	Provider string     `json:"provider,omitempty"`
	Model    string     `json:"model,omitempty"`
	State    string     `json:"state"`
	Stale    bool       `json:"stale"`
	Days     int        `json:"days"`
	Costs    []costJSON `json:"costs"`
	Unpriced *big.Int   `json:"unpriced_tokens"`
	Tokens   *pairJSON  `json:"tokens,omitempty"`
}

type costJSON struct {
	Currency   string `json:"currency"`
	Ours       string `json:"ours"`
	Theirs     string `json:"theirs"`
	Difference string `json:"difference"`
	Share      string `json:"share_percent,omitempty"`
}

type pairJSON struct {
	Ours   tokensJSON `json:"ours"`
	Theirs tokensJSON `json:"theirs"`
	Share  string     `json:"share_percent,omitempty"` // Of all tokens.
}

// tokensJSON are tokens by class; null: not told.
type tokensJSON struct {
	Input      *big.Int `json:"input"`
	Uncached   *big.Int `json:"input_uncached"`
	CacheRead  *big.Int `json:"input_cache_read"`
	CacheWrite *big.Int `json:"input_cache_write"`
	Output     *big.Int `json:"output"`
	Requests   *big.Int `json:"requests"`
}

type gapJSON struct {
	Source  string `json:"source"`
	Account string `json:"account"`
	Kind    string `json:"kind"`
	Days    int    `json:"days_missing"`
}

func comparedJSON(scope billing.Scope, c billing.Compared) comparisonJSON {
	out := comparisonJSON{From: scope.From, To: scope.To, Rows: []rowJSON{}, Cut: c.Cut, Long: c.Long}
	for _, r := range c.Rows {
		row := rowJSON{
			Source: r.Source, Account: r.Account, Provider: r.Provider, Model: r.Model, State: string(r.State), Stale: r.Stale, Days: r.Days, Costs: []costJSON{}, Unpriced: r.Unpriced,
		}
		if !r.Day.IsZero() {
			row.Day = r.Day.Format(time.DateOnly)
		}
		for _, p := range r.Costs {
			row.Costs = append(row.Costs, costJSON{
				p.Currency, prices.FormatPicos(p.Ours), prices.FormatPicos(p.Theirs), prices.FormatPicos(p.Difference()), billing.Share(p.Difference(), p.Theirs),
			})
		}
		if t := r.Tokens; t != nil {
			pair := pairJSON{Ours: classesJSON(t.Ours, t.OurRequests), Theirs: classesJSON(t.Theirs, t.TheirRequests)}
			if ours, theirs := t.Ours.Total(), t.Theirs.Total(); ours != nil && theirs != nil {
				pair.Share = billing.Share(new(big.Int).Sub(ours, theirs), theirs)
			}
			row.Tokens = &pair
		}
		out.Rows = append(out.Rows, row)
	}
	for _, g := range c.Gaps {
		out.Gaps = append(out.Gaps, gapJSON{g.Source, g.Account, string(g.Kind), g.Days})
	}
	return out
}

func classesJSON(c billing.ClassSums, requests *big.Int) tokensJSON {
	return tokensJSON{c.Input, c.Uncached, c.CacheRead, c.CacheWrite, c.Output, requests}
}
