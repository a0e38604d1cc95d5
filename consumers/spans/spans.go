// Package spans does arithmetic with ranges of minutes.
package spans

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"tidemark/schemas"
)

// The years 1900 to 2299, in which events lie, in minutes.
const (
	First int32 = -36_816_480
	End   int32 = 173_563_200
)

// Span is a range of minutes since 1970, To exclusive. A list of spans ascends, and no two touch.
type Span struct{ From, To int32 }

// Between returns the minutes in which events lie from one time to another, which is exclusive; the zero time is no bound.
// A span that does not begin before its end has none.
func Between(from, to time.Time) Span {
	s := Span{First, End}
	if !from.IsZero() {
		s.From = schemas.MinuteOf(clamp(from).UnixMicro())
	}
	if !to.IsZero() {
		s.To = schemas.MinuteOf(clamp(to).UnixMicro()-1) + 1
	}
	return s
}

// clamp brings a time into the years of events: minutes far beyond them are too many for a Span.
func clamp(t time.Time) time.Time {
	first, end := time.Unix(int64(First)*60, 0), time.Unix(int64(End)*60, 0)
	switch {
	case t.Before(first):
		return first
	case t.After(end):
		return end
	}
	return t
}

// Buckets returns the buckets of the given length that hold the minutes, which ascend: ascending and disjoint.
func Buckets(minutes []int32, length int32) []Span {
	var spans []Span
	for _, m := range minutes {
		start := Floor(m, length)
		spans = appendSpan(spans, Span{start, start + length})
	}
	return spans
}

// Floor returns the first minute of the bucket of the given length that holds m, also before 1970.
func Floor(m, length int32) int32 {
	r := m % length
	if r < 0 {
		r += length
	}
	return m - r
}

// Widen returns the buckets of the given length that the spans lie in.
func Widen(spans []Span, length int32) []Span {
	var out []Span
	for _, s := range spans {
		out = appendSpan(out, Span{Floor(s.From, length), Floor(s.To-1, length) + length})
	}
	return out
}

// appendSpan adds a Span that does not begin before the last one.
func appendSpan(spans []Span, s Span) []Span {
	if s.From >= s.To {
		return spans
	}
	if n := len(spans); n > 0 && spans[n-1].To >= s.From {
		spans[n-1].To = max(spans[n-1].To, s.To)
		return spans
	}
	return append(spans, s)
}

// Union returns what lies in a or b, ascending and disjoint.
func Union(a, b []Span) []Span {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y Span) int { return cmp.Compare(x.From, y.From) })
	var out []Span
	for _, s := range all {
		out = appendSpan(out, s)
	}
	return out
}

// Subtract returns what lies in a and not in b, both ascending and disjoint.
func Subtract(a, b []Span) []Span {
	var out []Span
	for _, s := range a {
		i := sort.Search(len(b), func(i int) bool { return b[i].To > s.From })
		for ; i < len(b) && b[i].From < s.To; i++ {
			if b[i].From > s.From {
				out = append(out, Span{s.From, b[i].From})
			}
			s.From = b[i].To
			if s.From >= s.To {
				break
			}
		}
		if s.From < s.To {
			out = append(out, s)
		}
	}
	return out
}

// Intersect returns what lies in a and in b.
func Intersect(a, b []Span) []Span { return Subtract(a, Subtract(a, b)) }
