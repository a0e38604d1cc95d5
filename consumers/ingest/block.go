package ingest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// block is a contiguous range of decided offsets under construction: the rows to insert, the dead letters, and what
// the ledger row will say. It is a pure accumulator with one owner at a time, and is used again after reset.
type block struct {
	columns schemas.Columns
	offsets []int64 // of the rows in columns

	from, to int64 // the offsets covered
	first    int64 // the offset of the first record; from if there is none yet
	records  int
	opened   time.Time // when the first record or gap was taken

	highWatermark int64 // as last seen when the block was closed

	exceptions []ledger.Span
	counts     [ledger.Gap + 1]uint64
	bytes      uint64
	newest     int64 // time of the newest stored event
	adopted    bool  // there are rows that an earlier worker decided
	runs       groups[string, ledger.RunCount]
	buckets    groups[int32, ledger.Bucket]

	letters     []*usagev1.DeadLetter
	letterBytes int
	memory      int // of columns and letters
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

// far reports whether a record at that offset is further from the block's first than a block may reach.
func (b *block) far(offset, window int64) bool { return b.records > 0 && offset-b.first > window }

// due returns how long the block may still stay open; 0 or less when it should be closed.
func (b *block) due(now time.Time, l *Limits) time.Duration {
	return b.opened.Truncate(l.Age).Add(l.Age).Sub(now)
}

// extend covers the offsets up to and including that one, on behalf of a record.
func (b *block) extend(offset int64, size int) {
	if b.records == 0 {
		b.first = offset
	}
	b.records++
	b.bytes += uint64(size)
	b.to = offset + 1
	b.memory = b.columns.Bytes() + b.letterBytes
}

// except adds offsets that are not stored, [from, to).
func (b *block) except(from, to int64, d ledger.Disposition) {
	b.exceptions = ledger.AppendSpan(b.exceptions, ledger.Span{From: from, To: to, Disposition: d})
	b.counts[d] += uint64(to - from)
}

// stored accounts for a stored row.
func (b *block) stored(row *AheadRow, p Partition) {
	if b.counts[ledger.Stored]++; b.counts[ledger.Stored] == 1 || row.Time > b.newest {
		b.newest = row.Time
	}
	b.runs.of(row.Run).Stored++
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

// bury accounts for a dead record and keeps it whole.
func (b *block) bury(rec *Record, p Partition, run string, why *schemas.Invalid) {
	run = label(run)
	b.except(rec.Offset, rec.Offset+1, ledger.Dead)
	b.runs.of(run).Dead++
	b.letters = append(b.letters, &usagev1.DeadLetter{
		Topic: p.Topic, Epoch: p.Epoch, Partition: p.ID, Offset: rec.Offset,
		Reason: why.Reason, Field: why.Field, Detail: strings.ToValidUTF8(why.Detail, "\uFFFD"),
		Key: slices.Clone(rec.Key), Value: slices.Clone(rec.Value), TimestampMs: rec.Timestamp, Run: run,
	})
	b.letterBytes += len(rec.Key) + len(rec.Value) + len(why.Detail) + 256
}

// label makes a header a run label: valid UTF-8, bounded.
func label(run string) string {
	const most = 256
	if len(run) > most {
		run = run[:most]
	}
	return strings.ToValidUTF8(run, "\uFFFD")
}

// row returns what the ledger row says of the offsets. It shares nothing with the block.
func (b *block) row() ledger.Row {
	row := ledger.Row{From: b.from, To: b.to, Exceptions: slices.Clone(b.exceptions), Bytes: b.bytes, FetchedAt: b.opened,
		Stored: b.counts[ledger.Stored], Duplicates: b.counts[ledger.Duplicate], Conflicts: b.counts[ledger.Conflict],
		Dead: b.counts[ledger.Dead], Control: b.counts[ledger.Control], Gap: b.counts[ledger.Gap]}
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

// groups holds a value for each key, and is quick when the key is mostly that of the time before.
type groups[K cmp.Ordered, V any] struct {
	index  map[K]int
	values []V
	key    K
	last   int
}

// of returns the value of a key, the zero value at first. It is valid until the next call.
func (g *groups[K, V]) of(key K) *V {
	if len(g.values) > 0 && key == g.key {
		return &g.values[g.last]
	}
	at, ok := g.index[key]
	if !ok {
		if g.index == nil {
			g.index = make(map[K]int)
		}
		var zero V
		at = len(g.values)
		g.index[key] = at
		g.values = append(g.values, zero)
	}
	g.key, g.last = key, at
	return &g.values[at]
}

// emptied returns the groups without keys, with their memory.
func (g groups[K, V]) emptied() groups[K, V] {
	clear(g.index)
	return groups[K, V]{index: g.index, values: g.values[:0]}
}
