package collector

import (
	"sync"
	"sync/atomic"
	"time"
)

// gate bounds the memory of all requests.
type gate struct {
	limit int64
	used  atomic.Int64
}

// take takes n bytes, if there is room for them.
func (g *gate) take(n int64) bool {
	if g.used.Add(n) <= g.limit {
		return true
	}
	g.used.Add(-n)
	return false
}

// hold is what one request has taken.
type hold struct {
	gate  *gate
	bytes int64
}

func (h *hold) take(n int) bool {
	if !h.gate.take(int64(n)) {
		return false
	}
	h.bytes += int64(n)
	return true
}

func (h *hold) give(n int) {
	h.gate.used.Add(-int64(n))
	h.bytes -= int64(n)
}

func (h *hold) giveAll() { h.give(int(h.bytes)) }

// rates are how far each key is within its rate.
type rates struct {
	mu      sync.Mutex
	buckets map[string]*bucket // By the id of the key.
}

// bucket holds the events that a key may still send: at most those of burst, and fewer than 0 after a large request.
type bucket struct {
	room float64
	at   time.Time
}

// burst is how many seconds of its rate a key may save.
const burst = 2

// wait returns how long a key must wait before its next request; 0 if it need not.
func (r *rates) wait(id string, rate float64) time.Duration {
	if rate <= 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	room := r.fill(id, rate).room
	if room > 0 {
		return 0
	}
	// Never 0: the bucket is empty. A wait that is too long for a duration is a long one.
	return time.Duration(min((1-room)/rate, 3600) * float64(time.Second))
}

// take counts n events of a key; a negative n takes them back.
func (r *rates) take(id string, rate float64, n int) {
	if rate <= 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fill(id, rate).room -= float64(n)
}

// fill returns the bucket of a key with what has come in since.
func (r *rates) fill(id string, rate float64) *bucket {
	now := time.Now()
	b := r.buckets[id]
	if b == nil {
		if r.buckets == nil {
			r.buckets = map[string]*bucket{}
		}
		b = &bucket{room: max(rate*burst, 1), at: now}
		r.buckets[id] = b
	}
	b.room = min(b.room+now.Sub(b.at).Seconds()*rate, max(rate*burst, 1))
	b.at = now
	return b
}

// drain lets the requests under way end and no new one begin.
type drain struct {
	mu     sync.Mutex
	active int
	ended  chan struct{} // Closed when draining and no request is under way; nil before.
}

// begin counts a request; false when draining.
func (d *drain) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended != nil {
		return false
	}
	d.active++
	return true
}

func (d *drain) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active--
	if d.ended != nil && d.active == 0 {
		close(d.ended)
	}
}

// start begins to drain. The channel is closed when no request is under way. Call it once.
func (d *drain) start() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = make(chan struct{})
	if d.active == 0 {
		close(d.ended)
	}
	return d.ended
}

func (d *drain) draining() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ended != nil
}
