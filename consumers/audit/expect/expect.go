// Package expect compares the figures that a scenario reports with those measured in the views and rollups of a
// database. It only reads.
//
//	Check: all events of the scenario stored? -> each expectation: query -> figure or rows -> verdict
package expect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tidemark/internal/plural"
	"tidemark/schemas"
	"tidemark/schemas/scenario"
)

// DB runs a query that may only read and writes its result to w in one of ClickHouse's output formats.
type DB interface {
	Format(ctx context.Context, sql, format string, w io.Writer) error
}

// Verdict is the outcome of an expectation.
type Verdict string

// The verdicts. Only the first two count.
const (
	OK           Verdict = "OK"           // Measured, and within the tolerance of the reported figure.
	Miss         Verdict = "MISS"         // Measured, and not within the tolerance; or there is nothing to measure.
	Illustrative Verdict = "illustrative" // We interpolated between two reported figures.
	Unconfirmed  Verdict = "unconfirmed"  // No public source has the figure, or what would measure it has not been run.
)

// Line is one expectation and what was measured.
type Line struct {
	Scenario, ID, What            string
	Reported, Measured, Tolerance string // With the unit. Measured is "-" if nothing was measured.
	Verdict                       Verdict
	Source                        string // Name and page.
	Detail                        string // The first difference, or why nothing was measured; may be empty.
	// Within reports that the measured figure is as expected, whatever the verdict.
	Within bool
}

// Stored is the number of events of one type that a whole replay of a scenario makes, and their sums.
type Stored struct {
	Type                      schemas.Type
	Events                    uint64
	Weight                    schemas.Wide
	InputTokens, OutputTokens schemas.Wide // Tokens times weight, of token calls.
}

// Check compares what is stored of a scenario with what a whole replay makes, and measures its expectations. If queries
// fail it returns the lines and an error; the lines of those queries name the failure.
func Check(ctx context.Context, db DB, s *scenario.Scenario, made []Stored) ([]Line, error) {
	c := checker{db: db, scenario: s}
	stored, err := c.compareStored(ctx, made)
	if err != nil {
		return nil, err // The views cannot be read: every other query would fail too.
	}
	lines := []Line{stored}
	for i := range s.Expectations {
		lines = append(lines, c.measure(ctx, &s.Expectations[i]))
	}
	return lines, errors.Join(c.errs...)
}

type checker struct {
	db       DB
	scenario *scenario.Scenario
	nothing  bool // No event of the scenario is stored.
	errs     []error
}

// query runs a query and returns its rows. The last field of a row is a number; NaN if it is NULL.
func (c *checker) query(ctx context.Context, id, sql string) ([]row, error) {
	var out bytes.Buffer
	err := c.db.Format(ctx, sql, "TabSeparated", &out)
	if err == nil {
		var rows []row
		if rows, err = parseRows(out.String()); err == nil {
			return rows, nil
		}
	}
	return nil, fmt.Errorf("measure %s of %s: %w", id, c.scenario.ID, err)
}

// row is a key, of columns joined with tabs, and a number.
type row struct {
	key   string
	value float64
}

func parseRows(text string) ([]row, error) {
	var rows []row
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		key, last := "", line
		if i := strings.LastIndexByte(line, '\t'); i >= 0 {
			key, last = unescape(line[:i]), line[i+1:]
		}
		value := math.NaN()
		if last != `\N` {
			var err error
			if value, err = strconv.ParseFloat(last, 64); err != nil {
				return nil, fmt.Errorf("the query returns %q where a number should be", last)
			}
		}
		rows = append(rows, row{key: key, value: value})
	}
	return rows, nil
}

// unescapes undoes the escapes of the format TabSeparated within a column.
var unescapes = strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\t`, " ", `\n`, " ")

func unescape(s string) string { return unescapes.Replace(s) }

// measure measures one expectation.
func (c *checker) measure(ctx context.Context, e *scenario.Expectation) Line {
	source := c.scenario.Sources[e.Source]
	line := Line{
		Scenario: c.scenario.ID, ID: e.ID, What: e.What,
		Source: source.Name + ", " + source.Where(), Measured: "-",
	}
	if e.Series != nil {
		want := e.Series.Count(c.scenario.Tables[e.Series.File])
		line.Reported, line.Tolerance = total(want, e.Unit), "equal"
		c.run(ctx, &line, e, func(rows []row) {
			got := line.compareSeries(want, rows)
			line.Measured = total(got, e.Unit)
		})
		return line
	}
	line.Reported, line.Tolerance = figure(e.Expected)+" "+e.Unit, "±"+figure(e.Tolerance)
	if e.AtLeast {
		line.Tolerance = "at least"
	}
	absent := false
	c.run(ctx, &line, e, func(rows []row) {
		switch {
		case len(rows) != 1:
			line.Detail = fmt.Sprintf("the query returns %s, not one number", plural.Of(len(rows), "row"))
		case math.IsNaN(rows[0].value) || math.IsInf(rows[0].value, 0):
			line.Detail = cmp.Or(e.Absent, "the query finds nothing to measure")
			absent = e.Absent != ""
		default:
			x := rows[0].value
			line.Measured = figure(x) + " " + e.Unit
			slack := math.Max(math.Abs(e.Expected), math.Abs(x)) * 1e-12 // Of floating point, not of the figure.
			line.Within = math.Abs(x-e.Expected) <= e.Tolerance+slack || e.AtLeast && x >= e.Expected-slack
		}
	})
	if absent {
		line.Verdict = Unconfirmed
	}
	return line
}

// run runs the query of an expectation unless nothing is stored, calls compare with its rows, and sets the verdict.
func (c *checker) run(ctx context.Context, line *Line, e *scenario.Expectation, compare func([]row)) {
	if c.nothing {
		line.Detail = "no data"
	} else if rows, err := c.query(ctx, e.ID, e.SQL); err != nil {
		c.errs = append(c.errs, err)
		line.Measured, line.Detail = "failed", "see the error"
	} else {
		compare(rows)
	}
	switch e.Class {
	case scenario.ClassIllustrative:
		line.Verdict = Illustrative
	case scenario.ClassUnconfirmed:
		line.Verdict = Unconfirmed
	default:
		line.setVerdict()
	}
}

// setVerdict sets the verdict to OK or Miss.
func (l *Line) setVerdict() {
	l.Verdict = Miss
	if l.Within {
		l.Verdict = OK
	}
}

// compareSeries compares rows with the wanted counts by key, and returns the counts of the rows by key.
func (l *Line) compareSeries(want map[string]float64, rows []row) map[string]float64 {
	got := map[string]float64{}
	for _, r := range rows {
		got[r.key] += r.value
	}
	keys := slices.Collect(maps.Keys(want))
	for key := range got {
		if _, ok := want[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	differ := 0
	for _, key := range keys {
		if want[key] == got[key] {
			continue
		}
		if differ++; differ == 1 {
			l.Detail = fmt.Sprintf("%s: %s, not %s", strings.ReplaceAll(key, "\t", " "), figure(got[key]), figure(want[key]))
		}
	}
	if differ > 1 {
		l.Detail += fmt.Sprintf(", and %d more", differ-1)
	}
	l.Within = differ == 0
	return got
}

// total describes counts by key.
func total(counts map[string]float64, unit string) string {
	sum := 0.0
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		sum += counts[key]
	}
	return fmt.Sprintf("%s %s in %s", figure(sum), unit, plural.Of(len(counts), "group"))
}

// figure writes a number for people: whole numbers with commas, others with four significant digits.
func figure(x float64) string {
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		digits := strconv.FormatFloat(math.Abs(x), 'f', 0, 64)
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		if x < 0 {
			return "-" + digits
		}
		return digits
	}
	if math.Abs(x) >= 1000 && math.Abs(x) < 1e15 {
		return figure(math.Round(x))
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
