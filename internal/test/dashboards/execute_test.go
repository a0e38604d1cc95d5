package dashboards_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"tidemark/consumers/rollup/rolluptest"
	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
)

// TestEveryPanelRuns opens every dashboard at every grain, with and without choices, on a store with data: every
// statement runs, gives the columns that its kind of panel needs, and rows unless the panel may be empty.
func TestEveryPanelRuns(t *testing.T) {
	s := generated(t, 20_000, 72*time.Hour)
	s.Exec("INSERT INTO audits (audit, check, scope, verdict, detail, took_us) VALUES ('a', 'ledger tiles', 'queries.v1', 'ok', '', 1), ('a', 'raw holds', 'queries.v1', 'pending', '', 1)")
	s.Exec("INSERT INTO models (model, weights, weights_source, release_date, release_date_source) VALUES ('gpt-4o-2024-08-06', 'closed', 'test', '2026-03-02', 'test')")
	s.report(t)
	s.earlier(t)
	tenant := s.Text(1, "SELECT toString(tenant) FROM token_calls GROUP BY tenant ORDER BY count() DESC LIMIT 1")
	tenant = tenant[:len(tenant)-1]
	now := time.Now()
	views := map[string]grafana.View{
		"minutes":  {From: begin.Add(30 * time.Hour), To: begin.Add(35 * time.Hour)},
		"hours":    {From: begin, To: begin.Add(72 * time.Hour)},
		"days":     {From: begin.Add(-20 * 24 * time.Hour), To: begin.Add(72 * time.Hour)},
		"40 years": {From: begin.AddDate(-39, 0, 0), To: begin.AddDate(1, 0, 0)},
		"a tenant": {From: begin, To: begin.Add(72 * time.Hour), Chosen: map[string][]string{"tenant": {tenant}}},
		"choices": {From: begin, To: begin.Add(72 * time.Hour), Chosen: map[string][]string{
			"product": {"chat", "api"}, "provider": {"openai"}, "model": {"gpt-4o-2024-08-06"}, "segment": {"consumer"}, "country": {"US", "DE"}}},
		"now": {From: now.Add(-10 * time.Minute), To: now.Add(10 * time.Minute), Interval: time.Second},
	}
	files, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range views {
		t.Run(name, func(t *testing.T) {
			for _, f := range files {
				for _, r := range s.execute(t, f, v) {
					_, allowed := f.Allowed[r.Panel]
					// The ledger was written now, the events are of March: a view of one has nothing of the other.
					scenarios := f.UID == "tidemark-adoption" || f.UID == "tidemark-since-1990" || f.UID == "tidemark-launch" // Their events are replayed in internal/test/e2e.
					full := name == "hours" && f.UID != "tidemark-pipeline" && !scenarios || name == "now" && f.UID == "tidemark-pipeline"
					if full && !allowed && r.Kind != "annotation" && len(r.Rows) == 0 {
						t.Errorf("%s: panel %q, query %s is empty\n%s", f.UID, r.Title, r.RefID, r.SQL)
					}
				}
			}
		})
	}
}

// earlier makes it as if the blocks had been accounted for five minutes ago, so that they lie in whole intervals. The ledger keeps the
// row written last, so that the earlier ones must take the place of what is there.
func (s store) earlier(t testing.TB) {
	t.Helper()
	s.Exec("CREATE TABLE earlier ENGINE = Memory AS SELECT * REPLACE (written_at - INTERVAL 5 MINUTE AS written_at) FROM ledger")
	s.Exec("TRUNCATE TABLE ledger")
	s.Exec("INSERT INTO ledger SELECT * FROM earlier")
	s.Exec("DROP TABLE earlier")
}

// zeros are the panels that count what is there, so that 0 is what they say of a database without a row, by dashboard and id.
var zeros = []string{"tidemark-pipeline 5", "tidemark-pipeline 6", "tidemark-pipeline 10", "tidemark-sources 1", "tidemark-sources 2", "tidemark-sources 3", "tidemark-sources 33"}

// TestEmptyStore opens every dashboard on a migrated database without a row: no panel shows a number but the zeros of counts, and
// none says that anything was checked.
func TestEmptyStore(t *testing.T) {
	s := store{World: rolluptest.New(t)}
	now := time.Now()
	files, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, span := range []time.Duration{time.Hour, 24 * time.Hour, 30 * 24 * time.Hour} {
		for _, f := range files {
			for _, r := range s.execute(t, f, grafana.View{From: now.Add(-span), To: now}) {
				for _, row := range r.Rows {
					for i, cell := range row {
						_, isNumber := cell.(json.Number)
						_, isNone := cell.(grafana.Denormal)
						counts := cell == json.Number("0") && slices.Contains(zeros, fmt.Sprint(f.UID, " ", r.Panel))
						if isNone || isNumber && !counts || cell == "checked" {
							t.Errorf("%s: panel %d %q shows %s = %v without any data\n%s", f.UID, r.Panel, r.Title, r.Columns[i].Name, cell, r.SQL)
						}
					}
				}
			}
		}
	}
}
