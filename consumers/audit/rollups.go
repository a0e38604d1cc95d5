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
	"tidemark/schemas"
)

// readProgress reads how far the rollups are.
func (r *run) readProgress(ctx context.Context) error {
	r.cursors = make(map[string]ledgerdb.Bounds)
	err := r.DB.Query(ctx, cursorsSQL, func(scan func(...any) error) error {
		var name string
		var place ledgerdb.Place
		var position uint64
		if err := scan(&name, &place.Epoch, &place.Partition, &position); err != nil {
			return err
		}
		if r.cursors[name] == nil {
			r.cursors[name] = make(ledgerdb.Bounds)
		}
		r.cursors[name][place] = int64(position)
		return nil
	})
	if err != nil {
		return err
	}
	r.waiting = make(map[string][]spans.Span)
	return r.DB.Query(ctx, waitingSQL, func(scan func(...any) error) error {
		var name string
		var s spans.Span
		if err := scan(&name, &s.From, &s.To); err != nil {
			return err
		}
		r.waiting[name] = spans.Union(r.waiting[name], []spans.Span{s})
		return nil
	})
}

// checkRollups compares every rollup with its recomputation.
func (r *run) checkRollups(ctx context.Context) {
	touched := make(map[schemas.Type][]int32)
	for _, t := range r.topics {
		minutes, err := r.touched(ctx, t)
		if err != nil {
			r.fail(checkEquals, t.spec.Name, time.Now(), err)
			return
		}
		touched[t.spec.Type] = minutes
	}
	open := make(map[string][]spans.Span) // The buckets of each that wait.
	for _, table := range rollup.Tables() {
		began := time.Now()
		c := &comparison{run: r, table: &table}
		for _, typ := range table.Types {
			c.topics = append(c.topics, r.topics[typ])
			c.pending = spans.Union(c.pending, spans.Buckets(touched[typ], table.Minutes))
		}
		c.pending = spans.Union(c.pending, spans.Widen(r.waiting[table.Name], table.Minutes))
		c.pending = spans.Union(c.pending, spans.Widen(open[table.From], table.Minutes))
		open[table.Name] = c.pending
		c.conclude(began, c.all(ctx), c.inherit(ctx))
	}
}

// conclude says what was found in one rollup, by itself and in what it is made from.
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
		c.add(checkEquals, name, began, Pending, "%d buckets; %d are not yet published%s", c.buckets, c.open(), c.ahead())
	default:
		c.add(checkEquals, name, began, OK, "%d buckets%s", c.buckets, c.ahead())
	}
}

// touched returns the minutes that the ledger has and the rollups have not followed yet.
func (r *run) touched(ctx context.Context, t *topic) ([]int32, error) {
	minutes, err := ledgerdb.ReadTouched(ctx, r.DB, t.spec.Topic, r.cursors[t.spec.Topic], t.bounds)
	if err != nil {
		return nil, fmt.Errorf("read what the rollups have to follow of %s: %w", t.spec.Topic, err)
	}
	return minutes, nil
}

// comparison is the check of one rollup.
type comparison struct {
	*run
	table   *rollup.Table
	topics  []*topic
	pending []spans.Span // Buckets that wait to be published again.

	buckets uint64 // Shown.
	newer   int    // Buckets published again meanwhile, or made from one that was.
	differs int    // Rows that differ.
	place   string // The first of them.
	own     flaw   // Its bucket.
}

// open is the number of pending buckets.
func (c *comparison) open() int {
	n := c.newer
	for _, s := range c.pending {
		n += int((s.To - s.From) / c.table.Minutes)
	}
	return n
}

// all compares the buckets of all times, range by range.
func (c *comparison) all(ctx context.Context) (err error) {
	shown := make(years)
	if c.buckets, err = c.readYears(ctx, publishedSQL(c.table.Name), shown); err != nil {
		return fmt.Errorf("read the versions of %s: %w", c.table.Name, err)
	}
	for _, t := range c.topics {
		for start, minutes := range t.years {
			shown[start] = max(shown[start], minutes)
		}
	}
	for _, s := range shown.pieces() {
		var accounts ledgerdb.Accounts
		for _, t := range c.topics {
			minutes, err := c.readMinutes(ctx, t, s)
			if err != nil {
				return err
			}
			accounts = append(accounts, minutes)
		}
		for _, piece := range ledgerdb.Split(s, c.table.Minutes, accounts, c.rows()) {
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

// tries is how often a range is compared whose buckets are published again meanwhile.
const tries = 5

// compare compares the buckets of one range.
func (c *comparison) compare(ctx context.Context, s spans.Span) error {
	if idle, err := c.idle(ctx, s); idle || err != nil {
		return err
	}
	for range tries {
		rows, err := c.differing(ctx, s, false)
		if err != nil {
			return err
		}
		for _, d := range rows {
			if differs, err := c.judge(ctx, d); differs || err != nil {
				return err
			}
		}
		if len(rows) < maxRows {
			again, err := c.again(ctx, s)
			c.newer += int(again)
			return err
		}
	}
	return errors.New("too many buckets were published again meanwhile: try again")
}

// judge reports whether a row differs, and says so, unless its bucket was published again meanwhile.
func (c *comparison) judge(ctx context.Context, d row) (differs bool, err error) {
	bucket := spans.Span{From: d.start, To: d.start + c.table.Minutes}
	if again, err := c.again(ctx, bucket); err != nil || again > 0 {
		return false, err
	}
	if again, err := c.published(ctx, bucket); err != nil || again {
		return false, err
	}
	c.differs++
	details, err := c.differing(ctx, bucket, true)
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

// again counts the buckets that were published again since the audit began, or made from one that was: of more of the
// ledger than the audit looks at.
func (c *comparison) again(ctx context.Context, s spans.Span) (n uint64, err error) {
	_, err = c.first(ctx, countSQL(newerSQL(c.table, s, c.newest)), &n)
	return n, err
}

// row is a row of a rollup that is not as it should be.
type row struct {
	start           int32
	dims            []string
	shown, computed uint64
	got, want       []string
}

func (c *comparison) differing(ctx context.Context, s spans.Span, detail bool) ([]row, error) {
	var rows []row
	var e excuse
	if !detail {
		e = excuse{waiting: spans.Intersect(c.pending, []spans.Span{s}), newer: newerSQL(c.table, s, c.newest), news: c.news(s)}
	}
	sql := compareSQL(c.table, c.recompute(s), s, &e, detail, c.settings())
	err := c.DB.Query(ctx, sql, func(scan func(...any) error) error {
		var d row
		if err := scan(&d.start, &d.dims, &d.shown, &d.computed, &d.got, &d.want); err != nil {
			return err
		}
		rows = append(rows, d)
		return nil
	})
	return rows, err
}

// recompute is the query for what should be there: from raw, with each event taken once by looking at every row; or from
// the rollup that this one merges, which is compared with raw itself.
func (c *comparison) recompute(s spans.Span) string {
	if c.table.From != "" {
		return c.table.SelectMerge(s.From, s.To)
	}
	var sources []rollup.Source
	for _, t := range c.topics {
		sources = append(sources, rollup.Source{From: s.From, To: s.To, Bounds: t.bounds, Once: true})
	}
	return c.table.SelectRaw(sources)
}

func (c *comparison) key(dims []string) string {
	var parts []string
	for i, d := range dims {
		parts = append(parts, fmt.Sprintf("%s=%q", c.table.Dims[i], d))
	}
	return strings.Join(parts, " ")
}

// explain names the first measure that differs.
func (c *comparison) explain(d row) string {
	switch {
	case d.shown == 0:
		return "the row is missing"
	case d.computed == 0:
		return "the row is there, and no event stands behind it"
	case d.shown > 1:
		return fmt.Sprintf("the row is there %d times", d.shown)
	}
	for i, m := range c.table.Measures {
		if i < len(d.got) && i < len(d.want) && d.got[i] != d.want[i] {
			return fmt.Sprintf("%s is %s and should be %s", m.Column, d.got[i], d.want[i])
		}
	}
	return "the rows differ"
}
