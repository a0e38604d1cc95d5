package load

import (
	"fmt"
	"slices"
	"time"

	"tidemark/producers/load/threshold"
	"tidemark/producers/load/verdict"
)

// summaryVersion is the version of the form of Summary. It rises when a field changes its meaning or goes away.
const summaryVersion = 1

// Ending is what Summarize is told beside what the Recorder saw.
type Ending struct {
	Namespace string
	Started   time.Time
	Result    Result
	// Err is why the run ended early, nil if it did not.
	Err error
	// Drained reports whether the ledger had every event in the end, and DrainTook after how long.
	Drained   bool
	DrainTook time.Duration
	// Audited, AuditOK, Audit and AuditLater are as in verdict.Input.
	Audited, AuditOK bool
	Audit            string
	AuditLater       bool
	Poll             time.Duration // The time between two polls, as asked for.
	PollErrors       uint64
	Retries          uint64
	// Inserts is the share of the measured time that the busiest partition waited for the database's inserts, nil if unknown.
	Inserts *float64
	// PartsToDelay is how many parts of a partition make the database delay inserts, 0 if unknown.
	PartsToDelay uint64
	// LogBytes and DiskBytes are per event, nil if unknown.
	LogBytes, DiskBytes *float64
	Phases              []Phase
	Notes               []string
	// Thresholds are conditions of the user's, beside the checks of the verdict.
	Thresholds []threshold.Threshold
}

// Phase is a part of the run, in seconds since its first one began.
type Phase struct {
	Name  string  `json:"name"`
	FromS float64 `json:"from_s"`
	ToS   float64 `json:"to_s"`
}

// Summary is all that is known of a run, with the unit in the name of each figure. Its JSON has neither NaN nor
// infinity: what was not measured is null or absent.
type Summary struct {
	SchemaVersion int             `json:"schema_version"`
	Run           string          `json:"run"`
	Namespace     string          `json:"namespace"`
	StartedAt     time.Time       `json:"started_at"`
	Partial       bool            `json:"partial"`
	Verdict       verdict.Verdict `json:"verdict"`
	Thresholds    []Threshold     `json:"thresholds"`
	Config        SummaryConfig   `json:"config"`
	// Breaking is where a rate that changes became too much, nil if it did not.
	Breaking *Breaking     `json:"breaking,omitempty"`
	Events   SummaryEvents `json:"events"`
	// Rates and Latency are by stage, of the measured time alone.
	Rates   map[string]float64 `json:"rates_events_per_s"`
	Latency map[string]Latency `json:"latency"`
	Lag     *Lag               `json:"lag"`
	// Resources are by role, none if nothing told them.
	Resources []Resource `json:"resources"`
	// LogBytesPerEvent is what the brokers store of an event, before replication; DiskBytesPerEvent what the tables of the
	// namespace take on disk in the end, rollups and ledger included, per raw row. Nil if not measured.
	LogBytesPerEvent  *float64 `json:"log_bytes_per_event"`
	DiskBytesPerEvent *float64 `json:"disk_bytes_per_event"`
	// Windows are the parts of 5 s, and Histograms the latencies of all events of the measured time, by stage.
	Windows    map[string][]Window `json:"windows"`
	Histograms map[string][]Bucket `json:"histograms_us"`
	DrainS     float64             `json:"drain_s"`
	Audit      string              `json:"audit"`
	Poll       Polls               `json:"poll"`
	// Phases count from the start of the program, and Series and Windows from the first event, which was at FirstEventS of
	// the phases.
	Phases      []Phase  `json:"phases"`
	FirstEventS float64  `json:"first_event_s"`
	Notes       []string `json:"notes"`
	Series      []Sample `json:"series"`
}

// Passed reports whether the pipeline sustained the rate and all thresholds hold.
func (s *Summary) Passed() bool {
	return s.Verdict.Outcome == verdict.Pass && !slices.ContainsFunc(s.Thresholds, func(t Threshold) bool { return !t.OK })
}

// SummaryConfig is what was asked for.
type SummaryConfig struct {
	Rate float64 `json:"rate_events_per_s"` // The mean of the measured time.
	// Highest is the highest rate, and Steps how a rate that changes does: from StartRate on.
	Highest   float64       `json:"highest_rate_events_per_s"`
	StartRate float64       `json:"start_rate_events_per_s"`
	Steps     []SummaryStep `json:"steps,omitempty"`
	Arrival   Arrival       `json:"arrival"`
	WarmupS   float64       `json:"warmup_s"`
	DurationS float64       `json:"duration_s"`
	SLOMS     float64       `json:"slo_raw_ms"`
	SLORollMS float64       `json:"slo_rollup_ms"`
	// What the events are like.
	Mix        string  `json:"mix"`
	Tenants    int     `json:"tenants"`
	Users      int     `json:"users"`
	Models     int     `json:"models"` // Made-up ones; 0: the real ones.
	Hot        float64 `json:"hot_share"`
	Size       int     `json:"size_at_least_bytes"`
	Duplicates float64 `json:"duplicates_share"`
	Conflicts  float64 `json:"conflicts_share"`
	Poison     float64 `json:"poison_share"`
	Late       float64 `json:"late_share"`
	OutOfOrder float64 `json:"out_of_order_share"`
}

// SummaryStep is a Step.
type SummaryStep struct {
	ForS float64 `json:"for_s"`
	To   float64 `json:"to_events_per_s"`
}

// Breaking is the first part of 5 s in which too many events came too late.
type Breaking struct {
	AtS   float64 `json:"at_s"` // Since the start of the run, when the part began.
	Rate  float64 `json:"rate_events_per_s"`
	Stage string  `json:"stage"`
}

// SummaryEvents count the events.
type SummaryEvents struct {
	Produced     uint64 `json:"produced"` // Acknowledged, those of the warm-up included.
	Offered      uint64 `json:"offered"`  // That were due in the measured time.
	Sent         uint64 `json:"sent"`     // Of those offered.
	SentInTime   uint64 `json:"sent_in_time"`
	Acknowledged uint64 `json:"acknowledged"`
	Stored       uint64 `json:"stored"`
	Raw          uint64 `json:"queryable_raw"`
	Rollup       uint64 `json:"queryable_rollup"`
	Untimed      uint64 `json:"untimed"` // Of which no broker told the offset.
	Retries      uint64 `json:"batch_retries"`
}

// Latency is the time from the intended moment of the events to a stage.
type Latency struct {
	Count    uint64  `json:"count"`
	Negative uint64  `json:"negative"`
	MinMS    float64 `json:"min_ms"`
	MeanMS   float64 `json:"mean_ms"`
	P50MS    float64 `json:"p50_ms"`
	P90MS    float64 `json:"p90_ms"`
	P99MS    float64 `json:"p99_ms"`
	P999MS   float64 `json:"p999_ms"`
	MaxMS    float64 `json:"max_ms"`
}

// Lag is the trend of the events that the brokers had and the ledger did not.
type Lag struct {
	Slope float64 `json:"slope_events_per_s"`
	Low   float64 `json:"slope_at_least_events_per_s"`
	End   float64 `json:"end_events"`
}

// Polls is how often the database was asked: a latency is known to no more than the time between two polls.
type Polls struct {
	AskedMS float64 `json:"asked_ms"`
	P50MS   float64 `json:"p50_ms"`
	P99MS   float64 `json:"p99_ms"`
	MaxMS   float64 `json:"max_ms"`
	Errors  uint64  `json:"errors"`
}

// Summarize judges a run that is over.
func Summarize(r *Recorder, o Options, e Ending) Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	due := o.curve(r.cfg.Warmup, r.cfg.Duration)
	r.series.setDue(due)
	r.doubt()
	rates := r.rates()
	resources := r.resources(rates)
	in := r.input(due, e)
	in.IngestCores = cores(resources, "ingest")
	s := Summary{
		SchemaVersion: summaryVersion, Run: o.Run, Namespace: e.Namespace, StartedAt: e.Started.UTC(),
		Verdict: verdict.Judge(in),
		Config:  r.config(o, in.Rate),
		Events: SummaryEvents{
			Produced: e.Result.Truth.Total().Produced, Offered: in.Offered, Sent: r.histograms[Sent].Count(), SentInTime: r.inTime,
			Acknowledged: r.histograms[Acknowledged].Count(), Stored: r.histograms[Stored].Count(),
			Raw: r.histograms[Raw].Count(), Rollup: r.histograms[Rollup].Count(), Untimed: r.untimed, Retries: e.Retries,
		},
		Rates: rates, Resources: resources, LogBytesPerEvent: e.LogBytes, DiskBytesPerEvent: e.DiskBytes, Latency: map[string]Latency{}, DrainS: e.DrainTook.Seconds(), Audit: e.Audit,
		Windows: map[string][]Window{}, Histograms: map[string][]Bucket{},
		Poll: Polls{
			AskedMS: milliseconds(e.Poll), P50MS: milliseconds(r.series.polls.Percentile(50)), P99MS: milliseconds(r.series.polls.Percentile(99)),
			MaxMS: milliseconds(r.series.polls.Max()), Errors: e.PollErrors,
		},
		Phases: e.Phases, Notes: append(slices.Clip(e.Notes), r.doubts(in)...), Series: r.usage.withProcesses(r.series.samples),
	}
	s.Partial = in.Interrupted || e.Err != nil || in.Aborted != ""
	if !r.start.IsZero() && !e.Started.IsZero() {
		s.FirstEventS = max(r.start.Sub(e.Started).Seconds(), 0)
	}
	if len(o.Plan.Steps) > 0 {
		s.Breaking = r.breaking(due)
	}
	for stage := range numStages {
		s.Latency[stage.String()] = latencyOf(&r.histograms[stage])
		s.Windows[stage.String()], s.Histograms[stage.String()] = r.windowsOf(stage), r.histograms[stage].Buckets(1)
	}
	s.Lag = r.lag()
	s.Thresholds = r.evaluate(&s, e.Thresholds)
	return s
}

func (r *Recorder) config(o Options, mean float64) SummaryConfig {
	c := SummaryConfig{
		Rate: mean, Highest: o.highest(), StartRate: o.Plan.Start, Arrival: o.Arrival, WarmupS: r.cfg.Warmup.Seconds(), DurationS: r.cfg.Duration.Seconds(),
		SLOMS: milliseconds(r.cfg.SLO), SLORollMS: milliseconds(r.cfg.SLORollup),
		Mix: o.Mix(), Tenants: o.Workload.Tenants, Users: o.Workload.Users, Models: len(o.Workload.Models), Hot: o.Workload.Hot, Size: o.Workload.Size,
		Duplicates: o.Workload.Duplicates, Conflicts: o.Workload.Conflicts, Poison: o.Workload.Poison, Late: o.Workload.Late, OutOfOrder: o.Workload.OutOfOrder,
	}
	if len(o.Plan.Steps) == 0 {
		c.StartRate = o.Rate
	}
	for _, step := range o.Plan.Steps {
		c.Steps = append(c.Steps, SummaryStep{ForS: step.For.Seconds(), To: step.To})
	}
	return c
}

// doubts are notes on events of which nobody knows whether they were in time.
func (r *Recorder) doubts(in verdict.Input) []string {
	var notes []string
	if in.Interrupted {
		return notes
	}
	for stage, where := range map[Stage]string{Raw: "raw", Rollup: "the rollups"} {
		if unknown, all := verdict.Unknown(r.judged(stage)); unknown > 0 {
			notes = append(notes, fmt.Sprintf("%d of %d events were not in %s when the run stopped looking, less than the SLO of %s after they were due: whether they come in time is not known; a --drain of that length tells",
				unknown, all, where, r.slo(stage)))
		}
	}
	slices.Sort(notes)
	return notes
}

// breaking returns where the rate became too much for a stage, nil if it did for none.
func (r *Recorder) breaking(due *curve) *Breaking {
	var first *Breaking
	for _, stage := range []Stage{Raw, Rollup} {
		for i, w := range r.windows[stage] {
			from := r.cfg.Warmup + time.Duration(i)*window
			if w.InTime() || first != nil && from.Seconds() >= first.AtS {
				continue
			}
			first = &Breaking{AtS: from.Seconds(), Rate: due.mean(from, min(from+window, r.cfg.Warmup+r.cfg.Duration)), Stage: stage.String()}
		}
	}
	return first
}

// input is what the verdict is about.
func (r *Recorder) input(due *curve, e Ending) verdict.Input {
	in := verdict.Input{
		Rate: due.mean(r.cfg.Warmup, r.cfg.Warmup+r.cfg.Duration), Aborted: e.Result.Aborted, SLO: r.cfg.SLO, SLORollup: r.cfg.SLORollup, Interrupted: e.Result.Interrupted,
		Offered: r.histograms[Sent].Count() + e.Result.Unsent, InTime: r.inTime, SendDelay: r.histograms[Sent].Percentile(99),
		OwnWait: r.pace.own, LogWait: r.pace.blocked, Acknowledged: r.histograms[Acknowledged].Percentile(99),
		Raw:    verdict.Stage{P99: r.histograms[Raw].Percentile(99), Windows: r.judged(Raw)},
		Rollup: verdict.Stage{P99: r.histograms[Rollup].Percentile(99), Windows: r.judged(Rollup)},
		Parts:  r.parts(), PartsToDelay: e.PartsToDelay, Delayed: r.usage.engine.Delayed - min(r.usage.first.Delayed, r.usage.engine.Delayed), Inserts: e.Inserts,
		Untimed: r.untimed, Drained: e.Drained, DrainTook: e.DrainTook, Audited: e.Audited, AuditOK: e.AuditOK, Audit: e.Audit, AuditLater: e.AuditLater,
	}
	if e.Err != nil {
		in.Errors = []string{e.Err.Error()}
	}
	for _, s := range r.measuredSamples() {
		// The rate of the time that a lag within the SLO is from.
		at, recent := duration(s.AtS), min(max(r.cfg.SLO, time.Second), 2*window)
		in.Lag = append(in.Lag, verdict.Point{At: at, Value: s.Lag, Rate: due.mean(max(at-recent, 0), at)})
	}
	return in
}

// measuredSamples are the samples of whole seconds within the measured time.
func (r *Recorder) measuredSamples() []Sample {
	var found []Sample
	for _, s := range r.series.samples {
		if at := duration(s.AtS); at >= r.cfg.Warmup+time.Second && at <= r.cfg.Warmup+r.cfg.Duration+time.Second/2 {
			found = append(found, s)
		}
	}
	return found
}

// rates are the mean rates of the stages between the first sample of the measured time and the last.
func (r *Recorder) rates() map[string]float64 {
	rates := map[string]float64{}
	samples := r.measuredSamples()
	if len(samples) < 2 {
		return rates
	}
	first, last := samples[0], samples[len(samples)-1]
	took := last.AtS - first.AtS
	if took <= 0 {
		return rates
	}
	for stage, of := range map[Stage][2]uint64{
		Sent: {first.Sent, last.Sent}, Acknowledged: {first.Acknowledged, last.Acknowledged}, Stored: {first.Stored, last.Stored},
		Raw: {first.Raw, last.Raw}, Rollup: {first.Rollup, last.Rollup},
	} {
		rates[stage.String()] = float64(of[1]-of[0]) / took
	}
	return rates
}

func latencyOf(h *Histogram) Latency {
	return Latency{
		Count: h.Count(), Negative: h.Negative(), MinMS: milliseconds(h.Min()), MeanMS: milliseconds(h.Mean()),
		P50MS: milliseconds(h.Percentile(50)), P90MS: milliseconds(h.Percentile(90)), P99MS: milliseconds(h.Percentile(99)),
		P999MS: milliseconds(h.Percentile(99.9)), MaxMS: milliseconds(h.Max()),
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
