package kafka

import (
	"cmp"
	"encoding/binary"
	"slices"

	"tidemark/internal/kafka/batch"
)

func sortAborted(aborted []abortedTransaction) {
	slices.SortFunc(aborted, func(a, b abortedTransaction) int { return cmp.Compare(a.first, b.first) })
}

// abortedAt reports that the records of b belong to an aborted transaction. It must be called for the batches in their
// order.
func (a *answer) abortedAt(b *batch.Batch) bool {
	if len(a.aborted) == 0 && len(a.active) == 0 {
		return false
	}
	for len(a.aborted) > 0 && a.aborted[0].first < b.NextOffset() {
		a.active[a.aborted[0].producer] = struct{}{}
		a.aborted = a.aborted[1:]
	}
	if !b.Transactional() || b.Control() {
		return false
	}
	_, ok := a.active[b.Producer.ID]
	return ok
}

// isAbort reports that the key of a control record, its version and its type, ends an aborted transaction.
func isAbort(key []byte) bool {
	return len(key) >= 4 && binary.BigEndian.Uint16(key[2:]) == 0
}
