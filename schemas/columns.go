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
	row := len(c.offset)
	sum, small, ok := c.appendNumbers(v)
	if !ok || !c.appendTexts(v, &small) || !c.table.valid(v) {
		return Meta{}, c.refuse(row)
	}
	us := int64(v.number[numTime])
	meta := Meta{Identity: c.identityOf(v), Time: us, Minute: MinuteOf(us), Run: c.internRun(v.text[numRun]), Weight: 1}
	if c.table.weighted {
		meta.Weight = v.weight()
	}
	low, high := meta.Identity.low(), meta.Identity.high()
	sum += low*factors[wordLow] + high*factors[wordHigh]
	if c.table.revised {
		meta.Revision = v.number[numRevision]
	}
	meta.Body = mix(sum + small - meta.Revision*factors[wordFields+numRevision] - c.table.unsaid)
	meta.Checksum = mix(sum + uint64(at.Offset)*factors[wordOffset] + placeWord(at)*factors[wordPlace])
	meta.Content = contentOf(meta.Checksum, meta.Body, c.runHash)
	c.identity = append(c.identity, proto.UInt128{Low: low, High: high})
	c.epoch = append(c.epoch, at.Epoch)
	c.partition = append(c.partition, uint32(at.Partition))
	c.offset = append(c.offset, uint64(at.Offset))
	return meta, nil
}

// valid reports whether v keeps the rules that are not about one text or one range.
func (t *table) valid(v *values) bool {
	if !v.has(numTime) || t.across(v) != nil {
		return false
	}
	for i := range t.floats {
		if t.floats[i].problem(v) != nil {
			return false
		}
	}
	if len(t.measures) > 0 && v.weight() > freeWeight {
		for i := range t.measures {
			if !v.weighted(v.number[t.measures[i].number]) {
				return false
			}
		}
	}
	return true
}

// appendTexts appends the row's texts and adds their part of the body to sum, or returns false if one has a problem.
func (c *columns) appendTexts(v *values, sum *uint64) bool {
	for i := range c.dictionaries {
		col := &c.dictionaries[i]
		s := v.text[col.number%maxFieldNumbers]
		if s == "" && col.fallback != 0 {
			s = v.text[col.fallback%maxFieldNumbers]
		}
		key, ok := col.find(s) // What is in the dictionary has no problem.
		if !ok {
			if col.textProblem(s) != nil {
				return false
			}
			key = col.add(s)
			c.textBytes += len(s) + entryBytes
		}
		col.keys = append(col.keys, key)
		*sum += col.entries[key].hash * col.factor
	}
	for i := range c.texts {
		col := &c.texts[i]
		s := v.text[col.number%maxFieldNumbers]
		if (uint64(len(s)) > col.max || s == "" || !isPlain(s)) && col.textProblem(s) != nil {
			return false
		}
		col.Append(s)
		c.textBytes += len(s)
		if col.factor != 0 {
			*sum += textHash(s) * col.factor
		}
	}
	return true
}

// appendNumbers appends the row's numbers and returns their part of the checksum and, apart, that of enums, bools and later
// numbers, which are in the body alone; or false if one is out of range.
func (c *columns) appendNumbers(v *values) (sum, small uint64, ok bool) {
	for i := range c.words {
		col := &c.words[i]
		x := max(v.number[col.number%maxFieldNumbers], col.floor)
		if x-col.least > col.span {
			return 0, 0, false
		}
		if col.later {
			small += x * col.factor
		} else {
			sum += x * col.factor
		}
		col.words = append(col.words, x)
	}
	for i := range c.nullables {
		col := &c.nullables[i]
		x := v.number[col.number%maxFieldNumbers]
		if x-col.least > col.span {
			return 0, 0, false
		}
		there := v.present >> (col.number % maxFieldNumbers) & 1
		if col.later {
			small += (x + 1) * there * col.factor
		} else {
			sum += (x + 1) * there * col.factor
		}
		col.null.Nulls = append(col.null.Nulls, uint8(there^1))
		col.words = append(col.words, x)
	}
	for i := range c.bytes {
		col := &c.bytes[i]
		x := uint32(v.number[col.number%maxFieldNumbers]) // As the generated code does: the low 32 bits are the enum.
		if col.truth {
			x = 0
			if v.number[col.number%maxFieldNumbers] != 0 {
				x = 1
			}
		}
		if x-col.least > col.span {
			return 0, 0, false
		}
		col.bytes = append(col.bytes, uint8(x))
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
		if s := c.values.text[c.table.fields[i].number]; !utf8.ValidString(s) {
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

func (c *columns) Pop() { c.Truncate(len(c.offset) - 1) }

func (c *columns) Rows() int { return len(c.offset) }

// entryBytes is what a dictionary entry takes beside its text: the entry and two slots.
const entryBytes = 24

func (c *columns) Bytes() int { return len(c.offset)*c.rowBytes + c.textBytes }

func (c *columns) Reset() {
	for i := range c.dictionaries {
		c.dictionaries[i].reset()
	}
	c.Truncate(0)
}

func (c *columns) Input() proto.Input { return c.input }

func (c *columns) Truncate(n int) {
	n = max(n, 0)
	c.identity = cut(c.identity, n)
	c.epoch = cut(c.epoch, n)
	c.partition = cut(c.partition, n)
	c.offset = cut(c.offset, n)
	c.textBytes = 0
	for i := range c.dictionaries {
		col := &c.dictionaries[i]
		col.truncate(n)
		c.textBytes += len(col.buf) + len(col.entries)*entryBytes
	}
	for i := range c.texts {
		col := &c.texts[i]
		col.Pos = cut(col.Pos, n)
		end := 0
		if rows := len(col.Pos); rows > 0 {
			end = col.Pos[rows-1].End
		}
		col.Buf = col.Buf[:end]
		c.textBytes += end
	}
	for i := range c.words {
		c.words[i].words = cut(c.words[i].words, n)
	}
	for i := range c.nullables {
		col := &c.nullables[i]
		col.words = cut(col.words, n)
		col.null.Nulls = cut(col.null.Nulls, n)
	}
	for i := range c.bytes {
		c.bytes[i].bytes = cut(c.bytes[i].bytes, n)
	}
}

func cut[S ~[]E, E any](s S, n int) S { return s[:min(n, len(s))] }

func (c *columns) AppendRow(src Columns, i int) {
	from, _ := src.(*columns) // There is no other implementation.
	c.identity = append(c.identity, from.identity[i])
	c.epoch = append(c.epoch, from.epoch[i])
	c.partition = append(c.partition, from.partition[i])
	c.offset = append(c.offset, from.offset[i])
	for k := range c.dictionaries {
		col, other := &c.dictionaries[k], &from.dictionaries[k]
		s := other.value(other.keys[i])
		key, ok := col.find(s)
		if !ok {
			key = col.add(s)
			c.textBytes += len(s) + entryBytes
		}
		col.keys = append(col.keys, key)
	}
	for k := range c.texts {
		s := from.texts[k].RowBytes(i)
		c.texts[k].AppendBytes(s)
		c.textBytes += len(s)
	}
	for k := range c.words {
		c.words[k].words = append(c.words[k].words, from.words[k].words[i])
	}
	for k := range c.nullables {
		col, other := &c.nullables[k], &from.nullables[k]
		col.words = append(col.words, other.words[i])
		col.null.Nulls = append(col.null.Nulls, other.null.Nulls[i])
	}
	for k := range c.bytes {
		c.bytes[k].bytes = append(c.bytes[k].bytes, from.bytes[k].bytes[i])
	}
}
