package dashboards_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// The reported figures of the dashboard Adoption trends, and what the events say.

// first is the first key for which something is true, not a number if there is none.
func first[K cmp.Ordered, V any](all map[K]V, is func(K, V) bool) (K, bool) {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if is(key, all[key]) {
			return key, true
		}
	}
	var none K
	return none, false
}

// internetYears is after how many years 90 % of the users were outside North America, between two years on a line.
func (s *sight) internetYears() float64 {
	shares := s.internetOutside()
	years, least := slices.Sorted(maps.Keys(shares)), math.NaN()
	for i := range max(0, len(years)-1) {
		if now, next := shares[years[i]], shares[years[i+1]]; now < 0.9 && next >= 0.9 && math.IsNaN(least) {
			least = float64(years[i]) + (0.9-now)/(next-now)*1 - 1990
		}
	}
	return least
}

func (s *sight) chatgptYears() float64 {
	week, reached := first(s.outside(), func(_ int64, part float64) bool { return part >= 0.9 })
	if !reached {
		return math.NaN()
	}
	return float64((week-date(2022, 11, 30).Unix())/dayLong) / 365.25
}

// launched is what happened on a day of the scenario launch-day.
func (s *sight) launched(stem string, day time.Time, of func(fact) float64) (sum float64) {
	for _, f := range s.ofScenario(stem, "launch-day") {
		if dayOf(f) == day.Unix() {
			sum += of(f)
		}
	}
	return sum
}

func (s *sight) leastGrowth() float64 {
	least := math.NaN()
	for _, all := range groups(s.ofScenario("signups", "segments"), segment) {
		var before, after float64
		for _, f := range all {
			if f.us < date(2023, 1, 9).UnixMicro() {
				before += f.n
			}
			if f.us >= date(2025, 5, 25).UnixMicro() {
				after += f.n
			}
		}
		if times := after / before; math.IsNaN(least) || times < least {
			least = times
		}
	}
	return least
}

// figures are those that were reported beside those that are measured.
func (s *sight) figures() shown {
	slope, _ := s.fit()
	w := rows()
	add := func(name string, measured float64, unit, standing, scenario, entity, metric string) {
		all := s.cited(scenario, entity, metric)
		if len(all) == 0 {
			w.rows = append(w.rows, texts(name, nil, nil, unit, "not replayed", "not replayed here: tidemark replay scenario:"+scenario, scenario))
			return
		}
		last := slices.MaxFunc(slices.DeleteFunc(all, func(p point) bool { return !p.at.Before(date(2025, 6, 1)) }), func(a, b point) int { return a.at.Compare(b.at) })
		w.rows = append(w.rows, texts(name, last.value, measured, unit, standing, "a report (confidence A)", scenario))
	}
	const years, checked, illustrative, unconfirmed = "years", "checked", "illustrative", "unconfirmed"
	add("Years to 365 billion searches per year, ChatGPT", s.yearsTo("chatgpt"), years, checked, "search-race", "chatgpt", "years_to_365bn_searches")
	add("Years to 365 billion searches per year, Google", s.yearsTo("google"), years, checked, "search-race", "google", "years_to_365bn_searches")
	add("ChatGPT against Google", share(s.yearsTo("google"), s.yearsTo("chatgpt")), "times as fast", checked, "search-race", "chatgpt", "times_as_fast_as_google")
	add("Weekly users of ChatGPT, Nov 2023 to Apr 2025", share(s.usersInWeek(date(2025, 4, 7)), s.usersInWeek(date(2023, 11, 6))), "times", checked, "users-8x", "chatgpt", "growth_multiple")
	add("Internet: years to 90 % of users outside North America", s.internetYears(), years, checked, "everywhere-at-once", "internet", "years_to_90pct_outside_north_america")
	add("ChatGPT: years to 90 % of users outside North America", s.chatgptYears(), years, illustrative, "everywhere-at-once", "chatgpt", "years_to_90pct_outside_north_america")
	add("Training compute of notable models since 2010: growth", (math.Pow(10, slope)-1)*100, "% per year", checked, "compute", "notable models", "training_compute_growth")
	add("Qwen family: open models by April 2025", s.familySize(releasesOf), "models, at least", checked, "qwen-family", "qwen", "qwen_open_models")
	add("Qwen family: downloads by April 2025", s.familySize(downloads), "downloads, at least", checked, "qwen-family", "qwen", "qwen_cumulative_downloads")
	add("Qwen family: derivatives by April 2025", s.familySize(derivatives), "models, at least", checked, "qwen-family", "qwen", "qwen_derivative_models")
	add("GLM-Z1: new accounts on the day of the launch", s.launched("signups", openedAt, fact.calls), "accounts, at least", unconfirmed, "launch-day", "glm-z1", "launch_day_new_accounts")
	add("GLM-Z1: more tokens that day than the day before", 100*(share(s.launched("token_calls", openedAt, fact.tokens), s.launched("token_calls", openedAt.Add(-day), fact.tokens))-1),
		"% more, at least", unconfirmed, "launch-day", "glm-z1", "launch_day_token_growth")
	least := texts("Sign-ups grow in all four segments: the least growth", nil, nil, "times, more than", "not replayed", "not replayed here: tidemark replay scenario:segments", "segments")
	if len(s.ofScenario("signups", "segments")) > 0 {
		least = texts("Sign-ups grow in all four segments: the least growth", 1, s.leastGrowth(), "times, more than", illustrative, "the report only states that all four grow; the curves are invented", "segments")
	}
	w.rows = append(w.rows, least)
	return w
}
