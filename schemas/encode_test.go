package schemas

import (
	"bytes"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	usagev1 "tidemark/schemas/usage/v1"
)

// setAll sets a field of every kind to a value that is not zero.
func setAll(t testing.TB, e Event, only protoreflect.FieldDescriptor) {
	t.Helper()
	m := e.ProtoReflect()
	all := m.Descriptor().Fields()
	for i := range all.Len() {
		f := all.Get(i)
		if only != nil && f != only {
			continue
		}
		switch f.Kind() {
		case protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString("ünï"))
		case protoreflect.Sfixed64Kind:
			m.Set(f, protoreflect.ValueOfInt64(-7))
		case protoreflect.Fixed64Kind, protoreflect.Uint64Kind:
			m.Set(f, protoreflect.ValueOfUint64(1<<63+5))
		case protoreflect.EnumKind:
			m.Set(f, protoreflect.ValueOfEnum(-2))
		case protoreflect.BoolKind:
			m.Set(f, protoreflect.ValueOfBool(true))
		case protoreflect.DoubleKind:
			m.Set(f, protoreflect.ValueOfFloat64(math.Copysign(0, -1)))
		default:
			t.Fatalf("field %s is of a kind that no slot reads", f.Name())
		}
	}
}

// FuzzAppendEvent compares with the generated code, on whatever message of any type the bytes are.
func FuzzAppendEvent(f *testing.F) {
	for _, spec := range Specs() {
		full := NewEvent(spec.Type)
		setAll(f, full, nil)
		seed, err := proto.Marshal(full)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(spec.Type), seed)
		f.Add(uint8(spec.Type), []byte{})
		f.Add(uint8(spec.Type), append(bytes.Clone(seed), 0xfa, 0x06, 1, 'x')) // An unknown field.
	}
	f.Fuzz(func(t *testing.T, typ uint8, value []byte) {
		e := NewEvent(Type(typ % uint8(NumTypes)))
		if proto.Unmarshal(value, e) != nil {
			return // Not a message.
		}
		compareEncoded(t, e)
		e.ProtoReflect().SetUnknown(nil)
		compareEncoded(t, e)
		id := e.ProtoReflect().Descriptor().Fields().ByName("id")
		e.ProtoReflect().Set(id, protoreflect.ValueOfString(e.GetId()+"\xff"))
		compareEncoded(t, e)
	})
}

func compareEncoded(t *testing.T, e Event) {
	t.Helper()
	want, wantErr := appendMessage([]byte("before"), e)
	got, err := AppendEvent([]byte("before"), e)
	if (err != nil) != (wantErr != nil) || !bytes.Equal(got, want) {
		t.Fatalf("%v\ngot  %x, %v\nwant %x, %v", e, got, err, want, wantErr)
	}
}

// TestAppendEventFields sets one field of every type at a time: each is read where it is in memory, and none is forgotten.
func TestAppendEventFields(t *testing.T) {
	for _, spec := range Specs() {
		all := NewEvent(spec.Type).ProtoReflect().Descriptor().Fields()
		zeros := NewEvent(spec.Type) // That are there.
		for i := range all.Len() {
			e := NewEvent(spec.Type)
			setAll(t, e, all.Get(i))
			compareEncoded(t, e)
			if f := all.Get(i); f.HasPresence() {
				zeros.ProtoReflect().Set(f, f.Default())
			}
		}
		if !zeros.ProtoReflect().Has(all.ByName("time_us")) {
			t.Fatal("the zeros are not there")
		}
		compareEncoded(t, zeros)
	}
}

// BenchmarkAppendEvent compares with the generated code.
func BenchmarkAppendEvent(b *testing.B) {
	n := uint64(3000)
	e := &usagev1.TokenCall{Source: "tidemark/synthetic", Id: "1-0123456789-abcde", TimeUs: new(int64(1_700_000_000_000_000)), Tenant: "cobalt-labs",
		Product: "chat", User: 1 << 60, Country: "DE", Segment: 2, Run: "run", Model: "gpt-4o-2024-08-06", Provider: "openai", Status: 1,
		InputUncached: &n, OutputVisible: &n, LatencyUs: &n, RequestedModel: "gpt-4o", Operation: "chat", Streaming: true, FirstTokenUs: &n,
		InputCacheRead: &n}
	for name, encode := range map[string]func([]byte, Event) ([]byte, error){"generated": appendMessage, "slots": AppendEvent} {
		b.Run(name, func(b *testing.B) {
			var buf []byte
			for b.Loop() {
				var err error
				if buf, err = encode(buf[:0], e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
