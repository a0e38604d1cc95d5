package audit

import (
	"context"
	"fmt"

	"tidemark/consumers/spans"
)

// A rollup that merges another is compared with that one, and a rollup of raw with raw. Both would pass although what
// they are made from is wrong. So the audit keeps the first flaw of every raw table and rollup. A bucket that is made
// from a flaw is a difference too, whatever it is equal to.

// flaw is the first place of a raw table or a rollup that is wrong. A rollup that is made from something with a flaw
// has the same flaw.
type flaw struct {
	what      string // "token_calls_1h bucket 2026-03-01 10:00"; only the name if unchecked. Empty for no flaw.
	minute    int32  // The first minute of the bucket.
	unchecked bool   // The check could not be made.
}

// addFlaw keeps the first minute in which a raw table is wrong.
func (p *pass) addFlaw(t *topic, minute int32) {
	p.flaws[t.spec.RawTable] = flaw{what: t.spec.RawTable + " at " + at(minute), minute: minute}
}

// inherited is the flaw that a rollup has from what it is made from.
type inherited struct {
	flaw
	says string // Names the bucket of the rollup that it is in.
	err  error
}

// also returns the flaw as the second half of a sentence about the rollup itself.
func (i inherited) also() string {
	if i.says == "" {
		return ""
	}
	return "; " + i.says
}

// inherit finds the first flaw in what the rollup is made from that is in a bucket it shows. A bucket that was
// published since the audit began may be made from something else by now.
func (c *comparison) inherit(ctx context.Context) inherited {
	sources := []string{c.table.From}
	if c.table.From == "" {
		sources = sources[:0]
		for _, t := range c.topics {
			sources = append(sources, t.spec.RawTable)
			if t.raw.err != nil {
				return inherited{flaw: flaw{what: t.spec.RawTable, unchecked: true}}
			}
		}
	}
	for _, source := range sources {
		f, found := c.flaws[source]
		if !found {
			continue
		}
		if f.unchecked {
			return inherited{flaw: f}
		}
		bucket := spans.Widen([]spans.Span{{From: f.minute, To: f.minute + 1}}, c.table.Minutes)[0]
		var shown uint64
		if _, err := c.queryFirst(ctx, countSQL(shownSQL(c.table, bucket)), &shown); err != nil {
			return inherited{err: fmt.Errorf("find the bucket of %s that is made from %s: %w", c.table.Name, f.what, err)}
		}
		newer, err := c.countNewer(ctx, bucket)
		if err != nil {
			return inherited{err: fmt.Errorf("find newer versions of %s: %w", c.table.Name, err)}
		}
		if shown > 0 && newer == 0 {
			return inherited{flaw: f, says: fmt.Sprintf("%s bucket %s is made from %s, which is wrong", c.table.Name, at(bucket.From), f.what)}
		}
	}
	return inherited{}
}
