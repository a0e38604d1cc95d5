package audit

import (
	"context"
	"fmt"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// collected is what collectors reported of one of their runs and one type. Each process has runs of its own, one per key.
type collected struct {
	run, typ                       string
	acknowledged, spooled, drained uint64
}

// edge is what all collectors reported together, and the first place where received items are unaccounted for.
type edge struct {
	runs                                                    []collected
	received, acknowledged, spooled, rejected, joined, skip uint64
	groups, torn, wrong                                     uint64
	first                                                   string
}

// readEdge reads what collectors reported. A collector reports a minute when the log has its events, so the audit reads this
// before the ledger, as it does with the runs of producers.
func (p *pass) readEdge(ctx context.Context) (*edge, error) {
	e := new(edge)
	err := p.DB.Query(ctx, edgeRunsSQL, func(scan func(...any) error) error {
		var x collected
		if err := scan(&x.run, &x.typ, &x.acknowledged, &x.spooled, &x.drained); err != nil {
			return err
		}
		e.runs = append(e.runs, x)
		return nil
	})
	if err == nil {
		err = p.DB.Query(ctx, edgeSumsSQL, func(scan func(...any) error) error {
			return scan(&e.groups, &e.torn, &e.wrong, &e.first, &e.received, &e.acknowledged, &e.spooled, &e.rejected, &e.joined, &e.skip)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read what collectors received: %w", err)
	}
	return e, nil
}

// checkEdge compares what collectors received with what became of it, and what they acknowledged with the log.
func (p *pass) checkEdge(ctx context.Context) {
	began := time.Now()
	if p.edgeErr != nil {
		p.fail(checkEdge, schemas.SpecOf(schemas.RunType).Name, began, p.edgeErr)
		return
	}
	e := p.edge
	if e.groups == 0 {
		return
	}
	balance := fmt.Sprintf("%d received = %d acknowledged + %d spooled + %d rejected + %d joined + %d skipped", e.received, e.acknowledged, e.spooled, e.rejected, e.joined, e.skip)
	switch {
	case e.wrong > 0:
		p.add(checkEdge, "received", began, Difference, "%d of %d minutes of a key and an endpoint do not add up, the first: %s; together: %s", e.wrong, e.groups, e.first, balance)
	case e.torn > 0 && p.lagOf(schemas.RunType) > 0:
		p.add(checkEdge, "received", began, Pending, "%s; of %s of a key and an endpoint not all rows are ingested", balance, plural.Of(e.torn, "minute"))
	case e.torn > 0:
		p.add(checkEdge, "received", began, OK, "%s, in each of %s of a key and an endpoint; of %d more not all rows are on the log: a collector was killed, or Kafka failed, while it reported",
			balance, plural.Of(e.groups-e.torn, "minute"), e.torn)
	default:
		p.add(checkEdge, "received", began, OK, "%s, in each of %s of a key and an endpoint", balance, plural.Of(e.groups, "minute"))
	}
	for _, t := range p.topics {
		var own []collected
		for _, x := range e.runs {
			if x.typ == t.spec.Name {
				own = append(own, x)
			}
		}
		if len(own) == 0 {
			continue
		}
		if err := p.judgeEdge(ctx, t, own); err != nil {
			p.fail(checkEdge, t.spec.Name, began, err)
		}
	}
}

// lagOf returns how many offsets of a topic are not ingested.
func (p *pass) lagOf(t schemas.Type) uint64 {
	for _, topic := range p.topics {
		if topic.spec.Type == t {
			return topic.lag
		}
	}
	return 0
}

// judgeEdge compares the records of each run with what was acknowledged. There may be more: those of requests that were not
// answered, and those of the last minute of a collector that was killed.
func (p *pass) judgeEdge(ctx context.Context, t *topic, own []collected) error {
	began := time.Now()
	names := make([]string, len(own))
	for i := range own {
		names[i] = own[i].run
	}
	became, err := p.readRunCounts(ctx, t, names)
	if err != nil {
		return err
	}
	var sum counts
	var promised, more uint64
	fine := true
	for _, x := range own {
		c := became[x.run]
		want, have := x.acknowledged+x.spooled, c.sum()
		sum = counts{sum.stored + c.stored, sum.duplicates + c.duplicates, sum.conflicts + c.conflicts, sum.dead + c.dead}
		promised += want
		if have >= want {
			more += have - want
			continue
		}
		missing := want - have
		switch {
		case !t.lagged:
			p.fail(checkEdge, x.run+" "+x.typ, began, fmt.Errorf("%d of %d acknowledged events are ingested, and nobody knows whether the log has more: see %s", have, want, checkTiles))
		case t.lag > 0:
			p.add(checkEdge, x.run+" "+x.typ, began, Pending, "%d of %d acknowledged events are ingested", have, want)
		case missing <= became[ledger.OtherRuns].sum():
			continue // A block had more runs than the ledger tells apart.
		case missing <= x.spooled-min(x.drained, x.spooled):
			p.add(checkEdge, x.run+" "+x.typ, began, Pending, "%d of %d events that a collector kept on disk are not on the log: start it with the same --spool", missing, x.spooled)
		default:
			p.add(checkEdge, x.run+" "+x.typ, began, Difference, "%s: senders were told that %s stored, and %d stored + %s + %s + %s make %d",
				t.spec.Topic, plural.Of(want, "event is"), c.stored, plural.Of(c.duplicates, "duplicate"), plural.Of(c.conflicts, "conflict"), plural.Of(c.dead, "dead letter"), have)
		}
		fine = false
	}
	if fine {
		p.add(checkEdge, t.spec.Name, began, OK, "%d acknowledged + %d of requests without an answer = %d stored + %s + %s + %s", promised, more,
			sum.stored, plural.Of(sum.duplicates, "duplicate"), plural.Of(sum.conflicts, "conflict"), plural.Of(sum.dead, "dead letter"))
	}
	return nil
}
