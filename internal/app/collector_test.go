package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tidemark/producers"
	"tidemark/producers/collector"
	"tidemark/producers/formats/fields"
)

// TestCollector runs a collector over a log in memory: an event that was answered is on the log, also if the collector
// stopped meanwhile.
func TestCollector(t *testing.T) {
	log := &slowLog{}
	c, err := NewCollector(t.Context(), CollectorConfig{
		Namespace: "lab", Events: log, HTTPListen: "127.0.0.1:0", GRPCListen: "127.0.0.1:0", Tenant: "acme", Product: "p", Users: fields.KeyedUsers([]byte("0123456789abcdef")),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	web, rpc := c.Addresses()
	if web == "" || rpc == "" || c.Ready(t.Context()) != nil {
		t.Fatalf("ports %q and %q, ready: %v", web, rpc, c.Ready(t.Context()))
	}
	client := &http.Client{}
	defer client.CloseIdleConnections()
	go func() {
		for c.server.InFlight() == 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	body := `{"type":"query","source":"s","id":"1","time":"` + time.Now().UTC().Format(time.RFC3339) + `"}`
	resp, err := client.Post("http://"+web+"/v1/events", "application/json", strings.NewReader(body)) //nolint:noctx // It is a short test.
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if err := <-ended; err != nil || resp.StatusCode != http.StatusOK || log.records != 3 { // The event, and two rows of what was received.
		t.Errorf("status %d, %d records, %v", resp.StatusCode, log.records, err)
	}
	if c.Ready(t.Context()) == nil {
		t.Error("it is ready after its end")
	}
}

// TestCollectorPorts: a port that is taken is an error that leaves no other open.
func TestCollectorPorts(t *testing.T) {
	first, err := NewCollector(t.Context(), CollectorConfig{Events: &slowLog{}, HTTPListen: "127.0.0.1:0", Tenant: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	}()
	web, _ := first.Addresses()
	if _, err := NewCollector(t.Context(), CollectorConfig{Events: &slowLog{}, HTTPListen: "127.0.0.1:0", GRPCListen: web, Tenant: "t"}); err == nil {
		t.Error("a port was opened twice")
	}
}

// countingLog counts the records that it is given.
type countingLog struct{ atomic.Int64 }

func (*countingLog) Partitions(context.Context, string) (int, error) { return 3, nil }

func (l *countingLog) Append(_ context.Context, records []producers.Record) error {
	l.Add(int64(len(records)))
	return nil
}

// TestRejectedTime: a report whose time is refused is not remembered, so another report of the call counts with its own time.
func TestRejectedTime(t *testing.T) {
	log := &countingLog{}
	c, err := NewCollector(t.Context(), CollectorConfig{
		Namespace: "lab", Events: log, HTTPListen: "127.0.0.1:0", Tenant: "acme", Product: "p", Users: fields.KeyedUsers([]byte("0123456789abcdef")),
		Limits: collector.Limits{Past: time.Hour, Future: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	web, _ := c.Addresses()
	client := &http.Client{}
	defer client.CloseIdleConnections()
	post := func(path, body string) string {
		t.Helper()
		resp, err := client.Post("http://"+web+path, "application/json", strings.NewReader(body)) //nolint:noctx // It is a short test.
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode/100 != 2 && resp.StatusCode != http.StatusBadRequest {
			t.Fatalf("%s: %d %v", path, resp.StatusCode, err)
		}
		return string(answer)
	}
	span := func(number int, id string, at time.Time) string {
		return fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"scope":{"name":"s%[1]d"},"spans":[{"traceId":"%032[1]x","spanId":"%016[1]x","name":"chat","startTimeUnixNano":"%[3]d","endTimeUnixNano":"%[3]d","attributes":[`+
			`{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.response.id","value":{"stringValue":%[2]q}},{"key":"gen_ai.usage.input_tokens","value":{"intValue":"7"}}]}]}]}]}`, number, id, at.UnixNano())
	}
	record := func(id string, at time.Time) string {
		return fmt.Sprintf(`{"id":%[1]q,"litellm_call_id":%[1]q,"call_type":"acompletion","startTime":%[2]d,"model":"m","metadata":{"usage_object":{"prompt_tokens":7}}}`, id, at.Unix())
	}
	now := time.Now()
	for i, test := range []struct {
		path, body, want string
		records          int64
	}{
		{"/v1/traces", span(1, "a", now.Add(time.Hour)), "in_future", 0},
		{"/v1/traces", span(2, "a", now), "{}", 1},
		{"/v1/traces", span(3, "b", now.Add(-2*time.Hour)), "too_late", 1},
		{"/v1/traces", span(4, "b", now), "{}", 2},
		{"/v1/gateways", record("c", now.Add(time.Hour)), "in_future", 2},
		{"/v1/gateways", record("c", now), `"accepted":1`, 3},
	} {
		if got := post(test.path, test.body); !strings.Contains(got, test.want) || log.Load() != test.records {
			t.Errorf("%d: %s, %d records, want %s, %d", i, got, log.Load(), test.want, test.records)
		}
	}
}
