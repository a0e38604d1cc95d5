package cli

import (
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tidemark/consumers/ledger"
	"tidemark/internal/testenv"
)

// everyMetric has a value for each metric, so that each is in the exposition.
func everyMetric() *metrics {
	m := newMetrics()
	m.block(ledger.Row{
		Topic: "queries.v1", Stored: 3, Duplicates: 1, Conflicts: 1, Dead: 1, Control: 1, Gap: 1, Bytes: 600,
		InsertTime: 20 * time.Millisecond, EventLag: 150 * time.Hour, OldestProduced: time.UnixMilli(1), NewestProduced: time.UnixMilli(2), ProduceLag: time.Second,
	})
	m.at("queries.v1", 0, 7, 9)
	m.resends.WithLabelValues("queries.v1").Inc()
	m.alarms.WithLabelValues("queries.v1").Inc()
	m.rollupRanges.WithLabelValues("queries_1m").Inc()
	m.rollupRows.WithLabelValues("queries_1m").Add(3)
	return m
}

// gaugeOf is the value of a gauge that has one.
func gaugeOf(t *testing.T, m *metrics, name string) float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no gauge %s", name)
	return 0
}

// TestMetricsFollowTheConventions lets Prometheus' own linter read all that /metrics may ever show.
func TestMetricsFollowTheConventions(t *testing.T) {
	m := everyMetric()
	if f, e := gaugeOf(t, m, "tidemark_ingest_freshness_seconds"), gaugeOf(t, m, "tidemark_ingest_event_lag_seconds"); f != 1 || e != 150*3600 {
		t.Errorf("freshness %g s, event lag %g s after a block of history that was produced a second before", f, e)
	}
	response := httptest.NewRecorder()
	opsFlags{}.routes(m.registry, func() error { return nil }).ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/metrics", nil))
	text := response.Body.String()

	described := make(chan *prometheus.Desc)
	go func() { m.registry.Describe(described); close(described) }()
	own := 0
	for d := range described {
		name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]
		if !strings.HasPrefix(name, "tidemark_") {
			continue
		}
		own++
		if !strings.Contains(text, "# TYPE "+name+" ") {
			t.Errorf("%s has no value, so it was not looked at: give it one in everyMetric", name)
		}
	}
	if own < 16 {
		t.Errorf("only %d metrics of our own", own)
	}

	tool, err := exec.LookPath("promtool")
	testenv.Require(t, "promtool", err == nil, "install Prometheus (Debian: apt-get install prometheus)")
	check := exec.CommandContext(t.Context(), tool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}
