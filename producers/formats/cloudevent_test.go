package formats

import (
	"encoding/json"
	"errors"
	"testing"

	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/jsonpath"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestTenantEvents makes events of one tenant from single objects.
func TestTenantEvents(t *testing.T) {
	c := NewTenantEvents("acme", "api", fields.KeyedUsers([]byte("0123456789abcdef")))
	call := func(text string, flat bool) (schemas.Event, error) {
		t.Helper()
		var object jsonpath.Object
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		if flat {
			return c.Flat(object)
		}
		return c.Event(object)
	}
	good := map[string]bool{
		`{"type":"token_call","source":"s","id":"1","time":"2026-11-28T10:00:00Z","time_us":null,"model":"m","usage":{"input_tokens":7,"output_tokens":1,"of_the_provider":1}}`:                         true,
		`{"type":"token_call","source":"s","id":"1","time":"2026-11-28T10:00:00Z","model":"m","gen_ai.usage.input_tokens":7,"gen_ai":{"usage":{"output_tokens":1}},"user":"u","weight":1,"cost_usd":1}`: true,
		`{"type":"token_call","source":"s","id":"1","time":"2026-11-28T10:00:00Z","requested_model":"m","input_total":9,"input_cache_read":2,"joined":0,"may_be_double":false}`:                         true,
		`{"type":"token_call","source":"s","id":"1","time":"2026-11-28T10:00:00Z","model":"m","status":"ok","input_uncached":7}`:                                                                        true,
		`{"type":"token_calls","source":"s","id":"1","time_us":1795860000000000,"model":"m","status":"ok","input_uncached":"7"}`:                                                                        true,
		`{"type":"token_call","source":"s","id":"1","time_us":"1795860000000000","tenant":"acme","model":"m","status":"ok","input_uncached":7}`:                                                         true,
		`{"specversion":"1.0","type":"x.token_call.v1","source":"s","id":"1","time":"2026-11-28T10:00:00Z","subject":"other","data":{"model":"m","input_uncached":7}}`:                                  false,
	}
	for text, flat := range good {
		e, err := call(text, flat)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, ok := e.(*usagev1.TokenCall)
		if !ok || got.Tenant != "acme" || got.Product != "api" || got.Model != "m" || got.GetInputUncached() != 7 || got.GetTimeUs() != 1795860000000000 {
			t.Errorf("%s: %v", text, e)
		}
	}
	for text, field := range map[string]string{
		`{"source":"s","id":"1","time_us":1}`:                                                             "type",
		`{"type":"run","source":"s","id":"1","time_us":1}`:                                                "type",
		`{"type":"query","id":"1","time_us":1}`:                                                           "source",
		`{"type":"query","source":"s","time_us":1}`:                                                       "id",
		`{"type":"query","source":"s","id":"1"}`:                                                          "time",
		`{"type":"query","source":"s","id":"1","time_us":1.5}`:                                            "time_us",
		`{"type":"query","source":"s","id":"1","time_us":1,"tenant":"other"}`:                             "tenant",
		`{"type":"query","source":"s","id":"1","time_us":1,"weight":"many"}`:                              "weight",
		`{"type":"token_call","source":"s","id":"1","time_us":1,"model":"m","status":"ok","requests":-1}`: "requests",
		`{"type":"token_call","source":"s","id":"1","time_us":1,"model":"m","input_uncachd":7,"z":1}`:     "input_uncachd",
		`{"type":"token_call","source":"s","id":"1","time_us":1,"model":"m","run":"r"}`:                   "run",
		`{"type":"query","source":"s","id":"1","time_us":1,"input_uncached":7}`:                           "input_uncached",
		`{"type":"query","source":"s","id":"1","time_us":1,"usage":{"input_tokens":7}}`:                   "usage",
	} {
		_, err := call(text, true)
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Field != field || refused.Problem == "" {
			t.Errorf("%s: %v, want a refusal of %s", text, err, field)
		}
	}
	for _, text := range []string{
		`{"specversion":"1.0","type":"query","source":"s","id":"1","time":"2026-11-28T10:00:00Z","tenant":"other"}`,
		`{"specversion":"1.0","type":"query","source":"s","id":"1","time":"2026-11-28T10:00:00Z","data":{"tenant":"other"}}`,
	} {
		_, err := call(text, false)
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Field != fields.Tenant {
			t.Errorf("%s: %v, want a refusal of the tenant", text, err)
		}
	}
	if _, err := call(`{"type":"query","source":"s","id":"1","time_us":1,"weight":0}`, true); !errors.Is(err, fields.ErrNothing) {
		t.Errorf("weight 0: %v", err)
	}
}
