package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// An exception is an offset that is not stored. The audit checks what the ledger says of it: raw has no row at the
// offset, every dead letter is in its topic, and the record that the log still holds there is what the ledger calls it.

// exceptional are the dispositions of offsets that are not stored, as the ledger names and orders them.
var exceptional = []ledger.Disposition{ledger.Duplicate, ledger.Conflict, ledger.Dead, ledger.Control, ledger.Gap}

// exceptionSpan is a range of exceptions, to exclusive.
type exceptionSpan struct {
	ledger.Partition
	from, to uint64
	what     ledger.Disposition
	window   uint64 // In which ingest looked for duplicates; 0 if it is not recorded.
	format   uint8  // Of the ledger row; 0 if ingest did not compare contents yet.
}

// exceptions are the exceptions of a topic.
type exceptions struct {
	offsets [ledger.Gap + 1]uint64 // By disposition.
	spans   [ledger.Gap + 1]uint64 // By disposition.
	gaps    []exceptionSpan        // The first ones.
	dead    []exceptionSpan
	sample  []exceptionSpan // Spans to read back from the log, in the order of the log.
	back    uint64          // Offsets that were read back.
	unkept  uint64          // Dead letters that their topic no longer holds.
	foreign foreign
}

// foreign are the events, by run, that are duplicates of what other runs made. They are known if every duplicate and
// conflict was read back.
type foreign struct {
	events   map[string]map[schemas.Identity]bool
	lookedUp uint64 // Duplicates and conflicts.
}

// foreignOf returns how many events of a run other runs made before, and whether that is known.
func (x *exceptions) foreignOf(run string) (n uint64, known bool) {
	return uint64(len(x.foreign.events[run])), x.foreign.lookedUp == x.offsets[ledger.Duplicate]+x.offsets[ledger.Conflict]
}

const (
	maxGaps   = 5     // Gaps that a finding names.
	maxSample = 2_000 // Spans of one disposition that are read back.
)

// checkExceptions judges the exceptions of each topic.
func (p *pass) checkExceptions(ctx context.Context) {
	for _, t := range p.topics {
		if len(t.bounds) == 0 {
			continue
		}
		began := time.Now()
		problem, err := p.judgeExceptions(ctx, t)
		switch {
		case err != nil:
			p.fail(checkExceptions, t.spec.Topic, began, err)
		case problem != "":
			p.add(checkExceptions, t.spec.Topic, began, Difference, "%s", problem)
		default:
			p.add(checkExceptions, t.spec.Topic, began, OK, "%s", t.except.String())
		}
		p.result.Lost += t.except.offsets[ledger.Gap]
		p.result.Dead += t.except.offsets[ledger.Dead]
	}
}

// judgeExceptions describes the first exception that is not what the ledger calls it; empty if all are.
func (p *pass) judgeExceptions(ctx context.Context, t *topic) (string, error) {
	if err := p.readExceptions(ctx, t); err != nil {
		return "", fmt.Errorf("read the exceptions in the ledger of %s: %w", t.spec.Topic, err)
	}
	for _, check := range []func(context.Context, *topic) (string, error){p.findStored, p.findMissingLetter, p.readBack} {
		if problem, err := check(ctx, t); err != nil || problem != "" {
			return problem, err
		}
	}
	return "", nil
}

// readExceptions counts the exceptions and takes some of each disposition, evenly, to be read back.
func (p *pass) readExceptions(ctx context.Context, t *topic) error {
	x := &t.except
	var dest []any
	for _, d := range exceptional {
		dest = append(dest, &x.offsets[d], &x.spans[d])
	}
	if _, err := p.queryFirst(ctx, exceptionTotalsSQL(t.spec.Topic, t.bounds, t.losers), dest...); err != nil {
		return err
	}
	kinds := make(map[string]ledger.Disposition)
	for _, d := range exceptional {
		kinds[d.String()] = d
	}
	var seen [ledger.Gap + 1]uint64
	return p.DB.Query(ctx, exceptionSpansSQL(t.spec.Topic, t.bounds, t.losers), func(scan func(...any) error) error {
		var s exceptionSpan
		var what string
		var err error
		if s.Partition, err = ledgerdb.ScanPartition(t.spec.Topic, scan, &s.from, &s.to, &what, &s.window, &s.format); err != nil {
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

// findStored describes the first raw row at an offset that the ledger says is not stored; empty if there is none.
func (p *pass) findStored(ctx context.Context, t *topic) (string, error) {
	if len(t.except.sample) == 0 {
		return "", nil
	}
	var epoch, id uint32
	var offset uint64
	var minute int32
	var what string
	found, err := p.queryFirst(ctx, storedExceptionSQL(t.spec, t.bounds, t.losers, p.limits.settings()), &epoch, &id, &offset, &minute, &what)
	if err != nil {
		return "", fmt.Errorf("find rows of %s at offsets that are not stored: %w", t.spec.RawTable, err)
	}
	if !found {
		return "", nil
	}
	return fmt.Sprintf("partition %d offset %d%s: the ledger calls it %s, and %s has a row of it, at %s",
		id, offset, t.inEpoch(epoch), what, t.spec.RawTable, at(minute)), nil
}

// dispositionWords name exceptions in the plural.
var dispositionWords = map[ledger.Disposition]string{
	ledger.Duplicate: "duplicates", ledger.Conflict: "conflicts", ledger.Dead: "dead letters", ledger.Control: "control records",
	ledger.Gap: "lost to retention before they were read",
}

// String counts the exceptions by disposition, and names the first gaps.
func (x *exceptions) String() string {
	var parts []string
	for _, d := range exceptional {
		if n := x.offsets[d]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, dispositionWords[d]))
		}
	}
	if len(parts) == 0 {
		return "every offset is stored"
	}
	text := strings.Join(parts, ", ")
	if len(x.gaps) > 0 {
		var places []string
		for _, g := range x.gaps {
			places = append(places, fmt.Sprintf("partition %d offsets [%d, %d)", g.ID, g.from, g.to))
		}
		if more := x.spans[ledger.Gap] - uint64(len(x.gaps)); more > 0 {
			places = append(places, fmt.Sprintf("%d more", more))
		}
		text += " (" + strings.Join(places, ", ") + ")"
	}
	if x.unkept > 0 {
		text += fmt.Sprintf("; %s no longer kept", plural.Of(x.unkept, "dead letter is"))
	}
	if x.back > 0 {
		text += fmt.Sprintf("; %d read back from the log", x.back)
	}
	return text
}
