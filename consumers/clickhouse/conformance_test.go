package clickhouse_test

import (
	"testing"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ingest/ingesttest"
)

// TestStoreConforms holds the real engine to what a worker relies on.
func TestStoreConforms(t *testing.T) {
	ingesttest.StoreConformance(t, func(t *testing.T) ingest.Store { return clickhouse.NewStore(openRaw(t)) })
}
