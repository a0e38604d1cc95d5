package load

import (
	"fmt"
	"io"
	"math/rand/v2"
	"sort"
	"time"

	"tidemark/producers"
)

// Arrival is how events are spread over time.
type Arrival string

// The arrivals.
const (
	Constant Arrival = "constant" // The same time between each two events.
	Poisson  Arrival = "poisson"  // As of many senders that know nothing of one another.
)

// ParseArrival returns the arrival of that name.
func ParseArrival(name string) (Arrival, error) {
	switch a := Arrival(name); a {
	case Constant, Poisson:
		return a, nil
	}
	return "", fmt.Errorf("%q is not %s or %s", name, Constant, Poisson)
}

// schedule returns when event n is due, from the start of the run. It depends on nothing but its arguments: no answer
// moves it. It is to be called with numbers that never decrease.
func schedule(a Arrival, c *curve, seed uint64) func(n uint64) time.Duration {
	if a == Poisson {
		random := rand.New(rand.NewPCG(seed, 0x70015501))
		var events float64 // A Poisson process of one per unit, stretched to the rate.
		var known uint64
		return func(n uint64) time.Duration {
			for ; known < n; known++ {
				events += random.ExpFloat64()
			}
			return c.due(events)
		}
	}
	return func(n uint64) time.Duration { return c.due(float64(n)) }
}

// source gives the items of another source that are due before an end.
type source struct {
	producers.Source
	end time.Duration

	whole bool   // All of them were made.
	made  uint64 // How many were.
}

// Next implements producers.Source.
func (s *source) Next(b *producers.Batch, limit int) error {
	err := s.Source.Next(b, limit)
	n := sort.Search(len(b.Items), func(i int) bool { return b.Items[i].Due >= s.end })
	s.made += uint64(n)
	if n < len(b.Items) {
		b.Items = b.Items[:n]
		s.whole = true
		return io.EOF
	}
	return err
}

// unsent returns about how many items were due that were not sent when the run had to end: those that were made, and
// those that were not. last is when the last one sent was due.
func (s *source) unsent(sent uint64, last time.Duration, c *curve) uint64 {
	if s.whole && sent >= s.made || last >= s.end {
		return 0
	}
	return uint64(c.events(s.end) - c.events(last))
}
