package replay

import (
	"math"
	"time"
)

// pace decides when events are due.
type pace struct {
	speed  float64 // 0: at once.
	rate   float64 // The most events per second; 0 for no bound.
	begun  bool
	first  int64         // Microseconds since 1970.
	latest time.Duration // When the latest event is due by its time.
	last   time.Duration
	free   float64 // When the rate allows the next event, nanoseconds.
}

// due returns when to send the event of that time, in microseconds since 1970, counted from the start of the replay. It
// never decreases: an event that comes after a later one is due with that.
func (p *pace) due(timeUs int64) time.Duration {
	if p.speed > 0 {
		if !p.begun {
			p.begun, p.first = true, timeUs
		}
		p.latest = max(p.latest, p.own(timeUs))
		p.last = max(p.last, p.latest)
	}
	return p.next()
}

// own returns when the event of that time would be due by its time alone; negative if it is before the first event. It
// is for a pace with a speed, after the first call of due.
func (p *pace) own(timeUs int64) time.Duration {
	const longest = math.MaxInt64 / 4 // Room to add to it, and to subtract from it.
	after := (float64(timeUs) - float64(p.first)) * float64(time.Microsecond) / p.speed
	return time.Duration(max(min(after, longest), -longest))
}

// overdue returns how late the event of the last call of due is because it came after an event with a later time.
func (p *pace) overdue(timeUs int64) time.Duration {
	if p.speed == 0 {
		return 0
	}
	return p.latest - p.own(timeUs)
}

// next returns when an item without a time is due: with the event before it.
func (p *pace) next() time.Duration {
	if p.rate > 0 {
		p.last = max(p.last, time.Duration(p.free))
		p.free = max(p.free, float64(p.last)) + float64(time.Second)/p.rate
	}
	return p.last
}
