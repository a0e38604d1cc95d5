package rollup

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

// Rebuild has buckets recomputed from raw although the ledger does not say that they changed. It goes range by range,
// oldest first: it requests a range by rows of rollup_pending, a worker recomputes the range in its next step, in
// whatever process it runs, and marks the rows as done. Readers see the old version of a bucket until the new one is
// published.
//
// A Rebuild keeps no state but its requests. One that ends half-way leaves one range requested, which a worker
// recomputes anyhow. Another Rebuild of the same times recomputes everything once more, which is harmless, or with
// Since what is left.
//
// Its fields are set before the first call of Next and not changed. It is for one goroutine.
type Rebuild struct {
	DB ledgerdb.DB
	// From and To bound the times whose buckets are recomputed, To exclusive. A zero time is no bound.
	From, To time.Time
	// Rollups are names of rollups; all if empty. What is made from one of them is recomputed with it.
	Rollups []string
	// Since leaves out buckets published at this time of the database's clock or later. A zero time leaves out nothing.
	Since time.Time
	// Rows is the number of stored rows in a range, of all types together, unless one day has more. It may not be
	// negative. Default 4,000,000.
	Rows int

	planned  bool
	tables   []Table // Tables to request.
	shown    []Table // These, and what is made from them.
	began    time.Time
	ranges   []rebuildRange // Ranges to request; the one under way is first.
	version  uint64         // Of the requests under way; 0 if there are none.
	progress RebuildProgress
}

// rebuildRange is a range of whole days, except that the bounds may cut the first and the last day.
type rebuildRange struct {
	spans.Span
	days int // Days that have rows or buckets.
	rows map[schemas.Type]uint64
}

// total is the number of stored rows of all types.
func (r *rebuildRange) total() uint64 {
	var n uint64
	for _, rows := range r.rows {
		n += rows
	}
	return n
}

// RebuildProgress is how far a rebuild is.
type RebuildProgress struct {
	Ranges, Done   int
	Rows, RowsDone uint64    // Stored rows in the ranges. Ledger rows that are in the table twice count twice.
	From, To       time.Time // The range under way; zero if there is none.
	// Unequal is the number of ranges of buckets that were not updated because raw rows do not match the ledger.
	Unequal int
}

// Next reads the progress of the range under way, and requests the next range when that one is done. It reports whether
// all ranges are done. After an error the caller may call it again.
func (r *Rebuild) Next(ctx context.Context) (done bool, err error) {
	if !r.planned {
		if err := r.plan(ctx); err != nil {
			return false, err
		}
		r.planned = true
	}
	for {
		if r.version == 0 {
			if len(r.ranges) == 0 {
				return true, nil
			}
			requested, err := r.request(ctx)
			if requested || err != nil {
				return false, err
			}
			continue
		}
		var open uint64
		if err := r.queryOne(ctx, openRequestsSQL(r.version), &open); err != nil {
			return false, fmt.Errorf("read the progress of the rebuild: %w", err)
		}
		if open > 0 {
			return false, nil
		}
		if err := r.finish(ctx); err != nil {
			return false, err
		}
	}
}

// Progress returns how far the rebuild was at the last call of Next.
func (r *Rebuild) Progress() RebuildProgress { return r.progress }

// Began is the time of the database's clock when the rebuild began. To resume the rebuild, set Since to it. It is zero
// before the first call of Next.
func (r *Rebuild) Began() time.Time { return r.began }

// plan reads what there is to rebuild.
func (r *Rebuild) plan(ctx context.Context) error {
	if err := limit.NotNegative("Rows", r.Rows); err != nil {
		return fmt.Errorf("limits of the rebuild: %w", err)
	}
	if err := r.selectTables(); err != nil {
		return err
	}
	bounds, err := r.bounds()
	if err != nil {
		return err
	}
	var clock uint64
	if err := r.queryOne(ctx, nowSQL, &clock); err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	r.began = time.UnixMicro(int64(clock)).UTC()
	days, err := r.readDays(ctx, bounds)
	if err != nil {
		return err
	}
	r.ranges = joinDays(days, uint64(cmp.Or(r.Rows, 4_000_000)))
	for i := range r.ranges {
		r.ranges[i].From, r.ranges[i].To = max(r.ranges[i].From, bounds.From), min(r.ranges[i].To, bounds.To)
		r.progress.Rows += r.ranges[i].total()
	}
	r.progress.Ranges = len(r.ranges)
	return nil
}

// bounds returns the minutes between From and To.
func (r *Rebuild) bounds() (spans.Span, error) {
	s := spans.Between(r.From, r.To)
	if s.From >= s.To || !r.To.IsZero() && !r.To.After(r.From) {
		return s, fmt.Errorf("rebuild from %s to %s: the end is not after the beginning", spans.TimeOf(s.From), spans.TimeOf(s.To))
	}
	return s, nil
}

// Days returns the days, ascending, that have stored rows or buckets that readers see: what a rebuild looks at. The bounds may cut the first and the last one.
func (r *Rebuild) Days(ctx context.Context) ([]spans.Span, error) {
	if err := r.selectTables(); err != nil {
		return nil, err
	}
	bounds, err := r.bounds()
	if err != nil {
		return nil, err
	}
	found, err := r.readDays(ctx, bounds)
	if err != nil {
		return nil, err
	}
	days := make([]spans.Span, len(found))
	for i, d := range found {
		days[i] = spans.Span{From: max(d.From, bounds.From), To: min(d.To, bounds.To)}
	}
	return days, nil
}

// selectTables finds the tables by their names.
func (r *Rebuild) selectTables() error {
	r.tables, r.shown = nil, nil
	all := Tables()
	known := func(name string) bool { return slices.ContainsFunc(all, func(t Table) bool { return t.Name == name }) }
	var errs []error
	for _, name := range r.Rollups {
		if !known(name) {
			errs = append(errs, fmt.Errorf("there is no rollup %q", name))
		}
	}
	wanted := func(name string) bool { return len(r.Rollups) == 0 && known(name) || slices.Contains(r.Rollups, name) }
	for _, t := range all { // What is made from another comes after it.
		switch {
		case slices.ContainsFunc(r.shown, func(from Table) bool { return from.Name == t.From }):
			r.shown = append(r.shown, t) // It follows.
		case wanted(t.Name):
			r.tables, r.shown = append(r.tables, t), append(r.shown, t)
		}
	}
	return errors.Join(errs...)
}

// readDays reads the days that have stored rows by the ledger, or buckets that readers see. They ascend.
func (r *Rebuild) readDays(ctx context.Context, bounds spans.Span) ([]rebuildRange, error) {
	found := make(map[int32]*rebuildRange)
	at := func(start int32) *rebuildRange {
		if found[start] == nil {
			found[start] = &rebuildRange{Span: spans.Span{From: start, To: start + spans.Day}, days: 1, rows: make(map[schemas.Type]uint64)}
		}
		return found[start]
	}
	for _, spec := range specsOf(r.tables) {
		err := r.DB.Query(ctx, storedDaysSQL(spec.Topic, bounds), func(scan func(...any) error) error {
			var start int32
			var rows uint64
			if err := scan(&start, &rows); err != nil {
				return err
			}
			at(start).rows[spec.Type] += rows
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the days of %s in the ledger: %w", spec.Topic, err)
		}
	}
	err := r.DB.Query(ctx, shownDaysSQL(names(r.shown), bounds), func(scan func(...any) error) error {
		var start int32
		if err := scan(&start); err != nil {
			return err
		}
		at(start)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the days in which rollups have buckets: %w", err)
	}
	days := make([]rebuildRange, 0, len(found))
	for _, d := range found {
		days = append(days, *d)
	}
	slices.SortFunc(days, func(a, b rebuildRange) int { return cmp.Compare(a.From, b.From) })
	return days, nil
}

// maxDays bounds the days of a range: a step reads what the ledger says of each of their minutes.
const maxDays = 366

// joinDays joins days into ranges with at most so many rows, unless one day has more, and at most maxDays days.
func joinDays(days []rebuildRange, rows uint64) []rebuildRange {
	var out []rebuildRange
	for _, d := range days {
		if last := len(out) - 1; last >= 0 && out[last].total()+d.total() <= rows && out[last].days < maxDays {
			out[last].To = d.To
			out[last].days++
			for typ, n := range d.rows {
				out[last].rows[typ] += n
			}
			continue
		}
		out = append(out, d)
	}
	return out
}

// request requests the next range, and reports whether there was anything to request.
func (r *Rebuild) request(ctx context.Context) (bool, error) {
	next := &r.ranges[0]
	tables, err := r.staleTables(ctx, next)
	if err != nil {
		return false, err
	}
	if len(tables) == 0 {
		r.progress.Ranges--
		r.progress.Rows -= next.total()
		r.ranges = r.ranges[1:]
		return false, nil
	}
	var requests []pending
	for _, t := range tables {
		requests = append(requests, pending{table: t.Name, Span: spans.Widen([]spans.Span{next.Span}, t.Minutes)[0], reason: schemas.ReasonRequested})
	}
	var version uint64
	if err := r.queryOne(ctx, requestVersionSQL(), &version); err != nil {
		return false, fmt.Errorf("read the database's clock: %w", err)
	}
	if err := checkVersion(version); err != nil {
		return false, err
	}
	if err := r.DB.Exec(ctx, savePendingSQL(requests, false, version)); err != nil {
		return false, fmt.Errorf("request a rebuild from %s to %s: %w", spans.TimeOf(next.From), spans.TimeOf(next.To), err)
	}
	r.version = version
	r.progress.From, r.progress.To = spans.TimeOf(next.From), spans.TimeOf(next.To)
	return true, nil
}

// staleTables returns the tables of which a range has buckets that were not published since Since.
func (r *Rebuild) staleTables(ctx context.Context, next *rebuildRange) ([]Table, error) {
	if r.Since.IsZero() {
		return r.tables, nil
	}
	oldest := make(map[string]uint64)
	err := r.DB.Query(ctx, oldestSQL(names(r.shown), next.Span), func(scan func(...any) error) error {
		var name string
		var version uint64
		if err := scan(&name, &version); err != nil {
			return err
		}
		oldest[name] = version
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read when buckets were published: %w", err)
	}
	// A version after the rebuild began is of a clock that was ahead. It does not tell when it was published.
	since, began := uint64(max(0, r.Since.UnixMicro())), uint64(r.began.UnixMicro())
	fresh := func(t Table) bool {
		version, shown := oldest[t.Name]
		empty := !slices.ContainsFunc(t.Types, func(typ schemas.Type) bool { return next.rows[typ] > 0 })
		return shown && version >= since && version <= began || !shown && empty
	}
	stale := make(map[string]bool) // Also what something stale is made from.
	for _, t := range slices.Backward(r.shown) {
		if stale[t.Name] || !fresh(t) {
			stale[t.Name], stale[t.From] = true, true
		}
	}
	var tables []Table
	for _, t := range r.tables {
		if stale[t.Name] {
			tables = append(tables, t)
		}
	}
	return tables, nil
}

// finish takes note that the range under way is done.
func (r *Rebuild) finish(ctx context.Context) error {
	last := &r.ranges[0]
	var unequal uint64
	if err := r.queryOne(ctx, mismatchedSQL(names(r.shown), last.Span), &unequal); err != nil {
		return fmt.Errorf("count the ranges that the rebuild skipped: %w", err)
	}
	r.progress.Unequal += int(unequal)
	r.progress.Done++
	r.progress.RowsDone += last.total()
	r.progress.From, r.progress.To = time.Time{}, time.Time{}
	r.ranges, r.version = r.ranges[1:], 0
	return nil
}

// queryOne runs a query with one row of one column.
func (r *Rebuild) queryOne(ctx context.Context, sql string, value *uint64) error {
	return r.DB.Query(ctx, sql, func(scan func(...any) error) error { return scan(value) })
}

// names returns the names of tables as a list in SQL.
func names(tables []Table) string {
	var quoted []string
	for _, t := range tables {
		quoted = append(quoted, schemas.Quote(t.Name))
	}
	return strings.Join(quoted, ", ")
}
