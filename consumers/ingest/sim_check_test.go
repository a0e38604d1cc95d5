package ingest_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"

	"google.golang.org/protobuf/proto"

	"tidemark/consumers/ingest"
	"tidemark/consumers/ingest/ingesttest"
	"tidemark/consumers/ledger"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// refusedModel marks the events that the simulated database refuses.
const refusedModel = "refused"

func refuse(row ingesttest.Row) error {
	if row.Event.Model == refusedModel {
		return errors.New("this model is refused")
	}
	return nil
}

// fill writes a random log and returns its end: new events, repetitions and conflicts at distances around the window,
// values that are no events, events that the database refuses, control records, holes, batches that cannot be read.
func fill(log *ingesttest.Log, r *rand.Rand, window int64) int64 {
	n := int64(20 + r.IntN(150))
	// Each simulation has its own mixture.
	fresh, again, poison, other := r.Float64(), r.Float64(), r.Float64()*0.3, r.Float64()*0.2
	var events []*usagev1.Query
	refused := make(map[string]bool)
	own := rand.New(rand.NewPCG(uint64(n), uint64(window)))
	lost := max(0, own.Float64()*0.2-0.1) // Half of the logs have none.
	for o := int64(0); o < n; o++ {
		if own.Float64() < lost {
			length := min(1+own.Int64N(12), n-o)
			log.AppendUnreadable(int(length), fmt.Appendf(nil, "batch at %d", o), own.IntN(5) == 0)
			o += length - 1
			continue
		}
		var record ingest.Record
		e := &usagev1.Query{Source: "sim", Id: fmt.Sprint("id-", o), TimeUs: new(eventTime(r)), Tenant: "tenant", Product: "chat", Run: run(r), Model: model(r)}
		switch p := r.Float64() * (fresh + again + poison + other); {
		case p < again && len(events) > 0:
			back := 1 + r.IntN(min(len(events), int(2*window)))
			e.Id, e.TimeUs = events[len(events)-back].Id, events[len(events)-back].TimeUs
			e.Run = run(r)
			switch r.IntN(8) {
			case 0, 1:
				e.TimeUs = new(eventTime(r))
			case 2:
				if !refused[e.Id] { // See storeUnrefused.
					e.Revision = r.Uint64N(4)
				}
			case 3:
				e.Kind = "other"
			}
		case p < again+poison:
			e.Product = ""
		case p < again+poison+other:
			if r.IntN(2) == 0 {
				log.Hole()
				continue
			}
			record.Control = true
		}
		events = append(events, e)
		refused[e.Id] = refused[e.Id] || e.Model == refusedModel
		record.Value, _ = schemas.AppendEvent(nil, e)
		record.Key, record.Run = []byte(e.Id), e.Run
		if e.Product == "" && r.IntN(2) == 0 {
			record.Value = []byte("\xff not an event")
		}
		log.Append(record)
	}
	return n
}

// eventTime returns one of a few minutes in a few months, one before 1970.
func eventTime(r *rand.Rand) int64 {
	const month, minute = 31 * 24 * 3600 * 1_000_000, 60_000_000
	return r.Int64N(4)*month - month + r.Int64N(3)*minute + 1 + r.Int64N(minute)
}

func run(r *rand.Rand) string { return []string{"", "a", "b"}[r.IntN(3)] }

func model(r *rand.Rand) string {
	if r.IntN(12) == 0 {
		return refusedModel
	}
	return "good"
}

// fate is the required end of an offset.
type fate struct {
	disposition ledger.Disposition
	reason      string
	meta        schemas.Meta
}

// reference decides the first n offsets of a log one after the other, in the plainest way. Gaps are the offsets that
// nobody could read.
func reference(log *ingesttest.Log, p ingest.Partition, window, n int64, gaps map[int64]bool) []fate {
	fates := make([]fate, n)
	columns := schemas.NewColumns(p.Type)
	for o := range n {
		record, ok := log.Record(o)
		f := &fates[o]
		if !ok || gaps[o] {
			f.disposition = ledger.Gap
			continue
		}
		if record.Control {
			f.disposition = ledger.Control
			continue
		}
		if record.Unreadable != nil {
			f.disposition, f.reason = ledger.Dead, "unreadable"
			continue
		}
		columns.Reset()
		meta, err := columns.Append(record.Value, schemas.Coordinates{Epoch: p.Epoch, Partition: p.ID, Offset: o})
		f.meta = meta
		var why *schemas.InvalidError
		if errors.As(err, &why) {
			f.disposition, f.reason, f.meta.Run = ledger.Dead, why.Reason, record.Run
			continue
		}
		var e usagev1.Query
		if proto.Unmarshal(record.Value, &e) == nil && e.Model == refusedModel {
			// The database never gets a duplicate or a conflict.
			f.disposition, f.reason = ledger.Dead, "refused"
		}
		if d := again(fates[max(0, o-window):o], meta); d != 0 {
			f.disposition, f.reason = d, ""
		}
		if f.disposition == 0 {
			f.disposition = ledger.Stored
		}
	}
	return fates
}

// again returns the disposition of a record that repeats an event, 0 if it does not, or replaces the earlier ones.
func again(before []fate, meta schemas.Meta) ledger.Disposition {
	var known, same, differs bool
	for _, b := range before {
		if b.disposition != ledger.Stored || b.meta.Identity != meta.Identity {
			continue
		}
		known = true
		if b.meta.Time != meta.Time {
			continue
		}
		same = true
		if b.meta.Revision > meta.Revision || b.meta.Revision == meta.Revision && b.meta.Body == meta.Body {
			return ledger.Duplicate
		}
		differs = differs || b.meta.Revision == meta.Revision
	}
	if differs || known && !same {
		return ledger.Conflict
	}
	return 0
}

// check verifies the invariants at the end of a simulation.
func (w *world) check() {
	rows := w.store.Ledger()
	ranges := make([]ledger.Range, len(rows))
	for i := range rows {
		ranges[i] = rows[i].Range()
	}
	winners, _, end, holes := ledger.Chain(0, ranges)
	if end != w.end || len(holes) > 0 {
		w.violate("the ledger ends at %d of %d, holes %v", end, w.end, holes)
		return
	}
	gaps := make(map[int64]bool)
	for _, i := range winners {
		for o := rows[i].From; o < rows[i].To; o++ {
			if d, _ := rows[i].At(o); d == ledger.Gap {
				gaps[o] = true
			}
		}
	}
	if !w.retention {
		clear(gaps) // The reference knows the holes.
	}
	stored, dead := w.checkStored(rows, winners, gaps)
	fates := w.fates
	if len(gaps) > 0 {
		fates = reference(w.log, w.p, w.limits.Window, w.end, gaps)
	}
	// A row of a replaced worker may arrive at an offset that its successor recorded as a gap. Then the window knows more
	// than the ledger, and only durability can be checked.
	if w.retention && w.lateness {
		return
	}
	for _, i := range winners {
		w.checkAgainst(&rows[i], fates)
	}
	if n := len(w.store.Rows()); n != stored {
		w.violate("%d rows in the table, %d in the ledger", n, stored)
	}
	if n := w.letters.Len(); !w.retention && n != dead {
		w.violate("%d dead letters, %d in the ledger", n, dead)
	}
	w.checkVisible(fates)
}

// checkStored verifies that table and dead letters hold what the ledger lists, and the table nothing else except at gaps.
func (w *world) checkStored(rows []ledger.Row, winners []int, gaps map[int64]bool) (stored, dead int) {
	for _, i := range winners {
		for o := rows[i].From; o < rows[i].To; o++ {
			d, _ := rows[i].At(o)
			if has := w.store.Has(w.p, o); has != (d == ledger.Stored) && (!has || !gaps[o] || !w.lateness) {
				w.violate("offset %d is %v, in the table: %v", o, d, has)
			}
			letter := w.letters.At(o)
			if (letter != nil) != (d == ledger.Dead) && (letter == nil || !gaps[o]) {
				w.violate("offset %d is %v, its letter: %v", o, d, letter)
			}
			if letter != nil {
				dead++
			}
		}
		stored += int(rows[i].Stored)
	}
	return stored, dead
}

// checkAgainst verifies that a ledger row gives its offsets the same dispositions as the reference.
func (w *world) checkAgainst(row *ledger.Row, fates []fate) {
	want := ledger.Row{}
	runs, buckets := make(map[string]ledger.RunCount), make(map[int32]ledger.Bucket)
	for o := row.From; o < row.To; o++ {
		f := fates[o]
		if d, _ := row.At(o); d != f.disposition {
			w.violate("offset %d is %v, must be %v", o, d, f.disposition)
			return
		}
		c := runs[f.meta.Run]
		c.Run = f.meta.Run
		switch f.disposition {
		case ledger.Stored:
			c.Stored++
			b, ok := buckets[f.meta.Minute]
			if !ok {
				b.Minute, b.MinOffset = f.meta.Minute, o
			}
			b.Rows, b.Checksum, b.Content, b.MaxOffset = b.Rows+1, b.Checksum+f.meta.Checksum, b.Content+f.meta.Content, o
			if f.meta.Identity.Partition(w.p.Count) != w.p.ID {
				b.Strays++
			}
			if f.meta.Revision > 0 {
				b.Revised++
			}
			buckets[f.meta.Minute] = b
		case ledger.Duplicate:
			c.Duplicates++
		case ledger.Conflict:
			c.Conflicts++
		case ledger.Dead:
			c.Dead++
			w.checkLetter(o, f)
		default:
			continue
		}
		runs[f.meta.Run] = c
	}
	want.Runs = slices.SortedFunc(maps.Values(runs), func(a, b ledger.RunCount) int { return cmp.Compare(a.Run, b.Run) })
	want.Buckets = slices.SortedFunc(maps.Values(buckets), func(a, b ledger.Bucket) int { return cmp.Compare(a.Minute, b.Minute) })
	if !reflect.DeepEqual(row.Runs, want.Runs) || !reflect.DeepEqual(row.Buckets, want.Buckets) {
		w.violate("ledger row %v:\nruns %v, must be %v\nbuckets %v, must be %v", row, row.Runs, want.Runs, row.Buckets, want.Buckets)
	}
}

func (w *world) checkLetter(o int64, f fate) {
	record, _ := w.log.Record(o)
	l := w.letters.At(o)
	if l == nil || l.Topic != w.p.Topic || l.Epoch != w.p.Epoch || l.Partition != w.p.ID || l.Reason != f.reason || l.Detail == "" ||
		string(l.Key) != string(record.Key) || !bytes.HasPrefix(record.Value, l.Value) || len(l.Value) < len(record.Value) && record.Unreadable == nil ||
		l.ValueLength != uint64(len(record.Value)) || sha256.Sum256(record.Value) != [32]byte(l.ValueSha256) || l.Run != f.meta.Run || l.WrittenUs == 0 {
		w.violate("the letter of offset %d, reason %q: %v", o, f.reason, l)
	}
}

// checkVisible verifies that the table has each readable event with only one time, once as the view counts, and nothing
// else.
func (w *world) checkVisible(fates []fate) {
	type event struct {
		identity schemas.Identity
		time     int64
	}
	visible, times := make(map[event]bool), make(map[schemas.Identity]map[int64]bool)
	for _, row := range w.store.Rows() {
		visible[event{row.Identity, row.Time}] = true
	}
	acceptable := make(map[event]bool)
	for _, f := range fates {
		switch f.disposition {
		case ledger.Stored, ledger.Duplicate, ledger.Conflict:
			acceptable[event{f.meta.Identity, f.meta.Time}] = true
			if times[f.meta.Identity] == nil {
				times[f.meta.Identity] = make(map[int64]bool)
			}
			times[f.meta.Identity][f.meta.Time] = true
		default:
		}
	}
	for e := range acceptable {
		if len(times[e.identity]) == 1 && !visible[e] {
			w.violate("event %x is lost", e.identity)
		}
	}
	for e := range visible {
		if !acceptable[e] {
			w.violate("event %x at %d comes from nowhere", e.identity, e.time)
		}
	}
}
