package ingest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// block is a contiguous range of decided offsets under construction: the rows to insert, the dead letters, and the
// figures of the ledger row. It is a pure accumulator, and is used again after reset.
type block struct {
	columns schemas.Columns
	offsets []int64 // Of the rows in columns.

	from, to int64 // The offsets covered, [from, to).
	first    int64 // The offset of the first record; from if there is none yet.
	records  int
	opened   time.Time // When the first record or gap was taken.

	exceptions []ledger.Span
	counts     [ledger.Gap + 1]uint64
	bytes      uint64
	newest     int64 // Time of the newest stored event, microseconds since 1970.
	produced   produced
	adopted    bool // Some rows were decided by an earlier worker.
	runs       tally[string, ledger.RunCount]
	buckets    tally[int32, ledger.Bucket]

	letters     []*usagev1.DeadLetter
	letterBytes int
	memory      int // Of columns and letters, in bytes.
}

func newBlock(t schemas.Type) *block { return &block{columns: schemas.NewColumns(t)} }

// reset empties the block and lets it begin at an offset.
func (b *block) reset(from int64) {
	b.columns.Reset()
	*b = block{columns: b.columns, offsets: b.offsets[:0], from: from, to: from, first: from,
		runs: b.runs.emptied(), buckets: b.buckets.emptied(), exceptions: b.exceptions[:0]}
}

func (b *block) empty() bool { return b.to == b.from }

// full reports whether the block has reached a limit. An empty block is never full.
func (b *block) full(l *Limits) bool {
	return !b.empty() && (len(b.offsets) >= l.Rows || b.memory >= l.Bytes)
}

// tooFar reports whether a record at that offset is further from the block's first than a block may reach.
func (b *block) tooFar(offset, window int64) bool { return b.records > 0 && offset-b.first > window }

// ready reports whether the block is to be flushed: it is full, or has been open for long enough.
func (b *block) ready(now time.Time, l *Limits) bool {
	return b.full(l) || !b.empty() && b.untilDue(now, l) <= 0
}

// untilDue returns how long the block may still stay open; 0 or less when it is due.
func (b *block) untilDue(now time.Time, l *Limits) time.Duration {
	return b.opened.Truncate(l.Age).Add(l.Age).Sub(now)
}

// cover adds the offsets up to the end of a record.
func (b *block) cover(rec *Record) {
	if b.records == 0 {
		b.first = rec.Offset
	}
	b.records++
	b.bytes += uint64(len(rec.Value))
	b.to = rec.End()
	b.memory = b.columns.Bytes() + b.letterBytes + spanBytes*len(b.exceptions)
}

const spanBytes = 24

// run returns the counts of a run. Runs come from outside: beyond ledger.MaxRuns they are counted together.
func (b *block) run(name string) *ledger.RunCount {
	if len(b.runs.values) >= ledger.MaxRuns && !b.runs.has(name) {
		name = ledger.OtherRuns
	}
	return b.runs.of(name)
}

// addException adds offsets that are not stored, [from, to).
func (b *block) addException(from, to int64, d ledger.Disposition) {
	b.exceptions = ledger.AppendSpan(b.exceptions, ledger.Span{From: from, To: to, Disposition: d})
	b.counts[d] += uint64(to - from)
}

// addStored accounts for a stored row.
func (b *block) addStored(row *OrphanRow, p Partition) {
	if b.counts[ledger.Stored]++; b.counts[ledger.Stored] == 1 || row.Time > b.newest {
		b.newest = row.Time
	}
	b.run(row.Run).Stored++
	bucket := b.buckets.of(schemas.MinuteOf(row.Time))
	if bucket.Rows++; bucket.Rows == 1 {
		bucket.MinOffset = row.Offset
	}
	bucket.MaxOffset = row.Offset
	bucket.Checksum += row.Checksum
	bucket.Content += row.Content
	if row.Identity.Partition(p.Count) != p.ID {
		bucket.Strays++
	}
	if row.Revision > 0 {
		bucket.Revised++
	}
}

// ledgerRow returns the part of the ledger row that follows from the records. It shares nothing with the block.
func (b *block) ledgerRow() ledger.Row {
	row := ledger.Row{From: b.from, To: b.to, Exceptions: slices.Clone(b.exceptions), Bytes: b.bytes, FetchedAt: b.opened,
		Stored: b.counts[ledger.Stored], Duplicates: b.counts[ledger.Duplicate], Conflicts: b.counts[ledger.Conflict],
		Dead: b.counts[ledger.Dead], Control: b.counts[ledger.Control], Gap: b.counts[ledger.Gap]}
	if b.produced.oldest > 0 {
		row.OldestProduced, row.NewestProduced = time.UnixMilli(b.produced.oldest), time.UnixMilli(b.produced.newest)
	}
	for _, run := range slices.Sorted(maps.Keys(b.runs.index)) {
		count := *b.runs.of(run)
		count.Run = run
		row.Runs = append(row.Runs, count)
	}
	for _, minute := range slices.Sorted(maps.Keys(b.buckets.index)) {
		bucket := *b.buckets.of(minute)
		bucket.Minute = minute
		row.Buckets = append(row.Buckets, bucket)
	}
	if n := len(row.Buckets); n > 0 {
		row.MinMinute, row.MaxMinute = row.Buckets[0].Minute, row.Buckets[n-1].Minute
	}
	return row
}

// tally holds a value for each key. It is fast when the key is mostly the same as in the previous call.
type tally[K cmp.Ordered, V any] struct {
	index  map[K]int
	values []V
	key    K
	last   int
}

// of returns the value of a key, the zero value at first. It is valid until the next call.
func (t *tally[K, V]) of(key K) *V {
	if len(t.values) > 0 && key == t.key {
		return &t.values[t.last]
	}
	at, ok := t.index[key]
	if !ok {
		if t.index == nil {
			t.index = make(map[K]int)
		}
		var zero V
		at = len(t.values)
		t.index[key] = at
		t.values = append(t.values, zero)
	}
	t.key, t.last = key, at
	return &t.values[at]
}

// has reports whether there is a value of a key.
func (t *tally[K, V]) has(key K) bool {
	if len(t.values) > 0 && key == t.key {
		return true
	}
	_, ok := t.index[key]
	return ok
}

// emptied returns the tally without keys, with its memory.
func (t tally[K, V]) emptied() tally[K, V] {
	clear(t.index)
	return tally[K, V]{index: t.index, values: t.values[:0]}
}
