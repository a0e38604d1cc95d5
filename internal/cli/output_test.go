package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"tidemark/consumers/audit"
	"tidemark/consumers/audit/expect"
	"tidemark/consumers/deadletter"
	"tidemark/consumers/ledger"
	"tidemark/consumers/namespaces"
	"tidemark/internal/app"
	"tidemark/internal/test/env"
	"tidemark/producers"
	"tidemark/producers/load"
	"tidemark/producers/load/report"
	"tidemark/producers/replay"
	"tidemark/schemas"
	"tidemark/schemas/catalog"
	"tidemark/schemas/prices"
)

// page returns the text of a page of docs, and its path.
func page(t *testing.T, name string) (text, path string) {
	t.Helper()
	path = filepath.Join(env.ModuleRoot(t), "docs", name)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content), path
}

// pagePart expects a part of a page, between the comments "mark: ..." and "end of mark". With the flag -update it writes the part.
func pagePart(t *testing.T, name, mark, want string) {
	t.Helper()
	text, path := page(t, name)
	begin := strings.Index(text, "<!-- "+mark+":")
	from, to := begin+strings.Index(text[max(begin, 0):], "\n")+1, strings.Index(text, "<!-- end of "+mark+" -->")
	if begin < 0 || from > to {
		t.Fatalf("docs/%s has no place for the %s", name, mark)
	}
	switch {
	case *update:
		if err := os.WriteFile(path, []byte(text[:from]+want+text[to:]), 0o644); err != nil { //nolint:gosec // A page of the documentation.
			t.Fatal(err)
		}
	case text[from:to] != want:
		t.Errorf("the %s in docs/%s are not those of the program: run go test ./internal/cli -run %s -update", mark, name, t.Name())
	}
}

// outputs are the types of what commands print as JSON.
var outputs = []struct {
	command string
	value   any
}{
	{"audit", auditJSON{}},
	{"cost export", costExportedJSON{}},
	{"cost reconcile import", billingImportedJSON{}},
	{"cost reconcile list", importsJSON{}},
	{"cost reconcile show", comparisonJSON{}},
	{"cost report", costReportJSON{}},
	{"dashboards check", dashboardsJSON{}},
	{"dashboards generate", generatedJSON{}},
	{"deadletters list", lettersJSON{}},
	{"deadletters show", letterShownJSON{}},
	{"generate, replay", runJSON{}},
	{"health", healthJSON{}},
	{"ingest", ingestedJSON{}},
	{"load", load.Summary{}},
	{"load --backlog", load.Backlog{}},
	{"load --find-max", report.Search{}},
	{"load --generator-only, load --discard", load.Calibration{}},
	{"load report", comparisonsJSON{}},
	{"migrate", migratedJSON{}},
	{"models import", modelsImportedJSON{}},
	{"models list", modelsJSON{}},
	{"namespaces diff", diffJSON{}},
	{"namespaces drop", droppedJSON{}},
	{"namespaces list", namespacesJSON{}},
	{"prices books", booksJSON{}},
	{"prices explain", explainedJSON{}},
	{"prices fx import", ratesImportedJSON{}},
	{"prices fx list", ratesJSON{}},
	{"prices import", pricesImportedJSON{}},
	{"prices list, prices show", pricesJSON{}},
	{"reprice --close", closedJSON{}},
	{"reprice --dry-run", changesJSON{}},
	{"rollup --until-caught-up", rolledUpJSON{}},
	{"rollup rebuild, reprice", rebuiltJSON{}},
	{"scenarios check", expectationsJSON{}},
	{"scenarios list", scenariosJSON{}},
	{"scenarios show", scenarioShownJSON{}},
	{"version", versionJSON{}},
}

// withoutOutput are the commands without --output, and why.
var withoutOutput = map[string]string{
	"stack":              "it runs until it is asked to stop",
	"demo":               "it shows a pipeline to people",
	"collect":            "it runs until it is asked to stop",
	"dashboards preview": "it runs until it is asked to stop",
	"models export":      "it prints the file that import reads",
	"prices export":      "it prints the file that import reads",
	"query":              "it has --format",
	"completion":         "it prints a script",
}

// jsonNames returns the names of a type in JSON, those of nested ones behind them. The summary of a run within another result is one name.
func jsonNames(of reflect.Type, before string) []string {
	switch of.Kind() {
	case reflect.Map:
		if kind := of.Elem().Kind(); kind == reflect.Struct || kind == reflect.Slice {
			return jsonNames(of.Elem(), before+".*")
		}
	case reflect.Pointer:
		return jsonNames(of.Elem(), before)
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Struct {
			return jsonNames(of.Elem(), before+"[]")
		}
	case reflect.Struct:
		if of == reflect.TypeFor[time.Time]() || of == reflect.TypeFor[big.Int]() || of == reflect.TypeFor[load.Summary]() && before != "" {
			break
		}
		var all []string
		for i := range of.NumField() {
			if !of.Field(i).IsExported() {
				continue
			}
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			all = append(all, jsonNames(of.Field(i).Type, strings.TrimPrefix(before+"."+name, "."))...)
		}
		return all
	}
	return []string{before}
}

// TestOutputNames: the page has every name that a command prints as JSON, so none changes unseen. Every command is among those that
// have --output or those that need none.
func TestOutputNames(t *testing.T) {
	var table strings.Builder
	table.WriteString("| command | names |\n|---|---|\n")
	documented := map[string]bool{}
	for _, o := range outputs {
		for _, one := range strings.Split(o.command, ", ") {
			one, _, _ = strings.Cut(one, " --")
			documented[one] = true
		}
		fmt.Fprintf(&table, "| `%s` | `%s` |\n", strings.ReplaceAll(o.command, ", ", "`, `"), strings.Join(jsonNames(reflect.TypeOf(o.value), ""), "`, `"))
	}
	pagePart(t, "command-line.md", "names", table.String())
	parser, err := newParser(Streams{})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range parser.Model.Leaves(false) {
		name := strings.TrimSuffix(strings.TrimSuffix(node.Path(), " follow"), " run")
		has := slices.ContainsFunc(node.Flags, func(f *kong.Flag) bool { return f.Name == "output" })
		switch why := withoutOutput[name]; {
		case has && !documented[name]:
			t.Errorf("%s has --output, and the page does not say what it prints", name)
		case has == (why != ""):
			t.Errorf("%s: does it have --output? %v; why not? %q", name, has, why)
		}
	}
}

// TestOutputs prints one result of each kind as JSON and compares all with a file.
func TestOutputs(t *testing.T) {
	at := time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC)
	truth := &producers.Truth{}
	truth.Add([]producers.Item{{Type: schemas.TokenCallType, Time: at.UnixMicro(), Weight: 2, InputTokens: 10, OutputTokens: 4}})
	rows, skipped, stored := int64(3), int64(1), int64(1)
	run := runOutput(truth, 1500*time.Millisecond).readingOutput("csv", replay.Reading{Rows: rows, Skipped: skipped, First: at, Last: at})
	run.Run, run.Stored, run.Schedule = "replay-1", &stored, scheduleOutput(replay.Schedule{Events: 1, P50: time.Millisecond, P90: time.Second, P99: time.Second, Max: time.Second})
	all := map[string]any{
		"audit": auditOutput(audit.Result{ID: "0a", Dead: 2, Findings: []audit.Finding{
			{Check: "ledger tiles", Scope: "queries.v1", Verdict: audit.OK, Detail: "1 partition", Took: time.Second}, {Check: "raw holds", Scope: "queries_raw", Verdict: audit.Difference, Detail: "x"},
		}}),
		"audit not made": auditOutput(audit.Result{Findings: []audit.Finding{{Verdict: audit.Error}, {Verdict: audit.Pending}}}),
		"audit pending":  auditOutput(audit.Result{OK: true, Findings: []audit.Finding{{Verdict: audit.Pending}}}),
		"deadletters list": lettersOutput(&deadletter.Listing{Records: 1, Counts: []deadletter.Count{{Topic: "queries.v1", Reason: "invalid", Run: "r", Records: 1}}, Entries: []deadletter.Entry{{
			Coordinate: deadletter.Coordinate{Partition: ledger.Partition{Topic: "queries.v1", Epoch: 1, ID: 2}, Offset: 3}, Reason: "invalid", Field: "tenant", Detail: "required", Run: "r",
			Timestamp: at, Written: at, Size: 5, Kept: 4, Records: 1,
		}}}),
		"health":      healthJSON{URL: "http://127.0.0.1:9108/readyz", Status: 503, Answer: "starting"},
		"ingest":      ingestedOutput(app.Totals{Offsets: 6, Stored: 1, Duplicates: 1, Conflicts: 1, Dead: 1, Control: 1, Gap: 1}, 2*time.Second, true),
		"models list": modelsOutput([]catalog.Model{{ID: "m", Weights: catalog.Fact{Value: "open", Source: "s"}}}, 7),
		"namespaces diff": diffOutput("a", "b", namespaces.DiffResult{
			Tables: []namespaces.Compared{{Table: "queries_1m", Rows: 2, Differ: 1, Measures: []namespaces.Measured{{Column: "queries", Rows: 1, A: "1", B: "2"}}}, {Table: "queries_1h"}},
			First:  []namespaces.Difference{{Table: "queries_1m", Bucket: at, Row: `product="chat"`, Measure: "queries", A: "1", B: "2"}}, Behind: []string{"b"},
		}),
		"namespaces list": namespacesJSON{[]namespaceJSON{namespaceOutput(namespaces.Info{
			Name: "lab", Bytes: 9, Types: []namespaces.TypeInfo{{Type: schemas.TokenCallType, Rows: 1, First: at, Last: at}}, Audit: namespaces.Audit{At: at, Checks: 3, Pending: 1},
		})}},
		"prices list": pricesOutput(at, prices.Made{Number: 2, Note: "n"}, []prices.Price{{
			Key: prices.Key{Provider: "openai", Model: "m", Tier: prices.Standard, Unit: prices.Input}, Currency: "USD", Picos: 1_250_000, From: at, Source: "file",
		}}),
		"reprice --dry-run": changesOutput(prices.Made{Number: 2, Note: "n"}, []app.CostChange{{
			Day: at, Provider: "openai", Model: "m", Currency: "USD", Before: big.NewInt(0), After: big.NewInt(1), UnpricedBefore: big.NewInt(5), Unpriced: big.NewInt(0),
		}}),
		"rollup rebuild":  rebuiltJSON{Interrupted: true, Ranges: 2, Done: 1, Rows: 10, Seconds: 0.5},
		"replay":          run,
		"scenarios check": expectationsOutput([]expect.Line{{Scenario: "s", ID: "e", What: "w", Reported: "1", Measured: "-", Tolerance: "±1", Verdict: expect.Miss, Source: "p", Detail: "no data"}}, map[expect.Verdict]int{expect.Miss: 1}),
	}
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&out, "// %s\n", name)
		if err := printJSON(&out, all[name]); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join("testdata", "outputs.txt")
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || out.String() != string(want) {
		t.Errorf("the output is not that of %s (%v); if that is meant, run the test with -update:\n%s", path, err, &out)
	}
}

// TestOutputIsJSONAlone: with --output json the standard output is one JSON object, whatever else there is to tell.
func TestOutputIsJSONAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(file, []byte("TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00,1000,2\nx,1,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		code int
		want string // A part of the output without blanks.
	}{
		{[]string{"scenarios", "list", "--output", "json"}, exitOK, `{"scenario":"diurnal","records":`},
		{[]string{"version", "--output", "json"}, exitOK, `"commit":"`},
		{[]string{"replay", "azure-llm", file, "--dry-run", "--output", "json", "--clickhouse", "http://127.0.0.1:1"}, exitFound, `"dry_run":true,"interrupted":false,"complete":false,"rows_read":2,"rows_skipped":1,`},
	} {
		code, out, errOut := command(t, test.args...)
		flat := strings.Join(strings.Fields(out), "")
		if code != test.code || !json.Valid([]byte(out)) || !strings.Contains(flat, test.want) {
			t.Errorf("%v: exit code %d, no JSON with %s:\n%s%s", test.args, code, test.want, out, errOut)
		}
	}
}
