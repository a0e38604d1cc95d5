package report

import (
	"math"
	"math/rand/v2"
	"time"

	"tidemark/producers/load"
	"tidemark/producers/load/search"
	"tidemark/producers/load/verdict"
)

// made makes the summary of a run of n parts of 5 s, whose latencies are scaled.
func made(seed uint64, n int, scale float64) *load.Summary {
	random := rand.New(rand.NewPCG(seed, 7))
	const rate, warmup = 1000, 5
	s := &load.Summary{
		SchemaVersion: 1, Run: "load-1", Namespace: "lab", StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), DrainS: 0.5,
		Verdict: verdict.Verdict{Outcome: verdict.Pass, Checks: []verdict.Check{{Name: "offered", State: verdict.OK, Detail: "all"}}},
		Config:  load.SummaryConfig{Rate: rate, Arrival: load.Constant, WarmupS: warmup, DurationS: float64(5 * n), SLOMS: 2000, SLORollMS: 5000, Mix: "token_calls", Tenants: 5, Users: 9},
		Rates:   map[string]float64{}, Latency: map[string]load.Latency{}, Windows: map[string][]load.Window{}, Histograms: map[string][]load.Bucket{},
		Lag:         &load.Lag{Slope: 1, Low: 0.5, End: 700},
		Phases:      []load.Phase{{Name: "preflight", ToS: 1}, {Name: "offer", FromS: 1, ToS: 6.5 + float64(5*n)}, {Name: "drain", FromS: 6.5 + float64(5*n), ToS: 8 + float64(5*n)}},
		FirstEventS: 1.2,
	}
	for i, at := range Stages {
		name := at.Stage.String()
		var all load.Histogram
		for w := range n {
			var part load.Histogram
			for range 200 {
				d := time.Duration(scale*math.Exp(random.NormFloat64()*0.3+float64(2*i))*1000) * time.Microsecond
				part.Add(d)
				all.Add(d)
			}
			p50, p99, most := ms(part.Percentile(50)), ms(part.Percentile(99)), ms(part.Max())
			s.Windows[name] = append(s.Windows[name], load.Window{
				Window: verdict.Window{Events: 200, Reached: 200}, FromS: warmup + float64(5*w), ToS: warmup + float64(5*w+5), P50MS: &p50, P99MS: &p99, MaxMS: &most, Buckets: part.Buckets(16),
			})
		}
		s.Histograms[name], s.Rates[name] = all.Buckets(1), rate
		s.Latency[name] = load.Latency{Count: all.Count(), MeanMS: ms(all.Mean()), P50MS: ms(all.Percentile(50)), P99MS: ms(all.Percentile(99)), MaxMS: ms(all.Max())}
	}
	for t := 1; t <= warmup+5*n; t++ {
		done := uint64(t*rate) + random.Uint64N(20)
		s.Series = append(s.Series, load.Sample{AtS: float64(t), Sent: done, Acknowledged: done, Stored: done, Raw: done, Rollup: done, Lag: scale * (500 + 50*random.Float64())})
	}
	return s
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// madeSearch makes a search with a trial at each bound.
func madeSearch(lower, upper float64) *Search {
	s := &Search{SchemaVersion: 1, Search: search.Result{State: search.Found, Lower: lower, Upper: upper}}
	for i, rate := range []float64{lower, upper} {
		run := made(uint64(i), 3, float64(1+i))
		run.Config.Rate, run.Run = rate, []string{"load-1-01", "load-1-02"}[i]
		if i == 1 {
			run.Verdict.Outcome, run.Verdict.Limit = verdict.Fail, verdict.Ingest
		}
		s.Trials = append(s.Trials, *run)
		s.Search.Trials = append(s.Search.Trials, search.Trial{Rate: rate, Phase: "confirm", Outcome: search.Outcome(run.Verdict.Outcome)})
	}
	s.Recommended = s.Search.Recommended()
	return s
}
