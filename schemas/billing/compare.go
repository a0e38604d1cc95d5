package billing

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"
)

// State is how final a period is.
type State string

// The states, from the least final one on.
const (
	Open     State = "open"     // The period is not over.
	Settling State = "settling" // It has been over for less time than providers take to report and correct.
	Closed   State = "closed"
)

// SettleDays is how many days after its end a period is closed, unless somebody says otherwise.
const SettleDays = 3

// StateOf returns the state of a period that ends at an instant.
func StateOf(end, now time.Time, settle time.Duration) State {
	switch {
	case now.Before(end):
		return Open
	case now.Before(end.Add(settle)):
		return Settling
	}
	return Closed
}

// Ours is what Tidemark computes of a day.
type Ours struct {
	Day                       time.Time
	Provider, Model, Currency string
	Cost                      *big.Int // In 1e-12 of the currency.
	Unpriced                  *big.Int // Tokens without a price.
}

// OurTokens is what Tidemark counts of a day.
type OurTokens struct {
	Day             time.Time
	Provider, Model string
	Tokens          ClassSums
	Requests        *big.Int
}

// ClassSums are sums of tokens by class, as Tokens; nil if not told.
type ClassSums struct{ Input, Uncached, CacheRead, CacheWrite, Output *big.Int }

// Total returns all tokens; nil if a part is not told.
func (c ClassSums) Total() *big.Int {
	if c.Input == nil || c.Output == nil {
		return nil
	}
	return new(big.Int).Add(c.Input, c.Output)
}

// By is what the rows of a comparison are about.
type By string

// The kinds of rows.
const (
	ByDay      By = "day"
	ByProvider By = "provider"
	ByModel    By = "model"
)

// Comparison is what Compare compares.
type Comparison struct {
	Scope   Scope // Whole days, UTC.
	By      By
	Ours    []Ours
	Tokens  []OurTokens
	Theirs  []Theirs
	Imports []Stored
	Now     time.Time
	Settle  time.Duration
}

// RowKey is what a row is about: Source and Account, and what By says of the others.
type RowKey struct {
	Source, Account string
	Day             time.Time // Zero unless by day.
	Provider, Model string
}

// Row sets ours against theirs.
type Row struct {
	RowKey
	State  State // Of its least final period.
	Days   int   // That the two sides have both.
	Stale  bool  // A file was imported before its period was closed, and the period is closed by now.
	Costs  []CostPair
	Tokens *TokenPair // Nil if no usage was imported.
	// Unpriced are our tokens that have no price, so that our cost is too low.
	Unpriced *big.Int
}

// CostPair is our cost and theirs in one currency, in 1e-12 of it.
type CostPair struct {
	Currency     string
	Ours, Theirs *big.Int
}

// TokenPair is our tokens and theirs.
type TokenPair struct {
	Ours, Theirs               ClassSums
	OurRequests, TheirRequests *big.Int // TheirRequests is nil if not told.
}

// Gap is a part of the scope that no import is about.
type Gap struct {
	Source, Account string
	Kind            Kind
	Days            int // That are missing, of those of the scope.
}

// Compared is the result of Compare.
type Compared struct {
	Rows []Row
	Gaps []Gap
	Cut  int // Sums of theirs that are left out, since their period or their day is only in part within the scope or the imports.
	Long int // Sums of theirs of more than a day, which a comparison by day shows on their first day.
}

// Compare sets our cost and tokens against those of each source and account, for the days and providers that its imports are about.
func Compare(in Comparison) Compared {
	var out Compared
	rows := map[RowKey]*rowSum{}
	for _, a := range accountsOf(in) {
		for _, kind := range []Kind{Usage, Cost} {
			if missing := a.missing(in.Scope, kind); missing > 0 && len(a.imports[kind]) > 0 {
				out.Gaps = append(out.Gaps, Gap{a.source, a.name, kind, missing})
			}
		}
		c := comparing{in: in, account: a, rows: rows, out: &out}
		for _, t := range in.Theirs {
			if t.Source == a.source && t.Account == a.name {
				c.theirs(t)
			}
		}
		for _, o := range in.Ours {
			c.ourCost(o)
		}
		for _, o := range in.Tokens {
			c.ourTokens(o)
		}
	}
	for _, sum := range rows {
		out.Rows = append(out.Rows, sum.row())
	}
	slices.SortFunc(out.Rows, func(a, b Row) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Account, b.Account), a.Day.Compare(b.Day), strings.Compare(a.Provider, b.Provider), strings.Compare(a.Model, b.Model))
	})
	return out
}

// comparing compares one account.
type comparing struct {
	in      Comparison
	account *account
	rows    map[RowKey]*rowSum
	out     *Compared
}

// row returns the row for a day, a provider and a model.
func (c *comparing) row(at time.Time, provider, model string) *rowSum {
	k := RowKey{Source: c.account.source, Account: c.account.name}
	switch c.in.By {
	case ByDay:
		k.Day = at
	case ByModel:
		k.Provider, k.Model = provider, model
	default:
		k.Provider = provider
	}
	r := c.rows[k]
	if r == nil {
		r = &rowSum{key: k, state: Closed, days: map[int64]bool{}, costs: map[string]*CostPair{}, unpriced: new(big.Int)}
		c.rows[k] = r
	}
	r.days[at.Unix()] = true
	return r
}

func (c *comparing) theirs(t Theirs) {
	at := t.Span.From.Truncate(day)
	long := t.Span.To.After(at.Add(day))
	switch {
	case !c.in.Scope.covers(t.Span), !long && !c.account.of(t.Kind, t.Provider, at).whole:
		c.out.Cut++
		return
	case long:
		c.out.Long++
	}
	r := c.row(at, t.Provider, t.Model)
	if long {
		r.until(c.in, t.Span.To, t.ImportedAt)
	} else {
		r.until(c.in, at.Add(day), c.account.of(t.Kind, t.Provider, at).at)
	}
	if t.Kind == Cost {
		pair := r.cost(t.Currency)
		pair.Theirs.Add(pair.Theirs, t.Cost)
		return
	}
	r.theirTokens.add(t.Tokens, t.Requests)
	r.usage = true
}

// ours returns the row for what is ours of a day; nil if no import is about all of it and speaks of the provider.
func (c *comparing) ours(kind Kind, at time.Time, provider, model string) *rowSum {
	covered := c.account.of(kind, provider, at)
	if !c.account.providers[kind][provider] || !covered.whole {
		return nil
	}
	r := c.row(at, provider, model)
	r.until(c.in, at.Add(day), covered.at)
	return r
}

func (c *comparing) ourCost(o Ours) {
	r := c.ours(Cost, o.Day, o.Provider, o.Model)
	if r == nil {
		return
	}
	r.unpriced.Add(r.unpriced, o.Unpriced)
	if o.Cost.Sign() != 0 || o.Currency != "" {
		pair := r.cost(o.Currency)
		pair.Ours.Add(pair.Ours, o.Cost)
	}
}

func (c *comparing) ourTokens(o OurTokens) {
	r := c.ours(Usage, o.Day, o.Provider, o.Model)
	if r == nil {
		return
	}
	r.ourTokens.add(o.Tokens, o.Requests)
	r.usage = true
}

// rowSum is a row in the making.
type rowSum struct {
	key                    RowKey
	state                  State
	early                  bool // A file was imported before its period was closed.
	days                   map[int64]bool
	costs                  map[string]*CostPair
	usage                  bool
	ourTokens, theirTokens tokenSum
	unpriced               *big.Int
}

// until makes the state of the row that of a period that ends then, if this is less final. imported is when a file about the period was.
func (r *rowSum) until(in Comparison, end, imported time.Time) {
	r.early = r.early || StateOf(end, imported, in.Settle) != Closed
	if state := StateOf(end, in.Now, in.Settle); finality[state] < finality[r.state] {
		r.state = state
	}
}

var finality = map[State]int{Open: 0, Settling: 1, Closed: 2}

func (r *rowSum) cost(currency string) *CostPair {
	if r.costs[currency] == nil {
		r.costs[currency] = &CostPair{Currency: currency, Ours: new(big.Int), Theirs: new(big.Int)}
	}
	return r.costs[currency]
}

func (r *rowSum) row() Row {
	row := Row{RowKey: r.key, State: r.state, Days: len(r.days), Stale: r.early && r.state == Closed, Unpriced: r.unpriced}
	for _, pair := range r.costs {
		row.Costs = append(row.Costs, *pair)
	}
	slices.SortFunc(row.Costs, func(a, b CostPair) int { return strings.Compare(a.Currency, b.Currency) })
	if r.usage {
		p := TokenPair{}
		p.Ours, p.OurRequests = r.ourTokens.sums()
		p.Theirs, p.TheirRequests = r.theirTokens.sums()
		row.Tokens = &p
	}
	return row
}

// tokenSum sums tokens by class, and requests. A sum of which a part is not told is not told.
type tokenSum struct {
	parts [6]struct {
		sum     big.Int
		missing bool
	}
}

func (s *tokenSum) add(c ClassSums, requests *big.Int) {
	for i, n := range []*big.Int{c.Input, c.Uncached, c.CacheRead, c.CacheWrite, c.Output, requests} {
		if n == nil {
			s.parts[i].missing = true
			continue
		}
		s.parts[i].sum.Add(&s.parts[i].sum, n)
	}
}

func (s *tokenSum) sums() (c ClassSums, requests *big.Int) {
	for i, into := range []**big.Int{&c.Input, &c.Uncached, &c.CacheRead, &c.CacheWrite, &c.Output, &requests} {
		if !s.parts[i].missing {
			*into = new(big.Int).Set(&s.parts[i].sum)
		}
	}
	return c, requests
}

// Difference returns ours less theirs.
func (p CostPair) Difference() *big.Int { return new(big.Int).Sub(p.Ours, p.Theirs) }

// Share returns a difference as a part of what it is a difference to, in percent with two decimals; empty if that is 0.
func Share(difference, of *big.Int) string {
	if of.Sign() == 0 {
		return ""
	}
	return new(big.Rat).SetFrac(new(big.Int).Mul(difference, big.NewInt(100)), of).FloatString(2)
}
