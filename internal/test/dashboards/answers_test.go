package dashboards_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	usagev1 "tidemark/schemas/usage/v1"
)

// choice is what the variables of a view let through.
type choice struct {
	tenant, product, provider, model, segment, country, topic string // Empty: all.
}

func (c choice) chosen() map[string][]string {
	out := map[string][]string{}
	for name, value := range map[string]string{"tenant": c.tenant, "product": c.product, "provider": c.provider, "model": c.model, "segment": c.segment, "country": c.country, "topic": c.topic} {
		if value != "" {
			out[name] = []string{value}
		}
	}
	return out
}

func passes(want string, got string) bool { return want == "" || want == got }

// audience is the one dimension that users are counted by, as the panel says: the first chosen.
func (c choice) audience(e interface {
	GetTenant() string
	GetProduct() string
	GetModel() string
	GetCountry() string
	GetSegment() usagev1.Segment
}) bool {
	switch {
	case c.tenant != "":
		return e.GetTenant() == c.tenant
	case c.model != "":
		return e.GetModel() == c.model
	case c.product != "":
		return e.GetProduct() == c.product
	case c.segment != "":
		return segmentName(e.GetSegment()) == c.segment
	}
	return passes(c.country, e.GetCountry())
}

func segmentName(s usagev1.Segment) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "SEGMENT_"))
}

// answers are the results of a dashboard by panel.
type answers map[uint32]dashboards.Result

func number(t testing.TB, v any) float64 {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			t.Fatal(err)
		}
		return f
	case nil, grafana.Denormal:
		return math.NaN()
	}
	t.Fatalf("%T is no number", v)
	return 0
}

func seconds(t testing.TB, v any) int64 {
	t.Helper()
	ms, ok := v.(int64)
	if !ok || ms%1000 != 0 {
		t.Fatalf("%v is no time in whole seconds", v)
	}
	return ms / 1000
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// value is the one number of a panel.
func (a answers) value(t *testing.T, panel uint32, column int) float64 {
	t.Helper()
	r := a[panel]
	if len(r.Rows) == 0 {
		return math.NaN()
	}
	return number(t, r.Rows[len(r.Rows)-1][column])
}

func (a answers) equal(t *testing.T, panel uint32, column int, want float64) {
	t.Helper()
	// A tile of nothing is empty.
	if got := a.value(t, panel, column); !near(got, want) && !(want == 0 && len(a[panel].Rows) == 0) {
		t.Errorf("panel %d %q: got %v, want %v\n%s", panel, a[panel].Title, got, want, a[panel].SQL)
	}
}

// line compares a series without a name.
func (a answers) line(t *testing.T, panel uint32, column int, want map[int64]float64) {
	t.Helper()
	r := a[panel]
	if len(r.Rows) != len(want) {
		t.Errorf("panel %d %q: %d buckets, want %d\n%s", panel, r.Title, len(r.Rows), len(want), r.SQL)
	}
	for _, row := range r.Rows {
		if at := seconds(t, row[0]); !near(number(t, row[column]), want[at]) {
			t.Errorf("panel %d %q at %v: got %v, want %v", panel, r.Title, row[0], row[column], want[at])
			return
		}
	}
}
