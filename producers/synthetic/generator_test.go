package synthetic_test

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

var update = flag.Bool("update", false, "write the golden files")

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// troubled is a workload with everything in it, and windows small enough for far duplicates.
func troubled(seed uint64) synthetic.Options {
	return synthetic.Options{
		Seed: seed, Events: 60_000, Start: monday, Span: 7 * 24 * time.Hour, Run: "run-1", Users: 5_000,
		Duplicates: 0.02, FarDuplicates: 0.01, Conflicts: 0.005, Late: 0.01, OutOfOrder: 0.05, Poison: 0.01,
		Window: 200, Partitions: 4,
	}
}

// batchLimits are odd, so that batches end anywhere.
var batchLimits = []int{1, 777, 4096}

// generate calls visit with every item, in order.
func generate(t testing.TB, o synthetic.Options, visit func(*producers.Item)) {
	t.Helper()
	g, err := synthetic.New(o)
	if err != nil {
		t.Fatal(err)
	}
	var b producers.Batch
	for n := 0; ; n++ {
		b.Reset()
		err := g.Next(&b, batchLimits[n%len(batchLimits)])
		for i := range b.Items {
			visit(&b.Items[i])
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// digest is a hash of all that goes to the log.
func digest(t testing.TB, o synthetic.Options) string {
	h := sha256.New()
	generate(t, o, func(item *producers.Item) {
		fmt.Fprintf(h, "%d %d %x %x %d\n", item.Type, item.Kind, item.Identity, item.Value, item.Due)
	})
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestSameBytes compares with hashes taken on another day, perhaps by another compiler.
func TestSameBytes(t *testing.T) {
	calls := synthetic.Options{Seed: 7, Profile: synthetic.TokenCalls, Events: 20_000, Start: monday, Span: time.Hour}
	got := fmt.Sprintf("troubled %s\ntoken_calls %s\n", digest(t, troubled(1)), digest(t, calls))
	path := filepath.Join("testdata", "digests.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the workload changed (run with -update if on purpose):\ngot\n%swant\n%s", got, want)
	}
	if digest(t, troubled(1)) == digest(t, troubled(2)) {
		t.Error("two seeds made the same bytes")
	}
}

// TestRunLabel holds two runs of one workload against each other whose labels differ in length: a label is in the bytes,
// so what is cut short or hashed by bytes must not decide what comes next.
func TestRunLabel(t *testing.T) {
	digest := func(run string) string {
		h := sha256.New()
		o := troubled(1)
		o.Run, o.Poison = run, 0.05
		generate(t, o, func(item *producers.Item) {
			fmt.Fprintf(h, "%d %d %d %x %d %d\n", item.Type, item.Kind, item.Disorder, item.Identity, item.Time, item.Weight)
		})
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	if digest("") != digest("a-label-that-is-much-longer-than-none") {
		t.Error("the run's label changes the events")
	}
}

// TestIdentityAcrossRuns checks what a second run does to what is stored.
func TestIdentityAcrossRuns(t *testing.T) {
	ids := func(o synthetic.Options) map[schemas.Identity]int64 {
		o.Events = 2_000
		m := map[schemas.Identity]int64{}
		generate(t, o, func(item *producers.Item) {
			if item.Kind == producers.Fresh {
				m[item.Identity] = item.Time
			}
		})
		return m
	}
	base := troubled(1)
	first := ids(base)
	tests := []struct {
		name   string
		change func(*synthetic.Options)
		same   bool
	}{
		{"nothing", func(*synthetic.Options) {}, true},
		{"run", func(o *synthetic.Options) { o.Run = "run-2" }, true},
		{"seed", func(o *synthetic.Options) { o.Seed++ }, false},
		{"start", func(o *synthetic.Options) { o.Start = o.Start.Add(time.Second) }, false},
		{"span", func(o *synthetic.Options) { o.Span += time.Second }, false},
		{"late", func(o *synthetic.Options) { o.Late = 0.5 }, false},
		{"tenants", func(o *synthetic.Options) { o.Tenants = 3 }, false},
		{"mix", func(o *synthetic.Options) { o.Profile = synthetic.TokenCalls }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := base
			tt.change(&o)
			second := ids(o)
			common := 0
			for identity, at := range second {
				other, ok := first[identity]
				if ok {
					common++
				}
				if ok && other != at {
					t.Fatal("an identity has two times")
				}
			}
			if want := map[bool]int{true: len(first), false: 0}[tt.same]; common != want {
				t.Errorf("%d of %d identities are the same, want %d", common, len(second), want)
			}
		})
	}
}
