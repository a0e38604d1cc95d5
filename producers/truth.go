package producers

import (
	"time"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// Counts are the figures of the records of one type that the log has acknowledged.
//
// Produced = Events + Duplicates + Conflicts + Poison + Revisions.
type Counts struct {
	Produced   uint64
	Events     uint64 // Distinct events that consumers accept.
	Duplicates uint64 // Records that repeat an earlier one, FarDuplicates among them.
	Conflicts  uint64 // Records with an earlier identity and another time or other content: the first one counts.
	Revisions  uint64 // Records that replace an earlier statement of the same event.
	Poison     uint64 // Records that end as dead letters.

	// FarDuplicates come later than the window of a consumer looks back: it stores them too, and views show the event
	// once.
	FarDuplicates uint64
	// OutOfOrder events are seconds before their neighbors in time, Late ones hours or days.
	OutOfOrder, Late uint64

	// Sums over distinct events, each in its highest revision: of the weights, and of tokens times weight.
	Weight, InputTokens, OutputTokens schemas.Wide
	// FirstTime and LastTime are the earliest and the latest of distinct events, microseconds since 1970; both 0 if
	// there are none.
	FirstTime, LastTime int64

	Bytes uint64 // Of all values.
}

// Truth is the counts of what a run has sent to the log, by type. The zero value is ready.
type Truth struct {
	counts [schemas.NumTypes]Counts
}

// Add counts the items, which the log has acknowledged, of the types that are Counted.
func (t *Truth) Add(items []Item) {
	for i := range items {
		if item := &items[i]; schemas.SpecOf(item.Type).Counted {
			t.counts[item.Type].add(item)
		}
	}
}

func (c *Counts) add(item *Item) {
	c.Produced++
	c.Bytes += uint64(len(item.Value))
	switch item.Kind {
	case FarDuplicate:
		c.FarDuplicates++
		c.Duplicates++
	case Duplicate:
		c.Duplicates++
	case Conflict:
		c.Conflicts++
	case Poison:
		c.Poison++
	case Revision:
		c.revise(item)
	case Fresh:
		if c.Events == 0 {
			c.FirstTime, c.LastTime = item.Time, item.Time
		}
		c.Events++
		c.FirstTime, c.LastTime = min(c.FirstTime, item.Time), max(c.LastTime, item.Time)
		c.Weight.Add(item.Weight)
		c.InputTokens.Add(item.InputTokens)
		c.OutputTokens.Add(item.OutputTokens)
		switch item.Disorder {
		case InOrder:
		case OutOfOrder:
			c.OutOfOrder++
		case Late:
			c.Late++
		}
	}
}

// revise counts an item that replaces an earlier one: the sums become those of the newer statement.
func (c *Counts) revise(item *Item) {
	c.Revisions++
	for _, of := range []struct {
		sum         *schemas.Wide
		now, before uint64
	}{
		{&c.Weight, item.Weight, item.Replaced.Weight},
		{&c.InputTokens, item.InputTokens, item.Replaced.InputTokens},
		{&c.OutputTokens, item.OutputTokens, item.Replaced.OutputTokens},
	} {
		of.sum.Add(of.now)
		*of.sum = of.sum.Minus(of.before)
	}
}

// Of returns the counts of one type.
func (t *Truth) Of(of schemas.Type) Counts {
	if int(of) >= len(t.counts) {
		return Counts{}
	}
	return t.counts[of]
}

// Total returns the counts of all types together.
func (t *Truth) Total() Counts {
	var sum Counts
	for i := range t.counts {
		c := &t.counts[i]
		if c.Events > 0 {
			if sum.Events == 0 {
				sum.FirstTime, sum.LastTime = c.FirstTime, c.LastTime
			}
			sum.FirstTime, sum.LastTime = min(sum.FirstTime, c.FirstTime), max(sum.LastTime, c.LastTime)
		}
		sum.Produced += c.Produced
		sum.Events += c.Events
		sum.Duplicates += c.Duplicates
		sum.Conflicts += c.Conflicts
		sum.Poison += c.Poison
		sum.Revisions += c.Revisions
		sum.FarDuplicates += c.FarDuplicates
		sum.OutOfOrder += c.OutOfOrder
		sum.Late += c.Late
		sum.Weight = sum.Weight.Plus(c.Weight)
		sum.InputTokens = sum.InputTokens.Plus(c.InputTokens)
		sum.OutputTokens = sum.OutputTokens.Plus(c.OutputTokens)
		sum.Bytes += c.Bytes
	}
	return sum
}

// RunInfo names a run.
type RunInfo struct {
	Run    string    // The label in the events' run field. No two runs should have the same.
	Kind   string    // "generate", "replay" or "load".
	Start  time.Time // When the run began. Part of the messages' identity: keep it to send them again.
	Detail string    // The command line or file names, for people; cut to 512 bytes.
}

// runTenant and runSource are the tenant and source of the messages about runs.
const (
	runTenant = "tidemark"
	runSource = "tidemark/runs"
	maxDetail = 512 // Bytes.
)

// Runs returns one message per type that has records.
func (t *Truth) Runs(info RunInfo) []*usagev1.Run {
	var runs []*usagev1.Run
	for i := range t.counts {
		c := &t.counts[i]
		if c.Produced == 0 {
			continue
		}
		name := schemas.Type(i).String()
		runs = append(runs, &usagev1.Run{
			Source: runSource, Id: info.Run + "/" + name, TimeUs: new(info.Start.UnixMicro()), Tenant: runTenant,
			Run: info.Run, Kind: info.Kind, Type: name, Detail: plain(info.Detail, maxDetail),
			Produced: c.Produced, Events: c.Events, Duplicates: c.Duplicates, Conflicts: c.Conflicts, Poison: c.Poison,
			InputTokens: c.InputTokens.Low, OutputTokens: c.OutputTokens.Low, Weight: c.Weight.Low,
			InputTokensHigh: c.InputTokens.High, OutputTokensHigh: c.OutputTokens.High, WeightHigh: c.Weight.High,
			FirstTimeUs: c.FirstTime, LastTimeUs: c.LastTime,
		})
	}
	return runs
}

// plain returns s as valid text without control characters, cut to at most limit bytes.
func plain(s string, limit int) string {
	var out []rune
	size := 0
	for _, r := range s { // Invalid bytes come as U+FFFD.
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			r = ' '
		}
		if size += len(string(r)); size > limit {
			break
		}
		out = append(out, r)
	}
	return string(out)
}
