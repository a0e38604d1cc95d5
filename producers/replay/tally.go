package replay

import (
	"sync"
	"sync/atomic"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
)

// tally counts what is read, and keeps and reports its problems. It calls one hook at a time: problems are found while
// a batch is in flight.
type tally struct {
	rows      atomic.Int64 // Read; also asked for while a batch is on its way.
	nothing   int64
	leftOut   int64
	noCalls   map[string]int64 // Rows that are no calls, by the reason.
	joined    int64
	later     int64
	columns   mapping.Columns
	skipped   int64
	problems  []Problem
	replaced  int64    // Rows of files that a later one of the same id replaces.
	unended   []string // Files of which a last line without an end was taken.
	repeated  int64    // Rows that say what another one of the same id says.
	unread    fields.Unreads
	notes     []string
	types     map[string]int64 // Of events that nobody knows.
	tokenless int64
	has       map[string]bool // What the data of events without tokens has.
	headers   int64           // Lines that are the header of their file again.

	mu    sync.Mutex // Held during calls of hooks.
	hooks Hooks
}

func (t *tally) problem(p Problem) {
	t.skipped++
	if len(t.problems) < keptProblems {
		t.problems = append(t.problems, p)
	}
	if t.hooks.Problem != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.hooks.Problem(p)
	}
}

// read counts a row that makes an event, and the values of it that could not be read.
func (t *tally) read(l *fields.Lenient) {
	t.rows.Add(1)
	if l != nil {
		t.unread.Add(l.Noted)
		t.noTokens(l.Tokenless)
	}
}

// noTokens counts a call without tokens, and the keys of its data.
func (t *tally) noTokens(names []string) {
	if names == nil {
		return
	}
	t.tokenless++
	for _, name := range names {
		if t.has == nil {
			t.has = map[string]bool{}
		}
		if len(t.has) < faults.ShownColumns {
			t.has[name] = true
		}
	}
}

// noCall counts a row that is no call.
func (t *tally) noCall(reason string) {
	if t.noCalls == nil {
		t.noCalls = map[string]int64{}
	}
	t.noCalls[reason]++
}

// unknownType counts an event of an unknown type.
func (t *tally) unknownType(name string) {
	if t.types == nil {
		t.types = map[string]int64{}
	}
	if t.types[name] == 0 && len(t.types) >= manyKinds {
		name = "" // The others.
	}
	t.types[name]++
}

func (t *tally) progress(p Progress) {
	if t.hooks.Progress != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.hooks.Progress(p)
	}
}
