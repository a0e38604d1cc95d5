package ingesttest

import (
	"testing"

	"tidemark/consumers/ingest"
)

func TestStoreConforms(t *testing.T) {
	for _, page := range []int{0, 1, 2} {
		StoreConformance(t, func(*testing.T) ingest.Store { return &Store{Page: page} })
	}
}

func TestLogConforms(t *testing.T) {
	SourceConformance(t, func(*testing.T) *SourceHarness {
		log := new(Log)
		return &SourceHarness{
			Source:       log.Source(),
			Append:       func(_ *testing.T, records []ingest.Record) { log.Append(records...) },
			DeleteBefore: func(_ *testing.T, offset int64) { log.DeleteBefore(offset) },
			Abort: func(_ *testing.T, records []ingest.Record) {
				for range len(records) + 1 {
					log.Append(ingest.Record{Control: true})
				}
			},
		}
	})
}
