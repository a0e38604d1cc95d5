package cli

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// partitionKey names one partition of a topic, without the namespace.
type partitionKey struct {
	topic string
	id    int32
}

// progress remembers, for every partition that the broker lists, how far it is accounted and when that last moved.
// It answers readiness and drives the demo's view. Safe for concurrent use.
type progress struct {
	mu    sync.Mutex
	stall time.Duration
	parts map[partitionKey]standing
	down  error // why the brokers could not be asked, nil when they could
	asked bool
}

type standing struct {
	position, end int64
	moved         time.Time
}

// newProgress makes an empty record; a partition with lag that has not moved for stall is not ready.
func newProgress(stall time.Duration) *progress {
	return &progress{stall: stall, parts: map[partitionKey]standing{}}
}

// update notes where a partition stands at now.
func (p *progress) update(key partitionKey, position, end int64, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.parts[key]
	if !known || position > last.position || position == end || last.position == last.end {
		last.moved = now
	}
	last.position, last.end = position, end
	p.parts[key] = last
	p.asked = true
}

// unreachable notes that the brokers did not answer; nil takes it back.
func (p *progress) unreachable(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = err
}

// ready says why some partition is not moving, nil when all are.
func (p *progress) ready(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down != nil {
		return fmt.Errorf("brokers: %w", p.down)
	}
	if !p.asked {
		return fmt.Errorf("starting: no partition has been looked at yet")
	}
	var stalled []string
	for key, s := range p.parts {
		// A position beyond the end, when it stays, means that the log lost records or is another one.
		if idle := now.Sub(s.moved); s.position != s.end && idle > p.stall {
			stalled = append(stalled, fmt.Sprintf("%s/%d: %d of %d, has not moved for %s", key.topic, key.id, s.position, s.end, idle.Round(time.Second)))
		}
	}
	if len(stalled) == 0 {
		return nil
	}
	slices.Sort(stalled)
	return fmt.Errorf("%d partitions are stalled or have no owner:\n%s", len(stalled), strings.Join(stalled, "\n"))
}

// lag is the number of offsets not accounted yet, over all partitions.
func (p *progress) lag() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum int64
	for _, s := range p.parts {
		sum += max(s.end-s.position, 0)
	}
	return sum
}
