package schemas

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	usagev1 "tidemark/schemas/usage/v1"
)

// TestTimeZero tells the first instant of 1970 from a time that is not there, in what producers of every language send.
func TestTimeZero(t *testing.T) {
	without, err := AppendEvent(nil, &usagev1.Query{Source: "s", Id: "i", Tenant: "t", Product: "p"})
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, value []byte, want error) {
		t.Helper()
		c := NewColumns(QueryType)
		m, err := c.Append(value, Coordinates{})
		var bad *InvalidError
		switch {
		case want == nil && (err != nil || m.Time != 0 || m.Minute != 0):
			t.Errorf("%s: %+v, %v", name, m, err)
		case want != nil && (!errors.As(err, &bad) || bad.Field != "time_us" || bad.Detail != want.Error()):
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		var e usagev1.Query
		if err := proto.Unmarshal(value, &e); err != nil {
			t.Fatal(err)
		}
		if err := Validate(&e); (err == nil) != (want == nil) {
			t.Errorf("%s: Validate says %v, want %v", name, err, want)
		}
	}
	missing := errors.New("time_us is missing")
	f("absent", without, missing)
	f("written", protowire.AppendFixed64(protowire.AppendTag(without, 3, protowire.Fixed64Type), 0), nil)
	f("of another wire type", protowire.AppendVarint(protowire.AppendTag(without, 3, protowire.VarintType), 0), missing)
	for _, spec := range Specs() {
		e := randomEvent(seeded(t, 1), spec.Type)
		fields := e.ProtoReflect().Descriptor().Fields()
		e.ProtoReflect().Set(fields.ByTextName("time_us"), fields.ByTextName("time_us").Default())
		c := NewColumns(spec.Type)
		if m, err := c.Append(encodeEvent(t, e), Coordinates{}); err != nil || m.Time != 0 {
			t.Errorf("%s: %+v, %v", spec.Name, m, err)
		}
	}
}
