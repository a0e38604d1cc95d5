package billing

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// account is what the imports of a source and account are about.
type account struct {
	source, name string
	imports      map[Kind][]Stored
	// providers are those that it speaks of. Of others, an import of all providers says nothing that could be compared.
	providers map[Kind]map[string]bool
	covered   map[coveredKey]coverage
}

type coveredKey struct {
	kind     Kind
	provider string
	day      int64
}

func accountsOf(in Comparison) []*account {
	var all []*account
	find := func(source, name string) *account {
		for _, a := range all {
			if a.source == source && a.name == name {
				return a
			}
		}
		a := &account{
			source: source, name: name, imports: map[Kind][]Stored{}, providers: map[Kind]map[string]bool{Usage: {}, Cost: {}}, covered: map[coveredKey]coverage{},
		}
		all = append(all, a)
		return a
	}
	for _, s := range in.Imports {
		if in.Scope.Source != "" && s.Source != in.Scope.Source || in.Scope.Account != "" && s.Account != in.Scope.Account || !s.Span.overlaps(in.Scope.Span) ||
			in.Scope.Provider != "" && s.Provider != "" && s.Provider != in.Scope.Provider {
			continue
		}
		a := find(s.Source, s.Account)
		a.imports[s.Kind] = append(a.imports[s.Kind], s)
		if s.Provider != "" {
			a.providers[s.Kind][s.Provider] = true
		}
	}
	for _, t := range in.Theirs {
		a := find(t.Source, t.Account)
		a.providers[t.Kind][t.Provider] = true
	}
	for _, a := range all {
		for kind := range a.imports {
			slices.SortStableFunc(a.imports[kind], func(a, b Stored) int { return b.ImportedAt.Compare(a.ImportedAt) })
		}
	}
	slices.SortFunc(all, func(a, b *account) int {
		return cmp.Or(strings.Compare(a.source, b.source), strings.Compare(a.name, b.name))
	})
	return all
}

// coverage is what the imports of a provider are about, of a day.
type coverage struct {
	whole bool      // Together, they are about all of it.
	at    time.Time // When the oldest of those was imported that it takes for that.
}

// of returns the coverage of a day by the imports of a provider; empty: of any provider.
func (a *account) of(kind Kind, provider string, at time.Time) coverage {
	k := coveredKey{kind, provider, at.Unix()}
	if known, there := a.covered[k]; there {
		return known
	}
	var c coverage
	var spans []Span
	for _, s := range a.imports[kind] { // The latest import comes first.
		if s.Provider != "" && s.Provider != provider && provider != "" {
			continue
		}
		spans = append(spans, s.Span)
		slices.SortFunc(spans, compareSpans)
		end := at
		for _, s := range spans {
			if !s.From.After(end) && s.To.After(end) {
				end = s.To
			}
		}
		if !end.Before(at.Add(day)) {
			c = coverage{true, s.ImportedAt}
			break
		}
	}
	a.covered[k] = c
	return c
}

// missing returns how many days of the scope no import is about, of any provider.
func (a *account) missing(s Scope, kind Kind) (n int) {
	for at := s.From; at.Before(s.To); at = at.Add(day) {
		if !a.of(kind, "", at).whole {
			n++
		}
	}
	return n
}
