package load

import "time"

// Live is what a run has come to so far. Rates are events per second over the last seconds, 0 before the third second.
type Live struct {
	Elapsed time.Duration // Since the first event, 0 before it.
	// Warmup and Total are how long events are offered before they are measured, and in all.
	Warmup, Total              time.Duration
	Sent, Acknowledged, Stored float64
	Lag                        uint64 // Events that the brokers have and the ledger does not.
	// Raw is the p99 of the time until events are queryable in raw, of those measured so far; ok if there are any.
	Raw   time.Duration
	RawOK bool
	SLO   time.Duration
}

// liveSeconds is what the rates of Live are a mean of: events are stored in blocks, one in about a second.
const liveSeconds = 5

// Live returns what the run has come to.
func (r *Recorder) Live() Live {
	r.mu.Lock()
	defer r.mu.Unlock()
	raw := &r.histograms[Raw]
	l := Live{
		Elapsed: r.elapsed(), Warmup: r.cfg.Warmup, Total: r.cfg.Warmup + r.cfg.Duration, Lag: r.waiting(Stored),
		Raw: raw.Percentile(99), RawOK: raw.Count() > 0, SLO: r.cfg.SLO,
	}
	samples := r.series.samples
	if len(samples) < 2 {
		return l
	}
	first, last := samples[max(len(samples)-1-liveSeconds, 0)], samples[len(samples)-1]
	if took := last.AtS - first.AtS; took > 0 {
		rate := func(from, to uint64) float64 { return float64(to-from) / took }
		l.Sent, l.Acknowledged, l.Stored = rate(first.Sent, last.Sent), rate(first.Acknowledged, last.Acknowledged), rate(first.Stored, last.Stored)
	}
	return l
}
