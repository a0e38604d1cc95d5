package schemas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	usagev1 "tidemark/schemas/usage/v1"
)

// seeded returns a generator whose seed a failing test prints. seed 0 takes a fresh one.
func seeded(t *testing.T, seed uint64) *rand.Rand {
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

var sampleTimes = []int64{minTime, maxTime, -1, 0, 1, -15_897_600_000_000, -60_000_001, 59_999_999, 1_790_000_000_123_456}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomEvent returns a valid event of type t whose fields take their edges now and then.
func randomEvent(r *rand.Rand, t Type) Event {
	e := NewEvent(t)
	m := e.ProtoReflect()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.HasOptionalKeyword() && f.Name() != "time_us" && r.IntN(3) == 0 {
			continue
		}
		m.Set(f, randomValue(r, f))
	}
	switch e := e.(type) {
	case *usagev1.TokenCall:
		if w := max(e.Weight, 1); w > 1000 {
			for _, p := range []*uint64{e.InputUncached, e.InputCacheRead, e.InputCacheWrite, e.OutputVisible, e.OutputReasoning,
				e.CacheWrite_5M, e.CacheWrite_1H, e.InputAudio, e.InputImage, e.OutputAudio, e.OutputImage} {
				if p != nil {
					*p %= 1e15/w + 1
				}
			}
			if e.Requests != nil {
				*e.Requests %= 1e15/w + 1
			}
		}
		if e.Requests != nil && *e.Requests != 1 {
			if r.IntN(2) == 0 {
				e.Requests = nil
			} else {
				e.LatencyUs, e.FirstTokenUs = nil, nil
			}
		}
		if e.InputCacheWrite != nil && e.CacheWrite_5M != nil && e.CacheWrite_1H != nil {
			*e.CacheWrite_5M %= *e.InputCacheWrite + 1
			*e.CacheWrite_1H %= *e.InputCacheWrite - *e.CacheWrite_5M + 1
		}
		if e.ReportedCostNanos != nil {
			e.CostCurrency = pick(r, "USD", "EUR")
		} else {
			e.ReportedCostPicos = 0
		}
	case *usagev1.ModelEvent:
		if e.BaseModel == "" {
			e.BaseModel = "base"
		}
	}
	return e
}

func randomValue(r *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	name := string(f.Name())
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(randomText(r, name))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(1 + r.IntN(f.Enum().Values().Len()-1)))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(pick(r, 0, math.Copysign(0, -1), 1.5e300, -7, r.Float64()))
	case protoreflect.Sfixed64Kind:
		if name == "reported_cost_nanos" {
			return protoreflect.ValueOfInt64(pick(r, 0, -1e18, 1e18, -1, r.Int64N(1e9)))
		}
		return protoreflect.ValueOfInt64(pick(r, pick(r, sampleTimes...), 1_700_000_000_000_000+r.Int64N(1e13)))
	case protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(pick(r, 0, r.Uint64()))
	default:
		largest := uint64(1e12)
		switch {
		case name == "reported_cost_picos":
			return protoreflect.ValueOfUint64(r.Uint64N(1000))
		case name == "revision" || strings.HasSuffix(name, "_high"):
			return protoreflect.ValueOfUint64(pick(r, 0, 0, 1, math.MaxUint64, r.Uint64()))
		}
		return protoreflect.ValueOfUint64(pick(r, 0, 1, largest, r.Uint64N(300), r.Uint64N(1e6)))
	}
}

func randomText(r *rand.Rand, field string) string {
	switch field {
	case "country":
		return pick(r, "", "DE", "US", "JP")
	case "cost_currency":
		return pick(r, "EUR", "USD", "JPY")
	case "id":
		return fmt.Sprintf("evt_%016x", r.Uint64())
	}
	required := field == "source" || field == "tenant" || field == "product" || field == "model" || field == "entity" ||
		field == "metric" || field == "unit" || field == "run" || field == "kind" || field == "type"
	switch n := r.IntN(10); {
	case n == 0 && !required:
		return ""
	case n == 1:
		return strings.Repeat("é", 128)
	case n == 2:
		return fmt.Sprintf("%s-%d", field, r.IntN(500))
	default:
		return field + pick(r, "-a", "-b", "-c d", "-ü")
	}
}

// typicalCall returns a token call as a generator makes them: about 20 fields set.
func typicalCall(r *rand.Rand) *usagev1.TokenCall {
	u64 := func(n uint64) *uint64 { return &n }
	return &usagev1.TokenCall{
		Source: fmt.Sprintf("gateway-%d", r.IntN(8)), Id: fmt.Sprintf("chatcmpl-%016x", r.Uint64()),
		TimeUs:  new(1_790_000_000_000_000 + r.Int64N(60_000_000)),
		Tenant:  fmt.Sprintf("tenant-%04d", int(math.Pow(10, 4*r.Float64()))),
		Product: pick(r, "chat", "api", "search"), User: r.Uint64(),
		Country: pick(r, "US", "US", "US", "DE", "JP", "IN", "BR"), Segment: usagev1.Segment(1 + r.IntN(4)), Run: "bench",
		Model: fmt.Sprintf("model-%d", r.IntN(30)), Provider: pick(r, "openai", "anthropic", "google"),
		Status: usagev1.Status_STATUS_OK, Operation: "chat", Streaming: r.IntN(2) == 0,
		LatencyUs: u64(200_000 + r.Uint64N(5_000_000)), FirstTokenUs: u64(100_000 + r.Uint64N(500_000)),
		InputUncached: u64(r.Uint64N(5000)), InputCacheRead: u64(r.Uint64N(3000)),
		OutputVisible: u64(r.Uint64N(1500)), OutputReasoning: u64(r.Uint64N(800)), Weight: 1, UserWeight: 1,
	}
}
