// Package audit proves that every event is counted once. It compares the log, the ledger, the raw rows and the rollups,
// and reports the first difference of each with its place.
//
//	Log -> ledger -> raw -> rollups, runs
//
// Producers, ingest and rollup may run meanwhile. What an audit reads first can only be behind what it reads later:
// first the rollups' progress and the runs, then the ledger, whose ends bound all that follows, then raw, then the ends
// of the log. Work under way is pending, not a difference. Nothing else is pending, and no clock decides what is under
// way.
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
	"tidemark/consumers/limit"
	"tidemark/consumers/pricing"
	"tidemark/consumers/spans"
	"tidemark/internal/plural"
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
	ID         schemas.TopicID           // The id of this incarnation.
	Partitions map[int32]schemas.Offsets // By id.
}

// Records reads the log's records.
type Records interface {
	// Fetch returns what a partition holds from the offset on, as the Fetch of an ingest.Source does: with
	// ingest.ErrBelowStart if the log begins later. The topic is named without namespace.
	Fetch(ctx context.Context, topic string, partition int32, from int64) (ingest.Fetch, error)
}

// Verdict is the outcome of a check.
type Verdict string

// The verdicts, as in the table audits.
const (
	OK         Verdict = schemas.VerdictOK
	Pending    Verdict = schemas.VerdictPending
	Error      Verdict = schemas.VerdictError
	Difference Verdict = schemas.VerdictDifference
)

// Finding is the outcome of one check of one thing.
type Finding struct {
	Check   string // "ledger tiles", "exceptions hold", "raw holds", "rollup equals", "rates follow books", "run adds up", "collector adds up", "identity has one time".
	Scope   string // A topic, a table or a run.
	Verdict Verdict
	Detail  string // What was counted, or the place of the first difference.
	Took    time.Duration
}

// Result is the outcome of an audit.
type Result struct {
	ID       string
	OK       bool // No difference, and every check could be made.
	Findings []Finding
	Lost     uint64 // Offsets that the log no longer held when ingest came to read them.
	Dead     uint64 // Records that could not be counted and are in the dead-letter topic.
}

// Counts returns the number of findings by verdict.
func (r Result) Counts() map[Verdict]int {
	counts := map[Verdict]int{}
	for _, f := range r.Findings {
		counts[f.Verdict]++
	}
	return counts
}

// Differences is the number of findings that are not OK or pending.
func (r Result) Differences() int {
	n := 0
	for _, f := range r.Findings {
		if schemas.Failed(string(f.Verdict)) {
			n++
		}
	}
	return n
}

// Auditor makes audits. Its fields are set before the first call.
type Auditor struct {
	DB  ledgerdb.DB
	Log Log
	// Records reads back what the ledger says of offsets that are not stored, as far as the log still holds them; nil
	// for not at all.
	Records Records
	// Deep also looks for identities stored at more than one time, which reads every row.
	Deep bool
	// Settled asserts that nothing is under way: what would be pending is a difference.
	Settled bool
	Limits  Limits
	Hooks   Hooks
}

// Limits bound what an audit takes of the machine. The zero value has the defaults; no field may be negative.
type Limits struct {
	// Patience is how long an audit waits, all in all, for buckets that are pending and differ although the ledger
	// gained no rows for them: a rollup worker is about to publish them again. Default 30 s.
	Patience time.Duration
	// Rows is the number of raw rows that one statement aggregates, unless one bucket has more. Default 2,000,000.
	Rows int
	// Memory bounds one statement, in bytes. Default 4 GiB.
	Memory int64
	// Threads is the number of threads of one statement. Default 2.
	Threads int
}

// withDefaults returns the limits with a value in every field, or an error that names the fields that are negative.
func (l Limits) withDefaults() (Limits, error) {
	err := errors.Join(limit.NotNegative("Patience", l.Patience), limit.NotNegative("Rows", l.Rows),
		limit.NotNegative("Memory", l.Memory), limit.NotNegative("Threads", l.Threads))
	return Limits{
		Patience: cmp.Or(l.Patience, 30*time.Second),
		Rows:     cmp.Or(l.Rows, 2_000_000),
		Memory:   cmp.Or(l.Memory, 4<<30),
		Threads:  cmp.Or(l.Threads, 2),
	}, err
}

// settings returns the settings of every query that aggregates many rows.
func (l Limits) settings() string {
	return " SETTINGS " + l.readSettings()
}

// readSettings are the settings alone.
func (l Limits) readSettings() string {
	return fmt.Sprintf("max_threads = %d, %s", l.Threads, limit.MemorySQL(l.Memory))
}

// Hooks are called by an audit, on its goroutine. Nil functions are not called.
type Hooks struct {
	// Finding is called with each finding as it is made.
	Finding func(Finding)
}

// topic is what an audit knows of one type.
type topic struct {
	spec    schemas.Spec
	chains  ledgerdb.Chains
	losers  []ledgerdb.Loser
	bounds  ledgerdb.Bounds // The ends of the chains: everything below them is accounted for.
	epoch   uint32          // Of the incarnation that the brokers have; 0 if nothing of it was ever read.
	epochs  map[uint32]bool // The epochs in the table topics.
	log     Topic
	lag     uint64 // Offsets in the log that are not accounted for.
	lagged  bool   // The lag was measured.
	years   years  // The years with stored rows.
	raw     rawFinding
	except  exceptions
	read    spans.Span // The minutes read last, and what the ledger says of them.
	minutes ledgerdb.Minutes

	searched spans.Span // The range searched last for events in two rows, and how many minutes have some.
	repeated uint64
}

// pass is the state of one audit.
type pass struct {
	*Auditor
	limits Limits
	result Result
	topics []*topic

	truths    []truth // Of the runs that had ended when the audit began.
	truthsErr error
	edge      *edge // What collectors had reported by then.
	edgeErr   error

	clock    uint64                     // The database's clock when the audit began. It never decides what counts.
	newest   uint64                     // The newest version of any rollup then.
	future   map[string]uint64          // The newest version after the clock, by rollup.
	deadline time.Time                  // The end of all waiting for rollups; zero before the first wait.
	letters  *letters                   // Nil until they are read.
	cursors  map[string]ledgerdb.Bounds // How far the rollups have followed the ledger, by topic.
	pending  map[string][]spans.Span    // The ranges that they have passed and not updated, by rollup.
	flaws    map[string]flaw            // The first flaw of each raw table and rollup that has one.
	books    pricing.Books
	periods  []pricing.Period // That say which book prices what.
}

// Run makes one audit and writes its findings to the table audits. If they cannot be written, or ctx ends, it returns
// an error and the findings so far.
func (a *Auditor) Run(ctx context.Context) (Result, error) {
	limits, err := a.Limits.withDefaults()
	if err != nil {
		return Result{}, fmt.Errorf("limits of the audit: %w", err)
	}
	p := &pass{Auditor: a, limits: limits, flaws: make(map[string]flaw), books: pricing.Books{DB: a.DB}}
	if err := p.begin(ctx); err != nil {
		return Result{}, fmt.Errorf("begin the audit: %w", err)
	}
	for _, check := range []func(context.Context){p.checkLedger, p.checkRaw, p.checkLog, p.checkExceptions, p.checkRollups, p.checkRates, p.checkRuns, p.checkEdge, p.checkDeep} {
		check(ctx)
		if err := ctx.Err(); err != nil {
			return p.result, err
		}
	}
	order := []string{checkTiles, checkExceptions, checkHolds, checkEquals, checkRates, checkRun, checkEdge, checkOneTime}
	slices.SortStableFunc(p.result.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Check), slices.Index(order, b.Check))
	})
	p.result.OK = p.result.Differences() == 0
	return p.result, p.write(ctx)
}

// The checks.
const (
	checkTiles      = "ledger tiles"
	checkExceptions = "exceptions hold"
	checkHolds      = "raw holds"
	checkEquals     = "rollup equals"
	checkRates      = "rates follow books"
	checkRun        = "run adds up"
	checkEdge       = "collector adds up"
	checkOneTime    = "identity has one time"
)

// add adds a finding to the result.
func (p *pass) add(check, scope string, began time.Time, verdict Verdict, format string, args ...any) {
	if verdict == Pending && p.Settled {
		verdict, format = Difference, format+", and nothing is said to be under way"
	}
	f := Finding{Check: check, Scope: scope, Verdict: verdict, Detail: fmt.Sprintf(format, args...), Took: time.Since(began)}
	p.result.Findings = append(p.result.Findings, f)
	if p.Hooks.Finding != nil {
		p.Hooks.Finding(f)
	}
}

// fail adds the finding that a check could not be made.
func (p *pass) fail(check, scope string, began time.Time, err error) {
	p.add(check, scope, began, Error, "%s", strings.ReplaceAll(err.Error(), "\n", " "))
}

// begin reads how far the rollups are, then the ledger.
func (p *pass) begin(ctx context.Context) error {
	err := p.DB.Query(ctx, clockSQL, func(scan func(...any) error) error { return scan(&p.clock, &p.newest) })
	if err != nil {
		return err
	}
	p.future = make(map[string]uint64)
	err = p.DB.Query(ctx, futureSQL(p.clock), func(scan func(...any) error) error {
		var name string
		var version uint64
		if err := scan(&name, &version); err != nil {
			return err
		}
		p.future[name] = version
		return nil
	})
	if err != nil {
		return err
	}
	p.result.ID = time.UnixMicro(int64(p.clock)).UTC().Format("2006-01-02T15:04:05.000000Z")
	if err := p.readProgress(ctx); err != nil {
		return err
	}
	p.truths, p.truthsErr = p.readTruths(ctx)
	p.edge, p.edgeErr = p.readEdge(ctx)
	for _, spec := range schemas.Specs() {
		chains, err := ledgerdb.ReadChains(ctx, p.DB, spec.Topic)
		if err != nil {
			return err
		}
		p.topics = append(p.topics, &topic{spec: spec, chains: chains, bounds: chains.Bounds(), losers: chains.Losers()})
	}
	return nil
}

// write writes the findings to the database.
func (p *pass) write(ctx context.Context) error {
	if err := p.DB.Exec(ctx, auditsSQL(p.result)); err != nil {
		return fmt.Errorf("write %s of the audit: %w", plural.Of(len(p.result.Findings), "finding"), err)
	}
	return nil
}

// errDone ends a query early.
var errDone = errors.New("enough rows")

// queryFirst runs a query and scans its first row. It reports whether there was one.
func (p *pass) queryFirst(ctx context.Context, sql string, dest ...any) (found bool, err error) {
	err = p.DB.Query(ctx, sql, func(scan func(...any) error) error {
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

func at(minute int32) string { return spans.TimeOf(minute).Format("2006-01-02 15:04") }
