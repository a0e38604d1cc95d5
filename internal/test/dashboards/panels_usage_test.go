package dashboards_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// usage is the dashboard Usage overview.
func (s *sight) usage() panels {
	return panels{
		"1A": rows(s.freshness()), "2A": s.verdict(),
		"3A": s.everywhere("queries", s.grain(), fact.calls), "4A": s.everywhere("token_calls", s.grain(), fact.calls, fact.tokens),
		"6A":  s.everywhere("signups", 1, fact.calls),
		"10A": s.totals("queries", fact.calls), "11A": s.totals("token_calls", fact.calls, fact.tokens), "13A": s.totals("signups", fact.calls),
		"14A": s.activeUsers(true),
		"20A": s.topTen("queries", 0, product, fact.calls, nil), "21A": s.lines("token_calls", 0, fact.input, fact.output),
		"22A": s.topTen("token_calls", 0, product, fact.calls, nil), "23A": s.usersOverTime(),
		"24A": s.topTen("signups", 0, segment, fact.calls, nil), "25A": s.topTen("queries", 0, segment, fact.calls, nil),
		"30A": s.growth(),
		"40A": s.queriesBy(func(f fact) string { return f.country }), "41A": s.countries(),
		"42A": s.queriesBy(product), "43A": s.queriesBy(segment), "44A": s.tenants(),
	}
}

// everywhere is sums in each whole bucket, each divided by a number, 0 in buckets without anything.
func (s *sight) everywhere(stem string, by int64, of ...func(fact) float64) shown {
	sums := s.sums(stem, of)
	for _, at := range s.whole(stem, s.grain()) {
		if sums[at] == nil {
			sums[at] = make([]float64, len(of))
		}
	}
	return chart(nil, nil, nameless(sums, float64(by)))
}

// totals are sums over the range, of nothing none.
func (s *sight) totals(stem string, sums ...func(fact) float64) shown {
	all := s.counted(stem)
	if len(all) == 0 {
		return rows()
	}
	var cells []any
	for _, sum := range sums {
		cells = append(cells, total(all, sum))
	}
	return rows(texts(cells...))
}

// activeUsers are those of 24 hours, 7 and 30 days that end with the range.
func (s *sight) activeUsers(all bool) shown {
	end := floorTo(s.to-1, 1000) / 1000
	today := floorTo(end, dayLong)
	since := [3]int64{floorTo(end, hourLong) - 23*hourLong, today - 6*dayLong, today - 29*dayLong}
	users := [3]crowd{{}, {}, {}}
	s.people(func(at int64, user uint64, weight float64) {
		for i := range since {
			if hour := floorTo(at, hourLong); hour >= since[i] && 1000*hour < s.to {
				users[i][user] = weight
			}
		}
	})
	day, week, month := users[0].size(), users[1].size(), users[2].size()
	switch {
	case month == 0:
		return rows()
	case all:
		return rows(texts(day, week, month, day/month))
	}
	return rows(texts(day, month))
}

func (s *sight) usersOverTime() shown {
	whole, users := s.whole("audience", s.coarse()), map[int64]crowd{}
	s.people(func(at int64, user uint64, weight float64) {
		bucket := floorTo(at, s.coarse())
		if !slices.Contains(whole, bucket) {
			return
		}
		if users[bucket] == nil {
			users[bucket] = crowd{}
		}
		users[bucket][user] = weight
	})
	points := map[spot][]any{}
	for at, c := range users {
		points[spot{at: at}] = []any{c.size()}
	}
	return chart(whole, 0, points)
}

// growth compares an average day at the beginning with one at the end.
func (s *sight) growth() shown {
	measures := []string{"Queries", "Calls", "Tokens", "Active users", "Sign-ups"}
	days := map[string]map[int64]float64{}
	for _, measure := range measures {
		days[measure] = map[int64]float64{}
	}
	last := int64(math.MaxInt64) // The last whole day of all.
	for _, stem := range []string{"queries", "token_calls", "signups", "audience"} {
		last = min(last, floorTo(s.until[s.rollup(stem, dayLong)], 1000*dayLong)/1000)
	}
	last = min(last, floorTo(s.to-1, 1000*dayLong)/1000)
	first := ceilTo(s.from, 1000*dayLong) / 1000
	inside := func(day int64) bool { return day >= first && day <= last }
	for measure, of := range map[string]struct {
		stem string
		sum  func(fact) float64
	}{"Queries": {"queries", fact.calls}, "Calls": {"token_calls", fact.calls}, "Tokens": {"token_calls", fact.tokens}, "Sign-ups": {"signups", fact.calls}} {
		for _, f := range s.of(of.stem) {
			if day := floorTo(f.us, 1e6*dayLong) / 1e6; inside(day) {
				days[measure][day] += of.sum(f)
			}
		}
	}
	users := map[int64]crowd{}
	s.people(func(at int64, user uint64, weight float64) {
		if day := floorTo(at, dayLong); inside(day) {
			if users[day] == nil {
				users[day] = crowd{}
			}
			users[day][user] = weight
		}
	})
	for day, c := range users {
		days["Active users"][day] = c.size()
	}
	w := rows()
	for _, measure := range measures {
		if cells := compared(days[measure], first, last); cells != nil {
			w.rows = append(w.rows, texts(append([]any{measure}, cells...)...))
		}
	}
	return w
}

// compared is a row of the growth of a measure, nil if there are fewer than two whole days.
func compared(days map[int64]float64, first, last int64) []any {
	if len(days) == 0 {
		return nil
	}
	begin := slices.Min(slices.Collect(maps.Keys(days)))
	if begin > first { // The first day may not be whole.
		begin += dayLong
	}
	n := (last-begin)/dayLong + 1
	if n < 2 {
		return nil
	}
	width := min(28, n/4)
	if width >= 7 {
		width -= width % 7
	}
	width = max(1, width)
	var before, after float64
	for day, amount := range days {
		if day >= begin && day < begin+width*dayLong {
			before += amount
		}
		if day > last-width*dayLong {
			after += amount
		}
	}
	before, after = before/float64(width), after/float64(width)
	between := float64(n - width) // days
	growth, double := share(after, before), math.NaN()
	if before > 0 && after > before {
		double = between * math.Ln2 / math.Log(after/before)
	}
	return []any{before, after, growth, between, double}
}

// ranking are names with a number, the greatest first; ties may come in any order.
func ranking(sums map[string]float64) (w shown) {
	w.ties = 1
	for _, name := range slices.SortedFunc(maps.Keys(sums), func(a, b string) int { return cmp.Or(cmp.Compare(sums[b], sums[a]), strings.Compare(a, b)) }) {
		w.rows = append(w.rows, texts(name, sums[name]))
	}
	return w
}

// askedBy are the queries of the range by a name that they have.
func (s *sight) askedBy(name func(fact) string) map[string]float64 {
	sums := map[string]float64{}
	for _, f := range s.counted("queries") {
		if name(f) != "" {
			sums[name(f)] += f.n
		}
	}
	return sums
}

func (s *sight) queriesBy(name func(fact) string) shown { return ranking(s.askedBy(name)) }

func (s *sight) countries() shown {
	sums := s.askedBy(func(f fact) string { return f.country })
	whole := 0.0
	for _, n := range sums {
		whole += n
	}
	w := ranking(sums)
	for i, row := range w.rows {
		name, _, _ := strings.Cut(row, " | ")
		w.rows[i] += " | " + texts(sums[name]/whole)
	}
	return w
}

// told are the calls of rollups that have the tenant, by hours or days where neither a tenant is chosen nor the range is short.
func (s *sight) told() []fact {
	return s.these("token_calls", func(f fact) bool {
		if s.seconds() <= hourLong || s.tenant != "" && s.upToAWeek() {
			return s.exactly(f.us)
		}
		return s.begins(f.us, s.coarse())
	})
}

// tenants are the largest.
func (s *sight) tenants() shown {
	by := groups(s.told(), func(f fact) string { return f.tenant })
	w := shown{ties: 2}
	for _, name := range slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(total(by[b], fact.tokens), total(by[a], fact.tokens)), strings.Compare(a, b))
	}) {
		calls := total(by[name], fact.calls)
		w.rows = append(w.rows, texts(name, calls, total(by[name], fact.tokens), share(total(by[name], fact.failed), calls)))
	}
	w.rows = w.rows[:min(20, len(w.rows))]
	return w
}
