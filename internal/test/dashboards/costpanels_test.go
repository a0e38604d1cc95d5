package dashboards_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/dashboards/grafana"
	usagev1 "tidemark/schemas/usage/v1"
)

// The panels of the dashboard Cost, computed from the calls.

const day = 24 * time.Hour

// lastDay is the day that the range ends in, and days the calls of it and of the days before: those of the last day by hours.
func (l looked) lastDay() time.Time { return l.to.Add(-time.Millisecond).Truncate(day) }

func (l looked) days(since time.Time) []charged {
	return l.where(func(c charged) bool {
		return !c.at.Before(since) && c.at.Truncate(day).Before(l.to) && (c.at.Before(l.lastDay()) || c.at.Truncate(time.Hour).Before(l.to))
	})
}

func (l looked) month() time.Time {
	return time.Date(l.lastDay().Year(), l.lastDay().Month(), 1, 0, 0, 0, 0, time.UTC)
}

func (l looked) now() (rows []string) {
	month := l.days(l.month())
	today := those(month, func(c charged) bool { return !c.at.Before(l.lastDay()) })
	if len(those(month, usd)) == 0 {
		return nil
	}
	name := func(name string, all []charged) string {
		if atLeast(all) {
			return name + ", at least"
		}
		return name
	}
	end := l.to.Add(-time.Millisecond)
	rows = append(rows, texts(end, name("month so far", month), money(month, costOf)))
	if len(those(today, usd)) > 0 || !atLeast(today) {
		rows = append(rows, texts(end, name("today", today), float64(sum(those(today, usd), costOf))/1e12))
	}
	return rows
}

func (l looked) forecast() []string {
	spent := those(l.days(l.month()), usd)
	if len(spent) == 0 {
		return nil
	}
	byDay := map[time.Time]int64{}
	first := l.to
	for _, c := range spent {
		byDay[c.at.Truncate(day)] += c.cost
		if c.at.Before(first) {
			first = c.at
		}
	}
	var gone []time.Time
	at := first.Truncate(day)
	for ; !at.Add(day).After(l.to) && l.over(l.rollup(day), at); at = at.Add(day) {
		gone = append(gone, at)
	}
	if len(gone) < 3 {
		return nil
	}
	weekend := func(d time.Time) bool { return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday }
	var low, middle, high int64
	for _, d := range gone {
		low += byDay[d]
	}
	middle, high = low, low
	for ; at.Month() == l.lastDay().Month(); at = at.Add(day) {
		alike := slices.DeleteFunc(slices.Clone(gone), func(d time.Time) bool { return weekend(d) != weekend(at) })
		if len(alike) < 2 {
			alike = gone
		}
		least, most, all := int64(math.MaxInt64), int64(0), int64(0)
		for _, d := range alike {
			least, most, all = min(least, byDay[d]), max(most, byDay[d]), all+byDay[d]
		}
		low, middle, high = low+max(least, byDay[at]), middle+max(all/int64(len(alike)), byDay[at]), high+max(most, byDay[at])
	}
	return []string{texts(float64(low)/1e12, float64(middle)/1e12, float64(high)/1e12)}
}

func (l looked) total() []string {
	all := l.in(l.grain)
	switch {
	case len(those(all, usd)) == 0:
		return nil
	case atLeast(all):
		return []string{texts(l.to.Add(-time.Millisecond), "at least", money(all, costOf))}
	}
	return []string{texts(l.to.Add(-time.Millisecond), "cost", money(all, costOf))}
}

// perCall is the cost per call of those that have a price in whole.
func perCall(all []charged) float64 {
	whole := those(all, func(c charged) bool { return usd(c) && c.reason == "" })
	return share(float64(sum(whole, costOf))/1e12, float64(sum(whole, callsIn)))
}

func (l looked) perUnit() []string {
	all := l.in(l.grain)
	if len(those(all, usd)) == 0 {
		return nil
	}
	queries := 0.0
	for _, e := range l.events {
		q, ok := e.(*usagev1.Query)
		if ok && passes(l.tenant, q.Tenant) && passes(l.product, q.Product) && l.begins(time.UnixMicro(q.GetTimeUs()), l.grain) {
			queries += float64(max(q.Weight, 1))
		}
	}
	sold := func(c charged) string { return c.Provider + "|" + c.Model }
	known := grouped(those(all, usd), sold)
	output := sum(those(all, func(c charged) bool { return known[sold(c)] != nil }), func(c charged) int64 { return c.output })
	return []string{texts(perCall(all), share(money(all, costOf), queries), 1000*share(money(all, costOf), float64(output)))}
}

func (l looked) perUser() []string {
	since := l.lastDay().Add(-29 * day)
	users := map[uint64]float64{}
	for _, e := range l.events {
		hour := time.UnixMicro(e.GetTimeUs()).Truncate(time.Hour)
		if hour.Before(since) || !hour.Before(l.to) {
			continue
		}
		switch e := e.(type) {
		case *usagev1.Query:
			if l.audience(e) {
				users[e.User] = float64(max(e.UserWeight, 1))
			}
		case *usagev1.TokenCall:
			if l.audience(e) {
				users[e.User] = float64(max(e.UserWeight, 1))
			}
		}
	}
	delete(users, 0)
	n := 0.0
	for _, weight := range users {
		n += weight
	}
	spent := l.days(since)
	if n == 0 || len(those(spent, usd)) == 0 {
		return nil
	}
	return []string{texts(money(spent, costOf) / n)}
}

func (l looked) saved() []string {
	all := l.in(l.grain)
	saved, cost := money(all, savedOf), money(all, costOf)
	if math.IsNaN(saved) {
		return nil
	}
	part := math.NaN()
	if saved+cost > 0 {
		part = saved / (saved + cost)
	}
	return []string{texts(saved, part)}
}

func (l looked) unknown() []string {
	all := l.in(l.grain)
	if len(all) == 0 {
		return nil
	}
	lacking := those(all, func(c charged) bool { return c.reason != "" })
	return []string{texts(gapOf(all), share(float64(sum(lacking, callsIn)), float64(sum(all, callsIn))), share(money(all, boundOf), money(all, costOf)))}
}

func (l looked) byClass() []string {
	return l.perBucket(those(l.charted(), usd), func(all []charged) (cells []any) {
		for class := range 6 {
			cells = append(cells, money(all, func(c charged) int64 { return c.classes[class] }))
		}
		return cells
	})
}

func (l looked) gaps() []string {
	return l.perBucket(l.charted(), func(all []charged) []any { return []any{gapOf(all)} })
}

// table is a table of costs by name.
func (l looked) table(by func(charged) string) (rows []string) {
	groups := grouped(l.in(l.grain), by)
	maps.DeleteFunc(groups, func(_ string, all []charged) bool { return len(those(all, usd)) == 0 })
	whole := 0.0
	for _, all := range groups {
		whole += money(all, costOf)
	}
	names := slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
		return cmp.Or(cmp.Compare(money(groups[b], costOf), money(groups[a], costOf)), strings.Compare(a, b))
	})
	for _, name := range names {
		all := groups[name]
		rows = append(rows, name+" | "+texts(money(all, costOf), share(money(all, costOf), whole), perCall(all), money(all, savedOf), sum(all, callsIn), sum(all, tokensOf), gapOf(all)))
	}
	return rows
}

// movers compares whole days of a rollup.
func (l looked) movers(by func(charged) string, rollup string) (rows []string) {
	all := those(l.in(day), func(c charged) bool { return usd(c) && l.over(rollup, c.at.Truncate(day)) })
	if len(all) == 0 {
		return nil
	}
	start := slices.MinFunc(all, func(a, b charged) int { return a.at.Compare(b.at) }).at.Truncate(day)
	last := l.lastDay()
	for !l.over(rollup, last) {
		last = last.Add(-day)
	}
	n := (last.Sub(start)/day + 1) / 2
	if n >= 7 {
		n -= n % 7
	}
	type change struct {
		name          string
		before, after int64
	}
	var changes []change
	for name, calls := range grouped(all, by) {
		c := change{name: name}
		for _, call := range calls {
			ago := last.Sub(call.at.Truncate(day)) / day
			switch {
			case ago < n:
				c.after += call.cost
			case ago < 2*n:
				c.before += call.cost
			}
		}
		if c.before != c.after {
			changes = append(changes, c)
		}
	}
	size := func(c change) int64 { return max(c.after-c.before, c.before-c.after) }
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(size(b), size(a)), strings.Compare(a.name, b.name))
	})
	for _, c := range changes[:min(20, len(changes))] {
		rows = append(rows, texts(c.name, float64(c.before)/1e12, float64(c.after)/1e12, float64(c.after-c.before)/1e12, share(float64(c.after), float64(c.before)), int(n)))
	}
	return rows
}

// ranked sorts rows by a number of their calls, the greatest first, then by another one and by name.
func ranked(groups map[string][]charged, by, then func(charged) int64) []string {
	return slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
		return cmp.Or(cmp.Compare(sum(groups[b], by), sum(groups[a], by)), cmp.Compare(sum(groups[b], then), sum(groups[a], then)), strings.Compare(a, b))
	})
}

func (l looked) reasons() (rows []string) {
	all := l.in(l.grain)
	groups := grouped(those(all, func(c charged) bool { return c.reason != "" }), func(c charged) string { return c.reason })
	for _, reason := range ranked(groups, unpricedOf, callsIn) {
		n, tokens := float64(sum(groups[reason], callsIn)), float64(sum(groups[reason], unpricedOf))
		rows = append(rows, texts(reason, n, tokens, share(tokens, float64(sum(all, tokensOf))), share(n, float64(sum(all, callsIn)))))
	}
	return rows
}

func (l looked) unpricedModels() (rows []string) {
	all := those(l.in(l.grain), func(c charged) bool { return c.reason != "" })
	groups := grouped(all, func(c charged) string {
		return c.Model + " | " + sellerOf(c) + " | " + c.reason
	})
	for _, name := range ranked(groups, unpricedOf, callsIn) {
		n, tokens := sum(groups[name], callsIn), sum(groups[name], unpricedOf)
		rows = append(rows, name+" | "+texts(n, tokens, share(float64(tokens), float64(sum(all, unpricedOf)))))
	}
	return rows
}

func (l looked) compared() (rows []string) {
	groups := grouped(those(l.in(l.grain), func(c charged) bool { return c.compared > 0 || c.reported != 0 || c.comparedCost != 0 }), func(c charged) string {
		return c.Model + " | " + sellerOf(c) + " | " + c.currency
	})
	off := func(c charged) int64 { return c.reported - c.comparedCost }
	names := slices.SortedFunc(maps.Keys(groups), func(a, b string) int {
		x, y := sum(groups[a], off), sum(groups[b], off)
		return cmp.Or(cmp.Compare(max(y, -y), max(x, -x)), strings.Compare(a, b))
	})
	for _, name := range names {
		all := groups[name]
		told, computed := sum(all, func(c charged) int64 { return c.reported }), sum(all, func(c charged) int64 { return c.comparedCost })
		rows = append(rows, name+" | "+texts(sum(all, func(c charged) int64 { return c.compared }), float64(told)/1e12, float64(computed)/1e12,
			float64(told-computed)/1e12, share(float64(told-computed), float64(computed))))
	}
	return rows
}

func (l looked) currencies() (rows []string) {
	groups := grouped(those(l.in(l.grain), func(c charged) bool { return c.currency != "" && !usd(c) }), func(c charged) string { return c.currency })
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		all := groups[name]
		rows = append(rows, texts(name, float64(sum(all, costOf))/1e12, sum(all, callsIn), sum(all, tokensOf), gapOf(all)))
	}
	return rows
}

// leavesOut holds what titles say of other currencies against the calls of the range, of its month and of the 30 days up to its end.
func (l looked) leavesOut(t *testing.T, s store) {
	t.Helper()
	since := l.from
	for _, at := range []time.Time{l.month(), l.lastDay().Add(-29 * day)} {
		if at.Before(since) {
			since = at
		}
	}
	others := map[string]bool{}
	for _, c := range l.days(since) {
		if whole := !c.at.Before(l.lastDay()) || !c.at.Truncate(day).Before(since); whole && c.currency != "" && !usd(c) {
			others[c.currency] = true
		}
	}
	want := "in USD"
	if len(others) > 0 {
		want += ", not " + strings.Join(slices.Sorted(maps.Keys(others)), ", ")
	}
	d, err := grafana.Read(file(t, "tidemark-cost").JSON)
	if err != nil {
		t.Fatal(err)
	}
	chosen := l.chosen()
	chosen["namespace"] = []string{s.DB.Database()}
	view, err := grafana.NewRunner(grafana.Config{DB: s.DB, Queries: 1}).Choose(t.Context(), d, grafana.View{From: l.from, To: l.to, Chosen: chosen})
	if got := view.Chosen["in_currency"]; err != nil || !slices.Equal(got, []string{want}) {
		t.Errorf("titles say %q, want %q: %v", got, want, err)
	}
}

func (l looked) used() (rows []string) {
	for number := uint64(10); number > 0; number-- {
		all := those(l.in(l.grain), func(c charged) bool { return c.book == number-1 })
		if len(all) == 0 {
			continue
		}
		first := slices.MinFunc(all, func(a, b charged) int { return a.at.Compare(b.at) }).at.Truncate(l.grain)
		last := slices.MaxFunc(all, func(a, b charged) int { return a.at.Compare(b.at) }).at.Truncate(l.grain)
		of := l.books[number-1]
		rows = append(rows, texts(int(number-1), of[0], of[1], of[2], first, last, sum(all, callsIn), sum(all, tokensOf), money(all, costOf), gapOf(all)))
	}
	return rows
}
