package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// provider answers as OpenAI and Anthropic do, with the counts of two calls: the first, and one that answers a tool's result.
type provider struct {
	server *httptest.Server
	calls  atomic.Int64
}

// The usage objects of the providers, by the number of the call in a loop of tools.
var (
	openaiUsage = [2]string{
		`{"prompt_tokens":1000,"completion_tokens":300,"total_tokens":1300,"prompt_tokens_details":{"cached_tokens":640,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":200,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`,
		`{"prompt_tokens":1100,"completion_tokens":40,"total_tokens":1140,"prompt_tokens_details":{"cached_tokens":960,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":16,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`,
	}
	anthropicInput = [2]string{
		`"input_tokens":360,"cache_read_input_tokens":640,"cache_creation_input_tokens":128,"cache_creation":{"ephemeral_5m_input_tokens":96,"ephemeral_1h_input_tokens":32},"service_tier":"standard"`,
		`"input_tokens":44,"cache_read_input_tokens":1128,"cache_creation_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"service_tier":"standard"`,
	}
	anthropicOutput = [2]string{
		`"output_tokens":300,"output_tokens_details":{"thinking_tokens":200}`,
		`"output_tokens":40,"output_tokens_details":{"thinking_tokens":16}`,
	}
)

// asked is what a request to a provider says.
type asked struct {
	Model         string            `json:"model"`
	Stream        bool              `json:"stream"`
	StreamOptions map[string]bool   `json:"stream_options"`
	Tools         []json.RawMessage `json:"tools"`
	Messages      []json.RawMessage `json:"messages"`
}

// turn is 1 for a request that has a tool's result, and wantsTool says whether the answer is to call the tool.
func (a asked) turn() (turn int, wantsTool bool) {
	for _, m := range a.Messages {
		if text := string(m); strings.Contains(text, `"tool_call_id"`) || strings.Contains(text, `"tool_use_id"`) {
			return 1, false
		}
	}
	return 0, len(a.Tools) > 0
}

// newProvider starts a provider on loopback.
func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", p.handler(t, p.chat))
	mux.HandleFunc("POST /v1/messages", p.handler(t, p.messages))
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

// handler answers with a body, or with the events of a stream.
func (p *provider) handler(t *testing.T, answer func(a asked, n int64) []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var a asked
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Errorf("a client sent the provider what is no JSON: %v", err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		parts := answer(a, p.calls.Add(1))
		w.Header().Set("Content-Type", "application/json")
		if a.Stream {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		for _, part := range parts {
			fmt.Fprint(w, part)
			if flusher, ok := w.(http.Flusher); ok {
				flusher.Flush()
			}
		}
	}
}

// chat is an answer of the Chat Completions API.
func (p *provider) chat(a asked, n int64) []string {
	turn, wantsTool := a.turn()
	object := func(kind, choice, usage string) string {
		return fmt.Sprintf(`{"id":"chatcmpl-t%06d","object":%q,"created":1772359200,"model":%q,"service_tier":"default","choices":[%s],"usage":%s}`, n, kind, a.Model+"-2026-01-01", choice, usage)
	}
	message, finish := `"role":"assistant","content":"Hello"`, "stop"
	if wantsTool {
		message, finish = `"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}}]`, "tool_calls"
	}
	if !a.Stream {
		return []string{object("chat.completion", fmt.Sprintf(`{"index":0,"message":{%s},"finish_reason":%q}`, message, finish), openaiUsage[turn])}
	}
	const chunk = "chat.completion.chunk"
	events := []string{
		object(chunk, `{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}`, "null"),
		object(chunk, `{"index":0,"delta":{"content":"lo"},"finish_reason":null}`, "null"),
		object(chunk, `{"index":0,"delta":{},"finish_reason":"stop"}`, "null"),
	}
	if a.StreamOptions["include_usage"] {
		events = append(events, object(chunk, "", openaiUsage[turn]))
	}
	for i := range events {
		events[i] = "data: " + events[i] + "\n\n"
	}
	return append(events, "data: [DONE]\n\n")
}

// messages is an answer of the Messages API.
func (p *provider) messages(a asked, n int64) []string {
	turn, wantsTool := a.turn()
	object := func(content, stop, output string) string {
		return fmt.Sprintf(`{"id":"msg_t%06d","type":"message","role":"assistant","model":%q,"content":[%s],"stop_reason":%s,"stop_sequence":null,"usage":{%s,%s}}`, n, a.Model+"-20260101", content, stop, anthropicInput[turn], output)
	}
	switch {
	case wantsTool && !a.Stream:
		return []string{object(`{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Paris"}}`, `"tool_use"`, anthropicOutput[turn])}
	case !a.Stream:
		return []string{object(`{"type":"text","text":"Hello"}`, `"end_turn"`, anthropicOutput[turn])}
	}
	var events []string
	event := func(kind, text string) {
		events = append(events, fmt.Sprintf("event: %s\ndata: {\"type\":%q%s}\n\n", kind, kind, text))
	}
	event("message_start", `,"message":`+object("", "null", `"output_tokens":3`))
	event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`)
	event("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"Hello"}`)
	event("content_block_stop", `,"index":0`)
	event("message_delta", fmt.Sprintf(`,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{%s}`, anthropicOutput[turn]))
	event("message_stop", "")
	return events
}
