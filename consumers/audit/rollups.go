package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/rollup"
	"tidemark/consumers/spans"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// readProgress reads how far the rollups are: their cursors, then the ranges that they have passed and not updated.
func (p *pass) readProgress(ctx context.Context) error {
	cursors, err := ledgerdb.ReadCursors(ctx, p.DB)
	if err != nil {
		return err
	}
	p.cursors = cursors
	if p.periods, err = p.books.Periods(ctx); err != nil {
		return err
	}
	p.pending = make(map[string][]spans.Span)
	return p.DB.Query(ctx, pendingSQL(), func(scan func(...any) error) error {
		var name string
		var s spans.Span
		if err := scan(&name, &s.From, &s.To); err != nil {
			return err
		}
		p.pending[name] = spans.Union(p.pending[name], []spans.Span{s})
		return nil
	})
}

// checkRollups compares every rollup with its recomputation.
func (p *pass) checkRollups(ctx context.Context) {
	touched := make(map[schemas.Type][]int32)
	for _, t := range p.topics {
		minutes, err := p.readTouched(ctx, t)
		if err != nil {
			p.fail(checkEquals, t.spec.Name, time.Now(), err)
			return
		}
		touched[t.spec.Type] = minutes
	}
	pending := make(map[string][]spans.Span) // The pending buckets, by rollup.
	for _, table := range rollup.Tables() {
		began := time.Now()
		c := &comparison{pass: p, table: &table}
		for _, typ := range table.Types {
			c.topics = append(c.topics, p.topics[typ])
			c.pending = spans.Union(c.pending, spans.Buckets(touched[typ], table.Minutes))
		}
		c.pending = spans.Union(c.pending, spans.Widen(p.pending[table.Name], table.Minutes))
		c.pending = spans.Union(c.pending, spans.Widen(pending[table.From], table.Minutes))
		pending[table.Name] = c.pending
		c.conclude(began, c.compareAll(ctx), c.inherit(ctx))
	}
}

// conclude adds the finding of one rollup, from its comparison and from the flaws of what it is made from.
func (c *comparison) conclude(began time.Time, err error, from inherited) {
	name := c.table.Name
	switch {
	case err != nil || from.err != nil:
		c.flaws[name] = flaw{what: name, unchecked: true}
		c.fail(checkEquals, name, began, errors.Join(err, from.err))
	case c.differs > 0:
		c.flaws[name] = cmp.Or(from.flaw, c.own)
		c.add(checkEquals, name, began, Difference, "%s%s", c.place, from.also())
	case from.unchecked:
		c.flaws[name] = from.flaw
		c.add(checkEquals, name, began, Error, "it is made from %s, which could not be checked", from.what)
	case from.what != "":
		c.flaws[name] = from.flaw
		c.add(checkEquals, name, began, Difference, "%s", from.says)
	case len(c.pending) > 0 || c.newer > 0:
		c.add(checkEquals, name, began, Pending, "%s; %d are not yet published%s", plural.Of(c.buckets, "bucket"), c.countPending(), c.futureNote())
	default:
		c.add(checkEquals, name, began, OK, "%s, each equal to its recomputation%s", plural.Of(c.buckets, "bucket"), c.futureNote())
	}
}

// readTouched returns the minutes of ledger rows that the rollups have not followed yet.
func (p *pass) readTouched(ctx context.Context, t *topic) ([]int32, error) {
	minutes, err := ledgerdb.ReadTouched(ctx, p.DB, t.spec.Topic, p.cursors[t.spec.Topic], t.bounds)
	if err != nil {
		return nil, fmt.Errorf("read what the rollups have yet to follow of %s: %w", t.spec.Topic, err)
	}
	return minutes, nil
}

// comparison is the check of one rollup.
type comparison struct {
	*pass
	table   *rollup.Table
	topics  []*topic
	pending []spans.Span // Buckets that are to be published again.

	buckets uint64 // Buckets that are shown.
	newer   int    // Buckets published since the audit began, or made from one that was.
	differs int    // Rows that differ.
	place   string // Describes the first of them.
	own     flaw   // Its bucket.
}

// countPending is the number of buckets that are to be published again.
func (c *comparison) countPending() int {
	n := c.newer
	for _, s := range c.pending {
		n += int((s.To - s.From) / c.table.Minutes)
	}
	return n
}

// compareAll compares the buckets of all times, range by range.
func (c *comparison) compareAll(ctx context.Context) (err error) {
	shown := make(years)
	if c.buckets, err = c.readYears(ctx, shownYearsSQL(c.table.Name), shown); err != nil {
		return fmt.Errorf("read the versions of %s: %w", c.table.Name, err)
	}
	for _, t := range c.topics {
		for start, minutes := range t.years {
			shown[start] = max(shown[start], minutes)
		}
	}
	for _, s := range shown.pieces() {
		var all ledgerdb.MinutesByType
		for _, t := range c.topics {
			minutes, err := c.readMinutes(ctx, t, s)
			if err != nil {
				return err
			}
			all = append(all, minutes)
		}
		for _, piece := range all.Split(s, c.table.Minutes, uint64(c.limits.Rows)) {
			if err := c.compare(ctx, piece); err != nil {
				return fmt.Errorf("recompute %s from %s to %s: %w", c.table.Name, at(piece.From), at(piece.To), err)
			}
			if c.differs > 0 {
				return nil
			}
		}
	}
	return nil
}

// maxRows is the number of differing rows that a query returns.
const maxRows = 100

// maxTries is how often a range is compared whose buckets are published again meanwhile.
const maxTries = 5

// compare compares the buckets of one range.
func (c *comparison) compare(ctx context.Context, s spans.Span) error {
	if nothing, err := c.nothingToCompare(ctx, s); nothing || err != nil {
		return err
	}
	once, err := c.repeats(ctx, s)
	if err != nil {
		return err
	}
	if err := c.planPrices(ctx, s); err != nil {
		return err
	}
	for range maxTries {
		rows, err := c.readDiffering(ctx, s, once)
		if len(rows) > 0 && err == nil {
			if err := c.resolvePrices(ctx, s); err != nil {
				return err
			}
			once = true // A copy of a row may have come since.
			rows, err = c.readDiffering(ctx, s, once)
		}
		if err != nil {
			return err
		}
		for _, d := range rows {
			if differs, err := c.judgeRow(ctx, d); differs || err != nil {
				return err
			}
		}
		if len(rows) < maxRows {
			newer, err := c.countNewer(ctx, s)
			c.newer += int(newer)
			return errors.Join(err, c.samplePrices(ctx, s))
		}
	}
	return errors.New("too many buckets were published again meanwhile: try again")
}

// judgeRow reports whether a row differs although its bucket was not published again meanwhile, and describes it.
func (c *comparison) judgeRow(ctx context.Context, d row) (differs bool, err error) {
	bucket := spans.Span{From: d.start, To: d.start + c.table.Minutes}
	if newer, err := c.countNewer(ctx, bucket); err != nil || newer > 0 {
		return false, err
	}
	if published, err := c.awaitPublished(ctx, bucket); err != nil || published {
		return false, err
	}
	c.differs++
	details, err := c.readRows(ctx, bucket, &excuse{}, true, true)
	if err != nil {
		return false, err
	}
	if len(details) > 0 {
		d = details[0]
	}
	c.own = flaw{what: c.table.Name + " bucket " + at(d.start), minute: d.start}
	c.place = fmt.Sprintf("%s, %s: %s", c.own.what, c.key(d.dims), c.explain(d))
	return true, nil
}

// countNewer counts the buckets that were published since the audit began, or are made from one that was: they stand
// for more of the ledger than the audit read.
func (c *comparison) countNewer(ctx context.Context, s spans.Span) (n uint64, err error) {
	_, err = c.queryFirst(ctx, countSQL(newerSQL(c.table, s, c.newest)), &n)
	return n, err
}

// row is a row of a rollup that differs from its recomputation.
type row struct {
	start           int32
	dims            []string
	shown, computed uint64
	got, want       []string
}

// repeats reports whether an event may be in two rows of a range. If not, every row of raw counts, and to look for
// others with its identity, as recompute does with once, would cost as much as to recompute.
func (c *comparison) repeats(ctx context.Context, s spans.Span) (bool, error) {
	if c.table.From != "" {
		return false, nil
	}
	for _, t := range c.topics {
		if t.searched != s {
			if _, err := c.queryFirst(ctx, repeatedSQL(t.spec, t.bounds, s, c.limits.settings()), &t.repeated); err != nil {
				return false, fmt.Errorf("look for events of %s in two rows: %w", t.spec.RawTable, err)
			}
			t.searched = s
		}
		if t.repeated > 0 {
			return true, nil
		}
	}
	return false, nil
}

// readDiffering returns rows that differ and are not excused. See recompute for once.
func (c *comparison) readDiffering(ctx context.Context, s spans.Span, once bool) ([]row, error) {
	e := &excuse{pending: spans.Intersect(c.pending, []spans.Span{s}), newer: newerSQL(c.table, s, c.newest), news: c.news(s)}
	var buckets uint64
	if _, err := c.queryFirst(ctx, differSQL(c.table, c.recompute(s, once), s, e, c.limits.settings()), &buckets); err != nil || buckets == 0 {
		return nil, err
	}
	return c.readRows(ctx, s, e, once, false)
}

// readRows returns rows that differ; with detail, the first one with its measures.
func (c *comparison) readRows(ctx context.Context, s spans.Span, e *excuse, once, detail bool) ([]row, error) {
	var rows []row
	err := c.DB.Query(ctx, compareSQL(c.table, c.recompute(s, once), s, e, detail, c.limits.settings()), func(scan func(...any) error) error {
		var d row
		if err := scan(&d.start, &d.dims, &d.shown, &d.computed, &d.got, &d.want); err != nil {
			return err
		}
		rows = append(rows, d)
		return nil
	})
	return rows, err
}

// recompute is the query for the rows that should be there: from raw, where every row counts or, with once, every event, or
// from the rollup that this one merges, which is compared by itself.
func (c *comparison) recompute(s spans.Span, once bool) string {
	table := *c.table
	table.Finished = true
	if table.From != "" {
		return table.SelectMerge(s.From, s.To)
	}
	return table.SelectRaw(c.sources(s, once))
}

// sources are the rows of raw that the rollup should be made from.
func (c *comparison) sources(s spans.Span, once bool) (all []rollup.Source) {
	for _, t := range c.topics {
		all = append(all, rollup.Source{From: s.From, To: s.To, Bounds: t.bounds, Deduplicate: once})
	}
	return all
}

// key names a row by its dimensions.
func (c *comparison) key(dims []string) string {
	var parts []string
	for i, d := range dims {
		parts = append(parts, fmt.Sprintf("%s=%q", c.table.Dims[i], d))
	}
	return strings.Join(parts, " ")
}

// explain describes how a row differs: by its number, or by the first measure.
func (c *comparison) explain(d row) string {
	switch {
	case d.shown == 0:
		return "the row is missing"
	case d.computed == 0:
		return "the row is there, and no event stands behind it"
	case d.shown > 1:
		return fmt.Sprintf("the row is there %s", plural.Of(d.shown, "time"))
	}
	for i, m := range c.table.Measures {
		if i < len(d.got) && i < len(d.want) && d.got[i] != d.want[i] {
			return fmt.Sprintf("%s is %s and should be %s", m.Column, d.got[i], d.want[i])
		}
	}
	return "the rows differ"
}
