package search

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func config() Config {
	return Config{From: 1000, To: 1e6, Precision: 0.05, Trials: 3, Short: 15 * time.Second, Full: time.Minute, Most: 60}
}

// system is a system whose capacity has noise, and may change in time. A short trial passes a rate that a full one does
// not, since what is behind fills up first.
type system struct {
	capacity func(now time.Duration) float64
	noise    float64
	random   *rand.Rand
	now      time.Duration
}

func (s *system) try(rate float64, length time.Duration, _ string) (Outcome, error) {
	s.now += length
	capacity := s.capacity(s.now) * math.Exp(s.random.NormFloat64()*s.noise)
	if length < time.Minute {
		capacity *= 1.2
	}
	if rate <= capacity {
		return Pass, nil
	}
	return Fail, nil
}

func steady(capacity float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return capacity }
}

// TestFinds: the capacity is found within the precision in 95 of 100 seeds at least, wherever it is.
func TestFinds(t *testing.T) {
	for _, noise := range []float64{0, 0.01, 0.02} {
		good, most := 0, 0
		for seed := range uint64(100) {
			random := rand.New(rand.NewPCG(seed, 3))
			capacity := math.Exp(random.Float64()*math.Log(500)) * 1500
			s := &system{capacity: steady(capacity), noise: noise, random: random}
			r, err := Find(config(), s.try)
			if err != nil {
				t.Fatal(err)
			}
			if r.State == Found && r.Upper-r.Lower > 0.05*r.Upper*1.001 {
				t.Errorf("seed %d: %v and %v are further apart than 5 %%", seed, r.Lower, r.Upper)
			}
			if middle := math.Sqrt(r.Lower * r.Upper); r.State == Found && math.Abs(middle-capacity) <= 0.05*capacity {
				good++
			}
			most = max(most, len(r.Trials))
		}
		if good < 95 || most > 65 {
			t.Errorf("noise %v: found in %d of 100 seeds, with up to %d trials", noise, good, most)
		}
	}
}

// TestMoves: a capacity that falls or rises by much is called inconsistent when trials have shown both values. If they
// have shown only the later one, that is what is found.
func TestMoves(t *testing.T) {
	count := func(when func(s *system, phase string) bool, factor float64) (moves, inconsistent, right int) {
		for seed := range uint64(100) {
			random := rand.New(rand.NewPCG(seed, 4))
			capacity := math.Exp(random.Float64()*math.Log(100)) * 3000
			s, moved := &system{noise: 0.01, random: random, capacity: steady(capacity)}, false
			r, err := Find(config(), func(rate float64, length time.Duration, phase string) (Outcome, error) {
				if !moved && when(s, phase) {
					s.capacity, moved = steady(capacity*factor), true
				}
				return s.try(rate, length, phase)
			})
			if moved {
				moves++
			} else if factor != 1 {
				continue
			}
			switch middle := math.Sqrt(r.Lower * r.Upper); {
			case err != nil:
				t.Fatal(err)
			case r.State == Inconsistent:
				inconsistent++
			case r.State == Found && math.Abs(middle-factor*capacity) <= 0.05*factor*capacity:
				right++
			}
		}
		return moves, inconsistent, right
	}
	never := func(*system, string) bool { return false }
	confirming := func(_ *system, phase string) bool { return phase == "confirm" }
	bisecting := func(s *system, phase string) bool { return phase == "bisect" && s.now > 5*time.Minute }
	if _, n, right := count(never, 1); n > 2 || right < 95 {
		t.Errorf("a steady capacity is called inconsistent in %d of 100 seeds, and found in %d", n, right)
	}
	for _, factor := range []float64{0.6, 1.7} {
		for name, when := range map[string]func(*system, string) bool{"confirming": confirming, "bisecting": bisecting} {
			moves, n, right := count(when, factor)
			if moves < 30 || (n+right)*100 < 95*moves || n*3 < moves {
				t.Errorf("%s: of %d capacities that become %v of what they were, %d are called inconsistent and %d found", name, moves, factor, n, right)
			}
		}
	}
}

func TestEnds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	at := func(capacity, noise float64) *system {
		return &system{capacity: steady(capacity), noise: noise, random: random}
	}
	for _, test := range []struct {
		name   string
		system *system
		change func(*Config)
		state  State
		lower  float64
	}{
		{"above the range", at(1e9, 0), func(*Config) {}, AboveRange, 1e6},
		{"one rate only", at(1e9, 0), func(c *Config) { c.To = c.From }, AboveRange, 1000},
		{"takes nothing", at(0, 0), func(*Config) {}, BelowRange, 0},
		{"below the start", at(100, 0), func(*Config) {}, Found, 97},
		{"passes short trials of the end only", at(0.9e6, 0), func(*Config) {}, Found, 0.88e6},
		{"few trials", at(50_000, 0), func(c *Config) { c.Most = 3 }, OutOfTrials, 0},
		{"one trial a bound", at(50_000, 0), func(c *Config) { c.Trials = 1 }, Found, 49_000},
	} {
		c := config()
		test.change(&c)
		r, err := Find(c, test.system.try)
		if err != nil || r.State != test.state || test.state != OutOfTrials && math.Abs(r.Lower-test.lower) > 0.05*test.lower {
			t.Errorf("%s: %s, %v to %v, %v; want %s, about %v", test.name, r.State, r.Lower, r.Upper, err, test.state, test.lower)
		}
		if got := r.Recommended(); got != 0.7*r.Lower && (got != 0 || test.state == Found || test.state == AboveRange) {
			t.Errorf("%s: %v is recommended of %v", test.name, got, r.Lower)
		}
	}

	s := at(1e9, 0)
	r, err := Find(config(), func(rate float64, length time.Duration, phase string) (Outcome, error) {
		if rate > 100_000 {
			return Unoffered, nil
		}
		return s.try(rate, length, phase)
	})
	if err != nil || r.State != Limited || r.Lower != 64_000 {
		t.Errorf("the generator gives 100,000 events/s: %+v, %v", r, err)
	}
	broken := errors.New("an event was lost")
	r, err = Find(config(), func(rate float64, _ time.Duration, _ string) (Outcome, error) {
		if rate > 2000 {
			return "", broken
		}
		return Pass, nil
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "trial at 4000 events/s") || len(r.Trials) != 2 || r.State != Ended {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no start": func(c *Config) { c.From = 0 }, "end before start": func(c *Config) { c.To = 10 }, "no end": func(c *Config) { c.To = math.Inf(1) },
		"not a number": func(c *Config) { c.From = math.NaN() }, "no precision": func(c *Config) { c.Precision = 0 }, "coarse": func(c *Config) { c.Precision = 0.6 },
		"even": func(c *Config) { c.Trials = 2 }, "none": func(c *Config) { c.Trials = 0 }, "no time": func(c *Config) { c.Full = 0 }, "no trials": func(c *Config) { c.Most = 0 },
	} {
		c := config()
		change(&c)
		if _, err := Find(c, nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if got := config().Expected(); got < 5*time.Minute || got > 12*time.Minute {
		t.Errorf("a search is said to take %s", got)
	}
}

// TestOneBadSecond has a first trial that fails at a tenth of the capacity, as one does on a system that has just started.
func TestOneBadSecond(t *testing.T) {
	c := config()
	c.From = 50_000
	trials := 0
	r, err := Find(c, func(rate float64, _ time.Duration, _ string) (Outcome, error) {
		if trials++; trials == 1 || rate > 500_000 {
			return Fail, nil
		}
		return Pass, nil
	})
	if err != nil || r.State != Found || r.Lower < 475_000 || r.Upper > 526_000 {
		t.Errorf("found %s between %v and %v, %v; want 500,000", r.State, r.Lower, r.Upper, err)
	}
}
