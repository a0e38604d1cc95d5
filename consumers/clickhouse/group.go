package clickhouse

import (
	"context"
	"sync"

	"github.com/ClickHouse/ch-go/proto"
)

// maxGroupRows bounds the rows of one INSERT that several blocks share.
const maxGroupRows = 1 << 18

// block is what one caller has to insert.
type block struct {
	input proto.Input
	rows  int
}

// group joins the inserts into one table: while one is on its way, those that come wait, and the next INSERT takes what
// has gathered. So many partitions with little to insert cost about as much as one, and a busy table gets larger parts.
//
// Joining is free to choose because nothing depends on which rows share an INSERT: rows are keyed by coordinates, and
// whoever does not get an answer sends its rows again.
type group struct {
	// send makes one INSERT of the blocks; the error holds for all of them.
	send func(ctx context.Context, blocks []block) error

	mu      sync.Mutex
	busy    bool
	waiting []*waiter
}

type waiter struct {
	block
	lead chan struct{} // closed when the waiter is to make the next INSERT
	done chan error    // of the INSERT that took the waiter's block; holds one
}

// insert returns when the block's rows are inserted or the attempt has failed. Nobody reads the block any more then.
func (g *group) insert(ctx context.Context, b block) error {
	w := &waiter{block: b, lead: make(chan struct{}), done: make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	if !g.busy {
		g.busy = true
		close(w.lead)
	}
	g.mu.Unlock()
	select {
	case err := <-w.done:
		return err
	case <-w.lead:
	case <-ctx.Done():
		if g.withdraw(w) {
			return ctx.Err()
		}
		// Somebody has taken the block: its columns are in use until that INSERT ends. Or it is w's turn to lead, which
		// with a context that has ended only passes the turn on.
		select {
		case err := <-w.done:
			return err
		case <-w.lead:
		}
	}
	taken := g.take(w)
	blocks := make([]block, len(taken))
	for i, t := range taken {
		blocks[i] = t.block
	}
	err := g.send(ctx, blocks)
	g.pass()
	for _, t := range taken {
		if t != w {
			t.done <- err
		}
	}
	return err
}

// withdraw removes a waiter whose block nobody has taken and who does not lead.
func (g *group) withdraw(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.lead:
		return false
	default:
	}
	for i, other := range g.waiting {
		if other == w {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// take returns the leader and as many of the others as fit into one INSERT, and removes them.
func (g *group) take(leader *waiter) []*waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	taken, rows := []*waiter{leader}, leader.rows
	var rest []*waiter
	for _, w := range g.waiting {
		switch {
		case w == leader:
		case rows+w.rows <= maxGroupRows:
			taken, rows = append(taken, w), rows+w.rows
		default:
			rest = append(rest, w)
		}
	}
	g.waiting = rest
	return taken
}

// pass gives the lead to the one that waits longest.
func (g *group) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.busy = false
		return
	}
	close(g.waiting[0].lead)
}
