package verdict

import (
	"math/rand/v2"
	"testing"
	"time"
)

// good is a minute at 1,000 events/s that passes.
func good() Input {
	in := Input{
		Rate: 1000, SLO: time.Second, SLORollup: 3 * time.Second, Offered: 60_000, InTime: 60_000, SendDelay: 10 * time.Millisecond,
		Acknowledged: 20 * time.Millisecond, Drained: true, DrainTook: time.Second, Audited: true, AuditOK: true, Audit: "no difference",
		Raw: Stage{P99: 700 * time.Millisecond}, Rollup: Stage{P99: 2 * time.Second},
	}
	for i := range 12 {
		w := Window{Events: 5000, Reached: 5000, Over: uint64(i)}
		in.Raw.Windows, in.Rollup.Windows = append(in.Raw.Windows, w), append(in.Rollup.Windows, w)
	}
	for i := range 60 {
		in.Lag = append(in.Lag, Point{At: time.Duration(i) * time.Second, Value: 500 + float64(i*37%11)*20, Rate: 1000})
		in.Parts = append(in.Parts, Point{At: time.Duration(i) * time.Second, Value: float64(20 + i*7%13)})
	}
	return in
}

func TestJudge(t *testing.T) {
	grow := func(in *Input, perSecond float64) {
		for i := range in.Lag {
			in.Lag[i].Value += float64(i) * perSecond
		}
	}
	parts := func(in *Input, perSecond float64, until int) { // From 20 on, all the time or until a second.
		for i := range in.Parts {
			grown := i
			if until > 0 {
				grown = min(i, until)
			}
			in.Parts[i].Value += float64(grown) * perSecond
		}
	}
	tests := []struct {
		name    string
		change  func(*Input)
		outcome Outcome
		limit   Limit
		failed  string // The first check that failed.
	}{
		{"good", func(*Input) {}, Pass, NoLimit, ""},
		{"generator stalls", func(in *Input) { in.SendDelay, in.OwnWait = 150*time.Millisecond, time.Second }, GeneratorLimited, Generator, "offered"},
		{"generator too slow", func(in *Input) { in.InTime, in.OwnWait, in.LogWait = 50_000, 9*time.Second, time.Second }, GeneratorLimited, Generator, "offered"},
		{"98.9 % in time", func(in *Input) { in.InTime, in.LogWait = 59_340, time.Second }, Fail, Broker, "offered"},
		{"99.1 % in time", func(in *Input) { in.InTime = 59_460 }, Pass, NoLimit, ""},
		{"log too slow", func(in *Input) { in.SendDelay, in.LogWait = 2*time.Second, 9*time.Second }, Fail, Broker, "offered"},
		{"nothing of what is measured was sent in time", func(in *Input) {
			in.InTime, in.SendDelay, in.LogWait, in.Raw, in.Rollup = 0, 0, 9*time.Second, Stage{}, Stage{}
		}, Fail, Broker, "offered"},
		{"the brokers tell no offsets", func(in *Input) { in.Untimed, in.Raw, in.Rollup = 60_000, Stage{}, Stage{} }, NoEvents, NoLimit, ""},
		{"lag grows", func(in *Input) { grow(in, 30); in.Lag[59].Value = 900 }, Fail, Ingest, "lag_trend"},
		{"lag grows as the rate does", func(in *Input) {
			for i := range in.Lag {
				in.Lag[i].Rate = 100 + 30*float64(i)
				in.Lag[i].Value = in.Lag[i].Rate / 2
			}
		}, Pass, NoLimit, ""},
		{"lag grows faster than the rate does", func(in *Input) {
			for i := range in.Lag {
				in.Lag[i].Rate = 100 + 30*float64(i)
				in.Lag[i].Value = in.Lag[i].Rate * (0.1 + 0.02*float64(i))
			}
		}, Fail, Ingest, "lag_trend"},
		{"ended by a threshold", func(in *Input) { in.Aborted = "too slow" }, Fail, NoLimit, ""},
		{"ended by a threshold, and wrong", func(in *Input) { in.Aborted, in.AuditOK = "too slow", false }, Wrong, NoLimit, "audit"},
		{"lag grows a little", func(in *Input) { grow(in, 5) }, Pass, NoLimit, ""},
		{"long queue that does not grow", func(in *Input) {
			for i := range in.Lag {
				in.Lag[i].Value += 5000
			}
		}, Fail, Ingest, "lag_trend"},
		{"of all in the rollups nobody knows", func(in *Input) {
			in.Rollup = Stage{Windows: []Window{{Events: 5000, Unknown: 5000}}}
		}, Pass, NoLimit, ""},
		{"of some in the rollups nobody knows, too many others are late", func(in *Input) {
			in.Rollup.Windows[3] = Window{Events: 5000, Reached: 1000, Over: 700, Unknown: 4000}
		}, Fail, Rollup, "freshness_rollup"},
		{"raw too late", func(in *Input) {
			for i := range in.Raw.Windows {
				in.Raw.Windows[i].Over = 100
			}
		}, Fail, Ingest, "freshness_raw"},
		{"one window of 12 too late, 1 % in all not", func(in *Input) { in.Raw.Windows[3].Over = 60 }, Pass, NoLimit, ""},
		{"two windows of 12 too late, 1 % in all not", func(in *Input) { in.Raw.Windows[3].Over, in.Raw.Windows[7].Over = 60, 60 }, Fail, Ingest, "freshness_raw"},
		{"one window of 3 too late, 1 % in all not", func(in *Input) { in.Raw.Windows = in.Raw.Windows[:3]; in.Raw.Windows[1].Over = 60 }, Fail, Ingest, "freshness_raw"},
		{"missing in raw", func(in *Input) { in.Raw.Windows[11].Reached = 0 }, Fail, Ingest, "freshness_raw"},
		{"rollup stopped", func(in *Input) {
			for i := range in.Rollup.Windows {
				in.Rollup.Windows[i].Reached, in.Rollup.Windows[i].Over = 0, 0
			}
		}, Fail, Rollup, "freshness_rollup"},
		{"lag grows while ingest waits for inserts", func(in *Input) { grow(in, 30); in.Inserts = new(0.7) }, Fail, Insert, "lag_trend"},
		{"lag grows and inserts are not why", func(in *Input) { grow(in, 30); in.Inserts = new(0.4) }, Fail, Ingest, "lag_trend"},
		{"inserts are delayed", func(in *Input) { grow(in, 30); in.Delayed, in.Inserts = 1, new(0.7) }, Fail, Merges, "lag_trend"},
		{"inserts are delayed and nothing else", func(in *Input) { in.Delayed, in.Parts = 1, nil }, Fail, Merges, "parts_trend"},
		{"parts grow", func(in *Input) { parts(in, 3, 0) }, Fail, Merges, "parts_trend"},
		{"parts grow and are few", func(in *Input) { parts(in, 1, 0) }, Pass, NoLimit, ""},
		{"parts grow and are few, of a database that delays soon", func(in *Input) { parts(in, 1, 0); in.PartsToDelay = 300 }, Fail, Merges, "parts_trend"},
		{"parts grew before the second half", func(in *Input) { parts(in, 20, 30) }, Pass, NoLimit, ""},
		{"many parts that do not grow", func(in *Input) { parts(in, 300, 1) }, Pass, NoLimit, ""},
		{"parts are unknown", func(in *Input) { in.Parts = nil }, Pass, NoLimit, ""},
		{"producer failed", func(in *Input) { in.Errors = []string{"broken"} }, Fail, Broker, "errors"},
		{"drains too late", func(in *Input) { in.DrainTook = 3 * time.Second }, Fail, Ingest, "drain"},
		{"does not drain", func(in *Input) { in.Drained = false }, Fail, Ingest, "drain"},
		{"lost an event", func(in *Input) { in.AuditOK = false }, Wrong, NoLimit, "audit"},
		{"lost an event, interrupted, and the generator stalled", func(in *Input) {
			in.AuditOK, in.Interrupted, in.OwnWait, in.SendDelay = false, true, time.Second, time.Minute
		}, Wrong, NoLimit, "audit"},
		{"no audit", func(in *Input) { in.Audited, in.AuditOK = false, false }, Wrong, NoLimit, "audit"},
		{"audited later", func(in *Input) { in.Audited, in.AuditOK, in.AuditLater = false, false, true }, Pass, NoLimit, ""},
		{"interrupted", func(in *Input) { in.Interrupted, in.Audited, in.Lag, in.Drained = true, false, nil, false }, Interrupted, NoLimit, ""},
		{"nothing at all", func(in *Input) { *in = Input{Audited: true, AuditOK: true, Drained: true} }, NoEvents, NoLimit, ""},
		{"failed before anything was measured", func(in *Input) { *in = Input{Errors: []string{"gone"}, Audited: true, AuditOK: true, Drained: true} }, Fail, Broker, "errors"},
		{"too short for a trend", func(in *Input) { in.Lag = in.Lag[:2] }, Pass, NoLimit, ""},
	}
	for _, test := range tests {
		in := good()
		test.change(&in)
		v := Judge(in)
		failed := ""
		for _, c := range v.Checks {
			if c.State == Failed && failed == "" {
				failed = c.Name
			}
		}
		if v.Outcome != test.outcome || v.Limit != test.limit || failed != test.failed || len(v.Checks) != 8 {
			t.Errorf("%s: %s, limit %q, first failed %q; want %s, %q, %q\n%+v", test.name, v.Outcome, v.Limit, failed, test.outcome, test.limit, test.failed, v.Checks)
		}
		if (v.Reason == "") != (v.Outcome == Pass) {
			t.Errorf("%s: reason %q of %s", test.name, v.Reason, v.Outcome)
		}
	}
}

// TestTrend: the slope is found through noise and outliers, and what noise alone does is not said to grow.
func TestTrend(t *testing.T) {
	grew := 0
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 1))
		noise := func(slope float64, n int) []Point {
			var points []Point
			for i := range n {
				p := Point{At: time.Duration(i) * time.Second, Value: 1000 + slope*float64(i) + random.NormFloat64()*100}
				if i%10 == 3 {
					p.Value += 5000
				}
				points = append(points, p)
			}
			return points
		}
		slope, low, ok := Trend(noise(50, 60))
		if !ok || slope < 45 || slope > 55 || low < 40 || low > slope {
			t.Errorf("seed %d: 50 events/s are found as %v, at least %v", seed, slope, low)
		}
		if _, low, _ := Trend(noise(0, 60)); low > 0 {
			grew++
		}
		if seed >= 10 {
			continue
		}
		if slope, _, _ := Trend(noise(50, 5000)); slope < 49 || slope > 51 {
			t.Errorf("seed %d: 50 events/s of many samples are found as %v", seed, slope)
		}
	}
	if grew > 8 { // 2.5 of 100 are expected.
		t.Errorf("noise was said to grow in %d of 100 runs", grew)
	}
	for _, points := range [][]Point{nil, {{Value: 1}}, {{Value: 1}, {Value: 2}, {Value: 3}, {Value: 4}}} {
		if _, _, ok := Trend(points); ok {
			t.Errorf("a trend of %v", points)
		}
	}
}
