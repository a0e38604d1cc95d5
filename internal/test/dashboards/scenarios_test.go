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

	"tidemark/dashboards/grafana"
	"tidemark/producers/scenario"
	schema "tidemark/schemas/scenario"
)

// formulas are the expectations of scenarios that measure what the figures of Adoption trends do, in their order.
var formulas = []string{
	"years-chatgpt", "years-google", "ratio", "growth", "internet", "chatgpt", "growth", "models", "downloads", "derivatives", "accounts", "tokens", "growth-consumer",
}

// TestFormulasOfScenarios holds that what "scenarios check" measures is what the dashboard shows of the same events, on days without any
// as well: a mean of 28 days is not one of 28 rows.
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

// measure runs the query of an expectation; not a number if it finds nothing.
func (h *history) measure(t *testing.T, id, expectation string) float64 {
	t.Helper()
	s, err := scenario.Load(id)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(s.Expectations, func(e schema.Expectation) bool { return e.ID == expectation })
	if at < 0 {
		t.Fatalf("scenario %s expects no %s", id, expectation)
	}
	var out bytes.Buffer
	if err := h.DB.Format(t.Context(), s.Expectations[at].SQL, "TabSeparated", &out); err != nil {
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
