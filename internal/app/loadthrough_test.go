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

	"tidemark/producers"
	"tidemark/producers/synthetic"
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

// TestCollectorLog: what a collector refuses for now is sent again and acknowledged once, at offsets that go on where the
// log ended, and what it refuses for good is an error.
func TestCollectorLog(t *testing.T) {
	const topic = "lab.token_calls.v1"
	made := &batches{}
	options := synthetic.Options{Seed: 1, Events: 2500, Start: time.Now().Add(-time.Hour), Span: time.Minute, Profile: synthetic.TokenCalls}
	generator, err := synthetic.New(options)
	if err != nil {
		t.Fatal(err)
	}
	pump := producers.Pump{Source: generator, Sender: &producers.Sender{Log: made, Namespace: "lab"}}
	if _, err := pump.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got, answers := map[string]int{}, 0
	reject := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		text, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer secret" || r.URL.Path != "/v1/events" {
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
		lines := strings.Split(string(text), "\n")
		for _, line := range lines {
			var e map[string]any
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Error(err)
			}
			if e["type"] != "token_call" || e["tenant"] != nil || e["run"] != nil || e["status"] == nil || e["time_us"] == nil {
				t.Errorf("%s", line)
			}
			got[fmt.Sprint(e["id"])]++
		}
		if reject {
			fmt.Fprintf(w, `{"accepted":%d,"rejected":[{"index":1,"reason":"is none"}]}`, len(lines)-1)
			return
		}
		fmt.Fprintf(w, `{"accepted":%d,"rejected":[]}`, len(lines))
	}))
	defer server.Close()
	seen, ends := map[int32]int{}, map[int32]int64{0: 10, 1: 20, 2: 30}
	log := &CollectorLog{
		URL: server.URL, Key: "secret", Tenant: "acme", Client: server.Client(), topic: topic, next: []int64{10, 20, 30},
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
	if err := log.Append(t.Context(), made.records); err != nil {
		t.Fatal(err)
	}
	for i := range int32(2500) {
		if seen[i] != 1 {
			t.Errorf("event %d was acknowledged %d times", i, seen[i])
		}
	}
	if len(got) != 2500 || ends[0]+ends[1]+ends[2] != 2560 || log.Retries() != 4 || log.busy.Load() != 1 || log.unavailable.Load() != 1 {
		t.Errorf("%d events were taken, partitions end at %v, %d requests were sent again", len(got), ends, log.Retries())
	}
	if err := log.Append(t.Context(), []producers.Record{{Topic: "lab.runs.v1"}}); err != nil || len(got) != 2500 {
		t.Errorf("what is about the run: %v", err)
	}
	reject = true
	if err := log.Append(t.Context(), made.records[:3]); err == nil || !strings.Contains(err.Error(), "took 2 of 3 events") {
		t.Errorf("a rejected event: %v", err)
	}
	log.Key = "other"
	if err := log.Append(t.Context(), made.records[:3]); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a wrong key: %v", err)
	}
	if _, _, err := log.encode([]byte{0xff}); err == nil {
		t.Error("what is no event was encoded")
	}
}
