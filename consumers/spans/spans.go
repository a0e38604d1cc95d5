// Package spans does arithmetic with ranges of minutes, and writes them as conditions in SQL.
package spans

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"tidemark/schemas"
)

// Day is the length of a day in minutes.
const Day int32 = 24 * 60

// First and End bound the years 1900 to 2299, in which events lie, in minutes since 1970.
const (
	First int32 = -36_816_480
	End   int32 = 173_563_200
)

// Span is a range of minutes since 1970, To exclusive. A list of spans ascends, and no two touch.
type Span struct{ From, To int32 }

// TimeOf returns the beginning of a minute, in UTC.
func TimeOf(minute int32) time.Time { return time.Unix(int64(minute)*60, 0).UTC() }

// Between returns the minutes from one time to another, which is exclusive, cut to those in which events lie. A zero
// time is no bound. If the span does not begin before its end, no event lies between the times.
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
	first, end := TimeOf(First), TimeOf(End)
	switch {
	case t.Before(first):
		return first
	case t.After(end):
		return end
	}
	return t
}

// Buckets returns the buckets of the given length that hold the minutes, which ascend.
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

// appendSpan adds a span that does not begin before the last one.
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

// Union returns what lies in a or b, which need not be lists of spans: they may overlap, in any order.
func Union(a, b []Span) []Span {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y Span) int { return cmp.Compare(x.From, y.From) })
	var out []Span
	for _, s := range all {
		out = appendSpan(out, s)
	}
	return out
}

// Subtract returns what lies in a and not in b.
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
