package deploy

import (
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// TestPrometheus: Prometheus' own tool accepts the configuration, and the rules do what their unit tests say.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("promtool")
	env.Require(t, "promtool", err == nil, "install Prometheus (Debian: apt-get install prometheus)")
	folder := filepath.Join(env.ModuleRoot(t), "deploy", "prometheus")
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"test", "rules", "tidemark.rules.test.yml"}} {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// rulesFile is what the tests look at of the rules and of their unit tests.
type rulesFile struct {
	Groups []struct {
		Rules []struct{ Alert, Expr string }
	}
	Tests []struct {
		AlertRuleTest []struct {
			Alertname string
			ExpAlerts []any `json:"exp_alerts"`
		} `json:"alert_rule_test"`
	}
}

// TestPrometheusNames: the rules ask for metrics that the operations page has, which a test of the page compares with the
// program; the scraped roles are services that serve metrics; and every alert has a unit test in which it fires and one in
// which it does not.
func TestPrometheusNames(t *testing.T) {
	t.Parallel()
	root := env.ModuleRoot(t)
	var rules, tests rulesFile
	env.YAML(t, filepath.Join(root, "deploy", "prometheus", "tidemark.rules.yml"), &rules)
	env.YAML(t, filepath.Join(root, "deploy", "prometheus", "tidemark.rules.test.yml"), &tests)
	page := readFile(t, root, "docs", "operations.md")
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, group := range tests.Tests {
		for _, one := range group.AlertRuleTest {
			fires[one.Alertname] = fires[one.Alertname] || len(one.ExpAlerts) > 0
			silent[one.Alertname] = silent[one.Alertname] || len(one.ExpAlerts) == 0
		}
	}
	found := 0
	for _, rule := range rules.Groups[0].Rules {
		if rule.Alert != "" && (!fires[rule.Alert] || !silent[rule.Alert]) {
			t.Errorf("%s: no unit test fires it, or none leaves it silent", rule.Alert)
		}
		for _, name := range regexp.MustCompile(`tidemark_[a-z_]+`).FindAllString(rule.Expr, -1) {
			found++
			if !strings.Contains(page, "\n| `"+name+"` | ") {
				t.Errorf("no process serves %s", name)
			}
		}
	}
	if found < 8 {
		t.Errorf("the rules ask for %d metrics", found)
	}

	var config struct {
		ScrapeConfigs []struct {
			DNS []struct {
				Names []string
				Port  int
			} `json:"dns_sd_configs"`
		} `json:"scrape_configs"`
	}
	env.YAML(t, filepath.Join(root, "deploy", "prometheus", "prometheus.yml"), &config)
	serving := map[string]bool{}
	for name, s := range readCompose(t).Services {
		if s.Environment["TIDEMARK_METRICS_LISTEN"] == "0.0.0.0:9108" {
			serving[name] = true
		}
	}
	scraped := config.ScrapeConfigs[0].DNS[0]
	slices.Sort(scraped.Names)
	if want := slices.Sorted(maps.Keys(serving)); !slices.Equal(scraped.Names, want) || scraped.Port != 9108 {
		t.Errorf("scraped: %v, serving metrics: %v", scraped, want)
	}
}
