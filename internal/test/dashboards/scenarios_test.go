package dashboards_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	"tidemark/dashboards/grafana"
	"tidemark/producers/scenario"
	"tidemark/schemas"
	schema "tidemark/schemas/scenario"
	usagev1 "tidemark/schemas/usage/v1"
)

// formulas are the expectations of scenarios that measure what the figures of Adoption trends do, in their order.
var formulas = []string{
	"years-chatgpt", "years-google", "ratio", "growth", "internet", "chatgpt", "growth", "models", "downloads", "derivatives", "accounts", "tokens", "growth-consumer",
}

// TestFormulasOfScenarios holds that what "scenarios check" measures is what the dashboard shows of the same events.
func TestFormulasOfScenarios(t *testing.T) {
	for name, thin := range map[string]bool{"every day": false, "most days without": true} {
		t.Run(name, func(t *testing.T) {
			h := scenarioHistory(t, thin)
			shown := h.execute(t, only(t, file(t, "tidemark-adoption"), 1), grafana.View{From: h.end.Add(-time.Hour), To: h.end})[0]
			if len(shown.Rows) != len(formulas) {
				t.Fatalf("%d figures, %d formulas", len(shown.Rows), len(formulas))
			}
			for i, row := range shown.Rows {
				id := fmt.Sprint(row[len(row)-1])
				if row[4] == "not replayed" || formulas[i] == "growth-consumer" { // The figure is the least of four expectations.
					continue
				}
				if got, want := h.measure(t, id, formulas[i]), number(t, row[2]); !near(got, want) && !(math.IsNaN(got) && math.IsNaN(want)) {
					t.Errorf("%s of scenario %s measures %g, the dashboard shows %g", formulas[i], id, got, want)
				}
			}
		})
	}
}

// TestSearchRaceCountsDays has searches on three days each, 60 and 20 days apart, or 100 and 20: a run rate is of 28 days, however few of
// them have searches, so the second day does not reach the milestone with the first, and the third does with the second.
func TestSearchRaceCountsDays(t *testing.T) {
	s := store{World: rolluptest.New(t)}
	var events []schemas.Event
	for product, days := range map[string][3]int{"chatgpt": {0, 60, 80}, "google": {0, 100, 120}} {
		for _, day := range days {
			at := date(2020, 1, 1).AddDate(0, 0, day)
			events = append(events, &usagev1.Query{
				Source: "s", Id: fmt.Sprint(product, day), Tenant: "search-race", Product: product, TimeUs: new(at.UnixMicro()), Weight: 2e10,
			})
		}
	}
	s.Deliver(events...)
	s.rollUp(t)
	end := date(2020, 6, 1)
	for i, want := range []float64{80 / 365.25, 120 / 365.25, 1.5} {
		if got := s.measure(t, "search-race", formulas[i]); !near(got, want) {
			t.Errorf("%s measures %g, want %g", formulas[i], got, want)
		}
	}
	s.Deliver(&usagev1.ReferencePoint{Source: "s", Id: "p", Tenant: "search-race", Entity: "chatgpt", Metric: "years_to_365bn_searches", Unit: "years", Value: 2, TimeUs: new(end.UnixMicro())})
	shown := s.execute(t, only(t, file(t, "tidemark-adoption"), 1), grafana.View{From: end.Add(-time.Hour), To: end})[0]
	if got := number(t, shown.Rows[0][2]); !near(got, 80/365.25) {
		t.Errorf("the dashboard measures %g years of ChatGPT, want those of 80 days", got)
	}
}

// measure runs the query of an expectation; not a number if it finds nothing.
func (s store) measure(t *testing.T, id, expectation string) float64 {
	t.Helper()
	of, err := scenario.Load(id)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(of.Expectations, func(e schema.Expectation) bool { return e.ID == expectation })
	if at < 0 {
		t.Fatalf("scenario %s expects no %s", id, expectation)
	}
	var out bytes.Buffer
	if err := s.DB.Format(t.Context(), of.Expectations[at].SQL, "TabSeparated", &out); err != nil {
		t.Fatalf("%s of %s: %v", expectation, id, err)
	}
	text := strings.TrimSpace(out.String())
	if text == `\N` {
		return math.NaN()
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%s of %s: %v", expectation, id, err)
	}
	if math.IsInf(n, 0) {
		return math.NaN()
	}
	return n
}
