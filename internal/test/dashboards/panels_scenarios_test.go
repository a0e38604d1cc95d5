package dashboards_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	usagev1 "tidemark/schemas/usage/v1"
)

// point is a reference point.
type point struct {
	scenario, entity, metric string
	at                       time.Time
	value                    float64
}

func date(year, month, day int) time.Time {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}

// openedAt is when the model of the scenario launch-day opened.
var openedAt = date(2025, 4, 14)

// cited makes a reference point.
func (p *pool) cited(scenario, entity, metric string, at time.Time, value float64) {
	p.events = append(p.events, &usagev1.ReferencePoint{
		Source: "scenario", Id: p.id(), TimeUs: new(at.UnixMicro()), Tenant: scenario, Entity: entity, Metric: metric, Value: value, Unit: "u", Citation: "a report", Confidence: "A",
	})
}

// everyDay calls for each so many-th day up to another one.
func everyDay(from, to time.Time, every int, do func(day time.Time)) {
	for ; from.Before(to); from = from.AddDate(0, 0, every) {
		do(from)
	}
}

// scenarioHistory is of events that look like those of scenarios. Of the thin one most days have none.
func scenarioHistory(t *testing.T, thin bool) *history {
	t.Helper()
	p, every, launches := newPool(3), 1, 900
	if thin {
		every, launches = 9, 25
	}
	p.opened(launches)
	p.raced(every)
	p.spread(every)
	p.made(every)
	if !thin {
		p.signedUp()
	}
	h := &history{end: openedAt.Add(9*time.Hour + 17*time.Minute + 5*time.Second), facts: map[string][]fact{}}
	h.store = store{World: rolluptest.New(t)}
	for _, e := range p.events {
		if f, stem := factOf(e); stem != "" {
			h.facts[stem] = append(h.facts[stem], f)
		}
		if r, ok := e.(*usagev1.ReferencePoint); ok {
			h.points = append(h.points, point{r.Tenant, r.Entity, r.Metric, time.UnixMicro(r.GetTimeUs()).UTC(), r.Value})
		}
	}
	h.spent.events = p.events
	h.Deliver(p.events...)
	h.rollUp(t)
	return h
}

// opened is the scenario launch-day, with calls and sign-ups of other products beside it.
func (p *pool) opened(n int) {
	for i := range n {
		at := openedAt.Add(-day).UnixMicro() + p.Int64N(int64(3*day/time.Microsecond))
		if i%3 == 0 { // Close to the end of the ranges.
			at = openedAt.Add(9*time.Hour).UnixMicro() + p.Int64N(int64(20*time.Minute/time.Microsecond))
		}
		product := p.pick("glm-platform", "glm-platform", "glm-platform", "other")
		if p.IntN(3) == 0 {
			p.events = append(p.events, &usagev1.Signup{Source: "scenario", Id: p.id(), TimeUs: new(at), Tenant: "launch-day", Product: product, Segment: p.segment(), Weight: p.Uint64N(9)})
			continue
		}
		p.call(at)
		if e, ok := p.events[len(p.events)-1].(*usagev1.TokenCall); ok {
			e.Tenant, e.Product, e.Model = "launch-day", product, fmt.Sprint("glm-", min(p.IntN(14), p.IntN(14)))
		}
	}
	p.cited("launch-day", "glm-z1", "launch_day_new_accounts", openedAt, 6000)
	p.cited("launch-day", "glm-z1", "launch_day_token_growth", openedAt, 100)
}

// raced is the scenarios search-race and compute.
func (p *pool) raced(every int) {
	for product, years := range map[string][2]time.Time{"chatgpt": {date(2022, 11, 30), date(2025, 5, 20)}, "google": {date(2024, 1, 1), date(2025, 5, 20)}} {
		everyDay(years[0], years[1], every, func(day time.Time) {
			weight := uint64(math.Pow(day.Sub(years[0]).Hours(), 1.2) * 3e5 * float64(every))
			if product == "google" {
				weight = weight / 2 * 3
			}
			p.events = append(p.events, &usagev1.Query{Source: "scenario", Id: "race-" + product + day.Format(time.DateOnly), TimeUs: new(day.UnixMicro()), Tenant: "search-race", Product: product, Weight: max(1, weight), Kind: "search"})
		})
		p.cited("search-race", product, "years_to_365bn_searches", date(2025, 1, 1), map[string]float64{"chatgpt": 2, "google": 11}[product])
	}
	p.cited("search-race", "chatgpt", "times_as_fast_as_google", date(2025, 1, 1), 5.5)
	for i := range 60 / every {
		p.cited("compute", fmt.Sprint("model ", i), "training_compute", date(2010, 1, 1).AddDate(0, 3*i*every, 0), math.Pow(10, 17+float64(i*every)/9+p.Float64()))
	}
	p.cited("compute", "notable models", "training_compute_growth", date(2025, 4, 1), 360)
	for year := 1995; year < 2025; year += every {
		p.cited("patents", "us", "computing_patents_granted", date(year, 1, 1), float64(1000*(year-1990)))
	}
}

// spread is the scenarios users-8x and everywhere-at-once.
func (p *pool) spread(every int) {
	everyDay(date(2023, 2, 6), date(2025, 4, 30), every, func(day time.Time) {
		for range 2 {
			user := 1 + p.Uint64N(1+uint64(day.Sub(date(2023, 2, 6)).Hours()/300))
			p.events = append(p.events, &usagev1.Query{Source: "scenario", Id: p.id(), TimeUs: new(day.Add(time.Hour).UnixMicro()), Tenant: "users-8x", Product: "chatgpt", User: user, UserWeight: weightOf(user) * 1000, Weight: 1, Kind: "prompt"})
			country := p.pick("US", "CA", "DE", "IN")
			if day.Year() == 2025 {
				country = p.pick("DE", "IN", "BR")
			}
			p.events = append(p.events, &usagev1.Query{Source: "scenario", Id: p.id(), TimeUs: new(day.UnixMicro()), Tenant: "everywhere-at-once", Product: "chatgpt", Country: country, Weight: 1 + p.Uint64N(9), Kind: "prompt"})
		}
	})
	for i := range 6 {
		p.cited("users-8x", "chatgpt", "weekly_active_users", date(2023, 11+i*3, 6), float64(1e8*(1+i)))
	}
	p.cited("users-8x", "chatgpt", "weekly_active_users_bond", date(2025, 4, 12), 8e8)
	p.cited("users-8x", "chatgpt", "growth_multiple", date(2025, 4, 12), 8)
	for year := 1990; year < 2021; year += every {
		for country, grows := range map[string]float64{"US": 1.1, "CA": 1.05, "DE": 1.2, "CN": 1.4} {
			p.cited("everywhere-at-once", country, "internet_users", date(year, 1, 1), 1e5*math.Pow(grows, float64(year-1990)))
		}
	}
	p.cited("everywhere-at-once", "internet", "years_to_90pct_outside_north_america", date(2025, 1, 1), 23)
	p.cited("everywhere-at-once", "chatgpt", "years_to_90pct_outside_north_america", date(2025, 1, 1), 3)
}

// made is the scenarios open-closed and qwen-family.
func (p *pool) made(every int) {
	event := func(kind usagev1.ModelEventKind, tenant, model, organization, country string, at time.Time, weight uint64) {
		base := ""
		if kind == usagev1.ModelEventKind_MODEL_EVENT_KIND_DERIVATIVE {
			base = "qwen"
		}
		p.events = append(p.events, &usagev1.ModelEvent{Source: "scenario", Id: p.id(), TimeUs: new(at.UnixMicro()), Tenant: tenant, Kind: kind, Model: model, Organization: organization, Country: country, Weight: weight, Hub: "hub", BaseModel: base})
	}
	const release, download, derivative = usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE, usagev1.ModelEventKind_MODEL_EVENT_KIND_DOWNLOAD, usagev1.ModelEventKind_MODEL_EVENT_KIND_DERIVATIVE
	for i := range 80 / every {
		name, at := fmt.Sprint("model ", i), date(2019, 1, 1).AddDate(0, i*every, 3)
		for range 1 + p.IntN(2) {
			event(release, "open-closed", name, "lab", p.pick("US", "CN", "FR", "DE", ""), at, 1)
		}
		if i%5 > 0 {
			p.cited("open-closed", name, "open_weights", at, float64(i%2))
		}
	}
	everyDay(date(2024, 1, 1), date(2025, 5, 20), 6*every, func(day time.Time) {
		event(release, "qwen-family", "qwen-open-model-"+p.id(), "Qwen", "CN", day, 1)
		event(download, "qwen-family", "qwen", "Qwen", "CN", day, 1+p.Uint64N(1e6))
		event(derivative, "qwen-family", "qwen-derivative", "somebody", "", day, 1+p.Uint64N(900))
		event(download, "others", "llama", "Meta", "US", day, 77)
	})
	for i, metric := range []string{"qwen_open_models", "qwen_cumulative_downloads", "qwen_derivative_models"} {
		p.cited("qwen-family", "qwen", metric, date(2025, 1, 2), float64(100*(i+1)))
		p.cited("qwen-family", "qwen", metric, date(2025, 4, 29), float64(200*(i+1)))
	}
}

// signedUp is the scenario segments.
func (p *pool) signedUp() {
	everyDay(date(2023, 1, 2), date(2025, 6, 1), 1, func(day time.Time) {
		for segment := range usagev1.Segment(4) {
			p.events = append(p.events, &usagev1.Signup{Source: "scenario", Id: p.id(), TimeUs: new(day.UnixMicro()), Tenant: "segments", Product: "p", Segment: segment + 1, Weight: 1 + p.Uint64N(9) + uint64(day.Year()-2023)*10})
		}
	})
}
