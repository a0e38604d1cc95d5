package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/calls"
	"tidemark/producers/otlp"
	"tidemark/producers/synthetic"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// batches keeps the records of one call.
type batches struct{ records []producers.Record }

func (b *batches) Append(_ context.Context, records []producers.Record) error {
	for _, r := range records {
		r.Value = slices.Clone(r.Value)
		b.records = append(b.records, r)
	}
	return nil
}

func (b *batches) Partitions(context.Context, string) (int, error) { return 3, nil }

// edge is what a simulated collector reads and answers in a form.
type edge struct {
	spans  bool
	path   string
	read   func(t *testing.T, body []byte) (ids []string)
	answer func(events, rejected int) []byte
}

var edges = map[string]edge{
	"http": {
		path: "/v1/events",
		read: func(t *testing.T, body []byte) (ids []string) {
			for line := range strings.Lines(string(body)) {
				var e map[string]any
				if err := json.Unmarshal([]byte(line), &e); err != nil {
					t.Error(err)
				}
				if e["type"] != "token_call" || e["tenant"] != nil || e["run"] != nil || e["status"] == nil || e["time_us"] == nil {
					t.Errorf("%s", line)
				}
				ids = append(ids, fmt.Sprint(e["id"]))
			}
			return ids
		},
		answer: func(events, rejected int) []byte {
			return fmt.Appendf(nil, `{"accepted":%d,"rejected":[{"index":1,"reason":"is none"}]}`, events-rejected)
		},
	},
	"otlp": {
		spans: true, path: "/v1/traces",
		read: func(t *testing.T, body []byte) (ids []string) {
			result, err := otlp.New(calls.NewMemory(calls.Options{})).Spans(calls.Origin{Tenant: "acme"}, body, 10)
			if err != nil || len(result.Events) != result.Items {
				t.Errorf("%d of %d spans are events: %v", len(result.Events), result.Items, err)
			}
			for _, e := range result.Events {
				ids = append(ids, e.GetId())
			}
			return ids
		},
		answer: func(_, rejected int) []byte {
			response := ptraceotlp.NewExportResponse()
			if rejected > 0 {
				response.PartialSuccess().SetRejectedSpans(int64(rejected))
				response.PartialSuccess().SetErrorMessage("is none")
			}
			body, _ := response.MarshalProto() // Of what was made here.
			return body
		},
	},
}

// madeRecords makes records of token calls.
func madeRecords(t *testing.T, n int64) []producers.Record {
	t.Helper()
	made := &batches{}
	options := synthetic.Options{Seed: 1, Events: n, Start: time.Now().Add(-time.Hour), Span: time.Minute, Profile: synthetic.TokenCalls}
	generator, err := synthetic.New(options)
	if err != nil {
		t.Fatal(err)
	}
	pump := producers.Pump{Source: generator, Sender: &producers.Sender{Log: made, Namespace: "lab"}}
	if _, err := pump.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return made.records
}

// TestCollectorLog: what a collector refuses for now is sent again and acknowledged once, at offsets that go on where the
// log ended, and what it refuses for good is an error.
func TestCollectorLog(t *testing.T) {
	for name, of := range edges {
		t.Run(name, func(t *testing.T) { testCollectorLog(t, of) })
	}
}

func testCollectorLog(t *testing.T, of edge) {
	const topic = "lab.token_calls.v1"
	records := madeRecords(t, 2500)
	var mu sync.Mutex
	got, answers, rejected := map[string]int{}, 0, 0
	placed := map[int32][]string{} // Which ids each partition gets, in the order of the requests.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		text, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer secret" || r.URL.Path != of.path {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if answers++; answers <= 4 { // One 503, one 429, and two that take nothing and do not answer.
			switch answers {
			case 1:
				w.WriteHeader(http.StatusServiceUnavailable)
			case 2:
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
			default:
				panic(http.ErrAbortHandler)
			}
			return
		}
		ids := of.read(t, text)
		for _, id := range ids {
			got[id]++
			source := "otlp.span"
			if !of.spans {
				source = sourceOf(t, records)
			}
			partition := schemas.IdentityOf("acme", source, id).Partition(3)
			placed[partition] = append(placed[partition], id)
		}
		_, _ = w.Write(of.answer(len(ids), rejected))
	}))
	defer server.Close()
	seen, ends := map[int32]int{}, map[int32]int64{0: 10, 1: 20, 2: 30}
	log := &CollectorLog{
		URL: server.URL, Key: "secret", Tenant: "acme", Client: server.Client(), Spans: of.spans, topic: topic, next: []int64{10, 20, 30},
		Acknowledged: func(name string, partition int32, base int64, indexes []int32) {
			if name != topic || base != ends[partition] {
				t.Errorf("%d events of %s at %d of partition %d, which ends at %d", len(indexes), name, base, partition, ends[partition])
			}
			ends[partition] += int64(len(indexes))
			for _, i := range indexes {
				seen[i]++
			}
		},
	}
	if err := log.Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	for i := range int32(2500) {
		if seen[i] != 1 {
			t.Errorf("event %d was acknowledged %d times", i, seen[i])
		}
	}
	if len(got) != 2500 || log.Retries() != 4 || log.busy.Load() != 1 || log.unavailable.Load() != 1 {
		t.Errorf("%d events were taken, %d requests were sent again", len(got), log.Retries())
	}
	for partition, began := range []int64{10, 20, 30} { // Where the collector puts them.
		if n := int64(len(placed[int32(partition)])); ends[int32(partition)] != began+n || n < 500 {
			t.Errorf("partition %d ends at %d, and got %d events from %d on", partition, ends[int32(partition)], n, began)
		}
	}
	if err := log.Append(t.Context(), []producers.Record{{Topic: "lab.runs.v1"}}); err != nil || len(got) != 2500 {
		t.Errorf("what is about the run: %v", err)
	}
	rejected = 1
	if err := log.Append(t.Context(), records[:3]); err == nil || !strings.Contains(err.Error(), "took 2 of 3 events") || !strings.Contains(err.Error(), "is none") {
		t.Errorf("a rejected event: %v", err)
	}
	log.Key = "other"
	if err := log.Append(t.Context(), records[:3]); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a wrong key: %v", err)
	}
	if err := log.Append(t.Context(), []producers.Record{{Topic: topic, Value: []byte{0xff}}}); err == nil || !strings.Contains(err.Error(), "decode event 0") {
		t.Errorf("what is no event: %v", err)
	}
}

// sourceOf returns the source that all of the calls have.
func sourceOf(t *testing.T, records []producers.Record) string {
	t.Helper()
	var call usagev1.TokenCall
	if err := proto.Unmarshal(records[0].Value, &call); err != nil {
		t.Error(err)
	}
	return call.GetSource()
}

// TestCollectorAnswers: what a collector answers to spans is read as OTLP, and what is none is an error that shows no bytes.
func TestCollectorAnswers(t *testing.T) {
	if n, _, err := takenSpans(nil, 5); n != 5 || err != nil {
		t.Errorf("an empty answer: %d, %v", n, err)
	}
	if n, why, err := takenSpans(edges["otlp"].answer(5, 9), 5); n != 0 || why != "is none" || err != nil {
		t.Errorf("more rejected than sent: %d, %q, %v", n, why, err)
	}
	if n, _, err := takenSpans([]byte("<html>"), 5); n != 0 || err == nil {
		t.Errorf("a page: %d, %v", n, err)
	}
	refused, err := proto.Marshal(&spb.Status{Code: 3, Message: "the key is unknown"})
	if err != nil {
		t.Fatal(err)
	}
	if why := refusedSpans(refused); why != "the key is unknown" {
		t.Errorf("%q", why)
	}
	if why := refusedSpans([]byte("<html>")); why != "without a reason in the form of OTLP" {
		t.Errorf("%q", why)
	}
}
