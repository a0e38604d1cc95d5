package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tidemark/producers/load"
	"tidemark/producers/load/verdict"
)

// loadWide are the flags of a short load test with bounds so wide that only what stands still misses them.
var loadWide = []string{"--rate", "200", "--warmup", "0s", "--duration", "1s", "--slo", "4m", "--slo-rollup", "4m", "--drain", "4m"}

// TestLoadEnds: an interruption before the first event, or while the audit is made, ends with 105, a summary that says so, and nothing
// left behind; and an event that is stored twice makes the next run wrong.
func TestLoadEnds(t *testing.T) {
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	p.start(t, "ingest")
	p.start(t, "rollup")
	topics := p.ownTopics(t)
	if len(topics) < 6 {
		t.Fatalf("topics %q", topics)
	}
	for _, test := range []struct {
		phase, statement string // The phase and a statement in it, which is not answered.
		produced         uint64
		audit            string
	}{
		{"preflight", "FROM topics", 0, "not made: the run was ended"},
		{"audit", "FROM rollup_versions", 200, "not made: the run was ended"},
	} {
		t.Run(test.phase, func(t *testing.T) {
			gate, through := newGate(t, p)
			gate.holdAt(test.statement)
			dir := t.TempDir()
			file := filepath.Join(dir, "summary.json")
			running := through.start(t, slices.Concat([]string{"load", "--summary-export", file, "--out", filepath.Join(dir, "run.html")}, loadWide)...)
			eventually(t, "the database is asked and does not answer", func() bool { return running.ended() || gate.count(silent) > 0 })
			running.signal(t, syscall.SIGINT)
			if code := running.wait(t); code != 105 || !strings.Contains(running.stdout.String(), "verdict: interrupted") {
				t.Errorf("exit code %d", code)
			}
			s := readSummary(t, file)
			last := load.Phase{}
			if len(s.Phases) > 0 {
				last = s.Phases[len(s.Phases)-1]
			}
			if !s.Partial || s.Verdict.Outcome != verdict.Interrupted || s.Events.Produced != test.produced || s.Audit != test.audit || last.Name != test.phase {
				t.Errorf("%+v, audit %q, %d events, last phase %+v", s.Verdict, s.Audit, s.Events.Produced, last)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 2 { // What was asked for, and no part of a file.
				t.Errorf("files %v, %v", left, err)
			}
			if now := p.ownTopics(t); !slices.Equal(now, topics) {
				t.Errorf("topics %q, before %q", now, topics)
			}
		})
	}
	// The events of the one that was offered are whole, and the audit finds nothing wrong with them.
	code, s := p.load(t, loadWide...)
	if code != 0 || s.Verdict.Outcome != verdict.Pass {
		t.Errorf("after the interruptions: exit code %d, %+v", code, s.Verdict)
	}
	if stored := p.sql(t, "SELECT count() FROM token_calls"); stored != "400" {
		t.Errorf("%s events are stored, want 400", stored)
	}

	p.sql(t, "INSERT INTO token_calls_raw SELECT * REPLACE (offset + 1000000 AS offset) FROM token_calls_raw ORDER BY partition, offset LIMIT 1")
	code, s = p.load(t, slices.Concat(loadWide, []string{"--drain", "10s"})...)
	if code != 99 || s.Verdict.Outcome != verdict.Wrong || !strings.Contains(s.Audit, "token_calls") {
		t.Errorf("an event is stored twice: exit code %d, %+v", code, s.Verdict)
	}
	t.Logf("the audit says %s", s.Audit)
}

// TestLoadDrops: with --drop-namespace a load test leaves nothing of a namespace that was empty before it, although workers run, and
// after an interruption too. It refuses a namespace that has anything in it.
func TestLoadDrops(t *testing.T) {
	p := sharedPipeline(t)
	dropping := slices.Concat([]string{"load", "--drop-namespace"}, loadWide)
	gone := func(stdout string) {
		t.Helper()
		if topics := p.ownTopics(t); len(topics) > 0 || !strings.Contains(stdout, "namespace "+p.namespace+" was dropped") {
			t.Errorf("topics %q are left, the load test says\n%s", topics, stdout)
		}
		if listed := p.ok(t, "namespaces", "list"); strings.Contains(listed, p.namespace) {
			t.Errorf("namespaces:\n%s", listed)
		}
	}
	p.ok(t, "migrate", "--partitions", "2")
	workers := []*process{p.start(t, "ingest"), p.start(t, "rollup")}
	gone(p.ok(t, dropping...))
	for _, worker := range workers {
		worker.stop(t) // It may have ended by itself, since its topics are gone.
	}

	p.ok(t, "migrate", "--partitions", "2")
	running := p.start(t, slices.Concat(dropping, []string{"--duration", "1h"})...)
	eventually(t, "events are offered", func() bool { return running.ended() || strings.Contains(running.stderr.String(), "offer") })
	running.signal(t, syscall.SIGINT)
	if code := running.wait(t); code != 105 {
		t.Errorf("interrupted: exit code %d", code)
	}
	gone(running.stdout.String())

	p.ok(t, "migrate", "--partitions", "2")
	p.ok(t, "generate", "--events", "10", "--profile", "token_calls")
	if r := p.run(t, dropping...); r.code != 3 || !strings.Contains(r.stderr, " 1 record, and only a namespace that was empty before the run is removed") || r.stdout != "" {
		t.Errorf("a namespace with records: exit code %d", r.code)
	}
	if topics := p.ownTopics(t); len(topics) < 6 {
		t.Errorf("topics %q are left", topics)
	}
}

// ownTopics are the topics of the namespace, in order.
func (p pipeline) ownTopics(t testing.TB) []string {
	t.Helper()
	own := slices.DeleteFunc(p.anyTopics(t), func(name string) bool { return !strings.HasPrefix(name, p.namespace+".") })
	slices.Sort(own)
	return own
}
