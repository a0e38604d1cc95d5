// Package pricing computes in the database what calls cost.
//
//	price_periods -> which books price a range of time (Plan)
//	raw -> groups of calls that agree in all that a price depends on -> joined with price_rates -> costs
//	groups without a rate -> Book.Rate in Go -> price_rates, and again
//
// The rules of how a price is found stand in schemas/prices and nowhere else: the database joins and multiplies.
package pricing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/internal/plural"
	"tidemark/schemas"
	"tidemark/schemas/prices"
)

// ErrNoBook means that the namespace has no book of that number, or none at all.
var ErrNoBook = errors.New("there is no book of prices")

// Reasons of periods, as the table has them.
const (
	Import  = "import"
	Reprice = "reprice"
)

// Period says that a book prices the calls of a time.
type Period struct {
	Made       uint64 // Microseconds since 1970 by the database's clock. Of two periods, the one made later counts.
	spans.Span        // Whole hours.
	Tenant     string // Whose calls; empty: everybody's.
	Book       uint64
	Reason     string
}

// maxBooks is how many books Books remembers.
const maxBooks = 8

// Books reads which books price what, and remembers the books: they never change. It is for one goroutine.
type Books struct {
	DB ledgerdb.Querier

	known []*prices.Book // The one used last is the last.
}

// Periods returns all periods, the one made last first.
func (b *Books) Periods(ctx context.Context) ([]Period, error) {
	var all []Period
	err := b.DB.Query(ctx, periodsSQL, func(scan func(...any) error) error {
		var p Period
		err := scan(&p.Made, &p.From, &p.To, &p.Tenant, &p.Book, &p.Reason)
		all = append(all, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read which books price which time: %w", err)
	}
	return all, nil
}

// Book returns a book. Book 0 has no prices.
func (b *Books) Book(ctx context.Context, number uint64) (*prices.Book, error) {
	if number == 0 {
		return prices.New(0, nil, nil)
	}
	for i, book := range b.known {
		if book.Number == number {
			b.known = append(slices.Delete(b.known, i, i+1), book)
			return book, nil
		}
	}
	book, err := ReadBook(ctx, b.DB, number)
	if err != nil {
		return nil, err
	}
	b.known = append(b.known, book)
	b.known = b.known[max(0, len(b.known)-maxBooks):]
	return book, nil
}

// ReadBook reads the book of a number.
func ReadBook(ctx context.Context, db ledgerdb.Querier, number uint64) (*prices.Book, error) {
	var made, aliases = false, []prices.Alias(nil)
	var all []prices.Price
	err := db.Query(ctx, prices.BooksSQL(), func(scan func(...any) error) error {
		m, err := prices.ReadMade(scan)
		made = made || m.Number == number
		return err
	})
	if err == nil && !made {
		return nil, fmt.Errorf("%w %d", ErrNoBook, number)
	}
	if err == nil {
		err = db.Query(ctx, prices.PricesSQL(number), func(scan func(...any) error) error {
			p, err := prices.ReadPrice(scan)
			all = append(all, p)
			return err
		})
	}
	if err == nil {
		err = db.Query(ctx, prices.AliasesSQL(number), func(scan func(...any) error) error {
			a, err := prices.ReadAlias(scan)
			aliases = append(aliases, a)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("book %d of prices: %w", number, err)
	}
	book, err := prices.New(number, all, aliases)
	if err != nil {
		return nil, fmt.Errorf("book %d of prices: %w", number, err)
	}
	return book, nil
}

// Plan is how the calls of a range of time are priced.
type Plan struct {
	spans.Span
	periods []Period // Those that price some of it, the one made last first.
	books   []*prices.Book
	parts   parts
}

// parts is whether calls of a range say anything of audio or images.
type parts int

const (
	partsUnknown parts = iota
	partsNone
	partsFound
)

// Plan returns how a range is priced by the periods, which begin with the one made last. What no period prices is of book 0, which has no prices.
func (b *Books) Plan(ctx context.Context, all []Period, s spans.Span) (*Plan, error) {
	p := &Plan{Span: s}
	numbers := []uint64{}
	whole := false
	for _, period := range all {
		common := spans.Intersect([]spans.Span{period.Span}, []spans.Span{s})
		if len(common) == 0 {
			continue
		}
		p.periods = append(p.periods, period)
		numbers = append(numbers, period.Book)
		if whole = period.Tenant == "" && common[0] == s; whole {
			break // What was made before counts for nothing.
		}
	}
	if !whole {
		numbers = append(numbers, 0)
	}
	slices.Sort(numbers)
	for _, number := range slices.Compact(numbers) {
		book, err := b.Book(ctx, number)
		if err != nil {
			return nil, err
		}
		p.books = append(p.books, book)
	}
	return p, nil
}

// Single returns a plan by which one book prices all of a range.
func Single(book *prices.Book, s spans.Span) *Plan {
	return &Plan{Span: s, periods: []Period{{Span: spans.Span{From: spans.First, To: spans.End}, Book: book.Number}}, books: []*prices.Book{book}}
}

// None returns a plan without prices.
func None() *Plan {
	return &Plan{Span: spans.Span{From: spans.First, To: spans.End}, books: []*prices.Book{{}}}
}

// Periods returns the periods that price some of the range, the one made last first. It is not to be changed.
func (p *Plan) Periods() []Period {
	if p == nil {
		return nil
	}
	return p.periods
}

// Columns are the columns of raw rows that SelectSQL reads.
const Columns = "*, minute"

// union returns what the books have, ascending.
func union[T interface{ ~int | ~uint64 | ~string }](books []*prices.Book, of func(*prices.Book) []T) []T {
	var all []T
	for _, b := range books {
		all = append(all, of(b)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// book returns the book of a number.
func (p *Plan) book(number uint64) *prices.Book {
	for _, b := range p.books {
		if b.Number == number {
			return b
		}
	}
	return nil
}

// Unresolved is the reason of rows whose rates are not in price_rates yet.
const Unresolved = "unresolved"

// Resolve adds the rates that are missing for raw rows, a query of which is given, and returns their number. Of what it finds it adds the rates of every usual kind of
// calls, so that it is not called again for the next kind.
func (p *Plan) Resolve(ctx context.Context, db ledgerdb.DB, rows, settings string) (added int, err error) {
	type key struct {
		book uint64
		prices.RateKey
	}
	var rates []rateOf
	known := map[key][]spans.Span{}
	add := func(book *prices.Book, k prices.RateKey, minute int32) {
		at := key{book.Number, k}
		if len(spans.Intersect(known[at], []spans.Span{{From: minute, To: minute + 1}})) > 0 {
			return
		}
		r := rateOf{book.Number, book.Rate(k, spans.TimeOf(minute))}
		known[at] = spans.Union(known[at], []spans.Span{r.minutes()})
		rates = append(rates, r)
	}
	err = db.Query(ctx, p.missingSQL(rows, settings), func(scan func(...any) error) error {
		var number, kind uint64
		var k prices.RateKey
		var minute int32
		if err := scan(&number, &k.Tenant, &k.Provider, &k.Model, &k.Tier, &k.Region, &k.Over, &kind, &minute); err != nil {
			return err
		}
		book := p.book(number)
		if book == nil {
			return fmt.Errorf("book %d of prices is not among those of the range", number)
		}
		k.Kind = prices.Kind(kind)
		add(book, k, minute)
		for _, usual := range usualKinds {
			k.Kind = usual
			add(book, k, minute)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read what has no rate yet: %w", err)
	}
	for some := range slices.Chunk(rates, ratesPerStatement) {
		if err := db.Exec(ctx, insertRatesSQL(some)); err != nil {
			return 0, fmt.Errorf("save %s: %w", plural.Of(len(some), "rate"), err)
		}
	}
	return len(rates), nil
}

// usualKinds are calls with input and output, with and without tokens from and to caches, and failed ones.
var usualKinds = func() []prices.Kind {
	request := prices.KindOf(prices.Request)
	kinds := []prices.Kind{request, request | prices.KindNoUsage, request | prices.KindOf(prices.Input)}
	for _, input := range []prices.Kind{prices.KindOf(prices.Input), 0} {
		for _, read := range []prices.Kind{prices.KindOf(prices.CacheRead), 0} {
			for _, write := range []prices.Kind{prices.KindOf(prices.CacheWrite), prices.KindOf(prices.CacheWrite1h), 0} {
				kinds = append(kinds, request|prices.KindOf(prices.Output)|input|read|write)
			}
		}
	}
	return kinds
}()

// storedRate is a row of price_rates: what it is of, and what it says.
type storedRate struct {
	number uint64
	key    prices.RateKey
	minute int32
	says   string
}

// CheckRates makes every row of price_rates again from its book. It returns their number, and the first one that is not what its book says.
func CheckRates(ctx context.Context, db ledgerdb.Querier, books *Books) (checked int, wrong string, err error) {
	var all []storedRate
	err = db.Query(ctx, storedRatesSQL, func(scan func(...any) error) error {
		var s storedRate
		var kind uint64
		k := &s.key
		if err := scan(&s.number, &k.Tenant, &k.Provider, &k.Model, &k.Tier, &k.Region, &k.Over, &kind, &s.minute, &s.says); err != nil {
			return err
		}
		k.Kind = prices.Kind(kind)
		all = append(all, s)
		return nil
	})
	if err != nil {
		return 0, "", fmt.Errorf("read the rates: %w", err)
	}
	for _, s := range all {
		book, err := books.Book(ctx, s.number)
		if errors.Is(err, ErrNoBook) {
			return checked, fmt.Sprintf("there are rates of book %d, and no such book", s.number), nil
		}
		if err != nil {
			return checked, "", err
		}
		r := rateOf{s.number, book.Rate(s.key, spans.TimeOf(s.minute))}
		if says := r.says(); says != s.says {
			return checked, fmt.Sprintf("the rate of %s at %s from %s on by book %d says %s and should say %s", s.key.Model, s.key.Provider, spans.TimeOf(s.minute).Format(time.RFC3339), s.number, s.says, says), nil
		}
		checked++
	}
	return checked, "", nil
}

// ratesPerStatement bounds a statement that carries its values.
const ratesPerStatement = 500

// rateOf is a rate of a book.
type rateOf struct {
	book uint64
	prices.Rate
}

// minutes returns the time of the rate as minutes, cut to those in which events lie.
func (r *rateOf) minutes() spans.Span { return spans.Between(r.From, r.To) }

// PeriodSQL returns the statement that makes a period.
func PeriodSQL(p Period) string {
	return fmt.Sprintf("INSERT INTO "+schemas.PricePeriodsTable+" (made, from_bucket, to_bucket, tenant, book, reason) VALUES (%d, %s, %s, %s, %d, %s)",
		p.Made, spans.BucketSQL(p.From), spans.BucketSQL(p.To), schemas.Quote(p.Tenant), p.Book, schemas.Quote(p.Reason))
}
