package load

import "time"

// Sample is a second of the run. The counts are of all events since the start.
type Sample struct {
	AtS          float64 `json:"at_s"`
	Sent         uint64  `json:"sent_events"`
	Acknowledged uint64  `json:"acknowledged_events"`
	Stored       uint64  `json:"stored_events"`
	Raw          uint64  `json:"queryable_raw_events"`
	Rollup       uint64  `json:"queryable_rollup_events"`
	// Lag is the mean of the second: the events that the brokers had and the ledger did not.
	Lag float64 `json:"lag_events"`
	// Due are the events due by then, 0 if that is not known.
	Due uint64 `json:"due_events,omitempty"`
	// Parts are the most active parts of any table partition of the namespace, Merges the merges that run in it.
	Parts     uint64          `json:"active_parts_max,omitempty"`
	Merges    uint64          `json:"merges_running,omitempty"`
	Processes []ProcessSample `json:"processes,omitempty"`
}

// ProcessSample is what the processes of a role use.
type ProcessSample struct {
	Role     string  `json:"role"`  // Such as load, ingest, rollup, database.
	CPUS     float64 `json:"cpu_s"` // CPU seconds since the process began.
	Resident uint64  `json:"resident_bytes"`
}

// series makes a sample per second. Blocks are stored about once a second, so a lag that is read once a second would
// drift with the distance between the two; the mean does not.
type series struct {
	samples []Sample
	sum     float64
	n       int
	polls   Histogram // Time between two polls.
	last    time.Duration
}

// Poll takes note of a poll of the database at a time since the start, and makes a sample when a second has passed.
func (r *Recorder) Poll(at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.series
	if at <= 0 {
		return
	}
	if s.last > 0 {
		s.polls.Add(at - s.last)
	}
	s.sum += float64(r.waiting(Stored))
	s.n++
	whole := at.Truncate(time.Second) > s.last.Truncate(time.Second)
	s.last = at
	if whole {
		s.samples = append(s.samples, Sample{
			AtS: at.Seconds(), Sent: r.counts[Sent], Acknowledged: r.counts[Acknowledged], Stored: r.counts[Stored],
			Raw: r.counts[Raw], Rollup: r.counts[Rollup], Lag: s.sum / float64(s.n),
			Parts: r.usage.engine.Parts, Merges: r.usage.engine.Merges,
		})
		s.sum, s.n = 0, 0
		r.look(at)
	}
}

// setDue fills in how many events were due by each sample.
func (s *series) setDue(due *curve) {
	for i := range s.samples {
		s.samples[i].Due = uint64(due.events(min(duration(s.samples[i].AtS), due.end())))
	}
}
