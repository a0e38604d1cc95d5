package cli

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"tidemark/producers/collector"
)

// collectMetrics are the metrics of a collector.
type collectMetrics struct {
	requests  *prometheus.CounterVec
	accepted  *prometheus.CounterVec
	rejected  *prometheus.CounterVec
	skipped   *prometheus.CounterVec
	spooled   *prometheus.CounterVec
	joined    *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	forgetful *prometheus.CounterVec

	mu      sync.Mutex
	reasons map[string]bool // Those that have a series.
}

var _ collector.Counters = (*collectMetrics)(nil)

func newCollectMetrics(registry *prometheus.Registry) *collectMetrics {
	m := &collectMetrics{
		requests: counter("collect_requests_total", "Requests answered, by the status of HTTP, also for gRPC. The key is its id.", []string{"key", "endpoint", "status"}),
		accepted: counter("collect_accepted_events_total", "Events that the log acknowledged before the answer.", []string{"key", "endpoint"}),
		rejected: counter("collect_rejected_items_total", "Items rejected in requests that were accepted.", []string{"key", "endpoint", "reason"}),
		skipped:  counter("collect_skipped_items_total", "Items that are no events and need not be, by the rule that says so.", []string{"key", "rule"}),
		spooled:  counter("collect_spooled_events_total", "Events kept on disk before the answer, since the log did not acknowledge.", []string{"key", "endpoint"}),
		joined:   counter("collect_joined_items_total", "Items about a call that another item of the same request is about too.", []string{"key", "endpoint"}),
		bytes:    counter("collect_received_bytes_total", "Bytes of bodies, as they came in and decompressed.", []string{"endpoint", "form"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "tidemark", Name: "collect_answer_seconds",
			Help: "Time from a request to its answer.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 15)}, []string{"endpoint"}),
		forgetful: counter("collect_forgetful_refusals_total", "Requests refused for a time whose sender is known not to send them again.", []string{"sender"}),
		reasons:   map[string]bool{},
	}
	registry.MustRegister(m.requests, m.accepted, m.rejected, m.skipped, m.spooled, m.joined, m.bytes, m.seconds, m.forgetful)
	return m
}

// Answered implements collector.Counters.
func (m *collectMetrics) Answered(r collector.Report) {
	m.requests.WithLabelValues(r.Key, r.Endpoint, strconv.Itoa(r.Status)).Inc()
	m.seconds.WithLabelValues(r.Endpoint).Observe(r.Took.Seconds())
	m.bytes.WithLabelValues(r.Endpoint, "received").Add(float64(r.WireBytes))
	m.bytes.WithLabelValues(r.Endpoint, "decompressed").Add(float64(r.BodyBytes))
	if n := r.Accepted.Total(); n > 0 {
		m.accepted.WithLabelValues(r.Key, r.Endpoint).Add(float64(n))
	}
	if n := r.Spooled.Total(); n > 0 {
		m.spooled.WithLabelValues(r.Key, r.Endpoint).Add(float64(n))
	}
	if r.Joined > 0 {
		m.joined.WithLabelValues(r.Key, r.Endpoint).Add(float64(r.Joined))
	}
	for _, bad := range r.Rejected {
		m.rejected.WithLabelValues(r.Key, r.Endpoint, m.reason(bad)).Inc()
	}
	for rule, n := range r.Skipped {
		m.skipped.WithLabelValues(r.Key, rule).Add(float64(n))
	}
	if r.Forgetful != "" {
		m.forgetful.WithLabelValues(r.Forgetful).Inc()
	}
}

// maxReasons bounds the reasons that have a series each.
const maxReasons = 200

// reason returns the label of a reason. Those that come when there are many already share one.
func (m *collectMetrics) reason(bad collector.Rejected) string {
	text := bad.Rule()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.reasons[text] {
		if len(m.reasons) >= maxReasons {
			return "another"
		}
		m.reasons[text] = true
	}
	return text
}
