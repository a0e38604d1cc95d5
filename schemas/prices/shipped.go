package prices

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// shipped is the book that ships with the program, made by internal/makeprices.
//
//go:embed default.csv
var shipped []byte

// ShippedNote says what the shipped book is. Figures that come from it are shown with its date.
const ShippedNote = "LiteLLM's table, observed from 2025-02-06 to 2026-01-31 and on 2026-07-24"

// ShippedSource is the source of a book that has the prices that ship with the program.
const ShippedSource = "shipped"

// Shipped returns the prices that ship with the program.
func Shipped() (Table, error) {
	table, err := readCSV(bytes.NewReader(shipped))
	if err != nil {
		return Table{}, fmt.Errorf("the shipped book of prices: %w", err)
	}
	return table, nil
}

// csvColumns are the columns of the shipped file before those of the units.
var csvColumns = []string{"provider", "model", "region", "tier", "context_over", "from", "to"}

// readCSV reads what WriteCSV writes.
func readCSV(r io.Reader) (Table, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	table := Table{Source: "litellm", Dated: true}
	head, err := rows.Read()
	if err != nil {
		return table, err
	}
	if strings.Join(head[:len(csvColumns)], ",") != strings.Join(csvColumns, ",") {
		return table, fmt.Errorf("its columns are %v", head)
	}
	units := make([]Unit, len(head)-len(csvColumns))
	for i := range units {
		units[i] = Unit(head[len(csvColumns)+i])
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return table, nil
		}
		if err != nil {
			return table, err
		}
		e := fileEntry{Provider: row[0], Model: row[1], Region: row[2], Tier: row[3], From: row[5], To: row[6], Currency: "USD", Per: 1, Is: map[Unit]verbatim{}}
		if row[4] != "" {
			if e.ContextOver, err = strconv.ParseUint(row[4], 10, 64); err != nil {
				return table, err
			}
		}
		for i, unit := range units {
			if text := row[len(csvColumns)+i]; text != "" {
				e.Is[unit] = verbatim(text)
			}
		}
		found, err := e.prices(table.Source)
		if err != nil {
			return table, fmt.Errorf("%s of %s: %w", e.Model, e.Provider, err)
		}
		table.Prices = append(table.Prices, found...)
	}
}

// WriteCSV writes prices in USD per unit for everybody, a line per model, tier, threshold and time.
func WriteCSV(w io.Writer, prices []Price) error {
	type entry struct{ line, prices []string }
	var all []*entry
	at := map[string]*entry{}
	for _, p := range prices {
		if p.Currency != "USD" || p.Per != 1 || p.Tenant != "" || p.windowed() {
			return fmt.Errorf("%s is not in USD per unit for everybody", p.Name())
		}
		e := entryOf(p)
		over := ""
		if p.ContextOver > 0 {
			over = strconv.FormatUint(p.ContextOver, 10)
		}
		line := []string{e.Provider, e.Model, e.Region, e.Tier, over, e.From, e.To}
		key := strings.Join(line, "\x00")
		if at[key] == nil {
			at[key] = &entry{line, make([]string, len(Units))}
			all = append(all, at[key])
		}
		at[key].prices[index(Units, p.Unit)] = p.Published
	}
	rows := csv.NewWriter(w)
	head := append([]string{}, csvColumns...)
	for _, unit := range Units {
		head = append(head, string(unit))
	}
	if err := rows.Write(head); err != nil {
		return err
	}
	for _, e := range all {
		if err := rows.Write(append(e.line, e.prices...)); err != nil {
			return err
		}
	}
	rows.Flush()
	return rows.Error()
}
