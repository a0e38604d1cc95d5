package audit

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/schemas"
)

// Bounds on what is read back from the log, so that an audit of years of duplicates ends.
const (
	maxFetches = 500    // Of one topic.
	maxBack    = 20_000 // Offsets of one topic.
	maxSpan    = 200    // Offsets of one span, evenly.
	maxEvents  = 4_000  // Events that one query looks up.
)

// largestWindow is the largest window, in offsets, that ingest can have used where it is not recorded.
const largestWindow = 4 << 20

// readBack reads records at offsets that are not stored and describes the first one that is not what the ledger calls
// it; empty if there is none. It can read only the incarnation that the brokers have, from where its log begins.
func (p *pass) readBack(ctx context.Context, t *topic) (string, error) {
	if p.Records == nil {
		return "", nil
	}
	b := &reader{pass: p, topic: t, columns: schemas.NewColumns(t.spec.Type)}
	for _, s := range t.except.sample {
		ends, listed := t.log.Partitions[s.ID]
		if s.Epoch != t.epoch || !listed || t.epoch == 0 {
			continue
		}
		if len(b.events) >= maxEvents {
			if problem, err := b.lookUp(ctx); err != nil || problem != "" {
				return problem, err
			}
		}
		if s.Partition != b.partition {
			b.partition, b.start, b.from, b.fetch = s.Partition, uint64(ends.Start), 0, ingest.Fetch{}
		}
		problem, err := b.judgeSpan(ctx, s)
		if err != nil {
			return "", fmt.Errorf("read partition %d of %s back: %w", s.ID, t.spec.Topic, err)
		}
		if problem != "" {
			return problem, nil
		}
	}
	return b.lookUp(ctx)
}

// reader reads one partition after the other, at ascending offsets.
type reader struct {
	*pass
	topic     *topic
	columns   schemas.Columns
	partition ledger.Partition
	start     uint64       // Of the log.
	fetch     ingest.Fetch // The last one.
	from      uint64       // The offset that it was asked for.
	fetches   int
	events    []event // To be looked up in raw.
}

// event is a duplicate or a conflict: a row before it has its identity.
type event struct {
	ledger.Partition
	offset uint64
	what   ledger.Disposition
	reach  uint64 // The first offset that the window reached.
	exact  bool   // The ledger records how ingest decided: the window, and that it compared contents.
	schemas.Meta
}

// recordAt returns the record at an offset, nil if the log has none there. known is false if the reader cannot tell:
// the log begins later, or it has read enough.
func (b *reader) recordAt(ctx context.Context, offset uint64) (rec *ingest.Record, known bool, err error) {
	if offset < b.start {
		return nil, false, nil
	}
	if offset < b.from || int64(offset) >= b.fetch.Next {
		if b.fetches >= maxFetches {
			return nil, false, nil
		}
		b.fetches++
		f, err := b.Records.Fetch(ctx, b.topic.spec.Topic, b.partition.ID, int64(offset))
		switch {
		case errors.Is(err, ingest.ErrBelowStart):
			b.start = uint64(max(f.LogStart, int64(offset)+1))
			return nil, false, nil
		case err != nil:
			return nil, false, err
		}
		b.from, b.fetch = offset, f
	}
	if int64(offset) >= b.fetch.Next {
		return nil, false, nil
	}
	i, found := slices.BinarySearchFunc(b.fetch.Records, int64(offset), func(r ingest.Record, o int64) int { return int(r.Offset - o) })
	if !found {
		return nil, true, nil
	}
	return &b.fetch.Records[i], true, nil
}

// judgeSpan describes the first record of a span that is not what the ledger calls it; empty if there is none.
func (b *reader) judgeSpan(ctx context.Context, s exceptionSpan) (problem string, err error) {
	step := (s.to-s.from)/maxSpan + 1
	for offset := max(s.from, b.start); offset < s.to && b.topic.except.back < maxBack; offset += step {
		rec, known, err := b.recordAt(ctx, offset)
		if err != nil {
			return "", err
		}
		if !known {
			if offset < b.start {
				continue
			}
			return "", nil
		}
		b.topic.except.back++
		if problem := b.judge(rec, offset, s); problem != "" {
			return fmt.Sprintf("partition %d offset %d: the ledger calls it %s, and %s", s.ID, offset, s.what, problem), nil
		}
	}
	return "", nil
}

// judge describes what is wrong with a record; empty if it may be what the ledger calls it. A record missing in the
// middle of the log proves nothing: the brokers may compact the topic.
func (b *reader) judge(rec *ingest.Record, offset uint64, s exceptionSpan) string {
	switch {
	case rec == nil && s.what == ledger.Control:
		return "the log holds nothing there"
	case rec == nil:
		return ""
	case s.what == ledger.Gap:
		return "the log holds a record there"
	case (s.what == ledger.Control) != rec.Control:
		if rec.Control {
			return "the log holds a control record or one of an aborted transaction there"
		}
		return "the log holds a record there that is neither a control record nor of an aborted transaction"
	case s.what == ledger.Control:
		return ""
	}
	meta, err := b.columns.Append(rec.Value, schemas.Coordinates{Epoch: s.Epoch, Partition: s.ID, Offset: int64(offset)})
	b.columns.Reset()
	switch {
	case s.what == ledger.Dead:
		refused := b.letters.refused(s.Partition, offset)
		if err == nil && !refused {
			return "the log holds a valid event there that the database did not refuse"
		}
	case err != nil:
		return "the log holds a record there that is not an event: " + err.Error()
	default:
		window := cmp.Or(s.window, largestWindow)
		b.events = append(b.events, event{Partition: s.Partition, offset: offset, what: s.what, reach: offset - min(offset, window), exact: s.window > 0 && s.format > 0, Meta: meta})
	}
	return ""
}

// original is a stored row with the identity of an event.
type original struct {
	offset         uint64
	time           int64
	revision, body uint64
	run            string
}

// lookUp finds the originals of the events read back and describes the first event that is not what the ledger calls
// it; empty if there is none.
func (b *reader) lookUp(ctx context.Context) (string, error) {
	events := b.events
	b.events = nil
	if len(events) == 0 {
		return "", nil
	}
	found, err := b.readOriginals(ctx, events)
	if err != nil {
		return "", fmt.Errorf("find the originals of duplicates in %s: %w", b.topic.spec.RawTable, err)
	}
	x := &b.topic.except.foreign
	for _, e := range events {
		rows := found[place{e.Partition, hex.EncodeToString(e.Identity[:])}]
		x.lookedUp++
		if !slices.ContainsFunc(rows, func(o original) bool { return o.run == e.Run }) {
			if x.events == nil {
				x.events = make(map[string]map[schemas.Identity]bool)
			}
			if x.events[e.Run] == nil {
				x.events[e.Run] = make(map[schemas.Identity]bool)
			}
			x.events[e.Run][e.Identity] = true
		}
		if problem := e.judge(rows); problem != "" {
			return fmt.Sprintf("partition %d offset %d: the ledger calls it %s, and %s", e.ID, e.offset, e.what, problem), nil
		}
	}
	return "", nil
}

// place is an identity, in hex, in one partition.
type place struct {
	ledger.Partition
	identity string
}

// offsets are the offsets [from, to) of a partition.
type offsets struct {
	ledger.Partition
	from, to uint64
}

// readOriginals reads the rows of the identities of events, which are in the order of the log.
func (b *reader) readOriginals(ctx context.Context, events []event) (map[place][]original, error) {
	var ranges []offsets
	var ids []string
	for _, e := range events {
		if last := len(ranges) - 1; last < 0 || ranges[last].Partition != e.Partition {
			ranges = append(ranges, offsets{e.Partition, e.reach, e.offset})
		} else {
			ranges[last].from, ranges[last].to = min(ranges[last].from, e.reach), e.offset
		}
		ids = append(ids, hex.EncodeToString(e.Identity[:]))
	}
	slices.Sort(ids)
	found := make(map[place][]original)
	err := b.DB.Query(ctx, originalsSQL(b.topic.spec, ranges, slices.Compact(ids)), func(scan func(...any) error) error {
		var at place
		var o original
		var err error
		if at.Partition, err = ledgerdb.ScanPartition(b.topic.spec.Topic, scan, &at.identity, &o.offset, &o.time, &o.revision, &o.body, &o.run); err != nil {
			return err
		}
		at.identity = strings.ToLower(at.identity)
		found[at] = append(found[at], o)
		return nil
	})
	return found, err
}

// judge compares an event with the rows of its identity, by the rule that ingest decides by, and describes what is
// wrong; empty if nothing is.
func (e *event) judge(originals []original) string {
	var before, same, newer, equal, other bool
	for _, o := range originals {
		if o.offset >= e.offset || o.offset < e.reach {
			continue
		}
		before = true
		if o.time != e.Time {
			continue
		}
		same = true
		newer = newer || o.revision > e.Revision
		equal = equal || o.revision == e.Revision && o.body == e.Body
		other = other || o.revision == e.Revision && o.body != e.Body
	}
	switch {
	case !before:
		return "no row of its identity is stored before it"
	case e.what == ledger.Duplicate && !same:
		return "the row of its identity has another time"
	case !e.exact:
		return ""
	case e.what == ledger.Conflict && (newer || equal):
		return "a row of its identity and time says the same, or is of a later revision"
	case e.what == ledger.Duplicate && !newer && !equal && other:
		return "the row of its identity and time says something else"
	case same && !newer && !equal && !other:
		return "it is of a later revision than the row of its identity and time"
	}
	return ""
}
