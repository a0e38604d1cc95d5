package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// scenario is one that "scenarios list" names.
type scenario struct {
	name    string
	records int
}

func scenarios(t testing.TB) []scenario {
	t.Helper()
	var list []scenario
	lines := strings.Split(strings.TrimSpace(pipeline{}.ok(t, "scenarios", "list")), "\n")
	for _, line := range lines[1:] {
		fields := strings.Fields(strings.ReplaceAll(line, ",", ""))
		records, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatalf("a scenario without a number of records: %q", line)
		}
		list = append(list, scenario{name: fields[0], records: records})
	}
	if len(list) != 10 {
		t.Fatalf("%d scenarios are listed, want 10", len(list))
	}
	return list
}

// verdicts returns the lines of a check with a verdict, by scenario.
func verdicts(out, verdict string) map[string][]string {
	lines := map[string][]string{}
	for line := range strings.Lines(out) {
		if strings.Contains(line, "  "+verdict+"  ") {
			name := strings.Fields(line)[0]
			lines[name] = append(lines[name], line)
		}
	}
	return lines
}

// TestScenarios replays all scenarios, moves them through the pipeline and measures what they expect: no MISS. Replayed
// again nothing changes.
func TestScenarios(t *testing.T) {
	t.Parallel()
	list := scenarios(t)
	p := sharedPipeline(t)
	p.ok(t, "migrate")
	r := p.run(t, "scenarios", "check", "--all")
	if r.code != 1 || len(verdicts(r.stdout, "OK")) > 0 || len(verdicts(r.stdout, "MISS")) != len(list) || !strings.Contains(r.stdout, "no data: replay it first: tidemark replay scenario:users-8x") {
		t.Errorf("check of nothing: exit code %d", r.code)
	}
	began := time.Now()
	for _, s := range list {
		p.ok(t, "replay", "scenario:"+s.name)
	}
	p.settle(t)
	r = p.run(t, "scenarios", "check", "diurnal")
	if open := verdicts(r.stdout, "unconfirmed")["diurnal"]; r.code != 0 || len(open) != 1 || !strings.Contains(open[0], "diurnal  audit ") || !strings.Contains(r.stdout, "run tidemark audit") {
		t.Errorf("check without an audit: exit code %d, unconfirmed %v, want the audit alone", r.code, open)
	}
	p.auditOK(t)
	p.checkAll(t, list)
	t.Logf("from the first replay to the last verdict: %s", time.Since(began).Round(100*time.Millisecond))

	for _, name := range []string{"diurnal", "launch-day", "compute"} {
		p.ok(t, "replay", "scenario:"+name, "--run", "again-"+name)
	}
	p.settle(t)
	p.auditOK(t)
	p.checkAll(t, list)
}

func (p pipeline) checkAll(t *testing.T, list []scenario) {
	t.Helper()
	before := p.sql(t, "SELECT count() FROM audits")
	r := p.run(t, "scenarios", "check", "--all")
	if misses := verdicts(r.stdout, "MISS"); r.code != 0 || len(misses) > 0 {
		t.Errorf("check: exit code %d, misses %v", r.code, misses)
	}
	if ok := verdicts(r.stdout, "OK"); len(ok) != len(list) {
		t.Errorf("%d scenarios have an OK, want all", len(ok))
	}
	// What is ours, or nobody confirms, never passes as measured.
	for _, name := range []string{"patents", "segments", "launch-day"} {
		if ok := verdicts(r.stdout, "OK")[name]; len(ok) != 1 || !strings.Contains(ok[0], "as-generated") {
			t.Errorf("%s: %v is checked, want what was generated alone", name, ok)
		}
	}
	if after := p.sql(t, "SELECT count() FROM audits"); after != before {
		t.Errorf("the check wrote into audits: %s rows, before %s", after, before)
	}
}

// TestScenariosLeftOut leaves out the last tenth of some scenarios: each has a MISS.
func TestScenariosLeftOut(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate")
	args := []string{"scenarios", "check"}
	for _, s := range scenarios(t) {
		switch s.name {
		case "search-race", "compute", "patents", "open-closed", "qwen-family":
			args = append(args, s.name)
			p.ok(t, "replay", "scenario:"+s.name, "--limit", strconv.Itoa(s.records*9/10))
		}
	}
	p.settle(t)
	r := p.run(t, args...)
	misses := verdicts(r.stdout, "MISS")
	if r.code != 1 || len(misses) != len(args)-2 {
		t.Errorf("exit code %d, want 1 and a MISS of each: %v", r.code, misses)
	}
	// Not only the number of records tells: the figures themselves do.
	if len(misses["search-race"]) < 2 || len(misses["compute"]) < 2 {
		t.Errorf("the figures are as reported without a tenth of the records: %v", misses)
	}
}

// TestScenariosNamespace replays without saying where to: into the namespace of the scenarios, which nobody has made.
func TestScenariosNamespace(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	vars := []string{"TIDEMARK_BROKERS=" + p.brokers, "TIDEMARK_CLICKHOUSE=" + p.clickhouse}
	r := pipeline{vars: vars}.bare(t, "replay", "scenario:compute")
	if r.code != 3 || !strings.Contains(r.stderr, "tidemark_scenarios.reference_points.v1") || !strings.Contains(r.stderr, "tidemark migrate") {
		t.Errorf("exit code %d, want 3 and a message that names the topic and says to run migrate", r.code)
	}
	r = pipeline{vars: vars}.bare(t, "scenarios", "check", "compute")
	if r.code != 3 || !strings.Contains(r.stderr, "tidemark_scenarios") {
		t.Errorf("exit code %d, want 3 and a message that names the database", r.code)
	}
}
