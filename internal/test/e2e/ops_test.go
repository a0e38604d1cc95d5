package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

var operationsLine = regexp.MustCompile(`"address": ?"([^"]+)"`)

// operations waits until the process serves its operations endpoints and returns their address.
func operations(t testing.TB, p *process) string {
	t.Helper()
	var address string
	eventually(t, "the operations endpoints are served", func() bool {
		if p.ended() {
			t.Fatalf("%s ended:\n%s", p.name, p.output())
		}
		for line := range strings.Lines(p.stderr.String()) {
			if found := operationsLine.FindStringSubmatch(line); found != nil && strings.Contains(line, "operations endpoints") {
				address = "http://" + found[1]
			}
		}
		return address != ""
	})
	return address
}

// get asks and returns status and body.
func get(t testing.TB, address string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// TestOperations watches an ingester through its endpoints: it is ready while every partition moves, not ready while the
// database is away and there is lag, and ready again after.
func TestOperations(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	gate, through := newGate(t, p)
	ingest := through.start(t, "ingest", "--metrics-listen", "127.0.0.1:0", "--stall", "2s", "--pprof")
	at := operations(t, ingest)
	ready := func(want int, also string) func() bool {
		return func() bool {
			code, text := get(t, at+"/readyz")
			return code == want && strings.Contains(text, also)
		}
	}
	want := p.generate(t, "--events", "3000")
	eventually(t, "the log is drained", func() bool { return p.accounted(t) == want.produced() })
	eventually(t, "the ingester is ready", ready(http.StatusOK, "ok"))
	if r := p.run(t, "health", "--url", at+"/readyz"); r.code != 0 {
		t.Errorf("tidemark health: exit code %d while ready", r.code)
	}

	gate.set(failing)
	want = want.plus(p.generate(t, "--events", "3000", "--seed", "2"))
	eventually(t, "the ingester is not ready", ready(http.StatusServiceUnavailable, "token_calls.v1/0"))
	if r := p.run(t, "health", "--url", at+"/readyz"); r.code != 1 || !strings.Contains(r.stdout, "stalled") {
		t.Errorf("tidemark health: exit code %d and %q while not ready", r.code, r.stdout)
	}
	if code, _ := get(t, at+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d while the database is away, want 200: the process itself is well", code)
	}
	_, text := get(t, at+"/metrics")
	if lag := sample(text, `tidemark_ingest_lag_records{`); lag == 0 {
		t.Error("the metrics show no lag while there is some")
	}
	gate.set(open)
	eventually(t, "the ingester is ready again", ready(http.StatusOK, "ok"))
	eventually(t, "the log is drained", func() bool { return p.accounted(t) == want.produced() })

	if code, _ := get(t, at+"/debug/pprof/cmdline"); code != http.StatusOK {
		t.Errorf("/debug/pprof answers %d with --pprof", code)
	}
	_, text = get(t, at+"/metrics")
	checkMetrics(t, text, want)
	if code := ingest.stop(t); code != 0 {
		t.Errorf("ingest stops with exit code %d, want 0:\n%s", code, ingest.output())
	}
	if out := p.ok(t, "ingest", "--until-caught-up"); !strings.HasPrefix(out, "0 offsets") {
		t.Errorf("a clean stop left something to redo: %s", out)
	}
	p.settle(t)
	p.verify(t, want)
	p.auditOK(t)
	endpointsOf(t, p, []string{"# TYPE tidemark_rollup_step_seconds "}, "rollup")
	endpointsOf(t, p, []string{`tidemark_audits_total{outcome="ok"} `, `tidemark_audit_findings{verdict="difference"} 0`, "tidemark_audit_last_finished_timestamp_seconds 1"}, "audit", "--every", "1h")
}

func checkMetrics(t *testing.T, text string, want truth) {
	t.Helper()
	for _, name := range []string{"ingest_position_offset", "ingest_high_watermark_offset", "ingest_lag_records", "ingest_freshness_seconds", "ingest_event_lag_seconds", "ingest_records_total",
		"build_info", "info", "ingest_blocks_total", "ingest_block_rows", "ingest_value_bytes_total", "ingest_resends_total", "ingest_insert_seconds"} {
		if !strings.Contains(text, "\n# TYPE tidemark_"+name+" ") {
			t.Errorf("/metrics lacks tidemark_%s", name)
		}
	}
	var sum counts
	for name, c := range want {
		if got := sample(text, `tidemark_ingest_records_total{disposition="stored",topic="`+name+`.v1"}`); got != c.events {
			t.Errorf("/metrics says that %d of %s are stored, want %d", got, name, c.events)
		}
		sum.duplicates += c.duplicates
		sum.poison += c.poison
	}
	if got := sample(text, `tidemark_ingest_records_total{disposition="duplicate"`); got != sum.duplicates {
		t.Errorf("/metrics says %d duplicates, want %d", got, sum.duplicates)
	}
	if got := sample(text, `tidemark_ingest_records_total{disposition="dead"`); got != sum.poison {
		t.Errorf("/metrics says %d dead letters, want %d", got, sum.poison)
	}
	if sample(text, `tidemark_ingest_resends_total{`) == 0 {
		t.Error("/metrics says that nothing was sent again, and the database was away")
	}
	promtool(t, text)
}

// sample sums the samples that begin with prefix.
func sample(text, prefix string) uint64 {
	var sum float64
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, prefix) {
			continue
		}
		var value float64
		if _, err := fmt.Sscan(line[strings.LastIndex(line, " ")+1:], &value); err == nil {
			sum += value
		}
	}
	return uint64(sum)
}

// promtool checks an exposition with Prometheus' own tool.
func promtool(t *testing.T, exposition string) {
	t.Helper()
	t.Run("promtool", func(t *testing.T) {
		tool, err := exec.LookPath("promtool")
		env.Require(t, "promtool", err == nil, "install Prometheus (Debian: apt-get install prometheus)")
		check := exec.CommandContext(t.Context(), tool, "check", "metrics")
		check.Stdin = strings.NewReader(exposition)
		if out, err := check.CombinedOutput(); err != nil || len(strings.TrimSpace(string(out))) > 0 {
			t.Errorf("promtool check metrics: %v\n%s", err, out)
		}
	})
}

// endpointsOf looks at those of a command that runs on, and expects some samples of it.
func endpointsOf(t *testing.T, p pipeline, samples []string, command ...string) {
	t.Helper()
	worker := p.start(t, append(command, "--metrics-listen", "127.0.0.1:0")...)
	at := operations(t, worker)
	eventually(t, command[0]+" is ready", func() bool {
		code, _ := get(t, at+"/readyz")
		return code == http.StatusOK
	})
	_, text := get(t, at+"/metrics")
	for _, sample := range append(samples, "tidemark_build_info{commit=", "tidemark_info{namespace=\""+p.namespace+"\"} 1") {
		if !strings.Contains(text, "\n"+sample) {
			t.Errorf("/metrics of %s lacks %s:\n%s", command[0], sample, text)
		}
	}
	promtool(t, text)
	if code := worker.stop(t); code != 0 {
		t.Errorf("%s stops with exit code %d, want 0:\n%s", command[0], code, worker.output())
	}
}
