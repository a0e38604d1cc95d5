package rollup

import (
	"strings"
	"testing"
	"time"
)

// TestNegativeLimits expects an error that names each field, before anything is sent to the database.
func TestNegativeLimits(t *testing.T) {
	w := &Worker{Limits: Limits{Pause: -1, Threads: -2, RetryMax: -time.Second}}
	_, stepErr := w.Step(t.Context())
	for name, err := range map[string]error{"Step": stepErr, "UntilCaughtUp": w.UntilCaughtUp(t.Context()), "Run": w.Run(t.Context())} {
		if err == nil || strings.Count(err.Error(), "must not be negative") != 3 || !strings.Contains(err.Error(), "RetryMax") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&Rebuild{Rows: -1}).Next(t.Context()); err == nil || !strings.Contains(err.Error(), "Rows must not be negative") {
		t.Errorf("Rebuild: %v", err)
	}
}
