package app

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"tidemark/consumers/clickhouse"
	stacktest "tidemark/internal/test/stack"
)

// TestStopWithNothingOpen: an ingester that waits for the database and has no block open ends at once.
func TestStopWithNothingOpen(t *testing.T) {
	t.Parallel()
	c := connect(t, stacktest.Start(t), "app_stop")
	if _, err := CreateTopics(t.Context(), c.client, c.namespace, 1, 1); err != nil {
		t.Fatal(err)
	}
	away, err := clickhouse.Open(clickhouse.Config{URL: "http://127.0.0.1:1", User: "default", Database: c.namespace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := away.Close(); err != nil {
			t.Error(err)
		}
	})
	core, lines := observer.New(zap.WarnLevel)
	in := NewIngester(IngesterConfig{Namespace: c.namespace, Client: c.client, Letters: c.writer, DB: away, Log: zap.New(core)})
	if lag, known := in.Lag(); lag != 0 || known {
		t.Errorf("before anything was read the lag is %d, known: %t", lag, known)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- in.RunUntilCaughtUp(ctx) }()
	for lines.Len() == 0 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	began := time.Now()
	if err := <-ended; err != nil || time.Since(began) > drainGrace/3 || lines.Len() == 0 {
		t.Errorf("%v, %s after it was to stop, and %d lines", err, time.Since(began), lines.Len())
	}
}
