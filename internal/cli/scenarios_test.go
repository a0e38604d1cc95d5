package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestScenariosCommandLine(t *testing.T) {
	f := func(args string, wantCode int, want ...string) {
		t.Helper()
		code, out, errOut := command(t, strings.Fields(args)...)
		if code != wantCode {
			t.Errorf("%s: exit code %d, want %d\n%s", args, code, wantCode, errOut)
		}
		for _, w := range want {
			if !strings.Contains(out+errOut, w) {
				t.Errorf("%s: no %q in\n%s%s", args, w, out, errOut)
			}
		}
	}
	f("scenarios list", exitOK, "search-race", "diurnal", "Years to 365 billion searches a year")
	f("scenarios show users-8x", exitOK, "800,000,000", "2025-04-07", "audience_1d", "https://quariban.com", "185,954 records")
	f("scenarios show nonsense", exitUsage, `"nonsense" is not one of search-race`)
	f("scenarios check", exitUsage, "give one or more, or --all")
	f("scenarios check compute --all --namespace Bad! --clickhouse ftp://x", exitUsage, "--all: give either --all or names", "--namespace", "--clickhouse")
	f("scenarios check compute nonsense", exitUsage, "nonsense")
	f("replay scenario:nonsense", exitUsage, "nonsense")
	f("replay scenario:compute file.csv --start 2024-01-01T00:00:00Z --speed fast --limit=-1 --namespace Bad!", exitUsage,
		"reads no files", "--start: only for files", "--speed", "--namespace")
}

// TestScenarioFile shows a file of one's own, right and with mistakes.
func TestScenarioFile(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "producers", "scenario", "files", "patents.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join("..", "..", "producers", "scenario", "files", "patents.csv"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mine.yaml")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(filepath.Dir(path), "patents.csv"), string(table))
	write(path, string(content))
	if code, out, errOut := command(t, "scenarios", "show", path); code != exitOK || !strings.Contains(out, "40 records") {
		t.Errorf("exit code %d:\n%s%s", code, out, errOut)
	}
	write(path, strings.Replace(string(content), "seed: 1995", "seed: none", 1)+"color: blue\n")
	code, _, errOut := command(t, "scenarios", "show", path)
	if code != exitUsage || !strings.Contains(errOut, "mine.yaml:6:7: seed is \"none\"; write a whole number") || !strings.Contains(errOut, "color is not a known name") {
		t.Errorf("exit code %d:\n%s", code, errOut)
	}
}
