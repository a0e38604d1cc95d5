package load

import (
	"sync"
	"time"

	"tidemark/producers"
)

// Stage is a point that every event passes on its way to the reader.
type Stage int

// The stages, in their order.
const (
	Sent         Stage = iota // The generator hands the event to the writer.
	Acknowledged              // The brokers have it.
	Stored                    // A row of the ledger accounts for its offset.
	Raw                       // A query of the raw table finds it.
	Rollup                    // The published rollups contain it.
	numStages
)

var stageNames = [numStages]string{"sent", "acknowledged", "stored", "queryable_raw", "queryable_rollup"}

// String returns the name of the stage in files, such as "queryable_raw".
func (s Stage) String() string { return stageNames[s] }

// RecorderConfig is what a Recorder needs to know. All fields are required.
type RecorderConfig struct {
	// Warmup is the time from the start whose events are followed and not measured; Duration what is measured after it.
	Warmup, Duration time.Duration
	// SLO bounds the time to Raw, SLORollup the time to Rollup.
	SLO, SLORollup time.Duration
	// Rolled reports whether the events of a topic, named with its namespace, get into rollups.
	Rolled func(topic string) bool
}

// resolution is that of intended times: a finer one could say two things of an event that is due between two parts of the run.
const resolution = time.Microsecond

// Recorder follows every event through the stages, by the offsets of the log. All times are from the moment at which
// the event was intended, and by the clock of this process. It is safe for concurrent use.
type Recorder struct {
	cfg RecorderConfig

	mu      sync.Mutex
	start   time.Time // Zero before the first event.
	sending []time.Duration
	control bool // What is sent is about the run and not of it.
	inTime  uint64
	pace    pace
	untimed uint64

	histograms [numStages]Histogram
	counts     [numStages]uint64 // All events, those of the warm-up and about the run included.
	expected   [numStages]uint64
	windows    [numStages][]windowCounts
	logs       map[place]*logPart
	series     series
	watch      watch
	usage      usage
}

// place is a partition of the log.
type place struct {
	topic     string
	partition int32
}

// NewRecorder returns a Recorder that has seen nothing.
func NewRecorder(cfg RecorderConfig) *Recorder {
	return &Recorder{cfg: cfg, logs: map[place]*logPart{}}
}

// elapsed returns the time since the start, 0 before it.
func (r *Recorder) elapsed() time.Duration {
	if r.start.IsZero() {
		return 0
	}
	return time.Since(r.start)
}

// Elapsed returns the time since the first event, 0 before it.
func (r *Recorder) Elapsed() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.elapsed()
}

// Hooks are the hooks of the pump that sends the events.
func (r *Recorder) Hooks() producers.Hooks {
	return producers.Hooks{Sending: r.sendingItems, Sent: r.sentItems}
}

// sendingItems is a hook of the pump: the items go to the log now.
func (r *Recorder) sendingItems(items []producers.Item, at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.start.IsZero() {
		r.start = time.Now().Add(-at)
	}
	r.pace.sending(items[0].Due, at)
	r.sending = r.sending[:0]
	for i := range items {
		due := items[i].Due.Truncate(resolution)
		r.sending = append(r.sending, due)
		r.count(Sent, due, at)
		if r.measured(due) && at <= r.cfg.Warmup+r.cfg.Duration+r.cfg.SLO/10 {
			r.inTime++
		}
	}
}

// lastSent returns when the last event that was sent was due, 0 if none was.
func (r *Recorder) lastSent() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sending) == 0 {
		return 0
	}
	return r.sending[len(r.sending)-1]
}

// sentItems is a hook of the pump: the log has the items.
func (r *Recorder) sentItems(p producers.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pace.sent(p.Elapsed)
}

// Acknowledged is a hook of the writer: the brokers have a batch. The indexes are those of its records in what the pump
// sends; base is the offset of the first one, -1 if unknown.
func (r *Recorder) Acknowledged(topic string, partition int32, base int64, indexes []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, p := r.elapsed(), place{topic, partition}
	log := r.logs[p]
	if log == nil {
		log = &logPart{rolled: r.cfg.Rolled(topic)}
		r.logs[p] = log
	}
	dues := make([]time.Duration, len(indexes))
	for i, index := range indexes {
		dues[i] = notMeasured
		if !r.control {
			dues[i] = r.sending[index]
		}
		r.count(Acknowledged, dues[i], at)
	}
	if base < 0 {
		r.untimed += uint64(len(indexes))
		return
	}
	log.append(base, dues)
	for _, due := range dues {
		r.expect(Stored, due)
		r.expect(Raw, due)
		if log.rolled {
			r.expect(Rollup, due)
		}
	}
}

// Cover tells that a partition has passed a stage up to an offset, the first one that has not, as known at a time since
// the start.
func (r *Recorder) Cover(s Stage, topic string, partition int32, end int64, at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	log := r.logs[place{topic, partition}]
	if log == nil || s == Rollup && !log.rolled {
		return
	}
	log.cover(s, end, func(due time.Duration) { r.count(s, due, at) })
}

// notMeasured is the intended time of a record that is about the run: before every warm-up.
const notMeasured = -1

func (r *Recorder) measured(due time.Duration) bool {
	return due >= r.cfg.Warmup && due < r.cfg.Warmup+r.cfg.Duration
}

// count takes note that an event has reached a stage.
func (r *Recorder) count(s Stage, due, at time.Duration) {
	r.counts[s]++
	if !r.measured(due) {
		return
	}
	took := at - due
	r.histograms[s].Add(took)
	w := r.window(s, due)
	w.took.Add(took)
	w.Reached++
	if s < Stored { // Of the later stages, expect tells which events come to them.
		w.Events++
	}
	if slo := r.slo(s); slo > 0 && took > slo {
		w.Over++
	}
}

// expect takes note that an event will come to a stage.
func (r *Recorder) expect(s Stage, due time.Duration) {
	r.expected[s]++
	if r.measured(due) {
		r.window(s, due).Events++
	}
}

func (r *Recorder) slo(s Stage) time.Duration {
	switch s {
	case Raw:
		return r.cfg.SLO
	case Rollup:
		return r.cfg.SLORollup
	}
	return 0
}

// Waiting returns how many events the brokers have that have not reached a stage.
func (r *Recorder) Waiting(s Stage) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting(s)
}

func (r *Recorder) waiting(s Stage) uint64 { return r.expected[s] - r.counts[s] }

// Outstanding returns the partitions that have events on their way to one of the last three stages, by topic.
func (r *Recorder) Outstanding() map[string][]int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[string][]int32{}
	for p, log := range r.logs {
		if len(log.batches) > 0 {
			found[p.topic] = append(found[p.topic], p.partition)
		}
	}
	return found
}

// Topics returns the topics that the run has written to.
func (r *Recorder) Topics() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var topics []string
	seen := map[string]bool{}
	for p := range r.logs {
		if !seen[p.topic] {
			seen[p.topic] = true
			topics = append(topics, p.topic)
		}
	}
	return topics
}

// reporting says that what is sent from now on is about the run.
func (r *Recorder) reporting() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.control = true
}
