package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tidemark/producers/load"
	"tidemark/producers/load/report"
	"tidemark/producers/load/verdict"
)

// load runs "tidemark load" and returns its exit code and its summary, which standard output has as the file does, and nothing else.
func (p pipeline) load(t testing.TB, args ...string) (int, load.Summary) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "summary.json")
	r := p.run(t, slices.Concat([]string{"load", "--summary-export", file, "--output", "json"}, args)...)
	s := readJSON[load.Summary](t, file)
	var printed load.Summary
	if err := json.Unmarshal([]byte(r.stdout), &printed); err != nil || !reflect.DeepEqual(printed, s) {
		t.Errorf("standard output is not the summary of the file: %v\n%s", err, r.stdout)
	}
	return r.code, s
}

// readJSON reads what a file of JSON holds.
func readJSON[T any](t testing.TB, file string) (v T) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// states are the checks of a summary by name.
func states(s load.Summary) map[string]verdict.State {
	found := map[string]verdict.State{}
	for _, c := range s.Verdict.Checks {
		found[c.Name] = c.State
	}
	return found
}

// TestLoad offers a pipeline at work a low rate with bounds so wide that only what stands still misses them.
func TestLoad(t *testing.T) {
	p := sharedPipeline(t)
	p.ok(t, "migrate", "--partitions", "2")
	ingest, rollup := p.start(t, "ingest"), p.start(t, "rollup")
	eventually(t, "both workers have reported", func() bool {
		return p.sql(t, "SELECT count() FROM heartbeats FINAL WHERE worker != '' AND NOT stopped") == "2"
	})
	wide := []string{"--rate", "200", "--slo", "4m", "--slo-rollup", "4m", "--drain", "4m"}

	// All that is offered is followed to its end, and judged by the audit.
	const offered, warmup = 5 * 200, 200
	dir := t.TempDir()
	code, s := p.load(t, slices.Concat(wide, []string{"--warmup", "1s", "--duration", "5s", "--mix", "mixed", "--duplicates", "0.05", "--poison", "0.01",
		"--out", filepath.Join(dir, "run.html"), "--csv", filepath.Join(dir, "run.csv"), "--hgrm", filepath.Join(dir, "hgrm")})...)
	run := s
	e := s.Events
	if e.Produced != offered+warmup || slices.ContainsFunc([]uint64{e.Offered, e.Sent, e.SentInTime, e.Acknowledged, e.Stored, e.Raw}, func(n uint64) bool { return n != offered }) {
		t.Errorf("not every event was followed: %+v", e)
	}
	if e.Rollup < offered*9/10 || e.Rollup > offered { // Model events and reference points have no rollup per minute.
		t.Errorf("%d events were followed into the rollups", e.Rollup)
	}
	for name, state := range states(s) {
		if state != verdict.OK && name != "lag_trend" && name != "parts_trend" { // 5 s are too short for trends.
			t.Errorf("%s is %s", name, state)
		}
	}
	if (code == 0) != s.Passed() || code != 0 && code != 99 || s.Partial || len(s.Notes) > 0 {
		t.Errorf("exit code %d, verdict %s, notes %q", code, s.Verdict.Outcome, s.Notes)
	}
	stored := p.sql(t, "SELECT uniqExact(epoch, partition, offset) FROM token_calls_raw WHERE run = '"+s.Run+"'")
	if truth := p.sql(t, "SELECT max(events) FROM runs WHERE run = '"+s.Run+"' AND type = 'token_calls' AND kind = 'load'"); stored != truth || stored == "0" {
		t.Errorf("%s token calls are stored, the run says %s", stored, truth)
	}

	// A search in a range that passes ends at its end.
	found := p.ok(t, slices.Concat([]string{"load"}, wide, []string{"--find-max", "--min-rate", "100", "--max-rate", "200", "--trial", "4s", "--trials", "1", "--warmup", "0s",
		"--out", filepath.Join(dir, "search.html"), "--output", "json"})...)
	var search report.Search
	if err := json.Unmarshal([]byte(found), &search); err != nil || search.Search.State != "above_range" || search.Search.Lower != 200 || len(search.Trials) != 3 ||
		!search.AuditOK || !strings.HasPrefix(search.Audit, "no difference in ") {
		t.Errorf("a search says (%v):\n%s", err, found)
	}

	t.Run("reports", func(t *testing.T) { testReports(t, dir, run) })

	// Through a collector every event is followed too.
	made := strings.Split(strings.TrimSpace(p.ok(t, "collect", "--new-key", "acme")), "\n")
	keyFile := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keyFile, []byte(made[len(made)-1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	collector, address := p.collecting(t, keyFile)
	for _, way := range []string{"http", "otlp"} {
		through := []string{"--through", way, "--collector", address, "--collector-key", made[1], "--collector-tenant", "acme", "--warmup", "0s", "--duration", "2s"}
		code, s = p.load(t, slices.Concat(wide, through)...)
		if e := s.Events; code != 0 || e.Acknowledged != 400 || e.Stored != 400 || e.Raw != 400 || e.Rollup != 400 || len(s.Notes) != 1 {
			t.Errorf("through a collector by %s: exit code %d, %+v, notes %q\n%+v", way, code, e, s.Notes, s.Verdict)
		}
	}
	if spans := p.sql(t, "SELECT count(), uniqExact(id), countIf(client = 'tidemark-load' AND joined = 0 AND NOT may_be_double) FROM token_calls WHERE source = 'otlp.span'"); spans != "400\t400\t400" {
		t.Errorf("of the calls that came as spans are stored: %q", spans)
	}
	if code := collector.stop(t); code != 0 {
		t.Errorf("collector: exit code %d", code)
	}

	// What nobody reads is removed.
	discarded := p.ok(t, "load", "--discard", "--rate", "200", "--slo", "4m", "--warmup", "0s", "--duration", "1s")
	if !strings.Contains(discarded, "the brokers take") {
		t.Errorf("--discard says:\n%s", discarded)
	}
	if topics := p.topics(t); slices.ContainsFunc(topics, func(name string) bool { return strings.Contains(name, "discard") }) {
		t.Errorf("topics %q", topics)
	}

	// A backlog is refused while ingest works, and is drained when it begins.
	if r := p.run(t, "load", "--backlog", "500"); r.code != 3 || !strings.Contains(r.stderr, "stop ingest") {
		t.Errorf("a backlog while ingest works: exit code %d, %s", r.code, r.stderr)
	}
	if code := ingest.stop(t); code != 0 {
		t.Errorf("ingest: exit code %d", code)
	}
	backlog := p.start(t, "load", "--backlog", "3000", "--drain", "4m")
	eventually(t, "the log is full", func() bool { return strings.Contains(backlog.stderr.String(), "start ingest now") })
	ingest = p.start(t, "ingest")
	if code := backlog.wait(t); code != 0 || !strings.Contains(backlog.stdout.String(), "verdict: pass") || !strings.Contains(backlog.stdout.String(), "3,000 events of 3s went into the log") {
		t.Errorf("backlog: exit code %d\n%s", code, backlog.stdout.String())
	}

	// A rollup that has stopped is named, and only it.
	if code := rollup.stop(t); code != 0 {
		t.Errorf("rollup: exit code %d", code)
	}
	code, s = p.load(t, "--rate", "200", "--slo", "4m", "--warmup", "0s", "--duration", "2s", "--slo-rollup", "1s", "--drain", "5s", "--arrival", "poisson")
	if code != 99 || states(s)["freshness_rollup"] != verdict.Failed || s.Verdict.Limit != verdict.Rollup || s.Events.Rollup != 0 {
		t.Errorf("exit code %d, %+v", code, s.Verdict)
	}
	if !slices.ContainsFunc(s.Notes, func(n string) bool { return strings.Contains(n, "no rollup worker") }) {
		t.Errorf("notes %q", s.Notes)
	}

	// Within a drain that is shorter than their bound, rollups that are not seen are not known to be late.
	code, s = p.load(t, "--rate", "200", "--slo", "4m", "--warmup", "0s", "--duration", "2s", "--slo-rollup", "1h", "--drain", "5s")
	if code != 0 || states(s)["freshness_rollup"] != verdict.Unsure || s.Events.Rollup != 0 || !slices.ContainsFunc(s.Notes, func(n string) bool { return strings.HasPrefix(n, "400 of 400 events were not in the rollups") }) {
		t.Errorf("exit code %d, %+v, notes %q", code, s.Verdict, s.Notes)
	}

	// An interruption while the last events are waited for, or before, gives a summary of what was sent.
	file := filepath.Join(t.TempDir(), "summary.json")
	running := p.start(t, slices.Concat([]string{"load", "--summary-export", file, "--warmup", "0s", "--duration", "1s"}, wide)...)
	eventually(t, "the last events are waited for", func() bool { return strings.Contains(running.stderr.String(), "drain") })
	running.signal(t, syscall.SIGINT)
	if code := running.wait(t); code != 105 {
		t.Errorf("interrupted: exit code %d", code)
	}
	if s := readJSON[load.Summary](t, file); !s.Partial || s.Verdict.Outcome != verdict.Interrupted || s.Events.Produced != 200 {
		t.Errorf("interrupted: %+v", s.Verdict)
	}
	stored = p.sql(t, "SELECT count() FROM token_calls_raw")
	running = p.start(t, slices.Concat([]string{"load", "--summary-export", file, "--duration", "1h"}, wide)...)
	eventually(t, "events are stored", func() bool {
		return p.sql(t, "SELECT count() FROM token_calls_raw") != stored && strings.Contains(running.stderr.String(), "offer")
	})
	running.signal(t, syscall.SIGINT)
	if code := running.wait(t); code != 105 {
		t.Errorf("interrupted: exit code %d", code)
	}
	if s := readJSON[load.Summary](t, file); !s.Partial || s.Verdict.Outcome != verdict.Interrupted {
		t.Errorf("interrupted: %+v", s.Verdict)
	}

	// An event that is lost makes the next run wrong, whatever its speed.
	p.sql(t, "ALTER TABLE token_calls_raw DELETE WHERE offset = 3")
	code, s = p.load(t, slices.Concat(wide, []string{"--warmup", "0s", "--duration", "1s", "--drain", "10s"})...)
	if code != 99 || s.Verdict.Outcome != verdict.Wrong || !strings.Contains(s.Audit, "token_calls") {
		t.Errorf("an event is lost: exit code %d, %+v", code, s.Verdict)
	}
	if code := ingest.stop(t); code != 0 {
		t.Errorf("ingest: exit code %d", code)
	}
}

// testReports opens the reports of a run and of a search, and expects what a person looks for first, charts that are drawn,
// and nothing from elsewhere.
func testReports(t *testing.T, dir string, run load.Summary) {
	if rows, err := os.ReadFile(filepath.Join(dir, "run.csv")); err != nil || strings.Count(string(rows), "\n") != len(run.Series)+1 {
		t.Errorf("%d seconds are in the CSV as %q, %v", len(run.Series), rows, err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "hgrm", "*.hgrm")); err != nil || len(names) != len(report.Stages) {
		t.Errorf("percentiles are in %q, %v", names, err)
	}
	b := openBrowser(t, findChromium(t), "file://"+dir)
	for page, want := range map[string][]string{
		"run":    {string(run.Verdict.Outcome), report.LimitText(&run), "freshness_rollup"},
		"search": {"sustained 200 events/s", "no limit was reached", "Trials"},
	} {
		for _, width := range []int64{1600, 480} {
			b.size(t, width, 1000)
			b.open(t, "/"+page+".html")
			b.until(t, page+" is drawn", `document.body.dataset.reportState === "ready"`)
			b.quiet(t)
			var seen struct {
				Text           string
				Width          int64
				Charts, Canvas int
				Blank          []string
			}
			b.do(t, chromedp.Evaluate(`(() => {
				const charts = [...document.querySelectorAll("figure[data-chart]:not([hidden])")], drawn = charts.flatMap((c) => [...c.querySelectorAll("canvas")]);
				const blank = (c) => !c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((x) => x > 0);
				return { Text: document.body.innerText, Width: document.documentElement.scrollWidth, Charts: charts.length, Canvas: drawn.length,
					Blank: drawn.filter(blank).map((c) => c.closest("figure").dataset.chart) };
			})()`, &seen))
			for _, text := range want {
				if !strings.Contains(seen.Text, text) {
					t.Errorf("%s at %d px does not say %q", page, width, text)
				}
			}
			if seen.Charts < 6 || seen.Canvas != seen.Charts || len(seen.Blank) > 0 || seen.Width > width {
				t.Errorf("%s at %d px is %d px wide, has %d charts and %d canvases, of which are blank: %q", page, width, seen.Width, seen.Charts, seen.Canvas, seen.Blank)
			}
		}
	}
}

// topics are the names of all topics that the brokers have. There are some.
func (p pipeline) topics(t testing.TB) []string {
	t.Helper()
	names := p.anyTopics(t)
	if len(names) == 0 {
		t.Fatal("no topics")
	}
	return names
}

// anyTopics are the names of all topics that the brokers have, if there are any.
func (p pipeline) anyTopics(t testing.TB) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.brokers))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrMetadataRequest() // Without names: of all.
	answer, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, topic := range answer.Topics {
		names = append(names, *topic.Topic)
	}
	return names
}
