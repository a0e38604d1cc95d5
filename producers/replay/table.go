package replay

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/formats/fields"
	"tidemark/schemas"
)

// Table is a table to replay: the events that its view shows while it is read, by their time. They keep their identity
// and time.
type Table struct {
	DB        Database
	Namespace string // Whose table it is.
	Type      schemas.Type
	// Tenant, if set, selects the events of one tenant.
	Tenant string
	// Filter, if set, is a condition in ClickHouse's SQL over the view's columns.
	Filter string
}

// Database runs a query that may only read and writes its result to w in one of ClickHouse's output formats.
type Database interface {
	Format(ctx context.Context, sql, format string, w io.Writer) error
}

func (t *Table) name() string { return t.Namespace + "." + t.Type.String() }

func (t *Table) validate() error {
	var errs []error
	if err := schemas.ValidNamespace(t.Namespace); err != nil {
		errs = append(errs, fmt.Errorf("table: %w", err))
	}
	if !schemas.SpecOf(t.Type).Counted {
		errs = append(errs, errors.New("table: reports about runs are no usage; replay the tables of the events"))
	}
	return errors.Join(errs...)
}

// pageRows is about how many rows one query reads. They stay in memory until they are sent, so that no query stays open
// while a slow replay waits.
const pageRows = 32 << 10

// tableReader reads a view page by page: whole minutes, as many as have about pageRows rows, and of a minute that has
// more a part at a time.
type tableReader struct {
	ctx   context.Context // That of the replay.
	table *Table
	tally *tally
	stop  <-chan struct{}
	run   string
	cond  string // Of all queries; empty for none.
	event schemas.Event

	spans []span // Not read to their end.
	after cursor // The last row read of the first of them.
	page  []byte // Rows not given yet.
	rows  int    // Rows of the page.
	wire  []byte

	done  atomic.Int64
	whole int64 // Records of the minutes: at least as many as events.
	last  int64 // The beginning of the last minute, microseconds since 1970.
}

// span is a range of minutes, the last one not included, and how many records it has.
type span struct {
	from, to int64
	records  int64
}

// cursor is a place in the order of time and identity.
type cursor struct {
	set      bool
	timeUs   int64
	identity [16]byte
}

func newTableReader(ctx context.Context, o Options, t *tally, stop <-chan struct{}) (*tableReader, error) {
	r := &tableReader{ctx: ctx, table: o.Table, tally: t, stop: stop, run: o.Run, event: schemas.NewEvent(o.Table.Type)}
	var conds []string
	if !o.From.IsZero() {
		conds = append(conds, "time >= "+momentSQL(o.From.UnixMicro()))
	}
	if !o.To.IsZero() {
		conds = append(conds, "time < "+momentSQL(o.To.UnixMicro()))
	}
	if o.Table.Tenant != "" {
		conds = append(conds, "tenant = "+schemas.Quote(o.Table.Tenant))
	}
	if err := r.plan(conds); err != nil {
		return nil, fmt.Errorf("find the rows of %s: %w", o.Table.name(), err)
	}
	if o.Table.Filter != "" {
		conds = append(conds, "("+o.Table.Filter+"\n)") // A comment at its end ends with the line.
	}
	r.cond = strings.Join(conds, " AND ")
	return r, nil
}

// momentSQL is a time, microseconds since 1970.
func momentSQL(us int64) string { return fmt.Sprintf("fromUnixTimestamp64Micro(%d, 'UTC')", us) }

func (r *tableReader) from(table string) string {
	return schemas.Ident(r.table.Namespace) + "." + schemas.Ident(table)
}

// plan finds the spans to read.
func (r *tableReader) plan(conds []string) error {
	where := ""
	if len(conds) > 0 {
		where = " WHERE " + strings.Join(conds, " AND ")
	}
	var out bytes.Buffer
	sql := "SELECT toInt64(minute), count() FROM " + r.from(schemas.SpecOf(r.table.Type).RawTable) + where + " GROUP BY minute ORDER BY minute"
	if err := r.table.DB.Format(r.ctx, sql, "RowBinary", &out); err != nil {
		return err
	}
	for data := out.Bytes(); len(data) >= 16; data = data[16:] {
		minute, records := int64(le64(data)), int64(le64(data[8:]))
		r.whole += records
		last := len(r.spans) - 1
		if last < 0 || r.spans[last].records+records > pageRows {
			r.spans = append(r.spans, span{from: minute})
			last++
		}
		r.spans[last].to = minute + 1
		r.spans[last].records += records
		r.last = minute * int64(time.Minute/time.Microsecond)
	}
	return nil
}

// Next adds the events of the next rows.
func (r *tableReader) Next(b *producers.Batch, limit int) error {
	for !b.Full(limit) {
		if len(r.page) == 0 {
			if err := r.turn(); err != nil {
				return err
			}
			continue
		}
		var err error
		if r.wire, r.page, err = schemas.SpecOf(r.table.Type).AppendRow(r.wire[:0], r.page); err != nil {
			return fmt.Errorf("read a row of %s: %w", r.table.name(), err)
		}
		if len(r.page) < len(r.after.identity) {
			return fmt.Errorf("read a row of %s: %w", r.table.name(), io.ErrUnexpectedEOF)
		}
		copy(r.after.identity[:], r.page)
		r.page = r.page[len(r.after.identity):]
		if err := r.decode(); err != nil {
			return fmt.Errorf("read a row of %s: %w", r.table.name(), err)
		}
		r.rows++
		r.tally.rows.Add(1)
		if err := addEvent(b, r.event); err != nil {
			return err
		}
	}
	return nil
}

// decode makes the row in wire the current event, under the label of this run.
func (r *tableReader) decode() error {
	if err := proto.Unmarshal(r.wire, r.event); err != nil {
		return err
	}
	r.after.set, r.after.timeUs = true, r.event.GetTimeUs()
	m := r.event.ProtoReflect()
	fd := m.Descriptor().Fields().ByTextName(fields.Run)
	m.Clear(fd)
	if r.run != "" {
		fields.Set(m, fd, r.run, 0)
	}
	return schemas.Validate(r.event)
}

// turn reads the next page: io.EOF if there is none.
func (r *tableReader) turn() error {
	if isClosed(r.stop) {
		return errStopped
	}
	if r.after.set && r.rows < pageRows && len(r.spans) > 0 {
		r.shift()
	}
	if len(r.spans) == 0 {
		return io.EOF
	}
	var out bytes.Buffer
	if err := r.table.DB.Format(r.ctx, r.pageSQL(), "RowBinary", &out); err != nil {
		return fmt.Errorf("read %s: %w", r.table.name(), err)
	}
	r.page, r.rows = out.Bytes(), 0
	if len(r.page) == 0 {
		r.shift()
	}
	return nil
}

// shift goes on to the next span.
func (r *tableReader) shift() {
	r.done.Add(r.spans[0].records)
	r.spans, r.after = r.spans[1:], cursor{}
}

func (r *tableReader) pageSQL() string {
	const minute = int64(time.Minute / time.Microsecond)
	conds := []string{
		"time >= " + momentSQL(r.spans[0].from*minute), "time < " + momentSQL(r.spans[0].to*minute),
	}
	if r.after.set {
		at := momentSQL(r.after.timeUs)
		conds = append(conds, "time >= "+at, fmt.Sprintf("(time > %s OR identity > reinterpretAsUInt128(unhex('%s')))", at, hex.EncodeToString(r.after.identity[:])))
	}
	if r.cond != "" {
		conds = append(conds, r.cond)
	}
	return "SELECT " + strings.Join(schemas.SpecOf(r.table.Type).SelectSQL(), ", ") + ", identity FROM " + r.from(r.table.Type.String()) +
		" WHERE " + strings.Join(conds, " AND ") + fmt.Sprintf(" ORDER BY time, identity LIMIT %d", pageRows)
}

func (r *tableReader) read() (done, whole int64) { return r.done.Load(), r.whole }

// ends says, to the minute, when the last event is.
func (r *tableReader) ends() (total, last int64, known bool) { return 0, r.last, r.whole > 0 }

func (r *tableReader) close() {}
