package e2e

import (
	"strings"
	"testing"
)

// TestDemo runs the demonstration as a script does.
func TestDemo(t *testing.T) {
	t.Parallel()
	out := pipeline{namespace: "tidemark"}.demo(t, "--duration", "5s", "--exit", "--preview-listen=")
	if !verdictOK.MatchString(out) {
		t.Error("the demonstration does not end with the verdict of the audit")
	}
	if strings.Contains(out, "dashboards ") {
		t.Error("the preview is on though it was switched off")
	}
	rows := 0
	for line := range strings.Lines(out) {
		fields := strings.Fields(strings.ReplaceAll(line, ",", ""))
		if len(fields) < 7 || fields[6] != "ok" {
			continue
		}
		rows++
		if number(t, fields[1]) != number(t, fields[2])+number(t, fields[3])+number(t, fields[4])+number(t, fields[5]) {
			t.Errorf("does not add up: %s", line)
		}
		if fields[0] == "token_calls" && (fields[3] == "0" || fields[5] == "0") {
			t.Errorf("no duplicate or no poison was injected: %s", line)
		}
	}
	for _, want := range []string{"queries", "signups", "token_calls", "model_events", "reference_points"} {
		if !strings.Contains(out, want) {
			t.Errorf("the summary lacks %s", want)
		}
	}
	if rows < 4 {
		t.Errorf("the summary has %d types that add up", rows)
	}
}

func (p pipeline) demo(t testing.TB, args ...string) string {
	t.Helper()
	r := p.bare(t, append([]string{"demo"}, args...)...)
	if r.code != 0 || strings.Contains(r.stderr, "could not read") {
		t.Fatalf("demo: exit code %d: %s", r.code, r.stderr)
	}
	return r.stdout
}
