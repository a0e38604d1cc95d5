package schemas

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	protobuf "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// agree fails the test unless c, which keeps its rows, treats value exactly as the generated code and Validate do.
func agree(t testing.TB, typ Type, c Columns, value []byte, at Coordinates) (ok bool) {
	t.Helper()
	e := NewEvent(typ)
	wellFormed := protobuf.Unmarshal(value, e)
	var unacceptable error
	if wellFormed == nil {
		unacceptable = Validate(e)
	}
	rows := c.Rows()
	meta, err := c.Append(value, at)
	if err == nil {
		if wellFormed != nil || unacceptable != nil {
			t.Fatalf("%v: appended %x\nunmarshal: %v\nvalidate: %v", typ, value, wellFormed, unacceptable)
		}
		if c.Rows() != rows+1 {
			t.Fatalf("%v: %d rows after %d", typ, c.Rows(), rows)
		}
		checkMeta(t, meta, e)
		return true
	}
	var invalid *InvalidError
	switch {
	case !errors.As(err, &invalid):
		t.Fatalf("%v: error %T", typ, err)
	case wellFormed != nil && invalid.Reason != ReasonMalformed:
		t.Fatalf("%v: %v for %x\nunmarshal: %v", typ, err, value, wellFormed)
	case wellFormed == nil && unacceptable == nil:
		t.Fatalf("%v: refused %x: %v", typ, value, err)
	case wellFormed == nil:
		if invalid.Reason != ReasonInvalid || invalid.Detail != strings.ReplaceAll(unacceptable.Error(), "\n", "; ") {
			t.Fatalf("%v: %v, validate: %v", typ, err, unacceptable)
		}
	}
	if c.Rows() != rows {
		t.Fatalf("%v: %d rows after a refusal, %d before", typ, c.Rows(), rows)
	}
	return false
}

func checkMeta(t testing.TB, m Meta, e Event) {
	t.Helper()
	weight := uint64(1)
	if w, ok := e.(interface {
		GetWeight() uint64
		GetUserWeight() uint64 // The truth about a run has none.
	}); ok {
		weight = max(1, w.GetWeight())
	}
	us := e.GetTimeUs()
	want := Meta{Identity: IdentityOf(e.GetTenant(), e.GetSource(), e.GetId()), Time: us,
		Minute: int32(math.Floor(float64(us/1e6-boolInt(us%1e6 < 0)) / 60)), Run: e.GetRun(), Checksum: m.Checksum, Body: m.Body, Content: m.Content, Weight: weight}
	if r, ok := e.(interface{ GetRevision() uint64 }); ok {
		want.Revision = r.GetRevision()
	}
	if m != want {
		t.Fatalf("meta %+v, want %+v", m, want)
	}
}

func cloneEvent(t testing.TB, e Event) Event {
	t.Helper()
	clone, ok := protobuf.Clone(e).(Event)
	if !ok {
		t.Fatalf("the clone of %T is no event", e)
	}
	return clone
}

// TestBodyIsWhatTheEventSays changes every field, one at a time: the body changes unless the field says only where the
// statement comes from, and the content changes always.
func TestBodyIsWhatTheEventSays(t *testing.T) {
	for _, spec := range Specs() {
		fields := NewEvent(spec.Type).ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			f := fields.Get(i)
			r := seeded(t, uint64(i)+1)
			changed := false
			for range 20 { // Beside some values of other fields there is no other valid one.
				if changed = changeOne(t, r, spec, f); changed {
					break
				}
			}
			if !changed {
				t.Errorf("%s: no other valid %s was found", spec.Name, f.Name())
			}
		}
	}
}

// changeOne holds the checksums of a random event against those of it with another value of the field, and reports whether a
// valid one was found.
func changeOne(t *testing.T, r *rand.Rand, spec Spec, f protoreflect.FieldDescriptor) bool {
	t.Helper()
	e := cloneEvent(t, randomEvent(r, spec.Type)) // A clone makes 0 of -0, as the next one does.
	c := NewColumns(spec.Type)
	first, err := c.Append(encodeEvent(t, e), Coordinates{})
	if err != nil {
		t.Fatal(err)
	}
	same, err := c.Append(encodeEvent(t, e), Coordinates{Offset: 1})
	if err != nil || same.Body != first.Body || same.Content == first.Content {
		t.Errorf("%s at another place: body %d, content %d, was %d, %d (%v)", spec.Name, same.Body, same.Content, first.Body, first.Content, err)
	}
	for range 200 {
		other := cloneEvent(t, e)
		other.ProtoReflect().Set(f, randomValue(r, f))
		row, before := rowOf(other, Coordinates{}), rowOf(e, Coordinates{})
		if reflect.DeepEqual(row, before) || Validate(other) != nil {
			continue
		}
		m, err := c.Append(encodeEvent(t, other), Coordinates{})
		if err != nil {
			t.Fatal(err)
		}
		label := f.Name() == "run" || f.Name() == "revision"
		if m.Content == first.Content || (m.Body == first.Body) != label {
			t.Errorf("%s: another %s: body %d, content %d, was %d, %d", spec.Name, f.Name(), m.Body, m.Content, first.Body, first.Content)
		}
		return true
	}
	return false
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func encodeEvent(t testing.TB, e Event) []byte {
	t.Helper()
	value, err := AppendEvent(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestRowsEqualMessages(t *testing.T) {
	for _, s := range Specs() {
		t.Run(s.Name, func(t *testing.T) {
			r := seeded(t, 0)
			c := NewColumns(s.Type)
			for block := range 3 {
				c.Reset()
				var want []map[string]any
				for i := range 400 {
					e := randomEvent(r, s.Type)
					if err := Validate(e); err != nil {
						t.Fatalf("a generated event is invalid: %v", err)
					}
					at := Coordinates{Epoch: uint32(block), Partition: int32(i % 3), Offset: int64(i) << 30}
					if _, err := c.Append(encodeEvent(t, e), at); err != nil {
						t.Fatal(err)
					}
					want = append(want, rowOf(e, at))
				}
				compareRows(t, rowsOf(t, c), want)
			}
		})
	}
}

func TestMutatedMessages(t *testing.T) {
	for _, s := range Specs() {
		t.Run(s.Name, func(t *testing.T) {
			r := seeded(t, 0)
			c := NewColumns(s.Type)
			var want []map[string]any
			appended, refused := 0, 0
			for i := range 5000 {
				value := encodeEvent(t, randomEvent(r, s.Type))
				for range 1 + r.IntN(3) {
					value = mutate(r, value)
				}
				at := Coordinates{Offset: int64(i)}
				if !agree(t, s.Type, c, value, at) {
					refused++
					continue
				}
				appended++
				e := NewEvent(s.Type)
				if err := protobuf.Unmarshal(value, e); err != nil {
					t.Fatal(err)
				}
				want = append(want, rowOf(e, at))
				switch r.IntN(20) { // Removing rows removes what they added.
				case 0:
					c.Pop()
					want = want[:len(want)-1]
				case 1:
					n := r.IntN(len(want) + 1)
					c.Truncate(n)
					want = want[:min(n, len(want))]
				}
				if i%100 == 99 {
					compareRows(t, rowsOf(t, c), want)
				}
			}
			if appended < 250 || refused < 250 {
				t.Fatalf("the mutations test little: %d appended, %d refused", appended, refused)
			}
		})
	}
}

// FuzzColumns holds the decoder equal to the generated code and Validate: any bytes, all types.
func FuzzColumns(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, s := range Specs() {
		f.Add(uint8(s.Type), []byte(nil))
		for range 4 {
			value := encodeEvent(f, randomEvent(r, s.Type))
			f.Add(uint8(s.Type), value)
			for range 12 {
				f.Add(uint8(s.Type), mutate(r, value))
			}
		}
	}
	f.Fuzz(func(t *testing.T, typ uint8, value []byte) {
		s := specs[int(typ)%len(specs)]
		c := NewColumns(s.Type)
		at := Coordinates{Epoch: 1, Partition: 2, Offset: 3}
		if !agree(t, s.Type, c, value, at) {
			if c.Bytes() != 0 {
				t.Fatalf("%d bytes left of a refused value", c.Bytes())
			}
			return
		}
		e := NewEvent(s.Type)
		if err := protobuf.Unmarshal(value, e); err != nil {
			t.Fatal(err)
		}
		compareRows(t, rowsOf(t, c), []map[string]any{rowOf(e, at)})
		c.Pop()
		if c.Rows() != 0 || c.Bytes() != 0 {
			t.Fatalf("%d rows, %d bytes left", c.Rows(), c.Bytes())
		}
	})
}

// state returns the encoded block, which any difference in rows or dictionaries would show.
func state(t testing.TB, c Columns) string {
	t.Helper()
	var buf proto.Buffer
	if err := encodeBlock(&buf, c); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %d %x", c.Rows(), c.Bytes(), buf.Buf)
}

func TestRemovedRowsLeaveNothing(t *testing.T) {
	for _, s := range Specs() {
		t.Run(s.Name, func(t *testing.T) {
			r := seeded(t, 0)
			c := NewColumns(s.Type)
			states := []string{state(t, c)}
			for i := range 200 {
				if _, err := c.Append(encodeEvent(t, randomEvent(r, s.Type)), Coordinates{Offset: int64(i)}); err != nil {
					t.Fatal(err)
				}
				states = append(states, state(t, c))
				if _, err := c.Append([]byte{0x0a, 1, 'x', 0x12, 3, 'n', 'e', 'w', 0x22, 1, 0x01}, Coordinates{}); err == nil {
					t.Fatal("a value with a control character was appended")
				}
				if got := state(t, c); got != states[len(states)-1] {
					t.Fatal("a refused value changed the columns")
				}
			}
			for n := len(states) - 2; n >= 0; n-- {
				if r.IntN(2) == 0 && n > 0 {
					c.Pop()
					n--
				}
				c.Truncate(n)
				if got := state(t, c); got != states[n] {
					t.Fatalf("%d rows after truncation differ from what they were", n)
				}
			}
			c.Pop() // Of nothing.
			if c.Rows() != 0 {
				t.Fatal("rows below zero")
			}
		})
	}
}

func TestAppendRowCopiesRows(t *testing.T) {
	for _, s := range Specs() {
		t.Run(s.Name, func(t *testing.T) {
			r := seeded(t, 0)
			src, half, direct := NewColumns(s.Type), NewColumns(s.Type), NewColumns(s.Type)
			for i := range 300 {
				value := encodeEvent(t, randomEvent(r, s.Type))
				at := Coordinates{Epoch: 1, Partition: 2, Offset: int64(i)}
				if _, err := src.Append(value, at); err != nil {
					t.Fatal(err)
				}
				if i >= 150 {
					if _, err := direct.Append(value, at); err != nil {
						t.Fatal(err)
					}
					half.AppendRow(src, i)
				}
			}
			if state(t, half) != state(t, direct) {
				t.Fatal("copied rows differ from appended ones")
			}
		})
	}
}

func TestDictionaryWidths(t *testing.T) {
	c := newDictionary()
	for _, n := range []int{1, 255, 256, 257, 65535, 65536, 65537, 2} {
		c.reset(2 * n)
		c.rows = 0
		for i := range n {
			for _, s := range []string{fmt.Sprint("value ", i), "value 0"} {
				slot := c.find(s, len(s))
				if slot == nil {
					slot = c.add(s, c.rows, 2*n)
				}
				c.set(c.rows, slot.key-1)
				c.rows++
			}
		}
		var buf proto.Buffer
		c.EncodeState(&buf)
		c.EncodeColumn(&buf)
		col := new(proto.ColStr).LowCardinality()
		r := proto.NewReader(bytes.NewReader(buf.Buf))
		if err := errors.Join(col.DecodeState(r), col.DecodeColumn(r, 2*n)); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if got := col.Row(2 * i); got != fmt.Sprint("value ", i) || col.Row(2*i+1) != "value 0" {
				t.Fatalf("%d values: row %d is %q", n, 2*i, got)
			}
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	r := seeded(t, 0)
	c := NewColumns(TokenCallType)
	var values [][]byte
	for range 1000 {
		values = append(values, encodeEvent(t, typicalCall(r)))
	}
	block := func() {
		c.Reset()
		for i, value := range values {
			if _, err := c.Append(value, Coordinates{Offset: int64(i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	block()
	if n := testing.AllocsPerRun(10, block); n != 0 {
		t.Fatalf("%v allocations a block of 1000 rows", n)
	}
}
