package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tidemark/internal/plural"
)

// partitionKey names one partition of a topic, without the namespace.
type partitionKey struct {
	topic string
	id    int32
}

// positions remember, for every partition that the brokers list, its position, its end, and when the position last moved. They
// are safe for concurrent use.
type positions struct {
	mu    sync.Mutex
	stall time.Duration
	parts map[partitionKey]position
	down  error // why the brokers could not be asked, nil when they could
	asked bool
}

type position struct {
	at, end int64
	moved   time.Time
}

// newPositions returns empty positions. A partition with lag that has not moved for stall is not ready.
func newPositions(stall time.Duration) *positions {
	return &positions{stall: stall, parts: map[partitionKey]position{}}
}

// update notes the position and the end of a partition as they are now.
func (p *positions) update(key partitionKey, at, end int64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.parts[key]
	if !known || at > last.at || at == end || last.at == last.end {
		last.moved = now
	}
	last.at, last.end = at, end
	p.parts[key] = last
	p.asked = true
}

// unreachable notes why the brokers did not answer; nil means that they did.
func (p *positions) unreachable(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = err
}

// ready returns an error that names the partitions without progress, nil if there are none.
func (p *positions) ready(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down != nil {
		return fmt.Errorf("the brokers do not answer: %w", p.down)
	}
	if !p.asked {
		return errors.New("starting: no partition has been read yet")
	}
	var stalled []string
	for key, s := range p.parts {
		// A position that stays beyond the end means that the log lost records or is another one.
		if idle := now.Sub(s.moved); s.at != s.end && idle > p.stall {
			stalled = append(stalled, fmt.Sprintf("%s/%d: at offset %d of %d, no progress for %s", key.topic, key.id, s.at, s.end, idle.Round(time.Second)))
		}
	}
	if len(stalled) == 0 {
		return nil
	}
	slices.Sort(stalled)
	return fmt.Errorf("%s stalled or without an owner:\n%s", plural.Of(len(stalled), "partition is"), strings.Join(stalled, "\n"))
}

// lag returns the number of offsets that are not accounted for yet, over all partitions, and whether any was read.
func (p *positions) lag() (offsets int64, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.parts {
		offsets += max(s.end-s.at, 0)
	}
	return offsets, p.asked
}
