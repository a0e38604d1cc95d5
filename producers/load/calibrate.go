package load

import (
	"context"
	"time"

	"tidemark/producers"
	"tidemark/producers/load/verdict"
)

// Calibration is what the generator does without a pipeline behind it: a figure of a pipeline counts only if it is below
// this. What was not measured is absent.
type Calibration struct {
	SchemaVersion int `json:"schema_version"`
	// Kind is "generator" if nothing was sent, "discard" if the events went to a topic that nobody reads.
	Kind      string        `json:"kind"`
	Run       string        `json:"run"`
	StartedAt time.Time     `json:"started_at"`
	Partial   bool          `json:"partial"`
	Config    SummaryConfig `json:"config"`
	// Most is how many events per second were made, encoded and sent when all were due at once; MostCPUUS their CPU time
	// per event.
	Most      float64  `json:"most_events_per_s"`
	MostCPUUS *float64 `json:"most_cpu_us_per_event,omitempty"`
	// The rest is by the schedule.
	Offered   uint64        `json:"offered_events"`
	InTime    uint64        `json:"sent_in_time_events"`
	Check     verdict.Check `json:"check"`
	SendDelay Latency       `json:"send_delay"`
	// Acknowledged is nil if nothing was sent.
	Acknowledged *Latency  `json:"acknowledged,omitempty"`
	Process      *Resource `json:"process,omitempty"`
	LogBytes     *float64  `json:"log_bytes_per_event,omitempty"`
}

// Passed reports whether the generator offered the rate.
func (c *Calibration) Passed() bool { return !c.Partial && c.Check.State == verdict.OK }

// The runs of a calibration.
const (
	flatOut     = 5 * time.Second
	flatOutRate = 1e9 // Everything is due at once.
)

// FlatOut offers events as fast as they can be made, for at most 5 s, and returns how many per second that were. The log
// of the sender need not tell any Recorder.
func FlatOut(ctx context.Context, sender *producers.Sender, o Options, longest time.Duration) (perSecond float64, events uint64, err error) {
	o.Rate, o.Arrival = flatOutRate, Constant
	r := NewRecorder(RecorderConfig{Duration: min(flatOut, longest), Rolled: func(string) bool { return false }})
	result, err := Run(ctx, sender, o, r)
	events = result.Truth.Total().Produced
	if elapsed := r.pace.sentAt; elapsed > 0 {
		perSecond = float64(events) / elapsed.Seconds()
	}
	return perSecond, events, err
}

// Calibrate sums up a run by the schedule to a log that no pipeline reads.
func Calibrate(r *Recorder, o Options, e Ending) Calibration {
	s := Summarize(r, o, e)
	c := Calibration{
		SchemaVersion: summaryVersion, Run: o.Run, StartedAt: s.StartedAt, Partial: s.Partial, Config: s.Config,
		Offered: s.Events.Offered, InTime: s.Events.SentInTime, Check: s.Verdict.Checks[0], SendDelay: s.Latency[Sent.String()], LogBytes: e.LogBytes,
	}
	if l := s.Latency[Acknowledged.String()]; l.Count > 0 {
		c.Acknowledged = &l
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := float64(r.histograms[Sent].Count()) / r.cfg.Duration.Seconds()
	if found := r.resources(map[string]float64{Acknowledged.String(): sent}); len(found) > 0 {
		c.Process = &found[0]
	}
	return c
}
