package ledgerdb

import (
	"context"
	"fmt"

	"tidemark/consumers/ledger"
)

// Minute is what the ledger says of one minute of one type, over all partitions up to their bounds.
type Minute struct {
	Minute   int32
	Rows     uint64 // Stored rows.
	Checksum uint64 // The wrapping sum of theirs.
	// Once means that no event is in two of the rows: they lie within the window in which duplicates are found, in the
	// partitions of their identities, and none has a revision that may replace another.
	Once bool
}

// ReadTouched returns the minutes, ascending, that have rows between the cursors and the ends.
func ReadTouched(ctx context.Context, db Querier, topic string, cursors, ends Bounds) ([]int32, error) {
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
	err := db.Query(ctx, touchedSQL(topic, cursors, moved), func(scan func(...any) error) error {
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
func ReadMinutes(ctx context.Context, db Querier, topic string, bounds Bounds, from, to int32) ([]Minute, error) {
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
func readLosers(ctx context.Context, db Querier, topic string, bounds Bounds, from, to int32) ([]Loser, error) {
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
