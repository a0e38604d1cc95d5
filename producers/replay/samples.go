package replay

import (
	"embed"
	"io/fs"
	"os"
	"slices"
	"time"
)

//go:embed samples/*.csv.gz
var sampleFiles embed.FS

// Sample is a published trace, or its beginning, that comes with the program. NOTICE says where it is from.
type Sample struct {
	Name, Format, Description string
	Start                     time.Time // Where its times count from; the zero time if they need no start.
}

var samples = []Sample{
	{Name: "azure-llm", Format: "azure-llm", Description: "an hour of a chat service, 19,366 calls from 2023-11-16T18:15:46Z on"},
	{
		Name: "agentic", Format: "agentic", Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
		Description: "sessions of a coding agent, 6,000 calls from --start on, 2026-03-02T00:00:00Z without it",
	},
}

// Samples returns the samples. The slice is the caller's.
func Samples() []Sample { return slices.Clone(samples) }

// File is the name of the sample among Options.Files.
func (s Sample) File() string { return "sample:" + s.Name }

// SampleOf returns the sample that is called so among the files.
func SampleOf(file string) (Sample, bool) {
	i := slices.IndexFunc(samples, func(s Sample) bool { return s.File() == file })
	if i < 0 {
		return Sample{}, false
	}
	return samples[i], true
}

// path is the embedded file of the sample.
func (s Sample) path() string { return "samples/" + s.Name + ".csv.gz" }

// stat describes a file or a sample.
func stat(name string) (fs.FileInfo, error) {
	if sample, found := SampleOf(name); found {
		return fs.Stat(sampleFiles, sample.path())
	}
	return os.Stat(name)
}
