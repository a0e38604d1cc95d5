package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"tidemark/consumers/ingest"
	"tidemark/internal/app"
	"tidemark/internal/stack"
	"tidemark/internal/test/env"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

// everyDefault has the flags that have a default which another package has too, for callers without flags.
type everyDefault struct {
	ingestFlags
	rollupFlags
	producerFlags
	workloadFlags
	previewFlags
}

// TestDefaults: a process that is assembled without flags, as the demo is, has the defaults of the command line, and the
// environment does not change them.
func TestDefaults(t *testing.T) {
	t.Setenv("TIDEMARK_WINDOW", "1")
	t.Setenv("TIDEMARK_COMPRESSION", "zstd")
	got, err := defaultsOf[everyDefault]()
	if err != nil {
		t.Fatal(err)
	}
	if limits, want := got.ingestFlags.limits(), (ingest.Limits{Rows: 65_536, Age: time.Second, Window: 262_144}); limits != want {
		t.Errorf("ingest: %+v, want %+v", limits, want)
	}
	if got.Stall != app.DefaultStall {
		t.Errorf("--stall: %s, and of a process without flags %s", got.Stall, app.DefaultStall)
	}
	if got.Interval != time.Second || got.RollupThreads != 2 || got.Compression != "snappy" || got.FarWindow != got.Window {
		t.Errorf("%+v", got)
	}
	if err := got.ingestFlags.validate(); err != nil {
		t.Error(err)
	}
	if _, err := got.options(1000, 0, "run"); err != nil {
		t.Error(err)
	}
}

// TestDefaultsOnce compares the default of each flag with that of the package that the flag sets.
func TestDefaultsOnce(t *testing.T) {
	every := flagsOf[everyDefault](t)
	topics, common, user := flagsOf[topicFlags](t), flagsOf[commonFlags](t), flagsOf[clickhouseUser](t)
	standalone, demo := flagsOf[stackCmd](t), flagsOf[demoCmd](t)
	for _, tt := range []struct {
		flag      string
		got, want any
	}{
		{"--far-window", every.FarWindow, int64(synthetic.DefaultWindow)},
		{"--tenants", every.Tenants, synthetic.DefaultTenants},
		{"--users", every.Users, synthetic.DefaultUsers},
		{"--partitions", topics.Partitions, schemas.DefaultPartitions},
		{"--namespace", common.Namespace, schemas.DefaultNamespace},
		{"--namespace of scenarios", flagsOf[scenarioFlags](t).Namespace, scenarioNamespace},
		{"--kafka-listen", standalone.KafkaListen, stack.DefaultKafkaListen},
		{"--http-listen", standalone.HTTPListen, stack.DefaultHTTPListen},
		{"--listen and --preview-listen", flagsOf[dashboardsPreviewCmd](t).Listen, demo.Preview},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: the default of the flag is %v, and that of the package %v", tt.flag, tt.got, tt.want)
		}
	}

	// Packages that do not export their default: the text that sets it, and the value of that text.
	diff, rebuild := flagsOf[namespacesDiffCmd](t, "a", "b"), flagsOf[rollupRebuildCmd](t)
	for _, tt := range []struct {
		flag       string
		got, want  any
		file, text string
	}{
		{"--window", every.Window, int64(262144), "consumers/ingest/worker.go", "cmp.Or(l.Window, 262144)"},
		{"--block-rows", every.BlockRows, 65536, "consumers/ingest/worker.go", "cmp.Or(l.Rows, 65536)"},
		{"--block-age", every.BlockAge, time.Second, "consumers/ingest/worker.go", "cmp.Or(l.Age, time.Second)"},
		{"--interval", every.Interval, time.Second, "consumers/rollup/worker.go", "cmp.Or(l.Interval, time.Second)"},
		{"--rollup-threads", every.RollupThreads, 2, "consumers/rollup/worker.go", "cmp.Or(l.Threads, 2)"},
		{"--range-rows", rebuild.RangeRows, 4_000_000, "consumers/rollup/worker.go", "cmp.Or(l.Rows, 4_000_000)"},
		{"--range-rows", rebuild.RangeRows, 4_000_000, "consumers/rollup/rebuild.go", "cmp.Or(r.Rows, 4_000_000)"},
		{"--diff-rows", diff.DiffRows, 500_000, "consumers/namespaces/diff.go", "cmp.Or(d.Rows, 500_000)"},
		{"--show", diff.Show, 20, "consumers/namespaces/diff.go", "cmp.Or(d.Show, 20)"},
		{"--compression", every.Compression, "snappy", "producers/kafka/writer.go", "cmp.Or(c.Compression, batch.Snappy.String())"},
		{"--clickhouse-user", user.ClickHouseUser, "default", "consumers/clickhouse/db.go", `cmp.Or(c.User, "default")`},
		{"--timeout", every.Timeout, 40 * time.Second, "dashboards/preview/preview.go", "cmp.Or(c.Timeout, 40*time.Second)"},
		{"--namespace", common.Namespace, "tidemark", "dashboards/alertfile.go", `alertNamespace = "tidemark"`},
		{"--namespace", common.Namespace, "tidemark", "dashboards/board/variables.go", `"Namespace", "tidemark")`},
		{"--namespace of scenarios", scenarioNamespace, "tidemark_scenarios", "dashboards/boards/adoption.go", `"Namespace of scenarios", "tidemark_scenarios")`},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: the default of the flag is %v, and that of %s %v", tt.flag, tt.got, tt.file, tt.want)
		}
		text, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), filepath.FromSlash(tt.file)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), tt.text) {
			t.Errorf("%s: %s has no %q: give it the default of the flag, which is %v, and correct this test", tt.flag, tt.file, tt.text, tt.got)
		}
	}
}

// flagsOf returns flags with the defaults of the command line; args are the arguments that they need.
func flagsOf[F any](t *testing.T, args ...string) F {
	t.Helper()
	var flags F
	parser, err := kong.New(&flags)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return flags
}
