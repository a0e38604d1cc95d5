package app

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPositionsReady(t *testing.T) {
	now := time.Unix(1000, 0)
	p := newPositions(10 * time.Second)
	f := func(after time.Duration, want string) {
		t.Helper()
		err := p.ready(now.Add(after))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("after %s: %v, want %q", after, err, want)
		}
	}
	f(0, "starting")
	key := partitionKey{"queries.v1", 3}
	p.update(key, 5, 5, now)
	f(time.Hour, "") // Idle without lag.
	p.update(key, 5, 9, now.Add(time.Hour))
	f(time.Hour+9*time.Second, "")
	p.update(key, 5, 12, now.Add(time.Hour+9*time.Second))
	f(time.Hour+11*time.Second, "queries.v1/3: at offset 5 of 12")
	p.update(key, 6, 12, now.Add(time.Hour+12*time.Second))
	f(time.Hour+13*time.Second, "")
	if lag, known := p.lag(); lag != 6 || !known {
		t.Errorf("lag %d, known: %t, want 6", lag, known)
	}
	p.update(key, 12, 12, now.Add(time.Hour+14*time.Second))
	p.update(key, 12, 3, now.Add(time.Hour+15*time.Second)) // The log lost records.
	f(time.Hour+24*time.Second, "")
	p.update(key, 12, 3, now.Add(time.Hour+26*time.Second))
	f(time.Hour+26*time.Second, "queries.v1/3: at offset 12 of 3")
	if lag, _ := p.lag(); lag != 0 {
		t.Errorf("lag %d beyond the end, want 0", lag)
	}
	p.update(key, 12, 12, now.Add(time.Hour+27*time.Second))
	p.unreachable(errors.New("no broker"))
	f(time.Hour+28*time.Second, "no broker")
	p.unreachable(nil)
	f(time.Hour+28*time.Second, "")
}
