package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/pricing"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/schemas"
	"tidemark/schemas/prices"
)

// ErrNoBook means that the namespace has no book of prices.
var ErrNoBook = errors.New("there is no book of prices: 'tidemark migrate' loads the one that ships, 'tidemark prices import' another one")

// ReadBooks returns the books of prices that there are, the first one first.
func ReadBooks(ctx context.Context, db *clickhouse.DB) ([]prices.Made, error) {
	var made []prices.Made
	err := db.Query(ctx, prices.BooksSQL(), func(scan func(...any) error) error {
		m, err := prices.ReadMade(scan)
		made = append(made, m)
		return err
	})
	return made, err
}

// ReadBook returns a book of prices and how it was made. number 0 is the newest.
func ReadBook(ctx context.Context, db *clickhouse.DB, number uint64) (*prices.Book, prices.Made, error) {
	all, err := ReadBooks(ctx, db)
	if err != nil {
		return nil, prices.Made{}, err
	}
	if len(all) == 0 {
		return nil, prices.Made{}, ErrNoBook
	}
	made := all[len(all)-1]
	if number > 0 {
		for _, m := range all {
			if m.Number == number {
				made = m
			}
		}
		if made.Number != number {
			return nil, made, fmt.Errorf("there is no book %d of prices: 'tidemark prices books' lists them", number)
		}
	}
	book, err := pricing.ReadBook(ctx, db, made.Number)
	return book, made, err
}

// PriceImport is a table that is to come into the book.
type PriceImport struct {
	Table        prices.Table
	Options      prices.MergeOptions
	Source, Note string
	SHA256       string
	DryRun       bool
}

// PriceChange is what an import changes, or would.
type PriceChange struct {
	Before, After uint64 // The numbers of the books; equal if nothing changes. Before is 0 if there was none.
	Changes       []prices.Change
	Aliases       int // How many are added or stand for another model.
}

// ImportPrices merges a table into the newest book, and makes the next one of it unless nothing changes.
func ImportPrices(ctx context.Context, db *clickhouse.DB, in PriceImport) (PriceChange, error) {
	before, _, err := ReadBook(ctx, db, 0)
	if errors.Is(err, ErrNoBook) {
		before, err = prices.New(0, nil, nil)
	}
	if err != nil {
		return PriceChange{}, err
	}
	change := PriceChange{Before: before.Number, After: before.Number}
	merged, changes, err := prices.Merge(before, in.Table, in.Options)
	change.Changes = changes
	if err != nil {
		return change, err
	}
	aliases := mergeAliases(before.Aliases(), in.Table.Aliases)
	change.Aliases = newAliases(before.Aliases(), aliases)
	number, err := nextBook(ctx, db)
	if err != nil {
		return change, err
	}
	if _, err := prices.New(number, merged, aliases); err != nil {
		return change, err
	}
	if in.DryRun || len(changes) == 0 && change.Aliases == 0 && before.Number > 0 {
		return change, nil
	}
	made := prices.Made{Number: number, ImportID: rand.Uint64(), Source: in.Source, Note: in.Note, SHA256: in.SHA256}
	for _, statement := range prices.InsertSQL(made, before.Prices(), merged, before.Aliases(), aliases) {
		if err := db.Exec(ctx, statement); err != nil {
			return change, fmt.Errorf("import prices (run it again; what is there so far counts for nothing): %w", err)
		}
	}
	if _, newest, err := ReadBook(ctx, db, number); err != nil || newest.ImportID != made.ImportID {
		return change, errors.Join(fmt.Errorf("another import made book %d at the same time, and this one counts for nothing: run it again", number), err)
	}
	change.After = number
	return change, useBook(ctx, db, number)
}

// useBook has a book price what comes from this hour on; all of time if no book prices anything yet. It does nothing if the book has a period.
func useBook(ctx context.Context, db *clickhouse.DB, number uint64) error {
	books := pricing.Books{DB: db}
	periods, err := books.Periods(ctx)
	if err != nil || slices.ContainsFunc(periods, func(p pricing.Period) bool { return p.Book == number && p.Reason == pricing.Import }) {
		return err
	}
	now, err := nextPeriod(ctx, db)
	if err != nil {
		return err
	}
	period := pricing.Period{Made: now, Span: spans.Span{From: spans.First, To: spans.End}, Book: number, Reason: pricing.Import}
	if len(periods) > 0 {
		period.From = spans.Floor(schemas.MinuteOf(int64(now)), hour)
	}
	return makePeriods(ctx, db, period)
}

// hour is the length of an hour in minutes.
const hour = 60

// nextPeriod is the database's clock, or one more than the time of the newest period if the clock was set back.
func nextPeriod(ctx context.Context, db *clickhouse.DB) (made uint64, err error) {
	err = db.Query(ctx, "SELECT greatest("+schemas.NowVersionSQL+", (SELECT max(made) FROM "+schemas.PricePeriodsTable+") + 1)", func(scan func(...any) error) error { return scan(&made) })
	return made, err
}

// makePeriods makes periods, and has the costs in them computed again.
func makePeriods(ctx context.Context, db *clickhouse.DB, periods ...pricing.Period) error {
	for _, p := range periods {
		if err := db.Exec(ctx, pricing.PeriodSQL(p)); err != nil {
			return fmt.Errorf("say what book %d prices: %w", p.Book, err)
		}
		if err := db.Exec(ctx, rollup.RequestCostsSQL(p.Span)); err != nil {
			return fmt.Errorf("request the costs by book %d: %w", p.Book, err)
		}
	}
	return nil
}

// mergeAliases adds aliases; one of the same name replaces that which was there.
func mergeAliases(old, in []prices.Alias) []prices.Alias {
	replaced := map[[3]string]bool{}
	for _, a := range in {
		replaced[[3]string{a.Provider, string(a.Kind), a.Pattern}] = true
	}
	var merged []prices.Alias
	for _, a := range old {
		if !replaced[[3]string{a.Provider, string(a.Kind), a.Pattern}] {
			merged = append(merged, a)
		}
	}
	return append(merged, in...)
}

// newAliases returns how many aliases the first list does not have.
func newAliases(old, merged []prices.Alias) (n int) {
	had := map[prices.Alias]bool{}
	for _, a := range old {
		had[a] = true
	}
	for _, a := range merged {
		if !had[a] {
			n++
			had[a] = true
		}
	}
	return n
}

// nextBook returns a number that no book has and no interrupted import has used.
func nextBook(ctx context.Context, db *clickhouse.DB) (number uint64, err error) {
	sql := "SELECT toUInt64(greatest(" + maxBook(schemas.PriceBooksTable) + ", " + maxBook(schemas.PricesTable) + ", " + maxBook(schemas.ModelAliasesTable) + ")) + 1"
	err = db.Query(ctx, sql, func(scan func(...any) error) error { return scan(&number) })
	return number, err
}

func maxBook(table string) string { return "(SELECT max(book) FROM " + table + ")" }

// loadPrices makes the first book, of the prices that ship, unless there is one. It returns how many prices the newest book has.
func loadPrices(ctx context.Context, db *clickhouse.DB) (n int, loaded bool, err error) {
	book, _, err := ReadBook(ctx, db, 0)
	if !errors.Is(err, ErrNoBook) {
		if err != nil {
			return 0, false, err
		}
		return len(book.Prices()), false, useBook(ctx, db, book.Number)
	}
	table, err := prices.Shipped()
	if err != nil {
		return 0, false, err
	}
	_, err = ImportPrices(ctx, db, PriceImport{Table: table, Source: prices.ShippedSource, Note: prices.ShippedNote})
	return len(table.Prices), true, err
}
