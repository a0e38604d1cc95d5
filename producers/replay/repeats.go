package replay

import "tidemark/producers"

// maxRepeats is how many different events are remembered to tell repeats from them, at about 40 bytes each.
const maxRepeats = 1 << 21

// repeats tells the repeats of an event, and other events of the same identity, from events. The audit compares a run's
// count of events with what is stored. It takes the memory of what it has seen, up to about 80 MB.
type repeats struct {
	times map[uint64]int64 // By half of the identity and the type.
	most  int              // Of them.
	full  bool             // There were more than could be remembered: what kind gives is not to be trusted.
}

// mayRepeat reports whether the source may give one event more than once. The rows of one file have their place in their
// ids, unless they bring ids along; the rows of a table are different events.
func (o Options) mayRepeat() bool {
	switch {
	case o.Topic != nil:
		return true
	case o.Table != nil, o.Name != "":
		return false
	}
	return len(o.Files) > 1 || o.Format == "cloudevents" || o.Mapping != nil && len(o.Mapping.id) > 0
}

func newRepeats(most int) *repeats { return &repeats{times: map[uint64]int64{}, most: most} }

func (r *repeats) kind(item *producers.Item) producers.Kind {
	key := half(item.Identity) + uint64(item.Type) // Each type has its own identities.
	first, seen := r.times[key]
	switch {
	case seen && first == item.Time:
		return producers.Duplicate
	case seen:
		return producers.Conflict
	case len(r.times) >= r.most:
		r.full = true
	default:
		r.times[key] = item.Time
	}
	return producers.Fresh
}
