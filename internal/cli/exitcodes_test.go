package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tidemark/consumers/audit"
)

// TestExitCodes: the page has each code of the program and no other, and commands end with the one that it promises.
func TestExitCodes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, "starting\n")
	}))
	defer server.Close()
	const nobody = "127.0.0.1:1"
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	ends := map[int]bool{}
	f := func(ctx context.Context, args string, want int, says ...string) {
		t.Helper()
		var out, errOut bytes.Buffer
		code := run(ctx, strings.Fields(args), Streams{In: strings.NewReader(""), Out: &out, Err: &errOut})
		ends[code] = true
		if code != want {
			t.Errorf("%s: exit code %d, want %d\n%s", args, code, want, &errOut)
		}
		for _, said := range says {
			if !strings.Contains(errOut.String(), said) {
				t.Errorf("%s: no %q in\n%s", args, said, &errOut)
			}
		}
	}
	f(t.Context(), "health --url "+server.URL+"/healthz", exitOK)
	f(t.Context(), "health --url "+server.URL+"/readyz", exitFound)
	f(t.Context(), "health --url http://"+nobody+"/readyz", exitFailed, "--metrics-listen")
	f(t.Context(), "scenarios check nonsense", exitUsage)
	f(t.Context(), "replay scenario:nonsense", exitUsage)
	f(t.Context(), "generate --rate -1 --duration 1s", exitUsage, "--rate: -1 is not between 0 and 1e9")
	f(t.Context(), "query --clickhouse http://"+nobody+" SHOW", exitFailed, "--clickhouse", "refused", "tidemark stack")
	f(t.Context(), "audit --brokers "+nobody, exitFailed, "--brokers", "refused", "tidemark stack")
	f(t.Context(), "models import /nowhere/models.csv", exitFailed, "/nowhere/models.csv")
	f(gone, "query --clickhouse http://"+nobody+" SHOW", exitSignal, "interrupted")
	f(gone, "audit --brokers "+nobody, exitSignal)
	text, _ := page(t, "command-line.md")
	rows := regexp.MustCompile("(?m)^\\| `(\\d+)` \\|").FindAllStringSubmatch(text, -1)
	for _, row := range rows {
		code, err := strconv.Atoi(row[1])
		if err != nil || !ends[code] {
			t.Errorf("the page has the exit code %s, with which no command of this test ends (%v)", row[1], err)
		}
	}
	if len(rows) != len(ends) {
		t.Errorf("the page has %d exit codes, the commands of this test end with %v", len(rows), ends)
	}
}

// TestAuditVerdict: an audit that could not make a check is no audit that found a difference.
func TestAuditVerdict(t *testing.T) {
	f := func(want int, verdicts ...audit.Verdict) {
		t.Helper()
		result := audit.Result{OK: true}
		for _, v := range verdicts {
			result.Findings = append(result.Findings, audit.Finding{Verdict: v})
			result.OK = result.OK && v != audit.Difference && v != audit.Error
		}
		if got := exitCode(t.Context(), verdict(result), io.Discard); got != want {
			t.Errorf("%v: exit code %d, want %d", verdicts, got, want)
		}
	}
	f(exitOK)
	f(exitOK, audit.OK, audit.Pending)
	f(exitFound, audit.Error, audit.Difference)
	f(exitFailed, audit.Error, audit.OK)
}

// TestExitCodeOfSignal: after a signal a verdict stays a verdict, and any other error is the interruption.
func TestExitCodeOfSignal(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for err, want := range map[error]int{nil: exitOK, errFound: exitFound, errInterrupted: exitSignal, errors.New("the server is away"): exitSignal} {
		if got := exitCode(gone, err, io.Discard); got != want {
			t.Errorf("%v: exit code %d, want %d", err, got, want)
		}
	}
}

func TestNegativeValues(t *testing.T) {
	f := func(line, want string) {
		t.Helper()
		if got := strings.Join(negativeValues(strings.Fields(line)), " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	f("generate --rate -1 --events 5", "generate --rate=-1 --events 5")
	f("demo --rate -.5 --rate=1 -2", "demo --rate=-.5 --rate=1 -2")
	f("query --format -x -- --rate -1", "query --format -x -- --rate -1")
	f("-1", "-1")
}
