package clickhouse

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// TestGroupJoinsWaiting holds the first INSERT until the others wait, and expects one INSERT for all of them.
func TestGroupJoinsWaiting(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var sent []int
	failure := errors.New("outcome unknown")
	g := &group{send: func(_ context.Context, blocks []block) error {
		mu.Lock()
		sent = append(sent, len(blocks))
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
	go func() { errs <- g.insert(t.Context(), block{rows: 1}) }()
	<-started
	canceled, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- g.insert(canceled, block{rows: 1}) }()
	for range 9 {
		go func() { errs <- g.insert(t.Context(), block{rows: 1}) }()
	}
	waitFor(t, g, 10)
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
		t.Errorf("%d succeeded; blocks of each INSERT: %v; want 1 and [1 9]", succeeded, sent)
	}
	if g.busy || len(g.waiting) != 0 {
		t.Errorf("the group is left busy=%v with %d waiting", g.busy, len(g.waiting))
	}
}

// TestGroupBounds expects an INSERT to take no more rows than maxGroupRows, but a larger block whole.
func TestGroupBounds(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	var rows []int
	g := &group{send: func(_ context.Context, blocks []block) error {
		sum := 0
		for _, b := range blocks {
			sum += b.rows
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
			if err := g.insert(t.Context(), block{rows: n}); err != nil {
				t.Error(err)
			}
		})
	}
	insert(2 * maxGroupRows)
	<-started
	for range 5 {
		insert(maxGroupRows / 2)
	}
	waitFor(t, g, 5)
	close(release)
	all.Wait()
	total := 0
	for i, n := range rows {
		if total += n; i > 0 && n > maxGroupRows {
			t.Errorf("INSERT %d had %d rows", i, n)
		}
	}
	if total != 2*maxGroupRows+5*(maxGroupRows/2) || len(rows) != 4 {
		t.Errorf("rows of each INSERT: %v", rows)
	}
}

// waitFor returns when n blocks wait.
func waitFor(t *testing.T, g *group, n int) {
	t.Helper()
	for t.Context().Err() == nil {
		g.mu.Lock()
		waiting := len(g.waiting)
		g.mu.Unlock()
		if waiting == n {
			return
		}
	}
}
