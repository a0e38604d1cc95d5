package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	stacktest "tidemark/internal/test/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stacktest.Wrap(m)) }

// command runs one command line as main does.
func command(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestConfigurationErrorsAreReportedTogether(t *testing.T) {
	f := func(args string, want ...string) {
		t.Helper()
		code, _, errOut := command(t, strings.Fields(args)...)
		if code != exitUsage {
			t.Errorf("%s: exit code %d, want %d", args, code, exitUsage)
		}
		for _, w := range want {
			if !strings.Contains(errOut, w) {
				t.Errorf("%s: no %q in\n%s", args, w, errOut)
			}
		}
	}
	f("ingest --namespace Bad! --brokers nohost --clickhouse ftp://x --window 0 --log-level loud --block-rows 0",
		"--namespace", "--brokers", "--clickhouse", "--window", "--log-level", "--block-rows")
	f("ingest --kafka-sasl plain", "--kafka-sasl: needs --kafka-user", "TIDEMARK_KAFKA_PASSWORD")
	f("ingest --kafka-user u", "--kafka-user: needs --kafka-sasl")
	f("ingest --kafka-sasl gssapi --kafka-user u", `"gssapi" is not plain`)
	f("ingest --kafka-tls-ca /nowhere", "need --kafka-tls")
	f("ingest --kafka-tls --kafka-tls-ca /nowhere --kafka-tls-cert /nowhere", "--kafka-tls-ca", "give both or none")
	f("query --clickhouse http://u:secret@h:1 x", "must not contain user and password")
	f("query --clickhouse u:secret@h x", "--clickhouse")
	f("generate", "--events or --duration")
	f("generate --events 1 --duplicates 2 --compression rar --start noon", "--compression", "--start")
	f("replay mooncake f", "--start")
	f("replay azure-llm f --speed fast", "--speed")
	f("rollup --interval 0s --rollup-threads 0", "--interval", "--rollup-threads")
	f("rollup rebuild --from noon --to 2026-13-01 --since x --rollup token_calls_1m,nonsense --range-rows 0 --rollup-threads 0",
		"--from", "--to", "--since", `"nonsense" is not one of queries_1m`, "--range-rows", "--rollup-threads")
	f("rollup rebuild --from 2026-03-02T00:00:00Z --to 2026-03-02", "--to: 2026-03-02 is not after --from")
	f("rollup rebiuld", "rebiuld")
	f("namespaces diff Bad! same --show 0 --diff-rows 1 --from noon --clickhouse ftp://x", `"Bad!"`, "--show", "--diff-rows", "--from", "--clickhouse")
	f("namespaces diff same same", "same cannot be compared with itself")
	f("namespaces diff one", "<b>")
	f("namespaces drop No --brokers nohost", `"No"`, "--brokers")
	f("namespaces drop", "<name>")
	f("namespaces list --clickhouse x --brokers nohost", "--clickhouse", "--brokers")
	f("migrate --partitions 0 --replication 0", "--partitions", "--replication")
	f("deadletters show x", "topic/epoch/partition/offset")
	f("models import --namespace Bad! --clickhouse ftp://x", "--namespace", "--clickhouse")
	f("models list --namespace Bad! --clickhouse ftp://x", "--namespace", "--clickhouse")
	f("demo --rate 0 --duration=-1s --preview-listen 0.0.0.0:3300", "--rate", "--duration", "--preview-listen")
	f("dashboards preview --listen 192.0.2.1:80 --timeout 0s --namespace Bad!", "--listen: other machines can reach", "--expose", "--timeout", "--namespace")
	f("dashboards preview --listen :3300", "other machines can reach")
	f("dashboards preview --listen nowhere --expose", "not host:port")
	f("frobnicate", "frobnicate")
}

// A secret in a wrong address must not be printed.
func TestErrorsShowNoSecret(t *testing.T) {
	t.Setenv("TIDEMARK_CLICKHOUSE_PASSWORD", "hunter2")
	for _, address := range []string{"http://u:hunter2@h:1", "u:hunter2@h", "://u:hunter2@h"} {
		if _, out, errOut := command(t, "query", "--clickhouse", address, "x"); strings.Contains(out+errOut, "hunter2") {
			t.Errorf("%s: the password is printed:\n%s", address, out+errOut)
		}
	}
}

func TestSecretFileWins(t *testing.T) {
	t.Setenv("TIDEMARK_TEST_SECRET", "from the environment")
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "from the environment", file: "from a file"} {
		if got, err := secret("TIDEMARK_TEST_SECRET", path); err != nil || got != want {
			t.Errorf("secret(%q) = %q, %v, want %q", path, got, err, want)
		}
	}
	if _, err := secret("TIDEMARK_TEST_SECRET", file+".missing"); err == nil {
		t.Error("a missing file is no error")
	}
}

func TestHelpNamesDefaultsAndTwins(t *testing.T) {
	code, out, _ := command(t, "ingest", "--help")
	flat := strings.Join(strings.Fields(out), " ")
	for _, want := range []string{"default 262144; $TIDEMARK_WINDOW", "$TIDEMARK_CLICKHOUSE_USER", "$TIDEMARK_UNTIL_CAUGHT_UP", "Each offset is stored"} {
		if !strings.Contains(flat, want) {
			t.Errorf("no %q in the help of ingest:\n%s", want, out)
		}
	}
	if code != exitOK {
		t.Errorf("--help exits with %d", code)
	}
	if code, out, _ := command(t); code != exitOK || !strings.Contains(out, "Commands:") {
		t.Errorf("without arguments: code %d\n%s", code, out)
	}
}

func TestMoment(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "2026-03-02": noon.Add(-12 * time.Hour), "2026-03-02T12:00:00Z": noon, "2026-03-02T13:00:00.000001+01:00": noon.Add(time.Microsecond), "1950-01-01": time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := moment(text).parse("--from"); err != nil || got != want {
			t.Errorf("moment(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestTimeLeft(t *testing.T) {
	for _, test := range []struct {
		done, all uint64
		want      string
	}{{0, 10, ""}, {1, 10, ", 1m30s left"}, {10, 10, ", 0s left"}, {11, 10, ""}} {
		if got := timeLeft(10*time.Second, test.done, test.all); got != test.want {
			t.Errorf("%d of %d in 10 s: %q, want %q", test.done, test.all, got, test.want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1500: "1.5 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 2_800_000: "2.8 MB", 1_500_000_000_000: "1.5 TB", 1 << 63: "9223.4 PB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", 100000: "100,000"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
}
