package dashboards_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	usagev1 "tidemark/schemas/usage/v1"
)

// adoption is the dashboard Adoption trends.
func (s *sight) adoption() panels {
	all := panels{
		"1A": s.figures(), "11A": s.weeklyUsers(), "20A": s.openReleases(), "21A": s.releasesByWeights(), "31A": s.weeklySignups(),
		"22A": s.family(downloads), "23A": s.family(releasesOf), "23B": s.family(derivatives),
	}
	all["11B"], all["11C"] = s.claims("users-8x", "chatgpt", "weekly_active_users"), s.claims("users-8x", "chatgpt", "weekly_active_users_bond")
	all["22B"], all["23C"], all["23D"] = s.claims("qwen-family", "qwen", "qwen_cumulative_downloads"), s.claims("qwen-family", "qwen", "qwen_open_models"), s.claims("qwen-family", "qwen", "qwen_derivative_models")
	return all
}

// sinceNineties is the dashboard Adoption since 1990.
func (s *sight) sinceNineties() panels {
	return panels{
		"10A": s.searches(), "10B": s.milestone(), "12A": s.internet(), "12B": s.outsiders(),
		"12C": rows(texts(time.UnixMilli(s.from), 0.9), texts(time.UnixMilli(s.to), 0.9)),
		"13A": s.claims("compute", "", "training_compute"), "13B": s.fitted(), "30A": s.claims("patents", "", "computing_patents_granted"),
	}
}

// inView reports whether a time lies in the range.
func (s *sight) inView(at time.Time) bool { return at.UnixMilli() >= s.from && at.UnixMilli() < s.to }

// cited are the reference points of a series, or of all with an empty entity, by time.
func (s *sight) cited(scenario, entity, metric string) (all []point) {
	for _, p := range s.points {
		if p.scenario == scenario && p.metric == metric && passes(entity, p.entity) {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b point) int { return a.at.Compare(b.at) })
	return all
}

func (s *sight) claims(scenario, entity, metric string) shown {
	w := shown{ties: 0}
	for _, p := range s.cited(scenario, entity, metric) {
		if s.inView(p.at) {
			w.rows = append(w.rows, texts(p.at, p.value))
		}
	}
	return w
}

func (s *sight) ofScenario(stem, scenario string) (all []fact) {
	for _, f := range s.facts[stem] {
		if f.tenant == scenario {
			all = append(all, f)
		}
	}
	return all
}

func dayOf(f fact) int64 { return floorTo(f.us, 1e6*dayLong) / 1e6 }

// weekOf is the Monday of a time.
func weekOf(f fact) int64 { return floorTo(dayOf(f)-4*dayLong, 7*dayLong) + 4*dayLong }

// runRates are the means of 28 days times 365, by product, on the days that have anything.
func (s *sight) runRates() map[string]map[int64]float64 {
	rates := map[string]map[int64]float64{}
	for product, all := range groups(s.ofScenario("queries", "search-race"), product) {
		days := map[int64]float64{}
		for _, f := range all {
			days[dayOf(f)] += f.n
		}
		rates[product] = map[int64]float64{}
		for day := range days {
			for before := range int64(28) {
				rates[product][day] += days[day-before*dayLong] / 28 * 365
			}
		}
	}
	return rates
}

func (s *sight) searches() shown {
	points := map[spot][]any{}
	for product, days := range s.runRates() {
		for day, rate := range days {
			if at := time.Unix(day, 0).UTC(); at.Day() == 1 && s.inView(at) {
				points[spot{day, map[string]string{"chatgpt": "ChatGPT", "google": "Google"}[product]}] = []any{rate}
			}
		}
	}
	return chart(nil, nil, points)
}

func (s *sight) milestone() shown {
	return rows(texts(time.UnixMilli(max(s.from, date(1998, 9, 4).UnixMilli())), 365e9), texts(time.UnixMilli(s.to), 365e9))
}

// yearsTo is how long a product took to 365 billion searches per year.
func (s *sight) yearsTo(product string) float64 {
	days := s.runRates()[product]
	first, reached := int64(math.MaxInt64), int64(math.MaxInt64)
	for day, rate := range days {
		if first = min(first, day); rate >= 365e9 {
			reached = min(reached, day)
		}
	}
	if reached == math.MaxInt64 {
		return math.NaN()
	}
	return float64((reached-first)/dayLong) / 365.25
}

// usersOf are the users of the scenario users-8x by what is true of a time.
func (s *sight) usersOf(name func(fact) int64, keep func(fact) bool) map[int64]crowd {
	out := map[int64]crowd{}
	for _, f := range s.ofScenario("queries", "users-8x") {
		if keep(f) {
			if out[name(f)] == nil {
				out[name(f)] = crowd{}
			}
			out[name(f)][f.user] = f.userWeight
		}
	}
	return out
}

func (s *sight) weeklyUsers() shown {
	points := map[spot][]any{}
	for week, users := range s.usersOf(weekOf, func(f fact) bool { return s.begins(f.us, dayLong) }) {
		if 1000*week >= s.from && 1000*(week+7*dayLong) <= s.to {
			points[spot{at: week}] = []any{users.size()}
		}
	}
	return chart(nil, nil, points)
}

func (s *sight) usersInWeek(week time.Time) float64 {
	return s.usersOf(weekOf, func(f fact) bool { return weekOf(f) == week.Unix() })[week.Unix()].size()
}

func american(country string) bool { return country == "US" || country == "CA" }

// internetOutside are the shares of users outside North America by year.
func (s *sight) internetOutside() map[int]float64 {
	outside, whole := map[int]float64{}, map[int]float64{}
	for _, p := range s.cited("everywhere-at-once", "", "internet_users") {
		if whole[p.at.Year()] += p.value; !american(p.entity) {
			outside[p.at.Year()] += p.value
		}
	}
	for year := range whole {
		outside[year] /= whole[year]
	}
	return outside
}

func (s *sight) internet() shown {
	points := map[spot][]any{}
	for year, part := range s.internetOutside() {
		if s.inView(date(year, 1, 1)) {
			points[spot{at: date(year, 1, 1).Unix()}] = []any{part}
		}
	}
	return chart(nil, nil, points)
}

// outside are the shares of queries outside North America by week.
func (s *sight) outside() map[int64]float64 {
	part, whole := map[int64]float64{}, map[int64]float64{}
	for _, f := range s.ofScenario("queries", "everywhere-at-once") {
		if f.us < date(2023, 2, 6).UnixMicro() {
			continue
		}
		if whole[weekOf(f)] += f.n; !american(f.country) {
			part[weekOf(f)] += f.n
		}
	}
	for week := range whole {
		part[week] /= whole[week]
	}
	return part
}

func (s *sight) outsiders() shown {
	points := map[spot][]any{}
	for week, part := range s.outside() {
		if s.inView(time.Unix(week, 0)) {
			points[spot{at: week}] = []any{part}
		}
	}
	return chart(nil, nil, points)
}

// fit is the line through the logarithms of training compute, by years since 1970.
func (s *sight) fit() (slope, start float64) {
	var n, x, y, xx, xy float64
	for _, p := range s.cited("compute", "", "training_compute") {
		years, log := yearsOf(p.at), math.Log10(p.value)
		n, x, y, xx, xy = n+1, x+years, y+log, xx+years*years, xy+years*log
	}
	slope = (n*xy - x*y) / (n*xx - x*x)
	return slope, (y - slope*x) / n
}

func yearsOf(at time.Time) float64 { return float64(at.Unix()) / 86400 / 365.25 }

func (s *sight) fitted() shown {
	slope, start := s.fit()
	w := rows()
	for _, at := range []time.Time{date(2010, 1, 1), date(2025, 3, 1)} {
		w.rows = append(w.rows, texts(at, math.Pow(10, slope*yearsOf(at)+start)))
	}
	return w
}

// released are the models released in each year of the range by a name, "" for those that do not count.
func (s *sight) released(name func(*usagev1.ModelEvent) string) shown {
	models := map[spot]map[string]bool{}
	for _, event := range s.spent.events {
		e, ok := event.(*usagev1.ModelEvent)
		if !ok || e.Kind != usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE || strings.HasPrefix(e.Model, "qwen-open-model") || name(e) == "" || !s.begins(e.GetTimeUs(), dayLong) {
			continue
		}
		p := spot{date(time.UnixMicro(e.GetTimeUs()).UTC().Year(), 1, 1).Unix(), name(e)}
		if models[p] == nil {
			models[p] = map[string]bool{}
		}
		models[p][e.Model] = true
	}
	points := map[spot][]any{}
	for p, all := range models {
		points[p] = []any{len(all)}
	}
	return chart(nil, nil, points)
}

// weights are what sources say of the weights of models: 1 for open ones.
func (s *sight) weights() map[string]float64 {
	out := map[string]float64{}
	for _, p := range s.cited("open-closed", "", "open_weights") {
		out[p.entity] = p.value
	}
	return out
}

func (s *sight) openReleases() shown {
	weights := s.weights()
	return s.released(func(e *usagev1.ModelEvent) string {
		switch {
		case weights[e.Model] != 1:
			return ""
		case slices.Contains([]string{"US", "CN", "FR", "GB", "CA", "KR"}, e.Country):
			return e.Country
		}
		return "other or unknown"
	})
}

func (s *sight) releasesByWeights() shown {
	weights := s.weights()
	return s.released(func(e *usagev1.ModelEvent) string {
		open, known := weights[e.Model]
		return map[bool]string{true: map[bool]string{true: "open", false: "closed or unknown"}[open == 1]}[known]
	})
}

// downloads, releasesOf and derivatives are true of the events of the family of models.
func downloads(e *usagev1.ModelEvent) bool {
	return e.Kind == usagev1.ModelEventKind_MODEL_EVENT_KIND_DOWNLOAD && e.Organization == "Qwen"
}

func releasesOf(e *usagev1.ModelEvent) bool {
	return e.Kind == usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE && strings.HasPrefix(e.Model, "qwen-open-model")
}

func derivatives(e *usagev1.ModelEvent) bool {
	return e.Kind == usagev1.ModelEventKind_MODEL_EVENT_KIND_DERIVATIVE && e.Model == "qwen-derivative"
}

// perDay adds up events of models before a time, by day.
func (s *sight) perDay(of func(*usagev1.ModelEvent) bool, before int64) map[int64]float64 {
	days := map[int64]float64{}
	for _, event := range s.spent.events {
		if e, ok := event.(*usagev1.ModelEvent); ok && of(e) {
			if day := floorTo(e.GetTimeUs(), 1e6*dayLong) / 1e6; 1000*day < before {
				days[day] += float64(max(e.Weight, 1))
			}
		}
	}
	return days
}

func (s *sight) family(of func(*usagev1.ModelEvent) bool) shown {
	sum, w, days := 0.0, rows(), s.perDay(of, s.to)
	for _, day := range slices.Sorted(maps.Keys(days)) {
		sum += days[day]
		w.rows = append(w.rows, texts(time.Unix(day, 0), sum))
	}
	return w
}

func (s *sight) familySize(of func(*usagev1.ModelEvent) bool) (sum float64) {
	for _, n := range s.perDay(of, date(2025, 5, 1).UnixMilli()) {
		sum += n
	}
	return sum
}

// weeklySignups are of the weeks of which every day has some.
func (s *sight) weeklySignups() shown {
	days, sums := map[spot]map[int64]bool{}, map[spot]float64{}
	for _, f := range s.ofScenario("signups", "segments") {
		if !s.begins(f.us, dayLong) {
			continue
		}
		p := spot{weekOf(f), f.segment}
		if days[p] == nil {
			days[p] = map[int64]bool{}
		}
		days[p][dayOf(f)], sums[p] = true, sums[p]+f.n
	}
	points := map[spot][]any{}
	for p, n := range sums {
		if len(days[p]) == 7 {
			points[p] = []any{n}
		}
	}
	return chart(nil, nil, points)
}
