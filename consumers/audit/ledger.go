package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
)

// checkLog reads the log, after ledger and raw, and judges both by it.
func (r *run) checkLog(ctx context.Context) {
	for _, t := range r.topics {
		began := time.Now()
		if err := r.readLog(ctx, t); err != nil {
			r.fail(checkTiles, t.spec.Topic, began, err)
			continue
		}
		r.judgeLedger(ctx, t, began)
		r.judgeBeyond(ctx, t)
	}
}

// readLog reads the ends of a topic and the numbers of its incarnations, which are given before anything is read of one.
func (r *run) readLog(ctx context.Context, t *topic) (err error) {
	if t.log, err = r.Log.Topic(ctx, t.spec.Topic); err != nil {
		return fmt.Errorf("read the ends of %s: %w", t.spec.Topic, err)
	}
	if _, err := r.first(ctx, epochSQL(t.spec.Topic, t.log.ID), &t.epoch); err != nil {
		return fmt.Errorf("read the incarnations of %s: %w", t.spec.Topic, err)
	}
	t.epochs = make(map[uint32]bool)
	err = r.DB.Query(ctx, epochsSQL(t.spec.Topic), func(scan func(...any) error) error {
		var epoch uint32
		if err := scan(&epoch); err != nil {
			return err
		}
		t.epochs[epoch] = true
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the incarnations of %s: %w", t.spec.Topic, err)
	}
	return nil
}

// judgeLedger checks that the ledger covers every offset of every partition up to the position, once.
func (r *run) judgeLedger(ctx context.Context, t *topic, began time.Time) {
	problem := t.tiling()
	if problem == "" {
		problem = t.shrunk(r.cursors[t.spec.Topic])
	}
	if problem == "" {
		var place ledgerdb.Place
		var from, to uint64
		found, err := r.first(ctx, ledgerRowSQL(t.spec.Topic), &place.Epoch, &place.Partition, &from, &to)
		if err != nil {
			r.fail(checkTiles, t.spec.Topic, began, err)
			return
		}
		if found {
			problem = fmt.Sprintf("the ledger row of partition %d offsets [%d, %d) does not add up%s", place.Partition, from, to, t.inEpoch(place))
		}
	}
	if problem == "" {
		problem = t.unknown()
	}
	if problem == "" {
		problem = t.beyondLog()
	}
	if problem != "" {
		r.add(checkTiles, t.spec.Topic, began, Difference, "%s", problem)
		return
	}
	offsets := uint64(0)
	for _, end := range t.bounds {
		offsets += uint64(end)
	}
	counted := fmt.Sprintf("%d partitions, %d offsets", max(len(t.log.Partitions), len(t.bounds)), offsets)
	if lag := t.behind(); lag != "" {
		r.add(checkTiles, t.spec.Topic, began, Pending, "%s; %s", counted, lag)
		return
	}
	r.add(checkTiles, t.spec.Topic, began, OK, "%s", counted)
}

// inEpoch tells of an incarnation that is not the one the brokers have.
func (t *topic) inEpoch(place ledgerdb.Place) string {
	newest := t.epoch // Not known before the log is read.
	for other := range t.bounds {
		newest = max(newest, other.Epoch)
	}
	if place.Epoch == newest {
		return ""
	}
	return fmt.Sprintf(" (incarnation %d)", place.Epoch)
}

// tiling returns the first hole or row that does not fit, in the order of partitions; empty if there is none.
func (t *topic) tiling() string {
	for _, place := range t.bounds.Places() {
		chain := t.chains[place]
		if len(chain.Holes) > 0 {
			return fmt.Sprintf("no ledger row covers partition %d offsets [%d, %d)%s", place.Partition, chain.Holes[0][0], chain.Holes[0][1], t.inEpoch(place))
		}
		for _, l := range chain.Losers {
			if l.To > chain.End {
				return fmt.Sprintf("the ledger row of partition %d offsets [%d, %d) does not follow from offset %d%s", place.Partition, l.From, l.To, chain.End, t.inEpoch(place))
			}
		}
	}
	return ""
}

// shrunk returns the first partition of which the rollups, read before, have followed more of the ledger than there is;
// empty if there is none. The end of a chain never moves back.
func (t *topic) shrunk(cursors ledgerdb.Bounds) string {
	for _, place := range cursors.Places() {
		if end := t.bounds[place]; cursors[place] > end {
			return fmt.Sprintf("no ledger row covers partition %d offsets [%d, %d)%s, which the rollups have followed", place.Partition, end, cursors[place], t.inEpoch(place))
		}
	}
	return ""
}

// unknown says what of the ledger's topic the brokers or the table topics do not know; empty if they know it.
func (t *topic) unknown() string {
	for _, place := range t.bounds.Places() {
		switch {
		case !t.epochs[place.Epoch]:
			return fmt.Sprintf("the ledger accounts for offsets of incarnation %d, of which the table topics has no row", place.Epoch)
		case len(t.log.Partitions) == 0:
			return "the ledger accounts for offsets of the topic, and the brokers do not have it any more"
		}
	}
	return ""
}

// beyondLog returns the first partition of which the ledger knows more than the log; empty if there is none.
func (t *topic) beyondLog() string {
	for _, place := range t.bounds.Places() {
		if place.Epoch != t.epoch || len(t.log.Partitions) == 0 {
			continue
		}
		ends, listed := t.log.Partitions[int32(place.Partition)]
		switch end := t.bounds[place]; {
		case !listed:
			return fmt.Sprintf("the ledger covers partition %d offsets [0, %d), and the brokers do not list it", place.Partition, end)
		case end > ends.End:
			return fmt.Sprintf("the ledger covers partition %d up to offset %d, and the log ends at offset %d", place.Partition, end, ends.End)
		}
	}
	return ""
}

// behind says how much of the log is not accounted for; empty if all is.
func (t *topic) behind() string {
	var ids []int32
	for id := range t.log.Partitions {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, cmp.Compare[int32])
	where := ""
	for _, id := range ids {
		ends := t.log.Partitions[id]
		position := t.bounds[ledgerdb.Place{Epoch: t.epoch, Partition: uint32(id)}]
		if position >= ends.End {
			continue
		}
		if t.lag == 0 {
			where = fmt.Sprintf("partition %d from offset %d", id, position)
			if ends.Start > position {
				where += fmt.Sprintf(" (the log begins at %d)", ends.Start)
			}
		}
		t.lag += uint64(ends.End - position)
	}
	if t.lag == 0 {
		return ""
	}
	return fmt.Sprintf("%d offsets are not yet ingested, first %s", t.lag, where)
}

// losers are the ledger rows of a topic that do not count.
func (t *topic) losers() []ledgerdb.Loser {
	var losers []ledgerdb.Loser
	for _, place := range t.bounds.Places() {
		for _, l := range t.chains[place].Losers {
			if l.To <= t.bounds[place] { // Those beyond are beyond the bounds.
				losers = append(losers, ledgerdb.Loser{Place: place, Range: l})
			}
		}
	}
	return losers
}
