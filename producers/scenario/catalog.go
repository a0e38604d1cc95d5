// Package scenario makes the events of scenarios: usage histories as curves, mixes and tables (schemas/scenario).
//
//	Run: Open -> source.Next -> producers.Pump -> producers.Sender -> the log; then the truth to runs.v1
//	source: streams (stream.go, users.go), reference points and releases (facts.go), merged by time; or a workload
//
// The same file gives the same bytes: what a record holds follows from its place on the curve and the scenario's seed,
// never from a clock or a map's order. What is drawn is spread evenly (spread.go), so that few records show a mix as
// well as many.
package scenario

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tidemark/schemas/scenario"
)

//go:embed files/*.yaml files/*.csv
var embedded embed.FS

// names are the scenarios that come with the program, in the order they are shown in.
var names = []string{
	"search-race", "users-8x", "everywhere-at-once", "compute", "patents",
	"segments", "open-closed", "qwen-family", "launch-day", "diurnal",
}

// Names returns the names of the scenarios that come with the program. The slice is the caller's.
func Names() []string { return slices.Clone(names) }

// IsFile reports whether name is taken as the path of a scenario file rather than as one of Names.
func IsFile(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") || strings.ContainsAny(name, `/\`)
}

// Load returns the scenario of that name, or that in the file of that path, with its tables. What is wrong with a file
// is a *scenario.Error.
func Load(name string) (*scenario.Scenario, error) {
	if IsFile(name) {
		s, err := scenario.Load(os.DirFS(filepath.Dir(name)), filepath.Base(name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no scenario file %s", name)
		}
		return s, err
	}
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("scenario %q is not one of %s, nor the path of a file that ends in .yaml", name, strings.Join(names, ", "))
	}
	return scenario.Load(embedded, "files/"+name+".yaml")
}
