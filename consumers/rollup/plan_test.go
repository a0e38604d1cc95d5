package rollup

import (
	"math"
	"slices"
	"testing"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
)

func TestPlan(t *testing.T) {
	minutes := func(pairs ...uint64) ledgerdb.MinutesByType { // Minute, rows, ...
		var m ledgerdb.Minutes
		for i := 0; i < len(pairs); i += 2 {
			m = append(m, ledgerdb.Minute{Minute: int32(pairs[i]), Rows: pairs[i+1], Distinct: true})
		}
		return ledgerdb.MinutesByType{m}
	}
	f := func(name string, due []spans.Span, length int32, a ledgerdb.MinutesByType, most uint64, want ...spans.Span) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			if got := plan(due, length, a, most, 1000); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	f("nothing", nil, 1, nil, 10)
	f("an empty gap is covered", []spans.Span{{From: 0, To: 1}, {From: 900, To: 901}}, 1, minutes(0, 5, 900, 5), 10, spans.Span{From: 0, To: 901})
	f("a small gap is covered", []spans.Span{{From: 0, To: 1}, {From: 9, To: 10}}, 1, minutes(0, 5, 4, gapRows, 9, 5), 1e6, spans.Span{From: 0, To: 10})
	f("a big gap is not", []spans.Span{{From: 0, To: 1}, {From: 9, To: 10}}, 1, minutes(0, 5, 4, gapRows+1, 9, 5), 1e6, spans.Span{From: 0, To: 1}, spans.Span{From: 9, To: 10})
	f("too many rows together", []spans.Span{{From: 0, To: 1}, {From: 2, To: 3}}, 1, minutes(0, 6, 2, 5), 10, spans.Span{From: 0, To: 1}, spans.Span{From: 2, To: 3})
	f("too many rows in one", []spans.Span{{From: 0, To: 4}}, 1, minutes(0, 6, 1, 4, 2, 30, 3, 1), 10, spans.Span{From: 0, To: 2}, spans.Span{From: 2, To: 3}, spans.Span{From: 3, To: 4})
	f("one bucket is never cut", []spans.Span{{From: 0, To: 120}}, 60, minutes(0, 60, 59, 60, 60, 1), 10, spans.Span{From: 0, To: 60}, spans.Span{From: 60, To: 120})
	f("nothing is known between", []spans.Span{{From: 0, To: 1}, {From: 1001, To: 1002}}, 1, nil, 10, spans.Span{From: 0, To: 1}, spans.Span{From: 1001, To: 1002})
}

func TestPartsOf(t *testing.T) {
	daysAt := func(apart int32, n int) (days []spans.Span) {
		for i := range int32(n) {
			days = append(days, spans.Span{From: i * apart, To: i*apart + spans.Day})
		}
		return days
	}
	f := func(name string, days []spans.Span, wantParts int, wantFar int32) {
		t.Helper()
		parts, far := partsOf(days)
		if len(parts) != wantParts || far != wantFar {
			t.Errorf("%s: %d parts, far %d; want %d, %d", name, len(parts), far, wantParts, wantFar)
		}
		if n := len(parts); n > 0 && (parts[0].From != days[0].From || parts[n-1].To != days[len(days)-1].To) {
			t.Errorf("%s: parts %v do not cover the days", name, parts)
		}
	}
	f("nothing", nil, 0, farApart)
	f("days in a row", daysAt(spans.Day, 400), 1, farApart)
	f("two ages", daysAt(20*farApart, 2), 2, farApart)
	f("a day in two years, for four centuries", daysAt(2*farApart, 200), 1, math.MaxInt32)
}
