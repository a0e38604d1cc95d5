package grafana

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	d, err := Read([]byte(`{"uid": "test", "title": "Test",
		"templating": {"list": [
			{"name": "regex", "type": "query", "query": "SELECT 1", "regex": "/a/"},
			{"name": "unknown", "type": "query", "query": "SELECT $nope"},
			{"name": "adhoc", "type": "adhoc"}]},
		"panels": [
			{"id": 1, "type": "stat", "title": "panel 1", "targets": [{"refId": "A", "rawSql": "SELECT $nope"}]},
			{"id": 2, "type": "stat", "title": "panel 2", "targets": [{"refId": "A", "rawSql": "DROP TABLE t"}]},
			{"id": 3, "type": "stat", "title": "panel 3", "targets": [{"refId": "A", "rawSql": "SELECT ${regex:singlequote}"}]},
			{"id": 4, "type": "stat", "title": "panel 4", "targets": [{"refId": "A", "rawSql": "up", "datasource": {"type": "prometheus"}}]},
			{"id": 5, "type": "candlestick", "title": "panel 5"},
			{"id": 9, "type": "row", "panels": [{"id": 10, "type": "stat", "title": "folded", "targets": [{"rawSql": "SELECT $__nope"}]}]}],
		"annotations": {"list": [
			{"name": "Builtin", "datasource": "-- Grafana --"}, {"name": "Ours", "target": {"rawSql": "SELECT $x"}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(d.Check(), "\n")
	for _, want := range []string{
		"test: variable regex: a regex over options", `test: variable unknown: $nope: unknown variable "nope"`, `test: variable adhoc: variables of type "adhoc" are not supported`,
		`test: panel 1 "panel 1", query A: $nope:`, `panel 2 "panel 2", query A: a panel must not write`, `panel 4 "panel 4", query A: the data source "prometheus" is not supported`,
		`panel 5 "panel 5": panels of type "candlestick" are not supported`, `panel 10 "folded"`, `annotations "Ours": $x: unknown variable`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "panel 3") {
		t.Errorf("panel 3 is fine, but\n%s", got)
	}
	if _, err := Read([]byte("{")); err == nil {
		t.Error("broken JSON is no error")
	}
}

// TestPanelTypes compares PanelTypes with the types of panels that the page's source lists.
func TestPanelTypes(t *testing.T) {
	source, err := os.ReadFile("../preview/web/src/panel/kinds/all.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(source), "export const kinds")
	list, _, _ = strings.Cut(list, "};")
	var drawn []string
	for _, m := range regexp.MustCompile(`(?m)^  '?([a-z-]+)'?: `).FindAllStringSubmatch(list, -1) {
		drawn = append(drawn, m[1])
	}
	if !slices.Equal(drawn, PanelTypes) {
		t.Errorf("the page draws %v, PanelTypes are %v", drawn, PanelTypes)
	}
}

// TestFits has a result for each type of panel that it fits, and one that it does not.
func TestFits(t *testing.T) {
	const series, text, two = `["t","v"]["DateTime","UInt8"]["2026-01-01T00:00:00Z",1]["2026-01-01T00:00:01Z",2]`, `["s","v"]["String","UInt8"]["a",1]`, `["t","s"]["DateTime","String"]["2026-01-01T00:00:00Z","a"]`
	fits := func(panelType, result string) error {
		table, err := ReadTable(strings.NewReader(result), 10)
		if err != nil {
			t.Fatal(err)
		}
		return table.Fits(panelType)
	}
	for _, tt := range []struct{ panelType, good, bad string }{
		{"timeseries", series, text}, {"timeseries", series, two}, {"timeseries", series, `["t","v"]["DateTime","UInt8"]["2026-01-01T00:00:01Z",1]["2026-01-01T00:00:00Z",2]`},
		{"stat", text, `["t"]["DateTime"]["2026-01-01T00:00:00Z"]`}, {"piechart", text, series}, {"geomap", text, two}, {"barchart", text, series}, {"state-timeline", two, text},
		{ForAnnotations, two, series}, {ForAlerts, text, two}, {ForAlerts, text, `["s"]["String"]["a"]`},
	} {
		if err := fits(tt.panelType, tt.good); err != nil {
			t.Errorf("%s: %v", tt.panelType, err)
		}
		if err := fits(tt.panelType, tt.bad); err == nil {
			t.Errorf("%s takes %s", tt.panelType, tt.bad)
		}
	}
	if err := fits("table", series); err != nil {
		t.Error(err)
	}
	if err := fits("candlestick", series); err == nil || !strings.Contains(err.Error(), `no rule for a panel of type "candlestick"`) {
		t.Error(err)
	}
}
