package scenario_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"tidemark/schemas/scenario"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
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
		t.Errorf("%s differs (run with -update if on purpose):\ngot\n%s\nwant\n%s", path, got, want)
	}
}

func badFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("found %d files with mistakes: %v", len(files), err)
	}
	return files
}

// TestBadFiles loads files with one mistake each, and one with several: each error has file, line, column and remedy.
func TestBadFiles(t *testing.T) {
	var out strings.Builder
	for _, path := range badFiles(t) {
		name := filepath.Base(path)
		_, err := scenario.Load(os.DirFS("testdata"), name)
		var bad *scenario.Error
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v, want a *scenario.Error", name, err)
			continue
		}
		for _, p := range bad.Problems {
			if p.File == "" || p.What == "" || p.Remedy == "" {
				t.Errorf("%s: a problem lacks file, cause or remedy: %+v", name, p)
			}
			wholeFile := strings.HasPrefix(name, "empty.") || strings.HasSuffix(p.File, "bad_empty.csv")
			if p.Line == 0 && !wholeFile {
				t.Errorf("%s: a problem has no line: %s", name, p)
			}
		}
		several := name == "several.bad.yaml" || name == "table-values.bad.yaml" || name == "users-by-the-minute.bad.yaml"
		if n := len(bad.Problems); n != 1 && !several {
			t.Errorf("%s has %d problems, want 1:\n%v", name, n, bad)
		}
		fmt.Fprintln(&out, bad)
	}
	golden(t, filepath.Join("testdata", "bad.golden"), out.String())
}

func loadGood(t *testing.T) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Load(os.DirFS("testdata"), "good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGoodFile(t *testing.T) {
	s := loadGood(t)
	if s.ID != "good" || s.Seed != 7 || s.Grain != scenario.Day || len(s.Streams) != 4 || len(s.Expectations) != 4 {
		t.Errorf("read %+v", s)
	}
	people := s.Streams[1]
	if got := people.Curve.Points[1]; got.At.Format("2006-01-02 15:04") != "2023-02-01 00:00" || got.At.Text != "2023-02" || got.Value != 200 {
		t.Errorf("a point is %+v", got)
	}
	if !people.Curve.Linear() || s.Streams[0].Curve.Linear() {
		t.Error("interpolation is not as written")
	}
	if calls := s.Streams[2]; calls.UserWeight != 1 || calls.EventsPerUser != 1 || calls.Tokens.Total() != 15 {
		t.Errorf("defaults: %+v", calls)
	}
	if got := s.Sources["ours"].Where(); got != "chosen" {
		t.Errorf("a source without a page is at %q", got)
	}
	points := s.Tables["points.csv"]
	if row := points.Rows[1]; row.Fields[0] != `A "quoted" name` || row.Number(points.Column("value")) != 20 || row.Date(1).Text != "2024-05" || row.Line != 4 {
		t.Errorf("row %+v", row)
	}
	series := s.Expectations[3].Series
	counts := series.Count(s.Tables[series.File])
	if len(counts) != 2 || counts["2023"] != 1 || counts["2024"] != 1 {
		t.Errorf("open releases by year: %v", counts)
	}
	byMaker := scenario.Series{By: []string{"country", "year"}}
	if got := byMaker.Count(s.Tables["releases.csv"]); got["CN\t2024"] != 2 || got["\t2023"] != 1 {
		t.Errorf("releases by country and year: %q", fmt.Sprint(got))
	}
}

// TestNumbers holds what a number is read as against what it says in base 10, whatever the forms that YAML has.
func TestNumbers(t *testing.T) {
	content, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]float64{
		"10": 10, "+10": 10, "9007199254740992": 1 << 53, "010": 0, "+010": 0, "08": 0, "00": 0, "0x10": 0, "0b10": 0, "0o10": 0, "1_0": 0, "0_10": 0, "1e1": 0, "10.0": 0,
		`"10"`: 0, "!!int 010": 0, `!!int "010"`: 0, "!!float 10": 0,
	} {
		s, err := scenario.Parse("good.yaml", []byte(strings.Replace(string(content), "seed: 7", "seed: "+text, 1)))
		if (err == nil) != (want > 0) || err == nil && float64(s.Seed) != want {
			t.Errorf("seed %s: read %+v, %v", text, s, err)
		}
	}
	for text, want := range map[string]float64{
		"10": 10, "10.5": 10.5, "1e1": 10, "0.5": 0.5, ".5": 0.5, "12345678901234": 12345678901234, "010": 0, "010.5": 0, "08": 0, "0x10": 0, "0b10": 0, "0o10": 0, "1_0": 0,
		"!!float 010": 0, "!!float 10": 10,
	} {
		s, err := scenario.Parse("good.yaml", []byte(strings.Replace(string(content), "value: 1000,", "value: "+text+",", 1)))
		if (err == nil) != (want > 0) || err == nil && s.Streams[0].Curve.Points[0].Value != want {
			t.Errorf("value %s: read %+v, %v", text, s, err)
		}
	}
}

func TestMissingFile(t *testing.T) {
	if _, err := scenario.Load(os.DirFS("testdata"), "nowhere.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that it does not exist", err)
	}
	huge := fstest.MapFS{"huge.yaml": {Data: make([]byte, 5<<20)}}
	if _, err := scenario.Load(huge, "huge.yaml"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v, want that it is too large", err)
	}
}

// FuzzParse reads anything as a scenario file:
//   - it never panics;
//   - an error is a *scenario.Error whose problems have a cause and a remedy;
//   - what is accepted keeps the rules that generators rely on.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "../../producers/scenario/files/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, path := range files {
			content, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := scenario.Parse("fuzz.yaml", content)
		var bad *scenario.Error
		if err != nil {
			if !errors.As(err, &bad) || len(bad.Problems) == 0 || bad.Problems[0].What == "" || bad.Problems[0].Remedy == "" {
				t.Fatalf("an error without cause or remedy: %v", err)
			}
			return
		}
		if s.ID == "" || len(s.Expectations) == 0 {
			t.Fatalf("accepted %+v", s)
		}
		for _, st := range s.Streams {
			for i, p := range st.Curve.Points {
				if !(p.Value > 0) || i > 0 && !p.At.After(st.Curve.Points[i-1].At.Time) {
					t.Fatalf("accepted the points %+v", st.Curve.Points)
				}
			}
		}
		for _, e := range s.Expectations {
			if c := s.Sources[e.Source].Confidence; e.Class == scenario.ClassChecked && (c == scenario.Illustrative || c == scenario.Unconfirmed) {
				t.Fatalf("%s is checked against a source of confidence %s", e.ID, c)
			}
		}
	})
}

// FuzzTable reads anything as a table of a good scenario: it never panics, and an error is a *scenario.Error.
func FuzzTable(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.csv")
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	good, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		fsys := fstest.MapFS{"good.yaml": {Data: good}, "points.csv": {Data: content}, "releases.csv": {Data: content}}
		_, err := scenario.Load(fsys, "good.yaml")
		var bad *scenario.Error
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("got %v, want a *scenario.Error", err)
		}
	})
}
