package prices

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark/schemas"
)

// Made is a book as the table of books has it.
type Made struct {
	Number       uint64
	ImportID     uint64 // Tells its rows from those of another import that took the same number.
	CreatedAt    time.Time
	Source, Note string
	SHA256       string // Of the file, in hex.
}

// BooksSQL returns the query for all books, read by ReadMade, the first one first.
func BooksSQL() string {
	return "SELECT toUInt64(book), import_id, toUnixTimestamp64Micro(created_at), toString(source), note, sha256 FROM " + schemas.PriceBooksTable + " FINAL ORDER BY book"
}

// ReadMade makes a book of one row of BooksSQL.
func ReadMade(scan func(dest ...any) error) (Made, error) {
	var m Made
	var micros int64
	if err := scan(&m.Number, &m.ImportID, &micros, &m.Source, &m.Note, &m.SHA256); err != nil {
		return m, fmt.Errorf("read a book of prices: %w", err)
	}
	m.CreatedAt = time.UnixMicro(micros).UTC()
	return m, nil
}

// priceColumns are the columns of a price, as the tables have them; aliasColumns those of an alias.
var (
	priceColumns = []string{
		"tenant", "provider", "model", "region", "tier", "context_over", "unit", "daily_from", "daily_to", "valid_from", "valid_to", "currency", "picos",
		"published", "per", "source",
	}
	aliasColumns = []string{"provider", "kind", "pattern", "model"}
)

// PricesSQL returns the query for the prices of a book, read by ReadPrice. Statements that were repeated count once.
func PricesSQL(book uint64) string {
	columns := slices.Clone(priceColumns)
	for i, c := range columns {
		switch c {
		case "valid_from", "valid_to":
			columns[i] = "toInt64(toUnixTimestamp(" + c + "))"
		case "daily_from", "daily_to", "per":
			columns[i] = "toInt64(" + c + ")"
		case "context_over", "picos", "published":
		default:
			columns[i] = "toString(" + c + ")"
		}
	}
	return "SELECT " + strings.Join(columns, ", ") + setSQL(schemas.PricesTable, priceColumns, book)
}

// AliasesSQL returns the query for the aliases of a book, read by ReadAlias.
func AliasesSQL(book uint64) string {
	return "SELECT toString(provider), toString(kind), pattern, model" + setSQL(schemas.ModelAliasesTable, aliasColumns, book)
}

// setSQL is the end of a query for the rows that a book has: those that the books up to it put in, and did not take out.
func setSQL(table string, columns []string, book uint64) string {
	list := strings.Join(columns, ", ")
	return fmt.Sprintf(" FROM (SELECT DISTINCT book, sign, %s FROM %s WHERE (book, import_id) IN (SELECT book, import_id FROM %s FINAL WHERE book <= %d)) GROUP BY %s HAVING sum(sign) > 0 ORDER BY ALL",
		list, table, schemas.PriceBooksTable, book, list)
}

// ReadPrice makes a price of one row of PricesSQL.
func ReadPrice(scan func(dest ...any) error) (Price, error) {
	var p Price
	var unit string
	var dailyFrom, dailyTo, from, to, picos int64
	err := scan(&p.Tenant, &p.Provider, &p.Model, &p.Region, &p.Tier, &p.ContextOver, &unit, &dailyFrom, &dailyTo, &from, &to, &p.Currency, &picos, &p.Published, &p.Per, &p.Source)
	if err != nil {
		return p, fmt.Errorf("read a price: %w", err)
	}
	p.Unit, p.DailyFrom, p.DailyTo, p.Picos = Unit(unit), int(dailyFrom), int(dailyTo), Picos(picos)
	p.From, p.To = instantOf(from), instantOf(to)
	return p, nil
}

// ReadAlias makes an alias of one row of AliasesSQL.
func ReadAlias(scan func(dest ...any) error) (Alias, error) {
	var a Alias
	var kind string
	if err := scan(&a.Provider, &kind, &a.Pattern, &a.Model); err != nil {
		return a, fmt.Errorf("read an alias of a model: %w", err)
	}
	a.Kind = AliasKind(kind)
	return a, nil
}

func instantOf(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func secondsOf(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

// rowsPerStatement bounds a statement of InsertSQL.
const rowsPerStatement = 1000

// InsertSQL returns the statements that make a book of what the one before it has: rows first, and at last the book itself, so that an interrupted
// import makes none. Each may be run again.
func InsertSQL(made Made, before, after []Price, aliasesBefore, aliasesAfter []Alias) []string {
	var rows, names []string
	in, out := difference(before, after)
	for _, p := range out {
		rows = append(rows, priceRow(made, -1, p))
	}
	for _, p := range in {
		rows = append(rows, priceRow(made, 1, p))
	}
	aliasesIn, aliasesOut := difference(aliasesBefore, aliasesAfter)
	for _, a := range aliasesOut {
		names = append(names, aliasRow(made, -1, a))
	}
	for _, a := range aliasesIn {
		names = append(names, aliasRow(made, 1, a))
	}
	all := inserts(schemas.PricesTable, priceColumns, rows)
	all = append(all, inserts(schemas.ModelAliasesTable, aliasColumns, names)...)
	return append(all, fmt.Sprintf("INSERT INTO %s (book, import_id, source, sha256, note) VALUES (%d, %d, %s, %s, %s)", schemas.PriceBooksTable, made.Number, made.ImportID,
		schemas.Quote(made.Source), schemas.Quote(made.SHA256), schemas.Quote(made.Note)))
}

// difference returns what only the second has, and what only the first has.
func difference[T comparable](before, after []T) (in, out []T) {
	had, has := map[T]bool{}, map[T]bool{}
	for _, one := range before {
		had[one] = true
	}
	for _, one := range after {
		has[one] = true
		if !had[one] {
			in = append(in, one)
		}
	}
	for _, one := range before {
		if !has[one] {
			out = append(out, one)
		}
	}
	return in, out
}

func priceRow(made Made, sign int, p Price) string {
	texts := []string{p.Tenant, p.Provider, p.Model, p.Region, p.Tier}
	for i := range texts {
		texts[i] = schemas.Quote(texts[i])
	}
	return fmt.Sprintf("(%d, %d, %d, %s, %d, %s, %d, %d, %d, %d, %s, %d, %s, %d, %s)", made.Number, made.ImportID, sign, strings.Join(texts, ", "), p.ContextOver, schemas.Quote(string(p.Unit)),
		p.DailyFrom, p.DailyTo, secondsOf(p.From), secondsOf(p.To), schemas.Quote(p.Currency), int64(p.Picos), schemas.Quote(p.Published), p.Per, schemas.Quote(p.Source))
}

func aliasRow(made Made, sign int, a Alias) string {
	return fmt.Sprintf("(%d, %d, %d, %s, %s, %s, %s)", made.Number, made.ImportID, sign, schemas.Quote(a.Provider), schemas.Quote(string(a.Kind)), schemas.Quote(a.Pattern), schemas.Quote(a.Model))
}

func inserts(table string, columns []string, rows []string) []string {
	var all []string
	for some := range slices.Chunk(rows, rowsPerStatement) {
		all = append(all, "INSERT INTO "+table+" (book, import_id, sign, "+strings.Join(columns, ", ")+") VALUES "+strings.Join(some, ", "))
	}
	return all
}
