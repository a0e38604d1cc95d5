package arch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tidemark/internal/test/env"
)

// rule forbids imports between two sets of packages. A pattern is an import path that stands for the package and
// everything below it; with a final "$" for the package alone.
type rule struct {
	why     string
	from    []string // Who is held to the rule; empty means everyone.
	not     []string // Who of them is not.
	deny    []string // What they may not import.
	allow   []string // What of that they may.
	inTests bool     // Test files are held to it too.
}

const (
	kafkaGo      = "github.com/segmentio/kafka-go"
	clickhouseGo = "github.com/ClickHouse/clickhouse-go"
	zap          = "go.uber.org/zap"
	prometheus   = "github.com/prometheus"
)

// adapters are the packages named after the dependency they adapt.
var adapters = []string{"tidemark/producers/kafka", "tidemark/consumers/kafka", "tidemark/consumers/clickhouse"}

// rules are the import rules of the layout. Tests may use the adapters and drivers of every side to set their scene,
// but a side's own tests do not reach over to another side.
var rules = []rule{
	{
		why:  "schemas imports nothing of ours",
		from: []string{"tidemark/schemas"},
		deny: []string{module}, allow: []string{"tidemark/schemas"},
	},
	{
		why:  "producers import schemas, never consumers or dashboards",
		from: []string{"tidemark/producers"}, inTests: true,
		deny: []string{"tidemark/consumers", "tidemark/dashboards"},
	},
	{
		why:  "consumers import schemas, never producers or dashboards",
		from: []string{"tidemark/consumers"}, inTests: true,
		deny: []string{"tidemark/producers", "tidemark/dashboards"},
	},
	{
		why:  "dashboards import schemas, never producers or consumers",
		from: []string{"tidemark/dashboards"}, inTests: true,
		deny: []string{"tidemark/producers", "tidemark/consumers"},
	},
	{
		why:  "consumers/ledger is pure: it knows nothing of ours",
		from: []string{"tidemark/consumers/ledger$"},
		deny: []string{module},
	},
	{
		why:  "consumers/ledger/ledgerdb knows the ledger, not who reads it",
		from: []string{"tidemark/consumers/ledger/ledgerdb"},
		deny: []string{"tidemark/consumers"}, allow: []string{"tidemark/consumers/ledger", "tidemark/consumers/spans"},
	},
	{
		why:  "an adapter is imported by internal/app and internal/cli alone",
		not:  append([]string{"tidemark/internal/app", "tidemark/internal/cli"}, adapters...),
		deny: adapters,
	},
	{
		why:  "an adapter does not import another adapter",
		from: adapters, // Imports within one adapter's tree are its own business (see check).
		deny: adapters,
	},
	{
		why:  "internal/cli is imported by main alone",
		not:  []string{"tidemark$", "tidemark/internal/cli"},
		deny: []string{"tidemark/internal/cli"},
	},
	{
		why:  "internal/app assembles processes from plain configuration: it knows no command line",
		from: []string{"tidemark/internal/app"}, inTests: true,
		deny: []string{"tidemark/internal/cli", "github.com/alecthomas/kong"},
	},
	{
		why:  "internal/app is imported by internal/cli alone",
		not:  []string{"tidemark/internal/app", "tidemark/internal/cli"},
		deny: []string{"tidemark/internal/app"},
	},
	{
		why:  "internal/kafka is the ground that the Kafka adapters stand on: it knows schemas and nothing else of ours",
		from: []string{"tidemark/internal/kafka"},
		deny: []string{module}, allow: []string{"tidemark/internal/kafka", "tidemark/schemas"},
	},
	{
		why:  "internal/webguard, internal/formatclause and internal/plural are ground for every part: they know nothing of ours",
		from: []string{"tidemark/internal/webguard", "tidemark/internal/formatclause", "tidemark/internal/plural"},
		deny: []string{module},
	},
	{
		why:  "main hands over to internal/cli, nothing else",
		from: []string{"tidemark$"},
		deny: []string{module}, allow: []string{"tidemark/internal/cli"},
	},
	{
		why: "only the kafka adapters, what they share, and the broker for tests speak kafka-go",
		not: []string{
			"tidemark/producers/kafka", "tidemark/consumers/kafka", "tidemark/internal/kafka", "tidemark/internal/test/kafka",
		},
		deny: []string{kafkaGo},
	},
	{
		why:  "only consumers/clickhouse and the embedded stack speak clickhouse-go",
		not:  []string{"tidemark/consumers/clickhouse", "tidemark/internal/stack"},
		deny: []string{clickhouseGo},
	},
	{
		why:  "the core imports neither drivers nor zap nor prometheus: it has hooks",
		from: []string{"tidemark/schemas", "tidemark/producers", "tidemark/consumers"},
		not:  adapters,
		deny: []string{kafkaGo, clickhouseGo, zap, prometheus},
	},
	{
		why: "what is only for tests stays out of the program",
		deny: []string{
			"testing", "go.uber.org/goleak",
			"tidemark/internal/test/env", "tidemark/internal/test/golden", "tidemark/internal/test/kafka", "tidemark/internal/test/stack",
		},
	},
}

func matches(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if exact, ok := strings.CutSuffix(pattern, "$"); ok {
			return path == exact
		}
		return path == pattern || strings.HasPrefix(path, pattern+"/")
	})
}

// within reports that both paths lie in one of the trees, which makes an import between them that tree's own business.
func within(from, to string, trees []string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		return matches(from, []string{tree}) && matches(to, []string{tree})
	})
}

// check returns one line for every import that a rule forbids.
func check(edges []edge, rules []rule) []string {
	var bad []string
	for _, e := range edges {
		for _, r := range rules {
			switch {
			case e.test && !r.inTests,
				len(r.from) > 0 && !matches(e.from, r.from),
				matches(e.from, r.not),
				!matches(e.to, r.deny),
				matches(e.to, r.allow),
				within(e.from, e.to, adapters):
				continue
			}
			bad = append(bad, fmt.Sprintf("%s imports %s: %s", e.file, e.to, r.why))
		}
	}
	return bad
}

func TestImportRules(t *testing.T) {
	src := readSource(t, env.ModuleRoot(t))
	if len(src.edges) < 100 {
		t.Fatalf("only %d imports found: the source was not read", len(src.edges))
	}
	for _, bad := range check(src.edges, rules) {
		t.Error(bad)
	}
}

// TestImportRulesCatch plants one import at a time and expects the verdict.
func TestImportRulesCatch(t *testing.T) {
	tests := []struct {
		from, to string
		test     bool
		want     string // A part of the one rule that must catch it; empty means allowed.
	}{
		{from: "tidemark", to: "tidemark/internal/cli"},
		{from: "tidemark", to: "tidemark/schemas", want: "main hands over"},
		{from: "tidemark/schemas", to: "tidemark/internal/stack", want: "schemas imports nothing"},
		{from: "tidemark/schemas/scenario", to: "tidemark/schemas"},
		{from: "tidemark/schemas", to: "github.com/ClickHouse/ch-go/proto"},
		{from: "tidemark/producers/synthetic", to: "tidemark/schemas"},
		{from: "tidemark/producers/synthetic", to: "tidemark/consumers/ledger", want: "producers import schemas"},
		{from: "tidemark/producers", to: "tidemark/dashboards", want: "producers import schemas"},
		{from: "tidemark/consumers/ingest", to: "tidemark/producers", want: "consumers import schemas"},
		{from: "tidemark/consumers/ingest", to: "tidemark/producers/synthetic", test: true, want: "consumers import schemas"},
		{from: "tidemark/consumers/rollup", to: "tidemark/dashboards", want: "consumers import schemas"},
		{from: "tidemark/dashboards", to: "tidemark/consumers/audit", want: "dashboards import schemas"},
		{from: "tidemark/dashboards", to: "tidemark/schemas"},
		{from: "tidemark/consumers/ledger", to: "tidemark/schemas", want: "is pure"},
		{from: "tidemark/consumers/ledger/ledgerdb", to: "tidemark/consumers/ledger"},
		{from: "tidemark/consumers/ledger/ledgerdb", to: "tidemark/consumers/rollup", want: "not who reads it"},
		{from: "tidemark/consumers/ingest", to: "tidemark/consumers/kafka", want: "imported by internal/app and internal/cli alone"},
		{from: "tidemark/consumers/rollup", to: "tidemark/consumers/clickhouse", want: "imported by internal/app and internal/cli alone"},
		{from: "tidemark/consumers/rollup", to: "tidemark/consumers/clickhouse", test: true},
		{from: "tidemark/internal/stack", to: "tidemark/producers/kafka", want: "imported by internal/app and internal/cli alone"},
		{from: "tidemark/consumers/clickhouse", to: "tidemark/consumers/kafka", want: "another adapter"},
		{from: "tidemark/consumers/kafka/wire", to: "tidemark/consumers/kafka"},
		{from: "tidemark/consumers/kafka", to: "tidemark/consumers/ingest"},
		{from: "tidemark/internal/cli", to: "tidemark/consumers/kafka"},
		{from: "tidemark/internal/cli/demo", to: "tidemark/producers/kafka"},
		{from: "tidemark/internal/stack", to: "tidemark/internal/cli", want: "imported by main alone"},
		{from: "tidemark/producers/kafka", to: kafkaGo + "/protocol"},
		{from: "tidemark/internal/cli", to: "tidemark/internal/app"},
		{from: "tidemark/internal/app", to: "tidemark/consumers/kafka"},
		{from: "tidemark/internal/app", to: "tidemark/internal/cli", want: "knows no command line"},
		{from: "tidemark/consumers/ingest", to: "tidemark/internal/app", want: "imported by internal/cli alone"},
		{from: "tidemark/internal/kafka", to: "tidemark/consumers/ledger", want: "ground"},
		{from: "tidemark/internal/webguard", to: "tidemark/schemas", want: "ground for every part"},
		{from: "tidemark/internal/formatclause", to: "tidemark/dashboards/macros", want: "ground for every part"},
		{from: "tidemark/dashboards/preview", to: "tidemark/internal/webguard"},
		{from: "tidemark/internal/cli", to: kafkaGo, want: "speak kafka-go"},
		{from: "tidemark/internal/cli", to: kafkaGo, test: true},
		{from: "tidemark/internal/cli", to: clickhouseGo + "/v2", want: "speak clickhouse-go"},
		{from: "tidemark/internal/stack", to: clickhouseGo + "/v2"},
		{from: "tidemark/internal/cli", to: zap},
		{from: "tidemark/consumers/audit", to: zap, want: "it has hooks"},
		{from: "tidemark/producers/replay", to: prometheus + "/client_golang/prometheus", want: "it has hooks"},
		{from: "tidemark/internal/cli", to: "testing", want: "only for tests"},
		{from: "tidemark/internal/test/stack", to: "testing", test: true},
		{from: "tidemark/internal/cli", to: "tidemark/internal/test/kafka", want: "only for tests"},
	}
	for _, tt := range tests {
		t.Run(tt.from+" "+tt.to, func(t *testing.T) {
			bad := check([]edge{{file: "planted.go", test: tt.test, from: tt.from, to: tt.to}}, rules)
			if tt.want == "" {
				if len(bad) > 0 {
					t.Errorf("allowed import is refused: %v", bad)
				}
				return
			}
			if !slices.ContainsFunc(bad, func(line string) bool { return strings.Contains(line, tt.want) }) {
				t.Errorf("got %q, want a line with %q", bad, tt.want)
			}
		})
	}
}

// TestReadSource reads a file that has every form and expects its imports and declarations.
func TestReadSource(t *testing.T) {
	var src source
	err := src.addFile("consumers/ingest/worker.go", []byte(`package ingest
import (
	"context"
	renamed "tidemark/schemas"
)
type Worker struct{ Drain <-chan struct{}; Hook func() }
type Source interface { Fetch(ctx context.Context) error }
type list[T any] []T
func (w *Worker) Run() {}
func (l *list[T]) add(renamed.Type) {}
func New() *Worker { return nil }
const Limit = 1
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []edge{
		{file: "consumers/ingest/worker.go", from: "tidemark/consumers/ingest", to: "context"},
		{file: "consumers/ingest/worker.go", from: "tidemark/consumers/ingest", to: "tidemark/schemas"},
	}
	if !slices.Equal(src.edges, want) {
		t.Errorf("imports: got %v, want %v", src.edges, want)
	}
	var names []string
	for _, d := range src.decls {
		names = append(names, fmt.Sprint(d.name, " ", d.function))
	}
	wantNames := []string{
		"ingest.Worker false", "ingest.Worker.Drain false", "ingest.Worker.Hook true",
		"ingest.Source false", "ingest.Source.Fetch true", "ingest.list false",
		"ingest.Worker.Run true", "ingest.list.add true", "ingest.New true", "ingest.Limit false",
	}
	if !slices.Equal(names, wantNames) {
		t.Errorf("declarations: got %q, want %q", names, wantNames)
	}
}
