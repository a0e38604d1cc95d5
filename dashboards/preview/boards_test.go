package preview

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
	"tidemark/dashboards/grafana/grafanatest"
	"tidemark/internal/stack"
	"tidemark/internal/test/env"
	stacktest "tidemark/internal/test/stack"
	"tidemark/schemas"
)

// TestOutage takes ClickHouse away and brings it back.
func TestOutage(t *testing.T) {
	library := env.LibCHDB(t)
	if err := stacktest.Stop(); err != nil { // One engine a process.
		t.Fatal(err)
	}
	config := stack.Config{DataDir: t.TempDir(), HTTPListen: "127.0.0.1:0", LibCHDB: library, NoKafka: true}
	first, err := stack.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	config.HTTPListen = first.HTTPAddr()
	s := newSite(t, Config{DB: grafanatest.Connect(t, first.HTTPURL(), "default"), Dashboards: [][]byte{board(nil, sql("SELECT 42"))}})
	health := func() string {
		var h struct{ ClickHouse string }
		s.get("/api/health", &h)
		return h.ClickHouse
	}
	if r := s.panel(1, nil).Results[0]; r.Error != "" || health() != "ok" {
		t.Fatalf("before: %+v, health %s", r, health())
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := s.panel(1, nil).Results[0]
		if !strings.HasPrefix(r.Error, "ClickHouse cannot be reached: ") || !strings.HasPrefix(health(), "ClickHouse cannot be reached: ") {
			t.Errorf("without: %+v, health %s", r, health())
		}
	}
	for _, path := range []string{"/", "/api/dashboards", "/api/dashboards/test"} {
		if status := s.get(path, nil); status != http.StatusOK {
			t.Errorf("without: %s has status %d", path, status)
		}
	}
	second, err := stack.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}()
	if r := s.panel(1, nil).Results[0]; r.Error != "" || health() != "ok" {
		t.Errorf("after: %+v, health %s", r, health())
	}
}

// TestRealDashboards asks every panel, variable and annotation of the real dashboards on an empty store: none fails, over
// any range.
func TestRealDashboards(t *testing.T) {
	e := grafanatest.New(t)
	for _, m := range schemas.Statements(e.Database) {
		e.Exec(t, m.SQL)
	}
	files, err := dashboards.Committed()
	if err != nil {
		t.Fatal(err)
	}
	var texts [][]byte
	for _, f := range files {
		texts = append(texts, f.JSON)
	}
	s := newSite(t, Config{DB: e, Dashboards: texts, Namespace: e.Database})
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ranges := map[string][2]time.Time{
		"an hour": {now.Add(-time.Hour), now}, "40 years": {now.AddDate(-40, 0, 0), now},
		"before 1970": {time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC)}, "the years 1 to 9999": {time.UnixMilli(firstTime), time.UnixMilli(lastTime)},
	}
	for name, r := range ranges {
		for _, text := range texts {
			s.walk(t, name, text, r[0], r[1])
		}
	}
}

// walk does what the page does when a dashboard is opened.
func (s *site) walk(t *testing.T, name string, text []byte, from, to time.Time) {
	t.Helper()
	d, err := grafana.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"dashboard": d.UID, "from": from.UnixMilli(), "to": to.UnixMilli(), "intervalMs": max(to.Sub(from).Milliseconds()/500, 1000), "maxDataPoints": 500}
	chosen := map[string][]string{}
	for _, v := range d.Templating.List {
		body["name"], body["variables"] = v.Name, chosen
		var c choices
		if status := s.post("/api/variable", body, &c); status != http.StatusOK || c.Error != "" {
			t.Errorf("%s, %s: variable %s: %d %s", d.UID, name, v.Name, status, c.Error)
		}
		switch {
		case v.IncludeAll:
			chosen[v.Name] = []string{grafana.All}
		case len(c.Options) > 0:
			chosen[v.Name] = []string{c.Options[0].Value}
		}
		if v.Name == "namespace" {
			delete(chosen, v.Name) // The server's own, among all those of the engine.
		}
	}
	body["variables"] = chosen
	delete(body, "name")
	check := func(what, path string) {
		var a answers
		if status := s.post(path, body, &a); status != http.StatusOK {
			t.Errorf("%s, %s: %s: %d %s", d.UID, name, what, status, a.Error)
		}
		for _, r := range a.Results {
			if r.Error != "" {
				t.Errorf("%s, %s: %s: %s\n%s", d.UID, name, what, r.Error, r.SQL)
			}
		}
	}
	for _, p := range d.Panels {
		body["panel"] = p.ID
		check(fmt.Sprintf("panel %d %s", p.ID, p.Title), "/api/query")
	}
	delete(body, "panel")
	for _, a := range d.Annotations.List {
		body["name"] = a.Name
		check("annotations "+a.Name, "/api/annotations")
	}
}
