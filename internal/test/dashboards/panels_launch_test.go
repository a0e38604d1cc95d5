package dashboards_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// launch is the dashboard Launch day.
func (s *sight) launch() panels {
	return panels{
		"1A": s.launchFigures(), "10A": s.launchTokens(), "11A": s.launchFives(0), "11B": s.launchFives(day),
		"12A": s.launchAccounts(), "13A": s.accountsSoFar(), "13B": s.sixThousand(),
	}
}

// onPlatform are the facts of the platform in the minutes that begin between two times.
func (s *sight) onPlatform(stem string, from, to int64) (all []fact) {
	for _, f := range s.facts[stem] {
		if minute := floorTo(f.us, 60e6) / 1000; f.product == "glm-platform" && minute >= from && minute < to {
			all = append(all, f)
		}
	}
	return all
}

func minuteOf(f fact) int64 { return floorTo(f.us, 60e6) / 1e6 }

func (s *sight) launchFigures() shown {
	opened := openedAt.UnixMilli()
	before, on := s.onPlatform("token_calls", opened-1000*dayLong, opened), s.onPlatform("token_calls", opened, opened+1000*dayLong)
	if len(before)+len(on) == 0 {
		return rows()
	}
	minutes := map[int64]float64{}
	for _, f := range on {
		minutes[minuteOf(f)] += f.tokens()
	}
	peak := slices.MaxFunc(slices.Collect(maps.Keys(minutes)), func(a, b int64) int { return cmp.Compare(minutes[a], minutes[b]) })
	growth := share(total(on, fact.tokens), total(before, fact.tokens))
	return rows(texts(total(s.onPlatform("signups", opened, opened+1000*dayLong), fact.calls), growth-1, 1000*peak))
}

func (s *sight) launchTokens() shown {
	sums, totals := map[spot]float64{}, map[string]float64{}
	for _, f := range s.onPlatform("token_calls", s.from, s.to) {
		sums[spot{floorTo(minuteOf(f), 300), f.model}] += f.tokens() / 5
		totals[f.model] += f.tokens()
	}
	places := slices.SortedFunc(maps.Keys(totals), func(a, b string) int { return cmp.Or(cmp.Compare(totals[b], totals[a]), strings.Compare(a, b)) })
	points := map[spot][]any{}
	for p, n := range sums {
		if slices.Index(places, p.name) >= 10 {
			p.name = "other"
		}
		before := 0.0
		if len(points[p]) > 0 {
			before, _ = points[p][0].(float64)
		}
		points[p] = []any{before + n}
	}
	return chart(nil, nil, points)
}

// launchFives are tokens a minute by five minutes, those of some time before at the time after it.
func (s *sight) launchFives(ago time.Duration) shown {
	shift, sums := ago.Milliseconds(), map[spot][]any{}
	by := map[int64]float64{}
	for _, f := range s.onPlatform("token_calls", s.from-shift, s.to-shift) {
		by[floorTo(minuteOf(f), 300)+shift/1000] += f.tokens() / 5
	}
	for at, n := range by {
		sums[spot{at: at}] = []any{n}
	}
	return chart(nil, nil, sums)
}

func (s *sight) launchAccounts() shown {
	by, points := map[spot]float64{}, map[spot][]any{}
	for _, f := range s.onPlatform("signups", s.from, s.to) {
		by[spot{floorTo(minuteOf(f), 3600), f.segment}] += f.n
	}
	for p, n := range by {
		points[p] = []any{n}
	}
	return chart(nil, nil, points)
}

// accountsSoFar counts from each midnight on.
func (s *sight) accountsSoFar() shown {
	by, points := map[int64]float64{}, map[spot][]any{}
	for _, f := range s.onPlatform("signups", floorTo(s.from, 1000*dayLong), s.to) {
		by[minuteOf(f)] += f.n
	}
	sum, of := 0.0, int64(0)
	for _, minute := range slices.Sorted(maps.Keys(by)) {
		if today := floorTo(minute, dayLong); today != of {
			sum, of = 0, today
		}
		if sum += by[minute]; 1000*minute >= s.from {
			points[spot{at: minute}] = []any{sum}
		}
	}
	return chart(nil, nil, points)
}

// sixThousand is reported for the day of the launch alone.
func (s *sight) sixThousand() shown {
	first, last := max(s.from, openedAt.UnixMilli()), min(s.to, openedAt.Add(day).UnixMilli())
	if first >= last {
		return rows()
	}
	return rows(texts(time.UnixMilli(first), 6000), texts(time.UnixMilli(last), 6000))
}
