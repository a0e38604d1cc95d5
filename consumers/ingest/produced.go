package ingest

import "time"

// produced is when the oldest and the newest record of a block entered the log, of those whose time is known, in
// milliseconds since 1970. Both are 0 when no time is known.
type produced struct{ oldest, newest int64 }

// add adds one record's time; 0 means that it is not known.
func (p *produced) add(ms int64) {
	if ms <= 0 {
		return
	}
	if p.oldest == 0 || ms < p.oldest {
		p.oldest = ms
	}
	p.newest = max(p.newest, ms)
}

// observedEnd is an end of the log and the time at which a broker was asked for it: records from end on entered later.
type observedEnd struct {
	end int64
	at  int64 // Milliseconds since 1970; 0 for never.
}

// entryTimes bounds when records entered the log. A record's own time comes from its producer's clock, or is the time of
// the event where somebody copies history: it counts as far as it is possible. A record cannot have entered the log
// before the log was observed to end in front of it, nor after it was read. So a wrong clock moves the figures of a worker
// that keeps up by less than one fetch; of records that were in the log before the worker began, only the later bound is
// known.
type entryTimes struct {
	past, last observedEnd // Every offset from past.end on is bounded by past.at, every one from last.end on by last.at.
	read       int64       // When the current records were read, milliseconds since 1970.
}

// noteFetch notes a fetch from an offset: asked is when the broker was asked (zero if that is not known), end where its
// log ended, read when the answer was there.
func (e *entryTimes) noteFetch(from, end int64, asked, read time.Time) {
	e.read = read.UnixMilli()
	if asked.IsZero() || from < e.last.end {
		return // The known ends still bound the records to come.
	}
	e.past, e.last = e.last, observedEnd{end: end, at: asked.UnixMilli()}
}

// of returns when the record at an offset entered the log by its own time and the bounds, milliseconds since 1970; 0 when
// it has neither.
func (e *entryTimes) of(offset, own int64) int64 {
	var after int64
	switch {
	case e.last.at > 0 && offset >= e.last.end:
		after = e.last.at
	case e.past.at > 0 && offset >= e.past.end:
		after = e.past.at
	}
	if own <= 0 {
		return after // Without a time of its own, -1, or with that of a client that never set it.
	}
	return min(max(own, after), max(e.read, after))
}
