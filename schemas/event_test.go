package schemas

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	usagev1 "tidemark/schemas/usage/v1"
)

func goodCall() *usagev1.TokenCall {
	return &usagev1.TokenCall{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Product: "p", Model: "m", Status: usagev1.Status_STATUS_OK}
}

func TestValidate(t *testing.T) {
	n := func(x uint64) *uint64 { return &x }
	money := func(x int64) *int64 { return &x }
	call := func(change func(*usagev1.TokenCall)) Event {
		e := goodCall()
		change(e)
		return e
	}
	query := func() *usagev1.Query {
		return &usagev1.Query{Source: "s", Id: "i", TimeUs: new(int64(-1)), Tenant: "t", Product: "p"}
	}
	point := func() *usagev1.ReferencePoint {
		return &usagev1.ReferencePoint{Source: "s", Id: "i", TimeUs: new(minTime), Tenant: "t", Entity: "e", Metric: "m", Unit: "u"}
	}
	cases := []struct {
		name  string
		event Event
		want  string // The errors' texts, a line each; empty if the event is good.
	}{
		{"least call", goodCall(), ""},
		{"empty call", &usagev1.TokenCall{}, "time_us is missing\ntenant is missing\nsource is missing\nid is missing\nproduct is missing\nmodel is missing\nstatus is missing"},
		{"empty query", &usagev1.Query{}, "time_us is missing\ntenant is missing\nsource is missing\nid is missing\nproduct is missing"},
		{"empty sign-up", &usagev1.Signup{}, "time_us is missing\ntenant is missing\nsource is missing\nid is missing\nproduct is missing"},
		{"empty model event", &usagev1.ModelEvent{}, "time_us is missing\ntenant is missing\nsource is missing\nid is missing\nkind is missing\nmodel is missing"},
		{"empty reference point", &usagev1.ReferencePoint{}, "time_us is missing\ntenant is missing\nsource is missing\nid is missing\nentity is missing\nmetric is missing\nunit is missing"},
		{"empty run", &usagev1.Run{}, "time_us is missing\ntenant is missing\nsource is missing\nid is missing\nrun is missing\nkind is missing\ntype is missing"},
		{"no time", call(func(e *usagev1.TokenCall) { e.TimeUs = nil }), "time_us is missing"},
		{"1970", call(func(e *usagev1.TokenCall) { e.TimeUs = new(int64) }), ""},
		{"earliest", call(func(e *usagev1.TokenCall) { e.TimeUs = new(minTime) }), ""},
		{"latest", call(func(e *usagev1.TokenCall) { e.TimeUs = new(maxTime) }), ""},
		{"too early", call(func(e *usagev1.TokenCall) { e.TimeUs = new(minTime - 1) }), "time_us is not within the years 1900 to 2299: -2208988800000001 (1899-12-31T23:59:59Z)"},
		{"too late", call(func(e *usagev1.TokenCall) { e.TimeUs = new(maxTime + 1) }), "time_us is not within the years 1900 to 2299: 10413792000000000 (2300-01-01T00:00:00Z)"},
		{"long text", call(func(e *usagev1.TokenCall) { e.Tenant = strings.Repeat("x", 256) }), ""},
		{"too long a text", call(func(e *usagev1.TokenCall) { e.Tenant = strings.Repeat("x", 257) }), `tenant is longer than 256 bytes: "` + strings.Repeat("x", 40) + `"...`},
		{"long id", call(func(e *usagev1.TokenCall) { e.Id = strings.Repeat("x", 512) }), ""},
		{"too long an id", call(func(e *usagev1.TokenCall) { e.Id = strings.Repeat("x", 513) }), `id is longer than 512 bytes: "` + strings.Repeat("x", 40) + `"...`},
		{"long error type", call(func(e *usagev1.TokenCall) { e.ErrorType = strings.Repeat("x", 512) }), ""},
		{"NUL", call(func(e *usagev1.TokenCall) { e.Run = "a\x00" }), `run has a control character: "a\x00"`},
		{"C1 control", call(func(e *usagev1.TokenCall) { e.Run = "a\u0085" }), `run has a control character: "a\u0085"`},
		{"bad UTF-8", call(func(e *usagev1.TokenCall) { e.Id = "a\xff" }), `id is not valid UTF-8: "a\xff"`},
		{"country", call(func(e *usagev1.TokenCall) { e.Country = "DE" }), ""},
		{"lower-case country", call(func(e *usagev1.TokenCall) { e.Country = "de" }), `country is not 2 upper-case letters: "de"`},
		{"long country", call(func(e *usagev1.TokenCall) { e.Country = "DEU" }), `country is not 2 upper-case letters: "DEU"`},
		{"unknown segment", call(func(e *usagev1.TokenCall) { e.Segment = 5 }), "segment is not a known value: 5"},
		{"negative status", call(func(e *usagev1.TokenCall) { e.Status = -1 }), "status is not a known value: -1"},
		{"heaviest", call(func(e *usagev1.TokenCall) { e.Weight, e.UserWeight = 1e12, 1e12 }), ""},
		{"too heavy", call(func(e *usagev1.TokenCall) { e.Weight, e.UserWeight = 1e12+1, 1e12+1 }), "weight is more than 1000000000000: 1000000000001\nuser_weight is more than 1000000000000: 1000000000001"},
		{"most tokens", call(func(e *usagev1.TokenCall) { e.InputUncached, e.Weight = n(1e12), 1000 }), ""},
		{"too many tokens", call(func(e *usagev1.TokenCall) { e.InputUncached = n(1e12 + 1) }), "input_uncached is more than 1000000000000: 1000000000001"},
		{"too many weighted tokens", call(func(e *usagev1.TokenCall) { e.OutputReasoning, e.Weight = n(1e12), 1001 }), "output_reasoning times weight is more than 1000000000000000: 1000000000000 x 1001"},
		{"unknown tokens of much weight", call(func(e *usagev1.TokenCall) { e.Weight = 1e12 }), ""},
		{"too slow", call(func(e *usagev1.TokenCall) { e.LatencyUs, e.FirstTokenUs = n(1e12), n(1e12+1) }), "first_token_us is more than 1000000000000: 1000000000001"},
		{"cost without currency", call(func(e *usagev1.TokenCall) { e.ReportedCostNanos = money(0) }), "cost_currency is missing beside reported_cost_nanos"},
		{"bad currency", call(func(e *usagev1.TokenCall) { e.CostCurrency = "usd" }), `cost_currency is not 3 upper-case letters: "usd"`},
		{"refund", call(func(e *usagev1.TokenCall) { e.ReportedCostNanos, e.CostCurrency = money(-1e18), "USD" }), ""},
		{"in won", call(func(e *usagev1.TokenCall) { e.ReportedCostNanos, e.CostCurrency = money(1_250_000e9), "KRW" }), ""},
		{"too dear", call(func(e *usagev1.TokenCall) { e.ReportedCostNanos, e.CostCurrency = money(1e18+1), "USD" }), "reported_cost_nanos is more than 1000000000000000000 away from 0: 1000000000000000001"},
		{"too great a refund", call(func(e *usagev1.TokenCall) { e.ReportedCostNanos, e.CostCurrency = money(-1e18-1), "USD" }), "reported_cost_nanos is more than 1000000000000000000 away from 0: -1000000000000000001"},
		{"many requests", call(func(e *usagev1.TokenCall) { e.Requests, e.InputUncached = n(150), n(45000) }), ""},
		{"one request takes a time", call(func(e *usagev1.TokenCall) { e.Requests, e.LatencyUs, e.FirstTokenUs = n(1), n(5), n(3) }), ""},
		{"many requests take none", call(func(e *usagev1.TokenCall) { e.Requests, e.LatencyUs, e.FirstTokenUs = n(2), n(5), n(3) }), "latency_us must be absent where requests is not 1: 2"},
		{"no request has a first token", call(func(e *usagev1.TokenCall) { e.Requests, e.FirstTokenUs = n(0), n(0) }), "first_token_us must be absent where requests is not 1: 0"},
		{"no request and a cost", call(func(e *usagev1.TokenCall) {
			e.Requests, e.ReportedCostNanos, e.CostCurrency = n(0), money(5), "USD"
		}), ""},
		{"most requests", call(func(e *usagev1.TokenCall) { e.Requests, e.Weight = n(1e12), 1000 }), ""},
		{"too many requests", call(func(e *usagev1.TokenCall) { e.Requests = n(1e12 + 1) }), "requests is more than 1000000000000: 1000000000001"},
		{"too many weighted requests", call(func(e *usagev1.TokenCall) { e.Requests, e.Weight = n(1e12), 1001 }), "requests times weight is more than 1000000000000000: 1000000000000 x 1001"},
		{"cache writes", call(func(e *usagev1.TokenCall) { e.InputCacheWrite, e.CacheWrite_5M, e.CacheWrite_1H = n(9), n(5), n(4) }), ""},
		{"more cache writes than all", call(func(e *usagev1.TokenCall) { e.InputCacheWrite, e.CacheWrite_5M, e.CacheWrite_1H = n(8), n(5), n(4) }), "cache_write_5m and cache_write_1h are more than input_cache_write: 5 + 4 of 8"},
		{"more of one cache write than all", call(func(e *usagev1.TokenCall) { e.InputCacheWrite, e.CacheWrite_5M, e.CacheWrite_1H = n(8), n(9), n(0) }), "cache_write_5m and cache_write_1h are more than input_cache_write: 9 + 0 of 8"},
		{"all cache writes unknown", call(func(e *usagev1.TokenCall) { e.CacheWrite_5M, e.CacheWrite_1H = n(5), n(4) }), ""},
		{"one cache write unknown", call(func(e *usagev1.TokenCall) { e.InputCacheWrite, e.CacheWrite_1H = n(3), n(4) }), ""},
		{"too much audio", call(func(e *usagev1.TokenCall) { e.InputAudio, e.OutputImage, e.Weight = n(1e12+1), n(1e12), 1001 }), "input_audio is more than 1000000000000: 1000000000001\noutput_image times weight is more than 1000000000000000: 1000000000000 x 1001"},
		{"long response id", call(func(e *usagev1.TokenCall) { e.ResponseId = strings.Repeat("x", 512) }), ""},
		{"too long a response id", call(func(e *usagev1.TokenCall) { e.ResponseId = strings.Repeat("x", 513) }), `response_id is longer than 512 bytes: "` + strings.Repeat("x", 40) + `"...`},
		{"too long a client", call(func(e *usagev1.TokenCall) { e.Client = strings.Repeat("x", 257) }), `client is longer than 256 bytes: "` + strings.Repeat("x", 40) + `"...`},
		{"unknown usage", call(func(e *usagev1.TokenCall) { e.Usage, e.Split = 4, -1 }), "usage is not a known value: 4\nsplit is not a known value: -1"},
		{"too many attempts", call(func(e *usagev1.TokenCall) { e.Attempt, e.Joined = n(1e12+1), 1e12 }), "attempt is more than 1000000000000: 1000000000001"},
		{"too many reports", call(func(e *usagev1.TokenCall) { e.Attempt, e.Joined = n(1), 1e12+1 }), "joined is more than 1000000000000: 1000000000001"},
		{"query", query(), ""},
		{"derivative", &usagev1.ModelEvent{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Model: "m", Kind: 3, BaseModel: "b"}, ""},
		{"derivative of nothing", &usagev1.ModelEvent{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Model: "m", Kind: 3}, "base_model is missing on a derivative"},
		{"release", &usagev1.ModelEvent{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Model: "m", Kind: 1}, ""},
		{"point", point(), ""},
		{"infinite point", func() Event { p := point(); p.Value = math.Inf(-1); return p }(), "value is not a finite number: -Inf"},
		{"no number", func() Event { p := point(); p.Value = math.NaN(); return p }(), "value is not a finite number: NaN"},
		{"run", &usagev1.Run{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Run: "r", Kind: "load", Type: "queries", Produced: math.MaxUint64}, ""},
		{"run of another age", &usagev1.Run{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Run: "r", Kind: "load", Type: "queries", LastTimeUs: math.MaxInt64}, "last_time_us is not within the years 1900 to 2299: 9223372036854775807 (294247-01-10T04:00:54Z)"},
		{"nothing", nil, "not an event"},
		{"typed nothing", (*usagev1.Query)(nil), "not an event"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := Validate(c.event)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Fatalf("got  %s\nwant %s", got, c.want)
			}
			typ, ok := TypeOf(c.event)
			if !ok || !c.event.ProtoReflect().IsValid() {
				return
			}
			value, encodeErr := AppendEvent([]byte("before"), c.event)
			if encodeErr != nil { // Only what is not UTF-8 cannot be encoded.
				if !strings.Contains(c.want, "UTF-8") || string(value) != "before" {
					t.Fatal(encodeErr)
				}
				return
			}
			_, appendErr := NewColumns(typ).Append(bytes.TrimPrefix(value, []byte("before")), Coordinates{})
			var invalid *InvalidError
			if errors.As(appendErr, &invalid) != (err != nil) {
				t.Fatalf("appended: %v", appendErr)
			}
			if err == nil {
				return
			}
			var first *FieldError
			if !errors.As(err, &first) || invalid.Field != first.Field || invalid.Detail != strings.ReplaceAll(c.want, "\n", "; ") {
				t.Fatalf("appended: %+v", invalid)
			}
		})
	}
}

func TestValidateAllocatesNothing(t *testing.T) {
	e := goodCall()
	if n := testing.AllocsPerRun(100, func() { _ = Validate(e) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
