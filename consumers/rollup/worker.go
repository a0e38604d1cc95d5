// Package rollup keeps the rollups equal to the raw rows that they stand for.
//
// A rollup is never added to: buckets that changed are recomputed from raw and then shown to readers all at once.
//
//	ledger -> positions, touched minutes -> dirty buckets -> ranges
//	range  -> INSERT SELECT from raw -> compare with the ledger -> publish
//	       -> rollup_pending, rollup_cursors
//
// Every statement may be the last one before a crash. What a step did not save, the next one does again: recomputing a
// bucket from the same rows gives the same values, and readers see none of it before it is published.
//
// A version of a bucket stands for the stored rows below one position of each partition, the bounds. Rows beyond are
// in raw already when a block is inserted and not yet accounted for; they are left out, so that what a bucket holds can
// be compared with the ledger exactly, and touch their buckets again when their ledger row comes.
//
// One worker of a namespace is meant to be at work. If two are, for a while, none of them shows half a bucket that it
// computed, and the one whose step began last wins in every bucket: versions are taken from the database's clock before
// anything is read, and the view takes the newest. Cursors are saved under the version too, so the older worker's do not
// replace the newer's. What remains is a window: both write the slot that is not published, and if one publishes it
// while the rows of the other, with a newer version, are under way, a merge in that time may replace published rows; the
// bucket shows too little until the newer version is published, or the bucket is recomputed.
package rollup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
)

// Limits bound what the worker takes of the machine. The zero value has the defaults.
type Limits struct {
	// Interval is the time from the end of a step to the next one in Run. 1 s.
	Interval time.Duration
	// Pause is for how many times as long as a range took none of its buckets is recomputed again, in Run. 10.
	Pause int
	// Rows is the number of raw rows to aggregate by one statement, unless one bucket has more. 4,000,000.
	Rows int
	// Memory bounds one statement, bytes. Grouping spills to disk from half of it on. 4 GiB.
	Memory int64
	// Threads is the number of threads of one statement. 2.
	Threads int
	// RetryMin and RetryMax are the first and the longest pause after an error in Run. 250 ms, 30 s.
	RetryMin, RetryMax time.Duration
}

func (l Limits) withDefaults() Limits {
	set(&l.Interval, time.Second)
	set(&l.Pause, 10)
	set(&l.Rows, 4_000_000)
	set(&l.Memory, 4<<30)
	set(&l.Threads, 2)
	set(&l.RetryMin, 250*time.Millisecond)
	set(&l.RetryMax, 30*time.Second)
	return l
}

func set[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// Hooks are called by the worker, on its goroutine. Nil functions are left out.
type Hooks struct {
	Step     func(Progress)  // A step ended, also one with mismatches.
	Range    func(Published) // A range was published.
	Mismatch func(Mismatch)  // Raw is not what the ledger says: a bucket stays as it was. Once a step and minute.
	Error    func(error)     // A step of Run failed and will be tried again.
}

// Published says what was recomputed by one statement.
type Published struct {
	Table    string
	From, To int32 // Minutes; To is exclusive.
	Rows     uint64
	Once     bool // Repeated events had to be left out.
	Took     time.Duration
}

// Progress is what a step did.
type Progress struct {
	Offsets    uint64 // Accounted for since the step before.
	Ranges     int    // Published.
	Rows       uint64 // Raw rows aggregated, once a table.
	Deferred   int    // Ranges of buckets that wait for their turn.
	Mismatches int    // Minutes in which raw is not what the ledger says.
	Took       time.Duration
}

// Idle reports that there was nothing to do and nothing waits.
func (p Progress) Idle() bool { return p.Offsets == 0 && p.Ranges == 0 && p.Deferred == 0 }

// Mismatch is a minute of a type in which raw does not hold what the ledger says is stored. No bucket with it is
// published.
type Mismatch struct {
	Table                        string // The raw table.
	Minute                       int32
	LedgerRows, Rows             uint64 // Stored rows and distinct coordinates present.
	LedgerChecksum, RowsChecksum uint64
}

// MismatchError is returned by a step that left buckets unpublished. The rest of the step was done.
type MismatchError struct{ Mismatches []Mismatch }

func (e *MismatchError) Error() string {
	first := e.Mismatches[0]
	return fmt.Sprintf("raw rows differ from the ledger in %d minutes and their rollups stay as they were; first: %s at %s: %d rows and checksum %d, where the ledger says %d and %d",
		len(e.Mismatches), first.Table, timeOf(first.Minute).Format(time.RFC3339), first.Rows, first.RowsChecksum, first.LedgerRows, first.LedgerChecksum)
}

func timeOf(minute int32) time.Time { return time.Unix(int64(minute)*60, 0).UTC() }

// Worker recomputes rollups. Its fields are set before the first call and not changed. It is for one goroutine.
type Worker struct {
	DB     ledgerdb.DB
	Limits Limits
	Hooks  Hooks
	// Now is the clock for pauses and durations. time.Now.
	Now func() time.Time

	newest uint64            // The newest version taken.
	pauses map[string][]hold // By table.
}

// hold keeps the buckets of a range from being recomputed for a while.
type hold struct {
	spans.Span
	until time.Time
}

func (w *Worker) now() time.Time {
	if w.Now != nil {
		return w.Now()
	}
	return time.Now()
}

// Step follows the ledger to its end and brings every bucket up to date that has changed and is not paused. It returns a
// *MismatchError if everything but some buckets could be done; after any other error the step is to be repeated.
func (w *Worker) Step(ctx context.Context) (Progress, error) { return w.step(ctx, true) }

// UntilCaughtUp steps, without pauses, until there is nothing left to do. It returns a *MismatchError if buckets stay
// behind.
func (w *Worker) UntilCaughtUp(ctx context.Context) error {
	for {
		progress, err := w.step(ctx, false)
		if err != nil && (!isMismatch(err) || progress.Offsets == 0) {
			return err
		}
		if err == nil && progress.Idle() {
			return nil
		}
	}
}

func isMismatch(err error) bool {
	var mismatch *MismatchError
	return errors.As(err, &mismatch)
}

// Run steps until ctx ends, whatever happens, and returns nil then.
func (w *Worker) Run(ctx context.Context) error {
	limits := w.Limits.withDefaults()
	retry := limits.RetryMin
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		_, err := w.Step(ctx)
		wait := limits.Interval
		switch {
		case err == nil || isMismatch(err): // The hooks have told.
			retry = limits.RetryMin
		case ctx.Err() != nil:
			return nil
		default:
			if w.Hooks.Error != nil {
				w.Hooks.Error(err)
			}
			wait, retry = retry, min(2*retry, limits.RetryMax)
		}
		timer.Reset(wait)
	}
}

// clock takes note of the newest version and returns the version of the marks of a step: the database's clock,
// microseconds since 1970, or what the newest mark has if that clock was ahead and was set back. Of two equal versions
// of a mark the one written last counts.
func (w *Worker) clock(ctx context.Context) (marks uint64, err error) {
	first := w.newest == 0
	err = w.DB.Query(ctx, clockSQL, func(scan func(...any) error) error {
		var micros, saved, marked uint64
		if err := scan(&micros, &saved, &marked); err != nil {
			return err
		}
		w.newest, marks = max(w.newest, micros, saved), max(micros, marked)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read the database's clock: %w", err)
	}
	if first {
		if err := w.readPublished(ctx); err != nil {
			return 0, err
		}
	}
	return marks, errors.Join(checkVersion(w.newest), checkVersion(marks))
}

// readPublished takes note of the newest version that is published, which hides all that are older.
func (w *Worker) readPublished(ctx context.Context) error {
	err := w.DB.Query(ctx, publishedSQL, func(scan func(...any) error) error {
		var newest uint64
		if err := scan(&newest); err != nil {
			return err
		}
		w.newest = max(w.newest, newest)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the newest version: %w", err)
	}
	return checkVersion(w.newest)
}

// maxVersion is far beyond what any clock gives, and far enough from where versions wrap.
const maxVersion = 1 << 62

// checkVersion refuses versions that nothing can follow.
func checkVersion(version uint64) error {
	if version < maxVersion {
		return nil
	}
	return fmt.Errorf("version %d in rollup_versions, rollup_cursors or rollup_pending is none that a clock gives: delete the rows WHERE version >= %d from these tables and from the tables *_1m_rows, *_1h_rows and *_1d_rows, then rebuild the rollups",
		version, uint64(maxVersion))
}

// version takes a version: newer than the clock when the step began, and than any before.
func (w *Worker) version() uint64 {
	w.newest++
	return w.newest
}

// pause keeps the buckets of a range from being recomputed again soon.
func (w *Worker) pause(table string, s spans.Span, took time.Duration) {
	if w.pauses == nil {
		w.pauses = make(map[string][]hold)
	}
	until := w.now().Add(took * time.Duration(w.Limits.withDefaults().Pause))
	w.pauses[table] = append(w.pauses[table], hold{s, until})
}

// paused returns the spans of a table that are not to be recomputed yet.
func (w *Worker) paused(table string) []spans.Span {
	if len(w.pauses[table]) == 0 {
		return nil
	}
	now := w.now()
	w.pauses[table] = slices.DeleteFunc(w.pauses[table], func(h hold) bool { return !h.until.After(now) })
	var found []spans.Span
	for _, h := range w.pauses[table] {
		found = spans.Union(found, []spans.Span{h.Span})
	}
	return found
}
