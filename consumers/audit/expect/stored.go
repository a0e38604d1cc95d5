package expect

import (
	"context"
	"fmt"
	"strings"

	"tidemark/schemas"
	"tidemark/schemas/scenario"
)

// compareStored compares what the views have of a scenario with what a whole replay makes.
func (c *checker) compareStored(ctx context.Context, made []Stored) (Line, error) {
	line := Line{
		Scenario: c.scenario.ID, ID: "as-generated", What: "events, their weights and tokens are those a whole replay makes, each once",
		Source: "the scenario itself", Tolerance: "equal",
	}
	want := map[string]float64{}
	for _, m := range made {
		name := m.Type.String()
		want[name+"\tevents"] = float64(m.Events)
		if hasWeight(m.Type) {
			want[name+"\tweight"] = m.Weight.Float64()
		}
		if m.Type == schemas.TokenCallType {
			want[name+"\tinput tokens"], want[name+"\toutput tokens"] = m.InputTokens.Float64(), m.OutputTokens.Float64()
		}
	}
	line.Reported = events(want)
	rows, err := c.query(ctx, line.ID, storedSQL(c.scenario, made))
	if err != nil {
		return line, err
	}
	got := line.compareSeries(want, rows)
	line.Measured = events(got)
	c.nothing = true
	for key, n := range got {
		c.nothing = c.nothing && !(strings.HasSuffix(key, "\tevents") && n > 0)
	}
	if c.nothing {
		line.Detail = "no data: replay it first: tidemark replay scenario:" + c.scenario.ID
	}
	line.setVerdict()
	return line, nil
}

func hasWeight(t schemas.Type) bool { return t != schemas.ReferencePointType && t != schemas.RunType }

// events sums up the events of all types.
func events(figures map[string]float64) string {
	sum := 0.0
	for key, n := range figures {
		if strings.HasSuffix(key, "\tevents") {
			sum += n
		}
	}
	return figure(sum) + " events"
}

// storedSQL sums up the views of the types made.
func storedSQL(s *scenario.Scenario, made []Stored) string {
	tenant := fmt.Sprintf("tenant = '%s'", s.ID)
	if s.Workload != nil {
		tenant = fmt.Sprintf("startsWith(tenant, '%s/')", s.ID)
	}
	var parts []string
	addFigure := func(measure, expression string) {
		parts = append(parts, fmt.Sprintf("('%s', %s)", measure, expression))
	}
	var queries []string
	for _, m := range made {
		parts = nil
		addFigure("events", "toUInt128(count())")
		if hasWeight(m.Type) {
			addFigure("weight", "sum(toUInt128(weight))")
		}
		if m.Type == schemas.TokenCallType {
			addFigure("input tokens", schemas.TokensSQL("input_tokens"))
			addFigure("output tokens", schemas.TokensSQL("output_tokens"))
		}
		queries = append(queries, fmt.Sprintf("SELECT '%s' AS type, arrayJoin([%s]) AS figure FROM %s WHERE %s",
			m.Type, strings.Join(parts, ", "), m.Type, tenant))
	}
	return "SELECT type, figure.1, figure.2 FROM (" + strings.Join(queries, " UNION ALL ") + ")"
}
