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

// TestDemoReplay runs the demonstration on the sessions of a coding agent.
func TestDemoReplay(t *testing.T) {
	t.Parallel()
	const logs = "../../../producers/replay/testdata/logs"
	p := pipeline{namespace: "tidemark"}
	out := p.demo(t, "--replay", logs+"/claude-code", "--replay", "codex:"+logs+"/codex", "--exit", "--preview-listen=127.0.0.1:0")
	if !verdictOK.MatchString(out) {
		t.Error("the demonstration does not end with the verdict of the audit")
	}
	for _, want := range []string{
		"rows of claude-code, events from 2026-03-01T10:00:01Z to 2026-03-01T11:00:00Z",
		"d/tidemark-usage?from=1772359200000&to=1772373600000\n", // 10:00 to 14:00.
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the demonstration does not say %q", want)
		}
	}
	var row []string
	for line := range strings.Lines(out) {
		if fields := strings.Fields(strings.ReplaceAll(line, ",", "")); len(fields) == 9 && fields[6] == "ok" {
			row = append(row, strings.Join(fields, " "))
		}
	}
	if want := "token_calls 7 7 0 0 0 ok 7829 7829"; strings.Join(row, "; ") != want {
		t.Errorf("the summary is %q, want %q", row, want)
	}
	for _, none := range []string{"collector ", "SECRET"} {
		if strings.Contains(out, none) {
			t.Errorf("the demonstration says %q", none)
		}
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
