package dashboards_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// drawn are the kinds of panels that write the texts of a result beside what they draw.
var drawn = []string{"timeseries", "piechart", "state-timeline", "barchart", "geomap", "bargauge"}

// unnamed returns an error if a chart has a series, a slice or a strip without a name, or a table a provider, product, model, client or
// country without one.
func unnamed(r dashboards.Result) error {
	named := []string{"provider", "product", "model", "client", "country", "organization", "tenant"}
	for i, c := range r.Columns {
		if c.Kind != grafana.KindString || !slices.Contains(drawn, r.Kind) && (r.Kind != "table" || !slices.Contains(named, c.Name)) {
			continue
		}
		for _, row := range r.Rows {
			if row[i] == "" {
				return fmt.Errorf("column %s of row %v has no name", c.Name, row)
			}
		}
	}
	return nil
}

// TestNothingIsNameless opens every dashboard on events that say no more than they must: what they do not say has a name in every
// chart. All other tests hold the same of what they open.
func TestNothingIsNameless(t *testing.T) {
	s := store{World: rolluptest.New(t)}
	at := begin.Add(10*time.Hour + 20*time.Minute)
	var events []schemas.Event
	for i := range int64(60) {
		id, us := fmt.Sprint(i), at.UnixMicro()+i*1e6
		events = append(events,
			&usagev1.TokenCall{Source: "s", Id: id, Tenant: "t", Product: "p", Model: "m", TimeUs: new(us), Status: usagev1.Status_STATUS_ERROR, InputUncached: new(uint64(9))},
			&usagev1.Query{Source: "s", Id: id, Tenant: "t", Product: "p", TimeUs: new(us), User: 1},
			&usagev1.Signup{Source: "s", Id: id, Tenant: "t", Product: "p", TimeUs: new(us)},
			&usagev1.ModelEvent{Source: "s", Id: id, Tenant: "t", Model: "m", Kind: usagev1.ModelEventKind_MODEL_EVENT_KIND_RELEASE, TimeUs: new(us)},
			&usagev1.Run{Source: "s", Id: id, Tenant: "t", Run: "r", Kind: "collect", Type: "any", TimeUs: new(us), Received: 1},
		)
	}
	s.Deliver(events...)
	s.rollUp(t)
	s.report(t)
	files, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, span := range []time.Duration{2 * time.Hour, 24 * time.Hour, 30 * 24 * time.Hour} {
		seen := map[string]bool{}
		for _, f := range files {
			for _, r := range s.execute(t, f, grafana.View{From: at.Add(-span / 2), To: at.Add(span / 2)}) {
				for i, c := range r.Columns {
					for _, row := range r.Rows {
						seen[fmt.Sprint(f.UID, " ", r.Panel, " ", c.Name, " ", row[i])] = true
					}
				}
			}
		}
		for _, shown := range []string{"tidemark-models 13 name not given", "tidemark-models 20 provider not given", "tidemark-cost 51 provider not given", "tidemark-sources 20 client not given"} {
			if !seen[shown] {
				t.Errorf("%s: nothing shows %s", span, shown)
			}
		}
	}
}
