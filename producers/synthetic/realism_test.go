package synthetic_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestRealism checks the shape that dashboards are to show.
func TestRealism(t *testing.T) {
	o := synthetic.Options{Seed: 4, Events: 60_000, Start: monday, Span: 7 * 24 * time.Hour}
	var calls, failed, failedWithOutput, streams, unknown, cacheReads, sampled, first float64
	tenants, models, countries := map[string]float64{}, map[string]float64{}, map[string]float64{}
	users := map[uint64]string{}
	byHour := map[int]float64{}
	sunday, monday := 0.0, 0.0
	generate(t, o, func(item *producers.Item) {
		if item.Type != schemas.TokenCallType {
			return
		}
		var e usagev1.TokenCall
		if err := proto.Unmarshal(item.Value, &e); err != nil {
			t.Fatal(err)
		}
		calls++
		tenants[e.GetTenant()]++
		models[e.GetProvider()+" "+e.GetModel()]++
		countries[e.GetCountry()]++
		if country, ok := users[e.GetUser()]; ok && country != e.GetCountry() || e.GetUser() == 0 {
			t.Fatalf("user %x is in %q and in %q", e.GetUser(), country, e.GetCountry())
		}
		users[e.GetUser()] = e.GetCountry()
		at := time.UnixMicro(e.GetTimeUs()).UTC()
		byHour[at.Hour()]++
		switch at.Weekday() {
		case time.Sunday:
			sunday++
		case time.Monday:
			monday++
		default:
		}
		if e.GetStatus() == usagev1.Status_STATUS_ERROR {
			failed++
			if e.OutputVisible != nil || e.OutputReasoning != nil || e.GetErrorType() == "" {
				failedWithOutput++
			}
		} else if e.GetErrorType() != "" {
			failedWithOutput++
		}
		if e.GetStreaming() {
			streams++
		}
		if e.FirstTokenUs != nil {
			first++
			if e.GetFirstTokenUs() > e.GetLatencyUs() {
				t.Fatalf("the first token comes after the last: %v", &e)
			}
		}
		if e.InputUncached == nil || e.OutputVisible == nil {
			unknown++
		}
		if e.GetInputCacheRead() > 0 {
			cacheReads++
		}
		if e.GetWeight() > 1 {
			sampled++
		}
	})
	share := func(name string, got, low, high float64) {
		t.Helper()
		if got < low || got > high {
			t.Errorf("%s: %.4f, want %.3f to %.3f", name, got, low, high)
		}
	}
	most := func(m map[string]float64) (top float64) {
		for _, n := range m {
			top = max(top, n)
		}
		return top / calls
	}
	share("token calls", calls/float64(o.Events), 0.60, 0.72)
	share("the busiest tenant", most(tenants), 0.10, 0.40)
	share("tenants", float64(len(tenants)), 150, 200)
	share("the most used model", most(models), 0.08, 0.5)
	share("models", float64(len(models)), 15, 40)
	share("countries", float64(len(countries)), 25, 60)
	share("users", float64(len(users)), 2000, 60_000)
	share("failures", failed/calls, 0.015, 0.035)
	share("failures with output, or errors without failure", failedWithOutput, 0, 0)
	share("streaming", streams/calls, 0.35, 0.75)
	share("first tokens of streams", first/streams, 0.9, 1)
	share("calls with unknown tokens", unknown/calls, 0.02, 0.08)
	share("calls that read a cache", cacheReads/calls, 0.2, 0.9)
	share("sampled calls", sampled/calls, 0, 0.4)
	share("night against day", byHour[5]/byHour[15], 0.3, 0.6)
	share("Sunday against Monday", sunday/monday, 0.5, 0.8)
}

// TestGivenMix gives tenants and models of its own to the workload.
func TestGivenMix(t *testing.T) {
	o := synthetic.Options{
		Seed: 3, Events: 20_000, Start: monday, Span: time.Hour, Profile: synthetic.TokenCalls, TenantPrefix: "acme/",
		TenantShares: []float64{70, 20, 10}, Models: []synthetic.ModelShare{{"big", "here", 75}, {"small", "there", 25}},
	}
	tenants, models := map[string]int{}, map[string]int{}
	generate(t, o, func(item *producers.Item) {
		var call usagev1.TokenCall
		if err := proto.Unmarshal(item.Value, &call); err != nil {
			t.Fatal(err)
		}
		tenants[call.GetTenant()]++
		models[call.GetProvider()+" "+call.GetModel()]++
	})
	if len(tenants) != 3 || len(models) != 2 || models["here big"] == 0 || models["there small"] == 0 {
		t.Fatalf("made calls of %v with %v", tenants, models)
	}
	most := 0
	for name, n := range tenants {
		if !strings.HasPrefix(name, "acme/") {
			t.Errorf("tenant %s lacks the prefix", name)
		}
		most = max(most, n)
	}
	if share := float64(most) / 20_000; share < 0.6 || share > 0.8 {
		t.Errorf("the busiest tenant has %.2f of the calls, want about 0.7", share)
	}
	bad := o
	bad.TenantShares, bad.Models = []float64{1, -1}, []synthetic.ModelShare{{"", "x", 1}}
	if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "tenant shares") || !strings.Contains(err.Error(), "models") {
		t.Errorf("bad shares: %v", err)
	}
}
