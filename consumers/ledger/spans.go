package ledger

// AppendSpan appends s to ascending, disjoint spans, or lengthens the last one if s continues it. An empty s changes
// nothing.
func AppendSpan(spans []Span, s Span) []Span {
	if s.To <= s.From {
		return spans
	}
	if n := len(spans); n > 0 && spans[n-1].To == s.From && spans[n-1].Disposition == s.Disposition {
		spans[n-1].To = s.To
		return spans
	}
	return append(spans, s)
}

// Clip returns the parts of ascending, disjoint spans that lie in [from, to), as a new slice.
func Clip(spans []Span, from, to int64) []Span {
	var out []Span
	for _, s := range spans {
		out = AppendSpan(out, Span{From: max(s.From, from), To: min(s.To, to), Disposition: s.Disposition})
	}
	return out
}

// Whole returns every offset of [from, to) in spans: the exceptions as they are, and Stored where there is none.
// The exceptions are ascending, disjoint and in the range.
func Whole(from, to int64, exceptions []Span) []Span {
	var out []Span
	for _, s := range exceptions {
		out = AppendSpan(out, Span{From: from, To: s.From, Disposition: Stored})
		out = AppendSpan(out, s)
		from = s.To
	}
	return AppendSpan(out, Span{From: from, To: to, Disposition: Stored})
}
