package prices

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark/schemas"
)

// RatesSQL returns the query for all rates of exchange, read by ReadRate, the first day first. Of the rows of a day and pair, the newest counts.
func RatesSQL() string {
	newest := "(imported_at, rate, source)" // Of two that came in at the same instant, always the same one.
	return fmt.Sprintf("SELECT toInt64(toInt32(day)), toString(base), toString(quote), toString(argMax(rate, %s)), toString(argMax(source, %s)) FROM %s GROUP BY day, base, quote ORDER BY ALL",
		newest, newest, schemas.FXTable)
}

// ReadRate makes a rate of one row of RatesSQL.
func ReadRate(scan func(dest ...any) error) (ExchangeRate, error) {
	var r ExchangeRate
	var day int64
	var value string
	if err := scan(&day, &r.Base, &r.Quote, &value, &r.Source); err != nil {
		return r, fmt.Errorf("read a rate of exchange: %w", err)
	}
	r.Day = time.Unix(day*24*60*60, 0).UTC()
	var err error
	r.Value, err = DecimalRate(value)
	return r, err
}

// ratesPerStatement bounds a statement of InsertRatesSQL: half a megabyte.
const ratesPerStatement = 10_000

// InsertRatesSQL returns the statements that add rates. Each may be run again.
func InsertRatesSQL(all []ExchangeRate) []string {
	var statements []string
	for some := range slices.Chunk(all, ratesPerStatement) {
		rows := make([]string, len(some))
		for i, r := range some {
			rows[i] = fmt.Sprintf("('%s', %s, %s, '%s', %s)", r.Day.Format(time.DateOnly), schemas.Quote(r.Base), schemas.Quote(r.Quote), r.Value, schemas.Quote(r.Source))
		}
		statements = append(statements, "INSERT INTO "+schemas.FXTable+" (day, base, quote, rate, source) VALUES "+strings.Join(rows, ", "))
	}
	return statements
}
