package audit

import (
	"context"
	"fmt"

	"tidemark/consumers/spans"
)

// A rollup that merges another is held against that one, and one of raw against raw: both would be right if what they are made
// from is wrong. So the first flaw of everything that something is made from is kept, and a bucket with the flaw in it is
// not right either, whatever it is equal to.

// flaw is the first place of a raw table or a rollup that is not as it should be; of one that is made from another with a flaw
// it is that one's.
type flaw struct {
	what      string // "token_calls_1h bucket 2026-03-01 10:00"; a name alone if unchecked. Empty for no flaw.
	minute    int32  // The first of the bucket.
	unchecked bool   // Whether it is right could not be found out.
}

// flawed notes the first minute in which raw is not as it should be.
func (r *run) flawed(t *topic, minute int32) {
	r.flaws[t.spec.RawTable] = flaw{what: t.spec.RawTable + " at " + at(minute), minute: minute}
}

// inherited is what is wrong with a rollup because of what it is made from.
type inherited struct {
	flaw
	says string // Which bucket of the rollup it is in.
	err  error
}

// also adds it to what is wrong with the rollup itself.
func (i inherited) also() string {
	if i.says == "" {
		return ""
	}
	return "; " + i.says
}

// inherit finds the first flaw in what the rollup is made from that is in a bucket it shows. A bucket that was published again
// since the audit began may be made from something else by now.
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
		if _, err := c.first(ctx, countSQL(shownSQL(c.table, bucket)), &shown); err != nil {
			return inherited{err: fmt.Errorf("look for the bucket of %s that is made from %s: %w", c.table.Name, f.what, err)}
		}
		again, err := c.again(ctx, bucket)
		if err != nil {
			return inherited{err: fmt.Errorf("look for newer versions of %s: %w", c.table.Name, err)}
		}
		if shown > 0 && again == 0 {
			return inherited{flaw: f, says: fmt.Sprintf("%s bucket %s is made from %s, which is not as it should be", c.table.Name, at(bucket.From), f.what)}
		}
	}
	return inherited{}
}
