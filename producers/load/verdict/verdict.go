// Package verdict decides whether a pipeline sustained a rate. It is pure: measurements in, checks out.
package verdict

import (
	"fmt"
	"slices"
	"time"
)

// Outcome is what a run came to.
type Outcome string

// The outcomes, the strongest first: a run that lost an event is wrong, however fast it was.
const (
	Wrong            Outcome = "wrong"             // The audit found a difference, or could not be made.
	Interrupted      Outcome = "interrupted"       // The run was ended before it was over.
	NoEvents         Outcome = "no_events"         // Nothing was measured.
	GeneratorLimited Outcome = "generator_limited" // The pipeline was not offered the rate: neither pass nor fail.
	Fail             Outcome = "fail"              // The pipeline did not sustain the rate.
	Pass             Outcome = "pass"
)

// Limit is the stage that was the limit.
type Limit string

// The limits, in the order of the stages.
const (
	NoLimit   Limit = ""
	Generator Limit = "generator"
	Broker    Limit = "broker" // The writer and the brokers.
	Ingest    Limit = "ingest" // The ingest workers.
	Insert    Limit = "insert" // The database's inserts, for which ingest waits.
	Merges    Limit = "merges" // The database's merges: there are more and more parts.
	Rollup    Limit = "rollup"
)

// Window is a part of the run: how many events were due in it that will come to a stage, how many of them have reached
// it, how many of those took longer than the SLO, and of how many that have not reached it nobody knows whether they are late: the
// run stopped looking before the SLO was over.
type Window struct {
	Events  uint64 `json:"events"`
	Reached uint64 `json:"reached"`
	Over    uint64 `json:"over_slo"`
	Unknown uint64 `json:"unknown,omitempty"`
}

// missing returns the events that have not reached the stage and are late.
func (w Window) missing() uint64 { return w.Events - min(w.Reached+w.Unknown, w.Events) }

// Known returns the events of which is known whether they are late.
func (w Window) Known() uint64 { return w.Events - min(w.Unknown, w.Events) }

// Late returns the events that are not within the SLO, as far as known.
func (w Window) Late() uint64 { return w.Over + w.missing() }

// Unknown returns of how many events of how many nobody knows whether they are late.
func Unknown(windows []Window) (unknown, all uint64) {
	for _, w := range windows {
		unknown, all = unknown+w.Unknown, all+w.Events
	}
	return unknown, all
}

// InTime reports whether enough of the events are within the SLO.
func (w Window) InTime() bool { return float64(w.Late()) <= lateShare*float64(w.Events) }

// Stage is what was measured of the time to a stage.
type Stage struct {
	P99     time.Duration // Of the events that have reached it.
	Windows []Window
}

// Point is a value at a time since the start.
type Point struct {
	At    time.Duration
	Value float64
	// Rate is in events per second, as it was asked for just then. Of a lag alone.
	Rate float64
}

// Input is what was measured.
type Input struct {
	Rate           float64 // Events per second, as asked for: the mean.
	SLO, SLORollup time.Duration

	Interrupted bool
	// Aborted says why the run was ended early because of what was measured, empty if it was not.
	Aborted string
	// Offered are the events that were due, InTime how many of them were sent in time.
	Offered, InTime uint64
	SendDelay       time.Duration // p99.
	// OwnWait and LogWait are for how long an event was due and not sent while the generator did not wait for the log,
	// and while it did.
	OwnWait, LogWait time.Duration
	Acknowledged     time.Duration // p99.
	Lag              []Point       // Events that the brokers had and the ledger did not, within the measured time.
	// Parts are the active parts of the fullest partition within the measured time, none if unknown. Delayed counts the
	// inserts that the database delayed. PartsToDelay is from how many parts on it does, 0 if unknown.
	Parts        []Point
	Delayed      uint64
	PartsToDelay uint64
	// Inserts is the share of the measured time that the busiest partition waited for inserts, IngestCores how many cores
	// the ingest workers used; nil if unknown.
	Inserts, IngestCores *float64
	Raw, Rollup          Stage
	Errors               []string
	// Untimed are the events of which no broker told the offset.
	Untimed uint64
	// Drained reports whether the ledger had everything in the end, DrainTook how long that took after the last event.
	Drained   bool
	DrainTook time.Duration
	// Audited reports whether an audit was made, AuditOK that it found no difference. Audit is what it says, or why
	// there is none.
	Audited, AuditOK bool
	Audit            string
	// AuditLater says that the caller audits this run with others, after all of them.
	AuditLater bool
}

// State is what a check says.
type State string

// The states of a check.
const (
	OK     State = "ok"
	Failed State = "failed"
	Unsure State = "not_measured"
)

// Check is one condition of a pass.
type Check struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Detail string `json:"detail"`
}

// Verdict is what Judge decides.
type Verdict struct {
	Outcome Outcome `json:"outcome"`
	// Limit is the first stage that did not keep up; empty if none is known.
	Limit  Limit   `json:"limit"`
	Reason string  `json:"reason"`
	Checks []Check `json:"checks"`
}

// The bounds of the checks.
const (
	minOffered  = 0.99 // Of the events that are due, to be sent in time.
	sendShare   = 0.10 // Of the SLO, for p99 of the send delay.
	leastRate   = 0.01 // Of the mean rate, below which a lag says nothing of its trend.
	lateShare   = 0.01 // Of the events, to be later than the SLO: p99.
	lateWindows = 0.05 // Of the windows, in which more events may be late; one may of fewWindows or more.
	fewWindows  = 4
)

// LagGrowth is by how much of the rate the lag may grow per second.
const LagGrowth = 0.01

// Judge decides.
func Judge(in Input) Verdict {
	checks := []Check{
		offered(in), lagTrend(in), freshness("freshness_raw", in.Raw, in.SLO), freshness("freshness_rollup", in.Rollup, in.SLORollup),
		partsTrend(in), errorsOf(in), drain(in), audited(in),
	}
	v := Verdict{Checks: checks}
	failed := map[string]bool{}
	for _, c := range checks {
		if c.State == Failed {
			failed[c.Name] = true
			if v.Reason == "" {
				v.Reason = c.Name + ": " + c.Detail
			}
		}
	}
	v.Limit = limit(in, failed)
	if v.Reason != "" {
		v.Reason += evidence(in, v.Limit)
	}
	switch {
	case failed["audit"]:
		v.Outcome, v.Limit, v.Reason = Wrong, NoLimit, "audit: "+in.Audit
	case in.Interrupted:
		v.Outcome, v.Limit, v.Reason = Interrupted, NoLimit, "the run was ended before it was over"
	case in.Offered == 0 && !failed["errors"]:
		v.Outcome, v.Limit, v.Reason = NoEvents, NoLimit, "no event was measured: raise --rate or --duration"
	case v.Limit == Generator:
		v.Outcome, v.Reason = GeneratorLimited, "offered: "+checks[0].Detail
	case events(in.Raw) == 0 && len(failed) == 0:
		v.Outcome, v.Reason = NoEvents, fmt.Sprintf("no event could be followed: the brokers did not tell the offsets of %d", in.Untimed)
	case in.Aborted != "":
		v.Outcome, v.Reason = Fail, "ended early: "+in.Aborted
	case len(failed) > 0:
		v.Outcome = Fail
	default:
		v.Outcome = Pass
	}
	return v
}

// limit returns the first stage that did not keep up.
func limit(in Input, failed map[string]bool) Limit {
	switch {
	case failed["offered"] && in.OwnWait >= in.LogWait:
		return Generator
	case failed["offered"] || failed["errors"] || in.Acknowledged > in.SLO:
		return Broker
	case failed["lag_trend"] || failed["freshness_raw"] || failed["parts_trend"] || failed["drain"]:
		return storing(in, failed)
	case failed["freshness_rollup"]:
		return Rollup
	}
	return NoLimit
}

func check(name string, ok bool, format string, args ...any) Check {
	state := Failed
	if ok {
		state = OK
	}
	return Check{Name: name, State: state, Detail: fmt.Sprintf(format, args...)}
}

func offered(in Input) Check {
	if in.Interrupted || in.Offered == 0 {
		return Check{Name: "offered", State: Unsure, Detail: "not the whole run was offered"}
	}
	share, bound := float64(in.InTime)/float64(in.Offered), time.Duration(sendShare*float64(in.SLO))
	return check("offered", share >= minOffered && in.SendDelay <= bound,
		"%.2f %% of %d events sent in time (at least %.0f %%), send delay p99 %s (at most %s); while late, %s waiting for the log and %s not",
		100*share, in.Offered, 100*minOffered, round(in.SendDelay), round(bound), round(in.LogWait), round(in.OwnWait))
}

// lagTrend counts each lag as what it would be at the mean rate: a lag of half a second is more events at a higher rate.
func lagTrend(in Input) Check {
	points := make([]Point, 0, len(in.Lag))
	for _, p := range in.Lag {
		if p.Rate > 0 && p.Rate >= leastRate*in.Rate {
			p.Value *= in.Rate / p.Rate
			points = append(points, p)
		}
	}
	slope, low, ok := Trend(points)
	if !ok || in.Interrupted {
		return Check{Name: "lag_trend", State: Unsure, Detail: fmt.Sprintf("%d samples of the lag are too few", len(points))}
	}
	last := in.Lag[len(in.Lag)-1]
	most := max(last.Rate*in.SLO.Seconds(), 1)
	return check("lag_trend", low <= LagGrowth*in.Rate && last.Value <= most,
		"lag grows by %.1f events/s, for sure by %.1f (at most %.1f), and is %.0f events at the end (at most %.0f)",
		slope, low, LagGrowth*in.Rate, last.Value, most)
}

func events(s Stage) uint64 {
	var n uint64
	for _, w := range s.Windows {
		n += w.Events
	}
	return n
}

// inTime reports whether enough events of enough windows are within the SLO, and how many of how many windows have enough.
func inTime(windows []Window) (ok bool, good, of int) {
	var sum Window
	for _, w := range windows {
		if w.Events == 0 {
			continue
		}
		of++
		if w.InTime() {
			good++
		}
		sum.Events, sum.Reached, sum.Over, sum.Unknown = sum.Events+w.Events, sum.Reached+w.Reached, sum.Over+w.Over, sum.Unknown+w.Unknown
	}
	late := int(lateWindows * float64(of))
	if of >= fewWindows {
		late = max(late, 1)
	}
	return sum.InTime() && of-good <= late, good, of
}

// freshness fails if too many events are known to be late. If that depends on events of which it is not known, it is not measured.
func freshness(name string, s Stage, slo time.Duration) Check {
	unknown, all := Unknown(s.Windows)
	if all == 0 {
		return Check{Name: name, State: Unsure, Detail: "no event was to come here"}
	}
	var late, missing uint64
	worst := slices.Clone(s.Windows) // As if all of them were late.
	for i, w := range s.Windows {
		late, missing = late+w.Late(), missing+w.missing()
		worst[i].Unknown = 0
	}
	ok, good, windows := inTime(s.Windows)
	var c Check
	if missing+unknown == all {
		c = check(name, ok, "none of %d events was seen (p99 at most %s)", all, round(slo))
	} else {
		c = check(name, ok, "p99 %s (at most %s), %.2f %% of %d events too late, %d never seen; %d of %d windows of 5 s within it",
			round(s.P99), round(slo), 100*float64(late)/float64(all), all, missing, good, windows)
	}
	if unknown > 0 {
		c.Detail += fmt.Sprintf("; of %d nobody knows: the run stopped looking before they were %s old", unknown, round(slo))
	}
	if sure, _, _ := inTime(worst); ok && !sure {
		c.State = Unsure
	}
	return c
}

func errorsOf(in Input) Check {
	if len(in.Errors) > 0 {
		return check("errors", false, "%s", in.Errors[0])
	}
	return check("errors", true, "the log took every event; %d without an offset", in.Untimed)
}

func drain(in Input) Check {
	if in.Interrupted {
		return Check{Name: "drain", State: Unsure, Detail: "the run was ended"}
	}
	end := 0.0
	if len(in.Lag) > 0 {
		end = in.Lag[len(in.Lag)-1].Value
	}
	most := 2 * in.SLO
	if in.Rate > 0 {
		most += time.Duration(end / in.Rate * float64(time.Second))
	}
	if !in.Drained {
		return check("drain", false, "the ledger does not have every event after %s (at most %s)", round(in.DrainTook), round(most))
	}
	return check("drain", in.DrainTook <= most, "the ledger had every event %s after the last one was sent (at most %s)", round(in.DrainTook), round(most))
}

func audited(in Input) Check {
	if !in.Audited && (in.Interrupted || in.AuditLater) {
		return Check{Name: "audit", State: Unsure, Detail: in.Audit}
	}
	return check("audit", in.Audited && in.AuditOK, "%s", in.Audit)
}

func round(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
