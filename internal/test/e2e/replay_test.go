package e2e

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"tidemark/internal/test/env"
	kafkatest "tidemark/internal/test/kafka"
)

// Figures of the public traces, counted from the files by other means: calls, input and output tokens.
const (
	conversations        = "19366,22361870,4088665"
	conversationsAndCode = "65584,5489765859,24428085"
)

const agenticStart = "2026-03-02T00:00:00Z"

// figures compares all tables that show token calls.
func (p pipeline) figures(t testing.TB, want string) {
	t.Helper()
	statements := []string{"SELECT count(), sum(input_tokens), sum(output_tokens) FROM token_calls"}
	for _, rollup := range []string{"token_calls_1m", "token_calls_1h", "token_calls_1d"} {
		statements = append(statements, "SELECT sum(calls), sum(input_tokens), sum(output_tokens) FROM "+rollup)
	}
	for _, statement := range statements {
		if got := p.query(t, statement); got != want {
			t.Errorf("[%s] %s: %s, want %s", p.namespace, statement, got, want)
		}
	}
}

// again settles after a replay, looks at the figures and audits.
func (p pipeline) again(t testing.TB, want string, ingest ...string) {
	t.Helper()
	p.settle(t, ingest...)
	p.figures(t, want)
	p.auditOK(t)
}

func gzipped(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), filepath.Base(path)+".gz")
	if err := os.WriteFile(target, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return target
}

// rawRows is the number of physical rows of distinct coordinates.
func (p pipeline) rawRows(t testing.TB) string {
	t.Helper()
	return p.sql(t, "SELECT count(DISTINCT epoch, partition, offset) FROM token_calls_raw")
}

// TestReplayTwice replays real traces: a second replay of the same file, in whatever form, changes nothing.
func TestReplayTwice(t *testing.T) {
	t.Parallel()
	trace := env.Data(t, "azure-llm-2023/AzureLLMInferenceTrace_conv.csv")
	code := env.Data(t, "agentic-coding-traces/agentic_requests.csv.gz")
	p := sharedPipeline(t)
	p.ok(t, "migrate")
	p.ok(t, "replay", "azure-llm", trace, "--speed", "max")
	p.again(t, conversations)
	p.ok(t, "replay", "azure-llm", trace)
	p.again(t, conversations)
	p.ok(t, "replay", "azure-llm", gzipped(t, trace))
	file, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if r := p.feed(t, file, "replay", "azure-llm", "-"); r.code != 0 {
		t.Fatalf("replay of standard input: exit code %d", r.code)
	}
	p.again(t, conversations)
	if n := p.rawRows(t); n != "19366" {
		t.Errorf("%s rows are stored after four replays within the window, want 19366", n)
	}
	p.ok(t, "replay", "agentic", code, "--start", agenticStart)
	p.again(t, conversationsAndCode)
}

// TestReplayBeyondWindow replays so far behind the first time that the consumer stores the events again: readers still
// see each once.
func TestReplayBeyondWindow(t *testing.T) {
	t.Parallel()
	trace := env.Data(t, "azure-llm-2023/AzureLLMInferenceTrace_conv.csv")
	p := sharedPipeline(t)
	p.ok(t, "migrate")
	p.ok(t, "replay", "azure-llm", trace)
	p.again(t, conversations, "--window", "1000")
	p.ok(t, "replay", "azure-llm", gzipped(t, trace))
	p.again(t, conversations, "--window", "1000")
	if n := p.rawRows(t); n == "19366" {
		t.Error("the second replay was within the window: the test shows nothing")
	}
}

// TestReplayApacheKafka does the same with a real Apache Kafka and a stack without broker.
func TestReplayApacheKafka(t *testing.T) {
	t.Parallel()
	trace := env.Data(t, "azure-llm-2023/AzureLLMInferenceTrace_conv.csv")
	code := env.Data(t, "agentic-coding-traces/agentic_requests.csv.gz")
	broker := kafkatest.StartApache(t)
	server := ownServer(t, "--no-kafka")
	if server.kafka != "" {
		t.Errorf("the stack without a broker says it has one at %s", server.kafka)
	}
	p := server.pipeline("apache")
	p.brokers = broker.Addr()
	p.ok(t, "migrate")
	p.ok(t, "replay", "azure-llm", trace, "--speed", "max")
	p.again(t, conversations)
	p.ok(t, "replay", "azure-llm", gzipped(t, trace))
	p.again(t, conversations)
	p.ok(t, "replay", "agentic", code, "--start", agenticStart)
	p.again(t, conversationsAndCode)
}

// TestReplayGrowingLogs replays the logs of an agent while they grow, and again: a message counts once, with its last usage.
func TestReplayGrowingLogs(t *testing.T) {
	t.Parallel()
	const logs = "../../../producers/replay/testdata/logs/claude-code"
	session, err := os.ReadFile(filepath.Join(logs, "-home-ada-shop", "session-1.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	live := filepath.Join(folder, "session-1.jsonl")
	lines := bytes.SplitAfter(session, []byte("\n"))
	if err := os.WriteFile(live, bytes.Join(lines[:3], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	p := sharedPipeline(t)
	p.ok(t, "migrate")
	p.ok(t, "replay", "claude-code", folder, "--tenant", "acme")
	p.again(t, "1,1110,3")
	if err := os.WriteFile(live, session, 0o600); err != nil {
		t.Fatal(err)
	}
	p.ok(t, "replay", "claude-code", folder, "--tenant", "acme")
	p.again(t, "2,2222,179")
	p.ok(t, "replay", "claude-code", logs, folder, "--tenant", "acme", "--speed", "1e9")
	p.again(t, "4,3929,259")
	rows := p.rawRows(t)
	p.ok(t, "replay", "claude-code", logs, "--tenant", "acme")
	p.again(t, "4,3929,259")
	if again := p.rawRows(t); again != rows {
		t.Errorf("%s rows are stored after the same replay, want %s", again, rows)
	}
}
