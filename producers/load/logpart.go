package load

import "time"

// logPart is the events of a partition that have not passed all stages yet, in the order of their offsets.
type logPart struct {
	rolled  bool
	batches []sentBatch
	at      [numStages]position
	dropped int // Batches that all stages have passed.
}

// sentBatch is the intended times of events with successive offsets.
type sentBatch struct {
	base  int64
	first time.Duration
	after []uint32 // Times of resolution after first, by event.
}

// due returns when an event of the batch is due.
func (b *sentBatch) due(event int) time.Duration {
	if b.first == notMeasured {
		return notMeasured
	}
	return b.first + time.Duration(b.after[event])*resolution
}

// position is how far a stage is: a batch, counted from the start of the run, and the events of it.
type position struct{ batch, events int }

// append adds events with successive offsets. The intended times do not decrease.
func (l *logPart) append(base int64, dues []time.Duration) {
	b := sentBatch{base: base, first: dues[0], after: make([]uint32, len(dues))}
	for i, due := range dues {
		b.after[i] = uint32((due - b.first) / resolution)
	}
	l.batches = append(l.batches, b)
}

// cover calls passed with the intended time of each event below the end that the stage has not passed before.
func (l *logPart) cover(s Stage, end int64, passed func(due time.Duration)) {
	at := &l.at[s]
	for at.batch-l.dropped < len(l.batches) {
		b := &l.batches[at.batch-l.dropped]
		for at.events < len(b.after) && b.base+int64(at.events) < end {
			passed(b.due(at.events))
			at.events++
		}
		if at.events < len(b.after) {
			break
		}
		*at = position{batch: at.batch + 1}
	}
	l.drop()
}

// rest calls waits with the intended time of each event that the stage has not passed.
func (l *logPart) rest(s Stage, waits func(due time.Duration)) {
	from := l.at[s].events
	for i := l.at[s].batch - l.dropped; i < len(l.batches); i++ {
		for event := from; event < len(l.batches[i].after); event++ {
			waits(l.batches[i].due(event))
		}
		from = 0
	}
}

// drop forgets the batches that all stages have passed.
func (l *logPart) drop() {
	least := min(l.at[Stored].batch, l.at[Raw].batch)
	if l.rolled {
		least = min(least, l.at[Rollup].batch)
	}
	if n := least - l.dropped; n > 0 {
		clear(l.batches[:n])
		l.batches = l.batches[n:]
		l.dropped = least
	}
}
