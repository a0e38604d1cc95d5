package scenario

import (
	"fmt"
	"strings"
)

// OpenWeights is the metric of the reference points that say of a released model whether its weights can be had: 1 or 0.
const OpenWeights = "open_weights"

// PointID returns the id of a reference point's event. It has the entity: many share a date.
func PointID(metric, at, entity string) string { return metric + "/" + at + "/" + entity }

// ReleaseID returns the id of a release's event.
func ReleaseID(country, at, model string) string {
	return "release/" + country + "/" + at + "/" + model
}

// facts finds facts of one id: of such events only one would be stored.
type facts struct {
	*walk
	seen map[string]place // By id.
}

// place is where a fact stands.
type place struct {
	file string
	line int
}

// String returns file:line.
func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// uniqueFacts checks that each reference point and each release is there once.
func (s *Scenario) uniqueFacts(w *walk) {
	f := facts{w, map[string]place{}}
	for i := range s.ReferencePoints {
		r, path := &s.ReferencePoints[i], fmt.Sprintf("reference_points[%d]", i)
		for j, p := range r.Points {
			path := fmt.Sprintf("%s.points[%d].at", path, j)
			if first, twice := f.find(PointID(r.Metric, p.At.Text, r.Entity), place{w.file, w.at[path].line}); twice {
				w.add(w.at[path], path, "keep one", "is there twice: metric, entity and date are those of %s", first)
			}
		}
		if r.File != "" {
			f.table(s.Tables[r.File], path, []string{"entity", "at"}, func(key []string) string { return PointID(r.Metric, key[1], key[0]) })
		}
	}
	for i, r := range s.Releases {
		f.table(s.Tables[r.File], fmt.Sprintf("releases[%d]", i), []string{"country", "at", "model"}, func(key []string) string {
			return ReleaseID(key[0], key[1], key[2])
		})
	}
}

// find returns where the fact was before, if it was.
func (f *facts) find(id string, here place) (first place, twice bool) {
	if first, twice = f.seen[id]; !twice {
		f.seen[id] = here
	}
	return first, twice
}

// table checks the rows of a table, whose id is made from the columns named.
func (f *facts) table(t *Table, path string, columns []string, id func(key []string) string) {
	index := make([]int, len(columns))
	for i, name := range columns {
		if index[i] = t.Column(name); index[i] < 0 {
			return // Told already.
		}
	}
	shown, key := 0, make([]string, len(columns))
	for _, row := range t.Rows {
		for i := range key {
			key[i] = row.Fields[index[i]]
		}
		here := place{t.File, row.Line}
		first, twice := f.find(id(key), here)
		switch {
		case twice && first == here:
			f.add(f.at[path+".file"], path+".file", "keep one", "names %s, whose facts are there already", t.File)
			return
		case twice && shown < shownRows:
			shown++
			last := len(columns) - 1
			tableProblem(f.problems, t.File, row.Line, row.starts[0], "keep one", "is there twice: %s and %s are those of %s",
				strings.Join(columns[:last], ", "), columns[last], first)
		}
	}
}
