package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// traceRows gives the calls in the rows of a trace.
type traceRows struct {
	format *format
	lines  *lines
	reader rowReader
	call   *call
}

func (t *traceRows) next(n uint64) (schemas.Event, error) {
	r, err := t.reader.next()
	if errors.Is(err, io.EOF) {
		t.lines.notes = append(t.lines.notes, t.call.clock.notes(t.format)...)
	}
	if err != nil {
		return nil, err
	}
	column, text := t.call.set(t.format, r.values, n)
	if err := t.call.clock.absolute; err != nil {
		return nil, fmt.Errorf("line %d: %s %w", r.line, t.format.columns[t.format.fields["time_us"]].name, err)
	}
	if text != "" {
		return nil, &rowError{r.line, r.column(column), text}
	}
	return &t.call.event, nil
}

// call is the event of the current row and the memory of its values.
type call struct {
	event usagev1.TokenCall
	start int64 // The trace's zero, microseconds since 1970; 0 where times are absolute.
	time  int64 // Of the event.
	// product is what a row has that says nothing of it; fixed where it was asked for.
	product string
	fixed   bool

	input, cached, output, firstToken, latency uint64

	turns   map[uint64]int64 // The time of the last turn of a session, by a hash of its name.
	follows bool             // The call is a turn after another, and has no time of its own.
	clock   clock

	key   []byte // What the id is hashed from.
	id    []byte
	users userHash
}

// newCall returns a call with all that is the same in every event.
func newCall(f *format, o Options) *call {
	c := &call{users: o.hash()}
	c.event.TimeUs = &c.time
	c.event.Source, c.event.Tenant, c.event.Product, c.event.Provider = f.source, f.tenant, f.product, f.provider
	c.event.Run, c.event.Operation, c.event.Status = o.Run, "chat", usagev1.Status_STATUS_OK
	o.label(&c.event)
	c.product, c.fixed = c.event.Product, o.Product != ""
	if f.NeedsStart {
		c.start = o.Start.UnixMicro()
	}
	return c
}

// set makes the event of a row, the given one of its file. It returns the column that is at fault and what is wrong with
// it; an empty text if nothing is.
func (c *call) set(f *format, values []string, row uint64) (int, string) {
	e := &c.event
	e.Model, e.Streaming, e.User, e.Status, e.Product = unknownModel, false, 0, usagev1.Status_STATUS_OK, c.product
	e.InputUncached, e.InputCacheRead, e.OutputVisible, e.FirstTokenUs, e.LatencyUs = nil, nil, nil, nil, nil
	if column, text := f.fill(c, values); text != "" {
		return column, f.columns[column].name + " " + text
	}
	if f.identifying > 0 && !c.follows {
		values = values[:f.identifying]
	}
	c.identify(f, values, row)
	if bad := firstError(e); bad != nil {
		column := f.fields[bad.Field]
		return column, f.columns[column].name + " does not fit: " + bad.Error()
	}
	return 0, ""
}

// identify sets the id by the rule in the package's comment.
func (c *call) identify(f *format, values []string, row uint64) {
	c.key = c.key[:0]
	if f.NeedsStart {
		c.key = binary.BigEndian.AppendUint64(c.key, uint64(c.start))
	}
	for _, v := range values {
		c.key = appendLengthed(c.key, v)
	}
	c.event.Id, c.id = rowID(row, c.key, c.id)
}

// appendLengthed appends s after its length, so that no two lists of strings give the same bytes.
func appendLengthed(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// rowID returns the id of a row with the given key, and the memory it used.
func rowID(row uint64, key, buf []byte) (string, []byte) {
	sum := sha256.Sum256(key)
	buf = append(strconv.AppendUint(buf[:0], row, 10), '-')
	buf = hex.AppendEncode(buf, sum[:8])
	return string(buf), buf
}

func fillAzure(c *call, v []string) (int, string) {
	var text string
	if c.time, text = parseTime(v[azureTime]); text != "" {
		return azureTime, text
	}
	if c.event.InputUncached, text = parseCount(v[azureInput], &c.input); text != "" {
		return azureInput, text
	}
	c.event.OutputVisible, text = parseCount(v[azureOutput], &c.output)
	return azureOutput, text
}

// moment is after for the time of a row, which it keeps an eye on.
func (c *call) moment(text string, digits int) (int64, string) {
	us, problem := c.after(text, digits)
	switch {
	case problem == "" && c.clock.count > 0 && us-c.start > farAway:
		return 0, quote(text) + " is more than ten years from the start of the trace"
	case problem == "":
		c.clock.see(text, us-c.start)
	case c.clock.count == 0:
		c.clock.absolute = since1970(text) // It may be too large for that.
	}
	return us, problem
}

func fillMooncake(c *call, v []string) (int, string) {
	if column, text := c.turn(v); text != "" {
		return column, text
	}
	var text string
	if c.event.InputUncached, text = parseCount(v[mooncakeInput], &c.input); text != "" {
		return mooncakeInput, text
	}
	c.event.OutputVisible, text = parseCount(v[mooncakeOutput], &c.output)
	return mooncakeOutput, text
}

// turn sets the time and the user of a call of a Mooncake trace. The turns of a session after its first have a delay after
// the end of the turn before, which is not in the trace: the earliest moment is taken, the delay after its beginning.
func (c *call) turn(v []string) (int, string) {
	const milliseconds = 3 // Digits to microseconds.
	var text string
	session, problem := exact(json.RawMessage(v[mooncakeSession]))
	if problem != "" {
		return mooncakeSession, problem
	}
	if c.event.User, text = c.users.ofTrace(&c.event, session); text != "" {
		return mooncakeSession, text
	}
	c.follows = v[mooncakeTime] == "" && v[mooncakeDelay] != ""
	hash := xxhash.Sum64String(session)
	if !c.follows {
		if c.time, text = c.moment(v[mooncakeTime], milliseconds); text != "" {
			return mooncakeTime, text
		}
	} else {
		delay, _, problem := decimal(v[mooncakeDelay], milliseconds)
		before, known := c.turns[hash]
		switch {
		case problem != "":
			return mooncakeDelay, quote(v[mooncakeDelay]) + " " + problem
		case session == "":
			return mooncakeDelay, "has no session_id beside it, and no timestamp"
		case !known:
			return mooncakeDelay, "is after a turn that is not there: the first of a session needs a timestamp"
		case delay > maxDelay:
			return mooncakeDelay, quote(v[mooncakeDelay]) + " is too large"
		}
		c.time = before + int64(delay)
	}
	if session != "" {
		if c.turns == nil {
			c.turns = map[uint64]int64{}
		}
		c.turns[hash] = c.time
	}
	return 0, ""
}

// maxDelay bounds a delay, in microseconds: a thousand of them are within the years that events may have.
const maxDelay = 1e13

func fillAgentic(c *call, v []string) (int, string) {
	e := &c.event
	var text string
	if c.time, text = c.moment(v[agenticTime], seconds); text != "" {
		return agenticTime, text
	}
	switch v[agenticType] {
	case "s":
		e.Streaming = true
	case "n", "":
	default:
		return agenticType, quote(v[agenticType]) + " is neither n nor s"
	}
	if v[agenticModel] != "" {
		e.Model = v[agenticModel]
	}
	if e.User, text = c.users.ofTrace(e, v[agenticTrace]); text != "" {
		return agenticTrace, text
	}
	if e.InputUncached, text = parseCount(v[agenticInput], &c.input); text != "" {
		return agenticInput, text
	}
	if e.InputCacheRead, text = parseCount(v[agenticCached], &c.cached); text != "" {
		return agenticCached, text
	}
	if e.InputUncached != nil && e.InputCacheRead != nil {
		if c.cached > c.input {
			return agenticCached, fmt.Sprintf("%d is more than input_tokens, %d, of which it is a part", c.cached, c.input)
		}
		c.input -= c.cached
	}
	if e.OutputVisible, text = parseCount(v[agenticOutput], &c.output); text != "" {
		return agenticOutput, text
	}
	if e.FirstTokenUs, text = parseDuration(v[agenticFirstToken], &c.firstToken); text != "" {
		return agenticFirstToken, text
	}
	e.LatencyUs, text = parseDuration(v[agenticLatency], &c.latency)
	return agenticLatency, text
}

func fillBurst(c *call, v []string) (int, string) {
	e := &c.event
	var text string
	if c.time, text = c.moment(v[burstTime], seconds); text != "" {
		return burstTime, text
	}
	if v[burstModel] != "" {
		e.Model = v[burstModel]
	}
	if e.InputUncached, text = parseCount(v[burstInput], &c.input); text != "" {
		return burstInput, text
	}
	if e.OutputVisible, text = parseCount(v[burstOutput], &c.output); text != "" {
		return burstOutput, text
	}
	if e.OutputVisible != nil && c.output == 0 {
		e.Status = usagev1.Status_STATUS_ERROR // The trace marks failures so.
	}
	switch v[burstLog] {
	case "Conversation log", "":
	case "API log":
		if !c.fixed {
			e.Product = "api"
		}
	default:
		return burstLog, quote(v[burstLog]) + " is neither Conversation log nor API log"
	}
	if e.User, text = c.users.ofTrace(e, v[burstSession]); text != "" {
		return burstSession, text
	}
	e.LatencyUs, text = parseDuration(v[burstLatency], &c.latency)
	return burstLatency, text
}
