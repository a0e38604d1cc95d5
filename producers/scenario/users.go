package scenario

import (
	"math"
	"time"

	"tidemark/schemas"
	"tidemark/schemas/scenario"
)

// visits is a stream whose curve is the users active in a week: each of them makes one record, on a day of the week
// that changes from week to week. Who has come stays as long as the curve does not fall.
type visits struct {
	maker
	curve  *curve
	monday int64 // Of the week at hand.
	last   int64 // Of the last week.
	week   uint64
	users  uint64 // Of the week.
	day    uint64
	user   uint64 // The next one.
}

const weekDays = 7

var (
	dayLength  = (24 * time.Hour).Microseconds()
	weekLength = weekDays * dayLength
)

func newVisits(s *scenario.Scenario, spec *scenario.Stream, run string) *visits {
	v := &visits{maker: newMaker(s, spec, run), curve: newCurve(&spec.Curve)}
	v.monday, v.last = mondayOf(v.curve.at[0]), mondayOf(v.curve.at[len(v.curve.at)-1])
	v.enter()
	return v
}

// mondayOf returns the Monday, 0 h, of the week of a time. 1970 began on a Thursday.
func mondayOf(at int64) int64 { return floor(at+3*dayLength, 7*24*time.Hour) - 3*dayLength }

// enter sets up the week at hand, and goes on to the next while nobody is active in it.
func (v *visits) enter() {
	for ; v.monday <= v.last; v.monday, v.week = v.monday+weekLength, v.week+1 {
		v.users = uint64(math.Round(v.curve.of(v.monday) / float64(v.spec.UserWeight)))
		v.day, v.user = 0, 0
		if v.find() {
			return
		}
	}
}

// find moves to the next user of the day at hand or a later one of the week.
func (v *visits) find() bool {
	for ; v.day < weekDays; v.day, v.user = v.day+1, 0 {
		if v.user == 0 {
			v.setTime(v.at())
		}
		for ; v.user < v.users; v.user++ {
			if below(v.seed^v.user^v.week<<40, weekDays) == v.day {
				return true
			}
		}
	}
	return false
}

func (v *visits) at() int64 { return v.monday + int64(v.day)*dayLength }

func (v *visits) peek() (int64, bool) { return v.at(), v.monday <= v.last }

func (v *visits) next() schemas.Event {
	e := v.event(v.at(), v.user, v.maker.user(v.user), v.spec.EventsPerUser*v.spec.UserWeight)
	v.user++
	if !v.find() {
		v.monday, v.week = v.monday+weekLength, v.week+1
		v.enter()
	}
	return e
}
