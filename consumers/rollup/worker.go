// Package rollup keeps the rollups equal to the raw rows that they stand for.
//
// The worker never changes what a rollup shows. It computes the buckets that changed anew, from raw or from what it
// published before and the rows gained since (grow.go), then shows them to readers all at once.
//
//	ledger -> ends, touched minutes -> dirty buckets -> ranges
//	range  -> INSERT SELECT -> compare with the ledger -> publish
//	       -> rollup_pending, rollup_cursors
//
// Run recomputes a long range of hours or days beside its steps, so that the minutes do not wait for it (job.go).
//
// A crash may follow every statement. The next step repeats what a step did not save: recomputing a bucket from the
// same rows gives the same values, and readers see none of it before it is published.
//
// A version of a bucket stands for the stored rows below one position of each partition, the bounds. Raw has rows
// beyond them from when a block is inserted until its ledger row is written. The worker leaves these rows out, so that
// it can compare a bucket with the ledger exactly; their ledger row will touch the bucket again.
//
// One worker per namespace should run. If two run for a while, neither shows half a bucket, and the worker whose step
// began last wins in every bucket: it takes its versions from the database's clock before it reads anything, and the
// view shows the newest version. Cursors are saved under the version too, so the older worker's do not replace the
// newer's. A window remains. Both workers write the slot that is not published. If one publishes that slot while the
// other inserts rows of a newer version, a merge in that time may replace published rows. The bucket then shows too
// little until the newer version is published or the bucket is recomputed.
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
	"tidemark/consumers/pricing"
	"tidemark/consumers/spans"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// Limits bound what the worker takes of the machine. The zero value has the defaults; no field may be negative.
type Limits struct {
	// Interval is the time from the end of a step to the next one in Run. Default 1 s.
	Interval time.Duration
	// Pause is a factor. Run does not recompute a range again until a multiple of the time has passed that the last ranges of
	// all rollups of its kind took: half of Pause for rollups per minute, which are to be fresh, and twice Pause for the
	// others. So ranges that change all the time take a sixth and a twentieth of the time by default. Of a range that grew, the time
	// that went with its new rows does not count; but it waits three times what it took. Default 10.
	Pause int
	// HourPause bounds the pause of the others, unless Pause times what their last ranges took is more: a tenth of the time then. Default 1 minute.
	HourPause time.Duration
	// MinutePause bounds the pause of rollups per minute, unless half of what their last ranges took is more. A long range
	// beside the steps makes them slow, which is no reason to wait. Default 1 s.
	MinutePause time.Duration
	// Grow is the number of raw rows from which on a range that was published before grows and is not recomputed from raw, and
	// from which on the worker looks for events that come twice before it looks at every event. Default 50,000.
	Grow int
	// Long is the number of raw rows from which on Run recomputes a range of hours or days beside its steps. Default 50,000.
	Long int
	// Rows is the number of raw rows that one statement aggregates, unless one bucket has more. Default 4,000,000.
	Rows int
	// Memory bounds one statement, in bytes. Grouping spills to disk from half of it on. Run has up to two statements at a
	// time. Default 4 GiB.
	Memory int64
	// Threads is the number of threads of one statement of a step; of a range that is recomputed beside the steps, half of them.
	// Default 2.
	Threads int
	// RetryMin and RetryMax are the first and the longest pause after an error in Run. Tests set them. Default 250 ms
	// and 30 s.
	RetryMin, RetryMax time.Duration

	beside bool // Statements leave the cores to those of steps and of ingest.
}

// withDefaults returns the limits with a value in every field, or an error that names the fields that are negative.
func (l Limits) withDefaults() (Limits, error) {
	err := errors.Join(limit.NotNegative("Interval", l.Interval), limit.NotNegative("Pause", l.Pause), limit.NotNegative("HourPause", l.HourPause), limit.NotNegative("MinutePause", l.MinutePause), limit.NotNegative("Grow", l.Grow),
		limit.NotNegative("Long", l.Long), limit.NotNegative("Rows", l.Rows), limit.NotNegative("Memory", l.Memory), limit.NotNegative("Threads", l.Threads),
		limit.NotNegative("RetryMin", l.RetryMin), limit.NotNegative("RetryMax", l.RetryMax))
	return Limits{
		Interval:    cmp.Or(l.Interval, time.Second),
		Pause:       cmp.Or(l.Pause, 10),
		HourPause:   cmp.Or(l.HourPause, time.Minute),
		MinutePause: cmp.Or(l.MinutePause, time.Second),
		Grow:        cmp.Or(l.Grow, 50_000),
		Long:        cmp.Or(l.Long, 50_000),
		Rows:        cmp.Or(l.Rows, 4_000_000),
		Memory:      cmp.Or(l.Memory, 4<<30),
		Threads:     cmp.Or(l.Threads, 2),
		RetryMin:    cmp.Or(l.RetryMin, 250*time.Millisecond),
		RetryMax:    cmp.Or(l.RetryMax, 30*time.Second),
		beside:      l.beside,
	}, err
}

// Hooks are called by the worker, on its goroutine. Nil functions are not called. Of a range that Run recomputes beside
// its steps, the step reports that follows its end.
type Hooks struct {
	// Step is called when a step ends, also one with mismatches.
	Step func(Progress)
	// Range is called when a range of buckets is published.
	Range func(Published)
	// Mismatch is called once per step and minute when the raw rows do not match the ledger. The bucket is not updated.
	Mismatch func(Mismatch)
	// Error is called when a step of Run fails, or a range that it recomputes beside its steps. Run will repeat it.
	Error func(error)
}

// Published is a range of buckets that one statement recomputed.
type Published struct {
	Table        string
	From, To     int32 // Minutes since 1970; To is exclusive.
	Rows         uint64
	Deduplicated bool // The statement looked at every event and left repeated ones out.
	Took         time.Duration
}

// Progress is what a step did.
type Progress struct {
	Offsets    uint64 // Offsets that the ledger gained since the step before.
	Ranges     int    // Ranges of buckets that were published.
	Grown      int    // Those of them that merged what was shown with new rows.
	Rows       uint64 // Raw rows of the ranges, once per table.
	Deferred   int    // Ranges of buckets that wait for a later step.
	Mismatches int    // Minutes in which the raw rows do not match the ledger.
	Took       time.Duration
}

// Idle reports that there was nothing to do and that nothing waits.
func (p Progress) Idle() bool { return p.Offsets == 0 && p.Ranges == 0 && p.Deferred == 0 }

// Mismatch is a minute of a type in which the raw rows do not match the ledger. No bucket with this minute is
// published.
type Mismatch struct {
	Table                        string // The raw table.
	Minute                       int32  // Since 1970.
	LedgerRows, Rows             uint64 // Stored rows by the ledger, and distinct coordinates in raw.
	LedgerChecksum, RowsChecksum uint64
}

// MismatchError is returned by a step that left buckets unpublished. The rest of the step was done.
type MismatchError struct{ Mismatches []Mismatch }

// Error counts the minutes and describes the first one.
func (e *MismatchError) Error() string {
	first := e.Mismatches[0]
	return fmt.Sprintf("raw rows of %s do not match the ledger; their rollups were not updated; first: %s at %s has %s with checksum %d, the ledger says %s with checksum %d",
		plural.Of(len(e.Mismatches), "minute"), first.Table, spans.TimeOf(first.Minute).Format(time.RFC3339), plural.Of(first.Rows, "row"), first.RowsChecksum, plural.Of(first.LedgerRows, "row"), first.LedgerChecksum)
}

// Worker recomputes rollups. Its fields are set before the first call and not changed. It is for one goroutine.
type Worker struct {
	DB     ledgerdb.DB
	Limits Limits
	Hooks  Hooks
	// Now is the clock for pauses and durations. Tests set it. Run may call it on two goroutines. Default time.Now.
	Now func() time.Time

	newest uint64                           // The newest version taken.
	pauses map[string][]pausedSpan          // By table.
	took   map[bool]map[string]cost         // Of the last range of each table, rollups per minute apart.
	bases  map[string][]base                // By table.
	proofs map[schemas.Type]map[int32]proof // By minute.

	job      *job          // What is recomputed beside the steps; nil if nothing is.
	jobRetry time.Duration // How long the range of the last job is held because the job failed; 0 if it did not.
	failed   error         // Of a job, to be reported by Run.
	books    pricing.Books
	priced   uint64 // The newest period of prices when bases of priced tables were remembered.
}

// pausedSpan is a range whose buckets are not recomputed for a while.
type pausedSpan struct {
	spans.Span
	until time.Time
}

func (w *Worker) now() time.Time {
	if w.Now != nil {
		return w.Now()
	}
	return time.Now()
}

// Step follows the ledger to its end and updates every bucket that changed and is not paused. It returns a
// *MismatchError if it did everything but some buckets. After any other error the caller repeats the step.
func (w *Worker) Step(ctx context.Context) (Progress, error) { return w.step(ctx, true, false) }

// UntilCaughtUp makes steps without pauses until there is nothing left to do. It returns a *MismatchError if some
// buckets could not be updated.
func (w *Worker) UntilCaughtUp(ctx context.Context) error {
	for {
		progress, err := w.step(ctx, false, false)
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

// Run makes steps until ctx ends, then returns nil. It repeats steps that fail. It recomputes long ranges beside its steps,
// one at a time, and waits for the last one. The only errors that it returns are those of invalid Limits.
func (w *Worker) Run(ctx context.Context) error {
	limits, err := w.Limits.withDefaults()
	if err != nil {
		return fmt.Errorf("limits of the rollup worker: %w", err)
	}
	defer w.endJob()
	retry := limits.RetryMin
	timer := time.NewTimer(0)
	defer timer.Stop()
	var jobDone <-chan struct{} // Nil after an error: a job that has ended does not cut the wait short.
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-jobDone:
		}
		_, err := w.step(ctx, true, true)
		w.reportFailed(ctx)
		wait := limits.Interval
		jobDone = nil
		switch {
		case err == nil || isMismatch(err): // Hooks.Mismatch was called.
			retry, jobDone = limits.RetryMin, w.jobDone()
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

// readClock takes note of the newest version and returns the version under which a step saves what is pending: the
// database's clock, in microseconds since 1970, or the newest version in rollup_pending if the clock was set back. Of
// two rows with equal versions the one written last counts.
func (w *Worker) readClock(ctx context.Context) (pending uint64, err error) {
	first := w.newest == 0
	err = w.DB.Query(ctx, clockSQL, func(scan func(...any) error) error {
		var micros, saved, newest uint64
		if err := scan(&micros, &saved, &newest); err != nil {
			return err
		}
		w.newest, pending = max(w.newest, micros, saved), max(micros, newest)
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
	return pending, errors.Join(checkVersion(w.newest), checkVersion(pending))
}

// readPublished takes note of the newest version that is published, which hides all older ones.
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

// maxVersion is far beyond what any clock gives, and far below where versions overflow.
const maxVersion = 1 << 62

// checkVersion refuses versions that leave no room for newer ones.
func checkVersion(version uint64) error {
	if version < maxVersion {
		return nil
	}
	versioned := []string{schemas.RollupVersionsTable, schemas.RollupCursorsTable, schemas.RollupPendingTable}
	for _, t := range Tables() {
		versioned = append(versioned, t.Rows())
	}
	return fmt.Errorf("version %d is none that a clock gives: delete the rows WHERE version >= %d from the tables %s, then rebuild the rollups",
		version, uint64(maxVersion), strings.Join(versioned, ", "))
}

// takeVersion returns a version that is newer than the clock when the step began and than all versions before.
func (w *Worker) takeVersion() uint64 {
	w.newest++
	return w.newest
}

// cost is what the last range of a rollup took, without what goes with the rows that it gained.
type cost struct {
	fixed time.Duration
	grown bool
}

// pause keeps the buckets of a range that took a while from being recomputed for a multiple of it: see Limits.Pause, Limits.HourPause and
// Limits.MinutePause. fixed is the share of the time that does not go with the rows that the range gained: to wait longer
// saves nothing of the rest. Rollups that do not grow wait for all of their kind, others for those that grow.
func (w *Worker) pause(t *Table, s spans.Span, took time.Duration, fixed float64, limits Limits) {
	if w.took == nil {
		w.took = map[bool]map[string]cost{false: {}, true: {}}
	}
	perMinute, this := t.Minutes == 1, cost{time.Duration(fixed * float64(took)), fixed < 1}
	w.took[perMinute][t.Name] = this
	var all time.Duration
	for _, one := range w.took[perMinute] {
		if one.grown || !this.grown {
			all += one.fixed
		}
	}
	share := time.Duration(limits.Pause)
	d := max(min(2*all*share, max(limits.HourPause, all*share)), 3*took)
	if perMinute {
		d = min(2*all*share/4, max(limits.MinutePause, all/2))
	}
	w.hold(t.Name, s, d)
}

// hold keeps the buckets of a range from being recomputed for a while.
func (w *Worker) hold(table string, s spans.Span, d time.Duration) {
	if w.pauses == nil {
		w.pauses = make(map[string][]pausedSpan)
	}
	w.pauses[table] = append(w.pauses[table], pausedSpan{s, w.now().Add(d)})
}

// paused returns the spans of a table whose buckets are not to be recomputed yet.
func (w *Worker) paused(table string) []spans.Span {
	if len(w.pauses[table]) == 0 {
		return nil
	}
	now := w.now()
	w.pauses[table] = slices.DeleteFunc(w.pauses[table], func(p pausedSpan) bool { return !p.until.After(now) })
	var found []spans.Span
	for _, p := range w.pauses[table] {
		found = spans.Union(found, []spans.Span{p.Span})
	}
	return found
}
