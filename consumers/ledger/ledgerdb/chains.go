package ledgerdb

import (
	"context"
	"fmt"
	"slices"

	"tidemark/consumers/ledger"
)

// Chain is the tiling of a partition.
type Chain struct {
	End     int64
	Winners []ledger.Range
	Losers  []ledger.Range
	Holes   [][2]int64
}

// ReadChain reads the ledger of a whole partition.
func ReadChain(ctx context.Context, db Querier, topic string, place Place) (Chain, error) {
	var ranges []ledger.Range
	err := db.Query(ctx, chainSQL(topic, place), func(scan func(...any) error) error {
		var from, to uint64
		var generation int64
		if err := scan(&from, &to, &generation); err != nil {
			return err
		}
		ranges = append(ranges, ledger.Range{From: int64(from), To: int64(to), Generation: generation})
		return nil
	})
	if err != nil {
		return Chain{}, fmt.Errorf("read the ledger of partition %d of %s: %w", place.Partition, topic, err)
	}
	return newChain(ranges), nil
}

// ReadChains reads the ledger of a whole topic, by partition.
func ReadChains(ctx context.Context, db Querier, topic string) (map[Place]Chain, error) {
	ranges, err := readRanges(ctx, db, topic, nil)
	if err != nil {
		return nil, err
	}
	chains := make(map[Place]Chain, len(ranges))
	for place, r := range ranges {
		chains[place] = newChain(r)
	}
	return chains, nil
}

// readRanges reads the ranges of the ledger rows that end after the bound of their partition, by partition.
func readRanges(ctx context.Context, db Querier, topic string, after Bounds) (map[Place][]ledger.Range, error) {
	ranges := make(map[Place][]ledger.Range)
	err := db.Query(ctx, newRangesSQL(topic, after), func(scan func(...any) error) error {
		var place Place
		var from, to uint64
		var generation int64
		if err := scan(&place.Epoch, &place.Partition, &from, &to, &generation); err != nil {
			return err
		}
		ranges[place] = append(ranges[place], ledger.Range{From: int64(from), To: int64(to), Generation: generation})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger of %s: %w", topic, err)
	}
	return ranges, nil
}

// newChain finds the tiling of a partition, which always begins at offset 0: what the log no longer held when a
// partition was first read is accounted for as a gap. A row that was written twice is one row.
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

// ReadEnds returns the ends of the chains of all partitions of a topic. It reads on from the ends that an earlier call
// returned, which may be nil, since an end never moves back: see ledger.Chain.
func ReadEnds(ctx context.Context, db Querier, topic string, earlier Bounds) (Bounds, error) {
	found, err := readRanges(ctx, db, topic, earlier) // From a little before the earlier ends on.
	if err != nil {
		return nil, err
	}
	ends := make(Bounds, len(earlier))
	for place, end := range earlier {
		ends[place] = end
	}
	for place, ranges := range found {
		_, losers, end, _ := ledger.Chain(earlier[place], ranges)
		if slices.ContainsFunc(losers, func(i int) bool { return ranges[i].To > end }) {
			// A row beyond the end that does not follow from here: the chain may have come another way since.
			chain, err := ReadChain(ctx, db, topic, place)
			if err != nil {
				return nil, err
			}
			end = max(end, chain.End)
		}
		ends[place] = end
	}
	return ends, nil
}
