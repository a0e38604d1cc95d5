package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemoReplayPaths checks what --replay takes for what, and that it says what is wrong before anything starts.
func TestDemoReplayPaths(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("claude/a.jsonl", "half\n{\"type\":\"user\"}\n")
	write("claude/b/c.jsonl", "half\n{\"type\":\"user\"}\n{\"type\":\"assistant\",\"message\":{\"usage\":{}}}\n")
	write("both/a.jsonl", "{\"type\":\"turn_context\",\"payload\":{}}\n")
	write("both/session-1.json", "{\n\"messages\":[{\"type\":\"user\"},{\"type\":\"gemini\"}]}\n")
	write("none/a.jsonl", "{\"type\":\"user\"}\n")
	for _, test := range []struct{ replay, kind, path, problem string }{
		{home + "/claude", "claude-code", home + "/claude", ""},
		{"~/claude", "claude-code", home + "/claude", ""},
		{"claude-code:~/claude", "claude-code", home + "/claude", ""},
		{"codex:" + home + "/both", "codex", home + "/both", ""},
		{home + "/both/session-1.json", "gemini-cli", home + "/both/session-1.json", ""},
		{home + "/both", "", "", "has sessions of codex and gemini-cli: name one, as in codex:" + home + "/both"},
		{home + "/none", "", "", "has no session of claude-code, codex, gemini-cli, qwen-code"},
		{home + "/away", "", "", "no such file"},
		{"codex:" + home + "/away", "", "", "no such file"},
		{"sample:agentic", "agentic", "sample:agentic", ""},
		{"sample:none", "", "", "no such file"},
		{"csv:" + home + "/none/a.jsonl", "", "", "mapping: required"},
	} {
		c := demoCmd{Replay: []string{test.replay}}
		got, err := c.replays()
		switch {
		case test.problem != "":
			if err == nil || !strings.Contains(err.Error(), test.problem) {
				t.Errorf("%s: %v, want %q", test.replay, err, test.problem)
			}
		case err != nil:
			t.Errorf("%s: %v", test.replay, err)
		case got[0].Format != test.kind || got[0].Files[0] != test.path:
			t.Errorf("%s is %s of %s, want %s of %s", test.replay, got[0].Files[0], got[0].Format, test.path, test.kind)
		}
	}
	if code, _, errOut := command(t, "demo", "--replay", home+"/claude", "--duration=3s"); code != exitUsage || !strings.Contains(errOut, "--duration: not with --replay") {
		t.Errorf("with a duration: exit code %d: %s", code, errOut)
	}
}
