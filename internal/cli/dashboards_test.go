package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark/dashboards"
	"tidemark/internal/test/env"
)

func TestDashboardsGenerate(t *testing.T) {
	code, _, errOut := command(t, "dashboards", "generate", "--dir", "nowhere", "--alerts-dir", "nowhere else")
	if code != exitUsage || !strings.Contains(errOut, "--dir: nowhere is not") || !strings.Contains(errOut, "--alerts-dir: nowhere else is not") {
		t.Errorf("folders that are not there: exit code %d, %s", code, errOut)
	}
	boards, alerts := t.TempDir(), t.TempDir()
	for _, note := range []string{"written", "unchanged"} {
		code, out, errOut := command(t, "dashboards", "generate", "--dir", boards, "--alerts-dir", alerts)
		if code != 0 || strings.Count(out, ": "+note+"\n") != 10 {
			t.Errorf("exit code %d, want 10 files %s:\n%s%s", code, note, out, errOut)
		}
	}
	// What was generated is what is committed, and check says so; it also says when it is not.
	committed, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "deploy", "grafana", "provisioning", "alerting", dashboards.AlertsFile))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(alerts, dashboards.AlertsFile)
	if written, err := os.ReadFile(file); err != nil || string(written) != string(committed) {
		t.Errorf("the rules written are not those committed (%v)", err)
	}
	check := func(want int, says string) {
		t.Helper()
		code, out, errOut := command(t, "dashboards", "check", "--alerts-dir", alerts)
		if code != want || !strings.Contains(out, says) {
			t.Errorf("check: exit code %d, want %d with %q:\n%s%s", code, want, says, out, errOut)
		}
	}
	check(0, ": 0 problems")
	if err := os.WriteFile(file, append(committed, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	check(1, dashboards.AlertsFile+": differs from what the code generates")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	check(1, dashboards.AlertsFile+": differs from what the code generates")
}

// TestDashboardsGenerateForImport writes what a Grafana with a data source of its own imports, and refuses to write it over
// the files that are provisioned.
func TestDashboardsGenerateForImport(t *testing.T) {
	t.Chdir(env.ModuleRoot(t)) // Where the default folders are.
	code, _, errOut := command(t, "dashboards", "generate", "--for", "import", "--namespace", "Lab", "--datasource-uid", "$x")
	if code != exitUsage || !strings.Contains(errOut, "--for import: needs --dir") || !strings.Contains(errOut, "--namespace: ") || !strings.Contains(errOut, "--datasource-uid: ") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
	folder := t.TempDir()
	code, out, errOut := command(t, "dashboards", "generate", "--for", "import", "--dir", folder, "--namespace", "lab", "--datasource-uid", "warehouse")
	if code != 0 || strings.Count(out, folder) != 10 {
		t.Errorf("exit code %d, want 10 files in the folder:\n%s%s", code, out, errOut)
	}
	for name, want := range map[string]string{"tidemark-usage.json": `"uid": "${datasource}"`, dashboards.AlertsFile: `FROM "lab".`} {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s has no %s (%v)", name, want, err)
		}
	}
	code, _, errOut = command(t, "dashboards", "generate", "--for", "import", "--dir", folder, "--namespace", strings.Repeat("n", 40))
	if code != exitFailed || !strings.Contains(errOut, "too long") {
		t.Errorf("a namespace that makes uids too long: exit code %d, %s", code, errOut)
	}
}
