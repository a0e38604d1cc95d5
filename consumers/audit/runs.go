package audit

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// truth is what the producer of a run counted of one type.
type truth struct {
	run, typ, kind                                  string
	produced, events, duplicates, conflicts, poison uint64
	input, output, weight                           big.Int
}

// counts are the records of a run of one type by what became of them.
type counts struct{ stored, duplicates, conflicts, dead uint64 }

func (c counts) sum() uint64 { return c.stored + c.duplicates + c.conflicts + c.dead }

// totals are the sums over the distinct events of a run of one type.
type totals struct {
	events                uint64
	weight, input, output big.Int
}

// checkRuns compares what the producers counted with what became of their records.
func (p *pass) checkRuns(ctx context.Context) {
	began := time.Now()
	if p.truthsErr != nil {
		p.fail(checkRun, schemas.SpecOf(schemas.RunType).Name, began, p.truthsErr)
		return
	}
	for _, t := range p.topics {
		var own []truth
		for _, x := range p.truths {
			if x.typ == t.spec.Name {
				own = append(own, x)
			}
		}
		if len(own) == 0 {
			continue
		}
		if err := p.judgeRuns(ctx, t, own); err != nil {
			p.fail(checkRun, t.spec.Name, began, err)
		}
	}
}

// readTruths reads what the producers counted. A producer reports its run when all records are in the log. The audit
// reads the runs before the ledger and the ends of the log, so the log it reads has all of their records.
func (p *pass) readTruths(ctx context.Context) ([]truth, error) {
	var truths []truth
	err := p.DB.Query(ctx, runsSQL, func(scan func(...any) error) error {
		var x truth
		if err := scan(&x.run, &x.typ, &x.kind, &x.produced, &x.events, &x.duplicates, &x.conflicts, &x.poison,
			&x.input, &x.output, &x.weight); err != nil {
			return err
		}
		truths = append(truths, x)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the runs: %w", err)
	}
	return truths, nil
}

func (p *pass) judgeRuns(ctx context.Context, t *topic, truths []truth) error {
	names := make([]string, len(truths))
	for i := range truths {
		names[i] = truths[i].run
	}
	became, err := p.readRunCounts(ctx, t, names)
	if err != nil {
		return err
	}
	found := make(map[string]*totals)
	if t.lag == 0 {
		if found, err = p.readRunEvents(ctx, t); err != nil {
			return err
		}
	}
	for _, x := range truths {
		began := time.Now()
		c := became[x.run]
		scope := x.run + " " + x.typ
		balance := fmt.Sprintf("%d produced = %d stored + %s + %s + %s", x.produced, c.stored, plural.Of(c.duplicates, "duplicate"), plural.Of(c.conflicts, "conflict"), plural.Of(c.dead, "dead letter"))
		sums := found[x.run]
		if sums == nil {
			sums = new(totals)
		}
		switch problem := t.judgeRun(&x, c, sums); {
		case c.sum() < x.produced && t.lag > 0:
			p.add(checkRun, scope, began, Pending, "%d of %d produced records are ingested", c.sum(), x.produced)
		case c.sum() < x.produced && x.produced-c.sum() <= became[ledger.OtherRuns].sum() && sums.events <= x.events+x.conflicts:
			// A block had more runs than the ledger tells apart, and records of this one among them.
			p.add(checkRun, scope, began, OK, "%s, and up to %d among %s, which were too many at a time to be told apart", balance,
				x.produced-c.sum(), ledger.OtherRuns)
		case problem != "" && !t.lagged:
			p.add(checkRun, scope, began, Error, "%s, and the end of the log could not be read: nobody knows what is still to be ingested", balance)
		case problem != "":
			p.add(checkRun, scope, began, Difference, "%s: %s", t.spec.Topic, problem)
		case c.sum() > x.produced && t.lag > 0:
			p.add(checkRun, scope, began, Pending, "the log holds %s of %d produced; whether all events are there is known when it is read", plural.Of(c.sum(), "record"), x.produced)
		case c.sum() > x.produced:
			p.add(checkRun, scope, began, OK, "%d produced, all %s stored; the log holds %s more than were sent: the broker kept batches that were sent again after it was interrupted",
				x.produced, plural.Of(sums.events, "distinct event"), plural.Of(c.sum()-x.produced, "record"))
		default:
			p.add(checkRun, scope, began, OK, "%s", balance)
		}
	}
	return nil
}

// readRunCounts reads what became of the records of some runs, and of those that the ledger does not tell apart.
func (p *pass) readRunCounts(ctx context.Context, t *topic, names []string) (map[string]counts, error) {
	became := map[string]counts{ledger.OtherRuns: {}} // There may be any number of other runs.
	for _, name := range names {
		became[name] = counts{}
	}
	err := p.DB.Query(ctx, runCountsSQL(t.spec.Topic, t.bounds, t.losers), func(scan func(...any) error) error {
		var name string
		var c counts
		if err := scan(&name, &c.stored, &c.duplicates, &c.conflicts, &c.dead); err != nil {
			return err
		}
		if _, wanted := became[name]; wanted {
			became[name] = c
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what became of the runs: %w", err)
	}
	return became, nil
}

// judgeRun describes how a run does not add up; empty if it does. A run that repeats events of another run has more
// duplicates than its producer counted. Then its stored events and those of the other run must make all of its events,
// if the latter are known.
//
// The log may hold more records of a run than were produced. A broker that is killed can keep a batch without telling
// the producer, which sends it again. That is no difference as long as every distinct event is stored.
func (t *topic) judgeRun(x *truth, c counts, found *totals) string {
	more := c.sum() > x.produced
	if c.sum() < x.produced {
		return fmt.Sprintf("%s produced, and %d stored + %s + %s + %s make %d",
			plural.Of(x.produced, "record was"), c.stored, plural.Of(c.duplicates, "duplicate"), plural.Of(c.conflicts, "conflict"), plural.Of(c.dead, "dead letter"), c.sum())
	}
	if c.dead < x.poison {
		return fmt.Sprintf("%s produced, and only %d are dead letters", plural.Of(x.poison, "poison record was"), c.dead)
	}
	if t.lag > 0 {
		return ""
	}
	others, known := uint64(0), true
	if c.duplicates > x.duplicates || c.conflicts > x.conflicts {
		others, known = t.except.foreignOf(x.run)
	}
	if !known && !more {
		return ""
	}
	// A conflict beyond the window is stored as an event of its own; an event that the database refused is a dead
	// letter. If the log kept records twice, it may have kept dead letters and conflicts twice too.
	late, refused := x.conflicts-min(c.conflicts, x.conflicts), c.dead-x.poison
	if more {
		refused = 0
	}
	stored := x.events + late - refused
	if found.events+others != stored {
		problem := fmt.Sprintf("%s produced, %s found too late and %s refused, and %d are stored", plural.Of(x.events, "distinct event was"), plural.Of(late, "conflict"), plural.Of(refused, "event"), found.events)
		if others > 0 {
			problem += fmt.Sprintf(", %d more by other runs", others)
		}
		return problem
	}
	if late > 0 || refused > 0 || others > 0 {
		return ""
	}
	for _, m := range []struct {
		name      string
		want, got *big.Int
		compare   bool
	}{
		{"weight", &x.weight, &found.weight, true},
		{"input tokens", &x.input, &found.input, hasTokens(t.spec.Type)},
		{"output tokens", &x.output, &found.output, hasTokens(t.spec.Type)},
	} {
		if m.compare && m.want.Cmp(m.got) != 0 {
			return fmt.Sprintf("%s of %s were produced, and %s are stored", m.name, m.want, m.got)
		}
	}
	return ""
}

// readRunEvents sums up the distinct events of every run, each run by itself.
func (p *pass) readRunEvents(ctx context.Context, t *topic) (map[string]*totals, error) {
	found := make(map[string]*totals)
	for _, s := range t.years.pieces() {
		minutes, err := p.readMinutes(ctx, t, s)
		if err != nil {
			return nil, err
		}
		for _, piece := range (ledgerdb.MinutesByType{minutes}).Split(s, 1, uint64(p.limits.Rows)) {
			if err := p.addRunEvents(ctx, t, piece, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func (p *pass) addRunEvents(ctx context.Context, t *topic, s spans.Span, found map[string]*totals) error {
	runs, repeated, err := p.readRuns(ctx, t, s, false)
	if err == nil && repeated {
		runs, _, err = p.readRuns(ctx, t, s, true)
	}
	if err != nil {
		return fmt.Errorf("count the events of runs from %s to %s: %w", at(s.From), at(s.To), err)
	}
	for name, x := range runs {
		sum := found[name]
		if sum == nil {
			sum = new(totals)
			found[name] = sum
		}
		sum.events += x.events
		sum.weight.Add(&sum.weight, &x.weight)
		sum.input.Add(&sum.input, &x.input)
		sum.output.Add(&sum.output, &x.output)
	}
	return nil
}

// readRuns sums up rows by run, with once each event once. It reports whether the sums have an event twice.
func (p *pass) readRuns(ctx context.Context, t *topic, s spans.Span, once bool) (runs map[string]*totals, repeated bool, err error) {
	runs = make(map[string]*totals)
	err = p.DB.Query(ctx, runEventsSQL(t.spec, t.bounds, s, once, p.limits.settings()), func(scan func(...any) error) error {
		var name string
		var x totals
		var again bool
		if err := scan(&name, &x.events, &x.weight, &x.input, &x.output, &again); err != nil {
			return err
		}
		runs[name], repeated = &x, repeated || again
		return nil
	})
	return runs, repeated, err
}

// checkDeep looks for identities that are stored at more than one time: conflicts too far apart for ingest to find.
func (p *pass) checkDeep(ctx context.Context) {
	if !p.Deep {
		return
	}
	for _, t := range p.topics {
		began := time.Now()
		shares := t.raw.rows/uint64(p.limits.Rows) + 1
		var conflicts, offset uint64
		var partition uint32
		var tenant, late, early string
		for share := range shares {
			var n, o uint64
			var id uint32
			var text [3]string
			_, err := p.queryFirst(ctx, timesSQL(t.spec, t.bounds, share, shares, p.limits.settings()), &n, &id, &o, &text[0], &text[1], &text[2])
			if err != nil {
				p.fail(checkOneTime, t.spec.RawTable, began, fmt.Errorf("compare the times of identities: %w", err))
				return
			}
			if n > 0 && conflicts == 0 {
				partition, offset, tenant, late, early = id, o, text[0], text[1], text[2]
			}
			conflicts += n
		}
		if conflicts > 0 {
			p.add(checkOneTime, t.spec.RawTable, began, Difference, "%s stored at more than one time; one of tenant %q is in %s partition %d offset %d at %s and was before at %s",
				plural.Of(conflicts, "identity is"), tenant, t.spec.RawTable, partition, offset, late, early)
			continue
		}
		p.add(checkOneTime, t.spec.RawTable, began, OK, "%s, no identity at two times", plural.Of(t.raw.rows, "row"))
	}
}
