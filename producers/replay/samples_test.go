package replay

import (
	"slices"
	"testing"
	"time"

	"tidemark/internal/test/env"
	"tidemark/schemas"
	usagev1 "tidemark/schemas/usage/v1"
)

// TestSamples replays the samples, paced too, and compares their events with those of the files that they are made from: the
// same identities and figures, so that who replays the whole file later counts nothing twice.
func TestSamples(t *testing.T) {
	for _, tt := range []struct {
		sample, file          string
		rows, inputs, outputs uint64
		first, last           string
	}{
		{"azure-llm", "azure-llm-2023/AzureLLMInferenceTrace_conv.csv", 19_366, 22_361_870, 4_088_665, "2023-11-16T18:15:46.68059Z", "2023-11-16T19:14:08.402527Z"},
		{"agentic", "agentic-coding-traces/agentic_requests.csv.gz", 6_000, 797_695_601, 2_491_590, "2026-03-02T00:00:00Z", "2026-03-05T10:31:55Z"},
	} {
		t.Run(tt.sample, func(t *testing.T) {
			t.Parallel()
			sample, found := SampleOf("sample:" + tt.sample)
			if !found {
				t.Fatal("there is no such sample")
			}
			o := options(sample.Format, sample.File())
			o.Start = sample.Start
			log, result := replayed(t, o)
			truth := result.Truth.Of(schemas.TokenCallType)
			if result.Skipped != 0 || len(result.Unended) > 0 || truth.Events != tt.rows || truth.InputTokens.Low != tt.inputs || truth.OutputTokens.Low != tt.outputs {
				t.Errorf("got %d events, %s and %s tokens, %d skipped", truth.Events, truth.InputTokens, truth.OutputTokens, result.Skipped)
			}
			if first, last := result.First.Format(time.RFC3339Nano), result.Last.Format(time.RFC3339Nano); first != tt.first || last != tt.last {
				t.Errorf("events from %s to %s", first, last)
			}
			o.Speed = 1e9
			if paced, _ := replayed(t, o); uint64(len(paced.calls)) != tt.rows {
				t.Errorf("with a pace there are %d events", len(paced.calls))
			}
			o.Speed, o.Files, o.Limit = 0, []string{env.Data(t, tt.file)}, int64(tt.rows)
			whole, _ := replayed(t, o)
			if !slices.EqualFunc(log.calls, whole.calls, func(a, b *usagev1.TokenCall) bool { return show(a) == show(b) }) {
				t.Error("the events are not those of the file")
			}
		})
	}
}
