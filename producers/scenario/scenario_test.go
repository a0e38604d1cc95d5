package scenario

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/schemas"
	"tidemark/schemas/scenario"
	usagev1 "tidemark/schemas/usage/v1"
)

var update = flag.Bool("update", false, "write the golden files")

func load(t testing.TB, name string) *scenario.Scenario {
	t.Helper()
	s, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// batchLimits are odd, so that batches end anywhere.
var batchLimits = []int{1, 777, 4096}

// items calls visit with every item of a source, in order.
func items(t testing.TB, src producers.Source, visit func(*producers.Item)) {
	t.Helper()
	first(t, src, math.MaxInt, visit)
}

// first calls visit with the first items of a source, in order, at most count.
func first(t testing.TB, src producers.Source, count int, visit func(*producers.Item)) {
	t.Helper()
	var b producers.Batch
	for n := 0; ; n++ {
		b.Reset()
		err := src.Next(&b, min(batchLimits[n%len(batchLimits)], count))
		for i := range b.Items {
			visit(&b.Items[i])
		}
		if count -= len(b.Items); count <= 0 || errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func open(t testing.TB, s *scenario.Scenario, run string) producers.Source {
	t.Helper()
	src, err := Open(s, run)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// goldenItems is how many items of a scenario the committed hashes are over.
const goldenItems = 5000

// digest is a hash of all that goes to the log.
func digest(t testing.TB, s *scenario.Scenario) string {
	h := sha256.New()
	first(t, open(t, s, "golden"), goldenItems, func(item *producers.Item) {
		fmt.Fprintf(h, "%d %d %x %x %d\n", item.Type, item.Kind, item.Identity, item.Value, item.Due)
	})
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestSameBytes compares the first items of each scenario, and the sums of all, with those of another day, perhaps of
// another compiler.
func TestSameBytes(t *testing.T) {
	var got strings.Builder
	records := uint64(0)
	for _, name := range Names() {
		s := load(t, name)
		hash := digest(t, s)
		if digest(t, s) != hash {
			t.Errorf("%s: the second time gives other bytes", name)
		}
		fmt.Fprintf(&got, "%s %s\n", name, hash)
		truth, err := Truth(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range schemas.Specs() {
			if c := truth.Of(spec.Type); c.Produced > 0 {
				fmt.Fprintf(&got, "  %s: %d records, %d events, weight %s, tokens %s and %s, %s to %s\n", spec.Name, c.Produced, c.Events,
					c.Weight, c.InputTokens, c.OutputTokens, time.UnixMicro(c.FirstTime).UTC().Format(time.RFC3339), time.UnixMicro(c.LastTime).UTC().Format(time.RFC3339))
			}
		}
		records += truth.Total().Produced
	}
	if records < 900_000 || records > 1_100_000 {
		t.Errorf("all scenarios together are %d records, want about a million", records)
	}
	path := filepath.Join("testdata", "digests.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("scenarios changed (run with -update if on purpose):\ngot\n%swant\n%s", got.String(), want)
	}
}

var newMessages = map[schemas.Type]func() schemas.Event{
	schemas.QueryType:          func() schemas.Event { return &usagev1.Query{} },
	schemas.SignupType:         func() schemas.Event { return &usagev1.Signup{} },
	schemas.TokenCallType:      func() schemas.Event { return &usagev1.TokenCall{} },
	schemas.ModelEventType:     func() schemas.Event { return &usagev1.ModelEvent{} },
	schemas.ReferencePointType: func() schemas.Event { return &usagev1.ReferencePoint{} },
}

// TestEvents looks at every event of every scenario: it is valid, of the scenario's tenant, on the grain, not before the
// one before, and no other has its identity.
func TestEvents(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			s := load(t, name)
			seen := map[schemas.Identity]bool{}
			last := int64(-1 << 62)
			items(t, open(t, s, "r"), func(item *producers.Item) {
				if item.Kind != producers.Fresh {
					return
				}
				e := newMessages[item.Type]()
				if err := proto.Unmarshal(item.Value, e); err != nil {
					t.Fatal(err)
				}
				if err := schemas.Validate(e); err != nil {
					t.Fatalf("%v: %v", e, err)
				}
				if seen[item.Identity] {
					t.Fatalf("the identity of %v is there twice", e)
				}
				seen[item.Identity] = true
				if s.Workload != nil {
					if !strings.HasPrefix(e.GetTenant(), name+"/") {
						t.Fatalf("a tenant is %s", e.GetTenant())
					}
					return
				}
				if e.GetTenant() != name || e.GetRun() != "r" || e.GetTimeUs() < last || e.GetTimeUs()%s.Grain.Length().Microseconds() != 0 {
					t.Fatalf("after %d: %v", last, e)
				}
				last = e.GetTimeUs()
			})
		})
	}
}

// TestRunLabel holds replays with other labels against each other: the events are the same.
func TestRunLabel(t *testing.T) {
	for _, name := range []string{"diurnal", "launch-day"} {
		sum := func(run string) string {
			h := sha256.New()
			items(t, open(t, load(t, name), run), func(item *producers.Item) {
				fmt.Fprintf(h, "%d %d %x %d %d\n", item.Type, item.Kind, item.Identity, item.Time, item.Weight)
			})
			return fmt.Sprintf("%x", h.Sum(nil))
		}
		if sum("") != sum("another-and-longer-label") {
			t.Errorf("%s: the run's label changes the events", name)
		}
	}
}

// TestLoad names what is not there.
func TestLoad(t *testing.T) {
	for name, want := range map[string]string{
		"nonsense":             `"nonsense" is not one of search-race`,
		"nowhere/nothing.yaml": "there is no scenario file nowhere/nothing.yaml",
	} {
		if _, err := Load(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if s := load(t, filepath.Join("files", "compute.yaml")); s.ID != "compute" || s.Tables["compute.csv"] == nil {
		t.Errorf("from a path: %+v", s)
	}
	if _, err := Load(filepath.Join("..", "..", "schemas", "scenario", "testdata", "point-zero.bad.yaml")); err == nil || !strings.Contains(err.Error(), "point-zero.bad.yaml:20:35: ") {
		t.Errorf("a file with a mistake: %v", err)
	}
	files, err := filepath.Glob("files/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		if !slices.Contains(Names(), name) {
			t.Errorf("%s is not listed", path)
		}
		if s := load(t, name); s.ID != name {
			t.Errorf("%s has the id %s", path, s.ID)
		}
	}
}

// FuzzOpen makes the first events of any scenario file that is accepted: no panic, no end that does not come, and an event
// is valid or the file to blame.
func FuzzOpen(f *testing.F) {
	tables := fstest.MapFS{}
	files, err := embedded.ReadDir("files")
	if err != nil {
		f.Fatal(err)
	}
	for _, entry := range files {
		content, err := embedded.ReadFile("files/" + entry.Name())
		if err != nil {
			f.Fatal(err)
		}
		if strings.HasSuffix(entry.Name(), ".csv") {
			tables[entry.Name()] = &fstest.MapFile{Data: content}
		} else {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		fsys := maps.Clone(tables)
		fsys["fuzz.yaml"] = &fstest.MapFile{Data: content}
		s, err := scenario.Load(fsys, "fuzz.yaml")
		if err != nil {
			return
		}
		src, err := Open(s, "")
		if err != nil {
			return
		}
		var b producers.Batch
		for n := 0; n < 500 && err == nil; n += 100 {
			b.Reset()
			err = src.Next(&b, 100)
		}
		if err == nil {
			return
		}
		if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "no consumer accepts") {
			t.Fatal(err)
		}
	})
}
