package app

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

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
