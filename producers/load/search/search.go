// Package search finds the highest rate that a system sustains, by trials that may err. It is pure: the caller makes the
// trials.
//
//	bracket: short trials at rates that double, until one fails twice
//	bisect:  full trials between the two, until the bounds are close to one another
//	confirm: both bounds again and again; a bound that does not hold moves, and the search goes on from there
//
// The method is that of MLRsearch: a short trial only says where to look, and a bound holds by the majority of its full
// trials. What cannot be brought into one order, since the system changed meanwhile, is called inconsistent.
package search

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Outcome is what a trial came to.
type Outcome string

// The outcomes.
const (
	Pass Outcome = "pass"
	Fail Outcome = "fail"
	// Unoffered means that the generator did not offer the rate: higher ones cannot be tried.
	Unoffered Outcome = "generator_limited"
)

// Config says how to search. All fields are required.
type Config struct {
	// From is where the search begins, To where it ends at the latest, in events per second.
	From, To float64
	// Precision is how far the bounds may be apart, as a share of the upper one.
	Precision float64
	// Trials is how often each bound is tried.
	Trials int
	// Short and Full are the lengths of the trials.
	Short, Full time.Duration
	// Most bounds the number of full trials.
	Most int
}

// Validate returns all that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.From > 0 && c.From <= c.To && !math.IsInf(c.To, 0), "the search goes from %v to %v events/s: both above 0, and the first at most the second", c.From, c.To)
	check(c.Precision >= 0.001 && c.Precision <= 0.5, "a precision of %v is not between 0.001 and 0.5", c.Precision)
	check(c.Trials >= 1 && c.Trials%2 == 1, "%d trials of a bound: an odd number has a majority", c.Trials)
	check(c.Short > 0 && c.Full > 0 && c.Most > 0, "trials of %s and %s, at most %d: all above 0", c.Short, c.Full, c.Most)
	return errors.Join(errs...)
}

// Expected returns about how long the trials of a search take, without what is between them: if the capacity is in the
// middle of the range, and if every bound holds at once.
func (c Config) Expected() time.Duration {
	doublings := math.Ceil(math.Log2(c.To/c.From) / 2)
	halvings := math.Ceil(math.Log2(math.Log(2) / -math.Log1p(-c.Precision)))
	return time.Duration(1+doublings)*c.Short + time.Duration(halvings+float64(2*c.majority()-1))*c.Full
}

func (c Config) majority() int { return c.Trials/2 + 1 }

// Trial is one trial.
type Trial struct {
	Rate    float64 `json:"rate_events_per_s"`
	Phase   string  `json:"phase"` // "bracket", "bisect" or "confirm".
	Outcome Outcome `json:"outcome"`
}

// State is how far a search came.
type State string

// The states.
const (
	Found        State = "found"         // Both bounds hold.
	AboveRange   State = "above_range"   // The highest rate of the range passes.
	BelowRange   State = "below_range"   // No rate passed.
	Limited      State = "limited"       // The generator did not offer more than Lower.
	Inconsistent State = "inconsistent"  // The trials contradict one another: the capacity changed, or the noise is too large.
	OutOfTrials  State = "out_of_trials" // The bounds are the best known, not confirmed.
	Ended        State = "ended_early"   // The same: a trial could not be made.
)

// Result is what a search found.
type Result struct {
	State State `json:"state"`
	// Lower is the highest rate that is sustained, 0 for none; Upper the lowest one that is not, 0 if none is known.
	Lower  float64 `json:"lower_events_per_s"`
	Upper  float64 `json:"upper_events_per_s"`
	Trials []Trial `json:"trials"`
}

// target is what to plan with, as a share of what is sustained.
const target = 0.7

// Recommended returns the rate to plan with, 0 if no rate was confirmed.
func (r Result) Recommended() float64 {
	if r.State != Found && r.State != AboveRange {
		return 0
	}
	return target * r.Lower
}

// search is a search under way.
type search struct {
	Config
	try    func(rate float64, length time.Duration, phase string) (Outcome, error)
	trials []Trial
	full   int // Trials made.
	lower  float64
	upper  float64 // 0 if none is known.
	votes  map[float64]*votes
}

type votes struct{ passed, failed int }

// errOutOfTrials and errUnoffered end a search early.
var (
	errOutOfTrials = errors.New("out of trials")
	errUnoffered   = errors.New("the generator did not offer the rate")
)

// Find searches. try makes a trial at a rate; its error ends the search.
func Find(c Config, try func(rate float64, length time.Duration, phase string) (Outcome, error)) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	s := &search{Config: c, try: try, votes: map[float64]*votes{}}
	state, err := s.run()
	switch {
	case errors.Is(err, errOutOfTrials):
		state, err = OutOfTrials, nil
	case errors.Is(err, errUnoffered):
		state, err = Limited, nil
	}
	switch {
	case err != nil:
		state = Ended
	case s.contradicted():
		state = Inconsistent
	}
	return Result{State: state, Lower: s.lower, Upper: s.upper, Trials: s.trials}, err
}

func (s *search) run() (State, error) {
	if state, err := s.bracket(); state != "" || err != nil {
		return state, err
	}
	step := s.Precision
	for {
		if err := s.bisect(); err != nil {
			return "", err
		}
		holds, err := s.holds(s.lower)
		if err != nil {
			return "", err
		}
		if !holds { // The bound moves in steps that double: it may be far off.
			s.upper, s.lower = s.lower, s.lower*(1-step)
			delete(s.votes, s.upper) // It has to fail at the end too: the system may have changed by then.
			step = min(2*step, 0.5)
			continue
		}
		passes, err := s.holds(s.upper)
		if err != nil {
			return "", err
		}
		if !passes {
			return Found, nil
		}
		if s.upper >= s.To {
			s.lower, s.upper = s.upper, 0
			return AboveRange, nil
		}
		s.lower, s.upper = s.upper, min(s.upper/(1-step), s.To)
		delete(s.votes, s.lower)
		step = min(2*step, 0.5)
	}
}

// bracket finds a rate that passes a short trial and one that does not.
func (s *search) bracket() (State, error) {
	const lowest = 1.0 / 1024 // Of From.
	for rate := s.From; ; rate = min(2*rate, s.To) {
		outcome, err := s.short(rate)
		if err != nil {
			return "", err
		}
		if outcome == Fail {
			s.upper = rate
			break
		}
		if s.lower = rate; rate >= s.To {
			holds, err := s.holds(rate)
			if err != nil || holds {
				return AboveRange, err
			}
			s.lower, s.upper = rate/2, rate
			return "", nil
		}
	}
	for s.lower == 0 {
		rate := s.upper / 2
		if rate < s.From*lowest {
			return BelowRange, nil
		}
		outcome, err := s.short(rate)
		if err != nil {
			return "", err
		}
		if outcome == Fail {
			s.upper = rate
		} else {
			s.lower = rate
		}
	}
	return "", nil
}

// short makes a short trial, and a second one if it fails: one bad second must not send the search to a tenth of the rate.
func (s *search) short(rate float64) (Outcome, error) {
	outcome, err := s.trial(rate, s.Short, "bracket")
	if err == nil && outcome == Fail {
		return s.trial(rate, s.Short, "bracket")
	}
	return outcome, err
}

// bisect brings the bounds close to one another.
func (s *search) bisect() error {
	for s.upper-s.lower > s.Precision*s.upper*(1+1e-9) {
		middle := math.Sqrt(s.lower * s.upper)
		outcome, err := s.trial(middle, s.Full, "bisect")
		if err != nil {
			return err
		}
		if outcome == Pass {
			s.lower = middle
		} else {
			s.upper = middle
		}
	}
	return nil
}

// holds reports whether the majority of the full trials of a rate pass. It makes those that are missing to say so.
func (s *search) holds(rate float64) (bool, error) {
	for {
		if v := s.votes[rate]; v != nil {
			if v.passed >= s.majority() {
				return true, nil
			}
			if v.failed >= s.majority() {
				return false, nil
			}
		}
		if _, err := s.trial(rate, s.Full, "confirm"); err != nil {
			return false, err
		}
	}
}

func (s *search) trial(rate float64, length time.Duration, phase string) (Outcome, error) {
	if phase != "bracket" {
		if s.full++; s.full > s.Most {
			return "", errOutOfTrials
		}
	}
	outcome, err := s.try(rate, length, phase)
	if err != nil {
		return "", fmt.Errorf("trial at %.0f events/s: %w", rate, err)
	}
	s.trials = append(s.trials, Trial{rate, phase, outcome})
	if outcome == Unoffered {
		return "", errUnoffered
	}
	if phase != "bracket" {
		if s.votes[rate] == nil {
			s.votes[rate] = &votes{}
		}
		if outcome == Pass {
			s.votes[rate].passed++
		} else {
			s.votes[rate].failed++
		}
	}
	return outcome, nil
}

// contradicted reports whether a full trial passed far above the upper bound or failed far below the lower one. Noise
// does not do that.
func (s *search) contradicted() bool {
	margin := max(2*s.Precision, 0.1)
	return slices.ContainsFunc(s.trials, func(t Trial) bool {
		return t.Phase != "bracket" && (t.Outcome == Pass && s.upper > 0 && t.Rate > s.upper*(1+margin) ||
			t.Outcome == Fail && t.Rate < s.lower*(1-margin))
	})
}

// ByRate returns the trials in the order of their rates.
func (r Result) ByRate() []Trial {
	return slices.SortedStableFunc(slices.Values(r.Trials), func(a, b Trial) int { return cmp.Compare(a.Rate, b.Rate) })
}
