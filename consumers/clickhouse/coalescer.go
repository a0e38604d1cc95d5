package clickhouse

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// maxJoinedRows bounds the rows of one INSERT that several parts share.
const maxJoinedRows = 1 << 18

// gatherTime is how long the first of some inserts waits for the others: blocks of partitions close at the same moment, but
// their workers do not come at the same moment.
const gatherTime = 10 * time.Millisecond

// insertPart is the rows that one caller inserts, as columns.
type insertPart struct {
	input proto.Input
	rows  int
}

// coalescer joins the inserts into one table. The first caller waits for others for gatherTime. While one INSERT is running,
// further callers wait, and the next INSERT takes the parts of all that wait. So many partitions with few rows each cost about
// as much as one, and a busy table gets larger parts.
//
// Nothing depends on which rows share an INSERT: rows are keyed by coordinates, and a caller that gets no answer sends
// its rows again.
type coalescer struct {
	table string
	// send makes one INSERT of the parts; its error counts for all of them.
	send func(ctx context.Context, table string, parts []insertPart) error

	mu      sync.Mutex
	busy    bool
	waiting []*waiter
}

// waiter is a caller of insert.
type waiter struct {
	insertPart
	lead chan struct{} // Closed when the waiter is to make the next INSERT.
	done chan error    // The result of the INSERT that took the waiter's part. Its capacity is one.
}

// errRefusedTogether is the result of an INSERT of several parts that ClickHouse refused: it does not tell whose rows.
var errRefusedTogether = errors.New("refused together with the rows of others")

// insert returns when the rows of the part are inserted or the attempt has failed. Nobody reads the columns any more
// then.
func (c *coalescer) insert(ctx context.Context, part insertPart) error {
	w, first := c.enqueue(part)
	if first {
		gather(ctx)
	}
	leads, err := c.wait(ctx, w)
	if leads {
		taken := c.takeBatch(w)
		parts := make([]insertPart, len(taken))
		for i, t := range taken {
			parts[i] = t.insertPart
		}
		err = c.send(ctx, c.table, parts)
		if len(parts) > 1 && IsRefused(err) {
			err = errRefusedTogether
		}
		c.passLead()
		for _, t := range taken {
			if t != w {
				t.done <- err
			}
		}
	}
	if errors.Is(err, errRefusedTogether) {
		return c.send(ctx, c.table, []insertPart{part}) // Sent alone, each part shows whether its own rows are refused.
	}
	return err
}

// gather waits for further callers.
func gather(ctx context.Context) {
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// enqueue adds a waiter, which is first and leads when no INSERT is running.
func (c *coalescer) enqueue(part insertPart) (w *waiter, first bool) {
	w = &waiter{insertPart: part, lead: make(chan struct{}), done: make(chan error, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, w)
	if first = !c.busy; first {
		c.busy = true
		close(w.lead)
	}
	return w, first
}

// wait waits until the waiter leads, or until there is a result for its part.
func (c *coalescer) wait(ctx context.Context, w *waiter) (leads bool, result error) {
	select {
	case err := <-w.done:
		return false, err
	case <-w.lead:
		return true, nil
	case <-ctx.Done():
		if c.withdraw(w) {
			return false, ctx.Err()
		}
	}
	// A leader has taken the part: its columns are in use until that INSERT ends. Or the waiter leads itself; as its
	// context has ended, its INSERT fails at once and it passes the lead on.
	select {
	case err := <-w.done:
		return false, err
	case <-w.lead:
		return true, nil
	}
}

// withdraw removes a waiter whose part nobody has taken and who does not lead.
func (c *coalescer) withdraw(w *waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-w.lead:
		return false
	default:
	}
	for i, other := range c.waiting {
		if other == w {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// takeBatch removes the leader, and as many of the others as fit into one INSERT, from those that wait, and returns
// them.
func (c *coalescer) takeBatch(leader *waiter) []*waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken, rows := []*waiter{leader}, leader.rows
	var rest []*waiter
	for _, w := range c.waiting {
		switch {
		case w == leader:
		case rows+w.rows <= maxJoinedRows:
			taken, rows = append(taken, w), rows+w.rows
		default:
			rest = append(rest, w)
		}
	}
	c.waiting = rest
	return taken
}

// passLead gives the lead to the waiter that has waited longest.
func (c *coalescer) passLead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.busy = false
		return
	}
	close(c.waiting[0].lead)
}
