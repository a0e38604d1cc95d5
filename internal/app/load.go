package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/audit"
	"tidemark/consumers/clickhouse"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/internal/plural"
	"tidemark/internal/procstat"
	"tidemark/producers"
	"tidemark/producers/load"
	"tidemark/producers/load/threshold"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
)

// Load offers a pipeline that runs events at a rate and measures when each of them gets how far. The fields without a
// remark are required.
type Load struct {
	Namespace string
	Client    *consumerkafka.Client
	DB        *clickhouse.DB
	// Sender sends to a log that calls the Acknowledged of the Recorder.
	Sender   *producers.Sender
	Recorder *load.Recorder
	Options  load.Options
	// Poll is the time between two polls of the database.
	Poll time.Duration
	// Drain bounds the wait for the last event at the end.
	Drain time.Duration
	// Settle is how long to wait before the run until ingest has read what waits in the log. Default 0.
	Settle time.Duration
	// Thresholds are conditions of the user's, beside the checks of the verdict. Optional.
	Thresholds []threshold.Threshold
	// Calm is how many active parts a partition has when merges are done, as PartsAtStart of the first trial of a search
	// says. Above it, Settle also bounds the wait for merges. Default 0: no wait.
	Calm uint64
	// Stack returns what the process of the embedded stack has used, false if there is none. Optional.
	Stack func(context.Context) (procstat.Usage, bool)
	// LogBytes returns the bytes and the records of the batches that the brokers have. Optional.
	LogBytes func() (bytes, records uint64)
	// Check returns notes when all is drained, and why what was measured is not true, if so. Optional.
	Check func(context.Context) (notes []string, err error)
	// AuditLater leaves the audit to the caller, who makes one of many runs: see AuditRuns.
	AuditLater bool
	// Unreported says that the log takes no counts of the run, so the audit cannot judge them.
	Unreported bool
	// Retries returns how many batches were sent again. Optional.
	Retries func() uint64
	// AbortOnFail ends the run when a threshold does not hold, from AbortDelay after the warm-up on.
	AbortOnFail bool
	AbortDelay  time.Duration
	// Phase is called when a phase begins. Optional.
	Phase func(name string)
	// Polled is called after each poll of the database, from one goroutine that is not that of Phase. Optional.
	Polled func()
	// Log gets what the run survives. Default none.
	Log *zap.Logger

	// PartsAtStart is how many active parts the fullest partition had before the run. Run sets it.
	PartsAtStart uint64

	began  time.Time
	phases []load.Phase
}

// NewRecorder returns the recorder of a load test of a namespace. The other settings are those of a load.RecorderConfig.
func NewRecorder(namespace string, cfg load.RecorderConfig) *load.Recorder {
	cfg.Rolled = rolledTopics(namespace)
	return load.NewRecorder(cfg)
}

// Run makes the test. The end of ctx ends it early, with a summary of what was measured. If ctx has ended before, Client, DB and Sender
// may be nil. An error comes with a summary if there is something to sum up: SchemaVersion is 0 if not.
func (l *Load) Run(ctx context.Context) (load.Summary, error) {
	l.began = time.Now()
	log := logger(l.Log)
	l.enter("preflight")
	poller, notes, err := l.preflight(ctx)
	switch {
	case ctx.Err() != nil:
		return load.Summarize(l.Recorder, l.Options, l.unmade()), nil
	case err != nil:
		return load.Summary{}, err
	}
	poller.failed = func(err error) {
		log.Warn("the database did not answer a poll; what it has meanwhile is measured when it answers", zap.Error(err))
	}
	poller.polled = l.Polled
	probe := l.newProbe(ctx)
	var lacks []string // What could not be measured; read when the probe has ended.
	probe.failed = func(err error) {
		log.Warn("the database does not tell what it uses", zap.Error(err))
		lacks = append(lacks, "not all of the parts and the use of resources is known: "+err.Error())
	}
	polling, stop := context.WithCancel(context.WithoutCancel(ctx))
	var asking sync.WaitGroup
	asking.Go(func() { poller.run(polling) })
	asking.Go(func() { probe.run(polling) })
	l.enter("offer")
	ending := load.Ending{Namespace: l.Namespace, Started: l.began, Poll: l.Poll, Notes: notes, Thresholds: l.Thresholds}
	offering, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	if l.AbortOnFail {
		l.Recorder.Watch(l.Thresholds, l.AbortDelay, func(crossed *load.CrossedError) { abort(crossed) })
	}
	ending.Result, ending.Err = load.Run(offering, l.Sender, l.Options, l.Recorder)
	l.drain(ctx, &ending)
	stop()
	asking.Wait()
	ending.Notes = append(ending.Notes, lacks...)
	l.measureSizes(ctx, &ending)
	l.check(ctx, &ending)
	l.audit(ctx, &ending)
	l.enter("")
	ending.PollErrors, ending.Phases = poller.errors.Load(), l.phases
	if l.Retries != nil {
		ending.Retries = l.Retries()
	}
	return load.Summarize(l.Recorder, l.Options, ending), ending.Err
}

// notAudited is what is said of the audit of a run that was interrupted.
const notAudited = "not made: the run was ended"

// unmade is the ending of a run that was interrupted before anything was offered.
func (l *Load) unmade() load.Ending {
	l.enter("")
	return load.Ending{
		Namespace: l.Namespace, Started: l.began, Result: load.Result{Truth: &producers.Truth{}, Interrupted: true}, Poll: l.Poll, Audit: notAudited,
		Phases: l.phases, Notes: []string{}, Thresholds: l.Thresholds,
	}
}

// check asks whether what was measured is true.
func (l *Load) check(ctx context.Context, e *load.Ending) {
	if l.Check == nil || e.Result.Interrupted {
		return
	}
	notes, err := l.Check(ctx)
	e.Notes = append(e.Notes, notes...)
	e.Err = errors.Join(e.Err, err)
}

// enter ends the phase and begins the next one, none if name is "".
func (l *Load) enter(name string) {
	now := time.Since(l.began).Seconds()
	if n := len(l.phases); n > 0 {
		l.phases[n-1].ToS = now
	}
	if name == "" {
		return
	}
	l.phases = append(l.phases, load.Phase{Name: name, FromS: now})
	if l.Phase != nil {
		l.Phase(name)
	}
}

// preflight finds the topics and where they are, and notes what would spoil the measurement.
func (l *Load) preflight(ctx context.Context) (*loadPoller, []string, error) {
	if err := CheckSchema(ctx, l.DB); err != nil {
		return nil, nil, err
	}
	var p *loadPoller
	waiting, err := settle(ctx, l.Settle, time.Second, func() (waiting int64, err error) {
		p, waiting, err = l.locate(ctx)
		return waiting, err
	})
	if err != nil {
		return nil, nil, err
	}
	notes := []string{}
	if waiting > 0 {
		notes = append(notes, fmt.Sprintf("%s waited in the log before the run; ingest reads them first", plural.Of(waiting, "record")))
	}
	unmerged, err := l.calm(ctx)
	if err != nil {
		return nil, nil, err
	}
	notes = append(notes, unmerged...)
	idle, err := l.idleRoles(ctx)
	if err == nil && slices.Contains(idle, idleNote(schemas.RoleIngest)) {
		err = l.awaitIngest(ctx)
	}
	return p, append(notes, idle...), err
}

// settle asks how many records wait, again after every until none does or limit has passed, and returns the last answer.
func settle(ctx context.Context, limit, every time.Duration, ask func() (int64, error)) (waiting int64, err error) {
	for began := time.Now(); ; {
		if waiting, err = ask(); err != nil || waiting == 0 || time.Since(began)+every > limit {
			return waiting, err
		}
		select {
		case <-ctx.Done():
			return waiting, context.Cause(ctx)
		case <-time.After(every):
		}
	}
}

// locate returns a poller that knows where each topic is, and how many records wait for ingest.
func (l *Load) locate(ctx context.Context) (p *loadPoller, waiting int64, err error) {
	p = &loadPoller{db: l.DB, recorder: l.Recorder, every: l.Poll, topics: map[string]*polledTopic{}, since: int32(l.began.Add(-l.lateness()).Unix()/60) - 1}
	log := &auditLog{client: l.Client, namespace: l.Namespace}
	for _, spec := range schemas.Specs() {
		listed, err := log.Topic(ctx, spec.Topic)
		if err != nil {
			return nil, 0, err
		}
		t := &polledTopic{
			name: schemas.TopicName(l.Namespace, spec.Topic), spec: spec, id: listed.ID, raw: map[int32]int64{}, rolled: map[string]map[int32]int64{},
		}
		for _, table := range rollupsOf(spec.Type) {
			t.rolled[table] = map[int32]int64{}
		}
		if err := t.findEpoch(ctx, l.DB); err != nil {
			return nil, 0, err
		}
		if t.ends, err = ledgerdb.ReadEnds(ctx, l.DB, spec.Topic, nil); err != nil {
			return nil, 0, err
		}
		for id, offsets := range listed.Partitions {
			t.raw[id] = t.ends[t.partition(id)]
			waiting += max(offsets.End-max(t.raw[id], offsets.Start), 0)
		}
		p.topics[t.name] = t
	}
	return p, waiting, nil
}

// lateness returns how long before the run an event of it may have happened.
func (l *Load) lateness() time.Duration {
	switch {
	case l.Options.Workload.Late > 0:
		return synthetic.MaxLate
	case l.Options.Workload.OutOfOrder > 0:
		return synthetic.MaxDisorder
	}
	return 0
}

// idleRoles returns a note for each kind of worker that nobody has reported for a minute.
func (l *Load) idleRoles(ctx context.Context) ([]string, error) {
	working := map[string]bool{}
	sql := "SELECT DISTINCT toString(role) FROM " + schemas.HeartbeatsTable + " FINAL WHERE worker != '' AND NOT stopped AND seen_at > now64(6) - INTERVAL 1 MINUTE"
	err := l.DB.Query(ctx, sql, func(scan func(...any) error) error {
		var role string
		err := scan(&role)
		working[role] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read which workers run: %w", err)
	}
	var notes []string
	for _, role := range []string{schemas.RoleIngest, schemas.RoleRollup} {
		if !working[role] {
			notes = append(notes, idleNote(role))
		}
	}
	return notes, nil
}

func idleNote(role string) string {
	return fmt.Sprintf("no %s worker has reported within the last minute", role)
}

// drain waits until readers see every event, but not for longer than Drain, and not at all after an interruption.
func (l *Load) drain(ctx context.Context, e *load.Ending) {
	if e.Result.Interrupted {
		return
	}
	l.enter("drain")
	began := time.Now()
	timeout := time.NewTimer(l.Drain)
	defer timeout.Stop()
	tick := time.NewTicker(l.Poll)
	defer tick.Stop()
	for {
		if !e.Drained {
			e.Drained, e.DrainTook = l.Recorder.Waiting(load.Stored) == 0, time.Since(began)
		}
		if e.Drained && l.Recorder.Waiting(load.Raw) == 0 && l.Recorder.Waiting(load.Rollup) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			e.Result.Interrupted = true
			return
		case <-timeout.C:
			return
		case <-tick.C:
		}
	}
}

// auditedLater is what is said of the audit of a run that is audited with others.
const auditedLater = "made once for all runs, after the last"

// audit audits the namespace. A run that the audit did not judge is not proven right.
func (l *Load) audit(ctx context.Context, e *load.Ending) {
	switch {
	case e.Result.Interrupted:
		e.Audit = notAudited
		return
	case l.AuditLater:
		e.AuditLater, e.Audit = true, auditedLater
		return
	}
	var judged []string
	if e.Drained && e.Err == nil && !l.Unreported {
		judged = append(judged, l.Options.Run)
	}
	var err error
	switch e.AuditOK, e.Audit, err = l.AuditRuns(ctx, judged); {
	case ctx.Err() != nil:
		e.Result.Interrupted, e.AuditOK, e.Audit = true, false, notAudited
	case err != nil:
		e.Audit = "not made: " + err.Error()
	default:
		e.Audited = true
	}
}

// AuditRuns audits the namespace and returns whether that proves it right, and what the audit says. judged are the runs whose counts it
// has to have found.
func (l *Load) AuditRuns(ctx context.Context, judged []string) (ok bool, text string, err error) {
	l.enter("audit")
	result, err := NewAuditor(AuditorConfig{Namespace: l.Namespace, Client: l.Client, DB: l.DB}).Once(ctx)
	if err != nil {
		return false, "", err
	}
	ok, text = judgeAudit(result, judged)
	return ok, text, nil
}

// judgeAudit returns whether an audit proves runs right, and what it says. judged are those whose counts it has to have found.
func judgeAudit(result audit.Result, judged []string) (ok bool, text string) {
	found := map[string]bool{}
	for _, f := range result.Findings {
		if schemas.Failed(string(f.Verdict)) {
			return false, fmt.Sprintf("%s; first: %s, %s: %s", plural.Of(result.Differences(), "difference"), f.Check, f.Scope, f.Detail)
		}
		// The scope of a run is its name, which may have blanks, and a type.
		if end := strings.LastIndexByte(f.Scope, ' '); end > 0 && f.Verdict == audit.OK {
			found[f.Scope[:end]] = true
		}
	}
	if !result.OK {
		return false, "a check could not be made"
	}
	for _, run := range judged {
		if !found[run] {
			return false, "the audit has not judged the counts of run " + run
		}
	}
	return true, fmt.Sprintf("no difference in %s", plural.Of(len(result.Findings), "check"))
}

// measureSizes reads what is known when every event is stored.
func (l *Load) measureSizes(ctx context.Context, e *load.Ending) {
	if e.Result.Interrupted {
		return
	}
	e.PartsToDelay = partsToDelay(ctx, l.DB)
	from, measured := l.Recorder.Measured()
	l.measureSizesOf(ctx, e, measured, l.Recorder.Elapsed()-from-measured)
}

// measureSizesOf reads bytes per event, and for how long ingest waited for inserts in a time that ended some time ago.
func (l *Load) measureSizesOf(ctx context.Context, e *load.Ending, measured, ago time.Duration) {
	var err error
	if e.Inserts, err = l.insertShare(ctx, measured, ago); err != nil {
		e.Notes = append(e.Notes, err.Error())
	}
	if e.DiskBytes, err = l.diskPerEvent(ctx); err != nil {
		e.Notes = append(e.Notes, err.Error())
	}
	if l.LogBytes == nil {
		return
	}
	if bytes, records := l.LogBytes(); records > 0 {
		each := float64(bytes) / float64(records)
		e.LogBytes = &each
	}
}
