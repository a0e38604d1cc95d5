package namespaces

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/limit"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Diff compares what two namespaces of one server show: every measure of every row of every rollup, and of states their
// values. It goes range by range in time, so that no statement holds all of one side. Its fields are set before the
// call of Run.
type Diff struct {
	DB ledgerdb.Querier
	// In returns the same server with another database for unqualified names.
	In   func(database string) ledgerdb.Querier
	A, B string
	// From and To bound the times, To exclusive. A zero time is no bound. The buckets that they lie in are compared
	// too.
	From, To time.Time
	// Deep compares the events too, each by time, tenant, source and id.
	Deep bool
	// Rows is the number of rows of both together that one statement compares, unless one bucket has more. Default
	// 500,000.
	Rows int
	// Memory bounds one statement, in bytes. It spills to disk from half of it on. Default 2 GiB.
	Memory int64
	// Threads is the number of threads of one statement. Default 2.
	Threads int
	// Show is the number of differences to return. Default 20.
	Show  int
	Hooks Hooks
}

// withDefaults returns d with a value in every field that has a default, or an error that names the fields that are
// negative.
func (d Diff) withDefaults() (Diff, error) {
	err := errors.Join(limit.NotNegative("Rows", d.Rows), limit.NotNegative("Memory", d.Memory),
		limit.NotNegative("Threads", d.Threads), limit.NotNegative("Show", d.Show))
	d.Rows = cmp.Or(d.Rows, 500_000)
	d.Memory = cmp.Or(d.Memory, 2<<30)
	d.Threads = cmp.Or(d.Threads, 2)
	d.Show = cmp.Or(d.Show, 20)
	return d, err
}

// DiffProgress is how far a comparison is.
type DiffProgress struct {
	Table      string
	Number, Of int    // The number of the table, from 1, and the number of tables.
	Done, Rows uint64 // Rows on disk of that table.
}

// Difference is one measure of one row, or one row that one of the namespaces does not have.
type Difference struct {
	Table   string
	Bucket  time.Time
	Row     string // The dimensions: `product="chat" country="DE"`.
	Measure string
	A, B    string
}

// Absent stands for the value of a measure whose row is not there.
const Absent = "no row"

// Compared is the outcome for one rollup or one type of events.
type Compared struct {
	Table        string
	Rows         uint64 // In A or B or both.
	Differ       uint64 // Those that are in both with different values.
	OnlyA, OnlyB uint64
	Measures     []Measured // Those that differ.
}

// Equal reports that no row differs.
func (c Compared) Equal() bool { return c.Differ == 0 && c.OnlyA == 0 && c.OnlyB == 0 }

// Measured is a measure that differs in some rows.
type Measured struct {
	Column string
	Rows   uint64 // The rows in which it differs, also those that only one namespace has.
	A, B   string // Its value over all rows; empty if it has none.
}

// DiffResult is the outcome of a comparison.
type DiffResult struct {
	Tables []Compared
	First  []Difference // The first ones, by table and time.
	// Behind are the namespaces whose rollups do not show all stored events yet.
	Behind []string
}

// Equal reports that nothing differs.
func (r DiffResult) Equal() bool {
	return !slices.ContainsFunc(r.Tables, func(c Compared) bool { return !c.Equal() })
}

// Run compares. A name that is not a namespace is an error that wraps ErrNotNamespace. Bounds between which no event
// can lie are an error too, because there is nothing to compare.
func (d *Diff) Run(ctx context.Context) (DiffResult, error) {
	var result DiffResult
	withDefaults, err := d.withDefaults()
	if err != nil {
		return result, fmt.Errorf("limits of the comparison: %w", err)
	}
	d = &withDefaults
	if s := spans.Between(d.From, d.To); s.From >= s.To || !d.To.IsZero() && !d.To.After(d.From) {
		return result, fmt.Errorf("compare from %s to %s: no event can lie there; give a time of the years 1900 to 2299, and the end after the beginning",
			formatBound(d.From), formatBound(d.To))
	}
	all := relations(d.Deep)
	needed := []string{schemas.LedgerTable, schemas.RollupCursorsTable, schemas.RollupPendingTable}
	for _, r := range all {
		needed = append(needed, r.name, r.rows)
	}
	for _, name := range []string{d.A, d.B} {
		if err := check(ctx, d.DB, name, needed); err != nil {
			return result, err
		}
		behind, err := queryNumber(ctx, d.In(name), behindSQL(rolledUpTopics()))
		if err != nil {
			return result, fmt.Errorf("read how far the rollups of %s are: %w", name, err)
		}
		if behind > 0 {
			result.Behind = append(result.Behind, name)
		}
	}
	for i := range all {
		c := &comparison{Diff: d, relation: &all[i], result: &result, progress: DiffProgress{Table: all[i].name, Number: i + 1, Of: len(all)}}
		if err := c.run(ctx); err != nil {
			return result, fmt.Errorf("compare %s of %s and %s: %w", all[i].name, d.A, d.B, err)
		}
	}
	return result, nil
}

// formatBound writes a bound for people.
func formatBound(t time.Time) string {
	if t.IsZero() {
		return "any time"
	}
	return t.UTC().Format(time.RFC3339)
}

// rolledUpTopics are the topics that rollups are made from, in quotes.
func rolledUpTopics() []string {
	var topics []string
	for _, spec := range schemas.Specs() {
		if spec.Type != schemas.RunType && spec.Type != schemas.ReferencePointType {
			topics = append(topics, schemas.Quote(spec.Topic))
		}
	}
	return topics
}

// comparison compares one relation.
type comparison struct {
	*Diff
	*relation
	result   *DiffResult
	progress DiffProgress

	compared Compared
	measures []uint64 // The number of rows in which each differs.
}

func (c *comparison) run(ctx context.Context) error {
	c.compared.Table = c.name
	c.measures = make([]uint64, len(c.columns))
	bounds := c.bounds()
	days, err := c.readDays(ctx, bounds)
	if err != nil {
		return err
	}
	for _, piece := range planPieces(days, uint64(c.Rows), c.length) {
		piece.From, piece.To = max(piece.From, bounds.From), min(piece.To, bounds.To)
		if piece.From < piece.To {
			if err := c.compare(ctx, piece.Span); err != nil {
				return fmt.Errorf("from %s to %s: %w", spans.TimeOf(piece.From).Format(time.RFC3339), spans.TimeOf(piece.To).Format(time.RFC3339), err)
			}
		}
		c.progress.Done += piece.rows
		if c.Hooks.Compared != nil {
			c.Hooks.Compared(c.progress)
		}
	}
	if !c.compared.Equal() {
		if err := c.addTotals(ctx, bounds); err != nil {
			return err
		}
	}
	c.result.Tables = append(c.result.Tables, c.compared)
	return nil
}

// bounds are the minutes of the buckets to be compared.
func (c *comparison) bounds() spans.Span {
	s := spans.Between(c.From, c.To)
	s.From = spans.Floor(s.From, c.length)
	return s
}

// piece is a range with the number of rows that both have in it.
type piece struct {
	spans.Span
	rows uint64
}

// readDays returns the days with rows in them, ascending.
func (c *comparison) readDays(ctx context.Context, bounds spans.Span) (days []piece, err error) {
	err = c.DB.Query(ctx, c.daysSQL(c.A, c.B, bounds), func(scan func(...any) error) error {
		var p piece
		if err := scan(&p.From, &p.rows); err != nil {
			return err
		}
		p.To = p.From + spans.Day
		days = append(days, p)
		c.progress.Rows += p.rows
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the rows by day: %w", err)
	}
	return days, nil
}

// planPieces joins days, which ascend, into ranges with at most so many rows, and cuts a day with more rows evenly
// between buckets.
func planPieces(days []piece, rows uint64, length int32) []piece {
	var out []piece
	for _, d := range days {
		if last := len(out) - 1; last >= 0 && out[last].rows+d.rows <= rows {
			out[last].To, out[last].rows = d.To, out[last].rows+d.rows
			continue
		}
		n := min((d.rows+rows-1)/max(rows, 1), uint64(spans.Day/length))
		step := (spans.Day/length + int32(max(n, 1)) - 1) / int32(max(n, 1)) * length
		for from := d.From; from < d.To; from += step {
			part := piece{Span: spans.Span{From: from, To: min(from+step, d.To)}}
			part.rows = d.rows * uint64(part.To-part.From) / uint64(spans.Day)
			out = append(out, part)
		}
	}
	return out
}

func (d *Diff) settings() string {
	return fmt.Sprintf(" SETTINGS max_threads = %d, %s", d.Threads, limit.MemorySQL(d.Memory))
}

// compare compares one range.
func (c *comparison) compare(ctx context.Context, s spans.Span) error {
	var rows, differ uint64
	err := c.DB.Query(ctx, c.countSQL(c.A, c.B, s, c.settings()), func(scan func(...any) error) error { return scan(&rows, &differ) })
	if err != nil {
		return err
	}
	c.compared.Rows += rows
	if differ == 0 {
		return nil
	}
	return c.DB.Query(ctx, c.listSQL(c.A, c.B, s, c.settings()), func(scan func(...any) error) error {
		var p pair
		if err := scan(&p.start, &p.dims, &p.first, &p.second, &p.one, &p.other); err != nil {
			return err
		}
		c.add(p)
		return nil
	})
}

// pair is a row of both namespaces.
type pair struct {
	start         int32
	dims          []string
	first, second uint64 // Rows that each has: 0 or 1.
	one, other    []string
}

// add counts a pair that differs, and keeps the first differences.
func (c *comparison) add(p pair) {
	switch {
	case p.second == 0:
		c.compared.OnlyA++
	case p.first == 0:
		c.compared.OnlyB++
	default:
		c.compared.Differ++
	}
	absent := p.first == 0 || p.second == 0
	for i, column := range c.columns {
		switch {
		case absent:
			c.measures[i]++
			if i == 0 { // One line for the row.
				c.addDifference(p, column, valueOr(p.first, p.one[i:]), valueOr(p.second, p.other[i:]))
			}
		case p.one[i] != p.other[i]:
			c.measures[i]++
			c.addDifference(p, column, p.one[i], p.other[i])
		}
	}
	if p.first > 1 || p.second > 1 {
		c.addDifference(p, "rows", fmt.Sprint(p.first), fmt.Sprint(p.second))
	}
}

func valueOr(rows uint64, values []string) string {
	if rows == 0 || len(values) == 0 {
		return Absent
	}
	return values[0]
}

func (c *comparison) addDifference(p pair, measure, a, b string) {
	if len(c.result.First) >= c.Show {
		return
	}
	var row []string
	for i, dim := range c.dims {
		row = append(row, fmt.Sprintf("%s=%q", dim, p.dims[i]))
	}
	c.result.First = append(c.result.First, Difference{Table: c.name, Bucket: spans.TimeOf(p.start), Row: strings.Join(row, " "), Measure: measure, A: a, B: b})
}

// addTotals lists the measures that differ, with their values over all rows.
func (c *comparison) addTotals(ctx context.Context, bounds spans.Span) error {
	totals := [2][]string{make([]string, len(c.columns)), make([]string, len(c.columns))}
	for i, database := range []string{c.A, c.B} {
		if len(c.totals) == 0 {
			continue
		}
		err := c.DB.Query(ctx, c.totalsSQL(database, bounds, c.settings()), func(scan func(...any) error) error { return scan(&totals[i]) })
		if err != nil {
			return fmt.Errorf("sum up: %w", err)
		}
	}
	for i, n := range c.measures {
		if n > 0 {
			c.compared.Measures = append(c.compared.Measures, Measured{Column: c.columns[i], Rows: n, A: totals[0][i], B: totals[1][i]})
		}
	}
	return nil
}
