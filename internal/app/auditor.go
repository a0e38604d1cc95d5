package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/audit"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger/ledgerdb"
)

// AuditorConfig is what an Auditor works with. Namespace, Client and DB are required.
type AuditorConfig struct {
	Namespace string
	Client    *consumerkafka.Client
	DB        ledgerdb.DB
	// Deep also looks for identities that are stored at more than one time. It reads every row.
	Deep bool
	// Settled says that ingest is stopped: what would be pending is a difference.
	Settled bool
	// Finding is called with each finding as it is made. Optional.
	Finding func(audit.Finding)
	// Report is called with each whole audit; its error fails the audit. Optional.
	Report func(audit.Result) error
	// Counted is called after each audit that ctx did not cut short, with its result or why it failed. Optional.
	Counted func(result audit.Result, err error, took time.Duration)
	// Log gets audits that failed. Default none.
	Log *zap.Logger
}

// Auditor audits a namespace.
type Auditor struct {
	config AuditorConfig
	log    *zap.Logger
	checks atomic.Int64          // That the audit under way has made.
	last   atomic.Pointer[error] // why the last audit failed, or that none has ended; nil when it was made
}

// NewAuditor returns an Auditor that has not started.
func NewAuditor(c AuditorConfig) *Auditor {
	a := &Auditor{config: c, log: logger(c.Log)}
	starting := errors.New("starting: no audit has ended yet")
	a.last.Store(&starting)
	return a
}

// Ready returns why the last audit could not be made, nil if it could. An audit that finds a difference was made.
func (a *Auditor) Ready() error {
	if err := a.last.Load(); err != nil {
		return *err
	}
	return nil
}

// Once makes one audit. The end of ctx cuts it short: it then is neither counted nor part of Ready.
func (a *Auditor) Once(ctx context.Context) (audit.Result, error) {
	began := time.Now()
	log := &auditLog{client: a.config.Client, namespace: a.config.Namespace}
	auditor := &audit.Auditor{DB: a.config.DB, Log: log, Records: log, Deep: a.config.Deep, Settled: a.config.Settled, Hooks: audit.Hooks{Finding: a.found}}
	a.checks.Store(0)
	result, err := auditor.Run(ctx)
	if err == nil && a.config.Report != nil {
		err = a.config.Report(result)
	}
	if ctx.Err() != nil {
		return result, err
	}
	if a.config.Counted != nil {
		a.config.Counted(result, err, time.Since(began))
	}
	if err != nil {
		a.last.Store(&err)
		return result, err
	}
	a.last.Store(nil)
	return result, nil
}

// found counts a finding and hands it on.
func (a *Auditor) found(f audit.Finding) {
	a.checks.Add(1)
	if a.config.Finding != nil {
		a.config.Finding(f)
	}
}

// tell logs how far the audit is.
func (a *Auditor) tell() { a.log.Info("auditing", zap.Int64("checks", a.checks.Load())) }

// Every audits until ctx ends, each time pause after the end of the audit before, and returns the last whole result. It logs
// an audit that fails and continues with the next.
func (a *Auditor) Every(ctx context.Context, pause time.Duration) audit.Result {
	var last audit.Result
	for {
		began := time.Now()
		stop := telling(tellEvery, a.tell)
		result, err := a.Once(ctx)
		stop()
		switch {
		case err == nil && ctx.Err() != nil:
			return result
		case err == nil:
			last = result
			a.log.Info("audited", zap.Bool("ok", result.OK), zap.Int("checks", len(result.Findings)), zap.Int("differences", result.Differences()), zap.Duration("took", time.Since(began)),
				zap.Duration("again_in", pause))
		case ctx.Err() != nil:
			return last // This audit was cut short.
		default:
			a.log.Error("the audit could not be made", zap.Error(err), zap.Duration("again_in", pause))
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(pause):
		}
	}
}
