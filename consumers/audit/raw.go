package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidemark/consumers/ledger/ledgerdb"
	"tidemark/consumers/spans"
	"tidemark/schemas"
)

// The minutes of the ledger are read by years, as many at a time as fit in memory.
const (
	day           = 24 * 60
	year          = 366 * day
	minutesAtOnce = 500_000
)

// years are the years in which there is anything, with the number of minutes or buckets in each.
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
func (r *run) readYears(ctx context.Context, sql string, y years) (sum uint64, err error) {
	err = r.DB.Query(ctx, sql, func(scan func(...any) error) error {
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

// readMinutes returns what the ledger says of the minutes of a piece. The last piece read is kept: there is often but one.
func (r *run) readMinutes(ctx context.Context, t *topic, s spans.Span) ([]ledgerdb.Minute, error) {
	if t.read == s {
		return t.minutes, nil
	}
	minutes, err := ledgerdb.ReadMinutes(ctx, r.DB, t.spec.Topic, t.bounds, s.From, s.To)
	if err != nil {
		return nil, err
	}
	t.read, t.minutes = s, minutes
	return minutes, nil
}

// rawFinding is what was found in a raw table before the ends of the log were read.
type rawFinding struct {
	problem string
	rows    uint64
	beyond  []beyond
	took    time.Duration
	err     error
}

// beyond are raw rows of a partition that no ledger row accounts for.
type beyond struct {
	ledgerdb.Place
	rows, from, to uint64 // Distinct offsets, the first and the last.
}

// checkLedger sums up the ledger, to know which minutes there are.
func (r *run) checkLedger(ctx context.Context) {
	for _, t := range r.topics {
		began := time.Now()
		t.raw.err = r.sumLedger(ctx, t)
		t.raw.took += time.Since(began)
	}
}

func (r *run) sumLedger(ctx context.Context, t *topic) error {
	if _, err := r.first(ctx, ledgerTotalsSQL(t.spec.Topic, t.bounds, t.losers()), &t.raw.rows); err != nil {
		return fmt.Errorf("sum up the ledger of %s: %w", t.spec.Topic, err)
	}
	t.years = make(years)
	if _, err := r.readYears(ctx, yearsSQL(t.spec.Topic, t.bounds), t.years); err != nil {
		return fmt.Errorf("read the years in the ledger of %s: %w", t.spec.Topic, err)
	}
	return nil
}

// checkRaw compares what raw holds with what the ledger calls stored.
func (r *run) checkRaw(ctx context.Context) {
	for _, t := range r.topics {
		began := time.Now()
		if t.raw.err == nil {
			t.raw.problem, t.raw.err = r.compareRaw(ctx, t)
		}
		if t.raw.err == nil {
			t.raw.beyond, t.raw.err = r.rowsBeyond(ctx, t)
		}
		t.raw.took += time.Since(began)
	}
}

// compareRaw compares minute by minute and returns the place of the first difference; empty if there is none.
func (r *run) compareRaw(ctx context.Context, t *topic) (string, error) {
	pieces := t.years.pieces()
	for _, s := range pieces {
		d, err := r.comparePiece(ctx, t, s)
		switch {
		case err != nil:
			return "", err
		case d.misnamed != "":
			r.flawed(t, d.minute)
			return t.spec.RawTable + d.misnamed, nil
		case d.differ > 0:
			r.flawed(t, d.first)
			place, err := r.locate(ctx, t, d.first)
			return fmt.Sprintf("%s%s; %d minutes differ", t.spec.RawTable, place, d.differ), err
		}
	}
	var minute int32
	found, err := r.first(ctx, outsideSQL(t.spec, t.bounds, pieces), &minute)
	if err != nil || !found {
		return "", err
	}
	r.flawed(t, minute)
	place, err := r.locate(ctx, t, minute)
	return t.spec.RawTable + place, err
}

// differing are the minutes in which raw is not what the ledger says.
type differing struct {
	differ   int
	first    int32
	misnamed string // The place of the first row whose identity is not that of its texts.
	minute   int32  // Of that row.
}

func (d *differing) note(minute int32) {
	if d.differ == 0 || minute < d.first {
		d.first = minute
	}
	d.differ++
}

// comparePiece compares a range of minutes.
func (r *run) comparePiece(ctx context.Context, t *topic, s spans.Span) (d differing, err error) {
	want, err := r.readMinutes(ctx, t, s)
	if err != nil {
		return d, err
	}
	contents, err := r.readContents(ctx, t, s)
	if err != nil {
		return d, err
	}
	err = r.DB.Query(ctx, storedSQL(t.spec, t.bounds, s, r.settings()), func(scan func(...any) error) error {
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
			d.note(want[0].Minute)
			want = want[1:]
		}
		if len(want) == 0 || want[0].Minute != m.Minute {
			d.note(m.Minute)
			return nil
		}
		known, whole := contents[m.Minute]
		if want[0].Rows != m.Rows || want[0].Checksum != m.Checksum || whole && known != content {
			d.note(m.Minute)
		}
		want = want[1:]
		return nil
	})
	if err != nil {
		return d, fmt.Errorf("compare %s with the ledger: %w", t.spec.RawTable, err)
	}
	for _, m := range want {
		d.note(m.Minute)
	}
	return d, nil
}

// block is a ledger row, and what it says of one minute.
type block struct {
	ledgerdb.Place
	from, to                uint64
	rows, checksum, content uint64
	whole                   bool // The content is known.
}

// readContents returns the sums of the contents of minutes, where the ledger has them: older rows of it do not.
func (r *run) readContents(ctx context.Context, t *topic, s spans.Span) (map[int32]uint64, error) {
	contents := make(map[int32]uint64)
	err := r.DB.Query(ctx, contentsSQL(t.spec.Topic, t.bounds, t.losers(), s), func(scan func(...any) error) error {
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

// locate finds the first offset at which raw and ledger differ in a minute that does.
func (r *run) locate(ctx context.Context, t *topic, minute int32) (string, error) {
	var blocks []block
	err := r.DB.Query(ctx, blocksSQL(t.spec.Topic, t.bounds, t.losers(), minute), func(scan func(...any) error) error {
		var b block
		if err := scan(&b.Epoch, &b.Partition, &b.from, &b.to, &b.rows, &b.checksum, &b.content, &b.whole); err != nil {
			return err
		}
		blocks = append(blocks, b)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("read the blocks of a minute: %w", err)
	}
	for _, b := range blocks {
		var rows, checksum, content uint64
		if _, err := r.first(ctx, blockSQL(t.spec, minute, b), &rows, &checksum, &content); err != nil {
			return "", fmt.Errorf("read the rows of a block: %w", err)
		}
		if rows != b.rows || checksum != b.checksum || b.whole && content != b.content {
			return r.locateOffset(ctx, t, minute, b, rows)
		}
	}
	// Then there are rows in blocks that say nothing of this minute.
	place := fmt.Sprintf(" at %s: rows differ from the ledger", at(minute))
	err = r.DB.Query(ctx, placesSQL(t.spec, t.bounds, minute), func(scan func(...any) error) error {
		var p ledgerdb.Place
		var offset uint64
		if err := scan(&p.Epoch, &p.Partition, &offset); err != nil {
			return err
		}
		if slices.ContainsFunc(blocks, func(b block) bool { return b.Place == p && b.from <= offset && offset < b.to }) {
			return nil
		}
		place = fmt.Sprintf(" partition %d%s offset %d at %s: the ledger knows of no row at this time, and there is a row", p.Partition, t.inEpoch(p), offset, at(minute))
		return errDone
	})
	if err != nil && !errors.Is(err, errDone) {
		return "", fmt.Errorf("read the rows of a minute: %w", err)
	}
	return place, nil
}

// locateOffset finds the first offset of a block that is missing, or there and should not be.
func (r *run) locateOffset(ctx context.Context, t *topic, minute int32, b block, rows uint64) (string, error) {
	place := fmt.Sprintf(" partition %d%s", b.Partition, t.inEpoch(b.Place))
	present, err := r.offsets(ctx, offsetsSQL(t.spec, b), 1)
	if err != nil {
		return "", err
	}
	exceptions, err := r.offsets(ctx, exceptionsSQL(t.spec.Topic, b), 2)
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
	return fmt.Sprintf("%s offsets [%d, %d) at %s: the content of rows is not what was stored (%d rows there, %d in the ledger)",
		place, b.from, b.to, at(minute), rows, b.rows), nil
}

func (r *run) offsets(ctx context.Context, sql string, columns int) ([][2]uint64, error) {
	var all [][2]uint64
	err := r.DB.Query(ctx, sql, func(scan func(...any) error) error {
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

// rowsBeyond finds rows that no ledger row accounts for.
func (r *run) rowsBeyond(ctx context.Context, t *topic) ([]beyond, error) {
	var all []beyond
	err := r.DB.Query(ctx, beyondSQL(t.spec, t.bounds), func(scan func(...any) error) error {
		var b beyond
		if err := scan(&b.Epoch, &b.Partition, &b.rows, &b.from, &b.to); err != nil {
			return err
		}
		all = append(all, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for rows beyond the ledger in %s: %w", t.spec.RawTable, err)
	}
	return all, nil
}

// judgeBeyond completes the check of a raw table: rows beyond the ledger are under way, as long as the log has them.
func (r *run) judgeBeyond(ctx context.Context, t *topic) {
	began := time.Now().Add(-t.raw.took)
	if t.raw.err != nil {
		r.fail(checkHolds, t.spec.RawTable, began, t.raw.err)
		return
	}
	problem, waiting := t.raw.problem, uint64(0)
	for _, b := range t.raw.beyond {
		strange, err := r.strange(ctx, t, b)
		if err != nil {
			r.fail(checkHolds, t.spec.RawTable, began, err)
			return
		}
		if strange != "" && problem == "" {
			problem = strange
		}
		waiting += b.rows
	}
	switch {
	case problem != "":
		r.add(checkHolds, t.spec.RawTable, began, Difference, "%s", problem)
	case waiting > 0:
		r.add(checkHolds, t.spec.RawTable, began, Pending, "%d rows; %d more are not yet accounted for", t.raw.rows, waiting)
	default:
		r.add(checkHolds, t.spec.RawTable, began, OK, "%d rows", t.raw.rows)
	}
}

// strange says why rows beyond the ledger cannot be under way; empty if they can.
func (r *run) strange(ctx context.Context, t *topic, b beyond) (string, error) {
	from, why := int64(b.from), "the ledger does not know it, and nothing is under way"
	ends, listed := t.log.Partitions[int32(b.Partition)]
	switch {
	case t.epoch == 0 || b.Epoch != t.epoch:
		why = fmt.Sprintf("the brokers do not have incarnation %d of the topic", b.Epoch)
	case !listed:
		why = "the brokers do not list the partition"
	case int64(b.to) >= ends.End:
		from, why = max(from, ends.End), fmt.Sprintf("the log ends at offset %d", ends.End)
	case !r.Settled:
		return "", nil
	}
	var offset uint64
	var minute int32
	if _, err := r.first(ctx, fromOffsetSQL(t.spec, b.Place, from), &offset, &minute); err != nil {
		return "", fmt.Errorf("find a row beyond the ledger in %s: %w", t.spec.RawTable, err)
	}
	return fmt.Sprintf("%s partition %d offset %d at %s: %s", t.spec.RawTable, b.Partition, offset, at(minute), why), nil
}

// tokens reports whether events of the type have tokens to sum up.
func tokens(t schemas.Type) bool { return t == schemas.TokenCallType }
