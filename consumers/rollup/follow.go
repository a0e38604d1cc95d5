package rollup

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"tidemark/consumers/ledger"
	"tidemark/schemas"
)

// Place is one partition of one incarnation of a topic.
type Place struct {
	Epoch     uint32
	Partition uint32
}

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Partition, b.Partition))
}

// Bounds are the ends of the partitions of one topic: the first offset that is not accounted for.
type Bounds map[Place]int64

// Places returns the partitions in order.
func (b Bounds) Places() []Place {
	places := make([]Place, 0, len(b))
	for place := range b {
		places = append(places, place)
	}
	slices.SortFunc(places, comparePlaces)
	return places
}

// SQL is a condition on the columns epoch, partition and offset: the offset lies below the bound of its partition.
func (b Bounds) SQL() string { return b.Within("offset < %s") }

// Within is a condition that holds within each partition, with its bound for %s.
func (b Bounds) Within(condition string) string {
	var epochs []string
	places := b.Places()
	for len(places) > 0 {
		n := 1
		for n < len(places) && places[n].Epoch == places[0].Epoch {
			n++
		}
		var partitions, ends []string
		for _, p := range places[:n] {
			partitions = append(partitions, fmt.Sprint(p.Partition))
			ends = append(ends, fmt.Sprint(b[p]))
		}
		bound := fmt.Sprintf("transform(partition, [%s], [%s], toUInt64(0))", strings.Join(partitions, ", "), strings.Join(ends, ", "))
		epochs = append(epochs, fmt.Sprintf("(epoch = %d AND %s)", places[0].Epoch, fmt.Sprintf(condition, bound)))
		places = places[n:]
	}
	if epochs == nil {
		return "0"
	}
	return "(" + strings.Join(epochs, " OR ") + ")"
}

// lookback is how far before the cursor a ledger row may begin that ends after it, in offsets. Blocks are far smaller.
const lookback = 4 << 20

// positions returns the ends of all partitions of a topic, given the cursors of the previous step: the ends of the
// chains of ledger rows that follow from there. See ledger.Chain: an end never moves back.
func (w *Worker) positions(ctx context.Context, topic string, cursors Bounds) (Bounds, error) {
	found := make(map[Place][]ledger.Range) // From a little before the cursor on.
	err := w.DB.Query(ctx, newRangesSQL(topic, cursors), func(scan func(...any) error) error {
		var place Place
		var from, to uint64
		var generation int64
		if err := scan(&place.Epoch, &place.Partition, &from, &to, &generation); err != nil {
			return err
		}
		found[place] = append(found[place], ledger.Range{From: int64(from), To: int64(to), Generation: generation})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger of %s: %w", topic, err)
	}
	ends := make(Bounds, len(cursors))
	for place, cursor := range cursors {
		ends[place] = cursor
	}
	for place, ranges := range found {
		_, losers, end, _ := ledger.Chain(cursors[place], ranges)
		if slices.ContainsFunc(losers, func(i int) bool { return ranges[i].To > end }) {
			// A row beyond the end that does not follow from here: the chain may have come another way since.
			chain, err := ReadChain(ctx, w.DB, topic, place)
			if err != nil {
				return nil, err
			}
			end = max(end, chain.End)
		}
		ends[place] = end
	}
	return ends, nil
}

// Chain is the tiling of a partition.
type Chain struct {
	End     int64
	Winners []ledger.Range
	Losers  []ledger.Range
	Holes   [][2]int64
}

// ReadChain reads the ledger of a whole partition.
func ReadChain(ctx context.Context, db DB, topic string, place Place) (Chain, error) {
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
func ReadChains(ctx context.Context, db DB, topic string) (map[Place]Chain, error) {
	ranges := make(map[Place][]ledger.Range)
	err := db.Query(ctx, newRangesSQL(topic, nil), func(scan func(...any) error) error {
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
	chains := make(map[Place]Chain, len(ranges))
	for place, r := range ranges {
		chains[place] = newChain(r)
	}
	return chains, nil
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

// Minute is what the ledger says of one minute of one type, over all partitions up to their bounds.
type Minute struct {
	Minute   int32
	Rows     uint64 // Stored rows.
	Checksum uint64 // The wrapping sum of theirs.
	// Once means that no event is in two of the rows: they lie within the window in which duplicates are found, in the
	// partitions of their identities, and none has a revision that may replace another.
	Once bool
}

// touched returns the minutes, ascending, with rows between the cursors and the ends.
func (w *Worker) touched(ctx context.Context, topic string, cursors, ends Bounds) ([]int32, error) {
	moved := make(Bounds)
	for place, end := range ends {
		if cursor, known := cursors[place]; !known || end > cursor {
			moved[place] = end
		}
	}
	if len(moved) == 0 {
		return nil, nil
	}
	var minutes []int32
	err := w.DB.Query(ctx, TouchedSQL(topic, cursors, moved), func(scan func(...any) error) error {
		var m int32
		if err := scan(&m); err != nil {
			return err
		}
		minutes = append(minutes, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the minutes that %s touches: %w", topic, err)
	}
	return minutes, nil
}

// Loser is a ledger row that does not count, because another one covers its offsets.
type Loser struct {
	Place
	ledger.Range
}

// ReadMinutes returns what the ledger says of the minutes in [from, to), ascending; those without rows are left out.
// Rows beyond the bounds and rows that lost against an overlapping one do not count.
func ReadMinutes(ctx context.Context, db DB, topic string, bounds Bounds, from, to int32) ([]Minute, error) {
	losers, err := readLosers(ctx, db, topic, bounds, from, to)
	if err != nil {
		return nil, err
	}
	var minutes []Minute
	err = db.Query(ctx, minutesSQL(topic, bounds, losers, from, to), func(scan func(...any) error) error {
		var m Minute
		if err := scan(&m.Minute, &m.Rows, &m.Checksum, &m.Once); err != nil {
			return err
		}
		minutes = append(minutes, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the minutes of %s in the ledger: %w", topic, err)
	}
	return minutes, nil
}

// readLosers returns the rows that do not count in partitions where rows with these minutes overlap: nearly never any.
// Two rows that count an event twice both have its minute, so what overlaps elsewhere is of no interest.
func readLosers(ctx context.Context, db DB, topic string, bounds Bounds, from, to int32) ([]Loser, error) {
	var places []Place
	err := db.Query(ctx, overlapsSQL(topic, bounds, from, to), func(scan func(...any) error) error {
		var place Place
		if err := scan(&place.Epoch, &place.Partition); err != nil {
			return err
		}
		places = append(places, place)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for overlaps in the ledger of %s: %w", topic, err)
	}
	var losers []Loser
	for _, place := range places {
		chain, err := ReadChain(ctx, db, topic, place)
		if err != nil {
			return nil, err
		}
		for _, r := range chain.Losers {
			losers = append(losers, Loser{place, r})
		}
	}
	return losers, nil
}

// topicsOf returns the topics that tables are made from, in the order of the types.
func topicsOf(tables []Table) []schemas.Spec {
	var specs []schemas.Spec
	for _, spec := range schemas.Specs() {
		if slices.ContainsFunc(tables, func(t Table) bool { return slices.Contains(t.Types, spec.Type) }) {
			specs = append(specs, spec)
		}
	}
	return specs
}
