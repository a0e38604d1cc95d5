// Package catalog holds what is publicly known of models: whether their weights can be had, their license, who made them
// and in which country, and when they were released, each fact with its source. It is a CSV file and, in the database,
// the table models:
//
//	Parse (a file), Default (the one shipped) -> []Model -> Compare -> InsertSQL, DeleteSQL -> table models
//	SelectSQL -> Read -> []Model -> Write (a file)
//
// Nothing is guessed: what no source states is unknown. The shipped file is made by internal/makecatalog.
package catalog

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Fact is one thing that is known of a model, and who says so. Both are empty where it is unknown.
type Fact struct {
	Value  string
	Source string // "Epoch AI", "models.dev", or whatever an imported file says.
}

// Model is what is known of one model.
type Model struct {
	ID           string // As events carry it.
	Weights      Fact   // "open" when anybody can download them, under whatever terms, or "closed".
	License      Fact
	Organization Fact // Who made the model.
	Country      Fact // Of the organization, ISO 3166-1 alpha-2.
	ReleaseDate  Fact // 2025-08-07, within the years 1900 to 2299.
}

// Values of Model.Weights.
const (
	Open   = "open"
	Closed = "closed"
)

// unknown is how a file and the table write weights that nobody states.
const unknown = "unknown"

// maxText is the longest text in bytes, the limit that events have for a model's name.
const maxText = 256

// fact is a column, with a second one beside it for the source.
type fact struct {
	column string
	of     func(*Model) *Fact
	blank  string // The table's value where it is unknown, in SQL.
	// check returns what is wrong with a value that is not empty, and what to do; empty texts when nothing is.
	check func(value string) (problem, remedy string)
}

// facts are in the order of the columns of file and table.
var facts = []fact{
	{"weights", func(m *Model) *Fact { return &m.Weights }, `'unknown'`, checkWeights},
	{"license", func(m *Model) *Fact { return &m.License }, `''`, checkNothing},
	{"organization", func(m *Model) *Fact { return &m.Organization }, `''`, checkNothing},
	{"country", func(m *Model) *Fact { return &m.Country }, `''`, checkCountry},
	{"release_date", func(m *Model) *Fact { return &m.ReleaseDate }, `NULL`, checkDate},
}

const (
	modelColumn  = "model"
	sourceSuffix = "_source"
)

// Columns returns the columns of a file, in the order in which Write has them; the table's begin with the same.
func Columns() []string {
	columns := []string{modelColumn}
	for _, f := range facts {
		columns = append(columns, f.column, f.column+sourceSuffix)
	}
	return columns
}

//go:embed default.csv
var defaultFile []byte

// Default returns the catalog that is shipped, in the order of its models' names.
func Default() ([]Model, error) {
	models, err := Parse("the shipped catalog", bytes.NewReader(defaultFile))
	if err != nil {
		return nil, fmt.Errorf("this program was built with a bad catalog: %w", err) // A test reads it.
	}
	return models, nil
}

func checkNothing(string) (problem, remedy string) { return "", "" }

func checkWeights(value string) (problem, remedy string) {
	if value == Open || value == Closed {
		return "", ""
	}
	return fmt.Sprintf("%q is not open, closed or unknown", shorten(value)), "write one of the three"
}

func checkCountry(value string) (problem, remedy string) {
	if len(value) == 2 && strings.Contains(countries, " "+value+" ") {
		return "", ""
	}
	return fmt.Sprintf("%q is not an ISO 3166-1 alpha-2 code", shorten(value)), "write two capital letters such as DE, or leave it empty"
}

func checkDate(value string) (problem, remedy string) {
	date, err := time.Parse(time.DateOnly, value)
	switch {
	case err != nil:
		return fmt.Sprintf("%q is not a date", shorten(value)), "write year, month and day as in 2025-08-07, or leave it empty"
	case date.Year() < 1900 || date.Year() > 2299:
		return fmt.Sprintf("%s is not within the years 1900 to 2299", value), "correct the year"
	}
	return "", ""
}

// checkText is checked of every cell.
func checkText(value string) (problem, remedy string) {
	switch {
	case !utf8.ValidString(value):
		return fmt.Sprintf("%q is not UTF-8", shorten(value)), "save the file in UTF-8"
	case strings.ContainsFunc(value, unicode.IsControl):
		return fmt.Sprintf("%q has a control character", shorten(value)), "remove it"
	case strings.TrimSpace(value) != value:
		return fmt.Sprintf("%q begins or ends with a space", shorten(value)), "remove it"
	case len(value) > maxText:
		return fmt.Sprintf("%q has %d bytes", shorten(value), len(value)), fmt.Sprintf("use %d at the most", maxText)
	}
	return "", ""
}

// shorten keeps an error message readable.
func shorten(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "..."
}

// Change is what makes one list of models out of another.
type Change struct {
	Added   []Model
	Changed []Pair
	Removed []Model
	Same    int // Models that are in both and do not differ.
	Other   int // Models that stay although the new list does not have them.
}

// Pair is a model before and after a change.
type Pair struct{ Old, New Model }

// Compare returns what has to be done to have, so that the models of want are in it as they are there. With replace it
// has no other models afterwards. Both lists have a model once, in any order; the result is in the order of the names.
func Compare(have, want []Model, replace bool) Change {
	old := make(map[string]Model, len(have))
	for _, m := range have {
		old[m.ID] = m
	}
	var c Change
	for _, m := range sorted(want) {
		before, there := old[m.ID]
		delete(old, m.ID)
		switch {
		case !there:
			c.Added = append(c.Added, m)
		case before != m:
			c.Changed = append(c.Changed, Pair{Old: before, New: m})
		default:
			c.Same++
		}
	}
	for _, m := range sorted(have) {
		if _, left := old[m.ID]; !left {
			continue
		}
		if replace {
			c.Removed = append(c.Removed, m)
		} else {
			c.Other++
		}
	}
	return c
}

func sorted(models []Model) []Model {
	return slices.SortedFunc(slices.Values(models), func(a, b Model) int { return strings.Compare(a.ID, b.ID) })
}

// Facts returns what differs between the two, for people: "country unknown -> US (Epoch AI)".
func (p Pair) Facts() []string {
	var out []string
	for _, f := range facts {
		if before, after := *f.of(&p.Old), *f.of(&p.New); before != after {
			out = append(out, fmt.Sprintf("%s %s -> %s", f.column, before, after))
		}
	}
	return out
}

// String returns the value and who says so: "US (Epoch AI)".
func (f Fact) String() string {
	if f.Value == "" {
		return unknown
	}
	return f.Value + " (" + f.Source + ")"
}
