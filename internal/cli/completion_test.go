package cli

import (
	"os/exec"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// TestCompletion has bash complete command lines.
func TestCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	env.Require(t, "bash", err == nil, "install bash")
	code, script, errOut := command(t, "completion", "bash")
	if code != exitOK {
		t.Fatalf("exit code %d, %s", code, errOut)
	}
	f := func(line string, want, not []string) {
		t.Helper()
		words := strings.Split(line, " ")
		run := exec.CommandContext(t.Context(), bash, "--norc", "-c", script+`COMP_WORDS=(tidemark "$@"); COMP_CWORD=$#; _tidemark; printf '%s\n' "${COMPREPLY[@]}"`, "bash")
		run.Args = append(run.Args, words...)
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", line, err, out)
		}
		got := strings.Fields(string(out))
		for _, w := range want {
			if !strings.Contains("\n"+strings.Join(got, "\n")+"\n", "\n"+w+"\n") {
				t.Errorf("%q: no %s in %q", line, w, got)
			}
		}
		for _, w := range not {
			if strings.Contains(" "+strings.Join(got, " ")+" ", " "+w+" ") {
				t.Errorf("%q: %s in %q", line, w, got)
			}
		}
	}
	f("", []string{"audit", "namespaces", "rollup", "completion", "--version"}, []string{"diff", "--brokers"})
	f("aud", []string{"audit"}, []string{"demo"})
	f("namespaces ", []string{"list", "diff", "drop"}, []string{"audit"})
	f("namespaces drop --y", []string{"--yes"}, []string{"--brokers"})
	f("audit --deep --", []string{"--settled", "--output", "--brokers"}, []string{"--yes", "--far-window"})
	f("audit --output ", []string{"text", "json"}, []string{"--deep"})
	f("rollup --", []string{"--until-caught-up"}, nil)
	f("completion ", []string{"bash", "zsh", "fish"}, nil)
}

// TestCompletionScripts: each script has the whole table, and its mark is replaced.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, out, errOut := command(t, "completion", shell)
		if code != exitOK || strings.Contains(out, "WORDSEND") || strings.Contains(out, "'WORDS'") || !strings.Contains(out, "\nnamespaces diff --output\ttext json\n") {
			t.Errorf("%s: exit code %d, %s\n%.500s", shell, code, errOut, out)
		}
	}
	if code, _, errOut := command(t, "completion", "tcsh"); code != exitUsage || !strings.Contains(errOut, "bash") {
		t.Errorf("tcsh: exit code %d, %s", code, errOut)
	}
}
