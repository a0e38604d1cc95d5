package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/schemas"
)

// What the ledger says of offsets that are not stored is held against the others: raw has no row there, every dead
// letter is in its topic, and what the log still holds at such an offset is what the ledger calls it.

// exceptional are the dispositions of offsets that are not stored, as the ledger names and orders them.
var exceptional = []ledger.Disposition{ledger.Duplicate, ledger.Conflict, ledger.Dead, ledger.Control, ledger.Gap}

// span is a range of offsets that are not stored, to exclusive.
type span struct {
	ledgerdb.Place
	from, to uint64
	what     ledger.Disposition
	window   uint64 // In which duplicates were looked for; 0 if nobody recorded it.
	format   uint8  // Of the ledger row; 0 if contents were not compared yet.
}

// exceptions are the offsets of a topic that are not stored.
type exceptions struct {
	offsets [ledger.Gap + 1]uint64
	spans   [ledger.Gap + 1]uint64
	gaps    []span // The first ones.
	dead    []span
	sample  []span // To be read back from the log, in the order of the log.
	back    uint64 // Offsets that were read back.
	unkept  uint64 // Dead letters that their topic does not hold any more.
	foreign foreign
}

// foreign are the events, by run, that are duplicates of what other runs made. They are known if every duplicate and
// conflict was read back.
type foreign struct {
	events map[string]map[schemas.Identity]bool
	looked uint64 // Duplicates and conflicts looked up.
}

// foreignOf returns how many events of a run others made before, and whether that is known.
func (x *exceptions) foreignOf(run string) (n uint64, known bool) {
	return uint64(len(x.foreign.events[run])), x.foreign.looked == x.offsets[ledger.Duplicate]+x.offsets[ledger.Conflict]
}

const (
	maxGaps   = 5     // Gaps that a finding names.
	maxSample = 2_000 // Spans of one disposition that are read back.
)

// checkExceptions judges the exceptions of each topic.
func (r *run) checkExceptions(ctx context.Context) {
	for _, t := range r.topics {
		if len(t.bounds) == 0 {
			continue
		}
		began := time.Now()
		problem, err := r.judgeExceptions(ctx, t)
		switch {
		case err != nil:
			r.fail(checkExceptions, t.spec.Topic, began, err)
		case problem != "":
			r.add(checkExceptions, t.spec.Topic, began, Difference, "%s", problem)
		default:
			r.add(checkExceptions, t.spec.Topic, began, OK, "%s", t.except.String())
		}
		r.result.Lost += t.except.offsets[ledger.Gap]
		r.result.Dead += t.except.offsets[ledger.Dead]
	}
}

// judgeExceptions returns the first exception that does not hold; empty if all do.
func (r *run) judgeExceptions(ctx context.Context, t *topic) (string, error) {
	if err := r.readExceptions(ctx, t); err != nil {
		return "", fmt.Errorf("read the exceptions in the ledger of %s: %w", t.spec.Topic, err)
	}
	for _, check := range []func(context.Context, *topic) (string, error){r.storedAfterAll, r.lettersMissing, r.readBack} {
		if problem, err := check(ctx, t); err != nil || problem != "" {
			return problem, err
		}
	}
	return "", nil
}

// readExceptions counts the exceptions and takes some of each disposition, evenly, to be read back.
func (r *run) readExceptions(ctx context.Context, t *topic) error {
	x := &t.except
	var dest []any
	for _, d := range exceptional {
		dest = append(dest, &x.offsets[d], &x.spans[d])
	}
	if _, err := r.first(ctx, exceptionTotalsSQL(t.spec.Topic, t.bounds, t.losers()), dest...); err != nil {
		return err
	}
	kinds := make(map[string]ledger.Disposition)
	for _, d := range exceptional {
		kinds[d.String()] = d
	}
	var seen [ledger.Gap + 1]uint64
	return r.DB.Query(ctx, spansSQL(t.spec.Topic, t.bounds, t.losers()), func(scan func(...any) error) error {
		var s span
		var what string
		if err := scan(&s.Epoch, &s.Partition, &s.from, &s.to, &what, &s.window, &s.format); err != nil {
			return err
		}
		s.what = kinds[what]
		if seen[s.what]%(x.spans[s.what]/maxSample+1) == 0 {
			x.sample = append(x.sample, s)
		}
		seen[s.what]++
		switch {
		case s.what == ledger.Dead:
			x.dead = append(x.dead, s)
		case s.what == ledger.Gap && len(x.gaps) < maxGaps:
			x.gaps = append(x.gaps, s)
		}
		return nil
	})
}

// storedAfterAll returns the first raw row at an offset that the ledger says is not stored; empty if there is none.
func (r *run) storedAfterAll(ctx context.Context, t *topic) (string, error) {
	if len(t.except.sample) == 0 {
		return "", nil
	}
	var place ledgerdb.Place
	var offset uint64
	var minute int32
	var what string
	found, err := r.first(ctx, storedAfterAllSQL(t.spec, t.bounds, t.losers(), r.settings()), &place.Epoch, &place.Partition, &offset, &minute, &what)
	if err != nil {
		return "", fmt.Errorf("look for rows of %s at offsets that are not stored: %w", t.spec.RawTable, err)
	}
	if !found {
		return "", nil
	}
	return fmt.Sprintf("partition %d offset %d%s: the ledger calls it %s, and %s has a row of it, at %s",
		place.Partition, offset, t.inEpoch(place), what, t.spec.RawTable, at(minute)), nil
}

// words say of an offset what the ledger calls it.
var words = map[ledger.Disposition]string{
	ledger.Duplicate: "duplicates", ledger.Conflict: "conflicts", ledger.Dead: "dead letters", ledger.Control: "control records",
	ledger.Gap: "lost to retention before they were read",
}

// String says what there is.
func (x *exceptions) String() string {
	var parts []string
	for _, d := range exceptional {
		if n := x.offsets[d]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words[d]))
		}
	}
	if len(parts) == 0 {
		return "every offset is stored"
	}
	text := strings.Join(parts, ", ")
	if len(x.gaps) > 0 {
		var places []string
		for _, g := range x.gaps {
			places = append(places, fmt.Sprintf("partition %d offsets [%d, %d)", g.Partition, g.from, g.to))
		}
		if more := x.spans[ledger.Gap] - uint64(len(x.gaps)); more > 0 {
			places = append(places, fmt.Sprintf("%d more", more))
		}
		text += " (" + strings.Join(places, ", ") + ")"
	}
	if x.unkept > 0 {
		text += fmt.Sprintf("; %d dead letters are not kept any more", x.unkept)
	}
	if x.back > 0 {
		text += fmt.Sprintf("; %d read back from the log", x.back)
	}
	return text
}
