package replay

import (
	"encoding/binary"
	"hash/maphash"
	"math"

	"tidemark/producers"
	"tidemark/producers/formats"
	"tidemark/schemas"
)

// maxRepeats is how many events are remembered to recognize their repeats, at about 70 bytes each.
const maxRepeats = 1 << 21

// repeats recognizes repeats of events, newer statements of them, and other events of the same identity: the audit
// compares the count of events of a run with what is stored. It takes up to about 150 MB.
type repeats struct {
	events map[uint64]statement // By half of the identity and the type.
	seed   maphash.Seed
	most   int  // Of them.
	full   bool // There were more than could be remembered, or too large ones: what kind gives is not to be trusted.
}

// statement is the newest statement of an event.
type statement struct {
	time                  int64
	revision, value       uint64 // The value is a hash.
	weight, input, output uint32 // The largest number is that or more.
}

// mayRepeat reports whether the source may give one event more than once, see formats.Format.MayRepeat. The rows of a
// table are different events.
func (o Options) mayRepeat() bool {
	switch {
	case o.Topic != nil:
		return true
	case o.Table != nil, o.Name != "":
		return false
	}
	return len(o.Files) > 1 || formats.Named(o.Format).MayRepeat(o.settings())
}

func newRepeats(most int) *repeats {
	return &repeats{events: map[uint64]statement{}, seed: maphash.MakeSeed(), most: most}
}

func (r *repeats) kind(item *producers.Item) producers.Kind {
	key := half(item.Identity) + uint64(item.Type) // Each type has its own identities.
	now := statement{
		item.Time, item.Revision, maphash.Bytes(r.seed, item.Value), bounded(item.Weight), bounded(item.InputTokens), bounded(item.OutputTokens),
	}
	before, seen := r.events[key]
	switch {
	case !seen && len(r.events) >= r.most:
		r.full = true
		return producers.Fresh
	case !seen:
		r.events[key] = now
		return producers.Fresh
	case before.time != now.time:
		return producers.Conflict
	case now.revision > before.revision:
		r.events[key] = now
		r.full = r.full || max(before.weight, before.input, before.output) == math.MaxUint32
		item.Replaced = producers.Measures{Weight: uint64(before.weight), InputTokens: uint64(before.input), OutputTokens: uint64(before.output)}
		return producers.Revision
	case now.revision == before.revision && now.value != before.value:
		return producers.Conflict
	}
	return producers.Duplicate
}

func bounded(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

// half returns half of an identity, which is enough to keep some millions of them apart.
func half(id schemas.Identity) uint64 { return binary.LittleEndian.Uint64(id[8:]) }
