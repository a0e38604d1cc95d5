package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"tidemark/producers/load"
	"tidemark/producers/load/report"
	"tidemark/producers/load/search"
	"tidemark/producers/load/verdict"
)

// loadWide are the flags of a short load test with bounds so wide that only what stands still misses them.
var loadWide = []string{"--rate", "200", "--warmup", "0s", "--duration", "1s", "--slo", "4m", "--slo-rollup", "4m", "--drain", "4m"}

// TestLoadEnds: an interruption in any phase of a run, a search, a backlog or a calibration ends with 105, a summary that says so, and nothing
// left behind; the audit finds nothing wrong with what was sent. An event that is stored twice makes the next run wrong.
func TestLoadEnds(t *testing.T) {
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	stored := 500
	t.Run("backlog", func(t *testing.T) {
		dir := t.TempDir()
		p.interrupt(t, dir, says("start ingest now"), "--backlog", "500")
		if b := readJSON[load.Backlog](t, filepath.Join(dir, "summary.json")); !b.Partial || b.Outcome != verdict.Interrupted || b.Events != 500 {
			t.Errorf("%+v", b)
		}
	})
	t.Run("discard", func(t *testing.T) {
		dir := t.TempDir()
		p.interrupt(t, dir, says("flat out"), "--discard", "--rate", "200", "--duration", "1h")
		if c := readJSON[load.Calibration](t, filepath.Join(dir, "summary.json")); !c.Partial || c.Kind != "discard" {
			t.Errorf("%+v", c)
		}
	})
	t.Run("no ingest", func(t *testing.T) {
		if r := p.run(t, slices.Concat([]string{"load"}, loadWide)...); r.code != 3 || !strings.Contains(r.stderr, "no ingest worker runs") || r.stdout != "" {
			t.Errorf("exit code %d", r.code)
		}
	})
	p.start(t, "ingest")
	p.start(t, "rollup")
	stored += testInterruptedRuns(t, p) + testInterruptedSearches(t, p)

	code, s := p.load(t, loadWide...)
	if stored += 200; code != 0 || s.Verdict.Outcome != verdict.Pass {
		t.Errorf("after the interruptions: exit code %d, %+v", code, s.Verdict)
	}
	if got := p.sql(t, "SELECT count() FROM token_calls"); got != strconv.Itoa(stored) {
		t.Errorf("%s events are stored, want %d", got, stored)
	}

	p.sql(t, "INSERT INTO token_calls_raw SELECT * REPLACE (offset + 1000000 AS offset) FROM token_calls_raw ORDER BY partition, offset LIMIT 1")
	code, s = p.load(t, slices.Concat(loadWide, []string{"--drain", "10s"})...)
	if code != 99 || s.Verdict.Outcome != verdict.Wrong || !strings.Contains(s.Audit, "token_calls") {
		t.Errorf("an event is stored twice: exit code %d, %+v", code, s.Verdict)
	}
	t.Logf("the audit says %s", s.Audit)
}

// testInterruptedRuns interrupts runs, and returns how many events they sent.
func testInterruptedRuns(t *testing.T, p pipeline) (sent int) {
	for _, test := range []struct {
		phase, statement string // The phase and a statement in it, which is not answered.
		produced         uint64
	}{{"preflight", "FROM topics", 0}, {"audit", "FROM rollup_versions", 200}} {
		t.Run(test.phase, func(t *testing.T) {
			dir := t.TempDir()
			through, held := p.holding(t, test.statement, 1)
			stdout := through.interrupt(t, dir, held, slices.Concat(loadWide, []string{"--out", filepath.Join(dir, "run.html")})...)
			s := readJSON[load.Summary](t, filepath.Join(dir, "summary.json"))
			if !s.Partial || s.Verdict.Outcome != verdict.Interrupted || s.Events.Produced != test.produced || s.Audit != "not made: the run was ended" ||
				endedIn(s) != test.phase || !strings.Contains(stdout, "verdict: interrupted") || !exists(filepath.Join(dir, "run.html")) {
				t.Errorf("%+v, audit %q, %d events, ended in %q, printed\n%s", s.Verdict, s.Audit, s.Events.Produced, endedIn(s), stdout)
			}
		})
		sent += int(test.produced)
	}
	return sent
}

// testInterruptedSearches interrupts searches, and returns how many events they sent. Without its audit a search proves nothing and blames
// nobody.
func testInterruptedSearches(t *testing.T, p pipeline) (sent int) {
	for _, test := range []struct {
		name, statement string // A statement, which is not answered the nth time.
		n, made         int    // How many trials are made,
		produced        []int  // and how many events each that is begun sends.
	}{{"before the second trial", "SELECT DISTINCT toString(role)", 2, 1, []int{200, 0}}, {"audit of all trials", "FROM rollup_versions", 1, 2, []int{200, 800}}} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			through, held := p.holding(t, test.statement, test.n)
			stdout := through.interrupt(t, dir, held, slices.Concat(loadWide, []string{"--out", filepath.Join(dir, "search.html"),
				"--find-max", "--min-rate", "200", "--max-rate", "200", "--trial", "4s", "--trials", "1"})...)
			found := readJSON[report.Search](t, filepath.Join(dir, "summary.json"))
			if found.Search.State != search.Ended || found.Recommended != 0 || found.Audit != "" || found.Wrong() || len(found.Search.Trials) != test.made ||
				!strings.Contains(stdout, "ended_early after") || !exists(filepath.Join(dir, "search.html")) {
				t.Errorf("%+v, recommended %v, audit %q, printed\n%s", found.Search, found.Recommended, found.Audit, stdout)
			}
			var produced []int
			for _, trial := range found.Trials {
				produced = append(produced, int(trial.Events.Produced))
			}
			if !slices.Equal(produced, test.produced) {
				t.Errorf("the trials sent %v events, want %v", produced, test.produced)
			}
		})
		for _, n := range test.produced {
			sent += n
		}
	}
	return sent
}

// interrupt runs "tidemark load" with a summary in a folder, interrupts it when a moment has come, and returns what it printed. It expects
// what every interruption leaves: exit code 105, whole files, and the topics that there were.
func (p pipeline) interrupt(t testing.TB, dir string, moment func(*process) bool, args ...string) (stdout string) {
	t.Helper()
	topics := p.ownTopics(t)
	if len(topics) < 6 {
		t.Fatalf("topics %q", topics)
	}
	running := p.start(t, slices.Concat([]string{"load", "--summary-export", filepath.Join(dir, "summary.json")}, args)...)
	eventually(t, "the moment has come", func() bool { return running.ended() || moment(running) })
	running.signal(t, syscall.SIGINT)
	if code := running.wait(t); code != 105 {
		t.Errorf("exit code %d", code)
	}
	if parts, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(parts) > 0 {
		t.Errorf("parts of files %q, %v", parts, err)
	}
	if now := p.ownTopics(t); !slices.Equal(now, topics) {
		t.Errorf("topics %q, before %q", now, topics)
	}
	return running.stdout.String()
}

// says is the moment at which a process says a text.
func says(text string) func(*process) bool {
	return func(running *process) bool { return strings.Contains(running.stderr.String(), text) }
}

// holding returns the pipeline behind a gate, and the moment at which that holds the nth statement with a text.
func (p pipeline) holding(t testing.TB, statement string, n int) (through pipeline, held func(*process) bool) {
	t.Helper()
	gate, through := newGate(t, p)
	gate.holdAt(statement, n)
	return through, func(*process) bool { return gate.count(silent) > 0 }
}

// endedIn returns the last phase of a run.
func endedIn(s load.Summary) string {
	if len(s.Phases) == 0 {
		return ""
	}
	return s.Phases[len(s.Phases)-1].Name
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
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
	ingest := p.start(t, "ingest")
	running := p.start(t, slices.Concat(dropping, []string{"--duration", "1h"})...)
	eventually(t, "events are offered", func() bool { return running.ended() || strings.Contains(running.stderr.String(), "offer") })
	running.signal(t, syscall.SIGINT)
	if code := running.wait(t); code != 105 {
		t.Errorf("interrupted: exit code %d", code)
	}
	gone(running.stdout.String())
	ingest.stop(t) // As above.

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
