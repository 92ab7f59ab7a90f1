package stream

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of one pipeline. All carry the label namespace.
type metrics struct {
	published     prometheus.Counter
	deduplicated  prometheus.Counter
	erased        prometheus.Counter
	publishErrors prometheus.Counter
	events        *prometheus.CounterVec   // partition, result
	batchMessages *prometheus.HistogramVec // stage
	commitSeconds *prometheus.HistogramVec // stage
	fenced        *prometheus.CounterVec   // stage
	lag           *prometheus.GaugeVec     // partition
	unsunkAge     *prometheus.GaugeVec     // table
	unsunk        *prometheus.GaugeVec     // table
	sinkRetries   *prometheus.CounterVec   // table
	spills        prometheus.Counter
	knownIDs      prometheus.Counter
	gaps          prometheus.Gauge
}

// newMetrics registers the counters with r, unless that is nil. Where an earlier pipeline has registered them already, they are its.
func newMetrics(r prometheus.Registerer, namespace string) (*metrics, error) {
	labels := prometheus.Labels{"namespace": namespace}
	var failed error
	counter := func(name, help string, by ...string) *prometheus.CounterVec {
		return register(r, &failed, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, by))
	}
	gauge := func(name, help string, by ...string) *prometheus.GaugeVec {
		return register(r, &failed, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, by))
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		o := prometheus.HistogramOpts{Name: name, Help: help, ConstLabels: labels, Buckets: buckets}
		return register(r, &failed, prometheus.NewHistogramVec(o, []string{"stage"}))
	}
	m := &metrics{
		published:    counter("deskstream_events_published_total", "Events stored by this process.").WithLabelValues(),
		deduplicated: counter("deskstream_events_deduplicated_total", "Published events that were stored already.").WithLabelValues(),
		erased: counter("deskstream_events_erased_total",
			"Events about erased people that were not stored, or without what was personal.").WithLabelValues(),
		publishErrors: counter("deskstream_publish_errors_total", "Publishes that failed.").WithLabelValues(),
		events:        counter("deskstream_events_processed_total", "Events processed, by result: applied, duplicate, ignored or dead.", "partition", "result"),
		batchMessages: histogram("deskstream_batch_messages", "Messages per commit.", []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}),
		commitSeconds: histogram("deskstream_commit_seconds", "Seconds per commit.", prometheus.ExponentialBuckets(0.0005, 2, 14)),
		fenced:        counter("deskstream_fenced_total", "Commits refused because another writer was faster.", "stage"),
		lag:           gauge("deskstream_lag_events", "Raw events that are not processed.", "partition"),
		unsunkAge:     gauge("deskstream_unsunk_age_seconds", "Age of the oldest output that is not in its table.", "table"),
		unsunk:        gauge("deskstream_unsunk_messages", "Output messages that are not in their table.", "table"),
		sinkRetries:   counter("deskstream_sink_retries_total", "Failed writes to tables.", "table"),
		knownIDs:      counter("deskstream_known_ids_total", "Commits that were repeated because the server knew an id in them.").WithLabelValues(),
		spills:        counter("deskstream_spills_total", "Events whose result took more than one commit.").WithLabelValues(),
		gaps:          gauge("deskstream_stream_gap_messages", "Messages missing from the streams that were not purged.").WithLabelValues(),
	}
	if failed != nil {
		return nil, fmt.Errorf("stream metrics: %w", failed)
	}
	return m, nil
}

// register registers c, or gives the collector of the same name that is registered already, so that a pipeline can be opened again.
func register[C prometheus.Collector](r prometheus.Registerer, failed *error, c C) C {
	if r == nil {
		return c
	}
	err := r.Register(c)
	if known, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if old, ok := known.ExistingCollector.(C); ok {
			return old
		}
	}
	*failed = errors.Join(*failed, err)
	return c
}

func (m *metrics) processed(p int, events, duplicates, ignored, dead int) {
	part := strconv.Itoa(p)
	m.events.WithLabelValues(part, "applied").Add(float64(max(0, events-duplicates-ignored-dead)))
	m.events.WithLabelValues(part, "duplicate").Add(float64(duplicates))
	m.events.WithLabelValues(part, "ignored").Add(float64(ignored))
	m.events.WithLabelValues(part, "dead").Add(float64(dead))
}
