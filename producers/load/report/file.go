// Package report makes files of what load tests measured, and compares them. It is pure: summaries in, text out.
//
//	Read: the files of --summary-export -> File
//	WriteCSV, WriteSpectrum: a row per second; the percentiles of a stage as HdrHistogram's tools read them
//	Compare: two files -> what differs by more than chance
//	WritePage: files and comparisons -> one HTML file with charts
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"tidemark/producers/load"
	"tidemark/producers/load/search"
	"tidemark/producers/load/verdict"
)

// Version is the version of the form of Search, and of the summaries that Read takes.
const Version = 1

// Search is a search for the highest rate, as files have it.
type Search struct {
	SchemaVersion int           `json:"schema_version"`
	Search        search.Result `json:"search"`
	// Recommended is the rate to plan with, 0 unless Search.Lower is confirmed.
	Recommended float64        `json:"recommended_events_per_s"`
	Trials      []load.Summary `json:"trials"`
	// AuditOK reports that the audit of all trials found no difference. Audit is what it says; it is empty in files of a version in
	// which each trial had an audit of its own.
	AuditOK bool   `json:"audit_ok"`
	Audit   string `json:"audit"`
}

// File is what one file holds: a run or a search.
type File struct {
	Name   string
	Run    *load.Summary
	Search *Search
}

// Wrong reports whether an audit of the trials found a difference, or could not be made.
func (s *Search) Wrong() bool {
	return s.Audit != "" && !s.AuditOK || slices.ContainsFunc(s.Trials, func(t load.Summary) bool { return t.Verdict.Outcome == verdict.Wrong })
}

// Read reads a file of --summary-export. name is for people.
func Read(name string, text []byte) (File, error) {
	var head struct {
		SchemaVersion int              `json:"schema_version"`
		Run           *string          `json:"run"`
		Search        *json.RawMessage `json:"search"`
	}
	f := File{Name: name}
	if err := json.Unmarshal(text, &head); err != nil {
		return f, fmt.Errorf("%s: it is not a file of tidemark load --summary-export: %w", name, err)
	}
	switch {
	case head.SchemaVersion > Version:
		return f, fmt.Errorf("%s: its form has version %d, and this program knows up to %d: use the program that wrote it, or a newer one", name, head.SchemaVersion, Version)
	case head.SchemaVersion < 1 || head.Run == nil && head.Search == nil:
		return f, fmt.Errorf("%s: it is not a file of tidemark load --summary-export: it has no run and no search", name)
	}
	var err error
	if head.Search != nil {
		f.Search = &Search{}
		err = json.Unmarshal(text, f.Search)
	} else {
		f.Run = &load.Summary{}
		err = json.Unmarshal(text, f.Run)
	}
	if err != nil {
		return f, fmt.Errorf("%s: it is not a file of tidemark load --summary-export: %w", name, err)
	}
	return f, nil
}

// Runs returns the run, or the trials of the search.
func (f File) Runs() []*load.Summary {
	if f.Search == nil {
		return []*load.Summary{f.Run}
	}
	var runs []*load.Summary
	for i := range f.Search.Trials {
		runs = append(runs, &f.Search.Trials[i])
	}
	return runs
}

// Limit returns the stage that most of the failed trials at the upper bound name, empty if there is none.
func (s *Search) Limit() verdict.Limit {
	votes, most := map[verdict.Limit]int{}, verdict.NoLimit
	for _, t := range s.Trials {
		limit := t.Verdict.Limit
		if limit == verdict.NoLimit || !sameRate(t.Config.Rate, s.Search.Upper) {
			continue
		}
		if votes[limit]++; votes[limit] > votes[most] {
			most = limit
		}
	}
	return most
}

// lastAt returns the last trial at a rate that passed or did not, nil if there is none.
func (s *Search) lastAt(rate float64, passed bool) *load.Summary {
	for i := len(s.Trials) - 1; i >= 0; i-- {
		if t := &s.Trials[i]; sameRate(t.Config.Rate, rate) && t.Passed() == passed {
			return t
		}
	}
	return nil
}

func sameRate(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(a, b) }

// errNothing is why a page of no files is not made.
var errNothing = errors.New("no file to report")
