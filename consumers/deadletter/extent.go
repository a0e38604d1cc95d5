package deadletter

import (
	"cmp"
	"maps"
	"slices"

	"tidemark/consumers/ledger"
	usagev1 "tidemark/schemas/usage/v1"
)

// Extent returns the offsets [first, end) that a letter stands for: one, or those of an unreadable batch of records.
func Extent(letter *usagev1.DeadLetter) (first, end int64) {
	first = letter.GetOffset()
	return first, max(first, letter.GetLastOffset()) + 1
}

// about reports whether a letter stands for the record at a coordinate.
func about(letter *usagev1.DeadLetter, at Coordinate) bool {
	first, end := Extent(letter)
	return CoordinateOf(letter).Partition == at.Partition && first <= at.Offset && at.Offset < end
}

// Length returns the number of bytes of the record's value. A letter that was cut has fewer.
func Length(letter *usagev1.DeadLetter) int {
	return max(int(min(letter.GetValueLength(), 1<<62)), len(letter.GetValue()))
}

// Cut reports whether the letter has only the beginning of the record's value.
func Cut(letter *usagev1.DeadLetter) bool { return Length(letter) > len(letter.GetValue()) }

func records(letter *usagev1.DeadLetter) int {
	first, end := Extent(letter)
	return int(end - first)
}

// offsets is a set of offsets of one partition. Most are single, in any order; ranges are few.
type offsets struct {
	single map[int64]struct{}
	ranges [][2]int64 // [first, end), ascending and apart
}

// remember adds the offsets [first, end) of a partition and returns how many of them are new.
func remember(seen map[ledger.Partition]*offsets, partition ledger.Partition, first, end int64) int {
	set := seen[partition]
	if set == nil {
		set = &offsets{single: map[int64]struct{}{}}
		seen[partition] = set
	}
	if end-first > 1 {
		return set.addRange(first, end)
	}
	if _, known := set.single[first]; known || set.inRange(first) {
		return 0
	}
	set.single[first] = struct{}{}
	return 1
}

// search returns the first range that ends behind an offset.
func (s *offsets) search(offset int64) int {
	at, _ := slices.BinarySearchFunc(s.ranges, offset+1, func(r [2]int64, end int64) int { return cmp.Compare(r[1], end) })
	return at
}

func (s *offsets) inRange(offset int64) bool {
	at := s.search(offset)
	return at < len(s.ranges) && s.ranges[at][0] <= offset
}

// addRange adds a range and returns how many of its offsets are new.
func (s *offsets) addRange(first, end int64) int {
	from := s.search(first)
	to, fresh, joined := from, end-first, [2]int64{first, end}
	for ; to < len(s.ranges) && s.ranges[to][0] < end; to++ {
		r := s.ranges[to]
		fresh -= min(end, r[1]) - max(first, r[0])
		joined = [2]int64{min(joined[0], r[0]), max(joined[1], r[1])}
	}
	before := len(s.single)
	if end-first < int64(before) {
		for offset := first; offset < end; offset++ {
			delete(s.single, offset)
		}
	} else {
		maps.DeleteFunc(s.single, func(offset int64, _ struct{}) bool { return first <= offset && offset < end })
	}
	fresh -= int64(before - len(s.single)) // They are part of the range now.
	s.ranges = slices.Replace(s.ranges, from, to, joined)
	return int(fresh)
}
