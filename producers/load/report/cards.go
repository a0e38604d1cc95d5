package report

import (
	"fmt"

	"tidemark/producers/load"
	"tidemark/producers/load/search"
	"tidemark/producers/load/verdict"
)

// card is what the first screen says of a file.
type card struct {
	Label, Headline string
	State           string // "ok", "failed" or "unsure": how it looks.
	Limit           string
	Lines           []string
	ChecksOf        string // Of which trial the checks are, empty for a run.
	Checks          []checkLine
}

// checkLine is a check or a threshold.
type checkLine struct{ State, Mark, Word, Name, Detail string }

var marks = map[verdict.State][2]string{verdict.OK: {"✓", "ok"}, verdict.Failed: {"✗", "failed"}, verdict.Unsure: {"–", "not measured"}}

// runCard is the card of a run.
func runCard(s *load.Summary, label string) card {
	c := card{Label: label, Headline: string(s.Verdict.Outcome), State: "failed", Limit: LimitText(s), Checks: checkLines(s)}
	switch {
	case s.Passed():
		c.State = "ok"
	case s.Verdict.Outcome == verdict.Pass:
		c.Headline = "pass, but a threshold does not hold"
	case s.Verdict.Outcome != verdict.Fail && s.Verdict.Outcome != verdict.Wrong:
		c.State = "unsure"
	}
	if s.Verdict.Reason != "" {
		c.Lines = append(c.Lines, s.Verdict.Reason)
	}
	line := count(s.Config.Rate) + " events/s asked"
	for _, at := range Stages {
		if rate, ok := s.Rates[at.Stage.String()]; ok && s.Latency[at.Stage.String()].Count > 0 {
			line += ", " + count(rate) + " " + at.Label
		}
	}
	c.Lines = append(c.Lines, line, fmt.Sprintf("%s, namespace %s, %s arrivals, measured for %g s after %g s of warm-up",
		s.StartedAt.UTC().Format("2006-01-02 15:04:05 UTC"), s.Namespace, s.Config.Arrival, s.Config.DurationS, s.Config.WarmupS))
	for _, note := range s.Notes {
		c.Lines = append(c.Lines, "note: "+note)
	}
	return c
}

// LimitText says where the limit of a run is.
func LimitText(s *load.Summary) string {
	switch {
	case s.Verdict.Limit != verdict.NoLimit:
		return "the limit is " + limitNames[s.Verdict.Limit]
	case s.Verdict.Outcome == verdict.Pass:
		return "no limit was reached"
	}
	return "no limit is known"
}

var limitNames = map[verdict.Limit]string{
	verdict.Generator: "generator (this program)", verdict.Broker: "broker (with the writer)", verdict.Ingest: "ingest (with its inserts)", verdict.Rollup: "rollup",
}

func checkLines(s *load.Summary) []checkLine {
	var lines []checkLine
	for _, c := range s.Verdict.Checks {
		lines = append(lines, checkLine{string(c.State), marks[c.State][0], marks[c.State][1], c.Name, c.Detail})
	}
	for _, t := range s.Thresholds {
		state, detail := verdict.Failed, "not measured"
		if t.OK {
			state = verdict.OK
		}
		if t.Value != nil {
			detail = fmt.Sprintf("%.6g", *t.Value)
		}
		lines = append(lines, checkLine{string(state), marks[state][0], marks[state][1], t.Text, detail})
	}
	return lines
}

// SearchNotes say what the state of a search means for the rate.
var SearchNotes = map[search.State]string{
	search.Found:        "the upper bound does not pass",
	search.AboveRange:   "the highest rate of the range passes: raise --max-rate",
	search.BelowRange:   "no rate passes",
	search.Limited:      "this program did not offer more",
	search.Inconsistent: "the trials contradict one another: the capacity changed meanwhile, or trials are too short",
	search.OutOfTrials:  "not confirmed: too many trials",
	search.Ended:        "not confirmed: the search was ended",
}

// LimitText says where the limit of a search is.
func (s *Search) LimitText() string {
	switch limit := s.Limit(); {
	case limit != verdict.NoLimit:
		return "the limit is " + limitNames[limit]
	case s.Search.State == search.Limited:
		return "the limit is " + limitNames[verdict.Generator]
	case s.Search.State == search.AboveRange:
		return "no limit was reached"
	}
	return "no limit is known"
}

// searchCard is the card of a search. Its checks are those of the trial that shows the limit.
func searchCard(s *Search, label string) card {
	r := s.Search
	c := card{Label: label, State: "unsure", Limit: s.LimitText(), Headline: "sustained " + count(r.Lower) + " events/s"}
	if r.Upper > 0 {
		c.Headline += ", not sustained " + count(r.Upper)
	}
	switch {
	case s.Wrong():
		c.State = "failed"
	case confirmed(r.State):
		c.State = "ok"
	}
	c.Lines = append(c.Lines, fmt.Sprintf("%s after %d trials: %s", r.State, len(r.Trials), SearchNotes[r.State]))
	if s.Recommended > 0 {
		c.Lines = append(c.Lines, "plan with "+count(s.Recommended)+" events/s, 70 % of what is sustained")
	}
	if s.Audit != "" {
		c.Lines = append(c.Lines, "audit of all trials: "+s.Audit)
	}
	trial := s.lastAt(r.Upper, false)
	if trial == nil {
		trial = s.lastAt(r.Lower, true)
	}
	if trial == nil && len(s.Trials) > 0 {
		trial = &s.Trials[len(s.Trials)-1]
	}
	if trial != nil {
		c.ChecksOf = fmt.Sprintf("%s at %s events/s", trial.Verdict.Outcome, count(trial.Config.Rate))
		c.Checks = checkLines(trial)
	}
	return c
}
