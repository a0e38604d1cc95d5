package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidemark/consumers/ledger"
	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/internal/plural"
	"tidemark/schemas"
)

// An audit reads the minutes of the ledger by years, as many years at a time as have minutesAtOnce minutes.
const (
	year          = 366 * spans.Day
	minutesAtOnce = 500_000
)

// years are the years that have minutes or buckets, by their first minute, with the number of these.
type years map[int32]uint64

// pieces returns ranges that cover the years, each with a bounded number of minutes.
func (y years) pieces() []spans.Span {
	starts := slices.Sorted(maps.Keys(y))
	var out []spans.Span
	var n uint64
	for _, start := range starts {
		if last := len(out) - 1; last >= 0 && n+y[start] <= minutesAtOnce {
			out[last].To, n = start+year, n+y[start]
			continue
		}
		out, n = append(out, spans.Span{From: start, To: start + year}), y[start]
	}
	return out
}

// readYears adds up the result of a query for years and counts, and returns the sum of these.
func (p *pass) readYears(ctx context.Context, sql string, y years) (sum uint64, err error) {
	err = p.DB.Query(ctx, sql, func(scan func(...any) error) error {
		var start int32
		var n uint64
		if err := scan(&start, &n); err != nil {
			return err
		}
		y[start] += n
		sum += n
		return nil
	})
	return sum, err
}

// readMinutes returns what the ledger says of the minutes of a piece. It keeps the last piece: there is often only one.
func (p *pass) readMinutes(ctx context.Context, t *topic, s spans.Span) (ledgerdb.Minutes, error) {
	if t.read == s {
		return t.minutes, nil
	}
	minutes, err := ledgerdb.ReadMinutes(ctx, p.DB, t.spec.Topic, t.bounds, s)
	if err != nil {
		return nil, err
	}
	t.read, t.minutes = s, minutes
	return minutes, nil
}

// rawFinding is what was found in a raw table before the ends of the log were read.
type rawFinding struct {
	problem string
	rows    uint64 // Stored rows by the ledger.
	orphans []orphans
	took    time.Duration
	err     error
}

// orphans are the raw rows of a partition that no ledger row accounts for.
type orphans struct {
	ledger.Partition
	rows, first, last uint64 // The number of distinct offsets, the first and the last one.
}

// checkLedger sums up the ledger, to learn which minutes it has.
func (p *pass) checkLedger(ctx context.Context) {
	for _, t := range p.topics {
		began := time.Now()
		t.raw.err = p.sumLedger(ctx, t)
		t.raw.took += time.Since(began)
	}
}

func (p *pass) sumLedger(ctx context.Context, t *topic) error {
	if _, err := p.queryFirst(ctx, ledgerTotalsSQL(t.spec.Topic, t.bounds, t.losers), &t.raw.rows); err != nil {
		return fmt.Errorf("sum up the ledger of %s: %w", t.spec.Topic, err)
	}
	t.years = make(years)
	if _, err := p.readYears(ctx, ledgerYearsSQL(t.spec.Topic, t.bounds), t.years); err != nil {
		return fmt.Errorf("read the years in the ledger of %s: %w", t.spec.Topic, err)
	}
	return nil
}

// checkRaw compares what raw holds with what the ledger calls stored.
func (p *pass) checkRaw(ctx context.Context) {
	for _, t := range p.topics {
		began := time.Now()
		if t.raw.err == nil {
			t.raw.problem, t.raw.err = p.compareRaw(ctx, t)
		}
		if t.raw.err == nil {
			t.raw.orphans, t.raw.err = p.readOrphans(ctx, t)
		}
		t.raw.took += time.Since(began)
	}
}

// compareRaw compares minute by minute and describes the first difference; empty if there is none.
func (p *pass) compareRaw(ctx context.Context, t *topic) (string, error) {
	pieces := t.years.pieces()
	for _, s := range pieces {
		d, err := p.comparePiece(ctx, t, s)
		switch {
		case err != nil:
			return "", err
		case d.misnamed != "":
			p.addFlaw(t, d.minute)
			return t.spec.RawTable + d.misnamed, nil
		case d.differ > 0:
			p.addFlaw(t, d.first)
			place, err := p.locate(ctx, t, d.first)
			return fmt.Sprintf("%s%s; %s", t.spec.RawTable, place, plural.Of(d.differ, "minute differs")), err
		}
	}
	var minute int32
	found, err := p.queryFirst(ctx, outsideSQL(t.spec, t.bounds, pieces), &minute)
	if err != nil || !found {
		return "", err
	}
	p.addFlaw(t, minute)
	place, err := p.locate(ctx, t, minute)
	return t.spec.RawTable + place, err
}

// differing are the minutes in which the raw rows do not match the ledger.
type differing struct {
	differ   int
	first    int32
	misnamed string // The place of the first row whose identity is not that of its texts.
	minute   int32  // Of that row.
}

// add adds a minute.
func (d *differing) add(minute int32) {
	if d.differ == 0 || minute < d.first {
		d.first = minute
	}
	d.differ++
}

// comparePiece compares a range of minutes.
func (p *pass) comparePiece(ctx context.Context, t *topic, s spans.Span) (d differing, err error) {
	want, err := p.readMinutes(ctx, t, s)
	if err != nil {
		return d, err
	}
	contents, err := p.readContents(ctx, t, s)
	if err != nil {
		return d, err
	}
	err = p.DB.Query(ctx, storedSQL(t.spec, t.bounds, s, p.limits.settings()), func(scan func(...any) error) error {
		var m ledgerdb.Minute
		var content, misnamed, partition, offset uint64
		if err := scan(&m.Minute, &m.Rows, &m.Checksum, &content, &misnamed, &partition, &offset); err != nil {
			return err
		}
		if misnamed > 0 && d.misnamed == "" {
			d.minute = m.Minute
			d.misnamed = fmt.Sprintf(" partition %d offset %d at %s: the identity is not that of its tenant, source and id", partition, offset, at(m.Minute))
		}
		for len(want) > 0 && want[0].Minute < m.Minute {
			d.add(want[0].Minute)
			want = want[1:]
		}
		if len(want) == 0 || want[0].Minute != m.Minute {
			d.add(m.Minute)
			return nil
		}
		known, whole := contents[m.Minute]
		if want[0].Rows != m.Rows || want[0].Checksum != m.Checksum || whole && known != content {
			d.add(m.Minute)
		}
		want = want[1:]
		return nil
	})
	if err != nil {
		return d, fmt.Errorf("compare %s with the ledger: %w", t.spec.RawTable, err)
	}
	for _, m := range want {
		d.add(m.Minute)
	}
	return d, nil
}

// ledgerBlock is a ledger row, and what it says of one minute.
type ledgerBlock struct {
	ledger.Partition
	from, to                uint64
	rows, checksum, content uint64
	contentKnown            bool
}

// readContents returns the sums of the contents of minutes. Minutes with ledger rows of before format 1, which have no
// contents, are left out.
func (p *pass) readContents(ctx context.Context, t *topic, s spans.Span) (map[int32]uint64, error) {
	contents := make(map[int32]uint64)
	err := p.DB.Query(ctx, contentsSQL(t.spec.Topic, t.bounds, t.losers, s), func(scan func(...any) error) error {
		var minute int32
		var sum uint64
		if err := scan(&minute, &sum); err != nil {
			return err
		}
		contents[minute] = sum
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the contents of %s in the ledger: %w", t.spec.Topic, err)
	}
	return contents, nil
}

// locate describes the first offset at which raw and ledger differ, in a minute in which they do.
func (p *pass) locate(ctx context.Context, t *topic, minute int32) (string, error) {
	var blocks []ledgerBlock
	err := p.DB.Query(ctx, ledgerBlocksSQL(t.spec.Topic, t.bounds, t.losers, minute), func(scan func(...any) error) error {
		var b ledgerBlock
		var err error
		b.Partition, err = ledgerdb.ScanPartition(t.spec.Topic, scan, &b.from, &b.to, &b.rows, &b.checksum, &b.content, &b.contentKnown)
		blocks = append(blocks, b)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the blocks of a minute: %w", err)
	}
	for _, b := range blocks {
		var rows, checksum, content uint64
		if _, err := p.queryFirst(ctx, blockRowsSQL(t.spec, minute, b), &rows, &checksum, &content); err != nil {
			return "", fmt.Errorf("read the rows of a block: %w", err)
		}
		if rows != b.rows || checksum != b.checksum || b.contentKnown && content != b.content {
			return p.locateOffset(ctx, t, minute, b, rows)
		}
	}
	// All blocks match, so a row is in a block that has no rows of this minute, or in none.
	place := fmt.Sprintf(" at %s: rows differ from the ledger", at(minute))
	err = p.DB.Query(ctx, coordinatesSQL(t.spec, t.bounds, minute), func(scan func(...any) error) error {
		var offset uint64
		partition, err := ledgerdb.ScanPartition(t.spec.Topic, scan, &offset)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(blocks, func(b ledgerBlock) bool { return b.Partition == partition && b.from <= offset && offset < b.to }) {
			return nil
		}
		place = fmt.Sprintf(" partition %d%s offset %d at %s: the ledger has no row at this time, and there is a row", partition.ID, t.inEpoch(partition.Epoch), offset, at(minute))
		return errDone
	})
	if err != nil && !errors.Is(err, errDone) {
		return "", fmt.Errorf("read the rows of a minute: %w", err)
	}
	return place, nil
}

// locateOffset describes the first offset of a block at which raw lacks a row, or has one that should not be there.
func (p *pass) locateOffset(ctx context.Context, t *topic, minute int32, b ledgerBlock, rows uint64) (string, error) {
	place := fmt.Sprintf(" partition %d%s", b.ID, t.inEpoch(b.Epoch))
	present, err := p.readOffsets(ctx, offsetsSQL(t.spec, b), 1)
	if err != nil {
		return "", err
	}
	exceptions, err := p.readOffsets(ctx, exceptionsSQL(b), 2)
	if err != nil {
		return "", err
	}
	for offset := b.from; offset < b.to; offset++ {
		for len(exceptions) > 0 && exceptions[0][1] <= offset {
			exceptions = exceptions[1:]
		}
		stored := len(exceptions) == 0 || offset < exceptions[0][0]
		there := len(present) > 0 && present[0][0] == offset
		if there {
			present = present[1:]
		}
		switch {
		case stored && !there:
			return fmt.Sprintf("%s offset %d at %s: the ledger says it is stored, and the row is missing", place, offset, at(minute)), nil
		case !stored && there:
			return fmt.Sprintf("%s offset %d at %s: the ledger says it is not stored, and there is a row", place, offset, at(minute)), nil
		}
	}
	return fmt.Sprintf("%s offsets [%d, %d) at %s: the content of rows is not what was stored (%s there, %d in the ledger)",
		place, b.from, b.to, at(minute), plural.Of(rows, "row"), b.rows), nil
}

// readOffsets runs a query for offsets, with one column, or ranges of offsets, with two.
func (p *pass) readOffsets(ctx context.Context, sql string, columns int) ([][2]uint64, error) {
	var all [][2]uint64
	err := p.DB.Query(ctx, sql, func(scan func(...any) error) error {
		var pair [2]uint64
		dest := []any{&pair[0], &pair[1]}
		if err := scan(dest[:columns]...); err != nil {
			return err
		}
		all = append(all, pair)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the offsets of a block: %w", err)
	}
	return all, nil
}

// readOrphans finds the rows that no ledger row accounts for.
func (p *pass) readOrphans(ctx context.Context, t *topic) ([]orphans, error) {
	var all []orphans
	err := p.DB.Query(ctx, orphansSQL(t.spec, t.bounds), func(scan func(...any) error) error {
		var o orphans
		var err error
		o.Partition, err = ledgerdb.ScanPartition(t.spec.Topic, scan, &o.rows, &o.first, &o.last)
		all = append(all, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find rows of %s without a ledger row: %w", t.spec.RawTable, err)
	}
	return all, nil
}

// judgeRaw completes the check of a raw table. Rows without a ledger row are under way if the log has them.
func (p *pass) judgeRaw(ctx context.Context, t *topic) {
	began := time.Now().Add(-t.raw.took)
	if t.raw.err != nil {
		p.fail(checkHolds, t.spec.RawTable, began, t.raw.err)
		return
	}
	problem, waiting := t.raw.problem, uint64(0)
	for _, o := range t.raw.orphans {
		found, err := p.judgeOrphans(ctx, t, o)
		if err != nil {
			p.fail(checkHolds, t.spec.RawTable, began, err)
			return
		}
		problem = cmp.Or(problem, found)
		waiting += o.rows
	}
	switch {
	case problem != "":
		p.add(checkHolds, t.spec.RawTable, began, Difference, "%s", problem)
	case waiting > 0:
		p.add(checkHolds, t.spec.RawTable, began, Pending, "%s, those that the ledger calls stored; %d more are not yet accounted for", plural.Of(t.raw.rows, "row"), waiting)
	default:
		p.add(checkHolds, t.spec.RawTable, began, OK, "%s, exactly those that the ledger calls stored", plural.Of(t.raw.rows, "row"))
	}
}

// judgeOrphans describes the first row that cannot be under way; empty if there is none.
func (p *pass) judgeOrphans(ctx context.Context, t *topic, o orphans) (string, error) {
	from, why := int64(o.first), "no ledger row accounts for it, and nothing is under way"
	ends, listed := t.log.Partitions[o.ID]
	switch {
	case t.epoch == 0 || o.Epoch != t.epoch:
		why = fmt.Sprintf("the brokers do not have incarnation %d of the topic", o.Epoch)
	case !listed:
		why = "the brokers do not list the partition"
	case int64(o.last) >= ends.End:
		from, why = max(from, ends.End), fmt.Sprintf("the log ends at offset %d", ends.End)
	case !p.Settled:
		return "", nil
	}
	var offset uint64
	var minute int32
	if _, err := p.queryFirst(ctx, fromOffsetSQL(t.spec, o.Partition, from), &offset, &minute); err != nil {
		return "", fmt.Errorf("find a row of %s without a ledger row: %w", t.spec.RawTable, err)
	}
	return fmt.Sprintf("%s partition %d offset %d at %s: %s", t.spec.RawTable, o.ID, offset, at(minute), why), nil
}

// hasTokens reports whether events of the type have tokens to sum up.
func hasTokens(t schemas.Type) bool { return t == schemas.TokenCallType }
