package cli

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tidemark/consumers/audit"
	"tidemark/consumers/ledger"
	"tidemark/internal/test/env"
	"tidemark/producers/collector"
)

// everyMetric has a value for each metric, so that each is in the exposition.
func everyMetric() *metrics {
	m := newMetrics("shop")
	m.block(ledger.Row{
		Partition: ledger.Partition{Topic: "queries.v1"}, Stored: 3, Duplicates: 1, Conflicts: 1, Dead: 1, Control: 1, Gap: 1, Bytes: 600,
		InsertTime: 20 * time.Millisecond, EventLag: 150 * time.Hour, OldestProduced: time.UnixMilli(1), NewestProduced: time.UnixMilli(2), ProduceLag: time.Second,
	})
	m.at("queries.v1", 0, 7, 9)
	m.resends.WithLabelValues("queries.v1").Inc()
	m.alarms.WithLabelValues("queries.v1").Inc()
	m.rollupRanges.WithLabelValues("queries_1m").Inc()
	m.rollupRows.WithLabelValues("queries_1m").Add(3)
	m.audited(audit.Result{OK: true, Findings: []audit.Finding{{Verdict: audit.OK}}, Lost: 2, Dead: 3}, nil, time.Minute)
	m.collect.Answered(collector.Report{
		Key: "k", Endpoint: "events", Status: 200, Accepted: collector.ByType{2}, Spooled: collector.ByType{1}, Joined: 1, Rejected: []collector.Rejected{{Field: "model", Reason: "is missing"}},
		Skipped: map[string]uint64{"rule": 1}, Forgetful: "litellm", WireBytes: 5, BodyBytes: 9, Took: time.Millisecond,
	})
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
	if own < 24 {
		t.Errorf("only %d metrics of our own", own)
	}

	tool, err := exec.LookPath("promtool")
	env.Require(t, "promtool", err == nil, "install Prometheus (Debian: apt-get install prometheus)")
	check := exec.CommandContext(t.Context(), tool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// samples are the values of our own metrics, by name and labels as they are exposed.
func samples(t *testing.T, m *metrics) map[string]string {
	t.Helper()
	response := httptest.NewRecorder()
	opsFlags{}.routes(m.registry, func() error { return nil }).ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/metrics", nil))
	found := make(map[string]string)
	for line := range strings.Lines(response.Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "tidemark_") {
			found[name] = value
		}
	}
	return found
}

// TestMetricsOfAudits: an outcome is counted once, what was found is that of the last audit that was made, and one that could
// not be made changes none of it.
func TestMetricsOfAudits(t *testing.T) {
	m := newMetrics("shop")
	check := func(when string, want map[string]string) {
		t.Helper()
		got := samples(t, m)
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s: %s is %q, want %q", when, name, got[name], value)
			}
		}
	}
	check("before", map[string]string{"tidemark_audit_last_finished_timestamp_seconds": "0", "tidemark_audit_duration_seconds_count": "0"})
	m.audited(audit.Result{Findings: []audit.Finding{{Verdict: audit.OK}, {Verdict: audit.Difference}, {Verdict: audit.Error}, {Verdict: audit.Difference}}, Lost: 7, Dead: 5}, nil, 3*time.Second)
	found := map[string]string{
		`tidemark_audits_total{outcome="difference"}`: "1", `tidemark_audit_findings{verdict="ok"}`: "1", `tidemark_audit_findings{verdict="difference"}`: "2",
		`tidemark_audit_findings{verdict="error"}`: "1", `tidemark_audit_findings{verdict="pending"}`: "0",
		"tidemark_audit_lost_records": "7", "tidemark_audit_dead_letters": "5", "tidemark_audit_duration_seconds_sum": "3",
	}
	check("a difference", found)
	if samples(t, m)["tidemark_audit_last_finished_timestamp_seconds"] == "0" {
		t.Error("the audit has no end")
	}
	m.audited(audit.Result{}, errors.New("away"), 2*time.Second)
	found[`tidemark_audits_total{outcome="failed"}`], found["tidemark_audit_duration_seconds_sum"] = "1", "5"
	check("one that could not be made", found)
	m.audited(audit.Result{OK: true, Findings: []audit.Finding{{Verdict: audit.OK}, {Verdict: audit.Pending}}}, nil, 0)
	check("all is well", map[string]string{
		`tidemark_audits_total{outcome="ok"}`: "1", `tidemark_audits_total{outcome="difference"}`: "1", `tidemark_audit_findings{verdict="difference"}`: "0",
		`tidemark_audit_findings{verdict="pending"}`: "1", "tidemark_audit_lost_records": "0", "tidemark_audit_dead_letters": "0", "tidemark_audit_duration_seconds_count": "3",
	})
}

// TestMetricsOfCollectors: what a sender writes cannot make series without end.
func TestMetricsOfCollectors(t *testing.T) {
	m := newMetrics("shop")
	for i := range maxReasons + 5 {
		m.collect.Answered(collector.Report{Endpoint: "logs", Status: 200, Rejected: []collector.Rejected{{Field: fmt.Sprint("field", i), Reason: "is bad"}}})
	}
	if got := samples(t, m)[`tidemark_collect_rejected_items_total{endpoint="logs",key="",reason="another"}`]; got != "5" {
		t.Errorf("%q share a series", got)
	}
}

// TestMetricsSayWhoSpeaks: every process says what it was built from and whose namespace it works for, once each.
func TestMetricsSayWhoSpeaks(t *testing.T) {
	b := buildOf(debug.ReadBuildInfo())
	got := samples(t, newMetrics("shop"))
	for _, name := range []string{
		`tidemark_info{namespace="shop"}`,
		fmt.Sprintf("tidemark_build_info{commit=%q,goversion=%q,version=%q}", b.commit, runtime.Version(), b.version),
	} {
		if got[name] != "1" {
			t.Errorf("%s is %q, want 1", name, got[name])
		}
	}
	for name := range got {
		if strings.Contains(name, "namespace=") != strings.HasPrefix(name, "tidemark_info{") {
			t.Errorf("%s: the namespace is in tidemark_info alone", name)
		}
	}
}

func TestBuildOf(t *testing.T) {
	settings := func(pairs ...string) (all []debug.BuildSetting) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
		}
		return all
	}
	for name, c := range map[string]struct {
		info *debug.BuildInfo
		want build
	}{
		"nothing is known": {nil, build{"devel", "unknown", "unknown"}},
		"a plain build":    {&debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "(devel)"}}, build{"devel", "unknown", "go1.26.0"}},
		"a release": {&debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Version: "v1.2.3"}, Settings: settings("vcs.modified", "false", "vcs.revision", "abc")},
			build{"v1.2.3", "abc", "go1.26.0"}},
		"changed files":    {&debug.BuildInfo{GoVersion: "go1.26.0", Settings: settings("vcs.modified", "true", "vcs.revision", "abc")}, build{"devel", "abc-dirty", "go1.26.0"}},
		"without a commit": {&debug.BuildInfo{GoVersion: "go1.26.0", Settings: settings("vcs.modified", "true")}, build{"devel", "unknown", "go1.26.0"}},
	} {
		if got := buildOf(c.info, c.info != nil); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
