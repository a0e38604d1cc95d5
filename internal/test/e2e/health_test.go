package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
)

// httpDB runs statements as anybody would, over HTTP.
type httpDB struct{ p pipeline }

func (db httpDB) FormatWith(ctx context.Context, sql, format string, settings map[string]any, w io.Writer) error {
	values := url.Values{"database": {db.p.namespace}, "default_format": {format}}
	for name, value := range settings {
		values.Set(name, fmt.Sprint(value))
	}
	address := db.p.database + "/?" + values.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(sql))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s: %s", response.Status, answer)
	}
	_, err = io.Copy(w, response.Body)
	return err
}

// tiles are the texts of the pipeline dashboard's tiles, by title.
func (p pipeline) tiles(t testing.TB) map[string]string {
	t.Helper()
	files, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range files {
		if f.UID != "tidemark-pipeline" {
			continue
		}
		view := grafana.View{From: time.Now().Add(-time.Hour), To: time.Now(), Chosen: map[string][]string{"namespace": {p.namespace}}}
		opened, err := f.Open(t.Context(), httpDB{p}, view, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range opened.Load(t.Context()) {
			if r.Err != nil {
				t.Fatalf("panel %q: %v", r.Title, r.Err)
			}
			maps.Copy(texts, r.Tiles())
		}
	}
	return texts
}

// alerts are the results of the alert rules that are above two minutes, by title: the texts of their rows.
func (p pipeline) alerts(t testing.TB) map[string]string {
	t.Helper()
	alerts, err := dashboards.GenerateAlerts()
	if err != nil {
		t.Fatal(err)
	}
	firing := map[string]string{}
	for _, r := range alerts.Execute(t.Context(), httpDB{p}, p.namespace, time.Now()) {
		if r.Err != nil {
			t.Fatalf("alert %q: %v", r.Title, r.Err)
		}
		for _, row := range r.Rows {
			value, names := 0.0, ""
			for _, cell := range row {
				if n, ok := cell.(interface{ Float64() (float64, error) }); ok {
					value, _ = n.Float64()
				} else {
					names += fmt.Sprint(cell, " ")
				}
			}
			if value > 120 {
				firing[r.Title] += names
			}
		}
	}
	return firing
}

// TestDeadIngest kills ingest while records come: the ledger, which only ingest writes, is as it was when all was well, and
// what the other worker says of the log tells.
func TestDeadIngest(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	rollup, ingest := p.start(t, "rollup"), p.start(t, "ingest")
	want := p.generate(t, "--events", "3000", "--poison", "0")
	eventually(t, "the log is drained", func() bool { return p.accounted(t) == want.produced() })
	eventually(t, "somebody has seen that", func() bool {
		tiles := p.tiles(t)
		return tiles["Workers"] == "good: all at work" && tiles["Lag"] == "good: 0" && tiles["Stalled partitions"] == "good: 0" && strings.HasPrefix(tiles["Freshness"], "good: ")
	})
	if firing := p.alerts(t); len(firing) > 0 {
		t.Errorf("all is well, and alerts fire: %v", firing)
	}

	ingest.kill()
	more := p.generate(t, "--events", "30000", "--poison", "0", "--seed", "2")
	waits := func() string {
		return p.sql(t, "SELECT sum(end_offset) - sum(accounted) FROM log_ends FINAL WHERE topic != 'runs.v1'")
	}
	eventually(t, "the rollup worker has seen what waits", func() bool { return waits() == fmt.Sprint(more.produced()) })
	// As if three minutes had passed, by what was written before.
	p.sql(t, "INSERT INTO heartbeats SELECT * REPLACE (seen_at - INTERVAL 3 MINUTE AS seen_at, beat + 1 AS beat) FROM heartbeats FINAL WHERE role = 'ingest'")
	older := "INSERT INTO log_ends SELECT * REPLACE (waiting_since - INTERVAL 3 MINUTE AS waiting_since, version + 100 AS version) FROM log_ends FINAL WHERE accounted != end_offset"
	p.sql(t, older)
	tiles, firing := p.tiles(t), p.alerts(t)
	for title, prefix := range map[string]string{"Workers": "bad: no ingest since ", "Lag": "bad: 30", "Stalled partitions": "bad: ", "Freshness": "bad: "} {
		if !strings.HasPrefix(tiles[title], prefix) {
			t.Errorf("ingest is dead, and the tile %s says %q", title, tiles[title])
		}
	}
	if firing["A worker is missing"] != "ingest no report " || !strings.Contains(firing["Ingest is behind or stalled"], "queries.v1 0 ") || !strings.Contains(firing["Data is not fresh"], "queries.v1 ") {
		t.Errorf("ingest is dead, and alerts fire for %v", firing)
	}

	rollup.kill()
	p.sql(t, "INSERT INTO heartbeats SELECT * REPLACE (seen_at - INTERVAL 3 MINUTE AS seen_at, beat + 1 AS beat) FROM heartbeats FINAL WHERE role = 'rollup'")
	p.sql(t, "INSERT INTO log_ends SELECT * REPLACE (seen_at - INTERVAL 3 MINUTE AS seen_at, version + 100 AS version) FROM log_ends FINAL")
	tiles, firing = p.tiles(t), p.alerts(t)
	for _, title := range []string{"Lag", "Stalled partitions", "Freshness"} {
		if !strings.HasPrefix(tiles[title], "unknown since ") {
			t.Errorf("everything is dead, and the tile %s says %q", title, tiles[title])
		}
	}
	if got := firing["A worker is missing"]; got != "ingest no report log no report rollup no report " {
		t.Errorf("everything is dead, and the alert fires for %q", got)
	}

	p.start(t, "rollup")
	last := p.start(t, "ingest")
	want = want.plus(more)
	eventually(t, "the log is drained again", func() bool { return p.accounted(t) == want.produced() })
	eventually(t, "somebody has seen that again", func() bool {
		tiles := p.tiles(t)
		return tiles["Workers"] == "good: all at work" && tiles["Lag"] == "good: 0" && tiles["Stalled partitions"] == "good: 0"
	})
	if code := last.stop(t); code != 0 {
		t.Errorf("ingest stops with exit code %d", code)
	}
	if got := p.sql(t, "SELECT count() FROM heartbeats FINAL WHERE role = 'ingest' AND stopped"); got != "1" {
		t.Errorf("%s ingesters say that they were stopped, want 1", got)
	}
}
