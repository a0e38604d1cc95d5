package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/internal/procstat"
	"tidemark/producers/load"
	"tidemark/schemas"
)

// The roles of processes that do not report themselves.
const (
	// roleStack is broker and engine in one process.
	roleStack = "stack"
	// roleClickHouse is a ClickHouse server: its CPU time is that of statements, inserts and merges.
	roleClickHouse = "clickhouse"
)

// loadProbe asks once per second what the database and the processes use. It is apart from the poller, whose answers it
// may not delay.
type loadProbe struct {
	db       ledgerdb.Querier
	recorder *load.Recorder
	// stack returns what the process of the embedded stack has used, false if there is none. Nil for none.
	stack func(context.Context) (procstat.Usage, bool)

	beats  map[string]uint64 // The last one of each worker.
	server bool              // ClickHouse tells its memory.
	failed func(error)       // Called once.
	told   bool
}

// Times of the probe.
const (
	probeEvery = time.Second
	beatsEvery = 5 * time.Second // Workers report every 10 s.
)

// run asks until ctx ends.
func (p *loadProbe) run(ctx context.Context) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		err := p.once(ctx, n%int(beatsEvery/probeEvery) == 0)
		if err != nil && !p.told && ctx.Err() == nil {
			p.told = true
			p.failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// once asks what the processes have used, and with beats also what workers have reported.
func (p *loadProbe) once(ctx context.Context, beats bool) error {
	if u, ok := procstat.Read(); ok {
		p.used(load.LoadRole, u)
	}
	embedded := false
	if p.stack != nil {
		var u procstat.Usage
		if u, embedded = p.stack(ctx); embedded {
			p.used(roleStack, u)
		}
	}
	if err := p.engine(ctx, !embedded); err != nil {
		return err
	}
	if !beats {
		return nil
	}
	return p.workers(ctx)
}

func (p *loadProbe) used(role string, u procstat.Usage) {
	p.recorder.Used(load.Reading{Role: role, At: p.recorder.Elapsed(), CPU: u.CPU, Resident: u.Resident})
}

// engineSQL reads what ClickHouse says of a database's parts and of itself. CPU time is that of its threads at work on
// statements and merges.
const engineSQL = `SELECT
	ifNull((SELECT max(n) FROM (SELECT count() AS n FROM system.parts WHERE database = currentDatabase() AND active GROUP BY table, partition_id)), 0),
	(SELECT count() FROM system.merges WHERE database = currentDatabase()),
	sumIf(value, event = 'DelayedInserts'), sumIf(value, event = 'OSCPUVirtualTimeMicroseconds')
	FROM system.events WHERE event IN ('DelayedInserts', 'OSCPUVirtualTimeMicroseconds')`

// engine reads the active parts, and with usage what a ClickHouse that is a server uses.
func (p *loadProbe) engine(ctx context.Context, usage bool) error {
	var e load.Engine
	var cpu uint64
	err := p.db.Query(ctx, engineSQL, func(scan func(...any) error) error { return scan(&e.Parts, &e.Merges, &e.Delayed, &cpu) })
	if err != nil {
		return fmt.Errorf("read the active parts: %w", err)
	}
	p.recorder.Engine(e)
	if !usage || !p.server {
		return nil
	}
	var resident float64
	err = p.db.Query(ctx, memorySQL, func(scan func(...any) error) error { return scan(&resident) })
	if err != nil {
		return fmt.Errorf("read ClickHouse's memory: %w", err)
	}
	if resident > 0 {
		p.used(roleClickHouse, procstat.Usage{CPU: time.Duration(cpu) * time.Microsecond, Resident: uint64(resident)})
	}
	return nil
}

const memorySQL = "SELECT toFloat64(value) FROM system.asynchronous_metrics WHERE metric = 'MemoryResident'"

// workersSQL reads what the workers at work have reported. A process of several roles has one row.
const workersSQL = "SELECT worker, arrayStringConcat(arraySort(groupUniqArray(toString(role))), '+'), max(beat), max(cpu_us), max(resident_bytes), " +
	"min(dateDiff('microsecond', seen_at, now64(6))) FROM " + schemas.HeartbeatsTable +
	" FINAL WHERE worker != '' AND NOT stopped AND seen_at > now64(6) - INTERVAL 1 MINUTE AND cpu_us > 0 GROUP BY worker"

// workers reads the reports of workers that are new. Their times are by the database's clock, so only their age counts.
func (p *loadProbe) workers(ctx context.Context) error {
	err := p.db.Query(ctx, workersSQL, func(scan func(...any) error) error {
		r := load.Reading{}
		var beat, cpu uint64
		var age int64
		if err := scan(&r.ID, &r.Role, &beat, &cpu, &r.Resident, &age); err != nil {
			return err
		}
		if beat == p.beats[r.ID] {
			return nil
		}
		p.beats[r.ID] = beat
		r.At, r.CPU = p.recorder.Elapsed()-time.Duration(age)*time.Microsecond, time.Duration(cpu)*time.Microsecond
		p.recorder.Used(r)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read what workers use: %w", err)
	}
	return nil
}

// newProbe returns a probe that knows whether ClickHouse tells its memory: an embedded engine does not.
func (l *Load) newProbe(ctx context.Context) *loadProbe {
	p := &loadProbe{db: l.DB, recorder: l.Recorder, stack: l.Stack, beats: map[string]uint64{}}
	p.server = l.DB.Query(ctx, memorySQL, func(func(...any) error) error { return nil }) == nil
	return p
}

// partsToDelay returns how many parts of a partition make the database delay inserts, 0 if it does not tell.
func partsToDelay(ctx context.Context, db ledgerdb.Querier) uint64 {
	var n uint64
	const sql = "SELECT toUInt64OrZero(value) FROM system.merge_tree_settings WHERE name = 'parts_to_delay_insert'"
	_ = db.Query(ctx, sql, func(scan func(...any) error) error { return scan(&n) }) // The verdict takes the default.
	return n
}

// insertShare returns the share of the measured time that the busiest partition waited for the database's inserts, as
// the ledger has it; nil if it was not all measured.
func (l *Load) insertShare(ctx context.Context, measured time.Duration, ago time.Duration) (*float64, error) {
	if ago < 0 || measured <= 0 {
		return nil, nil
	}
	sql := fmt.Sprintf("SELECT max(busy), count() FROM (SELECT sum(insert_us) AS busy FROM %s WHERE written_at > now64(6) - toIntervalMicrosecond(%d) AND "+
		"written_at <= now64(6) - toIntervalMicrosecond(%d) GROUP BY topic, epoch, partition)", schemas.LedgerTable, (ago + measured).Microseconds(), ago.Microseconds())
	var busy, n uint64
	if err := l.DB.Query(ctx, sql, func(scan func(...any) error) error { return scan(&busy, &n) }); err != nil {
		return nil, fmt.Errorf("read for how long ingest waited for inserts: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	share := min(float64(busy)/float64(measured.Microseconds()), 1) // A block of before may end within it.
	return &share, nil
}

// diskPerEvent returns the bytes that the tables of the namespace take on disk per raw row, nil if there are none.
func (l *Load) diskPerEvent(ctx context.Context) (*float64, error) {
	var raw []string
	for _, spec := range schemas.Specs() {
		raw = append(raw, schemas.Quote(spec.RawTable))
	}
	sql := "SELECT sum(bytes_on_disk), sumIf(rows, table IN (" + strings.Join(raw, ", ") + ")) FROM system.parts WHERE database = currentDatabase() AND active"
	var bytes, rows uint64
	if err := l.DB.Query(ctx, sql, func(scan func(...any) error) error { return scan(&bytes, &rows) }); err != nil {
		return nil, fmt.Errorf("read the size of the tables: %w", err)
	}
	if rows == 0 {
		return nil, nil
	}
	each := float64(bytes) / float64(rows)
	return &each, nil
}
