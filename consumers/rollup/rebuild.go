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
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Rebuild has buckets recomputed from raw though nothing says that they changed. It goes range by range, oldest first:
// it asks for a range by marks, the worker at work does it in its next step, in whatever process that is, and says so by
// the marks. Readers see what they saw until the new version of a bucket is published.
//
// Nothing is kept beside the marks. A Rebuild that ends half-way leaves one range asked for, which a worker does anyhow;
// another one of the same times does all of it again, which is harmless, or with Since what is left.
//
// Its fields are set before the first call of Next and not changed. It is for one goroutine.
type Rebuild struct {
	DB ledgerdb.DB
	// From and To bound the times whose buckets are recomputed, To exclusive. Zero is no bound.
	From, To time.Time
	// Rollups are names of rollups; all if empty. What is made from one of them is recomputed with it.
	Rollups []string
	// Since leaves out what was published at this time of the database's clock or later. Zero leaves out nothing.
	Since time.Time
	// Rows is the number of stored rows, of all types together, in a range, unless one day has more. 4,000,000.
	Rows int

	planned  bool
	tables   []Table // To be asked for.
	shown    []Table // These, and what is made from them.
	began    time.Time
	ranges   []rebuildRange // To be asked for, the one under way first.
	version  uint64         // Of the marks under way; 0 if there are none.
	progress RebuildProgress
}

// rebuildRange is a range of whole days, but for the first and the last one.
type rebuildRange struct {
	spans.Span
	days int // With anything in them.
	rows map[schemas.Type]uint64
}

func (r *rebuildRange) total() uint64 {
	var n uint64
	for _, rows := range r.rows {
		n += rows
	}
	return n
}

// RebuildProgress says how far a rebuild is.
type RebuildProgress struct {
	Ranges, Done   int
	Rows, RowsDone uint64    // Stored rows in the ranges, about.
	From, To       time.Time // The range under way; zero if there is none.
	// Unequal is the number of ranges of buckets that stay as they were, because raw is not what the ledger says.
	Unequal int
}

// Next looks how far things are, and asks for the next range when the one before is done. It reports whether all of them
// are. After an error it may be called again.
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
			asked, err := r.ask(ctx)
			if asked || err != nil {
				return false, err
			}
			continue
		}
		var waiting uint64
		if err := r.one(ctx, markedSQL(r.version), &waiting); err != nil {
			return false, fmt.Errorf("look what is left of a rebuild: %w", err)
		}
		if waiting > 0 {
			return false, nil
		}
		if err := r.finish(ctx); err != nil {
			return false, err
		}
	}
}

// Progress says how far the rebuild was at the last call of Next.
func (r *Rebuild) Progress() RebuildProgress { return r.progress }

// Began is the time of the database's clock when the rebuild began: what to give to Since to go on with it. It is zero
// before the first call of Next.
func (r *Rebuild) Began() time.Time { return r.began }

// plan reads what there is to rebuild.
func (r *Rebuild) plan(ctx context.Context) error {
	if err := r.choose(); err != nil {
		return err
	}
	bounds := spans.Between(r.From, r.To)
	from, to := bounds.From, bounds.To
	if from >= to || !r.To.IsZero() && !r.To.After(r.From) {
		return fmt.Errorf("rebuild from %s to %s: the end is not after the beginning", timeOf(from), timeOf(to))
	}
	var clock uint64
	if err := r.one(ctx, nowSQL, &clock); err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	r.began = time.UnixMicro(int64(clock)).UTC()
	days, err := r.days(ctx, from, to)
	if err != nil {
		return err
	}
	limit := uint64(r.Rows)
	set(&limit, 4_000_000)
	r.ranges = join(days, limit)
	for i := range r.ranges {
		r.ranges[i].From, r.ranges[i].To = max(r.ranges[i].From, from), min(r.ranges[i].To, to)
		r.progress.Rows += r.ranges[i].total()
	}
	r.progress.Ranges = len(r.ranges)
	return nil
}

// choose finds the tables by their names.
func (r *Rebuild) choose() error {
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

// days reads the days in which there is anything: rows by the ledger, or buckets that are shown. They ascend.
func (r *Rebuild) days(ctx context.Context, from, to int32) ([]rebuildRange, error) {
	found := make(map[int32]*rebuildRange)
	at := func(start int32) *rebuildRange {
		if found[start] == nil {
			found[start] = &rebuildRange{Span: spans.Span{From: start, To: start + day}, days: 1, rows: make(map[schemas.Type]uint64)}
		}
		return found[start]
	}
	for _, spec := range topicsOf(r.tables) {
		err := r.DB.Query(ctx, storedDaysSQL(spec.Topic, from, to), func(scan func(...any) error) error {
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
	err := r.DB.Query(ctx, shownDaysSQL(names(r.shown), from, to), func(scan func(...any) error) error {
		var start int32
		if err := scan(&start); err != nil {
			return err
		}
		at(start)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the days that rollups show: %w", err)
	}
	days := make([]rebuildRange, 0, len(found))
	for _, d := range found {
		days = append(days, *d)
	}
	slices.SortFunc(days, func(a, b rebuildRange) int { return cmp.Compare(a.From, b.From) })
	return days, nil
}

// most days of a range: a step reads what the ledger says of each of their minutes.
const mostDays = 366

// join makes ranges of days, each with a bounded number of rows and of days that have any.
func join(days []rebuildRange, rows uint64) []rebuildRange {
	var out []rebuildRange
	for _, d := range days {
		if last := len(out) - 1; last >= 0 && out[last].total()+d.total() <= rows && out[last].days < mostDays {
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

// ask marks the next range, and reports whether there was anything to mark.
func (r *Rebuild) ask(ctx context.Context) (bool, error) {
	next := &r.ranges[0]
	tables, err := r.due(ctx, next)
	if err != nil {
		return false, err
	}
	if len(tables) == 0 {
		r.progress.Ranges--
		r.progress.Rows -= next.total()
		r.ranges = r.ranges[1:]
		return false, nil
	}
	var marks []pending
	for _, t := range tables {
		marks = append(marks, pending{table: t.Name, Span: spans.Widen([]spans.Span{next.Span}, t.Minutes)[0], reason: reasonAsked})
	}
	var version uint64
	if err := r.one(ctx, markSQL, &version); err != nil {
		return false, fmt.Errorf("read the database's clock: %w", err)
	}
	if err := checkVersion(version); err != nil {
		return false, err
	}
	if err := r.DB.Exec(ctx, savePendingSQL(marks, false, version)); err != nil {
		return false, fmt.Errorf("ask for a rebuild from %s to %s: %w", timeOf(next.From), timeOf(next.To), err)
	}
	r.version = version
	r.progress.From, r.progress.To = timeOf(next.From), timeOf(next.To)
	return true, nil
}

// due returns the tables of which a range has buckets that were not published since Since.
func (r *Rebuild) due(ctx context.Context, next *rebuildRange) ([]Table, error) {
	if r.Since.IsZero() {
		return r.tables, nil
	}
	oldest := make(map[string]uint64)
	err := r.DB.Query(ctx, oldestSQL(names(r.shown), next.From, next.To), func(scan func(...any) error) error {
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
	// A version after the rebuild began is from a clock that was ahead: it does not say when it was published.
	since, began := uint64(max(0, r.Since.UnixMicro())), uint64(r.began.UnixMicro())
	fresh := func(t Table) bool {
		version, shown := oldest[t.Name]
		empty := !slices.ContainsFunc(t.Types, func(typ schemas.Type) bool { return next.rows[typ] > 0 })
		return shown && version >= since && version <= began || !shown && empty
	}
	stale := make(map[string]bool) // By what is made from it too.
	for _, t := range slices.Backward(r.shown) {
		if stale[t.Name] || !fresh(t) {
			stale[t.Name], stale[t.From] = true, true
		}
	}
	var due []Table
	for _, t := range r.tables {
		if stale[t.Name] {
			due = append(due, t)
		}
	}
	return due, nil
}

// finish takes note that the range under way is done.
func (r *Rebuild) finish(ctx context.Context) error {
	last := &r.ranges[0]
	var unequal uint64
	if err := r.one(ctx, unequalSQL(names(r.shown), last.From, last.To), &unequal); err != nil {
		return fmt.Errorf("look what a rebuild had to leave: %w", err)
	}
	r.progress.Unequal += int(unequal)
	r.progress.Done++
	r.progress.RowsDone += last.total()
	r.progress.From, r.progress.To = time.Time{}, time.Time{}
	r.ranges, r.version = r.ranges[1:], 0
	return nil
}

// one runs a query with one row of one column.
func (r *Rebuild) one(ctx context.Context, sql string, value *uint64) error {
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
