package grafana

import (
	"context"
	"errors"
	"testing"
)

// TestBusy asks for a statement when no slot is free, and when the context ends while one becomes free.
func TestBusy(t *testing.T) {
	r := NewRunner(Config{Queries: 1})
	r.slots <- struct{}{}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for range 2 {
		if _, _, err := r.Run(ctx, "SELECT 1"); !errors.Is(err, ErrBusy) {
			t.Errorf("no slot: %v", err)
		}
		r.slots = make(chan struct{}, 1)
	}
	if len(r.slots) != 0 {
		t.Error("the slot was not given back")
	}
}
