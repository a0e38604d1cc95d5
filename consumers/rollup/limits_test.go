package rollup

import (
	"strings"
	"testing"
	"time"

	"tidemark/consumers/spans"
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

// TestMinutesAreSoonAgain expects rollups per minute to wait for a multiple of what they took, but not longer than MinutePause
// unless they would take most of the time then. Others wait no longer than HourPause, unless they would take more than a tenth of it.
func TestMinutesAreSoonAgain(t *testing.T) {
	limits, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		minutes int32
		took    time.Duration
		fixed   float64
		want    time.Duration
	}{
		{1, 10 * time.Millisecond, 1, 50 * time.Millisecond},
		{1, 200 * time.Millisecond, 1, time.Second},
		{1, 1500 * time.Millisecond, 1, time.Second},
		{1, 10 * time.Second, 1, 5 * time.Second},
		{60, 1500 * time.Millisecond, 1, 30 * time.Second},
		{60, 4 * time.Second, 1, time.Minute},
		{60, 10 * time.Second, 1, 100 * time.Second},
		{60, 1500 * time.Millisecond, 0.4, 12 * time.Second},
		{60, 1500 * time.Millisecond, 0.1, 4500 * time.Millisecond}, // Three times what it took.
	} {
		w := &Worker{Now: func() time.Time { return time.Unix(0, 0) }}
		table := &Table{}
		table.Name, table.Minutes = "some", test.minutes
		w.pause(table, spans.Span{From: 0, To: 60}, test.took, test.fixed, limits)
		if got := w.pauses["some"][0].until.Sub(w.now()); got != test.want {
			t.Errorf("a range of %d minutes that took %s waits %s, want %s", test.minutes, test.took, got, test.want)
		}
	}
}
