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
