package ledgerdb

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// Chain is the tiling of a partition by ledger rows: see ledger.Chain.
type Chain struct {
	End     int64 // The first offset that is not accounted for.
	Winners []ledger.Range
	Losers  []ledger.Range // Rows that do not count. A row that was written twice is no loser of itself.
	Holes   [][2]int64
}

// Chains are the chains of all partitions of one topic.
type Chains map[ledger.Partition]Chain

// Bounds returns the ends of the chains.
func (c Chains) Bounds() Bounds {
	bounds := make(Bounds, len(c))
	for p, chain := range c {
		bounds[p] = chain.End
	}
	return bounds
}

// Losers returns the ledger rows below the ends of the chains that do not count, in the order of the partitions.
func (c Chains) Losers() []Loser {
	var losers []Loser
	for _, p := range c.Bounds().Partitions() {
		for _, r := range c[p].Losers {
			if r.To <= c[p].End {
				losers = append(losers, Loser{p, r})
			}
		}
	}
	return losers
}

// Loser is a ledger row that does not count, because other rows cover its offsets.
type Loser struct {
	ledger.Partition
	ledger.Range
}

// readChain reads the ledger of a whole partition.
func readChain(ctx context.Context, db Querier, p ledger.Partition) (Chain, error) {
	var ranges []ledger.Range
	err := db.Query(ctx, chainSQL(p), func(scan func(...any) error) error {
		var from, to uint64
		var generation int64
		if err := scan(&from, &to, &generation); err != nil {
			return err
		}
		ranges = append(ranges, ledger.Range{From: int64(from), To: int64(to), Generation: generation})
		return nil
	})
	if err != nil {
		return Chain{}, fmt.Errorf("read the ledger of partition %d of %s: %w", p.ID, p.Topic, err)
	}
	return newChain(ranges), nil
}

// ReadChains reads the ledger of a whole topic.
func ReadChains(ctx context.Context, db Querier, topic string) (Chains, error) {
	ranges, err := readRanges(ctx, db, topic, nil)
	if err != nil {
		return nil, err
	}
	chains := make(Chains, len(ranges))
	for p, r := range ranges {
		chains[p] = newChain(r)
	}
	return chains, nil
}

// newChain finds the tiling of a partition, which always begins at offset 0: what the log no longer held when a
// partition was first read is accounted for as a gap.
func newChain(ranges []ledger.Range) Chain {
	winners, losers, end, holes := ledger.Chain(0, ranges)
	chain := Chain{End: end, Holes: holes}
	won := make(map[ledger.Range]bool, len(winners))
	for _, i := range winners {
		chain.Winners = append(chain.Winners, ranges[i])
		won[ranges[i]] = true
	}
	for _, i := range losers {
		if !won[ranges[i]] {
			chain.Losers = append(chain.Losers, ranges[i])
		}
	}
	return chain
}

// ReadEnds returns the ends of the chains of all partitions of a topic. It reads on from earlier ends, which may be
// nil: the end of a chain never moves back.
func ReadEnds(ctx context.Context, db Querier, topic string, earlier Bounds) (Bounds, error) {
	found, err := readRanges(ctx, db, topic, earlier)
	if err != nil {
		return nil, err
	}
	ends := make(Bounds, len(earlier))
	maps.Copy(ends, earlier)
	for p, ranges := range found {
		_, losers, end, _ := ledger.Chain(earlier[p], ranges)
		if slices.ContainsFunc(losers, func(i int) bool { return ranges[i].To > end }) {
			// A row beyond the end does not follow from here: the chain may take another way since the earlier call.
			chain, err := readChain(ctx, db, p)
			if err != nil {
				return nil, err
			}
			end = max(end, chain.End)
		}
		ends[p] = end
	}
	return ends, nil
}

// readRanges reads the ranges of the ledger rows of a topic that end after the bound of their partition, by partition.
func readRanges(ctx context.Context, db Querier, topic string, after Bounds) (map[ledger.Partition][]ledger.Range, error) {
	ranges := make(map[ledger.Partition][]ledger.Range)
	err := db.Query(ctx, rangesSQL(topic, after), func(scan func(...any) error) error {
		var from, to uint64
		var generation int64
		p, err := ScanPartition(topic, scan, &from, &to, &generation)
		if err != nil {
			return err
		}
		ranges[p] = append(ranges[p], ledger.Range{From: int64(from), To: int64(to), Generation: generation})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger of %s: %w", topic, err)
	}
	return ranges, nil
}

// ReadCursors returns, by topic, the ends up to which the rollups have followed the ledger. Topics that this program
// does not know, because a newer version wrote their cursors, are left out.
func ReadCursors(ctx context.Context, db Querier) (map[string]Bounds, error) {
	cursors := make(map[string]Bounds)
	err := db.Query(ctx, cursorsSQL, func(scan func(...any) error) error {
		var topic string
		var epoch, id uint32
		var position uint64
		if err := scan(&topic, &epoch, &id, &position); err != nil {
			return err
		}
		if _, known := schemas.SpecByTopic(topic); !known {
			return nil
		}
		if cursors[topic] == nil {
			cursors[topic] = make(Bounds)
		}
		cursors[topic][ledger.Partition{Topic: topic, Epoch: epoch, ID: int32(id)}] = int64(position)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read how far the rollups have followed the ledger: %w", err)
	}
	return cursors, nil
}

// ScanPartition scans a row that begins with the columns epoch and partition and goes on with the columns of rest.
func ScanPartition(topic string, scan func(...any) error, rest ...any) (ledger.Partition, error) {
	p := ledger.Partition{Topic: topic}
	var id uint32
	err := scan(append([]any{&p.Epoch, &id}, rest...)...)
	p.ID = int32(id)
	return p, err
}
