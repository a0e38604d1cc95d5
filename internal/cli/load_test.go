package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"tidemark/producers"
	"tidemark/producers/load"
	"tidemark/producers/load/report"
	"tidemark/producers/load/search"
	"tidemark/producers/load/threshold"
	loadverdict "tidemark/producers/load/verdict"
	"tidemark/producers/synthetic"
)

func TestEventRate(t *testing.T) {
	for text, want := range map[eventRate]float64{
		"1": 1, "500": 500, "50k": 50_000, "1.2M": 1_200_000, "0.5": 0.5, "1e3": 1000, "100M": 1e8,
		"1cy": 365e9 / 365 / 86400, "0.5cy": 365e9 / 365 / 86400 / 2, "9000cy": 0,
		"0": 0, "-1": 0, "": 0, "k": 0, "50K": 0, "NaN": 0, "Inf": 0, "101M": 0, "1kk": 0, "0k": 0,
	} {
		got, err := text.parse("--rate")
		if math.Abs(got-want) > 1e-6 || (err == nil) != (want > 0) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
}

// TestLoadRefuses: what cannot be measured is refused before anything is opened, with the exit code of k6 for it.
func TestLoadRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"--find-max":                               "--namespace: name one",
		"--backlog 50":                             "--namespace: name one",
		"--through http --collector-tenant a":      "tidemark migrate --namespace loadtest",
		"run --rate 5":                             "--namespace: name one. A load test sends made-up events, which without it would go to tidemark, among real ones",
		"--rate 0":                                 "--rate: \"0\" is not a number of events per second above 0",
		"--duration 500ms":                         "--duration: 500ms is not between 1s and 24h",
		"--rate 0.1 --duration 5s":                 "at 0.1 events/s no event is due within 5s",
		"--arrival bursts":                         "--arrival: \"bursts\" is not constant or poisson",
		"--mix queries":                            "--mix: \"queries\" is not token_calls, mixed, or shares",
		"--mix queries=1,tokens=2":                 "--mix: \"queries=1,tokens=2\" is not",
		"--mix queries=0":                          "--mix: \"queries=0\" is not",
		"--profile sine":                           "--profile: \"sine\" is not constant, ramp, step, spike or soak",
		"--stages 10s":                             "--stages: \"10s\" is not TIME:RATE",
		"--stages 10s:5k,x":                        "--stages: \"x\" is not TIME:RATE",
		"--stages 10s:5q":                          "--stages: 10s:5q: \"5q\" is not a number",
		"--stages 0s:5k":                           "--stages: they take 0s together",
		"--stages 10s:0":                           "no event is due within the 10s of the plan",
		"--start-rate 5":                           "--start-rate: only --stages",
		"--profile ramp --find-max":                "--find-max: its trials have one rate each",
		"--abort-on-fail":                          "--abort-on-fail: there is no --threshold",
		"--size 0":                                 "--size: \"0\" is not a number of bytes up to 512k",
		"--size 600k":                              "--size: \"600k\"",
		"--hot 1.5":                                "--hot: 1.5 is not between 0 and 0.99",
		"--through http":                           "--collector-tenant: --through http needs the tenant",
		"--compression none --rate 1q":             "--rate: \"1q\"",
		"--threshold p(99)<1000":                   "--threshold: \"p(99)<1000\" is not METRIC:AGGREGATION",
		"--threshold drain_s:max<1":                "drain_s is a gauge, which has value, not max",
		"--find-max --min-rate 5k --max-rate 1k":   "--min-rate, --max-rate, --trials: the search goes from 5000 to 1000 events/s",
		"--find-max --min-rate 0 --trials 2":       "--min-rate: \"0\" is not a number",
		"--find-max --trials 2":                    "2 trials of a bound: an odd number has a majority",
		"--find-max --min-rate 0.1 --trial 4s":     "at 0.1 events/s no event is due within 1s",
		"--namespace tidemark --drop-namespace":    "--drop-namespace: tidemark is the namespace of production",
		"--drop-namespace":                         "--drop-namespace: tidemark is the namespace of production",
		"--namespace a --drop-namespace --discard": "--drop-namespace: --generator-only and --discard leave nothing",
		"--no-such-flag":                           "unknown flag",
		"--through smoke":                          "--through: \"smoke\" is not kafka, http or otlp",
		"--through otlp":                           "--collector-tenant: --through otlp needs the tenant",
		"--through otlp --collector-tenant a --mix queries=1":     "--mix, --poison: --through otlp sends token_calls alone",
		"--through otlp --collector-tenant a --duplicates 0.1":    "--duplicates, --conflicts: not with --through otlp",
		"--through http --collector-tenant a --size 1k":           "--size: a collector drops the text",
		"--through otlp --collector-tenant a --conflicts 0.1":     "--duplicates, --conflicts: not with --through otlp",
		"--through http --collector-tenant a --collector ftp://x": "--collector: \"ftp://x\" is not http://HOST:PORT",
		"--through http --collector-tenant a --mix mixed":         "--mix, --poison: --through http sends token_calls alone",
		"--through http --collector-tenant a --discard":           "--through: --generator-only, --discard and --backlog go to the log",
		"--discard --generator-only":                              "--generator-only, --discard: only one of them",
		"--find-max --discard":                                    "--find-max, --discard: only one of them",
		"--discard --threshold drain_s:value<1":                   "--threshold: not with --discard",
		"--backlog 5 --out x.html":                                "--out, --csv, --hgrm, --compare: not with --backlog",
		"--discard --profile ramp":                                "--profile, --stages: not with --discard",
		"--backlog 1.5":                                           "--backlog: \"1.5\" is not a whole number of events",
		"--backlog 2000M":                                         "--backlog: \"2000M\"",
		"--backlog 5 --drain-ratio 2":                             "--drain-ratio: 2 is not between 0.5 and 1",
		"--backlog 5 --find-max":                                  "--find-max, --backlog: only one of them",
		"--backlog 1000M --rate 1":                                "at 1 events/s, 1,000,000,000 events take 11574 days; at most 365",
	} {
		code, _, errOut := command(t, append([]string{"load"}, strings.Fields(line)...)...)
		if code != exitInvalid || !strings.Contains(errOut, want) {
			t.Errorf("load %s: exit code %d, %s; want %q", line, code, errOut, want)
		}
	}
}

// TestLoadShape: the flags that shape the load mean what they say.
func TestLoadShape(t *testing.T) {
	parse := func(line string) load.Options {
		t.Helper()
		var c loadCmd
		parser, err := kong.New(&c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(line)); err != nil {
			t.Fatal(err)
		}
		o, err := c.options("load-1")
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if takes := o.Plan.Takes(); len(o.Plan.Steps) > 0 && takes != c.Duration {
			t.Errorf("%s: the plan takes %s and %s are measured", line, takes, c.Duration)
		}
		return o
	}
	steps := parse("--stages 30s:10k,0s:2k,1m:0 --start-rate 1k").Plan
	want := load.Plan{Start: 1000, Steps: []load.Step{{For: 30 * time.Second, To: 10_000}, {To: 2000}, {For: time.Minute}}}
	if !reflect.DeepEqual(steps, want) {
		t.Errorf("stages are %+v, want %+v", steps, want)
	}
	if spike := parse("--profile spike --rate 1k").Plan; spike.Highest() != 1000 || spike.Start != 100 {
		t.Errorf("a spike is %+v", spike)
	}
	w := parse("--mix queries=1,token_calls=3 --size 10k --hot 0.2 --models 7 --late 0.1 --out-of-order 0.2").Workload
	if w.Mix != (synthetic.Mix{Queries: 1, TokenCalls: 3}) || w.Size != 10_240 || w.Hot != 0.2 || len(w.Models) != 7 || w.Late != 0.1 || w.OutOfOrder != 0.2 {
		t.Errorf("the workload is %+v", w)
	}
	soak := loadCmd{profileFlags: profileFlags{Profile: "soak", StartRate: "0"}}
	if _, d, err := soak.plan(5, time.Minute); d != 30*time.Minute || err != nil {
		t.Errorf("a soak takes %s, %v", d, err)
	}
	if _, d, _ := soak.plan(5, 5*time.Minute); d != 5*time.Minute {
		t.Errorf("a soak of 5m takes %s", d)
	}
}

// TestPrintLoad prints the summary of a run in which nothing was measured, and writes it as JSON, which knows no NaN.
func TestPrintLoad(t *testing.T) {
	recorder := load.NewRecorder(load.RecorderConfig{Duration: time.Second, SLO: time.Second, SLORollup: time.Second, Rolled: func(string) bool { return true }})
	var thresholds []threshold.Threshold
	for _, text := range []string{"freshness_raw_ms:p(99)<1000", "late_raw:rate<0.1", "lag_end_events:value<5", "sent_events:rate>1", "drain_s:value<1", "stored_events:count>0"} {
		parsed, err := load.ParseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		thresholds = append(thresholds, parsed)
	}
	summary := load.Summarize(recorder, load.Options{Rate: 5, Arrival: load.Constant, Run: "load-1"}, load.Ending{
		Namespace: "lab", Result: load.Result{Truth: &producers.Truth{}}, Drained: true, Audited: true, AuditOK: true,
		Audit: "no difference in 9 checks", Poll: 50 * time.Millisecond, Thresholds: thresholds, Notes: []string{"no rollup worker has reported within the last minute"},
	})
	var out bytes.Buffer
	if err := printLoad(&out, summary); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != printedNothing {
		t.Errorf("printed\n%s\nwant\n%s", got, printedNothing)
	}
	file := filepath.Join(t.TempDir(), "summary.json")
	if err := (loadOutputs{SummaryExport: file}).writeAll(&bytes.Buffer{}, report.File{Run: &summary}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := readReport(file)
	if err != nil || f.Run == nil || f.Run.SchemaVersion != 1 || f.Run.Passed() {
		t.Errorf("%+v, %v", f.Run, err)
	}
}

const printedNothing = `verdict: no_events (no event was measured: raise --rate or --duration)
run load-1, namespace lab, constant arrivals

not_measured offered          not the whole run was offered
not_measured lag_trend        0 samples of the lag are too few
not_measured freshness_raw    no event was to come here
not_measured freshness_rollup no event was to come here
not_measured parts_trend      0 samples of the active parts in the second half are too few
ok           errors           the log took every event; 0 without an offset
ok           drain            the ledger had every event 0s after the last one was sent (at most 2s)
ok           audit            no difference in 9 checks

asked for 5 events/s for 1s after 0s of warm-up; 0 events were due, 0 of them sent
  from the time the event was due, ms  events  events/s  p50  p90  p99  p99.9  max
                                 sent       0         -    -    -    -      -    -
                         acknowledged       0         -    -    -    -      -    -
                               stored       0         -    -    -    -      -    -
                     queryable in raw       0         -    -    -    -      -    -
                 queryable in rollups       0         -    -    -    -      -    -
polls of the database: every 50 ms (p99 0 ms), 0 without an answer; batches sent again: 0
audit: no difference in 9 checks
threshold: failed freshness_raw_ms:p(99)<1000 (not measured)
threshold: failed late_raw:rate<0.1 (not measured)
threshold: failed lag_end_events:value<5 (not measured)
threshold: failed sent_events:rate>1 (not measured)
threshold: ok     drain_s:value<1 (0)
threshold: failed stored_events:count>0 (0)
note: no rollup worker has reported within the last minute
`

// TestTrialOutcome: only what is slow says something of the rate.
func TestTrialOutcome(t *testing.T) {
	f := func(outcome string, thresholds []load.Threshold, want search.Outcome) {
		t.Helper()
		var s load.Summary
		if err := json.Unmarshal([]byte(`{"verdict": {"outcome": "`+outcome+`"}}`), &s); err != nil {
			t.Fatal(err)
		}
		s.Thresholds = thresholds
		if got, err := trialOutcome(s); got != want || (err == nil) != (want != "") {
			t.Errorf("%s, %+v: %q, %v; want %q", outcome, thresholds, got, err, want)
		}
	}
	f("pass", nil, search.Pass)
	f("pass", []load.Threshold{{OK: true}}, search.Pass)
	f("pass", []load.Threshold{{OK: true}, {OK: false}}, search.Fail)
	f("fail", nil, search.Fail)
	f("generator_limited", nil, search.Unoffered)
	for _, outcome := range []string{"wrong", "interrupted", "no_events"} {
		f(outcome, nil, "")
	}
}

// TestPrintSearch: every state of a search is explained.
func TestPrintSearch(t *testing.T) {
	for _, state := range []search.State{search.Found, search.AboveRange, search.BelowRange, search.Limited, search.Inconsistent, search.OutOfTrials, search.Ended} {
		if report.SearchNotes[state] == "" {
			t.Errorf("%s is not explained", state)
		}
	}
	var out bytes.Buffer
	failed := load.Summary{Config: load.SummaryConfig{Rate: 49_999.6}, Verdict: loadverdict.Verdict{Outcome: loadverdict.Fail, Limit: loadverdict.Ingest}}
	_ = printSearch(&out, report.Search{
		Search: search.Result{State: search.Found, Lower: 47_500, Upper: 49_999.6, Trials: make([]search.Trial, 14)}, Recommended: 33_250, Trials: []load.Summary{failed},
	})
	const want = `
found after 14 trials: sustained 47,500 events/s, not sustained 50,000 (the upper bound does not pass)
the limit is ingest (with its inserts)
plan with 33,250 events/s, 70 % of what is sustained
`
	if got := out.String(); got != want {
		t.Errorf("printed %s, want %s", got, want)
	}
	out.Reset()
	lost := report.Search{Search: search.Result{State: search.Found, Lower: 47_500}, Audit: "1 difference; first: raw holds"}
	if err := printSearch(&out, lost); err != nil || !strings.Contains(out.String(), "\naudit of all trials: 1 difference; first: raw holds\n") || !lost.Wrong() {
		t.Errorf("a search that lost an event is wrong: %t, %v, printed %s", lost.Wrong(), err, out.String())
	}
	out.Reset()
	_ = printSearch(&out, report.Search{Search: search.Result{State: search.Ended, Lower: 64_000, Upper: 80_000}})
	const ended = "\nended_early after 0 trials: sustained 64,000 events/s, not sustained 80,000 (not confirmed: the search was ended)\nno limit is known\n"
	if got := out.String(); got != ended {
		t.Errorf("printed %s, want %s", got, ended)
	}
}

// TestGeneratorOnly needs no brokers and no database, and says whether the generator can offer the rate.
func TestGeneratorOnly(t *testing.T) {
	t.Parallel()
	for rate, want := range map[string]int{"100": 0, "100M": exitThreshold} {
		file := filepath.Join(t.TempDir(), "calibration.json")
		code, out, errOut := command(t, "load", "--generator-only", "--rate", rate, "--slo", "1h", "--warmup", "0s", "--duration", "1s", "--summary-export", file,
			"--brokers", "127.0.0.1:1", "--clickhouse", "http://127.0.0.1:1")
		if code != want || !strings.Contains(out, "this program makes and encodes") {
			t.Errorf("%s events/s: exit code %d\n%s%s", rate, code, out, errOut)
		}
		var c load.Calibration
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &c)
		}
		if err != nil || c.Kind != "generator" || c.Most < 1000 || c.Offered < 99 || c.Passed() != (want == 0) || c.Acknowledged != nil {
			t.Errorf("%s events/s: %+v, %v", rate, c, err)
		}
	}
}

// TestDropStays: the namespace of a run that is wrong is not touched: nothing is even asked.
func TestDropStays(t *testing.T) {
	var out, errOut bytes.Buffer
	c := loadCmd{dropFlags: dropFlags{DropNamespace: true}}
	c.Namespace = "lab"
	if err := c.drop(t.Context(), Streams{Out: &out, Err: &errOut}, true); err != nil || out.Len() > 0 || !strings.Contains(errOut.String(), "namespace lab stays, since the run is wrong") {
		t.Errorf("%v, %q, %q", err, out.String(), errOut.String())
	}
	if err := c.drop(t.Context(), Streams{Out: &out, Err: &errOut}, false); err == nil { // Without brokers nothing can be dropped.
		t.Error("a namespace that nobody can reach was dropped")
	}
}
