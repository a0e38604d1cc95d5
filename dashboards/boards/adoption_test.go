package boards

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/schemas/scenario"
)

// expected are the expectations of scenarios that measure the same as the figures, in the order of reportedFigures.
var expected = []string{
	"years-chatgpt", "years-google", "ratio", "growth", "internet", "chatgpt", "growth", "models", "downloads", "derivatives",
	"accounts", "tokens", "growth-consumer",
}

// TestFiguresAreThoseOfScenarios holds each figure against the file of its scenario: how well it is confirmed, whether
// more is right too, and what was reported. The files are embedded in a package that dashboards may not import.
func TestFiguresAreThoseOfScenarios(t *testing.T) {
	files := os.DirFS("../../producers/scenario/files")
	figures := reportedFigures()
	if len(figures) != len(expected) {
		t.Fatalf("%d figures, %d expectations", len(figures), len(expected))
	}
	for i, f := range figures {
		s, err := scenario.Load(files, f.scenario+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(s.Expectations, func(e scenario.Expectation) bool { return e.ID == expected[i] })
		if at < 0 {
			t.Errorf("%s: scenario %s expects no %s", f.name, f.scenario, expected[i])
			continue
		}
		e := s.Expectations[at]
		if f.standing != e.Class || strings.HasSuffix(f.unit, ", at least") != e.AtLeast {
			t.Errorf("%s: %s, %s; the scenario says %s, at least: %t", f.name, f.standing, f.unit, e.Class, e.AtLeast)
		}
		if f.reportedConstant != "" {
			continue
		}
		if got := lastReported(s, f.entity, f.metric); !(math.Abs(got-e.Expected) <= e.Tolerance) {
			t.Errorf("%s: %g was reported as %s of %s, the scenario expects %g", f.name, got, f.metric, f.entity, e.Expected)
		}
	}
}

// lastReported is the last point of a series by May 2025, not a number if there is none.
func lastReported(s *scenario.Scenario, entity, metric string) float64 {
	last := math.NaN()
	for _, r := range s.ReferencePoints {
		if r.Entity != entity || r.Metric != metric {
			continue
		}
		for _, p := range r.Points {
			if p.At.Before(time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)) {
				last = p.Value
			}
		}
	}
	return last
}
