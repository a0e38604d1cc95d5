package billing

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"tidemark/schemas"
)

// key is what an observation is about: a report has one per key.
type key struct {
	from, to                                 int64
	kind                                     Kind
	provider, project, model, line, currency string
}

// collector sums what a reader finds.
type collector struct {
	report  Report
	at      map[key]int // In report.Observations.
	skipped map[string]int
	periods map[Kind]map[Span]string // Where each period of a file of buckets is.
}

func newCollector(source, format string) *collector {
	return &collector{
		report: Report{Format: format, Source: source, Covered: map[Kind][]Span{}}, at: map[key]int{}, skipped: map[string]int{}, periods: map[Kind]map[Span]string{},
	}
}

// add adds an observation to the one of the same key.
func (c *collector) add(o Observation) error {
	k := key{o.From.Unix(), o.To.Unix(), o.Kind, o.Provider, o.Project, o.Model, o.Line, o.Currency}
	i, there := c.at[k]
	if !there {
		c.at[k] = len(c.report.Observations)
		c.report.Observations = append(c.report.Observations, o)
		return nil
	}
	sum := &c.report.Observations[i]
	if o.Cost != nil {
		sum.Cost = new(big.Int).Add(sum.Cost, o.Cost)
	}
	return errors.Join(
		plus(&sum.Tokens.Input, o.Tokens.Input), plus(&sum.Tokens.Uncached, o.Tokens.Uncached), plus(&sum.Tokens.CacheRead, o.Tokens.CacheRead),
		plus(&sum.Tokens.CacheWrite, o.Tokens.CacheWrite), plus(&sum.Tokens.Output, o.Tokens.Output), plus(&sum.Requests, o.Requests),
	)
}

// plus adds to a count. A sum of which a part is not told is not told.
func plus(sum **uint64, n *uint64) error {
	switch {
	case *sum == nil:
	case n == nil:
		*sum = nil
	case **sum > math.MaxInt64-min(*n, math.MaxInt64):
		return fmt.Errorf("the numbers %d and %d are too large to be added", **sum, *n)
	default:
		total := **sum + *n
		*sum = &total
	}
	return nil
}

// spend adds an amount of money to an observation.
func (c *collector) spend(o Observation, text string, places int) error {
	picos, rounded, err := parseAmount(text, places)
	if err != nil {
		return err
	}
	if rounded {
		c.report.Rounded++
	}
	if len(o.Currency) != 3 || strings.IndexFunc(o.Currency, func(r rune) bool { return r < 'A' || r > 'Z' }) >= 0 {
		return fmt.Errorf("the currency %s is not three letters A to Z", schemas.Excerpt(o.Currency))
	}
	o.Kind, o.Cost = Cost, picos
	return c.add(o)
}

// skip counts a row that makes no observation.
func (c *collector) skip(what string) { c.skipped[what]++ }

// bucket takes note of a period of a file of buckets, which a file has once.
func (c *collector) bucket(kind Kind, s Span, where string) error {
	if c.periods[kind] == nil {
		c.periods[kind] = map[Span]string{}
	}
	if before, twice := c.periods[kind][s]; twice {
		return fmt.Errorf("%s: the period %s is in the file twice, first at %s: pages overlap, or two exports are in one file", where, s, before)
	}
	c.periods[kind][s] = where
	return nil
}

// cover takes note of what a file is about that has no buckets: from its first to its last row.
func (c *collector) cover(kind Kind, s Span) {
	if len(c.report.Covered[kind]) == 0 {
		c.report.Covered[kind] = []Span{s}
		return
	}
	all := &c.report.Covered[kind][0]
	if s.From.Before(all.From) {
		all.From = s.From
	}
	if s.To.After(all.To) {
		all.To = s.To
	}
}

// finish returns the report.
func (c *collector) finish() (Report, error) {
	for kind, found := range c.periods {
		spans, err := joined(found)
		if err != nil {
			return Report{}, err
		}
		c.report.Covered[kind] = spans
	}
	if len(c.report.Covered) == 0 {
		return Report{}, errors.New("it has no period")
	}
	for what, rows := range c.skipped {
		c.report.Skipped = append(c.report.Skipped, Skip{what, rows})
	}
	slices.SortFunc(c.report.Skipped, func(a, b Skip) int { return cmp.Or(b.Rows-a.Rows, strings.Compare(a.What, b.What)) })
	slices.SortStableFunc(c.report.Observations, func(a, b Observation) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Provider, b.Provider),
			strings.Compare(a.Project, b.Project), strings.Compare(a.Model, b.Model), strings.Compare(a.Line, b.Line), strings.Compare(a.Currency, b.Currency))
	})
	return c.report, nil
}

// joined returns the time that periods cover, in order. They must not overlap.
func joined(periods map[Span]string) ([]Span, error) {
	var all []Span
	for s := range periods {
		all = append(all, s)
	}
	slices.SortFunc(all, compareSpans)
	var spans []Span
	for i, s := range all {
		if i > 0 && s.From.Before(all[i-1].To) {
			return nil, fmt.Errorf("%s: the period %s overlaps %s, at %s: two exports are in one file", periods[s], s, all[i-1], periods[all[i-1]])
		}
		if last := len(spans) - 1; last >= 0 && spans[last].To.Equal(s.From) {
			spans[last].To = s.To
			continue
		}
		spans = append(spans, s)
	}
	return spans, nil
}

func compareSpans(a, b Span) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) }

// String returns the span as two times.
func (s Span) String() string {
	return s.From.Format(time.RFC3339) + " to " + s.To.Format(time.RFC3339)
}

// Of the years that columns of the database can hold.
var (
	firstInstant = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// validate returns what is wrong with a period.
func (s Span) validate() error {
	switch {
	case !s.From.Before(s.To):
		return fmt.Errorf("the period ends at %s, not after %s", s.To.Format(time.RFC3339), s.From.Format(time.RFC3339))
	case s.From.Before(firstInstant) || s.To.After(lastInstant):
		return fmt.Errorf("the period %s is not within the years 2000 to 2099", s)
	case s.From.Nanosecond() != 0 || s.To.Nanosecond() != 0:
		return fmt.Errorf("the period %s has parts of seconds", s)
	}
	return nil
}

// covers reports whether the other span is within.
func (s Span) covers(o Span) bool { return !o.From.Before(s.From) && !o.To.After(s.To) }

// overlaps reports whether the spans have an instant in common.
func (s Span) overlaps(o Span) bool { return s.From.Before(o.To) && o.From.Before(s.To) }
