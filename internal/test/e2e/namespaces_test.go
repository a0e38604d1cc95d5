package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/internal/test/env"
)

// TestNamespaces replays a trace into one namespace, and twice into another one: they show the same. A difference in one
// measure of one bucket is found and rebuilt away, and one of them goes without a trace of the other.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	trace := beginning(t, env.Data(t, "azure-llm-2023/AzureLLMInferenceTrace_conv.csv"), 3000)
	a := sharedPipeline(t)
	b := a
	b.namespace = namespace(t)
	a.ok(t, "migrate", "--partitions", "2")
	a.ok(t, "replay", "azure-llm", trace)
	a.settle(t)
	var migrated struct {
		Applied int `json:"statements_applied"`
		Topics  []struct{ Partitions int }
	}
	if err := json.Unmarshal([]byte(b.ok(t, "migrate", "--partitions", "3", "--output", "json")), &migrated); err != nil || migrated.Applied == 0 || len(migrated.Topics) != 7 || migrated.Topics[0].Partitions != 3 {
		t.Errorf("migrate says %+v, %v", migrated, err)
	}
	for range 2 {
		b.ok(t, "replay", "azure-llm", trace)
		b.settle(t, "--window", "500")
	}
	if a.sql(t, "SELECT count() FROM token_calls_raw") == b.sql(t, "SELECT count() FROM token_calls_raw") {
		t.Error("the second replay was within the window: the test shows nothing")
	}
	names := []string{"namespaces", "diff", a.namespace, b.namespace}
	for _, args := range [][]string{nil, {"--deep"}} {
		if out := a.ok(t, slices.Concat(names, args)...); !strings.Contains(out, "equal    token_calls_1m: 12 rows\n") || !strings.Contains(out, " tables without rows\n") || strings.Contains(out, "differs") || !strings.Contains(out, "diff: EQUAL, ") {
			t.Errorf("equal namespaces:\n%s", out)
		}
	}

	row := b.row(t, "SELECT toString(bucket), formatDateTime(bucket, '%Y-%m-%d %H:%i'), tenant, model, status, input_uncached FROM token_calls_1h ORDER BY bucket DESC LIMIT 1")
	b.sql(t, fmt.Sprintf("ALTER TABLE token_calls_1h_rows UPDATE input_uncached = input_uncached + 7 WHERE bucket = '%s' AND tenant = '%s' AND model = '%s' AND status = '%s'", row[0], row[2], row[3], row[4]))
	r := a.run(t, names...)
	flat := strings.Join(strings.Fields(r.stdout), " ")
	wants := []string{"token_calls_1h " + row[1], fmt.Sprintf(" input_uncached %s %d ", row[5], number(t, row[5])+7), "differs token_calls_1h: 1 of ", "diff: DIFFERENCE (1 table)"}
	for _, want := range wants {
		if r.code != 1 || !strings.Contains(flat, want) || strings.Count(r.stdout, "\n") > 24 {
			t.Errorf("a difference: exit code %d, want 1 and %q in a few lines:\n%s", r.code, want, r.stdout)
		}
	}
	if out := a.ok(t, append(names, "--to", "2023-11-01")...); !strings.Contains(out, "diff: EQUAL, 0 rows") {
		t.Errorf("before anything was:\n%s", out)
	}
	day := row[1][:len("2006-01-02")]
	if out := b.ok(t, "rollup", "rebuild", "--from", day, "--rollup", "token_calls_1h"); !strings.Contains(out, " raw rows in 1 range recomputed in ") {
		t.Errorf("a rebuild of a day:\n%s", out)
	}
	b.auditOK(t)
	a.ok(t, names...)

	a.dropOther(t, b)
}

// dropOther drops another namespace; everything of it is gone then, and all of p is there.
func (p pipeline) dropOther(t *testing.T, other pipeline) {
	t.Helper()
	drop := []string{"namespaces", "drop", other.namespace}
	for _, want := range []string{"database " + other.namespace + ": ", "topic " + other.namespace + ".token_calls.v1: 3 partitions, 6,000 records", "consumer group " + other.namespace + ": ", "nothing was dropped"} {
		if out := p.ok(t, drop...); !strings.Contains(out, want) || strings.Contains(out, p.namespace+".") {
			t.Errorf("no %q in what would be dropped, or what would not:\n%s", want, out)
		}
	}
	var plan struct {
		Dropped bool
		Topics  []struct{ Records int }
	}
	if err := json.Unmarshal([]byte(p.ok(t, append(drop, "--output", "json")...)), &plan); err != nil || plan.Dropped || len(plan.Topics) != 7 {
		t.Errorf("what would be dropped is %+v, %v", plan, err)
	}
	listed := func() map[string]string {
		t.Helper()
		found := map[string]string{}
		for line := range strings.Lines(p.ok(t, "namespaces", "list")) {
			if name, rest, is := strings.Cut(line, ": "); is && !strings.HasPrefix(line, " ") {
				found[name] = rest
			}
		}
		return found
	}
	before := listed()
	for _, name := range []string{p.namespace, other.namespace} {
		if !strings.HasPrefix(before[name], "7 of 7 topics, ") {
			t.Errorf("%s is listed with %q", name, before[name])
		}
	}
	if !strings.Contains(before[other.namespace], "audit OK at ") || !strings.Contains(before[p.namespace], "never audited") {
		t.Errorf("the last audits: %q", before)
	}
	if out := p.ok(t, append(drop, "--yes")...); !strings.HasSuffix(out, "namespace "+other.namespace+" was dropped\n") {
		t.Errorf("dropped:\n%s", out)
	}
	if after := listed(); after[other.namespace] != "" || after[p.namespace] == "" {
		t.Errorf("after the drop there are %q", after)
	}
	if n := p.sql(t, "SELECT count() FROM system.databases WHERE name = '"+other.namespace+"'"); n != "0" {
		t.Error("the database is still there")
	}
	if r := other.run(t, "generate", "--events", "1"); r.code != 3 || !strings.Contains(r.stderr, "unknown topic") {
		t.Errorf("generate into a namespace that is gone: exit code %d", r.code)
	}
	if r := p.run(t, append(drop, "--yes")...); r.code != 1 || !strings.Contains(r.stderr, "there is no namespace "+other.namespace) {
		t.Errorf("dropped again: exit code %d\n%s", r.code, r.stderr)
	}
	if r := p.run(t, "namespaces", "drop", "system", "--yes"); r.code != 2 || !strings.Contains(r.stderr, "database of ClickHouse's own") {
		t.Errorf("drop system: exit code %d", r.code)
	}
	p.auditOK(t)
}

// beginning copies the first lines of a file.
func beginning(t testing.TB, path string, lines int) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.SplitAfter(string(content), "\n")
	target := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(target, []byte(strings.Join(all[:lines+1], "")), 0o600); err != nil { // The first one names columns.
		t.Fatal(err)
	}
	return target
}

// rebuildTotals are figures that a rebuild of rollups that are right must not change, not for a moment.
func (p pipeline) rebuildTotals(t testing.TB) string {
	t.Helper()
	var selects []string
	for _, table := range []string{"token_calls_1m", "token_calls_1h", "token_calls_1d"} {
		selects = append(selects, "SELECT '"+table+"' AS name, sum(calls), sum(records), sum(input_tokens), sum(output_tokens), count() FROM "+table)
	}
	for _, table := range []string{"queries_1m", "queries_1h", "queries_1d"} {
		selects = append(selects, "SELECT '"+table+"' AS name, sum(queries), sum(records), 0, 0, count() FROM "+table)
	}
	return p.sql(t, "SELECT * FROM ("+strings.Join(selects, " UNION ALL ")+") ORDER BY name")
}

// TestRebuild recomputes everything while a reader looks at totals: without a rollup process, killed half-way and run
// again, and beside one. What was wrong is right in the end.
func TestRebuild(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	p.generate(t, "--events", "10000", "--span", "240h", "--seed", "3", "--duplicates", "0.05")
	p.settle(t)
	want := p.rebuildTotals(t)
	spoil := func() {
		t.Helper()
		p.sql(t, "ALTER TABLE signups_1h_rows UPDATE signups = signups + 1 WHERE 1")
		p.sql(t, "ALTER TABLE model_events_1d_rows DELETE WHERE 1")
		if r := p.run(t, "audit"); r.code != 1 || !onDifference(r.stdout, "signups_1h") || !onDifference(r.stdout, "model_events_1d") {
			t.Fatal("the audit does not see what is wrong: the test shows nothing")
		}
	}
	reads := 0
	watch := func(until func() bool) {
		t.Helper()
		eventually(t, "the rebuild is so far", func() bool {
			for range 3 {
				reads++
				if got := p.rebuildTotals(t); got != want {
					t.Fatalf("read %d:\n%s\nwant\n%s", reads, got, want)
				}
			}
			return until()
		})
	}
	args := []string{"rollup", "rebuild", "--range-rows", "1500"}

	spoil()
	newest := p.sql(t, "SELECT max(version) FROM rollup_versions")
	killed := p.start(t, args...)
	watch(func() bool {
		return killed.ended() || number(t, p.sql(t, "SELECT uniqExact(toDate(bucket)) FROM rollup_versions FINAL WHERE rollup = 'token_calls_1d' AND version > "+newest)) >= 3
	})
	killed.kill()
	if out := killed.stdout.String(); killed.cmd.ProcessState.ExitCode() != -1 || !strings.Contains(out, "resume with --since 20") {
		t.Fatalf("the rebuild was done before it was killed, or does not say how to go on:\n%s", killed.output())
	}
	_, since, _ := strings.Cut(strings.TrimSpace(killed.stdout.String()), "--since ")
	again := p.start(t, append(args, "--since", since)...)
	watch(again.ended)
	if again.wait(t) != 0 || !strings.Contains(again.stdout.String(), "recomputed in") {
		t.Fatalf("the second rebuild:\n%s", again.output())
	}
	p.auditOK(t)

	spoil()
	worker := p.start(t, "rollup", "--interval", "50ms")
	eventually(t, "the rollup process holds the lease", func() bool { return strings.Contains(worker.stderr.String(), "holding the lease") })
	beside := p.start(t, args...)
	watch(beside.ended)
	if beside.wait(t) != 0 || !strings.Contains(beside.stderr.String(), "standing by") || strings.Contains(beside.stderr.String(), "holding the lease") {
		t.Errorf("beside a rollup process:\n%s", beside.output())
	}
	began := time.Now()
	if code := worker.stop(t); code != 0 {
		t.Errorf("the rollup process ends with %d", code)
	}
	t.Logf("%d reads; the rollup process stopped after %s", reads, time.Since(began))
	p.auditOK(t)
	if got := p.rebuildTotals(t); got != want {
		t.Errorf("in the end:\n%s\nwant\n%s", got, want)
	}
}
