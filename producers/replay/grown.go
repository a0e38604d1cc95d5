package replay

import (
	"bytes"
	"cmp"
	"fmt"

	"google.golang.org/protobuf/proto"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// grown makes one event of all statements of a call, whatever their order: the one with the most tokens counts, with the
// highest input, at the time of the earliest. The revision is how many tokens the call has grown by, so it
// is 0 for a call that is stated once, and the event of a file that has grown replaces the one of before.
//
// Statements that have revisions of their own, as those of calls that several reporters tell of, count by them.
type grown struct {
	tally *tally

	best, next  *usagev1.TokenCall
	high        *usagev1.TokenCall // The highest counts of the statements with the revision of the best.
	first       int64              // The earliest time.
	least       uint64             // Tokens of the statement with the fewest.
	named       int64              // When a statement had another id than that of the answer.
	source, id  string             // Those of the earliest such statement; empty if there is none.
	own, others []byte             // Encoded statements that are compared.
}

func newGrown(t *tally) *grown {
	return &grown{tally: t, best: &usagev1.TokenCall{}, next: &usagev1.TokenCall{}, high: &usagev1.TokenCall{}}
}

// key is what the statements of a call have in common: the id of the answer, and the identity where none has it.
func (*grown) key(e schemas.Event) schemas.Identity {
	if call, ok := e.(*usagev1.TokenCall); ok && call.ResponseId != "" {
		return schemas.IdentityOf(call.Tenant, "answer", call.ResponseId)
	}
	return identityOf(e)
}

// begin begins a call with a statement.
func (g *grown) begin(record []byte) error {
	g.id = ""
	if err := readRecord(record, g.best); err != nil {
		return err
	}
	g.first, g.least = g.best.GetTimeUs(), tokensOf(g.best)
	copyCounts(g.high, g.best)
	g.name(g.best)
	return nil
}

// add adds another statement.
func (g *grown) add(record []byte) error {
	if err := readRecord(record, g.next); err != nil {
		return err
	}
	g.first, g.least = min(g.first, g.next.GetTimeUs()), min(g.least, tokensOf(g.next))
	g.name(g.next)
	if sameTokens(g.best, g.next) {
		g.tally.repeated++
	} else {
		g.tally.replaced++
	}
	better, err := g.better()
	if err != nil {
		return err
	}
	switch {
	case g.next.Revision > g.best.Revision:
		copyCounts(g.high, g.next)
	case g.next.Revision == g.best.Revision:
		raise(g.high, g.next)
	}
	if better {
		g.best, g.next = g.next, g.best
	}
	return nil
}

// name notes an id that is not that of the answer.
func (g *grown) name(e *usagev1.TokenCall) {
	if e.Id == e.ResponseId || g.id != "" && cmp.Or(cmp.Compare(g.named, e.GetTimeUs()), cmp.Compare(g.id, e.Id)) <= 0 {
		return
	}
	g.named, g.source, g.id = e.GetTimeUs(), e.Source, e.Id
}

// better reports whether the next statement counts rather than the best of those before. The last rules only make the order
// of the statements not matter.
func (g *grown) better() (bool, error) {
	a, b := g.best, g.next
	if order := cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(tokensOf(a), tokensOf(b)), -cmp.Compare(a.GetTimeUs(), b.GetTimeUs())); order != 0 {
		return order < 0, nil
	}
	var errOwn, errOthers error
	g.own, errOwn = proto.MarshalOptions{Deterministic: true}.MarshalAppend(g.own[:0], a)
	g.others, errOthers = proto.MarshalOptions{Deterministic: true}.MarshalAppend(g.others[:0], b)
	if err := cmp.Or(errOwn, errOthers); err != nil {
		return false, fmt.Errorf("compare statements of a call: %w", err)
	}
	return bytes.Compare(g.own, g.others) > 0, nil
}

// end returns the event, valid until begin is called again.
func (g *grown) end() schemas.Event {
	if g.id != "" {
		g.best.Source, g.best.Id = g.source, g.id
	}
	copyCounts(g.best, g.high)
	if g.best.Revision == 0 {
		g.best.Revision = tokensOf(g.best) - g.least
	}
	g.best.TimeUs = new(g.first)
	return g.best
}

// copyCounts gives a call the counts of another one.
func copyCounts(e, other *usagev1.TokenCall) {
	e.InputUncached, e.InputCacheRead = other.InputUncached, other.InputCacheRead
	copyWrites(e, other)
	copyOutput(e, other)
}

func copyWrites(e, other *usagev1.TokenCall) {
	e.InputCacheWrite, e.CacheWrite_5M, e.CacheWrite_1H = other.InputCacheWrite, other.CacheWrite_5M, other.CacheWrite_1H
}

func copyOutput(e, other *usagev1.TokenCall) {
	e.OutputVisible, e.OutputReasoning, e.Split = other.OutputVisible, other.OutputReasoning, other.Split
}

// raise gives a call the counts of another statement of it that are higher. Counts that are parts of one sum stay together.
func raise(e, other *usagev1.TokenCall) {
	if cmp.Or(cmp.Compare(taken(e), taken(other)), cmp.Compare(e.GetInputCacheRead(), other.GetInputCacheRead()), cmp.Compare(e.GetInputCacheWrite(), other.GetInputCacheWrite()),
		cmp.Compare(e.GetCacheWrite_5M(), other.GetCacheWrite_5M()), cmp.Compare(e.GetCacheWrite_1H(), other.GetCacheWrite_1H())) < 0 {
		e.InputUncached, e.InputCacheRead = other.InputUncached, other.InputCacheRead
		copyWrites(e, other)
	}
	if cmp.Or(cmp.Compare(spent(e), spent(other)), cmp.Compare(e.GetOutputReasoning(), other.GetOutputReasoning())) < 0 {
		copyOutput(e, other)
	}
}

func taken(e *usagev1.TokenCall) uint64 {
	return e.GetInputUncached() + e.GetInputCacheRead() + e.GetInputCacheWrite()
}

func spent(e *usagev1.TokenCall) uint64 { return e.GetOutputVisible() + e.GetOutputReasoning() }

func tokensOf(e *usagev1.TokenCall) uint64 {
	return e.GetInputUncached() + e.GetInputCacheRead() + e.GetInputCacheWrite() + spent(e)
}

// sameTokens reports whether two statements have the same counts.
func sameTokens(a, b *usagev1.TokenCall) bool {
	return a.GetInputUncached() == b.GetInputUncached() && a.GetInputCacheRead() == b.GetInputCacheRead() &&
		a.GetInputCacheWrite() == b.GetInputCacheWrite() && spent(a) == spent(b)
}
