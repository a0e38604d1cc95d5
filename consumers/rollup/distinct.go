package rollup

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// An event that comes twice has the same time both times, so it is found within one minute. The ledger proves that no
// event of a minute comes twice where the minute lies within the window in which ingest finds duplicates. Other minutes are looked
// at here: no identity may be in two rows. That is cheaper than to sort the events and leave out what is repeated, and one proof
// serves all rollups. Rows that a minute gains later are compared with those before them.

// proof says what is known of the events of a minute.
type proof struct {
	rows, checksum uint64          // Of the minute when it was looked at, by the ledger.
	ends           ledgerdb.Bounds // Where the ledger ended then. Not changed.
	repeated       bool            // An identity was in two rows, or a row was there twice.
}

// maxProofs is the number of minutes per type of which a worker remembers proofs: two days.
const maxProofs = 2 * int(spans.Day)

// distinct reports whether no event is in two rows of a range. It looks at the rows if the ledger does not tell and the
// range is long enough to be worth it.
func (s *step) distinct(ctx context.Context, t *Table, r spans.Span) (bool, error) {
	for _, typ := range t.Types {
		var unknown ledgerdb.Minutes
		for _, m := range s.minutes[typ].In(r.From, r.To) {
			known := s.w.proofs[typ][m.Minute]
			switch {
			case m.Distinct, known.rows == m.Rows && known.checksum == m.Checksum && !known.repeated:
			case known.repeated:
				return false, nil
			default:
				unknown = append(unknown, m)
			}
		}
		if ledgerdb.MinutesByType([]ledgerdb.Minutes{unknown}).Rows(r.From, r.To) < uint64(s.limits.Grow) && len(unknown) > 0 {
			return false, nil
		}
		for len(unknown) > 0 {
			n := s.alike(typ, unknown)
			proved, err := s.prove(ctx, typ, unknown[:n])
			if err != nil || !proved {
				return false, err
			}
			unknown = unknown[n:]
		}
	}
	return true, nil
}

// alike returns how many of the minutes, at least one, one statement can look at: they were looked at up to the same ends,
// and have no more rows than a statement aggregates.
func (s *step) alike(typ schemas.Type, minutes ledgerdb.Minutes) int {
	n, rows := 1, minutes[0].Rows
	ends := s.w.proofs[typ][minutes[0].Minute].ends
	for n < len(minutes) && rows+minutes[n].Rows <= uint64(s.limits.Rows) && maps.Equal(ends, s.w.proofs[typ][minutes[n].Minute].ends) {
		rows += minutes[n].Rows
		n++
	}
	return n
}

// prove looks for identities that are in two rows of minutes, and remembers what it found.
func (s *step) prove(ctx context.Context, typ schemas.Type, minutes ledgerdb.Minutes) (bool, error) {
	r := spans.Span{From: minutes[0].Minute, To: minutes[len(minutes)-1].Minute + 1}
	since := s.w.proofs[typ][minutes[0].Minute].ends
	var rows, before uint64
	for _, m := range s.minutes[typ].In(r.From, r.To) {
		rows += m.Rows
	}
	for _, m := range minutes {
		before += s.w.proofs[typ][m.Minute].rows
	}
	if 2*before < rows || len(minutes) < len(s.minutes[typ].In(r.From, r.To)) { // A set of most rows costs more than to look at all of them.
		since, before = nil, 0
	}
	var seen, most uint64
	var minute int32
	err := s.w.DB.Query(ctx, repeatedSQL(schemas.SpecOf(typ), s.ends[typ], since, r)+" SETTINGS "+s.limits.readSettings(), func(scan func(...any) error) error {
		return scan(&seen, &most, &minute)
	})
	switch {
	case err != nil:
		return false, fmt.Errorf("look for events of %s that come twice: %w", schemas.SpecOf(typ).RawTable, err)
	case most > 1:
		s.w.note(typ, minute, proof{repeated: true})
		return false, nil
	case seen != rows-before:
		return false, nil // Rows are missing; whoever compares raw with the ledger tells.
	}
	for _, m := range minutes {
		s.w.note(typ, m.Minute, proof{rows: m.Rows, checksum: m.Checksum, ends: s.ends[typ]})
	}
	return true, nil
}

// note keeps a proof, and forgets those of the oldest minutes if there are too many.
func (w *Worker) note(typ schemas.Type, minute int32, p proof) {
	if w.proofs == nil {
		w.proofs = make(map[schemas.Type]map[int32]proof)
	}
	if w.proofs[typ] == nil {
		w.proofs[typ] = make(map[int32]proof)
	}
	w.proofs[typ][minute] = p
	if len(w.proofs[typ]) <= maxProofs {
		return
	}
	known := slices.Sorted(maps.Keys(w.proofs[typ]))
	for _, m := range known[:maxProofs/4] {
		delete(w.proofs[typ], m)
	}
}

// keepProofs takes over what a job found of the events of minutes.
func (w *Worker) keepProofs(j *job) {
	for typ, proofs := range j.s.w.proofs {
		for minute, p := range proofs {
			if known := w.proofs[typ][minute]; !known.repeated && (p.repeated || p.rows > known.rows) {
				w.note(typ, minute, p)
			}
		}
	}
}

// copyProofs returns a copy for a job.
func (w *Worker) copyProofs() map[schemas.Type]map[int32]proof {
	proofs := make(map[schemas.Type]map[int32]proof, len(w.proofs))
	for typ, of := range w.proofs {
		proofs[typ] = maps.Clone(of)
	}
	return proofs
}
