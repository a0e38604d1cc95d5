package ledgerdb

import (
	"context"
	"fmt"
	"sort"

	"tidemark/consumers/ledger"
	"tidemark/consumers/spans"
)

// Minute is what the ledger says of one minute of one type, over all partitions up to their bounds.
type Minute struct {
	Minute   int32  // Since 1970.
	Rows     uint64 // Stored rows.
	Checksum uint64 // The wrapping sum of the checksums of the stored rows.
	// Distinct means that no event is in two of the rows: the rows lie within the window in which duplicates are found
	// and in the partitions of their identities, and none has a revision that may replace another row.
	Distinct bool
}

// Minutes are minutes of one type, ascending. Minutes without rows are left out.
type Minutes []Minute

// In returns the minutes in [from, to).
func (m Minutes) In(from, to int32) Minutes {
	i := sort.Search(len(m), func(i int) bool { return m[i].Minute >= from })
	j := sort.Search(len(m), func(i int) bool { return m[i].Minute >= to })
	return m[i:max(i, j)]
}

// MinutesByType are the minutes of several types, one list per type.
type MinutesByType []Minutes

// Rows is the number of stored rows in [from, to).
func (m MinutesByType) Rows(from, to int32) uint64 {
	var n uint64
	for _, minutes := range m {
		for _, minute := range minutes.In(from, to) {
			n += minute.Rows
		}
	}
	return n
}

// Distinct reports whether no event is in two rows in [from, to).
func (m MinutesByType) Distinct(from, to int32) bool {
	for _, minutes := range m {
		for _, minute := range minutes.In(from, to) {
			if !minute.Distinct {
				return false
			}
		}
	}
	return true
}

// Split cuts a span into pieces for one statement each. The cuts are multiples of length minutes after the start of the
// span. A piece has at most maxRows stored rows, or is length minutes long.
func (m MinutesByType) Split(s spans.Span, length int32, maxRows uint64) []spans.Span {
	var out []spans.Span
	for s.To-s.From > length && m.Rows(s.From, s.To) > maxRows {
		// The most buckets that fit, at least one.
		n := (s.To - s.From - 1) / length
		fit := sort.Search(int(n), func(i int) bool { return m.Rows(s.From, s.From+int32(i+1)*length) > maxRows })
		cut := s.From + max(1, int32(fit))*length
		out = append(out, spans.Span{From: s.From, To: cut})
		s.From = cut
	}
	return append(out, s)
}

// ReadMinutes returns what the ledger says of the minutes of a topic in a span. Rows beyond the bounds do not count,
// nor do rows that lost against an overlapping one.
func ReadMinutes(ctx context.Context, db Querier, topic string, bounds Bounds, s spans.Span) (Minutes, error) {
	losers, err := readLosers(ctx, db, topic, bounds, s)
	if err != nil {
		return nil, err
	}
	var minutes Minutes
	err = db.Query(ctx, minutesSQL(topic, bounds, losers, s), func(scan func(...any) error) error {
		var m Minute
		if err := scan(&m.Minute, &m.Rows, &m.Checksum, &m.Distinct); err != nil {
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

// readLosers returns the losers of the partitions in which rows with minutes of the span overlap: nearly never any. Two
// rows that count an event twice both have its minute, so overlaps of other minutes do not matter.
func readLosers(ctx context.Context, db Querier, topic string, bounds Bounds, s spans.Span) ([]Loser, error) {
	var partitions []ledger.Partition
	err := db.Query(ctx, overlapsSQL(topic, bounds, s), func(scan func(...any) error) error {
		p, err := ScanPartition(topic, scan)
		partitions = append(partitions, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find overlapping rows in the ledger of %s: %w", topic, err)
	}
	var losers []Loser
	for _, p := range partitions {
		chain, err := readChain(ctx, db, p)
		if err != nil {
			return nil, err
		}
		for _, r := range chain.Losers {
			losers = append(losers, Loser{p, r})
		}
	}
	return losers, nil
}

// ReadTouched returns the minutes, ascending, that have rows between the cursors and the ends.
func ReadTouched(ctx context.Context, db Querier, topic string, cursors, ends Bounds) ([]int32, error) {
	moved := make(Bounds)
	for p, end := range ends {
		if cursor, known := cursors[p]; !known || end > cursor {
			moved[p] = end
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
		return nil, fmt.Errorf("read the minutes that the ledger of %s gained: %w", topic, err)
	}
	return minutes, nil
}
