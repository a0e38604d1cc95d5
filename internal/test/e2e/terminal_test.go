package e2e

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// TestTerminal shows the demo on a terminal, where the engine would log each of its steps unless it is told not to.
func TestTerminal(t *testing.T) {
	t.Parallel()
	_, err := exec.LookPath("script")
	env.Require(t, "script", err == nil, "apt-get install bsdutils")
	demo := program(t) + " demo --duration 1s --exit --rate 100 --preview-listen= --collect-listen= --collect-grpc-listen= --data-dir " + t.TempDir() + "/data"
	out, err := exec.CommandContext(t.Context(), "script", "-qec", demo, "/dev/null").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("\x1b[K")) || !bytes.Contains(out, []byte("audit: OK")) {
		t.Errorf("the demo on a terminal: %v\n%s", err, out)
	}
	for _, word := range []string{"Trace", "Debug", "executeQuery"} {
		if n := strings.Count(string(out), word); n > 0 {
			t.Errorf("%d lines of the engine's log are on the terminal, such as %.300q", n, out[max(0, bytes.Index(out, []byte(word))-100):])
		}
	}
}
