package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// tried is how often a sender sends a request before it gives up.
const tried = 400

// deliver sends a body until it is answered with 200, as exporters do, at most so many times. It returns whether it was.
func deliver(ctx context.Context, client *http.Client, address, key, agent, body string, times int) bool {
	for range times {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
		if err != nil {
			return false
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-API-Key", key)
		request.Header.Set("User-Agent", agent)
		response, err := client.Do(request)
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			switch response.StatusCode {
			case http.StatusOK:
				return true
			case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			default:
				return false
			}
		}
		if times > 1 {
			time.Sleep(50 * time.Millisecond)
		}
	}
	return false
}

// payload is a record of LiteLLM's callback.
func payload(id string, at time.Time) string {
	return fmt.Sprintf(`{"id":"chatcmpl-%[1]s","litellm_call_id":"%[1]s","call_type":"acompletion","status":"success","startTime":%[2]d.5,"endTime":%[2]d.75,"model":"gpt-5.2","custom_llm_provider":"openai","messages":%[3]q,"metadata":{"usage_object":{"prompt_tokens":50,"completion_tokens":5,"total_tokens":55}}}`,
		id, at.Unix()-1, secret)
}

// newKey makes a key and its file.
func (p pipeline) newKey(t testing.TB) (key, file string) {
	t.Helper()
	made := strings.Split(strings.TrimSpace(p.ok(t, "collect", "--new-key", "acme")), "\n")
	file = filepath.Join(t.TempDir(), "keys.jsonl")
	if err := os.WriteFile(file, []byte(made[len(made)-1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return made[1], file
}

// TestCollectKilled kills the collector ten times while programs send. What they sent until it was answered is stored once, and so is
// what a sender that does not send again was told is stored. Each call of the programs is reported twice, in two requests and
// two traces, of which one has no id.
func TestCollectKilled(t *testing.T) {
	t.Parallel()
	p := sharedPipeline(t)
	p.ok(t, "migrate")
	key, file := p.newKey(t)
	spool := t.TempDir()
	collector, address := p.collecting(t, file, "--spool", spool)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := &http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	var senders sync.WaitGroup
	const programs, spans = 4, 5
	killed := make(chan struct{})
	// going reports whether a sender sends another request: until the last kill, and some more.
	going := func(after *int) bool {
		select {
		case <-killed:
			*after++
		default:
		}
		return *after < 10
	}
	var sent, lost [programs]int
	for n := range programs {
		senders.Go(func() {
			for after := 0; going(&after); sent[n]++ {
				r := sent[n]
				var all, twins []string
				for i := range spans {
					id := fmt.Sprintf("%d-%d-%d", n, r, i)
					trace, span, at := hex.EncodeToString([]byte(fmt.Sprintf("trace%11s", id))[:16]), hex.EncodeToString([]byte(fmt.Sprintf("%8d", i))), time.Now()
					call := []any{"gen_ai.operation.name", "chat", "gen_ai.provider.name", "anthropic", "gen_ai.request.model", "m",
						"gen_ai.usage.input_tokens", 1 + i + spans*(n+programs*r), "gen_ai.usage.output_tokens", 1}
					all = append(all, otlpSpan(trace, span, "", at, append(call, "gen_ai.response.id", "resp-"+id)...))
					twins = append(twins, otlpSpan("f"+trace[1:], span, "", at, call...)) // In another trace, without an id.
				}
				for _, scope := range []string{otlpScope("com.anthropic.sdk.python", all...), otlpScope("openinference.instrumentation.anthropic", twins...)} {
					if !deliver(ctx, client, address+"/v1/traces", key, "OTel-OTLP-Exporter-Test/1", `{"resourceSpans":[{"scopeSpans":[`+scope+`]}]}`, tried) {
						lost[n]++
					}
				}
			}
		})
	}
	var told []string // What LiteLLM was told is stored.
	senders.Go(func() {
		r := 0
		for after := 0; going(&after); r++ {
			id := fmt.Sprintf("once-%d", r)
			if deliver(ctx, client, address+"/v1/gateways", key, "litellm/1.108", payload(id, time.Now()), 1) {
				told = append(told, id)
			} else {
				time.Sleep(20 * time.Millisecond)
			}
		}
	})
	for range 10 {
		time.Sleep(time.Duration(50+random.IntN(300)) * time.Millisecond)
		collector.kill()
		collector, _ = p.collecting(t, file, "--spool", spool, "--http-listen", strings.TrimPrefix(address, "http://"))
	}
	close(killed)
	senders.Wait()
	total, tokens := 0, 0
	for n := range lost {
		total += sent[n] * spans
		for r := range sent[n] {
			for i := range spans {
				tokens += 1 + i + spans*(n+programs*r)
			}
		}
		if lost[n] > 0 {
			t.Errorf("program %d gave up on %d requests", n, lost[n])
		}
	}
	if code := collector.stop(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, collector.output())
	}
	p.settle(t)
	p.auditOK(t)
	want := fmt.Sprint(total, ",", total, ",", tokens)
	if got := p.query(t, "SELECT count(), uniqExact(response_id), sum(input_uncached) FROM token_calls WHERE provider = 'anthropic'"); got != want {
		t.Errorf("calls, answers, tokens: %s, want %s", got, want)
	}
	if len(told) == 0 {
		t.Error("no record of LiteLLM was answered")
	}
	kept := map[string]int{}
	for _, row := range p.rows(t, "SELECT response_id FROM token_calls WHERE response_id LIKE 'chatcmpl-once-%'") {
		kept[row[0]]++
	}
	for _, id := range told {
		if kept["chatcmpl-"+id] != 1 {
			t.Errorf("LiteLLM was told that %s is stored; it is there %d times", id, kept["chatcmpl-"+id])
		}
	}
	if got := p.query(t, "SELECT sum(received) = sum(produced) + sum(joined), sum(received) > 0 FROM runs WHERE kind = 'collect'"); got != "1,1" {
		t.Errorf("what was received adds up and is something: %s", got)
	}
}

// TestCollectSpool takes Kafka away: what a sender that does not send again was told is stored waits on disk, through a kill
// of the collector too, without any text of a user, and is in the log when Kafka is back.
func TestCollectSpool(t *testing.T) {
	t.Parallel()
	stack := ownServer(t)
	p := stack.pipeline("spool")
	p.ok(t, "migrate")
	key, file := p.newKey(t)
	spool := t.TempDir()
	collector, address := p.collecting(t, file, "--spool", spool)
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	once := func(agent, id string, want bool) {
		t.Helper()
		if got := deliver(t.Context(), client, address+"/v1/gateways", key, agent, payload(id, time.Now()), 1); got != want {
			t.Errorf("%s %s: stored is %v, want %v\n%s", agent, id, got, want, collector.output())
		}
	}
	once("litellm/1", "up", true)
	stack.process.kill()
	// Programs that come again, with large bodies: none is lost and none takes memory meanwhile.
	var programs sync.WaitGroup
	const again, large = 30, 900_000
	for n := range again {
		programs.Go(func() {
			body := strings.Replace(payload(fmt.Sprint("patient-", n), time.Now()), secret, strings.Repeat("x", large), 1)
			if !deliver(t.Context(), client, address+"/v1/gateways", key, "curl/8", body, 20*tried) {
				t.Errorf("program %d gave up", n)
			}
		})
	}
	once("litellm/1", "down-1", true)
	once("litellm/1", "down-2", true)
	once("curl/8", "down-3", false)
	time.Sleep(outage())
	if kb := resident(collector); kb > 300_000 {
		t.Errorf("the collector takes %d kB while Kafka is away", kb)
	}
	collector.kill()
	entries := 0
	err := filepath.WalkDir(spool, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), secret) {
			t.Errorf("%s has a text of a user", path)
		}
		entries += strings.Count(string(content), "chatcmpl-down-")
		return err
	})
	if err != nil || entries < 2 {
		t.Errorf("the spool has %d events, %v", entries, err)
	}
	stack.start(t)
	collector, _ = p.collecting(t, file, "--spool", spool, "--http-listen", strings.TrimPrefix(address, "http://"))
	once("litellm/1", "again", true)
	programs.Wait()
	eventually(t, "the spool is sent", func() bool {
		r := p.run(t, "ingest", "--until-caught-up")
		return r.code == 0 && p.query(t, "SELECT count() FROM token_calls WHERE response_id LIKE 'chatcmpl-down-%'") == "2"
	})
	if code := collector.stop(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, collector.output())
	}
	p.settle(t)
	p.auditOK(t)
	if got := p.query(t, "SELECT count(), uniqExact(response_id) FROM token_calls WHERE response_id LIKE 'chatcmpl-patient-%'"); got != fmt.Sprint(again, ",", again) {
		t.Errorf("of %d programs that come again, calls and answers: %s", again, got)
	}
	if got := p.query(t, "SELECT groupArray(response_id) FROM (SELECT DISTINCT response_id FROM token_calls WHERE response_id NOT LIKE '%patient%' ORDER BY response_id)"); got != `"['chatcmpl-again','chatcmpl-down-1','chatcmpl-down-2','chatcmpl-up']"` {
		t.Errorf("stored: %s", got)
	}
}
