package mapping_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tidemark/producers/formats/mapping"
)

var update = flag.Bool("update", false, "write the golden files")

// TestBadMappings compares what is said of every malformed mapping: file, line, cause and remedy of each fault.
func TestBadMappings(t *testing.T) {
	t.Chdir("testdata")
	files, err := filepath.Glob("mapping/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d mappings, %v", len(files), err)
	}
	form := regexp.MustCompile(`^mapping/[a-z]+\.yaml:[0-9]+: [^;]+; .+$`)
	var got strings.Builder
	for _, file := range files {
		m, err := mapping.Read(file)
		if err == nil {
			t.Errorf("%s is accepted: %+v", file, m)
			continue
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !form.MatchString(line) {
				t.Errorf("no file, line, cause and remedy: %s", line)
			}
		}
		fmt.Fprintf(&got, "%v\n", err)
	}
	if *update {
		if err := os.WriteFile("mapping.golden", []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("mapping.golden")
	if err != nil || got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s\n%v", got.String(), want, err)
	}
}

func TestMappingFiles(t *testing.T) {
	if _, err := mapping.Read("testdata/no such"); err == nil {
		t.Error("a missing file is no error")
	}
	if _, err := mapping.Read("testdata"); err == nil {
		t.Error("a folder is no error")
	}
	big := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(big, []byte(strings.Repeat("# 1\n", (1<<20)/4+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := mapping.Read(big); err == nil || !strings.Contains(err.Error(), "is this the data?") {
		t.Errorf("a large file: %v", err)
	}
}
