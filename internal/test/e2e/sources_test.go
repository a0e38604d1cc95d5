package e2e

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tidemark/internal/test/env"
)

// smallCalls is how many calls the small histories of these tests have, at one a second; the tokens of call i are
// smallInput(i) and smallOutput(i).
const smallCalls = 600

func smallInput(i int) int  { return 100 + i*37%400 }
func smallOutput(i int) int { return 10 + i*13%90 }

// smallFigures is what the views show of a small history.
func smallFigures() string {
	input, output := 0, 0
	for i := range smallCalls {
		input, output = input+smallInput(i), output+smallOutput(i)
	}
	return fmt.Sprintf("%d,%d,%d", smallCalls, input, output)
}

// small writes a small history: head, and a line for each call.
func small(t testing.TB, name, head string, line func(i int) string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(head)
	for i := range smallCalls {
		b.WriteString(line(i) + "\n")
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// second is the time of call i, as the layout has it.
func second(i int, layout string) string {
	return time.Date(2026, 3, 2, 10, 0, i, 0, time.UTC).Format(layout)
}

// traces are small histories in every format of files, as the arguments that replay them.
func traces(t testing.TB) map[string][]string {
	t.Helper()
	mapping := filepath.Join(t.TempDir(), "mapping.yaml")
	if err := os.WriteFile(mapping, []byte("source: e2e\ntime: {column: at, format: unix_ms}\nfields:\n  tenant: {constant: acme}\n  product: {constant: api}\n"+
		"  model: model\n  input_total: in\n  input_cache_read: {column: cached, default: \"0\"}\n  output_visible: out\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	millis := func(i int) int64 { return time.Date(2026, 3, 2, 10, 0, i, 0, time.UTC).UnixMilli() }
	return map[string][]string{
		"azure-llm": {"azure-llm", small(t, "a.csv", "TIMESTAMP,ContextTokens,GeneratedTokens\n", func(i int) string {
			return fmt.Sprintf("%s,%d,%d", second(i, "2006-01-02 15:04:05.0000000"), smallInput(i), smallOutput(i))
		})},
		"mooncake": {"mooncake", small(t, "m.jsonl", "", func(i int) string {
			return fmt.Sprintf(`{"timestamp": %d, "input_length": %d, "output_length": %d}`, i*1000, smallInput(i), smallOutput(i))
		}), "--start", agenticStart},
		"burstgpt": {"burstgpt", small(t, "b.csv", "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n", func(i int) string {
			return fmt.Sprintf("%d,GPT-4,%d,%d,%d,API log", i, smallInput(i), smallOutput(i), smallInput(i)+smallOutput(i))
		}), "--start", agenticStart},
		"cloudevents": {"cloudevents", small(t, "c.jsonl", "", func(i int) string {
			return fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"/e2e","type":"org.example.token_call.v1","subject":"acme","time":"%s",`+
				`"data":{"product":"api","gen_ai.response.model":"m","gen_ai.usage.input_tokens":%d,"gen_ai.usage.cache_read.input_tokens":%d,"gen_ai.usage.output_tokens":%d}}`,
				i, second(i, time.RFC3339), smallInput(i), i%50, smallOutput(i))
		})},
		"csv": {"csv", small(t, "d.csv", "at,model,in,cached,out\n", func(i int) string {
			return fmt.Sprintf("%d,m%d,%d,%s,%d", millis(i), i%3, smallInput(i), []string{"", "5"}[i%2], smallOutput(i))
		}), "--mapping", mapping},
		"jsonl": {"jsonl", small(t, "e.jsonl", "", func(i int) string {
			return fmt.Sprintf(`{"at":%d,"model":"m%d","in":%d,"cached":null,"out":"%d"}`, millis(i), i%3, smallInput(i), smallOutput(i))
		}), "--mapping", mapping},
	}
}

// records is how many records the topic of token calls has.
func (p pipeline) records(t testing.TB) int {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.brokers))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrListOffsetsRequest()
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = p.namespace + ".token_calls.v1"
	for id := range int32(8) {
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition, partition.Timestamp = id, -1 // The end.
		topic.Partitions = append(topic.Partitions, partition)
	}
	request.Topics = append(request.Topics, topic)
	answer, err := client.Request(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	listed, ok := answer.(*kmsg.ListOffsetsResponse)
	if !ok {
		t.Fatalf("%T is no answer", answer)
	}
	sum := 0
	for _, topic := range listed.Topics {
		for _, partition := range topic.Partitions {
			if partition.ErrorCode != 0 {
				t.Fatalf("partition %d: error %d", partition.Partition, partition.ErrorCode)
			}
			sum += int(partition.Offset)
		}
	}
	return sum
}

// interrupted starts a replay at a bounded rate and ends it half-way. It returns how many records that made.
func (p pipeline) interrupted(t testing.TB, args []string, end func(*process)) int {
	t.Helper()
	before := p.records(t)
	replay := p.start(t, slices.Concat([]string{"replay"}, args, []string{"--rate", "100"})...)
	eventually(t, "a part is on the log", func() bool {
		if replay.ended() {
			t.Fatalf("the replay ended before it could be interrupted:\n%s", replay.output())
		}
		return p.records(t) >= before+smallCalls/10
	})
	end(replay)
	made := p.records(t) - before
	if made >= smallCalls {
		t.Fatalf("all %d records were made: the test shows nothing", made)
	}
	return made
}

// again3 replays a source that dies half-way, then twice whole, and once more until it is asked to end: the figures are
// those of the source each time.
func (p pipeline) again3(t testing.TB, args []string) {
	t.Helper()
	p.ok(t, "migrate")
	p.interrupted(t, args, (*process).kill)
	p.ok(t, slices.Concat([]string{"replay"}, args)...)
	p.again(t, smallFigures())
	p.ok(t, slices.Concat([]string{"replay"}, args)...)
	p.interrupted(t, args, (*process).kill)
	var stopped *process
	made := p.interrupted(t, args, func(replay *process) {
		stopped = replay
		if code := replay.stop(t); code != 130 {
			t.Errorf("a replay that is asked to end exits with %d, want 130", code)
		}
	})
	out := stopped.stdout.String()
	if got := parseTruth(t, out)["token_calls"].produced; int(got) != made || !strings.Contains(out, "interrupted; run it again") {
		t.Errorf("the summary has %d records, and the log %d more:\n%s", got, made, out)
	}
	p.again(t, smallFigures())
	dry := p.ok(t, slices.Concat([]string{"replay"}, args, []string{"--dry-run"})...)
	if want := fmt.Sprintf("%s has already stored %d of %d events; 0 would be new", p.namespace, smallCalls, smallCalls); !strings.Contains(dry, want) {
		t.Errorf("no %q in:\n%s", want, dry)
	}
}

// TestSourcesAgain replays every kind of file again and again.
func TestSourcesAgain(t *testing.T) {
	t.Parallel()
	all := traces(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sharedPipeline(t).again3(t, all[name])
		})
	}
}

// TestStoredSourcesAgain replays a topic and a table of another namespace again and again, and both into their own.
func TestStoredSourcesAgain(t *testing.T) {
	t.Parallel()
	args := slices.Concat([]string{"replay"}, traces(t)["azure-llm"])
	origin := sharedPipeline(t)
	origin.ok(t, "migrate")
	origin.ok(t, args...)
	origin.again(t, smallFigures())
	for kind, source := range map[string]string{
		"topic": "topic:" + origin.namespace + ".token_calls.v1",
		"table": "table:" + origin.namespace + ".token_calls",
	} {
		target := sharedPipeline(t)
		t.Run(kind, func(t *testing.T) { target.again3(t, []string{source}) })
		// The events are the same, not only their sums.
		const content = "SELECT groupBitXor(cityHash64(time, tenant, identity, source, id, product, model, provider, operation, status, input_uncached, output_visible)), count() FROM token_calls"
		if got, want := target.query(t, content), origin.query(t, content); got != want {
			t.Errorf("%s: the events are %s, want %s", kind, got, want)
		}
	}
	origin.ok(t, "replay", "topic:token_calls")
	origin.ok(t, "replay", "table:token_calls")
	if n := origin.records(t); n != 3*smallCalls {
		t.Errorf("%d records after a replay of the topic and one of the table into their own namespace, want %d", n, 3*smallCalls)
	}
	origin.again(t, smallFigures())
	part := sharedPipeline(t)
	part.ok(t, "migrate")
	part.ok(t, "replay", "table:"+origin.namespace+".token_calls", "--from", "2026-03-02T10:01:00Z", "--to", "2026-03-02T10:02:00Z", "--filter", "input_tokens >= 300")
	part.settle(t)
	want := origin.query(t, "SELECT count(), sum(input_tokens) FROM token_calls WHERE time >= '2026-03-02 10:01:00' AND time < '2026-03-02 10:02:00' AND input_tokens >= 300")
	if got := part.query(t, "SELECT count(), sum(input_tokens) FROM token_calls"); got != want {
		t.Errorf("a part of the table: %s, want %s", got, want)
	}
}

// TestTopicWithRepeats replays a topic that has every event twice, and poison: the new namespace is right, and the audit
// agrees with what the replay says it made.
func TestTopicWithRepeats(t *testing.T) {
	t.Parallel()
	origin, target := sharedPipeline(t), sharedPipeline(t)
	origin.ok(t, "migrate")
	made := origin.generate(t, "--profile", "token_calls", "--events", "3000", "--duplicates", "0.1", "--conflicts", "0.01", "--poison", "0.01")["token_calls"]
	target.ok(t, "migrate")
	r := target.run(t, "replay", "topic:"+origin.namespace+".token_calls.v1")
	got := parseTruth(t, r.stdout)["token_calls"]
	if r.code != 1 || got.events != made.events || got.duplicates != made.duplicates || got.conflicts != made.conflicts || got.input != made.input || got.output != made.output {
		t.Errorf("exit code %d, truth %+v, want that of the generator without its poison, %+v", r.code, got, made)
	}
	if n := strings.Count(r.stderr, ".token_calls.v1/"); n != int(made.poison) {
		t.Errorf("%d records are told of, want %d", n, made.poison)
	}
	origin.settle(t)
	target.settle(t)
	for _, view := range []string{"token_calls_1m", "token_calls_1d"} {
		all := "SELECT bucket, product, model, status, calls, records, input_tokens, output_tokens FROM " + view + " ORDER BY ALL"
		if got, want := target.sql(t, all), origin.sql(t, all); got != want || got == "" {
			t.Errorf("%s: got\n%s\nwant\n%s", view, clip(got), clip(want))
		}
	}
	target.auditOK(t)
}

// column reads columns of a trace by their names.
func column(t testing.TB, path string, names ...string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var in io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	records, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]string, 0, len(records)-1)
	for _, record := range records[1:] {
		var row []string
		for _, name := range names {
			row = append(row, record[slices.Index(records[0], name)])
		}
		out = append(out, row)
	}
	return out
}

// sums adds up numbers by a key, and prints a line for each key in order.
type sums map[string][]uint64

func (s sums) add(t testing.TB, key string, texts ...string) {
	t.Helper()
	row := s[key]
	if row == nil {
		row = make([]uint64, len(texts)+1)
	}
	row[0]++
	for i, text := range texts {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		row[i+1] += n
	}
	s[key] = row
}

func (s sums) String() string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintln(&b, key, s[key])
	}
	return b.String()
}

// shown are the sums that a query gives: a key, then numbers of which the first is a count.
func (p pipeline) shown(t testing.TB, statement string) string {
	t.Helper()
	var b strings.Builder
	for _, row := range p.rows(t, statement) {
		fmt.Fprintln(&b, row[0], row[1:])
	}
	return b.String()
}

// TestTracesByMinuteAndModel compares rollups with what the files say when they are read by other means: the calls and
// tokens of each minute of a conversation trace, and of each model of a coding trace.
func TestTracesByMinuteAndModel(t *testing.T) {
	t.Parallel()
	trace := env.Data(t, "azure-llm-2023/AzureLLMInferenceTrace_conv.csv")
	code := env.Data(t, "agentic-coding-traces/agentic_requests.csv.gz")
	minutes, models := sums{}, sums{}
	for _, row := range column(t, trace, "TIMESTAMP", "ContextTokens", "GeneratedTokens") {
		minutes.add(t, row[0][:len("2006-01-02 15:04")]+":00", row[1:]...)
	}
	for _, row := range column(t, code, "model", "input_tokens", "cached_prefix_tokens", "output_tokens") {
		models.add(t, row[0], row[1:]...)
	}
	p := sharedPipeline(t)
	p.ok(t, "migrate")
	p.ok(t, "replay", "azure-llm", trace, "--tenant", "conv", "--product", "conv")
	p.ok(t, "replay", "agentic", code, "--start", agenticStart)
	p.settle(t)
	if got := p.shown(t, "SELECT toString(bucket), sum(calls), sum(input_tokens), sum(output_tokens) FROM token_calls_1m WHERE product = 'conv' GROUP BY bucket ORDER BY bucket"); got != minutes.String() || len(minutes) < 58 {
		t.Errorf("by minute: got\n%s\nwant\n%s", got, minutes)
	}
	for _, rollup := range []string{"token_calls_1m", "token_calls_1d"} {
		if got := p.shown(t, "SELECT model, sum(calls), sum(input_tokens), sum(input_cache_read), sum(output_tokens) FROM "+rollup+" WHERE product <> 'conv' GROUP BY model ORDER BY model"); got != models.String() || len(models) < 2 {
			t.Errorf("%s by model: got\n%s\nwant\n%s", rollup, got, models)
		}
	}
	p.auditOK(t)
}
