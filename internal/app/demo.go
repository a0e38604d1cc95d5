package app

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"tidemark/consumers/audit"
	"tidemark/consumers/clickhouse"
	"tidemark/schemas"
)

// Demo runs a whole pipeline in one process: it produces events, receives others, ingests all and rolls it up; at the end it drains the
// log and audits. The namespace is migrated. The fields without a remark are required.
type Demo struct {
	DB       *clickhouse.DB
	Ingester *Ingester
	Roller   *Roller
	Auditor  *Auditor
	Reports  Reports
	// Produce sends events until it is done or its context ends, and returns how many records the log has acknowledged.
	Produce func(ctx context.Context) (Records, error)

	// Collector receives events while Produce runs. Optional.
	Collector *Collector
	// Live runs beside Produce; its context ends with Produce, which waits for it. Optional.
	Live func(ctx context.Context)
	// Draining is called when Produce has ended, before the log is drained. Optional.
	Draining func()
}

// Records are numbers of records by type.
type Records [schemas.NumTypes]uint64

// DemoResult is what a Demo did.
type DemoResult struct {
	Produced Records
	Took     time.Duration // to produce
	// Collected are the events that the Collector received.
	Collected Records
	// Accounts are by topic, without the namespace.
	Accounts map[string]Account
	Audit    audit.Result
}

// Account is what the ledger and the tables say of one topic.
type Account struct {
	Stored, Duplicates, Conflicts, Dead uint64
	// RawTokens and RollupTokens are sums of input tokens of 128 bits, in digits; "" but for token calls.
	RawTokens, RollupTokens string
}

// Accounts reports whether the ledger accounts for so many produced records.
func (a Account) Accounts(produced uint64) bool {
	return produced == a.Stored+a.Duplicates+a.Conflicts+a.Dead
}

// Run runs the pipeline. The end of ctx ends Produce only: what was produced is still drained and audited.
func (d *Demo) Run(ctx context.Context) (DemoResult, error) {
	defer d.Reports.Start(ctx)()
	var result DemoResult
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	consumers, failed := errgroup.WithContext(working)
	consumers.Go(func() error { return d.Ingester.Run(working) })
	consumers.Go(func() error { return d.Roller.RunAlone(working) })
	if d.Collector != nil {
		consumers.Go(func() error { return d.Collector.Run(working) })
	}
	producing, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(failed, cancel)() // Without a consumer there is nothing to show.
	begin := time.Now()
	var err error
	result.Produced, err = d.produce(producing)
	result.Took = time.Since(begin)
	stop()
	if waitErr := consumers.Wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return result, err
	}
	if d.Collector != nil {
		result.Collected = d.Collector.Acknowledged()
	}
	drain := context.WithoutCancel(ctx)
	if d.Draining != nil {
		d.Draining()
	}
	if err := d.Ingester.RunUntilCaughtUp(drain); err != nil {
		return result, fmt.Errorf("drain the log: %w", err)
	}
	if err := d.Roller.UntilCaughtUp(drain); err != nil {
		return result, fmt.Errorf("roll up: %w", err)
	}
	if result.Accounts, err = d.accounts(drain); err != nil {
		return result, err
	}
	result.Audit, err = d.Auditor.Once(drain)
	return result, err
}

// produce runs Produce, and Live beside it.
func (d *Demo) produce(ctx context.Context) (Records, error) {
	done := make(chan struct{})
	live, stop := context.WithCancel(ctx)
	go func() {
		defer close(done)
		if d.Live != nil {
			d.Live(live)
		}
	}()
	records, err := d.Produce(ctx)
	stop()
	<-done
	return records, err
}

// RolledUp returns the calls, tokens and queries that the rollups show.
func (d *Demo) RolledUp(ctx context.Context) (calls, tokens, queries uint64, err error) {
	err = d.DB.Query(ctx, "SELECT toUInt64((SELECT sum(calls) FROM token_calls_1m)), toUInt64((SELECT sum(input_tokens + output_tokens) FROM token_calls_1m)), toUInt64((SELECT sum(queries) FROM queries_1m))",
		func(scan func(...any) error) error { return scan(&calls, &tokens, &queries) })
	return calls, tokens, queries, err
}

// accounts reads what the ledger and the tables say of each topic.
func (d *Demo) accounts(ctx context.Context) (map[string]Account, error) {
	accounts := map[string]Account{}
	err := d.DB.Query(ctx, "SELECT toString(topic), sum(stored), sum(duplicates), sum(conflicts), sum(dead) FROM "+schemas.LedgerTable+" FINAL GROUP BY topic", func(scan func(...any) error) error {
		var topic string
		var a Account
		if err := scan(&topic, &a.Stored, &a.Duplicates, &a.Conflicts, &a.Dead); err != nil {
			return err
		}
		accounts[topic] = a
		return nil
	})
	if err != nil {
		return nil, err
	}
	topic := schemas.SpecOf(schemas.TokenCallType).Topic
	calls := accounts[topic]
	err = d.DB.Query(ctx, "SELECT toString((SELECT "+schemas.TokensSQL("input_tokens")+" FROM token_calls)), toString((SELECT sum(input_tokens) FROM token_calls_1m))", func(scan func(...any) error) error {
		return scan(&calls.RawTokens, &calls.RollupTokens)
	})
	accounts[topic] = calls
	return accounts, err
}
