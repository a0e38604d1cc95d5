// Package audit proves that every event is counted once: it holds the log, the ledger, the raw rows and the rollups
// against one another, and names the place of the first difference.
//
//	Log -> ledger -> raw -> rollups, runs
//
// Everything may be in motion. What an audit reads first can only be behind what it reads later: the rollups' progress
// and the runs, then the ledger, whose ends bound all that follows, then raw, then the ends of the log. Work under way is pending, not
// a difference; nothing else is, and no clock is asked what is under way.
package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// Log is the message log.
type Log interface {
	// Topic returns what the brokers list of a topic, named without namespace ("token_calls.v1"). A topic that does not
	// exist has no partitions; that is no error.
	Topic(ctx context.Context, topic string) (Topic, error)
}

// Topic is what the brokers say of a topic.
type Topic struct {
	ID         [16]byte       // Of this incarnation.
	Partitions map[int32]Ends // All that are listed.
}

// Records reads the log's records.
type Records interface {
	// Fetch returns what a partition of a topic, named without namespace, holds from the offset on, as the Fetch of an
	// ingest.Source does: with ingest.ErrBelowStart if the log begins later.
	Fetch(ctx context.Context, topic string, partition int32, from int64) (ingest.Fetch, error)
}

// Ends are the first offset that the log still holds and the first one not yet written.
type Ends struct{ Start, End int64 }

// Verdict is the outcome of a check.
type Verdict string

// The verdicts, as in the table audits.
const (
	OK         Verdict = "ok"
	Difference Verdict = "difference"
	Pending    Verdict = "pending" // Right as far as it goes; the rest is under way.
	Error      Verdict = "error"   // The check could not be made.
)

// Finding is the outcome of one check of one thing.
type Finding struct {
	Check   string // "ledger tiles", "exceptions hold", "raw holds", "rollup equals", "run adds up", "identity has one time".
	Scope   string // A topic, a table or a run.
	Verdict Verdict
	Detail  string // What was counted, or the place of the first difference.
	Took    time.Duration
}

// Result is an audit.
type Result struct {
	ID       string
	OK       bool // No difference, and every check could be made.
	Findings []Finding
	Lost     uint64 // Offsets that the log did not hold any more when they were to be read.
	Dead     uint64 // Records that could not be counted and are in the dead-letter topic.
}

// Differences is the number of findings that are not OK or pending.
func (r Result) Differences() int {
	n := 0
	for _, f := range r.Findings {
		if f.Verdict == Difference || f.Verdict == Error {
			n++
		}
	}
	return n
}

// Auditor makes audits. Its fields are set before the first call.
type Auditor struct {
	DB  ledgerdb.DB
	Log Log
	// Records reads back what the ledger says of offsets that are not stored, as far as the log still holds them; nil for
	// not at all.
	Records Records
	// Deep looks for identities stored at more than one time as well, which reads every row.
	Deep bool
	// Settled means that nothing is under way: what would be pending is a difference.
	Settled bool
	// Patience is how long an audit waits for a rollup to be published again that says it is about to be, and that
	// differs though the ledger has no news for it. 30 s.
	Patience time.Duration
	// Rows bounds the raw rows that one statement aggregates, unless one bucket has more. 2,000,000.
	Rows int
	// Memory bounds one statement, bytes. 4 GiB.
	Memory int64
	// Threads is the number of threads of one statement. 2.
	Threads int
	// Progress is called with each finding as it is made; nil for none.
	Progress func(Finding)
}

// topic is what an audit knows of one type.
type topic struct {
	spec    schemas.Spec
	chains  map[ledgerdb.Place]ledgerdb.Chain
	bounds  ledgerdb.Bounds // The ends of the chains: all that is accounted for.
	epoch   uint32          // Of the incarnation that the brokers have; 0 if no row of it was ever read.
	epochs  map[uint32]bool // That the table topics knows.
	log     Topic
	lag     uint64 // Offsets in the log that are not accounted for.
	years   years  // In which there are stored rows.
	raw     rawFinding
	except  exceptions
	read    spans.Span // The minutes read last, and what the ledger says of them.
	minutes []ledgerdb.Minute
}

// run is the state of one audit.
type run struct {
	*Auditor
	result Result
	topics []*topic

	truths    []truth // Of runs that had ended when the audit began.
	truthsErr error

	clock    uint64                     // The database's, when the audit began. It says when, never what counts.
	newest   uint64                     // The newest version of any rollup then.
	future   map[string]uint64          // The newest version after the clock, by rollup.
	deadline time.Time                  // Of all waiting for rollups; zero before.
	letters  *letters                   // Nil until they are read.
	cursors  map[string]ledgerdb.Bounds // How far the rollups have followed the ledger, by topic.
	waiting  map[string][]spans.Span    // What they have passed and not done, by rollup.
	flaws    map[string]flaw            // The first of each raw table and rollup that has one.
}

// Run makes one audit and writes its findings to the table audits. The error says that they could not be written, or
// that ctx ended; what was found is in the result all the same.
func (a *Auditor) Run(ctx context.Context) (Result, error) {
	r := &run{Auditor: a, flaws: make(map[string]flaw)}
	if err := r.begin(ctx); err != nil {
		return Result{}, fmt.Errorf("begin the audit: %w", err)
	}
	for _, check := range []func(context.Context){r.checkLedger, r.checkRaw, r.checkLog, r.checkExceptions, r.checkRollups, r.checkRuns, r.checkDeep} {
		check(ctx)
		if err := ctx.Err(); err != nil {
			return r.result, err
		}
	}
	order := []string{checkTiles, checkExceptions, checkHolds, checkEquals, checkRun, checkOneTime}
	slices.SortStableFunc(r.result.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Check), slices.Index(order, b.Check))
	})
	r.result.OK = r.result.Differences() == 0
	return r.result, r.write(ctx)
}

// The checks.
const (
	checkTiles      = "ledger tiles"
	checkExceptions = "exceptions hold"
	checkHolds      = "raw holds"
	checkEquals     = "rollup equals"
	checkRun        = "run adds up"
	checkOneTime    = "identity has one time"
)

// add takes note of a finding.
func (r *run) add(check, scope string, began time.Time, verdict Verdict, format string, args ...any) {
	if verdict == Pending && r.Settled {
		verdict, format = Difference, format+", and nothing is said to be under way"
	}
	f := Finding{Check: check, Scope: scope, Verdict: verdict, Detail: fmt.Sprintf(format, args...), Took: time.Since(began)}
	r.result.Findings = append(r.result.Findings, f)
	if r.Progress != nil {
		r.Progress(f)
	}
}

// fail takes note of a check that could not be made.
func (r *run) fail(check, scope string, began time.Time, err error) {
	r.add(check, scope, began, Error, "%s", strings.ReplaceAll(err.Error(), "\n", " "))
}

// begin reads how far the rollups are, then the ledger's places.
func (r *run) begin(ctx context.Context) error {
	err := r.DB.Query(ctx, clockSQL, func(scan func(...any) error) error { return scan(&r.clock, &r.newest) })
	if err != nil {
		return err
	}
	r.future = make(map[string]uint64)
	err = r.DB.Query(ctx, futureSQL(r.clock), func(scan func(...any) error) error {
		var name string
		var version uint64
		if err := scan(&name, &version); err != nil {
			return err
		}
		r.future[name] = version
		return nil
	})
	if err != nil {
		return err
	}
	r.result.ID = time.UnixMicro(int64(r.clock)).UTC().Format("2006-01-02T15:04:05.000000Z")
	if err := r.readProgress(ctx); err != nil {
		return err
	}
	r.truths, r.truthsErr = r.readTruths(ctx)
	for _, spec := range schemas.Specs() {
		chains, err := ledgerdb.ReadChains(ctx, r.DB, spec.Topic)
		if err != nil {
			return err
		}
		t := &topic{spec: spec, chains: chains, bounds: make(ledgerdb.Bounds)}
		for place, chain := range chains {
			t.bounds[place] = chain.End
		}
		r.topics = append(r.topics, t)
	}
	return nil
}

// settings of every query that aggregates many rows.
func (r *run) settings() string {
	rows := cmp.Or(r.Memory, 4<<30)
	return fmt.Sprintf(" SETTINGS max_threads = %d, max_memory_usage = %d, max_bytes_before_external_group_by = %d, max_bytes_before_external_sort = %d",
		cmp.Or(r.Threads, 2), rows, rows/2, rows/2)
}

func (r *run) rows() uint64 { return uint64(cmp.Or(r.Rows, 2_000_000)) }

// write keeps the findings in the database.
func (r *run) write(ctx context.Context) error {
	if err := r.DB.Exec(ctx, auditsSQL(r.result)); err != nil {
		return fmt.Errorf("write %d findings of the audit: %w", len(r.result.Findings), err)
	}
	return nil
}

// errDone ends a query early.
var errDone = errors.New("enough rows")

// first runs a query and takes at most one row. It reports whether there was one.
func (r *run) first(ctx context.Context, sql string, dest ...any) (found bool, err error) {
	err = r.DB.Query(ctx, sql, func(scan func(...any) error) error {
		if err := scan(dest...); err != nil {
			return err
		}
		found = true
		return errDone
	})
	if errors.Is(err, errDone) {
		err = nil
	}
	return found, err
}

func at(minute int32) string { return time.Unix(int64(minute)*60, 0).UTC().Format("2006-01-02 15:04") }
