package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tidemark/producers/collector"
	"tidemark/producers/collector/keys"
	producerformats "tidemark/producers/formats"
)

// TestCollectConfiguration: what would let strangers send is refused.
func TestCollectConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.jsonl")
	_, line, err := keys.New("acme")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"":                                  "--keys or --tenant",
		"--tenant acme":                     "",
		"--keys FILE":                       "",
		"--keys FILE --tenant acme":         "the keys of --keys name them",
		"--tenant acme --http-listen :4318": "there are no keys",
		"--tenant acme --http-listen :4318 --insecure-listen": "",
		"--keys FILE --grpc-listen 0.0.0.0:4317":              "keys would travel as plain text",
		"--keys FILE --grpc-listen localhost":                 "is not host:port",
		"--tenant acme --http-listen= --grpc-listen=":         "set one of them",
		"--tenant acme --tls-cert FILE":                       "give both or none",
		"--tenant acme --tls-cert FILE --tls-key FILE":        "--tls-cert:",
		"--tenant acme --tls-client-ca FILE":                  "needs --tls-cert",
		"--tenant acme --accept-past 1s":                      "--accept-past",
		"--tenant acme --compression br":                      "--compression",
	} {
		// No broker listens on the port, so a configuration that is accepted ends there.
		code, _, errOut := command(t, strings.Fields("collect --brokers 127.0.0.1:1 --user-hash-key-file "+keyOfUsers(t)+" "+strings.ReplaceAll(args, "FILE", file))...)
		switch {
		case want == "" && (code != exitFailed || !strings.Contains(errOut, "no broker")):
			t.Errorf("%q: exit code %d, %s", args, code, errOut)
		case want != "" && (code != exitUsage || !strings.Contains(errOut, want)):
			t.Errorf("%q: exit code %d, %s; want %q", args, code, errOut, want)
		}
	}
}

// keyOfUsers makes a file with a key that users are hashed with.
func keyOfUsers(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "user-hash.key")
	if err := os.WriteFile(path, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNewKey: the line that is printed lets the key in that is printed.
func TestNewKey(t *testing.T) {
	code, out, _ := command(t, "collect", "--new-key", "acme")
	lines := strings.Split(out, "\n")
	if code != exitOK || len(lines) < 5 {
		t.Fatalf("exit code %d, %q", code, out)
	}
	file := filepath.Join(t.TempDir(), "keys.jsonl")
	if err := os.WriteFile(file, []byte(lines[4]), 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := keys.Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := ring.Find(lines[1]); err != nil || key.Tenant != "acme" {
		t.Errorf("%+v, %v", key, err)
	}
	if code, _, errOut := command(t, "collect", "--new-key", "a\x01"); code != exitUsage || !strings.Contains(errOut, "control character") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
}

// TestReasonOfUnknownField checks that no name that a sender made up becomes a label.
func TestReasonOfUnknownField(t *testing.T) {
	m := newCollectMetrics(prometheus.NewRegistry())
	for field, want := range map[string]string{"SECRET": "a field " + producerformats.UnknownField, "OTHER": "a field " + producerformats.UnknownField} {
		if got := m.reason(collector.Rejected{Field: field, Reason: producerformats.UnknownField}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got, want := m.reason(collector.Rejected{Field: "weight", Reason: "is negative"}), "weight is negative"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
