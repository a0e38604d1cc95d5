package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/internal/plural"
)

// checkLog reads the log, after ledger and raw, and completes the checks of both.
func (p *pass) checkLog(ctx context.Context) {
	for _, t := range p.topics {
		began := time.Now()
		if err := p.readLog(ctx, t); err != nil {
			p.fail(checkTiles, t.spec.Topic, began, err)
			continue
		}
		p.judgeLedger(ctx, t, began)
		p.judgeRaw(ctx, t)
	}
}

// readLog reads the ends of a topic and the epochs of its incarnations. Ingest numbers an incarnation before it reads
// anything of it.
func (p *pass) readLog(ctx context.Context, t *topic) (err error) {
	if t.log, err = p.Log.Topic(ctx, t.spec.Topic); err != nil {
		return fmt.Errorf("read the ends of %s: %w", t.spec.Topic, err)
	}
	if _, err := p.queryFirst(ctx, epochSQL(t.spec.Topic, t.log.ID), &t.epoch); err != nil {
		return fmt.Errorf("read the incarnations of %s: %w", t.spec.Topic, err)
	}
	t.epochs = make(map[uint32]bool)
	err = p.DB.Query(ctx, epochsSQL(t.spec.Topic), func(scan func(...any) error) error {
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
func (p *pass) judgeLedger(ctx context.Context, t *topic, began time.Time) {
	problem := t.tiling()
	if problem == "" {
		problem = t.behindCursors(p.cursors[t.spec.Topic])
	}
	if problem == "" {
		var epoch, id uint32
		var from, to uint64
		found, err := p.queryFirst(ctx, ledgerRowSQL(t.spec.Topic), &epoch, &id, &from, &to)
		if err != nil {
			p.fail(checkTiles, t.spec.Topic, began, err)
			return
		}
		if found {
			problem = fmt.Sprintf("the ledger row of partition %d offsets [%d, %d) does not add up%s", id, from, to, t.inEpoch(epoch))
		}
	}
	if problem == "" {
		problem = t.unknownTopic()
	}
	if problem == "" {
		problem = t.beyondLog()
	}
	if problem != "" {
		p.add(checkTiles, t.spec.Topic, began, Difference, "%s", problem)
		return
	}
	offsets := uint64(0)
	for _, end := range t.bounds {
		offsets += uint64(end)
	}
	counted := fmt.Sprintf("%s, %s, each accounted for once", plural.Of(max(len(t.log.Partitions), len(t.bounds)), "partition"), plural.Of(offsets, "offset"))
	if lag := t.measureLag(); lag != "" {
		p.add(checkTiles, t.spec.Topic, began, Pending, "%s; %s", counted, lag)
		return
	}
	p.add(checkTiles, t.spec.Topic, began, OK, "%s", counted)
}

// inEpoch names an incarnation in a text; empty for the newest one.
func (t *topic) inEpoch(epoch uint32) string {
	newest := t.epoch // 0 before the log is read.
	for p := range t.bounds {
		newest = max(newest, p.Epoch)
	}
	if epoch == newest {
		return ""
	}
	return fmt.Sprintf(" (incarnation %d)", epoch)
}

// tiling describes the first hole in the ledger, or the first row beyond the end of its chain, in the order of
// partitions; empty if there is none.
func (t *topic) tiling() string {
	for _, p := range t.bounds.Partitions() {
		chain := t.chains[p]
		if len(chain.Holes) > 0 {
			return fmt.Sprintf("no ledger row covers partition %d offsets [%d, %d)%s", p.ID, chain.Holes[0][0], chain.Holes[0][1], t.inEpoch(p.Epoch))
		}
		for _, l := range chain.Losers {
			if l.To > chain.End {
				return fmt.Sprintf("the ledger row of partition %d offsets [%d, %d) does not follow from offset %d%s", p.ID, l.From, l.To, chain.End, t.inEpoch(p.Epoch))
			}
		}
	}
	return ""
}

// behindCursors describes the first partition whose chain ends before the cursor of the rollups, which the audit read
// earlier; empty if there is none. The end of a chain never moves back.
func (t *topic) behindCursors(cursors ledgerdb.Bounds) string {
	for _, p := range cursors.Partitions() {
		if end := t.bounds[p]; cursors[p] > end {
			return fmt.Sprintf("no ledger row covers partition %d offsets [%d, %d)%s, which the rollups have followed", p.ID, end, cursors[p], t.inEpoch(p.Epoch))
		}
	}
	return ""
}

// unknownTopic describes what the ledger has of the topic and the brokers or the table topics do not; empty if there is
// nothing.
func (t *topic) unknownTopic() string {
	for _, p := range t.bounds.Partitions() {
		switch {
		case !t.epochs[p.Epoch]:
			return fmt.Sprintf("the ledger accounts for offsets of incarnation %d, of which the table topics has no row", p.Epoch)
		case len(t.log.Partitions) == 0:
			return "the ledger accounts for offsets of the topic, and the brokers no longer have it"
		}
	}
	return ""
}

// beyondLog describes the first partition of which the ledger accounts for more than the log has; empty if there is
// none.
func (t *topic) beyondLog() string {
	for _, p := range t.bounds.Partitions() {
		if p.Epoch != t.epoch || len(t.log.Partitions) == 0 {
			continue
		}
		ends, listed := t.log.Partitions[p.ID]
		switch end := t.bounds[p]; {
		case !listed:
			return fmt.Sprintf("the ledger covers partition %d offsets [0, %d), and the brokers do not list it", p.ID, end)
		case end > ends.End:
			return fmt.Sprintf("the ledger covers partition %d up to offset %d, and the log ends at offset %d", p.ID, end, ends.End)
		}
	}
	return ""
}

// measureLag counts the offsets of the log that are not accounted for, and describes them; empty if there are none.
func (t *topic) measureLag() string {
	t.lagged = true
	where := ""
	for _, id := range slices.Sorted(maps.Keys(t.log.Partitions)) {
		ends := t.log.Partitions[id]
		position := t.bounds[ledger.Partition{Topic: t.spec.Topic, Epoch: t.epoch, ID: id}]
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
	return fmt.Sprintf("%s not yet ingested, first %s", plural.Of(t.lag, "offset is"), where)
}
