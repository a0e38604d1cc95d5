package cli

import (
	"testing"
	"time"

	"tidemark/consumers/ingest"
	"tidemark/internal/app"
)

// TestDefaults: a process that is assembled without flags, as the demo is, has the defaults of the command line, and the
// environment does not change them.
func TestDefaults(t *testing.T) {
	t.Setenv("TIDEMARK_WINDOW", "1")
	t.Setenv("TIDEMARK_COMPRESSION", "zstd")
	got, err := defaultsOf[struct {
		ingestFlags
		rollupFlags
		producerFlags
		workloadFlags
		previewFlags
	}]()
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
