package load

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark/internal/test/env"
	"tidemark/producers/load/threshold"
	"tidemark/producers/load/verdict"
)

// conditions reads thresholds.
func conditions(t *testing.T, texts ...string) []threshold.Threshold {
	t.Helper()
	var found []threshold.Threshold
	for _, text := range texts {
		condition, err := ParseThreshold(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		found = append(found, condition)
	}
	return found
}

// TestThresholds: each aggregation has the value of the run, and one that does not hold fails a run that else passes.
func TestThresholds(t *testing.T) {
	s := &system{ack: func(time.Duration) time.Duration { return 5 * time.Millisecond }}
	wants := map[string]bool{
		"freshness_raw_ms:p(99)<1000": true, "freshness_raw_ms:p(100)<1": false, "freshness_raw_ms:min>4": true, "freshness_raw_ms:max<10": false,
		"acknowledged_ms:avg<5": false, "acknowledged_ms:avg<12": true, "acknowledged_ms:max>9": true, "acknowledged_ms:med>=5": true, "send_delay_ms:p(50)<20": true, "stored_events:count==30000": true,
		"queryable_rollup_events:count!=30000": false, "sent_events:rate>450": true, "acknowledged_events:rate>550": false,
		"late_raw:rate==0": true, "late_rollup:rate>0": false, "lag_end_events:value<500": true, "lag_slope_events_per_s:value>100": false, "drain_s:value<5": true,
	}
	s.thresholds = conditions(t, slices.Collect(maps.Keys(wants))...)
	sum := try(t, s, Options{Rate: 500, Arrival: Constant}, minute, nil)
	judged(t, sum, verdict.Pass, verdict.NoLimit)
	if sum.Passed() || len(sum.Thresholds) != len(wants) {
		t.Errorf("passed with %+v", sum.Thresholds)
	}
	var hold []Threshold
	for _, got := range sum.Thresholds {
		if got.OK != wants[got.Text] || got.Value == nil {
			t.Errorf("%s: %+v", got.Text, got)
		}
		if got.OK {
			hold = append(hold, got)
		}
	}
	if sum.Thresholds = hold; !sum.Passed() {
		t.Errorf("not passed with %+v", hold)
	}
}

// TestThresholdMetrics: the documentation lists every metric.
func TestThresholdMetrics(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(env.ModuleRoot(t), "docs", "load-testing.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range (&Recorder{}).figures(&Summary{}) {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/load-testing.md does not name %s", name)
		}
	}
}
