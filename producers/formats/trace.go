package formats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"tidemark/producers/formats/faults"
	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/mapping"
	"tidemark/producers/formats/numbers"
	"tidemark/producers/formats/rows"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// traceRows makes the model calls of the rows of a trace.
type traceRows struct {
	format *Format
	lines  *rows.Lines
	reader rows.Reader
	call   *call
	wrong  []string // Warnings about the file.
}

func (t *traceRows) Noted() *fields.Lenient { return nil }

func (t *traceRows) Notes() []string { return t.wrong }

func (t *traceRows) Columns() *mapping.Seen { return nil }

func (t *traceRows) Next(n uint64) (schemas.Event, error) {
	r, err := t.reader.Next()
	if errors.Is(err, io.EOF) {
		t.wrong = append(t.wrong, t.call.clock.notes(t.format)...)
	}
	if err != nil {
		return nil, err
	}
	column, text := t.call.set(t.format, r.Values, n)
	if err := t.call.clock.absolute; err != nil {
		return nil, fmt.Errorf("line %d: %s %w", r.Line, t.format.columns[t.format.fields["time_us"]].Name, err)
	}
	if text != "" {
		return nil, &faults.RowError{Line: r.Line, Column: r.Column(column), Text: text}
	}
	return &t.call.event, nil
}

// call is the event of the current row and the memory of its values.
type call struct {
	event usagev1.TokenCall
	start int64 // The trace's zero, microseconds since 1970; 0 where times are absolute.
	time  int64 // Of the event.
	// product is the product of a row that has none; fixed if the settings give it for all rows.
	product string
	fixed   bool

	input, cached, output, firstToken, latency uint64

	turns   map[uint64]int64 // The time of the last turn of a session, by a hash of its name.
	follows bool             // The call follows another turn, and has no time of its own.
	clock   clock

	key   []byte // What the id is hashed from.
	id    []byte
	users fields.UserHash
}

// newCall returns a call with the fields that are the same in all events.
func newCall(f *Format, s Settings) *call {
	c := &call{users: s.Users.Hash()}
	c.event.TimeUs = &c.time
	c.event.Source, c.event.Tenant, c.event.Product, c.event.Provider = f.source, f.tenant, f.product, f.provider
	c.event.Run, c.event.Operation, c.event.Status = s.Run, "chat", usagev1.Status_STATUS_OK
	s.label(&c.event)
	c.product, c.fixed = c.event.Product, s.Product != ""
	if f.NeedsStart {
		c.start = s.Start.UnixMicro()
	}
	return c
}

// set makes the event of a row, whose number in the file is given. It returns the column at fault and its problem; an
// empty problem if there is none.
func (c *call) set(f *Format, values []string, row uint64) (int, string) {
	e := &c.event
	e.Model, e.Streaming, e.User, e.Status, e.Product = fields.UnknownModel, false, 0, usagev1.Status_STATUS_OK, c.product
	e.InputUncached, e.InputCacheRead, e.OutputVisible, e.FirstTokenUs, e.LatencyUs = nil, nil, nil, nil, nil
	if column, text := f.fill(c, values); text != "" {
		return column, f.columns[column].Name + " " + text
	}
	if f.identifying > 0 && !c.follows {
		values = values[:f.identifying]
	}
	c.identify(f, values, row)
	if bad := fields.FirstError(e); bad != nil {
		column := f.fields[bad.Field]
		return column, f.columns[column].Name + " does not fit: " + bad.Error()
	}
	return 0, ""
}

// identify sets the id by the rule in the comment of the package.
func (c *call) identify(f *Format, values []string, row uint64) {
	c.key = c.key[:0]
	if f.NeedsStart {
		c.key = binary.BigEndian.AppendUint64(c.key, uint64(c.start))
	}
	for _, v := range values {
		c.key = fields.AppendLengthed(c.key, v)
	}
	c.event.Id, c.id = fields.RowID(row, c.key, c.id)
}

// moment reads the time of a row, and keeps it for the warnings about the file.
func (c *call) moment(text string, digits int) (int64, string) {
	us, problem := c.after(text, digits)
	switch {
	case problem == "" && c.clock.count > 0 && us-c.start > mapping.FarAway:
		return 0, faults.Quote(text) + " is more than ten years from the start of the trace"
	case problem == "":
		c.clock.see(text, us-c.start)
	case c.clock.count == 0:
		c.clock.absolute = since1970(text) // It may be too large for that.
	}
	return us, problem
}

// seconds are six digits more than microseconds.
const seconds = 6

// after returns the time that lies s after the start of the trace; digits are those from the unit of s to microseconds.
func (c *call) after(s string, digits int) (int64, string) {
	if s == "" {
		return 0, "is empty"
	}
	us, _, problem := numbers.Decimal(s, digits)
	if problem != "" {
		return 0, faults.Quote(s) + " " + problem
	}
	return c.start + int64(us), ""
}
