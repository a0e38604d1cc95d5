package clickhouse

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestCoalescerGathers expects the first of inserts that come nearly at the same moment to wait for the others, and an end of
// its context to end that wait.
func TestCoalescerGathers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []int
		c := &coalescer{send: func(ctx context.Context, _ string, parts []insertPart) error {
			sent = append(sent, len(parts))
			return ctx.Err()
		}}
		var all sync.WaitGroup
		for _, at := range []time.Duration{0, gatherTime / 2, gatherTime - 1, gatherTime + 1, 3 * gatherTime} {
			all.Go(func() {
				time.Sleep(at)
				if err := c.insert(t.Context(), insertPart{rows: 1}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if want := []int{3, 1, 1}; !slices.Equal(sent, want) {
			t.Errorf("parts of each INSERT: %v, want %v", sent, want)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if err := c.insert(ended, insertPart{rows: 1}); !errors.Is(err, context.Canceled) || time.Since(began) != 0 {
			t.Errorf("an ended context: %v after %v", err, time.Since(began))
		}
	})
}

// TestCoalescerJoinsWaiting holds the first INSERT until the others wait, and expects one INSERT for all of them.
func TestCoalescerJoinsWaiting(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var sent []int
	failure := errors.New("outcome unknown")
	c := &coalescer{send: func(_ context.Context, _ string, parts []insertPart) error {
		mu.Lock()
		sent = append(sent, len(parts))
		first := len(sent) == 1
		mu.Unlock()
		if first {
			close(started)
			<-release
			return nil
		}
		return failure
	}}
	errs := make(chan error, 10)
	go func() { errs <- c.insert(t.Context(), insertPart{rows: 1}) }()
	<-started
	canceled, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- c.insert(canceled, insertPart{rows: 1}) }()
	for range 9 {
		go func() { errs <- c.insert(t.Context(), insertPart{rows: 1}) }()
	}
	waitFor(t, c, 10)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("a waiter whose context ended got %v", err)
	}
	close(release)
	succeeded := 0
	for range 10 {
		if err := <-errs; err == nil {
			succeeded++
		} else if !errors.Is(err, failure) {
			t.Errorf("a joined insert got %v", err)
		}
	}
	if succeeded != 1 || len(sent) != 2 || sent[0] != 1 || sent[1] != 9 {
		t.Errorf("%d succeeded; parts of each INSERT: %v; want 1 and [1 9]", succeeded, sent)
	}
	if c.busy || len(c.waiting) != 0 {
		t.Errorf("the coalescer is left busy=%v with %d waiting", c.busy, len(c.waiting))
	}
}

// TestCoalescerBounds expects an INSERT to take no more rows than maxJoinedRows, but a larger part whole.
func TestCoalescerBounds(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var rows []int
	c := &coalescer{send: func(_ context.Context, _ string, parts []insertPart) error {
		sum := 0
		for _, p := range parts {
			sum += p.rows
		}
		mu.Lock()
		rows = append(rows, sum)
		first := len(rows) == 1
		mu.Unlock()
		if first {
			close(started)
			<-release
		}
		return nil
	}}
	var all sync.WaitGroup
	insert := func(n int) {
		all.Go(func() {
			if err := c.insert(t.Context(), insertPart{rows: n}); err != nil {
				t.Error(err)
			}
		})
	}
	insert(2 * maxJoinedRows)
	<-started
	for range 5 {
		insert(maxJoinedRows / 2)
	}
	waitFor(t, c, 5)
	close(release)
	all.Wait()
	total := 0
	for i, n := range rows {
		if total += n; i > 0 && n > maxJoinedRows {
			t.Errorf("INSERT %d had %d rows", i, n)
		}
	}
	if total != 2*maxJoinedRows+5*(maxJoinedRows/2) || len(rows) != 4 {
		t.Errorf("rows of each INSERT: %v", rows)
	}
}

// waitFor returns when n parts wait.
func waitFor(t *testing.T, c *coalescer, n int) {
	t.Helper()
	for t.Context().Err() == nil {
		c.mu.Lock()
		waiting := len(c.waiting)
		c.mu.Unlock()
		if waiting == n {
			return
		}
	}
}
