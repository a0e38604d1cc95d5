package app

import (
	"sync/atomic"
	"time"

	"tidemark/consumers/ledger"
)

// Totals are what an Ingester has accounted for. Offsets is the sum of Stored, Duplicates, Conflicts, Dead, Control and Gap.
type Totals struct {
	Offsets, Stored, Duplicates, Conflicts, Dead, Control, Gap uint64
	// Freshness is the time from the oldest record of the last block entering the log to the block being queryable.
	Freshness time.Duration
}

// totals sum the blocks of an Ingester. They are safe for concurrent use.
type totals struct {
	offsets, stored, duplicates, conflicts, dead, control, gap atomic.Uint64
	freshness                                                  atomic.Int64 // Nanoseconds.
}

func (t *totals) add(row *ledger.Row) {
	t.offsets.Add(uint64(row.To - row.From))
	t.stored.Add(row.Stored)
	t.duplicates.Add(row.Duplicates)
	t.conflicts.Add(row.Conflicts)
	t.dead.Add(row.Dead)
	t.control.Add(row.Control)
	t.gap.Add(row.Gap)
	if !row.OldestProduced.IsZero() {
		t.freshness.Store(int64(row.ProduceLag))
	}
}

func (t *totals) read() Totals {
	return Totals{
		Offsets: t.offsets.Load(), Stored: t.stored.Load(), Duplicates: t.duplicates.Load(), Conflicts: t.conflicts.Load(),
		Dead: t.dead.Load(), Control: t.control.Load(), Gap: t.gap.Load(), Freshness: time.Duration(t.freshness.Load()),
	}
}
