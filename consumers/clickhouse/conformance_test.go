package clickhouse_test

import (
	"testing"

	"tidemark/consumers/clickhouse"
	"tidemark/consumers/ingest"
	"tidemark/consumers/ingest/ingesttest"
)

// TestStoreConforms runs the suite of what a worker relies on against the real engine.
func TestStoreConforms(t *testing.T) {
	ingesttest.StoreConformance(t, func(t *testing.T) ingest.Store { return clickhouse.NewStore(openRaw(t)) })
}
