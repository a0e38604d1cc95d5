package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// secret stands for everything that must not get past the collector.
const secret = "hunter2-prompt-of-ada@example.com"

// otlpSpan is a span in the JSON of OTLP, whose attributes are given in pairs. It has prompts and answers, as real ones do.
func otlpSpan(trace, span, parent string, at time.Time, attributes ...any) string {
	var list []string
	for i := 0; i < len(attributes); i += 2 {
		value := fmt.Sprintf(`{"stringValue":%q}`, fmt.Sprint(attributes[i+1]))
		if n, ok := attributes[i+1].(int); ok {
			value = fmt.Sprintf(`{"intValue":"%d"}`, n)
		}
		list = append(list, fmt.Sprintf(`{"key":%q,"value":%s}`, attributes[i], value))
	}
	for _, key := range []string{"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.call.arguments", "error.message", "user.email", "user.id"} {
		list = append(list, fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, key, secret))
	}
	return fmt.Sprintf(`{"traceId":%q,"spanId":%q,"parentSpanId":%q,"name":%q,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[%s]}`,
		trace, span, parent, secret, at.UnixNano(), at.Add(time.Second).UnixNano(), strings.Join(list, ","))
}

// otlpScope is the spans of one instrumentation.
func otlpScope(name string, spans ...string) string {
	return fmt.Sprintf(`{"scope":{"name":%q,"version":"1"},"spans":[%s]}`, name, strings.Join(spans, ","))
}

// collecting starts a collector and returns it with the address of its HTTP port.
func (p pipeline) collecting(t *testing.T, keyFile string, more ...string) (*process, string) {
	t.Helper()
	child := p.start(t, append([]string{"collect", "--keys", keyFile, "--http-listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0", "--compression", "none", "--metrics-listen", "127.0.0.1:0"}, more...)...)
	address := regexp.MustCompile(`(?m)^http +(\S+)$`)
	eventually(t, "the collector is ready", func() bool {
		if child.ended() {
			t.Fatalf("the collector ended:\n%s", child.output())
		}
		return strings.Contains(child.stdout.String(), "\nready") && address.MatchString(child.stdout.String())
	})
	return child, "http://" + address.FindStringSubmatch(child.stdout.String())[1]
}

// send posts a body and expects a status.
func send(t *testing.T, address, key, body string, want int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != want {
		t.Errorf("%s: %s: %s", address, response.Status, answer.String())
	}
	if strings.Contains(answer.String(), secret) {
		t.Errorf("the answer of %s has a value: %s", address, answer.String())
	}
}

// TestCollect sends what clients and gateways report to a collector, which is killed in between: each call counts once, and no
// text of a user is anywhere.
func TestCollect(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate")
	key, keyFile := p.newKey(t)
	now := time.Now()
	trace := func(n int) string { return fmt.Sprintf("%032x", n) }
	anthropic := func(input int) []any {
		return []any{"gen_ai.operation.name", "chat", "gen_ai.provider.name", "anthropic", "gen_ai.request.model", "claude-opus-4-5", "gen_ai.response.id", fmt.Sprint("msg_", input),
			"gen_ai.usage.input_tokens", input, "gen_ai.usage.cache_read.input_tokens", 640, "gen_ai.usage.output_tokens", 300, "gen_ai.usage.reasoning.output_tokens", 200}
	}
	agent := func(operation string, input int) []any {
		return []any{"gen_ai.operation.name", operation, "gen_ai.request.model", "gpt-5.2", "gen_ai.usage.input_tokens", input, "gen_ai.usage.output_tokens", 10}
	}
	const spans, lines, records = "/v1/traces", "/v1/events", "/v1/gateways"
	requests := []struct{ path, body string }{
		// The SDK and an instrumentation of it, in two traces and two requests.
		{spans, `{"resourceSpans":[{"scopeSpans":[` + otlpScope("opentelemetry.instrumentation.genai.anthropic", otlpSpan(trace(1), "0000000000000001", "", now, anthropic(1128)...)) + `]}]}`},
		{spans, `{"resourceSpans":[{"scopeSpans":[` + otlpScope("com.anthropic.sdk.python", otlpSpan(trace(2), "0000000000000002", "", now, anthropic(1128)...)) + `]}]}`},
		// An agent with a tool and two calls.
		{spans, `{"resourceSpans":[{"scopeSpans":[` + otlpScope("my.agents", otlpSpan(trace(3), "0000000000000001", "", now, agent("invoke_agent", 300)...),
			otlpSpan(trace(3), "0000000000000002", "0000000000000001", now, agent("chat", 100)...), otlpSpan(trace(3), "0000000000000003", "0000000000000001", now, "gen_ai.operation.name", "execute_tool"),
			otlpSpan(trace(3), "0000000000000004", "0000000000000001", now.Add(time.Second), agent("chat", 200)...)) + `]}]}`},
		{lines, fmt.Sprintf(`{"type":"token_call","source":"shell","id":"1","time":%q,"product":"chat","model":"m","input_uncached":7,"output_visible":3}`, now.UTC().Format(time.RFC3339Nano))},
		{records, fmt.Sprintf(`[{"id":"chatcmpl-1","litellm_call_id":"1","call_type":"acompletion","status":"success","startTime":%d.5,"endTime":%d.75,"model":"gpt-5.2","custom_llm_provider":"openai","messages":%q,"metadata":{"usage_object":{"prompt_tokens":50,"completion_tokens":5,"total_tokens":55}}}]`, now.Unix()-1, now.Unix()-1, secret)},
	}
	for round := range 3 { // The second collector knows nothing of the first.
		collector, address := p.collecting(t, keyFile)
		send(t, address+spans, "tdm_nobody_knows", requests[0].body, http.StatusUnauthorized)
		for _, r := range requests {
			send(t, address+r.path, key, r.body, http.StatusOK)
		}
		send(t, address+lines, key, fmt.Sprintf(`{"type":"token_call","source":"shell","id":"2","time":%q,"model":"m","status":"ok","weight":%q}`, now.UTC().Format(time.RFC3339Nano), secret), http.StatusBadRequest)
		_, metrics := get(t, operations(t, collector)+"/metrics")
		for _, text := range []string{secret, key} {
			if strings.Contains(collector.output(), text) || strings.Contains(metrics, text) {
				t.Errorf("the collector's output or its metrics have %q", text)
			}
		}
		if !strings.Contains(metrics, `reason="weight is not a number"`) {
			t.Errorf("the metrics do not tell why an item was rejected:\n%s", metrics)
		}
		if round < 2 {
			collector.kill()
		} else if code := collector.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	p.settle(t)
	p.auditOK(t)
	if got := p.query(t, "SELECT count(), sum(calls), sum(input_tokens), sum(output_tokens), countIf(joined > 0), uniqExact(tenant) FROM (SELECT *, 1 AS calls FROM token_calls)"); got != "5,5,1485,328,1,1" {
		t.Errorf("calls, input, output, joined, tenants: %s", got)
	}
	if text := p.sql(t, "SELECT * FROM token_calls_raw FORMAT JSONEachRow"); strings.Contains(text, secret) || !strings.Contains(text, "msg_1128") {
		t.Errorf("the rows: %.2000s", text)
	}
	if text := p.sql(t, "SELECT * FROM runs_raw FORMAT JSONEachRow"); strings.Contains(text, secret) || !strings.Contains(text, "weight is not a number") {
		t.Errorf("what was received: %.2000s", text)
	}
	err := filepath.WalkDir(runDir(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".log") {
			return nil //nolint:nilerr // Files come and go beside the test.
		}
		if content, err := os.ReadFile(path); err == nil && bytes.Contains(content, []byte(secret)) {
			t.Errorf("%s has a text of a user", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
