// Package billing compares what Tidemark computes with what providers say. It reads files that somebody exported from a provider's usage or cost API,
// from LiteLLM or as FOCUS, says how they are stored, and sets the two sides against each other:
// Read -> Report -> InsertSQL; CountedSQL -> Compare -> Row.
package billing

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"tidemark/schemas"
)

// Kind is what an observation tells.
type Kind string

// The kinds. What tells both makes two observations.
const (
	Usage Kind = "usage" // Tokens and requests.
	Cost  Kind = "cost"  // Money.
)

// Observation is one line of what somebody else says of a period.
type Observation struct {
	From, To time.Time // UTC, whole seconds; To is not included.
	Kind     Kind
	Provider string // As events have it. Empty if the file does not tell it.
	Project  string // Project, workspace, team or account within the source. May be empty.
	Model    string // As events have it. May be empty.
	Line     string // Line item. May be empty.
	Tokens   Tokens
	Requests *uint64  // Nil if the file does not tell them.
	Cost     *big.Int // In 1e-12 of the currency; nil for usage. It may be below 0: a credit.
	Currency string   // ISO 4217; empty for usage.
}

// Tokens are the tokens of an observation by class. A class that the file does not tell is nil, not 0.
type Tokens struct {
	Input                           *uint64 // All input, that from and to caches included.
	Uncached, CacheRead, CacheWrite *uint64 // Its parts.
	Output                          *uint64 // Reasoning included.
}

// Span is a time from an instant to another one, which is not included.
type Span struct{ From, To time.Time }

// Report is what a file says.
type Report struct {
	Format string
	Source string // Who says it: "openai", "anthropic", "litellm", "focus".
	// Observations are sums: what users, keys, tiers and regions a file names beside the fields of an observation is not kept.
	Observations []Observation
	// Covered is what the file is about by kind, in order and without overlap, whether it has observations there or not.
	Covered map[Kind][]Span
	Skipped []Skip
	Rounded int // Amounts that were finer than 1e-12 of their currency.
}

// Skip is what a file has and no observation is made of.
type Skip struct {
	What string
	Rows int
}

// MaxFile bounds the bytes of a file.
const MaxFile = 64 << 20

// Read reads a file. format is one of Formats, or "auto". An error names the line and the cause.
func Read(content []byte, format string) (Report, error) {
	if len(content) > MaxFile {
		return Report{}, fmt.Errorf("it has more than %d MiB", MaxFile>>20)
	}
	if format == "auto" || format == "" {
		var err error
		if format, err = FormatOf(content); err != nil {
			return Report{}, err
		}
	}
	for _, f := range formats {
		if f.name == format {
			c := newCollector(f.source, f.name)
			if err := f.read(content, c); err != nil {
				return Report{}, err
			}
			return c.finish()
		}
	}
	return Report{}, fmt.Errorf("%q is not one of the formats %s", format, Formats())
}

// For returns the report for a provider, and whose rows an import of it is about. Files of OpenAI and Anthropic do not name the provider: provider says it,
// and by default it is who wrote the file. Of other files, provider selects rows; empty means all, and an import is about all providers then.
func (r Report) For(provider string) (of Report, whose string, err error) {
	of = r
	of.Observations = nil
	named := r.Source == "litellm" || r.Source == "focus"
	if named && provider == "" {
		return r, "", nil
	}
	if provider == "" {
		provider = r.Source
	}
	others := map[string]bool{}
	for _, o := range r.Observations {
		switch {
		case !named:
			o.Provider = provider
		case o.Provider != provider:
			others[o.Provider] = true
			continue
		}
		of.Observations = append(of.Observations, o)
	}
	if named && len(of.Observations) == 0 {
		return of, provider, fmt.Errorf("it has no row of the provider %s; it has %s", schemas.Excerpt(provider), schemas.QuoteAll(slices.Sorted(maps.Keys(others))))
	}
	return of, provider, nil
}
