package ledgerdb

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tidemark/consumers/ledger"
)

// Bounds are the ends of the partitions of one topic. The end of a partition is the first offset that is not accounted
// for.
type Bounds map[ledger.Partition]int64

// Partitions returns the partitions in the order of their epochs and ids.
func (b Bounds) Partitions() []ledger.Partition {
	return slices.SortedFunc(maps.Keys(b), func(x, y ledger.Partition) int {
		return cmp.Or(cmp.Compare(x.Epoch, y.Epoch), cmp.Compare(x.ID, y.ID))
	})
}

// RawSQL is a condition on the columns of a raw table: the row lies below the end of its partition.
func (b Bounds) RawSQL() string { return b.within("offset < %s") }

// LedgerSQL is a condition on the columns of the ledger: the row ends at or below the end of its partition. It does not
// test the topic.
func (b Bounds) LedgerSQL() string { return b.within("to_offset <= %s") }

// within is a condition that holds within each partition, with the end of the partition in place of %s.
func (b Bounds) within(condition string) string {
	var epochs []string
	partitions := b.Partitions()
	for len(partitions) > 0 {
		n := 1
		for n < len(partitions) && partitions[n].Epoch == partitions[0].Epoch {
			n++
		}
		var ids, ends []string
		for _, p := range partitions[:n] {
			ids = append(ids, fmt.Sprint(p.ID))
			ends = append(ends, fmt.Sprint(b[p]))
		}
		end := fmt.Sprintf("transform(partition, [%s], [%s], toUInt64(0))", strings.Join(ids, ", "), strings.Join(ends, ", "))
		epochs = append(epochs, fmt.Sprintf("(epoch = %d AND %s)", partitions[0].Epoch, fmt.Sprintf(condition, end)))
		partitions = partitions[n:]
	}
	if epochs == nil {
		return "0"
	}
	return "(" + strings.Join(epochs, " OR ") + ")"
}
