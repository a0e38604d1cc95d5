package stack_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// clients are those that the makers of ClickHouse ship, in the pinned versions that scripts/deps fetches. Each runs a
// suite of its own language against the front.
var clients = []struct {
	name     string
	manifest string // says the versions; .cache/client-NAME has the one that it was made from
	command  func(folder, suite string, f *front) []string
}{
	{"python", "requirements.txt", func(folder, suite string, f *front) []string {
		host, port, _ := strings.Cut(f.stack.HTTPAddr(), ":")
		return []string{filepath.Join(folder, "venv/bin/python"), filepath.Join(suite, "smoke.py"), host, port, f.database}
	}},
	{"js", "package-lock.json", func(folder, suite string, f *front) []string {
		return []string{"node", filepath.Join(suite, "smoke.mjs"), folder, f.stack.HTTPURL(), f.database}
	}},
	{"java", "pom.xml", func(folder, suite string, f *front) []string {
		return []string{"java", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(folder, "lib", "*"), filepath.Join(suite, "Smoke.java"), f.stack.HTTPAddr(), f.database}
	}},
}

var checksPassed = regexp.MustCompile(`(?m)^([1-9]\d+) checks passed$`)

func TestClients(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			suite := filepath.Join("testdata", "clients", c.name)
			folder := env.Fetched(t, "client-"+c.name, path.Join("internal/stack/testdata/clients", c.name, c.manifest))
			args := c.command(folder, suite, newFront(t))
			cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
			cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			out, err := cmd.CombinedOutput()
			if err != nil || !checksPassed.Match(out) {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", checksPassed.Find(out))
		})
	}
}
