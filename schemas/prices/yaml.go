package prices

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// file is our own form of a table.
type file struct {
	Source  string      `yaml:"source,omitempty"`
	Prices  []fileEntry `yaml:"prices"`
	Aliases []fileAlias `yaml:"aliases,omitempty"`
}

// fileEntry is the prices of a model that hold together. Numbers are read as they are written.
type fileEntry struct {
	Provider    string            `yaml:"provider"`
	Model       string            `yaml:"model"`
	Tenant      string            `yaml:"tenant,omitempty"`
	Region      string            `yaml:"region,omitempty"`
	Tier        string            `yaml:"tier,omitempty"`
	ContextOver uint64            `yaml:"context_over,omitempty"`
	Daily       string            `yaml:"daily,omitempty"` // "16:30-00:30", UTC.
	From        string            `yaml:"from,omitempty"`  // RFC 3339, or a day: from its beginning, UTC.
	To          string            `yaml:"to,omitempty"`
	Currency    string            `yaml:"currency"`
	Per         int64             `yaml:"per"`
	Is          map[Unit]verbatim `yaml:"is"`
}

type fileAlias struct {
	Provider string    `yaml:"provider"`
	Kind     AliasKind `yaml:"kind"`
	Pattern  string    `yaml:"pattern"`
	Model    string    `yaml:"model"`
}

// verbatim is a number as it is written.
type verbatim string

// UnmarshalYAML implements yaml.Unmarshaler.
func (v *verbatim) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a price is a number", node.Line)
	}
	*v = verbatim(node.Value)
	return nil
}

// MarshalYAML implements yaml.Marshaler.
func (v verbatim) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: string(v)}, nil
}

// ReadYAML reads our own form: see docs/prices.md. It is dated if all of its prices have a first instant.
func ReadYAML(r io.Reader) (Table, error) {
	decoder := yaml.NewDecoder(io.LimitReader(r, MaxTable))
	decoder.KnownFields(true)
	var f file
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return Table{}, fmt.Errorf("read the prices as YAML: %w", err)
	}
	table := Table{Source: "file", Dated: len(f.Prices) > 0}
	if f.Source != "" {
		table.Source = f.Source
	}
	var errs []error
	for i, e := range f.Prices {
		found, err := e.prices(table.Source)
		if err != nil {
			errs = append(errs, fmt.Errorf("entry %d (%s of %s): %w", i+1, e.Model, e.Provider, err))
		}
		table.Dated = table.Dated && e.From != ""
		table.Prices = append(table.Prices, found...)
	}
	for _, p := range table.Prices {
		if !table.Dated && !p.From.IsZero() {
			errs = append(errs, errors.New("some entries have from and others do not: give it to all of them, or to none"))
			break
		}
	}
	for _, a := range f.Aliases {
		table.Aliases = append(table.Aliases, Alias(a))
	}
	return table, errors.Join(errs...)
}

func (e fileEntry) prices(source string) (found []Price, err error) {
	base := Price{
		Key:      Key{Tenant: e.Tenant, Provider: e.Provider, Model: e.Model, Region: e.Region, Tier: Standard, ContextOver: e.ContextOver},
		Currency: e.Currency, Per: e.Per, Source: source,
	}
	if e.Tier != "" {
		base.Tier = e.Tier
	}
	var fromErr, toErr, dailyErr error
	base.From, fromErr = parseInstant("from", e.From)
	base.To, toErr = parseInstant("to", e.To)
	base.DailyFrom, base.DailyTo, dailyErr = parseDaily(e.Daily)
	errs := []error{fromErr, toErr, dailyErr}
	if len(e.Is) == 0 {
		errs = append(errs, errors.New("it has no price: is"))
	}
	for _, unit := range sortedUnits(e.Is) {
		p := base
		p.Unit = unit
		p, _, reason := priced(p, string(e.Is[unit]))
		if reason != "" {
			errs = append(errs, errors.New(reason))
			continue
		}
		errs = append(errs, p.Validate())
		found = append(found, p)
	}
	return found, errors.Join(errs...)
}

func sortedUnits(m map[Unit]verbatim) []Unit {
	var units []Unit
	for u := range m {
		units = append(units, u)
	}
	slices.SortFunc(units, func(a, b Unit) int { return strings.Compare(string(a), string(b)) })
	return units
}

func parseInstant(what, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			if at.Second() != 0 || at.Nanosecond() != 0 {
				return at, fmt.Errorf("%s: %s is not a whole minute", what, text)
			}
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s: %q is neither a time such as 2026-07-30T00:00:00Z nor a day", what, text)
}

func parseDaily(text string) (from, to int, err error) {
	if text == "" {
		return 0, 0, nil
	}
	first, last, _ := strings.Cut(text, "-")
	begin, beginErr := time.Parse("15:04", first)
	end, endErr := time.Parse("15:04", last)
	if beginErr != nil || endErr != nil || begin.Equal(end) {
		return 0, 0, fmt.Errorf("daily: %q is not two times of day, UTC, such as 16:30-00:30", text)
	}
	return begin.Hour()*60 + begin.Minute(), end.Hour()*60 + end.Minute(), nil
}

// WriteYAML writes prices and aliases so that ReadYAML reads the same.
func WriteYAML(w io.Writer, prices []Price, aliases []Alias) error {
	type sameEntry struct {
		Key
		from, to time.Time
		currency string
		per      int64
	}
	var f file
	at := map[sameEntry]int{}
	for _, p := range prices {
		e := sameEntry{p.Key, p.From, p.To, p.Currency, p.Per}
		e.Unit = ""
		i, known := at[e]
		if !known {
			i, at[e] = len(f.Prices), len(f.Prices)
			f.Prices = append(f.Prices, entryOf(p))
		}
		f.Prices[i].Is[p.Unit] = verbatim(p.Published)
	}
	for _, a := range aliases {
		f.Aliases = append(f.Aliases, fileAlias(a))
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(f); err != nil {
		return fmt.Errorf("write the prices: %w", err)
	}
	return encoder.Close()
}

func entryOf(p Price) fileEntry {
	e := fileEntry{
		Provider: p.Provider, Model: p.Model, Tenant: p.Tenant, Region: p.Region, ContextOver: p.ContextOver, Currency: p.Currency, Per: p.Per, Is: map[Unit]verbatim{},
	}
	if p.Tier != Standard {
		e.Tier = p.Tier
	}
	if p.windowed() {
		e.Daily = fmt.Sprintf("%02d:%02d-%02d:%02d", p.DailyFrom/60, p.DailyFrom%60, p.DailyTo/60, p.DailyTo%60)
	}
	if !p.From.IsZero() {
		e.From = p.From.UTC().Format(time.RFC3339)
	}
	if !p.To.IsZero() {
		e.To = p.To.UTC().Format(time.RFC3339)
	}
	return e
}
