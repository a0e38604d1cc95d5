package prices

import (
	"fmt"
	"strings"
	"time"
)

// Table is what a published table says.
type Table struct {
	Source  string
	Prices  []Price
	Aliases []Alias
	// NotTaken is what its entries say beside their prices and has no place in a book: patterns of names, prices that only some calls tell.
	NotTaken []Skip
	// Dated reports whether the table says of all its prices from when on they hold. If not, whoever imports it says from when on the table
	// counts.
	Dated bool
	// Skipped are the entries that make no price, with the reason.
	Skipped []Skip
}

// Skip is an entry of a table that makes no price, or a part of one.
type Skip struct{ Entry, Reason string }

// skip takes note of an entry that makes no price.
func (t *Table) skip(entry, format string, args ...any) {
	t.Skipped = append(t.Skipped, Skip{Entry: entry, Reason: fmt.Sprintf(format, args...)})
}

// notTaken takes note of a part of an entry that has no place in a book.
func (t *Table) notTaken(entry, format string, args ...any) {
	t.NotTaken = append(t.NotTaken, Skip{Entry: entry, Reason: fmt.Sprintf(format, args...)})
}

// adder adds prices to a table unless it has said another one for the same; two equal ones are one.
type adder struct {
	table *Table
	seen  map[Key]addedBy
}

type addedBy struct {
	entry string
	at    int // In the table.
}

func newAdder(t *Table) *adder { return &adder{table: t, seen: map[Key]addedBy{}} }

// add adds the prices of an entry, all or none: of two entries that say different prices of one thing, nobody knows which one is right.
func (a *adder) add(entry string, all []Price) {
	for _, p := range all {
		if by, known := a.seen[p.Key]; known && a.table.Prices[by.at].Picos != p.Picos {
			a.table.skip(entry, "%s is %s, and %s says %s", p.Name(), p.Published, by.entry, a.table.Prices[by.at].Published)
			return
		}
	}
	for _, p := range all {
		if _, known := a.seen[p.Key]; !known {
			a.seen[p.Key] = addedBy{entry, len(a.table.Prices)}
			a.table.Prices = append(a.table.Prices, p)
		}
	}
}

// from returns the prices with a time from which on they hold.
func from(all []Price, at time.Time) []Price {
	dated := make([]Price, len(all))
	for i, p := range all {
		if p.From.IsZero() {
			p.From = at
		}
		dated[i] = p
	}
	return dated
}

// vendorOf returns the provider and the model of a key such as "gemini/gemini-2.5-pro", whose provider the table calls provider.
func vendorOf(key, provider string, name func(string) string) (seller, model string) {
	seller = name(provider)
	if before, after, found := strings.Cut(key, "/"); found && name(before) == seller {
		return seller, after
	}
	return seller, key
}
