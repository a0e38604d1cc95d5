package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tidemark/consumers/audit"
	"tidemark/consumers/health"
	"tidemark/internal/app"
)

type auditCmd struct {
	commonFlags
	kafkaFlags
	clickhouseFlags
	opsFlags
	outputFlags
	Verbose bool          `short:"v" help:"List every check, also those that found what they should." group:"Audit"`
	Deep    bool          `help:"Also look for identities that are stored at more than one time. Reads every row once more." group:"Audit"`
	Settled bool          `help:"Assert that ingest is stopped: report rows without a ledger row as differences instead of pending." group:"Audit"`
	Every   time.Duration `help:"Audit again this long after the end of each audit, until a signal. 0 audits once." default:"0s" placeholder:"10m" group:"Audit" range:"0,1s..8760h"`
}

// Help implements kong.HelpProvider.
func (auditCmd) Help() string {
	return `Tidemark compares the log with the ledger, the ledger with the raw rows, and the raw rows with the rollups:

  - The ledger accounts for every offset of every partition that the brokers list, once.
  - The raw tables hold exactly the rows that the ledger lists as stored, and the identity of each row fits its tenant,
    source and id.
  - Offsets that are not stored are what the ledger calls them, as far as the log and the dead-letter topic still hold them.
  - Every rollup bucket equals a recomputation that removes all duplicates.
  - For every producer run that reported its counts, as many events arrived as it reported.

Each line is a check that found something; --verbose lists all. A difference names the table, the partition, and the offset or bucket. A table computed from a
wrong one counts as wrong and names the cause. The verdicts also go into the table "audits", which dashboards and alerts
read. The exit code is 1 on any difference, and 3 if there is none but a check could not be
made; with --every it is that of the last whole audit.

An audit reads every row, so leave time between audits. Choose --every so that no verdict becomes older than 3 hours:
after 3 hours the alert "A worker is missing" fires. With --every, --metrics-listen serves the results of the last
audit, and /readyz answers 503 while no audit can be made.`
}

// Example implements exampler.
func (auditCmd) Example() string {
	return "tidemark audit --brokers kafka-1:9092 --clickhouse https://clickhouse:8443 --every 1h --metrics-listen :9110"
}

func (c *auditCmd) validate() error {
	return invalid(c.commonFlags.validate(), c.kafkaFlags.validate(), c.clickhouseFlags.validate(), c.opsFlags.validate(), ranges(*c))
}

// Run audits once, or again and again.
func (c *auditCmd) Run(ctx context.Context, s Streams) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	db, err := c.open(c.Namespace)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := c.reach(ctx); err != nil {
		return err
	}
	client, err := c.client("tidemark-audit")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	log, m := c.logger(s), newMetrics(c.Namespace)
	var state auditState
	config := app.AuditorConfig{Namespace: c.Namespace, Client: client, DB: db, Deep: c.Deep, Settled: c.Settled, Log: log, Counted: m.audited, Finding: state.found}
	if c.Every > 0 {
		config.Report = func(result audit.Result) error { return c.print(s, result) }
	}
	auditor := app.NewAuditor(config)
	if c.Every > 0 {
		stop, err := c.serve(ctx, m.registry, auditor.Ready, log)
		if err != nil {
			return err
		}
		defer stop()
	}
	if err := app.CheckSchema(ctx, db); err != nil {
		return err
	}
	if c.Every == 0 {
		return c.once(ctx, s, auditor, &state)
	}
	return reporting(ctx, c.kafkaFlags, db, c.Namespace, log, health.Audit, func(ctx context.Context) error {
		return verdict(auditor.Every(ctx, c.Every))
	})
}

// once audits once, and tells meanwhile how far it is.
func (c *auditCmd) once(ctx context.Context, s Streams, auditor *app.Auditor, state *auditState) error {
	var result audit.Result
	report := newProgress(s.Err)
	err := report.beside(ctx, func() { report.line("%s", state.line()) }, func(ctx context.Context) (err error) {
		result, err = auditor.Once(ctx)
		return err
	})
	if err == nil {
		err = c.print(s, result)
	}
	if err != nil {
		return err
	}
	return verdict(result)
}

// auditState is how far an audit is. It is safe for concurrent use.
type auditState struct {
	mu   sync.Mutex
	made int
	last audit.Finding
}

func (a *auditState) found(f audit.Finding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made++
	a.last = f
}

func (a *auditState) line() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.made == 0 {
		return "no check is made yet"
	}
	return fmt.Sprintf("checks made: %d, the last: %s %s", a.made, a.last.Check, a.last.Scope)
}

// print prints an audit: one line of JSON if there is another to come.
func (c *auditCmd) print(s Streams, result audit.Result) error {
	switch {
	case c.json() && c.Every > 0:
		return json.NewEncoder(s.Out).Encode(auditOutput(result))
	case c.json():
		return printJSON(s.Out, auditOutput(result))
	}
	return audit.Report(s.Out, result, c.Verbose)
}

// verdict is the command's outcome. An audit that found no difference but could not make every check has not looked.
func verdict(result audit.Result) error {
	switch {
	case result.OK || len(result.Findings) == 0:
		return nil
	case slices.ContainsFunc(result.Findings, func(f audit.Finding) bool { return f.Verdict == audit.Difference }):
		return errFound
	}
	return &exitError{code: exitFailed}
}
