package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tidemark/producers/load"
	"tidemark/producers/synthetic"
)

// profileFlags are how the rate changes.
type profileFlags struct {
	Profile    string        `help:"How the rate changes: constant, ramp (from 0), step (five), spike (a tenth, but for the middle fifth) or soak (constant, for 30m unless --duration is another than 1m)." default:"constant" placeholder:"NAME" group:"Load"`
	Stages     string        `help:"How the rate changes, step by step: TIME:RATE,... as 30s:10k,1m:50k,30s:0. Within its time each step goes to its rate in a straight line; 0s is a jump. Replaces --rate, --duration and --profile." placeholder:"STEPS" group:"Load"`
	StartRate  eventRate     `help:"The rate at which --stages begin, that of the warm-up." default:"0" placeholder:"RATE" group:"Load"`
	AbortFail  bool          `name:"abort-on-fail" help:"End the run when a --threshold does not hold." group:"Load"`
	AbortDelay time.Duration `name:"delay-abort" help:"How long to measure before --abort-on-fail looks." default:"10s" group:"Load" range:"0s..24h"`
}

// measuredTime is how long a run measures, and soakTime how long a soak does, unless --duration says otherwise.
const (
	measuredTime = time.Minute
	soakTime     = 30 * time.Minute
)

// plan returns how the rate changes and how long that takes. rate and d are those of the command line; the plan has no steps if the rate is rate
// all the time.
func (f profileFlags) plan(rate float64, d time.Duration) (load.Plan, time.Duration, error) {
	start, err := f.StartRate.orNothing("--start-rate")
	switch {
	case err != nil:
		return load.Plan{}, d, err
	case f.Stages != "":
		plan, err := parseStages(f.Stages)
		plan.Start = start
		return plan, plan.Takes(), err
	case start > 0:
		return load.Plan{}, d, errors.New("--start-rate: only --stages begin at a rate of their own")
	case f.Profile == "soak":
		if d == measuredTime {
			d = soakTime
		}
		return load.Plan{}, d, nil
	case f.Profile == string(load.Steady):
		return load.Plan{}, d, nil
	}
	plan, err := load.Profile(f.Profile).Plan(rate, d)
	if err != nil {
		return plan, d, fmt.Errorf("--profile: %q is not constant, ramp, step, spike or soak", f.Profile)
	}
	return plan, d, nil
}

// parseStages reads TIME:RATE,...
func parseStages(text string) (load.Plan, error) {
	var plan load.Plan
	for part := range strings.SplitSeq(text, ",") {
		length, rate, ok := strings.Cut(strings.TrimSpace(part), ":")
		d, err := time.ParseDuration(length)
		if !ok || err != nil || d < 0 {
			return plan, fmt.Errorf("--stages: %q is not TIME:RATE, such as 30s:10k", part)
		}
		to, err := eventRate(rate).orNothing("--stages: " + part)
		if err != nil {
			return plan, err
		}
		plan.Steps = append(plan.Steps, load.Step{For: d, To: to})
	}
	if takes := plan.Takes(); takes < time.Second || takes > 24*time.Hour {
		return plan, fmt.Errorf("--stages: they take %s together, which is not between 1s and 24h", takes)
	}
	return plan, nil
}

// disorderFlags are how far the times of the events of a load test are from now.
type disorderFlags struct {
	Late       float64 `help:"Share of events that are hours or days late." default:"0" placeholder:"SHARE" group:"Workload" range:"0..1"`
	OutOfOrder float64 `help:"Share of events that are seconds out of order." default:"0" placeholder:"SHARE" group:"Workload" range:"0..1"`
}

// parseMix reads --mix: the name of a profile, or how often each type is.
func parseMix(text string) (profile string, mix synthetic.Mix, err error) {
	if text == synthetic.TokenCalls || text == synthetic.Mixed {
		return text, mix, nil
	}
	wrong := fmt.Errorf("--mix: %q is not %s, %s, or shares such as queries=0.3,token_calls=0.7 of queries, signups, token_calls, model_events and reference_points",
		text, synthetic.TokenCalls, synthetic.Mixed)
	shares := map[string]*float64{
		"queries": &mix.Queries, "signups": &mix.Signups, "token_calls": &mix.TokenCalls, "model_events": &mix.ModelEvents,
		"reference_points": &mix.ReferencePoints,
	}
	for part := range strings.SplitSeq(text, ",") {
		name, share, _ := strings.Cut(part, "=")
		n, err := strconv.ParseFloat(share, 64)
		if shares[name] == nil || err != nil || !(n >= 0 && n <= 1e6) {
			return "", mix, wrong
		}
		*shares[name] = n
	}
	if mix == (synthetic.Mix{}) {
		return "", mix, wrong
	}
	return synthetic.Mixed, mix, nil
}
