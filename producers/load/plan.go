package load

import (
	"fmt"
	"math"
	"sort"
	"time"
)

// Plan says how the rate of a run changes: it begins at Start and moves in a straight line to the rate of each step within
// the time of the step. A step without time is a jump. Rates are in events per second.
type Plan struct {
	Start float64
	Steps []Step
}

// Step is a part of a Plan.
type Step struct {
	For time.Duration
	To  float64
}

// Profile is a shape of a Plan.
type Profile string

// The profiles.
const (
	Steady Profile = "constant" // The rate all the time.
	Ramp   Profile = "ramp"     // From nothing to the rate in a straight line.
	Stairs Profile = "step"     // A fifth of the rate, two fifths, and so on.
	Spike  Profile = "spike"    // A tenth of the rate; the rate for the middle fifth of the time; a tenth again.
)

// Profiles are the names of all profiles.
var Profiles = []Profile{Steady, Ramp, Stairs, Spike}

// stairs is how many steps Stairs has.
const stairs = 5

// Plan returns the plan of the profile that takes a time and whose highest rate is rate.
func (p Profile) Plan(rate float64, d time.Duration) (Plan, error) {
	switch p {
	case Steady:
		return Plan{Start: rate, Steps: []Step{{d, rate}}}, nil
	case Ramp:
		return Plan{Steps: []Step{{d, rate}}}, nil
	case Stairs:
		var plan Plan
		for i := range stairs {
			to := rate * float64(i+1) / stairs
			plan.Steps = append(plan.Steps, Step{0, to}, Step{d/stairs*time.Duration(i+1) - d/stairs*time.Duration(i), to})
		}
		plan.Start = rate / stairs
		return plan, nil
	case Spike:
		low, first, middle := rate/10, d*2/5, d/5
		return Plan{Start: low, Steps: []Step{{first, low}, {0, rate}, {middle, rate}, {0, low}, {d - first - middle, low}}}, nil
	}
	return Plan{}, fmt.Errorf("%q is not one of %v", string(p), Profiles)
}

// Takes returns how long the steps take together.
func (p Plan) Takes() time.Duration {
	var sum time.Duration
	for _, s := range p.Steps {
		sum += s.For
	}
	return sum
}

// Highest returns the highest rate.
func (p Plan) Highest() float64 {
	highest := p.Start
	for _, s := range p.Steps {
		highest = max(highest, s.To)
	}
	return highest
}

// Validate returns what is wrong with the plan.
func (p Plan) Validate() error {
	for _, s := range append([]Step{{0, p.Start}}, p.Steps...) {
		if !(s.To >= 0) || math.IsInf(s.To, 0) || s.For < 0 {
			return fmt.Errorf("a step of %s to %v events/s: neither may be below 0", s.For, s.To)
		}
	}
	return nil
}

// curve is a Plan with the warm-up before it, ready to be asked. All times are since the start of the run.
type curve struct {
	corners []corner
}

// corner is where the rate begins to change in another way.
type corner struct {
	at     float64 // Seconds.
	rate   float64
	climb  float64 // Of the rate, per second, until the next corner.
	events float64 // Due before it.
}

// curve returns the plan after a warm-up at its first rate. The rate stays after the last step.
func (p Plan) curve(warmup time.Duration) *curve {
	c := &curve{}
	at, rate, events := 0.0, p.Start, 0.0
	for _, s := range append([]Step{{warmup, p.Start}}, p.Steps...) {
		took := s.For.Seconds()
		if took > 0 {
			c.corners = append(c.corners, corner{at: at, rate: rate, climb: (s.To - rate) / took, events: events})
			at, events = at+took, events+(rate+s.To)/2*took
		}
		rate = s.To
	}
	c.corners = append(c.corners, corner{at: at, rate: rate, events: events})
	return c
}

// events returns how many events are due before a time.
func (c *curve) events(at time.Duration) float64 {
	t := at.Seconds()
	i := max(sort.Search(len(c.corners), func(i int) bool { return c.corners[i].at > t })-1, 0)
	from := c.corners[i]
	since := max(t-from.at, 0)
	return from.events + (from.rate+from.climb*since/2)*since
}

// end returns when the last step ends.
func (c *curve) end() time.Duration { return duration(c.corners[len(c.corners)-1].at) }

// mean returns the mean rate of a time.
func (c *curve) mean(from, to time.Duration) float64 {
	if to <= from {
		return 0
	}
	return (c.events(to) - c.events(from)) / (to - from).Seconds()
}

// due returns when an amount of events is due: the last moment at which events gives it, so that nothing is due while the
// rate is 0. It is the end of time if there never are as many.
func (c *curve) due(events float64) time.Duration {
	i := max(sort.Search(len(c.corners), func(i int) bool { return c.corners[i].events > events })-1, 0)
	from := c.corners[i]
	rest := events - from.events
	var since float64
	switch root := from.rate*from.rate + 2*from.climb*rest; {
	case rest <= 0:
	case from.climb == 0 && from.rate == 0:
		return math.MaxInt64
	case from.climb == 0:
		since = rest / from.rate
	default: // The form that does not lose digits where the climb is small.
		since = 2 * rest / (from.rate + math.Sqrt(max(root, 0)))
	}
	return duration(from.at + since)
}

// duration returns seconds as a time, without losing the nanoseconds of long times.
func duration(seconds float64) time.Duration {
	whole := math.Floor(seconds)
	return time.Duration(whole)*time.Second + time.Duration((seconds-whole)*float64(time.Second))
}
