package replay

import (
	"math"
	"time"
)

// pace says when events are due.
type pace struct {
	speed float64 // 0: at once.
	rate  float64 // At most, events a second; 0: any.
	begun bool
	first int64 // Microseconds since 1970.
	last  time.Duration
	free  float64 // When the rate allows the next event, nanoseconds.
}

// due returns when the event of that time, in microseconds since 1970, is to be sent, counted from the start of the
// replay. It never goes back: an event before an earlier one is due with it.
func (p *pace) due(timeUs int64) time.Duration {
	if p.speed > 0 {
		if !p.begun {
			p.begun, p.first = true, timeUs
		}
		const longest = math.MaxInt64 / 2 // Room to add to it.
		after := min(float64(timeUs-p.first)*float64(time.Microsecond)/p.speed, longest)
		p.last = max(p.last, time.Duration(after))
	}
	return p.next()
}

// next returns when an item is due that has no time: with the event before it.
func (p *pace) next() time.Duration {
	if p.rate > 0 {
		p.last = max(p.last, time.Duration(p.free))
		p.free = max(p.free, float64(p.last)) + float64(time.Second)/p.rate
	}
	return p.last
}
