package e2e

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

// scenarioBoards are the dashboards that show scenarios.
var scenarioBoards = []string{"tidemark-adoption", "tidemark-since-1990", "tidemark-launch"}

// TestScenarioDashboards replays all scenarios and opens the dashboards that show them: every panel has data, and every chart
// uses the width that it has.
func TestScenarioDashboards(t *testing.T) {
	chromium := findChromium(t)
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	for _, s := range scenarios(t) {
		p.ok(t, "replay", "scenario:"+s.name)
	}
	p.settle(t)
	base := p.preview(t)
	b := openBrowser(t, chromium, base)
	for _, uid := range scenarioBoards {
		p.spread(t, base, uid)
		b.size(t, 1600, 2400)
		b.open(t, "/d/"+uid+"?refresh=&theme=dark&var-scenarios="+p.namespace)
		b.settled(t, uid)
		for _, panel := range b.seen(t) {
			if panel.State != "ready" {
				t.Errorf("%s: panel %s is %s: %q %q", uid, panel.ID, panel.State, panel.Error, panel.Text)
			}
		}
		b.picture(t, uid+"-dark")
		b.quiet(t)
	}
}

// spread holds that what each chart of a dashboard shows takes three tenths of its width at least, in the range that the dashboard
// opens with. Lines of two points are left out: a limit reaches from end to end whatever there is.
func (p pipeline) spread(t *testing.T, base, uid string) {
	t.Helper()
	_, text := get(t, base+"/api/dashboards/"+uid)
	var board struct {
		Time   struct{ From, To time.Time }
		Panels []struct {
			ID          int
			Title, Type string
		}
	}
	if err := json.Unmarshal([]byte(text), &board); err != nil {
		t.Fatal(err)
	}
	from, to := float64(board.Time.From.UnixMilli()), float64(board.Time.To.UnixMilli())
	for _, panel := range board.Panels {
		if panel.Type != "timeseries" {
			continue
		}
		first, last := math.Inf(1), math.Inf(-1)
		_, a := post(t, base+"/api/query", map[string]any{
			"dashboard": uid, "panel": panel.ID, "from": int64(from), "to": int64(to), "intervalMs": 60_000, "variables": map[string][]string{"scenarios": {p.namespace}},
		})
		for _, r := range a.Results {
			for _, frame := range r.Frames {
				if len(frame.Data.Values) == 0 || len(frame.Data.Values[0]) <= 2 {
					continue
				}
				for _, at := range frame.Data.Values[0] {
					if ms, ok := at.(float64); ok {
						first, last = min(first, ms), max(last, ms)
					}
				}
			}
		}
		if share := (last - first) / (to - from); !(share >= 0.3) {
			t.Errorf("%s: panel %q shows something in %.0f %% of its width", uid, panel.Title, 100*share)
		}
	}
}
