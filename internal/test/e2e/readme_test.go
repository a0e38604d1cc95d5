package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tidemark/internal/stack/chdb"
	"tidemark/internal/test/env"
)

// TestReadmeOwnData runs the commands of README's "Your own data in five minutes" as a reader would paste them, twice.
func TestReadmeOwnData(t *testing.T) {
	blocks := env.Snippets(t, "../README.md", "sh")
	i := slices.IndexFunc(blocks, func(block string) bool { return strings.Contains(block, "> usage.csv") })
	if i < 0 {
		t.Fatal("README.md has no block that makes usage.csv")
	}
	_, err := exec.LookPath("bash")
	env.Require(t, "bash", err == nil, "install it")
	p := sharedPipeline(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program(t), filepath.Join(dir, "bin", "tidemark")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		shell := exec.CommandContext(t.Context(), "bash", "-eu", "-c", blocks[i])
		shell.Dir = dir
		shell.Env = append(os.Environ(), append(p.env(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, chdb.LibraryEnv+"="+env.LibCHDB(t))...)
		out, err := shell.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatalf("the commands of README.md: %v", err)
		}
		if !strings.Contains(string(out), "\naudit: OK\n") {
			t.Error("the audit does not say that all is well")
		}
		got := p.rows(t, "SELECT tenant, sum(calls), sum(input_tokens), sum(output_tokens) FROM token_calls GROUP BY tenant ORDER BY tenant")
		want := [][]string{{"acme", "2", "1290", "780"}, {"globex", "1", "300", "12"}}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("stored %v, want %v", got, want)
		}
	}
}
