package prices

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ChangeKind is what an import does to a price.
type ChangeKind string

// The kinds.
const (
	Added     ChangeKind = "added"     // The book had no price of this key then.
	Changed   ChangeKind = "changed"   // It had another one.
	Withdrawn ChangeKind = "withdrawn" // It had one and has none now.
)

// Change is a difference between two books, of one key.
type Change struct {
	Kind ChangeKind
	Key  Key
	// From is the first instant of the difference, zero for the beginning of time, and To its end, zero if it has none.
	From, To time.Time
	Old, New *Price // The prices at From; nil if there is none.
}

// PastError says that an import would change what the book says of a time that is over.
type PastError struct{ Changes []Change }

// Error implements error.
func (e *PastError) Error() string {
	c := e.Changes[0]
	return fmt.Sprintf("%d prices of a time that is over would change; the first is %s from %s on", len(e.Changes), (Price{Key: c.Key}).Name(), instant(c.From))
}

// MergeOptions are how a table goes into a book.
type MergeOptions struct {
	// From is from when on a table that is not dated counts. Times of its own count after that.
	From time.Time
	// Now is the end of the time that is over.
	Now time.Time
	// Correct lets the table change the prices of a time that is over.
	Correct bool
}

// Merge returns the prices of a book after a table came in, and what differs. Of the models of the table, the table's prices hold instead of those
// of the same source and of the same keys: a price of the same source that the table does not have ends, at From. Prices of other models, and prices for
// one tenant, stay. It is a PastError if what the book says of a time that is over changes, unless the options say so: a price for a time that had
// none is no such change.
func Merge(b *Book, t Table, o MergeOptions) ([]Price, []Change, error) {
	if !t.Dated && o.From.IsZero() {
		return nil, nil, errors.New("the table does not say from when on its prices hold")
	}
	incoming := map[Key][]Price{}
	models := map[modelKey]bool{}
	counts := o.From.UTC().Truncate(time.Minute)
	for _, p := range t.Prices {
		if !t.Dated && (p.From.IsZero() || p.From.Before(counts)) {
			p.From = counts
		}
		if !p.To.IsZero() && !p.From.Before(p.To) {
			continue // It was over before the table counts.
		}
		incoming[p.Key] = append(incoming[p.Key], p)
		models[modelKey{p.Provider, p.Model}] = true
	}
	before := map[Key][]Price{}
	for _, p := range b.prices {
		before[p.Key] = append(before[p.Key], p)
	}
	var merged []Price
	var changes, past []Change
	for _, key := range keysOf(before, incoming) {
		old, in := before[key], incoming[key]
		after := old
		switch {
		case len(in) > 0:
			slices.SortFunc(in, compare)
			if !t.Dated {
				old = endAt(old, t.Source, counts)
			}
			after = replace(old, in)
		case !t.Dated && models[modelKey{key.Provider, key.Model}] && key.Tenant == "":
			after = endAt(old, t.Source, counts)
		}
		merged = append(merged, after...)
		for _, c := range differences(key, before[key], after) {
			changes = append(changes, c)
			if c.Kind != Added && c.From.Before(o.Now) {
				past = append(past, c)
			}
		}
	}
	if len(past) > 0 && !o.Correct {
		return nil, changes, &PastError{past}
	}
	return merged, changes, nil
}

// keysOf returns the keys of both, in a fixed order.
func keysOf(a, b map[Key][]Price) []Key {
	var first []Price
	for _, all := range a {
		first = append(first, all[0])
	}
	for key, all := range b {
		if _, twice := a[key]; !twice {
			first = append(first, all[0])
		}
	}
	slices.SortFunc(first, compare)
	keys := make([]Key, len(first))
	for i, p := range first {
		keys[i] = p.Key
	}
	return keys
}

// replace returns the prices of one key after others came in: from the first instant of those to their last one, they alone hold. A price that goes on
// as it was stays one price.
func replace(old, in []Price) []Price {
	begin, end := in[0].From, in[0].To
	for _, p := range in {
		if end.IsZero() || p.To.IsZero() {
			end = time.Time{}
		} else if p.To.After(end) {
			end = p.To
		}
	}
	var after []Price
	for _, p := range old {
		if !begin.IsZero() && (p.From.IsZero() || p.From.Before(begin)) { // What held before.
			head := p
			if p.To.IsZero() || p.To.After(begin) {
				head.To = begin
			}
			after = append(after, head)
		}
		if !end.IsZero() && (p.To.IsZero() || p.To.After(end)) { // What holds after it.
			tail := p
			if p.From.IsZero() || p.From.Before(end) {
				tail.From = end
			}
			after = append(after, tail)
		}
	}
	after = append(after, in...)
	slices.SortFunc(after, compare)
	return join(after)
}

// join makes one price of two that follow one another with the same number.
func join(all []Price) []Price {
	var joined []Price
	for _, p := range all {
		if n := len(joined); n > 0 && same(&joined[n-1], &p) && !p.From.IsZero() && joined[n-1].To.Equal(p.From) {
			joined[n-1].To = p.To
			continue
		}
		joined = append(joined, p)
	}
	return joined
}

// endAt returns the prices of one key after its source has it no more from an instant on.
func endAt(old []Price, source string, at time.Time) []Price {
	var after []Price
	for _, p := range old {
		if p.Source == source && (p.To.IsZero() || p.To.After(at)) {
			if !p.From.Before(at) && !p.From.IsZero() {
				continue
			}
			p.To = at
		}
		after = append(after, p)
	}
	return after
}

// differences compares two timelines of one key.
func differences(key Key, old, after []Price) []Change {
	instants := []time.Time{{}}
	for _, p := range append(slices.Clone(old), after...) {
		for _, at := range []time.Time{p.From, p.To} {
			if !at.IsZero() {
				instants = append(instants, at)
			}
		}
	}
	slices.SortFunc(instants, time.Time.Compare)
	instants = slices.CompactFunc(instants, time.Time.Equal)
	var found []Change
	for i, from := range instants {
		var to time.Time
		if i+1 < len(instants) {
			to = instants[i+1]
		}
		was, is := timeline(old, from), timeline(after, from)
		if same(was, is) {
			continue
		}
		kind := Changed
		switch {
		case was == nil:
			kind = Added
		case is == nil:
			kind = Withdrawn
		}
		if n := len(found); n > 0 && found[n-1].To.Equal(from) && found[n-1].Kind == kind && same(found[n-1].Old, was) && same(found[n-1].New, is) {
			found[n-1].To = to
			continue
		}
		found = append(found, Change{Kind: kind, Key: key, From: from, To: to, Old: was, New: is})
	}
	return found
}

// timeline returns the price of one key at an instant, zero for the beginning of time; nil if there is none.
func timeline(all []Price, at time.Time) *Price {
	for i := range all {
		p := &all[i]
		if at.IsZero() && p.From.IsZero() || !at.IsZero() && p.since(at) && p.until(at) {
			return p
		}
	}
	return nil
}

func same(a, b *Price) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Picos == b.Picos && a.Currency == b.Currency && (a.Published == NotTold) == (b.Published == NotTold)
}
