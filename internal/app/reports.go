package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"tidemark/consumers/health"
	consumerkafka "tidemark/consumers/kafka"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/internal/procstat"
)

// Reports tell the database, for dashboards and alerts, that a process works and what the log holds.
type Reports struct {
	// Client asks the brokers what the log holds.
	Client    *consumerkafka.Client
	DB        ledgerdb.DB
	Namespace string
	// Roles are what the process works as: health.Ingest, health.Rollup, health.Audit. At least one.
	Roles []string
	// Log gets failures to report. Default none.
	Log *zap.Logger
}

// Start reports until the returned function is called, which waits for the last report. The end of ctx does not end the
// reports: a process that was asked to stop works until it has finished.
func (r Reports) Start(ctx context.Context) (stop func()) {
	log := logger(r.Log)
	reporter := &health.Reporter{DB: r.DB, Log: healthLog{&auditLog{client: r.Client, namespace: r.Namespace}}, Roles: r.Roles, Usage: usage, Hooks: health.Hooks{Error: func(err error) {
		log.Warn("cannot report that this process works and what the log holds; dashboards will show it as missing", zap.Error(err))
	}}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		reporter.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// usage is what this process has used, 0 if the system does not tell.
func usage() (cpu time.Duration, resident uint64) {
	u, _ := procstat.Read()
	return u.CPU, u.Resident
}

// During runs work and reports as long as it runs.
func (r Reports) During(ctx context.Context, work func(context.Context) error) error {
	defer r.Start(ctx)()
	return work(ctx)
}
