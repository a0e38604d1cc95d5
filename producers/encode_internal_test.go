package producers

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// FuzzAppendEvent compares with the generated code, on whatever message the bytes are.
func FuzzAppendEvent(f *testing.F) {
	n, cost := uint64(300), int64(-5)
	full := &usagev1.TokenCall{Source: "s", Id: "i", TimeUs: new(int64(-1)), Tenant: "t", Product: "p", User: 1 << 63, Country: "DE",
		Segment: -1, Run: "r", Model: "m", Provider: "p", Status: 3, InputUncached: &n, OutputVisible: &n, LatencyUs: &n,
		Weight: 1, UserWeight: 1 << 40, RequestedModel: "q", Operation: "o", Streaming: true, ErrorType: "e", FirstTokenUs: &n,
		InputCacheRead: &n, InputCacheWrite: new(uint64), OutputReasoning: &n, ReportedCostNanos: &cost, CostCurrency: "USD",
		Revision: 1 << 50, ReportedCostPicos: 999, Requests: &n}
	fields := full.ProtoReflect().Descriptor().Fields() // All set, or the seed proves less than it seems.
	for i := range fields.Len() {
		if !full.ProtoReflect().Has(fields.Get(i)) {
			f.Fatalf("the seed has no %s", fields.Get(i).Name())
		}
	}
	seed, err := proto.Marshal(full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{})
	f.Add(append(bytes.Clone(seed), 0xfa, 0x06, 1, 'x')) // An unknown field.
	f.Fuzz(func(t *testing.T, value []byte) {
		e := &usagev1.TokenCall{}
		if proto.Unmarshal(value, e) != nil {
			return // Not a message.
		}
		compare(t, e)
		e.ProtoReflect().SetUnknown(nil)
		compare(t, e)
		e.Id += "\xff"
		compare(t, e)
	})
}

func compare(t *testing.T, e schemas.Event) {
	t.Helper()
	want, wantErr := schemas.AppendEvent([]byte("before"), e)
	got, err := appendEvent([]byte("before"), e)
	if (err != nil) != (wantErr != nil) || err == nil && !bytes.Equal(got, want) {
		t.Fatalf("%v\ngot  %x, %v\nwant %x, %v", e, got, err, want, wantErr)
	}
}

// TestAppendEventFields sets one field at a time.
func TestAppendEventFields(t *testing.T) {
	fields := (&usagev1.TokenCall{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		e := &usagev1.TokenCall{}
		f := fields.Get(i)
		switch f.Kind() {
		case protoreflect.StringKind:
			e.ProtoReflect().Set(f, protoreflect.ValueOfString("ünï"))
		case protoreflect.Sfixed64Kind:
			e.ProtoReflect().Set(f, protoreflect.ValueOfInt64(-7))
		case protoreflect.Fixed64Kind, protoreflect.Uint64Kind:
			e.ProtoReflect().Set(f, protoreflect.ValueOfUint64(1<<63+5))
		case protoreflect.EnumKind:
			e.ProtoReflect().Set(f, protoreflect.ValueOfEnum(-2))
		case protoreflect.BoolKind:
			e.ProtoReflect().Set(f, protoreflect.ValueOfBool(true))
		default:
			t.Fatalf("field %s is of a kind not thought of", f.Name())
		}
		compare(t, e)
	}
	zeros := &usagev1.TokenCall{} // That are there.
	for i := range fields.Len() {
		if f := fields.Get(i); f.HasPresence() {
			zeros.ProtoReflect().Set(f, f.Default())
		}
	}
	if zeros.TimeUs == nil || zeros.ReportedCostNanos == nil || zeros.Requests == nil {
		t.Fatal("the zeros are not there")
	}
	compare(t, zeros)
}

// BenchmarkAppendEvent compares with the generated code.
func BenchmarkAppendEvent(b *testing.B) {
	n := uint64(3000)
	e := &usagev1.TokenCall{Source: "tidemark/synthetic", Id: "1-0123456789-abcde", TimeUs: new(int64(1_700_000_000_000_000)), Tenant: "cobalt-labs",
		Product: "chat", User: 1 << 60, Country: "DE", Segment: 2, Run: "run", Model: "gpt-4o-2024-08-06", Provider: "openai", Status: 1,
		InputUncached: &n, OutputVisible: &n, LatencyUs: &n, RequestedModel: "gpt-4o", Operation: "chat", Streaming: true, FirstTokenUs: &n,
		InputCacheRead: &n}
	for name, encode := range map[string]func([]byte, schemas.Event) ([]byte, error){"generated": schemas.AppendEvent, "here": appendEvent} {
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
