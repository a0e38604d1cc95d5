package agents

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"tidemark/producers/calls"
	"tidemark/producers/formats/jsonpath"
	usagev1 "tidemark/schemas/usage/v1"
)

type reader interface {
	Read(o jsonpath.Object, b *calls.Batch)
}

// read returns what lines say, in words.
func read(t *testing.T, from reader, lines ...string) string {
	t.Helper()
	var b calls.Batch
	for _, line := range lines {
		var o jsonpath.Object
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		from.Read(o, &b)
	}
	of := func(c calls.Count) string {
		if !c.Known {
			return "-"
		}
		return fmt.Sprint(c.N)
	}
	var all []string
	for _, r := range b.Reports {
		all = append(all, strings.Join([]string{r.Client, r.Version, r.Product, r.Provider, r.Served, r.ResponseID + "," + r.ReporterID, of(r.Input), of(r.Read), of(r.Write), of(r.Write5m),
			of(r.Write1h), of(r.Output), of(r.Reasoning), of(r.Total), r.Tier}, " ")+map[bool]string{true: " ~"}[r.Difference])
	}
	for _, bad := range b.Rejected {
		all = append(all, bad.Field+" "+bad.Reason)
	}
	for _, reason := range slices.Sorted(maps.Keys(b.Skipped)) {
		all = append(all, fmt.Sprintf("%d: %s", b.Skipped[reason], reason))
	}
	return strings.Join(all, "; ")
}

func TestClaudeCode(t *testing.T) {
	line := func(usage string) string {
		return `{"type":"assistant","uuid":"u","version":"2.1.9","timestamp":"2026-03-01T10:00:00Z","requestId":"req_1","message":{"id":"msg_1","model":"m","usage":` + usage + `}}`
	}
	for _, test := range []struct{ name, line, want string }{
		{
			"all counts", line(`{"input_tokens":10,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":60,"ephemeral_1h_input_tokens":40},"output_tokens":30,"output_tokens_details":{"thinking_tokens":20},"service_tier":"standard"}`),
			"claude_code 2.1.9 claude-code anthropic m msg_1,req_1 10 1000 100 60 40 30 20 - standard",
		},
		{"no cache", line(`{"input_tokens":10,"output_tokens":30}`), "claude_code 2.1.9 claude-code anthropic m msg_1,req_1 10 - - - - 30 - - "},
		{"without ids", strings.NewReplacer(`"id":"msg_1",`, "", `"requestId":"req_1",`, "").Replace(line(`{"output_tokens":30}`)), "claude_code 2.1.9 claude-code anthropic m ,u - - - - - 30 - - "},
		{
			"an adviser", line(`{"input_tokens":10,"output_tokens":30,"iterations":[{"type":"message","input_tokens":10,"output_tokens":30},{"type":"advisor_message","model":"a","input_tokens":5,"output_tokens":7}]}`),
			"claude_code 2.1.9 claude-code anthropic m msg_1,req_1 10 - - - - 30 - - ; claude_code 2.1.9 claude-code anthropic a msg_1/a, 5 - - - - 7 - - ",
		},
		{"no counts", line(`{"service_tier":"standard"}`), "1: " + skipNoUsage},
		{"null", line(`null`), "1: " + skipNoUsage},
		{"a fraction", line(`{"input_tokens":1.5}`), "message.usage.input_tokens is not a whole number from 0 to 1e12"},
		{"too many", line(`{"output_tokens":1000000000001}`), "message.usage.output_tokens is not a whole number from 0 to 1e12"},
		{"an object", line(`{"output_tokens":{}}`), "message.usage.output_tokens is an object and not a text or a number"},
		{"no time", strings.Replace(line(`{"output_tokens":3}`), "timestamp", "at", 1), "timestamp is missing"},
		{"a message that is a text", `{"type":"assistant","message":"hello"}`, "1: " + skipNoUsage},
		{"another line", `{"type":"system"}`, "1: " + skipOther},
	} {
		if got := read(t, ClaudeCode{}, test.line); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

func TestCodex(t *testing.T) {
	meta := func(id, from string) string {
		return fmt.Sprintf(`{"type":"session_meta","payload":{"id":%q,"forked_from_id":%q,"cli_version":"1","model_provider":"openai"}}`, id, from)
	}
	const count = `{"type":"event_msg","timestamp":"2026-03-01T10:00:00Z","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":9,"cached_input_tokens":4,"output_tokens":3,"reasoning_output_tokens":1},` +
		`"last_token_usage":{"input_tokens":5,"cached_input_tokens":4,"cache_write_input_tokens":1,"output_tokens":3,"reasoning_output_tokens":1,"total_tokens":8}}}}`
	call := func(session string) string {
		return "codex 1 codex openai m ," + session + "/9-4-3-1 5 4 1 - - 3 1 8 ; "
	}
	sum := func(input, cached, output int) string {
		return fmt.Sprintf(`{"type":"event_msg","timestamp":"2026-03-01T10:00:00Z","payload":{"type":"token_count","info":{"total_token_usage":{"input_tokens":%d,"cached_input_tokens":%d,"output_tokens":%d}}}}`, input, cached, output)
	}
	const context = `{"type":"turn_context","payload":{"model":"m"}}`
	others := func(n int) string { return fmt.Sprintf("%d: %s", n, skipOther) }
	for _, test := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"a session", []string{meta("a", ""), context, count}, call("a") + others(2)},
		{"a fork", []string{meta("b", "a"), meta("a", ""), context, count}, call("a") + others(3)},
		{"a fork of a fork", []string{meta("c", "b"), meta("b", "a"), meta("a", ""), context, count}, call("a") + others(4)},
		{"a copy that does not say so", []string{meta("b", ""), meta("a", ""), context, count}, call("a") + others(3)},
		{"back in its own session", []string{meta("b", "a"), meta("a", ""), meta("b", "a"), context, count}, call("a") + others(4)},
		{"sessions that name each other", []string{meta("b", "a"), meta("a", "b"), context, count}, call("b") + others(3)},
		{"no session", []string{count}, "payload.info belongs to no session: the line session_meta at the beginning of the file is missing"},
		{"an estimate", []string{meta("a", ""), strings.Replace(count, `"input_tokens":5,"cached_input_tokens":4,"cache_write_input_tokens":1,"output_tokens":3`, `"output_tokens":0`, 1)}, others(1) + "; 1: " + skipEstimate},
		{
			"sums only", []string{meta("a", ""), context, sum(9, 4, 3), sum(9, 4, 3), sum(29, 4, 5), sum(29, 4, 5)},
			"codex 1 codex openai m ,a/9-4-3- 9 4 - - - 3 - -  ~; codex 1 codex openai m ,a/29-4-5- 20 0 - - - 2 - -  ~; " + others(2) + "; 2: " + skipUnchanged,
		},
		{
			"sums that begin anew", []string{meta("a", ""), context, sum(9, 4, 3), sum(5, 0, 2), sum(9, 4, 3), sum(10, 4, 1)},
			"codex 1 codex openai m ,a/9-4-3- 9 4 - - - 3 - -  ~; codex 1 codex openai m ,a/5-0-2-/1 5 0 - - - 2 - -  ~; codex 1 codex openai m ,a/9-4-3-/1 4 4 - - - 1 - -  ~; " +
				"codex 1 codex openai m ,a/10-4-1-/2 10 4 - - - 1 - -  ~; " + others(2),
		},
		{"a sum after a call of its own", []string{meta("a", ""), context, count, sum(19, 3, 4)}, call("a") + "codex 1 codex openai m ,a/19-3-4- 10 - - - - 1 - -  ~; " + others(2)},
		{"a sum that is none", []string{meta("a", ""), strings.Replace(sum(9, 4, 3), `:9`, `:-9`, 1)}, "payload.info.total_token_usage.input_tokens is not a whole number from 0 to 1e12; " + others(1)},
		{"no usage", []string{`{"type":"event_msg","payload":{"type":"token_count","info":null}}`}, "1: " + skipNoUsage},
		{"a negative count", []string{meta("a", ""), strings.Replace(count, `"input_tokens":5`, `"input_tokens":-5`, 1)}, "payload.info.last_token_usage.input_tokens is not a whole number from 0 to 1e12; " + others(1)},
	} {
		if got := read(t, NewCodex(), test.lines...); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

// TestSplitOfDifference checks that what came to a sum is not said to be exact.
func TestSplitOfDifference(t *testing.T) {
	for difference, want := range map[bool]usagev1.UsageSplit{false: usagev1.UsageSplit_USAGE_SPLIT_EXACT, true: usagev1.UsageSplit_USAGE_SPLIT_UPPER_BOUND} {
		r, _ := codex.report(jsonpath.Object{"timestamp": json.RawMessage(`"2026-03-01T10:00:00Z"`)})
		r.Input, r.Read, r.Output, r.Reasoning, r.Difference = calls.Of(9), calls.Of(4), calls.Of(3), calls.Of(1), difference
		if got := calls.Event(calls.Origin{}, r, nil).Split; got != want {
			t.Errorf("the split is %s, want %s", got, want)
		}
	}
}

func TestChats(t *testing.T) {
	for _, test := range []struct {
		name string
		from reader
		line string
		want string
	}{
		{"counts of a session", NewGeminiCLI(), `{"sessionId":"s","messages":[{"id":"1","timestamp":"2026-03-01T10:00:00Z","type":"gemini","model":"m","tokens":{"input":10,"output":2,"cached":4,"thoughts":3,"tool":5,"total":20}}]}`,
			"gemini_cli  gemini-cli gcp.gemini m ,s/1 15 4 - - - 2 3 20 "},
		{"an update of the whole", NewGeminiCLI(), `{"$set":{"sessionId":"s","messages":[{"id":"1","timestamp":"2026-03-01T10:00:00Z","type":"gemini","model":"m","tokens":{"input":10}}]}}`,
			"gemini_cli  gemini-cli gcp.gemini m ,s/1 10 - - - - - - - "},
		{"usage as in the API", NewQwenCode(), `{"uuid":"00000000-0000-0000-0000-000000000000","sessionId":"s","timestamp":"2026-03-01T10:00:00Z","version":"1","type":"assistant","model":"m","usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15}}`,
			"qwen-code 1 qwen-code alibaba_cloud m ,00000000-0000-0000-0000-000000000000 10 - - - - 5 - 15 "},
		{"messages that are none", NewGeminiCLI(), `{"messages":[7,null]}`, "messages has an element that is not an object; 1: " + skipOther},
		{"messages that are an object", NewGeminiCLI(), `{"messages":{}}`, "messages is not an array"},
		{"no id", NewGeminiCLI(), `{"timestamp":"2026-03-01T10:00:00Z","tokens":{"input":10}}`, "id is missing: it tells the message from others"},
		{"no counts", NewGeminiCLI(), `{"id":"1","timestamp":"2026-03-01T10:00:00Z","tokens":{"input":0,"output":0}}`, "1: " + skipNoUsage},
	} {
		if got := read(t, test.from, test.line); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

func TestKind(t *testing.T) {
	for line, want := range map[string]string{
		`{"type":"session_meta","payload":{"id":"1"}}`:                       "codex",
		`{"type":"session_meta"}`:                                            "",
		`{"type":"assistant","message":{"usage":{"output_tokens":1}}}`:       "claude-code",
		`{"type":"assistant","message":{"role":"assistant"}}`:                "",
		`{"type":"assistant","usageMetadata":{},"message":{"role":"model"}}`: "qwen-code",
		`{"type":"gemini","tokens":{}}`:                                      "gemini-cli",
		`{"sessionId":"1","messages":[{"type":"user"},{"type":"gemini"}]}`:   "gemini-cli",
		`{"sessionId":"1","messages":[{"type":"user"},{"type":"qwen"}]}`:     "qwen-code",
		`{"type":"user","message":{"role":"user"}}`:                          "",
		`{"messages":"many"}`:                                                "",
	} {
		var o jsonpath.Object
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		if got := Kind(o); got != want {
			t.Errorf("%s is of %q, want %q", line, got, want)
		}
	}
}
