package cli

import (
	"fmt"
	"sync/atomic"

	"go.uber.org/zap"

	"tidemark/consumers/ledger"
)

// totals sums the blocks of this process. Safe for concurrent use.
type totals struct {
	offsets, stored, duplicates, conflicts, dead, control, gap atomic.Uint64

	lag atomic.Int64 // ProduceLag of the last block that tells it, nanoseconds.
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
		t.lag.Store(int64(row.ProduceLag))
	}
}

// String says what became of the offsets; the parts add up to them.
func (t *totals) String() string {
	text := fmt.Sprintf("%s stored, %s duplicates, %s conflicts, %s dead letters", number(t.stored.Load()), number(t.duplicates.Load()),
		number(t.conflicts.Load()), number(t.dead.Load()))
	if n := t.control.Load(); n > 0 {
		text += fmt.Sprintf(", %s control (transaction markers and aborted records)", number(n))
	}
	if n := t.gap.Load(); n > 0 {
		text += fmt.Sprintf(", %s gap (lost to retention before they were read)", number(n))
	}
	return text
}

// warnOfGaps tells of records that nobody will read.
func (in *ingester) warnOfGaps(row *ledger.Row) {
	for _, e := range row.Exceptions {
		if e.Disposition == ledger.Gap {
			in.log.Warn("the log did not hold these offsets any more: lost to retention before they were read",
				zap.String("topic", row.Topic), zap.Int32("partition", row.Partition), zap.Int64("from", e.From), zap.Int64("to", e.To))
		}
	}
}
