package cli

import (
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"tidemark/consumers/audit"
	"tidemark/consumers/ledger"
	"tidemark/consumers/rollup"
	"tidemark/internal/app"
)

// metrics are all Prometheus metrics of the program. Names are stable; units are base units (seconds, bytes).
type metrics struct {
	registry *prometheus.Registry

	position      *prometheus.GaugeVec
	highWatermark *prometheus.GaugeVec
	lag           *prometheus.GaugeVec
	freshness     *prometheus.GaugeVec
	eventLag      *prometheus.GaugeVec
	records       *prometheus.CounterVec
	blocks        *prometheus.CounterVec
	blockRows     *prometheus.HistogramVec
	bytes         *prometheus.CounterVec
	resends       *prometheus.CounterVec
	insertSeconds *prometheus.HistogramVec
	alarms        *prometheus.CounterVec

	rollupRanges     *prometheus.CounterVec
	rollupRows       *prometheus.CounterVec
	rollupDeferred   prometheus.Gauge
	rollupSeconds    prometheus.Histogram
	rollupMismatches prometheus.Counter

	audits        *prometheus.CounterVec
	auditFindings *prometheus.GaugeVec
	auditLost     prometheus.Gauge
	auditDead     prometheus.Gauge
	auditFinished prometheus.Gauge
	auditSeconds  prometheus.Histogram

	collect *collectMetrics
}

// newMetrics makes the metrics of a process that works for a namespace.
func newMetrics(namespace string) *metrics {
	partition := []string{"topic", "partition"}
	m := &metrics{
		registry:      prometheus.NewRegistry(),
		position:      gauge("ingest_position_offset", "Offset up to which a partition is accounted for.", partition),
		highWatermark: gauge("ingest_high_watermark_offset", "End offset of a partition as last fetched.", partition),
		lag:           gauge("ingest_lag_records", "Offsets of a partition that are not accounted for yet.", partition),
		freshness:     gauge("ingest_freshness_seconds", "Time from the oldest record of the last block entering the log to the block being queryable.", []string{"topic"}),
		eventLag:      gauge("ingest_event_lag_seconds", "Age of the newest event of the last block when the block became queryable. It is large while history is replayed.", []string{"topic"}),
		records:       counter("ingest_records_total", "Offsets accounted for, by disposition.", []string{"topic", "disposition"}),
		blocks:        counter("ingest_blocks_total", "Blocks accounted for.", []string{"topic"}),
		blockRows: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "tidemark", Name: "ingest_block_rows",
			Help: "Rows stored per block.", Buckets: prometheus.ExponentialBuckets(1, 8, 7)}, []string{"topic"}),
		bytes:   counter("ingest_value_bytes_total", "Bytes of record values accounted for.", []string{"topic"}),
		resends: counter("ingest_resends_total", "Steps of a block repeated after an error.", []string{"topic"}),
		insertSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "tidemark", Name: "ingest_insert_seconds",
			Help: "Time to insert a block, retries included.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 14)}, []string{"topic"}),
		alarms:       counter("ingest_alarms_total", "Times that a worker stopped because its position is beyond the end of the log.", []string{"topic"}),
		rollupRanges: counter("rollup_ranges_published_total", "Ranges of buckets recomputed and published.", []string{"rollup"}),
		rollupRows:   counter("rollup_rows_total", "Raw rows aggregated into rollups.", []string{"rollup"}),
		rollupDeferred: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tidemark", Name: "rollup_deferred_ranges",
			Help: "Ranges of changed buckets that wait to be recomputed."}),
		rollupSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tidemark", Name: "rollup_step_seconds",
			Help: "Time of one step of the rollup worker.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 14)}),
		rollupMismatches: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tidemark", Name: "rollup_mismatches_total",
			Help: "Minutes not published because raw rows do not match the ledger."}),

		audits:        counter("audits_total", "Audits that ended, by outcome: ok, difference, or failed if the audit could not be made.", []string{"outcome"}),
		auditFindings: gauge("audit_findings", "Checks of the last complete audit, by verdict.", []string{"verdict"}),
		auditLost: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tidemark", Name: "audit_lost_records",
			Help: "Records that retention deleted before they were read, according to the last audit."}),
		auditDead: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tidemark", Name: "audit_dead_letters",
			Help: "Records in the dead-letter topic, according to the last audit."}),
		auditFinished: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tidemark", Name: "audit_last_finished_timestamp_seconds",
			Help: "Unix time when the last complete audit ended; 0 if there was none."}),
		auditSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tidemark", Name: "audit_duration_seconds",
			Help: "Time of one audit.", Buckets: prometheus.ExponentialBuckets(0.25, 4, 9)}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.position, m.highWatermark, m.lag, m.freshness, m.eventLag, m.records, m.blocks, m.blockRows, m.bytes, m.resends,
		m.insertSeconds, m.alarms, m.rollupRanges, m.rollupRows,
		m.rollupDeferred, m.rollupSeconds, m.rollupMismatches,
		m.audits, m.auditFindings, m.auditLost, m.auditDead, m.auditFinished, m.auditSeconds)
	m.collect = newCollectMetrics(m.registry)
	b := buildOf(debug.ReadBuildInfo())
	m.info("build_info", "Version, commit and Go version of the program; always 1.", prometheus.Labels{"version": b.version, "commit": b.commit, "goversion": b.goVersion})
	m.info("info", "The namespace that the process works for; always 1.", prometheus.Labels{"namespace": namespace})
	return m
}

// info registers a metric whose labels describe the process.
func (m *metrics) info(name, help string, labels prometheus.Labels) {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tidemark", Name: name, Help: help, ConstLabels: labels})
	g.Set(1)
	m.registry.MustRegister(g)
}

func gauge(name, help string, labels []string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tidemark", Name: name, Help: help}, labels)
}

func counter(name, help string, labels []string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tidemark", Name: name, Help: help}, labels)
}

// ingester returns the hooks through which an ingester counts.
func (m *metrics) ingester() app.IngesterHooks {
	return app.IngesterHooks{
		Block:    m.block,
		Position: m.at,
		Resend:   func(topic string) { m.resends.WithLabelValues(topic).Inc() },
		Alarm:    func(topic string) { m.alarms.WithLabelValues(topic).Inc() },
	}
}

// rollup returns the hooks through which a roller counts.
func (m *metrics) rollup() rollup.Hooks {
	return rollup.Hooks{
		Step: func(p rollup.Progress) {
			m.rollupSeconds.Observe(p.Took.Seconds())
			m.rollupDeferred.Set(float64(p.Deferred))
		},
		Range: func(p rollup.Published) {
			m.rollupRanges.WithLabelValues(p.Table).Inc()
			m.rollupRows.WithLabelValues(p.Table).Add(float64(p.Rows))
		},
		Mismatch: func(rollup.Mismatch) { m.rollupMismatches.Inc() },
	}
}

// block counts one accounted block.
func (m *metrics) block(row ledger.Row) {
	m.blocks.WithLabelValues(row.Topic).Inc()
	m.blockRows.WithLabelValues(row.Topic).Observe(float64(row.Stored))
	m.bytes.WithLabelValues(row.Topic).Add(float64(row.Bytes))
	m.insertSeconds.WithLabelValues(row.Topic).Observe(row.InsertTime.Seconds())
	if !row.OldestProduced.IsZero() {
		m.freshness.WithLabelValues(row.Topic).Set(row.ProduceLag.Seconds())
	}
	if row.Stored > 0 {
		m.eventLag.WithLabelValues(row.Topic).Set(row.EventLag.Seconds())
	}
	for disposition, n := range map[ledger.Disposition]uint64{
		ledger.Stored: row.Stored, ledger.Duplicate: row.Duplicates, ledger.Conflict: row.Conflicts,
		ledger.Dead: row.Dead, ledger.Control: row.Control, ledger.Gap: row.Gap,
	} {
		if n > 0 {
			m.records.WithLabelValues(row.Topic, disposition.String()).Add(float64(n))
		}
	}
}

// at records the position and the end of a partition.
func (m *metrics) at(topic string, partition int32, position, highWatermark int64) {
	p := strconv.Itoa(int(partition))
	m.position.WithLabelValues(topic, p).Set(float64(position))
	m.highWatermark.WithLabelValues(topic, p).Set(float64(highWatermark))
	m.lag.WithLabelValues(topic, p).Set(float64(max(highWatermark-position, 0)))
}

// audited counts an audit: with its result, or with the error for which it could not be made.
func (m *metrics) audited(result audit.Result, err error, took time.Duration) {
	m.auditSeconds.Observe(took.Seconds())
	switch {
	case err != nil:
		m.audits.WithLabelValues("failed").Inc()
		return
	case result.OK:
		m.audits.WithLabelValues("ok").Inc()
	default:
		m.audits.WithLabelValues("difference").Inc()
	}
	verdicts := map[audit.Verdict]int{audit.OK: 0, audit.Pending: 0, audit.Difference: 0, audit.Error: 0}
	for _, f := range result.Findings {
		verdicts[f.Verdict]++
	}
	for verdict, n := range verdicts {
		m.auditFindings.WithLabelValues(string(verdict)).Set(float64(n))
	}
	m.auditLost.Set(float64(result.Lost))
	m.auditDead.Set(float64(result.Dead))
	m.auditFinished.SetToCurrentTime()
}
