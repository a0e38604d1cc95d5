package prices

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tidemark/schemas"
)

// maxRates bounds the rates of a file: the European Central Bank's file of all days since 1999 has 300,000.
const maxRates = 5_000_000

// ReadRates reads rates of exchange as CSV, in one of two forms: a rate per line, with the columns date, from, to and rate: so many of the second
// currency were one of the first. Or the reference rates of the European Central Bank: a day per line, with the columns Date and currencies, against
// the euro, "N/A" where there is no rate.
func ReadRates(r io.Reader) ([]ExchangeRate, error) {
	rows := csv.NewReader(io.LimitReader(r, MaxTable))
	rows.ReuseRecord = true
	rows.TrimLeadingSpace = true
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: read the names of the columns: %w", err)
	}
	read, err := rateReader(head)
	if err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	var all []ExchangeRate
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err // It names the line.
		}
		before := len(all)
		all, err = read(all, row)
		for _, one := range all[before:] {
			err = errors.Join(err, one.Validate())
		}
		if line, _ := rows.FieldPos(0); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		} else if len(all) > maxRates {
			return nil, fmt.Errorf("line %d: more than %d rates: split the file", line, maxRates)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it has no rates")
	}
	_, err = NewRates(all)
	return all, err
}

// rateReader returns what reads the rows of a file with this head.
func rateReader(head []string) (func([]ExchangeRate, []string) ([]ExchangeRate, error), error) {
	column := map[string]int{}
	for i, name := range head {
		column[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i
	}
	_, hasDate := column["date"]
	_, hasFrom := column["from"]
	_, hasTo := column["to"]
	_, hasRate := column["rate"]
	if hasDate && hasFrom && hasTo && hasRate {
		return func(all []ExchangeRate, row []string) ([]ExchangeRate, error) {
			day, err := rateDay(row[column["date"]])
			if err != nil {
				return all, err
			}
			value, err := DecimalRate(strings.TrimSpace(row[column["rate"]]))
			return append(all, ExchangeRate{day, row[column["from"]], row[column["to"]], value, "file"}), err
		}, nil
	}
	currencies := slices.Clone(head[1:])
	for i := range currencies {
		currencies[i] = strings.TrimSpace(currencies[i])
		if currencies[i] != "" && !isCurrency(currencies[i]) {
			hasDate = false
		}
	}
	if !hasDate || column["date"] != 0 || len(currencies) == 0 {
		return nil, errors.New("the columns are neither date, from, to and rate, nor Date and currencies of three letters, as the European Central Bank has them")
	}
	return func(all []ExchangeRate, row []string) ([]ExchangeRate, error) {
		return centralBankRow(all, row, currencies)
	}, nil
}

// centralBankRow reads the rates of a day. The file ends each line with a comma, so a column without a name has no rates.
func centralBankRow(all []ExchangeRate, row, currencies []string) ([]ExchangeRate, error) {
	day, err := rateDay(row[0])
	if err != nil {
		return all, err
	}
	for i, currency := range currencies {
		text := strings.TrimSpace(row[i+1])
		if text == "N/A" || text == "" {
			continue
		}
		if currency == "" {
			return all, fmt.Errorf("%s is in a column without a currency", schemas.Excerpt(text))
		}
		value, err := DecimalRate(text)
		if err != nil {
			return all, fmt.Errorf("%s: %w", currency, err)
		}
		all = append(all, ExchangeRate{day, pivot, currency, value, "ecb"})
	}
	return all, nil
}

// rateDay reads a day as the files have it: 2026-11-27, and 27 November 2026 in the central bank's file of one day.
func rateDay(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2 January 2006"} {
		if day, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return day, nil
		}
	}
	return time.Time{}, fmt.Errorf("date: %s is no day such as 2026-11-27", schemas.Excerpt(text))
}
