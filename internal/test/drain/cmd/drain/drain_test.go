package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/protobuf/proto"

	"tidemark/consumers/ingest"
	"tidemark/internal/test/env"
	"tidemark/producers"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// records returns n calls as records of a partition, the last of which is poison.
func records(t *testing.T, n int) []ingest.Record {
	t.Helper()
	out := make([]ingest.Record, n)
	for i := range out {
		value, err := schemas.AppendEvent(nil, &usagev1.TokenCall{
			Source: "test", Id: "call-" + string(rune('a'+i)), TimeUs: proto.Int64(1_700_000_000_000_000), Tenant: "acme", Product: "chat",
			Model: "m", Operation: "chat", Status: usagev1.Status_STATUS_OK, LatencyUs: proto.Uint64(2_000_000), OutputVisible: proto.Uint64(7),
		})
		if err != nil {
			t.Fatal(err)
		}
		out[i] = ingest.Record{Offset: int64(i), Value: value}
	}
	out[n-1].Value = []byte("\xff\xff poison")
	return out
}

// copyAll copies the records of two partitions and returns what is written, and the copier.
func copyAll(t *testing.T, encode encoder, first, second []ingest.Record) ([]producers.Record, *copier) {
	t.Helper()
	var written []producers.Record
	c := &copier{topic: "to", limit: 2, encode: encode, write: func(r []producers.Record) error {
		written = append(written, r...)
		return nil
	}}
	for partition, list := range [][]ingest.Record{first, second} {
		for _, rec := range list {
			if err := c.add(int32(partition), rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := c.end(); err != nil {
		t.Fatal(err)
	}
	return written, c
}

func TestCopyJSON(t *testing.T) {
	t.Parallel()
	written, c := copyAll(t, &jsonCalls{}, records(t, 4), records(t, 3))
	if len(written) != 7 || c.records != 7 || c.calls != 5 {
		t.Fatalf("%d of %d records written, %d of them calls; want all 7 and 5", len(written), c.records, c.calls)
	}
	for i, r := range written {
		if want := int32(i / 4); r.Partition != want || r.Topic != "to" {
			t.Errorf("record %d is in %s/%d, want partition %d", i, r.Topic, r.Partition, want)
		}
	}
	if got := string(written[3].Value); got != "\xff\xff poison" {
		t.Errorf("poison became %q", got)
	}
	var call map[string]any
	if err := json.Unmarshal(written[1].Value, &call); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"id": "call-b", "time_us": "1700000000000000", "status": 1.0, "output_visible": "7"} {
		if call[name] != want {
			t.Errorf("%s is %v, want %v", name, call[name], want)
		}
	}
}

func TestCopySpans(t *testing.T) {
	t.Parallel()
	first := records(t, spansOfMessage+3)
	written, c := copyAll(t, &spanCalls{}, first, records(t, 2))
	if len(written) != 3 || c.calls != spansOfMessage+3 {
		t.Fatalf("%d records of %d calls, want 3 of %d", len(written), c.calls, spansOfMessage+3)
	}
	for i, want := range []struct {
		partition int32
		spans     int
	}{{0, spansOfMessage}, {0, 2}, {1, 1}} {
		traces, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(written[i].Value)
		if err != nil {
			t.Fatal(err)
		}
		if written[i].Partition != want.partition || traces.SpanCount() != want.spans {
			t.Errorf("record %d: partition %d, %d spans, want %+v", i, written[i].Partition, traces.SpanCount(), want)
		}
		span := traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		tokens, _ := span.Attributes().Get("gen_ai.usage.output_tokens")
		if span.Name() != "chat m" || span.EndTimestamp().AsTime().Sub(span.StartTimestamp().AsTime()) != 2*time.Second || tokens.Int() != 7 {
			t.Errorf("span %q from %s to %s with %d tokens of output", span.Name(), span.StartTimestamp(), span.EndTimestamp(), tokens.Int())
		}
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	b := newBlocks(2)
	for partition, n := range []int{6, 2} {
		for _, rec := range records(t, n) {
			if err := b.add(int32(partition), rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	var rows []int
	for _, columns := range b.partitions[0] {
		rows = append(rows, columns.Rows())
	}
	if len(rows) != 3 || rows[0] != 2 || rows[1] != 2 || rows[2] != 1 || b.rows != 6 {
		t.Errorf("blocks of %d rows, %d in all; want [2 2 1] and 6", rows, b.rows)
	}
}

// TestEngine is about what `tidemark stack` refuses: a Kafka table, whose broker needs not be there. Others stay refused.
func TestEngine(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"engine", "--data-dir", t.TempDir(), "--libchdb", env.LibCHDB(t)}, nil, writer)
		writer.CloseWithError(io.EOF)
		done <- err
	}()
	var out strings.Builder
	buf := make([]byte, 256)
	for !strings.HasSuffix(out.String(), "ready\n") {
		n, err := reader.Read(buf)
		if out.Write(buf[:n]); err != nil {
			t.Fatalf("%v after %q: %v", err, out.String(), <-done)
		}
	}
	url, _, _ := strings.Cut(strings.TrimPrefix(out.String(), "clickhouse "), "\n")
	for sql, want := range map[string]int{
		"CREATE TABLE k (id String) ENGINE = Kafka SETTINGS kafka_broker_list = '127.0.0.1:1', kafka_topic_list = 't', kafka_group_name = 'g', kafka_format = 'JSONEachRow'": http.StatusOK,
		"CREATE TABLE f (id String) ENGINE = URL('http://127.0.0.1:1/', 'CSV')":                                                                                              http.StatusForbidden,
	} {
		if code, body := post(t, url, sql); code != want {
			t.Errorf("%s: HTTP %d, want %d: %s", sql, code, want, body)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func post(t *testing.T, url, sql string) (code int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{"": "usage", "drink": `no "drink"`, "copy --as xml": `"xml"`} {
		if err := run(t.Context(), strings.Fields(args), nil, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("drain %s: %v, want an error with %q", args, err, want)
		}
	}
}
