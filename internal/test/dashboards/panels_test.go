package dashboards_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/dashboards"
	"tidemark/dashboards/grafana"
)

// shown is what a panel has to show: its rows as texts. Rows that are alike in the column with the number ties may come in any order;
// without one, below 0, the order is as it is here.
type shown struct {
	rows []string
	ties int
}

func rows(all ...string) shown { return shown{all, -1} }

// column is one cell of each row.
func (w shown) column(all []string) (cells []string) {
	for _, row := range all {
		cells = append(cells, strings.Split(row, " | ")[w.ties])
	}
	return cells
}

// fits reports whether a panel shows it.
func (w shown) fits(got []string) bool {
	if slices.Equal(w.rows, got) {
		return true
	}
	return w.ties >= 0 && slices.Equal(slices.Sorted(slices.Values(w.rows)), slices.Sorted(slices.Values(got))) &&
		slices.Equal(w.column(w.rows), w.column(got))
}

// between reports whether a panel shows what lies between what is true before it was asked and after: ages grow meanwhile.
func (w shown) between(got []string, after shown) bool {
	if len(got) != len(w.rows) || len(got) != len(after.rows) {
		return false
	}
	for i, row := range got {
		cells, low, high := strings.Split(row, " | "), strings.Split(w.rows[i], " | "), strings.Split(after.rows[i], " | ")
		if len(cells) != len(low) || len(cells) != len(high) {
			return false
		}
		for j, cell := range cells {
			var least, n, most float64
			_, err := fmt.Sscan(low[j]+" "+cell+" "+high[j], &least, &n, &most)
			if cell != low[j] && cell != high[j] && (err != nil || n < min(least, most) || n > max(least, most)) {
				return false
			}
		}
	}
	return true
}

// panels are what the panels of a dashboard have to show, by their number and the letter of the statement, such as "20A".
type panels map[string]shown

// recomputed are the functions that compute every panel of a dashboard from the events, and replayed those of dashboards on scenarios.
var recomputed = map[string]func(*sight) panels{
	"tidemark-usage": (*sight).usage, "tidemark-models": (*sight).models, "tidemark-tenant": (*sight).tenantBoard,
	"tidemark-cost": (*sight).cost, "tidemark-sources": (*sight).sources, "tidemark-pipeline": (*sight).pipeline,
}

var replayed = map[string]func(*sight) panels{
	"tidemark-launch": (*sight).launch, "tidemark-adoption": (*sight).adoption, "tidemark-since-1990": (*sight).sinceNineties,
}

// TestPanelsEqualTheEvents holds every value of every panel of every dashboard against a recomputation in Go, from the events or, where a
// panel shows what the pipeline says of itself, from the rows of its tables: for 15 minutes, 6 hours, 7 days and more, with a tenant and without,
// on a store with many events up to now and on one with a handful.
func TestPanelsEqualTheEvents(t *testing.T) {
	files, err := dashboards.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(recomputed)+len(replayed) {
		t.Errorf("%d dashboards, of which %d are recomputed", len(files), len(recomputed)+len(replayed))
	}
	for name, of := range map[string]func(*testing.T) *history{"live": liveHistory, "thin": thinHistory} {
		h := of(t)
		for _, v := range h.views(name == "live") {
			h.look(t, files, name, v, recomputed)
		}
	}
	for name, thin := range map[string]bool{"replayed": false, "hardly replayed": true} {
		h := scenarioHistory(t, thin)
		for _, span := range append(slices.Clone(spansOfPanels), 50*365*day) {
			h.look(t, files, name, looks{span: span}, replayed)
		}
	}
}

// spansOfPanels are the ranges that all dashboards are opened with.
var spansOfPanels = []time.Duration{15 * time.Minute, 6 * time.Hour, 7 * day}

// looks is a view of dashboards.
type looks struct {
	span time.Duration // Up to the end of the history.
	choice
	only string // One dashboard, or all.
}

// views are the ranges and choices that a history is looked at with: of the live one, the usage overview with a choice of each variable too, and
// with ranges around those at which panels begin to read other rollups.
func (h *history) views(live bool) (all []looks) {
	for _, span := range spansOfPanels {
		all = append(all, looks{span: span}, looks{span: span, choice: choice{tenant: h.customer, topic: "queries.v1"}})
	}
	if !live {
		return all
	}
	for i, c := range []choice{{product: "product00"}, {segment: "consumer"}, {country: "US"}, {provider: "openai"}, {model: "gpt-a"}, {product: "product01", segment: "developer"}} {
		all = append(all, looks{spansOfPanels[1+i%2], c, "tidemark-usage"})
	}
	for _, c := range []choice{{}, {model: "gpt-a"}, {tenant: h.customer}} {
		all = append(all, looks{9 * day, c, "tidemark-usage"}, looks{9 * day, c, "tidemark-models"})
	}
	for _, span := range []time.Duration{time.Hour, 90 * time.Minute, 6*time.Hour + time.Second, 24 * time.Hour} {
		all = append(all, looks{span, choice{tenant: h.customer}, "tidemark-usage"}, looks{span, choice{tenant: h.customer}, "tidemark-tenant"})
	}
	return all
}

// look opens dashboards.
func (h *history) look(t *testing.T, files []dashboards.File, name string, v looks, boards map[string]func(*sight) panels) {
	t.Helper()
	t.Run(fmt.Sprintf("%s %s %s %s", name, v.span, v.chosen(), v.only), func(t *testing.T) {
		for _, f := range files {
			if recompute := boards[f.UID]; recompute != nil && passes(v.only, f.UID) {
				h.see(t, f, v, recompute)
			}
		}
	})
}

// interval is the time between two points that Grafana asks for in a chart of some 700 pixels.
func (v looks) interval() time.Duration {
	return max(time.Second, (v.span / 700).Truncate(time.Second))
}

// see opens one dashboard and compares all that it shows.
func (h *history) see(t *testing.T, board dashboards.File, v looks, recompute func(*sight) panels) {
	t.Helper()
	h.beat(t)
	s := &sight{history: h, choice: v.choice, from: h.end.Add(-v.span).UnixMilli(), to: h.end.UnixMilli(), now: time.Now(), interval: v.interval()}
	view := grafana.View{From: time.UnixMilli(s.from), To: time.UnixMilli(s.to), Chosen: v.chosen(), Interval: s.interval}
	results := h.execute(t, board, view)
	want, after := recompute(s), panels(nil)
	for _, r := range results {
		key := fmt.Sprint(r.Panel) + r.RefID
		if r.Kind == grafana.ForAnnotations {
			key = r.Title
		}
		var got []string
		for _, cells := range r.Rows {
			got = append(got, rowOf(cells))
		}
		w, known := want[key]
		delete(want, key)
		if known && w.fits(got) {
			continue
		}
		if after == nil {
			later := *s
			later.now = time.Now()
			after = recompute(&later)
		}
		if !known || !w.between(got, after[key]) {
			t.Errorf("%s, panel %s %q: got\n%s\nwant\n%s\n%s", board.UID, key, r.Title, excerpt(got, w.rows), excerpt(w.rows, got), r.SQL)
		}
	}
	for key := range want {
		t.Errorf("%s has no panel %s", board.UID, key)
	}
}

// excerpt is some of the rows that the others do not have.
func excerpt(of, others []string) string {
	const most = 12
	left := slices.DeleteFunc(slices.Clone(of), func(row string) bool { return slices.Contains(others, row) })
	if len(left) == 0 {
		left = of
	}
	return fmt.Sprintf("%d rows, of which\n", len(of)) + strings.Join(left[:min(most, len(left))], "\n")
}
