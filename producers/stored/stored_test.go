package stored_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	"tidemark/producers/stored"
)

// read returns what an object says, in words.
func read(t *testing.T, from interface {
	Read(o jsonpath.Object, b *calls.Batch)
}, text string) string {
	t.Helper()
	var o jsonpath.Object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	var b calls.Batch
	from.Read(o, &b)
	switch {
	case len(b.Rejected) == 1:
		return b.Rejected[0].Field + " " + b.Rejected[0].Reason
	case len(b.Reports) == 1:
		r := b.Reports[0]
		return fmt.Sprint(time.UnixMicro(r.Start).UTC().Format(time.RFC3339), " ", r.Provider, " ", r.ResponseID, " ", r.Served, " ", r.User, " ", r.Failed, " ", r.ErrorType, " ", r.Input.N, " ", r.Read.N, " ", r.Write.N, " ",
			r.Write5m.N, " ", r.Write1h.N, " ", r.Output.N, " ", r.Reasoning.N)
	}
	return fmt.Sprint(b.Skipped)
}

func TestOpenAI(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}`
	const none = "map[" + stored.SkipNoUsage + ":1]"
	for _, test := range []struct{ name, text, want string }{
		{"a chat completion", `{"id":"c","created":1772352300,"model":"m",` + usage + `}`, "2026-03-01T08:05:00Z openai c m  false  10 4 0 0 0 5 2"},
		{"wrapped, with a time beside it", `{"response":{"id":"c","model":"m",` + usage + `},"timestamp":"2026-03-01T08:05:00Z"}`, "2026-03-01T08:05:00Z openai c m  false  10 4 0 0 0 5 2"},
		{"a response that failed", `{"id":"r","created_at":1772352300,"model":"m","status":"failed","error":{"code":"server_error"},"user":"u","usage":{"input_tokens":10,"output_tokens":5}}`,
			"2026-03-01T08:05:00Z openai r m u true server_error 10 0 0 0 0 5 0"},
		{"no usage", `{"id":"c","created":1772352300,"usage":null}`, none},
		{"usage of another kind", `{"id":"c","created":1772352300,"usage":{"seconds":3}}`, none},
		{"no id", `{"created":1772352300,` + usage + `}`, "id is missing: it tells the answer from others"},
		{"no time", `{"id":"c",` + usage + `}`, "created is missing"},
		{"milliseconds", `{"id":"c","created":1772352300000,` + usage + `}`, "created is not of the years 2000 to 2286: is it in another unit?"},
		{"a count that is none", `{"id":"c","created":1772352300,"usage":{"prompt_tokens":"many"}}`, "usage has no number at prompt_tokens"},
	} {
		if got := read(t, stored.OpenAI{}, test.text); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestAnthropic(t *testing.T) {
	const message = `{"id":"m","model":"c","usage":{"input_tokens":10,"cache_read_input_tokens":4,"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":1},"output_tokens":5}}`
	const want = "2026-03-01T08:05:00Z anthropic m c  false  10 4 3 2 1 5 0"
	const noTime = `timestamp is missing, and a message of Anthropic has no time: wrap it as {"response": {...}, "timestamp": "2026-11-28T10:00:00Z"}`
	for _, test := range []struct{ name, text, want string }{
		{"wrapped", `{"response":` + message + `,"timestamp":"2026-03-01T08:05:00Z"}`, want},
		{"with a number for the time", `{"response":` + message + `,"created_at":1772352300}`, want},
		{"beside its fields", message[:len(message)-1] + `,"timestamp":"2026-03-01T09:05:00+01:00"}`, want},
		{"of a batch", `{"custom_id":"x","result":{"type":"succeeded","message":` + message + `},"timestamp":1772352300}`, want},
		{"no time", message, noTime},
		{"a time that is none", `{"response":` + message + `,"timestamp":"soon"}`, "timestamp is no time"},
		{"no usage", `{"id":"m"}`, "map[" + stored.SkipNoUsage + ":1]"},
		{"no id", `{"timestamp":1772352300,"usage":{"output_tokens":5}}`, "id is missing: it tells the message from others"},
		{"a count that is none", `{"timestamp":1772352300,"usage":{"output_tokens":"many"}}`, "usage.output_tokens is not a whole number from 0 to 1e12"},
	} {
		if got := read(t, stored.Anthropic{}, test.text); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
