package replay

import (
	"slices"
	"strings"
	"testing"

	"tidemark/producers/formats/fields"
	usagev1 "tidemark/schemas/usage/v1"
)

// statuses are the names of the statuses of calls.
const statuses = "cancelled, error, ok" //nolint:misspell // The wire contract has it.

// TestLenient sets malformed values: those of what may be absent are put right or unknown and counted, the others refused.
func TestLenient(t *testing.T) {
	f := func(values, want string, refused string, unread ...string) {
		t.Helper()
		var l fields.Lenient
		e := &usagev1.TokenCall{Source: "s", Id: "i", TimeUs: new(int64(1)), Tenant: "t", Product: "p", Model: "m", Status: usagev1.Status_STATUS_OK}
		m := e.ProtoReflect()
		problem := ""
		for pair := range strings.SplitSeq(values, ";") {
			name, text, _ := strings.Cut(pair, "=")
			if problem == "" {
				problem = l.Set(m, m.Descriptor().Fields().ByTextName(name), text, 0)
			}
		}
		if bad := l.Settle(e); bad != nil && problem == "" {
			problem = bad.Error()
		}
		if problem != refused {
			t.Errorf("%s: refused %q, want %q", values, problem, refused)
		}
		if got := strings.TrimPrefix(showAll(e), "token_calls source=s id=i time_us=1970-01-01T00:00:00.000001Z tenant=t product=p "); problem == "" && got != want {
			t.Errorf("%s: got %s, want %s", values, got, want)
		}
		var got []string
		for _, u := range l.Noted {
			got = append(got, u.Field+" "+u.Reason+" "+u.Example)
		}
		if !slices.Equal(got, unread) {
			t.Errorf("%s: noted %q, want %q", values, got, unread)
		}
	}
	f("country=us;reported_cost_nanos=5;cost_currency=usd", "country=US model=m status=1 reported_cost_nanos=5 cost_currency=USD", "")
	f("country=Germany", "model=m status=1", "", `country is not 2 upper-case letters "Germany"`)
	f("reported_cost_nanos=5", "model=m status=1", "", "reported_cost_nanos has no currency ")
	f("reported_cost_nanos=-1e-3", "model=m status=1", "", "reported_cost_nanos has no currency ")
	f("reported_cost_nanos=5;cost_currency=dollars", "model=m status=1", "", `cost_currency is not 3 upper-case letters "dollars"`, "reported_cost_nanos has no currency ")
	f("reported_cost_nanos=$5;cost_currency=USD", "model=m status=1 cost_currency=USD", "", `reported_cost_nanos is not a number "$5"`)
	f("latency_us=-3;first_token_us=1e16", "model=m status=1", "", `latency_us is negative "-3"`, `first_token_us is more than 1000000000000 10000000000000000`)
	f("status=fine;segment=x;streaming=maybe", "model=m status=1", "", `status is not one of `+statuses+` "fine"`,
		`segment is not one of consumer, developer, enterprise, government "x"`, `streaming is neither true nor false "maybe"`)
	f("model="+strings.Repeat("m", 600), "model=unknown status=1", "", `model is longer than 256 bytes "`+strings.Repeat("m", 40)+`"...`)
	f("input_uncached=-1", "", `"-1" is negative`)
	f("output_reasoning=1.5", "", `"1.5" is not a whole number`)
	f("weight=x", "", `"x" is not a number`)
	f("requests=x", "", `"x" is not a number`)
	f("tenant=caf\xe9", "", `"caf\xe9" is not UTF-8: convert the file`)
	f("tenant=a\x01", "", `tenant has a control character: "a\x01"`)
}
