package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"tidemark/producers"
	"tidemark/producers/collector"
	"tidemark/producers/formats/fields"
	"tidemark/producers/spool"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// keptLog keeps the values of records by topic. While err is set it keeps none.
type keptLog struct {
	mu     sync.Mutex
	err    error
	values map[string][]string
}

func (l *keptLog) Partitions(context.Context, string) (int, error) { return 1, nil }

func (l *keptLog) Append(_ context.Context, records []producers.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	for _, r := range records {
		l.values[r.Topic] = append(l.values[r.Topic], string(r.Value))
	}
	return nil
}

func (l *keptLog) set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *keptLog) of(topic string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.values[topic]
}

// TestCollectorSpool: what came from a sender that does not send again while the log was down is on the log when it is up
// again, also through another collector, and both tell what they received.
func TestCollectorSpool(t *testing.T) {
	log, dir := &keptLog{values: map[string][]string{}, err: errors.New("down")}, t.TempDir()
	client := &http.Client{}
	defer client.CloseIdleConnections()
	// live runs a collector while f does something.
	live := func(f func(address string, kept *spool.Spool)) {
		t.Helper()
		kept, err := spool.Open(dir, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewCollector(t.Context(), CollectorConfig{
			Namespace: "lab", Events: log, HTTPListen: "127.0.0.1:0", Tenant: "acme", Product: "p", Users: fields.KeyedUsers([]byte("0123456789abcdef")), Spool: kept,
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		web, _ := c.Addresses()
		f("http://"+web, kept)
		stop()
		if err := errors.Join(<-ended, kept.Close()); err != nil {
			t.Error(err)
		}
	}
	post := func(address, agent string, id, want int) {
		t.Helper()
		body := fmt.Sprintf(`{"type":"query","source":"s","id":"%d","time":%q}`, id, time.Now().UTC().Format(time.RFC3339))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/v1/events", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("User-Agent", agent)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", agent, resp.Status)
		}
	}
	live(func(address string, _ *spool.Spool) {
		post(address, "litellm/1", 1, http.StatusOK)
		post(address, "curl/8", 2, http.StatusServiceUnavailable)
		post(address, "litellm/1", 3, http.StatusOK)
	})
	if got := log.of("lab.queries.v1"); len(got) != 0 {
		t.Fatalf("the log that is down has %q", got)
	}
	live(func(address string, kept *spool.Spool) {
		post(address, "litellm/1", 4, http.StatusOK)
		log.set(nil)
		for kept.Waiting() { // Until then, what it sends may be sent again by another one.
			time.Sleep(time.Millisecond)
		}
		post(address, "curl/8", 5, http.StatusOK)
	})
	var ids strings.Builder
	for _, value := range log.of("lab.queries.v1") {
		q := new(usagev1.Query)
		if err := proto.Unmarshal([]byte(value), q); err != nil {
			t.Fatal(err)
		}
		ids.WriteString(q.GetId())
	}
	if ids.String() != "1345" {
		t.Errorf("the log has the events %s", ids.String())
	}
	sums := map[string]*usagev1.Run{}
	for _, value := range log.of("lab.runs.v1") {
		r := new(usagev1.Run)
		if err := proto.Unmarshal([]byte(value), r); err != nil {
			t.Fatal(err)
		}
		sum := sums[r.GetRun()]
		if sum == nil {
			sum = new(usagev1.Run)
			sums[r.GetRun()] = sum
		}
		sum.Received += r.GetReceived()
		sum.Produced += r.GetProduced()
		sum.Spooled += r.GetSpooled()
		sum.Drained += r.GetDrained()
		sum.Refused += r.GetRefused()
		sum.Unacknowledged += r.GetUnacknowledged()
	}
	// The first collector could not tell what it received, since the log was down until its end. The second tells what it
	// sent for it.
	var all []string
	for _, sum := range sums {
		all = append(all, fmt.Sprint(sum.GetReceived(), sum.GetProduced(), sum.GetSpooled(), sum.GetDrained(), sum.GetRefused(), sum.GetUnacknowledged()))
	}
	if len(all) != 2 || !strings.Contains(strings.Join(all, ";"), "2 1 1 1 0 0") || !strings.Contains(strings.Join(all, ";"), "0 0 0 2 0 0") {
		t.Errorf("received, produced, spooled, drained, refused, unacknowledged: %q", all)
	}
}

// TestSpoolPoison: what no log takes, of an earlier version or a damaged disk, does not hold up what stands behind it.
func TestSpoolPoison(t *testing.T) {
	log := &keptLog{values: map[string][]string{}}
	kept, err := spool.Open(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	event := func(id, product string) *usagev1.Query {
		return &usagev1.Query{Source: "s", Id: id, TimeUs: new(time.Now().UnixMicro()), Tenant: "acme", Product: product, Run: "life"}
	}
	came := &usagev1.Run{Run: "life", Tenant: "acme", Endpoint: "events", Sender: "litellm/1"}
	for _, events := range [][]schemas.Event{nil, {event("1", "p"), event("2", "secret\x00")}, {event("3", "p")}} {
		payload := []byte("no request")
		if events != nil {
			if payload, err = spool.Encode(came, events); err != nil {
				t.Fatal(err)
			}
		}
		if err := kept.Append(payload); err != nil {
			t.Fatal(err)
		}
	}
	core, lines := observer.New(zap.InfoLevel)
	c := &collectorSpool{spool: kept, sink: newEventSink(log, "lab"), intake: collector.NewIntake("life"), log: zap.New(core), failures: zap.New(core)}
	ctx, stop := context.WithCancel(t.Context())
	var group errgroup.Group
	c.sink.start(ctx, &group)
	group.Go(func() error { c.drain(ctx); return nil })
	for kept.Waiting() {
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := errors.Join(group.Wait(), kept.Close()); err != nil {
		t.Error(err)
	}
	if got := log.of("lab.queries.v1"); len(got) != 2 {
		t.Errorf("the log has %q", got)
	}
	due := c.intake.Due(time.Now(), true)
	if len(due) != 1 || due[0].GetDrained() != 2 {
		t.Errorf("counted %v", due)
	}
	said := fmt.Sprint(lines.All())
	if len(lines.All()) != 2 || !strings.Contains(said, "product has a control character") || strings.Contains(said, "secret") {
		t.Errorf("said %s", said)
	}
}

// TestReportInvalid: a row that no log takes does not hold up the others.
func TestReportInvalid(t *testing.T) {
	log := &keptLog{values: map[string][]string{}}
	in := collector.NewIntake("life")
	for _, key := range []string{strings.Repeat("k", 300), "k"} {
		in.Answered(collector.Report{Tenant: "acme", Run: "life", Key: key, Endpoint: "events", Received: 1})
	}
	r := &intakeReports{intake: in, sender: &producers.Sender{Log: log, Namespace: "lab"}, failures: zap.NewNop()}
	if err := r.report(t.Context(), time.Now(), true); err != nil {
		t.Error(err)
	}
	if got := log.of("lab.runs.v1"); len(got) != 1 || len(in.Due(time.Now(), true)) != 0 {
		t.Errorf("the log has %q", got)
	}
}
