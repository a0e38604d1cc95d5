package schemas

import (
	"crypto/sha256"
	"strings"
	"unicode/utf8"

	"github.com/ClickHouse/ch-go/proto"
)

// Coordinates are a record's place in the log for ever: the incarnation of its topic, the partition, the offset.
type Coordinates struct {
	Epoch     uint32
	Partition int32
	Offset    int64
}

// Meta is what the caller of Append has to know about the row it appended.
type Meta struct {
	Identity Identity
	Time     int64  // Microseconds since 1970.
	Minute   int32  // Minutes since 1970, rounded down.
	Run      string // Stays valid.
	// Revision says which statement of the event this is; Body what it says, see checksum.go: two statements of one event
	// with equal bodies say the same.
	Revision, Body uint64
	// Checksum is of the coordinates, the identity and the numbers, Content of every column.
	Checksum, Content uint64
	Weight            uint64 // How many real events the row stands for; 1 for the types without a weight.
}

// Reasons of an InvalidError.
const (
	ReasonMalformed = "malformed" // The value is not a message of the type.
	ReasonInvalid   = "invalid"   // It is one, but not an acceptable event.
)

// InvalidError is the error of a value that can never become a row.
type InvalidError struct {
	Reason string // ReasonMalformed or ReasonInvalid.
	Field  string // The first bad field in the order of the columns; empty if malformed.
	Detail string // What is wrong, of all bad fields.
}

// Error returns the reason and the detail.
func (e *InvalidError) Error() string { return e.Reason + ": " + e.Detail }

// Columns is one block of rows of one type under construction. It is not for concurrent use. Reset keeps its memory, so
// that one Columns used block after block allocates nothing.
type Columns interface {
	// Append decodes value, the wire form of an event, into a row. It succeeds if and only if the value is a well-formed
	// message of the type that Validate accepts. Otherwise the error is an *InvalidError and the columns are as before.
	Append(value []byte, at Coordinates) (Meta, error)
	// Pop removes the row appended last, if there is one.
	Pop()
	// Rows returns the number of rows.
	Rows() int
	// Bytes returns about how much memory the rows take.
	Bytes() int
	// Reset removes all rows.
	Reset()
	// Input returns the columns with the names and the order of the raw table. It is valid until the next change. One whose
	// Data has a method Spare that returns true may be left out of an INSERT.
	Input() proto.Input
	// Truncate keeps the first n rows.
	Truncate(n int)
	// AppendRow appends a copy of row i of src, which must be Columns of the same type.
	AppendRow(src Columns, i int)
}

// MinuteOf returns the minute of a time given in microseconds since 1970, rounded down.
func MinuteOf(us int64) int32 {
	const minute = 60_000_000
	m := us / minute
	if us%minute < 0 {
		m--
	}
	return int32(m)
}

func (c *columns) Append(value []byte, at Coordinates) (Meta, error) {
	v := &c.values
	if problem := v.decode(value, &c.table.actions); problem != "" {
		return Meta{}, &InvalidError{Reason: ReasonMalformed, Detail: "the value " + problem}
	}
	row := c.rows
	if row == c.room {
		c.grow()
	}
	if v.present&^c.opened != 0 {
		c.openFor(v)
	}
	sum, small, ok := c.appendNumbers(v, row)
	if !ok || !c.appendTexts(v, row, &small) || !c.table.valid(v) {
		return Meta{}, c.refuse(row)
	}
	us := int64(v.number[numTime])
	meta := Meta{Identity: c.identityOf(v), Time: us, Minute: MinuteOf(us), Run: c.internRun(v.textOf(numRun)), Weight: 1}
	if c.table.weighted {
		meta.Weight = v.weight()
	}
	low, high := meta.Identity.low(), meta.Identity.high()
	sum += low*factors[wordLow] + high*factors[wordHigh]
	if c.table.revised {
		meta.Revision = v.numberOf(numRevision)
	}
	meta.Body = mix(sum + small - meta.Revision*factors[wordFields+numRevision] - c.table.unsaid)
	meta.Checksum = mix(sum + uint64(at.Offset)*factors[wordOffset] + placeWord(at)*factors[wordPlace])
	meta.Content = contentOf(meta.Checksum, meta.Body, c.runHash)
	c.identity[row] = proto.UInt128{Low: low, High: high}
	c.epoch[row] = at.Epoch
	c.partition[row] = uint32(at.Partition)
	c.offset[row] = uint64(at.Offset)
	c.rows = row + 1
	return meta, nil
}

// valid reports whether v keeps the rules that are not about one text or one range.
func (t *table) valid(v *values) bool {
	if t.required&^v.present != 0 {
		return false
	}
	if v.present&t.crossing != 0 && t.across(v) != nil {
		return false
	}
	for i := range t.floats {
		if t.floats[i].problem(v) != nil {
			return false
		}
	}
	if len(t.measures) > 0 && v.weight() > freeWeight {
		for i := range t.measures {
			if !v.weighted(v.numberOf(t.measures[i].number)) {
				return false
			}
		}
	}
	return true
}

// appendTexts appends the texts of the open columns and adds the texts' part of the body to sum, or returns false if one
// has a problem.
func (c *columns) appendTexts(v *values, row int, sum *uint64) bool {
	for _, col := range c.openDictionaries {
		s := v.textOf(col.number)
		if s == "" && col.fallback != 0 {
			s = v.textOf(col.fallback)
		}
		slot := col.find(s, v.room(s)) // What is in the dictionary has no problem.
		if slot == nil {
			if col.textProblem(s) != nil {
				return false
			}
			slot = c.addText(col, s, row)
		}
		col.set(row, slot.key-1)
		*sum += slot.hash * col.factor
	}
	for _, col := range c.openTexts {
		s := v.textOf(col.number)
		if (uint64(len(s)) > col.max || s == "" || !isPlain(s)) && col.textProblem(s) != nil {
			return false
		}
		c.textBytes += col.append(row, s)
		if col.factor != 0 {
			*sum += textHash(s) * col.factor
		}
	}
	*sum += c.silence
	return true
}

// addText adds a text to the dictionary of a column, which does not have it, as of a row.
func (c *columns) addText(col *dictionaryColumn, s string, row int) *dictionarySlot {
	before := col.wireWidth()
	slot := col.add(s, row, c.room)
	c.textBytes += len(s) + entryBytes
	c.rowBytes += 1<<col.wireWidth() - 1<<before
	return slot
}

// appendNumbers appends the numbers of the open columns and returns their part of the checksum and, apart, that of enums,
// bools and later numbers, which are in the body alone; or false if one is out of range.
func (c *columns) appendNumbers(v *values, row int) (sum, small uint64, ok bool) {
	sum = c.floors
	for _, col := range c.openWords {
		x := max(v.numberOf(col.number), col.floor)
		if x-col.least > col.span {
			return 0, 0, false
		}
		if col.later {
			small += x * col.factor
		} else {
			sum += x * col.factor
		}
		col.words[row] = x
	}
	for _, col := range c.openNullables {
		x := v.numberOf(col.number)
		if x-col.least > col.span {
			return 0, 0, false
		}
		there := v.present >> (col.number % maxFieldNumbers) & 1
		if word := (x + 1) & -there * col.factor; col.later {
			small += word
		} else {
			sum += word
		}
		col.nulls[row] = uint8(there ^ 1)
		col.words[row] = x
	}
	for _, col := range c.openBytes {
		x := col.valueOf(v.numberOf(col.number))
		if x-col.least > col.span {
			return 0, 0, false
		}
		col.cells[row] = uint8(x)
		small += uint64(x) * col.factor
	}
	return sum, small, true
}

// identityOf is IdentityOf with a buffer that is there already.
func (c *columns) identityOf(v *values) Identity {
	b := appendLengthed(c.hashed[:0], v.text[numTenant])
	b = appendLengthed(b, v.text[numSource])
	c.hashed = appendLengthed(b, v.text[numID])
	sum := sha256.Sum256(c.hashed)
	return Identity(sum[:16])
}

// refuse undoes the row begun and returns the error that says why.
func (c *columns) refuse(row int) error {
	c.Truncate(row)
	for i := range c.table.fields {
		if s := c.values.textOf(c.table.fields[i].number); !utf8.ValidString(s) {
			return &InvalidError{Reason: ReasonMalformed, Detail: "the value " + badUTF8}
		}
	}
	e := &InvalidError{Reason: ReasonInvalid}
	problems := c.table.problems(&c.values)
	details := make([]string, len(problems))
	for i, p := range problems {
		details[i] = p.Error()
	}
	if len(problems) > 0 {
		e.Field = problems[0].Field
	}
	e.Detail = strings.Join(details, "; ")
	return e
}

// internRun returns a string equal to s that stays valid when s no longer is.
func (c *columns) internRun(s string) string {
	if s == c.run {
		return c.run
	}
	run, ok := c.runs[s]
	if !ok {
		if len(c.runs) >= maxRuns {
			clear(c.runs)
		}
		run = strings.Clone(s)
		c.runs[run] = run
	}
	c.run, c.runHash = run, textHash(run)
	return run
}

func (c *columns) Pop() { c.Truncate(c.rows - 1) }

func (c *columns) Rows() int { return c.rows }

func (c *columns) Bytes() int { return c.rows*c.rowBytes + c.textBytes }

func (c *columns) Reset() {
	c.Truncate(0)
	c.values = values{} // Its texts would keep the memory alive that they are part of.
}

func (c *columns) Input() proto.Input {
	c.place.identity, c.place.offset = c.identity[:c.rows], c.offset[:c.rows]
	c.place.epoch, c.place.partition = c.epoch[:c.rows], c.partition[:c.rows]
	for i, col := range c.columns {
		c.input[inputIndex(i)].Data = col.input(c.rows)
	}
	return c.input
}

func (c *columns) Truncate(n int) {
	n = max(n, 0)
	c.rows = min(n, c.rows)
	for _, col := range c.columns {
		if base := col.base(); base.isOpen {
			base.isOpen = base.since < n
			col.truncate(n)
		}
	}
	c.measure()
}

func (c *columns) AppendRow(src Columns, i int) {
	from, _ := src.(*columns) // There is no other implementation.
	row := c.rows
	if row == c.room {
		c.grow()
	}
	c.identity[row], c.epoch[row], c.partition[row], c.offset[row] = from.identity[i], from.epoch[i], from.partition[i], from.offset[i]
	for k, col := range c.columns {
		other := from.columns[k]
		if base := col.base(); !base.isOpen && other.base().isOpen && !other.isDefault(i) {
			base.isOpen, base.since = true, row
			col.open(row, c.room)
		} else if !base.isOpen {
			continue
		}
		col.copyRow(row, c.room, other, i)
	}
	c.rows++
	c.measure()
}
