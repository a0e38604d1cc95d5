package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	consumerkafka "tidemark/consumers/kafka"
	stacktest "tidemark/internal/test/stack"
)

// TestAwaitIngest: a load test does not begin where nobody ingests. A member of the group is enough: not every ingest reports itself.
func TestAwaitIngest(t *testing.T) {
	t.Parallel()
	c := connect(t, stacktest.Start(t), "app_await")
	topics, err := CreateTopics(t.Context(), c.client, c.namespace, 1, 1)
	if err != nil || len(topics) == 0 {
		t.Fatalf("%d topics, %v", len(topics), err)
	}
	test := Load{Namespace: c.namespace, Client: c.client}
	if err := test.awaitIngest(t.Context()); err == nil || !strings.Contains(err.Error(), "tidemark ingest --namespace app_await") {
		t.Errorf("without ingest: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		group := consumerkafka.GroupConfig{Group: c.namespace, Topics: []string{c.namespace + ".token_calls.v1"}}
		ended <- c.client.Consume(ctx, group, func(ctx context.Context, _ consumerkafka.Generation) error {
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	if err := test.awaitIngest(t.Context()); err != nil {
		t.Errorf("with a member of the group: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := test.awaitIngest(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
